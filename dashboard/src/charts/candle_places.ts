import { NO_LEVELS, type Levels } from './levels.ts';
import type { Mark } from './series.tsx';
import { lowerBound } from './window.ts';

/**
 * Marks of signals at the candles in which their bars closed. Where one candle has an entry and an exit, the exit goes
 * to the next candle, so that both are seen.
 * @param signalTimes closes of the signals' bars, epoch seconds, ascending
 * @param candleTimes closes of the candles, ascending
 */
export function candleMarks(
  marks: readonly Mark[],
  signalTimes: readonly number[],
  candleTimes: readonly number[],
): Mark[] {
  const placed = candleTimes.map((): Mark => null);
  marks.forEach((mark, i) => {
    if (mark === null) return;
    const own = Math.min(lowerBound(candleTimes, signalTimes[i]!), placed.length - 1);
    const isTaken = mark === 'exit' && (placed[own] ?? null) !== null;
    const place = isTaken ? Math.min(own + 1, placed.length - 1) : own;
    if (place >= 0) placed[place] = mark;
  });
  return placed;
}

/** Levels at each candle: those of the last signal that is not after its close. */
export function levelsAt(
  levels: readonly Levels[],
  signalTimes: readonly number[],
  candleTimes: readonly number[],
): Levels[] {
  return candleTimes.map((time) => levels[lowerBound(signalTimes, time + 1) - 1] ?? NO_LEVELS);
}
