import type { OpenTime } from '../../shared/bar.ts';
import { keyedHash, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { Assignment, type Arm } from '../../shared/core/rollout/assignment.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Pair } from '../../shared/pair.ts';
import type { Clock } from '../../shared/ports.ts';
import type { Challenger, InputSink, RolloutInput } from '../queue/input.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { Scoring } from './slot.ts';

/** What the arms of every strategy know of a virtual position. */
interface Held {
  readonly side: number;
  /** Id of the rollout whose challenger opened it. */
  readonly rollout?: string;
}

export interface ArmsOptions<Model extends Challenger, Position extends Held> {
  /** Those that a rollout of this strategy may concern. */
  readonly subjects: readonly Pair[];
  readonly flat: Position;
  readonly clock: Clock;
  /** A challenger that takes longer for a batch, twice in a row, is dropped. */
  readonly slowInferenceMs: number;
  inputs(): InputSink;
  readonly observer: Pick<PipelineObserver, 'onChallengerFailure'>;
  /** Whether a rollout is of this strategy. */
  isOwn(rollout: ActiveRollout): boolean;
  versionOf(model: Model): string;
  /** The challenger that is compared from here on; null = none. */
  onChallenger(version: string | null): void;
  release(model: Model): void;
}

/** A rollout with its challenger and the virtual positions of both arms, by index of the subject. */
export interface Running<Model, Position> {
  readonly rollout: ActiveRollout;
  readonly challenger: Model;
  readonly assignment: Assignment;
  readonly positions: Readonly<Record<Arm, Position[]>>;
}

/**
 * The lane of a rollout, of whatever strategy: its stages, the arm of each unit, and the end of a challenger that fails
 * or is slow. It is active while the active models are its champion.
 */
export class Arms<Model extends Challenger, Position extends Held> {
  readonly #options: ArmsOptions<Model, Position>;
  #running: Running<Model, Position> | null = null;
  #slowBatches = 0;
  /** Changes that wait in the queue. */
  #waiting = 0;
  /** Of the process before, in a replay. */
  #kept: Pick<Running<Model, Position>, 'rollout' | 'positions'> | null = null;

  constructor(options: ArmsOptions<Model, Position>) {
    this.#options = options;
  }

  /** null without a rollout of this strategy. */
  get running(): Running<Model, Position> | null {
    return this.#running;
  }

  /** Whether the rollout decides arms. @param version of the active models; undefined = none */
  isActive(version: string | undefined): boolean {
    return this.#running !== null && version === this.#running.rollout.champion;
  }

  /** A change was journaled; `change` follows. */
  announce(): void {
    this.#waiting++;
  }

  /** A stage begins or ends. The virtual positions of a rollout stay from stage to stage. */
  change(input: RolloutInput): void {
    this.#waiting--;
    this.#set(input);
  }

  #set({ rollout, set, positions }: RolloutInput): void {
    const { isOwn, onChallenger, release } = this.#options;
    const before = this.#running;
    // The challenger of a rollout of this strategy is one of its models.
    const challenger = rollout !== null && isOwn(rollout) ? (set as Model | null) : null;
    if (before !== null && before.challenger !== challenger) release(before.challenger);
    const earlier = before ?? this.#kept;
    this.#slowBatches = 0;
    this.#running =
      rollout === null || challenger === null
        ? null
        : {
            rollout,
            challenger,
            assignment: this.#assignmentOf(rollout),
            positions: earlier?.rollout.id === rollout.id ? earlier.positions : this.#positionsOf(positions),
          };
    onChallenger(this.#running?.rollout.challenger ?? null);
  }

  /** A process starts, and loads the challenger again: in a replay, virtual positions outlive the boot. */
  restart(): void {
    const before = this.#running;
    if (before === null) return;
    this.#set(NONE);
    this.#kept = before;
  }

  #assignmentOf({ key, block_minutes }: ActiveRollout): Assignment {
    const ids = this.#options.subjects.map(({ id }) => id);
    return new Assignment(ids, keyedHash(key), 60 * block_minutes);
  }

  #positionsOf(positions: RolloutInput['positions']): Record<Arm, Position[]> {
    const { subjects, flat } = this.#options;
    const of = (arm: Arm): Position[] =>
      subjects.map(({ id }) => (positions?.[arm].get(id) as Position | undefined) ?? flat);
    return { champion: of('champion'), challenger: of('challenger') };
  }

  /** The arm is chosen when nothing is open, and stays until the exit. @param index of the subject */
  armOf(index: number, time: OpenTime, position: Position): Arm {
    const { rollout, assignment } = this.#running!;
    if (position.side !== 0) return position.rollout === rollout.id ? 'challenger' : 'champion';
    return assignment.armOf(index, time, rollout.share);
  }

  /**
   * Scores a batch by the challenger.
   * @param score by this model
   * @returns null when it failed, which ends the rollout before this batch is decided
   */
  infer<Scores>(score: (challenger: Model) => Scores | Promise<Scores>): Scoring<Scores> {
    const { clock } = this.#options;
    const startUs = clock.monotonicUs();
    const took = (scores: Scores): Scores => {
      this.noteTime((clock.monotonicUs() - startUs) / 1000);
      return scores;
    };
    try {
      const scores = score(this.#running!.challenger);
      if (!(scores instanceof Promise)) return took(scores);
      return scores.then(took, (error: unknown) => this.fail(error));
    } catch (error) {
      return this.fail(error);
    }
  }

  /** The challenger took this long for a batch: when it is slow twice in a row, the rollout ends behind this bar. */
  noteTime(ms: number): void {
    const { slowInferenceMs, versionOf } = this.#options;
    this.#slowBatches = ms > slowInferenceMs ? this.#slowBatches + 1 : 0;
    if (this.#slowBatches !== 2) return;
    const seen = `${versionOf(this.#running!.challenger)}: ${ms.toFixed(0)} ms`;
    this.#drop(new MinutehandError('MODEL_SLOW', { seen, expected: `at most ${slowInferenceMs} ms` }));
  }

  /** The challenger failed: the rollout ends before the batch that is being answered. */
  fail(error: unknown): null {
    const { inputs } = this.#options;
    inputs().recordEarlier([this.#failed()], this.#waiting > 0 ? 'waits' : 'none');
    this.#tell(error);
    this.#set(NONE);
    return null;
  }

  /** Behind this bar. */
  #drop(error: unknown): void {
    this.#options.inputs().apply(this.#failed());
    this.#tell(error);
  }

  #failed(): RolloutInput {
    return { ...NONE, failed: this.#running!.rollout.id };
  }

  #tell(error: unknown): void {
    const { rollout, challenger } = this.#running!;
    const { observer, versionOf } = this.#options;
    observer.onChallengerFailure(error, { version: versionOf(challenger) }, rollout.id);
  }
}

const NONE: RolloutInput = { kind: 'rollout', rollout: null, set: null };
