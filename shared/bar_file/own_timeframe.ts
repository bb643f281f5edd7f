import { SECONDS_PER_BAR } from '../bar.ts';
import { MinutehandError } from '../errors.ts';
import { barSecondsOf, type Pair, TIMEFRAME_NAMES, TIMEFRAMES } from '../pair.ts';

/** What a timeframe is inferred from: ascending epoch seconds. */
interface Timed {
  readonly symbol: string;
  readonly length: number;
  readonly time: Float64Array;
}

/** Fewer bars do not show their timeframe: they are one-minute bars. */
export const ENOUGH_BARS = 20;

/** `1h`, or `2700 s` where no timeframe has so many seconds. */
export function timeframeName(barSeconds: number): string {
  const found = TIMEFRAME_NAMES.find((name) => TIMEFRAMES[name] === barSeconds);
  return found ?? `${barSeconds} s`;
}

/**
 * Seconds of the bars themselves: the greatest common divisor of their distances. Costs next to nothing for one-minute
 * bars.
 */
export function ownBarSeconds({ time, length }: Pick<Timed, 'time' | 'length'>): number {
  if (length < ENOUGH_BARS) return SECONDS_PER_BAR;
  let step = 0;
  for (let i = 1; i < length; i++) {
    step = divisorOf(time[i]! - time[i - 1]!, step);
    if (step <= SECONDS_PER_BAR) return SECONDS_PER_BAR;
  }
  return step;
}

function divisorOf(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/**
 * Bars of a longer timeframe than one minute with the time of their last minute, in which they are complete, as all
 * that use them expect; stored bars have their open.
 */
export function atLastMinute<Columns extends Timed>(columns: Columns): Columns {
  return shifted(columns, ownBarSeconds(columns) - SECONDS_PER_BAR);
}

/** The reverse: bars that have the time of their last minute, as in a journal, with that of their open. */
export function atOpen<Columns extends Timed>(columns: Columns): Columns {
  return shifted(columns, SECONDS_PER_BAR - ownBarSeconds(columns));
}

function shifted<Columns extends Timed>(columns: Columns, seconds: number): Columns {
  if (seconds === 0) return columns;
  return { ...columns, time: columns.time.slice(0, columns.length).map((time) => time + seconds) };
}

/** @throws MinutehandError DATA_FORMAT where bars of a leg are longer than those of its pair, or no part of them */
export function checkTimeframes(pairs: readonly Pair[], bars: ReadonlyMap<string, Timed>): void {
  for (const pair of pairs)
    for (const symbol of [pair.a, pair.b]) {
      const columns = bars.get(symbol);
      if (columns === undefined) continue;
      checkTimeframe(columns, barSecondsOf(pair), { id: pair.id, other: `configure ${pair.a}_${pair.b}` });
    }
}

/** @throws MinutehandError DATA_FORMAT where bars of an instrument are longer than asked for, or no part of them */
export function checkInstrumentTimeframe(columns: Timed, barSeconds: number): void {
  const { symbol } = columns;
  checkTimeframe(columns, barSeconds, { id: `${symbol}@${timeframeName(barSeconds)}`, other: `choose ${symbol}` });
}

/** @param of what the bars are for, and what would have their timeframe, without it */
function checkTimeframe(
  columns: Timed,
  barSeconds: number,
  { id, other }: { readonly id: string; readonly other: string },
): void {
  const seconds = ownBarSeconds(columns);
  if (seconds > SECONDS_PER_BAR) checkNeighbors(columns, seconds);
  if (barSeconds % seconds === 0) return;
  const name = timeframeName(seconds);
  throw new MinutehandError('DATA_FORMAT', {
    seen: `bars of ${name} for ${columns.symbol}`,
    expected: `bars of ${timeframeName(barSeconds)} or shorter for ${id}`,
    next: `Import shorter bars${Object.hasOwn(TIMEFRAMES, name) ? `, or ${other}@${name}` : ''}.`,
  });
}

/** Bars of 23, 24 and 25 hours are none of one. @throws MinutehandError DATA_FORMAT */
function checkNeighbors({ symbol, time, length }: Timed, seconds: number): void {
  for (let i = 1; i < length; i++) if (time[i]! - time[i - 1]! === seconds) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${symbol}: distances of bars with ${seconds} s in common, and no two bars as near`,
    expected: 'bars of one timeframe that begin at whole bars in UTC',
    next: 'Import shorter bars.',
  });
}

/** @throws MinutehandError DATA_FORMAT where both are long enough to show that they differ */
export function checkSameTimeframe(symbol: string, one: number, other: number): void {
  if (one === other) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${symbol}: bars of ${timeframeName(one)} and of ${timeframeName(other)}`,
    expected: 'one timeframe per symbol',
    next: 'Import the other bars into another folder or under another symbol, or leave them away.',
  });
}
