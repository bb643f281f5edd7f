import type { CreateTableBuilder, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

type Keyed = (table: CreateTableBuilder<string, never>, key: string) => CreateTableBuilder<string, string>;

/** @param withNumberedKey adds an ascending key */
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

/** The Git state of a change, and its effects. */
export async function addChangeColumns(db: Kysely<Tables>): Promise<void> {
  const add = async (name: string, type: 'text' | 'bigint'): Promise<void> =>
    db.schema.alterTable('core.change_requests').addColumn(name, type).execute();
  for (const name of ['branch', 'base_commit', 'commit_id', 'merge_commit', 'pull_request_url', 'failure', 'evidence'])
    await add(name, 'text');
  for (const name of ['applied_ms', 'pull_request_number', 'pull_request_open']) await add(name, 'bigint');
  for (const name of ['approved_by', 'commit_id'])
    await db.schema.alterTable('audit.config_changes').addColumn(name, 'text').execute();
}
