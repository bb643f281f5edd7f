import { performanceCsv } from '../../performance/performance_csv.ts';
import type { Performance } from '../../performance/performance_schema.ts';
import type { Api, ApiContext } from '../context.ts';
import { performanceRoutes } from '../../schema/performance.ts';

/** Several viewers ask within this time for one computation; a long one is kept ten times as long as it takes. */
const KEPT_MS = 1000;
const KEPT_TIMES = 10;

/** `GET /api/performance`. */
export function addPerformanceRoutes(api: Api, { reads, clock }: ApiContext): void {
  let kept: { readonly key: string; readonly atMs: number; readonly made: Promise<Performance> } | null = null;
  let tookMs = 0;

  async function read(from: string | null, to: string | null): Promise<Performance> {
    const nowMs = clock.nowMs();
    const key = `${from} ${to}`;
    if (kept?.key !== key || Math.abs(nowMs - kept.atMs) > Math.max(KEPT_MS, KEPT_TIMES * tookMs)) {
      kept = { key, atMs: nowMs, made: reads.ask('performance', { nowMs, from, to }) };
      void kept.made.then(
        () => (tookMs = Math.max(0, clock.nowMs() - nowMs)),
        () => undefined,
      );
    }
    const { made } = kept;
    made.catch(() => (kept = null));
    return made;
  }

  api.route({
    ...performanceRoutes['GET /api/performance'],
    async handler({ query: { from, to, format } }, reply) {
      const made = await read(from ?? null, to ?? null);
      if (format === 'json') return made;
      const name = `attachment; filename="performance_${made.market}.csv"`;
      void reply.type('text/csv; charset=utf-8').header('content-disposition', name);
      return performanceCsv(made);
    },
  });
}
