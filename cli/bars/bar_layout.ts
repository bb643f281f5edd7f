import {
  calendarSeconds,
  dateOrderOf,
  hasShortYear,
  epochSeconds,
  epochUnit,
  isSerialDay,
  readStamp,
  type DateOrder,
} from '../../shared/csv/stamps.ts';
import { cellsOf, delimiterOf, withoutTrailing, type Delimiter } from '../../shared/csv/cells.ts';
import { decimalsOf, numberOf, PLAIN_NUMBERS, styleOf, type NumberStyle } from '../../shared/csv/numbers.ts';
import { parseDecimalText } from '../../shared/bar_file/decimal.ts';
import { amountFault, priceFault } from '../../shared/bar_rules.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { refuseOtherCounts } from './count_units.ts';
import { TABLE_NAMES, VALUE_HEADERS, BAR_VALUES, englishHeader, headerOf, type BarValue } from './column_names.ts';

export { BAR_VALUES, type BarValue } from './column_names.ts';

/** One bar as in a foreign file: the clock is the file's own, the spread is in points when the layout states so. */
export interface ForeignRow {
  /** Seconds since 1970 on the file's clock; NaN when the stamp cannot be read. */
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** NaN when unknown. */
  readonly spread: number;
  /** The most digits after the point of its prices; 0 where the layout needs none. */
  readonly decimals: number;
  /** One for each of the layout's `values`; NaN where it cannot be read. */
  readonly values: readonly number[];
}

export interface BarLayout {
  readonly name: 'minutehand' | 'histdata' | 'metatrader' | 'binance' | 'table';
  /** The line of the first row, from 1. */
  readonly firstRow: number;
  /** False when the file does not state its clock. */
  readonly isUtc: boolean;
  /** Prices are whole points (the last decimal of the file), and the spread counts points. */
  readonly inPoints: boolean;
  /** The row, or null when the line does not have the fields. */
  readonly parse: (line: string) => ForeignRow | null;
  /** Columns beside the bars; the values of a row have this order. */
  readonly values: readonly BarValue[];
  /** The stamps are of the last minute of a bar, not of its open. */
  readonly isOfLastMinute?: true;
  /** The time of the row alone: seconds since 1970 on the file's clock, NaN when it cannot be read. */
  readonly parseTime: (line: string) => number;
  /** The first cell of a row that cannot be read, as a person finds it; null when all can be. */
  readonly wrongCell: (line: string) => string | null;
  /** Names in a column of symbols, or in the lines above the header; empty where the file states none. */
  readonly stated: readonly string[];
  /** The name in the row's column of symbols; absent where the file has none. */
  readonly statedBy?: (line: string) => string;
  /** Whether the stamp of a row can only be read with day and month in the other order than the file's. */
  readonly isOtherOrder?: (line: string) => boolean;
  /** What the stamps that `parseTime` has read since then were; absent where all have one form. */
  readonly stampForms?: StampForms;
  /** How stamps and numbers are read, each with what shows it. */
  readonly evidence: readonly string[];
}

/** Counts of the forms of stamps, of which a file should have one. */
export interface StampForms {
  /** Dates with a zone, and without one. */
  zoned: number;
  local: number;
  /** Units of counts since 1970. */
  readonly units: Set<string>;
}

/** How a file is read, where a person says so. */
export interface ReadingOptions {
  readonly decimal?: 'point' | 'comma';
  readonly dateOrder?: DateOrder;
  /** What the stamp of a bar is of; absent = as the columns are named, else the open. */
  readonly stamp?: 'open' | 'close';
  /** Unit of a column of spreads; absent = points in MetaTrader's files, else as prices. */
  readonly spread?: 'points' | 'price';
}

interface Positions {
  readonly delimiter: Delimiter;
  readonly style: NumberStyle;
  /** Cells of a row, empty ones at its end aside. */
  readonly fields: number;
  readonly names: readonly string[];
  readonly stamp: (fields: readonly string[]) => number;
  /** The stamp ends with this field. */
  readonly lastStampField: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number | null;
  readonly spread: number | null;
  /** The close of the ask, which shows the spread. */
  readonly ask: number | null;
  readonly inPoints: boolean;
  /** Places of columns beside the bars. */
  readonly beside: readonly (readonly [name: BarValue, field: number])[];
}

const HISTDATA_STAMP = /^(\d{4})(\d{2})(\d{2}) (\d{2})(\d{2})(\d{2})$/;
const METATRADER_STAMP = /^(\d{4})[.-](\d{2})[.-](\d{2}) (\d{2}):(\d{2})(?::(\d{2}))?$/;
/** Lines above a header: comments, titles, addresses. */
const MAX_LINES_ABOVE = 10;

/**
 * The layout of a file by its first lines, or null when it is none of these: our own CSV · HistData ASCII (no header,
 * `YYYYMMDD HHMMSS;o;h;l;c;v`) · MetaTrader, as exported (`<DATE> <TIME> <OPEN> …`) or as from its Python interface
 * (`time`, `tick_volume`, spread in points) · Binance klines with or without header, `open_time` in milliseconds,
 * microseconds or ISO text with its zone, also without open time but with `close_time` or `close_datetime` · a table
 * with columns named open, high, low, close and a time. Separators are commas, semicolons, tabs or bars, also at the
 * ends of lines; cells may be quoted; decimal commas and groups of thousands are read where they are beyond doubt.
 * @throws MinutehandError DATA_FORMAT where numbers or dates can be read in two ways
 */
export function recognizeLayout(lines: readonly string[], options: ReadingOptions = {}): BarLayout | null {
  for (let above = 0; above < Math.min(lines.length, MAX_LINES_ABOVE); above++) {
    if (lines[above]!.trim() === '') continue;
    const layout = layoutAt(lines, above, options);
    if (layout !== null) return layout;
    if (!isAbove(lines[above]!)) return null;
  }
  return null;
}

/** A comment, a title or an address: no table of numbers begins so. */
function isAbove(line: string): boolean {
  return /^\s*(?:#|\/\/|;|https?:|"?#)/i.test(line) || !/[,;\t|]/.test(line.trim());
}

function layoutAt(lines: readonly string[], above: number, options: ReadingOptions): BarLayout | null {
  const sample = lines.slice(above).filter((line) => line.trim() !== '');
  const delimiter = delimiterOf(sample[0]!);
  const first = withoutTrailing(cellsOf(sample[0]!, delimiter) ?? []);
  const rows = sample.map((line) => cellsOf(line, delimiter)).filter((cells) => cells !== null);
  const table: Table = { delimiter, first, rows, above, lines, options };
  if (/^\d{8} \d{6}$/.test(first[0] ?? '') && first.length >= 6) return histdata(table);
  if (/^\d{13,25}$/.test(first[0] ?? '') && first.length >= 6) return binanceWithoutHeader(table);
  if (isDatePart(first[0] ?? '') && /^\d{1,2}:\d{2}(:\d{2})?$/.test(first[1] ?? '') && first.length >= 6)
    return metatraderWithoutHeader(table);
  return withHeader(table);
}

interface Table {
  readonly delimiter: Delimiter;
  /** Cells of the header, or of the first row where there is none. */
  readonly first: readonly string[];
  /** Cells of a sample of lines, the header among them. */
  readonly rows: readonly (readonly string[])[];
  readonly above: number;
  readonly lines: readonly string[];
  readonly options: ReadingOptions;
}

function isDatePart(text: string): boolean {
  return /^\d{4}[.-]\d{2}[.-]\d{2}$|^\d{8}$/.test(text);
}

function withHeader(table: Table): BarLayout | null {
  const { first, delimiter, above } = table;
  const names = englishNames(first.map(headerOf));
  const at = (...candidates: readonly string[]): number | null => {
    const found = candidates.map((name) => names.indexOf(name)).find((index) => index >= 0);
    return found ?? null;
  };
  const prices = pricesOf(names);
  if (prices === null) return null;
  const { open, high, low, close, ask } = prices;
  refuseRepeated(table, names, [open, high, low, close]);
  const volume = at(...TABLE_NAMES.volume) ?? orNull(names.findIndex((name) => /^vol(ume)?_/.test(name)));
  const beside = BAR_VALUES.flatMap((name): [BarValue, number][] => {
    const field = at(...VALUE_HEADERS[name]);
    return field === null ? [] : [[name, field]];
  });
  const rows = table.rows.slice(1);
  const numbers = numbersOf(table, rows, [open, high, low, close]);
  const spread = at('spread');
  const bar = { open, high, low, close, volume, spread, ask, beside };
  const symbolColumn = at(...TABLE_NAMES.symbol);
  const header = {
    firstRow: above + 2,
    stated: statedIn(table, prices.symbol, symbolColumn, rows),
    ...(symbolColumn !== null && { statedBy: (line: string) => cellsOf(line, delimiter)?.[symbolColumn] ?? '' }),
  };
  const priceEvidence = prices.evidence === null ? [] : [prices.evidence];
  const base = { delimiter, style: numbers.style, fields: names.length, names: first, ...bar };
  const make = (layout: Omit<LayoutParts, 'positions'>, positions: Omit<Positions, 'inPoints'>): BarLayout =>
    made(
      { ...layout, ...header, evidence: [...numbers.evidence, ...priceEvidence, ...layout.evidence] },
      positions,
      table.options,
    );

  const date = at('date');
  const time = at('time');
  if (at('tickvol', 'tick_volume') !== null && time !== null) {
    const stamp = (fields: readonly string[]): number =>
      date === null
        ? metatraderEpoch(fields[time]!)
        : ofMatch(METATRADER_STAMP.exec(`${fields[date]} ${fields[time]}`));
    const lastStampField = Math.max(date ?? 0, time);
    return make({ name: 'metatrader', isUtc: false, inPoints: true, evidence: [] }, { ...base, stamp, lastStampField });
  }
  const isOwn = /^time,open,high,low,close,volume(,(spread|taker_buy_volume|trades|number_of_trades))*$/.test(
    names.join(),
  );
  const ownStamps = rows.map((cells) => cells[0] ?? '');
  // Longer counts beside seconds are read each by its size, as in other tables.
  const isOfSeconds = ownStamps.some(isSeconds) && !ownStamps.some(isLongCount) && !ownStamps.some(isText);
  if (isOwn && (rows.length === 0 || isOfSeconds)) {
    refuseOtherCounts(ownStamps);
    const stamp = (fields: readonly string[]): number => parseDecimalText(fields[0]!);
    return make(
      { name: 'minutehand', isUtc: true, inPoints: false, evidence: [] },
      { ...base, stamp, lastStampField: 0 },
    );
  }
  return stamped({ table, rows, at, base, make });
}

interface Stamped {
  readonly table: Table;
  readonly rows: readonly (readonly string[])[];
  readonly at: (...candidates: readonly string[]) => number | null;
  readonly base: Omit<Positions, 'inPoints' | 'stamp' | 'lastStampField'>;
  readonly make: (layout: Omit<LayoutParts, 'positions'>, positions: Omit<Positions, 'inPoints'>) => BarLayout;
}

/** Binance's columns, and any other table whose stamps can be read. */
function stamped({ table, rows, at, base, make }: Stamped): BarLayout | null {
  const opened = at(...TABLE_NAMES.opened);
  const closed = at(...TABLE_NAMES.closed);
  const date = at('date', 'day');
  const time = at('time', 'hour');
  const general = at(...TABLE_NAMES.time);
  const both = opened === null && general === null && date !== null && time !== null;
  const field = opened ?? general ?? (both ? null : (time ?? date)) ?? (both ? null : closed);
  if (field === null && !both) return null;
  const isOfClose = field !== null && field === closed;
  const textOf = (cells: readonly string[]): string => (both ? `${cells[date]} ${cells[time]}` : (cells[field!] ?? ''));
  const texts = rows.map(textOf).filter((text) => text.trim() !== '');
  if (!both) refuseOtherCounts(texts);
  const order = orderOf(texts, table);
  const stamps = texts.map((text) => readStamp(text, order));
  const readable = stamps.filter(({ seconds }) => !Number.isNaN(seconds));
  const name = both ? '' : headerOf(base.names[field!]!);
  const namesUtc = /(?:^|_)(?:gmt|utc)(?:_|$)/.test(name);
  const isUtc = namesUtc || (readable.length > 0 && readable.every((stamp) => stamp.isUtc));
  const forms: StampForms = { zoned: 0, local: 0, units: new Set() };
  const stampOf = (cells: readonly string[]): number => {
    const text = textOf(cells);
    const { seconds, isUtc: isZoned } = readStamp(text, order);
    if (Number.isNaN(seconds)) return NaN;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
    if (isZoned && value >= 0) forms.units.add(epochUnit(value));
    else if (isZoned) forms.zoned++;
    else forms.local++;
    return seconds;
  };
  const stamp = (cells: readonly string[]): number =>
    isOfClose ? Math.ceil(stampOf(cells) / 60) * 60 - 60 : stampOf(cells);
  const lastStampField = both ? Math.max(date, time) : field!;
  return make(
    {
      name: opened !== null || (isOfClose && isUtc) ? 'binance' : 'table',
      isUtc,
      inPoints: false,
      ...(isOfClose && { isOfLastMinute: true as const }),
      ...(!namesUtc && { stampForms: forms }),
      ...((order === 'dmy' || order === 'mdy') && {
        isOtherOrder: (line: string) =>
          dateOrderOf([textOf(cellsOf(line, table.delimiter) ?? [])]) === otherOrder(order),
      }),
      evidence: stampEvidence(texts, { order, isUtc, namesUtc, header: base.names[field ?? date!]! }),
    },
    { ...base, stamp, lastStampField },
  );
}

const FIRST_OF: Readonly<Record<DateOrder, string>> = { dmy: 'day', mdy: 'month', ymd: 'year' };

function otherOrder(order: 'dmy' | 'mdy'): DateOrder {
  return order === 'dmy' ? 'mdy' : 'dmy';
}

function stampEvidence(
  texts: readonly string[],
  how: {
    readonly order: DateOrder | null;
    readonly isUtc: boolean;
    readonly namesUtc: boolean;
    readonly header: string;
  },
): string[] {
  const values = texts.map(parseDecimalText).filter((value) => !Number.isNaN(value));
  const isEpoch = values.length > 0 && readStamp(texts[0] ?? '', null).isUtc;
  return [
    ...(values.some(isSerialDay) ? ['time as days of a spreadsheet'] : []),
    ...(isEpoch ? [`time in ${epochUnit(values[0]!)} by its size`] : []),
    ...(how.order === null ? [] : [`dates with the ${FIRST_OF[how.order]} first`]),
    ...(how.isUtc && !isEpoch
      ? [`UTC by ${how.namesUtc ? `the column “${how.header}”` : 'the zone of its stamps'}`]
      : []),
  ];
}

/** @throws MinutehandError DATA_FORMAT when no date shows which number is the day, or which is the year */
function orderOf(texts: readonly string[], { options }: Table): DateOrder | null {
  const short = texts.find(hasShortYear);
  if (short !== undefined) {
    if (options.dateOrder !== undefined) return options.dateOrder;
    throw new MinutehandError('DATA_FORMAT', {
      seen: `dates such as “${short}”, whose year has two digits, so that it may be any of the numbers`,
      expected: 'a year of four digits, or the order given',
      next: 'Give --date-order dmy (day first), --date-order mdy (month first) or --date-order ymd (year first).',
    });
  }
  const shown = dateOrderOf(texts);
  if (shown === undefined) return null;
  if (options.dateOrder === 'ymd')
    throw new MinutehandError('DATA_FORMAT', {
      seen: `dates such as “${texts[0]!}”, whose year is last, and --date-order ymd`,
      expected: 'an order of day and month',
      next: 'Give --date-order dmy (day first) or --date-order mdy (month first).',
    });
  const order = options.dateOrder ?? shown;
  if (order !== null) return order;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `dates such as “${texts[0]!}”, in which day and month cannot be told apart`,
    expected: 'a date with a day above 12 among the first rows, or the order given',
    next: 'Give --date-order dmy (day first) or --date-order mdy (month first).',
  });
}

function numbersOf(
  { options, delimiter }: Table,
  rows: readonly (readonly string[])[],
  fields: readonly number[],
): { style: NumberStyle; evidence: readonly string[] } {
  const separated = SEPARATORS[delimiter];
  const own = separated === null ? [] : [separated];
  if (options.decimal !== undefined) {
    const style: NumberStyle =
      options.decimal === 'comma' ? { decimal: ',', thousands: '.' } : { decimal: '.', thousands: ',' };
    return { style, evidence: [...own, `decimal ${options.decimal} as given`] };
  }
  const cells = rows.flatMap((row) => fields.flatMap((field) => row[field] ?? []));
  const { style, ...shown } = styleOf(cells);
  if (style !== null) {
    const { evidence } = shown as { evidence: string | null };
    return { style, evidence: evidence === null ? own : [...own, evidence] };
  }
  const { example } = shown as { example: string };
  throw new MinutehandError('DATA_FORMAT', {
    seen: `prices such as “${example}”, whose comma can be a decimal comma or stand between thousands`,
    expected: 'numbers that can be read in one way, or the way given',
    next: 'Give --decimal comma or --decimal point.',
  });
}

const SEPARATORS: Readonly<Record<Delimiter, string | null>> = {
  ',': null,
  ';': 'semicolons between cells',
  '\t': 'tabs between cells',
  '|': 'bars between cells',
};

interface Prices {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** The close of the ask, where the prices are those of the bid. */
  readonly ask: number | null;
  /** Where the columns are named after their symbol: `EURUSD_open`. */
  readonly symbol: string | null;
  /** Which of several prices are taken. */
  readonly evidence: string | null;
}

/** Words in front of `open` that name a kind of price and no symbol. */
const PRICE_WORDS = new Set(['ask', 'bid', 'mid', 'adj', 'adjusted', 'mark', 'index', 'premium', 'last', 'avg']);

function pricesOf(names: readonly string[]): Prices | null {
  const fieldsOf = (sets: readonly (readonly string[])[]): number[] | undefined =>
    sets.map((columns) => columns.map((name) => names.indexOf(name))).find((found) => found.every((at) => at >= 0));
  const whole = fieldsOf(TABLE_NAMES.prices);
  if (whole !== undefined) {
    const isBid = names[whole[0]!]!.includes('bid');
    const ask = isBid ? (fieldsOf(TABLE_NAMES.asks)?.[3] ?? null) : null;
    const ofAsk = ask === null ? '' : ', the spread from the closes of the ask';
    return priceFields(whole, { symbol: null, ask, evidence: isBid ? `prices of the bid${ofAsk}` : null });
  }
  const symbols = names
    .flatMap((name) => /^(.+)_open$/.exec(name)?.[1] ?? [])
    .filter((symbol) => !PRICE_WORDS.has(symbol));
  if (symbols.length !== 1) return null;
  const found = ['open', 'high', 'low', 'close'].map((name) => names.indexOf(`${symbols[0]!}_${name}`));
  return found.every((index) => index >= 0)
    ? priceFields(found, { symbol: symbols[0]!, ask: null, evidence: null })
    : null;
}

function priceFields(found: readonly number[], of: Pick<Prices, 'symbol' | 'ask' | 'evidence'>): Prices {
  const [open, high, low, close] = found as [number, number, number, number];
  return { open, high, low, close, ...of };
}

/** Symbols that the file itself states. */
function statedIn(
  { lines, above }: Table,
  ofColumns: string | null,
  column: number | null,
  rows: readonly (readonly string[])[],
): string[] {
  const named = lines
    .slice(0, above)
    .flatMap((line) => /\b(?:symbol|ticker|instrument|pair)\s*[:=]\s*"?([^\s",;]+)/i.exec(line)?.[1] ?? []);
  const inRows = column === null ? [] : rows.map((cells) => cells[column] ?? '').filter((text) => text !== '');
  return [...new Set([...(ofColumns === null ? [] : [ofColumns]), ...named, ...inRows])];
}

const IN_ORDER = { open: 1, high: 2, low: 3, close: 4, volume: 5, spread: null, ask: null, beside: [] };
const NAMES_IN_ORDER = ['time', 'open', 'high', 'low', 'close', 'volume'];

function histdata(table: Table): BarLayout {
  const stamp = (fields: readonly string[]): number => ofMatch(HISTDATA_STAMP.exec(fields[0]!));
  const numbers = numbersOf(table, table.rows, [1, 2, 3, 4]);
  const { style } = numbers;
  const evidence = [...numbers.evidence, ...leftOut(table, IN_ORDER.volume + 1)];
  return made(
    { name: 'histdata', isUtc: false, inPoints: false, firstRow: table.above + 1, stated: [], evidence },
    { ...base(table, style), ...IN_ORDER, stamp, lastStampField: 0 },
    table.options,
  );
}

/** Date, time, prices, tick volume, volume, spread in points: as MetaTrader 5 writes them. */
const METATRADER5_FIELDS = 9;
const METATRADER_VOLUME = 6;

/**
 * Date and time in two columns, and no header: MetaTrader 4 writes the volume behind the prices, MetaTrader 5 tick
 * volume, volume and spread. Of other columns nobody knows what they are.
 */
function metatraderWithoutHeader(table: Table): BarLayout {
  const { first, rows, options } = table;
  const stamp = (fields: readonly string[]): number => readStamp(`${fields[0]} ${fields[1]}`, null).seconds;
  const numbers = numbersOf(table, rows, [2, 3, 4, 5]);
  const { style } = numbers;
  const isWhole = (at: number): boolean => rows.every((cells) => /^\d+$/.test(cells[at] ?? ''));
  const isMetatrader5 =
    first.length === METATRADER5_FIELDS &&
    [METATRADER_VOLUME, METATRADER_VOLUME + 1, METATRADER5_FIELDS - 1].every(isWhole);
  // Who states the unit of a spread says that there is one.
  const isStated = options.spread !== undefined && first.length > METATRADER_VOLUME + 1;
  const spread = isMetatrader5 || isStated ? first.length - 1 : null;
  const evidence = [
    ...numbers.evidence,
    ...(isMetatrader5 ? ['columns as MetaTrader 5 writes them: tick volume, volume, spread in points'] : []),
    ...(isStated && !isMetatrader5 ? ['the last column is the spread'] : []),
    ...(spread === null ? leftOut(table, METATRADER_VOLUME + 1) : []),
  ];
  const places = {
    open: 2,
    high: 3,
    low: 4,
    close: 5,
    volume: first.length > METATRADER_VOLUME ? METATRADER_VOLUME : null,
    spread,
    ask: null,
  };
  const names = ['date', ...NAMES_IN_ORDER];
  return made(
    {
      name: 'metatrader',
      isUtc: false,
      inPoints: isMetatrader5,
      firstRow: table.above + 1,
      stated: [],
      evidence,
    },
    { ...base(table, style), names, ...places, beside: [], stamp, lastStampField: 1 },
    table.options,
  );
}

/** Columns of a file without a header that are not taken; a spread among them would change every backtest. */
function leftOut({ first }: Table, from: number): string[] {
  if (first.length <= from) return [];
  const columns = first.length === from + 1 ? `column ${from + 1} is` : `columns ${from + 1} to ${first.length} are`;
  return [`${columns} not taken: nothing names them; with a header line (… volume,spread) or --spread they are`];
}

function binanceWithoutHeader(table: Table): BarLayout {
  refuseOtherCounts(table.rows.map((cells) => cells[0] ?? ''));
  const fields = table.first.length;
  const forms: StampForms = { zoned: 0, local: 0, units: new Set() };
  const stamp = (values: readonly string[]): number => {
    const value = parseDecimalText(values[0]!);
    if (value >= 0) forms.units.add(epochUnit(value));
    return epochSeconds(value);
  };
  // Binance's order: … close time, quote volume, trades, taker buy volume …
  const beside: Positions['beside'] =
    fields < 10
      ? []
      : [
          ['taker_buy_volume', 9],
          ['number_of_trades', 8],
        ];
  const unit = epochUnit(parseDecimalText(table.first[0]!));
  return made(
    {
      name: 'binance',
      isUtc: true,
      inPoints: false,
      firstRow: table.above + 1,
      stated: [],
      stampForms: forms,
      evidence: [`time in ${unit} by its size`],
    },
    { ...base(table, PLAIN_NUMBERS), ...IN_ORDER, beside, stamp, lastStampField: 0 },
    table.options,
  );
}

function base(
  { delimiter, first }: Table,
  style: NumberStyle,
): Pick<Positions, 'delimiter' | 'style' | 'fields' | 'names'> {
  return { delimiter, style, fields: first.length, names: NAMES_IN_ORDER };
}

type LayoutParts = Pick<
  BarLayout,
  'name' | 'isUtc' | 'inPoints' | 'evidence' | 'isOfLastMinute' | 'isOtherOrder' | 'stampForms'
> & {
  readonly positions?: Positions;
};

function made(
  parts: LayoutParts & Pick<BarLayout, 'firstRow' | 'stated' | 'statedBy'>,
  positions: Omit<Positions, 'inPoints'>,
  { stamp, spread }: ReadingOptions,
): BarLayout {
  const isClose = stamp === 'close' && parts.isOfLastMinute !== true;
  const inPoints = spread === undefined ? parts.inPoints : spread === 'points';
  const own = isClose ? (cells: readonly string[]): number => positions.stamp(cells) - 60 : positions.stamp;
  return {
    ...parts,
    inPoints,
    ...((isClose || parts.isOfLastMinute === true) && { isOfLastMinute: true as const }),
    ...rowParser({ ...positions, inPoints, stamp: own }),
  };
}

function rowParser(positions: Positions): Pick<BarLayout, 'parse' | 'parseTime' | 'values' | 'wrongCell'> {
  const { delimiter, style, stamp, lastStampField, beside, inPoints } = positions;
  const { open, high, low, close, volume, spread, ask } = positions;
  const besideFields = beside.map(([, field]) => field);
  const needed = Math.max(lastStampField, open, high, low, close, volume ?? 0, ask ?? 0, ...besideFields) + 1;
  const cells = (line: string): readonly string[] | null => {
    const own = cellsOf(line, delimiter);
    if (own === null || own.length < needed) return null;
    for (let i = positions.fields; i < own.length; i++) if (own[i] !== '') return null;
    return own;
  };
  const parse = (line: string): ForeignRow | null => {
    const fields = cells(line);
    if (fields === null) return null;
    const number = (index: number): number => numberOf(fields[index]!, style);
    const spreadText = spread === null ? '' : (fields[spread] ?? '');
    const besideClose = ask === null ? NaN : rounded(number(ask) - number(close));
    return {
      time: stamp(fields),
      open: number(open),
      high: number(high),
      low: number(low),
      close: number(close),
      volume: volume === null ? 0 : number(volume),
      // A word where a spread belongs must not pass as "unknown".
      spread:
        spreadText === '' ? besideClose : ((value) => (Number.isNaN(value) ? -1 : value))(numberOf(spreadText, style)),
      decimals: inPoints ? Math.max(...[open, high, low, close].map((at) => decimalsOf(fields[at]!, style))) : 0,
      values: besideFields.map(number),
    };
  };
  const parseTime = (line: string): number => {
    const fields = line.includes('"') ? cellsOf(line, delimiter) : line.split(delimiter, lastStampField + 1);
    return fields !== null && fields.length > lastStampField ? stamp(fields.map((cell) => cell.trim())) : NaN;
  };
  const wrongCell = (line: string): string | null => {
    const fields = cellsOf(line, delimiter);
    if (fields === null) return 'quotes that do not close';
    if (cells(line) === null) return `${fields.length} cells, expected ${positions.fields}`;
    if (Number.isNaN(stamp(fields)))
      return `time “${fields
        .slice(0, lastStampField + 1)
        .join(' ')
        .slice(0, 40)}”`;
    const prices = Object.entries({ open, high, low, close });
    const amounts = Object.entries({ volume, spread }).flatMap(([name, at]) =>
      at === null ? [] : [[name, at] as const],
    );
    const valueAt = (at: number): number => numberOf(fields[at]!, style);
    const shown = (name: string, at: number): string => `${name} “${fields[at]!.slice(0, 40)}”`;
    for (const [name, at] of prices) if (priceFault(valueAt(at)) !== null) return shown(name, at);
    for (const [name, at] of amounts) {
      const isAbsent = name === 'spread' && (fields[at] ?? '') === '';
      if (!isAbsent && amountFault(valueAt(at)) !== null) return shown(name, at);
    }
    const beyond = prices.find(([, at]) => valueAt(at) > valueAt(high) || valueAt(at) < valueAt(low));
    if (beyond === undefined) return null;
    const [name, at] = beyond;
    return `${shown(name, at)}, outside ${shown('low', low)} to ${shown('high', high)}`;
  };
  return { parse, parseTime, wrongCell, values: beside.map(([name]) => name) };
}

/** Seconds since 1970, and no count of days as spreadsheets have. */
function isSeconds(text: string): boolean {
  const value = parseDecimalText(text);
  return value < 1e11 && !isSerialDay(value);
}

/** A count since 1970 in milliseconds or less. */
function isLongCount(text: string): boolean {
  return parseDecimalText(text) >= 1e11;
}

/** A stamp that is no number, such as a date. */
function isText(text: string): boolean {
  return Number.isNaN(parseDecimalText(text)) && /\d[-/.: T]\d/.test(text);
}

/** Names of columns in English, where at least open, high, low and close are there in one other language. */
function englishNames(names: readonly string[]): readonly string[] {
  if (pricesOf(names) !== null) return names;
  const english = names.map(englishHeader);
  return pricesOf(english) === null ? names : english;
}

/** @throws MinutehandError DATA_FORMAT where a column of prices is there twice */
function refuseRepeated({ first }: Table, names: readonly string[], fields: readonly number[]): void {
  const repeated = fields.find((field) => names.indexOf(names[field]!) !== names.lastIndexOf(names[field]!));
  if (repeated === undefined) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `two columns “${first[repeated]!.slice(0, 40)}”`,
    expected: 'each price once',
    next: 'Remove or rename the column that is not meant.',
  });
}

/** Without the noise of binary fractions, which a difference of prices has. */
function rounded(difference: number): number {
  return Number(difference.toFixed(10));
}

function orNull(index: number): number | null {
  return index < 0 ? null : index;
}

/** MetaTrader counts seconds of its server's clock; a table of it may have been written with text instead. */
function metatraderEpoch(text: string): number {
  const value = parseDecimalText(text);
  return Number.isNaN(value) ? readStamp(text, null).seconds : epochSeconds(value);
}

function ofMatch(match: RegExpExecArray | null): number {
  if (match === null) return NaN;
  return calendarSeconds([1, 2, 3, 4, 5, 6].map((part) => Number(match[part] ?? 0)));
}

/** Epoch seconds of a number, or of text with its zone; NaN for text without one. */
export function utcSeconds(text: string): number {
  const { seconds, isUtc } = readStamp(text, null);
  return isUtc ? seconds : NaN;
}
