import type { OpenTime } from '../../shared/bar.ts';
import type { RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import type { FormulaStore } from '../../shared/store/warm_bars.ts';
import type { WarmUpTurns } from './formula_warm_up.ts';

/** What the answers of a rule are for: published, only journaled, or published by the challenger's arm of a rollout. */
export type RuleRole = 'served' | 'shadow' | 'challenger';

/** Whether it matters how long they take: a shadow answers behind the bar. */
export function isTimed(role: RuleRole): boolean {
  return role !== 'shadow';
}

/** See `ServedRules`. */
interface ReadingRules<Reading> {
  readonly isPresent: boolean;
  reads(index: number): boolean;
  take(index: number, taken: Reading): void;
  warm(
    rule: RuleModel,
    store: FormulaStore,
    lastOf: (index: number) => OpenTime | null,
    turns: WarmUpTurns,
  ): Promise<void>;
}

/** The rules of a kind of subject, by role. All of them read every bar of their subject. */
export class RulesByRole<Reading, Rules extends ReadingRules<Reading>> {
  readonly served: Rules;
  readonly shadow: Rules;
  readonly challenger: Rules;
  readonly #all: readonly Rules[];

  constructor(open: (role: RuleRole) => Rules) {
    this.served = open('served');
    this.shadow = open('shadow');
    this.challenger = open('challenger');
    this.#all = [this.served, this.shadow, this.challenger];
  }

  /** Whether anything reads the bars of any subject. */
  get isPresent(): boolean {
    return this.served.isPresent || this.shadow.isPresent || this.challenger.isPresent;
  }

  /** Whether anything reads the bars of a subject. */
  reads(index: number): boolean {
    return this.#all.some((rules) => rules.reads(index));
  }

  /** See `ServedRules.take`. */
  take(index: number, taken: Reading): void {
    for (const rules of this.#all) rules.take(index, taken);
  }

  /** See `ServedRules.warm`. */
  warm(
    role: RuleRole,
    rule: RuleModel,
    store: FormulaStore,
    lastOf: (index: number) => OpenTime | null,
    turns: WarmUpTurns,
  ): Promise<void> {
    return this[role].warm(rule, store, lastOf, turns);
  }
}
