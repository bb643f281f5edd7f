import { createClockReader, type TimeZone } from '../bar_file/time_zone.ts';
import type { Importance } from '../core/news/news_event.ts';
import { cellsOf, delimiterOf } from '../csv/cells.ts';
import type { DateOrder } from '../csv/stamps.ts';
import { MinutehandError } from '../errors.ts';
import { oneLine } from '../one_line.ts';
import { inOrder, type ScheduledEvent } from './calendar_text.ts';

/** What a file of events has, and what of it was left out, by cause. */
export interface ReadCalendar {
  readonly events: ScheduledEvent[];
  /** All-day and tentative events: without a minute nothing can be stopped around them. */
  readonly withoutTime: number;
  /** Holidays and events without importance. */
  readonly withoutImportance: number;
  /** Of all countries, or of one whose currency is not known here. */
  readonly withoutCurrency: number;
}

type Column = 'time' | 'date' | 'currency' | 'importance' | 'name';

/** Headers of calendars that people have, in lower case without blanks, `_` and `.`: the first that is there counts. */
const HEADERS: Readonly<Record<Column, readonly string[]>> = {
  time: ['time', 'datetime', 'timeutc', 'timestamp', 'start', 'releasetime', 'timegmt', 'eventtime'],
  date: ['date', 'day', 'releasedate'],
  currency: ['currency', 'ccy', 'currencycode', 'country', 'countrycode', 'region', 'zone'],
  importance: ['importance', 'impact', 'volatility', 'priority', 'stars', 'level'],
  name: ['name', 'event', 'title', 'eventname', 'description', 'indicator'],
};

const IMPORTANCE_WORDS: readonly (readonly [RegExp, Importance | null])[] = [
  [/^(none|0|holiday|non-?economic|bank holiday|gr[ae]y|-)?$/, null],
  [/^(high|h|3|\*\*\*|red)\b|^high|\bhigh\b|^\*\*\*$/, 'high'],
  [/^(moderate|medium|med|m|2|orange)\b|^(moderate|medium)|^\*\*$/, 'medium'],
  [/^(low|l|1|yellow)\b|^low|^\*$/, 'low'],
];

const CURRENCY_OF_COUNTRY: Readonly<Record<string, string>> = {
  US: 'USD',
  'UNITED STATES': 'USD',
  USA: 'USD',
  EU: 'EUR',
  EMU: 'EUR',
  'EURO ZONE': 'EUR',
  'EURO AREA': 'EUR',
  EUROZONE: 'EUR',
  'EUROPEAN UNION': 'EUR',
  'EUROPEAN MONETARY UNION': 'EUR',
  DE: 'EUR',
  GERMANY: 'EUR',
  FR: 'EUR',
  FRANCE: 'EUR',
  IT: 'EUR',
  ITALY: 'EUR',
  ES: 'EUR',
  SPAIN: 'EUR',
  GB: 'GBP',
  UK: 'GBP',
  'UNITED KINGDOM': 'GBP',
  JP: 'JPY',
  JAPAN: 'JPY',
  CH: 'CHF',
  SWITZERLAND: 'CHF',
  CA: 'CAD',
  CANADA: 'CAD',
  AU: 'AUD',
  AUSTRALIA: 'AUD',
  NZ: 'NZD',
  'NEW ZEALAND': 'NZD',
  CN: 'CNY',
  CHINA: 'CNY',
  CNH: 'CNY',
  SE: 'SEK',
  SWEDEN: 'SEK',
  NO: 'NOK',
  NORWAY: 'NOK',
  DK: 'DKK',
  DENMARK: 'DKK',
  SG: 'SGD',
  SINGAPORE: 'SGD',
  IN: 'INR',
  INDIA: 'INR',
  KR: 'KRW',
  'SOUTH KOREA': 'KRW',
  BR: 'BRL',
  BRAZIL: 'BRL',
  MX: 'MXN',
  MEXICO: 'MXN',
  ZA: 'ZAR',
  'SOUTH AFRICA': 'ZAR',
  TR: 'TRY',
  TURKEY: 'TRY',
  PL: 'PLN',
  POLAND: 'PLN',
};

const NOT_CURRENCIES: ReadonlySet<string> = new Set(['ALL', 'ANY', 'N/A']);
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WITHOUT_TIME = /^(all ?day|tentative|day \d+|\d+(st|nd|rd|th)-\d+(st|nd|rd|th)|)$/i;

/**
 * Reads a CSV file of scheduled events.
 * @param zone of times that state no UTC offset
 * @param stated order of dates such as 02/03/2027; absent: as they show it
 * @throws MinutehandError NEWS_FORMAT naming the line
 */
export function readCalendarCsv(text: string, place: string, zone: TimeZone, stated?: CalendarDateOrder): ReadCalendar {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const delimiter = delimiterOf(lines[0] ?? '');
  const header = (cellsOf(lines[0] ?? '', delimiter) ?? []).map((cell) => cell.toLowerCase().replace(/[\s_.()]/g, ''));
  const at = columnsOf(header, place, lines[0] ?? '');
  const rows = lines.slice(1).flatMap((line, i) => {
    if (line.trim() === '') return [];
    const cells = cellsOf(line, delimiter);
    if (cells === null) throw malformed(place, i + 2, line, 'a line whose quotes close');
    return [{ cells, line: i + 2, text: line }];
  });
  const dateCells = rows.map(({ cells }) => cells[at.date ?? at.time] ?? '');
  const order = orderOfDates(dateCells, place, stated);
  const reader = createClockReader(zone);
  const events: ScheduledEvent[] = [];
  const left = { withoutTime: 0, withoutImportance: 0, withoutCurrency: 0 };
  for (const { cells, line, text: row } of rows) {
    const cell = (column: number | undefined): string => (column === undefined ? '' : (cells[column] ?? '').trim());
    const importance = importanceOf(cell(at.importance));
    if (importance === undefined)
      throw malformed(place, line, row, 'an importance: low, medium or high, 1 to 3, or one to three stars');
    const currency = currencyOf(cell(at.currency));
    if (at.date !== undefined && WITHOUT_TIME.test(cell(at.time))) left.withoutTime++;
    else if (importance === null) left.withoutImportance++;
    else if (currency === null) left.withoutCurrency++;
    else {
      const stamp = at.date === undefined ? cell(at.time) : `${cell(at.date)} ${cell(at.time)}`;
      const time = timeOf(stamp, order, reader);
      if (!Number.isFinite(time))
        throw malformed(place, line, row, 'a time such as 2026-11-20 13:30, 2026.11.20 13:30, Nov 20 2026 1:30pm');
      events.push({ time, currency, importance, name: oneLine(cell(at.name)).slice(0, 200) });
    }
  }
  return { events: inOrder(events), ...left };
}

type Columns = Readonly<Record<Exclude<Column, 'date'>, number>> & { readonly date: number | undefined };

function columnsOf(header: readonly string[], place: string, line: string): Columns {
  const found = (column: Column): number | undefined => {
    const index = HEADERS[column].map((name) => header.indexOf(name)).find((one) => one >= 0);
    return index;
  };
  const date = found('date');
  // A column `date` alone may hold date and time.
  const time = found('time') ?? date;
  const isAlone = time === date;
  const missing = (['currency', 'importance', 'name'] as const).filter((column) => found(column) === undefined);
  if (time === undefined) missing.unshift('time' as never);
  if (missing.length > 0)
    throw new MinutehandError('NEWS_FORMAT', {
      seen: `${place}: ${oneLine(line).slice(0, 160)}`,
      expected: `a header with ${missing.map((column) => `${column} (${HEADERS[column].join(', ')})`).join('; ')}`,
    });
  return {
    time: time!,
    date: isAlone ? undefined : date,
    currency: found('currency')!,
    importance: found('importance')!,
    name: found('name')!,
  };
}

/** null: none. undefined: not one. */
function importanceOf(cell: string): Importance | null | undefined {
  const word = cell.toLowerCase().trim();
  return IMPORTANCE_WORDS.find(([pattern]) => pattern.test(word))?.[1];
}

function currencyOf(cell: string): string | null {
  const word = cell.toUpperCase();
  const known = CURRENCY_OF_COUNTRY[word];
  if (known !== undefined) return known;
  return /^[A-Z]{3}$/.test(word) && !NOT_CURRENCIES.has(word) ? word : null;
}

/** Month first, or day first. */
export type CalendarDateOrder = Exclude<DateOrder, 'ymd'>;
export const CALENDAR_DATE_ORDERS: readonly CalendarDateOrder[] = ['dmy', 'mdy'];

const NUMBERED = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})/;

/** Of dates such as 01/05/2026: which part is the month. null: there are none. @throws MinutehandError NEWS_FORMAT */
function orderOfDates(
  cells: readonly string[],
  place: string,
  stated: CalendarDateOrder | undefined,
): CalendarDateOrder | null {
  const parts = cells.flatMap((cell) => {
    const match = NUMBERED.exec(cell.trim());
    return match === null ? [] : [[Number(match[1]), Number(match[2])] as const];
  });
  if (parts.length === 0) return null;
  const shown = [
    ...(parts.some(([first]) => first > 12) ? (['dmy'] as const) : []),
    ...(parts.some(([, second]) => second > 12) ? (['mdy'] as const) : []),
  ];
  const seen = `${place}: dates such as ${cells.find((cell) => NUMBERED.test(cell.trim()))!}`;
  if (shown.length === 2)
    throw new MinutehandError('NEWS_FORMAT', {
      seen: `${seen}, some of which have the day first and others the month`,
      expected: 'dates of one order, or dates such as 2026-11-20',
    });
  const [order = stated] = shown;
  if (order === undefined)
    throw new MinutehandError('NEWS_FORMAT', {
      seen,
      expected: 'dates of which one shows whether the day or the month comes first, or dates such as 2026-11-20',
      next: 'Give --date-order dmy (day first) or --date-order mdy (month first).',
    });
  if (stated !== undefined && stated !== order)
    throw new MinutehandError('NEWS_FORMAT', {
      seen: `${seen}, of which one can only be ${order}, and --date-order ${stated}`,
      expected: `--date-order ${order}`,
    });
  return order;
}

/** Epoch seconds; NaN for a text that is no time. */
function timeOf(text: string, order: CalendarDateOrder | null, reader: ReturnType<typeof createClockReader>): number {
  const stamp = text.trim();
  if (/^\d{9,10}$/.test(stamp)) return Number(stamp);
  if (/^\d{12,13}$/.test(stamp)) return Math.floor(Number(stamp) / 1000);
  if (/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/.test(stamp)) return Date.parse(stamp) / 1000;
  const iso = /^(\d{4})[-./](\d{1,2})[-./](\d{1,2})[T ]+(\d.*)$/.exec(stamp);
  if (iso !== null) return local(Number(iso[1]), Number(iso[2]), Number(iso[3]), iso[4]!, reader);
  const numbered = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})[T ,]+(\d.*)$/.exec(stamp);
  if (numbered !== null && order !== null) {
    const first = Number(numbered[1]);
    const second = Number(numbered[2]);
    const month = order === 'mdy' ? first : second;
    const day = order === 'mdy' ? second : first;
    return local(Number(numbered[3]), month, day, numbered[4]!, reader);
  }
  const worded = /^(?:[A-Za-z]{3,9},? +)?([A-Za-z]{3,9})\.? +(\d{1,2}),? +(\d{4}),? +(\d.*)$/.exec(stamp);
  if (worded === null) return NaN;
  const month = MONTHS.indexOf(worded[1]!.slice(0, 3).toLowerCase()) + 1;
  return month === 0 ? NaN : local(Number(worded[3]), month, Number(worded[2]), worded[4]!, reader);
}

/** A date and a clock time such as 13:30, 13:30:00, 1:30pm, 13:30Z. */
function local(
  year: number,
  month: number,
  day: number,
  clock: string,
  reader: ReturnType<typeof createClockReader>,
): number {
  const match = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)? ?([ap]m)?(z| ?utc| ?gmt)?$/i.exec(clock.trim());
  if (match === null) return NaN;
  const half = match[4]?.toLowerCase();
  const shown = Number(match[1]);
  if (half !== undefined && (shown < 1 || shown > 12)) return NaN;
  const hour = half === undefined ? shown : (shown % 12) + (half === 'pm' ? 12 : 0);
  const minute = Number(match[2]);
  const date = new Date(Date.UTC(year, month - 1, day));
  if (hour > 23 || minute > 59 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return NaN;
  const seconds = date.getTime() / 1000 + hour * 3600 + minute * 60 + Number(match[3] ?? 0);
  return match[5] === undefined ? reader.toUtc(seconds) : seconds;
}

function malformed(place: string, line: number, text: string, expected: string): MinutehandError {
  return new MinutehandError('NEWS_FORMAT', {
    seen: `${place} line ${line}: ${oneLine(text).slice(0, 120)}`,
    expected,
  });
}
