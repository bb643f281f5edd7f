const IN_URL = 'In a URL, # is written %23, % is %25, ? is %3F, @ is %40, / is %2F and : is %3A.';
const CERTIFICATE =
  'Name the authority of the server’s certificate by sslrootcert=<file> in MINUTEHAND_DATABASE_URL; sslmode=no-verify trusts any server.';
const ENCODING =
  "Its encoding must be UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name it in MINUTEHAND_DATABASE_URL.";

/** The address that the next steps name. */
const STORE_SETTING = 'MINUTEHAND_DATABASE_URL';

type Causes = readonly (readonly [prefix: string, next: string | null])[];

/**
 * Next steps by the beginning of an SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html). The
 * first that fits counts; null: that of STORE_UNUSABLE.
 */
const SERVER_CAUSES: Causes = [
  ['22021', ENCODING],
  ['22P05', ENCODING],
  ['25006', 'This server is a read-only standby: use the address of its primary.'],
  ['28', `Check the user and the password in MINUTEHAND_DATABASE_URL, and pg_hba.conf of the server. ${IN_URL}`],
  ['3D000', 'Create the database (createdb), or correct its name in MINUTEHAND_DATABASE_URL.'],
  ['42501', 'Let the user make schemas: GRANT CREATE ON DATABASE … TO …; what others have made needs GRANT ALL on it.'],
  ['53100', 'The disk of the database server is full: free space there.'],
  ['53300', 'The server takes no more connections: end others, or raise max_connections.'],
  ['53', null],
  ['57014', 'The server ends statements after its statement_timeout: ALTER ROLE … SET statement_timeout = 0.'],
  // The server shuts down, or does not take connections yet.
  ['57P', null],
];
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** The same by codes of Node, which other connections have as well. */
const CONNECTION_CAUSES: Causes = [
  [
    'ERR_INVALID_URL',
    `MINUTEHAND_DATABASE_URL is no URL such as postgres://user:password@host:5432/database. ${IN_URL}`,
  ],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'The server’s certificate is for another name: write that one as the host in MINUTEHAND_DATABASE_URL; sslmode=no-verify trusts any server.',
  ],
  ['CERT_HAS_EXPIRED', 'The server’s certificate has expired: renew it there; sslmode=no-verify trusts any server.'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', CERTIFICATE],
  ['SELF_SIGNED_CERT_IN_CHAIN', CERTIFICATE],
  ['UNABLE_TO_GET_ISSUER_CERT', CERTIFICATE],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', CERTIFICATE],
];

const nextIn = (causes: Causes, code: string): string | null | undefined =>
  causes.find(([prefix]) => code.startsWith(prefix))?.[1];

/** @returns undefined for a code that no PostgreSQL server gives for these causes; null: the step of STORE_UNUSABLE */
export function serverNext(code: unknown): string | null | undefined {
  return typeof code === 'string' && SQLSTATE.test(code) ? nextIn(SERVER_CAUSES, code) : undefined;
}

/**
 * The same of a database that is being opened, whose connection can fail as well.
 * @param setting that holds its address
 */
export function postgresNext(code: unknown, setting = STORE_SETTING): string | null | undefined {
  const own = serverNext(code);
  const next = own === undefined && typeof code === 'string' ? nextIn(CONNECTION_CAUSES, code) : own;
  return next?.replaceAll(STORE_SETTING, setting) ?? next;
}

/** @returns what is wrong with a database whose texts are not Unicode; null: nothing */
export function encodingProblem(encoding: string): { readonly seen: string; readonly next: string } | null {
  return encoding === 'UTF8' ? null : { seen: `the database’s encoding is ${encoding}`, next: ENCODING };
}

/** @returns what is wrong with a URL that a client would read otherwise than it was meant */
export function urlProblem(url: string): { readonly seen: string; readonly next: string } | null {
  return url.includes('#') ? { seen: 'an address with #', next: IN_URL } : null;
}
