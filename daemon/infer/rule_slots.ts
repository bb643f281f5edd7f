import { MinutehandError } from '../../shared/errors.ts';
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
  /** A rule that takes longer for a bar, twice in a row, is ended. */
  readonly slowInferenceMs: number;
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
  /** Bars in a row for which the rule was slow, by subject. */
  readonly #slowBars: number[];

  constructor(options: RuleSlotsOptions<Formulas>) {
    this.#options = options;
    this.#waiting = options.subjects.map(() => 0);
    this.#slowBars = options.subjects.map(() => 0);
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
    this.#slowBars[index] = 0;
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
    const { rules, degradations, inputs } = this.#options;
    const active = rules.activeOf(index);
    if (active === null || active.fault === null) return;
    const { ended, degraded } = this.#endOf(index);
    rules.swap(ended);
    degradations.add(degraded.what, degraded.scope);
    inputs().recordEarlier([ended, degraded], this.#waiting[index]! > 0 ? 'waits' : 'none');
    this.#tell(index, active, active.fault);
  }

  /**
   * Behind all that rules compute of a batch, except its decisions, which count for the next one: a rule that is slow
   * twice in a row delays every subject, and ends behind this bar.
   */
  checkTimes(): void {
    const { subjects, rules, slowInferenceMs, inputs } = this.#options;
    for (let index = 0; index < subjects.length; index++) {
      const active = rules.activeOf(index);
      const ms = active?.takeSpentMs() ?? null;
      if (active === null || ms === null) continue;
      this.#slowBars[index] = ms > slowInferenceMs ? this.#slowBars[index]! + 1 : 0;
      // Where another one waits, this one ends anyway.
      if (this.#slowBars[index] !== 2 || this.#waiting[index]! > 0) continue;
      const { ended, degraded } = this.#endOf(index);
      inputs().apply(ended);
      inputs().apply(degraded);
      const seen = `two bars in a row, ${ms.toFixed(0)} ms for the last one`;
      this.#tell(index, active, new MinutehandError('RULE_SLOW', { seen, expected: `at most ${slowInferenceMs} ms` }));
    }
  }

  #endOf(index: number) {
    const instrument = this.#options.subjects[index]!.id;
    const ended: RuleInput = { kind: 'rule', instrument, rule: null };
    return { ended, degraded: { kind: 'degraded', ...ruleSlot(instrument) } as const };
  }

  #tell(index: number, { rule }: Formulas, error: MinutehandError): void {
    const instrument = this.#options.subjects[index]!.id;
    this.#options.observer.onRuleFailure?.(error, { version: rule.manifest.version, instrument });
  }

  #indexOf(id: string): number {
    return this.#options.subjects.findIndex((subject) => subject.id === id);
  }
}
