import type { DirectionStrategy } from '../../../../shared/strategies/direction/direction_input.ts';
import type { InstrumentEdge } from '../../../../shared/bundle/direction/direction_manifest.ts';
import type { Trade } from '../../trades/backtest.ts';
import { MIN_TRADES } from '../../backtest/edge.ts';
import { judgeClaims, type EdgeClaim } from '../../backtest/edge_claims.ts';
import { allowedLosses, edgeTest } from '../../backtest/edge_test.ts';
import { DOWN, EVALUATION_LABEL, evaluationBars, RANGE, UP } from './label/direction.ts';
import type { MeanTest } from '../../statistics/mean_test.ts';
import type { Instrument, InstrumentRows } from './instrument_rows.ts';
import type { NoveltyLimit } from './block_novelties.ts';
import { backtestStrategy, type BarAnswer, type InstrumentCosts } from './strategy_backtest.ts';
import { CLASSES, fitOnBlocks, type CalibratedBlock, type ScoredBlock } from './walk_forward.ts';
import { scaledProbabilities } from '../../calibrate/vector_scaling.ts';

const SECONDS_PER_DAY = 86_400;
/**
 * Probability of a single false edge over all claims of a run, of each instrument and of all together, where the looks
 * at its blocks are not counted.
 */
export const EDGE_ERROR_RATE = 0.05;

/** Candidate thresholds, the same for both sides. */
export const THETA_GRID: readonly number[] = Array.from({ length: 15 }, (_, i) => (30 + 2.5 * i) / 100);

/** Exits at the barriers of the evaluation label. @param timeframe seconds per bar */
export function strategyOf(theta: number, timeframe: number): DirectionStrategy {
  const { threshold } = EVALUATION_LABEL;
  const max_age_bars = evaluationBars(timeframe);
  return { theta_up: theta, theta_down: theta, stop: threshold, target: threshold, max_age_bars };
}

/**
 * The strategy of the block that a bar's close (epoch seconds) falls into; before the first block, that of the first.
 */
export function strategyByBlock(
  blocks: readonly Pick<CalibratedBlock, 'split'>[],
  thetas: readonly number[],
  timeframe: number,
): (close: number) => DirectionStrategy {
  const strategies = thetas.map((theta) => strategyOf(theta, timeframe));
  return (close) => {
    const block = blocks.findLastIndex(({ split }) => close >= split.from);
    return strategies[Math.max(0, block)]!;
  };
}

/** Net result of trades of all instruments, with its 90 % interval by trading days. */
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
  /** Adjusted for all claims of the run (Holm); null without a test. */
  readonly p_value: number | null;
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
  /** Models that were measured on the same blocks: their claims count as well. */
  readonly variants: number;
  /** Of the test rows of all blocks; absent: no entry is refused for it. */
  readonly novelty?: NoveltyLimit | undefined;
  /**
   * Probability of a false edge that these trades may have, asked before their result is known; 0: they claim nothing.
   * Default: 5 %.
   */
  levelOf?(trades: readonly Trade[]): number;
}

/** Trades each evaluated block with a threshold chosen on earlier blocks. */
export function walkForwardNet(parts: NetParts): WalkForwardNet {
  const { rows, instruments, scored, calibrated, costs, novelty, variants, levelOf = () => EDGE_ERROR_RATE } = parts;
  const first = scored.length - calibrated.length;
  const thetas = calibrated.map(({ split }, i) => chooseTheta(parts, scored.slice(0, first + i), split.from));
  const trades = tradesOfBlocks({ rows, instruments, calibrated, costs, novelty, thetas });
  const symbols = instruments.map(({ bars: { symbol } }) => symbol);
  const level = levelOf(trades);
  const { pooled, edge } = edgeClaims(trades, symbols, variants, level || EDGE_ERROR_RATE);
  const result = netResult(trades, costs, pooled);
  if (level > 0) return { result, thetas, edge, trades };
  const unclaimed = Object.entries(edge).map(([symbol, own]) => [symbol, { ...own, no_edge: true }] as const);
  return { result: { ...result, no_edge: true }, thetas, edge: Object.fromEntries(unclaimed), trades };
}

/** Trades of each evaluated block by its own threshold. */
export function tradesOfBlocks({
  rows,
  instruments,
  calibrated,
  costs,
  novelty,
  thetas,
}: Pick<NetParts, 'rows' | 'instruments' | 'calibrated' | 'costs' | 'novelty'> & {
  readonly thetas: readonly number[];
}): Trade[] {
  const answers = noAnswers(instruments);
  for (const { split, probabilities } of calibrated) put(answers, rows, split.test, probabilities, novelty);
  const strategyAt = strategyByBlock(calibrated, thetas, instruments[0]!.bars.timeframe);
  return instruments.flatMap((own, i) => {
    const { time, timeframe } = own.bars;
    return backtestStrategy(own, answers[i]!, (t) => strategyAt(time[t]! + timeframe), costs, novelty?.min);
  });
}

/**
 * Threshold with the best net t-ratio on blocks whose labels were known before `until`; the highest one if none has
 * enough trades.
 */
export function chooseTheta(
  { rows, instruments, costs, novelty }: Pick<NetParts, 'rows' | 'instruments' | 'costs' | 'novelty'>,
  blocks: readonly ScoredBlock[],
  until: number,
): number {
  const scaling = fitOnBlocks(rows, blocks, until);
  const answers = noAnswers(instruments);
  for (const { split, logits } of blocks) {
    const known = Int32Array.from(split.test.keys()).filter((i) => rows.labelEnd[split.test[i]!]! < until);
    const own = logits.map((all) => Float32Array.from(known, (i) => all[i]!));
    const test = Int32Array.from(known, (i) => split.test[i]!);
    put(answers, rows, test, scaledProbabilities(own, scaling), novelty);
  }
  let best = THETA_GRID.at(-1)!;
  let bestRatio = -Infinity;
  for (const theta of THETA_GRID) {
    const strategy = strategyOf(theta, instruments[0]!.bars.timeframe);
    const trades = instruments.flatMap((own, i) =>
      backtestStrategy(own, answers[i]!, () => strategy, costs, novelty?.min),
    );
    const ratio = netRatio(trades);
    if (ratio > bestRatio) {
      best = theta;
      bestRatio = ratio;
    }
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

/** Answers by bar and instrument. */
export type Answers = (BarAnswer | null)[][];

export function noAnswers(instruments: readonly Instrument[]): Answers {
  return instruments.map(({ bars }) => new Array<BarAnswer | null>(bars.length).fill(null));
}

/** @param novelty of the rows; absent: not known */
export function put(
  answers: Answers,
  rows: Pick<InstrumentRows, 'instrument' | 'bar'>,
  test: Int32Array,
  probabilities: Float64Array,
  novelty?: Pick<NoveltyLimit, 'novelties'>,
): void {
  test.forEach((row, i) => {
    answers[rows.instrument[row]!]![rows.bar[row]!] = {
      ML_UP_PROB: probabilities[i * CLASSES + UP]!,
      ML_DOWN_PROB: probabilities[i * CLASSES + DOWN]!,
      ML_RANGE_PROB: probabilities[i * CLASSES + RANGE]!,
      ...(novelty && { novelty: novelty.novelties[row]! }),
    };
  });
}

/**
 * Whether the trades of each instrument, and those of all together, show an edge after costs. Trading days are the
 * blocks of the test (`edgeTest`); Holm's procedure keeps the probability of a single false edge over all claims at the
 * level. Thresholds need no correction: each was chosen on blocks before those that it is judged on.
 * @param variants models measured on the same blocks: each makes the same claims
 */
export function edgeClaims(
  trades: readonly Trade[],
  symbols: readonly string[],
  variants: number,
  level: number = EDGE_ERROR_RATE,
): { readonly pooled: EdgeClaim; readonly edge: Readonly<Record<string, InstrumentEdge>> } {
  const groups = symbols.map((symbol) => trades.filter(({ pairId }) => pairId === symbol));
  const isPooled = symbols.length > 1;
  const claimed = [...groups, ...(isPooled ? [trades] : [])];
  const losses = allowedLosses(claimed);
  const tests = claimed.map((own, i) => testOf(own, losses[i]!));
  const claims = judgeClaims(tests, variants, level);
  const edge = symbols.map((symbol, i): [string, InstrumentEdge] => {
    const { p_value, lower_net_bps, no_edge } = claims[i]!;
    const own = groups[i]!;
    return [symbol, { no_edge, trades: own.length, net_bps: meanNet(own), lower_net_bps, p_value }];
  });
  return { pooled: claims.at(isPooled ? -1 : 0)!, edge: Object.fromEntries(edge) };
}

/** null with too few trades, or trades on too few days. */
function testOf(trades: readonly Trade[], loss: number): MeanTest | null {
  return trades.length < MIN_TRADES ? null : edgeTest(trades, { loss, blocks: byDay(trades) });
}

export function netResult(trades: readonly Trade[], costs: InstrumentCosts, pooled: EdgeClaim): NetResult {
  const n = trades.length;
  const cost_bps = 2 * (costs.takerFeeBps + costs.slippageBps);
  const mean = (of: (trade: Trade) => number): number | null =>
    n === 0 ? null : trades.reduce((sum, trade) => sum + of(trade), 0) / n;
  const { test, p_value, no_edge } = pooled;
  return {
    trades: n,
    longs: trades.filter(({ side }) => side === 1).length,
    long_net_bps: meanNet(trades.filter(({ side }) => side === 1)),
    short_net_bps: meanNet(trades.filter(({ side }) => side === -1)),
    win_rate: mean(({ netBps }) => (netBps > 0 ? 1 : 0)),
    gross_bps: mean(({ grossBps }) => grossBps),
    net_bps: mean(({ netBps }) => netBps),
    cost_bps,
    funding_bps: mean(({ grossBps, netBps }) => grossBps - netBps - cost_bps),
    lower_5_net_bps: test?.lowerBound(EDGE_ERROR_RATE) ?? null,
    upper_95_net_bps: test?.upperBound(EDGE_ERROR_RATE) ?? null,
    p_value,
    no_edge,
  };
}

function meanNet(trades: readonly Trade[]): number | null {
  return trades.length === 0 ? null : trades.reduce((sum, { netBps }) => sum + netBps, 0) / trades.length;
}

/** Sums by day of entry, from first to last day. */
function byDay(trades: readonly Trade[]): { sum: Float64Array; count: Float64Array } {
  const day = (trade: Trade): number => Math.floor(trade.entryTime / SECONDS_PER_DAY);
  const first = trades.reduce((least, trade) => Math.min(least, day(trade)), Infinity);
  const last = trades.reduce((most, trade) => Math.max(most, day(trade)), -Infinity);
  const sum = new Float64Array(last - first + 1);
  const count = new Float64Array(last - first + 1);
  for (const trade of trades) {
    sum[day(trade) - first]! += trade.netBps;
    count[day(trade) - first]!++;
  }
  return { sum, count };
}
