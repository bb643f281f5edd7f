import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { formulasText } from '../../../shared/core/formula/named_formulas.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { withWindows } from '../../../shared/policy/feature_settings.ts';
import { embargoSeconds } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { openCandidateCache, type CandidateCache, type CandidateCacheOptions } from './candidate_cache.ts';
import { candidatesOf, type Candidate, type Generator } from './candidates.ts';
import { judgeColumns, type JudgedColumn } from './idle_columns.ts';
import { scoreCandidate, type Unexplained } from './screen.ts';
import { selectCandidates, type JudgedCandidate, type ScoredCandidate } from './select.ts';
import { unexplainedOf } from './unexplained.ts';
import type { Dataset, DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { takeDatasetRows } from '../strategies/pair_reversion/dataset/labeled_rows.ts';
import { pick, positions } from '../dataset/rows.ts';
import { openModelLearner, TASK } from '../learners/learning.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { fitAllRows } from '../learners/contract/learner.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import type { FitPool } from '../learners/trees/fit_pool.ts';
import { auc, rowLogLoss } from '../measures/metrics.ts';
import { type TrainOptions } from '../options/train_options.ts';
import { kFoldSplits } from '../splits/splits.ts';
import { meanByDays } from '../statistics/standings.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { countTrials } from '../backtest/trial_ledger.ts';
import { holdoutOf } from '../proof/prove_models.ts';
import { outlineTraining } from '../training/pipeline.ts';
import { IMPORTANCE_DEFAULTS, permutationImportance } from '../validate/importance.ts';

/** Share of the training rows, the newest, on which the chosen candidates are confirmed. */
const CONFIRMED_SHARE = 0.25;
/** Formulas computed at a time at most: their values of all bars are in memory. */
const AT_ONCE = 60;
const BYTES_PER_GB = 1e9;

export interface AutomlOptions {
  readonly generators: readonly Generator[];
  /** Windows of the statistics. */
  readonly windowBars: readonly number[];
  /** Candidates at most. */
  readonly candidates: number;
  /** Chosen ones at most, of all generators and of each. */
  readonly most: number;
  readonly mostOf: Readonly<Partial<Record<Generator, number>>>;
  /** Expected share of false candidates among those whose effect counts as real. */
  readonly level: number;
  /** Parts of the time: a candidate is to explain something in all of them but one. */
  readonly parts: number;
  /** Memory for the values of candidates; fewer are computed at a time then. null: `AT_ONCE` of them. */
  readonly memoryGb: number | null;
  /** Time after which no further candidates are tested, ms from the start of the search; null: none. */
  readonly limitMs: number | null;
  nowMs(): number;
  /** Where scores of tested candidates are kept; null: nowhere. */
  readonly cache: CandidateCacheOptions | null;
  /** Whether the labels are exchanged among the rows: nothing should be found then. */
  readonly isShuffled: boolean;
}

export interface AutomlOutcome {
  readonly dataset_id: string;
  readonly rows: { readonly screened: number; readonly confirmed: number };
  readonly tested: Readonly<Record<string, number>>;
  /** Candidates that the time limit left untested. */
  readonly untested: number;
  /** Candidates whose scores an earlier search of the same rows had computed. */
  readonly reused: number;
  /** The surest first. */
  readonly judged: readonly JudgedCandidate[];
  readonly chosen: readonly Candidate[];
  /** On rows after those of the screening; null when none was chosen. */
  readonly confirmation: Confirmation | null;
  /** The present columns, the most important first. */
  readonly columns: readonly JudgedColumn[];
  /**
   * The present model without its idle columns against that with them, on the later rows; null without one, or where
   * all are.
   */
  readonly without_idle: Confirmation | null;
  readonly is_shuffled: boolean;
}

/** The gain of what is written, or said to be found, is at least so many standard errors. */
export const SURE_ERRORS = 2;

/** Whether all chosen formulas together help on later rows by more than chance. */
export function isSure({
  confirmation,
}: {
  readonly confirmation: Pick<Confirmation, 'gain' | 'standard_error'> | null;
}): boolean {
  return confirmation !== null && confirmation.gain > SURE_ERRORS * confirmation.standard_error;
}

/** Whether the idle columns can be left out: without them, the model is not behind by more than a standard error. */
export function canLeaveOut({
  without_idle: confirmed,
}: {
  readonly without_idle: Pick<Confirmation, 'gain' | 'standard_error'> | null;
}): boolean {
  return confirmed !== null && confirmed.gain > -confirmed.standard_error;
}

export interface Confirmation {
  readonly days: number;
  readonly auc_before: number | null;
  readonly auc_after: number | null;
  /** Log loss saved per row, nats, and its standard error by days. */
  readonly gain: number;
  readonly standard_error: number;
}

/** Row numbers, ascending, of a screening and of its confirmation. */
interface Parts {
  readonly rows: DatasetRows;
  readonly screened: Int32Array;
  readonly confirmed: Int32Array;
}

/** What candidates are tested on. */
interface Screened {
  /** The candidate that is warm last: every dataset has it, so that all of them have the same rows. */
  readonly slowest: Candidate;
  readonly base: Dataset;
  readonly parts: Parts;
  readonly unexplained: Unexplained;
  /** Start of the search, ms. */
  readonly beganMs: number;
}

/**
 * Searches formulas that help AI1 beyond the columns of its schema. Candidates are screened on the first part of the
 * training rows, against what a model of the present columns leaves unexplained out of fold; the chosen ones are then
 * confirmed together on the rest of the training rows, which no choice has seen. The holdout is not looked at.
 * @param outline makes the rows of a training with further formulas
 */
export async function searchFormulas(
  training: TrainOptions,
  options: AutomlOptions,
  pool: FitPool,
  outline: typeof outlineTraining = outlineTraining,
): Promise<AutomlOutcome> {
  return await new Search(training, options, pool, outline).run();
}

class Search {
  readonly #training: TrainOptions;
  readonly #options: AutomlOptions;
  readonly #pool: FitPool;
  readonly #outline: typeof outlineTraining;

  constructor(training: TrainOptions, options: AutomlOptions, pool: FitPool, outline: typeof outlineTraining) {
    this.#outline = outline;
    this.#training = training;
    this.#options = options;
    this.#pool = pool;
  }

  async run(): Promise<AutomlOutcome> {
    const { settings, seed } = this.#training;
    const beganMs = this.#options.nowMs();
    const { generators, windowBars, candidates: limit, level, most, mostOf } = this.#options;
    const pairs = settings.minutehand.pairs;
    const group = pairs.toSorted().join();
    const isForAll = (subjects: readonly string[] | null): boolean => subjects === null || subjects.join() === group;
    const known = new Set(settings.formulas.flatMap(({ text, subjects }) => (isForAll(subjects) ? [text] : [])));
    const candidates = candidatesOf({
      generators,
      windowBars,
      most: limit,
      seed,
      windows: settings.minutehand.windows,
    }).filter(({ text }) => !known.has(text));
    if (candidates.length === 0)
      throw new MinutehandError('USAGE', {
        seen: 'generators without a new formula',
        expected: 'one candidate or more',
      });
    const slowest = candidates.reduce((a, b) => (b.bars > a.bars ? b : a));
    const base = await this.#datasetWith([slowest]);
    const parts = this.#partsOf(base.train.ai1);
    const present = columnsOf(base.definitions, (name) => name !== slowest.name);
    const screened = takeDatasetRows(parts.rows, parts.screened);
    const outOfFold = await this.#outOfFold(screened, present, base.definitions);
    const unexplained = unexplainedOf(screened, outOfFold.probabilities);
    const judgedColumns = this.#judgeColumns(screened, present, base.definitions, outOfFold.folds);
    const columns = new Map(present.map((column) => [base.definitions[column]!.name, valuesOf(screened, column)]));

    const { scored, reused } = await this.#screen(candidates, { slowest, base, parts, unexplained, beganMs });
    const judged = selectCandidates(scored, { level, most, mostOf, columns });
    const chosen = judged.filter(({ refusal }) => refusal === null).map(({ candidate }) => candidate);
    this.#count(base, candidates);
    return {
      dataset_id: base.snapshotId,
      rows: { screened: parts.screened.length, confirmed: parts.confirmed.length },
      tested: countBy(scored, ({ candidate }) => candidate.generator),
      untested: candidates.length - scored.length,
      reused,
      judged,
      chosen,
      confirmation: chosen.length === 0 ? null : await this.#confirm(chosen, slowest, parts),
      columns: judgedColumns,
      without_idle: await this.#confirmWithout(judgedColumns, present, base, parts),
      is_shuffled: this.#options.isShuffled,
    };
  }

  /**
   * Tests the candidates, but for those whose scores are kept, until the time is over.
   * @returns what was tested, now or before, in the order of the candidates
   */
  async #screen(
    candidates: readonly Candidate[],
    { slowest, base, parts, unexplained, beganMs }: Screened,
  ): Promise<{ readonly scored: ScoredCandidate[]; readonly reused: number }> {
    const { seed, onProgress } = this.#training;
    const { level, parts: timeParts } = this.#options;
    const cache = this.#openCache(base, unexplained);
    const scores = new Map<string, ScoredCandidate>();
    for (const candidate of candidates) {
      const kept = cache?.read(candidate);
      if (kept) scores.set(candidate.name, kept);
    }
    const reused = scores.size;
    const unknown = candidates.filter(({ name }) => !scores.has(name));
    const atOnce = this.#atOnce();
    for (let from = 0; from < unknown.length && !this.#isOver(beganMs); from += atOnce) {
      onProgress('candidates', reused + from, candidates.length);
      const some = unknown.slice(from, from + atOnce);
      const dataset = await this.#datasetWith(some.includes(slowest) ? some : [...some, slowest]);
      refuseOtherRows(base.train.ai1, dataset.train.ai1);
      for (const candidate of some) {
        const column = columnOf(dataset.definitions, candidate.name);
        const values = Float32Array.from(parts.screened, (row) => valueAt(dataset.train.ai1, row, column));
        const score = scoreCandidate(values, unexplained, { parts: timeParts, seed: `${seed}/${candidate.name}` });
        const tested = { candidate, score, values: score.p <= level ? values : null };
        scores.set(candidate.name, tested);
        cache?.write(tested);
      }
    }
    cache?.prune();
    onProgress('candidates', candidates.length, candidates.length);
    return { scored: candidates.flatMap(({ name }) => scores.get(name) ?? []), reused };
  }

  #openCache({ snapshotId }: Dataset, unexplained: Unexplained): CandidateCache | null {
    const { cache, parts, level } = this.#options;
    const { bars, seed } = this.#training;
    if (cache === null) return null;
    return openCandidateCache(cache, { datasetId: snapshotId, bars, unexplained, parts, seed, level });
  }

  /** Each candidate is a trial on the bars before the holdout; with shuffled labels nothing can be chosen. */
  #count(base: Dataset, candidates: readonly Candidate[]): void {
    if (this.#options.isShuffled) return;
    const work = sha256Hex(JSON.stringify(['automl', base.snapshotId, candidates.map(({ text }) => text)]));
    const tried = { kind: 'automl', work, trials: candidates.length } as const;
    countTrials(this.#training.counts, holdoutOf(base, this.#training), tried);
  }

  #isOver(beganMs: number): boolean {
    const { limitMs, nowMs } = this.#options;
    return limitMs !== null && nowMs() - beganMs >= limitMs;
  }

  /** Candidates whose values of all bars, float32, fit into the memory; at least one. */
  #atOnce(): number {
    const { memoryGb } = this.#options;
    if (memoryGb === null) return AT_ONCE;
    const { bars, settings } = this.#training;
    const longest = Math.max(1, ...[...bars.values()].map(({ time }) => time.length));
    const bytes = settings.minutehand.pairs.length * longest * Float32Array.BYTES_PER_ELEMENT;
    return Math.max(1, Math.min(AT_ONCE, Math.floor((memoryGb * BYTES_PER_GB) / bytes)));
  }

  /** The training's dataset with these formulas as further columns. */
  async #datasetWith(candidates: readonly Candidate[]): Promise<Dataset> {
    const { settings } = this.#training;
    const formulas = formulasText([...settings.formulas, ...candidates]);
    const extended = withWindows(settings, { ...settings.minutehand.windows, formulas });
    // Caches of candidates would crowd out those of trainings, and files of many datasets would be open.
    return (await this.#outline({ ...this.#training, settings: extended, cache: null, scratch: null })).dataset;
  }

  /** The rows with their labels, exchanged among them when nothing is to be found, and their parts. */
  #partsOf(given: DatasetRows): Parts {
    const { seed, settings } = this.#training;
    const rows = this.#options.isShuffled ? { ...given, y: shuffled(given.y, `${seed}/shuffled labels`) } : given;
    const { time, labelEnd } = rows;
    const ordered = Float64Array.from(time).sort();
    const border = ordered[Math.floor((1 - CONFIRMED_SHARE) * ordered.length)]!;
    const embargo = embargoSeconds(settings.minutehand);
    return {
      rows,
      screened: positions(time.length, (row) => labelEnd[row]! + embargo < border),
      confirmed: positions(time.length, (row) => time[row]! >= border),
    };
  }

  /** Probability of each row, by a model that has not learned from its time, and these models. */
  async #outOfFold(rows: DatasetRows, columns: readonly number[], definitions: readonly FeatureDefinition[]) {
    const { settings, onProgress } = this.#training;
    const splits = kFoldSplits(rows, settings.minutehand.train.folds, embargoSeconds(settings.minutehand));
    const probabilities = new Float64Array(rows.y.length);
    let done = 0;
    const folds = await Promise.all(
      splits.map(async ({ train, test }): Promise<TestedModel> => {
        const model = await this.#fit(rows, train, columns, definitions);
        const answers = model.answers(takeRows(rows.x, test));
        test.forEach((row, i) => (probabilities[row] = answers[i]!));
        onProgress('present model', ++done, splits.length);
        return { model, test };
      }),
    );
    return { probabilities, folds };
  }

  #judgeColumns(
    rows: DatasetRows,
    present: readonly number[],
    definitions: readonly FeatureDefinition[],
    folds: readonly TestedModel[],
  ): JudgedColumn[] {
    const names = definitions.map(({ name }) => name);
    const importance = permutationImportance(rows, folds, {
      ...IMPORTANCE_DEFAULTS,
      task: TASK,
      names,
      seed: `${this.#training.seed}/columns`,
    });
    return judgeColumns(importance, new Set(present.map((column) => names[column]!)));
  }

  /** The present model without its idle columns against the same with them. */
  async #confirmWithout(
    judged: readonly JudgedColumn[],
    present: readonly number[],
    { definitions }: Dataset,
    { rows, screened, confirmed }: Parts,
  ): Promise<Confirmation | null> {
    const idle = new Set(judged.filter(({ is_idle }) => is_idle).map(({ feature }) => feature));
    const needed = present.filter((column) => !idle.has(definitions[column]!.name));
    if (idle.size === 0 || needed.length === 0) return null;
    const answersOf = async (columns: readonly number[]): Promise<Float64Array> =>
      (await this.#fit(rows, screened, columns, definitions)).answers(takeRows(rows.x, confirmed));
    const [before, after] = await Promise.all([answersOf(present), answersOf(needed)]);
    return comparedOn(rows, confirmed, before, after);
  }

  /** As many steps as help on the last part of the rows, then on all of them, as a training does. */
  async #fit(
    rows: DatasetRows,
    subset: Int32Array,
    columns: readonly number[],
    definitions: readonly FeatureDefinition[],
  ) {
    const { settings, seed } = this.#training;
    const learner = openModelLearner(settings, 'ai1', definitions, this.#pool.fit);
    const request = { task: TASK, rows, subset, columns, seed: `${seed}/ai1`, continueFrom: null };
    return await fitAllRows(learner, request);
  }

  async #confirm(
    chosen: readonly Candidate[],
    slowest: Candidate,
    { rows, screened, confirmed }: Parts,
  ): Promise<Confirmation> {
    const { definitions, train } = await this.#datasetWith(chosen.includes(slowest) ? chosen : [...chosen, slowest]);
    refuseOtherRows(rows, train.ai1);
    const own = { ...rows, x: train.ai1.x };
    const names = new Set(chosen.map(({ name }) => name));
    const after = columnsOf(definitions, (name) => name !== slowest.name || names.has(name));
    const before = after.filter((column) => !names.has(definitions[column]!.name));
    const x = takeRows(own.x, confirmed);
    const scoresOf = async (columns: readonly number[]) =>
      (await this.#fit(own, screened, columns, definitions)).answers(x);
    const [old, extended] = await Promise.all([scoresOf(before), scoresOf(after)]);
    return comparedOn(rows, confirmed, old, extended);
  }
}

interface TestedModel {
  readonly model: Fitted;
  /** Rows that it was not trained on. */
  readonly test: Int32Array;
}

/** Answers before and after a change, to the rows of the confirmation. */
function comparedOn(rows: DatasetRows, confirmed: Int32Array, before: Float64Array, after: Float64Array): Confirmation {
  const y = pick(rows.y, confirmed);
  const saved = y.map((label, row) => rowLogLoss(before[row]!, label) - rowLogLoss(after[row]!, label));
  const { mean, standardError, blocks } = meanByDays(saved, pick(rows.time, confirmed));
  return {
    days: blocks,
    auc_before: auc(before, y),
    auc_after: auc(after, y),
    gain: mean ?? 0,
    standard_error: standardError,
  };
}

function columnsOf(definitions: readonly FeatureDefinition[], isWanted: (name: string) => boolean): number[] {
  return definitions.flatMap(({ name, models }, column) => (models.includes('ai1') && isWanted(name) ? [column] : []));
}

function columnOf(definitions: readonly FeatureDefinition[], name: string): number {
  return definitions.findIndex((definition) => definition.name === name);
}

function valueAt({ x }: DatasetRows, row: number, column: number): number {
  return x.values[row * x.columns + column]!;
}

function valuesOf(rows: DatasetRows, column: number): Float32Array {
  return Float32Array.from({ length: rows.y.length }, (_, row) => valueAt(rows, row, column));
}

/** @throws RangeError when a dataset with other formulas has other rows */
function refuseOtherRows(a: DatasetRows, b: DatasetRows): void {
  const isSame =
    a.time.length === b.time.length && a.time.every((time, row) => time === b.time[row] && a.pair[row] === b.pair[row]);
  if (!isSame) throw new RangeError('datasets with different formulas have different rows');
}

function shuffled(values: Float64Array, seed: string): Float64Array {
  const rng = createRng(seed);
  const result = values.slice();
  for (let last = result.length - 1; last > 0; last--) {
    const other = rng.integer(last + 1);
    const kept = result[last]!;
    result[last] = result[other]!;
    result[other] = kept;
  }
  return result;
}

function countBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}
