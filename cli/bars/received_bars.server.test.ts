import fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import { columnsOf, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { homePaths } from '../../shared/home.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { openReceivedBars, withReceived } from './received_bars.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'received-bars-'));
  vi.stubEnv('MINUTEHAND_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const bar = (minute: number, close: number, own: Partial<Bar> = {}): Bar => ({
  symbol: 'EURUSD',
  time: (minute * 60) as OpenTime,
  open: close,
  high: close,
  low: close,
  close,
  volume: 1,
  ...own,
});

const rowsOf = ({ time, close, spread, flow, length }: BarColumns) =>
  Array.from({ length }, (_, i) => [time[i], close[i], spread?.[i] ?? NaN, flow?.trades?.[i] ?? NaN]);

function journalOf(shard: string, bars: readonly Bar[]): void {
  const path = homePaths().journal('live', shard);
  mkdirSync(dirname(path), { recursive: true });
  const journal = openJournal(path);
  journal.append(
    bars.map((own) => ({ kind: 'bar', subject: own.symbol, time: own.time, bar: own, backfill: false })),
    [],
  );
  journal.close();
}

async function all(pages: AsyncIterable<BarColumns>): Promise<BarColumns[]> {
  const read: BarColumns[] = [];
  for await (const page of pages) read.push(page);
  return read;
}

it('are those of all shards, within the period', () => {
  journalOf('main', [bar(1, 1.1), bar(2, 1.2, { spread: 0.5 }), bar(5, 1.5)]);
  journalOf('other', [bar(3, 1.3, { trades: 7, takerBuyVolume: 2 }), { ...bar(3, 9), symbol: 'XAUUSD' }]);
  const received = openReceivedBars('live', ['main', 'other', 'absent']);
  expect(received.symbols).toEqual(['EURUSD', 'XAUUSD']);
  const period = { from: 120 as OpenTime, to: 300 as OpenTime };
  expect(rowsOf(received.read('EURUSD', period))).toEqual([
    [120, 1.2, 0.5, NaN],
    [180, 1.3, NaN, 7],
  ]);
  expect(received.read('GBPUSD', {}).length).toBe(0);
  received.close();
  expect(openReceivedBars('simulated', ['main']).symbols).toEqual([]);
});

it('are read from the journal for the period that is asked for, and for no other', () => {
  journalOf('main', [bar(1, 1.1), bar(2, 1.2), bar(3, 1.3), bar(9, 1.9)]);
  const probe = openJournal(homePaths().journal('live', 'main'), { readOnly: true });
  const read = vi.spyOn(Object.getPrototypeOf(probe) as typeof probe, 'bars');
  probe.close();
  const received = openReceivedBars('live', ['main']);
  received.read('EURUSD', { from: 120 as OpenTime, to: 240 as OpenTime });
  expect(read.mock.calls).toEqual([['EURUSD', 120, 240]]);
  read.mockRestore();
  received.close();
});

it('of an hour have the time of their open, as stored ones', () => {
  const hours = Array.from({ length: 30 }, (_, i) => bar(i * 60 + 59, 1 + i / 100));
  journalOf('main', hours);
  const received = openReceivedBars('live', ['main']);
  expect(Array.from(received.read('EURUSD', {}).time.slice(0, 2))).toEqual([0, 3600]);
  const afternoon = received.read('EURUSD', { from: 7200 as OpenTime, to: 14_400 as OpenTime });
  expect(Array.from(afternoon.time)).toEqual([7200, 10_800]);
  received.close();
});

it('take their place among pages of stored bars, and that of stored ones of the same minute', async () => {
  const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(minutes, minutes, fc.integer({ min: 1, max: 9 }), async (stored, received, size) => {
      const ascending = (own: readonly number[]) => [...own].sort((a, b) => a - b);
      const storedBars = ascending(stored).map((minute) => bar(minute, 1));
      const receivedBars = ascending(received).map((minute) => bar(minute, 2, { trades: minute }));
      async function* pages(): AsyncGenerator<BarColumns, void> {
        for (let i = 0; i < storedBars.length; i += size) yield columnsOf('EURUSD', storedBars.slice(i, i + size));
      }
      const expected = new Map([...storedBars, ...receivedBars].map((own) => [own.time, own]));
      const merged = (await all(withReceived(pages(), columnsOf('EURUSD', receivedBars)))).flatMap(rowsOf);
      const wanted = [...expected.values()].sort((a, b) => a.time - b.time);
      expect(merged).toEqual(wanted.map(({ time, close, trades }) => [time, close, NaN, trades ?? NaN]));
    }),
  );
});
