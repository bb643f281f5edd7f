"""A hedging account behind the documented functions of the MetaTrader5 package (https://www.mql5.com/en/docs/python_metatrader5)."""
from collections import namedtuple

TRADE_ACTION_DEAL, ORDER_TYPE_BUY, ORDER_TYPE_SELL, ORDER_TIME_GTC = 1, 0, 1, 0
ORDER_FILLING_FOK, ORDER_FILLING_IOC, ORDER_FILLING_RETURN = 0, 1, 2
POSITION_TYPE_BUY, POSITION_TYPE_SELL = 0, 1
TRADE_RETCODE_REJECT, TRADE_RETCODE_DONE, TRADE_RETCODE_DONE_PARTIAL = 10006, 10009, 10010
ACCOUNT_MARGIN_MODE_RETAIL_HEDGING, ACCOUNT_TRADE_MODE_DEMO, ACCOUNT_TRADE_MODE_REAL, SYMBOL_TRADE_MODE_FULL = 2, 0, 2, 4

Terminal = namedtuple("TerminalInfo", "connected trade_allowed")
Account = namedtuple("AccountInfo", "login trade_mode margin_mode trade_allowed equity")
Symbol = namedtuple(
    "SymbolInfo",
    "name point filling_mode trade_mode trade_tick_size trade_tick_value volume_min volume_max volume_step",
)
Tick = namedtuple("Tick", "bid ask")
Position = namedtuple("TradePosition", "ticket type magic volume symbol comment")
Result = namedtuple("OrderSendResult", "retcode deal order volume price")
NEEDED = {"action", "symbol", "volume", "type", "price", "deviation", "magic", "comment", "type_time", "type_filling"}


class Broker:
    """What a test steers."""

    def __init__(self):
        self.terminal = Terminal(True, True)
        self.account = Account(77, ACCOUNT_TRADE_MODE_DEMO, ACCOUNT_MARGIN_MODE_RETAIL_HEDGING, True, 100000.0)
        self.open, self.requests, self.answers, self.ticket = [], [], [], 1000
        self.is_silent = self.drops_comments = False


broker = Broker()


def initialize():
    return True


def shutdown():
    pass


def last_error():
    return (1, "Success")


def terminal_info():
    return broker.terminal


def account_info():
    return broker.account


def symbol_select(symbol, enable):
    return not symbol.startswith("NO")


def symbol_info(symbol):
    return Symbol(symbol, 0.00001, 1, SYMBOL_TRADE_MODE_FULL, 0.00001, 1.0, 0.01, 100.0, 0.01)


def symbol_info_tick(symbol):
    return Tick(1.0, 1.0001)


def positions_get():
    return None if broker.is_silent else tuple(broker.open)


def order_send(request):
    """The next of `broker.answers` decides: done, reject, partial (half), lost (executed without an answer), none."""
    unknown = set(request) - NEEDED - {"position"}
    if unknown or NEEDED - set(request) or len(request["comment"]) > 31 or request["volume"] <= 0:
        raise ValueError("no valid request: %s" % request)
    broker.requests.append(request)
    answer = broker.answers.pop(0) if broker.answers else "done"
    if answer in ("reject", "none"):
        return None if answer == "none" else Result(TRADE_RETCODE_REJECT, 0, 0, 0.0, 0.0)
    volume = round(request["volume"] / 2, 2) if answer == "partial" else request["volume"]
    broker.ticket += 1
    if request.get("position"):
        if not execute_close(request, volume):
            return Result(TRADE_RETCODE_REJECT, 0, 0, 0.0, 0.0)
    else:
        comment = "" if broker.drops_comments else request["comment"]
        broker.open.append(Position(broker.ticket, request["type"], request["magic"], volume, request["symbol"], comment))
    if answer == "lost":
        return None
    code = TRADE_RETCODE_DONE_PARTIAL if answer == "partial" else TRADE_RETCODE_DONE
    return Result(code, broker.ticket + 500000, broker.ticket, volume, request["price"])


def execute_close(request, volume):
    for index, position in enumerate(broker.open):
        if position.ticket != request["position"]:
            continue
        if position.type == request["type"] or volume > position.volume + 1e-9:
            return False
        rest = round(position.volume - volume, 8)
        broker.open[index : index + 1] = [position._replace(volume=rest)] if rest > 0 else []
        return True
    return False
