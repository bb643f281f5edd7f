import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { REFUSING, verdictOf, type Verdict } from '../../../shared/bar_file/verdict/finding.ts';
import { verdictText } from '../../../shared/bar_file/verdict/finding_text.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { parseSubject, symbolsOf } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { openStoreIfThere } from '../../store/store.ts';
import { findingsOf, JUDGED_S, NEVER_A_MARKET } from '../../../shared/bar_file/verdict/judged_bars.ts';
import { NO_DECISIONS, readReceivedDecisions, type ReceivedDecisions } from './received_decisions.ts';
import { journalsOf } from './recent_bars.ts';
import { isThere } from '../../../shared/files.ts';

/** What the newest bars of a symbol that a daemon received show about their clock, columns, scale and source. */
export interface ReceivedVerdict {
  readonly symbol: string;
  readonly bars: number;
  readonly verdict: Verdict;
}

export interface ReceivedBarsOptions {
  /** Journal files of the daemon's shards; absent ones are left out. */
  readonly journals: readonly string[];
  readonly symbols: readonly string[];
  /** Absent = none were made. */
  readonly decisions?: ReceivedDecisions;
}

/**
 * Judges the bars that daemons received in the two weeks up to the newest one, whichever door they came through, by the
 * same inspection as an import of these bars. Only the bars of that period are read, bars that a person left out do not
 * count, and what a person accepted is no finding. Other work of the process goes on between two symbols.
 * @returns the symbols of which bars were received
 * @throws MinutehandError as openJournal
 */
export async function receivedVerdicts({
  journals,
  symbols,
  decisions = NO_DECISIONS,
}: ReceivedBarsOptions): Promise<ReceivedVerdict[]> {
  const judged: ReceivedVerdict[] = [];
  for (const path of journals.filter((own) => isThere(own))) {
    const journal = openJournal(path, { readOnly: true });
    try {
      const newest = journal.lastBars();
      for (const symbol of symbols) {
        const last = newest.get(symbol);
        if (last === undefined) continue;
        await nextTurn();
        const received = journal.bars(symbol, (last - JUDGED_S) as OpenTime);
        const columns = columnsOf(symbol, decisions.kept(symbol, received));
        if (columns.length === 0) continue;
        const findings = findingsOf(columns).filter((finding) => !decisions.isAccepted(symbol, finding));
        judged.push({ symbol, bars: columns.length, verdict: verdictOf(findings) });
      }
    } finally {
      journal.close();
    }
  }
  return judged;
}

/**
 * Judges what the daemons of a live installation received of its symbols; none of a simulated market, whose bars come
 * from no feeder.
 * @throws MinutehandError as openJournal and the store
 */
export async function feedVerdicts(settings: Settings, paths: HomePaths): Promise<ReceivedVerdict[]> {
  const { market, pairs, instruments } = settings.minutehand;
  if (market !== 'live') return [];
  const symbols = symbolsOf([...pairs, ...instruments].map(parseSubject));
  const store = await openStoreIfThere(process.env, paths);
  try {
    const decisions = await readReceivedDecisions(store);
    return await receivedVerdicts({ journals: journalsOf(settings, paths), symbols, decisions });
  } finally {
    await store?.close();
  }
}

/** A symbol whose received bars an import would refuse, in words. */
export interface RefusedFeed {
  readonly symbol: string;
  readonly text: string;
  /** False where a quiet market can look like this, so that a person has to decide. */
  readonly isCertain: boolean;
}

/** The symbols whose bars an import of the same bars would keep out. */
export function refusedFeeds(judged: readonly ReceivedVerdict[]): RefusedFeed[] {
  return judged
    .filter(({ verdict }) => REFUSING.has(verdict.verdict))
    .map(({ symbol, verdict }) => ({
      symbol,
      text: `${symbol}: ${verdictText(verdict)}`,
      isCertain: verdict.findings.some(({ code }) => NEVER_A_MARKET.has(code)),
    }));
}
