import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import { isPossibleValue } from '../../shared/core/series/series_range.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import {
  commonAbsences,
  createGapWatch,
  type CommonAbsence,
  type SymbolGaps,
} from '../../shared/bar_file/common_absences.ts';
import { createBarCheck, type BarReport } from '../../shared/bar_file/bar_check.ts';
import { copyBars, emptyColumns, expectedTime, isMissing, unreadableFile } from '../../shared/bar_file/bar_file.ts';
import { createBarValues, type SeriesReport } from './bar_values.ts';
import type { BarLayout, BarValue, ForeignRow, ReadingOptions } from './bar_layout.ts';
import { checkSameTimeframe, ENOUGH_BARS, timeframeName } from '../../shared/bar_file/own_timeframe.ts';
import type { ConflictingRow } from '../../shared/bar_file/bar_merge.ts';
import type { BarSink, ImportSummary, PutCounts, SunkBars, SymbolSink } from '../../shared/bar_file/bar_sink.ts';
import type { ClockReport } from '../../shared/bar_file/clock_check.ts';
import { createClockCheck } from '../../shared/bar_file/clock_check.ts';
import { lagsOfImport, recentCloses, type NeighborBars, type RecentCloses } from './lag_findings.ts';
import { createBarInspection, type BarInspection } from '../../shared/bar_file/verdict/bar_inspection.ts';
import {
  refusals,
  verdictOf,
  type Finding,
  type Verdict,
  type VerdictCode,
} from '../../shared/bar_file/verdict/finding.ts';
import { compareWithKnown } from '../../shared/bar_file/verdict/known_closes.ts';
import { MAX_ORDERED_ROWS, sortedRows, type RowOrder, type TimedRow } from './row_order.ts';
import { fileRows, type FileRow, type RowRules } from './file_rows.ts';
import { untradedName, type PriceName } from './price_names.ts';
import { isBeside, type SeriesLayout } from './series_layout.ts';
import { sourceLines } from './source_lines.ts';
import { precisionEvidence } from './parquet_lines.ts';
import { formsEvidence, sniffFile, surveyFile, type Survey } from './survey.ts';
import { candidatesByPrice } from './price_candidates.ts';
import { isNamed, namelessFile, nameOfSource, type SourceSymbol, type SymbolQuestion } from './source_symbol.ts';
import { checkScale, type ScaleOptions } from './scale_check.ts';
import { NO_SYMBOL_NAMES, readSymbol, shownName, symbolUnclear, type SymbolNames } from '../../shared/symbol/symbol.ts';
import { nearSymbols } from '../../shared/symbol/near_symbols.ts';
import { parseTimeZone, UTC, type TimeZone } from '../../shared/bar_file/time_zone.ts';
import { clockOptionOf, type ClockOption } from './clock_option.ts';
import { checkClock, type ClockVerdict } from './week_opens.ts';

export interface ImportOptions extends ScaleOptions {
  /**
   * A file, or a folder whose `.csv`, `.txt`, `.tsv`, `.prn` and `.json` files, `.gz` or not, are taken (not its
   * subfolders).
   */
  readonly source: string;
  readonly into: BarSink;
  /**
   * The clock of the files: a zone as `parseTimeZone` takes it, or `auto` (also when absent) to find it by the openings
   * of the trading weeks. For layouts that do not name their clock (HistData, MetaTrader): not applied to the
   * others, and refused where all files are of these.
   */
  readonly timezone?: string;
  /** Skips the check against the openings of the weeks; without a named zone the usual one of the layout is taken. */
  readonly trustClock?: boolean;
  /** The symbol, where the file names do not contain it. */
  readonly symbol?: string;
  /** How names become symbols; absent = by their spelling alone. */
  readonly names?: SymbolNames;
  /** How stamps, numbers and spreads are read, where a person says so. */
  readonly reading?: ReadingOptions;
  /** Names of columns in a file of values that are no bars, or of its only one. */
  readonly series?: readonly string[];
  /** Keeps taker volume and number of trades beside the bars as series. */
  readonly flow?: boolean;
  /**
   * The clock of stamps that claim to be UTC, where they are not: a zone as `parseTimeZone` takes it. Refused where no
   * file has such stamps.
   */
  readonly epochTimezone?: string;
  /** Leaves flat bars without volume of closed weekends out. */
  readonly dropFlatWeekends?: boolean;
  /** Verdicts that do not keep bars out. */
  readonly accept?: readonly VerdictCode[];
  /** Greatest share of rejected rows, in percent; REJECTED above it. */
  readonly maxRejectedPercent?: number;
  /** This machine's time; null where bars have no relation to it, as those of a simulated market. Absent: now. */
  readonly nowMs?: number | null;
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Other symbols at the destination; absent: none is compared for a lag of minutes. */
  readonly neighbors?: NeighborBars;
}

export interface ImportProgress {
  readonly file: string;
  /** Bytes of all files read so far, each as if it were read three times. */
  readonly done: number;
  readonly total: number;
}

export interface RejectedRow {
  readonly file: string;
  readonly line: number;
  readonly code: ErrorCode;
  readonly seen: string;
}

/** One file, and the clock its stamps were read on. */
export interface SourceReport extends ClockVerdict {
  readonly file: string;
  readonly layout: BarLayout['name'];
  /** The option that states another clock of its stamps. */
  readonly clock_option: ClockOption;
  readonly symbol_by: SourceSymbol['by'];
  /** How stamps, numbers and spreads were read, each with what shows it. */
  readonly read_by: readonly string[];
  readonly timeframe: string;
  /** null: one minute, because neither bars nor name show another one. */
  readonly timeframe_by: Survey['timeframeBy'];
  /** Lowest low and highest high; null without a bar. */
  readonly price_range: readonly [low: number, high: number] | null;
  /** Columns beside the bars that became series, and those that did not. */
  readonly series: readonly BarValue[];
  readonly series_left_out: readonly BarValue[];
  readonly sha256: string;
  /** Lines with content, headers aside. */
  readonly rows: number;
  /** Order of its rows; `none` are judged in the order of their time. */
  readonly order: RowOrder;
  /**
   * Rows at which the stamps go against the order of the file, as when it repeats the hour that the clock shows twice
   * in autumn; 0 where the rows have no order.
   */
  readonly steps_back: number;
  /**
   * Rows that are not after those before them in the file's order, or without an order those of a minute that another
   * row has. The first copy of a repeated minute is kept.
   */
  readonly repeated_rows: number;
  /** Hours without a bar on a day on which Europe or New York put the clock forward: lost in the source. */
  readonly lost_hours: number;
}

export interface ImportReport extends PutCounts {
  readonly symbol: string;
  /** The file, or the store, that holds the symbol now. */
  readonly file: string;
  /** What the bars show about themselves, and beside those that are known. */
  readonly verdict: Verdict;
  /** False: a finding kept all bars of the symbol out. */
  readonly imported: boolean;
  /** Lines with content, headers aside: added + duplicates + conflicts + rejected_count + left_out, when imported. */
  readonly read: number;
  /** Rows without a fault that were left out: bars that had not closed, flat bars of closed weekends. */
  readonly left_out: { readonly forming: number; readonly weekend: number };
  /** The first 20. */
  readonly conflicting: readonly ConflictingRow[];
  readonly rejected_count: number;
  /** The first 100. */
  readonly rejected: readonly RejectedRow[];
  /** Bars of the symbol now. */
  readonly bars: number;
  /** Openings of the weeks of the symbol as it is now; null where the files were refused, or it has no bar. */
  readonly clock: ClockReport | null;
  /** Gaps, flat bars and spikes of the symbol as it is now; null where the files were refused, or it has no bar. */
  readonly check: BarReport | null;
  readonly sources: readonly SourceReport[];
}

export interface ImportResult {
  /** `bars undo <number>` takes it back; null where nothing came into a store. */
  readonly import_number: number | null;
  readonly symbols: readonly ImportReport[];
  readonly series: readonly SeriesReport[];
  /** New symbols that may be misspelt, each with known ones that are a letter away. */
  readonly near_symbols: Readonly<Record<string, readonly string[]>>;
  /** Files of a folder that could not be read; the others were imported. */
  readonly skipped: readonly { readonly file: string; readonly code: ErrorCode; readonly seen: string }[];
  /**
   * Files whose name or content says another symbol than the one that was given; null: none at all, and there
   * were no bars of the symbol to compare with.
   */
  readonly renamed: readonly { readonly file: string; readonly symbol: string; readonly says: string | null }[];
  /** Times without a bar of any of these symbols, as they are now: one outage of the source each, or a holiday. */
  readonly common_absences: readonly CommonAbsence[];
  /** Text files without bars that came with a file of bars, such as HistData's status reports: nothing is missing. */
  readonly besides: readonly string[];
  /** Folders in the given one that have data, which is not read. */
  readonly folders: readonly string[];
}

const REJECTED_SHOWN = 100;
/** As many rejected rows are shown at least: by `bars import`, and by the preview of the dashboard. */
export const FIRST_REJECTED = 5;
/** Rows that are held in memory at a time. */
const BATCH_ROWS = 50_000;
/** Rows of a symbol that are kept from the verdict until they are handed over, 56 bytes each. */
const MAX_KEPT_ROWS = 2_000_000;
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
export const MAX_REJECTED_PERCENT = 5;
/** Klines that move without volume, of more than half of the rows: nobody traded at these prices. */
const MIN_UNTRADED = 30;
/** Verdicts that a trusted clock accepts. */
const OF_THE_CLOCK: readonly VerdictCode[] = ['SHIFTED', 'LAGS', 'CLOSE_STAMPED'];
/** Verdicts that trusted prices accept. */
const OF_PRICES: readonly VerdictCode[] = ['SCALED'];
/** A lost hour, and a few minutes without trades. */
const MAX_LOST_S = 1.25 * HOUR_S;

/**
 * Reads bars of other programs, and series of numbers beside them, and writes them to a folder of bar files or to the
 * store; the layout is recognized by the content. Importing the same files again changes nothing. A bad row is counted
 * and reported and does not stop the rest, up to a stated share; the first copy of a minute wins. Spreads in points
 * become price units by the decimals of the file's prices. Each file is read twice, in bounded memory: first as a
 * whole, so that nothing of a file is imported that is damaged, of an unknown layout or on another clock than stated;
 * then for a verdict on all bars of the symbol, which can keep them out. Beyond two million rows of a symbol, and where
 * values beside the bars are wanted, it is read a third time to be taken.
 * @throws MinutehandError DATA_MISSING (no such source, or nothing in it); of a single file: DATA_FORMAT (unknown
 * layout, damaged, or of another timeframe than the symbol), CLOCK_MISMATCH (the zone does not fit); of any: USAGE (no
 * clock for a layout that does not name its own and is too short to determine it, no symbol in the file's name, no such
 * zone, a zone that does not apply)
 */
export async function importBars(options: ImportOptions): Promise<ImportResult> {
  const { into } = options;
  const { paths, unread, folders, isFolder, all } = await sourcePaths(options.source);
  const clocks = clocksOf(options);
  const skipped: { file: string; code: ErrorCode; seen: string }[] = [];
  const besides: string[] = [];
  const skipOrThrow = (file: string, error: unknown): void => {
    if (isFolder && isReportBeside(file, all, error)) {
      besides.push(file);
      return;
    }
    // A missing option is the user's to mend, also when only some of the files need it.
    if (!isFolder || !(error instanceof MinutehandError) || error.code === 'USAGE') throw error;
    skipped.push({ file, code: error.code, seen: error.seen ?? describeError(error).message });
  };
  for (const file of unread) skipped.push({ file, code: 'DATA_FORMAT', seen: 'not read: no text file by its name' });
  const bySymbol = await groupBySymbol(paths, options, skipOrThrow);
  const near = await nearOf([...bySymbol.keys()], options);
  const renamed = await renamedOf(bySymbol, into);
  refuseIdleClock(clocks, [...bySymbol.values()].flat());
  const onBytes = await progressOf(paths, options.onProgress);

  const reports: ImportReport[] = [];
  const series: SeriesReport[] = [];
  const gaps: SymbolGaps[] = [];
  for (const [symbol, own] of bySymbol) {
    const sink = into.open(symbol);
    const target: Target = {
      symbol,
      sink,
      putSeries: options.flow === true ? into.putSeries : null,
      timeframe: { barSeconds: await sink.barSeconds() },
      tally: emptyTally(),
      sources: [],
      series,
      gaps,
    };
    const files: BarFile[] = [];
    for (const { path, layout, by } of own) {
      try {
        const surveyed = await surveyFile(path, layout, onBytes(path));
        checkStated(path, surveyed, options);
        const precision = await precisionEvidence(path);
        const source = { path, survey: surveyed, symbolBy: by, onBytes: onBytes(path) };
        if (surveyed.layout.name === 'series') {
          series.push(
            ...(await takeSeries({ ...source, layout: surveyed.layout, readBy: precision }, symbol, options)),
          );
        } else {
          takeTimeframe(path, symbol, surveyed, target.timeframe);
          const clock = clockOf(path, symbol, surveyed, surveyed.layout, clocks, options.trustClock === true);
          const question = { path, symbol, survey: surveyed, layout: surveyed.layout, near: sink.near, options };
          const { decimals, evidence } = await checkScale(question);
          const survey = { ...surveyed, decimals };
          const readBy = [...evidence, ...formsEvidence(surveyed.layout), ...precision];
          files.push({ ...source, survey, layout: surveyed.layout, readBy, clock });
        }
      } catch (error) {
        skipOrThrow(path, error);
      }
    }
    const report = await takeSymbol(files, target, options, skipOrThrow);
    if (report !== null) reports.push(report);
  }
  await into.finished(summaryOf(options, { symbols: reports, series }));
  return {
    import_number: into.importNumber,
    symbols: reports,
    series,
    near_symbols: near,
    common_absences: commonAbsences(gaps),
    skipped,
    besides,
    folders,
    renamed,
  };
}

async function renamedOf(
  bySymbol: ReadonlyMap<string, readonly NamedSource[]>,
  into: BarSink,
): Promise<ImportResult['renamed']> {
  const given = [...bySymbol].flatMap(([symbol, own]) =>
    own.flatMap(({ path, despite }) => (despite === undefined ? [] : [{ file: path, symbol, says: despite }])),
  );
  if (given.length === 0) return [];
  const there = await into.symbols();
  return given.filter(({ symbol, says }) => says !== null || !there.includes(symbol));
}

/** Symbols that are neither configured nor at the destination, and near one that is, or that everyone has. */
async function nearOf(
  symbols: readonly string[],
  { into, names = NO_SYMBOL_NAMES }: ImportOptions,
): Promise<ImportResult['near_symbols']> {
  const unknown = symbols.filter((symbol) => !names.known.has(symbol));
  if (unknown.length === 0) return {};
  const there = await into.symbols();
  const known = new Set([...names.known, ...Object.values(names.aliases), ...there]);
  const isNew = (symbol: string): boolean => !there.includes(symbol);
  const near = unknown.filter(isNew).map((symbol) => [symbol, nearSymbols(symbol, known)] as const);
  return Object.fromEntries(near.filter(([, others]) => others.length > 0));
}

/** The bars of one symbol from its files: judged first, then handed over. null without a file that could be read. */
async function takeSymbol(
  files: readonly BarFile[],
  target: Target,
  options: ImportOptions,
  skipOrThrow: (file: string, error: unknown) => void,
): Promise<ImportReport | null> {
  const barSeconds = target.timeframe.barSeconds ?? SECONDS_PER_BAR;
  const nowMs = nowOf(options);
  const hasWeeks = nowMs !== null;
  const readable: { file: BarFile & { rules: RowRules }; kept: KeptRows | null }[] = [];
  const budget = { rows: MAX_KEPT_ROWS };
  const inspection = createBarInspection(target.symbol, barSeconds, { hasWeeks });
  const closes = recentCloses(target.symbol);
  for (const file of files) {
    const rules: RowRules = {
      symbol: target.symbol,
      barSeconds,
      zone: file.clock.zone,
      isOfClose: options.reading?.stamp === 'close',
      nowMs,
      dropFlatWeekends: options.dropFlatWeekends === true,
    };
    try {
      const judged = { ...file, rules };
      readable.push({ file: judged, kept: await inspectFile(judged, { inspection, closes, budget }, target) });
    } catch (error) {
      skipOrThrow(file.path, error);
    }
  }
  if (readable.length === 0) return null;
  const verdict = await judge(inspection, closes, target, options);
  const isTaken = refusals(verdict, acceptedBy(options)).length === 0;
  if (isTaken) for (const { file, kept } of readable) await takeBars(file, kept, target, options.into);
  return reportOf(target, await target.sink.finish(), verdict, isTaken);
}

/** Verdicts that do not keep bars out. */
function acceptedBy({ accept = [], trustClock, trustPrices }: ImportOptions): ReadonlySet<VerdictCode> {
  return new Set([...accept, ...(trustClock === true ? OF_THE_CLOCK : []), ...(trustPrices === true ? OF_PRICES : [])]);
}

async function judge(
  inspection: BarInspection,
  closes: RecentCloses,
  { symbol, tally }: Target,
  options: ImportOptions,
): Promise<Verdict> {
  const findings: Finding[] = [...inspection.findings()];
  if (tally.read === 0) findings.push({ code: 'EMPTY', by: 'rows', values: {} });
  const limit = options.maxRejectedPercent ?? MAX_REJECTED_PERCENT;
  const rejected = tally.rejected_count - tally.future.rows;
  if (rejected > (limit / 100) * tally.read) {
    const codes = [...tally.codes].sort((a, b) => b[1] - a[1]).map(([code, count]) => `${code} × ${count}`);
    const values = { rejected, rows: tally.read, limit, codes: codes.join(', ') };
    findings.push({ code: 'REJECTED', by: 'rows', values });
  }
  if (tally.untraded >= MIN_UNTRADED && tally.untraded > 0.5 * tally.read)
    findings.push({ code: 'SUSPECT', by: 'untraded', values: { untraded: tally.untraded, rows: tally.read } });
  for (const { kind, name } of tally.untradedNames.values())
    findings.push({ code: 'SUSPECT', by: 'price_name', values: { kind, name } });
  if (tally.unsortable > 0)
    findings.push({ code: 'SUSPECT', by: 'row_order', values: { rows: tally.unsortable, most: MAX_ORDERED_ROWS } });
  if (tally.future.rows > 0) findings.push({ code: 'FUTURE', by: 'rows', values: { ...tally.future } });
  const samples = inspection.samples();
  const buckets = [...samples.closes.keys()];
  if (buckets.length > 0) {
    const [first, last] = buckets.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
    const period = { from: first * samples.bucketSeconds, to: (last + 1) * samples.bucketSeconds };
    const known = await options.into.known(symbol, period, samples.bucketSeconds);
    findings.push(...compareWithKnown(samples, known));
    if (options.neighbors !== undefined) findings.push(...(await lagsOfImport(closes.bars(), options.neighbors)));
  }
  return verdictOf(findings);
}

/** This machine's time, where bars have a relation to it. */
function nowOf({ nowMs }: ImportOptions): number | null {
  return nowMs === undefined ? MACHINE_CLOCK.nowMs() : nowMs;
}

function summaryOf(
  options: ImportOptions,
  { symbols, series }: Pick<ImportResult, 'symbols' | 'series'>,
): ImportSummary {
  const verdicts = Object.fromEntries(symbols.map(({ symbol, verdict }) => [symbol, verdict]));
  const all: readonly (PutCounts & { readonly rejected_count: number })[] = [...symbols, ...series];
  return {
    source: resolve(options.source),
    verdicts: JSON.stringify({ symbols: verdicts, accepted: [...acceptedBy(options)] }),
    added: all.reduce((sum, { added }) => sum + added, 0),
    replaced: all.reduce((sum, { replaced = 0 }) => sum + replaced, 0),
    rejected: all.reduce((sum, { rejected_count }) => sum + rejected_count, 0),
  };
}

interface Clocks {
  /** Of layouts that do not name theirs; null to find it. */
  readonly named: TimeZone | null;
  /** Of stamps that claim to be UTC; null: they are. */
  readonly epoch: TimeZone | null;
}

function clocksOf({ timezone, epochTimezone }: ImportOptions): Clocks {
  return {
    named: timezone === undefined || timezone === 'auto' ? null : parseTimeZone(timezone),
    epoch: epochTimezone === undefined ? null : parseTimeZone(epochTimezone),
  };
}

/**
 * A clock that applies to none of the files would not be heard: the other option was meant.
 * @throws MinutehandError USAGE
 */
function refuseIdleClock({ named, epoch }: Clocks, sources: readonly NamedSource[]): void {
  const bars = sources.filter((one): one is NamedSource & { layout: BarLayout } => one.layout.name !== 'series');
  for (const [option, zone] of [
    ['--timezone', named],
    ['--epoch-timezone', epoch],
  ] as const) {
    const [other] = bars;
    if (zone === null || other === undefined || bars.some(({ layout }) => clockOptionOf(layout) === option)) continue;
    // That stamps in UTC are in UTC is no other clock.
    if (other.layout.isUtc && zone.name === UTC.name) continue;
    const right = clockOptionOf(other.layout);
    const [stamps, without] = other.layout.isUtc
      ? ['are epochs or name UTC', 'they are read as UTC']
      : ['are times that name no zone', 'the clock is inferred'];
    throw new MinutehandError('USAGE', {
      seen: `${option} ${zone.name}, which does not apply: the stamps of ${other.path} ${stamps}`,
      expected: `${right}, which is for such stamps`,
      next: `Give ${right} ${zone.name} instead; without it, ${without}.`,
    });
  }
}

interface Tally {
  read: number;
  forming: number;
  weekend: number;
  rejected_count: number;
  readonly rejected: RejectedRow[];
  /** Rejected rows by their code. */
  readonly codes: Map<ErrorCode, number>;
  readonly future: { rows: number; last: number };
  /** Rows of klines that moved without volume. */
  untraded: number;
  /** Rows of files that are in no order, and too long to be put in one. */
  unsortable: number;
  /** Kinds of prices at which nobody trades, as names of files and folders state them. */
  readonly untradedNames: Map<string, PriceName>;
}

/** One symbol as its files are taken. */
interface Target {
  readonly symbol: string;
  readonly sink: SymbolSink;
  /** null: columns beside the bars are left out. */
  readonly putSeries: BarSink['putSeries'];
  /** Of all its bars; null while none shows it. */
  readonly timeframe: { barSeconds: number | null };
  readonly tally: Tally;
  readonly sources: SourceReport[];
  readonly series: SeriesReport[];
  readonly gaps: SymbolGaps[];
}

/**
 * @throws MinutehandError DATA_FORMAT where the symbol has bars of another timeframe, and where a few bars do not show
 * theirs
 */
function takeTimeframe(path: string, symbol: string, survey: Survey, timeframe: Target['timeframe']): void {
  const { barSeconds, unclearSeconds } = survey;
  if (unclearSeconds !== null) checkFewBars(path, unclearSeconds, timeframe.barSeconds);
  if (barSeconds === null) return;
  checkSameTimeframe(symbol, timeframe.barSeconds ?? barSeconds, barSeconds);
  timeframe.barSeconds = barSeconds;
}

/**
 * Rare bars of a minute may be some minutes apart, for a symbol that has bars of a minute; further apart, or for a new
 * symbol, they are more likely bars of a longer timeframe.
 */
function checkFewBars(path: string, apart: number, known: number | null): void {
  if (known !== null && (known === apart || apart < HOUR_S)) return;
  const timeframe = timeframeName(apart);
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: a few bars, ${timeframe} apart or more, which do not show whether they are bars of 1m or of ${timeframe}`,
    expected: `${ENOUGH_BARS} bars or more, or a file name that states the timeframe`,
    next: `Name the file as exchanges do: EURUSD-1m.csv, or EURUSD-${timeframe}.csv.`,
  });
}

interface Source<Layout> {
  readonly path: string;
  readonly survey: Survey;
  readonly layout: Layout;
  readonly symbolBy: SourceReport['symbol_by'];
  readonly readBy: SourceReport['read_by'];
  readonly onBytes: (bytes: number) => void;
}

interface BarFile extends Source<BarLayout> {
  readonly clock: FileClock;
}

interface FileClock {
  readonly zone: TimeZone;
  readonly verdict: ClockVerdict;
}

function emptyTally(): Tally {
  return {
    read: 0,
    forming: 0,
    weekend: 0,
    rejected_count: 0,
    rejected: [],
    codes: new Map(),
    future: { rows: 0, last: NaN },
    untraded: 0,
    unsortable: 0,
    untradedNames: new Map(),
  };
}

const READ_NAMES = /\.((csv|txt|tsv|prn|json)(\.gz)?|parquet)$/i;
/**
 * Files beside those that are read, which most probably have bars as well: a person wants to know that they were not.
 */
const OTHER_DATA = /\.(zip|7z|rar|tar|tgz|bz2|xz|zst|xlsx?|ods|feather|jsonl|hst|hcc|bi5|dat|h5|npz?)$/i;

interface SourcePaths {
  readonly paths: readonly string[];
  /** Data of a folder that cannot be read. */
  readonly unread: readonly string[];
  /** Folders in it that have data. */
  readonly folders: readonly string[];
  readonly isFolder: boolean;
  /** Names in the folder. */
  readonly all: readonly string[];
}

/**
 * HistData's zips have a status report `NAME.txt` beside `NAME.csv`: text with the name of a table, and no table
 * itself.
 */
function isReportBeside(file: string, names: readonly string[], error: unknown): boolean {
  if (!(error instanceof MinutehandError) || error.code !== 'DATA_FORMAT') return false;
  const own = /^(.+)\.txt$/i.exec(basename(file))?.[1]?.toLowerCase();
  return own !== undefined && names.some((name) => /^(.+)\.csv(\.gz)?$/i.exec(name)?.[1]?.toLowerCase() === own);
}

async function sourcePaths(source: string): Promise<SourcePaths> {
  const kind = await stat(source).catch((cause: unknown) => {
    if (isMissing(cause)) return null;
    throw unreadableFile(source, cause);
  });
  if (kind === null) throw new MinutehandError('DATA_MISSING', { seen: `nothing at ${source}` });
  if (!kind.isDirectory()) return { paths: [source], unread: [], folders: [], isFolder: false, all: [] };
  const all = (await readdir(source)).filter((name) => !name.startsWith('.')).sort();
  const names = all.filter((name) => READ_NAMES.test(name));
  if (names.length === 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no .csv, .txt, .tsv, .prn, .json or .parquet file in ${source}${all.length === 0 ? '' : `, but ${all.slice(0, 3).join(', ')}`}`,
      next: 'Unpack archives first; folders in it are not read.',
    });
  const others = all.filter((name) => OTHER_DATA.test(name));
  const folders = await foldersOfData(source);
  return {
    paths: names.map((name) => join(source, name)),
    unread: others.map((name) => join(source, name)),
    folders: folders.map((name) => join(source, name)),
    isFolder: true,
    all,
  };
}

/** Folders directly below one that hold what may be bars. */
async function foldersOfData(source: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(source, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const names = await readdir(join(source, entry.name)).catch(() => []);
    if (names.some((name) => READ_NAMES.test(name) || OTHER_DATA.test(name))) found.push(entry.name);
  }
  return found.sort();
}

interface NamedSource extends SourceSymbol {
  readonly path: string;
  readonly layout: Survey['layout'];
}

/** The files of each symbol, by what they state themselves and by their names. */
async function groupBySymbol(
  paths: readonly string[],
  options: ImportOptions,
  skipOrThrow: (file: string, error: unknown) => void,
): Promise<Map<string, NamedSource[]>> {
  const { symbol, names = NO_SYMBOL_NAMES, series, reading } = options;
  const bySymbol = new Map<string, NamedSource[]>();
  for (const path of paths) {
    try {
      const layout = await sniffFile(path, series ?? [], reading ?? {});
      const stated = layout.name === 'series' ? [] : layout.stated;
      const question = { path, given: symbol, stated, names, isSeries: layout.name === 'series' };
      const own =
        layout.name === 'series' ? nameOfSource(question) : await nameOrPrices(question, layout, options.into);
      bySymbol.set(own.symbol, [...(bySymbol.get(own.symbol) ?? []), { path, layout, ...own }]);
    } catch (error) {
      skipOrThrow(path, error);
    }
  }
  return bySymbol;
}

/** The symbol of a file of bars: where nothing states it, its prices may. @throws MinutehandError SYMBOL_UNCLEAR */
async function nameOrPrices(question: SymbolQuestion, layout: BarLayout, into: BarSink): Promise<SourceSymbol> {
  if (isNamed(question)) return nameOfSource(question);
  const { path, names } = question;
  const { certain, symbols, price } = await candidatesByPrice(path, layout, into, names);
  if (certain !== null) return { symbol: certain, by: 'prices' };
  throw namelessFile(path, symbols, price);
}

/** A column of symbols may change in mid-file. @throws MinutehandError SYMBOL_UNCLEAR */
function checkStated(
  path: string,
  { stated, layout }: Survey,
  { symbol, names = NO_SYMBOL_NAMES }: ImportOptions,
): void {
  const question = { path, given: symbol, stated, names, isSeries: layout.name === 'series' };
  if (isNamed(question)) nameOfSource(question);
}

/** Counts the bytes of all readings of each file. */
async function progressOf(
  paths: readonly string[],
  onProgress: ImportOptions['onProgress'],
): Promise<(file: string) => (bytes: number) => void> {
  let total = 0;
  for (const path of paths) total += 3 * ((await stat(path).catch(() => null))?.size ?? 0);
  let done = 0;
  return (file) => (bytes) => {
    done += bytes;
    onProgress?.({ file, done: Math.min(done, total), total });
  };
}

function clockOf(
  path: string,
  symbol: string,
  { weekOpens, barSeconds, range }: Survey,
  layout: BarLayout,
  { named, epoch }: Clocks,
  trusted: boolean,
): FileClock {
  if (layout.isUtc) {
    const zone = epoch ?? UTC;
    return { zone, verdict: { timezone: zone.name, checked: false, week_opens: weekOpens.length, odd_opens: 0 } };
  }
  // Without a stamp that can be read there is no clock to ask for: the verdict says why.
  if (!(range[1] >= range[0])) return unread(named ?? UTC);
  if ((barSeconds ?? 0) > HOUR_S) return longClock(path, barSeconds!, weekOpens.length, named);
  const name = layout.name === 'metatrader' || layout.name === 'histdata' ? layout.name : 'table';
  const verdict = checkClock({ file: path, symbol, layout: name, opens: weekOpens, named, trusted, range });
  return { zone: parseTimeZone(verdict.timezone), verdict };
}

function unread(zone: TimeZone): FileClock {
  return { zone, verdict: { timezone: zone.name, checked: false, week_opens: 0, odd_opens: 0 } };
}

/** Bars that are longer than an hour do not show when a week opens. @throws MinutehandError USAGE, DATA_FORMAT */
function longClock(path: string, barSeconds: number, opens: number, named: TimeZone | null): FileClock {
  const timeframe = timeframeName(barSeconds);
  if (named === null)
    throw new MinutehandError('USAGE', {
      seen: `${path} does not name its clock, and bars of ${timeframe} do not show it`,
      expected: '--timezone with the clock of its maker',
      next: 'Give --timezone, or export the H1 (one-hour) chart.',
    });
  return { zone: named, verdict: { timezone: named.name, checked: false, week_opens: opens, odd_opens: 0 } };
}

/** What the files of a symbol share while they are judged. */
interface Judgment {
  readonly inspection: BarInspection;
  readonly closes: RecentCloses;
  /** Rows that may still be kept. */
  readonly budget: { rows: number };
}

/**
 * Reads the rows of one file for the verdict, and counts them.
 * @returns the rows, for `takeBars`; null where it has to read them again
 */
async function inspectFile(
  { path, survey, layout, symbolBy, readBy, onBytes, clock, rules }: BarFile & { readonly rules: RowRules },
  { inspection, closes, budget }: Judgment,
  target: Target,
): Promise<KeptRows | null> {
  const { tally } = target;
  const keeper = createKeeper(layout, target.putSeries, budget);
  let bytes = 0;
  const countBytes = (more: number): void => {
    bytes += more;
    onBytes(more);
  };
  const range: [number, number] = [Infinity, -Infinity];
  const story = createStory(survey.order);
  const unsorted = survey.order === 'none' && !survey.isUnsortable ? sortedRows() : null;
  const judge = (row: TimedRow): void => {
    story.add(row.time);
    inspection.add(row);
    closes.add(row.time, row.close);
  };
  const before = tally.read;
  const untraded = untradedName(path);
  if (untraded !== null) tally.untradedNames.set(untraded.kind, untraded);
  let last: FileRow | null = null;
  let withVolume = 0;
  let movedWithout = 0;
  for await (const rows of fileRows(path, layout, rules, countBytes)) {
    for (const one of rows) {
      tally.read++;
      last = one;
      keeper.add(one);
      if (one.fault !== null) {
        countFault(tally, path, one, layout);
        if (one.fault === 'BAR_RANGE') inspection.addRefused(one.row!);
        continue;
      }
      widen(range, one.row!);
      if (one.row!.volume > 0) withVolume++;
      else if (one.row!.open !== one.row!.close) movedWithout++;
      if (layout.name === 'binance' && one.row!.volume === 0 && one.row!.high > one.row!.low) tally.untraded++;
      const row = { ...one.row!, time: one.time };
      if (unsorted === null) judge(row);
      else unsorted.add(row);
    }
  }
  if (last !== null) noteCut(tally, path, last, layout);
  if (unsorted !== null) for (const row of unsorted.inOrder()) judge(row);
  if (survey.isUnsortable) tally.unsortable += tally.read - before;
  const beside = createBarValues(layout, rules.barSeconds, target.putSeries);
  target.sources.push({
    file: path,
    layout: layout.name,
    clock_option: clockOptionOf(layout),
    symbol_by: symbolBy,
    read_by: [...readBy, ...untradedRemark(movedWithout, withVolume)],
    timeframe: timeframeName(rules.barSeconds),
    timeframe_by: survey.timeframeBy,
    price_range: range[0] > range[1] ? null : range,
    ...beside.summary(),
    sha256: survey.sha256,
    rows: tally.read - before,
    order: survey.order,
    ...clock.verdict,
    ...story.summary(),
  });
  return keeper.kept(bytes);
}

/** Of a source that states no volume at all nothing is said. */
function untradedRemark(moved: number, withVolume: number): string[] {
  if (moved === 0 || withVolume === 0) return [];
  const noun =
    moved === 1 ? 'bar has volume 0 and another close than open' : 'bars have volume 0 and another close than open';
  return [`${moved} ${noun}, ${withVolume} have a volume: prices at which nobody traded, or volumes that were lost`];
}

function countFault(tally: Tally, file: string, { fault, line, text, time }: FileRow, layout: BarLayout): void {
  if (fault === null) return;
  if (fault === 'FORMING') {
    tally.forming++;
    return;
  }
  if (fault === 'WEEKEND') {
    tally.weekend++;
    return;
  }
  tally.rejected_count++;
  tally.codes.set(fault, (tally.codes.get(fault) ?? 0) + 1);
  if (fault === 'BAR_FUTURE') {
    tally.future.rows++;
    tally.future.last = Math.max(time, Number.isNaN(tally.future.last) ? -Infinity : tally.future.last);
  }
  if (tally.rejected.length < REJECTED_SHOWN)
    tally.rejected.push({ file, line, code: fault, seen: seenOf(text, fault, time, layout) });
}

/** Says of a malformed last row that the file may have been cut: all before it is taken, and nothing else shows it. */
function noteCut(tally: Tally, file: string, { fault, line, text, time }: FileRow, layout: BarLayout): void {
  if (fault !== 'BAR_MALFORMED') return;
  const seen = `${seenOf(text, fault, time, layout)}; the file ends with this row, so it may have been cut: export it again`;
  const earlier = tally.rejected.filter((one) => one.file !== file || one.line !== line);
  // Among the first, which every door shows.
  const cut = { file, line, code: fault, seen };
  const all = [...earlier.slice(0, FIRST_REJECTED - 1), cut, ...earlier.slice(FIRST_REJECTED - 1)];
  tally.rejected.splice(0, Infinity, ...all.slice(0, REJECTED_SHOWN));
}

/** Hands the rows of one file over, a batch at a time: those that were kept when they were judged, or read again. */
async function takeBars(
  file: BarFile & { readonly rules: RowRules },
  kept: KeptRows | null,
  target: Target,
  into: BarSink,
): Promise<void> {
  const { path, survey, layout, rules, onBytes } = file;
  const { symbol } = target;
  let counts: RowCounts;
  if (kept === null) {
    counts = await readBars(file, target);
  } else {
    counts = kept.counts;
    for (const batch of kept.batches) await putBatch(batch, file, target);
    // As if the file had been read again.
    onBytes(kept.bytes);
  }
  await into.imported({
    symbol,
    file: resolve(path),
    sha256: survey.sha256,
    layout: layout.name,
    timezone: rules.zone.name,
    ...counts,
  });
}

interface RowCounts {
  /** Rows of the file, and those of them with a fault. */
  rows: number;
  rejected: number;
}

async function readBars(
  { path, survey, layout, onBytes, rules }: BarFile & { readonly rules: RowRules },
  target: Target,
): Promise<RowCounts> {
  const beside = createBarValues(layout, rules.barSeconds, target.putSeries);
  let batch = emptyBatch();
  const counts: RowCounts = { rows: 0, rejected: 0 };
  for await (const rows of fileRows(path, layout, rules, onBytes)) {
    for (const { row, time, fault } of rows) {
      counts.rows++;
      if (fault !== null) {
        if (isRejection(fault)) counts.rejected++;
        continue;
      }
      beside.add(time, row!.values);
      addRow(batch, time, row!);
      if (batch.length < BATCH_ROWS) continue;
      await putBatch(batch, { survey, layout }, target);
      // A sink may keep the batch, so a new one is filled.
      batch = emptyBatch();
    }
  }
  await putBatch(batch, { survey, layout }, target);
  target.series.push(...(await beside.handOver(target.symbol, path)));
  return counts;
}

async function putBatch(
  { length, columns }: Batch,
  { survey, layout }: Pick<BarFile, 'survey' | 'layout'>,
  { symbol, sink }: Target,
): Promise<void> {
  if (length === 0) return;
  if (layout.inPoints) toPoints(columns, length, survey.decimals);
  await sink.put(copyBars({ symbol, length, ...columns }, 0, length));
}

function isRejection(fault: FileRow['fault']): boolean {
  return fault !== null && fault !== 'FORMING' && fault !== 'WEEKEND';
}

/** Rows of a file in memory. */
interface KeptRows {
  readonly batches: readonly Batch[];
  readonly counts: RowCounts;
  /** Of the file, as it was read. */
  readonly bytes: number;
}

/** Keeps the rows of one file that are judged, unless there are too many, or values beside them that are wanted too. */
function createKeeper(layout: BarLayout, putSeries: BarSink['putSeries'], budget: { rows: number }) {
  const batches: Batch[] = [];
  const counts: RowCounts = { rows: 0, rejected: 0 };
  let isKept = putSeries === null || layout.values.length === 0;
  return {
    add({ row, time, fault }: FileRow): void {
      counts.rows++;
      if (isRejection(fault)) counts.rejected++;
      if (fault !== null || !isKept) return;
      let batch = batches.at(-1);
      if (batch === undefined || batch.length === BATCH_ROWS) {
        budget.rows -= BATCH_ROWS;
        if (budget.rows < 0) {
          isKept = false;
          budget.rows += BATCH_ROWS * (batches.length + 1);
          batches.length = 0;
          return;
        }
        batch = emptyBatch();
        batches.push(batch);
      }
      addRow(batch, time, row!);
    },
    kept(bytes: number): KeptRows | null {
      if (!isKept) return null;
      const last = batches.pop();
      if (last === undefined) return { batches, counts, bytes };
      budget.rows += BATCH_ROWS - last.length;
      return { batches: [...batches, trimmed(last)], counts, bytes };
    },
  };
}

function widen(range: [low: number, high: number], { low, high }: ForeignRow): void {
  range[0] = Math.min(range[0], low);
  range[1] = Math.max(range[1], high);
}

interface Batch {
  length: number;
  readonly columns: ReturnType<typeof emptyColumns>;
}

function emptyBatch(): Batch {
  return { length: 0, columns: emptyColumns(BATCH_ROWS) };
}

/** Without the room for more rows. */
function trimmed({ length, columns }: Batch): Batch {
  const own = Object.entries(columns).map(([name, column]) => [name, column.slice(0, length)]);
  return { length, columns: Object.fromEntries(own) as Batch['columns'] };
}

function addRow(batch: Batch, time: number, row: ForeignRow): void {
  const { length, columns } = batch;
  columns.time[length] = time;
  columns.open[length] = row.open;
  columns.high[length] = row.high;
  columns.low[length] = row.low;
  columns.close[length] = row.close;
  columns.volume[length] = row.volume;
  columns.spread[length] = row.spread;
  batch.length++;
}

/** Irregularities in the order of a file's rows; of rows without an order, in that of their time. */
function createStory(order: RowOrder): {
  add(time: number): void;
  summary(): Pick<SourceReport, 'steps_back' | 'repeated_rows' | 'lost_hours'>;
} {
  let steps = 0;
  let repeated = 0;
  let lost = 0;
  let previous = -Infinity;
  let newest = -Infinity;
  const sign = order === 'descending' ? -1 : 1;
  return {
    add(time) {
      const place = sign * time;
      if (place < previous) steps++;
      if (place <= newest) repeated++;
      const apart = place - newest;
      if (apart > HOUR_S && apart <= MAX_LOST_S && isSpringChange(sign > 0 ? time : -newest)) lost++;
      previous = place;
      newest = Math.max(newest, place);
    },
    summary: () => ({ steps_back: steps, repeated_rows: repeated, lost_hours: lost }),
  };
}

const EUROPE = parseTimeZone('Europe/Berlin');
const NEW_YORK = parseTimeZone('America/New_York');

/** Returns whether a moment is within a day after the hour in which Europe or New York puts the clock forward. */
function isSpringChange(time: number): boolean {
  return [EUROPE, NEW_YORK].some((zone) => zone.offsetAt(time) > zone.offsetAt(time - DAY_S - HOUR_S));
}

/** Takes the noise of binary fractions off the prices and turns spreads from points into price units. */
function toPoints(columns: Batch['columns'], length: number, decimals: number): void {
  const pointsPerUnit = Number(`1e${decimals}`);
  for (const name of ['open', 'high', 'low', 'close'] as const) {
    const prices = columns[name];
    for (let i = 0; i < length; i++) prices[i] = Math.round(prices[i]! * pointsPerUnit) / pointsPerUnit;
  }
  for (let i = 0; i < length; i++) columns.spread[i]! /= pointsPerUnit;
}

/** Faults that a cell of the row has. */
const OF_A_CELL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BAR_MALFORMED',
  'BAR_NOT_FINITE',
  'BAR_NOT_POSITIVE',
  'BAR_PRICE_RANGE',
  'BAR_RANGE',
]);

function seenOf(text: string, code: ErrorCode, time: number, layout: BarLayout): string {
  const cell = OF_A_CELL.has(code) ? layout.wrongCell(text) : null;
  const line = cell === null ? text.slice(0, 120) : `${cell} in ${text.slice(0, 120)}`;
  return code === 'BAR_TIME_RANGE' ? `${line} (expected ${expectedTime(time)})` : line;
}

async function reportOf(
  { symbol, tally, sources, timeframe, gaps }: Target,
  sunk: SunkBars,
  verdict: Verdict,
  imported: boolean,
): Promise<ImportReport> {
  const check = createBarCheck(symbol, null, timeframe.barSeconds ?? SECONDS_PER_BAR);
  const clock = createClockCheck();
  const watch = createGapWatch(symbol, timeframe.barSeconds ?? SECONDS_PER_BAR);
  for await (const page of sunk.pages()) {
    check.add(page);
    watch.add(page);
    clock.add(page);
  }
  const { read, rejected_count, rejected, forming, weekend } = tally;
  const { place, added, duplicates, conflicts, conflicting, replaced, replaced_period } = sunk;
  const report = check.report();
  const isChecked = imported && report.bars > 0;
  if (isChecked) gaps.push(watch.result());
  return {
    symbol,
    file: place,
    verdict,
    imported,
    read,
    left_out: { forming, weekend },
    added,
    duplicates,
    conflicts,
    ...(replaced !== undefined && { replaced }),
    ...(replaced_period !== undefined && { replaced_period }),
    conflicting,
    rejected_count,
    rejected,
    bars: report.bars,
    clock: isChecked ? clock.report() : null,
    check: isChecked ? report : null,
    sources,
  };
}

/** @throws MinutehandError DATA_FORMAT for a name that is no symbol */
function symbolOfRow(name: string, names: SymbolNames, path: string): string {
  const reading = readSymbol(name, names);
  if (reading.symbol !== null) return reading.symbol;
  throw symbolUnclear(`${path} has the symbol ${shownName(name)}, which`, reading, '--symbol');
}

/** The values of one file, which are few: a year of minutes is 16 bytes each. */
async function takeSeries(
  { path, survey, layout, readBy, onBytes }: Source<SeriesLayout>,
  symbolOfName: string,
  options: ImportOptions,
): Promise<SeriesReport[]> {
  const { into, names = NO_SYMBOL_NAMES } = options;
  const nowMs = nowOf(options);
  if (into.putSeries === null)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path} has ${layout.columns.map(({ name }) => name).join(', ')} and no bars`,
      expected: 'bars: a folder of bar files has no place for series',
      next: 'Import it into the store: leave --out away.',
    });
  const bySymbol = new Map<string, { times: number[][]; values: number[][]; read: number; rejected: number }>();
  const spelled = new Map<string, string>();
  let isHeader = true;
  for await (const lines of sourceLines(path, { onBytes })) {
    for (const text of lines) {
      const isRow = !isHeader && text !== '';
      isHeader = false;
      if (!isRow) continue;
      const row = layout.parse(text);
      const named = row?.symbol ?? null;
      const symbol = named === null ? symbolOfName : (spelled.get(named) ?? symbolOfRow(named, names, path));
      if (named !== null) spelled.set(named, symbol);
      const own = bySymbol.get(symbol) ?? {
        times: layout.columns.map(() => []),
        values: layout.columns.map(() => []),
        read: 0,
        rejected: 0,
      };
      bySymbol.set(symbol, own);
      own.read++;
      const isFuture = row !== null && nowMs !== null && row.time * 1000 > nowMs;
      const isAbsent = (value: number, column: number): boolean =>
        !Number.isFinite(value) && isBeside(layout.columns[column]!.name);
      const isPossible = row?.values.every(
        (value, column) => isAbsent(value, column) || isPossibleValue(layout.columns[column]!.name, value),
      );
      if (row === null || isFuture || !Number.isFinite(row.time) || isPossible !== true) {
        own.rejected++;
        continue;
      }
      for (const [column, value] of row.values.entries()) {
        if (isAbsent(value, column)) continue;
        own.times[column]!.push(row.time);
        own.values[column]!.push(value);
      }
    }
  }
  const reports: SeriesReport[] = [];
  for (const [symbol, { times, values, read, rejected }] of bySymbol) {
    for (const [column, { name }] of layout.columns.entries()) {
      const time = Float64Array.from(times[column]!);
      if (time.length === 0 && isBeside(name)) continue;
      const counts = await into.putSeries(symbol, name, time, Float64Array.from(values[column]!));
      const of = { symbol, name, file: path, left_out: layout.leftOut, ...(readBy.length > 0 && { read_by: readBy }) };
      reports.push({ ...of, read, rejected_count: rejected, ...counts });
    }
    await into.imported({
      symbol,
      file: resolve(path),
      sha256: survey.sha256,
      layout: layout.name,
      timezone: null,
      rows: read,
      rejected,
    });
  }
  return reports;
}
