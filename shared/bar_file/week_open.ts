import { createClockReader, offsetZone, parseTimeZone, type SummerRule, type TimeZone } from './time_zone.ts';

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
/** No bars for so long is a weekend; Christmas and New Year in mid-week are shorter. */
export const WEEKEND_S = 36 * HOUR_S;

/** Begin of an instrument's trading week: a full hour of a clock that keeps its place's daylight saving. */
export interface WeekOpen {
  readonly place: TimeZone;
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly hour: number;
  readonly text: string;
}

function weekOpen(place: string, weekday: number, hour: number, text: string): WeekOpen {
  return { place: parseTimeZone(place), weekday, hour, text };
}

const CURRENCIES = 'AUD|CAD|CHF|CNH|CZK|DKK|EUR|GBP|HKD|HUF|JPY|MXN|NOK|NZD|PLN|SEK|SGD|TRY|USD|ZAR';
/**
 * Known week openings, by the beginning of symbols. Brent follows the clock of London, as the openings
 * of 2019 show.
 */
const KNOWN_OPENS: readonly (readonly [RegExp, WeekOpen])[] = [
  [
    new RegExp(`^(?:${CURRENCIES})(?:${CURRENCIES})`),
    weekOpen('America/New_York', 0, 17, 'on Sunday at 17:00 in New York'),
  ],
  [/^(?:X(?:AU|AG|PT|PD)|SPX|NSX)/, weekOpen('America/New_York', 0, 18, 'on Sunday at 18:00 in New York')],
  [/^BCO/, weekOpen('Europe/London', 1, 1, 'on Monday at 1:00 in London')],
];

/** Priced in a coin that stands for dollars: traded on weekends as well, such as EURUSDT and XAUTUSDT. */
const OF_COINS = /(?:USDT|USDC|BUSD|FDUSD|TUSD)(?:[._]|$)/;

/** When the trading week of a symbol begins; null where it is not known. */
export function openingOf(symbol: string): WeekOpen | null {
  if (OF_COINS.test(symbol.toUpperCase())) return null;
  return KNOWN_OPENS.find(([pattern]) => pattern.test(symbol.toUpperCase()))?.[1] ?? null;
}

/** The first of the zones with the fewest openings elsewhere than they are due. */
export function leastOdd(zones: readonly TimeZone[], opens: readonly number[], due: WeekOpen): TimeZone {
  const ranked = zones.map((zone) => ({ zone, odd: oddOpens(opens, zone, due) }));
  return ranked.reduce((best, one) => (one.odd < best.odd ? one : best)).zone;
}

/** Openings that are not in the hour in which they are due, on this clock. */
export function oddOpens(opens: readonly number[], zone: TimeZone, { place, weekday, hour }: WeekOpen): number {
  const reader = createClockReader(zone);
  let odd = 0;
  for (const open of opens) {
    const utc = reader.toUtc(open);
    const local = Number.isNaN(utc) ? NaN : utc + place.offsetAt(utc);
    // 1970 began on a Thursday.
    const isDue = (Math.floor(local / DAY_S) + 4) % 7 === weekday && Math.floor((local % DAY_S) / HOUR_S) === hour;
    if (!isDue) odd++;
  }
  return odd;
}

/** Whole hours from UTC−12 to UTC+14, plain and with either summer hour. */
export const WORLD: readonly TimeZone[] = (['US', 'EU', null] as const).flatMap((rule: SummerRule | null) =>
  Array.from({ length: 27 }, (_, i) => offsetZone((i - 12) * HOUR_S, rule)),
);
