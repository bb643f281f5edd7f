import type { GoLiveReport } from '../../golive/report.ts';
import type { Api, ApiContext } from '../context.ts';
import { goLiveRoutes } from '../../schema/golive.ts';

/** Several viewers ask within this time for one look. */
const KEPT_MS = 5000;

/** `GET /api/golive`. */
export function addGoLiveRoutes(api: Api, { reads, clock }: ApiContext): void {
  let kept: { readonly atMs: number; readonly made: Promise<GoLiveReport> } | null = null;
  api.route({
    ...goLiveRoutes['GET /api/golive'],
    async handler() {
      const nowMs = clock.nowMs();
      if (kept === null || Math.abs(nowMs - kept.atMs) > KEPT_MS) {
        const made = reads.ask('golive', { nowMs });
        made.catch(() => (kept = null));
        kept = { atMs: nowMs, made };
      }
      const report = await kept.made;
      return { ...report, checks: report.checks.map((check) => ({ ...check, values: { ...check.values } })) };
    },
  });
}
