import type { Bar } from '../shared/bar.ts';
import type { Windows } from '../shared/core/features/windows.ts';

/** One bar of a pair, with all inputs that the peers do not compute themselves. */
export interface PairPoint {
  readonly a: Bar;
  readonly b: Bar;
  readonly lnA: number;
  readonly lnB: number;
  readonly returnA: number;
  readonly returnB: number;
  readonly spread: number;
  readonly hedgedReturn: number;
}

/** A library's values for a pair's columns after a bar; NaN where it has none. */
export interface PeerValues {
  /** Population standard deviations (ddof 0), as in both libraries. */
  vol_a: number;
  vol_b: number;
  spread_vol: number;
  z_mean: number;
  z_std: number;
  atr_a_short: number;
  corr: number;
}

export interface Peer {
  readonly name: string;
  readonly indicators: string;
  /** @returns a function that takes one bar; its result is overwritten by the next call */
  create(windows: Windows): (point: PairPoint) => PeerValues;
}

function emptyValues(): PeerValues {
  return { vol_a: NaN, vol_b: NaN, spread_vol: NaN, z_mean: NaN, z_std: NaN, atr_a_short: NaN, corr: NaN };
}

const SHARED =
  'standard deviations of both legs’ and the hedged returns (vol_short, vol_window, vol_long), mean and standard deviation of the spread (z_window, vol_window), ' +
  'mean true range of both legs (atr_short, atr_long)';

/**
 * trading-signals: every column by `add` of its indicators, except the correlation, computed by its function over the
 * window since it has no such indicator.
 */
export async function tradingSignalsPeer(): Promise<Peer> {
  const { ATR, BollingerBands, SMA, getCorrelation } = await import('trading-signals');
  return {
    name: 'trading-signals',
    indicators: `BollingerBands (mean and standard deviation), ATR with SMA, getCorrelation: ${SHARED}, correlation of the legs (beta_window)`,
    create(windows) {
      const { vol_short, vol_window, vol_long, z_window, atr_short, atr_long, beta_window } = windows;
      const bands = (window: number): InstanceType<typeof BollingerBands> => new BollingerBands(window, 1);
      const deviations = (): InstanceType<typeof BollingerBands>[] => [vol_window, vol_short, vol_long].map(bands);
      const legA = deviations();
      const legB = deviations();
      const hedged = deviations();
      const spreads = [bands(z_window), bands(vol_window)];
      const ranges = (): InstanceType<typeof ATR>[] => [new ATR(atr_short, SMA), new ATR(atr_long, SMA)];
      const rangesA = ranges();
      const rangesB = ranges();
      const lnA: number[] = [];
      const lnB: number[] = [];
      const values = emptyValues();
      const deviation = (result: { middle: number; upper: number } | null): number =>
        result === null ? NaN : result.upper - result.middle;
      return (point) => {
        for (const indicator of legA) indicator.add(point.returnA);
        for (const indicator of legB) indicator.add(point.returnB);
        for (const indicator of hedged) indicator.add(point.hedgedReturn);
        for (const indicator of spreads) indicator.add(point.spread);
        for (const indicator of rangesA) indicator.add(point.a);
        for (const indicator of rangesB) indicator.add(point.b);
        if (lnA.push(point.lnA) > beta_window) lnA.shift();
        if (lnB.push(point.lnB) > beta_window) lnB.shift();
        values.vol_a = deviation(legA[0]!.getResult());
        values.vol_b = deviation(legB[0]!.getResult());
        values.spread_vol = deviation(hedged[0]!.getResult());
        values.z_mean = spreads[0]!.getResult()?.middle ?? NaN;
        values.z_std = deviation(spreads[0]!.getResult());
        values.atr_a_short = rangesA[0]!.getResult() ?? NaN;
        values.corr = lnA.length === beta_window ? getCorrelation(lnA, lnB) : NaN;
        return values;
      };
    },
  };
}

/**
 * technicalindicators: every column by `nextValue`. Its ATR uses Wilder's smoothing only, which is cheaper than a
 * window.
 */
export async function technicalIndicatorsPeer(): Promise<Peer> {
  const { ATR, SD, SMA } = await import('technicalindicators');
  return {
    name: 'technicalindicators',
    indicators: `SD, SMA, ATR (Wilder’s smoothing, no window): ${SHARED}`,
    create(windows) {
      const { vol_short, vol_window, vol_long, z_window, atr_short, atr_long } = windows;
      const sd = (period: number): InstanceType<typeof SD> => new SD({ period, values: [] });
      const deviations = (): InstanceType<typeof SD>[] => [vol_window, vol_short, vol_long].map(sd);
      const legA = deviations();
      const legB = deviations();
      const hedged = deviations();
      const spreadMeans = [z_window, vol_window].map((period) => new SMA({ period, values: [] }));
      const spreadDeviations = [z_window, vol_window].map(sd);
      const atr = (period: number): InstanceType<typeof ATR> => new ATR({ period, high: [], low: [], close: [] });
      const rangesA = [atr_short, atr_long].map(atr);
      const rangesB = [atr_short, atr_long].map(atr);
      const values = emptyValues();
      /** Passes the value to all; returns the first one's result. */
      const first = (
        indicators: readonly { nextValue(value: number): number | undefined }[],
        value: number,
      ): number => {
        let answer = NaN;
        for (let i = indicators.length - 1; i >= 0; i--) answer = indicators[i]!.nextValue(value) ?? NaN;
        return answer;
      };
      return (point) => {
        values.vol_a = first(legA, point.returnA);
        values.vol_b = first(legB, point.returnB);
        values.spread_vol = first(hedged, point.hedgedReturn);
        values.z_mean = first(spreadMeans, point.spread);
        values.z_std = first(spreadDeviations, point.spread);
        for (const indicator of rangesA) values.atr_a_short = indicator.nextValue(point.a) ?? NaN;
        for (const indicator of rangesB) indicator.nextValue(point.b);
        return values;
      };
    },
  };
}

/** The same columns by two passes over each window, in plain TypeScript. */
export function naivePeer(): Peer {
  return {
    name: 'two passes over each window',
    indicators: `plain loops: ${SHARED}, correlation of the legs (beta_window)`,
    create(windows) {
      const { vol_short, vol_window, vol_long, z_window, atr_short, atr_long, beta_window } = windows;
      const longest = Math.max(vol_long, z_window, atr_long, beta_window);
      const rings = Array.from({ length: 8 }, () => [] as number[]);
      const values = emptyValues();
      let before: PairPoint | null = null;
      return (point) => {
        const last = before;
        before = point;
        const range = ({ high, low }: Bar, previous: number): number =>
          Math.max(high, previous) - Math.min(low, previous);
        const fresh = [
          point.returnA,
          point.returnB,
          point.hedgedReturn,
          point.spread,
          range(point.a, last?.a.close ?? point.a.low),
          range(point.b, last?.b.close ?? point.b.low),
          point.lnA,
          point.lnB,
        ];
        fresh.forEach((value, i) => {
          if (rings[i]!.push(value) > longest) rings[i]!.shift();
        });
        if (rings[0]!.length < longest) return values;
        const [returnA, returnB, hedged, spread, rangeA, rangeB, lnA, lnB] = rings as [
          number[],
          number[],
          number[],
          number[],
          number[],
          number[],
          number[],
          number[],
        ];
        for (const window of [vol_short, vol_long])
          for (const ring of [returnA, returnB, hedged]) deviation(ring, window);
        values.vol_a = deviation(returnA, vol_window);
        values.vol_b = deviation(returnB, vol_window);
        values.spread_vol = deviation(hedged, vol_window);
        deviation(spread, vol_window);
        values.z_mean = mean(spread, z_window);
        values.z_std = deviation(spread, z_window);
        values.atr_a_short = mean(rangeA, atr_short);
        for (const ring of [rangeA, rangeB]) mean(ring, atr_long);
        mean(rangeB, atr_short);
        values.corr = correlation(lnA, lnB, beta_window);
        return values;
      };
    },
  };
}

function mean(ring: readonly number[], window: number): number {
  let sum = 0;
  for (let i = ring.length - window; i < ring.length; i++) sum += ring[i]!;
  return sum / window;
}

function deviation(ring: readonly number[], window: number): number {
  const center = mean(ring, window);
  let sum = 0;
  for (let i = ring.length - window; i < ring.length; i++) sum += (ring[i]! - center) ** 2;
  return Math.sqrt(sum / window);
}

function correlation(x: readonly number[], y: readonly number[], window: number): number {
  const meanX = mean(x, window);
  const meanY = mean(y, window);
  let sum = 0;
  for (let i = x.length - window; i < x.length; i++) sum += (x[i]! - meanX) * (y[i]! - meanY);
  return sum / window / deviation(x, window) / deviation(y, window);
}
