import type { OpenTime } from '../../shared/bar.ts';
import { armName, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import type { RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import { ARMS, type Arm } from '../../shared/core/rollout/assignment.ts';
import { barSecondsOf } from '../../shared/pair.ts';
import type { Answer } from '../decide/answer.ts';
import type { Guarded } from '../features/served_rules.ts';
import type { Journal } from '../journal/journal.ts';
import { shadowRow } from '../journal/record.ts';
import type { RolloutInput } from '../queue/input.ts';
import { Arms, type ArmsOptions } from './arms.ts';
import type { LaneRules } from './rule_shadows.ts';
import { slotOfRollout } from '../../shared/subject/written_names.ts';
import { ruleSlot } from '../../shared/subject/slot.ts';

interface RuleArmsOptions<Formulas extends Guarded, Own extends Answer> extends Pick<
  ArmsOptions<RuleModel, Own['position']>,
  'clock' | 'slowInferenceMs' | 'inputs' | 'observer' | 'flat' | 'subjects'
> {
  readonly journal: Pick<Journal, 'shadow'>;
  /** Formulas of the challenger. */
  readonly rules: LaneRules<Formulas>;
  /** Formulas of the rule that is served for a subject, by its index; null = none is. */
  servedOf(index: number): Formulas | null;
}

/** Answers the bar of a published answer again, by these formulas and from this position before it. */
export type AnswerByArm<Formulas, Own extends Answer> = (
  published: Own,
  formulas: Formulas,
  position: Own['position'],
) => Own | null;

/** The formulas that decide a bar of a subject, and the rollout where they are the challenger's. */
export interface ChosenRule<Formulas> {
  readonly formulas: Formulas;
  readonly rollout: string | undefined;
}

/**
 * Both arms of a rollout of rules of one subject: the challenger computes its formulas over every bar beside the rule
 * that is served, and the arm of each unit decides which answer is published.
 */
export class RuleArms<Formulas extends Guarded, Own extends Answer> {
  readonly #options: RuleArmsOptions<Formulas, Own>;
  readonly #lane: Arms<RuleModel, Own['position']>;

  constructor(options: RuleArmsOptions<Formulas, Own>) {
    const { subjects, rules } = options;
    this.#options = options;
    this.#lane = new Arms({
      ...options,
      isOwn: (rollout) => subjects.some(({ id }) => ruleSlot(id) === slotOfRollout(rollout)),
      versionOf: ({ manifest }) => manifest.version,
      onChallenger: (version) => {
        if (version === null) rules.clear();
      },
      // Nothing of it is bound to a thread.
      release: () => undefined,
    });
  }

  /** The rollout that decides arms now; null without one, and while another rule than its champion is served. */
  get rollout(): ActiveRollout | null {
    const index = this.#index();
    return this.#isActive(index) ? this.#lane.running!.rollout : null;
  }

  /** See `Arms.announce`. */
  announce(): void {
    this.#lane.announce();
  }

  /** See `Arms.change`. A stage that changes the share alone leaves the formulas as they are. */
  change(input: RolloutInput): void {
    this.#lane.change(input);
    const index = this.#index();
    if (index < 0) return;
    const { rules } = this.#options;
    const { challenger } = this.#lane.running!;
    if (rules.activeOf(index)?.rule === challenger) return;
    rules.clear();
    rules.swap({ kind: 'rule', instrument: this.#options.subjects[index]!.id, rule: challenger });
  }

  /** See `Arms.restart`. */
  restart(): void {
    this.#lane.restart();
  }

  /** Behind all that the challenger computes of a batch: one that is slow twice in a row is dropped. */
  checkTime(): void {
    const index = this.#index();
    if (!this.#isActive(index)) return;
    const ms = this.#options.rules.activeOf(index)!.takeSpentMs();
    if (ms !== null) this.#lane.noteTime(ms);
  }

  /** Ends the rollout of a subject whose challenger has failed, before the batch that is being answered. */
  endFaulty(index: number): void {
    if (index !== this.#index()) return;
    const fault = this.#options.rules.activeOf(index)?.fault ?? null;
    if (fault !== null) this.#lane.fail(fault);
  }

  /** @returns null where the rule that is served decides alone */
  choose(index: number, time: OpenTime, position: Own['position']): ChosenRule<Formulas> | null {
    if (index !== this.#index() || !this.#isActive(index)) return null;
    const arm = this.#lane.armOf(index, time, position);
    const rollout = arm === 'challenger' ? this.#lane.running!.rollout.id : undefined;
    return { formulas: this.#formulasOf(arm, index), rollout };
  }

  /** The rule that will probably answer the bar after this one. @param position behind this bar */
  nextRule(index: number, time: OpenTime, position: Own['position']): RuleModel | null {
    const next = (time + barSecondsOf(this.#options.subjects[index]!)) as OpenTime;
    return (this.choose(index, next, position)?.formulas ?? this.#options.servedOf(index))?.rule ?? null;
  }

  /**
   * Journals the virtual answers of both arms to the bars of a batch.
   * @param published answers to subjects of this kind
   * @param first index of the first of them among all subjects
   */
  follow(published: readonly Own[], first: number, answer: AnswerByArm<Formulas, Own>): void {
    const index = this.#index();
    if (!this.#isActive(index)) return;
    const { rollout, positions } = this.#lane.running!;
    for (const one of published) {
      if (one.minute.pairIndex - first !== index) continue;
      for (const arm of ARMS) {
        const own = answer(one, this.#formulasOf(arm, index), positions[arm][index]!);
        if (own === null) continue;
        positions[arm][index] = own.position;
        this.#options.journal.shadow({ ...shadowRow(own), modelVersion: armName(rollout, arm) });
      }
    }
  }

  #formulasOf(arm: Arm, index: number): Formulas {
    return (arm === 'challenger' ? this.#options.rules.activeOf(index) : this.#options.servedOf(index))!;
  }

  /** Of the subject whose rules are compared; −1 = none here. */
  #index(): number {
    const { running } = this.#lane;
    if (running === null) return -1;
    return this.#options.subjects.findIndex(({ id }) => id === running.rollout.instrument);
  }

  #isActive(index: number): boolean {
    return index >= 0 && this.#lane.isActive(this.#options.servedOf(index)?.rule.manifest.version);
  }
}
