import type { OpenTime } from '../../shared/bar.ts';
import type { Pair } from '../../shared/pair.ts';
import type { FormulaPlan, PlannedBar } from './formula_plan.ts';

/** Bars that are computed before bars that are due have their turn. */
const BARS_PER_PIECE = 500;

/** What a warm-up waits for. */
export interface WarmUpTurns {
  /**
   * Resolves when the journal has all bars that have been taken.
   * @throws MinutehandError WARM_UP_WAITS where the disk refuses them: a window would lack those bars
   */
  stored(): Promise<void>;
  /** Resolves when the thread may be blocked for some milliseconds. */
  pause(): Promise<void>;
}

/** What is asked of the journal of a subject. */
export interface HistoryQuestion {
  readonly subject: Pair;
  readonly index: number;
  /** Number of the last bars. */
  readonly count: number;
  /** Open of the last minute of the last bar. */
  readonly until: OpenTime;
  readonly readsSeries: boolean;
  /** Resolves when the thread may be blocked for some milliseconds. */
  readonly pause: () => Promise<void>;
}

/** Reads the last bars of a subject, one after the other. A bar may be reused for the next one. */
export type ReadHistory<Reading> = (question: HistoryQuestion) => Promise<Iterable<PlannedBar<Reading>>>;

/**
 * Computes formulas over the bars that the journal has of each subject, piece by piece, and then over those that came
 * meanwhile. As their values depend on the last bars alone, they are those that a daemon would have that had computed
 * them all the time. Where the journal has fewer bars than a formula looks back over, its values are missing.
 */
export class FormulaWarmUp<Reading> {
  readonly plan: Pick<FormulaPlan<Reading>, 'step' | 'warmupBarsOf' | 'readsSeries'>;
  readonly #subjects: readonly Pair[];
  /** Of each subject's last bar before the beginning; null = it had none. */
  readonly #until: readonly (OpenTime | null)[];
  /** A bar that stays as it is when the next one comes. */
  readonly #copyOf: (bar: PlannedBar<Reading>) => PlannedBar<Reading>;
  readonly #live: PlannedBar<Reading>[] = [];

  constructor(
    plan: FormulaWarmUp<Reading>['plan'],
    subjects: readonly Pair[],
    until: readonly (OpenTime | null)[],
    copyOf: (bar: PlannedBar<Reading>) => PlannedBar<Reading>,
  ) {
    this.plan = plan;
    this.#subjects = subjects;
    this.#until = until;
    this.#copyOf = copyOf;
  }

  /** A bar that came since the beginning. */
  note(bar: PlannedBar<Reading>): void {
    this.#live.push(this.#copyOf(bar));
  }

  /** @param pause resolves when the thread may be blocked for some milliseconds */
  async readJournal(read: ReadHistory<Reading>, pause: () => Promise<void>): Promise<void> {
    const { readsSeries } = this.plan;
    for (const [index, subject] of this.#subjects.entries()) {
      const until = this.#until[index]!;
      const count = this.plan.warmupBarsOf(index);
      if (until === null || count === 0) continue;
      let taken = 0;
      for (const bar of await read({ subject, index, count, until, readsSeries, pause })) {
        if (taken++ % BARS_PER_PIECE === 0) await pause();
        this.plan.step(bar);
      }
    }
  }

  /** The bars that came meanwhile: from here on the plan is up to date. */
  catchUp(): void {
    for (const bar of this.#live) this.plan.step(bar);
    this.#live.length = 0;
  }
}
