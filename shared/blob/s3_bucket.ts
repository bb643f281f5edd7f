import { setTimeout as sleep } from 'node:timers/promises';
import type { MinutehandError } from '../errors.ts';
import { AnswerTooLarge, ask, ServerRests, type Answer } from '../outgoing.ts';
import { awsCredentials, type AwsCredentials } from './aws_credentials.ts';
import type { S3Address } from './s3_address.ts';
import { signedHeaders, type S3Request } from './s3_request.ts';
import { elementsOf, textOfTag } from './xml_tags.ts';

/** Failure without usable credentials. */
const NO_CREDENTIALS = 'NoCredentials';
/** Names of failures that trying again does not mend: credentials, rights, or the bucket itself. */
export const S3_REFUSALS: readonly string[] = [
  'NoSuchBucket',
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  NO_CREDENTIALS,
];

/** What a server has answered, or why none did. */
export interface S3Failure {
  readonly name: string;
  /** Of the answer; 0 without one. */
  readonly status: number;
  /** Bucket, key, and all that the server said. */
  readonly text: string;
  readonly cause: unknown;
}

export interface S3Options {
  readonly address: S3Address;
  /** Credentials, from any source of `awsCredentials`. */
  readonly env: NodeJS.ProcessEnv;
  /** The error of a failed call, in the words of its user. */
  errorOf(failure: S3Failure): MinutehandError;
}

export interface PutOptions {
  readonly contentType?: string;
  /** An object of that name stays; servers that do not know the condition replace it. */
  readonly isKept?: boolean;
}

/** Objects below the prefix of an address. Names have slashes. */
export interface S3Bucket {
  /** null when there is no such object. More than `maxBytes` is the failure `EntityTooLarge`. */
  get(name: string, maxBytes?: number): Promise<Buffer | null>;
  /** Bytes of an object; null when there is none. */
  sizeOf(name: string): Promise<number | null>;
  put(name: string, bytes: Uint8Array, options?: PutOptions): Promise<void>;
  remove(name: string): Promise<void>;
  /** Objects whose name begins with `folder/`, without it. */
  list(folder: string): Promise<{ readonly name: string; readonly bytes: number }[]>;
}

/** Maximum time of a call, including further attempts. */
const TIMEOUT_MS = 300_000;
/** After no answer, and after those that ask for patience, such as 503 SlowDown. */
const ATTEMPTS = 5;
/** Before the second attempt, and twice as long before each one after it. */
const PAUSE_MS = 100;
const BUSY_PAUSE_MS = 400;
const NOT_FOUND = 404;
const CONDITION_FAILED = 412;
const BUSY_STATUSES = [429, 500, 502, 503, 504];
const BUSY_NAMES = ['RequestTimeout', 'ConditionalRequestConflict'];
/** The source may have new credentials. */
const STALE_NAMES = ['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired'];
/** The difference to the clock of the server is known then. */
const SKEWED_NAME = 'RequestTimeTooSkewed';
/** Credentials that expire are replaced this much earlier. */
const RENEWED_BEFORE_MS = 300_000;
/** Of an answer that has nothing to say. */
const MAX_EMPTY_BYTES = 64 << 10;
/** Of a page of 1,000 names, each of up to 1,024 bytes. */
const MAX_LIST_BYTES = 16 << 20;
/** Name of the failure of an object that has more bytes than its reader takes. */
export const TOO_LARGE = 'EntityTooLarge';

/** An answer that is no success. */
class S3Refusal extends Error {
  readonly status: number;
  /** The wait that the server asks for; 0 without one. */
  readonly waitMs: number;
  constructor(name: string, status: number, message: string, waitMs = 0) {
    super(message);
    this.name = name;
    this.status = status;
    this.waitMs = waitMs;
  }
}

/** Opens a bucket of S3, Wasabi, B2 or another S3-compatible server. Nothing is asked before the first call. */
export function openS3Bucket({ address, env, errorOf }: S3Options): S3Bucket {
  const { bucket, prefix, region } = address;
  const root = rootOf(address);
  const keyOf = (name: string): string => [...prefix, name].join('/');
  const urlOf = (key: string): string => `${root}/${key.split('/').map(encoded).join('/')}`;

  let known: Promise<AwsCredentials> | null = null;
  async function credentials(): Promise<AwsCredentials> {
    try {
      if (known !== null && isExpiring(await known)) known = null;
      known ??= awsCredentials(env, region);
      return await known;
    } catch (error) {
      known = null;
      throw Object.assign(new S3Refusal(NO_CREDENTIALS, 0, (error as Error).message), { cause: error });
    }
  }

  /** Server's clock minus this machine's, once a server has refused a time. */
  let skewMs = 0;
  async function attempt(request: S3Request, maxBytes: number, withinMs: number): Promise<Answer> {
    const { method, url } = request;
    // No body is shared memory, which types of browsers exclude.
    const body = (request.body ?? null) as Uint8Array<ArrayBuffer> | null;
    const headers = await signedHeaders(request, await credentials(), region, new Date(Date.now() + skewMs));
    // Not part of the signature, since proxies change it: an object is wanted as it is.
    headers.set('Accept-Encoding', 'identity');
    // A bucket that asks for patience means all of its objects.
    const response = await ask(url, { method, headers, body, redirect: 'manual', withinMs, maxBytes, place: root });
    if (response.ok) return response;
    const text = response.body.toString('utf8');
    // An answer to HEAD has no body that could name the code.
    const name = textOfTag(text, 'Code') ?? (response.status === NOT_FOUND ? 'NotFound' : 'Error');
    const serverMs = Date.parse(response.headers.get('date') ?? '');
    if (name === SKEWED_NAME && Number.isFinite(serverMs)) skewMs = serverMs - Date.now();
    if (STALE_NAMES.includes(name)) known = null;
    const waitMs = BUSY_STATUSES.includes(response.status) ? (response.retryAfterMs ?? 0) : 0;
    throw new S3Refusal(name, response.status, textOfTag(text, 'Message') ?? response.statusText, waitMs);
  }

  /** @returns null when there is no such object, or one already where none may be */
  async function call(key: string, request: S3Request, maxBytes = MAX_EMPTY_BYTES): Promise<Answer | null> {
    const untilMs = Date.now() + TIMEOUT_MS;
    for (let made = 1; ; made++) {
      try {
        return await attempt(request, maxBytes, untilMs - Date.now());
      } catch (caught) {
        const error = refusalOf(caught);
        const { name, status, waitMs } =
          error instanceof S3Refusal ? error : { name: (error as Error).name, status: 0, waitMs: 0 };
        if (name === 'NoSuchKey' || (name === 'NotFound' && status === NOT_FOUND)) return null;
        if (status === CONDITION_FAILED) return null;
        const pauseMs = (status === 0 ? PAUSE_MS : BUSY_PAUSE_MS) * 2 ** (made - 1);
        const isLate = Date.now() + waitMs + pauseMs >= untilMs;
        if (made === ATTEMPTS || isLate || !isPassing(error)) throw failureOf(key, error, status);
        // Machines that were refused together come back one by one.
        await sleep(waitMs + pauseMs * (0.5 + Math.random() / 2));
      }
    }
  }

  function failureOf(key: string, error: unknown, status: number): MinutehandError {
    const { name, message, cause } = error as Error;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const words = [name, code, status === 0 ? '' : String(status), message].filter((word) => word !== '');
    return errorOf({ name, status, text: `${bucket}/${key}: ${words.join(', ')}`, cause: error });
  }

  return {
    async get(name, maxBytes = Infinity) {
      const key = keyOf(name);
      return (await call(key, { method: 'GET', url: urlOf(key) }, maxBytes))?.body ?? null;
    },
    async sizeOf(name) {
      const key = keyOf(name);
      const answer = await call(key, { method: 'HEAD', url: urlOf(key) });
      return answer === null ? null : Number(answer.headers.get('content-length') ?? 0);
    },
    async put(name, body, { contentType, isKept = false } = {}) {
      const key = keyOf(name);
      const headers = {
        ...(contentType !== undefined && { 'Content-Type': contentType }),
        ...(isKept && { 'If-None-Match': '*' }),
      };
      await call(key, { method: 'PUT', url: urlOf(key), headers, body });
    },
    async remove(name) {
      const key = keyOf(name);
      await call(key, { method: 'DELETE', url: urlOf(key) });
    },
    async list(folder) {
      const start = `${keyOf(folder)}/`;
      const found: { name: string; bytes: number }[] = [];
      let token: string | null = null;
      do {
        const query = new URLSearchParams({
          'list-type': '2',
          prefix: start,
          ...(token && { 'continuation-token': token }),
        });
        const page = await call(start, { method: 'GET', url: `${root}/?${query.toString()}` }, MAX_LIST_BYTES);
        const xml = page?.body.toString('utf8') ?? '';
        for (const entry of elementsOf(xml, 'Contents'))
          found.push({ name: textOfTag(entry, 'Key')!.slice(start.length), bytes: Number(textOfTag(entry, 'Size')) });
        token = textOfTag(xml, 'NextContinuationToken');
      } while (token !== null);
      return found;
    },
  };
}

/** Address of the bucket: that of Amazon, or in a folder of another server. */
function rootOf({ bucket, region, endpoint }: S3Address): string {
  if (endpoint !== null) return `${endpoint.replace(/\/$/, '')}/${bucket}`;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  // A certificate for *.s3.… is for names without dots.
  return bucket.includes('.') ? `https://s3.${region}.${domain}/${bucket}` : `https://${bucket}.s3.${region}.${domain}`;
}

/** A word of a key, as signatures have it. */
function encoded(word: string): string {
  return encodeURIComponent(word).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const isExpiring = ({ expiresMs = Infinity }: AwsCredentials): boolean => Date.now() > expiresMs - RENEWED_BEFORE_MS;

/** What the client of all requests refuses itself, as a refusal of the server. */
function refusalOf(error: unknown): unknown {
  if (error instanceof AnswerTooLarge) return new S3Refusal(TOO_LARGE, 200, error.message);
  if (!(error instanceof ServerRests)) return error;
  return new S3Refusal('SlowDown', 503, error.message, Math.max(0, error.untilMs - Date.now()));
}

/** Whether another attempt may succeed. */
function isPassing(error: unknown): boolean {
  // `fetch` without an answer, or with half of one.
  if (!(error instanceof S3Refusal)) return error instanceof TypeError && error.cause !== undefined;
  const { name, status } = error;
  return (
    BUSY_STATUSES.includes(status) || BUSY_NAMES.includes(name) || STALE_NAMES.includes(name) || name === SKEWED_NAME
  );
}
