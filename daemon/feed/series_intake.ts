import { MinutehandError, type ErrorCode } from '../../shared/errors.ts';
import type { SeriesSink } from '../queue/input.ts';
import type { ObservationOutcome } from '../series/series_ledger.ts';
import { symbolReader, takeEach, type IntakeOptions, type RefusedItem } from './intake.ts';
import { parseWireObservation } from './series_wire.ts';

/** Outcome of the observations of one message. */
export interface SeriesReport {
  readonly boot_id: string;
  readonly accepted: number;
  /** Accepted: another value of an event that was known. Both are kept, each from its arrival on. */
  readonly revised: number;
  readonly duplicates: number;
  readonly rejected: readonly RefusedItem[];
}

export interface SeriesIntakeOptions extends Omit<IntakeOptions, 'sink' | 'onOutcome' | 'onLive'> {
  readonly sink: SeriesSink;
  onOutcome(outcome: ObservationOutcome | ErrorCode): void;
}

export type SeriesIntake = (text: string) => SeriesReport;

/**
 * Takes a message of one observation or an array of them, as the intake of bars does. They arrive now: an arrival time
 * in the message is refused.
 */
export function createSeriesIntake(options: SeriesIntakeOptions): SeriesIntake {
  const { sink, bootId, clock, maxClockSkewMs, maxBars, open, onOutcome } = options;
  const symbolOf = symbolReader(options);
  return (text) => {
    const now = { nowMs: clock.nowMs(), maxClockSkewMs };
    const take = (value: unknown): ObservationOutcome | null => {
      const observation = parseWireObservation(value);
      const symbol = symbolOf(observation.symbol);
      if (symbol === null) return null;
      const given = { ...observation, symbol };
      if (!open) throw new MinutehandError('FEED_CLOSED');
      return sink.observe(given, now);
    };
    const counts = { accepted: 0, revised: 0, duplicate: 0 };
    const rejected = takeEach(text, {
      items: 'values',
      time: 'event_time',
      maxItems: maxBars,
      take,
      counts,
      onOutcome,
    });
    const { accepted, revised, duplicate } = counts;
    return { boot_id: bootId, accepted: accepted + revised, revised, duplicates: duplicate, rejected };
  };
}
