import * as z from 'zod';

/** What of a daemon's `/healthz` the checklist judges; one of another version may report more or less. */
export const healthFacts = z.looseObject({
  shard: z.string(),
  market: z.string(),
  late_bars: z.looseObject({ message: z.string(), next: z.string() }).nullable().default(null),
  last_bars: z.record(z.string(), z.string()),
  lease: z.looseObject({}).nullable().default(null),
});
