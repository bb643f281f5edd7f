import { channelStatus } from '../../notify/channels/open_channels.ts';
import { goLiveReport } from '../../golive/report.ts';
import { goLiveSchema } from '../../schema/golive.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import type { Api, ApiContext } from '../context.ts';

/** Several viewers ask within this time for one look. */
const KEPT_MS = 5000;

/** `GET /api/golive`. */
export function addGoLiveRoutes(api: Api, { settings, paths, store, clock }: ApiContext): void {
  let kept: { readonly atMs: number; readonly made: ReturnType<typeof goLiveReport> } | null = null;
  api.route({
    method: 'GET',
    url: '/api/golive',
    config: { role: 'viewer' },
    schema: {
      tags: ['status'],
      summary: 'The checklist from here to trading on paper, as `minutehand golive`',
      response: { 200: goLiveSchema, ...REFUSALS },
    },
    async handler() {
      const nowMs = clock.nowMs();
      if (kept === null || Math.abs(nowMs - kept.atMs) > KEPT_MS) {
        const opened = await store();
        const made = goLiveReport(settings, paths, opened, nowMs, channelStatus(settings.retrain, process.env));
        made.catch(() => (kept = null));
        kept = { atMs: nowMs, made };
      }
      const report = await kept.made;
      return { ...report, checks: report.checks.map((check) => ({ ...check, values: { ...check.values } })) };
    },
  });
}
