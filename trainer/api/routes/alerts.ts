import { EVENTS } from '../../notify/events.ts';
import { z } from 'zod';
import type { Api } from '../api_server.ts';
import type { ApiContext } from '../context.ts';
import { alertsSchema } from '../schema/alerts.ts';
import { REFUSALS } from '../schema/refusal.ts';

const alertsQuery = z.object({
  all: z.enum(['true', 'false']).default('false').describe('true: also those that are over'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** `GET /api/alerts`. */
export function addAlertRoutes(api: Api, { settings, store, clock }: ApiContext): void {
  const { market } = settings.minutehand;

  api.route({
    method: 'GET',
    url: '/api/alerts',
    config: { role: 'viewer' },
    schema: {
      tags: ['alerts'],
      summary: 'Alerts and silences',
      querystring: alertsQuery,
      response: { 200: alertsSchema, ...REFUSALS },
    },
    async handler({ query: { all, limit } }) {
      const { db } = await store();
      const every = db.selectFrom('core.alerts').selectAll().where('market', '=', market);
      const wanted = all === 'true' ? every : every.where('resolved_ms', 'is', null);
      const rows = await wanted.orderBy('alert_id', 'desc').limit(limit).execute();
      const silences = await db
        .selectFrom('core.alert_silences')
        .select(['pattern', 'until_ms', 'created_by'])
        .where('market', '=', market)
        .where('until_ms', '>', clock.nowMs())
        .execute();
      const alerts = rows.map(
        ({
          alert_key,
          details: _details,
          open_key: _open,
          is_once: _once,
          market: _market,
          acked_ms: _acked,
          ...row
        }) => ({
          ...row,
          key: alert_key,
          title: EVENTS[row.event]?.title ?? row.event,
          state:
            row.resolved_ms !== null
              ? ('over' as const)
              : row.acked_by !== null
                ? ('acknowledged' as const)
                : ('open' as const),
        }),
      );
      return { alerts, silences };
    },
  });
}
