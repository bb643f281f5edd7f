import type { FeatureDefinition } from '../feature.ts';

/** Look-backs of an instrument's features, in bars of its own timeframe. Part of the feature schema. */
export interface InstrumentWindows {
  readonly rsi_window: number;
  readonly bollinger_window: number;
  readonly atr_window: number;
  readonly short_window: number;
  readonly medium_window: number;
  readonly long_window: number;
  /** Formulas that are columns behind the hand-written ones, as `formulasText` writes them; absent: none. */
  readonly formulas?: string;
  /** Bars whose features a model gets together, the oldest first; absent: those of the newest alone. */
  readonly sequence?: number;
}

/** A day, three days and a week of hourly bars; RSI, Bollinger and ATR at their usual lengths. */
export const INSTRUMENT_WINDOWS: InstrumentWindows = {
  rsi_window: 14,
  bollinger_window: 20,
  atr_window: 14,
  short_window: 24,
  medium_window: 72,
  long_window: 168,
};

export type InstrumentDefinition = Omit<FeatureDefinition, 'models'>;

/** A feature without the fields that most of them share. */
type Short = Pick<InstrumentDefinition, 'name' | 'formula' | 'window' | 'unit'> & Partial<InstrumentDefinition>;

const full = (feature: Short): InstrumentDefinition => ({
  ddof: null,
  warmup_bars: feature.window,
  ...feature,
});

/** Columns of an instrument in schema order. */
export function instrumentDefinitions(windows: InstrumentWindows): readonly InstrumentDefinition[] {
  const { short_window: s, medium_window: m, long_window: l } = windows;
  return [...priceFeatures(windows), ...volumeFeatures(s, l), ...marketFeatures(s, m, l), ...calendarFeatures()].map(
    full,
  );
}

function priceFeatures(windows: InstrumentWindows): Short[] {
  const { rsi_window, bollinger_window, atr_window, short_window: s, medium_window: m, long_window: l } = windows;
  const scaled = { unit: 'σ', ddof: 1 as const };
  const moved = (name: string, bars: number): Short => ({
    ...scaled,
    name,
    formula: `ln(close / close_{t−${bars}}) / (σ · √${bars}), σ = volatility_long`,
    window: Math.max(l, bars) + 1,
  });
  const distance = (name: string, bars: number): Short => ({
    ...scaled,
    name,
    formula: `(ln close − mean(ln close, ${bars})) / (σ · √${bars}), σ = volatility_long`,
    window: Math.max(l + 1, bars),
  });
  return [
    moved('return_1', 1),
    moved('return_short', s),
    moved('return_medium', m),
    distance('ma_distance_short', s),
    distance('ma_distance_medium', m),
    distance('ma_distance_long', l),
    {
      name: 'rsi',
      formula: `mean(gain, ${rsi_window}) / (mean(gain) + mean(loss)), of log returns (Cutler); ½ for a constant price`,
      window: rsi_window + 1,
      unit: '0…1',
    },
    {
      name: 'bollinger_position',
      formula: `(ln close − mean) / (2 · std), over ${bollinger_window}; 0 for a constant price`,
      window: bollinger_window,
      ddof: 1,
      unit: 'ratio',
    },
    {
      name: 'bollinger_width',
      formula: `4 · std(ln close, ${bollinger_window})`,
      window: bollinger_window,
      ddof: 1,
      unit: 'log price',
    },
    { name: 'atr', formula: `mean(TR, ${atr_window}) / close`, window: atr_window + 1, unit: 'ratio' },
    {
      name: 'atr_ratio',
      formula: `mean(TR, ${atr_window}) / mean(TR, ${l}); 1 for a constant price`,
      window: l + 1,
      unit: 'ratio',
    },
    {
      name: 'volatility_short',
      formula: `std(log return, ${s})`,
      window: s + 1,
      ddof: 1,
      unit: 'log return',
    },
    { name: 'volatility_long', formula: `std(log return, ${l})`, window: l + 1, ddof: 1, unit: 'log return' },
    {
      name: 'volatility_ratio',
      formula: 'volatility_short / volatility_long; 1 for a constant price',
      window: l + 1,
      ddof: 1,
      unit: 'ratio',
    },
    { name: 'volatility_spike', formula: '|log return| / volatility_long', window: l + 1, ddof: 1, unit: 'σ' },
  ];
}

function volumeFeatures(s: number, l: number): Short[] {
  const unknown = 'a volume in the window is 0 (unknown)';
  return [
    {
      name: 'volume_ratio',
      formula: `mean(volume, ${s}) / mean(volume, ${l})`,
      window: l,
      unit: 'ratio',
      missing: unknown,
    },
    { name: 'volume_spike', formula: `volume / mean(volume, ${l})`, window: l, unit: 'ratio', missing: unknown },
    {
      name: 'volume_imbalance',
      formula: '(taker buys − taker sells) / volume of the bar',
      window: 1,
      unit: '−1…1',
      missing: 'no taker volume',
    },
    {
      name: 'volume_imbalance_short',
      formula: `mean(volume_imbalance, ${s})`,
      window: s,
      unit: '−1…1',
      missing: 'no taker volume of a bar in the window',
    },
  ];
}

function marketFeatures(s: number, m: number, l: number): Short[] {
  const late = 'no fresh value';
  const funding = 'funding_rate or open_interest is missing in the window';
  return [
    { name: 'funding_rate', formula: 'series funding_rate', window: 1, unit: 'fraction', missing: late },
    { name: 'funding_mean', formula: `mean(funding_rate, ${m})`, window: m, unit: 'fraction', missing: late },
    {
      name: 'funding_price_correlation',
      formula: `corr(funding_rate, ln close, ${l}); 0 where one is constant`,
      window: l,
      unit: '−1…1',
      missing: late,
    },
    {
      name: 'open_interest_change',
      formula: `ln(open_interest / open_interest_{t−${s}})`,
      window: s + 1,
      unit: 'log change',
      missing: late,
    },
    {
      name: 'open_interest_price_correlation',
      formula: `corr(ln open_interest, ln close, ${l}); 0 where one is constant`,
      window: l,
      unit: '−1…1',
      missing: late,
    },
    {
      name: 'overheat',
      formula: `funding_rate · open_interest / mean(open_interest, ${l})`,
      window: l,
      unit: 'fraction',
      missing: funding,
    },
    {
      name: 'buy_liquidation_ratio',
      formula: 'buy_liquidations / volume of the bar',
      window: 1,
      unit: 'ratio',
      missing: late,
    },
    {
      name: 'sell_liquidation_ratio',
      formula: 'sell_liquidations / volume of the bar',
      window: 1,
      unit: 'ratio',
      missing: late,
    },
    {
      name: 'liquidation_imbalance',
      formula: '(buy_liquidations − sell_liquidations) / their sum; 0 without any',
      window: 1,
      unit: '−1…1',
      missing: late,
    },
    { name: 'order_book_imbalance', formula: 'series order_book_imbalance', window: 1, unit: '−1…1', missing: late },
    { name: 'long_short_ratio', formula: 'ln of series long_short_ratio', window: 1, unit: 'log ratio', missing: late },
    { name: 'market_sentiment_score', formula: 'series sentiment / 50 − 1', window: 1, unit: '−1…1', missing: late },
  ];
}

function calendarFeatures(): Short[] {
  return [
    { name: 'day_sin', formula: 'sin(2π · second of the UTC day of the close / 86400)', window: 1, unit: '−1…1' },
    { name: 'day_cos', formula: 'cos of the same', window: 1, unit: '−1…1' },
    {
      name: 'week_sin',
      formula: 'sin(2π · second of the week from Monday 00:00 UTC / 604800)',
      window: 1,
      unit: '−1…1',
    },
    { name: 'week_cos', formula: 'cos of the same', window: 1, unit: '−1…1' },
  ];
}
