import type { Bar, OpenTime } from '../shared/bar.ts';
import { FeatureEngine, warmupBars, type PairBars } from '../shared/core/features/features.ts';
import type { Windows } from '../shared/core/features/windows.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { benchMarket, benchPairs } from './market.ts';
import { percentiles, type Percentiles } from './percentiles.ts';
import { instantNs } from './end_to_end/instant.ts';

const LOOK_BACKS = [60, 240, 1000, 4000, 10_000] as const;
const PAIRS = [1, 10, 100, 1000] as const;
const LOOK_BACK_PAIRS = 10;
const START = (Date.parse('2024-01-01T22:00:00Z') / 1000) as OpenTime;
const MIN_WINDOW = 5;

export interface GrowthPoint {
  readonly pairs: number;
  /** Bars of the longest configured window; the others scale with it. */
  readonly look_back: number;
  readonly minutes: number;
  /** Microseconds for one minute of all pairs. */
  readonly minute_us: Percentiles;
  readonly us_per_pair: number;
}

export interface GrowthResult {
  readonly by_look_back: readonly GrowthPoint[];
  readonly by_pairs: readonly GrowthPoint[];
}

/**
 * Cost of a bar in the features as look-backs and pairs grow. It should not depend on look-backs, and be at most linear
 * in pairs.
 */
export function benchGrowth(print: (line: string) => void): GrowthResult {
  const { windows, pairs } = loadSettings({ env: {} }).minutehand;
  const longest = Math.max(...Object.values(windows));
  return {
    by_look_back: LOOK_BACKS.map((lookBack) => {
      print(`features, look-back ${lookBack} …`);
      return measure(benchPairs(LOOK_BACK_PAIRS, pairs), scaled(windows, lookBack / longest), lookBack, 5000);
    }),
    by_pairs: PAIRS.map((count) => {
      print(`features, ${count} pairs …`);
      return measure(benchPairs(count, pairs), windows, longest, Math.max(200, Math.min(5000, 100_000 / count)));
    }),
  };
}

/** The windows scaled by a factor. Of each pair of windows, the short one stays shorter. */
function scaled(windows: Windows, factor: number): Windows {
  return Object.fromEntries(
    Object.entries(windows).map(([name, bars]) => [name, Math.max(MIN_WINDOW, Math.round(bars * factor))]),
  ) as unknown as Windows;
}

function measure(pairIds: readonly string[], windows: Windows, lookBack: number, minutes: number): GrowthPoint {
  const pairs = pairIds.map(parsePair);
  const symbols = symbolsOf(pairs);
  const market = benchMarket(pairIds, 'bench growth', START);
  const engine = new FeatureEngine(pairs, windows);
  const bySymbol = new Map<string, Bar>();
  const nextBatch = (): PairBars[] => {
    const { bars } = market.next();
    symbols.forEach((symbol, i) => bySymbol.set(symbol, bars[i]!));
    return pairs.map(({ a, b }, pairIndex) => ({ pairIndex, a: bySymbol.get(a)!, b: bySymbol.get(b)! }));
  };
  for (let i = 0; i < warmupBars(windows) + 1000; i++) engine.step(nextBatch());
  const timings = new Float64Array(minutes);
  for (let i = 0; i < minutes; i++) {
    const batch = nextBatch();
    const startNs = instantNs();
    engine.step(batch);
    timings[i] = (instantNs() - startNs) / 1000;
  }
  const total = timings.reduce((sum, us) => sum + us, 0);
  return {
    pairs: pairs.length,
    look_back: lookBack,
    minutes,
    minute_us: percentiles(timings),
    us_per_pair: total / minutes / pairs.length,
  };
}
