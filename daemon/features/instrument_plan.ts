import { RecentHistory } from '../../shared/core/recent_history.ts';
import type { FormulaStore } from '../../shared/store/warm_bars.ts';
import type { InstrumentSchema } from '../../shared/bundle/feature_schema.ts';
import { INSTRUMENT_WINDOWS, type InstrumentDefinition } from '../../shared/core/features/instrument/definitions.ts';
import { instrumentWarmUp } from '../../shared/core/features/instrument/instrument_columns.ts';
import { sequenceBars } from '../../shared/core/features/windows.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import { instrumentInputs, type InstrumentReading } from '../../shared/core/formula/bar_inputs.ts';
import { instrumentFormulasOf } from '../../shared/core/formula/named_formulas.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';
import { FormulaPlan, type PlannedBar } from './formula_plan.ts';
import type { ReadHistory } from './formula_warm_up.ts';
import { warmBars } from './rule_warm_up.ts';

/** The plan of a schema of instruments. @param features hand-written ones */
export function planOfInstruments(
  schema: InstrumentSchema,
  instruments: readonly Pair[],
  features: readonly InstrumentDefinition[],
): FormulaPlan<InstrumentReading, InstrumentSchema> {
  return new FormulaPlan({
    schema,
    formulas: instrumentFormulasOf(schema.windows, features),
    subjects: instruments,
    written: features.length,
    inputsOf: instrumentInputs(features),
    barOf: ({ bar }) => bar,
    sequence: { bars: sequenceBars(schema.windows), warmupBars: instrumentWarmUp(schema.windows) },
  });
}

export function copyOfInstrumentBar(bar: PlannedBar<InstrumentReading>): PlannedBar<InstrumentReading> {
  return { ...bar, features: bar.features.slice(), series: bar.series.slice() };
}

/** The last bars of instruments that a journal has, with their hand-written features and series. */
export function instrumentHistoryOf(store: FormulaStore): ReadHistory<InstrumentReading> {
  return async ({ subject, index, count, until, pause }) => {
    const { warmupBars } = new InstrumentFeatures(INSTRUMENT_WINDOWS, barSecondsOf(subject));
    const bars = await warmBars(store, subject, count, until, pause);
    const history = new RecentHistory([barSecondsOf(subject)]);
    return bars.map((reading) => {
      history.note(0, reading.bar);
      return { ...reading, index, isWarm: history.barsOf(0) >= warmupBars };
    });
  };
}
