import { MinutehandError } from '../../shared/errors.ts';
import { parseDecimalText } from '../../shared/bar_file/decimal.ts';
import { readStamp } from '../../shared/csv/stamps.ts';

/** A way of counting time that is not read: it cannot be told from another one by its size alone. */
interface CountUnit {
  readonly name: string;
  readonly perSecond: number;
  /** Seconds from its beginning to 1970. */
  readonly before: number;
}

const SECONDS_1601_TO_1970 = 11_644_473_600;
const SECONDS_1_TO_1970 = 62_135_596_800;
const UNITS: readonly CountUnit[] = [
  { name: 'days since 1970', perSecond: 1 / 86_400, before: 0 },
  { name: 'hours since 1970', perSecond: 1 / 3600, before: 0 },
  { name: 'minutes since 1970', perSecond: 1 / 60, before: 0 },
  { name: 'tenths of a second since 1970', perSecond: 10, before: 0 },
  { name: 'hundredths of a second since 1970', perSecond: 100, before: 0 },
  { name: 'steps of 100 ns since 1970', perSecond: 1e7, before: 0 },
  { name: 'picoseconds since 1970', perSecond: 1e12, before: 0 },
  { name: 'femtoseconds since 1970', perSecond: 1e15, before: 0 },
  { name: 'steps of 100 ns since 1601 (Windows file times)', perSecond: 1e7, before: SECONDS_1601_TO_1970 },
  { name: 'steps of 100 ns since the year 1 (ticks of .NET)', perSecond: 1e7, before: SECONDS_1_TO_1970 },
  { name: 'seconds since 1601', perSecond: 1, before: SECONDS_1601_TO_1970 },
];
/** Markets of these years have bars in files. */
const FIRST_S = Date.UTC(1990, 0) / 1000;
const LAST_S = Date.UTC(2100, 0) / 1000;
const MINUTE_S = 60;
/** Doubles hold times of the year 2025 in femtoseconds to less than a millisecond. */
const TOLERANCE_S = 1e-3;
/** Fewer stamps show no distance that could be trusted. */
const ENOUGH_STAMPS = 3;

/**
 * Refuses counts that are neither seconds, milliseconds, microseconds nor nanoseconds since 1970, where they fit
 * another way of counting: as usually read they are of no time, or less than a minute apart.
 * @param texts stamps of neighboring rows
 * @throws MinutehandError DATA_FORMAT with that way
 */
export function refuseOtherCounts(texts: readonly string[]): void {
  const counts = texts.filter((text) => Number.isFinite(parseDecimalText(text)));
  if (counts.length < ENOUGH_STAMPS || fits(counts.map((text) => readStamp(text, null).seconds))) return;
  const values = counts.map(parseDecimalText);
  const unit = UNITS.find(({ perSecond, before }) => fits(values.map((value) => value / perSecond - before)));
  if (unit === undefined) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `stamps such as “${texts[0]!.slice(0, 40)}”, which are ${unit.name} by their size and distance`,
    expected: 'seconds, milliseconds, microseconds or nanoseconds since 1970, days of a spreadsheet, or dates',
    next: 'Convert them to seconds since 1970.',
  });
}

/** Whether most of the times are of these decades, and whole minutes apart. */
function fits(times: readonly number[]): boolean {
  let good = 0;
  for (const [i, time] of times.entries()) {
    const apart = i === 0 ? MINUTE_S : Math.abs(time - times[i - 1]!);
    const isApart = apart > MINUTE_S / 2 && Math.abs(apart - Math.round(apart / MINUTE_S) * MINUTE_S) < TOLERANCE_S;
    if (time >= FIRST_S && time < LAST_S && isApart) good++;
  }
  return good > 0.9 * times.length;
}
