import { sql, type Kysely } from 'kysely';
import { MinutehandError } from '../../shared/errors.ts';
import type { Engine } from './engine.ts';
import type { Tables } from './tables.ts';

interface Migration {
  readonly name: string;
  readonly up: (db: Kysely<Tables>, engine: Engine) => Promise<void>;
}

/** Version n is the n-th entry. What has been released never changes; a change of the tables is a new entry. */
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
];

/**
 * Brings the tables to the newest version. Of several processes that open the store at once, one does it and the others wait; a
 * process that is killed in the middle leaves the version before.
 * @throws MinutehandError STORE_UNUSABLE when a newer minutehand has been here
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
    const row = await db
      .selectFrom('core.migrations')
      .select(({ fn }) => fn.max('version').as('version'))
      .executeTakeFirst();
    const version = Number(row?.version ?? 0);
    if (version > MIGRATIONS.length)
      throw new MinutehandError('STORE_UNUSABLE', {
        seen: `${engine.place} has version ${version} of the tables`,
        expected: `at most ${MIGRATIONS.length}, which this minutehand knows`,
        next: 'Use the newer minutehand that wrote it.',
      });
    for (const [index, { name, up }] of MIGRATIONS.entries()) {
      if (index < version) continue;
      await up(db, engine);
      await db
        .insertInto('core.migrations')
        .values({ version: index + 1, name, applied_ms: nowMs })
        .execute();
    }
  });
}

/** `audit` is for what later versions keep of their decisions. */
const SCHEMAS = ['core', 'audit'];

/** What a fresh look at the version costs: nothing is locked when there is nothing to do. */
export async function isMigrated(db: Kysely<Tables>): Promise<boolean> {
  try {
    const row = await db
      .selectFrom('core.migrations')
      .select(sql<number>`max(version)`.as('version'))
      .executeTakeFirst();
    return Number(row?.version ?? 0) === MIGRATIONS.length;
  } catch {
    // No such table yet, or worse: migrating will tell.
    return false;
  }
}
