import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import type { Pair } from '../../shared/pair.ts';
import { createBodyEncoder } from '../../shared/signal/body_encoder/body_encoder.ts';
import type { MinuteAnswer } from '../decide/answer.ts';
import type { Decider } from '../decide/decider.ts';
import type { ShadowInput } from '../queue/input.ts';
import { shadowRow } from '../journal/record.ts';
import type { Journal } from '../journal/journal.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { FeatureMatrix } from '../features/feature_matrix.ts';
import { release } from './model_slots.ts';

export interface ShadowOptions {
  readonly pairs: readonly Pair[];
  readonly matrix: FeatureMatrix;
  readonly decider: Decider;
  readonly journal: Journal;
  readonly observer: Pick<PipelineObserver, 'onShadowFailure'>;
}

/** A model set that answers every batch after it was published, into the journal only. */
export class Shadow {
  readonly #options: ShadowOptions;
  readonly #positions: Position[];
  /** A shadow is compared best when nothing keeps it from entering. */
  readonly #noneHalted: Uint8Array;
  readonly #encoder = createBodyEncoder();
  #set: ModelSet | null = null;

  constructor(options: ShadowOptions) {
    this.#options = options;
    this.#positions = options.pairs.map(() => FLAT);
    this.#noneHalted = new Uint8Array(options.pairs.length);
  }

  get set(): ModelSet | null {
    return this.#set;
  }

  get isPresent(): boolean {
    return this.#set !== null;
  }

  swap({ set, positions }: ShadowInput): void {
    if (this.#set !== null) release(this.#set);
    this.#set = set;
    this.#options.pairs.forEach(({ id }, pairIndex) => (this.#positions[pairIndex] = positions?.get(id) ?? FLAT));
  }

  /** Journals the signals this set would have produced, under the ids of the published ones. */
  async follow(answers: readonly MinuteAnswer[], rows: number): Promise<void> {
    const { matrix, decider, journal, observer } = this.#options;
    const set = this.#set!;
    try {
      const scoring = set.infer(matrix.valuesOf(set), rows, undefined, matrix.rowPairs);
      const scores = scoring instanceof Promise ? await scoring : scoring;
      const context = decider.contextOf(set, scores, this.#noneHalted, this.#encoder, undefined, this.#positions);
      for (const { minute, body } of answers) {
        const { pairIndex } = minute;
        if (matrix.rowOf(pairIndex, set) < 0 || minute.outcome !== 'COMPLETE') continue;
        const answer = decider.answer(context, minute, this.#positions[pairIndex]!, body.signal_id);
        this.#positions[pairIndex] = answer.position;
        journal.shadow(shadowRow(answer));
      }
    } catch (error) {
      this.#set = null;
      observer.onShadowFailure(error, set);
      release(set);
    }
  }
}
