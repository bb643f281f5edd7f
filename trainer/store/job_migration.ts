import type { CreateTableBuilder, Kysely } from 'kysely';
import type { Engine } from './engine.ts';
import { withNumberedKey } from './numbered_key.ts';
import type { Tables } from './tables.ts';

/** Table of what jobs have answered. */
export async function createJobResults(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .createTable('core.job_results')
    .addColumn('job_id', 'bigint', (column) => column.primaryKey())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addColumn('result', 'text', (column) => column.notNull())
    .execute();
}

/** Tables of jobs and their events. */
export async function createJobTables(db: Kysely<Tables>, { kind }: Engine): Promise<void> {
  const needed = (table: CreateTableBuilder<string, string>, type: 'text' | 'bigint', names: readonly string[]) =>
    names.reduce((made, name) => made.addColumn(name, type, (column) => column.notNull()), table);
  const jobs = withNumberedKey(db.schema.createTable('core.jobs') as CreateTableBuilder<string>, 'job_id', kind);
  const texts = ['market', 'kind', 'status', 'document', 'requested_by', 'host', 'stage', 'stages'];
  await needed(needed(jobs, 'text', texts), 'bigint', ['priority', 'beat_ms', 'cores', 'requested_ms'])
    .addColumn('percent', 'double precision', (column) => column.notNull())
    .addColumn('origin', 'text')
    .addColumn('pid', 'bigint')
    .addColumn('process_start', 'text')
    .addColumn('peak_memory_bytes', 'bigint')
    .addColumn('eta_seconds', 'bigint')
    .addColumn('waits_for', 'text')
    .addColumn('started_ms', 'bigint')
    .addColumn('finished_ms', 'bigint')
    .addColumn('cancel_ms', 'bigint')
    .addColumn('cancel_by', 'text')
    .addColumn('error', 'text')
    .execute();
  await db.schema.createIndex('jobs_by_status').on('core.jobs').columns(['market', 'status']).execute();
  const events = withNumberedKey(
    db.schema.createTable('core.job_events') as CreateTableBuilder<string>,
    'event_id',
    kind,
  );
  await needed(needed(events, 'bigint', ['job_id', 'at_ms']), 'text', ['event']).execute();
  await db.schema.createIndex('job_events_by_job').on('core.job_events').column('job_id').execute();
}
