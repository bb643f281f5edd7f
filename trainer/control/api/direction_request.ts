import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import {
  isInstrument,
  parseSubject,
  type Timeframe,
  TIMEFRAME_NAMES,
  timeframeOf,
  TIMEFRAMES,
} from '../../../shared/pair.ts';
import { barExtent } from '../../jobs/bars/bar_extent.ts';
import { noBarsText } from '../../jobs/bars/instruments.ts';
import { DIRECTION_WALK_FORWARD } from '../../learning/direction/train_direction.ts';
import type { RunParameters } from '../schedule/run.ts';
import type { MLTrainingConfig, TrainedBars } from '../schema/training.ts';
import type { ApiContext } from './context.ts';
import { ALL_SUBJECTS } from './spelled_subjects.ts';
import { instantOf, refuseUnless, refuseUnusable, trialsOf, unsupported } from './training_options.ts';

/** Bars of an instrument when a request names no timeframe. */
const DEFAULT_TIMEFRAME: Timeframe = '1h';

/** What a request trains the direction model of; null: the models of all pairs. */
export function directionOf({ symbol, timeframe }: MLTrainingConfig): { symbol: string; timeframe: Timeframe } | null {
  if (symbol === undefined || symbol === ALL_SUBJECTS) return null;
  const subject = subjectOf(symbol);
  if (subject === null || !isInstrument(subject))
    throw unsupported('symbol', symbol, 'an instrument such as BTC/USDT, or all: models of pairs learn all of them');
  const own = subject.barSeconds === undefined ? undefined : timeframeOf(subject.barSeconds);
  if (own !== undefined && timeframe !== undefined && own !== timeframe)
    throw unsupported('timeframe', timeframe, `${own}, as the symbol ${symbol} says`);
  return { symbol: subject.a, timeframe: own ?? knownTimeframe(timeframe ?? DEFAULT_TIMEFRAME) };
}

function subjectOf(symbol: string) {
  try {
    return parseSubject(symbol);
  } catch {
    return null;
  }
}

function knownTimeframe(timeframe: string): Timeframe {
  if (Object.hasOwn(TIMEFRAMES, timeframe)) return timeframe as Timeframe;
  throw unsupported('timeframe', timeframe, TIMEFRAME_NAMES.join(', '));
}

/**
 * Converts a request to the parameters of a training of the direction model.
 * @throws MinutehandError SETTING_UNSUPPORTED for values that would not act
 */
export function directionParametersOf(
  config: MLTrainingConfig,
  { symbol, timeframe }: { readonly symbol: string; readonly timeframe: Timeframe },
): RunParameters {
  const { kind, single_model_config: single, cross_validation_folds, prediction_horizon } = config;
  refuseUnless('kind', kind, 'full');
  refuseUnless('cross_validation_folds', cross_validation_folds, DIRECTION_WALK_FORWARD.blocks);
  refuseUnless('single_model_config.model_type', single?.model_type, 'gbdt');
  refuseEnsemble(config);
  for (const name of ['validation_split', 'train_test_split'] as const)
    if (config[name] !== undefined)
      throw unsupported(name, config[name], 'no value: a direction model is measured by walk-forward, on every block');
  for (const name of ['max_depth', 'n_estimators', 'learning_rate'] as const)
    if (config[name] !== undefined)
      throw unsupported(
        name,
        config[name],
        'no value: a direction model searches its trees with optimization_settings',
      );
  if (config.balance !== undefined)
    throw unsupported('balance', JSON.stringify(config.balance), 'no value: that of a direction model is fixed here');
  if (Object.keys(config.optimization_settings?.parameter_space ?? {}).length > 0)
    throw unsupported('optimization_settings.parameter_space', 'given', '{} for a direction model');
  refuseUnusable(config);
  const options = {
    seed: config.random_state,
    trials: trialsOf(config),
    from: instantOf(config.start_date),
    to: instantOf(config.end_date, 'end'),
    horizon: prediction_horizon,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...(Object.fromEntries(given) as RunParameters), symbols: [symbol], timeframe };
}

/** @throws MinutehandError SETTING_UNSUPPORTED for any part of an ensemble */
function refuseEnsemble({ ensemble_config }: MLTrainingConfig): void {
  for (const [name, value] of Object.entries(ensemble_config ?? {}))
    if (value !== undefined && value !== false)
      throw unsupported(
        `ensemble_config.${name}`,
        JSON.stringify(value),
        'no value: the direction model is one boosted model, of gbdt',
      );
}

/**
 * First and last bar of each instrument that a training would read.
 * @throws MinutehandError DATA_MISSING for one without bars in the period, with what there is
 */
export async function barsOfRequest(
  { symbols = [], timeframe = DEFAULT_TIMEFRAME, from, to }: RunParameters,
  { settings, paths, store }: Pick<ApiContext, 'settings' | 'paths' | 'store'>,
): Promise<TrainedBars[]> {
  const { market, shards } = settings.minutehand;
  const journals = Object.keys(shards).map((shard) => paths.journal(market, shard));
  const opened = await store();
  const found: TrainedBars[] = [];
  for (const symbol of symbols) {
    const task = { market, symbol, journals, store: opened };
    const extent = await barExtent(task, { ...timeOf('from', from), ...timeOf('to', to) });
    if (extent === null) {
      const all = await barExtent(task);
      const period = { from: from ?? null, to: to ?? null };
      const extents = all === null ? null : ([all.first, all.last] as const);
      throw new MinutehandError('DATA_MISSING', noBarsText(symbol, timeframe, period, extents));
    }
    found.push({ symbol, first: isoMinute(extent.first), last: isoMinute(extent.last) });
  }
  return found;
}

function timeOf(
  name: 'from' | 'to',
  instant: string | undefined,
): { readonly from?: OpenTime; readonly to?: OpenTime } {
  return instant === undefined ? {} : { [name]: (Date.parse(instant) / 1000) as OpenTime };
}
