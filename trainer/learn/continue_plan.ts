import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import type { Bundle } from '../../shared/bundle/bundle.ts';
import type { ContinuedFrom, Manifest } from '../../shared/bundle/manifest.ts';
import type { TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { decodeTreeModel } from '../../shared/bundle/onnx/tree_graph.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../shared/core/features/feature.ts';
import { WARM_UP_SECONDS } from '../../shared/core/features/features.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Dataset, DatasetRows, LabelledRows } from '../dataset/dataset.ts';
import { takeDatasetRows } from '../dataset/labelled_rows.ts';
import { positions } from '../validate/rows.ts';
import { FEWEST_ROWS, splitOffTheEnd } from './trees/fit.ts';
import { countTrees } from './model_learning.ts';

const DAY = 86_400;
/** A holdout has every hour of the day, or the hours it lacks go unjudged. */
const SHORTEST_HOLDOUT_SECONDS = DAY;
/** With fewer rows nothing can be told from noise: labels overlap, and a fifth of them or less is independent. */
const FEWEST_HOLDOUT_ROWS = 200;

/** What of a bundle decides whether and from where it is continued. */
export type ContinueBase = Pick<
  Manifest,
  'version' | 'market' | 'feature_schema' | 'label_policy' | 'pairs' | 'period' | 'engine'
> & { readonly continued_from?: ContinuedFrom | undefined };

/** What the run would learn by. */
export type ContinueRun = Pick<Manifest, 'market' | 'feature_schema' | 'label_policy' | 'pairs'> & {
  /** `train.engine`. */
  readonly engine: string;
  /** `train.continue_most`. */
  readonly most: number;
};

/** Models as they were last learned in full, to which trees are added. */
export interface ContinueStart {
  /** What stands in the new manifest. */
  readonly from: ContinuedFrom;
  readonly models: Readonly<Record<ModelName, TreeModel>>;
}

/**
 * The active models as they were last learned in full. What earlier continuations added is left out: it is learned anew, from all bars
 * since. Trees upon trees of single days and weeks made the models worse than they were (docs/MODELS.md).
 * @param base the active bundle
 * @throws MinutehandError CONTINUE_REFUSED as `checkContinuable`, MODEL_LOAD when a model is not of trees
 */
export function startContinuation(
  { manifest, models }: { readonly manifest: ContinueBase; readonly models: Bundle['models'] },
  run: ContinueRun,
): ContinueStart {
  checkContinuable(manifest, run);
  const before = manifest.continued_from;
  const full = perModel((name) => {
    const { model } = decodeTreeModel(models[name]);
    const most = before?.trees[name] ?? Infinity;
    return { ...model, ensembles: model.ensembles.map((own) => ({ ...own, trees: own.trees.slice(0, most) })) };
  });
  return {
    from: {
      version: before?.version ?? manifest.version,
      times: (before?.times ?? 0) + 1,
      learned_until: before?.learned_until ?? manifest.period.holdout_from,
      trees: before?.trees ?? perModel((name) => countTrees(full[name])),
    },
    models: full,
  };
}

/**
 * Whether the active models can be continued at all: learned by gbdt, from the same features and for the same labels, for these pairs, and not
 * continued too often since they were last learned in full.
 * @throws MinutehandError CONTINUE_REFUSED with what is in the way
 */
export function checkContinuable(base: ContinueBase, run: ContinueRun): void {
  const refuse = (seen: string, expected: string): never => {
    throw new MinutehandError('CONTINUE_REFUSED', { seen: `${base.version} ${seen}`, expected });
  };
  const times = base.continued_from?.times ?? 0;
  for (const engine of [base.engine.name, run.engine]) {
    if (engine !== 'gbdt') refuse(`and the engine ${engine}`, 'models that gbdt learned, and gbdt to go on');
  }
  if (base.market !== run.market) refuse(`was learned from a ${base.market} market`, `a ${run.market} one`);
  if (base.feature_schema !== run.feature_schema) refuse('was learned from other features', 'those of this version');
  for (const name of new Set([...Object.keys(base.label_policy), ...Object.keys(run.label_policy)])) {
    const [own, wanted] = [base.label_policy[name], run.label_policy[name]];
    if (own !== wanted) refuse(`was learned with ${name} ${own ?? 'unset'}`, `${name} ${wanted ?? 'unset'}`);
  }
  const unknown = run.pairs.filter((pair) => !base.pairs.includes(pair));
  if (unknown.length > 0) refuse(`does not know ${unknown.join(', ')}`, 'models of all pairs');
  if (times >= run.most) refuse(`was continued ${times} times in a row`, `at most ${run.most} (train.continue_most)`);
}

export interface ContinuePeriod {
  /** First bar that is needed. */
  readonly barsFrom: OpenTime;
  /** Rows are new from here on: the holdout of the full run, which it has not learned from, and what came after. */
  readonly learnFrom: OpenTime;
  /** Where the final period begins, which neither the base nor its continuation has seen. */
  readonly holdoutFrom: OpenTime;
}

/** Of `train` in the settings. */
export interface ContinueLengths {
  readonly holdout_fraction: number;
  readonly continue_min_days: number;
}

/**
 * Where a continuation learns and where it is judged. The holdout of the full run becomes training data, so the new final period begins behind the
 * last bar that the active bundle was judged by, and is `holdout_fraction` of the new time, but at least a day, where that is less.
 * @param to open of the last bar there is
 * @param holdoutFrom where the final period shall begin; null = as above
 * @throws MinutehandError DATA_TOO_SHORT when the final period would be shorter than a day, or begin where the base was judged, or when there are
 * fewer than `continue_min_days` to learn from
 */
export function continuePeriod(
  base: ContinueBase,
  to: OpenTime,
  { holdout_fraction, continue_min_days }: ContinueLengths,
  holdoutFrom: OpenTime | null = null,
): ContinuePeriod {
  const learnFrom = learnedUntil(base);
  const unseenFrom = firstUnseen(base);
  const share = Math.floor(((to - learnFrom) / SECONDS_PER_BAR) * holdout_fraction) * SECONDS_PER_BAR;
  const from = holdoutFrom ?? Math.max(unseenFrom, to - Math.max(share, SHORTEST_HOLDOUT_SECONDS));
  checkUnseen(base, from);
  if (to + SECONDS_PER_BAR - from < SHORTEST_HOLDOUT_SECONDS) {
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `bars up to ${isoMinute(to)}, ${daysBetween(from, to + SECONDS_PER_BAR)} days of a final period from ${isoMinute(from)}`,
      expected: `at least 1 day behind ${base.period.to}, the last bar that ${base.version} was judged by`,
      next: 'Wait for more bars, or train in full.',
    });
  }
  if (from - learnFrom < continue_min_days * DAY) {
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${daysBetween(learnFrom, from)} days to learn from, ${isoMinute(learnFrom)} to ${isoMinute(from)}`,
      expected: `at least ${continue_min_days} (train.continue_min_days)`,
      next: 'Wait for more bars, or train in full.',
    });
  }
  return {
    barsFrom: (learnFrom - WARM_UP_SECONDS) as OpenTime,
    learnFrom: learnFrom as OpenTime,
    holdoutFrom: from as OpenTime,
  };
}

/**
 * The dataset with only the new rows to learn from: those whose features were known no earlier than the holdout of the full run began, for no label of its
 * training reached so far, and whose label was known more than an embargo before the new final period begins (purging: López de Prado 2018, ch. 7).
 * @param dataset built with `ContinuePeriod.holdoutFrom`, of bars from `barsFrom` or earlier
 * @param embargo seconds
 * @throws MinutehandError DATA_TOO_SHORT when a model has too few new rows to learn from or to be judged by, or the final period is not unseen
 */
export function withNewRows<Data extends Pick<Dataset, 'train' | 'holdout' | 'evaluation' | 'holdoutFrom'>>(
  base: ContinueBase,
  dataset: Data,
  embargo: number,
): Data {
  checkUnseen(base, dataset.holdoutFrom);
  const learnFrom = learnedUntil(base);
  for (const name of MODEL_NAMES) {
    const judged: LabelledRows = name === 'ai1' ? dataset.evaluation.holdout : dataset.holdout[name];
    if (judged.y.length < FEWEST_HOLDOUT_ROWS) {
      throw new MinutehandError('DATA_TOO_SHORT', {
        seen: `${judged.y.length} rows of ${name} from ${isoMinute(dataset.holdoutFrom)} on`,
        expected: `at least ${FEWEST_HOLDOUT_ROWS} that neither ${base.version} nor its continuation has seen`,
        next: 'Wait for more bars, or train in full.',
      });
    }
  }
  const isNew = ({ time, labelEnd }: LabelledRows, row: number): boolean =>
    time[row]! >= learnFrom && labelEnd[row]! + embargo < dataset.holdoutFrom;
  const newRows = <Rows extends DatasetRows>(rows: Rows): Rows =>
    takeDatasetRows(
      rows,
      positions(rows.y.length, (row) => isNew(rows, row)),
    );
  const { train, evaluation } = dataset;
  const own = { ai1: newRows(train.ai1), ai2: newRows(train.ai2), ai3: newRows(train.ai3) };
  for (const name of MODEL_NAMES) {
    const { y } = own[name];
    if (splitOffTheEnd(own[name], Int32Array.from(y.keys())) === null) throw tooFewRows(y.length, name);
  }
  const judged = evaluation.train === train.ai1 ? own.ai1 : newRows(evaluation.train);
  return { ...dataset, train: own, evaluation: { ...evaluation, train: judged } };
}

function learnedUntil({ continued_from, period }: ContinueBase): number {
  return secondsOf(continued_from?.learned_until ?? period.holdout_from);
}

/** A row is known at the close of its bar: the one of the base's last bar is seen, the next one is not. */
function firstUnseen({ period }: ContinueBase): number {
  return secondsOf(period.to) + 2 * SECONDS_PER_BAR;
}

function checkUnseen(base: ContinueBase, holdoutFrom: number): void {
  if (holdoutFrom >= firstUnseen(base)) return;
  throw new MinutehandError('DATA_TOO_SHORT', {
    seen: `a final period from ${isoMinute(holdoutFrom)}`,
    expected: `one behind ${base.period.to}, the last bar that ${base.version} was judged by`,
    next: 'Wait for more bars, or train in full.',
  });
}

function secondsOf(iso: string): number {
  return Date.parse(iso) / 1000;
}

function daysBetween(from: number, to: number): string {
  return (Math.max(0, to - from) / DAY).toFixed(2);
}

function tooFewRows(rows: number, model: ModelName): MinutehandError {
  return new MinutehandError('DATA_TOO_SHORT', {
    seen: `${rows} new rows to learn from for ${model}`,
    expected: `so many that ${FEWEST_ROWS} are left on either side when the last part of their time is set aside`,
    next: 'Wait for more bars, or train in full.',
  });
}
