import { writeRandomDirection } from '../bench/direction_bundle.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import type { InputDescription } from '../shared/bundle/input_novelty.ts';
import { instrumentSchema } from '../shared/bundle/feature_schema.ts';
import { randomEnsemble, randomRows } from '../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { TIMEFRAMES, type Timeframe } from '../shared/pair.ts';
import { createRng } from '../shared/rng.ts';

const GOLDEN_ROWS = 3;

/**
 * Writes a valid direction bundle of random trees, of the simulated market; `symbol` has an edge.
 * @returns its version
 */
export function writeTinyDirection(
  models: string,
  symbol: string,
  timeframe: Timeframe,
  created = new Date(),
  formulas?: string,
  inputs?: InputDescription,
): string {
  const windows = { ...INSTRUMENT_WINDOWS, ...(formulas !== undefined && { formulas }) };
  const columns = instrumentSchema(windows, TIMEFRAMES[timeframe]).definitions.length;
  const rng = createRng(`direction ${symbol}`);
  const ensembles = ['up', 'down', 'range'].map((seed) => randomEnsemble({ trees: 8, leaves: 8, columns, seed }));
  const rows = randomRows(rng, 200, columns);
  const goldenRows = randomRows(rng, GOLDEN_ROWS, columns);
  return writeRandomDirection(models, {
    symbols: [symbol],
    timeframe,
    created,
    market: 'simulated',
    ...(formulas !== undefined && { formulas }),
    ...(inputs && { inputs }),
    ensembles,
    rows,
    goldenRows,
  });
}
