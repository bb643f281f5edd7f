import { MinutehandError } from '../../shared/errors.ts';
import { utcSeconds } from './bar_layout.ts';
import { parseDecimalText } from '../../shared/bar_file/decimal.ts';
import { readStamp } from '../../shared/csv/stamps.ts';
import { cellsOf, delimiterOf, withoutTrailing } from '../../shared/csv/cells.ts';

/** A column of numbers of a series file. */
export interface SeriesColumn {
  /** Its name in the store. */
  readonly name: string;
  readonly field: number;
}

export interface SeriesRow {
  /** Epoch seconds, UTC, to the nearest whole one; NaN when the stamp cannot be read. */
  readonly time: number;
  /** Of the row itself, where the file has such a column. */
  readonly symbol: string | null;
  /** One for each column; NaN where it cannot be read. */
  readonly values: readonly number[];
}

/** A table of numbers with times of their own, in UTC: funding rates, open interest … */
export interface SeriesLayout {
  readonly name: 'series';
  readonly columns: readonly SeriesColumn[];
  /** Other columns of numbers, which no `--series` names. */
  readonly leftOut: readonly string[];
  /** The row, or null when the line does not have the fields. */
  readonly parse: (line: string) => SeriesRow | null;
}

/** Names of columns of times, as `plainName` writes them. */
const STAMPS = ['timestamp', 'calctime', 'createtime', 'fundingtime', 'fundingratetimestamp', 'time'];
/** Names in files and answers of Binance and Bybit, as `plainName` writes them, and what they are. */
const KNOWN_NAMES: Readonly<Record<string, string>> = {
  fundingrate: 'funding_rate',
  lastfundingrate: 'funding_rate',
  fundingintervalhours: 'funding_interval_hours',
  sumopeninterest: 'open_interest',
  sumopeninterestvalue: 'open_interest_value',
};
const NOT_VALUES = new Set(['symbol']);
/** Series that accompany another one: a row without their value keeps the others. */
const BESIDE: ReadonlySet<string> = new Set(['funding_interval_hours']);

/** Returns whether a row counts although it has no value of this series. */
export function isBeside(name: string): boolean {
  return BESIDE.has(name);
}

const SERIES_NAME = /^[a-z][a-z0-9_]*$/;

/**
 * The layout of a series file by its header: a stamp (`timestamp`, `calc_time`, `create_time`, `fundingTime` or `time`;
 * epoch seconds, milliseconds, microseconds or ISO text with its zone; text without one in Binance's metrics), perhaps
 * a `symbol`, and columns of numbers. null when it is something else.
 *
 * @param wanted the names given with --series: the columns of these names, or the name for the only column there is;
 *   without any, those with known names
 * @throws MinutehandError USAGE when a name fits no column, or is no name
 */
export function recognizeSeries(firstLine: string, wanted: readonly string[]): SeriesLayout | null {
  const delimiter = delimiterOf(firstLine);
  const names = withoutTrailing(cellsOf(firstLine, delimiter) ?? []).map((name) => name.toLowerCase());
  const plain = names.map(plainName);
  const stamp = STAMPS.map((name) => plain.indexOf(name)).find((index) => index >= 0);
  const isOfBars = names.includes('open') && names.includes('close');
  if (stamp === undefined || isOfBars) return null;
  const all = names
    .map((name, field) => ({ name: KNOWN_NAMES[plain[field]!] ?? name, header: name, field }))
    .filter(({ field }) => field !== stamp && !NOT_VALUES.has(plain[field]!));
  const columns =
    wanted.length === 0 ? all.filter(({ field }) => plain[field]! in KNOWN_NAMES) : chosen(all, wanted, names);
  if (columns.every(({ name }) => isBeside(name)) && wanted.length === 0) return null;
  const symbol = names.indexOf('symbol');
  // Binance's metrics have text without a zone, in UTC.
  const isBinance = names[stamp] === 'create_time' && names.includes('sum_open_interest');
  return {
    name: 'series',
    columns: columns.map(({ name, field }) => ({ name, field })),
    leftOut: all.filter(({ field }) => columns.every((own) => own.field !== field)).map(({ header }) => header),
    parse(line) {
      const fields = cellsOf(line, delimiter);
      if (fields === null || fields.length < names.length || fields.slice(names.length).some((cell) => cell !== ''))
        return null;
      return {
        // Binance stamps funding a few milliseconds after the full hour.
        time: Math.round(isBinance ? readStamp(fields[stamp]!, null).seconds : utcSeconds(fields[stamp]!)),
        symbol: symbol < 0 ? null : fields[symbol]!,
        values: columns.map(({ field }) => parseDecimalText(fields[field]!)),
      };
    },
  };
}

/** `fundingRate` and `funding_rate` are one name: `fundingrate`. */
function plainName(name: string): string {
  return name.replaceAll('_', '');
}

interface NamedColumn extends SeriesColumn {
  readonly header: string;
}

function chosen(
  all: readonly NamedColumn[],
  wanted: readonly string[],
  names: readonly string[],
): readonly NamedColumn[] {
  const taken = wanted.flatMap((own) => {
    if (!SERIES_NAME.test(own))
      throw new MinutehandError('USAGE', { seen: `--series ${own}`, expected: 'a name such as funding_rate' });
    const named = all.filter(({ name, header }) => name === own || header === own);
    if (named.length > 0) return named;
    if (all.length === 1 && wanted.length === 1) return [{ ...all[0]!, name: own }];
    throw new MinutehandError('USAGE', {
      seen: `--series ${own}, and a file with ${names.join(', ')}`,
      expected: 'one of its columns',
    });
  });
  return all.flatMap(({ field }) => taken.find((own) => own.field === field) ?? []);
}
