import type { OpenTime } from '../../../../shared/bar.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { pairUnknown } from '../../../../shared/policy/known_subject.ts';
import type { Api, ApiContext } from '../context.ts';
import { clientLeft } from '../http_server.ts';
import { candleRoutes } from '../../schema/candles.ts';

/** Longer periods would keep other charts waiting. */
const LONGEST_DAYS = 31;
const MS_PER_DAY = 86_400_000;

/** `GET /api/candles`. */
export function addCandleRoutes(api: Api, { settings, reads }: ApiContext): void {
  const { symbols } = settings.minutehand;

  api.route({
    ...candleRoutes['GET /api/candles'],
    async handler({ query: { symbol, from, to, points } }, reply) {
      if (!Object.hasOwn(symbols, symbol)) throw pairUnknown([symbol], Object.keys(symbols));
      const days = (Date.parse(to) - Date.parse(from)) / MS_PER_DAY;
      if (days <= 0 || days > LONGEST_DAYS)
        throw new MinutehandError('REQUEST_INVALID', {
          seen: `from ${from} to ${to}`,
          expected: `to after from, and at most ${LONGEST_DAYS} days after it`,
        });
      const period = { from: (Date.parse(from) / 1000) as OpenTime, to: (Date.parse(to) / 1000) as OpenTime };
      const candles = await reads.ask('candles', { symbol, ...period, points }, clientLeft(reply.raw));
      return { symbol, ...candles };
    },
  });
}
