import { FeatureMatrix } from '../daemon/features/feature_matrix.ts';
import { readSeries } from '../daemon/features/series_reader.ts';
import type { MinuteItem } from '../daemon/queue/queue.ts';
import { minutes } from '../shared/bar_file/bar_file.ts';
import type { OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { loadScorer, type Scorer } from '../shared/bundle/scorer.ts';
import { MODEL_NAMES } from '../shared/core/features/feature.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { SeriesBook } from '../shared/core/series/series_book.ts';
import { createSimulatedMarket, recordMarket } from '../shared/market/simulated_market.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { gruGraph } from './gru_graph.ts';
import { percentiles, type Percentiles } from './percentiles.ts';

/** Rows of a sequence, as delivered. */
const BARS = 60;
const MINUTES = 5000;

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
  const { windows, simulated, inference } = settings.minutehand;
  const pairs = settings.minutehand.pairs.map(parsePair);
  const schema = featureSchema({ ...windows, sequence: BARS });
  const columns = schema.definitions.length;
  const set = { version: 'bench', schema } as ModelSet;
  const plain = new FeatureMatrix(pairs, windows, columns, readSeries(new SeriesBook()));
  const sequential = new FeatureMatrix(pairs, windows, columns, readSeries(new SeriesBook()));
  sequential.use([set]);
  const models = await Promise.all(
    MODEL_NAMES.map((name) => loadScorer(gruGraph(columns, BARS, name), { columns, bars: BARS }, name)),
  );
  try {
    const warmUp = warmupBars(schema.windows) + 200;
    const start = (Date.parse(simulated.start) / 1000) as OpenTime;
    const market = createSimulatedMarket({ seed: simulated.seed, symbols: symbolsOf(pairs), start });
    const times: Record<'without' | 'with' | 'infer', number[]> = { without: [], with: [], infer: [] };
    let minute = 0;
    print(`sequences, ${MINUTES} minutes …`);
    for (const { bars } of minutes(recordMarket(market, 3 * (warmUp + MINUTES)))) {
      const ofSymbol = new Map<string, (typeof bars)[number]>(bars.map((bar) => [bar.symbol, bar]));
      const batch = pairs.flatMap((pair, pairIndex): MinuteItem[] => {
        const a = ofSymbol.get(pair.a);
        const b = ofSymbol.get(pair.b);
        if (a === undefined || b === undefined) return [];
        const own = { pairIndex, time: a.time, a, b, outcome: 'COMPLETE', isHalted: false, backfill: false } as const;
        return [{ kind: 'minute', minute: own, publish: true, arrivedUs: 0 }];
      });
      if (batch.length < pairs.length) continue;
      const order = minute % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const);
      for (const which of order) {
        const begun = performance.now();
        (which === 'with' ? sequential : plain).step(batch);
        if (minute >= warmUp) times[which].push((performance.now() - begun) * 1000);
      }
      if (minute >= warmUp) times.infer.push(await timeOf(models, sequential.valuesOf(set), pairs.length));
      if (++minute === warmUp + MINUTES) break;
    }
    return {
      pairs: pairs.length,
      bars: BARS,
      without_us: percentiles(times.without),
      with_us: percentiles(times.with),
      infer_us: percentiles(times.infer),
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
