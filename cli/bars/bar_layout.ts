import { basename } from 'node:path';
import { parseDecimalText } from '../../shared/bar_file/decimal.ts';
import { TIMEFRAMES, type Timeframe } from '../../shared/pair.ts';

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
  /** The most digits after the point of its prices. */
  readonly decimals: number;
  /** One for each of the layout's `values`; NaN where it cannot be read. */
  readonly values: readonly number[];
}

/** Columns beside a bar, as series are named. */
export const BAR_VALUES = ['taker_buy_volume', 'number_of_trades'] as const;
export type BarValue = (typeof BAR_VALUES)[number];
const VALUE_HEADERS: Readonly<Record<BarValue, readonly string[]>> = {
  taker_buy_volume: ['taker_buy_volume', 'taker_buy_base_asset_volume', 'taker_base', 'taker_base_volume'],
  number_of_trades: ['number_of_trades', 'num_trades', 'trades', 'trade_count', 'count'],
};

export interface BarLayout {
  readonly name: 'minutehand' | 'histdata' | 'metatrader' | 'binance';
  readonly hasHeader: boolean;
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
}

interface Positions {
  readonly separator: string;
  readonly fields: number;
  readonly stamp: (fields: readonly string[]) => number;
  /** The stamp ends with this field. */
  readonly lastStampField: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly spread: number | null;
  /** Places of columns beside the bars. */
  readonly beside: readonly (readonly [name: BarValue, field: number])[];
}

const HISTDATA_STAMP = /^(\d{4})(\d{2})(\d{2}) (\d{2})(\d{2})(\d{2})$/;
const METATRADER_STAMP = /^(\d{4})[.-](\d{2})[.-](\d{2}) (\d{2}):(\d{2})(?::(\d{2}))?$/;
const ISO_STAMP = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:?\d{2})$/;

/**
 * The layout of a file by its first line, or null when it is none of these: our own CSV · HistData ASCII (no header,
 * `YYYYMMDD HHMMSS;o;h;l;c;v`) · MetaTrader, as exported (`<DATE> <TIME> <OPEN> …`) or as from its Python interface
 * (`time`, `tick_volume`, spread in points) · Binance klines with or without header, `open_time` in milliseconds,
 * microseconds or ISO text with its zone, also without open time but with `close_time` or `close_datetime`.
 */
export function recognizeLayout(firstLine: string): BarLayout | null {
  if (/^\d{8} \d{6};/.test(firstLine)) return histdata();
  if (/^\d{13,16},/.test(firstLine) && firstLine.split(',').length >= 6) return binanceWithoutHeader(firstLine);
  const separator = ['\t', ';', ','].find((one) => firstLine.includes(one)) ?? ',';
  const names = firstLine.split(separator).map((name) =>
    name
      .trim()
      .replace(/^<(.*)>$/, '$1')
      .toLowerCase(),
  );
  const at = (...candidates: string[]): number | null => {
    const found = candidates.map((name) => names.indexOf(name)).find((index) => index >= 0);
    return found ?? null;
  };
  const [open, high, low, close] = [at('open'), at('high'), at('low'), at('close')];
  const volume = at('tickvol', 'tick_volume', 'volume');
  if (open === null || high === null || low === null || close === null || volume === null) return null;
  const beside = BAR_VALUES.flatMap((name): [BarValue, number][] => {
    const field = at(...VALUE_HEADERS[name]);
    return field === null ? [] : [[name, field]];
  });
  const bar = { open, high, low, close, volume, spread: at('spread'), beside };
  const positions = { separator, fields: names.length, ...bar };

  const [date, time] = [at('date'), at('time')];
  if (at('tickvol', 'tick_volume') !== null && time !== null) {
    const stamp = (fields: readonly string[]): number =>
      date === null
        ? epochSeconds(fields[time]!)
        : calendarSeconds(METATRADER_STAMP.exec(`${fields[date]} ${fields[time]}`));
    const lastStampField = Math.max(date ?? 0, time);
    return {
      name: 'metatrader',
      hasHeader: true,
      isUtc: false,
      inPoints: true,
      ...rowParser({ ...positions, stamp, lastStampField }),
    };
  }
  const [opened, closed] = [at('open_time'), at('close_time', 'close_datetime')];
  if (opened !== null || (closed !== null && time === null)) {
    const stamp = (fields: readonly string[]): number =>
      opened !== null ? utcSeconds(fields[opened]!) : Math.ceil(utcSeconds(fields[closed!]!) / 60) * 60 - 60;
    const lastStampField = opened ?? closed!;
    return {
      name: 'binance',
      hasHeader: true,
      isUtc: true,
      inPoints: false,
      ...(opened === null && { isOfLastMinute: true }),
      ...rowParser({ ...positions, stamp, lastStampField }),
    };
  }
  if (/^time,open,high,low,close,volume(,(spread|taker_buy_volume|trades|number_of_trades))*$/.test(firstLine)) {
    const stamp = (fields: readonly string[]): number => parseDecimalText(fields[0]!);
    const lastStampField = 0;
    return {
      name: 'minutehand',
      hasHeader: true,
      isUtc: true,
      inPoints: false,
      ...rowParser({ ...positions, stamp, lastStampField }),
    };
  }
  return null;
}

/**
 * `XAUUSD` of `DAT_ASCII_XAUUSD_M1_2019.csv`, `XAUUSD.csv.gz` or `mt5-export-XAUUSD-M1.csv`; null when no part of the
 * name looks like a symbol.
 */
export function symbolOfSource(path: string): string | null {
  const stem = basename(path)
    .replace(/\.gz$/i, '')
    .replace(/\.(csv|txt)$/i, '');
  const parts = stem.split(/[-_ ]+/);
  const [, ofMinutes] = NAME_WITH_MINUTES.exec(stem) ?? [];
  if (ofMinutes !== undefined) return ofMinutes;
  if (parts.length === 1) return /^[A-Za-z0-9.]+$/.test(stem) ? stem : null;
  return parts.find((part) => /^[A-Z][A-Z0-9.]{2,}$/.test(part) && !NOT_SYMBOLS.has(part)) ?? null;
}

/** `EURUSD60.csv`, as MetaTrader 4 names its history: the minutes of a bar. */
const NAME_WITH_MINUTES = /^([A-Z]{6})(1|5|15|60|240|1440)$/;

/** Seconds of the bars by the name: `BTCUSDT-1h.csv`, `EURUSD_H4.csv`, `EURUSD240.csv`; null where it has none. */
export function timeframeOfSource(path: string): number | null {
  const stem = basename(path).replace(/(\.(csv|txt))?(\.gz)?$/i, '');
  const minutes = NAME_WITH_MINUTES.exec(stem)?.[2];
  if (minutes !== undefined) return Number(minutes) * 60;
  for (const part of stem.split(/[-_ ]+/)) {
    const [, unit, count] = /^([MHD])(\d{1,2})$/.exec(part) ?? [];
    const name = unit === undefined ? part.toLowerCase() : `${count}${unit.toLowerCase()}`;
    if (Object.hasOwn(TIMEFRAMES, name)) return TIMEFRAMES[name as Timeframe];
  }
  return null;
}

const NOT_SYMBOLS = new Set([
  'DAT',
  'ASCII',
  'HISTDATA',
  'COM',
  'CSV',
  'BID',
  'ASK',
  'UTC',
  'EST',
  'MT4',
  'MT5',
  'M15',
  'M30',
  'OHLC',
]);

const COLUMNS_IN_ORDER = { open: 1, high: 2, low: 3, close: 4, volume: 5, spread: null, beside: [] };

function histdata(): BarLayout {
  const stamp = (fields: readonly string[]): number => calendarSeconds(HISTDATA_STAMP.exec(fields[0]!));
  const positions = { separator: ';', fields: 6, stamp, lastStampField: 0, ...COLUMNS_IN_ORDER };
  return { name: 'histdata', hasHeader: false, isUtc: false, inPoints: false, ...rowParser(positions) };
}

function binanceWithoutHeader(firstLine: string): BarLayout {
  const fields = firstLine.split(',').length;
  const stamp = (values: readonly string[]): number => utcSeconds(values[0]!);
  // Binance's order: … close time, quote volume, trades, taker buy volume …
  const beside: Positions['beside'] =
    fields < 10
      ? []
      : [
          ['taker_buy_volume', 9],
          ['number_of_trades', 8],
        ];
  const positions = { separator: ',', fields, stamp, lastStampField: 0, ...COLUMNS_IN_ORDER, beside };
  return { name: 'binance', hasHeader: false, isUtc: true, inPoints: false, ...rowParser(positions) };
}

function rowParser(positions: Positions): Pick<BarLayout, 'parse' | 'parseTime' | 'values'> {
  const { separator, fields: count, stamp, lastStampField, beside } = positions;
  const parse = (line: string): ForeignRow | null => {
    const fields = line.split(separator);
    if (fields.length !== count) return null;
    const number = (index: number): number => parseDecimalText(fields[index]!);
    const spread = positions.spread === null ? '' : fields[positions.spread]!;
    return {
      time: stamp(fields),
      open: number(positions.open),
      high: number(positions.high),
      low: number(positions.low),
      close: number(positions.close),
      volume: number(positions.volume),
      // A word where a spread belongs must not pass as "unknown".
      spread: spread === '' ? NaN : ((value) => (Number.isNaN(value) ? -1 : value))(parseDecimalText(spread)),
      decimals: Math.max(
        decimalsOf(fields[positions.open]!),
        decimalsOf(fields[positions.high]!),
        decimalsOf(fields[positions.low]!),
        decimalsOf(fields[positions.close]!),
      ),
      values: beside.map(([, field]) => number(field)),
    };
  };
  const parseTime = (line: string): number => {
    const fields = line.split(separator, lastStampField + 1);
    return fields.length > lastStampField ? stamp(fields) : NaN;
  };
  return { parse, parseTime, values: beside.map(([name]) => name) };
}

/** Digits after the point; a price printed as 1.1445400000000001 has five. */
function decimalsOf(price: string): number {
  const dot = price.indexOf('.');
  const decimals = dot < 0 ? 0 : price.length - dot - 1;
  if (decimals <= MAX_DECIMALS) return decimals;
  const digits = Number(price).toFixed(MAX_DECIMALS).split('.')[1]!;
  const lastDigit = [...digits].findLastIndex((digit) => digit !== '0');
  return lastDigit + 1;
}

const MAX_DECIMALS = 8;

/**
 * Epoch seconds from seconds, milliseconds or microseconds, distinguished by their size (all of 1973–5138 is
 * unambiguous).
 */
function epochSeconds(text: string): number {
  const value = parseDecimalText(text);
  if (value >= 1e14) return value / 1e6;
  if (value >= 1e11) return value / 1e3;
  return value;
}

/** Epoch seconds of a number (see above), or of ISO text with its zone. */
export function utcSeconds(text: string): number {
  const iso = ISO_STAMP.exec(text);
  if (iso === null) return epochSeconds(text);
  const zone = iso[7]!;
  if (zone === 'Z') return calendarSeconds(iso);
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return calendarSeconds(iso) - (zone.startsWith('-') ? -minutes : minutes) * 60;
}

/**
 * Seconds since 1970 of `[, year, month, day, hour, minute, second?]` read as UTC; NaN for no match or a day that is in
 * no calendar.
 */
function calendarSeconds(match: RegExpExecArray | null): number {
  if (match === null) return NaN;
  const [year, month, day, hour, minute] = [1, 2, 3, 4, 5].map((part) => Number(match[part])) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const second = Number(match[6] ?? 0);
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second >= 60) return NaN;
  const midnight = Date.UTC(year, month - 1, day);
  return new Date(midnight).getUTCDate() === day ? midnight / 1000 + hour * 3600 + minute * 60 + second : NaN;
}
