import type { DirectionProbabilities, DirectionStrategy } from '../../shared/core/decide/direction.ts';
import type { InstrumentEdge } from '../../shared/bundle/direction/direction_manifest.ts';
import type { Trade } from '../backtest/backtest.ts';
import { MIN_TRADES } from '../backtest/edge.ts';
import { DOWN, EVALUATION_LABEL, evaluationBars, RANGE, UP } from '../label/direction.ts';
import { quantileOf, resampledMeans } from '../validate/block_bootstrap.ts';
import type { Instrument, InstrumentRows } from './instrument_rows.ts';
import { backtestStrategy, type InstrumentCosts } from './strategy_backtest.ts';
import { CLASSES, fitOnBlocks, type CalibratedBlock, type ScoredBlock } from './walk_forward.ts';
import { scaledProbabilities } from '../calibrate/vector_scaling.ts';

const SECONDS_PER_DAY = 86_400;

/** Candidate thresholds, the same for both sides. */
export const THETA_GRID: readonly number[] = Array.from({ length: 15 }, (_, i) => (30 + 2.5 * i) / 100);

/** Exits at the barriers of the evaluation label. @param timeframe seconds per bar */
export function strategyOf(theta: number, timeframe: number): DirectionStrategy {
  const { threshold } = EVALUATION_LABEL;
  const max_age_bars = evaluationBars(timeframe);
  return { theta_up: theta, theta_down: theta, stop: threshold, target: threshold, max_age_bars };
}

/** Net result of trades of all instruments with its 90 % interval, by a stationary bootstrap of days. */
export interface NetResult {
  readonly trades: number;
  readonly longs: number;
  readonly long_net_bps: number | null;
  readonly short_net_bps: number | null;
  readonly win_rate: number | null;
  readonly gross_bps: number | null;
  readonly net_bps: number | null;
  readonly lower_5_net_bps: number | null;
  readonly upper_95_net_bps: number | null;
  /** Charged cost per round trip. */
  readonly cost_bps: number;
  /** Mean funding paid; negative = received. */
  readonly funding_bps: number | null;
  readonly no_edge: boolean;
}

export interface WalkForwardNet {
  readonly result: NetResult;
  /** Threshold of each evaluated block, chosen on earlier blocks. */
  readonly thetas: readonly number[];
  readonly edge: Readonly<Record<string, InstrumentEdge>>;
  readonly trades: readonly Trade[];
}

/** Blocks for choosing thresholds, and the consecutive blocks they are applied to. */
export interface NetParts {
  readonly rows: InstrumentRows;
  readonly instruments: readonly Instrument[];
  readonly scored: readonly ScoredBlock[];
  readonly calibrated: readonly CalibratedBlock[];
  readonly costs: InstrumentCosts;
  readonly seed: string;
}

/** Trades each evaluated block with a threshold chosen on earlier blocks. */
export function walkForwardNet(parts: NetParts): WalkForwardNet {
  const { rows, instruments, scored, calibrated, costs, seed } = parts;
  const first = scored.length - calibrated.length;
  const thetas = calibrated.map(({ split }, i) => chooseTheta(parts, scored.slice(0, first + i), split.from));
  const answers = noAnswers(instruments);
  for (const { split, probabilities } of calibrated) put(answers, rows, split.test, probabilities);
  const strategies = thetas.map((theta) => strategyOf(theta, instruments[0]!.bars.timeframe));
  const trades = instruments.flatMap((own, i) => {
    const { time, timeframe } = own.bars;
    const strategyAt = (t: number): DirectionStrategy =>
      strategies[
        Math.max(
          0,
          calibrated.findLastIndex(({ split }) => time[t]! + timeframe >= split.from),
        )
      ]!;
    return backtestStrategy(own, answers[i]!, strategyAt, costs);
  });
  const edge = instruments.map(({ bars: { symbol } }): [string, InstrumentEdge] => {
    const own = trades.filter(({ pairId }) => pairId === symbol);
    return [symbol, instrumentEdge(own, instruments.length, `${seed}/${symbol}`)];
  });
  return { result: netResult(trades, costs, seed), thetas, edge: Object.fromEntries(edge), trades };
}

/**
 * Threshold with the best net t-ratio on blocks whose labels were known before `until`; the highest one if none has
 * enough trades.
 */
export function chooseTheta(
  { rows, instruments, costs }: Pick<NetParts, 'rows' | 'instruments' | 'costs'>,
  blocks: readonly ScoredBlock[],
  until: number,
): number {
  const scaling = fitOnBlocks(rows, blocks, until);
  const answers = noAnswers(instruments);
  for (const { split, logits } of blocks) {
    const known = Int32Array.from(split.test.keys()).filter((i) => rows.labelEnd[split.test[i]!]! < until);
    const own = logits.map((all) => Float32Array.from(known, (i) => all[i]!));
    const test = Int32Array.from(known, (i) => split.test[i]!);
    put(answers, rows, test, scaledProbabilities(own, scaling));
  }
  let [best, bestRatio] = [THETA_GRID.at(-1)!, -Infinity];
  for (const theta of THETA_GRID) {
    const strategy = strategyOf(theta, instruments[0]!.bars.timeframe);
    const ratio = netRatio(instruments.flatMap((own, i) => backtestStrategy(own, answers[i]!, () => strategy, costs)));
    if (ratio > bestRatio) [best, bestRatio] = [theta, ratio];
  }
  return best;
}

/** Mean net result over its standard error; −∞ with too few trades. */
function netRatio(trades: readonly Trade[]): number {
  const n = trades.length;
  if (n < MIN_TRADES) return -Infinity;
  const mean = trades.reduce((sum, { netBps }) => sum + netBps, 0) / n;
  const variance = trades.reduce((sum, { netBps }) => sum + (netBps - mean) ** 2, 0) / (n - 1);
  return mean / Math.sqrt(variance / n);
}

/** Probabilities by bar and instrument. */
type Answers = (DirectionProbabilities | null)[][];

function noAnswers(instruments: readonly Instrument[]): Answers {
  return instruments.map(({ bars }) => new Array<DirectionProbabilities | null>(bars.length).fill(null));
}

function put(answers: Answers, rows: InstrumentRows, test: Int32Array, probabilities: Float64Array): void {
  test.forEach((row, i) => {
    answers[rows.instrument[row]!]![rows.bar[row]!] = {
      ML_UP_PROB: probabilities[i * CLASSES + UP]!,
      ML_DOWN_PROB: probabilities[i * CLASSES + DOWN]!,
      ML_RANGE_PROB: probabilities[i * CLASSES + RANGE]!,
    };
  });
}

export function netResult(trades: readonly Trade[], costs: InstrumentCosts, seed: string): NetResult {
  const n = trades.length;
  const cost_bps = 2 * (costs.takerFeeBps + costs.slippageBps);
  const mean = (of: (trade: Trade) => number): number | null =>
    n === 0 ? null : trades.reduce((sum, trade) => sum + of(trade), 0) / n;
  const base = {
    trades: n,
    longs: trades.filter(({ side }) => side === 1).length,
    long_net_bps: meanNet(trades.filter(({ side }) => side === 1)),
    short_net_bps: meanNet(trades.filter(({ side }) => side === -1)),
    win_rate: mean(({ netBps }) => (netBps > 0 ? 1 : 0)),
    gross_bps: mean(({ grossBps }) => grossBps),
    net_bps: mean(({ netBps }) => netBps),
    cost_bps,
    funding_bps: mean(({ grossBps, netBps }) => grossBps - netBps - cost_bps),
  };
  if (n < MIN_TRADES) return { ...base, lower_5_net_bps: null, upper_95_net_bps: null, no_edge: true };
  const days = byDay(trades);
  const means = resampledMeans(days, `${seed}/net`);
  const [lower_5_net_bps, upper_95_net_bps] = [quantileOf(means, 0.05), quantileOf(means, 0.95)];
  return { ...base, lower_5_net_bps, upper_95_net_bps, no_edge: !(lower_5_net_bps! > 0) };
}

function meanNet(trades: readonly Trade[]): number | null {
  return trades.length === 0 ? null : trades.reduce((sum, { netBps }) => sum + netBps, 0) / trades.length;
}

/**
 * Whether the trades of one of several instruments show an edge. The bound is at 5 % divided by their number, because
 * the best of many looks good by chance (Bonferroni).
 */
export function instrumentEdge(trades: readonly Trade[], instruments: number, seed: string): InstrumentEdge {
  const net_bps = meanNet(trades);
  const base = { trades: trades.length, net_bps };
  if (trades.length < MIN_TRADES) return { ...base, no_edge: true, lower_net_bps: null };
  const lower_net_bps = quantileOf(resampledMeans(byDay(trades), seed), 0.05 / instruments);
  return { ...base, no_edge: !(lower_net_bps! > 0), lower_net_bps };
}

/** Sums by day of entry, from first to last day. */
function byDay(trades: readonly Trade[]): { sum: Float64Array; count: Float64Array } {
  const day = (trade: Trade): number => Math.floor(trade.entryTime / SECONDS_PER_DAY);
  const first = trades.reduce((least, trade) => Math.min(least, day(trade)), Infinity);
  const last = trades.reduce((most, trade) => Math.max(most, day(trade)), -Infinity);
  const [sum, count] = [new Float64Array(last - first + 1), new Float64Array(last - first + 1)];
  for (const trade of trades) {
    sum[day(trade) - first]! += trade.netBps;
    count[day(trade) - first]!++;
  }
  return { sum, count };
}
