import type { FormulaStore } from '../shared/store/warm_bars.ts';
import type { OpenTime } from '../shared/bar.ts';
import type { AnyRule } from '../shared/bundle/rule/rule_model.ts';
import type { PairReading } from '../shared/core/formula/bar_inputs.ts';
import type { Windows } from '../shared/core/features/windows.ts';
import { FLAT, type Position } from '../shared/core/position/position.ts';
import type { Pair } from '../shared/pair.ts';
import type { MinuteAnswer } from './decide/answer.ts';
import type { PairRuleAnswers, PairRuleChoice } from './decide/pair_rule_answer.ts';
import type { RuleReaders } from './features/feature_matrix.ts';
import type { WarmUpTurns } from './features/formula_warm_up.ts';
import type { GuardedPairFormulas } from './features/guarded_formulas.ts';
import { isTimed, RulesByRole, type RuleRole } from './features/rules_by_role.ts';
import { ServedPairRules } from './features/served_rules.ts';
import { RuleArms, type RuleArmsOptions } from './infer/rule_arms.ts';
import { RuleShadows, type RuleShadowsOptions } from './infer/rule_shadows.ts';
import { RuleSlots, type RuleSlotsOptions } from './infer/rule_slots.ts';

export interface PairRulesOptions
  extends
    Pick<RuleArmsOptions<GuardedPairFormulas, MinuteAnswer>, 'clock' | 'slowInferenceMs' | 'inputs'>,
    Pick<RuleShadowsOptions<GuardedPairFormulas, Position>, 'journal'>,
    Pick<RuleSlotsOptions<GuardedPairFormulas>, 'degradations' | 'slowInferenceMs'> {
  readonly observer: RuleArmsOptions<GuardedPairFormulas, MinuteAnswer>['observer'] &
    RuleShadowsOptions<GuardedPairFormulas, Position>['observer'] &
    RuleSlotsOptions<GuardedPairFormulas>['observer'];
  readonly pairs: readonly Pair[];
  /** Of the hand-written features. */
  readonly windows: Windows;
}

/** Answers a bar again, by these formulas and from this position before it; null: they do not answer yet. */
type AnswerAgain = (published: MinuteAnswer, formulas: GuardedPairFormulas, before: Position) => MinuteAnswer | null;

/**
 * The rules that answer for pairs in place of the models: served, in shadow, and in the arms of a rollout. Where there
 * is none, a bar costs one look at `isPresent`.
 */
export class PairRules implements RuleReaders, PairRuleAnswers {
  readonly slots: RuleSlots<GuardedPairFormulas>;
  readonly shadows: RuleShadows<GuardedPairFormulas, MinuteAnswer>;
  readonly arms: RuleArms<GuardedPairFormulas, MinuteAnswer>;
  readonly #rules: RulesByRole<PairReading, ServedPairRules>;

  constructor({ pairs, windows, ...options }: PairRulesOptions) {
    const { clock } = options;
    const rules = new RulesByRole((role) => new ServedPairRules(pairs, windows, isTimed(role) ? clock : null));
    this.#rules = rules;
    const lane = { ...options, subjects: pairs, flat: FLAT };
    this.slots = new RuleSlots({ ...lane, rules: rules.served });
    this.shadows = new RuleShadows({ ...lane, first: 0, rules: rules.shadow });
    this.arms = new RuleArms({
      ...lane,
      rules: rules.challenger,
      servedOf: (index) => rules.served.activeOf(index),
    });
  }

  /** Whether anything reads the bars of any pair. */
  get isPresent(): boolean {
    return this.#rules.isPresent;
  }

  reads(index: number): boolean {
    return this.#rules.reads(index);
  }

  take(index: number, reading: PairReading): void {
    this.#rules.take(index, reading);
  }

  /** Versions of those that are served, by pair. */
  get versions(): Readonly<Record<string, string>> {
    return this.#rules.served.versions;
  }

  activeOf(index: number): GuardedPairFormulas | null {
    return this.#rules.served.activeOf(index);
  }

  /** What answers a bar of a pair; null: the models do. @param position before the bar */
  choose(index: number, time: OpenTime, position: Position): PairRuleChoice | null {
    const chosen = this.arms.choose(index, time, position);
    if (chosen !== null) {
      const arm = chosen.rollout === undefined ? 'champion' : 'challenger';
      return { formulas: chosen.formulas, rollout: { id: this.arms.rollout!.id, arm } };
    }
    const formulas = this.activeOf(index);
    return formulas === null ? null : { formulas, rollout: undefined };
  }

  /** Behind all that rules compute of a batch. */
  checkTimes(): void {
    this.slots.checkTimes();
    this.arms.checkTime();
  }

  endFaulty(index: number): void {
    this.slots.endFaulty(index);
    this.arms.endFaulty(index);
  }

  /** The rule that will probably answer the bar after this one; null = none. */
  nextRule({ minute: { pairIndex, time }, position }: MinuteAnswer): AnyRule | null {
    return this.isPresent ? this.arms.nextRule(pairIndex, time, position) : null;
  }

  /** Journals the virtual answers of arms and shadows to a batch that was published. */
  async follow(published: readonly MinuteAnswer[], answer: AnswerAgain): Promise<void> {
    this.arms.follow(published, 0, answer);
    if (this.shadows.isPresent) await this.shadows.follow(published, answer);
  }

  /** See `ServedRules.warm`. @param lastOf the last bar that each pair has taken; null = none */
  warm(
    role: RuleRole,
    rule: AnyRule,
    store: FormulaStore,
    lastOf: (index: number) => OpenTime | null,
    turns: WarmUpTurns,
  ): Promise<void> {
    return this.#rules.warm(role, rule, store, lastOf, turns);
  }
}
