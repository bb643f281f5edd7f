import type { OpenTime } from '../../shared/bar.ts';
import type { RuleBar, RuleFormulas, RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import type { InstrumentReading } from '../../shared/core/formula/bar_inputs.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import type { InstrumentReason } from '../../shared/signal/instrument_signal.ts';
import type { InstrumentPosition, InstrumentStep, KeptExits } from '../../shared/strategies/instrument_position.ts';

/** Measures how long a rule takes; null = nobody asks. */
export type RuleClock = Pick<Clock, 'monotonicUs'> | null;

/**
 * What a rule computes of one instrument, with the time that it takes. Whatever it throws becomes its `fault`, after
 * which it is not asked any more: a rule that fails ends alone, and no bar of another subject with it.
 */
export class GuardedFormulas {
  readonly rule: RuleModel;
  readonly #inner: RuleFormulas | null;
  readonly #clock: RuleClock;
  #fault: MinutehandError | null = null;
  /** Microseconds since `takeSpentMs`. */
  #spentUs = 0;
  /** It has taken a bar since `takeSpentMs`. */
  #isFresh = false;

  constructor(rule: RuleModel, barSeconds: number, clock: RuleClock = null) {
    this.rule = rule;
    this.#clock = clock;
    this.#inner = this.#guard('createFormulas', () => rule.createFormulas(barSeconds));
  }

  /** Why it does not answer any more; null = it does. */
  get fault(): MinutehandError | null {
    return this.#fault;
  }

  get warmUpBars(): number {
    return this.#inner?.warmUpBars ?? 0;
  }

  get isWarm(): boolean {
    return this.#inner?.isWarm ?? false;
  }

  /** Of a position that it would enter; null = its formulas could not be made. */
  get exits(): KeptExits | null {
    return this.#inner?.exits ?? null;
  }

  step(reading: InstrumentReading): void {
    this.#isFresh = true;
    this.#guard('step', () => this.#inner!.step(reading));
  }

  /** See `RuleFormulas.finish`. */
  finish(probabilities: ArrayLike<number> | null, row: number): void {
    this.#guard('finish', () => this.#inner!.finish(probabilities, row));
  }

  /** @returns null where it has failed */
  decide(
    before: InstrumentPosition,
    bar: RuleBar,
    id: string,
    time: OpenTime,
  ): InstrumentStep<InstrumentReason> | null {
    return this.#guard('decide', () => this.#inner!.decide(before, bar, id, time));
  }

  /** Milliseconds that it took since this was asked for; null = it has taken no bar since then. */
  takeSpentMs(): number | null {
    if (!this.#isFresh) return null;
    const ms = this.#spentUs / 1000;
    this.#isFresh = false;
    this.#spentUs = 0;
    return ms;
  }

  #guard<Result>(what: string, run: () => Result): Result | null {
    if (this.#fault !== null) return null;
    const startUs = this.#clock === null ? 0 : this.#clock.monotonicUs();
    try {
      return run();
    } catch (error) {
      this.#fault = new MinutehandError('RULE_FAILED', { seen: `${what}: ${String(error)}`, cause: error });
      return null;
    } finally {
      if (this.#clock !== null) this.#spentUs += this.#clock.monotonicUs() - startUs;
    }
  }
}
