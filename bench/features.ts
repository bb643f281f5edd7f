import { Bench } from 'tinybench';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { naiveFeatures } from '../shared/core/features/features.oracle.ts';
import { FeatureEngine, warmupBars } from '../shared/core/features/features.ts';
import { parsePair } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { benchMarket } from './market.ts';
import { naivePeer, technicalIndicatorsPeer, tradingSignalsPeer, type PairPoint } from './peers.ts';

const START = (Date.parse('2024-01-01T22:00:00Z') / 1000) as OpenTime;
const MINUTES = 20_000;
/** Bars per sample, so that reading the clock is negligible. */
const BARS_PER_SAMPLE = 50;
const TIME_MS = 2000;

export interface FeatureCost {
  readonly name: string;
  readonly computes: string;
  /** Microseconds for one bar of one pair. */
  readonly p50_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
  readonly max_us: number;
  /** Peer median / our median. */
  readonly ratio_p50: number;
}

export interface FeaturesResult {
  readonly columns: number;
  readonly costs: readonly FeatureCost[];
  /** Fastest peer / ours. */
  readonly fastest_peer_ratio: number;
}

/**
 * One bar of one pair: all our columns, against those that each peer library has, with the same windows on the same
 * prices, by its streaming API, and against recomputation. Peers lack regression, spread and hedged return, which they
 * receive as inputs.
 */
export async function benchFeatures(print: (line: string) => void): Promise<FeaturesResult> {
  const { windows, pairs } = loadSettings({ env: {} }).minutehand;
  const pair = parsePair(pairs[0]!);
  const market = benchMarket([pair.id], 'bench features', START);
  const a: Bar[] = [];
  const b: Bar[] = [];
  const points: PairPoint[] = [];
  const recorder = new FeatureEngine([pair], windows);
  for (let i = 0; i < MINUTES; i++) {
    const [barA, barB] = market.next().bars as [Bar, Bar];
    a.push(barA);
    b.push(barB);
    recorder.step([{ pairIndex: 0, a: barA, b: barB }]);
    const { returnA, returnB, spread, hedgedReturn, lnA, lnB } = recorder.frame(0);
    if (recorder.ready(0)) points.push({ a: barA, b: barB, lnA, lnB, returnA, returnB, spread, hedgedReturn });
  }
  print('features against peers …');
  const bench = new Bench({ time: TIME_MS, warmupTime: 500, now: () => performance.now() });
  const computes = new Map<string, string>();

  let engine = new FeatureEngine([pair], windows);
  let at = 0;
  const columns = engine.definitions.length;
  computes.set('minutehand', 'all columns');
  bench.add('minutehand', () => {
    for (let i = 0; i < BARS_PER_SAMPLE; i++) {
      // The recorded bars ascend only once; a fresh engine every 20,000 bars costs nothing.
      if (at === a.length) {
        engine = new FeatureEngine([pair], windows);
        at = 0;
      }
      engine.step([{ pairIndex: 0, a: a[at]!, b: b[at]! }]);
      at++;
    }
  });
  for (const peer of [await tradingSignalsPeer(), await technicalIndicatorsPeer(), naivePeer()]) {
    const { name, indicators, create } = peer;
    computes.set(name, indicators);
    const step = create(windows);
    let next = 0;
    bench.add(name, () => {
      for (let i = 0; i < BARS_PER_SAMPLE; i++) {
        step(points[next]!);
        next = (next + 1) % points.length;
      }
    });
  }
  await bench.run();
  const costs = bench.tasks.map(({ name, result }) => {
    if (!('latency' in result)) throw new Error(`${name} did not run: ${result.state}`);
    const { p50, p99, p999, max } = result.latency;
    const us = (ms: number): number => (ms * 1000) / BARS_PER_SAMPLE;
    return { name, p50_us: us(p50), p99_us: us(p99), p999_us: us(p999), max_us: us(max) };
  });
  const own = costs[0]!.p50_us;
  const recomputed = recomputeUs(a, b, windows);
  const withRatios: FeatureCost[] = [
    ...costs.map((cost) => ({ ...cost, computes: computes.get(cost.name)!, ratio_p50: cost.p50_us / own })),
    recomputationCost(recomputed, own),
  ];
  const libraries = withRatios.filter(({ name }) => name === 'trading-signals' || name === 'technicalindicators');
  return {
    columns,
    costs: withRatios,
    fastest_peer_ratio: Math.min(...libraries.map(({ ratio_p50 }) => ratio_p50)),
  };
}

function recomputationCost(us: number, own: number): FeatureCost {
  return {
    name: 'recomputation of every window',
    computes: 'all columns, the oracle of the tests',
    p50_us: us,
    p99_us: NaN,
    p999_us: NaN,
    max_us: NaN,
    ratio_p50: us / own,
  };
}

function recomputeUs(a: readonly Bar[], b: readonly Bar[], windows: Parameters<typeof warmupBars>[0]): number {
  const warmup = warmupBars(windows);
  const runs = 30;
  const startMs = performance.now();
  for (let i = 0; i < runs; i++) naiveFeatures(a.slice(i, i + warmup), b.slice(i, i + warmup), windows);
  return ((performance.now() - startMs) * 1000) / runs;
}
