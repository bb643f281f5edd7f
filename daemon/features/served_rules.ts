import type { FormulaStore } from '../../shared/store/warm_bars.ts';
import type { BarFormulas, RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import type { OpenTime } from '../../shared/bar.ts';
import type { MinutehandError } from '../../shared/errors.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';
import type { DirectionScores } from '../../shared/bundle/direction/direction_scores.ts';
import type { RuleInput } from '../queue/input.ts';
import type { InstrumentReading } from '../../shared/core/formula/bar_inputs.ts';
import type { WarmUpTurns } from './formula_warm_up.ts';
import { GuardedFormulas, type RuleClock } from './guarded_formulas.ts';
import { INSTRUMENT_READINGS } from './rule_warm_up.ts';
import type { RuleReadings } from './rule_readings.ts';

/** Bars that are computed before bars that are due have their turn. */
const BARS_PER_PIECE = 500;

/** A loaded rule whose formulas are computed over the bars of the journal, and then over those that came meanwhile. */
interface WarmUp<Reading, Formulas> {
  readonly index: number;
  readonly formulas: Formulas;
  /** Bars that came since the beginning; null = the formulas are up to date. */
  waiting: Reading[] | null;
}

/** What is known of the formulas of a rule. */
export interface Guarded {
  readonly rule: RuleModel;
  /** Why it does not answer any more; null = it does. */
  readonly fault: MinutehandError | null;
  takeSpentMs(): number | null;
}

/** The rule that is served for each subject of a kind, and those that are about to be. */
export abstract class ServedRules<Reading, Formulas extends BarFormulas<Reading> & Guarded> {
  readonly #subjects: readonly Pair[];
  readonly #readings: RuleReadings<Reading>;
  readonly #active: (Formulas | null)[];
  #warmUps: readonly WarmUp<Reading, Formulas>[] = [];
  #isPresent = false;

  constructor(subjects: readonly Pair[], readings: RuleReadings<Reading>) {
    this.#subjects = subjects;
    this.#readings = readings;
    this.#active = subjects.map(() => null);
  }

  /** Whether anything reads the bars of any subject. */
  get isPresent(): boolean {
    return this.#isPresent;
  }

  /** The rule of a subject, by its index among those of its kind; null = none. */
  activeOf(index: number): Formulas | null {
    return this.#active[index]!;
  }

  /** Versions by subject. */
  get versions(): Readonly<Record<string, string>> {
    const named = this.#active.flatMap((own, index) =>
      own === null ? [] : [[this.#subjects[index]!.id, own.rule.manifest.version] as const],
    );
    return Object.fromEntries(named);
  }

  /** Whether anything reads the bars of a subject. */
  reads(index: number): boolean {
    if (this.#active[index] !== null) return true;
    return this.#warmUps.length > 0 && this.#warmUps.some((warmUp) => warmUp.index === index);
  }

  /** Takes the next complete bar of a subject; its objects and arrays belong to the caller. */
  take(index: number, taken: Reading): void {
    this.#active[index]?.step(taken);
    for (const warmUp of this.#warmUps) {
      if (warmUp.index !== index) continue;
      if (warmUp.waiting === null) warmUp.formulas.step(taken);
      else warmUp.waiting.push(this.#readings.copy(taken));
    }
  }

  /**
   * Computes the formulas of a loaded rule over its last journaled bars, before it answers.
   * @param lastOf the last bar that each subject has taken; null = none
   * @throws MinutehandError RULE_FAILED
   */
  async warm(
    rule: RuleModel,
    store: FormulaStore,
    lastOf: (index: number) => OpenTime | null,
    turns: WarmUpTurns,
  ): Promise<void> {
    const index = this.#indexOf(rule.manifest.instrument);
    if (index < 0) return;
    // An earlier rule that waits to take effect needs its own warm-up until then.
    await turns.stored();
    const subject = this.#subjects[index]!;
    const formulas = this.#formulasOf(rule, index);
    const warmUp: WarmUp<Reading, Formulas> = { index, formulas, waiting: [] };
    const until = lastOf(index);
    // One that never became active gives way to the next.
    this.#warmUps = [...this.#warmUps.filter((own) => own.index !== index), warmUp];
    this.#note();
    try {
      const pause = (): Promise<void> => turns.pause();
      const bars = until === null ? [] : await this.#readings.read(store, subject, formulas.warmUpBars, until, pause);
      let taken = 0;
      for (const bar of bars) {
        if (taken++ % BARS_PER_PIECE === 0) await pause();
        formulas.step(bar);
      }
      for (const bar of warmUp.waiting!) formulas.step(bar);
      warmUp.waiting = null;
      if (formulas.fault !== null) throw formulas.fault;
      formulas.takeSpentMs();
    } catch (error) {
      this.#warmUps = this.#warmUps.filter((own) => own !== warmUp);
      this.#note();
      throw error;
    }
  }

  /** A rule takes effect. One that was not warmed begins with the next bar. */
  swap({ instrument, rule }: RuleInput): void {
    const index = this.#indexOf(instrument);
    if (index < 0) return;
    const warmUp = this.#warmUps.find((own) => own.index === index && own.formulas.rule === rule);
    this.#warmUps = this.#warmUps.filter((own) => own !== warmUp);
    if (rule === null) this.#active[index] = null;
    else this.#active[index] = warmUp?.formulas ?? this.#formulasOf(rule, index);
    this.#note();
  }

  /** No rules any more. */
  clear(): void {
    this.#active.fill(null);
    this.#note();
  }

  #formulasOf(rule: RuleModel, index: number): Formulas {
    return this.open(rule, barSecondsOf(this.#subjects[index]!));
  }

  /** @param rule of a subject of this kind */
  protected abstract open(rule: RuleModel, barSeconds: number): Formulas;

  #note(): void {
    this.#isPresent = this.#warmUps.length > 0 || this.#active.some((own) => own !== null);
  }

  #indexOf(id: string): number {
    return this.#subjects.findIndex((subject) => subject.id === id);
  }
}

/** Those of instruments, which may read the answers of the direction model. */
export class InstrumentRules extends ServedRules<InstrumentReading, GuardedFormulas> {
  readonly #count: number;
  readonly #clock: RuleClock;

  /** @param clock where it matters how long they take */
  constructor(instruments: readonly Pair[], clock: RuleClock = null) {
    super(instruments, INSTRUMENT_READINGS);
    this.#count = instruments.length;
    this.#clock = clock;
  }

  protected open(rule: RuleModel, barSeconds: number): GuardedFormulas {
    return new GuardedFormulas(rule, barSeconds, this.#clock);
  }

  /**
   * Computes the formulas that read the answers of a direction model to the newest bars. Those of another model than
   * the one that the rule was judged with are missing to it.
   */
  finish(scoresOf: (index: number) => { readonly scores: DirectionScores; readonly row: number }): void {
    for (let index = 0; index < this.#count; index++) {
      const formulas = this.activeOf(index);
      if (formulas === null) continue;
      const { scores, row } = scoresOf(index);
      const isJudged = scores.model !== null && scores.model.manifest.version === formulas.rule.manifest.direction;
      formulas.finish(isJudged && row >= 0 ? scores.probabilities : null, Math.max(0, row));
    }
  }
}
