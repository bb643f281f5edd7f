import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../bar.ts';
import { parsePair } from '../pair.ts';
import type { InputRow, JournalStore, ShadowRow, SignalRow } from './journal.ts';

/** One journal of the kind under test: `open` opens it, any number of times. */
export interface JournalUnderTest {
  open(): JournalStore;
}

const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

export const at = (minute: number): OpenTime => (minute * 60) as OpenTime;

export function bar(symbol: string, minute: number, changes: Partial<Bar> = {}): InputRow {
  const content: Bar = { symbol, time: at(minute), open: 1.1, high: 1.3, low: 1, close: 1.2, volume: 3, ...changes };
  return { kind: 'bar', subject: symbol, time: at(minute), bar: content, backfill: false };
}

export function word(kind: Exclude<InputRow['kind'], 'bar'>, subject: string, minute: number): InputRow {
  return { kind, subject, time: at(minute), bar: null, backfill: false };
}

export function signal(pairId: string, minute: number, changes: Partial<SignalRow> = {}): SignalRow {
  return {
    bootId: 'boot',
    seq: 1,
    pairId,
    time: at(minute),
    signalId: `${pairId}${minute}`,
    body: '{"a":1',
    featuresCrc: '0123abcd',
    riskProb: 0.25,
    position: `{"minute":${minute}}`,
    generatedAtMs: 1,
    ...changes,
  };
}

export function shadow(pairId: string, minute: number, modelVersion: string): ShadowRow {
  return {
    signalId: `${pairId}${minute}`,
    pairId,
    time: at(minute),
    modelVersion,
    body: '{"b":1',
    riskProb: null,
    position: `{"shadow":${minute}}`,
  };
}

const byPair = (x: { pairId: string }, y: { pairId: string }): number => (x.pairId < y.pairId ? -1 : 1);

/** Requirements of every JournalStore, on disk or in memory. */
export function describeJournalStore(kind: string, create: () => JournalUnderTest): void {
  describe(`the journal ${kind}`, () => {
    it('returns inputs in the order in which they took effect, to the bit', () => {
      const store = create().open();
      const rows: InputRow[] = [
        bar('B', 2, { close: 0.1 + 0.2, spread: 1e-7 }),
        bar('A', 2, { volume: 0 }),
        word('empty', 'A', 3),
        word('timeout', 'A_B', 3),
        { ...bar('B', 3), backfill: true },
        word('silence_halt', 'A_B', 3),
        word('shutdown', 'A_B', 3),
        word('swap', '20251014_1200', 3),
        bar('A', 4, { open: 5e-324, high: 1.7e308, takerBuyVolume: 0.1, trades: 0 }),
      ];
      store.append(rows.slice(0, 4), []);
      store.append(rows.slice(4), []);
      expect([...store.inputsFrom(at(0))]).toEqual(rows);
      expect([...store.inputsFrom(at(4))]).toEqual(rows.slice(8));
      const series = [3, 4, 5].map((minute) => word('series', `A sentiment ${minute} ${minute} 0.1`, minute));
      store.append(series, []);
      expect([...store.seriesBetween(at(4), at(5))]).toEqual([series[1]]);
      expect([...store.seriesBetween(at(0), at(6))]).toEqual(series);
      const earlier = [5, 6].map((minute) => word('earlier', `{"time":${at(minute)}}`, minute));
      store.append(earlier, []);
      expect([...store.earlierChanges()]).toEqual(earlier);
      expect([...store.bars('A')]).toEqual([rows[1]!.bar, rows[8]!.bar]);
      expect([...store.bars('A', at(2), at(4))]).toEqual([rows[1]!.bar]);
      expect([...store.bars('A', at(3))]).toEqual([rows[8]!.bar]);
      expect(store.newestBars('A', 2)).toEqual([at(4), at(2)]);
      expect(store.newestBars('A', 1)).toEqual([at(4)]);
      expect(store.lastBars()).toEqual(
        new Map([
          ['A', at(4)],
          ['B', at(3)],
        ]),
      );
      store.close();
    });

    it('is empty at first', () => {
      const store = create().open();
      expect([[...store.inputsFrom(at(0))], [...store.signals()], store.lastSignals(), store.lastBoot()]).toEqual([
        [],
        [],
        [],
        null,
      ]);
      expect([store.newestBars('A', 5), store.lastBars().size]).toEqual([[], 0]);
      store.close();
    });

    it('returns the newest signal of each pair, and the last boot', () => {
      const journal = create();
      const store = journal.open();
      store.append([], [signal('A_B', 1), signal('C_D', 1)]);
      store.append([], [signal('A_B', 2)]);
      for (const startedMs of [2, 10]) {
        store.addBoot({
          bootId: `b${String(startedMs).padStart(2, '0')}`,
          market: 'live',
          featureSchema: 'f',
          policyHash: 'p',
          startedMs,
        });
      }
      store.close();
      const again = journal.open();
      expect(again.lastSignals().sort(byPair)).toEqual([
        { pairId: 'A_B', time: at(2), position: '{"minute":2}' },
        { pairId: 'C_D', time: at(1), position: '{"minute":1}' },
      ]);
      expect([...again.signals()].map(({ pairId, time }) => `${pairId} ${time}`)).toEqual([
        'A_B 60',
        'C_D 60',
        'A_B 120',
      ]);
      expect(again.lastBoot()).toMatchObject({ bootId: 'b10', startedMs: 10 });
      expect(() =>
        again.addBoot({ bootId: 'b10', market: 'live', featureSchema: '', policyHash: '', startedMs: 1 }),
      ).toThrowError(withCode('JOURNAL_WRITE'));
      again.close();
    });

    it('keeps the answers of shadow sets, and returns the newest answer of each pair by version', () => {
      const store = create().open();
      store.append([], [], [shadow('A_B', 1, 'v1'), shadow('C_D', 1, 'v1')]);
      store.append([], [signal('A_B', 2)], [shadow('A_B', 2, 'v1'), shadow('C_D', 2, 'v2')]);
      expect([...store.shadows()]).toEqual([
        shadow('A_B', 1, 'v1'),
        shadow('C_D', 1, 'v1'),
        shadow('A_B', 2, 'v1'),
        shadow('C_D', 2, 'v2'),
      ]);
      expect(store.lastShadows('v1').sort(byPair)).toEqual([
        { pairId: 'A_B', time: at(2), position: '{"shadow":2}' },
        { pairId: 'C_D', time: at(1), position: '{"shadow":1}' },
      ]);
      expect(store.lastShadows('v3')).toEqual([]);
      store.close();
    });

    it('stores all of a batch or nothing of it', () => {
      const store = create().open();
      store.append([bar('A', 1)], [signal('A_B', 1)]);
      const torn = signal('A_B', 2, { body: null as unknown as string });
      expect(() => store.append([bar('A', 2), bar('B', 2)], [signal('A_B', 2), torn])).toThrowError(
        withCode('JOURNAL_WRITE'),
      );
      expect([...store.inputsFrom(at(0))]).toEqual([bar('A', 1)]);
      expect(store.lastSignals()).toHaveLength(1);
      store.append([bar('A', 2)], [signal('A_B', 2)]);
      expect(store.lastSignals()[0]!.time).toBe(at(2));
      store.close();
    });

    it('keeps the position of a feed with its inputs, and never without them', () => {
      const journal = create();
      const store = journal.open();
      expect(store.feedPosition()).toBeNull();
      store.append([bar('A', 1)], [], [], '5-1');
      store.append([bar('A', 2)], []);
      expect(store.feedPosition()).toBe('5-1');
      const torn = signal('A_B', 2, { body: null as unknown as string });
      expect(() => store.append([bar('A', 3)], [torn], [], '6-0')).toThrowError(withCode('JOURNAL_WRITE'));
      store.close();
      const again = journal.open();
      expect(again.feedPosition()).toBe('5-1');
      again.append([], [], [], '7-0');
      expect(again.feedPosition()).toBe('7-0');
      again.close();
    });

    it('reads inputs, signals and shadows of one moment within a snapshot, whatever is written meanwhile', async () => {
      const journal = create();
      const writer = journal.open();
      const reader = journal.open();
      const contents = (store: JournalStore): number[] => [
        [...store.inputsFrom(at(0))].length,
        [...store.signals()].length,
        [...store.shadows()].length,
      ];
      writer.append([bar('A', 1)], [signal('A_B', 1)], [shadow('A_B', 1, 'v')]);
      const seen = await reader.snapshot(async (store) => {
        const before = contents(store);
        await Promise.resolve();
        writer.append([bar('A', 2)], [signal('A_B', 2)], [shadow('A_B', 2, 'v')]);
        writer.forgetBefore(at(2));
        writer.append([bar('A', 3)], [signal('A_B', 3)]);
        return [before, contents(store)];
      });
      expect(seen).toEqual([
        [1, 1, 1],
        [1, 1, 1],
      ]);
      expect(contents(reader)).toEqual([2, 2, 1]);
      await expect(reader.snapshot(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
      expect(await reader.snapshot((store) => Promise.resolve(contents(store)))).toEqual([2, 2, 1]);
      writer.close();
      reader.close();
    });

    it('deletes what is older than a minute and nothing else', () => {
      const store = create().open();
      store.append(
        [bar('A', 1), bar('A', 2), word('timeout', 'A_B', 2), bar('A', 3)],
        [signal('A_B', 1), signal('A_B', 2)],
        [shadow('A_B', 1, 'v'), shadow('A_B', 2, 'v')],
      );
      store.forgetBefore(at(2));
      expect([...store.inputsFrom(at(0))]).toEqual([bar('A', 2), word('timeout', 'A_B', 2), bar('A', 3)]);
      expect([...store.shadows()]).toHaveLength(1);
      store.forgetBefore(at(9));
      expect([[...store.inputsFrom(at(0))], store.lastSignals()]).toEqual([[], []]);
      store.close();
    });

    it('returns the active halts at the end, across boots, and deletes only those that others replaced', () => {
      const journal = create();
      const store = journal.open();
      expect(store.lastHalts()).toBe('');
      store.append([bar('A', 1), word('halts', 'A_B@v1', 1), bar('A', 2)], []);
      store.append([word('halts', 'A_B@v1 C_D@v1', 2), word('boot', 'b2', 2), bar('A', 3), bar('A', 4)], []);
      expect(store.lastHalts()).toBe('A_B@v1 C_D@v1');
      store.forgetBefore(at(4));
      expect([...store.inputsFrom(at(0))]).toEqual([word('halts', 'A_B@v1 C_D@v1', 2), bar('A', 4)]);
      const again = journal.open();
      expect(again.lastHalts()).toBe('A_B@v1 C_D@v1');
      again.close();
      store.append([word('halts', '', 4), bar('A', 5)], []);
      expect(store.lastHalts()).toBe('');
      store.close();
    });

    it('returns the fence of the newest lease that was held or seen', () => {
      const journal = create();
      const store = journal.open();
      expect(store.lastFence()).toBe(0);
      store.append([word('lease', '1700000000007', 1), bar('A', 1), word('lease', '', 1), bar('A', 2)], []);
      expect(store.lastFence()).toBe(1700000000007);
      store.append([word('lease', 'seen 1700000000009', 2), word('boot', 'b2', 2)], []);
      const again = journal.open();
      expect(again.lastFence()).toBe(1700000000009);
      again.close();
      store.close();
    });

    it('finds the minute from which the last bars of a pair were complete, like a full scan', () => {
      const minute = fc.integer({ min: 1, max: 25 });
      const row = fc.record({
        symbol: fc.constantFrom('A', 'B', 'C'),
        minute,
        kind: fc.constantFrom('bar', 'bar', 'bar', 'bar', 'suspect', 'empty', 'timeout'),
      });
      fc.assert(
        fc.property(
          fc.array(row, { maxLength: 120 }),
          fc.integer({ min: 1, max: 30 }),
          minute,
          (events, count, until) => {
            const store = create().open();
            const rows = new Map<string, InputRow>();
            for (const { symbol, minute, kind } of events) {
              const subject = kind === 'timeout' ? `${symbol}_${symbol === 'B' ? 'C' : 'B'}` : symbol;
              if (rows.has(`${subject}${minute}`)) continue;
              rows.set(
                `${subject}${minute}`,
                kind === 'bar' || kind === 'suspect'
                  ? bar(symbol, minute)
                  : word(kind as 'empty' | 'timeout', subject, minute),
              );
              if (kind === 'suspect') rows.set(`${subject}${minute} suspect`, word('suspect', subject, minute));
            }
            store.append([...rows.values()], []);
            for (const id of ['A_B', 'B_C', 'C_B']) {
              const pair = parsePair(id);
              const common: OpenTime[] = [];
              const complete: OpenTime[] = [];
              for (let minute = until; minute >= 1; minute--) {
                const both = [pair.a, pair.b].every((symbol) => rows.get(`${symbol}${minute}`)?.kind === 'bar');
                if (!both || rows.has(`${id}${minute}`)) continue;
                common.push(at(minute));
                const isSuspect = [pair.a, pair.b].some((symbol) => rows.has(`${symbol}${minute} suspect`));
                if (!isSuspect) complete.push(at(minute));
              }
              const found = complete.length < count ? common.at(-1) : complete[count - 1];
              expect(store.commonMinuteBefore(pair, count, at(until))).toBe(found ?? null);
              const ofLeg = Array.from({ length: until }, (_, i) => until - i).filter(
                (minute) => rows.get(`${pair.a}${minute}`)?.kind === 'bar',
              );
              const oldest = ofLeg.slice(0, count).at(-1);
              expect(store.barBefore(pair.a, count, at(until))).toBe(oldest === undefined ? null : at(oldest));
            }
            store.close();
          },
        ),
        { numRuns: 200 },
      );
    });
  });
}
