import type { Kysely } from 'kysely';
import type { Engine } from './engine.ts';
import { withNumberedKey } from './numbered_key.ts';
import type { Tables } from './tables.ts';

/** Tables of the economic calendar. */
export async function createNewsTables(db: Kysely<Tables>, { kind }: Engine): Promise<void> {
  await withNumberedKey(db.schema.createTable('core.news_events'), 'event_id', kind)
    .addColumn('time', 'bigint', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('importance', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('known_from', 'bigint', (column) => column.notNull())
    .addColumn('known_until', 'bigint')
    .execute();
  await db.schema.createIndex('news_events_by_time').on('core.news_events').column('time').execute();
  await db.schema
    .createTable('core.news_sources')
    .addColumn('source', 'text', (column) => column.primaryKey())
    .addColumn('confirmed_ms', 'bigint', (column) => column.notNull())
    .addColumn('covers_until', 'bigint', (column) => column.notNull())
    .execute();
}
