#!/usr/bin/env python3
"""Trades the signals of pairs in MetaTrader 5 by the MetaTrader5 package: two legs or none, on hedging accounts. Windows, Python 3.8.

    pip install MetaTrader5
    python examples/mt5_python.py var/signals/EURUSD_GBPUSD/signal.json             # prints what it would do
    python examples/mt5_python.py var/signals/EURUSD_GBPUSD/signal.json --trade     # on demo accounts

Signals are checked by follow.py in the same folder. The plan of a position is on disk before an order is sent. Open positions are read from
the terminal; those without a plan are closed, with retries. Not included: fills, sessions, a daily loss limit.
"""
import argparse, json, math, sys, time

import follow

COMMENT = "mp"
SETTLED_S = 10  # the terminal's list of positions may lag behind an order
RETRY_S = 2
EPSILON = 1e-9
GREATEST_BETA = 1000


class NotTraded(Exception):
    """Why an ENTER is not followed."""


class Trader:
    """Executes orders. `mt5` is the MetaTrader5 module; `plans` is plain data, to be stored by `save` before an order is sent."""

    def __init__(self, mt5, options, plans, save, clock=time.time):
        self.mt5, self.options, self.plans, self.save, self.clock = mt5, options, plans, save, clock
        self.next_try = {}
        self.last_order = 0.0

    # ------------------------------------------------------------ state of the terminal

    def is_ready(self):
        """False without a connection and before the log-in: then nothing is decided."""
        terminal, account = self.mt5.terminal_info(), self.mt5.account_info()
        return terminal is not None and account is not None and terminal.connected and account.login > 0 and account.equity > 0

    def positions(self):
        """Our open positions by plan, [(position_id, leg, position)]; None when the terminal does not answer."""
        found = self.mt5.positions_get()
        if found is None:
            return None
        ours = []
        for position in found:
            if position.magic != self.options.magic:
                continue
            owner = next(((i, leg["name"]) for i, plan in self.plans.items() for leg in plan["legs"] if position.ticket == leg["ticket"]), None)
            if owner is None and position.comment.startswith(COMMENT):  # a lost answer, or a lost file
                end = position.comment[3:]
                owner = (next((i for i in self.plans if i[8:] == end), end), position.comment[2:3])
            ours.append((*(owner or ("", "")), position))
        return ours

    def quote(self, symbol):
        name = self.options.symbols.get(symbol, symbol + self.options.suffix)
        if not self.mt5.symbol_select(name, True):
            raise NotTraded("NO_SYMBOL " + name)
        info, tick = self.mt5.symbol_info(name), self.mt5.symbol_info_tick(name)
        if info is None or tick is None or not (tick.bid > 0 and tick.ask >= tick.bid and info.trade_tick_size > 0 and info.trade_tick_value > 0):
            raise NotTraded("NO_PRICE " + name)
        if info.trade_mode != self.mt5.SYMBOL_TRADE_MODE_FULL:
            raise NotTraded("NOT_TRADABLE " + name)
        return info, tick, tick.ask * info.trade_tick_value / info.trade_tick_size  # account currency of one lot

    # ------------------------------------------------------------ orders

    def plan(self, order, bar_minutes):
        """The plan of an OPEN: both legs together worth equity * risk * scale, in proportion to beta, in steps of the broker."""
        _, position_id, a, _, b, weight, _, scale, _, max_age_bars = order
        account = self.mt5.account_info()
        if not self.is_ready() or not self.mt5.terminal_info().trade_allowed or not account.trade_allowed:
            raise NotTraded("NOT_READY")
        if account.margin_mode != self.mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING:
            raise NotTraded("NO_HEDGING_ACCOUNT")
        if account.trade_mode == self.mt5.ACCOUNT_TRADE_MODE_REAL and not self.options.real:
            raise NotTraded("REAL_ACCOUNT")
        sides = [leg.split("_", 1) for leg in (a, b)]
        (info_a, _, worth_a), (info_b, _, worth_b) = (self.quote(symbol) for _, symbol in sides)
        beta = float(weight)
        if not 0 < beta <= GREATEST_BETA:
            raise NotTraded("SIZE_BETA %g" % beta)
        ratio = beta * worth_a / worth_b
        gross = account.equity * self.options.risk * float(scale)
        if not (0 < gross < math.inf and 0 < worth_a < math.inf and 0 < ratio < math.inf):
            raise NotTraded("SIZE_UNKNOWN")
        wanted = min(gross / (1 + beta) / worth_a, self.options.max_lots, self.options.max_lots / ratio)
        lots_a = steps(wanted, info_a, 0)
        lots_b = steps(lots_a * ratio, info_b, 0.5)
        for lots, info in ((lots_a, info_a), (lots_b, info_b)):
            if not max(info.volume_min, EPSILON) <= lots <= min(info.volume_max, self.options.max_lots + info.volume_step):
                raise NotTraded("SIZE %s %g" % (info.name, lots))
        if abs(lots_b / (lots_a * ratio) - 1) > self.options.max_hedge_error:
            raise NotTraded("SIZE_HEDGE_ERROR")
        legs = [
            {"name": name, "symbol": info.name, "buys": side == "BUY", "lots": lots, "ticket": 0}
            for name, (side, _), info, lots in zip("AB", sides, (info_a, info_b), (lots_a, lots_b))
        ]
        return position_id, {"legs": legs, "at": self.clock(), "until": self.clock() + 60 * bar_minutes * int(max_age_bars), "wanted": True}

    def send(self, symbol, buys, lots, comment, position=0):
        """Lots and order of an answer; (0, 0) when nothing was done, or without an answer: then the list of positions decides."""
        mt5, info, tick = self.mt5, self.mt5.symbol_info(symbol), self.mt5.symbol_info_tick(symbol)
        if info is None or tick is None:
            return 0.0, 0
        price = tick.ask if buys else tick.bid
        request = {
            "action": mt5.TRADE_ACTION_DEAL, "symbol": symbol, "volume": lots, "type": mt5.ORDER_TYPE_BUY if buys else mt5.ORDER_TYPE_SELL,
            "price": price, "deviation": int(price * self.options.slippage_bps / 10000 / info.point) if info.point > 0 else 0,
            "magic": self.options.magic, "comment": comment, "type_time": mt5.ORDER_TIME_GTC, "type_filling": self.filling(info),
        }  # fmt: skip
        if position:
            request["position"] = position
        self.last_order = self.clock()
        result = mt5.order_send(request)
        if result is None or result.retcode not in (mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_DONE_PARTIAL):
            say("order", comment, symbol, "retcode", None if result is None else result.retcode, mt5.last_error())
            return 0.0, 0
        return result.volume or lots, result.order

    def filling(self, info):
        for bit, filling in ((1, self.mt5.ORDER_FILLING_FOK), (2, self.mt5.ORDER_FILLING_IOC)):
            if info.filling_mode & bit:
                return filling
        return self.mt5.ORDER_FILLING_RETURN

    def open(self, order, bar_minutes):
        """Returns whether both legs are open in proportion. If not, `tend` closes the legs that are or become visible."""
        position_id, plan = self.plan(order, bar_minutes)
        self.plans[position_id] = plan
        self.save()
        share, is_open = 1.0, True
        for leg in plan["legs"]:
            lots = steps(leg["lots"] * share, self.mt5.symbol_info(leg["symbol"]), 0.5)
            done, leg["ticket"] = self.send(leg["symbol"], leg["buys"], lots, COMMENT + leg["name"] + position_id[8:]) if lots > 0 else (0.0, 0)
            is_open = done > 0 and (leg["name"] == "A" or abs(done / (leg["lots"] * share) - 1) <= self.options.max_hedge_error)
            plan["wanted"] = is_open
            self.save()
            if not is_open:
                break
            share = done / leg["lots"]
        return is_open

    def tend(self):
        """Closes positions that were closed by a signal, are too old, or have one leg only. Returns ids of positions that ended otherwise."""
        if not self.is_ready():
            return []
        ours = self.positions()
        now = self.clock()
        is_settled = now - self.last_order >= SETTLED_S
        if ours is None:
            return []
        ended = []
        for position_id, plan in list(self.plans.items()):
            legs = {leg for owner, leg, _ in ours if owner == position_id}
            if plan["wanted"] and (now >= plan["until"] or (is_settled and len(legs) < 2)):
                plan["wanted"] = False
                ended.append(position_id)
                self.save()
            if not plan["wanted"] and not legs and is_settled:
                del self.plans[position_id]
                self.save()
        for owner, _, position in ours:
            plan = self.plans.get(owner)
            if (plan is not None and plan["wanted"]) or now < self.next_try.get(position.ticket, 0):
                continue
            self.next_try[position.ticket] = now + RETRY_S
            self.send(position.symbol, position.type != self.mt5.POSITION_TYPE_BUY, position.volume, COMMENT + "c", position.ticket)
        return ended

    def close(self, position_id):
        if position_id in self.plans:
            self.plans[position_id]["wanted"] = False
            self.save()
        self.tend()


def steps(lots, info, up):
    """Whole steps of the broker, rounded down, or to the nearest with `up` 0.5."""
    return round(int(lots / info.volume_step + up + 1e-6) * info.volume_step, 8)


def bar_minutes_of(data):
    """Minutes of a bar of the signal's pair."""
    return follow.BAR_MINUTES[json.loads(data)["pair_id"].partition("@")[2]]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Program:
    """Signals in, orders out: `take` a text, `tend` in between."""

    def __init__(self, mt5, options, path, markets=("live",), clock=time.time):
        state = follow.load(path)
        self.path, self.options, self.clock = path, options, clock
        self.consumer = follow.Consumer(markets, state.get("consumer"), instruments=False)
        self.trader = Trader(mt5, options, state.get("plans", {}), self.save, clock)

    def save(self):
        follow.save(self.path, {"consumer": self.consumer.state, "plans": self.trader.plans})

    def take(self, data, pair_id=None):
        try:
            orders = self.consumer.take(data, self.clock() * 1000, pair_id)
        finally:
            self.save()
        for order in orders:
            print(*order, flush=True)
            if not self.options.trade:
                continue
            if order[0] == "CLOSE":
                self.trader.close(order[1])
            elif order[0] == "OPEN":
                try:
                    is_open = self.trader.open(order, bar_minutes_of(data))
                except NotTraded as reason:
                    say("not traded:", reason)
                    is_open = False
                if not is_open:
                    self.consumer.closed(order[1])
                    self.save()
        return orders

    def tend(self):
        for position_id in self.trader.tend() if self.options.trade else []:
            self.consumer.closed(position_id)
            self.save()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("signals", nargs="+", help="<home>/signals/<pair>/signal.json")
    parser.add_argument("--trade", action="store_true", help="send orders; only to demo accounts without --real")
    parser.add_argument("--real", action="store_true", help="send orders to a real account, too")
    parser.add_argument("--state", default="var/mt5_python.json", help="what was seen and planned; one file per process")
    parser.add_argument("--symbols", default="", help="broker's names: XAUUSD=GOLD,SPXUSD=US500")
    parser.add_argument("--suffix", default="", help="suffix of all other symbols, such as .m")
    parser.add_argument("--magic", type=int, default=740001)
    parser.add_argument("--risk", type=float, default=0.5, help="gross notional of both legs at full size, as a share of equity")
    parser.add_argument("--max-lots", type=float, default=1.0)
    parser.add_argument("--max-hedge-error", type=float, default=0.2)
    parser.add_argument("--slippage-bps", type=float, default=3.0)
    options = parser.parse_args()
    options.symbols = dict(entry.split("=", 1) for entry in options.symbols.split(",") if "=" in entry)
    return options


def main():
    import MetaTrader5 as mt5

    options = arguments()
    held = follow.lock(options.state)  # noqa: F841
    if not mt5.initialize():
        sys.exit("MetaTrader 5 does not answer: %s" % (mt5.last_error(),))
    program, last = Program(mt5, options, options.state), {}
    try:
        while True:
            for path in options.signals:
                try:
                    with open(path, "rb") as file:
                        data = file.read()
                except OSError:
                    continue  # not there yet, or just being replaced
                if data != last.get(path):
                    last[path] = data
                    try:
                        program.take(data, follow.pair_of(path))
                    except follow.Refused as refusal:
                        say("refused", refusal)
            program.tend()
            time.sleep(0.05)
    finally:
        mt5.shutdown()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
