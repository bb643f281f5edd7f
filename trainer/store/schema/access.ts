import { BIGINT, NUMBERED, TEXT, optional, table, textOf, type RowOf } from './table.ts';

export type Role = 'viewer' | 'operator' | 'approver';

/** Bearer tokens of the API. Times are epoch ms. */
const API_TOKENS = table(
  'core.api_tokens',
  { key: ['token_id'] },
  {
    token_id: TEXT,
    /** Name of the person or program that uses it. */
    name: TEXT,
    role: textOf<Role>(),
    salt: TEXT,
    /** scrypt of the secret. */
    hash: TEXT,
    created_ms: BIGINT,
    expires_ms: BIGINT,
    revoked_ms: optional(BIGINT),
  },
);

/** One-time login links. */
const API_LOGINS = table(
  'core.api_logins',
  { key: ['code_hash'] },
  {
    /** sha256 of the code. */
    code_hash: TEXT,
    name: TEXT,
    role: textOf<Role>(),
    created_ms: BIGINT,
    expires_ms: BIGINT,
    used_ms: optional(BIGINT),
  },
);

/** Sessions of browsers. */
const API_SESSIONS = table(
  'core.api_sessions',
  { key: ['session_hash'] },
  {
    /** sha256 of the cookie. */
    session_hash: TEXT,
    name: TEXT,
    role: textOf<Role>(),
    /** The token with which it was opened, revoked together; null after a login by link. */
    token_id: optional(TEXT),
    created_ms: BIGINT,
    expires_ms: BIGINT,
    ended_ms: optional(BIGINT),
  },
);

/** Every write by the API or a command, each row chained to the previous one by its hash. Never updated or deleted. */
const API_WRITES = table(
  'audit.api_writes',
  { unique: { columns: ['previous_hash'] } },
  {
    entry_id: NUMBERED,
    /** ISO 8601 in UTC. */
    at: TEXT,
    actor: TEXT,
    role: TEXT,
    /**
     * `session`, `token`, `cli`, `loopback` (a request without credentials) or `trainer` (a command that it started).
     */
    via: TEXT,
    /** Method and route, e.g. `POST /api/ml/models/{model_name}/load`, or a command. */
    action: TEXT,
    target: TEXT,
    /** JSON; null without an earlier, or later, value. */
    before: optional(TEXT),
    after: optional(TEXT),
    /** `done`, or the error code of a refusal. */
    outcome: TEXT,
    previous_hash: TEXT,
    /** sha256 of all other columns but entry_id. */
    hash: TEXT,
  },
);
export type ApiWritesTable = RowOf<typeof API_WRITES>;

export const ACCESS_TABLES = [API_TOKENS, API_LOGINS, API_SESSIONS, API_WRITES] as const;
