import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calendarFault, readCalendar } from '../../shared/calendar/calendar_file.ts';
import type { ScheduledEvent } from '../../shared/calendar/calendar_text.ts';
import { publishCalendar } from '../control/news/publish_calendar.ts';
import { newsCoverage, readNews, scheduledNews, takeCalendar, TERMINAL } from './news.ts';
import { IN_MEMORY, openStore, type Store } from './store.ts';

const HOUR_S = 3600;
const NOW_S = Date.UTC(2026, 0, 9, 12) / 1000;
const event = (hours: number, name: string): ScheduledEvent => ({
  time: NOW_S + hours * HOUR_S,
  currency: 'USD',
  importance: 'high',
  name,
});

describe('the calendar in the store', () => {
  let store: Store;
  beforeEach(async () => (store = await openStore(IN_MEMORY)));
  afterEach(() => store.close());

  const take = (atHours: number, events: readonly ScheduledEvent[]) => {
    const now = NOW_S + atHours * HOUR_S;
    const part = { source: TERMINAL, from: NOW_S - 24 * HOUR_S, to: NOW_S + 96 * HOUR_S, knownFrom: now };
    return takeCalendar(store, { ...part, events }, now * 1000);
  };

  it('knows of each event from when to when it was scheduled', async () => {
    expect(await take(0, [event(2, 'CPI'), event(5, 'speech')])).toEqual({ added: 2, ended: 0, known: 0 });
    // The speech is moved by an hour; the same again changes nothing.
    expect(await take(1, [event(2, 'CPI'), event(6, 'speech')])).toEqual({ added: 1, ended: 1, known: 1 });
    expect(await take(2, [event(2, 'CPI'), event(6, 'speech')])).toEqual({ added: 0, ended: 0, known: 2 });
    const at = (hours: number): number => NOW_S + hours * HOUR_S;
    expect(await readNews(store)).toEqual([
      { ...event(2, 'CPI'), knownFrom: at(0), knownUntil: null },
      { ...event(5, 'speech'), knownFrom: at(0), knownUntil: at(1) },
      { ...event(6, 'speech'), knownFrom: at(1), knownUntil: null },
    ]);
    expect(await scheduledNews(store, { from: at(3) })).toEqual([event(6, 'speech')]);
  });

  it('says nothing about events outside the span of a part', async () => {
    await take(0, [event(-2, 'past'), event(2, 'CPI'), event(5, 'speech'), event(6, 'minutes')]);
    const part = { source: TERMINAL, from: NOW_S, to: NOW_S + 5 * HOUR_S, knownFrom: NOW_S, events: [] };
    expect(await takeCalendar(store, part, NOW_S * 1000)).toEqual({ added: 0, ended: 1, known: 0 });
    const names = (await scheduledNews(store, {})).map(({ name }) => name);
    expect(names).toEqual(['past', 'speech', 'minutes']);
  });

  it('takes nothing from another source, nor by a file, which only adds', async () => {
    await take(0, [event(2, 'CPI')]);
    const file = { source: '/x/news.csv', from: NOW_S, to: NOW_S + 96 * HOUR_S, knownFrom: 0 };
    expect(await takeCalendar(store, { ...file, events: [event(7, 'a')] }, 0)).toMatchObject({ added: 1, ended: 0 });
    expect(await takeCalendar(store, { ...file, events: [event(8, 'b')] }, 0)).toMatchObject({ added: 1, ended: 0 });
    expect((await readNews(store)).map(({ name, knownFrom }) => [name, knownFrom])).toEqual([
      ['CPI', NOW_S],
      ['a', 0],
      ['b', 0],
    ]);
  });

  it('is written for daemons, and is stale a day before it ends', async () => {
    const models = mkdtempSync(join(tmpdir(), 'news-'));
    try {
      await publishCalendar(store, models, NOW_S * 1000);
      expect(readCalendar(models)).toBeNull();
      expect(calendarFault(null, NOW_S * 1000)?.code).toBe('NEWS_STALE');
      await take(0, [event(-3, 'past'), event(2, 'CPI')]);
      await publishCalendar(store, models, NOW_S * 1000);
      const calendar = readCalendar(models)!;
      expect(calendar.events).toEqual([event(-3, 'past'), event(2, 'CPI')]);
      expect(calendar.confirmedMs).toBe(NOW_S * 1000);
      const faultAt = (hours: number) => calendarFault(calendar, (NOW_S + hours * HOUR_S) * 1000)?.code;
      expect([faultAt(0), faultAt(72), faultAt(73)]).toEqual([undefined, undefined, 'NEWS_STALE']);
    } finally {
      rmSync(models, { recursive: true });
    }
  });

  it('counts as confirmed and covered by whichever source does so longest', async () => {
    expect(await newsCoverage(store)).toBeNull();
    await take(0, []);
    const file = { source: '/x/news.csv', from: NOW_S, to: NOW_S + 500 * HOUR_S, knownFrom: 0, events: [] };
    await takeCalendar(store, file, (NOW_S - 48 * HOUR_S) * 1000);
    expect(await newsCoverage(store)).toEqual({ confirmedMs: NOW_S * 1000, coversUntil: NOW_S + 500 * HOUR_S });
    await take(5, []);
    expect(await newsCoverage(store)).toMatchObject({ confirmedMs: (NOW_S + 5 * HOUR_S) * 1000 });
  });
});
