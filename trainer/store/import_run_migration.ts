import type { Kysely } from 'kysely';
import type { Engine } from './engine.ts';
import { withNumberedKey } from './numbered_key.ts';
import type { Tables } from './tables.ts';

/** Tables of numbered imports, and the number beside each bar and each value of a series. */
export async function createImportRuns(db: Kysely<Tables>, { kind, clusteredByKey }: Engine): Promise<void> {
  await withNumberedKey(db.schema.createTable('core.import_runs'), 'import_number', kind)
    .addColumn('market', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('done_by', 'text', (column) => column.notNull())
    .addColumn('began_ms', 'bigint', (column) => column.notNull())
    .addColumn('finished_ms', 'bigint')
    .addColumn('added', 'bigint', (column) => column.notNull())
    .addColumn('removed', 'bigint', (column) => column.notNull())
    .addColumn('rejected', 'bigint', (column) => column.notNull())
    .addColumn('verdicts', 'text', (column) => column.notNull())
    .addColumn('undone_ms', 'bigint')
    .addColumn('undone_by', 'text')
    .execute();
  for (const table of ['core.bars', 'core.series', 'core.imports'] as const)
    await db.schema.alterTable(table).addColumn('import_number', 'bigint').execute();
  await clusteredByKey(
    db.schema
      .createTable('core.removed_bars')
      .addColumn('removed_by', 'bigint', (column) => column.notNull())
      .addColumn('market', 'text', (column) => column.notNull())
      .addColumn('symbol', 'text', (column) => column.notNull())
      .addColumn('time', 'bigint', (column) => column.notNull())
      .addColumn('open', 'double precision', (column) => column.notNull())
      .addColumn('high', 'double precision', (column) => column.notNull())
      .addColumn('low', 'double precision', (column) => column.notNull())
      .addColumn('close', 'double precision', (column) => column.notNull())
      .addColumn('volume', 'double precision', (column) => column.notNull())
      .addColumn('spread', 'double precision')
      .addColumn('import_number', 'bigint')
      .addPrimaryKeyConstraint('removed_bars_key', ['removed_by', 'market', 'symbol', 'time']),
  ).execute();
}
