import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { upperMedianOf } from '../../../shared/statistics.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import type { DatasetRows } from '../dataset/dataset_rows.ts';
import { aucStandardError } from '../dataset/noise.ts';
import { pick, positions } from '../dataset/rows.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { columnSkills, MAX_ROWS } from './implausible.ts';

/**
 * AUC that no single honest feature reaches, by the model whose label it is; AI3's label counts as high above its
 * median. On the ten pairs of the default configuration (eight months of 2019), together and one by one, the best
 * feature has 0.62 for AI1, 0.76 for AI2 and 0.85 for AI3. Cheating columns have more: the label itself 1, one that
 * knows half of its rows 0.75.
 */
const FEATURE_AUC_LIMITS: Readonly<Record<ModelName, number>> = { ai1: 0.72, ai2: 0.87, ai3: 0.93 };

/**
 * In the simulated market each symbol keeps its volatility for ever, so that the one of the past tells the size of a
 * result: 0.94 in eight months of ten pairs (bench part `training`).
 */
const SIMULATED_AUC_LIMITS: typeof FEATURE_AUC_LIMITS = { ...FEATURE_AUC_LIMITS, ai3: 0.97 };

/** Rows that are read of each pair alone. */
const ROWS_OF_PAIR = 2000;

/** Standard errors that are added: few rows reach any AUC by chance. */
const STANDARD_ERRORS = 4;

/** The label itself, on however few rows. */
const CERTAIN = 0.999;

/**
 * Features that tell a label better than any honest feature of a market can: their values must come from after the bar.
 * Measured on the rows of training, of all pairs and, for AI1 and AI2, of each alone: what knows the future of one pair
 * in ten is hardly seen among all. For AI3 only columns from outside are judged: its label is the size of a result,
 * which columns of the daemon, made of earlier bars, honestly tell where volatility lasts (`beta` has had 0.962).
 * @param outside columns that do not follow from the bars of the legs alone
 * @param place where the features come from
 * @throws MinutehandError FEATURE_FORESIGHT that names the model and each such column
 */
export function refuseImplausible(
  { definitions, train, evaluation, histories }: Pick<Dataset, 'definitions' | 'train' | 'evaluation' | 'histories'>,
  outside: readonly string[],
  place: string,
  market: Market,
): void {
  const limits = market === 'simulated' ? SIMULATED_AUC_LIMITS : FEATURE_AUC_LIMITS;
  const names = definitions.map(({ name }) => name);
  const pairIds = histories.map(({ pair }) => pair.id);
  const found = MODEL_NAMES.flatMap((model) => {
    const sets = model === 'ai1' && evaluation.train !== train.ai1 ? [train.ai1, evaluation.train] : [train[model]];
    const isJudged = (name: string): boolean => model !== 'ai3' || outside.includes(name);
    return sets.flatMap((rows) =>
      implausibleOf({ rows, model, pairIds, names, isJudged }, limits[model]).map((text) => [model, text]),
    );
  });
  if (found.length === 0) return;
  throw new MinutehandError('FEATURE_FORESIGHT', {
    seen: `${place}: ${[...new Set(found.map(([model, text]) => `${text} for the label of ${model}`))].join(', ')}`,
    expected: `an AUC of a single feature up to ${MODEL_NAMES.map((model) => `${limits[model]} (${model})`).join(', ')}`,
  });
}

interface JudgedFeatures {
  readonly rows: DatasetRows;
  readonly model: ModelName;
  readonly pairIds: readonly string[];
  readonly names: readonly string[];
  readonly isJudged: (name: string) => boolean;
}

/**
 * Those of all pairs; where there are none, those of each pair that has enough rows to say, with its name. AI3's label
 * is judged over all pairs alone: it measures the size of a trade's result, which within one calm pair may honestly
 * follow from one feature, such as the z-score at the entry.
 */
function implausibleOf({ rows, model, pairIds, names, isJudged }: JudgedFeatures, limit: number): string[] {
  if (!names.some(isJudged)) return [];
  const all = withHardLabels(rows);
  const bound = Math.min(boundOf(all, limit, MAX_ROWS), CERTAIN);
  const together = implausibleColumns(all, names, bound, MAX_ROWS, isJudged);
  if (together.length > 0 || pairIds.length === 1 || model === 'ai3') return together;
  return pairIds.flatMap((id, pair) => {
    const own = withHardLabels(ofPair(rows, pair));
    const ownBound = boundOf(own, limit, ROWS_OF_PAIR);
    if (ownBound >= CERTAIN) return [];
    return implausibleColumns(own, names, ownBound, ROWS_OF_PAIR, isJudged).map((text) => `${text} in ${id}`);
  });
}

type JudgedRows = Pick<DatasetRows, 'x' | 'y' | 'effectiveRows'>;

function ofPair({ x, y, pair, effectiveRows }: DatasetRows, own: number): JudgedRows {
  const chosen = positions(pair.length, (row) => pair[row] === own);
  return {
    x: takeRows(x, chosen),
    y: pick(y, chosen),
    effectiveRows: (effectiveRows * chosen.length) / pair.length,
  };
}

/** AUC above which a feature is implausible: what no honest one has, and what chance adds on so few rows. */
function boundOf({ y, effectiveRows }: JudgedRows, limit: number, maxRows: number): number {
  const positives = y.reduce((sum, label) => sum + label, 0);
  const share = Math.min(1, Math.min(effectiveRows, maxRows) / y.length);
  return limit + STANDARD_ERRORS * aucStandardError(limit, positives * share, (y.length - positives) * share);
}

/** `z_score with an AUC of 0.981`, the largest first. */
function implausibleColumns(
  { x, y }: JudgedRows,
  names: readonly string[],
  bound: number,
  maxRows: number,
  isJudged: (name: string) => boolean,
): string[] {
  return columnSkills({ x, y, names }, maxRows)
    .filter(({ name, auc }) => auc > bound && isJudged(name))
    .sort((one, other) => other.auc - one.auc)
    .map(({ name, auc }) => `${name} with an AUC of ${auc.toFixed(3)}`);
}

/** Rows whose label is 0 or 1: a graded one counts as above its median. */
function withHardLabels({ x, y, effectiveRows }: JudgedRows): JudgedRows {
  return { x, y: isHardLabel(y) ? y : aboveMedian(y), effectiveRows };
}

function isHardLabel(y: Float64Array): boolean {
  return y.every((label) => label === 0 || label === 1);
}

function aboveMedian(y: Float64Array): Float64Array {
  const median = upperMedianOf(y);
  return y.map((label) => (label > median ? 1 : 0));
}
