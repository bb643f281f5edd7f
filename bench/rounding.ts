import type { Bar, OpenTime } from '../shared/bar.ts';
import { naiveFeatures } from '../shared/core/features/features.oracle.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import type { Windows } from '../shared/core/features/windows.ts';

/** Deviation of one column's features from an exact recomputation. */
export interface ColumnRounding {
  readonly name: string;
  /** Maximum of |value − exact| / max(|exact|, standard deviation of the column) over all checks. */
  readonly distance: number;
}

export interface Rounding {
  readonly updates: number;
  /** Bars at which all columns were recomputed, including the last one. */
  readonly looks: number;
  readonly worst: ColumnRounding;
  readonly columns: readonly ColumnRounding[];
}

const WARM_MARGIN_BARS = 3;
/** Sampling interval of the standard deviations, in bars. */
const SAMPLE_BARS = 101;

/**
 * Steps one pair through a random market and recomputes every feature from its windows, at intervals and at the end.
 * The bound for `distance` is 1e-9 after ten million updates; folds that drop old values should show no growth.
 * @param updates bars, more than the warm-up
 * @param looks number of recomputations, evenly spaced (each takes some milliseconds)
 */
export function measureRounding(updates: number, windows: Windows, looks = 20): Rounding {
  const features = new PairFeatures(windows);
  const { definitions, values, warmupBars } = features;
  const kept = warmupBars + WARM_MARGIN_BARS;
  const market = createMarket();
  const lookEvery = looks > 1 ? Math.max(1, Math.floor((updates - kept) / (looks - 1))) : updates;
  const sums = definitions.map(() => ({ count: 0, mean: 0, m2: 0 }));
  const found: { values: Float64Array; exact: Readonly<Record<string, number>> }[] = [];
  let recent: { a: Bar; b: Bar }[] = [];
  for (let update = 1; update <= updates; update++) {
    const bars = market();
    features.step(bars.a, bars.b);
    const untilLook = (updates - update) % lookEvery;
    if (untilLook < kept) recent.push(bars);
    if (features.ready && update % SAMPLE_BARS === 0) sums.forEach((sum, c) => addSample(sum, values[c]!));
    if (untilLook > 0) continue;
    if (recent.length >= kept) {
      const legs = [recent.map(({ a }) => a), recent.map(({ b }) => b)] as const;
      found.push({ values: values.slice(), exact: naiveFeatures(...legs, windows) });
    }
    recent = lookEvery < kept ? recent.slice(-kept) : [];
  }
  const columns = definitions.map(({ name }, c): ColumnRounding => {
    const std = Math.sqrt(sums[c]!.m2 / Math.max(1, sums[c]!.count - 1));
    const distances = found.map((look) => {
      const exact = look.exact[name]!;
      const error = Math.abs(look.values[c]! - exact);
      return error === 0 ? 0 : error / Math.max(Math.abs(exact), std);
    });
    return { name, distance: distances.length === 0 ? NaN : Math.max(...distances) };
  });
  const worst = columns.reduce((a, b) => (b.distance > a.distance || Number.isNaN(b.distance) ? b : a));
  return { updates, looks: found.length, worst, columns };
}

function addSample(sum: { count: number; mean: number; m2: number }, value: number): void {
  sum.count++;
  const delta = value - sum.mean;
  sum.mean += delta / sum.count;
  sum.m2 += delta * (value - sum.mean);
}

/** A cointegrated pair with volumes and spreads, occasional missing minutes, and rollovers; the same at every call. */
function createMarket(): () => { a: Bar; b: Bar } {
  let state = 0x9e3779b9;
  const uniform = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const noise = (): number => uniform() + uniform() + uniform() - 1.5;
  let minute = 25_000_000;
  let common = 0;
  let own = 0;
  const bar = (symbol: string, close: number): Bar => ({
    symbol,
    time: (minute * 60) as OpenTime,
    open: close,
    high: close * (1 + 1e-4 * uniform()),
    low: close * (1 - 1e-4 * uniform()),
    close,
    volume: 1 + Math.floor(100 * uniform()),
    spread: close * 1e-4 * (1 + uniform()),
  });
  return () => {
    const chance = uniform();
    minute += chance < 0.0007 ? 60 : chance < 0.01 ? 2 : 1;
    // Mean reversion keeps the prices of ten million bars within the range of doubles.
    common = common * 0.99999 + 4e-4 * noise();
    own = own * 0.97 + 3e-4 * noise();
    return { a: bar('A', 1300 * Math.exp(common + own)), b: bar('B', 15 * Math.exp(0.8 * common)) };
  };
}
