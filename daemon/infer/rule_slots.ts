import type { Pair } from '../../shared/pair.ts';
import type { Guarded } from '../features/served_rules.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import { ruleSlot, type DegradationSet } from '../queue/degradation_set.ts';
import type { InputSink, RuleInput } from '../queue/input.ts';
import type { LaneRules } from './rule_shadows.ts';

export interface RuleSlotsOptions<Formulas extends Guarded> {
  /** Those that rules may answer for. */
  readonly subjects: readonly Pair[];
  /** Of the rules that are served. */
  readonly rules: LaneRules<Formulas>;
  readonly degradations: DegradationSet;
  /** Journal of failures. */
  inputs(): InputSink;
  readonly observer: Pick<PipelineObserver, 'onRuleFailure'>;
}

/**
 * The slots of the rules that are served, one a subject. A rule that fails ends within the same bar: what would answer
 * without it does, and the mode of its subject is DEGRADED until another rule takes effect, or none is asked for.
 */
export class RuleSlots<Formulas extends Guarded> {
  readonly #options: RuleSlotsOptions<Formulas>;
  /** Number of changes that wait in the queue, by subject. */
  readonly #waiting: number[];

  constructor(options: RuleSlotsOptions<Formulas>) {
    this.#options = options;
    this.#waiting = options.subjects.map(() => 0);
  }

  /** A change was journaled; `swap` follows. */
  announce({ instrument }: RuleInput): void {
    const index = this.#indexOf(instrument);
    if (index >= 0) this.#waiting[index]!++;
  }

  swap(input: RuleInput): void {
    const index = this.#indexOf(input.instrument);
    if (index < 0) return;
    this.#waiting[index]!--;
    const { rules, degradations } = this.#options;
    rules.swap(input);
    degradations.endOfSlot(ruleSlot(input.instrument));
  }

  /** No rules any more. */
  clear(): void {
    this.#options.rules.clear();
  }

  /** Ends a rule that has failed, before the batch that is being answered. @param index of its subject */
  endFaulty(index: number): void {
    const { subjects, rules, degradations, inputs, observer } = this.#options;
    const active = rules.activeOf(index);
    if (active === null || active.fault === null) return;
    const { rule, fault } = active;
    const instrument = subjects[index]!.id;
    const ended: RuleInput = { kind: 'rule', instrument, rule: null };
    const degradation = ruleSlot(instrument);
    rules.swap(ended);
    degradations.add(degradation.what, degradation.scope);
    const changes = [ended, { kind: 'degraded', ...degradation }] as const;
    inputs().recordEarlier(changes, this.#waiting[index]! > 0 ? 'waits' : 'none');
    observer.onRuleFailure?.(fault, { version: rule.manifest.version, instrument });
  }

  #indexOf(id: string): number {
    return this.#options.subjects.findIndex((subject) => subject.id === id);
  }
}
