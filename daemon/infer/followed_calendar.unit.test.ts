import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { calendarPath, writeCalendar } from '../../shared/calendar/calendar_file.ts';
import type { ScheduledEvent } from '../../shared/calendar/calendar_text.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { parseSubject } from '../../shared/pair.ts';
import type { Scheduler } from '../../shared/ports.ts';
import { followCalendar } from './followed_calendar.ts';

const NOW_S = Date.UTC(2026, 0, 9, 12) / 1000;
const DAY_S = 86_400;

const event = (currency: string, name: string): ScheduledEvent => ({
  time: NOW_S + 3600,
  currency,
  importance: 'high',
  name,
});

let models: string;
beforeEach(() => (models = mkdtempSync(join(tmpdir(), 'minutehand-calendar-'))));
afterEach(() => rmSync(models, { recursive: true }));

function write(events: readonly ScheduledEvent[], confirmedMs = NOW_S * 1000): void {
  writeCalendar(models, { confirmedMs, coversUntil: NOW_S + 3 * DAY_S, events });
}

/** Polled by hand. */
function follow() {
  const applied: string[][] = [];
  const printed: string[] = [];
  let nowMs = NOW_S * 1000;
  const scheduler: Scheduler = {
    afterTurn: () => undefined,
    after: () => () => undefined,
    every: () => () => undefined,
  };
  const calendar = followCalendar({
    modelsFolder: models,
    files: MACHINE_FILES,
    scheduler,
    pollMs: 500,
    subjects: [parseSubject('XAUUSD_XAGUSD'), parseSubject('EURUSD_EURGBP')],
    apply: (events) => void applied.push(events.map(({ name }) => name)),
    nowMs: () => nowMs,
    log: pino({ level: 'silent' }),
    print: (line) => void printed.push(line),
  });
  return { calendar, applied, printed, pass: (seconds: number) => (nowMs += 1000 * seconds) };
}

it('takes the events of its own currencies, and each calendar once', () => {
  const { calendar, applied } = follow();
  calendar.check();
  expect([applied, calendar.fault()?.code]).toEqual([[], 'NEWS_STALE']);
  write([event('USD', 'payrolls'), event('JPY', 'not ours'), event('GBP', 'rate')]);
  calendar.check();
  calendar.check();
  // The same events, confirmed again, and events of others are no news.
  write([event('USD', 'payrolls'), event('GBP', 'rate'), event('CAD', 'not ours')], NOW_S * 1000 + 1);
  calendar.check();
  expect(applied).toEqual([['rate', 'payrolls']]);
  expect(calendar.events().map(({ name }) => name)).toEqual(['rate', 'payrolls']);
  write([event('CHF', 'not ours')]);
  calendar.check();
  expect(applied).toEqual([['rate', 'payrolls'], []]);
});

it('keeps what it knows when the file is damaged, says so once, and is stale as time passes', () => {
  const { calendar, applied, printed, pass } = follow();
  write([event('EUR', 'rate')]);
  calendar.check();
  expect(calendar.fault()).toBeNull();
  writeFileSync(calendarPath(models), '{');
  calendar.check();
  calendar.check();
  expect(printed).toEqual([expect.stringMatching(/^NEWS_FORMAT: /)]);
  expect([calendar.fault()?.code, calendar.events().length, applied.length]).toEqual(['NEWS_FORMAT', 1, 1]);
  write([event('EUR', 'rate')]);
  calendar.check();
  expect([calendar.fault(), applied.length]).toEqual([null, 1]);
  pass(2 * DAY_S);
  expect(calendar.fault()).toBeNull();
  pass(1);
  expect(calendar.fault()?.code).toBe('NEWS_STALE');
});
