import type * as z from 'zod';
import { symbolsOf } from '../../../../shared/pair.ts';
import { screenPolicy, shardsOf, shardSubjects } from '../../../../shared/policy/policy.ts';
import { scanOnThread } from '../../data_quality/coverage_thread.ts';
import { storeUrlIfThere } from '../../../store/store.ts';
import type { Api, ApiContext } from '../context.ts';
import { dataProgressSchema, dataSchema } from '../../schema/data.ts';
import { REFUSALS } from '../../schema/refusal.ts';

const KEPT_MS = 5 * 60_000;

type Scan = z.infer<typeof dataSchema>;
type Progress = z.infer<typeof dataProgressSchema>;

/** `GET /api/data` and `GET /api/data/progress`. */
export function addDataRoutes(api: Api, context: ApiContext): void {
  const { clock } = context;
  let kept: Scan | null = null;
  let scanning: Promise<Scan> | null = null;
  let progress: Progress = { scan: null };

  /** The last scan; an outdated one is returned while it is being renewed. */
  async function scanned(): Promise<Scan> {
    if (kept === null || clock.nowMs() - Date.parse(kept.scanned_at) > KEPT_MS)
      scanning ??= scan(context, (done, total) => (progress = { scan: { done, total } }))
        .then((found) => (kept = found))
        .finally(() => {
          scanning = null;
          progress = { scan: null };
        });
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
  api.route({
    method: 'GET',
    url: '/api/data/progress',
    config: { role: 'viewer' },
    schema: {
      tags: ['records'],
      summary: 'How far the scan is that /api/data waits for',
      response: { 200: dataProgressSchema, ...REFUSALS },
    },
    handler: () => progress,
  });
}

async function scan(
  { settings, paths, clock }: ApiContext,
  onSymbol: (done: number, total: number) => void,
): Promise<Scan> {
  const { market } = settings.minutehand;
  const shards = shardsOf(settings.minutehand);
  const beganUs = clock.monotonicUs();
  const scannedAt = new Date(clock.nowMs()).toISOString();
  const wanted = symbolsOf(shards.flatMap(({ name }) => shardSubjects(settings.minutehand, name)));
  onSymbol(0, wanted.length);
  const task = {
    symbols: wanted,
    market,
    journals: shards.map(({ name }) => paths.journal(market, name)),
    storeUrl: storeUrlIfThere(process.env, paths),
    screening: screenPolicy(settings),
  };
  const symbols = await scanOnThread(task, (done) => onSymbol(done, wanted.length));
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
