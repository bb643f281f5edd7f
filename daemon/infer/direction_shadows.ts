import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { DirectionScores } from '../../shared/bundle/direction/direction_scores.ts';
import { FLAT_POSITION, type InstrumentPosition } from '../../shared/strategies/instrument_position.ts';
import { TIMEFRAMES, type Pair, type Timeframe } from '../../shared/pair.ts';
import type { InstrumentAnswer } from '../decide/instrument_answer.ts';
import type { TimeframeRows } from '../features/instrument_matrix.ts';
import type { Journal } from '../journal/journal.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { ShadowInput } from '../queue/input.ts';
import type { AnswerArm } from './direction_arms.ts';
import { releaseDirection } from './direction_slots.ts';
import { ShadowLane } from './shadow_lane.ts';
import { directionSlot } from '../../shared/subject/slot.ts';

export interface DirectionShadowsOptions {
  readonly instruments: readonly Pair[];
  /** Their indexes among the subjects follow those of the pairs. */
  readonly pairs: { readonly length: number };
  readonly journal: Pick<Journal, 'shadow'>;
  readonly observer: Pick<PipelineObserver, 'onShadowFailure'>;
}

/** null: the shadow does not answer that bar. */
type AnswerAgain = (...bar: Parameters<AnswerArm>) => InstrumentAnswer | null;

/** The shadows of the instruments: a direction model for each timeframe that has one. */
export class DirectionShadows {
  readonly #options: DirectionShadowsOptions;
  /** By seconds of a bar. */
  readonly #lanes = new Map<number, ShadowLane<DirectionModel, InstrumentPosition>>();
  #isPresent = false;

  constructor(options: DirectionShadowsOptions) {
    this.#options = options;
  }

  /** Whether any timeframe has a shadow. */
  get isPresent(): boolean {
    return this.#isPresent;
  }

  /** null = the instruments with bars of this length, in seconds, have none. */
  modelOf(barSeconds: number): DirectionModel | null {
    return this.#lanes.get(barSeconds)?.model ?? null;
  }

  /** @param input of a timeframe: its set is a direction model, and its positions are those of instruments */
  swap(timeframe: Timeframe, { set, positions }: ShadowInput): void {
    const barSeconds = TIMEFRAMES[timeframe];
    const lane = this.#lanes.get(barSeconds) ?? this.#createLane(timeframe);
    this.#lanes.set(barSeconds, lane);
    lane.swap(set as DirectionModel | null, positions as ReadonlyMap<string, InstrumentPosition> | undefined);
    this.#note();
  }

  #createLane(timeframe: Timeframe): ShadowLane<DirectionModel, InstrumentPosition> {
    const { instruments, pairs, journal, observer } = this.#options;
    return new ShadowLane({
      subjects: instruments,
      first: pairs.length,
      flat: FLAT_POSITION,
      journal,
      onFailure: (error, { manifest: { version } }) =>
        observer.onShadowFailure(error, { version, slot: directionSlot(timeframe) }),
      release: releaseDirection,
    });
  }

  /**
   * Journals the answers of the shadow of a timeframe to a batch that was published.
   * @param published answers to the instruments of this timeframe
   */
  async follow(group: TimeframeRows, published: readonly InstrumentAnswer[], answer: AnswerAgain): Promise<void> {
    const lane = this.#lanes.get(group.barSeconds);
    if (lane === undefined || lane.model === null || group.rows === 0) return;
    await lane.follow(
      published,
      (model): DirectionScores | Promise<DirectionScores> => {
        const features = group.valuesOf(model);
        const scoring = model.infer(features, group.rows);
        if (!(scoring instanceof Promise)) return { model, probabilities: scoring, features };
        return scoring.then((probabilities) => ({ model, probabilities, features }));
      },
      answer,
    );
    this.#note();
  }

  #note(): void {
    this.#isPresent = [...this.#lanes.values()].some(({ model }) => model !== null);
  }
}
