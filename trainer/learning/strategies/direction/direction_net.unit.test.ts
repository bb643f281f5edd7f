import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../../shared/bar.ts';
import type { DirectionProbabilities } from '../../../../shared/strategies/direction/direction_input.ts';
import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { SERIES_NAMES, type SeriesName } from '../../../../shared/core/series/series_names.ts';
import { createRng } from '../../../../shared/rng.ts';
import { MIN_TRADES } from '../../backtest/edge.ts';
import { scaledProbabilities } from '../../calibrate/vector_scaling.ts';
import { EVALUATION_LABEL, DOWN, RANGE, UP } from './label/direction.ts';
import { walkForwardSplits } from '../../splits/splits.ts';
import { expectedNovelty } from '../../../../shared/bundle/input_novelty.oracle.ts';
import { pick } from '../../dataset/rows.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { blockNovelties, describeRows, type NoveltyLimit } from './block_novelties.ts';
import { chooseTheta, put, strategyOf, THETA_GRID, tradesOfBlocks, walkForwardNet } from './direction_net.ts';
import { learnedBefore } from './imported_direction.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import { instrumentRows, type Instrument } from './instrument_rows.ts';
import { NO_OBSERVATIONS } from '../../instruments/series_files.ts';
import { backtestStrategy } from './strategy_backtest.ts';
import { fitOnBlocks, type CalibratedBlock, type ScoredBlock } from './walk_forward.ts';

const HOUR = 3600;
const START = 1_600_000_000 - (1_600_000_000 % HOUR);
const COSTS = { takerFeeBps: 5, slippageBps: 1 };
const WINDOWS = {
  rsi_window: 6,
  bollinger_window: 8,
  atr_window: 6,
  short_window: 8,
  medium_window: 16,
  long_window: 24,
};

function barsOf(close: Float64Array): InstrumentBars {
  const open = close.map((_, t) => close[Math.max(0, t - 1)]!);
  return {
    symbol: 'WALK',
    timeframe: HOUR,
    length: close.length,
    time: close.map((_, t) => START + t * HOUR),
    open,
    high: close.map((own, t) => Math.max(own, open[t]!)),
    low: close.map((own, t) => Math.min(own, open[t]!)),
    close,
    volume: close.map(() => 1),
    takerBuyVolume: close.map(() => 0.5),
  };
}

function instrumentOf(bars: InstrumentBars, funding_rate: SeriesHistory = NO_OBSERVATIONS): Instrument {
  const none = Object.fromEntries(SERIES_NAMES.map((name) => [name, NO_OBSERVATIONS]));
  return { bars, series: { ...(none as Record<SeriesName, SeriesHistory>), funding_rate } };
}

describe('the net result of a position', () => {
  const flat = barsOf(new Float64Array(60).fill(100));
  const settlement = START + 10 * HOUR;
  const funding: SeriesHistory = {
    length: 1,
    eventTime: Float64Array.of(settlement),
    arrivalTime: Float64Array.of(settlement),
    value: Float64Array.of(0.001),
  };
  const entering = (up: boolean): (DirectionProbabilities | null)[] => {
    const answers = new Array<DirectionProbabilities | null>(60).fill(null);
    answers[4] = { ML_UP_PROB: up ? 0.9 : 0.05, ML_DOWN_PROB: up ? 0.05 : 0.9, ML_RANGE_PROB: 0.05 };
    return answers;
  };

  it.each([
    ['a long pays a positive funding rate', true, 1, -10],
    ['a short receives a positive funding rate', false, -1, 10],
  ])('%s', (_, up, side, fundingBps) => {
    const strategy = strategyOf(0.5, HOUR);
    const trades = backtestStrategy(instrumentOf(flat, funding), entering(up), () => strategy, COSTS);
    expect(trades).toHaveLength(1);
    const [{ entryTime, exitTime, grossBps, netBps, side: own }] = trades as [(typeof trades)[0]];
    expect([own, entryTime < settlement, settlement <= exitTime]).toEqual([side, true, true]);
    expect(grossBps).toBeCloseTo(0, 9);
    const roundTripBps = 2 * (COSTS.takerFeeBps + COSTS.slippageBps);
    expect(netBps).toBeCloseTo(fundingBps - roundTripBps, 9);
    // What a stop loses has the costs in it: the test of an edge allows for three of them.
    expect(trades[0]!.stopBps).toBeCloseTo(strategy.stop * 1e4 + roundTripBps, 9);
  });
});

describe('the threshold of an evaluated block', () => {
  const rng = createRng('walk');
  let price = 100;
  const close = Float64Array.from({ length: 6000 }, () => (price *= Math.exp(0.006 * rng.normal())));
  const instruments = [instrumentOf(barsOf(close))];
  const rows = instrumentRows(instruments, { windows: WINDOWS, label: EVALUATION_LABEL });
  const splits = walkForwardSplits(rows, { blocks: 5, firstShare: 0.3, embargo: 24 * HOUR, window: null });

  /** Scores that know the label a little, those of the last block as much as told. */
  function blocksOf(knowsLast: number): ScoredBlock[] {
    const noise = createRng('scores');
    return splits.map((split, block) => {
      const knows = block === splits.length - 1 ? knowsLast : 0.5;
      const logits = Array.from({ length: 3 }, () => new Float32Array(split.test.length));
      split.test.forEach((row, i) => {
        for (const scores of logits) scores[i] = noise.normal();
        const label = rows.evaluation[row]!;
        if (label === UP || label === DOWN) logits[label]![i]! += knows;
      });
      return { split, model: null as never, trees: 1, logits };
    });
  }

  function netOf(scored: readonly ScoredBlock[], novelty?: NoveltyLimit) {
    const calibrated = scored.slice(2).map((block, i) => {
      const scaling = fitOnBlocks(rows, scored.slice(0, 2 + i), block.split.from);
      return { ...block, scaling, probabilities: scaledProbabilities(block.logits, scaling) };
    });
    return walkForwardNet({ rows, instruments, scored, calibrated, costs: COSTS, variants: 1, novelty });
  }

  it('trades no novel input, which each block measures from the rows that its model learned from', () => {
    const scored = blocksOf(2);
    const novelties = blockNovelties({ rows, splits, seed: 'seed' });
    for (const { train, test, from } of splits) {
      const learned = { ...rows, x: takeRows(rows.x, train), time: pick(rows.time, train) };
      const inputs = describeRows(learned, `seed/inputs/${from}`)!;
      for (const row of test.filter((_, i) => i % 50 === 0)) {
        const values = rows.x.values.subarray(row * rows.x.columns, (row + 1) * rows.x.columns);
        const named = Object.fromEntries(rows.columns.map((name, column) => [name, values[column]!]));
        expect(novelties[row]).toBe(expectedNovelty(inputs, named));
      }
    }
    const tested = splits.reduce((sum, { test }) => sum + test.length, 0);
    expect(novelties.filter(Number.isNaN).length).toBe(rows.time.length - tested);

    const all = netOf(scored);
    const limited = netOf(scored, { min: 0.1, novelties });
    expect(limited.trades.length).toBeGreaterThan(20);
    expect(limited.trades.length).toBeLessThan(all.trades.length);
    const rowOf = new Map(Array.from(rows.time, (time, row) => [time, row]));
    const noveltyOf = ({ entryTime }: { readonly entryTime: number }): number => novelties[rowOf.get(entryTime)!]!;
    expect(limited.trades.every((trade) => noveltyOf(trade) >= 0.1)).toBe(true);
    expect(all.trades.some((trade) => noveltyOf(trade) < 0.1)).toBe(true);
    // What is not known refuses nothing.
    const unknown = { min: 0.1, novelties: novelties.map(() => NaN) };
    expect(netOf(scored, unknown)).toEqual(all);
  });

  it('measures the blocks of a model that was brought from what it has learned, as its bundle does', () => {
    const imported = { learnedUntil: splits[0]!.from as OpenTime };
    const novelties = blockNovelties({ rows, splits, seed: 'seed', imported });
    const learned = learnedBefore(rows, imported.learnedUntil);
    expect(learned.length).toBeLessThan(splits[1]!.train.length);
    const known = { ...rows, x: takeRows(rows.x, learned), time: pick(rows.time, learned) };
    const inputs = describeRows(known, 'seed/inputs')!;
    for (const { test } of splits)
      for (const row of test.filter((_, i) => i % 50 === 0)) {
        const values = rows.x.values.subarray(row * rows.x.columns, (row + 1) * rows.x.columns);
        const named = Object.fromEntries(rows.columns.map((name, column) => [name, values[column]!]));
        expect(novelties[row]).toBe(expectedNovelty(inputs, named));
      }
  });

  it('does not depend on the block that it is evaluated on', () => {
    const knowing = blocksOf(2);
    const wrong = blocksOf(-2);
    expect(netOf(knowing).thetas).toHaveLength(3);
    expect(netOf(knowing).thetas).toEqual(netOf(wrong).thetas);
    // The block itself would have called for others.
    const parts = { rows, instruments, costs: COSTS };
    const seen = [knowing, wrong].map((blocks) => chooseTheta(parts, blocks, Infinity));
    expect(seen[0]).not.toBe(seen[1]);
    expect(netOf(knowing).trades).not.toEqual(netOf(wrong).trades);
  });

  it('knows no label that is known only at its time or later, not in the calibration either', () => {
    const scored = blocksOf(2);
    const test = scored.at(-1)!.split.test;
    const until = rows.labelEnd[test[Math.floor(test.length / 2)]!]!;
    const other = rows.evaluation.map((label, row) => (rows.labelEnd[row]! < until ? label : label === UP ? DOWN : UP));
    const parts = { instruments, costs: COSTS };
    const fitted = [rows, { ...rows, evaluation: other }].map((own) => fitOnBlocks(own, scored, Infinity));
    expect(fitted[0]).not.toEqual(fitted[1]);
    expect(chooseTheta({ ...parts, rows: { ...rows, evaluation: other } }, scored, until)).toBe(
      chooseTheta({ ...parts, rows }, scored, until),
    );
  });

  it('knows no price after its time: it trades no entry whose outcome comes later', () => {
    const scored = blocksOf(2);
    const test = scored.at(-1)!.split.test;
    const until = rows.labelEnd[test[Math.floor(test.length / 8)]!]!;
    const own = instruments[0]!.bars;
    // Every later bar is half as dear: what is open then loses half, or gains it.
    const halved = (prices: ArrayLike<number>): Float64Array =>
      Float64Array.from(prices, (price, t) => (own.time[t]! >= until ? price / 2 : price));
    const later = {
      ...own,
      open: halved(own.open),
      high: halved(own.high),
      low: halved(own.low),
      close: halved(own.close),
    };
    const parts = { rows, costs: COSTS };
    expect(chooseTheta({ ...parts, instruments: [instrumentOf(later)] }, scored, until)).toBe(
      chooseTheta({ ...parts, instruments }, scored, until),
    );
  });

  it('has the best mean result over its standard error, not over its standard deviation', () => {
    const differing = [-1, 0, 0.5, 1, 2].filter((knows) => {
      const scored = blocksOf(knows);
      const scaling = fitOnBlocks(rows, scored, Infinity);
      const answers = new Array<DirectionProbabilities | null>(close.length).fill(null);
      for (const { split, logits } of scored) {
        const probabilities = scaledProbabilities(logits, scaling);
        put([answers], rows, split.test, probabilities);
      }
      const ratios = THETA_GRID.map((theta) => {
        const strategy = strategyOf(theta, HOUR);
        const results = backtestStrategy(instruments[0]!, answers, () => strategy, COSTS).map(({ netBps }) => netBps);
        if (results.length < MIN_TRADES) return { t: -Infinity, perTrade: -Infinity };
        const mean = results.reduce((sum, own) => sum + own, 0) / results.length;
        const squares = results.reduce((sum, own) => sum + (own - mean) ** 2, 0);
        const deviation = Math.sqrt(squares / (results.length - 1));
        return { t: (mean / deviation) * Math.sqrt(results.length), perTrade: mean / deviation };
      });
      const bestBy = (of: 't' | 'perTrade'): number =>
        THETA_GRID[ratios.findIndex((own) => own[of] === Math.max(...ratios.map((ratio) => ratio[of])))]!;
      expect(chooseTheta({ rows, instruments, costs: COSTS }, scored, Infinity)).toBe(bestBy('t'));
      return bestBy('t') !== bestBy('perTrade');
    });
    expect(differing).not.toEqual([]);
  });

  it('of a block applies from the bar that closes at its beginning', () => {
    const bars = [1000, 2000];
    const own = { instrument: Int32Array.of(0, 0), bar: Int32Array.from(bars) };
    const up = Float64Array.from([DOWN, RANGE, UP].map(() => 0.2));
    up[UP] = 0.6;
    const calibrated = bars.map((bar, index) => ({
      split: { from: index === 0 ? -Infinity : START + (bar + 1) * HOUR, test: Int32Array.of(index) },
      probabilities: up,
    })) as unknown as CalibratedBlock[];
    const entriesOf = (thetas: readonly number[]): number[] =>
      tradesOfBlocks({ rows: { ...rows, ...own }, instruments, calibrated, costs: COSTS, thetas }).map(
        ({ entryTime }) => (entryTime - START) / HOUR - 1,
      );
    expect(entriesOf([0.5, 0.5])).toEqual(bars);
    expect(entriesOf([0.5, 0.7])).toEqual([1000]);
    expect(entriesOf([0.7, 0.5])).toEqual([2000]);
  });
});
