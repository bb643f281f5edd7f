import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { tinySettings } from '../../../test/tiny_settings.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import { FLAT } from '../../../shared/core/position/position.ts';
import { createRng } from '../../../shared/rng.ts';
import { openJournal, type InputRow, type JournalFile } from '../../../shared/store/journal.ts';
import { bar, signal, word } from '../../../shared/store/journal_conformance.fixture.ts';
import { readJournalDay } from './journal_day.ts';

const PAIRS = ['EURUSD_GBPUSD', 'EURUSD_GBPUSD@1h'];
const DAY_MINUTES = 1440;
/** First minute of the day. */
const DAY = DAY_MINUTES * 19_000;
const PERIOD = { from: (60 * DAY) as OpenTime, to: (60 * (DAY + DAY_MINUTES)) as OpenTime };

const folder = mkdtempSync(join(tmpdir(), 'minutehand-journal-day-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Five days of which the day is the fourth, and `later` days a month after it. */
function fill(path: string, later: number): JournalFile {
  const store = openJournal(path);
  const rng = createRng('day');
  const body = '{"model_version":"v","policy_hash":"p","reason":"HOLD"';
  const minutes = [-3, -2, -1, 0, 1, ...Array.from({ length: later }, (_, i) => 30 + i)].flatMap((day) =>
    Array.from({ length: DAY_MINUTES / 5 }, (_, i) => DAY + day * DAY_MINUTES + 5 * i),
  );
  const isSuspect = (minute: number): boolean => minute % 100 === 0;
  const inputs = minutes.flatMap((minute) => {
    const of = (symbol: string): InputRow => {
      const open = 1 + 0.01 * rng.uniform();
      return bar(symbol, minute, { open, high: open * 1.001, low: open / 1.001, close: open });
    };
    return [of('EURUSD'), of('GBPUSD'), ...(isSuspect(minute) ? [word('suspect', 'EURUSD', minute)] : [])];
  });
  const answered = minutes.filter((minute) => !isSuspect(minute));
  store.append(
    inputs,
    answered.map((minute) => signal(PAIRS[0]!, minute, { body, position: JSON.stringify(FLAT) })),
  );
  return store;
}

it('of a day long ago, no inputs and signals are read that cannot change its comparison', () => {
  const { windows } = tinySettings().minutehand;
  const short = fill(join(folder, 'short.db'), 0);
  const long = fill(join(folder, 'long.db'), 3);
  const times: number[] = [];
  const inputsFrom = long.inputsFrom.bind(long);
  const signals = long.signals.bind(long);
  Object.assign(long, {
    *inputsFrom(...args: Parameters<JournalFile['inputsFrom']>) {
      for (const row of inputsFrom(...args)) yield ((times.push(row.time), row));
    },
    *signals(...args: Parameters<JournalFile['signals']>) {
      for (const row of signals(...args)) yield ((times.push(row.time), row));
    },
  });
  const day = readJournalDay(long, PAIRS, windows, PERIOD);
  expect(day).toEqual(readJournalDay(short, PAIRS, windows, PERIOD));
  expect(day.signals).toBeGreaterThan(0.9 * (DAY_MINUTES / 5));
  expect(day.pairs.map(({ history }) => history.rows)).toEqual([day.signals, 24]);
  expect(Math.max(...times)).toBeLessThan(PERIOD.to + 2 * 86_400);
  for (const store of [short, long]) store.close();
});
