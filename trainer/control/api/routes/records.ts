import type * as z from 'zod';
import type { Api, ApiContext } from '../context.ts';
import { accountIdOf } from '../../fills/account_id.ts';
import { recordRoutes, monitorSchema } from '../../schema/records.ts';

/** `GET /api/audit`, `/api/trades`, `/api/monitor`: recorded data. */
export function addRecordRoutes(api: Api, context: ApiContext): void {
  const { settings, store, monitor } = context;

  api.route({
    ...recordRoutes['GET /api/audit'],
    async handler({ query: { limit } }) {
      const { db } = await store();
      const rows = await db
        .selectFrom('audit.api_writes')
        .selectAll()
        .orderBy('entry_id', 'desc')
        .limit(limit)
        .execute();
      const jsonOf = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
      const entries = rows.map(({ previous_hash: _previous, before, after, ...row }) => ({
        ...row,
        entry_id: Number(row.entry_id),
        before: jsonOf(before),
        after: jsonOf(after),
      }));
      return { entries };
    },
  });

  api.route({
    ...recordRoutes['GET /api/trades'],
    async handler({ query: { limit, subject, from, to } }) {
      const { db } = await store();
      let rows = db.selectFrom('core.live_trades').selectAll().where('market', '=', settings.minutehand.market);
      if (subject !== undefined) rows = rows.where('pair_id', '=', subject);
      if (from !== undefined) rows = rows.where('time_ms', '>=', Date.parse(from));
      if (to !== undefined) rows = rows.where('time_ms', '<', Date.parse(to));
      const found = await rows.orderBy('time_ms', 'desc').limit(limit).execute();
      return { trades: found.map(({ line: _line, ...trade }) => ({ ...trade, account_id: accountIdOf(trade) })) };
    },
  });

  api.route({
    ...recordRoutes['GET /api/monitor'],
    // As in JSON: a figure that is not finite is null.
    handler: async () => JSON.parse(JSON.stringify(monitor.status())) as z.infer<typeof monitorSchema>,
  });
}
