import type { RuleFormulas, RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import type { OpenTime } from '../../shared/bar.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';
import type { DirectionScores } from '../../shared/bundle/direction/direction_scores.ts';
import type { RuleInput } from '../queue/input.ts';
import type { InstrumentReading } from '../../shared/core/formula/bar_inputs.ts';
import type { WarmUpTurns } from './formula_warm_up.ts';
import { warmBars, type RuleWarmStore } from './rule_warm_up.ts';

/** Bars that are computed before bars that are due have their turn. */
const BARS_PER_PIECE = 500;

/** A loaded rule whose formulas are computed over the bars of the journal, and then over those that came meanwhile. */
interface WarmUp {
  readonly index: number;
  readonly formulas: RuleFormulas;
  /** Bars that came since the beginning; null = the formulas are up to date. */
  waiting: InstrumentReading[] | null;
}

/** The rule that is served for each instrument, and those that are about to be. */
export class ServedRules {
  readonly #instruments: readonly Pair[];
  readonly #active: (RuleFormulas | null)[];
  #warmUps: readonly WarmUp[] = [];

  constructor(instruments: readonly Pair[]) {
    this.#instruments = instruments;
    this.#active = instruments.map(() => null);
  }

  /** The rule of an instrument, by its index among the instruments; null = none. */
  activeOf(index: number): RuleFormulas | null {
    return this.#active[index]!;
  }

  /** Versions by instrument. */
  get versions(): Readonly<Record<string, string>> {
    const named = this.#active.flatMap((own, index) =>
      own === null ? [] : [[this.#instruments[index]!.id, own.rule.manifest.version] as const],
    );
    return Object.fromEntries(named);
  }

  /** Whether anything reads the bars of an instrument. */
  reads(index: number): boolean {
    if (this.#active[index] !== null) return true;
    return this.#warmUps.length > 0 && this.#warmUps.some((warmUp) => warmUp.index === index);
  }

  /** Takes the next complete bar of an instrument; its arrays belong to the caller. */
  take(index: number, taken: InstrumentReading): void {
    this.#active[index]?.step(taken);
    for (const warmUp of this.#warmUps) {
      if (warmUp.index !== index) continue;
      if (warmUp.waiting === null) warmUp.formulas.step(taken);
      else warmUp.waiting.push({ bar: taken.bar, features: taken.features.slice(), series: taken.series.slice() });
    }
  }

  /**
   * Computes the formulas that read the answers of a direction model to the newest bars. Those of another model than
   * the one that the rule was judged with are missing to it.
   */
  finish(scoresOf: (index: number) => { readonly scores: DirectionScores; readonly row: number }): void {
    for (let index = 0; index < this.#active.length; index++) {
      const formulas = this.#active[index]!;
      if (formulas === null) continue;
      const { scores, row } = scoresOf(index);
      const isJudged = scores.model !== null && scores.model.manifest.version === formulas.rule.manifest.direction;
      formulas.finish(isJudged && row >= 0 ? scores.probabilities : null, Math.max(0, row));
    }
  }

  /**
   * Computes the formulas of a loaded rule over its last journaled bars, before it answers.
   * @param lastOf the last bar that each instrument has taken; null = none
   */
  async warm(
    rule: RuleModel,
    store: RuleWarmStore,
    lastOf: (index: number) => OpenTime | null,
    turns: WarmUpTurns,
  ): Promise<void> {
    const index = this.#indexOf(rule.manifest.instrument);
    if (index < 0) return;
    // An earlier rule that waits to take effect needs its own warm-up until then.
    await turns.stored();
    const instrument = this.#instruments[index]!;
    const formulas = rule.createFormulas(barSecondsOf(instrument));
    const warmUp: WarmUp = { index, formulas, waiting: [] };
    const until = lastOf(index);
    // One that never became active gives way to the next.
    this.#warmUps = [...this.#warmUps.filter((own) => own.index !== index), warmUp];
    try {
      const pause = (): Promise<void> => turns.pause();
      const bars = until === null ? [] : await warmBars(store, instrument, formulas.warmUpBars, until, pause);
      let taken = 0;
      for (const bar of bars) {
        if (taken++ % BARS_PER_PIECE === 0) await pause();
        formulas.step(bar);
      }
      for (const bar of warmUp.waiting!) formulas.step(bar);
      warmUp.waiting = null;
    } catch (error) {
      this.#warmUps = this.#warmUps.filter((own) => own !== warmUp);
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
    else this.#active[index] = warmUp?.formulas ?? rule.createFormulas(barSecondsOf(this.#instruments[index]!));
  }

  /** No rules any more. */
  clear(): void {
    this.#active.fill(null);
  }

  #indexOf(instrument: string): number {
    return this.#instruments.findIndex(({ id }) => id === instrument);
  }
}
