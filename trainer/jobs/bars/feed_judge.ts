import { isoMinute, SECONDS_PER_BAR, type Bar } from '../../../shared/bar.ts';
import { columnsOf, lowerBound, viewBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { atOpen, ownBarSeconds } from '../../../shared/bar_file/own_timeframe.ts';
import { createBarInspection } from '../../../shared/bar_file/verdict/bar_inspection.ts';
import type { Finding, VerdictCode } from '../../../shared/bar_file/verdict/finding.ts';
import { findingText } from '../../../shared/bar_file/verdict/finding_text.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { ReceivedDecisions } from './received_decisions.ts';

/** Two weeks: the edges of at least one of them are inside. */
export const JUDGED_S = 14 * 86_400;

/** Verdicts on a live feed for which no market is an explanation. */
export const NEVER_A_MARKET: ReadonlySet<VerdictCode> = new Set(['SWAPPED', 'SCALED', 'SHIFTED', 'CLOSE_STAMPED']);

/** What a part of a symbol's received bars shows. */
export interface FeedFinding {
  readonly symbol: string;
  /** Open of the first and the last bar of the part, epoch seconds. */
  readonly from: number;
  readonly to: number;
  readonly finding: Finding;
}

/**
 * Judges received bars, as an import of the same bars would, in parts of about two weeks: a fault of some days is small
 * beside a year. Findings that a person accepted are none.
 */
export interface FeedJudge {
  /**
   * Judges received bars.
   * @param bars with the time of their last minute, as journals have them
   * @returns those that count: without the ones that a person left out
   */
  take(symbol: string, bars: Iterable<Bar>): BarColumns;
  findings(): readonly FeedFinding[];
  /** FEED_REFUSED for findings that no market explains; null without one. */
  fault(): MinutehandError | null;
}

export function createFeedJudge({ isAccepted, kept }: ReceivedDecisions): FeedJudge {
  const found: FeedFinding[] = [];
  return {
    take(symbol, bars) {
      const columns = columnsOf(symbol, kept(symbol, bars));
      for (const part of partsOf(columns)) {
        const span = { from: part.time[0]!, to: part.time[part.length - 1]! };
        for (const finding of findingsOf(part))
          if (!isAccepted(symbol, finding)) found.push({ symbol, ...span, finding });
      }
      return columns;
    },
    findings: () => found,
    fault() {
      const faults = found.filter(({ finding }) => NEVER_A_MARKET.has(finding.code));
      if (faults.length === 0) return null;
      return new MinutehandError('FEED_REFUSED', { seen: faults.map(feedFindingText).join('; ') });
    },
  };
}

/** What bars show of their own clock, columns, scale and source. @param columns with the time of their last minute */
export function findingsOf(columns: BarColumns): readonly Finding[] {
  const inspection = createBarInspection(columns.symbol, ownBarSeconds(columns));
  inspection.addPage(atOpen(columns));
  return inspection.findings();
}

export function feedFindingText({ symbol, from, to, finding }: FeedFinding): string {
  const end = isoMinute(to + SECONDS_PER_BAR);
  return `${symbol}, received ${isoMinute(from)} to ${end}: ${finding.code} ${findingText(finding)}`;
}

/** Equal spans of two weeks or more; of less only where there is no more. */
function partsOf(columns: BarColumns): BarColumns[] {
  const { time, length } = columns;
  if (length === 0) return [];
  const first = time[0]!;
  const span = time[length - 1]! - first + 1;
  const count = Math.max(1, Math.floor(span / JUDGED_S));
  const opens = time.subarray(0, length);
  const starts = Array.from({ length: count }, (_, i) => lowerBound(opens, first + (i * span) / count));
  return starts.map((start, i) => viewBars(columns, start, starts[i + 1] ?? length)).filter((part) => part.length > 0);
}
