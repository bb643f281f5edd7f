import { join } from 'node:path';
import { readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { barSecondsOf, pairLabel, timeframeOf } from '../../../shared/pair.ts';
import { shardsOf } from '../../../shared/policy/policy.ts';
import type { Api, ApiContext } from '../context.ts';
import { REFUSALS } from '../schema/refusal.ts';
import { subjectsSchema } from '../schema/subjects.ts';

/** `GET /api/subjects`. */
export function addSubjectRoutes(api: Api, { settings: { minutehand }, paths }: ApiContext): void {
  api.route({
    method: 'GET',
    url: '/api/subjects',
    config: { role: 'viewer' },
    schema: {
      tags: ['signals'],
      summary: 'What models are asked about',
      response: { 200: subjectsSchema, ...REFUSALS },
    },
    async handler() {
      const edge = activeEdge(paths.models);
      const subjects = shardsOf(minutehand).flatMap((shard) =>
        shard.pairs.map((pair) => {
          const own = edge?.[pair.id];
          return {
            ...{ subject: pair.id, kind: 'pair' as const, label: pairLabel(pair), symbols: [pair.a, pair.b] },
            ...{ timeframe: timeframeOf(barSecondsOf(pair)), shard: shard.name },
            z_entry: minutehand.decision.z_entry,
            z_exit: minutehand.decision.z_exit,
            cost_bps: own?.mean_cost_bps ?? null,
            break_even_cost_bps: own?.break_even_cost_bps ?? null,
            no_edge: own?.no_edge ?? null,
          };
        }),
      );
      return { market: minutehand.market, subjects };
    },
  });
}

/** null without an active bundle, or with one that cannot be read. */
function activeEdge(models: string): Manifest['edge'] | null {
  try {
    const active = readActive(models);
    return active === null ? null : readManifest(join(models, active.version)).edge;
  } catch {
    return null;
  }
}
