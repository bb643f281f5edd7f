import { PREDICTION_BIAS_LIMITS } from './gates/bias_limits.fixture.ts';
import { expect, it } from 'vitest';
import type { DirectionManifest } from '../../../../shared/bundle/direction/direction_manifest.ts';
import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { SERIES_NAMES, type SeriesName } from '../../../../shared/core/series/series_names.ts';
import { createRng } from '../../../../shared/rng.ts';
import { lookLevel } from '../../backtest/edge.ts';
import { evaluateDirection, firstUnseen, type EvaluationLook } from './evaluate_direction.ts';
import type { Instrument } from './instrument_rows.ts';
import { NO_OBSERVATIONS } from '../../instruments/series_files.ts';

const HOUR = 3600;
const START = 1_600_000_000 - (1_600_000_000 % HOUR);
const LENGTH = 2000;

/** A market that rises by about 0.3 % an hour: whoever buys earns. */
function risingMarket(): Instrument {
  const rng = createRng('rising');
  const open = new Float64Array(LENGTH);
  const close = new Float64Array(LENGTH);
  let price = 100;
  for (let t = 0; t < LENGTH; t++) {
    open[t] = price;
    price *= Math.exp(0.003 + 0.004 * rng.normal());
    close[t] = price;
  }
  const bars = {
    symbol: 'BTCUSDT',
    timeframe: HOUR,
    length: LENGTH,
    time: Float64Array.from(close, (_, t) => START + t * HOUR),
    open,
    high: close.map((own, t) => Math.max(own, open[t]!)),
    low: close.map((own, t) => Math.min(own, open[t]!)),
    close,
    volume: close.map(() => 2),
    takerBuyVolume: close.map(() => NaN),
  };
  const none = Object.fromEntries(SERIES_NAMES.map((name) => [name, NO_OBSERVATIONS]));
  return { bars, series: none as Record<SeriesName, SeriesHistory> };
}

const isoOf = (bar: number): string => new Date((START + bar * HOUR) * 1000).toISOString();

/** A model that always expects a rise, and that learned from bars up to this one. */
function evaluated(
  learnedBars: number,
  fromBar: number,
  { horizon = 24, countLook = () => 1 }: { horizon?: number; countLook?: (look: EvaluationLook) => number } = {},
): ReturnType<typeof evaluateDirection> {
  const manifest = {
    timeframe: HOUR,
    windows: { rsi_window: 6, bollinger_window: 8, atr_window: 6, short_window: 8, medium_window: 16, long_window: 24 },
    period: { from: isoOf(0), to: isoOf(learnedBars) },
    label: { unit: 'percent', threshold: 0.02, horizon },
    strategy: { theta_up: 0.5, theta_down: 0.5, stop: 0.02, target: 0.02, max_age_bars: 24 },
  } as unknown as DirectionManifest;
  return evaluateDirection({
    manifest,
    infer: (_, rows) => Float64Array.from({ length: 3 * rows }, (__, i) => [0.8, 0.1, 0.1][i % 3]!),
    instruments: [risingMarket()],
    from: START + fromBar * HOUR,
    to: Infinity,
    costs: { takerFeeBps: 5, slippageBps: 1 },
    f1Floor: null,
    biasLimits: PREDICTION_BIAS_LIMITS,
    seed: '1',
    countLook,
  });
}

it('claims an edge on bars that the model has not learned from, and none where one of them is known to it', async () => {
  const fresh = await evaluated(500, 600);
  expect(fresh.inSample).toBe(false);
  expect([fresh.net.no_edge, fresh.edge['BTCUSDT']!.no_edge]).toEqual([false, false]);
  const known = await evaluated(700, 600);
  expect(known.inSample).toBe(true);
  expect({ ...known.net, no_edge: false }).toEqual(fresh.net);
  expect([known.net.no_edge, known.edge['BTCUSDT']!.no_edge]).toEqual([true, true]);
});

it('counts bars within the horizon of the last label as learned from', async () => {
  const firstOf = (horizon: number, timeframe: number): number =>
    (firstUnseen({
      period: { from: isoOf(0), to: isoOf(100) },
      label: { unit: 'percent', threshold: 0.02, horizon },
      timeframe,
    }) -
      START) /
    HOUR;
  expect([firstOf(24, HOUR), firstOf(6, HOUR), firstOf(288, HOUR / 12)]).toEqual([124, 124, 124]);
  // A training label of three days knows prices three days later.
  expect([firstOf(72, HOUR), firstOf(72, 4 * HOUR)]).toEqual([172, 388]);
  expect([(await evaluated(600, 624)).inSample, (await evaluated(600, 623)).inSample]).toEqual([false, true]);
  const far = { horizon: 72 };
  expect([(await evaluated(600, 672, far)).inSample, (await evaluated(600, 671, far)).inSample]).toEqual([false, true]);
});

it('counts an evaluation of the holdout, and a later one claims less', async () => {
  const looks: EvaluationLook[] = [];
  const at = (number: number) =>
    evaluated(500, 600, {
      countLook: (look) => {
        looks.push(look);
        return number;
      },
    });
  const first = await at(1);
  expect(first.look).toEqual({ number: 1, level: lookLevel(1) });
  expect(looks[0]).toMatchObject(first.period);
  expect(looks[0]!.trades).toHaveLength(first.net.trades);
  const { lower_net_bps: bound, p_value } = first.edge['BTCUSDT']!;
  expect(p_value).toBeLessThan(lookLevel(1));
  // The first look whose level the result does not reach.
  const late = Math.ceil(Math.sqrt(0.01 / p_value!)) + 1;
  expect(lookLevel(late)).toBeLessThan(p_value!);
  const later = await at(late);
  expect(later.look).toEqual({ number: late, level: lookLevel(late) });
  expect([later.net.no_edge, later.edge['BTCUSDT']!.no_edge]).toEqual([true, true]);
  expect(later.edge['BTCUSDT']!.lower_net_bps).toBeLessThan(bound!);
  expect({ ...later.net, no_edge: false }).toEqual(first.net);
});

it('counts no evaluation of bars of which the model has learned some: it claims nothing of them', async () => {
  const countLook = (): never => {
    throw new Error('no look');
  };
  expect((await evaluated(700, 600, { countLook })).look).toBeNull();
});
