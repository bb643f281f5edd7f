import { isRefusedFit } from '../learners/trees/lost_fit.ts';
import { createStudy } from './study.ts';
import type { TrialRecord } from './trial.ts';
import type { SamplerName } from './sampler.ts';
import type { Params, Space } from './space.ts';
import { studentUpper } from '../statistics/student_t.ts';

/** Limits of a search: the first one reached. Results before an end in the middle of a trial are kept. */
export interface SearchBudget {
  /** Maximum number of ended trials, including those of a resumed journal. */
  readonly trials: number;
  /** Time limit of this call; null = none. With it the number of trials depends on the machine, the trials do not. */
  readonly limitMs: number | null;
}

export interface SearchProgress {
  readonly trial: number;
  /** Ended trials, and their maximum number. */
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
  /** null before the first complete trial. */
  readonly best: number | null;
  /** Value of the configured parameters, which are trial 0. */
  readonly configured: number | null;
}

export interface SearchRequest<Prepared> {
  readonly space: Space;
  /** Current parameters: trial 0, the baseline of all others. They may lie between the steps of the space. */
  readonly configured: Params;
  readonly seed: string | number;
  readonly direction: 'minimize' | 'maximize';
  readonly sampler: SamplerName;
  readonly budget: SearchBudget;
  readonly folds: number;
  /** File to resume from after a crash; null = none. */
  readonly journal: string | null;
  /** Data shared by all folds of a trial, such as its labeled rows. */
  prepare(params: Params): Promise<Prepared>;
  /**
   * Trains without fold `fold` of 0 … folds − 1 and measures on it. The measure must be comparable between trials: on
   * the fixed evaluation label, on the same rows, whatever label the trial learned.
   */
  measureFold(prepared: Prepared, fold: number, params: Params): Promise<number>;
  /** Monotonic milliseconds. */
  nowMs(): number;
  onProgress(progress: SearchProgress): void;
}

export interface SearchResult {
  readonly best: SearchedTrial;
  readonly configured: SearchedTrial;
  /** Gain of the best one over the configured one, fold by fold. */
  readonly gain: PairedGain;
  /** Ended ones. */
  readonly trials: number;
  readonly complete: number;
  readonly pruned: number;
  readonly failed: number;
  /** Values of all complete trials, in order: their dispersion shows how far the best may be chance. */
  readonly values: readonly number[];
  readonly endedBy: 'trials' | 'time';
}

export interface SearchedTrial {
  readonly number: number;
  readonly params: Params;
  /** Mean over folds. */
  readonly value: number;
  readonly folds: readonly number[];
}

/** Probability that a search finds parameters clearly better that are not. */
export const SEARCH_LEVEL = 0.05;

export interface PairedGain {
  readonly mean: number;
  /** Standard error of the mean over folds; Infinity with a single fold. */
  readonly standardError: number;
  /**
   * Standard errors that the best of so many trials without a gain exceeds with a probability of at most
   * `SEARCH_LEVEL`: Student's t with folds − 1 degrees of freedom (an even number), at that level divided by the number
   * of trials besides the configured one. Two standard errors would be exceeded in a sixth to two thirds of searches.
   */
  readonly required: number;
}

/**
 * Searches training parameters. Each trial is measured fold by fold; the mean so far is reported after each, and a
 * trial whose mean is worse than the median of the others at that fold is pruned. A trial whose data or learner refuses
 * its parameters counts as bad; every other error ends the search, which can be resumed from the
 * journal.
 * @throws the error of the configured parameters when they are refused; RangeError when they are not in the space, or
 * the search is stopped before they are measured; MinutehandError SEARCH_JOURNAL
 */
export async function searchTraining<Prepared>(request: SearchRequest<Prepared>): Promise<SearchResult> {
  const { space, configured, seed, direction, sampler, journal, budget, folds } = request;
  if (!(folds >= 1) || !(budget.trials >= 1)) throw new RangeError(`${budget.trials} trials of ${folds} folds`);
  // The meaning of a trial's values depends on the folds too.
  const study = createStudy({
    space,
    seed: `${seed}/${folds} folds`,
    direction,
    sampler,
    journal,
    first: [configured],
  });
  const startMs = request.nowMs();
  const ended = (): number => study.trials().filter(({ state }) => state !== 'running').length;
  let refusal: unknown = null;
  let endedBy: SearchResult['endedBy'] = 'trials';

  const isOver = (): SearchResult['endedBy'] | null => {
    // A result requires the configured trial.
    if (study.trials()[0]?.state !== 'complete') return null;
    return budget.limitMs !== null && request.nowMs() - startMs >= budget.limitMs ? 'time' : null;
  };

  try {
    if (study.trials()[0]?.state === 'failed') throw notMeasured(study.trials()[0]!);
    while (ended() < budget.trials) {
      const over = isOver();
      if (over !== null) {
        endedBy = over;
        break;
      }
      const trial = study.ask();
      try {
        const outcome = await measureTrial(request, trial.params, isOver, (fold, mean) => {
          const isHopeless = study.report(trial, fold, mean);
          // The configured one is the baseline: it is always measured on all folds.
          return isHopeless && trial.number > 0;
        });
        if (outcome.kind === 'over') {
          endedBy = outcome.by;
          break;
        }
        if (outcome.kind === 'hopeless') study.prune(trial);
        else study.tell(trial, outcome.mean);
      } catch (error) {
        // A lost thread or worker says nothing about the parameters: counted as bad, it would change what is chosen.
        if (!isRefusedFit(error)) throw error;
        study.fail(trial, error.message);
        refusal = error;
      }
      if (trial.number === 0 && study.trials()[0]!.state === 'failed') throw refusal ?? notMeasured(study.trials()[0]!);
      request.onProgress({
        trial: trial.number,
        done: ended(),
        total: budget.trials,
        elapsedMs: request.nowMs() - startMs,
        best: study.best()?.value ?? null,
        configured: study.trials()[0]!.value,
      });
    }
    return resultOf(study.trials(), study.best(), direction, endedBy);
  } finally {
    study.close();
  }
}

type Outcome =
  | { readonly kind: 'measured'; readonly mean: number }
  | { readonly kind: 'hopeless' }
  | { readonly kind: 'over'; readonly by: 'trials' | 'time' };

/** @param isHopeless receives the fold and the mean so far */
async function measureTrial<Prepared>(
  { folds, prepare, measureFold }: SearchRequest<Prepared>,
  params: Params,
  isOver: () => SearchResult['endedBy'] | null,
  isHopeless: (fold: number, mean: number) => boolean,
): Promise<Outcome> {
  const prepared = await prepare(params);
  let sum = 0;
  for (let fold = 0; fold < folds; fold++) {
    const by = isOver();
    if (by !== null) return { kind: 'over', by };
    sum += await measureFold(prepared, fold, params);
    const mean = sum / (fold + 1);
    // A report must be finite; the trial then fails as a whole.
    if (!Number.isFinite(mean)) return { kind: 'measured', mean };
    if (isHopeless(fold, mean) && fold < folds - 1) return { kind: 'hopeless' };
  }
  return { kind: 'measured', mean: sum / folds };
}

function notMeasured({ reason }: TrialRecord): RangeError {
  return new RangeError(`the configured parameters cannot be measured: ${reason}`);
}

function resultOf(
  trials: readonly TrialRecord[],
  best: TrialRecord | null,
  direction: 'minimize' | 'maximize',
  endedBy: SearchResult['endedBy'],
): SearchResult {
  const first = trials[0];
  if (best === null || first?.state !== 'complete') throw new RangeError('stopped before anything was measured');
  const count = (state: TrialRecord['state']): number => trials.filter((trial) => trial.state === state).length;
  const winner = searched(best);
  const configured = searched(first);
  const sign = direction === 'maximize' ? 1 : -1;
  return {
    best: winner,
    configured,
    gain: pairedGain(
      winner.folds.map((value, fold) => sign * (value - configured.folds[fold]!)),
      trials.length - count('running') - 1,
    ),
    trials: trials.length - count('running'),
    complete: count('complete'),
    pruned: count('pruned'),
    failed: count('failed'),
    values: trials.flatMap(({ value }) => value ?? []),
    endedBy,
  };
}

/** The measures of single folds, from the reported means. */
function searched({ number, params, value, reports }: TrialRecord): SearchedTrial {
  const folds = [...reports.keys()].sort((a, b) => a - b);
  const sumUntil = (fold: number): number => (fold < 0 ? 0 : reports.get(fold)! * (fold + 1));
  return { number, params, value: value!, folds: folds.map((fold) => sumUntil(fold) - sumUntil(fold - 1)) };
}

/** @param others trials besides the configured one, pruned ones included */
export function pairedGain(differences: readonly number[], others: number): PairedGain {
  const count = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / count;
  const squares = differences.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return {
    mean,
    standardError: count < 2 ? Infinity : Math.sqrt(squares / (count - 1) / count),
    required: requiredErrors(count, others),
  };
}

function requiredErrors(folds: number, others: number): number {
  const degrees = 2 * Math.floor((folds - 1) / 2);
  return degrees < 2 ? Infinity : studentUpper(SEARCH_LEVEL / Math.max(1, others), degrees);
}
