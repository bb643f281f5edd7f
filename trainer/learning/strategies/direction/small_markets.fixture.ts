import { createRng } from '../../../../shared/rng.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { SERIES_NAMES, type SeriesName } from '../../../../shared/core/series/series_names.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import { NO_OBSERVATIONS } from '../../instruments/series_files.ts';
import { DELIVERED_LEARNER } from './direction_learner.ts';
import { PREDICTION_BIAS_LIMITS } from './gates/bias_limits.fixture.ts';
import type { Instrument } from './instrument_rows.ts';
import { EVALUATION_LABEL } from './label/direction.ts';
import { DIRECTION_PARAMS, DIRECTION_WALK_FORWARD, type DirectionPlan } from './train_direction.ts';

export const HOUR = 3600;
export const START = 1_600_000_000 - (1_600_000_000 % HOUR);
export const WINDOWS: InstrumentWindows = {
  rsi_window: 6,
  bollinger_window: 8,
  atr_window: 6,
  short_window: 8,
  medium_window: 16,
  long_window: 24,
};

/** A random walk without drift: its past does not predict its future. */
export function randomWalk(symbol: string, length: number): InstrumentBars {
  const rng = createRng(`walk/${symbol}`);
  const close = new Float64Array(length);
  const open = new Float64Array(length);
  let price = 100;
  for (let t = 0; t < length; t++) {
    open[t] = price;
    close[t] = price *= Math.exp(0.006 * rng.normal());
  }
  const time = Float64Array.from(close, (_, t) => START + t * HOUR);
  const high = close.map((own, t) => Math.max(own, open[t]!));
  const low = close.map((own, t) => Math.min(own, open[t]!));
  const volume = close.map(() => 1 + rng.uniform());
  const takerBuyVolume = volume.map((own) => own * rng.uniform());
  return { symbol, timeframe: HOUR, length, time, open, high, low, close, volume, takerBuyVolume };
}

/**
 * Days that rise or fall, which the taker volume of the day before hints at.
 * @param rising probability of a rising day
 * @param sign −1: the mirror image
 */
export function hintedDays(symbol: string, rising: number, sign: 1 | -1): InstrumentBars {
  const rng = createRng('bias walk');
  const bars = randomWalk(symbol, 2400);
  let price = 100;
  let today = 1;
  let tomorrow = 1;
  for (let t = 0; t < bars.length; t++) {
    if (t % 24 === 0) {
      today = tomorrow;
      tomorrow = rng.uniform() < rising ? 1 : -1;
    }
    bars.open[t] = price;
    price *= Math.exp(sign * (0.006 * rng.normal() + 0.001 * today));
    bars.close[t] = price;
    bars.high[t] = Math.max(price, bars.open[t]!);
    bars.low[t] = Math.min(price, bars.open[t]!);
    bars.volume[t] = 1;
    bars.takerBuyVolume[t] = 0.5 + 0.2 * sign * tomorrow + 0.1 * (rng.uniform() - 0.5);
  }
  return bars;
}

export function instrumentOf(bars: InstrumentBars, sentiment: SeriesHistory = NO_OBSERVATIONS): Instrument {
  const none = Object.fromEntries(SERIES_NAMES.map((name) => [name, NO_OBSERVATIONS]));
  return { bars, series: { ...(none as Record<SeriesName, SeriesHistory>), sentiment } };
}

export const PLAN: DirectionPlan = {
  windows: WINDOWS,
  label: EVALUATION_LABEL,
  learner: DELIVERED_LEARNER,
  balance: 'class_weights',
  classWeightRatio: 1,
  stride: 1,
  params: { ...DIRECTION_PARAMS, rounds: 15, learningRate: 0.2, leaves: 6, minDataInLeaf: 30 },
  walkForward: { ...DIRECTION_WALK_FORWARD, blocks: 4 },
  costs: { takerFeeBps: 5, slippageBps: 1 },
  f1Floor: null,
  biasLimits: PREDICTION_BIAS_LIMITS,
  search: null,
  seed: '1',
  workers: 0,
  balances: [],
  peers: [],
};
