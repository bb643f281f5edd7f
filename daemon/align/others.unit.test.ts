import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import { KEPT_BARS } from '../../shared/core/resample/recent_bars.ts';
import { barSecondsOf, parsePair } from '../../shared/pair.ts';
import type { InputRow } from '../../shared/store/journal.ts';
import { journaledOthers } from '../../shared/store/journaled_others.ts';
import { inTimeframe, minutesIn, endOfBar } from '../arrivals.fixture.ts';
import { Aligner } from './align.ts';
import type { PairMinute } from './minute.ts';
import { PairResampler } from './resample.ts';

const PAIRS = ['A_B', 'A_B@5m', 'X_A', 'C_D@1h'].map(parsePair);
const SYMBOLS = ['A', 'B', 'C', 'D', 'X'];
const READ = ['A', 'X', 'Y'];

interface Step {
  readonly symbol: string;
  /** Minutes after its last one. */
  readonly gap: number;
  readonly content: 'bar' | 'empty';
  /** Pair whose oldest minute that waits is given up before it. */
  readonly givenUp: number | null;
  /** How often. */
  readonly times: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  symbol: fc.constantFrom(...SYMBOLS),
  gap: fc.oneof(
    { weight: 12, arbitrary: fc.constant(1) },
    { weight: 3, arbitrary: fc.integer({ min: 2, max: 9 }) },
    { weight: 1, arbitrary: fc.integer({ min: 10, max: 400 }) },
  ),
  content: fc.oneof(
    { weight: 9, arbitrary: fc.constant('bar' as const) },
    { weight: 1, arbitrary: fc.constant('empty' as const) },
  ),
  givenUp: fc.option(fc.nat(PAIRS.length - 1), { freq: 4 }),
  times: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 6 }) },
    { weight: 1, arbitrary: fc.constant(300) },
  ),
});

/** What each bar was given of other symbols, and the rows that a journal would have. */
function lived(steps: readonly Step[]): {
  rows: InputRow[];
  bars: { ended: PairMinute; others: ReadonlyMap<string, Bar> }[];
} {
  const rows: InputRow[] = [];
  const bars: { ended: PairMinute; others: ReadonlyMap<string, Bar> }[] = [];
  const give = (ended: PairMinute): void => {
    if (ended.outcome !== 'COMPLETE') return;
    bars.push({ ended, others: aligner.othersAt(ended.pairIndex, ended.time)! });
  };
  const resampler = new PairResampler(PAIRS, give);
  const aligner = new Aligner(PAIRS, null, (minute) => {
    if (!resampler.take(minute, 0)) give(minute);
  });
  aligner.readOthers = READ;
  const minutes = new Map(SYMBOLS.map((symbol) => [symbol, 1000]));
  const row = (kind: InputRow['kind'], subject: string, time: OpenTime, bar: Bar | null): void =>
    void rows.push({ kind, subject, time, bar, backfill: false });
  for (const { symbol, gap, content, givenUp, times } of steps) {
    const overdue = aligner.overdue(Infinity, 0).find(({ pairIndex }) => pairIndex === givenUp);
    if (overdue !== undefined) {
      row('timeout', PAIRS[overdue.pairIndex]!.id, overdue.time, null);
      aligner.abandon(overdue.pairIndex, overdue.time);
      resampler.closeThrough(overdue.pairIndex, overdue.time);
    }
    for (let i = 0; i < times; i++) {
      const minute = minutes.get(symbol)! + gap;
      minutes.set(symbol, minute);
      const time = (minute * 60) as OpenTime;
      const close = 1 + ((minute * 7919) % 101) / 100;
      const bar = { symbol, time, open: 1, high: 3 - close / 4, low: close / 4, close, volume: minute % 5 };
      row(content, symbol, time, content === 'bar' ? bar : null);
      aligner.take(symbol, time, content === 'bar' ? bar : 'empty', false, 0);
    }
  }
  return { rows, bars };
}

/** The slow, obvious answer. */
function expected(rows: readonly InputRow[], { pairIndex, time }: PairMinute): Record<string, Bar> {
  const pair = PAIRS[pairIndex]!;
  const known = rows.slice(0, endOfBar(rows, pair, time));
  const wanted = time - barSecondsOf(pair);
  const found: Record<string, Bar> = {};
  for (const symbol of READ) {
    const bars = inTimeframe(minutesIn(known, symbol), pair);
    const later = [...bars.keys()].filter((own) => own > wanted).length;
    const bar = bars.get(wanted);
    if (bar !== undefined && later < KEPT_BARS) found[symbol] = bar;
  }
  return found;
}

it('bars of other symbols are those of one bar earlier that had come by then, in align and by the journal', () => {
  let compared = 0;
  let missing = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 120 }), (steps) => {
      const { rows, bars } = lived(steps);
      for (const { ended, others } of bars) {
        const own = expected(rows, ended);
        expect(Object.fromEntries(others), `${PAIRS[ended.pairIndex]!.id} ${ended.time / 60}`).toEqual(own);
        compared += others.size;
        missing += READ.length - 1 - others.size;
      }
      const store = {
        commonMinuteBefore: () => null,
        inputsFrom: (from: OpenTime) => rows.filter(({ time }) => time >= from).values(),
      };
      for (const [pairIndex, pair] of PAIRS.entries()) {
        const own = bars.filter(({ ended }) => ended.pairIndex === pairIndex);
        for (const first of [0, Math.floor(own.length / 2)]) {
          const asked = own.slice(first);
          const legs = asked.map(({ ended }) => ({ a: ended.a!, b: ended.b! }));
          const othersAt = journaledOthers(store, { pair, symbols: READ, bars: legs });
          for (const { ended, others } of asked)
            expect(Object.fromEntries(othersAt(ended.time)), `${pair.id} ${ended.time / 60}`).toEqual(
              Object.fromEntries(others),
            );
        }
      }
    }),
    { numRuns: 150 },
  );
  expect(compared).toBeGreaterThan(1000);
  expect(missing).toBeGreaterThan(300);
});
