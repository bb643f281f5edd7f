import { CHANNEL_VARIABLES } from './notification_channels.ts';

/**
 * Every place in which a setting, an address or a message of another program can hold a secret: name and password of
 * an address, with or without a scheme; values of `?password=` and the like; bearer tokens; tokens by their form;
 * webhooks, whose path is the secret; and the values of secret environment variables, wherever they stand. What is
 * shown, logged, stored beside the configuration or sent passes through here. All searches are linear in the length of
 * the text.
 */

/** What stands for a secret. */
export const MASK = '***';

/** Environment variables whose whole value is secret. */
export const SECRET_VARIABLES: readonly string[] = [
  ...CHANNEL_VARIABLES.filter(({ secret }) => secret === 'value').map(({ variable }) => variable),
  'MINUTEHAND_MODELS_WEBHOOK_URL',
  'MINUTEHAND_HEARTBEAT_URL',
  'MINUTEHAND_POLICY_TOKEN',
  'MINUTEHAND_TOKEN',
  'MINUTEHAND_TRAINER_TOKEN',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
];
/** Environment variables whose address holds a password. */
export const ADDRESS_VARIABLES: readonly string[] = [
  'MINUTEHAND_REDIS_URL',
  'MINUTEHAND_LEASE_URL',
  'MINUTEHAND_DATABASE_URL',
  'MINUTEHAND_FEATURES_URL',
  ...CHANNEL_VARIABLES.filter(({ secret }) => secret === 'password').map(({ variable }) => variable),
  'MINUTEHAND_POLICY_REPOSITORY',
  'MINUTEHAND_POLICY_API',
];

/** Environment variables that name files of private keys. */
const KEY_FILES: readonly string[] = ['MINUTEHAND_SIGNING_KEY', 'MINUTEHAND_SFTP_KEY'];
const OWN_VARIABLES = /^(?:MINUTEHAND|RETRAIN|AWS|SMTP|PG)_?/i;
/** `PWD` and `TOKENIZERS_PARALLELISM` are no secrets. */
const SECRET_BY_NAME =
  /(?:^|_)(?:SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|TOKENS?)(?:_|$)|_(?:PASS|PWD|PAT|KEYS?|AUTH)$/i;
/** By which programs that fetch something reach and log in to its source. */
export const NETWORK_SETTINGS =
  /^(?:(?:https?|all|no)_proxy|(?:pip|npm_config|uv|git|ssh|gcm)_.+|NODE_EXTRA_CA_CERTS)$/i;

/** Shorter values are words of ordinary texts. */
const MIN_KNOWN_LENGTH = 6;
const MAX_DEPTH = 100;

const SECRET_NAME =
  /pass|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|signature|^(?:auth|authorization)$/i;
/** Secret only in a query: elsewhere they are words of ordinary texts. */
const SECRET_IN_QUERY = /^(?:sig|key|code)$/i;
/** A name and its value in a query, a connection string of libpq or an assignment. The name's length is bounded. */
const ASSIGNMENT = /(^|[?&;\s,"'{(#])([\w.%[\]-]{1,64})=([^\s"'&#;,)}]+)/g;
/** A name and its value as people and YAML write them: `password: x`, `"token": "x"`. Lengths are bounded. */
const TOLD = /(?<![\w.-])([\w.-]{1,64})(["']? {0,3}: {0,3}["']?)([^\s"'`,;(){}<>]{6,})/g;
/** Names whose value is secret wherever it stands: in an object, or behind a colon. */
const WHOLE_SECRET_NAME =
  /(?:^|[_.-])(?:password|passwd|passphrase|pwd|secret|token|(?:api|access|private|secret)[_-]?key|credentials?|authorization)$/i;
const AUTHORIZATION = /\b(bearer|basic) +[\w.~+/=-]{8,}/gi;
const TOKENS =
  /\b(?:mh_[0-9a-z]{1,32}_[\w-]{20,}|gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})/g;
const WEBHOOKS =
  /\b(hooks\.slack\.com\/|discord(?:app)?\.com\/api\/webhooks\/|webhook\.office\.com\/|hc-ping\.com\/|api\.telegram\.org\/bot)[^\s"'?#]+/gi;
const PRIVATE_KEY = '-----BEGIN ';
const SCHEME = /^[a-z][a-z\d+.-]{0,40}:\/\//i;
/** What ends an address in a text. */
const WORD_END = /([\s"`<>]+)/;

/** Passwords of the configuration in use: a server may repeat one without its address. */
const known = new Set<string>();

/** First words of `word:…@…` that no user of an address has, such as those of alert keys. */
const plainWords = new Set<string>();
/** `XAUUSD_XAGUSD@5m`: a subject, where an address has a host. */
const PLAIN_WORD = /^["'(]?([a-z_]{1,64}):[\w.@:\\-]+["'.,;:)]{0,3}$/;
const SUBJECT_END = /@(?:1m|5m|15m|1h|4h|1d)[^\w@/]*$/;

/** Shows what these words begin, such as `daemon_mute:main@host`, which has the form of a password without a scheme. */
export function rememberPlainWords(words: readonly string[]): void {
  for (const word of words) plainWords.add(word);
}

/** Hides the passwords of these addresses from now on wherever they stand. @param value any JSON, such as settings */
export function rememberSecrets(value: unknown): void {
  for (const text of textsIn(value)) for (const secret of passwordsOf(text)) known.add(secret);
}

/** A text in which each secret is `***`. A text without any is returned as it is. */
export function maskSecrets(text: string): string {
  let masked = text;
  for (const secret of knownSecrets()) if (masked.includes(secret)) masked = masked.replaceAll(secret, MASK);
  if (masked.includes(PRIVATE_KEY)) masked = withoutKeyTexts(masked);
  if (masked.includes('@')) masked = withoutUserInfo(masked);
  if (masked.includes('='))
    masked = masked.replace(ASSIGNMENT, (all, before: string, name: string, value: string) =>
      isSecretName(name, before) && value !== MASK ? `${before}${name}=${MASK}` : all,
    );
  if (masked.includes(':'))
    masked = masked.replace(TOLD, (all, name: string, between: string, value: string) =>
      WHOLE_SECRET_NAME.test(name) && !isWord(value) ? `${name}${between}${MASK}` : all,
    );
  return masked.replace(AUTHORIZATION, `$1 ${MASK}`).replace(TOKENS, MASK).replace(WEBHOOKS, `$1${MASK}`);
}

/**
 * A copy of any JSON in which each secret of its texts is `***`. A text that is an address as a whole may have spaces
 * and quotes in its password.
 */
export function maskSecretsIn<Value>(value: Value, depth = 0): Value {
  if (typeof value === 'string') return maskWhole(value) as Value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return MASK as Value;
  if (Array.isArray(value)) return value.map((one: unknown) => maskSecretsIn(one, depth + 1)) as Value;
  // What JSON writes by itself, such as dates, stays.
  if ('toJSON' in value && typeof value.toJSON === 'function') return maskSecretsIn(value.toJSON() as Value, depth + 1);
  const entries = Object.entries(value).map(([name, one]: [string, unknown]) => {
    const isSecret = typeof one === 'string' && one !== '' && WHOLE_SECRET_NAME.test(name);
    return [maskSecrets(name), isSecret ? MASK : maskSecretsIn(one, depth + 1)] as const;
  });
  return Object.fromEntries(entries) as Value;
}

/**
 * What a program of others gets: no variables of minutehand and its stores, none secret by name or form.
 * @param kept names that it gets all the same
 */
export function outsideEnvironment(env: NodeJS.ProcessEnv = process.env, kept?: RegExp): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name, value = '']) =>
        kept?.test(name) === true || !(OWN_VARIABLES.test(name) || SECRET_BY_NAME.test(name) || hasSecret(value)),
    ),
  );
}

/** What a process of minutehand gets that signs and delivers nothing, such as a daemon. */
export function withoutPrivateKeys(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !KEY_FILES.includes(name)));
}

/** What a process of minutehand gets that only computes: settings, and nothing by which it could log in anywhere. */
export function withoutSecretVariables(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const hidden = new Set([...KEY_FILES, ...SECRET_VARIABLES, ...ADDRESS_VARIABLES]);
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name, value = '']) => !(hidden.has(name) || SECRET_BY_NAME.test(name) || hasSecret(value)),
    ),
  );
}

/** Whether any text of a JSON value holds a secret. */
export function hasSecret(value: unknown): boolean {
  return JSON.stringify(maskSecretsIn(value)) !== JSON.stringify(value);
}

function maskWhole(text: string): string {
  const scheme = SCHEME.exec(text)?.[0];
  const at = text.lastIndexOf('@');
  if (scheme === undefined) return maskSecrets(text);
  // Where an address ends and a password begins is not known in one that is malformed.
  if (!URL.canParse(text)) return `${scheme}${MASK}`;
  if (at < 0) return maskSecrets(text);
  return maskSecrets(`${scheme}${MASK}${text.slice(at)}`);
}

/** Name and password before the last at sign of each word: after `://`, or where there is a colon before it. */
function withoutUserInfo(text: string): string {
  const words = text.split(WORD_END);
  return words.map((word) => (word.includes('@') ? withoutUserInfoOf(word) : word)).join('');
}

function withoutUserInfoOf(word: string): string {
  const at = word.lastIndexOf('@');
  const scheme = word.indexOf('://');
  if (scheme >= 0 && scheme < at) {
    // Several addresses may stand in one word, such as a list with commas.
    const parts = word.split('://');
    return parts
      .map((part, index) => {
        const last = part.lastIndexOf('@');
        return index === 0 || last < 0 ? part : `${MASK}${part.slice(last)}`;
      })
      .join('://');
  }
  const colon = word.indexOf(':');
  if (colon < 0 || colon > at) return word;
  const first = PLAIN_WORD.exec(word)?.[1];
  const isPlain = first !== undefined && plainWords.has(first);
  const isSubject = word.indexOf('@') === at && SUBJECT_END.test(word);
  return isPlain || isSubject ? word : `${MASK}${word.slice(at)}`;
}

function withoutKeyTexts(text: string): string {
  const parts = text.split(PRIVATE_KEY);
  return parts
    .map((part, index) => {
      if (index === 0 || !part.slice(0, 40).includes('PRIVATE KEY')) return index === 0 ? part : PRIVATE_KEY + part;
      const end = part.indexOf('-----END ');
      if (end >= 0) return `${MASK}${part.slice(end + '-----END '.length).replace(/^[A-Z ]{1,40}-----/, '')}`;
      const quote = part.indexOf('"');
      return `${MASK}${quote < 0 ? '' : part.slice(quote)}`;
    })
    .join('');
}

/** Behind a colon may stand a sentence, such as "token: expired": a secret has digits. */
function isWord(value: string): boolean {
  return !/\d/.test(value);
}

function isSecretName(name: string, before: string): boolean {
  const plain = name.includes('%') ? decoded(name) : name;
  return SECRET_NAME.test(plain) || (/[?&]/.test(before) && SECRET_IN_QUERY.test(plain));
}

/** Longest first, so that one that contains another is hidden as a whole. */
function knownSecrets(): string[] {
  const { env = {} }: { env?: Readonly<Record<string, string | undefined>> } = globalThis.process ?? {};
  const found = new Set(known);
  for (const name of SECRET_VARIABLES) {
    const value = env[name];
    if (value !== undefined) found.add(value);
  }
  for (const name of ADDRESS_VARIABLES) for (const secret of passwordsOf(env[name] ?? '')) found.add(secret);
  return [...found].filter(({ length }) => length >= MIN_KNOWN_LENGTH).sort((a, b) => b.length - a.length);
}

/** The password of an address and the secret values of its query, as written and decoded. */
function passwordsOf(text: string): string[] {
  if (!SCHEME.test(text)) return [];
  const found: string[] = [];
  const authority = text.slice(text.indexOf('://') + 3);
  const at = authority.lastIndexOf('@');
  if (at > 0) found.push(authority.slice(authority.indexOf(':') + 1, at));
  if (URL.canParse(text)) {
    const url = new URL(text);
    found.push(url.password);
    for (const [name, value] of url.searchParams) if (SECRET_NAME.test(name)) found.push(value);
  }
  return [...new Set(found.flatMap((one) => [one, decoded(one)]))].filter(({ length }) => length >= MIN_KNOWN_LENGTH);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function textsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return [];
  return Object.values(value).flatMap((one) => textsIn(one, depth + 1));
}
