import { existsSync } from 'node:fs';
import type * as z from 'zod';
import { symbolsOf } from '../../../../shared/pair.ts';
import { screenPolicy, shardsOf, shardSubjects } from '../../../../shared/policy/policy.ts';
import { scanOnThread } from '../../data_quality/coverage_thread.ts';
import { storeUrl } from '../../../store/store.ts';
import type { Api, ApiContext } from '../context.ts';
import { dataSchema } from '../../schema/data.ts';
import { REFUSALS } from '../../schema/refusal.ts';

const KEPT_MS = 5 * 60_000;

type Scan = z.infer<typeof dataSchema>;

/** `GET /api/data`. */
export function addDataRoutes(api: Api, context: ApiContext): void {
  const { clock } = context;
  let kept: Scan | null = null;
  let scanning: Promise<Scan> | null = null;

  /** The last scan; an outdated one is returned while it is being renewed. */
  async function scanned(): Promise<Scan> {
    if (kept === null || clock.nowMs() - Date.parse(kept.scanned_at) > KEPT_MS)
      scanning ??= scan(context)
        .then((found) => (kept = found))
        .finally(() => (scanning = null));
    if (kept === null) return scanning!;
    scanning?.catch(() => undefined);
    return kept;
  }

  api.route({
    method: 'GET',
    url: '/api/data',
    config: { role: 'viewer' },
    schema: {
      tags: ['records'],
      summary: 'Bars by symbol and day: coverage, gaps, spikes, clock',
      response: { 200: dataSchema, ...REFUSALS },
    },
    handler: scanned,
  });
}

async function scan({ settings, paths, clock }: ApiContext): Promise<Scan> {
  const { market } = settings.minutehand;
  const shards = shardsOf(settings.minutehand);
  const url = storeUrl(process.env, paths);
  const beganUs = clock.monotonicUs();
  const scannedAt = new Date(clock.nowMs()).toISOString();
  const symbols = await scanOnThread({
    symbols: symbolsOf(shards.flatMap(({ name }) => shardSubjects(settings.minutehand, name))),
    market,
    journals: shards.map(({ name }) => paths.journal(market, name)),
    storeUrl: url === paths.trainer && !existsSync(url) ? null : url,
    screening: screenPolicy(settings),
  });
  return {
    scanned_at: scannedAt,
    duration_ms: Math.round((clock.monotonicUs() - beganUs) / 1000),
    symbols: symbols.map(({ days, longest_gaps, greatest_spikes, ...rest }) => ({
      ...rest,
      days: [...days],
      longest_gaps: [...longest_gaps],
      greatest_spikes: [...greatest_spikes],
    })),
  };
}
