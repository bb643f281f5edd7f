import { NOVELTY_BUCKETS } from '../../../shared/signal/novelty_buckets.ts';
import type { SignalRow } from './signal_row.ts';
import { REASON_COLUMNS, type ReasonCounts, type ThinnedSignals } from './thinned_signals.ts';

/** `readThinned` of all rows of a period, in order, row by row. */
export function thinnedOracle(all: readonly SignalRow[], points: number): ThinnedSignals {
  const isThinned = all.length > points;
  const rows = isThinned ? thinned(all, points) : all;
  return { rows, total: all.length, isThinned, reasons: reasonsOf(all), novelties: noveltiesOf(all) };
}

function noveltiesOf(all: readonly SignalRow[]): number[] {
  const known = all.filter(({ novelty, reason }) => novelty !== null && reason !== 'SILENCE' && reason !== 'SHUTDOWN');
  if (known.length === 0) return [];
  return NOVELTY_BUCKETS.map((to, i) => {
    const from = NOVELTY_BUCKETS[i - 1] ?? -1;
    return known.filter(({ novelty }) => novelty! > from && novelty! <= to).length;
  });
}

const VALUES: readonly ((row: SignalRow) => number | null)[] = [
  ({ z_score, confidence }) => z_score ?? confidence,
  ({ price_a }) => price_a,
  ({ price_b }) => price_b,
];

function thinned(all: readonly SignalRow[], points: number): SignalRow[] {
  const partOf = partsOf(all, Math.max(1, Math.floor(points / 6)));
  const kept = new Set<SignalRow>([all[0]!, all.at(-1)!]);
  for (const row of all) if (row.action !== 'HOLD') kept.add(row);
  for (const [i, valueOf] of VALUES.entries()) {
    const extremes: { least: SignalRow; greatest: SignalRow }[] = [];
    for (const row of all) {
      const value = valueOf(row);
      if (value === null && i > 0) continue;
      const known = (extremes[partOf(row)] ??= { least: row, greatest: row });
      if (value === null) continue;
      const least = valueOf(known.least);
      const greatest = valueOf(known.greatest);
      if (least === null || value < least) known.least = row;
      if (greatest === null || value > greatest) known.greatest = row;
    }
    extremes.forEach(({ least, greatest }) => kept.add(least).add(greatest));
  }
  return all.filter((row) => kept.has(row));
}

function reasonsOf(all: readonly SignalRow[]): ReasonCounts[] {
  const partOf = partsOf(all, REASON_COLUMNS);
  const found = new Map<string, { reason: string; action: string; count: number; columns: number[] }>();
  for (const row of all) {
    const { reason, action } = row;
    let own = found.get(reason);
    if (own === undefined)
      found.set(reason, (own = { reason, action, count: 0, columns: Array.from({ length: REASON_COLUMNS }, () => 0) }));
    own.count++;
    own.columns[partOf(row)]!++;
  }
  return [...found.values()].sort((a, b) => b.count - a.count);
}

/** Maps a row to one of `parts` equal time spans. */
function partsOf(all: readonly SignalRow[], parts: number): (row: SignalRow) => number {
  const first = all[0]?.generated_at_ms ?? 0;
  const span = (all.at(-1)?.generated_at_ms ?? 0) - first + 1;
  return ({ generated_at_ms }) => Math.floor(((generated_at_ms - first) * parts) / span);
}
