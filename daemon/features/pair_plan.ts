import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import type { FeatureSchema } from '../../shared/bundle/feature_schema.ts';
import type { FeatureDefinition } from '../../shared/core/features/feature.ts';
import { FeatureEngine, warmupBars } from '../../shared/core/features/features.ts';
import { handWrittenWindows, sequenceBars, type Windows } from '../../shared/core/features/windows.ts';
import { pairInputs, type PairReading } from '../../shared/core/formula/bar_inputs.ts';
import { formulasOf, otherSymbolsFor } from '../../shared/core/formula/named_formulas.ts';
import { otherSourcesOf } from '../../shared/core/formula/other_symbols.ts';
import type { Pair } from '../../shared/pair.ts';
import { journaledOthersInPieces } from '../../shared/store/journaled_others.ts';
import { journaledBarsInPieces, journaledSeries, type FormulaStore } from '../../shared/store/warm_bars.ts';
import { FormulaPlan, type PlannedBar } from './formula_plan.ts';
import type { ReadHistory } from './formula_warm_up.ts';

/** The plan of a schema of pairs. @param features hand-written ones */
export function planOfPairs(
  schema: FeatureSchema,
  pairs: readonly Pair[],
  features: readonly FeatureDefinition[],
): FormulaPlan<PairReading, FeatureSchema> {
  const { windows } = schema;
  const formulas = formulasOf(windows, features);
  return new FormulaPlan({
    schema,
    formulas,
    subjects: pairs,
    written: features.length,
    inputsOf: pairInputs(features, otherSourcesOf(formulas)),
    barOf: ({ a }) => a,
    sequence: { bars: sequenceBars(windows), warmupBars: warmupBars(windows) },
  });
}

export function copyOfPairBar(bar: PlannedBar<PairReading>): PlannedBar<PairReading> {
  return { ...bar, features: bar.features.slice(), series: bar.series?.slice() ?? null };
}

/**
 * The last bars of pairs that a journal has, with their hand-written features.
 * @param windows of these features, and the formulas that are to be computed
 */
export function pairHistoryOf(store: FormulaStore, windows: Windows): ReadHistory<PairReading> {
  const own = handWrittenWindows(windows);
  return async ({ subject: pair, index, count, until, readsSeries, pause }) => {
    const bars = await journaledBarsInPieces(store, pair, count, until, pause);
    const engine = new FeatureEngine([pair], own);
    const symbols = otherSymbolsFor(formulasOf(windows, engine.definitions), pair.id);
    const othersAt = await journaledOthersInPieces(store, { pair, symbols, bars }, pause);
    const series = readsSeries ? journaledSeries(store, pair, bars) : null;
    function* readings(): IterableIterator<PlannedBar<PairReading>> {
      for (const { a, b } of bars) {
        engine.stepPair(0, a, b);
        const known = series?.at(a.time + SECONDS_PER_BAR) ?? null;
        const otherBars = othersAt(a.time);
        yield { index, a, b, features: engine.values(0), series: known, otherBars, isWarm: engine.ready(0) };
      }
    }
    return readings();
  };
}
