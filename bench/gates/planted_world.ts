import type { OpenTime } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { exp, ln } from '../../shared/elementary.ts';
import { ACTIVITY } from '../../shared/market/activity.ts';
import { isOpenMinute } from '../../shared/market/trading_week.ts';
import type { Pair } from '../../shared/pair.ts';
import { pairCosts, tradingCosts } from '../../shared/policy/costs.ts';
import { decisionPolicy, type Settings } from '../../shared/policy/policy.ts';
import type { Rng } from '../../shared/ports.ts';
import { createRng } from '../../shared/rng.ts';
import { backtest } from '../../trainer/learning/trades/backtest.ts';
import { buildPairHistory } from '../../trainer/learning/history/pair_history.ts';
import { warmupBars } from '../../shared/core/features/features.ts';

/** Minutes in which half of a distance of the spread from its mean is gone, in active hours and in quiet ones. */
export const HALF_LIFE_MINUTES = { active: 6, quiet: 60 } as const;
const OPEN_MINUTES_PER_WEEK = 7200;
const START = (Date.parse('2024-01-07T22:00:00Z') / 1000) as OpenTime;
/** Per minute of normal volatility. */
const LEG_VOLATILITY = 1.5e-4;
/** Of the logarithm of the volatility, which is autoregressive with a half-life of six hours. */
const VOLATILITY_SPREAD = 0.35;
const VOLATILITY_HALF_LIFE = 360;
const CALIBRATION_WEEKS = 40;
const WARM_UP_MINUTES = 3000;
const MINUTES_PER_DAY = 1440;

/** A world of one pair: leg B is a random walk, leg A the same walk times its spread. */
export interface World {
  readonly pair: Pair;
  readonly seed: string;
  readonly weeks: number;
  /** Standard deviation of the autoregressive spread, log; 0 plants no reversion: the spread is a random walk. */
  readonly amplitude: number;
}

export function worldBars({ pair, seed, weeks, amplitude }: World): Map<string, BarColumns> {
  const rng = createRng(`world ${seed}`);
  const count = weeks * OPEN_MINUTES_PER_WEEK;
  const a = emptyBars(pair.a, count);
  const b = emptyBars(pair.b, count);
  const [active, quiet] = [HALF_LIFE_MINUTES.active, HALF_LIFE_MINUTES.quiet].map(
    (minutes) => 0.5 ** (1 / minutes),
  ) as [number, number];
  const innovation = (amplitude === 0 ? LEG_VOLATILITY : amplitude) * Math.sqrt(1 - active * active);
  const volatilityMemory = 0.5 ** (1 / VOLATILITY_HALF_LIFE);
  let walk = 0;
  let gap = 0;
  let mood = 0;
  let lastA = 0;
  let lastB = 0;
  let time: number = START;
  for (let i = -WARM_UP_MINUTES; i < count; i++) {
    mood = volatilityMemory * mood + Math.sqrt(1 - volatilityMemory ** 2) * VOLATILITY_SPREAD * rng.normal();
    const activity = ACTIVITY.currencies[Math.floor(time / 60) % MINUTES_PER_DAY]!;
    const volatility = activity * exp(mood);
    walk += LEG_VOLATILITY * volatility * rng.normal();
    const step = innovation * volatility * rng.normal();
    gap = (amplitude === 0 ? 1 : activity > 1 ? active : quiet) * gap + step;
    if (i < 0) continue;
    lastA = putBar(a, i, time, lastA, walk + gap, rng);
    lastB = putBar(b, i, time, lastB, walk, rng);
    do time += 60;
    while (!isOpenMinute(time));
  }
  return new Map([a, b].map((columns) => [columns.symbol, columns]));
}

function emptyBars(symbol: string, length: number): BarColumns {
  const column = (): Float64Array => new Float64Array(length);
  return {
    symbol,
    length,
    time: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
    spread: null,
  };
}

/** @returns the logarithm of the close, that of the next open */
function putBar(bars: BarColumns, i: number, time: number, before: number, after: number, rng: Rng): number {
  const open = i === 0 ? after : before;
  const wick = LEG_VOLATILITY / 3;
  bars.time[i] = time;
  bars.open[i] = exp(open);
  bars.close[i] = exp(after);
  bars.high[i] = exp(Math.max(open, after) - wick * ln(1 - rng.uniform()));
  bars.low[i] = exp(Math.min(open, after) + wick * ln(1 - rng.uniform()));
  bars.volume[i] = 50 + rng.integer(100);
  return after;
}

/**
 * The amplitude at which entering every candidate of a long world earns so much per trade after costs: gross results
 * are proportional to it, so two worlds of the same seed determine the line.
 */
export function amplitudeLine(pair: Pair, settings: Settings): (netBps: number) => number {
  const low = 4e-4;
  const high = 12e-4;
  const [atLow, atHigh] = [low, high].map((amplitude) => candidateNet(amplitude, pair, settings)) as [number, number];
  return (netBps) => (netBps === 0 ? 0 : low + ((netBps - atLow) * (high - low)) / (atHigh - atLow));
}

function candidateNet(amplitude: number, pair: Pair, settings: Settings): number {
  const bars = worldBars({ pair, seed: 'calibration', weeks: CALIBRATION_WEEKS, amplitude });
  const { windows } = settings.minutehand;
  const history = buildPairHistory(pair, bars.get(pair.a)!, bars.get(pair.b)!, windows, () => false);
  const trades = backtest(history, warmupBars(windows), history.length, {
    thresholds: { theta1: 0, theta2: 1 },
    policy: { ...decisionPolicy(settings), require_edge: false },
    edge: true,
    costs: pairCosts(tradingCosts(settings), pair),
    scores: () => ({ return_prob: 1, risk_score: 0 }),
  });
  return trades.reduce((sum, { netBps }) => sum + netBps, 0) / trades.length;
}
