#!/usr/bin/env python3
"""Reads the files that minutehand exports with pandas, and answers what a trader asks first.

Export, then read (each file is optional; times are UTC):

    minutehand signals list --out signals.csv             # or .parquet, as the next one
    minutehand trades export --out trades.csv
    minutehand bars export --out bars --format csv        # one file per symbol
    minutehand features --data bars --pairs XAUUSD_XAGUSD --out features.csv
    python3 examples/pandas_exports.py --signals signals.csv --trades trades.csv \
        --bars bars/XAUUSD.csv --features features.csv

Needs pandas 2. Columns: docs/reference/PROTOCOL.md (signals, fills), docs/reference/FEATURES.md (features).
"""

import argparse
import sys

import pandas as pd


def read_signals(path: str) -> pd.DataFrame:
    """One row per signal, by the close of its bar. Numbers that a signal does not have are NaN."""
    return pd.read_csv(path, parse_dates=["bar_close"]).sort_values("bar_close", ignore_index=True)


def reasons_by_pair(signals: pd.DataFrame) -> pd.DataFrame:
    """Why each pair entered, left or held: the share of its signals with each reason, in percent."""
    shares = pd.crosstab(signals["pair_id"], signals["reason"], normalize="index")
    return (100 * shares).round(1)


def reversion_by_probability(signals: pd.DataFrame, bars_ahead: int = 30) -> pd.DataFrame:
    """How far |z| fell within `bars_ahead` signals of a pair, by AI1's probability that it would.

    Signals of one pair are one bar apart, but for gaps. This describes the past; it is no estimate of a result, since
    it knows neither costs nor thresholds.
    """
    rows = []
    for pair_id, own in signals.groupby("pair_id"):
        size = own["z_score"].abs()
        fell = size - size.shift(-bars_ahead)
        rows.append(pd.DataFrame({"pair_id": pair_id, "probability": own["return_prob"], "fell": fell}))
    table = pd.concat(rows).dropna()
    bins = [0, 0.3, 0.4, 0.5, 0.6, 0.7, 1]
    groups = table.groupby(pd.cut(table["probability"], bins), observed=True)["fell"]
    return groups.agg(["count", "mean"]).rename(columns={"mean": "mean fall of |z|"})


def trades_by_position(path: str) -> pd.DataFrame:
    """One row per closed position: its pair, when and why it closed, its result in the currency of the account.

    A file of fills has one row per leg and event. Refusals are left out; a position that is still open has no result.
    """
    fills = pd.read_csv(path)
    fills["time"] = pd.to_datetime(fills["time_ms"], unit="ms", utc=True)
    closed = fills[fills["kind"] == "close"]
    return closed.groupby(["account", "place", "position_id"]).agg(
        pair_id=("pair_id", "first"),
        closed=("time", "max"),
        reason=("reason", "first"),
        pnl=("pnl", "sum"),
        slippage_bps=("slippage_bps", "mean"),
    )


def result_by_day(positions: pd.DataFrame) -> pd.DataFrame:
    """Result and number of positions of each account and day on which positions closed. Accounts are never added up.

    `place` is the file that an account reports to: two that trade on paper follow the same signals.
    """
    day = positions["closed"].dt.date.rename("day")
    return positions.groupby(["account", "place", day])["pnl"].agg(["sum", "count"])


def daily_bars(path: str) -> pd.DataFrame:
    """Days from one-minute bars. `time` is the open of a bar in epoch seconds."""
    bars = pd.read_csv(path)
    bars.index = pd.to_datetime(bars["time"], unit="s", utc=True)
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return bars.resample("1D").agg(rules).dropna()


def describe_features(path: str) -> pd.DataFrame:
    """Share of missing values, mean and quantiles of each feature; a row of the file is a minute of both legs."""
    features = pd.read_csv(path).drop(columns=["time"])
    table = features.describe(percentiles=[0.05, 0.5, 0.95]).T
    table.insert(0, "missing %", (100 * features.isna().mean()).round(2))
    return table[["missing %", "mean", "5%", "50%", "95%"]]


def main() -> int:
    parser = argparse.ArgumentParser(description="What a trader asks first, from exported files.")
    for name in ("signals", "trades", "bars", "features"):
        parser.add_argument(f"--{name}", metavar="FILE")
    given = parser.parse_args()
    if not any(vars(given).values()):
        parser.error("name at least one file")
    if given.signals:
        signals = read_signals(given.signals)
        print(f"{len(signals)} signals, bars closed {signals['bar_close'].min()} to {signals['bar_close'].max()}")
        print("\nReasons, % of a pair's signals\n", reasons_by_pair(signals).to_string())
        print("\nDid z fall as AI1 said?\n", reversion_by_probability(signals).to_string())
    if given.trades:
        positions = trades_by_position(given.trades)
        print(f"\n{len(positions)} closed positions\n", result_by_day(positions).to_string())
    if given.bars:
        print("\nDays\n", daily_bars(given.bars).tail(10).to_string())
    if given.features:
        print("\nFeatures\n", describe_features(given.features).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
