import { parseDecimalText } from '../../shared/bar_file/decimal.ts';
import { cellsOf, delimiterOf } from '../../shared/csv/cells.ts';
import { LATEST_TIME_S } from '../../shared/bar.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { newYorkMinuteOfWeek, newYorkOffset, MINUTES_PER_WEEK } from '../../shared/core/cost/new_york_time.ts';
import type { SpreadProfile, SpreadStep } from '../../shared/core/cost/spread_profile.ts';
import { utcSeconds } from './bar_layout.ts';

/** Quotes of a symbol, in any order. */
export interface QuotedSpreads {
  /** Epoch seconds. */
  readonly time: readonly number[];
  /** Basis points of the price. */
  readonly bps: readonly number[];
}

export interface LearnedSpreads {
  /** Median over trading days of the day's median. */
  readonly spread_bps: number;
  readonly steps: readonly SpreadStep[];
  readonly quotes: number;
  readonly days: number;
  /** Share of the five-minute buckets that the quotes determine; the others are those of the fallback. */
  readonly covered: number;
}

const DAY_S = 86_400;
const MINUTES_PER_DAY = 1440;
const BUCKET_MINUTES = 5;
const ROLL_HOUR_S = 17 * 3600;
const FRIDAY = 5;
/** Friday's close and Sunday are unlike the other days, which are taken together. */
const FRIDAY_CLOSE_MINUTE = 16 * 60;
/** Quotes that a bucket needs, and a trading day to have a median. */
const MIN_QUOTES = 4;
const MIN_DAY_QUOTES = 100;
/** A step that changes the multiple by less is left out. */
const MIN_CHANGE = 0.08;

/**
 * The profile of a symbol: each quote over the median of its trading day (17:00 to 17:00 New York), the median of each
 * five minutes of the New York week. Quotes of days with fewer than 100 are left out.
 * @param fallback of minutes without quotes
 * @returns null where no day has enough quotes
 */
export function learnSpreads({ time, bps }: QuotedSpreads, fallback: SpreadProfile): LearnedSpreads | null {
  const byDay = new Map<number, number[]>();
  const dayOf = (at: number): number => Math.floor((at + newYorkOffset(at) - ROLL_HOUR_S) / DAY_S);
  time.forEach((at, i) => {
    if (bps[i]! > 0) listAt(byDay, dayOf(at)).push(bps[i]!);
  });
  const medians = new Map(
    [...byDay].filter(([, own]) => own.length >= MIN_DAY_QUOTES).map(([day, own]) => [day, median(own)]),
  );
  if (medians.size === 0) return null;
  const byBucket = new Map<number, number[]>();
  let quotes = 0;
  time.forEach((at, i) => {
    const usual = medians.get(dayOf(at));
    if (usual === undefined || !(bps[i]! > 0)) return;
    quotes++;
    listAt(byBucket, bucketOf(newYorkMinuteOfWeek(at))).push(bps[i]! / usual);
  });
  const steps: SpreadStep[] = [];
  let known = 0;
  for (let minute = 0; minute < MINUTES_PER_WEEK; minute += BUCKET_MINUTES) {
    const own = byBucket.get(bucketOf(minute)) ?? [];
    if (own.length >= MIN_QUOTES) known++;
    const multiple = own.length >= MIN_QUOTES ? median(own) : fallback[minute]!;
    const last = steps.at(-1)?.[1] ?? 0;
    if (Math.abs(multiple - last) > MIN_CHANGE * last) steps.push([minute, Math.round(100 * multiple) / 100]);
  }
  const covered = known / (MINUTES_PER_WEEK / BUCKET_MINUTES);
  return { spread_bps: median([...medians.values()]), steps, quotes, days: medians.size, covered };
}

/** Monday to Friday afternoon share their buckets; Sunday, Friday's close and Saturday have their own. */
function bucketOf(minute: number): number {
  const day = Math.floor(minute / MINUTES_PER_DAY);
  const own = minute % MINUTES_PER_DAY;
  const isDaily = day > 0 && day <= FRIDAY && !(day === FRIDAY && own >= FRIDAY_CLOSE_MINUTE);
  return Math.floor((isDaily ? MINUTES_PER_WEEK + own : minute) / BUCKET_MINUTES);
}

function listAt<Key>(lists: Map<Key, number[]>, key: Key): number[] {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, (list = []));
  return list;
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

/**
 * Rows of `time,spread_bps` or `time,bid,ask`; null for another header. Times are epoch numbers of any unit, or dates
 * with their zone.
 * @throws MinutehandError DATA_FORMAT for a row that cannot be read, and where the ask is below the bid
 */
export function parseSpreads(text: string): QuotedSpreads | null {
  const [header = '', ...lines] = text.split(/\r?\n/);
  const delimiter = delimiterOf(header);
  const columns = cellsOf(header.replace(/^\uFEFF/, ''), delimiter) ?? [];
  const [time, spread, bid, ask] = ['time', 'spread_bps', 'bid', 'ask'].map((name) => columns.indexOf(name));
  if (time! < 0 || (spread! < 0 && (bid! < 0 || ask! < 0))) return null;
  const quoted: { time: number[]; bps: number[] } = { time: [], bps: [] };
  for (const [i, line] of lines.entries()) {
    if (line === '') continue;
    const texts = cellsOf(line, delimiter) ?? [];
    const cells = texts.map(parseDecimalText);
    const at = utcSeconds(texts[time!] ?? '');
    const values = spread! >= 0 ? [spread!] : [bid!, ask!];
    const isRead = at < LATEST_TIME_S && values.every((column) => Number.isFinite(cells[column]));
    const isCrossed = spread! < 0 && cells[ask!]! < cells[bid!]!;
    if (!isRead || isCrossed)
      throw new MinutehandError('DATA_FORMAT', {
        seen: `line ${i + 2}: ${line.slice(0, 120)}`,
        expected: isRead
          ? 'an ask that is not below the bid'
          : `an epoch time or a date with its zone in ${columns[time!]}, numbers in ${values.map((column) => columns[column]).join(', ')}`,
      });
    quoted.time.push(at);
    quoted.bps.push(
      spread! >= 0 ? cells[spread!]! : (2e4 * (cells[ask!]! - cells[bid!]!)) / (cells[ask!]! + cells[bid!]!),
    );
  }
  return quoted;
}

/** The keys of a symbol for `symbols` in minutehand.yaml. */
export function spreadsYaml(symbol: string, { spread_bps, steps }: LearnedSpreads): string {
  const profile = steps.map(([minute, multiple]) => `[${minute}, ${multiple}]`).join(', ');
  return `  ${symbol}:\n    spread_bps: ${Number(spread_bps.toPrecision(3))}\n    spread_profile: [${profile}]`;
}
