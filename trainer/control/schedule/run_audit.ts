import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { createHash } from 'node:crypto';
import { sql, type CreateTableBuilder, type Kysely } from 'kysely';
import { MinutehandError } from '../../../shared/errors.ts';
import { runColumn, runColumnKind, type RunColumn, type RunColumnKind } from '../../../shared/policy/run_columns.ts';
import { RETRAIN_RUN_COLUMNS, type RetrainPolicy, type RetrainRunColumn } from '../../../shared/policy/schema.ts';
import { flatName } from '../../store/schema/table.ts';
import type { Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { RetrainRun } from './run.ts';

/** The table of runs named by retrain_policy.yaml, for external tools; nothing here reads it. */
export interface RunAudit {
  /** Writes or updates the row of a run. */
  write(run: RetrainRun): Promise<void>;
}

type Policy = Pick<RetrainPolicy, 'retrain_runs_table' | 'retrain_runs_columns'>;
type Cell = string | number | null;

/**
 * Creates the table or its missing columns; columns that are no longer listed stay.
 * @param logPath file with a line for each run
 */
export async function openRunAudit(store: Store, policy: Policy, logPath: string): Promise<RunAudit> {
  const table = policy.retrain_runs_table;
  const columns = policy.retrain_runs_columns.map(runColumn);
  await store.transaction((db) => prepareTable(db, store.kind, table, columns));
  const names = columns.map(({ name }) => name);
  return {
    write: (run) =>
      upsert(
        store.db,
        table,
        names,
        names.map((name) => CELLS[name](run, logPath)),
      ),
  };
}

/** Columns of a run's row. */
const CELLS: Readonly<Record<RetrainRunColumn, (run: RetrainRun, logPath: string) => Cell>> = {
  run_id: (run) => runUuid(run.run_id, run.started_at),
  started_at: (run) => run.started_at,
  ended_at: (run) => run.finished_at,
  status: statusOf,
  retry_count: (run) => run.attempt - 1,
  model_version: (run) => run.model_version,
  theta1: (run) => run.theta1,
  theta2: (run) => run.theta2,
  metrics: (run) => jsonOf(run.metrics),
  log_path: (_run, logPath) => logPath,
  error_message: errorOf,
  run_number: (run) => run.run_id,
  outcome: (run) => run.status,
  trigger: (run) => triggerText(run.trigger),
  attempt: (run) => run.attempt,
  finished_at: (run) => run.finished_at,
  previous_version: (run) => run.previous_version,
  seed: (run) => run.seed,
  data_from: (run) => run.data_from,
  data_to: (run) => run.data_to,
  data_hash: (run) => run.data_hash,
  gate: (run) => jsonOf(run.gate),
  error: (run) => run.error,
  kind: (run) => run.kind,
  cpu_seconds: (run) => run.cpu_seconds,
  peak_memory_bytes: (run) => run.peak_memory_bytes,
  duration_ms: (run) => run.duration_ms,
  gpu_seconds: (run) => run.gpu_seconds,
  gpu_memory_bytes: (run) => run.gpu_memory_bytes,
};

/**
 * The status by the specification. `success`: models that passed all gates, or formulas that were found. `failed`: an
 * error, which is followed by another attempt, or models that did not pass. `retrying`: an attempt in progress, the
 * first included (retry_count 0). `aborted`: ended without models and without another attempt, also because there was
 * nothing new.
 */
function statusOf({ status }: Pick<RetrainRun, 'status'>): 'success' | 'failed' | 'retrying' | 'aborted' {
  switch (status) {
    case 'adopted':
    case 'rollout_started':
    case 'found':
      return 'success';
    case 'rejected':
    case 'failed':
    case 'killed':
      return 'failed';
    case 'nothing_new':
    case 'aborted':
    case 'stopped':
      return 'aborted';
    case 'running':
      return 'retrying';
  }
}

/** Why a run did not succeed. */
function errorOf({ error, reasons }: RetrainRun): string | null {
  if (error !== null) return error;
  return reasons.length === 0 ? null : reasons.join('; ');
}

/** A UUID of version 8 (RFC 9562), always the same for the same run of a store. */
export function runUuid(runNumber: number, startedAt: string): string {
  const hex = createHash('sha256').update(`${runNumber} ${startedAt}`).digest('hex');
  const variant = ((parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const jsonOf = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value);

const TYPES: Readonly<Record<Store['kind'], Readonly<Record<RunColumnKind, string>>>> = {
  sqlite: { uuid: 'text', time: 'text', text: 'text', integer: 'bigint', number: 'double precision', json: 'text' },
  postgres: { uuid: 'uuid', time: 'timestamptz', text: 'text', integer: 'bigint', number: 'float8', json: 'jsonb' },
};
const EXACT_TYPES: Readonly<Partial<Record<RetrainRunColumn, string>>> = {
  retry_count: 'smallint',
  theta1: 'numeric(6,4)',
  theta2: 'numeric(6,4)',
};

function typeOf(kind: Store['kind'], name: RetrainRunColumn): string {
  return EXACT_TYPES[name] ?? TYPES[kind][runColumnKind(name)];
}

async function upsert(
  db: Kysely<Tables>,
  table: string,
  names: readonly RetrainRunColumn[],
  cells: readonly Cell[],
): Promise<void> {
  const updates = names
    .filter((name) => name !== 'run_id')
    .map((name) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`);
  const then = updates.length === 0 ? sql`NOTHING` : sql`UPDATE SET ${sql.join(updates)}`;
  await sql`INSERT INTO ${sql.table(table)} (${sql.join(names.map((name) => sql.ref(name)))})
    VALUES (${sql.join([...cells])}) ON CONFLICT (run_id) DO ${then}`.execute(db);
}

/** Whether a table is one of runs. A user may have added some columns. */
function isOwnTable(names: readonly string[]): boolean {
  const known: readonly string[] = RETRAIN_RUN_COLUMNS;
  return names.includes('run_id') && 2 * names.filter((name) => known.includes(name)).length >= names.length;
}

async function prepareTable(
  db: Kysely<Tables>,
  kind: Store['kind'],
  table: string,
  columns: readonly RunColumn[],
): Promise<void> {
  const [schema] = table.split('.') as [string];
  if (kind === 'postgres') await db.schema.createSchema(schema).ifNotExists().execute();
  const there = await columnsThere(db, kind, table);
  const idType = there.get('run_id');
  if (there.size > 0 && (idType !== TYPES[kind].uuid || !isOwnTable([...there.keys()])))
    throw new MinutehandError('CONFIG_INVALID', {
      seen: `retrain_policy.yaml: retrain_runs_table is ${table}, a table with the columns ${[...there.keys()].slice(0, 8).join(', ')}`,
      expected: 'no table yet, or a table of runs',
    });
  if (idType === undefined) await createTable(db, kind, table, columns);
  else
    for (const { name } of columns)
      if (!there.has(name))
        await sql`ALTER TABLE ${sql.table(table)} ADD COLUMN ${sql.ref(name)} ${sql.raw(typeOf(kind, name))}`.execute(
          db,
        );
  if (kind === 'postgres')
    for (const { name, comment } of columns)
      if (comment !== null)
        await sql`COMMENT ON COLUMN ${sql.table(table)}.${sql.ref(name)} IS ${sql.lit(comment)}`.execute(db);
}

async function createTable(
  db: Kysely<Tables>,
  kind: Store['kind'],
  table: string,
  columns: readonly RunColumn[],
): Promise<void> {
  let creation: CreateTableBuilder<string, string> = db.schema.createTable(table).ifNotExists();
  for (const { name } of columns)
    creation = creation.addColumn(name, sql.raw(typeOf(kind, name)), (column) =>
      name === 'run_id' ? column.primaryKey() : column,
    );
  await creation.execute();
}

/** Names and types of the columns of the table; none when it is absent. */
async function columnsThere(db: Kysely<Tables>, kind: Store['kind'], table: string): Promise<Map<string, string>> {
  const [schema, plain] = table.split('.') as [string, string];
  const there = (await db.introspection.getTables()).find((one) =>
    kind === 'sqlite' ? one.name === flatName(table) : one.name === plain && one.schema === schema,
  );
  return new Map(there?.columns.map(({ name, dataType }) => [name, dataType.toLowerCase()]));
}
