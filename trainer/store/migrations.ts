import { sql, type CreateTableBuilder, type Kysely } from 'kysely';
import { MinutehandError } from '../../shared/errors.ts';
import { addChangeColumns, createAccessTables } from './access_migration.ts';
import type { Engine } from './engine.ts';
import { createModelRegistryView, replaceModelRegistryView } from './model_registry_view.ts';
import { createJobResults, createJobTables } from './job_migration.ts';
import { createNewsTables } from './news_migration.ts';
import { createImportRuns } from './import_run_migration.ts';
import { withNumberedKey } from './numbered_key.ts';
import { createRecordTables } from './record_migration.ts';
import type { Tables } from './tables.ts';
import { codeTriggers } from './trigger_migration.ts';

interface Migration {
  readonly name: string;
  /**
   * Programs that do not know this entry go on with the tables: it adds only tables, indexes, and columns that such
   * programs may leave out. Absent = they are refused. A rollback of the program then needs no backup.
   */
  readonly isAdditive?: true;
  readonly up: (db: Kysely<Tables>, engine: Engine) => Promise<void>;
}

/** Version n is the n-th entry. Released entries never change; a change of the tables is a new entry. */
const MIGRATIONS: readonly Migration[] = [
  {
    name: 'bars, series, imports',
    async up(db, { clusteredByKey }) {
      await clusteredByKey(
        db.schema
          .createTable('core.bars')
          .addColumn('market', 'text', (column) => column.notNull())
          .addColumn('symbol', 'text', (column) => column.notNull())
          .addColumn('time', 'bigint', (column) => column.notNull())
          .addColumn('open', 'double precision', (column) => column.notNull())
          .addColumn('high', 'double precision', (column) => column.notNull())
          .addColumn('low', 'double precision', (column) => column.notNull())
          .addColumn('close', 'double precision', (column) => column.notNull())
          .addColumn('volume', 'double precision', (column) => column.notNull())
          .addColumn('spread', 'double precision')
          .addPrimaryKeyConstraint('bars_key', ['market', 'symbol', 'time']),
      ).execute();
      await clusteredByKey(
        db.schema
          .createTable('core.series')
          .addColumn('market', 'text', (column) => column.notNull())
          .addColumn('symbol', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('time', 'bigint', (column) => column.notNull())
          .addColumn('value', 'double precision', (column) => column.notNull())
          .addPrimaryKeyConstraint('series_key', ['market', 'symbol', 'name', 'time']),
      ).execute();
      await db.schema
        .createTable('core.imports')
        .addColumn('import_id', 'text', (column) => column.primaryKey())
        .addColumn('market', 'text', (column) => column.notNull())
        .addColumn('symbol', 'text', (column) => column.notNull())
        .addColumn('file', 'text', (column) => column.notNull())
        .addColumn('sha256', 'text', (column) => column.notNull())
        .addColumn('layout', 'text', (column) => column.notNull())
        .addColumn('timezone', 'text')
        .addColumn('rows', 'bigint', (column) => column.notNull())
        .addColumn('rejected', 'bigint', (column) => column.notNull())
        .addColumn('finished_ms', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  {
    name: 'model registry, training runs, changes of configuration',
    async up(db, { kind }) {
      await db.schema
        .createTable('core.model_registry')
        .addColumn('version', 'text', (column) => column.primaryKey())
        .addColumn('status', 'text', (column) => column.notNull())
        .addColumn('created', 'text', (column) => column.notNull())
        .addColumn('manifest', 'text', (column) => column.notNull())
        .addColumn('manifest_sha256', 'text', (column) => column.notNull())
        .addColumn('reasons', 'text', (column) => column.notNull())
        .addColumn('previous_version', 'text')
        .addColumn('adopted_at', 'text')
        .addColumn('retired_at', 'text')
        .addColumn('removed_at', 'text')
        .execute();
      await db.schema
        .createTable('core.model_artifacts')
        .addColumn('version', 'text', (column) => column.notNull())
        .addColumn('file', 'text', (column) => column.notNull())
        .addColumn('sha256', 'text', (column) => column.notNull())
        .addColumn('content', kind === 'sqlite' ? 'blob' : 'bytea', (column) => column.notNull())
        .addPrimaryKeyConstraint('model_artifacts_key', ['version', 'file'])
        .execute();
      await withNumberedKey(db.schema.createTable('core.training_runs'), 'run_id', kind)
        .addColumn('market', 'text', (column) => column.notNull())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('worker_pid', 'bigint')
        .addColumn('due_ms', 'bigint', (column) => column.notNull())
        .addColumn('beat_ms', 'bigint', (column) => column.notNull())
        .addColumn('trigger', 'text', (column) => column.notNull())
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('started_at', 'text')
        .addColumn('finished_at', 'text')
        .addColumn('status', 'text', (column) => column.notNull())
        .addColumn('stage', 'text', (column) => column.notNull())
        .addColumn('model_version', 'text')
        .addColumn('previous_version', 'text')
        .addColumn('seed', 'bigint')
        .addColumn('data_from', 'text')
        .addColumn('data_to', 'text')
        .addColumn('data_hash', 'text')
        .addColumn('metrics', 'text')
        .addColumn('gate', 'text')
        .addColumn('reasons', 'text', (column) => column.notNull())
        .addColumn('error', 'text')
        .addColumn('cpu_seconds', 'double precision')
        .addColumn('peak_memory_bytes', 'bigint')
        .addColumn('duration_ms', 'bigint')
        .execute();
      // At most one run in progress and one queued per market, also with simultaneous requests.
      for (const status of ['running', 'queued'])
        await db.schema
          .createIndex(`training_runs_${status}`)
          .on('core.training_runs')
          .column('market')
          .where(sql.ref('status'), '=', sql.lit(status))
          .unique()
          .execute();
      await withNumberedKey(db.schema.createTable('audit.config_changes'), 'change_id', kind)
        .addColumn('changed_at', 'text', (column) => column.notNull())
        .addColumn('part', 'text', (column) => column.notNull())
        .addColumn('key', 'text', (column) => column.notNull())
        .addColumn('before', 'text')
        .addColumn('after', 'text')
        .execute();
    },
  },
  {
    name: 'kind and progress of training runs',
    async up(db) {
      const table = () => db.schema.alterTable('core.training_runs');
      // SQLite adds one column at a time.
      await table()
        .addColumn('kind', 'text', (column) => column.notNull().defaultTo('full'))
        .execute();
      await table()
        .addColumn('percent', 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
      await table().addColumn('eta_seconds', 'bigint').execute();
      await table()
        .addColumn('stages', 'text', (column) => column.notNull().defaultTo('[]'))
        .execute();
    },
  },
  {
    name: 'live trades',
    async up(db) {
      const texts = (table: CreateTableBuilder<'core.live_trades', never>, names: readonly string[]) =>
        names.reduce((made, name) => made.addColumn(name, 'text', (column) => column.notNull()), table);
      const named = ['account', 'market', 'pair_id', 'position_id', 'signal_id', 'leg', 'kind', 'reason', 'symbol'];
      await texts(
        db.schema.createTable('core.live_trades').addColumn('fill_key', 'text', (column) => column.primaryKey()),
        [...named, 'broker_symbol', 'side', 'currency', 'error', 'line', 'source', 'place'],
      )
        .addColumn('ticket', 'bigint', (column) => column.notNull())
        .addColumn('lots', 'double precision', (column) => column.notNull())
        .addColumn('requested_price', 'double precision')
        .addColumn('filled_price', 'double precision')
        .addColumn('slippage_bps', 'double precision')
        .addColumn('time_ms', 'bigint', (column) => column.notNull())
        .addColumn('signal_ms', 'bigint')
        .addColumn('latency_ms', 'bigint')
        .addColumn('pnl', 'double precision')
        .addColumn('signal_action', 'text')
        .addColumn('signal_reason', 'text')
        .addColumn('signal_bar', 'text')
        .addColumn('signal_price', 'double precision')
        .addColumn('model_version', 'text')
        .addColumn('z_score', 'double precision')
        .addColumn('return_prob', 'double precision')
        .addColumn('risk_score', 'double precision')
        .addColumn('position_scale', 'double precision')
        .addColumn('beta', 'double precision')
        .addColumn('max_age_bars', 'integer')
        .addColumn('received_ms', 'bigint', (column) => column.notNull())
        .execute();
      const index = (name: string) => db.schema.createIndex(`live_trades_${name}`).on('core.live_trades');
      await index('time').columns(['market', 'time_ms']).execute();
      await index('unjoined').column('time_ms').where(sql.ref('signal_action'), 'is', sql.lit(null)).execute();
      await db.schema
        .createTable('core.refused_fills')
        .addColumn('line_sha256', 'text', (column) => column.primaryKey())
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('message', 'text', (column) => column.notNull())
        .addColumn('place', 'text', (column) => column.notNull())
        .addColumn('line', 'text', (column) => column.notNull())
        .addColumn('received_ms', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('core.fill_files')
        .addColumn('file', 'text', (column) => column.primaryKey())
        .addColumn('read_bytes', 'bigint', (column) => column.notNull())
        .addColumn('fingerprint', 'text', (column) => column.notNull())
        .addColumn('updated_ms', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  {
    name: 'copies, days and archives of signals',
    async up(db) {
      await db.schema
        .createTable('core.signal_copies')
        .addColumn('journal', 'text', (column) => column.notNull())
        .addColumn('history_table', 'text', (column) => column.notNull())
        .addColumn('signal_row', 'bigint', (column) => column.notNull())
        .addColumn('fingerprint', 'text', (column) => column.notNull())
        .addColumn('generated_at_ms', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('signal_copies_key', ['journal', 'history_table'])
        .execute();
      await db.schema
        .createTable('core.signal_days')
        .addColumn('history_table', 'text', (column) => column.notNull())
        .addColumn('market', 'text', (column) => column.notNull())
        .addColumn('day', 'text', (column) => column.notNull())
        .addColumn('added', 'bigint', (column) => column.notNull())
        .addColumn('archived', 'bigint', (column) => column.notNull())
        .addColumn('pruned_ms', 'bigint')
        .addColumn('restored_ms', 'bigint')
        .addPrimaryKeyConstraint('signal_days_key', ['history_table', 'market', 'day'])
        .execute();
      await db.schema
        .createTable('core.signal_archives')
        .addColumn('place', 'text', (column) => column.notNull())
        .addColumn('market', 'text', (column) => column.notNull())
        .addColumn('day', 'text', (column) => column.notNull())
        .addColumn('part', 'integer', (column) => column.notNull())
        .addColumn('rows', 'bigint', (column) => column.notNull())
        .addColumn('bytes', 'bigint', (column) => column.notNull())
        .addColumn('content_bytes', 'bigint', (column) => column.notNull())
        .addColumn('sha256', 'text', (column) => column.notNull())
        .addColumn('archived_ms', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('signal_archives_key', ['place', 'market', 'day', 'part'])
        .execute();
      await db.schema.alterTable('audit.config_changes').addColumn('policy_hash', 'text').execute();
    },
  },
  {
    name: 'view of models, notes, thresholds of runs, who changed the configuration',
    async up(db, { kind }) {
      await db.schema.alterTable('core.model_registry').addColumn('folder', 'text').execute();
      await db.schema
        .createTable('core.model_notes')
        .addColumn('version', 'text', (column) => column.notNull())
        .addColumn('model_type', 'text', (column) => column.notNull())
        .addColumn('notes', 'text', (column) => column.notNull())
        .addColumn('updated_at', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('model_notes_key', ['version', 'model_type'])
        .execute();
      for (const name of ['changed_by', 'program', 'reason'])
        await db.schema.alterTable('audit.config_changes').addColumn(name, 'text').execute();
      await db.schema
        .createTable('core.config_starts')
        .addColumn('file', 'text', (column) => column.primaryKey())
        .addColumn('read_lines', 'bigint', (column) => column.notNull())
        .execute();
      for (const name of ['theta1', 'theta2', 'gpu_seconds'])
        await db.schema.alterTable('core.training_runs').addColumn(name, 'double precision').execute();
      await db.schema.alterTable('core.training_runs').addColumn('gpu_memory_bytes', 'bigint').execute();
      await createModelRegistryView(db, kind);
    },
  },
  {
    name: 'features and labels',
    async up(db, { kind, clusteredByKey }) {
      await db.schema
        .createTable('core.feature_schemas')
        .addColumn('schema_hash', 'text', (column) => column.primaryKey())
        .addColumn('definitions', 'text', (column) => column.notNull())
        .execute();
      await clusteredByKey(
        db.schema
          .createTable('core.features')
          .addColumn('market', 'text', (column) => column.notNull())
          .addColumn('pair_id', 'text', (column) => column.notNull())
          .addColumn('schema_hash', 'text', (column) => column.notNull())
          .addColumn('time', 'bigint', (column) => column.notNull())
          .addColumn('features', kind === 'sqlite' ? 'text' : sql`real[]`, (column) => column.notNull())
          .addPrimaryKeyConstraint('features_key', ['market', 'pair_id', 'schema_hash', 'time']),
      ).execute();
      const ends = ['ai1_end', 'ai2_end', 'ai3_end'];
      const values = ['ai1', 'ai2_drawdown', 'ai2_volatility', 'ai2_correlation', 'ai3'];
      const keyed = db.schema
        .createTable('core.labels')
        .addColumn('market', 'text', (column) => column.notNull())
        .addColumn('pair_id', 'text', (column) => column.notNull())
        .addColumn('label_hash', 'text', (column) => column.notNull())
        .addColumn('time', 'bigint', (column) => column.notNull());
      const labeled = [...values, ...ends].reduce<CreateTableBuilder<'core.labels', string>>(
        (table, name) => table.addColumn(name, ends.includes(name) ? 'bigint' : 'double precision'),
        keyed,
      );
      await clusteredByKey(
        labeled.addPrimaryKeyConstraint('labels_key', ['market', 'pair_id', 'label_hash', 'time'] as never),
      ).execute();
    },
  },
  {
    name: 'one waiting run of each kind',
    async up(db, { kind }) {
      const name = kind === 'sqlite' ? 'training_runs_queued' : 'core.training_runs_queued';
      await sql`DROP INDEX IF EXISTS ${sql.raw(name)}`.execute(db);
      await db.schema
        .createIndex('training_runs_queued')
        .on('core.training_runs')
        .columns(['market', 'kind'])
        .where(sql.ref('status'), '=', sql.lit('queued'))
        .unique()
        .execute();
    },
  },
  { name: 'alerts, their messages and deliveries', up: (db, { kind }) => createAlertTables(db, kind) },
  {
    name: 'access to the API, its writes, change requests',
    up: (db, { kind }) => createAccessTables(db, (table, key) => withNumberedKey(table, key, kind)),
  },
  { name: 'changes in Git', up: (db) => addChangeColumns(db) },
  {
    name: 'events of models, figures of reports, backtests by the API',
    up: (db, { kind }) => createRecordTables(db, (table, key) => withNumberedKey(table, key, kind)),
  },
  {
    name: 'runs without anything new, causes of runs, days of the training period',
    async up(db, { kind }) {
      await db.schema.alterTable('core.training_runs').addColumn('causes', 'text').execute();
      await db
        .updateTable('core.training_runs')
        .set({ status: 'nothing_new' })
        .where('status', '=', 'rejected')
        .where('model_version', 'is', null)
        .execute();
      await replaceModelRegistryView(db, kind);
    },
  },
  { name: 'numbered imports that can be undone', up: createImportRuns },
  {
    name: 'parameters of runs',
    async up(db) {
      await db.schema.alterTable('core.training_runs').addColumn('parameters', 'text').execute();
    },
  },
  { name: 'economic calendar', up: createNewsTables },
  { name: 'triggers of runs as codes with values', up: codeTriggers },
  {
    name: 'direction models in the registry',
    async up(db, { kind }) {
      await db.schema
        .alterTable('core.model_registry')
        .addColumn('slot', 'text', (column) => column.notNull().defaultTo('pairs'))
        .execute();
      await replaceModelRegistryView(db, kind);
    },
  },
  { name: 'jobs and their events', up: createJobTables },
  {
    name: 'owners of promotions',
    async up(db) {
      await db.schema
        .createTable('core.promotion_owners')
        .addColumn('market', 'text', (column) => column.primaryKey())
        .addColumn('holder', 'text', (column) => column.notNull())
        .addColumn('fence', 'bigint', (column) => column.notNull())
        .addColumn('renewed_ms', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.alterTable('core.model_registry').addColumn('fence', 'bigint').execute();
    },
  },
  {
    name: 'waiting requests beside each other',
    async up(db, { kind }) {
      await db.schema
        .alterTable('core.training_runs')
        .addColumn('request_key', 'text', (column) => column.notNull().defaultTo(''))
        .execute();
      const name = kind === 'sqlite' ? 'training_runs_queued' : 'core.training_runs_queued';
      await sql`DROP INDEX IF EXISTS ${sql.raw(name)}`.execute(db);
      await db.schema
        .createIndex('training_runs_queued')
        .on('core.training_runs')
        .columns(['market', 'kind', 'request_key'])
        .where(sql.ref('status'), '=', sql.lit('queued'))
        .unique()
        .execute();
    },
  },
  {
    name: 'restarts of backtests',
    async up(db) {
      await db.schema
        .alterTable('core.backtests')
        .addColumn('restarts', 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
    },
  },
  {
    name: 'which versions of the tables earlier programs may use',
    async up(db) {
      await db.schema.alterTable('core.migrations').addColumn('is_additive', 'integer').execute();
    },
  },
  {
    name: 'marks of pointers, and halts, for another machine',
    isAdditive: true,
    async up(db) {
      await db.schema
        .createTable('core.home_files')
        .addColumn('market', 'text', (column) => column.notNull())
        .addColumn('file', 'text', (column) => column.notNull())
        .addColumn('content', 'text', (column) => column.notNull())
        .addColumn('kept_ms', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('home_files_key', ['market', 'file'])
        .execute();
    },
  },
  {
    name: 'skill in the registry',
    isAdditive: true,
    up: (db, { kind }) => replaceModelRegistryView(db, kind),
  },
  { name: 'results of jobs', isAdditive: true, up: createJobResults },
];

async function createAlertTables(db: Kysely<Tables>, kind: Engine['kind']): Promise<void> {
  await withNumberedKey(db.schema.createTable('core.alerts'), 'alert_id', kind)
    .addColumn('market', 'text', (column) => column.notNull())
    .addColumn('alert_key', 'text', (column) => column.notNull())
    .addColumn('open_key', 'text', (column) => column.unique())
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('severity', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .addColumn('command', 'text', (column) => column.notNull())
    .addColumn('version', 'text')
    .addColumn('details', 'text', (column) => column.notNull())
    .addColumn('opened_ms', 'bigint', (column) => column.notNull())
    .addColumn('last_ms', 'bigint', (column) => column.notNull())
    .addColumn('count', 'bigint', (column) => column.notNull())
    .addColumn('is_once', 'integer', (column) => column.notNull())
    .addColumn('acked_ms', 'bigint')
    .addColumn('acked_by', 'text')
    .addColumn('resolved_ms', 'bigint')
    .execute();
  await withNumberedKey(db.schema.createTable('core.alert_messages'), 'message_id', kind)
    .addColumn('alert_id', 'bigint', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('created_ms', 'bigint', (column) => column.notNull())
    .addColumn('routed_ms', 'bigint')
    .execute();
  await withNumberedKey(db.schema.createTable('core.alert_deliveries'), 'delivery_id', kind)
    .addColumn('message_id', 'bigint', (column) => column.notNull())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('due_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_ms', 'bigint', (column) => column.notNull())
    .addColumn('sent_ms', 'bigint')
    .addColumn('batch', 'text')
    .addColumn('error', 'text')
    .addUniqueConstraint('alert_deliveries_once', ['message_id', 'channel'])
    .execute();
  await withNumberedKey(db.schema.createTable('core.alert_silences'), 'silence_id', kind)
    .addColumn('market', 'text', (column) => column.notNull())
    .addColumn('pattern', 'text', (column) => column.notNull())
    .addColumn('until_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .execute();
  const index = (table: string, column: string, status: string) =>
    db.schema
      .createIndex(`${table}_open`)
      .on(`core.${table}`)
      .column(column)
      .where(sql.ref(status), 'is', sql.lit(null));
  await index('alert_messages', 'message_id', 'routed_ms').execute();
  await index('alert_deliveries', 'due_ms', 'sent_ms').execute();
}

/**
 * Upgrades the tables to the newest version. Of several processes that open the store at once, one does it and the
 * others wait; a process killed meanwhile leaves the previous version.
 * @throws MinutehandError STORE_UNUSABLE when a newer minutehand wrote the store
 */
export async function migrate(engine: Engine, nowMs: number): Promise<void> {
  await engine.alone(async (db) => {
    if (engine.kind === 'postgres')
      for (const schema of SCHEMAS) await db.schema.createSchema(schema).ifNotExists().execute();
    await db.schema
      .createTable('core.migrations')
      .ifNotExists()
      .addColumn('version', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('applied_ms', 'bigint', (column) => column.notNull())
      .execute();
    const version = await appliedVersion(db);
    const needed = await neededVersion(db, version);
    if (needed > MIGRATIONS.length) throw laterTables(engine.place, version, needed);
    for (const [index, { name, isAdditive, up }] of MIGRATIONS.entries()) {
      if (index < version) continue;
      await up(db, engine);
      await db
        .insertInto('core.migrations')
        .values({ version: index + 1, name, applied_ms: nowMs, ...(isAdditive && { is_additive: 1 }) })
        .execute();
    }
  });
}

const SCHEMAS = ['core', 'audit'];

/** Why this program cannot use a store, of which a program has to know the version `needed`. */
export function laterTables(place: string, applied: number, needed: number): MinutehandError {
  return new MinutehandError('STORE_UNUSABLE', {
    seen: `${place} has version ${applied} of the tables, for programs that know version ${needed}`,
    expected: `tables for programs that know version ${MIGRATIONS.length}, as this minutehand does`,
    next: 'Use the newer minutehand that wrote it, or restore the backup from before its first start.',
  });
}

/** Returns, without a lock, whether this program can use the tables as they are. */
export async function isMigrated(db: Kysely<Tables>): Promise<boolean> {
  try {
    const version = await appliedVersion(db);
    return version >= MIGRATIONS.length && (await neededVersion(db, version)) <= MIGRATIONS.length;
  } catch {
    // No such table, or another error: the migration will report it.
    return false;
  }
}

/** Versions of the tables. */
export interface TablesVersion {
  /** Of the store. */
  readonly applied: number;
  /** That a program has to know. Below `applied` where later changes are additive. */
  readonly needed: number;
  /** That this program knows and makes. */
  readonly own: number;
  /** Names of the changes that this program would make, in order. */
  readonly pending: readonly string[];
  /** An earlier program could go on after all of them. */
  readonly pendingIsAdditive: boolean;
}

/** Changes nothing. @throws errors of the database, also where there are no tables yet */
export async function tablesVersion(db: Kysely<Tables>): Promise<TablesVersion> {
  const applied = await appliedVersion(db);
  const pending = MIGRATIONS.slice(applied);
  return {
    applied,
    needed: await neededVersion(db, applied),
    own: MIGRATIONS.length,
    pending: pending.map(({ name }) => name),
    pendingIsAdditive: pending.every(({ isAdditive }) => isAdditive === true),
  };
}

/** The newest version that is not additive. Tables that this program knows, and older ones, are not asked. */
async function neededVersion(db: Kysely<Tables>, applied: number): Promise<number> {
  if (applied <= MIGRATIONS.length) return applied;
  const row = await db
    .selectFrom('core.migrations')
    .where('is_additive', 'is', null)
    .select(sql<number | null>`max(version)`.as('version'))
    .executeTakeFirst();
  return Number(row?.version ?? 0);
}

async function appliedVersion(db: Kysely<Tables>): Promise<number> {
  const row = await db
    .selectFrom('core.migrations')
    .select(sql<number | null>`max(version)`.as('version'))
    .executeTakeFirst();
  return Number(row?.version ?? 0);
}
