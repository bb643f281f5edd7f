import type { SignalRow } from './signal_row.ts';
import type { SignalFilter, SignalPoint, SignalTables } from './signal_tables.ts';

/** Number of parts of the period for counting reasons. */
export const REASON_COLUMNS = 120;

export interface ReasonCounts {
  readonly reason: string;
  readonly action: string;
  readonly count: number;
  /** Count by part of the period. */
  readonly columns: number[];
}

/** A period of one subject, reduced to about as many signals as a chart has points. */
export interface ThinnedSignals {
  readonly rows: readonly SignalRow[];
  /** Signals of the period. */
  readonly total: number;
  readonly isThinned: boolean;
  /** The most frequent first. */
  readonly reasons: readonly ReasonCounts[];
}

/**
 * Reads a period of one subject of any length in slices, yielding to other work in between. With more than `points`
 * signals, each of `points / 2` equal parts keeps the signals with the smallest and largest value (z, or an
 * instrument's confidence); first, last, entries and exits are kept.
 */
export async function readThinned(
  tables: Pick<SignalTables, 'points' | 'rowsAt'>,
  filter: SignalFilter,
  points: number,
): Promise<ThinnedSignals> {
  const all: SignalPoint[] = [];
  for await (const slice of tables.points(filter)) for (const point of slice) all.push(point);
  const isThinned = all.length > points;
  const kept = isThinned ? thinned(all, points) : all;
  return { rows: await tables.rowsAt(filter, kept), total: all.length, isThinned, reasons: reasonsOf(all) };
}

/** Points needed for a chart, in order. @param all ascending by time */
export function thinned(all: readonly SignalPoint[], points: number): SignalPoint[] {
  const parts = Math.max(1, Math.floor(points / 2));
  const partOf = partsOf(all, parts);
  const kept = new Set<SignalPoint>([all[0]!, all.at(-1)!]);
  const extremes: { least: SignalPoint; greatest: SignalPoint }[] = [];
  for (const point of all) {
    if (point.action !== 'HOLD') kept.add(point);
    const part = partOf(point);
    const known = extremes[part];
    if (known === undefined) extremes[part] = { least: point, greatest: point };
    else if (point.value !== null) {
      if (known.least.value === null || point.value < known.least.value) known.least = point;
      if (known.greatest.value === null || point.value > known.greatest.value) known.greatest = point;
    }
  }
  extremes.forEach(({ least, greatest }) => kept.add(least).add(greatest));
  return all.filter((point) => kept.has(point));
}

function reasonsOf(all: readonly SignalPoint[]): ReasonCounts[] {
  const partOf = partsOf(all, REASON_COLUMNS);
  const found = new Map<string, { reason: string; action: string; count: number; columns: number[] }>();
  for (const point of all) {
    const { reason, action } = point;
    let own = found.get(reason);
    if (own === undefined)
      found.set(reason, (own = { reason, action, count: 0, columns: Array.from({ length: REASON_COLUMNS }, () => 0) }));
    own.count++;
    own.columns[partOf(point)]!++;
  }
  return [...found.values()].sort((a, b) => b.count - a.count);
}

/** Maps a point to one of `parts` equal time spans. */
function partsOf(all: readonly SignalPoint[], parts: number): (point: SignalPoint) => number {
  const first = all[0]?.generated_at_ms ?? 0;
  const span = (all.at(-1)?.generated_at_ms ?? 0) - first + 1;
  return ({ generated_at_ms }) => Math.floor(((generated_at_ms - first) / span) * parts);
}
