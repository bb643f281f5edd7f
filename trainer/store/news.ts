import { IMPORTANCES, type Importance, type NewsEvent } from '../../shared/core/news/news_event.ts';
import { inOrder, type ScheduledEvent } from '../../shared/calendar/calendar_text.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Store } from './store.ts';
import type { Tables } from './schema/schema.ts';
import type { Kysely } from 'kysely';

/** The source of what expert advisors send. */
export const TERMINAL = 'terminal';

/** A calendar, or a part of one: all that a source knows of a span of time. Times are epoch seconds, UTC. */
export interface CalendarPart {
  readonly source: string;
  readonly from: number;
  readonly to: number;
  readonly events: readonly ScheduledEvent[];
  /** When it became known; 0 = it was always known, as that of a file without such times. */
  readonly knownFrom: number;
}

export interface TakenCalendar {
  readonly added: number;
  /** Events that the source had before, and has no more: they were called off or moved. */
  readonly ended: number;
  readonly known: number;
}

const INSERT_ROWS = 500;

/** Identity of an event: one that changes in any of these is another, and the earlier one has ended. */
const keyOf = ({ time, currency, importance, name }: ScheduledEvent): string =>
  `${time} ${currency} ${importance} ${name}`;

/**
 * Stores a part of a calendar. Within its span, what the same source had before and has no more has ended now; a file
 * without times of knowledge only adds.
 * @param nowMs when it came
 */
export function takeCalendar(store: Store, part: CalendarPart, nowMs: number): Promise<TakenCalendar> {
  const { source, from, to, knownFrom } = part;
  const events = inOrder(part.events);
  return store.transaction(async (db) => {
    const known = await db
      .selectFrom('core.news_events')
      .selectAll()
      .where('source', '=', source)
      .where('time', '>=', from)
      .where('time', '<', to)
      .where('known_until', 'is', null)
      .execute();
    const before = new Map(known.map((row) => [keyOf({ ...row, time: Number(row.time) }), row.event_id]));
    const given = new Set(events.map(keyOf));
    const added = events.filter((event) => !before.has(keyOf(event)));
    const ended = knownFrom === 0 ? [] : [...before].filter(([key]) => !given.has(key)).map(([, id]) => id);
    for (let first = 0; first < added.length; first += INSERT_ROWS)
      await db
        .insertInto('core.news_events')
        .values(
          added.slice(first, first + INSERT_ROWS).map(({ time, currency, importance, name }) => ({
            time,
            currency,
            importance,
            name,
            source,
            known_from: knownFrom,
          })),
        )
        .execute();
    for (const id of ended)
      await db.updateTable('core.news_events').set({ known_until: knownFrom }).where('event_id', '=', id).execute();
    await confirm(db, source, nowMs, to);
    return { added: added.length, ended: ended.length, known: events.length - added.length };
  });
}

async function confirm(db: Kysely<Tables>, source: string, nowMs: number, to: number): Promise<void> {
  const row = { confirmed_ms: nowMs, covers_until: to };
  await db
    .insertInto('core.news_sources')
    .values({ source, ...row })
    .onConflict((conflict) => conflict.column('source').doUpdateSet(row))
    .execute();
}

/** Which events to read; epoch seconds. */
export interface NewsPeriod {
  readonly from?: number;
  readonly to?: number;
}

/** Events of all sources with when they were known, ascending in time. */
export async function readNews({ db }: Pick<Store, 'db'>, { from, to }: NewsPeriod = {}): Promise<NewsEvent[]> {
  let query = db.selectFrom('core.news_events').selectAll().orderBy('time').orderBy('event_id');
  if (from !== undefined) query = query.where('time', '>=', from);
  if (to !== undefined) query = query.where('time', '<', to);
  return (await query.execute()).map(({ time, currency, importance, name, known_from, known_until }) => ({
    time: Number(time),
    currency,
    importance: importance satisfies Importance,
    name,
    knownFrom: Number(known_from),
    knownUntil: known_until === null ? null : Number(known_until),
  }));
}

/**
 * Settings with the calendar, where their policy asks for one: for a backtest. @param store null = nothing is stored
 */
export async function withNews<Own extends Pick<Settings, 'core'>>(
  settings: Own,
  store: Pick<Store, 'db'> | null,
): Promise<Own & Pick<Settings, 'news'>> {
  if (settings.core.news_stop === null) return settings;
  return { ...settings, news: store === null ? [] : await readNews(store) };
}

/** What is scheduled as of now. */
export async function scheduledNews(store: Pick<Store, 'db'>, period: NewsPeriod): Promise<ScheduledEvent[]> {
  const events = (await readNews(store, period)).filter(({ knownUntil }) => knownUntil === null);
  return inOrder(events).map(({ time, currency, importance, name }) => ({ time, currency, importance, name }));
}

/** How the calendar stands: when a source last confirmed it, and until when any source covers it; null without any. */
export async function newsCoverage({
  db,
}: Pick<Store, 'db'>): Promise<{ readonly confirmedMs: number; readonly coversUntil: number } | null> {
  const rows = await db.selectFrom('core.news_sources').selectAll().execute();
  if (rows.length === 0) return null;
  return {
    confirmedMs: Math.max(...rows.map((row) => Number(row.confirmed_ms))),
    coversUntil: Math.max(...rows.map((row) => Number(row.covers_until))),
  };
}

/** Counts of stored events, by importance. */
export async function countNews({ db }: Pick<Store, 'db'>): Promise<Readonly<Record<Importance, number>>> {
  const rows = await db
    .selectFrom('core.news_events')
    .select(({ fn }) => ['importance', fn.countAll<number>().as('count')])
    .groupBy('importance')
    .execute();
  const counted = new Map(rows.map(({ importance, count }) => [importance, Number(count)]));
  return Object.fromEntries(IMPORTANCES.map((name) => [name, counted.get(name) ?? 0])) as Record<Importance, number>;
}
