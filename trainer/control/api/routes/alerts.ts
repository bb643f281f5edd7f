import type { Market } from '../../../../shared/bar_file/bar_sink.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { EVENTS } from '../../../store/schema/events.ts';
import { checkSilencePattern } from '../../notify/silence_pattern.ts';
import { acknowledge } from '../../notify/outbox.ts';
import type { Api, ApiContext } from '../context.ts';
import { alertRoutes } from '../../schema/alerts.ts';

/** `GET /api/alerts`. */
export function addAlertRoutes(api: Api, { settings, store, clock }: ApiContext): void {
  const { market } = settings.minutehand;

  api.route({
    ...alertRoutes['GET /api/alerts'],
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
  addAlertWrites(api, { store, clock, market });
}

function addAlertWrites(
  api: Api,
  { store, clock, market }: Pick<ApiContext, 'store' | 'clock'> & { readonly market: Market },
): void {
  api.route({
    ...alertRoutes['POST /api/alerts/{alert_id}/ack'],
    async handler(request) {
      const id = String(request.params.alert_id);
      request.written = { target: `alert ${id}` };
      const scope = { market, nowMs: clock.nowMs() };
      const by = request.identity!.name;
      const acknowledged = await (await store()).transaction((tx) => acknowledge(tx, scope, id, by));
      if (acknowledged.length === 0) throw new MinutehandError('ALERT_UNKNOWN', { seen: id });
      return { acknowledged: [...acknowledged] };
    },
  });

  api.route({
    ...alertRoutes['POST /api/alerts/silence'],
    async handler(request) {
      const { pattern, minutes } = request.body;
      checkSilencePattern(pattern);
      const nowMs = clock.nowMs();
      const row = { pattern, until_ms: nowMs + minutes * 60_000, created_by: request.identity!.name };
      request.written = { target: pattern, after: row };
      await (
        await store()
      ).db
        .insertInto('core.alert_silences')
        .values({ ...row, market, created_ms: nowMs })
        .execute();
      return row;
    },
  });
}
