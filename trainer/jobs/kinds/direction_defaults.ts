import { barSecondsOf, parseInstrument, TIMEFRAMES, type Timeframe } from '../../../shared/pair.ts';
import { EXCHANGE_FEES } from '../../../shared/policy/believed_costs.ts';
import { DIRECTION_BALANCE } from '../../../shared/policy/balances.ts';
import { DIRECTION_ENGINE, type TrainEngine } from '../../../shared/policy/engines.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { EVALUATION_LABEL, evaluationBars } from '../../learning/strategies/direction/label/direction.ts';
import type { DirectionJob } from './direction_job.ts';

/** Seed of a training of which no other is asked. */
export const DIRECTION_SEED = 0;

/** The engine that is asked for, else the configured one of direction models, else `DIRECTION_ENGINE`. */
export function directionEngine(
  asked: TrainEngine | undefined,
  { minutehand: { train } }: Pick<Settings, 'minutehand'>,
): TrainEngine {
  return asked ?? train.direction_engine ?? DIRECTION_ENGINE;
}

/** Parameters of a training of which no others are asked, by the command line, the API or the schedule. */
export const DIRECTION_DEFAULTS = {
  balance: DIRECTION_BALANCE,
  class_weight_ratio: 1,
  trials: 0,
  balance_penalty: false,
  stride: 3,
  taker_fee_bps: EXCHANGE_FEES.commission_bps,
  slippage_bps: EXCHANGE_FEES.slippage_bps,
  compare: [],
  peers: [],
} as const satisfies Omit<DirectionJob['parameters'], 'label'>;

/** Instruments of a training that names none, where the configuration has none of its timeframe. */
export const DIRECTION_SYMBOLS: readonly string[] = ['BTCUSDT', 'ETHUSDT', 'ICPUSDT', 'SOLUSDT', 'AVAXUSDT'];

/** Instruments of a training that names none: the configured ones of the timeframe, else DIRECTION_SYMBOLS. */
export function defaultSymbols({ minutehand }: Pick<Settings, 'minutehand'>, timeframe: Timeframe): string[] {
  const own = minutehand.instruments
    .map(parseInstrument)
    .filter((instrument) => barSecondsOf(instrument) === TIMEFRAMES[timeframe]);
  return own.length === 0 ? [...DIRECTION_SYMBOLS] : own.map(({ a }) => a);
}

/** The label of such a training: that of the evaluation. */
export function defaultLabel(timeframe: Timeframe): DirectionJob['parameters']['label'] {
  const horizon = evaluationBars(TIMEFRAMES[timeframe]);
  return { unit: 'percent', threshold: EVALUATION_LABEL.threshold, horizon };
}
