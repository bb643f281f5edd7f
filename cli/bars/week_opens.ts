import { MinutehandError } from '../../shared/errors.ts';
import { createClockReader, parseTimeZone, type TimeZone } from '../../shared/bar_file/time_zone.ts';
import { leastOdd, oddOpens, openingOf, WORLD, type WeekOpen } from '../../shared/bar_file/week_open.ts';

/** Result of detecting or checking the clock of a file. */
export interface ClockVerdict {
  /** The zone its stamps are read on. */
  readonly timezone: string;
  /** False when the file has too few openings of a trading week, or its market has none that could be checked. */
  readonly checked: boolean;
  /** Openings of a week that the file has, and those of them at another hour than they should be. */
  readonly week_opens: number;
  readonly odd_opens: number;
}

export interface ClockQuestion {
  readonly file: string;
  readonly symbol: string;
  /** `table`: of a maker that is not known, whose files have no usual clock. */
  readonly layout: 'histdata' | 'metatrader' | 'table';
  /** Seconds since 1970 on the file's clock of the first bars after a weekend. */
  readonly opens: readonly number[];
  /** The zone that the user named, or null to find it. */
  readonly named: TimeZone | null;
  readonly trusted: boolean;
  /** Seconds since 1970 on the file's clock of its first and last row, where it has rows. */
  readonly range?: readonly [first: number, last: number];
}

const MIN_OPENS = 2;
/** Holidays and missing data move some openings. */
const MAX_ODD = 0.2;

/**
 * Usual clocks of these files, the most likely first. HistData: see the data it published since 2012;
 * MetaTrader: brokers whose day ends at New York's close. Other tables: UTC where it fits.
 */
const USUAL: Readonly<Record<ClockQuestion['layout'], readonly string[]>> = {
  histdata: ['-05:00/EU', '-05:00/US', '-05:00'],
  metatrader: ['+02:00/US', '+02:00/EU', '+03:00', '+02:00', 'UTC', '+01:00/EU', '+00:00/EU'],
  table: ['UTC'],
};

/**
 * The clock of a file whose layout does not state it. Weekly openings are the evidence: the start of the week is
 * defined for currencies, metals and a few others, daylight saving included. The zone with the fewest openings
 * elsewhere fits, if they are at most a fifth. A trusted file is not checked: it is read on the named zone, else on the
 * usual zone of its maker with the fewest openings elsewhere. A table of an unknown maker is never read by convention:
 * where several clocks fit and would give its rows different times, it is asked for.
 * @throws MinutehandError CLOCK_MISMATCH when another zone fits better than the named one, or none fits at all; USAGE
 * when no zone was named and the file does not determine it
 */
export function checkClock(question: ClockQuestion): ClockVerdict {
  const { file, symbol, layout, opens, named, trusted } = question;
  const due = openingOf(symbol);
  const verdict = (zone: TimeZone, checked: boolean): ClockVerdict => ({
    timezone: zone.name,
    checked,
    week_opens: opens.length,
    odd_opens: due === null ? 0 : oddOpens(opens, zone, due),
  });
  const usual = USUAL[layout].map(parseTimeZone);
  const usualZone = due === null ? usual[0]! : leastOdd(usual, opens, due);
  if (trusted) return verdict(named ?? usualZone, false);
  if (due === null || opens.length < MIN_OPENS) {
    if (named !== null) return verdict(named, false);
    // Zones that an opening contradicts are left out; the rest is by convention, and reported as unchecked.
    if (layout === 'histdata') return verdict(usualZone, false);
    throw new MinutehandError('USAGE', {
      seen: `${file} does not name its clock, and ${
        due === null
          ? `it is not known when the trading week of ${symbol} begins`
          : `its openings of a trading week, ${opens.length}, are too few to determine it`
      }`,
      expected: '--timezone with the clock of its maker',
      next: `Give --timezone, for instance ${likelyZones(question, due).join(' or ')}.`,
    });
  }

  const best = leastOdd([...usual, ...WORLD], opens, due);
  const leastCount = oddOpens(opens, best, due);
  const fits = (odd: number): boolean => odd <= MAX_ODD * opens.length;
  if (named === null && layout === 'table') refuseSeveral(question, due, best, leastCount);
  const zone = named ?? best;
  const odd = oddOpens(opens, zone, due);
  if (fits(odd) && odd <= leastCount) return verdict(zone, true);
  const fitting = fits(leastCount) ? best : null;
  throw new MinutehandError('CLOCK_MISMATCH', {
    seen: `${file}: on ${zone.name}, ${odd} of ${opens.length} weeks do not open ${due.text}`,
    expected: fitting === null ? 'a clock on which they do; no known clock fits' : `${fitting.name}, which fits`,
    next:
      fitting === null
        ? 'Check the file: its clock may change in the middle. --trust-clock imports it on the usual clock of its maker, or on that of --timezone.'
        : `Use --timezone ${fitting.name}. To import it on ${zone.name} anyway, add --trust-clock.`,
  });
}

/** Clocks to name where the openings do not determine one: of a table, those that its openings fit. */
function likelyZones({ layout, opens }: ClockQuestion, due: WeekOpen | null): readonly string[] {
  const fits = (zone: TimeZone): boolean => due !== null && opens.length > 0 && oddOpens(opens, zone, due) === 0;
  if (layout !== 'table' || fits(parseTimeZone('UTC'))) return USUAL[layout].slice(0, 2);
  const fitting = WORLD.filter(fits).map(({ name }) => name);
  return fitting.length === 0 ? USUAL[layout] : fitting.slice(0, 3);
}

/**
 * Clocks that fit as well as the best one, and give rows of the file another time. UTC is taken where it fits.
 * @throws MinutehandError USAGE
 */
function refuseSeveral(question: ClockQuestion, due: WeekOpen, best: TimeZone, leastCount: number): void {
  const { file, opens, range } = question;
  if (best.name === 'UTC' || range === undefined || leastCount > MAX_ODD * opens.length) return;
  const different = WORLD.filter((zone) => oddOpens(opens, zone, due) === leastCount && differs(zone, best, range));
  if (different.length === 0) return;
  const names = [best, ...different].slice(0, 4).map(({ name }) => name);
  throw new MinutehandError('USAGE', {
    seen: `${file} does not name its clock, and its ${opens.length} openings of a trading week fit ${names.join(', ')}`,
    expected: '--timezone with the clock of its maker',
    next: `Give --timezone, for instance ${names[0]!}.`,
  });
}

const SAMPLE_S = 86_400;

function differs(one: TimeZone, other: TimeZone, [first, last]: readonly [number, number]): boolean {
  const read = createClockReader(one);
  const readOther = createClockReader(other);
  for (let time = first; time <= last; time += SAMPLE_S) if (read.toUtc(time) !== readOther.toUtc(time)) return true;
  return false;
}
