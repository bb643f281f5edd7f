import type { OpenTime } from '../../shared/bar.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { DirectionScores } from '../../shared/bundle/direction/direction_scores.ts';
import { armName, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { ARMS, type Arm } from '../../shared/core/rollout/assignment.ts';
import { FLAT_POSITION, type InstrumentPosition } from '../../shared/strategies/instrument_position.ts';
import { TIMEFRAMES, type Pair } from '../../shared/pair.ts';
import type { InstrumentAnswer } from '../decide/instrument_answer.ts';
import type { TimeframeRows } from '../features/instrument_matrix.ts';
import type { Journal } from '../journal/journal.ts';
import { shadowRow } from '../journal/record.ts';
import type { RolloutInput } from '../queue/input.ts';
import { Arms, type ArmsOptions } from './arms.ts';
import { releaseDirection } from './direction_slots.ts';
import { slotOfRollout } from '../../shared/subject/written_names.ts';
import { parseSlot } from '../../shared/subject/slot.ts';

export interface DirectionArmsOptions extends Pick<
  ArmsOptions<DirectionModel, InstrumentPosition>,
  'clock' | 'slowInferenceMs' | 'inputs' | 'observer'
> {
  readonly instruments: readonly Pair[];
  readonly journal: Pick<Journal, 'shadow'>;
  /** The active model of the instruments with bars of this length, in seconds. */
  activeOf(barSeconds: number): DirectionModel | null;
}

/** Answers the bar of a published answer again, from these scores and this position before it. */
export type AnswerArm = (
  published: InstrumentAnswer,
  scores: DirectionScores,
  position: InstrumentPosition,
) => InstrumentAnswer;

type ArmScores = Readonly<Record<Arm, DirectionScores>>;

/**
 * Both arms of a rollout of a direction model: the challenger scores the rows of its timeframe beside the active model,
 * and the arm of each unit decides which answer is published.
 */
export class DirectionArms {
  readonly #options: DirectionArmsOptions;
  readonly #lane: Arms<DirectionModel, InstrumentPosition>;
  /** Of the batch that was scored last; null where no rollout decides its arms. */
  #scored: ArmScores | null = null;

  constructor(options: DirectionArmsOptions) {
    const { instruments, ...shared } = options;
    this.#options = options;
    this.#lane = new Arms({
      ...shared,
      subjects: instruments,
      flat: FLAT_POSITION,
      isOwn: (rollout) => parseSlot(slotOfRollout(rollout)).strategy === 'direction',
      versionOf: ({ manifest }) => manifest.version,
      onChallenger: () => undefined,
      release: releaseDirection,
    });
  }

  /** The rollout that decides arms now; null without one, and while another model than its champion is active. */
  get rollout(): ActiveRollout | null {
    const rollout = this.#lane.running?.rollout ?? null;
    return rollout !== null && this.#isActive(TIMEFRAMES[rollout.timeframe!]) ? rollout : null;
  }

  /** See `Arms.announce`. */
  announce(): void {
    this.#lane.announce();
  }

  /** See `Arms.change`. */
  change(input: RolloutInput): void {
    this.#lane.change(input);
  }

  /** See `Arms.restart`. */
  restart(): void {
    this.#lane.restart();
  }

  /** Whether a rollout concerns the instruments of a timeframe. */
  concerns(barSeconds: number): boolean {
    const timeframe = this.#lane.running?.rollout.timeframe;
    return timeframe !== undefined && TIMEFRAMES[timeframe] === barSeconds;
  }

  /** The challenger of a rollout that concerns a timeframe; null = there is none. */
  challengerOf(barSeconds: number): DirectionModel | null {
    return this.concerns(barSeconds) ? this.#lane.running!.challenger : null;
  }

  /** A batch begins. */
  begin(): void {
    this.#scored = null;
  }

  /**
   * Scores the rows of a timeframe by the challenger, if the rollout concerns that timeframe.
   * @param champion scores of the active model
   * @returns a promise where the challenger does not answer at once
   */
  infer(group: TimeframeRows, champion: DirectionScores): void | Promise<void> {
    if (!this.#isActive(group.barSeconds)) return;
    const { challenger } = this.#lane.running!;
    const scored = (probabilities: Float64Array | null): ArmScores => ({
      champion,
      challenger: { model: challenger, probabilities, features: group.valuesOf(challenger) },
    });
    if (group.rows === 0) {
      // A bar that nothing is decided on names the model of its arm, too.
      this.#scored = scored(null);
      return;
    }
    const take = (probabilities: Float64Array | null): void => {
      if (probabilities !== null) this.#scored = scored(probabilities);
    };
    const scoring = this.#lane.infer((model) => model.infer(group.valuesOf(model), group.rows));
    return scoring instanceof Promise ? scoring.then(take) : take(scoring);
  }

  #isActive(barSeconds: number): boolean {
    return this.concerns(barSeconds) && this.#lane.isActive(this.#options.activeOf(barSeconds)?.manifest.version);
  }

  /**
   * The scores that decide a bar of an instrument, and the rollout where they are the challenger's.
   * @returns null where the active model decides alone
   */
  choose(
    barSeconds: number,
    index: number,
    time: OpenTime,
    position: InstrumentPosition,
  ): { readonly scores: DirectionScores; readonly rollout: string | undefined } | null {
    if (this.#scored === null || !this.concerns(barSeconds)) return null;
    const arm = this.#lane.armOf(index, time, position);
    const { id } = this.#lane.running!.rollout;
    return { scores: this.#scored[arm], rollout: arm === 'challenger' ? id : undefined };
  }

  /**
   * Journals the virtual answers of both arms to the bars of a batch.
   * @param answers to instruments of the rollout's timeframe that its models answer
   * @param first index of the first instrument among the subjects
   */
  follow(answers: readonly InstrumentAnswer[], first: number, answer: AnswerArm): void {
    const scored = this.#scored;
    const { running } = this.#lane;
    if (scored === null || running === null) return;
    const { rollout, positions } = running;
    for (const published of answers) {
      const index = published.minute.pairIndex - first;
      for (const arm of ARMS) {
        const own = answer(published, scored[arm], positions[arm][index]!);
        positions[arm][index] = own.position;
        this.#options.journal.shadow({ ...shadowRow(own), modelVersion: armName(rollout, arm) });
      }
    }
  }

  /**
   * The model that will probably answer the bar after this one.
   * @param position behind this bar
   */
  nextModel(barSeconds: number, index: number, time: OpenTime, position: InstrumentPosition): DirectionModel | null {
    const active = this.#options.activeOf(barSeconds);
    if (!this.#isActive(barSeconds)) return active;
    const arm = this.#lane.armOf(index, (time + barSeconds) as OpenTime, position);
    return arm === 'challenger' ? this.#lane.running!.challenger : active;
  }
}
