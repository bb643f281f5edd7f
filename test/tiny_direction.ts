import { writeRandomDirection } from '../bench/direction_bundle.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import type { InputDescription } from '../shared/bundle/input_novelty.ts';
import { instrumentSchema } from '../shared/bundle/feature_schema.ts';
import { randomEnsemble, randomRows } from '../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { TIMEFRAMES, type Timeframe } from '../shared/pair.ts';
import { createRng } from '../shared/rng.ts';

const GOLDEN_ROWS = 3;

export interface TinyDirectionOptions {
  /** Of the bundle, as features.yaml writes them, joined by line breaks. */
  readonly formulas?: string;
  /** Of its training rows. */
  readonly inputs?: InputDescription;
  /** Added to the logit of up: with a large one it calls every bar. */
  readonly upScore?: number;
}

/**
 * Writes a valid direction bundle of random trees, of the simulated market; `symbol` has an edge.
 * @returns its version
 */
export function writeTinyDirection(
  models: string,
  symbol: string,
  timeframe: Timeframe,
  created = new Date(),
  { formulas, inputs, upScore = 0 }: TinyDirectionOptions = {},
): string {
  const windows = { ...INSTRUMENT_WINDOWS, ...(formulas !== undefined && { formulas }) };
  const columns = instrumentSchema(windows, TIMEFRAMES[timeframe]).definitions.length;
  const rng = createRng(`direction ${symbol}`);
  const treesOf = (seed: string) => randomEnsemble({ trees: 8, leaves: 8, columns, seed });
  const up = treesOf('up');
  const others = [treesOf('down'), treesOf('range')];
  const ensembles = [{ ...up, baseScore: Math.fround(up.baseScore + upScore) }, ...others];
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
