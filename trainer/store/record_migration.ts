import type { ColumnDataType, CreateTableBuilder, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

type Table = CreateTableBuilder<string, string>;
type Keyed = (table: CreateTableBuilder<string, never>, key: string) => Table;

/** @param withNumberedKey adds an ascending key */
export async function createRecordTables(db: Kysely<Tables>, withNumberedKey: Keyed): Promise<void> {
  const create = (name: string): CreateTableBuilder<string, never> => db.schema.createTable(name);
  const events = withNumberedKey(create('core.model_events'), 'event_id');
  await needed(events, 'text', ['market', 'kind', 'version', 'happened_at', 'body'])
    .addColumn('event_key', 'text', (column) => column.notNull().unique())
    .addColumn('previous_version', 'text')
    .execute();
  const deliveries = needed(create('core.model_event_deliveries'), 'bigint', ['event_id', 'sent_ms']);
  await needed(deliveries, 'text', ['receiver'])
    .addPrimaryKeyConstraint('model_event_deliveries_key', ['event_id', 'receiver'])
    .execute();
  const drift = needed(create('core.drift_figures'), 'text', ['market', 'model_version', 'day', 'feature']);
  await needed(needed(drift, 'double precision', ['psi']), 'bigint', ['looked_ms'])
    .addColumn('psi_noise', 'double precision')
    .addPrimaryKeyConstraint('drift_figures_key', ['market', 'model_version', 'day', 'feature'])
    .execute();
  const parity = needed(create('core.parity_results'), 'text', ['market', 'shard', 'day', 'verdict']);
  await needed(parity, 'bigint', ['signals', 'equal_signals', 'mismatches', 'certified_ms'])
    .addPrimaryKeyConstraint('parity_results_key', ['market', 'shard', 'day'])
    .execute();
  const backtests = withNumberedKey(create('core.backtests'), 'backtest_id');
  const texts = ['market', 'owner', 'status', 'requested_by', 'reason', 'request', 'policy_hash', 'stage'];
  await needed(needed(backtests, 'text', texts), 'bigint', ['requested_ms'])
    .addColumn('percent', 'double precision', (column) => column.notNull())
    .addColumn('started_ms', 'bigint')
    .addColumn('finished_ms', 'bigint')
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .execute();
}

function needed(table: Table, type: ColumnDataType, names: readonly string[]): Table {
  return names.reduce((made, name) => made.addColumn(name, type, (column) => column.notNull()), table);
}
