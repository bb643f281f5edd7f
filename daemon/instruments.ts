import type { InstrumentPosition } from '../shared/core/position/instrument_position.ts';
import { FLAT_POSITION } from '../shared/core/position/instrument_position.ts';
import { instrumentLabel, type Pair } from '../shared/pair.ts';
import { answerInstrument, type InstrumentAnswer } from './decide/instrument_answer.ts';
import type { Answer, MinuteAnswer } from './decide/answer.ts';
import type { Decider } from './decide/decider.ts';
import { DirectionSlots, type DirectionScores, type DirectionSlotsOptions } from './infer/direction_slots.ts';
import { InstrumentMatrix, type TimeframeRows } from './infer/instrument_matrix.ts';
import type { SeriesReader } from './infer/series_reader.ts';
import type { MinuteItem } from './queue.ts';

export interface InstrumentsOptions extends DirectionSlotsOptions {
  readonly instruments: readonly Pair[];
  /** Index of the first one among the subjects. */
  readonly first: number;
  /** Auxiliary series; none = all are missing. */
  readonly series?: SeriesReader;
  readonly decider: Pick<Decider, 'ids' | 'policyHash' | 'requireEdge'>;
  readonly degradations: ReadonlySet<string>;
}

/** The instruments at the stations features, infer and decide, beside the pairs of the same batch. */
export class Instruments {
  readonly matrix: InstrumentMatrix;
  readonly slots: DirectionSlots;
  readonly #options: InstrumentsOptions;
  readonly #labels: readonly string[];
  readonly #positions: InstrumentPosition[];
  readonly #scores = new Map<TimeframeRows, DirectionScores>();

  constructor(options: InstrumentsOptions) {
    const { instruments, first, series } = options;
    this.#options = options;
    this.matrix = new InstrumentMatrix(instruments, first, series);
    this.slots = new DirectionSlots(options);
    this.#labels = instruments.map(instrumentLabel);
    this.#positions = instruments.map(() => FLAT_POSITION);
  }

  /** Of an instrument that is not ours: ignored. */
  setPosition(id: string, position: InstrumentPosition): void {
    const index = this.#options.instruments.findIndex((own) => own.id === id);
    if (index >= 0) this.#positions[index] = position;
  }

  /** @returns the items of pairs among a batch */
  pairsOf(batch: readonly MinuteItem[]): readonly MinuteItem[] {
    return batch.filter(({ minute }) => minute.pairIndex < this.#options.first);
  }

  step(batch: readonly MinuteItem[]): void {
    this.matrix.step(batch.filter(({ minute }) => this.#isOurs(minute.pairIndex)));
  }

  /** Scores the rows of the batch. */
  infer(): void {
    for (const group of this.matrix.groups) this.#scores.set(group, this.slots.infer(group));
  }

  /** Answers the items of a batch in their order, those of pairs by `decidePairs`. */
  decide(batch: readonly MinuteItem[], decidePairs: (items: readonly MinuteItem[]) => Answer[]): Answer[] {
    const answers = decidePairs(this.pairsOf(batch)).values();
    return batch.map((item) =>
      this.#isOurs(item.minute.pairIndex) ? this.#answer(item) : (answers.next().value as Answer),
    );
  }

  answersOfPairs(answers: readonly Answer[]): readonly MinuteAnswer[] {
    return answers.filter(({ minute }) => !this.#isOurs(minute.pairIndex)) as MinuteAnswer[];
  }

  /** Computes the ids of the next bars of the instruments among these. */
  precompute(answers: readonly Answer[]): void {
    for (const { minute } of answers) {
      if (!this.#isOurs(minute.pairIndex)) continue;
      const { barSeconds } = this.matrix.groupOf(minute.pairIndex);
      this.#options.decider.ids.precompute(minute, this.slots.activeOf(barSeconds));
    }
  }

  #answer({ minute }: MinuteItem): InstrumentAnswer {
    const { instruments, first, decider, degradations } = this.#options;
    const { pairIndex } = minute;
    const index = pairIndex - first;
    const group = this.matrix.groupOf(pairIndex);
    const scores = this.#scores.get(group)!;
    const context = {
      scores,
      row: this.matrix.rowOf(pairIndex),
      isReady: this.matrix.isReady(pairIndex),
      close: this.matrix.closeOf(pairIndex),
      featureSchema: group.featureSchema,
      policyHash: decider.policyHash,
      requireEdge: decider.requireEdge,
      isDegraded: degradations.size > 0,
    };
    const id = decider.ids.idOf(minute, scores.model);
    const answer = answerInstrument(
      context,
      instruments[index]!,
      this.#labels[index]!,
      minute,
      this.#positions[index]!,
      id,
    );
    this.#positions[index] = answer.position;
    return answer;
  }

  #isOurs(pairIndex: number): boolean {
    return pairIndex >= this.#options.first;
  }
}
