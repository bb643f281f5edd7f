import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { OpenTime } from '../bar.ts';
import { SECONDS_PER_BAR } from '../bar.ts';
import type { ErrorCode } from '../errors.ts';
import { describeError, MinutehandError } from '../errors.ts';
import type { BarColumns } from './bar_file.ts';
import { emptyColumns, findBarFile, readBarFile, readPlainBytes, writeBarFile } from './bar_file.ts';
import type { BarLayout, ForeignRow } from './bar_layout.ts';
import { recogniseLayout, symbolOfSource } from './bar_layout.ts';
import type { ClockReport } from './clock_check.ts';
import { checkClock } from './clock_check.ts';

export interface ImportOptions {
  /** A file, or a folder whose `.csv`, `.csv.gz` and `.txt` files are taken (not its subfolders). */
  readonly source: string;
  /** The folder of `SYMBOL.csv.gz`; made when it is not there. */
  readonly out: string;
  /**
   * How far the clock of the files is ahead of UTC, in minutes: −300 for HistData's EST, 120 for a broker on UTC+2. A must for layouts that do not
   * name their clock (HistData, MetaTrader), not applied to the others. It is a fixed number: a file whose clock changes with daylight saving has to be
   * cut at the change and imported in parts; the `clock` of the report shows when that was forgotten.
   */
  readonly utcOffsetMinutes?: number;
  /** The symbol, where the names of the files do not tell it. */
  readonly symbol?: string;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  readonly file: string;
  /** Files read so far, this one included. */
  readonly done: number;
  readonly total: number;
}

export interface RejectedRow {
  readonly file: string;
  readonly line: number;
  readonly code: ErrorCode;
  readonly seen: string;
}

/** A row whose minute already had other numbers; the first copy was kept. Prices as `open high low close volume`. */
export interface ConflictingRow {
  readonly time: OpenTime;
  readonly kept: string;
  readonly seen: string;
}

export interface ImportReport {
  readonly symbol: string;
  /** The file that holds the symbol now. */
  readonly file: string;
  /** Lines with content, headers aside: added + duplicates + conflicts + rejected_count. */
  readonly read: number;
  readonly added: number;
  readonly duplicates: number;
  readonly conflicts: number;
  /** The first 20. */
  readonly conflicting: readonly ConflictingRow[];
  readonly rejected_count: number;
  /** The first 100. */
  readonly rejected: readonly RejectedRow[];
  /** Bars in the file now. */
  readonly bars: number;
  readonly clock: ClockReport;
}

export interface ImportResult {
  readonly symbols: readonly ImportReport[];
  /** Files of a folder that could not be read at all; the others were imported. */
  readonly skipped: readonly { readonly file: string; readonly code: ErrorCode; readonly seen: string }[];
}

const REJECTED_SHOWN = 100;
const CONFLICTS_SHOWN = 20;
/** From this many rows on, a file without two neighbouring minutes is not one of minutes. */
const ENOUGH_ROWS = 20;

/** Rows of one symbol as they are collected, in the order they were read. */
interface Collected {
  read: number;
  rejected_count: number;
  readonly rejected: RejectedRow[];
  readonly rows: CollectedRow[];
}

interface CollectedRow {
  readonly time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  readonly volume: number;
  spread: number;
}

/**
 * Reads bars of other programs and merges them into `<out>/SYMBOL.csv.gz`; the layout is recognised by the content. Importing the same again changes
 * nothing, not even the bytes. A bad row is counted and reported and never stops the rest; the minute that was there first wins.
 * Spreads in points become price units by the decimals of the file's prices.
 * @throws MinutehandError DATA_MISSING (no such source, or nothing in it), DATA_FORMAT (a single file of unknown layout, damaged, or not of minutes),
 * USAGE (no clock for a layout that does not name its own, or no symbol in the file's name).
 */
export async function importBars(options: ImportOptions): Promise<ImportResult> {
  const { paths, isFolder } = await sourcePaths(options.source);
  const bySymbol = new Map<string, string[]>();
  const skipped: { file: string; code: ErrorCode; seen: string }[] = [];
  const skipOrThrow = (file: string, error: unknown): void => {
    // A missing option is the user's to mend, also when only some of the files need it.
    if (!isFolder || !(error instanceof MinutehandError) || error.code === 'USAGE') throw error;
    skipped.push({ file, code: error.code, seen: error.seen ?? describeError(error).message });
  };
  for (const path of paths) {
    const symbol = options.symbol ?? symbolOfSource(path);
    if (symbol !== null) bySymbol.set(symbol, [...(bySymbol.get(symbol) ?? []), path]);
    else if (isFolder) skipped.push({ file: path, code: 'DATA_FORMAT', seen: 'no symbol in the name of the file' });
    else
      throw new MinutehandError('USAGE', {
        seen: `no symbol in the name ${basename(path)}`,
        next: 'Say it with --symbol.',
      });
  }

  await mkdir(options.out, { recursive: true });
  const reports: ImportReport[] = [];
  let done = 0;
  for (const [symbol, own] of bySymbol) {
    const collected: Collected = { read: 0, rejected_count: 0, rejected: [], rows: [] };
    let understood = 0;
    for (const path of own) {
      try {
        collectRows(await readText(path), path, options.utcOffsetMinutes, collected);
        understood++;
      } catch (error) {
        skipOrThrow(path, error);
      }
      done++;
      options.onProgress?.({ file: path, done, total: paths.length });
    }
    if (understood > 0) reports.push(await mergeSymbol(options.out, symbol, collected));
  }
  return { symbols: reports, skipped };
}

async function sourcePaths(source: string): Promise<{ paths: string[]; isFolder: boolean }> {
  const kind = await stat(source).catch(() => null);
  if (kind === null) throw new MinutehandError('DATA_MISSING', { seen: `nothing at ${source}` });
  if (!kind.isDirectory()) return { paths: [source], isFolder: false };
  const names = (await readdir(source))
    .filter((name) => /\.(csv|txt)(\.gz)?$/i.test(name) && !name.startsWith('.'))
    .sort();
  if (names.length === 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no .csv, .csv.gz or .txt file in ${source}`,
      next: 'Unpack archives first.',
    });
  return { paths: names.map((name) => join(source, name)), isFolder: true };
}

async function readText(path: string): Promise<string> {
  const bytes = await readPlainBytes(path);
  // MetaTrader writes text as UTF-16 unless it is told otherwise.
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le', 2);
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    ? bytes.toString('utf8', 3)
    : bytes.toString('latin1');
}

/** Adds the rows of one file; leaves `collected` as it was when the file as a whole is refused. */
function collectRows(text: string, path: string, utcOffsetMinutes: number | undefined, collected: Collected): void {
  const lines = text.split('\n');
  const first = lines[0]!.trimEnd();
  const layout = recogniseLayout(first);
  if (layout === null)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path} begins with "${first.slice(0, 80)}"`,
      expected: 'our own CSV, HistData ASCII, a MetaTrader export or Binance klines',
    });
  const offset_s = offsetOf(layout, path, utcOffsetMinutes) * 60;
  const rows: CollectedRow[] = [];
  const rejected: RejectedRow[] = [];
  let [read, rejectedCount, decimals] = [0, 0, 0];
  for (let index = layout.hasHeader ? 1 : 0; index < lines.length; index++) {
    const line = lines[index]!.endsWith('\r') ? lines[index]!.slice(0, -1) : lines[index]!;
    if (line === '') continue;
    read++;
    const row = layout.parse(line);
    const code = row === null ? 'BAR_MALFORMED' : faultOf(row, offset_s);
    if (row === null || code !== null) {
      rejectedCount++;
      if (rejected.length < REJECTED_SHOWN)
        rejected.push({ file: path, line: index + 1, code: code!, seen: line.slice(0, 120) });
      continue;
    }
    decimals = Math.max(decimals, row.decimals);
    const { time, open, high, low, close, volume, spread } = row;
    rows.push({ time: time - offset_s, open, high, low, close, volume, spread });
  }
  refuseOtherPeriods(rows, path);
  if (layout.inPoints) toPoints(rows, decimals);
  for (const row of rows) collected.rows.push(row);
  collected.rejected.push(...rejected.slice(0, REJECTED_SHOWN - collected.rejected.length));
  collected.read += read;
  collected.rejected_count += rejectedCount;
}

/** Takes the noise of binary fractions off the prices and turns spreads from points into price units. */
function toPoints(rows: CollectedRow[], decimals: number): void {
  const pointsPerUnit = Number(`1e${decimals}`);
  const toPoint = (price: number): number => Math.round(price * pointsPerUnit) / pointsPerUnit;
  for (const row of rows) {
    for (const name of PRICE_NAMES) row[name] = toPoint(row[name]);
    row.spread /= pointsPerUnit;
  }
}

function offsetOf(layout: BarLayout, path: string, utcOffsetMinutes: number | undefined): number {
  if (layout.isUtc) return 0;
  if (utcOffsetMinutes === undefined || !Number.isFinite(utcOffsetMinutes) || Math.abs(utcOffsetMinutes) > 14 * 60)
    throw new MinutehandError('USAGE', {
      seen: `${path} is of the layout ${layout.name}, which does not say its clock; the offset given is ${utcOffsetMinutes ?? 'none'}`,
      expected: 'the minutes its clock is ahead of UTC, −840 to 840',
      next: 'Give --timezone: -300 for EST (HistData), the server’s offset for MetaTrader.',
    });
  return utcOffsetMinutes;
}

function faultOf(row: ForeignRow, offset_s: number): ErrorCode | null {
  const { time, open, high, low, close, volume, spread } = row;
  if (!Number.isFinite(time)) return 'BAR_MALFORMED';
  if (![open, high, low, close, volume].every(Number.isFinite)) return 'BAR_NOT_FINITE';
  if (open <= 0 || high <= 0 || low <= 0 || close <= 0 || volume < 0 || spread < 0) return 'BAR_NOT_POSITIVE';
  if (high < Math.max(open, close) || low > Math.min(open, close)) return 'BAR_RANGE';
  return (time - offset_s) % SECONDS_PER_BAR === 0 ? null : 'BAR_OFF_MINUTE';
}

function refuseOtherPeriods(rows: readonly CollectedRow[], path: string): void {
  if (rows.length < ENOUGH_ROWS) return;
  let smallest = Infinity;
  for (let i = 1; i < rows.length; i++) {
    const apart = Math.abs(rows[i]!.time - rows[i - 1]!.time);
    if (apart === SECONDS_PER_BAR) return;
    if (apart > 0) smallest = Math.min(smallest, apart);
  }
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: neighbouring bars are ${smallest} s apart or more`,
    expected: 'bars of one minute',
    next: 'Export the M1 (one-minute) chart.',
  });
}

async function mergeSymbol(out: string, symbol: string, collected: Collected): Promise<ImportReport> {
  const found = await findBarFile(out, symbol);
  const file = found ?? join(out, `${symbol}.csv.gz`);
  const existing = found === null ? null : await readBarFile(found);
  const merged = mergeRows(symbol, existing, collected.rows);
  if (merged.added > 0) await writeBarFile(file, merged.columns);
  return {
    symbol,
    file,
    read: collected.read,
    added: merged.added,
    duplicates: merged.duplicates,
    conflicts: merged.conflicts,
    conflicting: merged.conflicting,
    rejected_count: collected.rejected_count,
    rejected: collected.rejected,
    bars: merged.columns.length,
    clock: checkClock(merged.columns),
  };
}

/** Existing bars before new ones, earlier lines before later ones: whoever comes first to a minute stays. */
function mergeRows(
  symbol: string,
  existing: BarColumns | null,
  rows: CollectedRow[],
): { columns: BarColumns; added: number; duplicates: number; conflicts: number; conflicting: ConflictingRow[] } {
  const sorted = rows.some((row, i) => i > 0 && row.time < rows[i - 1]!.time)
    ? rows.toSorted((a, b) => a.time - b.time)
    : rows;
  const have = existing?.length ?? 0;
  const columns = emptyColumns(have + sorted.length);
  const conflicting: ConflictingRow[] = [];
  let [length, next, added, duplicates, conflicts] = [0, 0, 0, 0, 0];
  const copyExisting = (until: number): void => {
    for (; next < have && existing!.time[next]! <= until; next++, length++) {
      for (const name of COLUMN_NAMES) columns[name][length] = existing![name][next]!;
      columns.spread[length] = existing!.spread?.[next] ?? NaN;
    }
  };
  for (const row of sorted) {
    copyExisting(row.time);
    const last = length - 1;
    if (last < 0 || columns.time[last] !== row.time) {
      for (const name of COLUMN_NAMES) columns[name][length] = row[name];
      columns.spread[length] = row.spread;
      length++;
      added++;
      continue;
    }
    const keptSpread = columns.spread[last]!;
    const sameSpread = keptSpread === row.spread || Number.isNaN(keptSpread) || Number.isNaN(row.spread);
    if (sameSpread && COLUMN_NAMES.every((name) => columns[name][last] === row[name])) {
      duplicates++;
      continue;
    }
    conflicts++;
    if (conflicting.length < CONFLICTS_SHOWN) {
      const kept = VALUE_NAMES.map((name) => columns[name][last]).join(' ');
      conflicting.push({ time: row.time as OpenTime, kept, seen: VALUE_NAMES.map((name) => row[name]).join(' ') });
    }
  }
  copyExisting(Infinity);
  const spread = columns.spread.subarray(0, length);
  const cut = Object.fromEntries(COLUMN_NAMES.map((name) => [name, columns[name].subarray(0, length)])) as Record<
    (typeof COLUMN_NAMES)[number],
    Float64Array
  >;
  const merged = { symbol, length, ...cut, spread: spread.every(Number.isNaN) ? null : spread };
  return { columns: merged, added, duplicates, conflicts, conflicting };
}

const PRICE_NAMES = ['open', 'high', 'low', 'close'] as const;
const VALUE_NAMES = [...PRICE_NAMES, 'volume'] as const;
const COLUMN_NAMES = ['time', ...VALUE_NAMES] as const;
