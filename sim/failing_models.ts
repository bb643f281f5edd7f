import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { Rng } from '../shared/ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Timeline } from './timeline.ts';

export interface FailureOptions {
  readonly timeline: Timeline;
  readonly rng: Rng;
  /** The process that loaded the set. */
  readonly owner: SimulatedProcess;
  /** The set recovers at this time. */
  readonly untilMs: number;
  /** @param set the active set that failed */
  onFailure(set: ModelSet): void;
}

/** Time before a set begins to fail. */
const MIN_WELL_MS = 10_000;
const MAX_WELL_MS = 900_000;
const MAX_ANSWER_MS = 20;
/** Mostly above the 50 ms budget of a set. */
const MAX_SLOW_ANSWER_MS = 150;

type PendingScores = BatchScores | Promise<BatchScores>;

/** Log-uniform: short times are as likely as long ones. */
const drawBeginning = ({ timeline, rng }: Pick<FailureOptions, 'timeline' | 'rng'>): number =>
  timeline.nowMs + MIN_WELL_MS * (MAX_WELL_MS / MIN_WELL_MS) ** rng.uniform();

/** Wraps the set to answer differently from `fromMs` on. */
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

/** A set that starts to return invalid answers, synchronously or through the promise of a slow session. */
export function failingModels(set: ModelSet, options: FailureOptions): ModelSet {
  const { timeline, rng, owner } = options;
  const fromMs = drawBeginning(options);
  const takesTime = rng.integer(2) === 0;
  return spoil(set, fromMs, options, () => {
    const error = new MinutehandError('MODEL_OUTPUT', { seen: `${set.version} answered NaN` });
    if (!takesTime) throw error;
    return new Promise((_, reject) => {
      owner.at(timeline.nowMs + rng.uniform() * MAX_ANSWER_MS, () => reject(error));
    });
  });
}

export type DirectionFailureOptions = Pick<FailureOptions, 'timeline' | 'rng' | 'owner' | 'untilMs'> & {
  onFailure(): void;
};

/** A direction model that starts to return invalid answers, synchronously or through the promise of a session. */
export function failingDirection(model: DirectionModel, options: DirectionFailureOptions): DirectionModel {
  const { timeline, rng, owner, untilMs, onFailure } = options;
  const fromMs = drawBeginning(options);
  const takesTime = rng.integer(2) === 0;
  return {
    ...model,
    infer(features, rows) {
      if (timeline.nowMs < fromMs || timeline.nowMs >= untilMs) return model.infer(features, rows);
      onFailure();
      const error = new MinutehandError('MODEL_OUTPUT', { seen: `${model.manifest.version} answered NaN` });
      if (!takesTime) throw error;
      return new Promise((_, reject) => {
        owner.at(timeline.nowMs + rng.uniform() * MAX_ANSWER_MS, () => reject(error));
      });
    },
  };
}

/** A direction model that becomes slow: it blocks the thread, or its promise resolves late. */
export function slowDirection(model: DirectionModel, options: DirectionFailureOptions): DirectionModel {
  const { timeline, rng, untilMs, onFailure } = options;
  const fromMs = drawBeginning(options);
  const blocks = rng.integer(2) === 0;
  return {
    ...model,
    infer(features, rows) {
      if (timeline.nowMs < fromMs || timeline.nowMs >= untilMs) return model.infer(features, rows);
      onFailure();
      const tookMs = rng.uniform() * MAX_SLOW_ANSWER_MS;
      if (blocks) {
        timeline.spend(tookMs);
        return model.infer(features, rows);
      }
      return lateAnswer(tookMs, options, () => model.infer(features, rows));
    },
  };
}

/** A set that becomes slow: it blocks the thread, or its promise resolves late. */
export function slowModels(set: ModelSet, options: FailureOptions): ModelSet {
  const { timeline, rng } = options;
  const fromMs = drawBeginning(options);
  const blocks = rng.integer(2) === 0;
  return spoil(set, fromMs, options, (infer) => {
    const tookMs = rng.uniform() * MAX_SLOW_ANSWER_MS;
    if (blocks) {
      timeline.spend(tookMs);
      return infer();
    }
    return lateAnswer(tookMs, options, infer);
  });
}

function lateAnswer<Answer>(
  tookMs: number,
  { timeline, owner }: Pick<FailureOptions, 'timeline' | 'owner'>,
  infer: () => Answer | Promise<Answer>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    owner.at(timeline.nowMs + tookMs, () => {
      try {
        resolve(infer());
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}
