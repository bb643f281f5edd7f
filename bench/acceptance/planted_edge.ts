import { columnsOf, minutes, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import { PairFeatures } from '../../shared/core/features/features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { exp } from '../../shared/elementary.ts';
import type { Pair } from '../../shared/pair.ts';

const SECONDS_PER_HOUR = 3600;

/** An edge to be added to a market without one. */
export interface PlantedEdge {
  /** What a position in both legs gains until the drift has ended, in basis points of its gross notional. */
  readonly grossBps: number;
  /** Minutes that leg A drifts for. */
  readonly bars: number;
  /** UTC hours whose candidates are followed by the drift: from, up to and not including. */
  readonly hours: readonly [number, number];
  /** |z| of a candidate, as `decision.z_entry`. */
  readonly zEntry: number;
}

export interface PlantedMarket {
  readonly a: BarColumns;
  readonly b: BarColumns;
  /** Opens of the bars whose candidates a drift follows. */
  readonly events: readonly OpenTime[];
}

interface Drift {
  /** Log return of leg A in each bar. */
  readonly step: number;
  /** Bars until it begins; it begins with the bar after the one that an entry is filled in. */
  wait: number;
  left: number;
}

/**
 * Bars of leg A drift toward the mean of the spread after candidates within `hours`, and after no others: the drift can
 * be predicted from the z-score of the pair and the time of day alone. Which bar is a candidate follows from the
 * features of the planted bars up to it, as the daemon computes them.
 * @param bars of both legs; those of leg B are not changed
 */
export function plantEdge(
  { a, b }: { readonly a: BarColumns; readonly b: BarColumns },
  { pair, windows, edge }: { readonly pair: Pair; readonly windows: Windows; readonly edge: PlantedEdge },
): PlantedMarket {
  const features = new PairFeatures(windows, pair);
  const columnOf = (feature: string): number => features.definitions.findIndex(({ name }) => name === feature);
  const zColumn = columnOf('z_score');
  const betaColumn = columnOf('beta');
  const planted: Bar[] = [];
  let level = 0;
  let drift: Drift | null = null;
  const events: OpenTime[] = [];
  const legs = new Map([
    [pair.a, a],
    [pair.b, b],
  ]);
  for (const { bars } of minutes(legs)) {
    const ofA = bars.find(({ symbol }) => symbol === pair.a);
    const ofB = bars.find(({ symbol }) => symbol === pair.b);
    if (ofA === undefined) continue;
    if (drift !== null && drift.wait > 0) drift.wait -= 1;
    else if (drift !== null) {
      level += drift.step;
      drift.left -= 1;
      if (drift.left === 0) drift = null;
    }
    const own = raised(ofA, level);
    planted.push(own);
    if (ofB === undefined) continue;
    features.step(own, ofB);
    if (drift !== null || !features.ready) continue;
    const z = features.values[zColumn]!;
    if (!(Math.abs(z) >= edge.zEntry) || !isWithin(own.time, edge.hours)) continue;
    const gross = (1 + Math.abs(features.values[betaColumn]!)) * (edge.grossBps / 1e4);
    drift = { step: (-Math.sign(z) * gross) / edge.bars, wait: 1, left: edge.bars };
    events.push(own.time);
  }
  return { a: columnsOf(pair.a, planted), b, events };
}

/** A bar whose prices are higher by a log return. */
function raised(bar: Bar, level: number): Bar {
  const factor = exp(level);
  return { ...bar, open: bar.open * factor, high: bar.high * factor, low: bar.low * factor, close: bar.close * factor };
}

function isWithin(time: number, [from, until]: PlantedEdge['hours']): boolean {
  const hour = Math.floor(time / SECONDS_PER_HOUR) % 24;
  return hour >= from && hour < until;
}
