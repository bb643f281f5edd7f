import type { RetrainPolicy } from '../../../../../shared/policy/policy.ts';

/** Lowest and highest. */
export type Limits = readonly [number, number];

/** Limits of what a direction model answers; null: not judged. */
export interface BiasLimits {
  /** Of ML_UP_PROB / (ML_UP_PROB + ML_DOWN_PROB): of each prediction, and of their mean. */
  readonly prediction: Limits | null;
  readonly mean: Limits | null;
  /** Share of calls that are up: of all, of each hour of the day, and in bull markets. */
  readonly buyRatio: Limits | null;
  readonly hourBuyRatio: Limits | null;
  readonly bullBuyRatio: Limits | null;
  /** Share of calls that are down in bear markets. */
  readonly bearSellRatio: Limits | null;
  /** Of ML_UP_PROB − ML_DOWN_PROB within 24 hours. */
  readonly variance24h: number | null;
}

/** The limits of the configuration. */
export function biasLimits({
  retrain,
}: {
  readonly retrain: Pick<
    RetrainPolicy,
    | 'direction_prediction_range'
    | 'direction_mean_range'
    | 'direction_buy_ratio_range'
    | 'direction_hour_buy_ratio_range'
    | 'direction_bull_buy_ratio_range'
    | 'direction_bear_sell_ratio_range'
    | 'direction_variance_24h_max'
  >;
}): BiasLimits {
  return {
    prediction: retrain.direction_prediction_range,
    mean: retrain.direction_mean_range,
    buyRatio: retrain.direction_buy_ratio_range,
    hourBuyRatio: retrain.direction_hour_buy_ratio_range,
    bullBuyRatio: retrain.direction_bull_buy_ratio_range,
    bearSellRatio: retrain.direction_bear_sell_ratio_range,
    variance24h: retrain.direction_variance_24h_max,
  };
}
