import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { Rng } from '../shared/ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Timeline } from './timeline.ts';

export interface FailureOptions {
  readonly timeline: Timeline;
  readonly rng: Rng;
  /** The process that has loaded the set. */
  readonly owner: SimulatedProcess;
  /** From then on it is well again. */
  readonly untilMs: number;
  /** @param set as it is active */
  onFailure(set: ModelSet): void;
}

/** A set is well for so long before it begins to fail. */
const SHORTEST_WELL_MS = 10_000;
const LONGEST_WELL_MS = 900_000;
const LONGEST_ANSWER_MS = 20;
/** Most of these are over the 50 ms that a set may take. */
const LONGEST_SLOW_ANSWER_MS = 150;

type PendingScores = BatchScores | Promise<BatchScores>;

/** Short times are as likely as long ones. */
const drawBeginning = ({ timeline, rng }: FailureOptions): number =>
  timeline.nowMs + SHORTEST_WELL_MS * (LONGEST_WELL_MS / SHORTEST_WELL_MS) ** rng.uniform();

/** The set, with another way to answer from `fromMs` on. */
function spoil(
  set: ModelSet,
  fromMs: number,
  options: FailureOptions,
  answer: (infer: () => PendingScores) => PendingScores,
): ModelSet {
  const { timeline } = options;
  const spoilt: ModelSet = {
    ...set,
    infer(...asked) {
      if (timeline.nowMs < fromMs || timeline.nowMs >= options.untilMs) return set.infer(...asked);
      options.onFailure(spoilt);
      return answer(() => set.infer(...asked));
    },
  };
  return spoilt;
}

/** A set that returns invalid answers after a while: at once, or by the promise of a slow session. */
export function failingModels(set: ModelSet, options: FailureOptions): ModelSet {
  const { timeline, rng, owner } = options;
  const fromMs = drawBeginning(options);
  const takesTime = rng.integer(2) === 0;
  return spoil(set, fromMs, options, () => {
    const error = new MinutehandError('MODEL_OUTPUT', { seen: `${set.version} answered NaN` });
    if (!takesTime) throw error;
    return new Promise((_, reject) => {
      owner.at(timeline.nowMs + rng.uniform() * LONGEST_ANSWER_MS, () => reject(error));
    });
  });
}

/** A set that becomes slow after a while: it blocks the thread, or its promise is delayed. */
export function slowModels(set: ModelSet, options: FailureOptions): ModelSet {
  const { timeline, rng, owner } = options;
  const fromMs = drawBeginning(options);
  const blocks = rng.integer(2) === 0;
  return spoil(set, fromMs, options, (infer) => {
    const tookMs = rng.uniform() * LONGEST_SLOW_ANSWER_MS;
    if (blocks) {
      timeline.spend(tookMs);
      return infer();
    }
    return new Promise((resolve, reject) => {
      owner.at(timeline.nowMs + tookMs, () => {
        try {
          resolve(infer());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  });
}
