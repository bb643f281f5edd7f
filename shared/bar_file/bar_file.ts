import { randomUUID } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { createBoundedGunzip } from '../bounded_gunzip.ts';
import type { Bar, OpenTime } from '../bar.ts';
import { LATEST_TIME_S, SECONDS_PER_BAR } from '../bar.ts';
import type { SymbolSeries } from '../core/series/leg_series.ts';
import { HIGHEST_PRICE, HIGHEST_VOLUME, LOWEST_PRICE } from '../bar_rules.ts';
import { writeSynced, renameFileAsync } from '../durable_file.ts';
import { MinutehandError } from '../errors.ts';
import { pathInside } from '../path_name.ts';
import { parseDecimal } from './decimal.ts';
import { atLastMinute } from './own_timeframe.ts';

/**
 * The bars of one symbol, one array per column, ascending in time without duplicates. All arrays have `length`
 * elements.
 */
export interface BarColumns {
  readonly symbol: string;
  readonly length: number;
  /** Epoch seconds of the bar open, UTC. */
  readonly time: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  /** 0 means unknown. */
  readonly volume: Float64Array;
  /** Price units; NaN where this bar's spread is unknown, null when the file has no such column. */
  readonly spread: Float64Array | null;
  /** NaN where unknown; absent when the file has no such columns. */
  readonly flow?: BarFlow;
  /** Auxiliary series of the symbol, whatever the period of the bars; absent where they were not looked for. */
  readonly series?: SymbolSeries;
  /** Bars of other symbols that formulas read, by symbol, in the timeframe of these; absent where none is read. */
  readonly others?: ReadonlyMap<string, BarColumns>;
}

/** What takers bought of the volume, and the number of trades; null when the file has no such column. */
export interface BarFlow {
  readonly takerBuyVolume: Float64Array | null;
  readonly trades: Float64Array | null;
}

/** All bars that opened at `time`, in the order of the map they came from. */
export interface Minute {
  readonly time: OpenTime;
  readonly bars: readonly Bar[];
}

export interface FolderProgress {
  readonly symbol: string;
  /** Symbols checked so far, including this one. */
  readonly done: number;
  readonly total: number;
  /** Bars of this symbol in the period; 0 when it has no file. */
  readonly bars: number;
}

const HEADER = 'time,open,high,low,close,volume';
const HEADER_FORM = new RegExp(`^${HEADER}(,spread)?(,taker_buy_volume)?(,trades)?$`);
const SHOWN_HEADER = `${HEADER}[,spread][,taker_buy_volume][,trades]`;
const SANE_NUMBERS = `prices of ${LOWEST_PRICE} to ${HIGHEST_PRICE}, and a volume of at most ${HIGHEST_VOLUME}`;
const POSITIVE = 'finite prices > 0 and a volume >= 0';
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const COMMA = 44;
const deflate = promisify(gzip);

/**
 * Reads one `SYMBOL.csv` or `SYMBOL.csv.gz`; the symbol is the file's name. Nothing is repaired: the first line that
 * breaks a rule ends the reading.
 * @throws MinutehandError DATA_MISSING when there is no such file; DATA_FORMAT with file, line and what was seen when
 * the gzip stream is damaged or cut, the header is another one, or a line is not a valid bar (finite, prices > 0, high
 * and low enclosing open and close, volume and spread >= 0, a whole minute, later than the line before).
 */
export async function readBarFile(path: string): Promise<BarColumns> {
  return parseBars(await readPlainBytes(path), path);
}

/**
 * The bytes of a file, decompressed when it is gzip by its name or by its first bytes.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT.
 */
export async function readPlainBytes(path: string): Promise<Buffer> {
  await refuseIrregular(path);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unreadableFile(path, cause);
  });
  if (!path.endsWith('.gz') && !(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes;
  const chunks: Buffer[] = [];
  const meter = lineMeter(path);
  try {
    for await (const chunk of Readable.from([bytes]).pipe(
      createBoundedGunzip({ chunkSize: 1 << 20 }),
    ) as AsyncIterable<Buffer>) {
      meter(chunk);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof MinutehandError ? cause : damagedGzip(path, cause);
  }
  return Buffer.concat(chunks);
}

/**
 * Refuses what is no regular file: a pipe without a writer would block for ever.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT
 */
export async function refuseIrregular(path: string): Promise<void> {
  const kind = await stat(path).catch((cause: unknown) => {
    throw unreadableFile(path, cause);
  });
  if (kind.isFile()) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path} is ${kind.isDirectory() ? 'a folder' : 'no regular file'}`,
    expected: 'a file',
    next: kind.isDirectory() ? 'Name the file in it.' : 'Write its content to a file first.',
  });
}

/** The error for a file that is missing, or that cannot be read: of another user, or a loop of links. */
export function unreadableFile(path: string, cause: unknown): MinutehandError {
  if (isMissing(cause)) return new MinutehandError('DATA_MISSING', { seen: `no file ${path}`, cause });
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  return new MinutehandError('DATA_MISSING', {
    seen: `${path} cannot be read: ${code}`,
    expected: 'a file that this user can read',
    next: 'Check its permissions, and where its link leads.',
    cause,
  });
}

/** Longer lines mean that the file is no text, or is a small gzip file that decompresses without end. */
export const MAX_LINE_BYTES = 1 << 20;
/** No table of numbers has so many bytes without a digit, such as empty lines. */
const MAX_DIGITLESS_BYTES = 1 << 20;
const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;

/**
 * Counts the bytes since the last line feed, and since the last piece with a digit, chunk by chunk.
 * @throws MinutehandError DATA_FORMAT on a line longer than 1 MiB, and on pieces of more than 1 MiB without a digit
 */
export function lineMeter(path: string): (chunk: Uint8Array) => void {
  let open = 0;
  let digitless = 0;
  return (chunk) => {
    const lineFeed = chunk.lastIndexOf(LINE_FEED);
    // Old exports end lines with a carriage return alone.
    const lineEnd = lineFeed < 0 ? chunk.lastIndexOf(CARRIAGE_RETURN) : lineFeed;
    open = lineEnd < 0 ? open + chunk.length : chunk.length - lineEnd - 1;
    if (open > MAX_LINE_BYTES) throw lineTooLong(path);
    digitless = hasDigit(chunk) ? 0 : digitless + chunk.length;
    if (digitless > MAX_DIGITLESS_BYTES)
      throw new MinutehandError('DATA_FORMAT', {
        seen: `${path}: more than ${MAX_DIGITLESS_BYTES} bytes without a digit, such as empty lines`,
        expected: 'a text file with numbers in its rows',
      });
  };
}

/** Of rows, it ends after a few bytes. */
function hasDigit(chunk: Uint8Array): boolean {
  return chunk.some((byte) => byte >= DIGIT_ZERO && byte <= DIGIT_NINE);
}

export function lineTooLong(path: string): MinutehandError {
  return new MinutehandError('DATA_FORMAT', {
    seen: `${path}: a line of more than ${MAX_LINE_BYTES} bytes`,
    expected: 'a text file with one row per line',
  });
}

/** The error for a file that cannot be decompressed. */
export function damagedGzip(path: string, cause: unknown): MinutehandError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MinutehandError('DATA_FORMAT', {
    seen: `${path}: ${reason === 'unexpected end of file' ? 'the gzip stream ends early, the file was cut' : `not a sound gzip file (${reason})`}`,
    next: 'Fetch or export the file again.',
    cause,
  });
}

/** `XAUUSD` of `data/XAUUSD.csv.gz`. */
function symbolOfPath(path: string): string {
  return basename(path).replace(/\.csv(\.gz)?$/i, '');
}

/** The parser of `readBarFile`; `path` determines the symbol and appears in the errors. */
export function parseBars(bytes: Uint8Array, path: string): BarColumns {
  const symbol = symbolOfPath(path);
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const refuse = (line: number, seen: string, expected?: string): never => {
    const detail = { seen: `${path} line ${line}: ${seen}` };
    throw new MinutehandError('DATA_FORMAT', expected === undefined ? detail : { ...detail, expected });
  };

  const headerEnd = lineEndFrom(bytes, at);
  const header = textOf(bytes, at, headerEnd);
  const form = HEADER_FORM.exec(header);
  if (form === null)
    refuse(1, bytes.length === at ? 'an empty file' : `the header "${header.slice(0, 80)}"`, SHOWN_HEADER);
  const [, hasSpread, hasTaker, hasTrades] = form!;
  at = afterLine(bytes, headerEnd);

  const capacity = countLines(bytes, at);
  const { time, open, high, low, close, volume, ...own } = emptyColumns(capacity);
  const spread = hasSpread === undefined ? null : own.spread;
  const takerBuyVolume = hasTaker === undefined ? null : new Float64Array(capacity);
  const trades = hasTrades === undefined ? null : new Float64Array(capacity);
  const given = [spread, takerBuyVolume, trades].filter((column) => column !== null);
  const columns = 6 + given.length;
  const starts = new Int32Array(columns + 1);
  const field = (index: number): number => parseDecimal(bytes, starts[index]!, starts[index + 1]! - 1);

  let length = 0;
  let previous = -Infinity;
  for (let line = 2; at < bytes.length; line++) {
    let fields = 0;
    let byte = 0;
    starts[0] = at;
    for (; at < bytes.length && (byte = bytes[at]!) !== LINE_FEED; at++)
      if (byte === COMMA && ++fields < columns) starts[fields] = at + 1;
    const end = at > starts[0]! && bytes[at - 1] === CARRIAGE_RETURN ? at - 1 : at;
    const text = (): string => `"${textOf(bytes, starts[0]!, end).slice(0, 120)}"`;
    at++;
    if (end === starts[0]) continue;
    if (++fields !== columns) refuse(line, `${fields} fields in ${text()}`, `${columns} fields`);
    starts[columns] = end + 1;

    const t = field(0);
    const o = field(1);
    const h = field(2);
    const l = field(3);
    const c = field(4);
    const v = field(5);
    // `!(a > b)` is also true for NaN, so one test refuses both.
    if (!(o > 0 && h > 0 && l > 0 && c > 0 && h < Infinity && v >= 0 && v < Infinity)) refuse(line, text(), POSITIVE);
    if (!(h >= o && h >= c && l <= o && l <= c)) refuse(line, text(), 'high and low that enclose open and close');
    if (l < LOWEST_PRICE || h > HIGHEST_PRICE || v > HIGHEST_VOLUME) refuse(line, text(), SANE_NUMBERS);
    if (!(t > previous && t % SECONDS_PER_BAR === 0)) {
      if (t % SECONDS_PER_BAR !== 0) refuse(line, `time ${t} in ${text()}`, 'epoch seconds of a whole minute');
      refuse(line, `time ${t} after ${previous}`, 'ascending times without duplicates');
    }
    if (!(t >= 0 && t < LATEST_TIME_S)) refuse(line, `time ${t}`, expectedTime(t));
    for (let i = 0; i < given.length; i++) {
      const known = starts[6 + i]! < starts[7 + i]! - 1;
      const s = known ? field(6 + i) : NaN;
      if (known && !(s >= 0 && s < Infinity))
        refuse(line, text(), `a ${header.split(',')[6 + i]!} >= 0, or an empty field when it is unknown`);
      given[i]![length] = s;
    }
    time[length] = previous = t;
    open[length] = o;
    high[length] = h;
    low[length] = l;
    close[length] = c;
    volume[length] = v;
    length++;
  }
  const flow = (takerBuyVolume ?? trades) === null ? {} : { flow: { takerBuyVolume, trades } };
  const whole: BarColumns = { symbol, length: capacity, time, open, high, low, close, volume, spread, ...flow };
  return length === capacity ? whole : copyBars(whole, 0, length);
}

/**
 * Reads the files of `symbols` in `folder`; a symbol without a file is not in the map, which keeps the order of
 * `symbols`. `from` is inclusive, `to` exclusive. Bars of a longer timeframe than one minute have the time of their
 * last minute, as in `legBars`.
 * @throws MinutehandError DATA_MISSING when the folder does not exist; DATA_FORMAT as `readBarFile`, or when a symbol
 * has both a plain and a compressed file.
 */
export async function readBarFolder(
  folder: string,
  symbols: readonly string[],
  options: { from?: OpenTime; to?: OpenTime; onProgress?: (progress: FolderProgress) => void } = {},
): Promise<Map<string, BarColumns>> {
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw new MinutehandError('DATA_MISSING', { seen: `no folder ${folder}` });
  const found = new Map<string, BarColumns>();
  let done = 0;
  for (const symbol of symbols) {
    const path = await findBarFile(folder, symbol);
    if (path !== null) {
      const columns = await readBarFile(path);
      found.set(symbol, clipBars(atLastMinute(columns), options.from, options.to));
    }
    done++;
    options.onProgress?.({ symbol, done, total: symbols.length, bars: found.get(symbol)?.length ?? 0 });
  }
  return found;
}

/** The file of `symbol` in `folder`, or null. @throws MinutehandError DATA_FORMAT when there are two. */
export async function findBarFile(folder: string, symbol: string): Promise<string | null> {
  const present: string[] = [];
  for (const path of [pathInside(folder, `${symbol}.csv.gz`), pathInside(folder, `${symbol}.csv`)])
    if (await stat(path).catch(() => null)) present.push(path);
  if (present.length > 1)
    throw new MinutehandError('DATA_FORMAT', {
      seen: present.join(' and '),
      expected: 'one file per symbol',
      next: 'Remove one of the two.',
    });
  return present[0] ?? null;
}

/** The bars with `from` <= time < `to`. */
export function clipBars(columns: BarColumns, from?: OpenTime, to?: OpenTime): BarColumns {
  const time = columns.time.subarray(0, columns.length);
  const first = from === undefined ? 0 : lowerBound(time, from);
  const end = to === undefined ? columns.length : lowerBound(time, to);
  return first === 0 && end === columns.length ? columns : copyBars(columns, first, Math.max(first, end));
}

/**
 * Writes `columns` in the layout `readBarFile` reads, compressed when the name ends in `.gz`. Numbers are written in
 * their shortest exact form. A reader sees the old file or the new one: temporary file, fsync, rename.
 */
export async function writeBarFile(path: string, columns: BarColumns): Promise<void> {
  const text = Buffer.from(formatBars(columns), 'latin1');
  const bytes = path.endsWith('.gz') ? await deflate(text) : text;
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await writeSynced(temporary, bytes, 'wx');
    await renameFileAsync(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Columns that a bar file need not have, in their order. */
export const OPTIONAL_COLUMNS = ['spread', 'taker_buy_volume', 'trades'] as const;
export type OptionalColumn = (typeof OPTIONAL_COLUMNS)[number];

/** NaN where unknown; null without the column. */
export function optionalColumn({ spread, flow }: BarColumns, name: OptionalColumn): Float64Array | null {
  if (name === 'spread') return spread;
  return (name === 'trades' ? flow?.trades : flow?.takerBuyVolume) ?? null;
}

/** The text of a bar file. */
export function formatBars(columns: BarColumns): string {
  const optional = OPTIONAL_COLUMNS.filter((name) => optionalColumn(columns, name) !== null);
  return [barHeader(optional), ...barLines(columns, optional)].join('\n') + '\n';
}

/** The first line of a bar file, without its end. */
export function barHeader(optional: readonly OptionalColumn[]): string {
  return [HEADER, ...optional].join();
}

/**
 * The lines of a bar file without their ends, numbers in their shortest exact form; an unknown one is an empty field.
 */
export function barLines(columns: BarColumns, optional: readonly OptionalColumn[]): string[] {
  const { length, time, open, high, low, close, volume } = columns;
  const others = optional.map((name) => optionalColumn(columns, name));
  const lines: string[] = [];
  for (let i = 0; i < length; i++) {
    let line = `${time[i]},${open[i]},${high[i]},${low[i]},${close[i]},${volume[i]}`;
    for (const column of others) {
      const known = column?.[i] ?? NaN;
      line += Number.isNaN(known) ? ',' : `,${known}`;
    }
    lines.push(line);
  }
  return lines;
}

/**
 * Columns of bars that are in ascending order; bars of other symbols are ignored. The spread column is there when
 * any bar has a spread.
 */
export function columnsOf(symbol: string, bars: Iterable<Bar>): BarColumns {
  const own = Array.from(bars).filter((bar) => bar.symbol === symbol);
  const column = (value: (bar: Bar) => number): Float64Array => Float64Array.from(own, value);
  const known = (value: (bar: Bar) => number | undefined): Float64Array | null =>
    own.some((bar) => value(bar) !== undefined) ? column((bar) => value(bar) ?? NaN) : null;
  const flow: BarFlow = {
    takerBuyVolume: known(({ takerBuyVolume }) => takerBuyVolume),
    trades: known(({ trades }) => trades),
  };
  return {
    symbol,
    length: own.length,
    time: column((bar) => bar.time),
    open: column((bar) => bar.open),
    high: column((bar) => bar.high),
    low: column((bar) => bar.low),
    close: column((bar) => bar.close),
    volume: column((bar) => bar.volume),
    spread: known(({ spread }) => spread),
    ...((flow.takerBuyVolume ?? flow.trades) !== null && { flow }),
  };
}

/** Columns of `length` bars to be filled in. */
export function emptyColumns(
  length: number,
): Record<'time' | 'open' | 'high' | 'low' | 'close' | 'volume' | 'spread', Float64Array<ArrayBuffer>> {
  const column = (): Float64Array<ArrayBuffer> => new Float64Array(length);
  return {
    time: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
    spread: column(),
  };
}

/** Bar `index` of the columns as an object. */
export function barAt(columns: BarColumns, index: number): Bar {
  const bar = {
    symbol: columns.symbol,
    time: columns.time[index]! as OpenTime,
    open: columns.open[index]!,
    high: columns.high[index]!,
    low: columns.low[index]!,
    close: columns.close[index]!,
    volume: columns.volume[index]!,
  };
  const spread = columns.spread === null ? NaN : columns.spread[index]!;
  const quoted = Number.isNaN(spread) ? bar : { ...bar, spread };
  if (columns.flow === undefined) return quoted;
  const taker = columns.flow.takerBuyVolume?.[index] ?? NaN;
  const trades = columns.flow.trades?.[index] ?? NaN;
  return {
    ...quoted,
    ...(!Number.isNaN(taker) && { takerBuyVolume: taker }),
    ...(!Number.isNaN(trades) && { trades }),
  };
}

/**
 * `barAt` for callers that read one bar after the other and keep none: each answer overwrites the one before.
 * Allocating an object for each bar takes as long as half of its features.
 */
export function barReader(columns: BarColumns): (index: number) => Bar {
  const { symbol, time, open, high, low, close, volume, spread } = columns;
  const bar = { symbol, time: 0 as OpenTime, open: NaN, high: NaN, low: NaN, close: NaN, volume: NaN };
  // A bar of its own for each kind: adding and removing the field would turn the object into a slow one.
  const quoted = { ...bar, spread: NaN };
  return (index) => {
    const known = spread === null ? NaN : spread[index]!;
    const next = Number.isNaN(known) ? bar : quoted;
    next.time = time[index]! as OpenTime;
    next.open = open[index]!;
    next.high = high[index]!;
    next.low = low[index]!;
    next.close = close[index]!;
    next.volume = volume[index]!;
    quoted.spread = known;
    return next;
  };
}

/** All minutes in which at least one symbol has a bar, ascending; holds one minute at a time. */
export function* minutes(columns: ReadonlyMap<string, BarColumns>): Generator<Minute, void, undefined> {
  const all = [...columns.values()];
  const next = new Int32Array(all.length);
  for (;;) {
    let time = Infinity;
    for (let i = 0; i < all.length; i++) {
      const at = next[i]!;
      if (at < all[i]!.length && all[i]!.time[at]! < time) time = all[i]!.time[at]!;
    }
    if (time === Infinity) return;
    const bars: Bar[] = [];
    for (let i = 0; i < all.length; i++) {
      const at = next[i]!;
      if (at < all[i]!.length && all[i]!.time[at] === time) {
        bars.push(barAt(all[i]!, at));
        next[i] = at + 1;
      }
    }
    yield { time: time as OpenTime, bars };
  }
}

/** The bars `first` up to, not including, `end`, as views of the same memory. */
export function viewBars(columns: BarColumns, first: number, end: number): BarColumns {
  const view = mapBars(columns, end - first, (column) => column.subarray(first, end));
  return withOthersBetween(view, columns, viewBars);
}

/**
 * The bars `first` up to, not including, `end`, in memory of their own: that of the whole can be freed, or written
 * again.
 */
export function copyBars(columns: BarColumns, first: number, end: number): BarColumns {
  const copy = mapBars(columns, end - first, (column) => column.slice(first, end));
  return withOthersBetween(copy, columns, copyBars);
}

/** A part of bars with those of other symbols from one bar before its first to one before its last: what it reads. */
function withOthersBetween(
  part: BarColumns,
  { others }: BarColumns,
  cut: (columns: BarColumns, first: number, end: number) => BarColumns,
): BarColumns {
  if (others === undefined) return part;
  const first = part.length === 0 ? Infinity : part.time[0]!;
  const last = part.length === 0 ? Infinity : part.time[part.length - 1]!;
  const own = [...others].map(([symbol, columns]): [string, BarColumns] => {
    const time = columns.time.subarray(0, columns.length);
    return [symbol, cut(columns, Math.max(0, lowerBound(time, first) - 1), lowerBound(time, last))];
  });
  return { ...part, others: new Map(own) };
}

/** The bars in memory that threads share. */
export function shareBars(columns: BarColumns): BarColumns {
  return mapBars(columns, columns.length, (column) => {
    const shared = new Float64Array(new SharedArrayBuffer(8 * columns.length));
    shared.set(column.subarray(0, columns.length));
    return shared;
  });
}

function mapBars(columns: BarColumns, length: number, map: (column: Float64Array) => Float64Array): BarColumns {
  const { symbol, time, open, high, low, close, volume, spread, flow, series } = columns;
  return {
    symbol,
    length,
    time: map(time),
    open: map(open),
    high: map(high),
    low: map(low),
    close: map(close),
    volume: map(volume),
    spread: spread === null ? null : map(spread),
    ...(flow !== undefined && {
      flow: {
        takerBuyVolume: flow.takerBuyVolume === null ? null : map(flow.takerBuyVolume),
        trades: flow.trades === null ? null : map(flow.trades),
      },
    }),
    ...(series !== undefined && { series }),
  };
}

/** @param time epoch seconds outside 1970–2100, or what a file has in their place */
export function expectedTime(time: number): string {
  return `epoch seconds from 1970 to 2100${Math.abs(time) >= 1e11 ? '; this looks like milliseconds' : ''}`;
}

/** The first index of ascending values, such as times, that is >= `at`; their number when there is none. */
export function lowerBound(ascending: ArrayLike<number>, at: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lineEndFrom(bytes: Uint8Array, from: number): number {
  const lineFeed = bytes.indexOf(LINE_FEED, from);
  const end = lineFeed < 0 ? bytes.length : lineFeed;
  return end > from && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
}

function afterLine(bytes: Uint8Array, from: number): number {
  const lineFeed = bytes.indexOf(LINE_FEED, from);
  return lineFeed < 0 ? bytes.length : lineFeed + 1;
}

function countLines(bytes: Uint8Array, from: number): number {
  let lines = 0;
  for (let at = from; at < bytes.length; at = afterLine(bytes, at)) lines++;
  return lines;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.subarray(from, Math.min(to, from + 400))).toString('latin1');
}

/** Returns whether a file was not there. */
export function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}
