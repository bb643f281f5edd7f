import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadScorer, type Scorer } from '../shared/bundle/scorer.ts';
import { MODEL_NAMES } from '../shared/core/features/feature.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { gruGraph } from './gru_graph.ts';
import { percentiles, type Percentiles } from './percentiles.ts';
import { openStationTurns } from './station_turns.ts';

/** Rows of a sequence, as delivered. */
const BARS = 60;
const MINUTES = 5000;
const SPARE_MINUTES = 200;

/** Microseconds for a minute of all pairs. */
export interface SequencesResult {
  readonly pairs: number;
  readonly bars: number;
  /** Station of features of a bundle whose models get one row. */
  readonly without_us: Percentiles;
  /** The same with a bundle of a sequence, whose rows are kept and gathered. */
  readonly with_us: Percentiles;
  /** Three GRU of 32 units on the sequences of all pairs, in onnxruntime on one thread. */
  readonly infer_us: Percentiles;
  /** Greatest time of features and answers together that the configuration allows a bar, microseconds. */
  readonly budget_us: number;
}

/** A station with a sequence and one without take the same minutes of the configured pairs by turns. */
export async function benchSequences(print: (line: string) => void): Promise<SequencesResult> {
  const settings = loadSettings({ env: {} });
  const { windows, inference } = settings.minutehand;
  const schema = featureSchema({ ...windows, sequence: BARS });
  const columns = schema.definitions.length;
  const stations = openStationTurns(settings, { schema, spareMinutes: SPARE_MINUTES, measured: MINUTES });
  const { pairs, set, further, times } = stations;
  const models = await Promise.all(
    MODEL_NAMES.map((name) => loadScorer(gruGraph(columns, BARS, name), { columns, bars: BARS }, name)),
  );
  const inferTimes: number[] = [];
  try {
    print(`sequences, ${MINUTES} minutes …`);
    for (const _ of stations.run()) inferTimes.push(await timeOf(models, further.valuesOf(set), pairs.length));
    return {
      pairs: pairs.length,
      bars: BARS,
      without_us: percentiles(times.without),
      with_us: percentiles(times.with),
      infer_us: percentiles(inferTimes),
      budget_us: inference.slow_ms * 1000,
    };
  } finally {
    for (const model of models) await model.release();
  }
}

async function timeOf(models: readonly Scorer[], values: Float32Array, rows: number): Promise<number> {
  const begun = performance.now();
  for (const model of models) await model.score(values, rows);
  return (performance.now() - begun) * 1000;
}
