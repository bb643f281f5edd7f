import type { OpenTime } from '../../shared/bar.ts';
import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { armName, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import { ARMS, type Arm } from '../../shared/core/rollout/assignment.ts';
import type { Pair } from '../../shared/pair.ts';
import { createBodyEncoder } from '../../shared/signal/body_encoder/body_encoder.ts';
import type { AnswerContext, MinuteAnswer } from '../decide/answer.ts';
import type { Decider } from '../decide/decider.ts';
import type { RolloutInput } from '../queue/input.ts';
import type { Journal } from '../journal/journal.ts';
import { shadowRow } from '../journal/record.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { FeatureMatrix } from '../features/feature_matrix.ts';
import { Arms, type ArmsOptions } from './arms.ts';
import type { HaltedPairs } from './halted_pairs.ts';
import { release } from './model_slots.ts';
import { slotOfRollout } from '../../shared/subject/written_names.ts';

export interface RolloutArmsOptions extends Pick<
  ArmsOptions<ModelSet, Position>,
  'clock' | 'slowInferenceMs' | 'inputs' | 'observer'
> {
  readonly pairs: readonly Pair[];
  readonly matrix: FeatureMatrix;
  readonly decider: Decider;
  readonly halts: HaltedPairs;
  readonly journal: Journal;
}

type Contexts = Readonly<Record<Arm, AnswerContext>>;

/**
 * Both arms of a rollout of pairs: the challenger scores every batch beside the active models, and the arm of each unit
 * decides which answer is published.
 */
export class RolloutArms {
  readonly #options: RolloutArmsOptions;
  readonly #lane: Arms<ModelSet, Position>;
  /** Virtual arms are compared without halts, like a shadow. */
  readonly #noneHalted: Uint8Array;
  /** The champion has the decider's: bodies of both arms differ in fields that an encoder keeps. */
  readonly #encoder = createBodyEncoder();
  /** Of the batch that was decided last; null without a rollout. */
  #decided: Contexts | null = null;

  constructor(options: RolloutArmsOptions) {
    const { pairs, halts, ...shared } = options;
    this.#options = options;
    this.#noneHalted = new Uint8Array(pairs.length);
    this.#lane = new Arms({
      ...shared,
      subjects: pairs,
      flat: FLAT,
      isOwn: (rollout) => slotOfRollout(rollout) === 'pairs',
      versionOf: ({ version }) => version,
      onChallenger: (version) => halts.setChallenger(version),
      release,
    });
  }

  get rollout(): ActiveRollout | null {
    return this.#lane.running?.rollout ?? null;
  }

  get challenger(): ModelSet | null {
    return this.#lane.running?.challenger ?? null;
  }

  isActive(active: ModelSet | null): boolean {
    return this.#lane.isActive(active?.version);
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

  /**
   * The challenger's scores of the same batch; null without a rollout, and when it failed, which ends the rollout
   * before this batch is decided.
   */
  infer(active: ModelSet | null, rows: number): BatchScores | null | Promise<BatchScores | null> {
    if (rows === 0 || !this.isActive(active)) return null;
    const { matrix } = this.#options;
    return this.#lane.infer((set) => set.infer(matrix.valuesOf(set), rows, undefined, matrix.rowPairs));
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
    const { rollout, challenger } = this.#lane.running!;
    const { id } = rollout;
    const mask = halts.challengerMask;
    const contexts: Contexts = {
      champion: decider.contextOf(champion, scores, halts.mask, undefined, { id, arm: 'champion' }),
      challenger: decider.contextOf(challenger, challengerScores, mask, this.#encoder, { id, arm: 'challenger' }),
    };
    this.#decided = contexts;
    return decider.decideBy(
      items,
      (pairIndex, time, position) => contexts[this.#lane.armOf(pairIndex, time, position)],
    );
  }

  /** Journals the virtual answers of both arms to a batch that `decide` answered, and prepares the next bar. */
  follow(answers: readonly MinuteAnswer[]): void {
    const { matrix, decider, journal } = this.#options;
    const decided = this.#decided;
    const { running } = this.#lane;
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
        journal.shadow({ ...shadowRow(answer), modelVersion: armName(rollout, arm) });
      }
    }
  }

  /** Models that will probably answer the bar after this one. */
  nextModels({ minute, position }: MinuteAnswer, active: ModelSet | null): ModelSet | null {
    if (!this.isActive(active)) return active;
    const next = (minute.time + 60) as OpenTime;
    const arm = this.#lane.armOf(minute.pairIndex, next, position);
    return arm === 'challenger' ? this.#lane.running!.challenger : active;
  }
}
