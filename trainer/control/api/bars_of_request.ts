import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { parsePair, symbolsOf, type Timeframe } from '../../../shared/pair.ts';
import { barExtents, type ExtentTask } from '../../jobs/bars/bar_extent.ts';
import { noBarsText } from '../../jobs/bars/instruments.ts';
import { openTimeOf } from '../../jobs/job_fields.ts';
import type { RunParameters } from '../schedule/run.ts';
import type { TrainedBars } from '../schema/training.ts';
import type { ApiContext } from './context.ts';

/** Bars of pairs when a refusal names them. */
const PAIRS_TIMEFRAME: Timeframe = '1m';

type Context = Pick<ApiContext, 'settings' | 'paths' | 'store'>;

/**
 * First and last bar of each symbol that a training would read: of the instruments, or of the legs of all pairs, of
 * which those without a bar in the period are left out.
 * @throws MinutehandError DATA_MISSING for an instrument without bars in the period, or a period without bars of any
 * leg, with what there is
 */
export async function barsOfRequest(parameters: RunParameters, context: Context): Promise<TrainedBars[]> {
  const { symbols, timeframe = PAIRS_TIMEFRAME, from, to } = parameters;
  const { market, shards, pairs } = context.settings.minutehand;
  const task: ExtentTask = {
    market,
    symbols: symbols ?? symbolsOf(pairs.map(parsePair)),
    journals: Object.keys(shards).map((shard) => context.paths.journal(market, shard)),
    store: await context.store(),
  };
  const found = await barExtents(task, { ...timeOf('from', from), ...timeOf('to', to) });
  const missing = task.symbols.find((symbol) => !found.has(symbol));
  const hasPeriod = from !== undefined || to !== undefined;
  const isRefused = symbols === undefined ? hasPeriod && found.size === 0 : missing !== undefined;
  if (missing !== undefined && isRefused) {
    const all = (await barExtents({ ...task, symbols: [missing] })).get(missing);
    const period = { from: from ?? null, to: to ?? null };
    const extent = all === undefined ? null : ([all.first, all.last] as const);
    throw new MinutehandError('DATA_MISSING', noBarsText(missing, timeframe, period, extent));
  }
  return [...found].map(([symbol, { first, last }]) => ({ symbol, first: isoMinute(first), last: isoMinute(last) }));
}

function timeOf(
  name: 'from' | 'to',
  instant: string | undefined,
): { readonly from?: OpenTime; readonly to?: OpenTime } {
  return instant === undefined ? {} : { [name]: openTimeOf(instant) };
}
