import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import type { Pair } from '../../shared/pair.ts';
import { createBodyEncoder } from '../../shared/signal/body_encoder/body_encoder.ts';
import type { AnswerContext, MinuteAnswer } from '../decide/answer.ts';
import type { Decider } from '../decide/decider.ts';
import type { ShadowInput } from '../queue/input.ts';
import type { Journal } from '../journal/journal.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { FeatureMatrix } from '../features/feature_matrix.ts';
import { release } from './model_slots.ts';
import { ShadowLane } from './shadow_lane.ts';

export interface ShadowOptions {
  readonly pairs: readonly Pair[];
  readonly matrix: FeatureMatrix;
  readonly decider: Decider;
  readonly journal: Journal;
  readonly observer: Pick<PipelineObserver, 'onShadowFailure'>;
}

/** The shadow of the pairs: a model set that scores every batch after it was published. */
export class Shadow {
  readonly #options: ShadowOptions;
  readonly #lane: ShadowLane<ModelSet, Position>;
  /** A shadow is compared best when nothing keeps it from entering. */
  readonly #noneHalted: Uint8Array;
  readonly #encoder = createBodyEncoder();

  constructor(options: ShadowOptions) {
    const { pairs, journal, observer } = options;
    this.#options = options;
    this.#noneHalted = new Uint8Array(pairs.length);
    this.#lane = new ShadowLane({
      subjects: pairs,
      first: 0,
      flat: FLAT,
      journal,
      onFailure: (error, { version }) => observer.onShadowFailure(error, { version, slot: 'pairs' }),
      release,
    });
  }

  get set(): ModelSet | null {
    return this.#lane.model;
  }

  get isPresent(): boolean {
    return this.#lane.model !== null;
  }

  /** @param input of the pairs: its set is one, and its positions are theirs */
  swap({ set, positions }: ShadowInput): void {
    this.#lane.swap(set as ModelSet | null, positions as ReadonlyMap<string, Position> | undefined);
  }

  /** Journals the signals this set would have produced. @param rows of the batch */
  follow(answers: readonly MinuteAnswer[], rows: number): Promise<void> {
    const { matrix, decider } = this.#options;
    const set = this.#lane.model!;
    const contextOf = (scores: BatchScores): AnswerContext =>
      decider.contextOf(set, scores, this.#noneHalted, this.#encoder, undefined, this.#lane.positions);
    return this.#lane.follow(
      answers,
      () => {
        const scoring = set.infer(matrix.valuesOf(set), rows, undefined, matrix.rowPairs);
        return scoring instanceof Promise ? scoring.then(contextOf) : contextOf(scoring);
      },
      ({ minute, body }, context, position) =>
        matrix.rowOf(minute.pairIndex, set) < 0 || minute.outcome !== 'COMPLETE'
          ? null
          : decider.answer(context, minute, position, body.signal_id),
    );
  }
}
