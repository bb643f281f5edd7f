import { SECONDS_PER_BAR, type EpochMs } from '../../shared/bar.ts';
import type { Observation } from '../../shared/core/series/series_book.ts';
import { SERIES, seriesIndex } from '../../shared/core/series/series_names.ts';
import { MinutehandError } from '../../shared/errors.ts';

/** A value from outside; its arrival is this daemon's. */
export interface GivenObservation extends Pick<Observation, 'symbol' | 'name' | 'value'> {
  readonly eventMs: number;
}

export interface ObservationClock {
  readonly nowMs: EpochMs;
  /** Maximum lead of a source's clock. */
  readonly maxClockSkewMs: number;
}

/** revised: another value of an event that was known. */
export type ObservationOutcome = 'accepted' | 'revised' | 'duplicate';

interface Admission {
  readonly outcome: ObservationOutcome;
  /** null for a duplicate. */
  readonly observation: Observation | null;
}

/**
 * Decides what is new, and when it arrived. Arrival times ascend and are later than the close of every bar that was
 * ended before, whatever the clocks do: so what a bar's features have seen is exactly what had arrived by its close,
 * as training joins it.
 */
export class SeriesLedger {
  /** Last value of each event, by symbol and series, oldest first. */
  readonly #known = new Map<string, Map<number, number>>();
  #lastArrivalMs = 0;
  #lastCloseMs = 0;

  /**
   * @throws MinutehandError SERIES_FUTURE; SERIES_STALE when no bar could see the value any more; SERIES_CLOCK when the
   * clock is behind what it was
   */
  admit({ symbol, name, eventMs, value }: GivenObservation, { nowMs, maxClockSkewMs }: ObservationClock): Admission {
    if (eventMs > nowMs + maxClockSkewMs)
      throw new MinutehandError('SERIES_FUTURE', {
        seen: `event_time ${isoOf(eventMs)}`,
        expected: `at most ${isoOf(nowMs + maxClockSkewMs)}`,
      });
    const maxAgeMs = SERIES[seriesIndex(name)]!.max_age_seconds * 1000;
    if (nowMs - eventMs > maxAgeMs)
      throw new MinutehandError('SERIES_STALE', {
        seen: `${name} of ${isoOf(eventMs)}`,
        expected: `at least ${isoOf(nowMs - maxAgeMs)}`,
      });
    const known = this.#known.get(keyOf(symbol, name))?.get(eventMs / 1000);
    if (known === value) return { outcome: 'duplicate', observation: null };
    const floorMs = Math.max(this.#lastArrivalMs + (known === undefined ? 0 : 1), this.#lastCloseMs + 1);
    if (floorMs - nowMs > maxClockSkewMs + SECONDS_PER_BAR * 1000)
      throw new MinutehandError('SERIES_CLOCK', { seen: isoOf(nowMs), expected: `at least ${isoOf(floorMs)}` });
    const arrivalTime = Math.max(nowMs, eventMs, floorMs) / 1000;
    return {
      outcome: known === undefined ? 'accepted' : 'revised',
      observation: { symbol, name, eventTime: eventMs / 1000, arrivalTime, value },
    };
  }

  /** An observation has arrived, now or in the journal. */
  note({ symbol, name, eventTime, arrivalTime, value }: Observation): void {
    this.#lastArrivalMs = Math.round(arrivalTime * 1000);
    const key = keyOf(symbol, name);
    let events = this.#known.get(key);
    if (events === undefined) this.#known.set(key, (events = new Map()));
    events.set(eventTime, value);
    const oldest = arrivalTime - SERIES[seriesIndex(name)]!.max_age_seconds;
    for (const event of events.keys()) {
      if (event >= oldest) break;
      events.delete(event);
    }
  }

  /** A bar has ended whose last minute opened at `time`. */
  closed(time: number): void {
    const closeMs = (time + SECONDS_PER_BAR) * 1000;
    if (closeMs > this.#lastCloseMs) this.#lastCloseMs = closeMs;
  }
}

function keyOf(symbol: string, name: string): string {
  return `${symbol} ${name}`;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
