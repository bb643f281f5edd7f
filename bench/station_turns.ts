import { FeatureMatrix } from '../daemon/features/feature_matrix.ts';
import { readSeries } from '../daemon/features/series_reader.ts';
import type { MinuteItem } from '../daemon/queue/queue.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { minutes } from '../shared/bar_file/bar_file.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { SeriesBook } from '../shared/core/series/series_book.ts';
import { createSimulatedMarket, recordMarket } from '../shared/market/simulated_market.ts';
import { parsePair, symbolsOf, type Pair } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';

const US_PER_MS = 1000;

export interface StationTurns {
  readonly pairs: readonly Pair[];
  /** A bundle with the schema that was given. */
  readonly set: ModelSet;
  /** The station that computes the rows of `set`. */
  readonly further: FeatureMatrix;
  /** Microseconds of each measured minute of all pairs: by the station without `set`, and by `further`. */
  readonly times: { readonly without: number[]; readonly with: number[] };
  /** Takes the next minutes of the simulated market; yields after each measured one. */
  run(): Generator<void>;
}

/**
 * Two stations of features that take the same minutes of the configured pairs by turns: one for bundles of the
 * configured windows, one for a bundle of `schema` as well.
 * @param spareMinutes that are not measured, beyond those that the schema needs
 */
export function openStationTurns(
  { minutehand }: Settings,
  { schema, spareMinutes, measured }: { schema: FeatureSchema; spareMinutes: number; measured: number },
): StationTurns {
  const { windows, simulated } = minutehand;
  const pairs = minutehand.pairs.map(parsePair);
  const set = { version: 'bench', schema } as ModelSet;
  const columns = featureSchema(windows).definitions.length;
  const plain = new FeatureMatrix(pairs, windows, columns, readSeries(new SeriesBook()));
  const further = new FeatureMatrix(pairs, windows, columns, readSeries(new SeriesBook()));
  further.use([set]);
  const times: StationTurns['times'] = { without: [], with: [] };
  return {
    pairs,
    set,
    further,
    times,
    *run() {
      const warmUp = warmupBars(schema.windows) + spareMinutes;
      const start = (Date.parse(simulated.start) / 1000) as OpenTime;
      const market = createSimulatedMarket({ seed: simulated.seed, symbols: symbolsOf(pairs), start });
      let minute = 0;
      for (const { bars } of minutes(recordMarket(market, 3 * (warmUp + measured)))) {
        const batch = minuteItems(pairs, bars);
        if (batch.length < pairs.length) continue;
        const order = minute % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const);
        for (const which of order) {
          const begun = performance.now();
          (which === 'with' ? further : plain).step(batch);
          if (minute >= warmUp) times[which].push((performance.now() - begun) * US_PER_MS);
        }
        if (minute >= warmUp) yield;
        if (++minute === warmUp + measured) break;
      }
    },
  };
}

/** The complete minutes of pairs that have both bars. */
function minuteItems(pairs: readonly Pair[], bars: readonly Bar[]): MinuteItem[] {
  const ofSymbol = new Map(bars.map((bar) => [bar.symbol, bar]));
  return pairs.flatMap((pair, pairIndex): MinuteItem[] => {
    const a = ofSymbol.get(pair.a);
    const b = ofSymbol.get(pair.b);
    if (a === undefined || b === undefined) return [];
    const minute = { pairIndex, time: a.time, a, b, outcome: 'COMPLETE', isHalted: false, backfill: false } as const;
    return [{ kind: 'minute', minute, publish: true, arrivedUs: 0 }];
  });
}
