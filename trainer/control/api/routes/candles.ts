import { existsSync } from 'node:fs';
import type { OpenTime } from '../../../../shared/bar.ts';
import { columnsOf } from '../../../../shared/bar_file/bar_file.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { pairUnknown } from '../../../../shared/policy/known_subject.ts';
import { screenPolicy } from '../../../../shared/policy/policy.ts';
import { readKnownBars } from '../../../jobs/bars/known_bars.ts';
import { journalsOf } from '../../../jobs/bars/recent_bars.ts';
import { candlesOf } from '../../candles/candles.ts';
import type { Api, ApiContext } from '../context.ts';
import { candleRoutes } from '../../schema/candles.ts';

/** Longer periods would keep other requests waiting. */
const LONGEST_DAYS = 31;
const MS_PER_DAY = 86_400_000;

/** `GET /api/candles`. */
export function addCandleRoutes(api: Api, { settings, paths, store }: ApiContext): void {
  const { market, symbols } = settings.minutehand;

  api.route({
    ...candleRoutes['GET /api/candles'],
    async handler({ query: { symbol, from, to, points } }) {
      if (!Object.hasOwn(symbols, symbol)) throw pairUnknown([symbol], Object.keys(symbols));
      const days = (Date.parse(to) - Date.parse(from)) / MS_PER_DAY;
      if (days <= 0 || days > LONGEST_DAYS)
        throw new MinutehandError('REQUEST_INVALID', {
          seen: `from ${from} to ${to}`,
          expected: `to after from, and at most ${LONGEST_DAYS} days after it`,
        });
      const bars = await readKnownBars({
        symbols: [symbol],
        market,
        from: (Date.parse(from) / 1000) as OpenTime,
        to: (Date.parse(to) / 1000) as OpenTime,
        screening: screenPolicy(settings),
        journals: journalsOf(settings, paths).filter((path) => existsSync(path)),
        store: await store(),
        onProgress: () => undefined,
      });
      return { symbol, ...candlesOf(bars.get(symbol) ?? columnsOf(symbol, []), points) };
    },
  });
}
