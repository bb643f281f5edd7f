import { utcDay } from '../../../shared/utc_day.ts';
import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { createBarCheck, BREAK_MINUTES, SPIKE, type BarReport } from '../../../shared/bar_file/bar_check.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { checkClock, type ClockReport } from '../../../shared/bar_file/clock_check.ts';
import { atOpen, ownBarSeconds } from '../../../shared/bar_file/own_timeframe.ts';
import { createBarInspection } from '../../../shared/bar_file/verdict/bar_inspection.ts';
import { REFUSING, verdictOf, type VerdictCode } from '../../../shared/bar_file/verdict/finding.ts';
import { verdictText } from '../../../shared/bar_file/verdict/finding_text.ts';
import { withoutSuspects } from '../../../shared/bar_file/screened_bars.ts';
import type { ScreenPolicy } from '../../../shared/core/screen/bar_screen.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { recentBars } from '../../../shared/core/recent_history.ts';
import { readKnownBars } from '../../jobs/bars/known_bars.ts';
import { historyEnd } from '../../jobs/bars/recent_bars.ts';
import { openStore } from '../../store/store.ts';
import { isThere } from '../../../shared/files.ts';

const DAY_S = 86_400;
/** Maximum number of listed gaps and spikes. */
const SHOWN = 20;

/** Plain data, since it is sent to another thread. */
export interface CoverageTask {
  /** Configured symbols; those that were imported come behind them. */
  readonly symbols: readonly string[];
  readonly market: Market;
  /** Journal files of the daemon's shards; absent ones are ignored. */
  readonly journals: readonly string[];
  /** null: nothing was ever imported. */
  readonly storeUrl: string | null;
  readonly screening: ScreenPolicy | null;
}

/** Counts of one UTC day. */
export interface DayCoverage {
  /** `2024-01-31` */
  readonly day: string;
  readonly bars: number;
  /** Minutes without a bar inside a session. */
  readonly missing: number;
  readonly spikes: number;
  /** Suspect bars, excluded from training. */
  readonly suspects: number;
}

/** What the bars of a symbol show about their clock, columns, scale and source. */
export interface JudgedCoverage {
  readonly code: VerdictCode;
  /** The evidence of every finding. */
  readonly text: string;
  /** An import would keep bars of this verdict out. */
  readonly refuses: boolean;
}

/** Bars of a symbol in this installation, imported or journaled. */
export interface SymbolCoverage extends Omit<BarReport, 'first' | 'last'> {
  /** Open of the first and last bar, ISO 8601; null without bars. */
  readonly first: string | null;
  readonly last: string | null;
  /** Bars that lead up to now, or in a simulated market to the last one, without a gap of more than five days. */
  readonly recent_bars: number;
  readonly clock: ClockReport;
  /** As an import of all these bars would end, whichever door they came through. */
  readonly verdict: JudgedCoverage;
  /** Ascending, without days that have no bars. */
  readonly days: readonly DayCoverage[];
  /** Longest runs of missing minutes inside a session: open of the first one. */
  readonly longest_gaps: readonly { readonly from: string; readonly minutes: number }[];
  /** Greatest changes from one close to the next inside a session. */
  readonly greatest_spikes: readonly { readonly at: string; readonly change: number }[];
}

/**
 * Coverage of the configured and imported symbols, one after the other, so that only one is in memory.
 * @param onSymbol called with the number of symbols that are done, at the beginning and after each of them
 */
export async function scanCoverage(
  task: CoverageTask,
  onSymbol: (done: number, total: number) => void,
): Promise<readonly SymbolCoverage[]> {
  const { market, screening } = task;
  const store = task.storeUrl === null ? null : await openStore(task.storeUrl);
  const journals = task.journals.filter((path) => isThere(path));
  const covered: SymbolCoverage[] = [];
  try {
    const imported = store === null ? [] : await store.bars.symbols(market);
    const symbols = [...new Set([...task.symbols, ...imported.map(({ symbol }) => symbol)])];
    onSymbol(0, symbols.length);
    for (const [index, symbol] of symbols.entries()) {
      const bars = await readKnownBars({
        symbols: [symbol],
        market,
        screening: null,
        journals,
        store,
        onProgress: () => undefined,
      });
      const columns = bars.get(symbol);
      if (columns !== undefined) covered.push(coverageOf(columns, screening, market));
      onSymbol(index + 1, symbols.length);
    }
  } finally {
    await store?.close();
  }
  return covered;
}

/** @param columns all known bars of a symbol, suspect ones included */
export function coverageOf(columns: BarColumns, screening: ScreenPolicy | null, market: Market): SymbolCoverage {
  const check = createBarCheck(columns.symbol, screening);
  check.add(columns);
  const { first, last, ...report } = check.report();
  const iso = (time: OpenTime | null): string | null => (time === null ? null : isoMinute(time));
  return {
    ...report,
    first: iso(first),
    last: iso(last),
    recent_bars: recentBars(columns.time.subarray(0, columns.length), historyEnd(market)).bars,
    clock: checkClock(columns),
    verdict: judge(columns, market),
    ...walk(columns, screening),
  };
}

/** Bars longer than a minute carry the time of their last minute here, and that of their open in an inspection. */
function judge(columns: BarColumns, market: Market): JudgedCoverage {
  const barSeconds = ownBarSeconds(columns);
  const inspection = createBarInspection(columns.symbol, barSeconds, { hasWeeks: market === 'live' });
  inspection.addPage(atOpen(columns));
  const verdict = verdictOf(inspection.findings());
  return { code: verdict.verdict, text: verdictText(verdict), refuses: REFUSING.has(verdict.verdict) };
}

function walk(
  columns: BarColumns,
  screening: ScreenPolicy | null,
): Pick<SymbolCoverage, 'days' | 'longest_gaps' | 'greatest_spikes'> {
  const { length, time, close } = columns;
  const days = new Map<number, { bars: number; missing: number; spikes: number; suspects: number }>();
  const dayOf = (at: number) => {
    const day = Math.floor(at / DAY_S);
    let found = days.get(day);
    if (found === undefined) days.set(day, (found = { bars: 0, missing: 0, spikes: 0, suspects: 0 }));
    return found;
  };
  const gaps: { from: number; minutes: number }[] = [];
  const spikes: { at: number; change: number }[] = [];
  for (let i = 0; i < length; i++) {
    const own = dayOf(time[i]!);
    own.bars++;
    if (i === 0) continue;
    const apart = (time[i]! - time[i - 1]!) / SECONDS_PER_BAR;
    if (apart >= BREAK_MINUTES) continue;
    if (apart > 1) {
      own.missing += apart - 1;
      gaps.push({ from: time[i - 1]! + SECONDS_PER_BAR, minutes: apart - 1 });
    }
    const change = close[i]! / close[i - 1]! - 1;
    if (Math.abs(change) > SPIKE) {
      own.spikes++;
      spikes.push({ at: time[i]!, change });
    }
  }
  countSuspects(columns, screening, (at) => dayOf(at).suspects++);
  const longest = gaps.sort((a, b) => b.minutes - a.minutes).slice(0, SHOWN);
  const greatest = spikes.sort((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, SHOWN);
  return {
    days: [...days].map(([day, counts]) => ({
      day: utcDay(day * DAY_S * 1000),
      ...counts,
    })),
    longest_gaps: longest.map(({ from, minutes }) => ({ from: isoMinute(from as OpenTime), minutes })),
    greatest_spikes: greatest.map(({ at, change }) => ({ at: isoMinute(at as OpenTime), change })),
  };
}

function countSuspects(columns: BarColumns, screening: ScreenPolicy | null, onSuspect: (time: number) => void): void {
  const kept = withoutSuspects(columns, screening);
  for (let i = 0, j = 0; i < columns.length; i++) {
    if (kept.time[j] === columns.time[i] && j < kept.length) j++;
    else onSuspect(columns.time[i]!);
  }
}
