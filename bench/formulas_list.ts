/** A formula, and the expression of polars that computes the same from columns `open` … `spread`; null: it has none. */
export interface BenchFormula {
  readonly formula: string;
  readonly polars: string | null;
}

const WINDOWS = [5, 10, 20, 30, 60, 120, 240, 480, 720, 1440] as const;

/** Twenty shapes of formulas, each with its window. `c` is close, `v` volume, in the expressions of polars. */
const SHAPES: readonly ((n: number) => BenchFormula)[] = [
  (n) => ({ formula: `close / delay(close, ${n}) - 1`, polars: `c / c.shift(${n}) - 1` }),
  (n) => ({ formula: `mean(close, ${n})`, polars: `c.rolling_mean(${n})` }),
  (n) => ({ formula: `close / mean(close, ${n}) - 1`, polars: `c / c.rolling_mean(${n}) - 1` }),
  (n) => ({ formula: `sum(volume, ${n})`, polars: `v.rolling_sum(${n})` }),
  (n) => ({ formula: `std(close, ${n})`, polars: `c.rolling_std(${n})` }),
  (n) => ({ formula: `var(log(close), ${n})`, polars: `c.log().rolling_var(${n})` }),
  (n) => ({ formula: `zscore(close, ${n})`, polars: `(c - c.rolling_mean(${n})) / c.rolling_std(${n})` }),
  (n) => ({ formula: `std(delta(log(close)), ${n})`, polars: `c.log().diff().rolling_std(${n})` }),
  (n) => ({ formula: `max(high, ${n})`, polars: `h.rolling_max(${n})` }),
  (n) => ({ formula: `min(low, ${n})`, polars: `l.rolling_min(${n})` }),
  (n) => ({
    formula: `(close - min(low, ${n})) / (max(high, ${n}) - min(low, ${n}))`,
    polars: `(c - l.rolling_min(${n})) / (h.rolling_max(${n}) - l.rolling_min(${n}))`,
  }),
  (n) => ({ formula: `ema(close, ${n})`, polars: `c.ewm_mean(span=${n})` }),
  (n) => ({ formula: `ema(close, ${n}) / close - 1`, polars: `c.ewm_mean(span=${n}) / c - 1` }),
  (n) => ({ formula: `median(close, ${n})`, polars: `c.rolling_median(${n})` }),
  (n) => ({ formula: `quantile(volume, ${n}, 0.9)`, polars: `v.rolling_quantile(0.9, "linear", window_size=${n})` }),
  (n) => ({ formula: `corr(delta(close), volume, ${n})`, polars: `pl.rolling_corr(c.diff(), v, window_size=${n})` }),
  (n) => ({ formula: `cov(close, volume, ${n})`, polars: `pl.rolling_cov(c, v, window_size=${n})` }),
  (n) => ({
    formula: `where(close > open, volume, 0) / mean(volume, ${n})`,
    polars: `pl.when(c > o).then(v).otherwise(0) / v.rolling_mean(${n})`,
  }),
  (n) => ({
    formula: `count(close > delay(close), ${n})`,
    polars: `(c > c.shift(1)).cast(pl.Float64).rolling_sum(${n})`,
  }),
  (n) => ({
    formula: `abs(close - mean(close, ${n})) / mean(high - low, ${n})`,
    polars: `(c - c.rolling_mean(${n})).abs() / (h - l).rolling_mean(${n})`,
  }),
];

/** Two hundred formulas of mixed operators and windows. */
export const BENCH_FORMULAS: readonly BenchFormula[] = WINDOWS.flatMap((window) =>
  SHAPES.map((shape) => shape(window)),
);
