import { isoMinute, SECONDS_PER_BAR, type Bar } from '../../../shared/bar.ts';
import { columnsOf, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { findingText } from '../../../shared/bar_file/verdict/finding_text.ts';
import { findingsByPart, NEVER_A_MARKET, type BarFinding } from '../../../shared/bar_file/verdict/judged_bars.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { ReceivedDecisions } from './received_decisions.ts';

/** What a part of a symbol's received bars shows. */
export type FeedFinding = BarFinding;

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
      found.push(...findingsByPart(columns).filter(({ finding }) => !isAccepted(symbol, finding)));
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

export function feedFindingText({ symbol, from, to, finding }: FeedFinding): string {
  const end = isoMinute(to + SECONDS_PER_BAR);
  return `${symbol}, received ${isoMinute(from)} to ${end}: ${finding.code} ${findingText(finding)}`;
}
