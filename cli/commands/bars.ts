import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { ownBarSeconds } from '../../shared/bar_file/own_timeframe.ts';
import {
  absenceLines,
  commonAbsences,
  createGapWatch,
  type CommonAbsence,
  type GapWatch,
  type SymbolGaps,
} from '../../shared/bar_file/common_absences.ts';
import { createBarCheck, type BarCheck, type BarReport } from '../../shared/bar_file/bar_check.ts';
import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import { readBarFile, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { addLearnSpreads } from './learn_spreads.ts';
import type { ScreenPolicy } from '../../shared/core/screen/bar_screen.ts';
import { createClockCheck, type ClockReport } from '../../shared/bar_file/clock_check.ts';
import {
  createBarInspection,
  type BarInspection,
  type SampledCloses,
} from '../../shared/bar_file/verdict/bar_inspection.ts';
import {
  REFUSING,
  refusals,
  verdictOf,
  type Finding,
  type Verdict,
  type VerdictCode,
} from '../../shared/bar_file/verdict/finding.ts';
import { verdictText } from '../../shared/bar_file/verdict/finding_text.ts';
import { compareWithKnown } from '../../shared/bar_file/verdict/known_closes.ts';
import { knownFindings, NOTHING_KNOWN, type KnownFindings } from '../../trainer/jobs/bars/known_findings.ts';
import { openReceivedBars, withReceived, type ReceivedBars } from '../bars/received_bars.ts';
import { lagsAmong, recentCloses, type RecentCloses } from '../bars/lag_findings.ts';
import { parsePair } from '../../shared/pair.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { loadSettings, screenPolicy, shardsOf } from '../../shared/policy/policy.ts';
import type { Store } from '../../trainer/store/store.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { endPartly, FAILED, type Output } from '../output.ts';
import { addExport } from './bars_export.ts';
import { addReceivedDecisions } from './bars_decisions.ts';
import { addImportHistory } from './bars_history.ts';
import { addImport } from './bars_import.ts';
import { marketOption, withStore } from './bars_store.ts';

interface MarketFlag {
  readonly market: Market;
}

interface CheckFlags extends MarketFlag {
  readonly accept?: readonly VerdictCode[];
}

/** `bars check` of one symbol, for programs. */
interface CheckedBars extends BarReport {
  readonly clock: ClockReport;
  readonly verdict: Verdict;
  /** Codes of findings that are known: accepted by an import of the symbol, or now. */
  readonly accepted: readonly VerdictCode[];
}

export function addBars(program: Command, output: () => Output): void {
  const bars = program
    .command('bars')
    .description(
      'Bars are kept in the trainer’s store: PostgreSQL when MINUTEHAND_DATABASE_URL names it, else the file trainer.db of this home. A folder of bars has one SYMBOL.csv or SYMBOL.csv.gz per symbol: time,open,high,low,close,volume[,spread], time in epoch seconds of the bar open, UTC.',
    );
  addImport(bars, output);
  addImportHistory(bars, output);
  addReceivedDecisions(bars, output);
  bars
    .command('check')
    .argument(
      '[path]',
      'a bar file, or a folder of them; without it, the bars of this installation: imported ones, and those that its daemons received',
    )
    .addOption(marketOption('which bars of the installation'))
    .addOption(new Option('--accept <verdicts...>', 'verdicts that are known').choices([...REFUSING]))
    .description(
      'counts gaps, holes, breaks, flat bars, spikes and suspect bars of each symbol, shows its week openings, and ends with a verdict on it: OK, or what is wrong with its clock, columns, scale or source. Exit code 1 where a verdict is wrong and neither accepted here nor, for the same evidence, by an import of the symbol',
    )
    .action((path: string | undefined, flags: CheckFlags) => runCheck(path, flags, output()));
  addLearnSpreads(bars, output);
  addExport(bars, output);
}

async function runCheck(path: string | undefined, { market, accept = [] }: CheckFlags, output: Output): Promise<void> {
  const screening = screenPolicy(loadSettings());
  const {
    reports: found,
    absences,
    unread,
    known,
  } = path === undefined
    ? { ...(await checkStore(market, screening, output)), unread: [] }
    : { ...(await checkFiles(path, screening, output)), known: NOTHING_KNOWN };
  const reports = found.map((one): CheckedBars => {
    const isKnown = (finding: Finding): boolean => accept.includes(finding.code) || known(one.symbol, finding);
    return { ...one, accepted: [...new Set(one.verdict.findings.filter(isKnown).map(({ code }) => code))] };
  });
  output.line(
    'symbol      bars   first                 last                  missing  holes  longest  breaks    flat  spikes  suspect  week opens (New York)',
  );
  for (const r of reports) {
    output.line(
      [
        r.symbol.padEnd(8),
        String(r.bars).padStart(7),
        isoMinute(r.first),
        isoMinute(r.last),
        String(r.missing_minutes).padStart(8),
        String(r.holes).padStart(6),
        String(r.longest_hole_minutes).padStart(8),
        String(r.breaks).padStart(7),
        String(r.flat_bars).padStart(7),
        String(r.spikes).padStart(7),
        String(r.suspects ?? '–').padStart(7),
        weekOpens(r.clock),
      ].join('  '),
    );
  }
  for (const { symbol, verdict, accepted } of reports)
    output.line(
      `${symbol}: ${verdictText(verdict)}${accepted.length === 0 ? '' : ` (accepted: ${accepted.join(', ')})`}`,
    );
  for (const line of absenceLines(absences)) output.note(line);
  output.result(reports);
  endPartly(unread, reports.length > 0, output);
  // What is wrong with the bars is the more serious end.
  if (reports.some(({ verdict, accepted }) => refusals(verdict, new Set(accepted)).length > 0))
    process.exitCode = FAILED;
}

type JudgedBars = Omit<CheckedBars, 'accepted'>;

interface CheckedStore extends Judged {
  readonly known: KnownFindings;
}

async function checkStore(market: Market, screening: ScreenPolicy | null, output: Output): Promise<CheckedStore> {
  const received = openReceivedBars(
    market,
    shardsOf(loadSettings().minutehand).map(({ name }) => name),
  );
  try {
    return await withStore(async (store) => {
      const symbols = await knownSymbols(store, received, market);
      const progress = output.progress();
      tellWhenInterrupted({ output, progress, kept: () => ['Nothing was changed.'] });
      const reports: InspectedBars[] = [];
      for (const symbol of symbols) {
        progress.update('checking', reports.length, symbols.length);
        const pages = withReceived(store.bars.pages(market, symbol), received.read(symbol, {}));
        reports.push(await checkPages(symbol, market, screening, pages, () => undefined));
      }
      progress.stop();
      return { ...judged(reports), known: knownFindings(await store.importRuns.list(market, ALL_RUNS)) };
    });
  } finally {
    received.close();
  }
}

const ALL_RUNS = Number.MAX_SAFE_INTEGER;

interface CheckedFiles extends Judged {
  /** Files of a folder that could not be read, each with its reason. */
  readonly unread: readonly string[];
}

async function checkFiles(path: string, screening: ScreenPolicy | null, output: Output): Promise<CheckedFiles> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new MinutehandError('DATA_MISSING', { seen: path });
  const files = stat.isDirectory()
    ? readdirSync(path)
        .filter((name) => /\.csv(?:\.gz)?$/.test(name))
        .sort()
        .map((name) => join(path, name))
    : [path];
  if (files.length === 0) throw new MinutehandError('DATA_MISSING', { seen: `no .csv or .csv.gz in ${path}` });
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was changed.'] });
  const reports: InspectedBars[] = [];
  const unread: string[] = [];
  for (const file of files) {
    try {
      const columns = await readBarFile(file);
      reports.push(await checkPages(columns.symbol, 'live', screening, [columns], () => undefined));
    } catch (error) {
      if (!stat.isDirectory() || !(error instanceof MinutehandError)) throw error;
      unread.push(`${file}: not checked. ${error.code}: ${error.message}`);
    }
    progress.update('checking', reports.length + unread.length, files.length);
  }
  progress.stop();
  return { ...judged(reports), unread };
}

interface Judged {
  readonly reports: readonly JudgedBars[];
  readonly absences: readonly CommonAbsence[];
}

function judged(inspected: readonly InspectedBars[]): Judged {
  return { reports: withVerdicts(inspected), absences: commonAbsences(inspected.map(({ gaps }) => gaps)) };
}

interface InspectedBars {
  readonly checked: Omit<JudgedBars, 'verdict'>;
  readonly inspection: BarInspection | null;
  readonly closes: RecentCloses;
  readonly gaps: SymbolGaps;
}

const DAY_S = 86_400;
/** A symbol whose bars end so long before those of others is no longer fed. */
const STALE_S = 7 * DAY_S;

/** Each symbol by itself, and beside the others. */
function withVerdicts(inspected: readonly InspectedBars[]): JudgedBars[] {
  const samples = inspected.map(({ inspection }) => inspection?.samples() ?? null);
  // What is wrong by itself is no measure for others.
  const isSound = inspected.map(({ inspection }) => inspection?.findings().length === 0);
  const [newest] = [...inspected].sort((a, b) => (b.inspection?.newest ?? 0) - (a.inspection?.newest ?? 0));
  const lags = lagsAmong(
    inspected.map(({ closes }) => closes.bars()),
    loadSettings().minutehand.pairs.map(parsePair),
  );
  return inspected.map(({ checked, inspection }, at) => {
    const others = samples.filter((one, i): one is SampledCloses => one !== null && i !== at && isSound[i]!);
    const isMeasure = (symbol: unknown): boolean =>
      isSound[inspected.findIndex((other) => other.checked.symbol === symbol)] === true;
    const findings: Finding[] = (lags.get(checked.symbol) ?? []).filter(
      ({ values }) => isSound[at] !== true || isMeasure(values['symbol']),
    );
    if (inspection !== null) {
      findings.push(...inspection.findings(), ...compareWithKnown(samples[at]!, others));
      const behind = (newest!.inspection?.newest ?? 0) - inspection.newest;
      if (behind > STALE_S)
        findings.push({
          code: 'STALE',
          by: 'last_bar',
          values: { days: Math.floor(behind / DAY_S), symbol: newest!.checked.symbol },
        });
    }
    return { ...checked, verdict: verdictOf(findings) };
  });
}

async function checkPages(
  symbol: string,
  market: Market,
  screening: ScreenPolicy | null,
  pages: AsyncIterable<BarColumns> | Iterable<BarColumns>,
  onPage: (rows: number) => void,
): Promise<InspectedBars> {
  let check: BarCheck | null = null;
  let inspection: BarInspection | null = null;
  let gaps: GapWatch | null = null;
  const clock = createClockCheck();
  const closes = recentCloses(symbol);
  for await (const page of pages) {
    const barSeconds = check === null ? ownBarSeconds(page) : SECONDS_PER_BAR;
    check ??= createBarCheck(symbol, screening, barSeconds);
    inspection ??= createBarInspection(symbol, barSeconds, { hasWeeks: market === 'live' });
    gaps ??= createGapWatch(symbol, barSeconds);
    check.add(page);
    gaps.add(page);
    inspection.addPage(page);
    for (let i = 0; i < page.length; i++) closes.add(page.time[i]!, page.close[i]!);
    clock.add(page);
    onPage(page.length);
  }
  const report = (check ?? createBarCheck(symbol, screening)).report();
  return {
    checked: { ...report, clock: clock.report() },
    inspection,
    closes,
    gaps: (gaps ?? createGapWatch(symbol)).result(),
  };
}

/** Symbols with imported or received bars, ascending. @throws MinutehandError DATA_MISSING */
async function knownSymbols(store: Store, received: ReceivedBars, market: Market): Promise<readonly string[]> {
  const stored = await store.bars.symbols(market);
  const symbols = new Set([...stored.map(({ symbol }) => symbol), ...received.symbols]);
  if (symbols.size > 0) return [...symbols].sort();
  throw new MinutehandError('DATA_MISSING', {
    seen: `no ${market} bars in ${store.place}, and none received by a daemon`,
    next: 'Import some first: minutehand bars import <source>.',
  });
}

function weekOpens({ week_opens_new_york, suspect }: ClockReport): string {
  const opens = Object.entries(week_opens_new_york).map(([hour, count]) => `${hour} × ${count}`);
  return `${opens.length === 0 ? '–' : opens.join(', ')}${suspect ? ' (suspect)' : ''}`;
}

function isoMinute(time: unknown): string {
  return typeof time === 'number'
    ? new Date(time * 1000).toISOString().slice(0, 16) + 'Z   '
    : String(time ?? '–').padEnd(20);
}
