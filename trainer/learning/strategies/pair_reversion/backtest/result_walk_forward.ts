import { lowerBound } from '../../../../../shared/bar_file/bar_file.ts';
import { SECONDS_PER_BAR } from '../../../../../shared/bar.ts';
import type { InputDescription } from '../../../../../shared/bundle/input_novelty.ts';
import type { NetReport } from '../../../../../shared/bundle/manifest.ts';
import { sequenceBars } from '../../../../../shared/core/features/windows.ts';
import { resultOfShare } from '../../../../../shared/core/cost/expected_net.ts';
import { COST_MODELS, pairCosts, tradingCosts } from '../../../../../shared/policy/costs.ts';
import { decisionPolicy, horizonSeconds, type Settings } from '../../../../../shared/policy/policy.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { partOfHistory, pricesOf, type KeptHistory } from '../../../history/kept_history.ts';
import type { PriceHistory } from '../../../history/pair_history.ts';
import { outOfFold, splitOfTime, type FoldModel } from '../../../learners/cross_validation.ts';
import { rowsOfTable } from '../../../learners/contract/past_rows.ts';
import { describeLearned } from '../../../novelty/learned_inputs.ts';
import { rowNovelties } from '../../../novelty/row_novelties.ts';
import { learnPart } from '../../../role_table/role_table.ts';
import { backtest, type FilledTrade } from '../../../trades/backtest.ts';
import { EDGE_LEVEL } from '../../../backtest/edge.ts';
import { judgeClaims } from '../../../backtest/edge_claims.ts';
import { daysTest, netInterval, tradeDays } from '../../../backtest/net_interval.ts';
import { rollovers, tradingDayAt } from '../../../../../shared/core/cost/rollover.ts';

type Row = NetReport['walk_forward'][number];

/** What novelty is measured by. */
export interface MeasuredAi1 {
  /** Of the training. */
  readonly seed: number;
  /** Of the rows that a brought AI1 has learned from, null with too few; absent: AI1 is learned here. */
  readonly inputs?: InputDescription | null | undefined;
}

/**
 * Trades of the training period decided by the model of the result alone, each bar scored by the walk-forward model of
 * earlier data: entries with an expected result after costs above the margin. With either cost model, with and without
 * `no_entry_windows`; an edge is one among these four. Where the policy has a limit of novelty, each block is measured
 * by the rows that an AI1 of earlier data learns from.
 */
export function evaluateResult(
  dataset: Dataset,
  walkForward: readonly FoldModel[],
  settings: Settings,
  ai1: MeasuredAi1,
): readonly Row[] {
  const { histories, definitions, from, holdoutFrom } = dataset;
  const first = Math.min(...walkForward.map((block) => block.from));
  const blocks = walkForward.map((block) => ({
    ...block,
    inputs: describedBefore(block.from, dataset, settings, ai1),
  }));
  const rows = { definitions, bars: sequenceBars(settings.minutehand.windows) };
  const answered = histories.map((history) => answerPair(history, blocks, first, holdoutFrom, rows));
  const rolls = rollovers(from, holdoutFrom);
  const days = daysWithBars(answered, rolls);
  const tried = COST_MODELS.flatMap((costs) =>
    [false, true].map((windows) => {
      const own = decisionPolicy(settings);
      const policy = { ...own, require_edge: false, ...(windows ? {} : { no_entry_windows: [] }) };
      const trades = answered.map(({ history, start, end, sigmas, novelties }): FilledTrade[] => {
        const ofPair = pairCosts(tradingCosts(settings, costs), history.pair);
        return backtest(history, start, end, {
          thresholds: { theta1: 0, theta2: 1 },
          policy,
          edge: true,
          costs: ofPair,
          overnight: { rolls, swaps: ofPair },
          scores: (t) => ({
            return_prob: 1,
            risk_score: 0,
            result_sigmas: sigmas[t - start]!,
            novelty: novelties[t - start]!,
          }),
        });
      });
      const all = trades.flat();
      const gross = all.reduce((sum, { grossBps }) => sum + grossBps, 0);
      const ofDays = trades.map((of) => tradeDays(of, rolls));
      const row = { costs, windows, gross_bps: all.length === 0 ? null : gross / all.length };
      return { row: { ...row, ...netInterval(ofDays, days) }, test: daysTest(ofDays, days) };
    }),
  );
  const claims = judgeClaims(
    tried.map(({ test }) => test),
    1,
    EDGE_LEVEL,
  );
  return tried.map(({ row }, i): Row => ({ ...row, no_edge: claims[i]!.no_edge }));
}

interface Answered {
  readonly history: PriceHistory;
  readonly start: number;
  readonly end: number;
  /** Scores of the bars from `start` on; −Infinity where features were not kept, i.e. for non-candidates. */
  readonly sigmas: Float64Array;
  /** Of the same bars; NaN where nothing is measured. */
  readonly novelties: Float64Array;
}

/** A model with a description of what an AI1 of the same earlier data learns from; null: it is not needed. */
interface MeasuredBlock extends FoldModel {
  readonly inputs: InputDescription | null;
}

function describedBefore(
  from: number,
  dataset: Dataset,
  { core, minutehand }: Settings,
  { seed, inputs }: MeasuredAi1,
): InputDescription | null {
  if (core.novelty_min === null) return null;
  if (inputs !== undefined) return inputs;
  const learned = learnPart(dataset.train.ai1, from - horizonSeconds(minutehand));
  return describeLearned(learned, dataset, `${seed}/${from}`);
}

function answerPair(
  kept: KeptHistory,
  walkForward: readonly MeasuredBlock[],
  first: number,
  holdoutFrom: number,
  { definitions, bars: sequence }: Pick<Dataset, 'definitions'> & { readonly bars: number },
): Answered {
  const columns = definitions.length;
  const history = pricesOf(kept);
  const { row, features } = partOfHistory(kept, 'row', 'features');
  const time = history.time.subarray(0, history.length);
  const start = lowerBound(time, first - SECONDS_PER_BAR);
  const end = lowerBound(time, holdoutFrom);
  const bars: number[] = [];
  for (let t = start; t < end; t++) if (row[t]! >= 0) bars.push(t);
  const firstRow = bars.length === 0 ? 0 : row[bars[0]!]!;
  const x = rowsOfTable(features, { first: firstRow, rows: bars.length, columns, bars: sequence });
  const closes = Float64Array.from(bars, (t) => time[t]! + SECONDS_PER_BAR);
  const answers = outOfFold(walkForward, { x, time: closes });
  const sigmas = new Float64Array(end - start).fill(-Infinity);
  const novelties = new Float64Array(end - start).fill(NaN);
  const block = splitOfTime(walkForward, closes);
  for (const [index, { inputs }] of walkForward.entries()) {
    const measured = rowNovelties(x, inputs, definitions);
    if (measured === null) continue;
    for (const [i, t] of bars.entries()) if (block[i] === index) novelties[t - start] = measured[i]!;
  }
  bars.forEach((t, i) => {
    if (!Number.isNaN(answers[i]!)) sigmas[t - start] = resultOfShare(answers[i]!);
  });
  return { history, start, end, sigmas, novelties };
}

function daysWithBars(answered: readonly Answered[], rolls: ReturnType<typeof rollovers>): number[] {
  const days = new Set<number>();
  for (const { history, start, end } of answered)
    for (let t = start; t < end; t++) days.add(tradingDayAt(rolls, history.time[t]!));
  return [...days].sort((a, b) => a - b);
}
