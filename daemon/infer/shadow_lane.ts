import type { Pair } from '../../shared/pair.ts';
import type { Answer } from '../decide/answer.ts';
import type { Journal } from '../journal/journal.ts';
import { shadowRow } from '../journal/record.ts';

export interface ShadowLaneOptions<Model, Position> {
  /** Those that the shadow of this strategy answers. */
  readonly subjects: readonly Pair[];
  /** Index of the first of them among all subjects. */
  readonly first: number;
  readonly flat: Position;
  readonly journal: Pick<Journal, 'shadow'>;
  /** The shadow failed; it is released next. */
  onFailure(error: unknown, failed: Model): void;
  release(model: Model): void;
}

type OwnAnswer<Position> = Answer & { readonly position: Position };

/**
 * The shadow of a slot, of whatever strategy: a model that answers every batch after it was published, into the journal
 * only, and keeps separate virtual positions. A model that fails is dropped.
 */
export class ShadowLane<Model, Position> {
  readonly #options: ShadowLaneOptions<Model, Position>;
  readonly #positions: Position[];
  #model: Model | null = null;

  constructor(options: ShadowLaneOptions<Model, Position>) {
    this.#options = options;
    this.#positions = options.subjects.map(() => options.flat);
  }

  get model(): Model | null {
    return this.#model;
  }

  /** Virtual positions by index of the subject. */
  get positions(): readonly Position[] {
    return this.#positions;
  }

  /** @param positions so far, by id of the subject; flat where it has none */
  swap(model: Model | null, positions: ReadonlyMap<string, Position> | undefined): void {
    const { subjects, flat, release } = this.#options;
    if (this.#model !== null) release(this.#model);
    this.#model = model;
    subjects.forEach(({ id }, index) => (this.#positions[index] = positions?.get(id) ?? flat));
  }

  /**
   * Journals the answers that this model would have published, under the ids of the published ones.
   * @param score the batch, by this model
   * @param answer to the bar of a published one, from the virtual position before it; null: this model has none
   */
  async follow<Scores, Published extends Pick<Answer, 'minute'>>(
    published: readonly Published[],
    score: (model: Model) => Scores | Promise<Scores>,
    answer: (published: Published, scores: Scores, position: Position) => OwnAnswer<Position> | null,
  ): Promise<void> {
    const { first, journal, onFailure, release } = this.#options;
    const model = this.#model!;
    try {
      const scoring = score(model);
      const scores = scoring instanceof Promise ? await scoring : scoring;
      for (const one of published) {
        const index = one.minute.pairIndex - first;
        const own = answer(one, scores, this.#positions[index]!);
        if (own === null) continue;
        this.#positions[index] = own.position;
        journal.shadow(shadowRow(own));
      }
    } catch (error) {
      this.#model = null;
      onFailure(error, model);
      release(model);
    }
  }
}
