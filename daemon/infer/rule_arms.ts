import type { OpenTime } from '../../shared/bar.ts';
import { armVersion, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import type { RuleFormulas, RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import { ARMS, type Arm } from '../../shared/core/rollout/assignment.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';
import type { InstrumentAnswer, InstrumentContext } from '../decide/instrument_answer.ts';
import { ServedRules } from '../features/served_rules.ts';
import type { Journal } from '../journal/journal.ts';
import { shadowRow } from '../journal/record.ts';
import type { RolloutInput } from '../queue/input.ts';
import { Arms, type ArmsOptions } from './arms.ts';

type InstrumentPosition = InstrumentAnswer['position'];

export interface RuleArmsOptions extends Pick<
  ArmsOptions<RuleModel, InstrumentPosition>,
  'clock' | 'slowInferenceMs' | 'inputs' | 'observer' | 'flat'
> {
  readonly instruments: readonly Pair[];
  readonly journal: Pick<Journal, 'shadow'>;
  /** Formulas of the rule that is served for an instrument, by its index; null = none is. */
  servedOf(index: number): RuleFormulas | null;
}

/** Answers the bar of a published answer again, by these formulas and from this position before it. */
export type AnswerByArm = (
  published: InstrumentAnswer,
  formulas: RuleFormulas,
  position: InstrumentPosition,
) => InstrumentAnswer | null;

/** The formulas that decide a bar of an instrument, and the rollout where they are the challenger's. */
export interface ChosenRule {
  readonly formulas: RuleFormulas;
  readonly rollout: string | undefined;
}

/**
 * Both arms of a rollout of rules of one instrument: the challenger computes its formulas over every bar beside the
 * rule that is served, and the arm of each unit decides which answer is published.
 */
export class RuleArms {
  /** Formulas of the challenger. */
  readonly rules: ServedRules;
  readonly #options: RuleArmsOptions;
  readonly #lane: Arms<RuleModel, InstrumentPosition>;

  constructor(options: RuleArmsOptions) {
    const { instruments, ...shared } = options;
    this.#options = options;
    this.rules = new ServedRules(instruments);
    this.#lane = new Arms({
      ...shared,
      subjects: instruments,
      isOwn: ({ instrument }) => instrument !== undefined,
      versionOf: ({ manifest }) => manifest.version,
      onChallenger: (version) => {
        if (version === null) this.rules.clear();
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
    const { challenger, rollout } = this.#lane.running!;
    if (this.rules.activeOf(index)?.rule === challenger) return;
    this.rules.clear();
    this.rules.swap({ kind: 'rule', instrument: rollout.instrument!, rule: challenger });
  }

  /** See `Arms.restart`. */
  restart(): void {
    this.#lane.restart();
  }

  /** Computes what the challenger reads of the direction model's answers to a batch. */
  infer(scoresOf: (index: number) => { readonly scores: InstrumentContext['scores']; readonly row: number }): void {
    if (this.#isActive(this.#index())) void this.#lane.infer(() => this.rules.finish(scoresOf));
  }

  /** @returns null where the rule that is served decides alone */
  choose(index: number, time: OpenTime, position: InstrumentPosition): ChosenRule | null {
    if (index !== this.#index() || !this.#isActive(index)) return null;
    const arm = this.#lane.armOf(index, time, position);
    const rollout = arm === 'challenger' ? this.#lane.running!.rollout.id : undefined;
    return { formulas: this.#formulasOf(arm, index), rollout };
  }

  /** The rule that will probably answer the bar after this one. @param position behind this bar */
  nextRule(index: number, time: OpenTime, position: InstrumentPosition): RuleModel | null {
    const next = (time + barSecondsOf(this.#options.instruments[index]!)) as OpenTime;
    return (this.choose(index, next, position)?.formulas ?? this.#options.servedOf(index))?.rule ?? null;
  }

  /**
   * Journals the virtual answers of both arms to the bars of a batch.
   * @param published answers to instruments
   * @param first index of the first instrument among the subjects
   */
  follow(published: readonly InstrumentAnswer[], first: number, answer: AnswerByArm): void {
    const index = this.#index();
    if (!this.#isActive(index)) return;
    const { rollout, positions } = this.#lane.running!;
    for (const one of published) {
      if (one.minute.pairIndex - first !== index) continue;
      for (const arm of ARMS) {
        const own = answer(one, this.#formulasOf(arm, index), positions[arm][index]!);
        if (own === null) continue;
        positions[arm][index] = own.position;
        this.#options.journal.shadow({ ...shadowRow(own), modelVersion: armVersion(rollout[arm], rollout.id) });
      }
    }
  }

  #formulasOf(arm: Arm, index: number): RuleFormulas {
    return (arm === 'challenger' ? this.rules.activeOf(index) : this.#options.servedOf(index))!;
  }

  /** Of the instrument whose rules are compared; −1 = none here. */
  #index(): number {
    const { running } = this.#lane;
    if (running === null) return -1;
    return this.#options.instruments.findIndex(({ id }) => id === running.rollout.instrument);
  }

  #isActive(index: number): boolean {
    return index >= 0 && this.#lane.isActive(this.#options.servedOf(index)?.rule.manifest.version);
  }
}
