"""The operators of formulas by NumPy and pandas, as plainly as they can be written.

Every function takes columns of float64, one value per bar, with NaN where a value is missing, and returns one. Windows
are the last n rows, because rows are the bars that exist. Conditions are 1, 0 or NaN.
"""

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

NAN = np.nan
# A standard deviation below 1e-12 of the mean counts as none.
FLAT = 1e-24


def windows(x, n):
    """One row per bar: its last n values, oldest first; before the n-th bar with NaN in front."""
    return sliding_window_view(np.concatenate([np.full(n - 1, NAN), x]), n)


def known(result, *inputs):
    """The result where no input is missing."""
    missing = np.any([np.isnan(x) for x in inputs], axis=0)
    return np.where(missing, NAN, result)


def centered(w):
    return w - w.mean(axis=1, keepdims=True)


def moment(w):
    """Sum of squared distances from the mean; 0 for a flat window."""
    second = (centered(w) ** 2).sum(axis=1)
    return np.where(second <= FLAT * w.mean(axis=1) ** 2 * w.shape[1], 0.0, second)


def unless_flat(result, second):
    return np.where(second > 0, result, NAN)


def decayed(x, n, decay):
    weights = decay ** np.arange(n - 1, -1, -1)
    return windows(x, n) @ weights / weights.sum()


def op_add(x, y):
    return x + y


def op_subtract(x, y):
    return x - y


def op_multiply(x, y):
    return x * y


def op_divide(x, y):
    return x / y


def op_negate(x):
    return -x


def op_less(x, y):
    return known(x < y, x, y)


def op_less_or_equal(x, y):
    return known(x <= y, x, y)


def op_equal(x, y):
    return known(x == y, x, y)


def op_and(x, y):
    return known((x == 1) & (y == 1), x, y)


def op_or(x, y):
    return known((x == 1) | (y == 1), x, y)


def op_not(x):
    return 1 - x


def op_where(when, x, y):
    return np.where(when == 1, x, np.where(when == 0, y, NAN))


def op_coalesce(x, y):
    return pd.Series(x).combine_first(pd.Series(y)).to_numpy()


def op_is_missing(x):
    return np.isnan(x).astype(float)


def op_abs(x):
    return np.abs(x)


def op_sign(x):
    return np.sign(x)


def op_log(x):
    return np.log(x)


def op_exp(x):
    return np.where(x < -708, 0.0, np.where(x > 709, NAN, np.exp(x)))


def op_sqrt(x):
    return np.sqrt(x)


def op_pow(x, power):
    return x ** int(power)


def op_clip(x, lowest, highest):
    return np.minimum(highest, np.maximum(lowest, x))


def op_least(x, y):
    return np.minimum(x, y)


def op_greatest(x, y):
    return np.maximum(x, y)


def stamps(minute):
    return pd.DatetimeIndex(pd.to_datetime(minute.astype("int64"), unit="m", utc=True))


def op_hour(minute):
    return stamps(minute).hour.to_numpy().astype(float)


def op_minute_of_day(minute):
    return (stamps(minute).hour * 60 + stamps(minute).minute).to_numpy().astype(float)


def op_day_of_week(minute):
    return (stamps(minute).dayofweek + 1).to_numpy().astype(float)


def op_delay(x, n):
    return pd.Series(x).shift(n).to_numpy()


def op_delta(x, n):
    return pd.Series(x).diff(n).to_numpy()


def op_cross(x, y):
    before_x = op_delay(x, 1)
    before_y = op_delay(y, 1)
    return known((x > y) & (before_x <= before_y), x, y, before_x, before_y)


def op_since(x, n):
    newest_first = windows(x, n)[:, ::-1]
    held = newest_first == 1
    bars = np.where(held.any(axis=1), held.argmax(axis=1), n)
    return known(bars, newest_first.sum(axis=1))


def op_count(x, n):
    return windows(x, n).sum(axis=1)


def op_sum(x, n):
    return windows(x, n).sum(axis=1)


def op_mean(x, n):
    return windows(x, n).mean(axis=1)


def op_wma(x, n):
    return np.average(windows(x, n), axis=1, weights=np.arange(1, n + 1))


def op_ema(x, n):
    return decayed(x, 4 * n, 1 - 2 / (n + 1))


def op_wilder(x, n):
    return decayed(x, 8 * n, 1 - 1 / n)


def op_var(x, n):
    return moment(windows(x, n)) / (n - 1)


def op_std(x, n):
    return np.sqrt(op_var(x, n))


def op_zscore(x, n):
    return (x - op_mean(x, n)) / op_std(x, n)


def op_bollinger(x, n, k):
    deviation = windows(x, n).std(axis=1)
    lower = op_mean(x, n) - k * deviation
    upper = op_mean(x, n) + k * deviation
    return unless_flat((x - lower) / (upper - lower), moment(windows(x, n)))


def op_skew(x, n):
    w = windows(x, n)
    return unless_flat(pd.DataFrame(w).skew(axis=1, skipna=False).to_numpy(), moment(w))


def op_kurt(x, n):
    w = windows(x, n)
    return unless_flat(pd.DataFrame(w).kurt(axis=1, skipna=False).to_numpy(), moment(w))


def op_slope(x, n):
    bars = np.arange(n) - (n - 1) / 2
    return centered(windows(x, n)) @ bars / (bars @ bars)


def comoment(x, y, n):
    return (centered(windows(x, n)) * centered(windows(y, n))).sum(axis=1)


def op_cov(x, y, n):
    return comoment(x, y, n) / (n - 1)


def op_corr(x, y, n):
    of_x = moment(windows(x, n))
    of_y = moment(windows(y, n))
    result = comoment(x, y, n) / (np.sqrt(of_x) * np.sqrt(of_y))
    return unless_flat(np.clip(result, -1, 1), np.minimum(of_x, of_y))


def op_beta_of(y, x, n):
    second = moment(windows(x, n))
    return unless_flat(comoment(x, y, n) / second, second)


def op_resid(y, x, n):
    line = op_mean(y, n) + op_beta_of(y, x, n) * (x - op_mean(x, n))
    return y - line


def op_rsi(x, n):
    change = op_delta(x, 1)
    gains = op_wilder(np.maximum(change, 0), n)
    losses = op_wilder(np.maximum(-change, 0), n)
    return 100 * gains / (gains + losses)


def op_atr(high, low, close, n):
    before = op_delay(close, 1)
    return op_wilder(np.maximum(high, before) - np.minimum(low, before), n)


def op_min(x, n):
    return pd.Series(x).rolling(n).min().to_numpy()


def op_max(x, n):
    return pd.Series(x).rolling(n).max().to_numpy()


def op_argmin(x, n):
    newest_first = windows(x, n)[:, ::-1]
    return known(np.nan_to_num(newest_first, nan=np.inf).argmin(axis=1), newest_first.sum(axis=1))


def op_argmax(x, n):
    newest_first = windows(x, n)[:, ::-1]
    return known(np.nan_to_num(newest_first, nan=-np.inf).argmax(axis=1), newest_first.sum(axis=1))


def op_rank(x, n):
    return (pd.Series(x).rolling(n).rank().to_numpy() - 1) / (n - 1)


def op_median(x, n):
    return pd.Series(x).rolling(n).median().to_numpy()


def op_quantile(x, n, q):
    return pd.Series(x).rolling(n).quantile(q).to_numpy()


def stored(result):
    """The rule of all values: a finite number that is not −0, or missing."""
    result = np.asarray(result, dtype=float) + 0.0
    return np.where(np.isfinite(result), result, NAN)
