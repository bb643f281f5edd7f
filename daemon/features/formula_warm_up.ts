import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { FeatureEngine } from '../../shared/core/features/features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import type { Pair } from '../../shared/pair.ts';
import { journaledBarsInPieces, journaledSeries, type FormulaStore } from '../../shared/store/warm_bars.ts';
import type { FormulaPlan, PairBar } from './formula_plan.ts';

/** Bars that are computed before bars that are due have their turn. */
const BARS_PER_PIECE = 500;

/**
 * Computes formulas over the bars that the journal has of each pair, piece by piece, and then over those that came
 * meanwhile. As their values depend on the last bars alone, they are those that a daemon would have that had computed
 * them all the time. Where the journal has fewer bars than a formula looks back over, its values are missing.
 */
export class FormulaWarmUp {
  readonly plan: FormulaPlan;
  readonly #pairs: readonly Pair[];
  readonly #windows: Windows;
  /** Of each pair's last bar before the beginning; null = it had none. */
  readonly #until: readonly (OpenTime | null)[];
  readonly #live: PairBar[] = [];

  /** @param features of all pairs, with the hand-written features of `windows` */
  constructor(plan: FormulaPlan, pairs: readonly Pair[], windows: Windows, features: FeatureEngine) {
    this.plan = plan;
    this.#pairs = pairs;
    this.#windows = windows;
    this.#until = pairs.map((_, pairIndex) => {
      const { bars, a } = features.frame(pairIndex);
      return bars === 0 ? null : a.time;
    });
  }

  /** A bar that came since the beginning. */
  note(bar: PairBar): void {
    this.#live.push({ ...bar, features: bar.features.slice(), series: bar.series?.slice() ?? null });
  }

  /** @param pause resolves when the thread may be blocked for some milliseconds */
  async readJournal(store: FormulaStore, pause: () => Promise<void>): Promise<void> {
    for (const [pairIndex, pair] of this.#pairs.entries()) {
      const until = this.#until[pairIndex]!;
      const needed = this.plan.warmupBarsOf(pairIndex);
      if (until === null || needed === 0) continue;
      const bars = await journaledBarsInPieces(store, pair, needed, until, pause);
      const engine = new FeatureEngine([pair], this.#windows);
      const series = this.plan.readsSeries ? journaledSeries(store, pair, bars) : null;
      for (const [i, { a, b }] of bars.entries()) {
        if (i % BARS_PER_PIECE === 0) await pause();
        engine.stepPair(0, a, b);
        this.plan.step({
          pairIndex,
          a,
          b,
          features: engine.values(0),
          series: series?.at(a.time + SECONDS_PER_BAR) ?? null,
          isWarm: engine.ready(0),
        });
      }
    }
  }

  /** The bars that came meanwhile: from here on the plan is up to date. */
  catchUp(): void {
    for (const bar of this.#live) this.plan.step(bar);
    this.#live.length = 0;
  }
}
