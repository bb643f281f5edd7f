import type { OpenTime } from '../../../../shared/bar.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { symbolNames } from '../../../../shared/policy/symbol_names.ts';
import { parseSymbol } from '../../../../shared/symbol/symbol.ts';
import { leaveOutReceived } from '../../imports/leave_out.ts';
import { modelsTrainedOn } from '../../registry/trained_on.ts';
import type { Api, ApiContext } from '../context.ts';
import { barChangeRoutes } from '../../schema/bar_changes.ts';

/** `POST /api/bars/delete`, `POST /api/bars/leave-out`: numbered changes, which `/api/imports/:number/undo` undoes. */
export function addBarChangeRoutes(api: Api, { settings, store, paths }: ApiContext): void {
  const symbolOf = (name: string): string => parseSymbol(name, 'symbol', symbolNames(settings));

  api.route({
    ...barChangeRoutes['POST /api/bars/delete'],
    async handler(request) {
      const { symbol: name, market = settings.minutehand.market, ...sides } = request.body;
      const isDry = request.query.dry_run === 'true';
      const symbol = symbolOf(name);
      const period = periodOf(sides);
      const opened = await store();
      const done = isDry ? null : await opened.importRuns.delete(market, symbol, period, request.identity!.name);
      const { removed } = done ?? (await opened.importRuns.previewDelete(market, symbol, period));
      if (removed.length === 0)
        throw new MinutehandError('DATA_MISSING', { seen: `no stored ${market} bars of ${symbol} in this period` });
      const models = await modelsTrainedOn(opened, paths.models, market, removed);
      request.written = { target: targetOf(done?.number ?? null, symbol), after: { market, removed, models } };
      return { import_number: done?.number ?? null, dry_run: isDry, removed: [...removed], models: [...models] };
    },
  });

  api.route({
    ...barChangeRoutes['POST /api/bars/leave-out'],
    async handler(request) {
      const { symbol: name, reason, ...sides } = request.body;
      const isDry = request.query.dry_run === 'true';
      const symbol = symbolOf(name);
      const { number, touched, models } = await leaveOutReceived({
        store: await store(),
        settings,
        paths,
        symbol,
        period: periodOf(sides),
        decision: isDry ? null : { by: request.identity!.name, reason },
      });
      request.written = { target: targetOf(number, symbol), after: { ...touched, models, reason } };
      return { import_number: number, dry_run: isDry, removed: [touched], models: [...models] };
    },
  });
}

function targetOf(number: number | null, symbol: string): string {
  return number === null ? `bars of ${symbol} (dry run)` : `import ${number}`;
}

interface Sides {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** @throws MinutehandError REQUEST_INVALID */
function periodOf({ from, to }: Sides): { readonly from?: OpenTime; readonly to?: OpenTime } {
  const period = {
    ...(from === undefined ? {} : { from: (Date.parse(from) / 1000) as OpenTime }),
    ...(to === undefined ? {} : { to: (Date.parse(to) / 1000) as OpenTime }),
  };
  if (period.from !== undefined && period.to !== undefined && period.from >= period.to)
    throw new MinutehandError('REQUEST_INVALID', { seen: `from ${from} to ${to}`, expected: 'to after from' });
  return period;
}
