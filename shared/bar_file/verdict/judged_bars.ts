import { isoMinute, SECONDS_PER_BAR } from '../../bar.ts';
import { lowerBound, viewBars, type BarColumns } from '../bar_file.ts';
import { atOpen, ownBarSeconds } from '../own_timeframe.ts';
import { createBarInspection } from './bar_inspection.ts';
import type { Finding, VerdictCode } from './finding.ts';
import { findingText } from './finding_text.ts';

/** Two weeks: the edges of at least one of them are inside. */
export const JUDGED_S = 14 * 86_400;
/** Bars of a part of longer ones: fewer do not show that they are computed from others. */
const JUDGED_BARS = 5000;

/** Verdicts for which no market is an explanation. */
export const NEVER_A_MARKET: ReadonlySet<VerdictCode> = new Set([
  'SWAPPED',
  'SCALED',
  'SHIFTED',
  'CLOSE_STAMPED',
  'DERIVED',
]);

/** What a part of the bars of a symbol shows. */
export interface BarFinding {
  readonly symbol: string;
  /** Open of the first and the last bar of the part, epoch seconds. */
  readonly from: number;
  readonly to: number;
  readonly finding: Finding;
}

/** What bars show of their own clock, columns, scale and source. @param columns with the time of their last minute */
export function findingsOf(columns: BarColumns): readonly Finding[] {
  const inspection = createBarInspection(columns.symbol, ownBarSeconds(columns));
  inspection.addPage(atOpen(columns));
  return inspection.findings();
}

/** What parts of about two weeks show: a fault of some days is small beside a year. */
export function findingsByPart(columns: BarColumns, seconds = JUDGED_S): BarFinding[] {
  return partsOf(columns, seconds).flatMap(findingsOfPart);
}

function findingsOfPart({ from, bars }: Part): BarFinding[] {
  const span = { from, to: bars.time[bars.length - 1]! };
  return findingsOf(bars).map((finding) => ({ symbol: bars.symbol, ...span, finding }));
}

/** Of bars of the past, which nobody can mend while they arrive: a feed that was stuck counts as well. */
const FAULTS: ReadonlySet<VerdictCode> = new Set([...NEVER_A_MARKET, 'FUTURE', 'FROZEN']);
/** What an import refuses and a folder may hold: generated prices under a known name, or those of another contract. */
const MAY_BE_MEANT: ReadonlySet<string> = new Set(['year_prices', 'usual_prices']);
/** Clocks of two machines differ. */
const CLOCK_SLACK_S = 3600;

/**
 * Faults of bars from which nothing is to be learned, each once, by the bars themselves.
 * @param columns with the time of their last minute
 * @param nowMs this machine's time; null where the bars have no relation to it
 */
export function faultsOf(columns: BarColumns, nowMs: number | null): BarFinding[] {
  const seconds = Math.max(JUDGED_S, JUDGED_BARS * ownBarSeconds(columns));
  const parts = partsOf(columns, seconds);
  // A feed that is stuck for weeks is seen beside the moves before.
  const whole = parts.length > 1 ? partsOf(columns, Infinity) : [];
  const found = new Map<string, BarFinding>();
  for (const one of [...whole, ...parts].flatMap(findingsOfPart)) {
    const kind = `${one.finding.code} ${one.finding.by}`;
    const isFault = FAULTS.has(one.finding.code) && !MAY_BE_MEANT.has(one.finding.by);
    if (isFault && !found.has(kind)) found.set(kind, one);
  }
  return [...futureOf(columns, nowMs), ...found.values()];
}

function futureOf({ symbol, time, length }: BarColumns, nowMs: number | null): BarFinding[] {
  if (nowMs === null || length === 0) return [];
  const first = lowerBound(time.subarray(0, length), nowMs / 1000 + CLOCK_SLACK_S);
  if (first === length) return [];
  const last = time[length - 1]!;
  const finding: Finding = { code: 'FUTURE', by: 'rows', values: { rows: length - first, last } };
  return [{ symbol, from: time[first]!, to: last, finding }];
}

export function barFindingText({ symbol, from, to, finding }: BarFinding): string {
  return `${symbol}, ${isoMinute(from)} to ${isoMinute(to + SECONDS_PER_BAR)}: ${finding.code} ${findingText(finding)}`;
}

interface Part {
  /** Open of its first bar. */
  readonly from: number;
  /** With the bar before it: a slip may begin between the two. */
  readonly bars: BarColumns;
}

/** Equal spans of so many seconds or more; of less only where there is no more. */
function partsOf(columns: BarColumns, seconds: number): Part[] {
  const { time, length } = columns;
  if (length === 0) return [];
  const first = time[0]!;
  const span = time[length - 1]! - first + 1;
  const count = Math.max(1, Math.floor(span / seconds));
  const opens = time.subarray(0, length);
  const starts = Array.from({ length: count }, (_, i) => lowerBound(opens, first + (i * span) / count));
  return starts.flatMap((start, i) => {
    const end = starts[i + 1] ?? length;
    if (start === end) return [];
    return [{ from: time[start]!, bars: viewBars(columns, Math.max(0, start - 1), end) }];
  });
}
