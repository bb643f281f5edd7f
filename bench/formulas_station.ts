import { FeatureMatrix } from '../daemon/features/feature_matrix.ts';
import { readSeries } from '../daemon/features/series_reader.ts';
import { SeriesBook } from '../shared/core/series/series_book.ts';
import type { MinuteItem } from '../daemon/queue/queue.ts';
import { minutes } from '../shared/bar_file/bar_file.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { createSimulatedMarket, recordMarket } from '../shared/market/simulated_market.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import type { OpenTime } from '../shared/bar.ts';
import { percentiles, type Percentiles } from './percentiles.ts';

/** Microseconds for a minute of all pairs. */
export interface StationCosts {
  /** Of bundles without formulas. */
  readonly without: Percentiles;
  /** Rows of a set without formulas, and of one with them. */
  readonly with: Percentiles;
}

/** Two stations take the same minutes of the configured pairs by turns. @param texts formulas of all pairs */
export function benchStation(texts: readonly string[], measured: number): StationCosts {
  const settings = loadSettings({ env: {} });
  const { windows, simulated } = settings.minutehand;
  const pairs = settings.minutehand.pairs.map(parsePair);
  const formulas = texts.map((text, i) => `x${i} = ${text}`).join('\n');
  const schema = featureSchema({ ...windows, formulas });
  const set = { version: 'bench', schema } as ModelSet;
  const columns = featureSchema(windows).definitions.length;
  const plain = new FeatureMatrix(pairs, windows, columns, readSeries(new SeriesBook()));
  const further = new FeatureMatrix(pairs, windows, columns, readSeries(new SeriesBook()));
  further.use([set]);
  const warmUp = warmupBars(schema.windows) + 500;
  const start = (Date.parse(simulated.start) / 1000) as OpenTime;
  const market = createSimulatedMarket({ seed: simulated.seed, symbols: symbolsOf(pairs), start });
  const times: { readonly without: number[]; readonly with: number[] } = { without: [], with: [] };
  let minute = 0;
  for (const { bars } of minutes(recordMarket(market, 3 * (warmUp + measured)))) {
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
      (which === 'with' ? further : plain).step(batch);
      if (minute >= warmUp) times[which].push((performance.now() - begun) * 1000);
    }
    if (++minute === warmUp + measured) break;
  }
  return { without: percentiles(times.without), with: percentiles(times.with) };
}
