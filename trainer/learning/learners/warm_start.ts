import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import type { Bundle } from '../../../shared/bundle/bundle.ts';
import { ownGroups, type WarmStartFrom, type Manifest } from '../../../shared/bundle/manifest.ts';
import type { Tree, TreeEnsemble } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { decodeTreeModel } from '../../../shared/bundle/onnx/tree_graph.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { WARM_UP_SECONDS } from '../../../shared/core/features/features.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Dataset, DatasetRows, LabeledRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { takeDatasetRows } from '../strategies/pair_reversion/dataset/labeled_rows.ts';
import { positions } from '../dataset/rows.ts';
import { MIN_ROWS, splitOffTheEnd } from './contract/stopping_rows.ts';
import { fittedTrees, type FittedTrees } from './trees/fitted_trees.ts';

const DAY = 86_400;
const HOUR = 3600;
/**
 * A holdout must reach into every hour of the day, or some hours would not be evaluated. An hour less than a day, so
 * that a daily run that begins some minutes earlier than the one before has enough.
 */
const MIN_HOLDOUT_SECONDS = 23 * HOUR;
/** As many as a comparison with the champion needs as delivered (adopt_min_candidates); its gates allow for noise. */
const MIN_HOLDOUT_ROWS = 50;

/** The parts of a bundle that determine its warm start. */
export type WarmStartBase = Pick<
  Manifest,
  'version' | 'market' | 'feature_schema' | 'label_policy' | 'pairs' | 'period' | 'engine'
> &
  Partial<Pick<Manifest, 'groups' | 'imported'>> & { readonly warm_start_from?: WarmStartFrom | undefined };

/** The training parameters of the run. */
export type WarmStartRun = Pick<Manifest, 'market' | 'feature_schema' | 'label_policy' | 'pairs'> & {
  /** `train.engine`. */
  readonly engine: string;
  /** `train.max_warm_starts`. */
  readonly maxWarmStarts: number;
};

/** Models of the last full training, to which trees are added. */
export interface WarmStart {
  /** Entry of the new manifest. */
  readonly from: WarmStartFrom;
  readonly models: Readonly<Record<ModelName, FittedTrees>>;
}

/**
 * The active models as of their last full training. Trees of earlier warm starts are dropped and trained again on all
 * bars since then: accumulating trees of single days and weeks made the models worse
 * (docs/adr/0022-warm-start-from-the-last-full-training.md).
 * @param base the active bundle
 * @throws MinutehandError WARM_START_REFUSED as `checkWarmStart`, MODEL_LOAD for a model that is not of trees
 */
export function startWarm(
  { manifest, models }: { readonly manifest: WarmStartBase; readonly models: Bundle['models'] },
  run: WarmStartRun,
): WarmStart {
  checkWarmStart(manifest, run);
  const before = manifest.warm_start_from;
  const full = perModel((name) => {
    const { model } = decodeTreeModel(models[name]);
    const most = before?.trees[name] ?? Infinity;
    // The new bundle recounts the rows that pass its nodes.
    const bare = ({ cover: _cover, ...tree }: Tree): Tree => tree;
    const cut = (own: TreeEnsemble): TreeEnsemble => ({ ...own, trees: own.trees.slice(0, most).map(bare) });
    return fittedTrees(manifest.engine.name, { ...model, ensembles: model.ensembles.map(cut) });
  });
  return {
    from: {
      version: before?.version ?? manifest.version,
      times: (before?.times ?? 0) + 1,
      learned_until: before?.learned_until ?? manifest.period.holdout_from,
      trees: before?.trees ?? perModel((name) => full[name].iterations ?? 0),
    },
    models: full,
  };
}

/**
 * Whether the active models can be warm-started: trained by gbdt, on the same features and labels, for these pairs, and
 * not warm-started too often since their last full training.
 * @throws MinutehandError WARM_START_REFUSED with the reason
 */
export function checkWarmStart(base: WarmStartBase, run: WarmStartRun): void {
  const refuse = (seen: string, expected: string): never => {
    throw new MinutehandError('WARM_START_REFUSED', { seen: `${base.version} ${seen}`, expected });
  };
  const times = base.warm_start_from?.times ?? 0;
  for (const engine of [base.engine.name, run.engine]) {
    if (engine !== 'gbdt') refuse(`and the engine ${engine}`, 'models that gbdt learned, and gbdt to continue');
  }
  if (base.market !== run.market) refuse(`was learned from a ${base.market} market`, `a ${run.market} one`);
  if (base.feature_schema !== run.feature_schema) refuse('was learned from other features', 'those of this version');
  for (const name of new Set([...Object.keys(base.label_policy), ...Object.keys(run.label_policy)])) {
    const own = base.label_policy[name];
    const wanted = run.label_policy[name];
    if (own !== wanted) refuse(`was learned with ${name} ${own ?? 'unset'}`, `${name} ${wanted ?? 'unset'}`);
  }
  const brought = Object.keys(base.imported ?? {});
  if (brought.length > 0) refuse(`has ${brought.join(', ')} from another program`, 'models that were trained here');
  const groups = ownGroups(base).map(({ name }) => name);
  if (groups.length > 0) refuse(`has models of its own for ${groups.join(', ')}`, 'one set of models for all pairs');
  const unknown = run.pairs.filter((pair) => !base.pairs.includes(pair));
  if (unknown.length > 0) refuse(`has no ${unknown.join(', ')}`, 'models of all pairs');
  if (times >= run.maxWarmStarts)
    refuse(`was warm-started ${times} times in a row`, `at most ${run.maxWarmStarts} (train.max_warm_starts)`);
}

export interface WarmStartPeriod {
  /** First required bar. */
  readonly barsFrom: OpenTime;
  /** Start of new rows: the full run's holdout, which it was not trained on, and everything after it. */
  readonly learnFrom: OpenTime;
  /** Start of the holdout, on which neither the base nor its warm start was trained. */
  readonly holdoutFrom: OpenTime;
}

/** Of `train` in the settings. */
export interface WarmStartLengths {
  readonly holdout_fraction: number;
  readonly warm_start_min_days: number;
}

/**
 * Training and evaluation periods of a warm start. The holdout of the full run becomes training data, so the new
 * holdout starts after the last bar that the active bundle was evaluated on, and is `holdout_fraction` of the new time,
 * but a day where there is one.
 * @param to open of the last bar
 * @param holdoutFrom start of the holdout; null = as above
 * @param warmUp seconds of bars before the period that warm up its features
 * @throws MinutehandError DATA_TOO_SHORT if the holdout would be shorter than 23 hours or start where the base was
 * evaluated, or if there are fewer than `warm_start_min_days` to train on
 */
export function warmStartPeriod(
  base: WarmStartBase,
  to: OpenTime,
  { holdout_fraction, warm_start_min_days }: WarmStartLengths,
  holdoutFrom: OpenTime | null = null,
  warmUp: number = WARM_UP_SECONDS,
): WarmStartPeriod {
  const learnFrom = learnedUntil(base);
  const unseenFrom = firstUnseen(base);
  const share = Math.floor(((to - learnFrom) / SECONDS_PER_BAR) * holdout_fraction) * SECONDS_PER_BAR;
  const from = holdoutFrom ?? Math.max(unseenFrom, to - Math.max(share, DAY));
  checkUnseen(base, from);
  // The first row is known at `from`, the last one at the close of the last bar.
  const holdoutEnd = to + 2 * SECONDS_PER_BAR;
  if (holdoutEnd - from < MIN_HOLDOUT_SECONDS) {
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `bars up to ${isoMinute(to)}, ${daysBetween(from, holdoutEnd)} days of a holdout from ${isoMinute(from)}`,
      expected: `at least ${MIN_HOLDOUT_SECONDS / HOUR} hours behind ${base.period.to}, the last bar that ${base.version} was evaluated on`,
      next: 'Wait for more bars, or train in full.',
    });
  }
  if (from - learnFrom < warm_start_min_days * DAY) {
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${daysBetween(learnFrom, from)} days to learn from, ${isoMinute(learnFrom)} to ${isoMinute(from)}`,
      expected: `at least ${warm_start_min_days} (train.warm_start_min_days)`,
      next: 'Wait for more bars, or train in full.',
    });
  }
  return {
    barsFrom: (learnFrom - warmUp) as OpenTime,
    learnFrom: learnFrom as OpenTime,
    holdoutFrom: from as OpenTime,
  };
}

/**
 * Restricts the dataset to new training rows: features known no earlier than the start of the full run's holdout, which
 * no label of its training reached, and labels known more than an embargo before the new holdout (purging: López de
 * Prado 2018, ch. 7).
 * @param dataset built with `WarmStartPeriod.holdoutFrom`, of bars from `barsFrom` or earlier
 * @param embargo seconds
 * @throws MinutehandError DATA_TOO_SHORT if a model has too few new rows for training or evaluation, or the holdout is
 * not unseen
 */
export function withNewRows<Data extends Pick<Dataset, 'train' | 'holdout' | 'evaluation' | 'holdoutFrom'>>(
  base: WarmStartBase,
  dataset: Data,
  embargo: number,
): Data {
  checkUnseen(base, dataset.holdoutFrom);
  const learnFrom = learnedUntil(base);
  for (const name of MODEL_NAMES) {
    const evaluated: LabeledRows = name === 'ai1' ? dataset.evaluation.holdout : dataset.holdout[name];
    if (evaluated.y.length < MIN_HOLDOUT_ROWS) {
      throw new MinutehandError('DATA_TOO_SHORT', {
        seen: `${evaluated.y.length} rows of ${name} from ${isoMinute(dataset.holdoutFrom)} on`,
        expected: `at least ${MIN_HOLDOUT_ROWS} that neither ${base.version} nor its warm start has seen`,
        next: 'Wait for more bars, or train in full.',
      });
    }
  }
  const isNew = ({ time, labelEnd }: LabeledRows, row: number): boolean =>
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
  const evaluated = evaluation.train === train.ai1 ? own.ai1 : newRows(evaluation.train);
  return { ...dataset, train: own, evaluation: { ...evaluation, train: evaluated } };
}

function learnedUntil({ warm_start_from, period }: WarmStartBase): number {
  return secondsOf(warm_start_from?.learned_until ?? period.holdout_from);
}

/** A row is known at its bar's close: that of the base's last bar is seen, the next one is not. */
function firstUnseen({ period }: WarmStartBase): number {
  return secondsOf(period.to) + 2 * SECONDS_PER_BAR;
}

function checkUnseen(base: WarmStartBase, holdoutFrom: number): void {
  if (holdoutFrom >= firstUnseen(base)) return;
  throw new MinutehandError('DATA_TOO_SHORT', {
    seen: `a holdout from ${isoMinute(holdoutFrom)}`,
    expected: `one behind ${base.period.to}, the last bar that ${base.version} was evaluated on`,
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
    expected: `so many that ${MIN_ROWS} are left on either side when the last part of their time is set aside`,
    next: 'Wait for more bars, or train in full.',
  });
}
