import { upperMedianOf } from '../../statistics.ts';
import { leastOdd, oddOpens, WORLD, type WeekOpen } from '../week_open.ts';
import { UTC, type TimeZone } from '../time_zone.ts';
import type { Finding } from './finding.ts';

const HOUR_S = 3600;
const HALF_HOUR_S = 1800;
const DAY_S = 24 * HOUR_S;
/**
 * A weekend of a market that closes on Friday at 17:00 and opens on Sunday at 17:00 or 18:00, with an hour to spare.
 */
const SHORTEST_S = 46 * HOUR_S;
const LONGEST_S = 52 * HOUR_S;
const SHORTEST_PAUSE_S = 1800;
const LONGEST_PAUSE_S = 3 * HOUR_S;
/** New York's close, which ends the week and the day. */
const CLOSE_HOUR = 17;
const MIN_PAUSES = 3;
const CLEAR_SHARE = 0.8;
const MIXED_SHARE = 0.2;

const UNKNOWN_ZONE = 'of no known place';

interface Edges {
  /** Seconds from the due close to the end of the last bar, and from the due opening to the first bar. */
  readonly close: number;
  readonly open: number;
}

/**
 * Compares the ends and the beginnings of a market's weeks, and of its days where it pauses daily, with those of the
 * market. A bar may be absent, so a week may end early and begin late; but no bar is of a closed market: a week that
 * ends late, or begins early, is on another clock, by as much as its other edge is off as well.
 */
export function createWeekEdges(due: WeekOpen, barSeconds: number) {
  const weeks: Edges[] = [];
  const days: Edges[] = [];
  const rests: Rest[] = [];
  const pauses = due.hour > CLOSE_HOUR && due.place.name === 'America/New_York';

  /** Seconds since the begin of the local week on Sunday 00:00. */
  const ofWeek = (utc: number): number => {
    const local = utc + due.place.offsetAt(utc);
    // 1970 began on a Thursday.
    return (((local + 4 * DAY_S) % (7 * DAY_S)) + 7 * DAY_S) % (7 * DAY_S);
  };
  const dueOpen = due.weekday * DAY_S + due.hour * HOUR_S;
  const dueClose = 5 * DAY_S + (due.place.name === 'America/New_York' ? CLOSE_HOUR : 22) * HOUR_S;

  return {
    addWeekend(last: number, open: number): void {
      rests.push({ last, open });
      if (open - last < SHORTEST_S || open - last > LONGEST_S) return;
      const end = last + barSeconds;
      weeks.push({ close: signed(ofWeek(end) - dueClose), open: signed(ofWeek(open) - dueOpen) });
    },

    addPause(last: number, open: number): void {
      const apart = open - last;
      if (!pauses || apart < SHORTEST_PAUSE_S || apart > LONGEST_PAUSE_S) return;
      const end = last + barSeconds;
      const day = (utc: number): number => ofWeek(utc) % DAY_S;
      days.push({
        close: signedDay(day(end) - CLOSE_HOUR * HOUR_S),
        open: signedDay(day(open) - due.hour * HOUR_S),
      });
    },

    findings({ oldest, newest, hasClosed }: WeekRange): Finding[] {
      const market = { due, dueOpen, dueClose, barSeconds, weeks, days, opens: rests.map(({ open }) => open) };
      const stamped = closeStamped(market);
      if (stamped !== null) return [stamped];
      const ofAll = shifted(market);
      // The edges of one weekend may be of two offsets of one clock.
      const isOneWeekend = weeks.length === 1;
      if (!hasClosed || (ofAll.length > 0 && !isOneWeekend)) return ofAll;
      const single = weeksOf(rests, oldest, newest).map(({ open, last }) => ({
        from: open,
        close: signed(ofWeek(last + barSeconds) - dueClose),
        open: signed(ofWeek(open) - dueOpen),
      }));
      const ofWeeks = singleWeeks(market, single);
      const hasZone = ofWeeks.some(({ values }) => values['zone'] !== undefined);
      return ofAll.length === 0 || hasZone ? ofWeeks : ofAll;
    },
  };
}

/** What the bars of all weeks have. */
interface WeekRange {
  /** Opens of the first and of the last bar. */
  readonly oldest: number;
  readonly newest: number;
  /** Some move while the market is closed: more than a stray one. */
  readonly hasClosed: boolean;
}

/** A time without bars: the open of the last one before it, and that of the first one after it. */
interface Rest {
  readonly last: number;
  readonly open: number;
}

/** The weeks between the rests, in the order of time. */
function weeksOf(rests: readonly Rest[], oldest: number, newest: number): { open: number; last: number }[] {
  const sorted = [...rests].sort((a, b) => a.last - b.last);
  const begins = [oldest, ...sorted.map(({ open }) => open)];
  const ends = [...sorted.map(({ last }) => last), newest];
  return begins.map((open, i) => ({ open, last: ends[i]! }));
}

interface MarketEdges {
  readonly due: WeekOpen;
  /** Seconds since Sunday 00:00 of its place. */
  readonly dueOpen: number;
  readonly dueClose: number;
  readonly barSeconds: number;
  readonly weeks: readonly Edges[];
  readonly days: readonly Edges[];
  readonly opens: readonly number[];
}

/** Each test: its name, what it compares, and how many of them it needs. */
function testsOf({ weeks, days }: MarketEdges) {
  return [
    { by: 'week_edges', edges: weeks, least: 2 },
    { by: 'daily_pause', edges: days, least: MIN_PAUSES },
  ] as const;
}

function closeStamped(market: MarketEdges): Finding | null {
  const { barSeconds } = market;
  if (barSeconds >= HOUR_S) return null;
  for (const { by, edges, least } of testsOf(market)) {
    if (edges.length < least) continue;
    const late = edges.filter(({ close }) => close === barSeconds).length;
    const other = edges.filter(({ open, close }) => open < barSeconds || close > barSeconds).length;
    if (late >= 0.5 * edges.length && other <= MIXED_SHARE * edges.length)
      return { code: 'CLOSE_STAMPED', by, values: { bar_minutes: barSeconds / 60, late, of: edges.length } };
  }
  return null;
}

function shifted(market: MarketEdges): Finding[] {
  const { barSeconds } = market;
  for (const { by, edges, least } of testsOf(market)) {
    const counts = countsOfHours(edges.map(hoursOff));
    const known = counts.reduce((sum, { count }) => sum + count, 0);
    const off = counts.find(({ hours }) => hours !== 0);
    // One weekend is enough where both of its edges are off alike.
    const isOneClearWeek = by === 'week_edges' && known === 1 && off !== undefined && edges.length === 1;
    if (known < least && !isOneClearWeek) continue;
    if (off === undefined) return [];
    const { hours, count } = off;
    const seen = seenOf(
      market,
      by,
      edges.filter((one) => hoursOff(one) === hours),
    );
    if (count >= CLEAR_SHARE * known) {
      const values = { hours, weeks: count, of: known, ...seen, ...orCloseStamped(hours, barSeconds) };
      return [{ code: 'SHIFTED', by, values }];
    }
    if (count >= MIXED_SHARE * known)
      return [{ code: 'SHIFTED', by, values: { weeks: count, of: known, ...seen, zone: zoneOf(market) } }];
  }
  return minutesOff(market);
}

/**
 * A shift of less than an hour: nearly all weeks end so many minutes off New York's close, and begin as much off, or
 * a little later. A week that only ends early or begins late is within the open hours.
 */
function minutesOff(market: MarketEdges): Finding[] {
  const { barSeconds, weeks } = market;
  const offs = weeks.filter(({ close, open }) => close !== 0 && open >= close - barSeconds && (close > 0 || open < 0));
  const usual = upperMedianOf(offs.map(({ close }) => close));
  const alike = offs.filter(({ close }) => Math.abs(close - usual) <= barSeconds);
  if (alike.length < 2 || alike.length < CLEAR_SHARE * weeks.length || Math.abs(usual) >= HOUR_S) return [];
  const seen = seenOf(market, 'week_edges', alike);
  const values = { hours: usual / HOUR_S, weeks: alike.length, of: weeks.length, ...seen };
  return [{ code: 'SHIFTED', by: 'week_edges', values }];
}

/**
 * Weeks of their own clock among others, or a single one: each ends as late as it begins, or begins as early as it
 * ends. The rests on both sides of such a week do not show it, because one of their edges is right.
 */
function singleWeeks(market: MarketEdges, weeks: readonly (Edges & { readonly from: number })[]): Finding[] {
  const off = weeks.flatMap((week) => {
    const hours = hoursOff(week);
    // A week that is cut off at one edge shows no shift.
    const isWhole = Math.abs(week.close) < DAY_S && Math.abs(week.open) < DAY_S;
    return hours === null || hours === 0 || !isWhole ? [] : [{ hours, week }];
  });
  const [usual] = countsOfHours(off.map(({ hours }) => hours));
  if (usual === undefined) return [];
  const zone = zoneOfWeeks(off);
  const { hours, count } = usual;
  const { week: first } = off.find((one) => one.hours === hours)!;
  const values = {
    ...(zone === null ? { hours, weeks: count } : { zone: zone.name, weeks: off.length }),
    of: weeks.length,
    from: first.from,
    ...seenOf(market, 'week_edges', [first]),
    ...(zone === null && orCloseStamped(hours, market.barSeconds)),
  };
  return [{ code: 'SHIFTED', by: 'single_weeks', values }];
}

/**
 * The clock with daylight saving that has every of these shifts, where they are not all alike.
 * @returns null where they are alike, or no clock has them
 */
function zoneOfWeeks(off: readonly { readonly hours: number; readonly week: { readonly from: number } }[]) {
  if (off.every(({ hours }) => hours === off[0]!.hours)) return null;
  const hasShift = (zone: TimeZone): boolean =>
    off.every(({ hours, week }) => zone.offsetAt(week.from - hours * HOUR_S) === hours * HOUR_S);
  return WORLD.find(hasShift) ?? null;
}

/** How often each shift occurs, the most frequent first. @param shifts hours; null where none is known */
function countsOfHours(shifts: readonly (number | null)[]): { readonly hours: number; readonly count: number }[] {
  const counts = new Map<number, number>();
  for (const hours of shifts) if (hours !== null) counts.set(hours, (counts.get(hours) ?? 0) + 1);
  return [...counts].map(([hours, count]) => ({ hours, count })).sort((a, b) => b.count - a.count);
}

/** A shift by exactly one bar may also be stamps of the close. */
function orCloseStamped(hours: number, barSeconds: number): { readonly or_close_stamped?: 1 } {
  return hours * HOUR_S === barSeconds ? { or_close_stamped: 1 } : {};
}

/** The clock of weeks that are off in one season only. */
function zoneOf({ opens, due }: MarketEdges): string {
  const best = leastOdd([UTC, ...WORLD], opens, due);
  const isClear = best.name !== 'UTC' && oddOpens(opens, best, due) <= MIXED_SHARE * opens.length;
  return isClear ? best.name : UNKNOWN_ZONE;
}

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** When weeks, or daily pauses, begin and end by their stamps, and when they must: `Sunday 19:00 to Friday 19:00`. */
function seenOf(
  { due, dueOpen, dueClose }: MarketEdges,
  by: 'week_edges' | 'daily_pause',
  edges: readonly Edges[],
): { readonly seen: string; readonly expected: string; readonly place: string } {
  const open = upperMedianOf(edges.map((one) => one.open));
  const close = upperMedianOf(edges.map((one) => one.close));
  const place = due.place.name.split('/').at(-1)!.replace('_', ' ');
  if (by === 'week_edges')
    return {
      seen: `${weekTime(dueOpen + open)} to ${weekTime(dueClose + close)}`,
      expected: `${weekTime(dueOpen)} to ${weekTime(dueClose)}`,
      place,
    };
  const begin = CLOSE_HOUR * HOUR_S;
  const end = due.hour * HOUR_S;
  return {
    seen: `${dayTime(begin + close)} to ${dayTime(end + open)}`,
    expected: `${dayTime(begin)} to ${dayTime(end)}`,
    place,
  };
}

/** @param seconds since Sunday 00:00 */
function weekTime(seconds: number): string {
  const inWeek = (seconds + 7 * DAY_S) % (7 * DAY_S);
  return `${WEEKDAYS[Math.floor(inWeek / DAY_S)]!} ${dayTime(inWeek)}`;
}

function dayTime(seconds: number): string {
  return new Date(((seconds + DAY_S) % DAY_S) * 1000).toISOString().slice(11, 16);
}

/**
 * Whole or half hours by which both edges are off; 0 where the bars are within the open hours; null where they
 * disagree.
 */
function hoursOff({ close, open }: Edges): number | null {
  if (close <= 0 && open >= 0) return 0;
  const halves = close > 0 ? Math.ceil(close / HALF_HOUR_S) : Math.floor(open / HALF_HOUR_S);
  const isHalf = halves % 2 !== 0 && close > (halves - 1) * HALF_HOUR_S && close <= halves * HALF_HOUR_S;
  if (isHalf && Math.floor(open / HALF_HOUR_S) === halves) return halves / 2;
  const hours = close > 0 ? Math.ceil(close / HOUR_S) : Math.floor(open / HOUR_S);
  const fits =
    close > 0 ? Math.floor(open / HOUR_S) === hours : Math.ceil(close / HOUR_S) === hours || close <= hours * HOUR_S;
  return fits ? hours : null;
}

function signed(seconds: number): number {
  const week = 7 * DAY_S;
  return seconds > week / 2 ? seconds - week : seconds < -week / 2 ? seconds + week : seconds;
}

function signedDay(seconds: number): number {
  return seconds > DAY_S / 2 ? seconds - DAY_S : seconds < -DAY_S / 2 ? seconds + DAY_S : seconds;
}
