import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Skill } from '../../../shared/bundle/manifest.ts';
import { joinedFloat64 } from '../../../shared/joined_numbers.ts';
import { createRng } from '../../../shared/rng.ts';
import { meanOf } from '../../../shared/statistics.ts';
import { meanRun } from '../statistics/block_bootstrap.ts';
import { auc } from '../measures/metrics.ts';
import { studentUpper } from '../statistics/student_t.ts';
import { blocksOf, daysOf } from './time_blocks.ts';
import type { PlaceboMarkets } from './placebo_rows.ts';

const RESAMPLES = 200;
/** With fewer blocks of time there is no standard error. */
const MIN_BLOCKS = 10;
/**
 * Blocks of a holdout with too few trading days, such as that of the first models of an installation, in seconds: the
 * longest of which there are enough. The shortest is twice as long as the longest delivered label.
 */
const SHORT_BLOCKS = [6 * 3600, 2 * 3600] as const;
/** One-sided levels. Blocks of one day depend on each other, and are too few to show how much. */
const DAY_LEVEL = 0.05;
const SHORT_LEVEL = 0.01;
const DRAW_LEVEL = 0.05;
/** With fewer draws their spread has no bound. */
const LEAST_DRAWS = 3;

/** Scores and labels of one market, in any order. */
export interface ScoredRows {
  readonly scores: Float64Array;
  /** 0 or 1. */
  readonly y: Float64Array;
  /** Epoch seconds. */
  readonly time: Float64Array;
}

/**
 * What a model knows of direction: its AUC minus the mean AUC of placebo markets, in which the same model, volatility
 * and distances to the barriers earn whatever geometry alone earns.
 *
 * The standard error is the larger one of two. Where the direction of every bar is a coin, the recorded market is one
 * draw more: the spread of the placebo AUCs, by √(1 + 1/draws), is the error of their mean and of the recorded one,
 * however rows, hours and days depend on each other. What differs from day to day where direction is known is in a
 * stationary bootstrap (Politis & Romano 1994) of trading days, or of shorter blocks where there are few, drawn for all
 * markets together, so that what a block has in common cancels. `lower_95` is the lower of both bounds, each of
 * Student's t. It is null where the holdout has too few blocks for the bootstrap: less than a day proves nothing.
 * @returns null where one of the markets has no rows of both classes
 */
export function skillOf(recorded: ScoredRows, placebos: readonly ScoredRows[], seed: string): Skill | null {
  const aucOf = ({ scores, y }: ScoredRows): number | null => auc(scores, y);
  const own = aucOf(recorded);
  const others = placebos.map(aucOf);
  if (own === null || others.length === 0 || others.some((one) => one === null)) return null;
  const placebo_auc = meanOf(others as number[]);
  const skill = own - placebo_auc;
  const { days, error, factor } = standardError(recorded, placebos, seed);
  const ofDraws = errorOfDraws(others as number[]);
  return {
    auc: own,
    placebo_auc,
    skill,
    draws: placebos.length,
    days,
    standard_error: error === null ? null : Math.max(error, ofDraws.error),
    lower_95: error === null ? null : skill - Math.max(factor * error, ofDraws.factor * ofDraws.error),
  };
}

/** Of one draw minus the mean of the others, with Student's factor; 0 of draws that are too few for one. */
function errorOfDraws(aucs: readonly number[]): { readonly error: number; readonly factor: number } {
  const draws = aucs.length;
  if (draws < LEAST_DRAWS) return { error: 0, factor: 0 };
  const mean = meanOf(aucs);
  const variance = aucs.reduce((sum, own) => sum + (own - mean) ** 2, 0) / (draws - 1);
  return {
    error: Math.sqrt(variance * (1 + 1 / draws)),
    factor: studentUpper(DRAW_LEVEL, 2 * Math.floor((draws - 1) / 2)),
  };
}

function standardError(
  recorded: ScoredRows,
  placebos: readonly ScoredRows[],
  seed: string,
): { readonly days: number; readonly error: number | null; readonly factor: number } {
  const markets = [recorded, ...placebos];
  const dayOf = daysOf(markets);
  const days = dayOf.count;
  const blockOf = [dayOf, ...SHORT_BLOCKS.map((seconds) => blocksOf(markets, seconds))].find(
    ({ count }) => count >= MIN_BLOCKS,
  );
  if (blockOf === undefined) return { days, error: null, factor: 0 };
  const blocks = blockOf.count;
  const level = blockOf === dayOf ? DAY_LEVEL : SHORT_LEVEL;
  const factor = studentUpper(level, 2 * Math.floor((blocks - 1) / 2));
  const ranked = markets.map((market) => rankedRows(market, blockOf.at));
  const rng = createRng(seed);
  const jump = 1 / meanRun(blocks);
  const found: number[] = [];
  for (let resample = 0; resample < RESAMPLES; resample++) {
    const weight = new Float64Array(blocks);
    for (let taken = 0, block = 0; taken < blocks; taken++) {
      block = taken === 0 || rng.uniform() < jump ? rng.integer(blocks) : (block + 1) % blocks;
      weight[block]!++;
    }
    const aucs = ranked.map((rows) => weightedAuc(rows, weight));
    if (aucs.some((own) => Number.isNaN(own))) continue;
    const [own, ...others] = aucs as [number, ...number[]];
    found.push(own - meanOf(others));
  }
  if (found.length < RESAMPLES / 2) return { days, error: null, factor };
  const mean = meanOf(found);
  const squares = found.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { days, error: Math.sqrt(squares / (found.length - 1)), factor };
}

/** Rows by ascending score. */
interface RankedRows {
  readonly day: Int32Array;
  readonly positive: Uint8Array;
  /** Whether a row has the score of the one before. */
  readonly tied: Uint8Array;
}

function rankedRows({ scores, y, time }: ScoredRows, dayAt: (time: number) => number): RankedRows {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]! || a - b);
  return {
    day: Int32Array.from(order, (row) => dayAt(time[row]!)),
    positive: Uint8Array.from(order, (row) => y[row]!),
    tied: Uint8Array.from(order, (row, i) => (i > 0 && scores[row] === scores[order[i - 1]!] ? 1 : 0)),
  };
}

/** AUC of rows that count as often as their day was drawn; NaN without one of the classes. */
function weightedAuc({ day, positive, tied }: RankedRows, weight: Float64Array): number {
  let won = 0;
  let positives = 0;
  let negatives = 0;
  let tiedPositives = 0;
  let tiedNegatives = 0;
  for (let i = 0; i < day.length; i++) {
    if (tied[i] === 0) {
      won += tiedPositives * (negatives + tiedNegatives / 2);
      positives += tiedPositives;
      negatives += tiedNegatives;
      tiedPositives = 0;
      tiedNegatives = 0;
    }
    if (positive[i] === 1) tiedPositives += weight[day[i]!]!;
    else tiedNegatives += weight[day[i]!]!;
  }
  won += tiedPositives * (negatives + tiedNegatives / 2);
  positives += tiedPositives;
  negatives += tiedNegatives;
  return won / (positives * negatives);
}

/**
 * Skill of AI1 on its pairs, or of a group’s own AI1 on those of the group.
 * @param answer of the model to each row of a matrix
 */
export function modelSkill(
  answer: (x: Matrix) => Float64Array,
  recorded: ScoredRows,
  markets: PlaceboMarkets,
  pairs: readonly string[],
  seed: string,
): Skill | null {
  const placebos = markets.map((market): ScoredRows => {
    const own = market.filter(({ pairId, y }) => pairs.includes(pairId) && y.length > 0);
    return {
      scores: joinedFloat64(own.map(({ x }) => answer(x))),
      y: joinedFloat64(own.map(({ y }) => y)),
      time: joinedFloat64(own.map(({ time }) => time)),
    };
  });
  return skillOf(recorded, placebos, seed);
}
