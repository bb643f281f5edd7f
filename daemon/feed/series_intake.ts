import { type ErrorCode, MinutehandError } from '../../shared/errors.ts';
import type { SeriesSink } from '../queue/input.ts';
import type { GivenObservation, ObservationOutcome } from '../series/series_ledger.ts';
import { type IntakeOptions, type RefusedItem, symbolReader, takeEach } from './intake.ts';
import * as z from 'zod';
import { SERIES_NAMES } from '../../shared/core/series/series_names.ts';
import { isPossibleValue } from '../../shared/core/series/series_range.ts';

/** Epoch seconds of 1973 to 2603: as milliseconds they would be days early in 1970. */
const MISTAKEN_SECONDS = { from: 1e8, to: 2e10 } as const;
const LATEST_DATE_MS = 8.64e15;

const eventTime = z.union([
  z.int().min(0).max(LATEST_DATE_MS).refine(isNotSeconds, 'epoch milliseconds, not seconds'),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
]);
const shape = z
  .strictObject({ symbol: z.string().min(1), series: z.enum(SERIES_NAMES), event_time: eventTime, value: z.number() })
  .refine(({ series, value }) => isPossibleValue(series, value), {
    path: ['value'],
    error: 'outside the range of the series',
  });

function isNotSeconds(ms: number): boolean {
  return ms < MISTAKEN_SECONDS.from || ms >= MISTAKEN_SECONDS.to;
}

/** Checks one value from outside and never guesses. @throws MinutehandError SERIES_MALFORMED */
export function parseWireObservation(value: unknown): GivenObservation {
  const parsed = shape.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new MinutehandError('SERIES_MALFORMED', { seen: `${path.join('.')}: ${message}`.slice(0, 200) });
  }
  const { symbol, series, event_time, value: given } = parsed.data;
  return { symbol, name: series, eventMs: event_time, value: given };
}

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
