import { SERIES_NAMES, type SeriesName } from '../../series/series_names.ts';
import type { InstrumentWindows } from './definitions.ts';
import type { InstrumentBar } from './instrument_features.ts';

/** A bar with the series values known at its close. */
export interface ObservedBar {
  readonly bar: InstrumentBar;
  readonly series: readonly number[];
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const std = (values: readonly number[]): number => {
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1));
};
const corr = (x: readonly number[], y: readonly number[]): number => {
  if ([...x, ...y].some(Number.isNaN)) return NaN;
  const mx = mean(x);
  const my = mean(y);
  const sxx = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  const syy = y.reduce((sum, value) => sum + (value - my) ** 2, 0);
  const sxy = x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0);
  return Math.sqrt(sxx / x.length) < 1e-12 || Math.sqrt(syy / x.length) < 1e-12 ? 0 : sxy / Math.sqrt(sxx * syy);
};

/** The features at the last of `bars`, from their definitions: everything is computed again. */
export function slowInstrumentFeatures(
  bars: readonly ObservedBar[],
  windows: InstrumentWindows,
  timeframe: number,
): Record<string, number> {
  const { rsi_window, bollinger_window, atr_window, short_window: s, medium_window: m, long_window: l } = windows;
  const last = bars.at(-1)!;
  const n = bars.length;
  const tail = (values: readonly number[], count: number): number[] =>
    values.length < count ? [NaN] : values.slice(-count);
  const lag = (values: readonly number[], count: number): number => values[values.length - 1 - count] ?? NaN;
  const prices = bars.map(({ bar }) => Math.log(bar.close));
  const returns = prices.map((price, i) => (i === 0 ? NaN : price - prices[i - 1]!));
  const ranges = bars.map(({ bar }, i) => {
    const before = i === 0 ? NaN : bars[i - 1]!.bar.close;
    return Math.max(bar.high, before) - Math.min(bar.low, before);
  });
  const volumes = bars.map(({ bar }) => bar.volume);
  const flows = bars.map(({ bar }) => (bar.volume > 0 ? (2 * bar.takerBuyVolume) / bar.volume - 1 : NaN));
  const of = (name: SeriesName): number[] => bars.map(({ series }) => series[SERIES_NAMES.indexOf(name)]!);
  const now = (name: SeriesName): number => of(name).at(-1)!;
  const ln = (value: number): number => (value > 0 ? Math.log(value) : NaN);
  const interest = of('open_interest').map(ln);
  const price = prices.at(-1)!;
  const rawSigma = n < l + 1 ? NaN : std(tail(returns, l));
  const sigma = rawSigma < 1e-12 ? NaN : rawSigma;
  const distance = (count: number): number => (price - mean(tail(prices, count))) / (sigma * Math.sqrt(count));
  const moved = (count: number): number => (price - lag(prices, count)) / (sigma * Math.sqrt(count));
  const gain = mean(tail(returns, rsi_window).map((r) => Math.max(r, 0)));
  const loss = mean(tail(returns, rsi_window).map((r) => Math.max(-r, 0)));
  const band = std(tail(prices, bollinger_window));
  const ratio = (a: number, b: number): number => (b === 0 ? 1 : a / b);
  const short = n < s + 1 ? NaN : std(tail(returns, s));
  const usual = tail(volumes, l).some((v) => v === 0) ? NaN : mean(tail(volumes, l));
  const volume = last.bar.volume > 0 ? last.bar.volume : NaN;
  const bought = now('buy_liquidations');
  const sold = now('sell_liquidations');
  const close = last.bar.time + timeframe;
  const day = (2 * Math.PI * (close % 86_400)) / 86_400;
  const week = (2 * Math.PI * ((close + 3 * 86_400) % 604_800)) / 604_800;
  return {
    return_1: moved(1),
    return_short: moved(s),
    return_medium: moved(m),
    ma_distance_short: distance(s),
    ma_distance_medium: distance(m),
    ma_distance_long: distance(l),
    rsi: gain + loss === 0 ? 0.5 : gain / (gain + loss),
    bollinger_position: band <= 1e-12 ? 0 : (price - mean(tail(prices, bollinger_window))) / (2 * band),
    bollinger_width: 4 * band,
    atr: mean(tail(ranges, atr_window)) / last.bar.close,
    atr_ratio: ratio(mean(tail(ranges, atr_window)), mean(tail(ranges, l))),
    volatility_short: short,
    volatility_long: rawSigma,
    volatility_ratio: ratio(short, rawSigma),
    volatility_spike: Math.abs(returns.at(-1)!) / sigma,
    volume_ratio: mean(tail(volumes, s)) / usual,
    volume_spike: last.bar.volume / usual,
    volume_imbalance: flows.at(-1)!,
    volume_imbalance_short: mean(tail(flows, s)),
    funding_rate: now('funding_rate'),
    funding_mean: mean(tail(of('funding_rate'), m)),
    funding_price_correlation: n < l ? NaN : corr(tail(of('funding_rate'), l), tail(prices, l)),
    open_interest_change: interest.at(-1)! - lag(interest, s),
    open_interest_price_correlation: n < l ? NaN : corr(tail(interest, l), tail(prices, l)),
    overheat: (now('funding_rate') * now('open_interest')) / mean(tail(of('open_interest'), l)),
    buy_liquidation_ratio: bought / volume,
    sell_liquidation_ratio: sold / volume,
    liquidation_imbalance: bought + sold === 0 ? 0 : (bought - sold) / (bought + sold),
    order_book_imbalance: now('order_book_imbalance'),
    long_short_ratio: ln(now('long_short_ratio')),
    market_sentiment_score: now('sentiment') / 50 - 1,
    day_sin: Math.sin(day),
    day_cos: Math.cos(day),
    week_sin: Math.sin(week),
    week_cos: Math.cos(week),
  };
}
