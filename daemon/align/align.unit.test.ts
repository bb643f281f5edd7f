import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import { parsePair } from '../../shared/pair.ts';
import { collectAll } from '../../test/collections.ts';
import { Aligner } from './align.ts';
import type { PairMinute } from './minute.ts';

const bar = (symbol: string, minute: number, close = 1): Bar => ({
  symbol,
  time: (minute * 60) as OpenTime,
  open: 1,
  high: 2,
  low: 0.5,
  close,
  volume: 0,
});
const at = (minute: number): OpenTime => (minute * 60) as OpenTime;

function setUp(pairIds: string[]): {
  aligner: Aligner;
  send(symbol: string, minute: number, close?: number): string;
  empty(symbol: string, minute: number): string;
  seen: string[];
} {
  const seen: string[] = [];
  const pairs = pairIds.map(parsePair);
  const aligner = new Aligner(pairs, null, ({ pairIndex, time, outcome }: PairMinute) =>
    seen.push(`${pairIds[pairIndex]} ${time / 60} ${outcome}`),
  );
  return {
    aligner,
    seen,
    send: (symbol, minute, close) => aligner.take(symbol, at(minute), bar(symbol, minute, close), false, minute * 1000),
    empty: (symbol, minute) => aligner.take(symbol, at(minute), 'empty', false, minute * 1000),
  };
}

describe('Aligner', () => {
  it('retains the numbers of past bars without keeping the bars', async () => {
    const { aligner, send } = setUp(['A_B']);
    const takeNew = (symbol: string, minute: number): WeakRef<Bar> => {
      const taken = bar(symbol, minute);
      aligner.take(symbol, taken.time, taken, false, 0);
      return new WeakRef(taken);
    };
    const past: WeakRef<Bar>[] = [];
    for (let minute = 1; minute <= 100; minute++) past.push(takeNew('A', minute), takeNew('B', minute));
    // A reference that was just made keeps its object until the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    collectAll();
    expect(past.filter((each) => each.deref() !== undefined)).toEqual([]);
    expect([send('A', 50), send('A', 50, 1.5), send('A', 101)]).toEqual(['duplicate', 'revised', 'accepted']);
  });

  it('gives a pair the bar of another symbol that closed one bar earlier, as far as it has come by then, and waits for none', () => {
    const { aligner, send, seen } = setUp(['A_B', 'X_Y']);
    aligner.readOthers = ['X', 'NONE'];
    const both = (minute: number): void => ['A', 'B'].forEach((leg) => void send(leg, minute));
    const valueAt = (minute: number): number | undefined => aligner.othersAt(0, at(minute))!.get('X')?.close;
    send('X', 1, 1.25);
    send('X', 2, 1.5);
    both(2);
    expect([seen.at(-1), valueAt(2)]).toEqual(['A_B 2 COMPLETE', 1.25]);
    // Nothing of minute 3: its bar is not replaced by an older one.
    both(4);
    expect([seen.at(-1), valueAt(4)]).toEqual(['A_B 4 COMPLETE', undefined]);
    send('X', 3, 1.75);
    both(5);
    expect(valueAt(5)).toBeUndefined();
    send('X', 5, 0.75);
    both(6);
    expect(valueAt(6)).toBe(0.75);
  });

  it('makes the bars of other symbols of their minutes in the timeframe of the pair', () => {
    const { aligner, send } = setUp(['A_B@5m', 'X_Y']);
    aligner.readOthers = ['X'];
    for (const [minute, close] of [
      [3, 1.25],
      [5, 1.5],
      [7, 0.75],
      [10, 1.75],
    ] as const)
      send('X', minute, close);
    expect(aligner.othersAt(0, at(9))!.get('X')).toMatchObject({ time: at(4), close: 1.25 });
    expect(aligner.othersAt(0, at(14))!.get('X')).toMatchObject({ time: at(9), open: 1, close: 0.75 });
    expect(aligner.othersAt(0, at(19))!.get('X')).toMatchObject({ time: at(14), close: 1.75 });
    send('X', 11, 2);
    expect(aligner.othersAt(0, at(19))!.get('X')).toMatchObject({ time: at(14), close: 2 });
  });

  it('completes a minute when its second leg arrives, in either order', () => {
    const { send, seen } = setUp(['A_B']);
    send('A', 1);
    expect(seen).toEqual([]);
    send('B', 1);
    send('B', 2);
    send('A', 2);
    expect(seen).toEqual(['A_B 1 COMPLETE', 'A_B 2 COMPLETE']);
  });

  it('gives one bar to all pairs of its symbol', () => {
    const { send, seen } = setUp(['A_B', 'A_C', 'C_B']);
    send('B', 1);
    send('C', 1);
    send('A', 1);
    expect(seen).toEqual(['C_B 1 COMPLETE', 'A_B 1 COMPLETE', 'A_C 1 COMPLETE']);
  });

  it('detects at once that a leg is missing when that leg is already at a later minute', () => {
    const { send, seen } = setUp(['A_B']);
    send('A', 1);
    send('A', 2);
    send('B', 2);
    expect(seen).toEqual(['A_B 1 LEG_MISSING', 'A_B 2 COMPLETE']);
    send('B', 3);
    send('A', 4);
    expect(seen.slice(2)).toEqual(['A_B 3 LEG_MISSING']);
  });

  it('ends a waiting minute on time-out, and a leg that arrives later is late and never used', () => {
    const { aligner, send, seen } = setUp(['A_B']);
    send('A', 1);
    expect(aligner.overdue(2999, 2000)).toEqual([]);
    expect(aligner.overdue(3000, 2000)).toEqual([{ pairIndex: 0, time: at(1) }]);
    aligner.abandon(0, at(1));
    expect(send('B', 1)).toBe('late');
    expect(seen).toEqual(['A_B 1 LEG_MISSING']);
    expect(aligner.overdue(1e9, 2000)).toEqual([]);
  });

  it('a bar that is late for one pair still completes another', () => {
    const { aligner, send, seen } = setUp(['A_B', 'C_B']);
    send('A', 1);
    aligner.abandon(0, at(1));
    expect(send('B', 1)).toBe('accepted');
    send('C', 1);
    expect(seen).toEqual(['A_B 1 LEG_MISSING', 'C_B 1 COMPLETE']);
  });

  it('does not wait for a leg that is marked empty', () => {
    const { send, empty, seen } = setUp(['A_B']);
    send('A', 1);
    empty('B', 1);
    empty('A', 2);
    empty('B', 2);
    expect(seen).toEqual(['A_B 1 LEG_EMPTY', 'A_B 2 LEG_EMPTY']);
  });

  it('ignores a bar sent again, refuses a revised one and one that is out of order', () => {
    const { send, empty, seen } = setUp(['A_B']);
    send('A', 1);
    send('A', 3);
    expect(send('A', 1)).toBe('duplicate');
    expect(send('A', 3)).toBe('duplicate');
    expect(send('A', 1, 1.5)).toBe('revised');
    expect(send('A', 3, 1.5)).toBe('revised');
    expect(empty('A', 3)).toBe('revised');
    expect(send('A', 2)).toBe('out_of_order');
    expect(seen).toEqual([]);
  });

  it('recognizes a bar again by every one of its numbers, those that are absent included', () => {
    const { aligner } = setUp(['A_B']);
    const whole: Bar = { ...bar('A', 1), volume: 7, spread: 0.5, takerBuyVolume: 3, trades: 4 };
    const again = (content: Bar | 'empty'): string => aligner.take('A', at(1), content, false, 0);
    expect([again(whole), again({ ...whole })]).toEqual(['accepted', 'duplicate']);
    for (const name of ['open', 'high', 'low', 'close', 'volume', 'spread', 'takerBuyVolume', 'trades'] as const)
      expect(again({ ...whole, [name]: 1.25 }), name).toBe('revised');
    const { spread: _, ...bare } = whole;
    expect([again(bare), again('empty')]).toEqual(['revised', 'revised']);
    aligner.take('A', at(2), bare, false, 0);
    const second = (content: Bar): string => aligner.take('A', at(2), content, false, 0);
    expect([second(bare), second({ ...bare, spread: 0 })]).toEqual(['duplicate', 'revised']);
    aligner.take('A', at(3), { ...bare, volume: 0 }, false, 0);
    expect(aligner.take('A', at(3), { ...bare, volume: -0 }, false, 0)).toBe('duplicate');
    aligner.take('A', at(4), 'empty', false, 0);
    expect(aligner.take('A', at(4), 'empty', false, 0)).toBe('duplicate');
  });

  it('recognizes the last 1500 minutes of a symbol, and reports older ones as out of order', () => {
    const { send } = setUp(['A_B']);
    for (let minute = 1; minute <= 1500; minute++) send('A', minute * 2);
    expect([send('A', 2), send('A', 2, 1.5), send('A', 1), send('A', 3)]).toEqual([
      'duplicate',
      'revised',
      'out_of_order',
      'out_of_order',
    ]);
    send('A', 3002);
    expect([send('A', 2), send('A', 4), send('A', 3002), send('A', 3002, 1.5)]).toEqual([
      'out_of_order',
      'duplicate',
      'duplicate',
      'revised',
    ]);
  });

  it('lists its symbols, and the newest minute of each that has any', () => {
    const { aligner, send, empty } = setUp(['A_B', 'C_B']);
    expect(['A', 'B', 'C', 'D'].map((symbol) => aligner.hasSymbol(symbol))).toEqual([true, true, true, false]);
    expect([...aligner.lastTimes()]).toEqual([]);
    send('B', 3);
    send('B', 2);
    empty('C', 5);
    expect([...aligner.lastTimes()]).toEqual([
      ['B', at(3)],
      ['C', at(5)],
    ]);
    expect(aligner.screenOf('A')).toBeNull();
  });

  it('lists each overdue minute of each pair, the oldest first', () => {
    const { aligner, send, seen } = setUp(['A_B', 'C_D']);
    send('A', 1);
    send('D', 2);
    send('A', 3);
    expect(aligner.overdue(5000, 2000)).toEqual([
      { pairIndex: 0, time: at(1) },
      { pairIndex: 0, time: at(3) },
      { pairIndex: 1, time: at(2) },
    ]);
    expect(aligner.overdue(3999, 2000)).toEqual([{ pairIndex: 0, time: at(1) }]);
    expect(seen).toEqual([]);
  });

  it('ends only the minutes up to the abandoned one', () => {
    const { aligner, send, seen } = setUp(['A_B', 'C_B']);
    for (const minute of [1, 2, 3]) send('B', minute);
    aligner.abandon(0, at(0));
    expect(seen).toEqual([]);
    aligner.abandon(0, at(2));
    expect(seen.splice(0)).toEqual(['A_B 1 LEG_MISSING', 'A_B 2 LEG_MISSING']);
    expect(aligner.overdue(1e9, 0)).toEqual([
      { pairIndex: 0, time: at(3) },
      ...[1, 2, 3].map((minute) => ({ pairIndex: 1, time: at(minute) })),
    ]);
    send('A', 3);
    expect(seen).toEqual(['A_B 3 COMPLETE']);
  });

  it('marks a bar as late when every pair of its symbol has abandoned its minute', () => {
    const { aligner, send, seen } = setUp(['A_B', 'A_C']);
    send('B', 1);
    send('C', 1);
    aligner.abandon(0, at(1));
    aligner.abandon(1, at(1));
    expect(send('A', 1)).toBe('late');
    expect(send('A', 1)).toBe('duplicate');
    expect(seen).toEqual(['A_B 1 LEG_MISSING', 'A_C 1 LEG_MISSING']);
  });

  it('marks a minute as history also where the missing leg is at a later minute, and as live where its only leg is live', () => {
    const seen: [number, boolean, string][] = [];
    const aligner = new Aligner([parsePair('A_B')], null, ({ time, backfill, outcome }) =>
      seen.push([time / 60, backfill, outcome]),
    );
    const take = (symbol: string, minute: number, backfill: boolean): void =>
      void aligner.take(symbol, at(minute), bar(symbol, minute), backfill, 0);
    take('A', 2, false);
    take('B', 1, true);
    take('B', 2, true);
    take('A', 4, true);
    take('B', 3, false);
    expect(seen).toEqual([
      [1, true, 'LEG_MISSING'],
      [2, false, 'COMPLETE'],
      [3, false, 'LEG_MISSING'],
    ]);
  });

  it('gives each leg its own bar', () => {
    const seen: PairMinute[] = [];
    const aligner = new Aligner([parsePair('A_B')], null, (minute) => seen.push(minute));
    const a = bar('A', 1, 1.25);
    const b = bar('B', 1, 1.5);
    aligner.take('B', at(1), b, false, 0);
    aligner.take('A', at(1), a, false, 0);
    aligner.take('A', at(2), 'empty', false, 0);
    aligner.take('B', at(2), bar('B', 2), false, 0);
    expect(seen).toEqual([
      { pairIndex: 0, time: at(1), a, b, outcome: 'COMPLETE', backfill: false },
      { pairIndex: 0, time: at(2), a: null, b: bar('B', 2), outcome: 'LEG_EMPTY', backfill: false },
    ]);
  });

  it('gives no suspect bar to a pair, and marks the minute as having one, whatever the other leg does', () => {
    const seen: string[] = [];
    const aligner = new Aligner(['A_B', 'C_A'].map(parsePair), { sigmas: 60, min_move_bps: 50 }, (minute) =>
      seen.push(`${minute.pairIndex} ${minute.time / 60} ${minute.outcome} ${minute.a?.close} ${minute.b?.close}`),
    );
    const send = (symbol: string, minute: number, close = 1): string => {
      const content = { ...bar(symbol, minute), open: close, high: close * 1.0001, low: close / 1.0001, close };
      return aligner.take(symbol, at(minute), content, false, 0);
    };
    for (let minute = 1; minute <= 40; minute++) for (const symbol of ['A', 'B', 'C']) send(symbol, minute);
    expect(seen.splice(0)).toHaveLength(80);
    expect([send('A', 41, 1000), send('B', 41)]).toEqual(['accepted', 'accepted']);
    aligner.abandon(1, at(41));
    expect(seen.splice(0)).toEqual(['0 41 BAR_SUSPECT undefined 1', '1 41 BAR_SUSPECT undefined undefined']);
    // Neither a duplicate of the suspect bar nor an empty minute confirms it.
    expect([send('A', 41, 1000), send('A', 41, 1)]).toEqual(['duplicate', 'revised']);
    aligner.take('A', at(42), 'empty', false, 0);
    expect(aligner.screenOf('A')!.isSuspect).toBe(true);
    for (const symbol of ['A', 'B', 'C']) send(symbol, 43);
    expect(seen.filter((line) => line.includes(' 43 '))).toEqual(['0 43 COMPLETE 1 1', '1 43 COMPLETE 1 1']);
    expect(aligner.screenOf('A')!.verdict).toBe('refuted');
  });

  it('replaces a suspect bar with none', () => {
    const seen: PairMinute[] = [];
    const aligner = new Aligner([parsePair('A_B')], { sigmas: 60, min_move_bps: 50 }, (minute) => seen.push(minute));
    for (let minute = 1; minute <= 40; minute++)
      for (const symbol of ['A', 'B'])
        aligner.take(symbol, at(minute), { ...bar(symbol, minute), high: 1.0001, low: 0.9999 }, false, 0);
    aligner.take('A', at(41), { ...bar('A', 41), high: 1000 }, false, 0);
    aligner.take('B', at(41), bar('B', 41), false, 0);
    expect(seen.at(-1)).toMatchObject({ outcome: 'BAR_SUSPECT', a: null });
  });

  it('marks a minute as history only when every received leg was history', () => {
    const seen: boolean[] = [];
    const aligner = new Aligner([parsePair('A_B')], null, ({ backfill }) => seen.push(backfill));
    const take = (symbol: string, minute: number, backfill: boolean): void =>
      void aligner.take(symbol, at(minute), bar(symbol, minute), backfill, 0);
    take('A', 1, true);
    take('B', 1, true);
    take('A', 2, true);
    take('B', 2, false);
    take('A', 3, true);
    aligner.abandon(0, at(3));
    take('A', 4, true);
    take('A', 5, false);
    take('B', 5, false);
    expect(seen).toEqual([true, false, true, true, false]);
  });

  it('gives every pair each minute at most once, in ascending order, complete exactly when both legs were taken in time', () => {
    const event = fc.record({
      symbol: fc.constantFrom('A', 'B', 'C'),
      minute: fc.integer({ min: 1, max: 30 }),
      kind: fc.constantFrom('bar', 'bar', 'bar', 'empty', 'abandon'),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        const ids = ['A_B', 'C_B'];
        const seen: PairMinute[] = [];
        const aligner = new Aligner(ids.map(parsePair), null, (minute) => seen.push(minute));
        const taken = new Map<string, 'bar' | 'empty'>();
        for (const { symbol, minute, kind } of events) {
          if (kind === 'abandon') {
            aligner.abandon(symbol === 'A' ? 0 : 1, at(minute));
            continue;
          }
          const content = kind === 'bar' ? bar(symbol, minute) : 'empty';
          if (['accepted', 'late'].includes(aligner.take(symbol, at(minute), content, false, 0)))
            taken.set(`${symbol}${minute}`, kind === 'bar' ? 'bar' : 'empty');
        }
        for (let p = 0; p < 2; p++) {
          const mine = seen.filter((minute) => minute.pairIndex === p);
          const times = mine.map((minute) => minute.time);
          expect(times).toEqual([...new Set(times)].sort((x, y) => x - y));
          for (const { time, a, b, outcome } of mine) {
            const [legA, legB] = ids[p]!.split('_');
            if (outcome === 'COMPLETE') expect([a!.time, b!.time]).toEqual([time, time]);
            if (a !== null) expect(taken.get(`${legA}${time / 60}`)).toBe('bar');
            if (b !== null) expect(taken.get(`${legB}${time / 60}`)).toBe('bar');
            if (outcome === 'LEG_EMPTY')
              expect([taken.get(`${legA}${time / 60}`), taken.get(`${legB}${time / 60}`)]).toContain('empty');
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
