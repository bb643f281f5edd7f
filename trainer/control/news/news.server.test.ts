import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { calendarPath, readCalendar } from '../../../shared/calendar/calendar_file.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import type { EpochMs, OpenTime } from '../../../shared/bar.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { readNews, takeCalendar } from '../../store/news.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import type { StoreWork } from '../schedule/store_work.ts';
import { calendarNowMs } from './calendar_now.ts';
import { nextNews } from './next_news.ts';
import { startNews } from './news.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 0, 9, 12, 30);

let paths: HomePaths;
let nowMs: number;
let printed: string[];
let work: StoreWork;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-news-')) });
  nowMs = NOW_MS;
  printed = [];
  env = {};
  work = startNews({
    settings: loadSettings({ env: {} }),
    paths,
    log: pino({ level: 'silent' }),
    print: (line) => void printed.push(line),
    env,
    clock: { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 },
  });
});
afterEach(async () => {
  await work.stop();
  rmSync(paths.home, { recursive: true, force: true });
});

/** The file of an account, as its advisor writes it. @param skewMs of the terminal's clock */
function send(account: string, hours: readonly number[], skewMs = 0): void {
  const folder = join(paths.ea, account);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'calendar.json');
  const events = hours.map((hour) => ({
    time: NOW_MS + hour * HOUR_MS,
    currency: 'USD',
    importance: 'high',
    name: `in ${hour}`,
  }));
  const span = { from_ms: NOW_MS - 24 * HOUR_MS, to_ms: NOW_MS + 240 * HOUR_MS };
  writeFileSync(path, JSON.stringify({ schema: 'minutehand.calendar/1', sent_ms: nowMs + skewMs, ...span, events }));
  utimesSync(path, nowMs / 1000, nowMs / 1000);
}

const published = (): string[] => (readCalendar(paths.models)?.events ?? []).map(({ name }) => name);

describe('calendars of terminals', () => {
  it('are published for the daemons: the last day and the next eight, again as hours pass', async () => {
    await work.pass();
    expect(existsSync(calendarPath(paths.models))).toBe(false);
    send('a', [-25, -23, 0, 190, 200]);
    await work.pass();
    expect(published()).toEqual(['in -23', 'in 0', 'in 190']);
    const { mtimeMs, ino } = statSync(calendarPath(paths.models));
    await work.pass();
    expect(statSync(calendarPath(paths.models))).toMatchObject({ mtimeMs, ino });
    nowMs += 9 * HOUR_MS;
    await work.pass();
    expect(published()).toEqual(['in 0', 'in 190', 'in 200']);
    expect(readCalendar(paths.models)).toMatchObject({ confirmedMs: NOW_MS, coversUntil: NOW_MS / 1000 + 240 * 3600 });
  });

  it('are told from another: a damaged one and one of a wrong clock are named once, and keep none out', async () => {
    send('a', [1]);
    send('b', [2], 301_000);
    send('c', [3], -301_000);
    mkdirSync(join(paths.ea, 'd'), { recursive: true });
    writeFileSync(join(paths.ea, 'd', 'calendar.json'), '{"schema":');
    send('e', [4], 299_000);
    await work.pass();
    await work.pass();
    expect(printed.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'NEWS_CLOCK',
      'NEWS_CLOCK',
      'NEWS_FORMAT',
    ]);
    expect(published()).toEqual(['in 1', 'in 4']);
    // What an account does not say any more is over for this account alone.
    nowMs += 60_000;
    send('a', [5]);
    await work.pass();
    expect(published()).toEqual(['in 4', 'in 5']);
  });

  it('that could not be written for the daemons are at the next look', async () => {
    // The empty calendar of this hour is done with.
    await work.pass();
    send('a', [1]);
    writeFileSync(paths.models, 'in the way of the folder');
    await work.pass();
    rmSync(paths.models);
    await work.pass();
    expect(published()).toEqual(['in 1']);
    const store = await openStore(storeUrl({}, paths));
    expect(await readNews(store)).toHaveLength(1);
    await store.close();
  });
});

describe('the calendar of a simulated market', () => {
  const MARKET_MS = Date.UTC(2024, 0, 22, 6);
  const simulated = () => {
    const settings = loadSettings({ env: {} });
    return { ...settings, minutehand: { ...settings.minutehand, market: 'simulated' as const } };
  };

  /** The daemon's journal, with a bar that closes at `MARKET_MS`. */
  function journalBar(): void {
    const path = paths.journal('simulated', 'main');
    mkdirSync(dirname(path), { recursive: true });
    const journal = openJournal(path);
    const time = (MARKET_MS / 1000 - 60) as OpenTime;
    const bar = { symbol: 'EURUSD', time, open: 1, high: 1, low: 1, close: 1, volume: 1 };
    journal.append([{ kind: 'bar', subject: 'EURUSD', time, bar, backfill: false }], []);
    journal.close();
  }

  it('goes by its newest bar, in the file of the daemons and in the list: its days are not those of the wall clock', async () => {
    const settings = simulated();
    expect(calendarNowMs(settings, paths, NOW_MS)).toBe(NOW_MS);
    journalBar();
    expect(calendarNowMs(settings, paths, NOW_MS)).toBe(MARKET_MS);
    const live = { ...settings, minutehand: { ...settings.minutehand, market: 'live' as const } };
    expect(calendarNowMs(live, paths, NOW_MS)).toBe(NOW_MS);

    await work.stop();
    work = startNews({
      settings,
      paths,
      log: pino({ level: 'silent' }),
      print: (line) => void printed.push(line),
      env,
      clock: { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 },
    });
    const store = await openStore(storeUrl(env, paths));
    const time = MARKET_MS / 1000 + 3600;
    const events = [{ time, currency: 'USD', importance: 'high' as const, name: 'a decision' }];
    const part = { source: 'week.csv', from: time, to: time + 2 * 86_400, events, knownFrom: 0 };
    await takeCalendar(store, part, NOW_MS);
    await work.pass();
    expect(published()).toEqual(['a decision']);
    const wish = { days: 7, importance: 'medium' as const, isAll: false };
    const next = await nextNews(store, settings, wish, calendarNowMs(settings, paths, NOW_MS));
    expect(next).toMatchObject({ events: [{ name: 'a decision' }], fault: null });
    await store.close();
  });
});
