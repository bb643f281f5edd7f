import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { checkTimeframes } from '../../../shared/bar_file/own_timeframe.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import type { DecisionPolicy } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import { warmupBars } from '../../../shared/core/features/features.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { timeframeOf, barSecondsOf, type Pair, type Timeframe } from '../../../shared/pair.ts';
import { pairCosts, type TradingCosts } from '../../../shared/policy/costs.ts';
import { lookLevel, MIN_TRADES } from '../backtest/edge.ts';
import { TRADING_DAYS_PER_YEAR } from '../../../shared/bundle/holdout_sharpe.ts';
import { sharpe } from '../backtest/performance.ts';
import { rollovers, tradingDayAt, type Rollover } from '../../../shared/core/cost/rollover.ts';
import { matchMinutes } from '../history/pair_history.ts';
import { expectedMaxSharpe, probabilisticSharpe, sharpeFacts } from '../statistics/deflated_sharpe_ratio.ts';
import { runOnThreads } from '../threads/thread_tasks.ts';
import { holm } from '../statistics/holm.ts';
import { superiorAbility, type SuperiorAbility } from '../statistics/superior_ability.ts';
import type { LeadLag } from '../data_quality/lead_lag.ts';
import type { Cointegration } from './engle_granger.ts';
import { scanPair, type PeriodFigures, type ScannedPair, type ScanSpan, type ScanTask } from './scan_pair.ts';

const PROGRAM = new URL('./scan_worker.js', import.meta.url);
/** A trial whose features warm for longer than this share of the development period is left out. */
const MAX_WARM_UP = 0.5;

export interface ScanOptions {
  readonly pairs: readonly Pair[];
  /** Without suspect ones. */
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly windows: readonly Windows[];
  /** Epoch seconds; the holdout begins with the next trading day. */
  readonly holdoutFrom: number;
  readonly policy: DecisionPolicy;
  readonly costs: Readonly<Record<string, TradingCosts>>;
  /** Probability of one false finding among all trials. */
  readonly level: number;
  readonly resamples: number;
  readonly seed: string;
  readonly workers: number;
  /** Counts an evaluation of the holdout, and gives its number, from 1. */
  countLook(look: ScanLook): number;
  onProgress(done: number, total: number, pair: string): void;
}

/**
 * LAGS: one leg repeats the other at another time, a late copy or a wrong clock; whatever it seems to earn. LOSES: a
 * net loss in the development period. CHANCE: a gain that is not significant among so many trials. UNCONFIRMED:
 * significant, but without an edge in the holdout. PAYS: significant, and with one.
 */
export type ScanVerdict = 'LAGS' | 'FEW_TRADES' | 'LOSES' | 'CHANCE' | 'UNCONFIRMED' | 'PAYS';

export interface ScanTrial {
  readonly pair: string;
  readonly timeframe: Timeframe;
  readonly beta_window: number;
  readonly z_window: number;
  readonly bars: number;
  /** Of the pair in this timeframe, by Engle & Granger; null without a regression. */
  readonly cointegration: (Cointegration & { readonly adjusted_p: number }) | null;
  readonly development: PeriodFigures;
  readonly holdout: PeriodFigures;
  /** Annualized, of daily net results of the development period; null where nothing varies. */
  readonly sharpe: number | null;
  readonly holdout_sharpe: number | null;
  /** Of the net gain, adjusted for all trials. */
  readonly adjusted_p: number;
  readonly deflated_sharpe: number | null;
  readonly verdict: ScanVerdict;
  /** Of a pair with the verdict LAGS. */
  readonly lag: LeadLag | null;
  /** Net results of the trading days of both periods. */
  readonly days: Float64Array;
}

/** Epoch seconds of the holdout, and a text that is the same where all trials have the same results on it. */
export interface ScanLook {
  readonly from: number;
  readonly to: number;
  readonly results: string;
}

export interface ScanResult extends ScanSpan {
  readonly to: number;
  /** Number of this evaluation of the holdout, and the probability of a single false confirmation that it may have. */
  readonly look: number;
  readonly lookLevel: number;
  /** Largest statistic first. */
  readonly trials: readonly ScanTrial[];
  readonly tests: Pick<SuperiorAbility, 'p' | 'pLower' | 'pUpper' | 'pWhite'>;
  /** Annualized: what the best of as many trials without skill is expected to reach. */
  readonly expectedMaxSharpe: number;
  /** Cointegration tests. */
  readonly pairsTested: number;
  readonly pairsCointegrated: number;
  /** Trials left out: their features warm too long. */
  readonly leftOut: readonly string[];
  /** First bars of the trading days, epoch seconds: those of `days` of a trial. */
  readonly dayStart: readonly number[];
  readonly developmentDays: number;
}

interface Planned {
  readonly tasks: readonly ScanTask[];
  readonly span: ScanSpan;
  readonly to: number;
  readonly rolls: readonly Rollover[];
  readonly leftOut: readonly string[];
}

/**
 * All pairs with all windows. Every trial starts at the same minute, when all of them are warm.
 * @throws MinutehandError DATA_TOO_SHORT, DATA_FORMAT as `checkTimeframes`
 */
export async function scan(options: ScanOptions): Promise<ScanResult> {
  const planned = plan(options);
  const scanned: ScannedPair[] = [];
  let done = 0;
  options.onProgress(0, planned.tasks.length, '');
  await runOnThreads(planned.tasks, options.workers, PROGRAM, scanPair, (result, i) => {
    scanned[i] = result;
    options.onProgress(++done, planned.tasks.length, result.pair.id);
  });
  return resultsOf(scanned, planned, options);
}

function plan(options: ScanOptions): Planned {
  const { pairs, bars, windows, policy, costs } = options;
  checkTimeframes(pairs, bars);
  const legs = pairs.flatMap((pair) => {
    const a = legBars(bars, pair, 'a');
    const b = legBars(bars, pair, 'b');
    return a === undefined || b === undefined ? [] : [{ pair, a, b, ...matchedTimes(a, b) }];
  });
  const begin = Math.min(...legs.map(({ first }) => first));
  const to = Math.max(...legs.map(({ last }) => last));
  const rolls = rollovers(begin, to);
  // No trading day belongs to both periods.
  const holdoutFrom = rolls.find(({ time }) => time >= options.holdoutFrom)?.time ?? options.holdoutFrom;
  const latest = begin + MAX_WARM_UP * (holdoutFrom - begin);
  const leftOut: string[] = [];
  let from = -Infinity;
  const tasks = legs.flatMap(({ pair, a, b, timeAt }) => {
    const own = windows.filter((one) => {
      const warm = timeAt(warmupBars(one) - 1);
      if (!(warm <= latest)) leftOut.push(`${pair.id} ${windowsName(one)}`);
      else from = Math.max(from, warm);
      return warm <= latest;
    });
    const bare = { a: bars.get(pair.a)!, b: bars.get(pair.b)! };
    return own.length === 0 ? [] : [{ pair, a, b, own: bare, windows: own }];
  });
  if (tasks.length === 0)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: legs.length === 0 ? 'no pair with common bars' : `${leftOut.length} trials whose features warm too long`,
      expected: `features that are warm within ${MAX_WARM_UP * 100} % of the development period`,
    });
  const span = { from, holdoutFrom };
  return {
    tasks: tasks.map((task) => ({ ...task, span, policy, costs: pairCosts(costs, task.pair), rolls })),
    span,
    to,
    rolls,
    leftOut,
  };
}

function matchedTimes(a: BarColumns, b: BarColumns) {
  const { length, inA } = matchMinutes(a, b);
  const timeAt = (i: number): number => (i < length ? a.time[inA[i]!]! : NaN);
  return { first: length === 0 ? Infinity : timeAt(0), last: length === 0 ? -Infinity : timeAt(length - 1), timeAt };
}

export function windowsName({ beta_window, z_window }: Pick<Windows, 'beta_window' | 'z_window'>): string {
  return `${beta_window}/${z_window}`;
}

function resultsOf(scanned: readonly ScannedPair[], planned: Planned, options: ScanOptions): ScanResult {
  const { span, to, leftOut } = planned;
  const { developmentDays, dayIndices, dayStart } = tradingDays(planned);
  const tested = scanned.map(({ cointegration }) => cointegration?.p ?? 1);
  const adjustedPs = holm(tested);
  const flat = scanned.flatMap((own, i) =>
    own.trials.map((trial) => ({ ...own, ...trial, own: i, days: pick(trial.days, dayIndices) })),
  );
  const development = flat.map(({ days }) => days.slice(0, developmentDays));
  const enough = flat.map((trial) => trial.development.trades >= MIN_TRADES && !trial.isLagging);
  // The statistic of a few trades is not normal, and a lag is no gain: such trials count, but cannot be the best.
  const nothing = new Float64Array(developmentDays);
  const ability = superiorAbility(
    development.map((days, i) => (enough[i]! ? days : nothing)),
    { seed: `${options.seed}/scan`, resamples: options.resamples },
  );
  // The variance of trials without skill: ratios of trials that lose their costs are dispersed further, not by chance.
  const variance = 1 / (developmentDays - 1);
  const expectedMax = expectedMaxSharpe(flat.length, variance);
  const deflated = development.map((days) => probabilisticSharpe(sharpeFacts(days), expectedMax));
  const ratios = deflated.map((ratio, i) => (enough[i]! && Number.isFinite(ratio) ? ratio : null));
  const isGain = flat.map((one, i) => {
    const isSignificant = ability.adjusted[i]! <= options.level && (ratios[i] ?? 0) >= 1 - options.level;
    return enough[i]! && one.development.net_bps! > 0 && isSignificant;
  });
  const look = options.countLook({ from: span.holdoutFrom, to, results: resultsText(flat) });
  const isConfirmed = confirmed(
    flat.map(({ holdout }) => holdout.p ?? 1),
    isGain,
    lookLevel(look),
  );
  const trials = flat.map((one, i): ScanTrial => {
    const { pair, windows, cointegration, lag, holdout, days, bars } = one;
    return {
      pair: pair.id,
      timeframe: timeframeOf(barSecondsOf(pair)),
      beta_window: windows.beta_window,
      z_window: windows.z_window,
      bars,
      cointegration: cointegration && { ...cointegration, adjusted_p: adjustedPs[one.own]! },
      development: one.development,
      holdout,
      sharpe: sharpe([...development[i]!]),
      holdout_sharpe: sharpe([...days.subarray(developmentDays)]),
      adjusted_p: ability.adjusted[i]!,
      deflated_sharpe: ratios[i]!,
      verdict: lag === null ? verdictOf(one.development, isGain[i]!, isConfirmed[i]!) : 'LAGS',
      lag,
      days,
    };
  });
  // Trials with enough trades first.
  const rankOf = (i: number): number => (enough[i]! ? ability.statistics[i]! : -Infinity);
  const order = [...trials.keys()].sort((a, b) => rankOf(b) - rankOf(a));
  return {
    ...span,
    to,
    look,
    lookLevel: lookLevel(look),
    trials: order.map((i) => trials[i]!),
    tests: ability,
    expectedMaxSharpe: expectedMax * Math.sqrt(TRADING_DAYS_PER_YEAR),
    pairsTested: scanned.length,
    pairsCointegrated: adjustedPs.filter((p, i) => p <= options.level && !scanned[i]!.isLagging).length,
    leftOut,
    dayStart,
    developmentDays,
  };
}

function resultsText(trials: readonly (Pick<ScannedPair, 'pair'> & ScannedPair['trials'][number])[]): string {
  const lines = trials.map(
    ({ pair, windows, holdout: { trades, net_bps } }) =>
      `${pair.id} ${windowsName(windows)} ${trades} ${net_bps?.toFixed(6) ?? ''}`,
  );
  return lines.sort().join('\n');
}

/**
 * Of the significant gains, those whose holdout has an edge too, adjusted for their number.
 * @param ps of all trials
 * @param level of this evaluation of the holdout
 */
function confirmed(ps: readonly number[], isGain: readonly boolean[], level: number): boolean[] {
  const gains = [...ps.keys()].filter((i) => isGain[i]!);
  const adjusted = holm(gains.map((i) => ps[i]!));
  const edges = new Set(gains.filter((_, k) => adjusted[k]! < level));
  return ps.map((_, i) => edges.has(i));
}

function verdictOf({ trades, net_bps }: PeriodFigures, isGain: boolean, isConfirmed: boolean): ScanVerdict {
  if (trades < MIN_TRADES) return 'FEW_TRADES';
  if (!(net_bps! > 0)) return 'LOSES';
  if (!isGain) return 'CHANCE';
  return isConfirmed ? 'PAYS' : 'UNCONFIRMED';
}

/** Trading days with bars of any pair, those of the development period first. */
function tradingDays({ tasks, span, rolls }: Planned) {
  const start = new Float64Array(rolls.length + 1).fill(Infinity);
  for (const { time } of new Set(tasks.flatMap(({ a, b }) => [a, b]))) {
    for (const at of time) {
      if (at < span.from) continue;
      const day = tradingDayAt(rolls, at);
      start[day] = Math.min(start[day]!, at);
    }
  }
  const dayIndices = [...start.keys()].filter((day) => start[day]! < Infinity);
  const dayStart = dayIndices.map((day) => start[day]!);
  return { dayIndices, dayStart, developmentDays: dayStart.filter((time) => time < span.holdoutFrom).length };
}

function pick(days: Float64Array, indices: readonly number[]): Float64Array {
  return Float64Array.from(indices, (day) => days[day]!);
}
