import type { CreateTableBuilder, Generated, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

export type Role = 'viewer' | 'operator' | 'approver';

/** Bearer tokens of the API. Times are epoch ms. */
export interface ApiTokensTable {
  token_id: string;
  /** Of the person or program that uses it. */
  name: string;
  role: Role;
  salt: string;
  /** scrypt of the secret. */
  hash: string;
  created_ms: number;
  expires_ms: number;
  revoked_ms: number | null;
}

/** One-time login links. */
export interface ApiLoginsTable {
  /** sha256 of the code. */
  code_hash: string;
  name: string;
  role: Role;
  created_ms: number;
  expires_ms: number;
  used_ms: number | null;
}

/** Sessions of browsers. */
export interface ApiSessionsTable {
  /** sha256 of the cookie. */
  session_hash: string;
  name: string;
  role: Role;
  /** The token it was opened with: revoked together. null after a login by link. */
  token_id: string | null;
  created_ms: number;
  expires_ms: number;
  ended_ms: number | null;
}

/** Every write by the API, each row chained to the one before by its hash. Never updated or deleted. */
export interface ApiWritesTable {
  entry_id: Generated<number>;
  /** ISO 8601 in UTC. */
  at: string;
  actor: string;
  role: string;
  /** `session`, `token` or `cli`. */
  via: string;
  /** Method and route, e.g. `POST /api/ml/models/{model_name}/load`, or a command. */
  action: string;
  target: string;
  /** JSON; null where nothing was before, or is after. */
  before: string | null;
  after: string | null;
  /** `done`, or the error code of a refusal. */
  outcome: string;
  previous_hash: string;
  /** sha256 of all other columns but entry_id. */
  hash: string;
}

export type ChangeStatus = 'open' | 'approved' | 'rejected' | 'expired' | 'applied';

/** Proposed changes of the configuration. */
export interface ChangeRequestsTable {
  change_id: Generated<number>;
  /** JSON object: path of each value → proposed value. */
  changes: string;
  /** JSON object: the values when it was proposed. */
  before: string;
  reason: string;
  status: ChangeStatus;
  proposed_by: string;
  proposed_ms: number;
  expires_ms: number;
  decided_by: string | null;
  decided_ms: number | null;
  /** Policy hash of the configuration it was proposed against. */
  policy_hash: string;
}

export interface AccessTables {
  'core.api_tokens': ApiTokensTable;
  'core.api_logins': ApiLoginsTable;
  'core.api_sessions': ApiSessionsTable;
  'core.change_requests': ChangeRequestsTable;
  'audit.api_writes': ApiWritesTable;
}

type Keyed = (table: CreateTableBuilder<string, never>, key: string) => CreateTableBuilder<string, string>;

/** @param withNumberedKey adds a key that counts up */
export async function createAccessTables(db: Kysely<Tables>, withNumberedKey: Keyed): Promise<void> {
  const text = (table: CreateTableBuilder<string, string>, names: readonly string[]) =>
    names.reduce((made, name) => made.addColumn(name, 'text', (column) => column.notNull()), table);
  const times = (table: CreateTableBuilder<string, string>, names: readonly string[]) =>
    names.reduce((made, name) => made.addColumn(name, 'bigint'), table);
  const keyed = (name: string, key: string): CreateTableBuilder<string, string> =>
    db.schema.createTable(name).addColumn(key, 'text', (column) => column.primaryKey());
  const tokens = text(keyed('core.api_tokens', 'token_id'), ['name', 'role', 'salt', 'hash']);
  await times(tokens, ['created_ms', 'expires_ms', 'revoked_ms']).execute();
  const logins = text(keyed('core.api_logins', 'code_hash'), ['name', 'role']);
  await times(logins, ['created_ms', 'expires_ms', 'used_ms']).execute();
  const sessions = text(keyed('core.api_sessions', 'session_hash'), ['name', 'role']).addColumn('token_id', 'text');
  await times(sessions, ['created_ms', 'expires_ms', 'ended_ms']).execute();
  const changes = withNumberedKey(db.schema.createTable('core.change_requests'), 'change_id');
  await times(text(changes, ['changes', 'before', 'reason', 'status', 'proposed_by', 'policy_hash']), [
    'proposed_ms',
    'expires_ms',
    'decided_ms',
  ])
    .addColumn('decided_by', 'text')
    .execute();
  const writes = withNumberedKey(db.schema.createTable('audit.api_writes'), 'entry_id');
  await text(writes, ['at', 'actor', 'role', 'via', 'action', 'target', 'outcome', 'hash'])
    .addColumn('previous_hash', 'text', (column) => column.notNull().unique())
    .addColumn('before', 'text')
    .addColumn('after', 'text')
    .execute();
}
