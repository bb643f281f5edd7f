import type { DirectionGate } from './direction_gate.ts';

/**
 * Predictions are biased if their mean on the bars that moved differs from the share that went up by more than this,
 * and by more than chance.
 */
export const OUTCOME_TOLERANCE = 0.1;

export const bias: DirectionGate = {
  code: 'bias',
  vetoes:
    'Answers on one side: up ÷ (up + down) beyond its limits in a single prediction or on average, or on average far from the outcomes beyond chance; the share of up among the calls beyond its limits, over all, in an hour of the day, or in bull or bear markets; or answers that swing within 24 hours.',
  limit: `\`direction_prediction_range\`, \`direction_mean_range\`, within ${OUTCOME_TOLERANCE} of the outcomes, \`direction_buy_ratio_range\`, \`direction_hour_buy_ratio_range\`, \`direction_bull_buy_ratio_range\`, \`direction_bear_sell_ratio_range\`, \`direction_variance_24h_max\`; null: not judged`,
  check: ({
    bias,
    biasLimits: { prediction, mean, buyRatio, hourBuyRatio, bullBuyRatio, bearSellRatio, variance24h },
  }) => ({
    passed: bias.biased.length === 0,
    value: bias.biased.length,
    relation: '<=',
    limit: 0,
    unit: 'count',
    evidence: {
      biased: [...bias.biased],
      prediction_min: bias.prediction_min,
      prediction_max: bias.prediction_max,
      mean: bias.overall_balance,
      observed: bias.outcome.observed,
      predicted: bias.outcome.predicted,
      buy_ratio: bias.buy_sell_ratio,
      bull_buy_ratio: bias.bull_market_buy_ratio,
      bear_sell_ratio: bias.bear_market_sell_ratio,
      variance: bias.largest_variance_24h,
      least: prediction?.[0] ?? null,
      most: prediction?.[1] ?? null,
      least_mean: mean?.[0] ?? null,
      most_mean: mean?.[1] ?? null,
      least_buys: buyRatio?.[0] ?? null,
      most_buys: buyRatio?.[1] ?? null,
      least_hour: hourBuyRatio?.[0] ?? null,
      most_hour: hourBuyRatio?.[1] ?? null,
      least_bull: bullBuyRatio?.[0] ?? null,
      most_bull: bullBuyRatio?.[1] ?? null,
      least_bear: bearSellRatio?.[0] ?? null,
      most_bear: bearSellRatio?.[1] ?? null,
      most_variance: variance24h,
      tolerance: OUTCOME_TOLERANCE,
    },
  }),
};
