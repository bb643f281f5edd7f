import * as z from 'zod';
import { SERIES_NAMES } from '../../shared/core/series/series_names.ts';
import { isPossibleValue } from '../../shared/core/series/series_range.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { GivenObservation } from '../series/series_ledger.ts';

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
