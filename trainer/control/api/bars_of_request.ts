import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { checkInstrumentTimeframe, checkTimeframes } from '../../../shared/bar_file/own_timeframe.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { type Pair, parsePair, symbolsOf, TIMEFRAMES, type Timeframe } from '../../../shared/pair.ts';
import { barExtents, type ExtentTask } from '../../jobs/bars/bar_extent.ts';
import { noBarsText } from '../../jobs/bars/instruments.ts';
import { openTimeOf } from '../../jobs/job_fields.ts';
import type { RunParameters } from '../../jobs/kinds/run_parameters.ts';
import type { TrainedBars } from '../schema/training.ts';
import type { ApiContext } from './context.ts';

/** Bars of pairs when a refusal names them. */
const PAIRS_TIMEFRAME: Timeframe = '1m';

/** Of symbols, in a refusal. */
const NAMES_SHOWN = 20;
/** They show the timeframe of a symbol. */
const NEWEST_BARS = 200;

type Context = Pick<ApiContext, 'settings' | 'paths' | 'store'>;

/**
 * First and last bar of each symbol that a training would read: of the instruments, or of the legs of all pairs, of
 * which those without a bar in the period are left out.
 * @throws MinutehandError DATA_MISSING for an instrument without bars in the period, or a period without bars of any
 * leg, with what there is; DATA_FORMAT for stored bars that are longer than the timeframe
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
    const text = noBarsText(missing, timeframe, period, extent);
    throw new MinutehandError('DATA_MISSING', extent === null ? await withKnownSymbols(text, task) : text);
  }
  await checkStoredTimeframes(task, symbols === undefined ? null : TIMEFRAMES[timeframe], pairs.map(parsePair));
  return [...found].map(([symbol, { first, last }]) => ({ symbol, first: isoMinute(first), last: isoMinute(last) }));
}

/** The refusal of a symbol without a bar, with the symbols that have some. */
async function withKnownSymbols(
  text: ReturnType<typeof noBarsText>,
  { market, store }: ExtentTask,
): Promise<ReturnType<typeof noBarsText>> {
  const names = (await store.bars.symbols(market)).map(({ symbol }) => symbol);
  if (names.length === 0) return text;
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return { ...text, expected: `a symbol with bars: ${names.slice(0, NAMES_SHOWN).join(', ')}${more}` };
}

/**
 * By the newest stored bars of each symbol; a daemon receives bars of a minute.
 * @param barSeconds of instruments; null: the bars are of legs of pairs
 */
async function checkStoredTimeframes(
  { market, symbols, store }: ExtentTask,
  barSeconds: number | null,
  pairs: readonly Pair[],
): Promise<void> {
  const newest = new Map<string, { symbol: string; time: Float64Array; length: number }>();
  for (const symbol of symbols) {
    const time = Float64Array.from(await store.bars.newest(market, symbol, NEWEST_BARS)).sort();
    newest.set(symbol, { symbol, time, length: time.length });
  }
  if (barSeconds === null) checkTimeframes(pairs, newest);
  else for (const columns of newest.values()) checkInstrumentTimeframe(columns, barSeconds);
}

function timeOf(
  name: 'from' | 'to',
  instant: string | undefined,
): { readonly from?: OpenTime; readonly to?: OpenTime } {
  return instant === undefined ? {} : { [name]: openTimeOf(instant) };
}
