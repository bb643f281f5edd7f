import { sql, type Kysely } from 'kysely';
import { sha256Hex } from '../../../shared/sha256.ts';
import { ACCESS_TABLES } from './access.ts';
import { ALERT_TABLES } from './alerts.ts';
import { BAR_TABLES } from './bars.ts';
import { FEATURE_TABLES } from './features.ts';
import { JOB_TABLES } from './jobs.ts';
import { MODEL_REGISTRY_VIEW } from './model_registry_view.ts';
import { MODEL_TABLES, type ModelRegistryView } from './models.ts';
import { NEWS_TABLES } from './news.ts';
import { POLICY_TABLES } from './policy.ts';
import { SIGNAL_TABLES } from './signals.ts';
import { createStatements, type RowOf, type StoreKind } from './table.ts';
import { TRADE_TABLES } from './trades.ts';
import { VERSION_TABLES } from './versions.ts';

const TABLES = [
  ...BAR_TABLES,
  ...FEATURE_TABLES,
  ...MODEL_TABLES,
  ...JOB_TABLES,
  ...SIGNAL_TABLES,
  ...TRADE_TABLES,
  ...ALERT_TABLES,
  ...ACCESS_TABLES,
  ...POLICY_TABLES,
  ...NEWS_TABLES,
  ...VERSION_TABLES,
] as const;

type Rows = { [Own in (typeof TABLES)[number] as Own['name']]: RowOf<Own> };

/**
 * Every table by the name it has in a query: `schema.table`. On SQLite, which has no schemas, it is called
 * `schema_table`.
 */
export interface Tables extends Rows {
  model_registry: ModelRegistryView;
}

const KINDS = ['sqlite', 'postgres'] as const;
const SCHEMAS = ['core', 'audit'];

function tableStatements(kind: StoreKind): string[] {
  return TABLES.flatMap((own) => createStatements(own, kind));
}

/**
 * Creates everything that a store has. On PostgreSQL the view of the models is created in the first schema of the
 * search path, if the role has the privilege.
 */
export async function createSchema(db: Kysely<Tables>, kind: StoreKind): Promise<void> {
  const run = async (statement: string): Promise<void> => void (await sql.raw(statement).execute(db));
  if (kind === 'postgres') for (const schema of SCHEMAS) await run(`create schema if not exists ${schema}`);
  for (const statement of tableStatements(kind)) await run(statement);
  if (kind === 'postgres' && !(await mayCreate(db))) return;
  for (const statement of MODEL_REGISTRY_VIEW[kind]) await run(statement);
}

async function mayCreate(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ may: boolean | null }>`
    SELECT has_schema_privilege(current_schema(), 'CREATE') AS may`.execute(db);
  return rows[0]?.may === true;
}

/** Of everything that `createSchema` creates, on both kinds: another schema has another one. */
export const SCHEMA_FINGERPRINT = sha256Hex(
  JSON.stringify(KINDS.map((kind) => [tableStatements(kind), MODEL_REGISTRY_VIEW[kind]])),
);
