import type { OpenTime } from '../../shared/bar.ts';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { armVersion, keyedHash, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import { ARMS, Assignment, type Arm } from '../../shared/core/rollout/assignment.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Pair } from '../../shared/pair.ts';
import type { Clock } from '../../shared/ports.ts';
import { createBodyEncoder } from '../../shared/signal/body_encoder/body_encoder.ts';
import type { AnswerContext, MinuteAnswer } from '../decide/answer.ts';
import type { Decider } from '../decide/decider.ts';
import type { InputSink, RolloutInput } from '../queue/input.ts';
import type { Journal } from '../journal/journal.ts';
import { shadowRow } from '../journal/record.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { FeatureMatrix } from '../features/feature_matrix.ts';
import type { HaltedPairs } from './halted_pairs.ts';
import { release } from './model_slots.ts';

export interface RolloutArmsOptions {
  readonly pairs: readonly Pair[];
  readonly clock: Clock;
  readonly matrix: FeatureMatrix;
  readonly decider: Decider;
  readonly halts: HaltedPairs;
  readonly journal: Journal;
  /** A challenger that takes longer for a batch, twice in a row, is dropped. */
  readonly slowInferenceMs: number;
  inputs(): InputSink;
  readonly observer: Pick<PipelineObserver, 'onChallengerFailure'>;
}

/** A rollout with its challenger and the virtual positions of both arms. */
interface Running {
  readonly rollout: ActiveRollout;
  readonly challenger: ModelSet;
  readonly assignment: Assignment;
  readonly positions: Readonly<Record<Arm, Position[]>>;
}

type Contexts = Readonly<Record<Arm, AnswerContext>>;

/**
 * Both arms of a rollout: the challenger scores every batch beside the active models, and the arm of each unit decides
 * which answer is published. It is active while the active models are its champion.
 */
export class RolloutArms {
  readonly #options: RolloutArmsOptions;
  /** Virtual arms are compared without halts, like a shadow. */
  readonly #noneHalted: Uint8Array;
  /** The champion has the decider's: bodies of both arms differ in fields that an encoder keeps. */
  readonly #encoder = createBodyEncoder();
  #running: Running | null = null;
  /** Of the batch that was decided last; null without a rollout. */
  #decided: Contexts | null = null;
  #slowBatches = 0;
  /** Changes that wait in the queue. */
  #waiting = 0;
  /** Of the process before, in a replay. */
  #kept: Pick<Running, 'rollout' | 'positions'> | null = null;

  constructor(options: RolloutArmsOptions) {
    this.#options = options;
    this.#noneHalted = new Uint8Array(options.pairs.length);
  }

  get rollout(): ActiveRollout | null {
    return this.#running?.rollout ?? null;
  }

  get challenger(): ModelSet | null {
    return this.#running?.challenger ?? null;
  }

  isActive(active: ModelSet | null): boolean {
    return this.#running !== null && active?.version === this.#running.rollout.champion;
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
    const before = this.#running;
    if (before !== null && before.challenger !== set) release(before.challenger);
    const earlier = before ?? this.#kept;
    this.#slowBatches = 0;
    this.#options.halts.setChallenger(rollout?.challenger ?? null);
    this.#running =
      rollout === null || set === null
        ? null
        : {
            rollout,
            challenger: set,
            assignment: this.#assignmentOf(rollout),
            positions: earlier?.rollout.id === rollout.id ? earlier.positions : this.#positionsOf(positions),
          };
  }

  /** A process starts, and loads the challenger again: in a replay, virtual positions outlive the boot. */
  restart(): void {
    const before = this.#running;
    if (before === null) return;
    this.#set(NONE);
    this.#kept = before;
  }

  #assignmentOf({ key, block_minutes }: ActiveRollout): Assignment {
    const ids = this.#options.pairs.map(({ id }) => id);
    return new Assignment(ids, keyedHash(key), 60 * block_minutes);
  }

  #positionsOf(positions: RolloutInput['positions']): Record<Arm, Position[]> {
    const of = (arm: Arm): Position[] => this.#options.pairs.map(({ id }) => positions?.[arm].get(id) ?? FLAT);
    return { champion: of('champion'), challenger: of('challenger') };
  }

  /**
   * The challenger's scores of the same batch; null without a rollout, and when it failed, which ends the rollout
   * before this batch is decided.
   */
  infer(active: ModelSet | null, rows: number): BatchScores | null | Promise<BatchScores | null> {
    if (rows === 0 || !this.isActive(active)) return null;
    const { matrix, clock, slowInferenceMs } = this.#options;
    const { challenger } = this.#running!;
    const startUs = clock.monotonicUs();
    const took = (scores: BatchScores): BatchScores => {
      const ms = (clock.monotonicUs() - startUs) / 1000;
      this.#slowBatches = ms > slowInferenceMs ? this.#slowBatches + 1 : 0;
      if (this.#slowBatches === 2) {
        const seen = `${challenger.version}: ${ms.toFixed(0)} ms`;
        this.#drop(new MinutehandError('MODEL_SLOW', { seen, expected: `at most ${slowInferenceMs} ms` }));
      }
      return scores;
    };
    try {
      const scores = challenger.infer(matrix.valuesOf(challenger), rows, undefined, matrix.rowPairs);
      if (!(scores instanceof Promise)) return took(scores);
      return scores.then(took, (error: unknown) => this.#fail(error));
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): null {
    const { rollout, challenger } = this.#running!;
    const { inputs, observer } = this.#options;
    inputs().recordEarlier([{ ...NONE, failed: rollout.id }], this.#waiting > 0 ? 'waits' : 'none');
    observer.onChallengerFailure(error, challenger, rollout.id);
    this.#set(NONE);
    return null;
  }

  /** Behind this bar. */
  #drop(error: unknown): void {
    const { rollout, challenger } = this.#running!;
    this.#options.inputs().apply({ ...NONE, failed: rollout.id });
    this.#options.observer.onChallengerFailure(error, challenger, rollout.id);
  }

  /** Published answers: of the active models, or each by the model set of its unit's arm. */
  decide(
    items: readonly MinuteItem[],
    champion: ModelSet | null,
    scores: BatchScores | null,
    challengerScores: BatchScores | null,
  ): MinuteAnswer[] {
    const { decider, halts } = this.#options;
    if (!this.isActive(champion)) return decider.decide(items, champion, scores, halts.mask);
    const { rollout, challenger } = this.#running!;
    const { id } = rollout;
    const mask = halts.challengerMask;
    const contexts: Contexts = {
      champion: decider.contextOf(champion, scores, halts.mask, undefined, { id, arm: 'champion' }),
      challenger: decider.contextOf(challenger, challengerScores, mask, this.#encoder, { id, arm: 'challenger' }),
    };
    this.#decided = contexts;
    return decider.decideBy(items, (pairIndex, time, position) => contexts[this.#armOf(pairIndex, time, position)]);
  }

  /** The arm is chosen when nothing is open, and stays until the exit. */
  #armOf(pairIndex: number, time: OpenTime, position: Position): Arm {
    const { rollout, assignment } = this.#running!;
    if (position.side !== 0) return position.rollout === rollout.id ? 'challenger' : 'champion';
    return assignment.armOf(pairIndex, time, rollout.share);
  }

  /** Journals the virtual answers of both arms to a batch that `decide` answered, and prepares the next bar. */
  follow(answers: readonly MinuteAnswer[]): void {
    const { matrix, decider, journal } = this.#options;
    const decided = this.#decided;
    const running = this.#running;
    this.#decided = null;
    if (decided === null || running === null) return;
    const halted = this.#noneHalted;
    const { rollout, positions, assignment } = running;
    const virtual: Contexts = {
      champion: { ...decided.champion, halted, positions: positions.champion },
      challenger: { ...decided.challenger, halted, positions: positions.challenger },
    };
    for (const { minute, body } of answers) {
      const { pairIndex, time, outcome } = minute;
      assignment.prepare(pairIndex, time);
      if (outcome !== 'COMPLETE') continue;
      for (const arm of ARMS) {
        if (matrix.rowOf(pairIndex, virtual[arm].models) < 0) continue;
        const answer = decider.answer(virtual[arm], minute, positions[arm][pairIndex]!, body.signal_id);
        positions[arm][pairIndex] = answer.position;
        journal.shadow({ ...shadowRow(answer), modelVersion: armVersion(rollout[arm], rollout.id) });
      }
    }
  }

  /** Models that will probably answer the bar after this one. */
  nextModels({ minute, position }: MinuteAnswer, active: ModelSet | null): ModelSet | null {
    if (!this.isActive(active)) return active;
    const next = (minute.time + 60) as OpenTime;
    return this.#armOf(minute.pairIndex, next, position) === 'challenger' ? this.#running!.challenger : active;
  }
}

const NONE: RolloutInput = { kind: 'rollout', rollout: null, set: null };
