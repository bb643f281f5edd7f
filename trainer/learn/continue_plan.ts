import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import type { Manifest } from '../../shared/bundle/manifest.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../shared/core/features/feature.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Dataset, LabelledRows } from '../dataset/dataset.ts';
import { positions } from '../validate/rows.ts';
import { tooFewRows } from './continue_model.ts';
import { splitOffTheEnd } from './fit.ts';

const DAY = 86_400;
/** Bars before the first new row that warm its features, weekends and holidays included. */
const WARM_UP_SECONDS = 14 * DAY;
/** A holdout has every hour of the day, or the hours it lacks go unjudged. */
const SHORTEST_HOLDOUT_SECONDS = DAY;
/** With fewer rows no model could show more than noise: some hundred of them are independent. */
const FEWEST_HOLDOUT_ROWS = 500;

/** Stands in the manifest of a continued bundle. */
export interface ContinuedFrom {
  readonly version: string;
  /** Continuations since models were last learned in full, this one included: from 1. */
  readonly times: number;
}

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

/**
 * Whether the models in force can be continued at all: learned by gbdt, from the same features and for the same labels, for these pairs, and not
 * continued too often since they were last learned in full: trees are only ever added, so that what the base has wrong is outvoted and never goes,
 * and each tree costs every bar its time.
 * @returns what stands in the new manifest
 * @throws MinutehandError CONTINUE_REFUSED with what is in the way
 */
export function checkContinuable(base: ContinueBase, run: ContinueRun): ContinuedFrom {
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
  return { version: base.version, times: times + 1 };
}

export interface ContinuePeriod {
  /** First bar that is needed. */
  readonly barsFrom: OpenTime;
  /** Rows are new from here on: the base's holdout, which it has not learned from, and what came after. */
  readonly learnFrom: OpenTime;
  /** Where the final period begins, which neither the base nor its continuation has seen. */
  readonly holdoutFrom: OpenTime;
}

/**
 * Where a continuation learns and where it is judged. The holdout of the base becomes training data, so the new final period begins behind the last
 * bar that the base was judged by, and is `holdoutFraction` of the new time, but at least a day, where that is less.
 * @param to open of the last bar there is
 * @param holdoutFrom where the final period shall begin; null = as above
 * @throws MinutehandError DATA_TOO_SHORT when the final period would be shorter than a day, or begin where the base was judged
 */
export function continuePeriod(
  base: ContinueBase,
  to: OpenTime,
  holdoutFraction: number,
  holdoutFrom: OpenTime | null = null,
): ContinuePeriod {
  const learnFrom = secondsOf(base.period.holdout_from);
  const unseenFrom = firstUnseen(base);
  const share = Math.floor(((to - learnFrom) / SECONDS_PER_BAR) * holdoutFraction) * SECONDS_PER_BAR;
  const from = holdoutFrom ?? Math.max(unseenFrom, to - Math.max(share, SHORTEST_HOLDOUT_SECONDS));
  checkUnseen(base, from);
  if (to + SECONDS_PER_BAR - from < SHORTEST_HOLDOUT_SECONDS) {
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `bars up to ${isoMinute(to)}, ${daysBetween(from, to)} days of a final period from ${isoMinute(from)}`,
      expected: `at least 1 day behind ${base.period.to}, the last bar that ${base.version} was judged by`,
      next: 'Wait for more bars, or train in full.',
    });
  }
  return {
    barsFrom: (learnFrom - WARM_UP_SECONDS) as OpenTime,
    learnFrom: learnFrom as OpenTime,
    holdoutFrom: from as OpenTime,
  };
}

/** Row numbers of `dataset.train`, ascending: what each model is continued by. All rows of `dataset.holdout` are its final period. */
export type ContinuePlan = Readonly<Record<ModelName, Int32Array>>;

/**
 * The new rows: those whose features were known no earlier than the base's holdout began, for no label of its training reached so far, and whose
 * label was known more than an embargo before the new final period begins (purging: López de Prado 2018, ch. 7).
 * @param dataset built with `ContinuePeriod.holdoutFrom`, of bars from `barsFrom` or earlier
 * @param embargo seconds
 * @throws MinutehandError DATA_TOO_SHORT when a model has too few new rows to learn from or to be judged by, or the final period is not unseen
 */
export function continuePlan(
  base: ContinueBase,
  dataset: Pick<Dataset, 'train' | 'holdout' | 'evaluation' | 'holdoutFrom'>,
  embargo: number,
): ContinuePlan {
  checkUnseen(base, dataset.holdoutFrom);
  const learnFrom = secondsOf(base.period.holdout_from);
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
  return perModel((name) => {
    const { time, labelEnd } = dataset.train[name];
    const subset = positions(
      time.length,
      (row) => time[row]! >= learnFrom && labelEnd[row]! + embargo < dataset.holdoutFrom,
    );
    if (splitOffTheEnd({ time, labelEnd }, subset) === null) throw tooFewRows(subset.length, name);
    return subset;
  });
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

function isoMinute(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16)}Z`;
}

function daysBetween(from: number, to: number): string {
  return (Math.max(0, to + SECONDS_PER_BAR - from) / DAY).toFixed(2);
}
