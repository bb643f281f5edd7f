import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Finding } from '../../shared/bar_file/verdict/finding.ts';
import { findLaggingLegs, type LaggingLegs, type Legs } from '../../trainer/learning/data_quality/lagging_legs.ts';
import { stratumText } from '../../trainer/learning/data_quality/stratum_correlation.ts';

/** Bars of other symbols, with which an imported one is compared. */
export interface NeighborBars {
  /** The partners of a symbol in configured pairs first. */
  symbolsFor(symbol: string): Promise<readonly string[]>;
  /** Bars with `from` <= time < `to`, epoch seconds; null without one. */
  read(symbol: string, from: number, to: number): Promise<BarColumns | null>;
}

/** Newest bars that are compared: some four months of minutes. */
const COMPARED_BARS = 120_000;
/** Each one is read: few are enough. */
const MOST_NEIGHBORS = 2;
/** Others that a symbol outside of the configured pairs is compared with. */
const MOST_OTHERS = 3;
/** Lags reach so far. */
const MARGIN_S = 26 * 3600;

/** The newest closes of one symbol, in any order. */
export interface RecentCloses {
  add(time: number, close: number): void;
  /** As bars that never left their close, ascending: enough to compare moves. */
  bars(): BarColumns;
}

export function recentCloses(symbol: string, limit = COMPARED_BARS): RecentCloses {
  let times: number[] = [];
  let closes: number[] = [];
  return {
    add(time, close) {
      times.push(time);
      closes.push(close);
      if (times.length < 2 * limit) return;
      times = times.slice(-limit);
      closes = closes.slice(-limit);
    },
    bars() {
      const order = [...times.keys()].sort((i, j) => times[i]! - times[j]! || i - j);
      const kept = order.filter((own, i) => i === 0 || times[own] !== times[order[i - 1]!]).slice(-limit);
      const time = Float64Array.from(kept, (i) => times[i]!);
      const close = Float64Array.from(kept, (i) => closes[i]!);
      const volume = new Float64Array(kept.length);
      return { symbol, length: kept.length, time, open: close, high: close, low: close, close, volume, spread: null };
    },
  };
}

/** LAGS where the bars of a symbol repeat those of another one at another time, and other symbols do not clear it. */
export async function lagsOfImport(own: BarColumns, neighbors: NeighborBars): Promise<Finding[]> {
  if (own.length === 0) return [];
  const from = own.time[0]! - MARGIN_S;
  const to = own.time[own.length - 1]! + MARGIN_S + SECONDS_PER_BAR;
  const bars = new Map([[own.symbol, own]]);
  for (const other of await neighbors.symbolsFor(own.symbol)) {
    if (bars.size > MOST_NEIGHBORS) break;
    const read = await neighbors.read(other, from, to);
    if (read !== null) bars.set(other, read);
  }
  const pairs = [...bars.keys()].filter((other) => other !== own.symbol).map((a) => ({ a, b: own.symbol }));
  return findLaggingLegs(pairs, bars)
    .filter(({ culprit }) => (culprit !== null ? culprit === own.symbol : true))
    .map((one) => findingOf(own.symbol, one));
}

/**
 * LAGS among symbols, by symbol: of the configured pairs, and of every other symbol beside some. All pairs of many
 * symbols would take too long.
 */
export function lagsAmong(all: readonly BarColumns[], configured: readonly Legs[]): Map<string, Finding[]> {
  const bars = new Map(all.map((one) => [one.symbol, one]));
  const known = configured.filter(({ a, b }) => bars.has(a) && bars.has(b));
  const paired = new Set(known.flatMap(({ a, b }) => [a, b]));
  const symbols = [...bars.keys()];
  const others = symbols
    .filter((symbol) => !paired.has(symbol))
    .flatMap((b) =>
      neighborsOf(b, [], symbols)
        .slice(0, MOST_OTHERS)
        .map((a) => ({ a, b })),
    );
  const found = new Map<string, Finding[]>();
  for (const one of findLaggingLegs([...known, ...others], bars)) {
    const culprits = one.culprit === null ? [one.a, one.b] : [one.culprit];
    for (const symbol of culprits) found.set(symbol, [...(found.get(symbol) ?? []), findingOf(symbol, one)]);
  }
  return found;
}

function findingOf(symbol: string, { a, b, lagSeconds, part, among, of, correlation, atZero }: LaggingLegs): Finding {
  const [other, seconds] = symbol === b ? [a, lagSeconds] : [b, -lagSeconds];
  return {
    code: 'LAGS',
    by: 'returns',
    values: {
      symbol: other,
      minutes: seconds / 60,
      of,
      correlation: Number(correlation.value.toFixed(3)),
      unshifted: Number(atZero.value.toFixed(3)),
      ...(part !== null && { from: part.from, to: part.to }),
      ...(among !== null && { among: stratumText(among) }),
    },
  };
}

/** Partners of a symbol in the configured pairs, then the other symbols. */
export function neighborsOf(symbol: string, pairs: readonly Legs[], present: readonly string[]): string[] {
  const partners = pairs.flatMap(({ a, b }) => (a === symbol ? [b] : b === symbol ? [a] : []));
  const others = present.filter((name) => name !== symbol && !partners.includes(name));
  return [...new Set(partners.filter((name) => present.includes(name))), ...others];
}
