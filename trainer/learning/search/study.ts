import { createRng } from '../../../shared/rng.ts';
import { openStudyJournal, type StudyEvent } from './study_journal.ts';
import { createSampler, type SamplerName } from './sampler.ts';
import { checkParams, type Params, type Space } from './space.ts';
import type { Trial, TrialRecord } from './trial.ts';

/** Complete trials required at a step before others are pruned there. */
const STARTUP_TRIALS = 5;
/** Steps at which no trial is pruned: a single fold has little information. */
const WARM_UP_STEPS = 1;

/**
 * The median rule (Golovin et al., Google Vizier, 2017): a trial is pruned when its reported value is worse than the
 * median of the values of complete trials at the same step. A tie continues.
 * @param sign 1 when smaller is better, −1 when larger is
 */
export function isWorseThanMedian(
  ended: readonly Pick<TrialRecord, 'state' | 'reports'>[],
  step: number,
  value: number,
  sign: number,
): boolean {
  if (step < WARM_UP_STEPS) return false;
  const others = ended
    .flatMap(({ state, reports }) => (state === 'complete' ? (reports.get(step) ?? []) : []))
    .sort((a, b) => a - b);
  if (others.length < STARTUP_TRIALS) return false;
  const middle = others.length >> 1;
  const median = others.length % 2 === 1 ? others[middle]! : (others[middle - 1]! + others[middle]!) / 2;
  return sign * (value - median) > 0;
}

export interface StudyOptions {
  readonly space: Space;
  readonly seed: string | number;
  readonly direction: 'minimize' | 'maximize';
  /** `random` is the baseline that `tpe` is measured against. */
  readonly sampler: SamplerName;
  /** The values of the first trials: the current ones, so that a search never ends below them. */
  readonly first?: readonly Params[];
  /** Journal of every step, from which a reopened study resumes. null = memory only. */
  readonly journal: string | null;
}

export interface Study {
  /**
   * The next trial. The same seed and the same previous steps give the same trial on every machine. Trials in progress
   * at the end of a journal come first, with their values, and restart.
   */
  ask(): Trial;
  /** An intermediate value, at a step counted from 0. @returns whether the trial should be ended: then `prune` it */
  report(trial: Trial, step: number, value: number): boolean;
  /** Ends a trial with its value; a value that is not finite is a failure. */
  tell(trial: Trial, value: number): void;
  /** Ends a trial that a report marked for pruning. */
  prune(trial: Trial): void;
  /** Ends a trial that could not be measured. It counts as bad: the search avoids that region. */
  fail(trial: Trial, reason: string): void;
  /** All trials by number. */
  trials(): readonly TrialRecord[];
  /** The best complete trial, the earliest of equals; null when there is none. */
  best(): TrialRecord | null;
  close(): void;
}

interface State {
  readonly number: number;
  readonly params: Params;
  state: TrialRecord['state'];
  value: number | null;
  readonly reports: Map<number, number>;
  reason: string | null;
}

/**
 * A search step by step: `ask` for values, measure them, `tell` the result.
 * @throws RangeError when space or first trials are not as stated; MinutehandError SEARCH_JOURNAL when the journal is
 * of another study or damaged before its last line
 */
export function createStudy(options: StudyOptions): Study {
  const { space, seed, direction, first = [], journal } = options;
  const sampler = createSampler(options.sampler, space);
  for (const params of first) checkParams(space, params);
  const sign = direction === 'minimize' ? 1 : -1;
  const trials: State[] = [];
  /** Ended trials, best first. */
  const ranked: State[] = [];

  const take = (event: StudyEvent): void => {
    if (event.kind === 'ask') {
      if (event.trial !== trials.length)
        throw new RangeError(`trial ${event.trial} comes after ${trials.length} trials`);
      const { trial: number, params } = event;
      trials.push({ number, params, state: 'running', value: null, reports: new Map(), reason: null });
      return;
    }
    const trial = trials[event.trial];
    if (trial?.state !== 'running') throw new RangeError(`trial ${event.trial} is not running`);
    if (event.kind === 'report') {
      trial.reports.set(event.step, event.value);
      return;
    }
    if (event.kind === 'tell') {
      trial.state = 'complete';
      trial.value = event.value;
    } else if (event.kind === 'prune') trial.state = 'pruned';
    else {
      trial.state = 'failed';
      trial.reason = event.reason;
    }
    ranked.splice(ranked.findLastIndex((other) => compare(other, trial, sign) <= 0) + 1, 0, trial);
  };

  const header = { seed, direction, sampler: options.sampler, space, first };
  const file = journal === null ? null : openStudyJournal(journal, header, take);
  const write = (event: StudyEvent): void => {
    take(event);
    file?.append(event);
  };
  const unfinished = trials.filter(({ state }) => state === 'running');
  for (const { reports } of unfinished) reports.clear();

  const finite = (value: number, what: string): number => {
    if (!Number.isFinite(value)) throw new RangeError(`${what} of ${value} is not finite`);
    return value;
  };
  const study: Study = {
    ask() {
      const left = unfinished.shift();
      if (left !== undefined) return { number: left.number, params: left.params };
      const number = trials.length;
      const known = ranked.map(({ params }) => params);
      const params = first[number] ?? sampler(known, createRng(`${typeof seed}:${seed}/trial ${number}`));
      write({ kind: 'ask', trial: number, params });
      return { number, params };
    },
    report(trial, step, value) {
      write({ kind: 'report', trial: trial.number, step, value: finite(value, 'a report') });
      return isWorseThanMedian(ranked, step, value, sign);
    },
    tell(trial, value) {
      if (Number.isFinite(value)) write({ kind: 'tell', trial: trial.number, value });
      else study.fail(trial, `a value of ${value}`);
    },
    prune: (trial) => write({ kind: 'prune', trial: trial.number }),
    fail: (trial, reason) => write({ kind: 'fail', trial: trial.number, reason }),
    trials: () => trials,
    best: () => (ranked[0]?.state === 'complete' ? ranked[0] : null),
    close: () => file?.close(),
  };
  return study;
}

const RANKS = { complete: 0, pruned: 1, failed: 2, running: 3 } as const;

/**
 * < 0 when `a` is better: complete trials by value, then pruned ones by their last step and report, then failed ones.
 */
function compare(a: State, b: State, sign: number): number {
  if (a.state !== b.state) return RANKS[a.state] - RANKS[b.state];
  if (a.state === 'complete') return sign * (a.value! - b.value!);
  if (a.state !== 'pruned') return 0;
  const lastA = lastStep(a);
  const lastB = lastStep(b);
  if (lastA !== lastB) return lastB - lastA;
  return lastA < 0 ? 0 : sign * (a.reports.get(lastA)! - b.reports.get(lastB)!);
}

function lastStep({ reports }: State): number {
  return Math.max(-1, ...reports.keys());
}
