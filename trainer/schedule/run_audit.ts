import { sql, type CreateTableBuilder } from 'kysely';
import type { RetrainPolicy } from '../../shared/policy/schema.ts';
import { flatName } from '../store/flat_schema.ts';
import type { Store } from '../store/store.ts';
import type { RetrainRun } from './run.ts';

/** The table of runs that retrain_policy.yaml names, for people and their tools; nothing here reads it. */
export interface RunAudit {
  /** Writes the row of a run, or what it has become. */
  write(run: RetrainRun): Promise<void>;
}

type Policy = Pick<RetrainPolicy, 'retrain_runs_table' | 'retrain_runs_columns'>;

const TYPES: Readonly<Record<string, 'bigint' | 'double precision'>> = {
  run_id: 'bigint',
  attempt: 'bigint',
  seed: 'bigint',
  cpu_seconds: 'double precision',
  peak_memory_bytes: 'bigint',
  duration_ms: 'bigint',
};

/** Makes the table, or the columns that it does not have yet; columns that are listed no more stay as they are. */
export async function openRunAudit(store: Store, policy: Policy): Promise<RunAudit> {
  const { db } = store;
  const table = policy.retrain_runs_table;
  const columns = policy.retrain_runs_columns;
  await addColumns(store, table, columns);
  const others = columns.filter((name) => name !== 'run_id');
  return {
    async write(run) {
      const values = columns.map((name) => sql`${cellOf(run[name as keyof RetrainRun])}`);
      const updates = others.map((name) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`);
      await sql`INSERT INTO ${sql.table(table)} (${sql.join(columns.map((name) => sql.ref(name)))})
        VALUES (${sql.join(values)}) ON CONFLICT (run_id) DO UPDATE SET ${sql.join(updates)}`.execute(db);
    },
  };
}

async function addColumns({ db, kind }: Store, table: string, columns: readonly string[]): Promise<void> {
  const isFlat = kind === 'sqlite';
  const [schema, plain] = table.split('.') as [string, string];
  if (!isFlat) await db.schema.createSchema(schema).ifNotExists().execute();
  let creation: CreateTableBuilder<string, string> = db.schema.createTable(table).ifNotExists();
  for (const name of columns)
    creation = creation.addColumn(name, TYPES[name] ?? 'text', (column) =>
      name === 'run_id' ? column.primaryKey() : column,
    );
  await creation.execute();
  const tables = await db.introspection.getTables();
  const there = tables.find(({ name, schema: its }) =>
    isFlat ? name === flatName(table) : name === plain && its === schema,
  );
  const known = new Set(there?.columns.map(({ name }) => name));
  for (const name of columns)
    if (!known.has(name))
      await db.schema
        .alterTable(table)
        .addColumn(name, TYPES[name] ?? 'text')
        .execute();
}

function cellOf(value: unknown): string | number | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
}
