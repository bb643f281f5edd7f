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
  it('remembers the numbers of past bars without keeping the bars', async () => {
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

  it('completes a minute when its second leg comes, whichever is first', () => {
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

  it('knows at once that a leg is missing when that leg is already further on', () => {
    const { send, seen } = setUp(['A_B']);
    send('A', 1);
    send('A', 2);
    send('B', 2);
    expect(seen).toEqual(['A_B 1 LEG_MISSING', 'A_B 2 COMPLETE']);
    send('B', 3);
    send('A', 4);
    expect(seen.slice(2)).toEqual(['A_B 3 LEG_MISSING']);
  });

  it('ends a waiting minute on time-out, and the leg that comes after is late and never used', () => {
    const { aligner, send, seen } = setUp(['A_B']);
    send('A', 1);
    expect(aligner.overdue(2999, 2000)).toEqual([]);
    expect(aligner.overdue(3000, 2000)).toEqual([{ pairIndex: 0, time: at(1) }]);
    aligner.giveUp(0, at(1));
    expect(send('B', 1)).toBe('late');
    expect(seen).toEqual(['A_B 1 LEG_MISSING']);
    expect(aligner.overdue(1e9, 2000)).toEqual([]);
  });

  it('a bar that is late for one pair still completes another', () => {
    const { aligner, send, seen } = setUp(['A_B', 'C_B']);
    send('A', 1);
    aligner.giveUp(0, at(1));
    expect(send('B', 1)).toBe('accepted');
    send('C', 1);
    expect(seen).toEqual(['A_B 1 LEG_MISSING', 'C_B 1 COMPLETE']);
  });

  it('does not wait for a leg that is said to be empty', () => {
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

  it('gives no suspect bar to a pair, and says of the minute that it has one, whatever the other leg does', () => {
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
    aligner.giveUp(1, at(41));
    expect(seen.splice(0)).toEqual(['0 41 BAR_SUSPECT undefined 1', '1 41 BAR_SUSPECT undefined undefined']);
    // Neither a duplicate of the suspect bar nor an empty minute confirms it.
    expect([send('A', 41, 1000), send('A', 41, 1)]).toEqual(['duplicate', 'revised']);
    aligner.take('A', at(42), 'empty', false, 0);
    expect(aligner.screenOf('A')!.isSuspect).toBe(true);
    for (const symbol of ['A', 'B', 'C']) send(symbol, 43);
    expect(seen.filter((line) => line.includes(' 43 '))).toEqual(['0 43 COMPLETE 1 1', '1 43 COMPLETE 1 1']);
    expect(aligner.screenOf('A')!.verdict).toBe('refuted');
  });

  it('calls a minute history only when every leg that came was history', () => {
    const seen: boolean[] = [];
    const aligner = new Aligner([parsePair('A_B')], null, ({ backfill }) => seen.push(backfill));
    const take = (symbol: string, minute: number, backfill: boolean): void =>
      void aligner.take(symbol, at(minute), bar(symbol, minute), backfill, 0);
    take('A', 1, true);
    take('B', 1, true);
    take('A', 2, true);
    take('B', 2, false);
    take('A', 3, true);
    aligner.giveUp(0, at(3));
    take('A', 4, true);
    take('A', 5, false);
    take('B', 5, false);
    expect(seen).toEqual([true, false, true, true, false]);
  });

  it('gives every pair each minute at most once, in ascending order, complete exactly when both legs were taken in time', () => {
    const event = fc.record({
      symbol: fc.constantFrom('A', 'B', 'C'),
      minute: fc.integer({ min: 1, max: 30 }),
      kind: fc.constantFrom('bar', 'bar', 'bar', 'empty', 'giveUp'),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        const ids = ['A_B', 'C_B'];
        const seen: PairMinute[] = [];
        const aligner = new Aligner(ids.map(parsePair), null, (minute) => seen.push(minute));
        const taken = new Map<string, 'bar' | 'empty'>();
        for (const { symbol, minute, kind } of events) {
          if (kind === 'giveUp') {
            aligner.giveUp(symbol === 'A' ? 0 : 1, at(minute));
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
