#!/usr/bin/env python3
"""Follows the signal file of one pair and prints what to do: OPEN, CLOSE, HALT, SKIP (an entry without a size).
Python 3.8 or newer, standard library only.

    python3 examples/follow.py var/signals/NZDUSD_USDCAD/signal.json --paper

Checks and rules are those of docs/reference/PROTOCOL.md. An order is printed after the state that prevents a second one is on disk. What the
program does not do: place orders, close a position after max_age_bars, or apply a stop of your own.
"""
import argparse, json, math, os, re, sys, time, zlib

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

MAX_CLOCK_SKEW_MS = 2000
OPENED_KEPT = 1000
GREATEST_BETA = 1000  # that a policy of the daemon allows


def text(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def number(low=-math.inf, high=math.inf):
    return lambda value: type(value) in (int, float) and math.isfinite(value) and low <= value <= high


def whole(low, high=math.inf):
    return lambda value: type(value) is int and low <= value <= high


SHARE, PRICE, ANY = number(0, 1), number(5e-324), text(r"(?s:.*)")
FIELDS = {  # in the order of the line
    "timestamp": text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z"), "pair": text(".+"), "z_score": number(), "return_prob": SHARE,
    "risk_score": SHARE, "entry": ANY, "confidence": SHARE, "risk_flag": whole(0, 1), "theta1": SHARE, "theta2": SHARE,
    "position_scale": SHARE, "action": text("ENTER|EXIT|HOLD"), "reason": text("[A-Z_]+"), "target": whole(-1, 1),
    "position_id": text("([0-9a-f]{32})?"), "max_age_bars": whole(1), "beta": number(), "price_a": PRICE, "price_b": PRICE,
    "pair_id": text(r"[A-Z0-9.]+_[A-Z0-9.]+(@(5m|15m|1h|4h|1d))?"), "signal_id": text("[0-9a-f]{32}"), "model_version": ANY,
    "feature_schema": text("[0-9a-f]{16}"), "policy_hash": text("[0-9a-f]{16}"), "mode": text("OK|WARMUP|DEGRADED|HALT"),
    "expected_net_bps": lambda value: value is None or number()(value), "leverage_reduction_rate": number(5e-324, 1),
    "novelty": SHARE,  # only of a candidate, where the bundle describes the rows that it learned from
    "arm": text("champion|challenger"), "rollout": text(".+"),  # both or neither: of a rollout
    "fence": whole(1),  # only with a lease
    "schema": ANY, "market": text("live|simulated|replay"), "boot_id": text(".+"), "seq": whole(1),
    "generated_at_ms": whole(1), "valid_until_ms": whole(1), "crc32": text("[0-9a-f]{8}"),
}  # fmt: skip
NONE = lambda value: value is None  # noqa: E731
INSTRUMENT_ID = r"[A-Z0-9.]+(@(5m|15m|1h|4h|1d))?"
INSTRUMENT_FIELDS = {  # of the signal of an instrument: the first eleven, the envelope and most others are those of a pair
    **{name: FIELDS[name] for name in list(FIELDS)[:11]}, "ml_up_prob": SHARE, "ml_down_prob": SHARE, "ml_range_prob": SHARE,
    **{name: FIELDS[name] for name in ("action", "reason", "target", "position_id", "max_age_bars")},
    "stop": PRICE, "take_profit": PRICE, "price": PRICE,
    **{name: FIELDS[name] for name in ("pair_id", "signal_id", "model_version", "feature_schema", "policy_hash", "mode")},
    **{name: FIELDS[name] for name in ["novelty", "fence"] + list(FIELDS)[-7:]},
    **{name: NONE for name in ("z_score", "return_prob", "risk_score", "risk_flag", "theta1", "theta2")}, "pair_id": text(INSTRUMENT_ID),
}  # fmt: skip
SCHEMAS = {"minutehand.signal/2": FIELDS, "minutehand.instrument/1": INSTRUMENT_FIELDS}
OPTIONAL = {"novelty": "novelty", "arm": "rollout", "rollout": "rollout", "fence": "fence"}  # present when that field is
BAR_MINUTES = {"": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}  # by what follows the @ of a pair_id
NULLABLE = {"z_score", "return_prob", "risk_score", "confidence", "risk_flag", "theta1", "theta2", "position_scale", "beta",
            "price_a", "price_b"}  # fmt: skip
INSTRUMENT_NULLABLE = {"confidence", "position_scale", "ml_up_prob", "ml_down_prob", "ml_range_prob", "max_age_bars", "stop", "take_profit",
                       "price"}  # fmt: skip
SCORES = {"return_prob", "risk_score", "confidence", "risk_flag", "theta1", "theta2"}  # of the models of a pair
RULE_NULLABLE = INSTRUMENT_NULLABLE - {"position_scale", "max_age_bars", "price"}  # also of a bar that it decided


class Refused(Exception):
    """The signal is refused. The text is one of TORN, SCHEMA, FORMAT, MARKET, LOWER_FENCE, OLDER_BOOT … of PROTOCOL.md."""


def absent(s):
    """What a decided bar may lack: a rule needs no model, and its positions of instruments may have no stop or target."""
    is_of_rule = s["model_version"].startswith("rule/")
    if s["schema"] != "minutehand.instrument/1":
        return SCORES if is_of_rule else set()
    if is_of_rule:
        return RULE_NULLABLE
    return {"stop", "take_profit"} if s["position_id"] != "" and s["action"] != "ENTER" else set()


def is_consistent(s):
    fields, is_instrument = SCHEMAS[s["schema"]], s["schema"] == "minutehand.instrument/1"
    nullable = INSTRUMENT_NULLABLE if is_instrument else NULLABLE
    names = [name for name in fields if name not in OPTIONAL or OPTIONAL[name] in s]
    if list(s) != names:
        return False
    may_be_null = s["mode"] in ("WARMUP", "HALT") or s["reason"] in ("LEG_MISSING", "LEG_EMPTY", "BAR_SUSPECT")
    for name in names:
        if not (fields[name](s[name]) or (s[name] is None and name in nullable and (may_be_null or name in absent(s)))):
            return False
    probabilities = [s[name] for name in ("ml_up_prob", "ml_down_prob", "ml_range_prob")] if is_instrument else []
    if is_instrument and probabilities != [None] * 3 and (None in probabilities or abs(sum(probabilities) - 1) > 1e-6):
        return False
    if s["reason"] == "SILENCE" and (s["action"] != "HOLD" or s["mode"] == "OK"):
        return False
    if s["reason"] == "SHUTDOWN" and (s["action"] != "HOLD" or s["mode"] != "HALT"):
        return False
    if s["action"] == "EXIT":
        return s["target"] == 0 and s["entry"] == ""
    if (s["target"] == 0) != (s["position_id"] == ""):
        return False
    if s["action"] != "ENTER":
        return s["entry"] == ""
    if s["target"] == 0 or s["position_id"] != s["signal_id"] or s["mode"] not in ("OK", "DEGRADED"):
        return False
    word = {1: "BUY", -1: "SELL"}
    if is_instrument:
        return s["entry"] == "%s_%s" % (word[s["target"]], s["pair_id"].split("@")[0])
    a, b = s["pair_id"].split("@")[0].split("_")
    side_b = s["target"] if s["beta"] < 0 else -s["target"]
    return s["entry"] == "%s_%s, %s_%s" % (word[s["target"]], a, word[side_b], b)


def read_signal(data, instruments=True):
    """Checks 1 to 3. `data` has the received bytes: parsing and writing them again may change digits."""
    line = data.strip()
    covered, mark, rest = line.rpartition(b',"crc32":"')
    if not line.startswith(b"{") or not mark or rest != b'%08x"}' % zlib.crc32(covered):
        raise Refused("TORN")
    try:
        signal = json.loads(line)
    except ValueError:
        raise Refused("SCHEMA") from None
    if signal.get("schema") not in SCHEMAS or not (instruments or signal["schema"] == "minutehand.signal/2"):
        raise Refused("SCHEMA")
    if not is_consistent(signal):
        raise Refused("FORMAT")
    return signal


class Consumer:
    """Text and time in, orders out. `state` is plain data, to be stored before an order is executed."""

    def __init__(self, markets, state=None, instruments=True):
        self.markets, self.instruments = markets, instruments
        self.state = state or {}

    def take(self, data, now_ms, pair_id=None):
        """Returns the orders, each a list of words. `pair_id` is that of the folder of the file; None = any. Raises Refused."""
        s = read_signal(data, self.instruments)
        if s["market"] not in self.markets:
            raise Refused("MARKET")
        if pair_id not in (None, s["pair_id"]):
            raise Refused("PAIR")
        fresh = {"boot_id": "", "seq": 0, "held": "", "opened": []}
        memory = self.state.setdefault("%s/%s" % (s["market"], s["pair_id"]), fresh)
        fence, highest = s.get("fence", 0), memory.get("fence", 0)
        if fence < highest:
            raise Refused("LOWER_FENCE")
        if fence == highest and s["boot_id"] < memory["boot_id"]:
            raise Refused("OLDER_BOOT")
        if fence == highest and s["boot_id"] == memory["boot_id"] and s["seq"] <= memory["seq"]:
            raise Refused("REPEATED" if s["seq"] == memory["seq"] else "OUT_OF_ORDER")
        memory["boot_id"], memory["seq"], memory["fence"] = s["boot_id"], s["seq"], fence  # also when it has expired
        if fence and s["timestamp"] < memory.get("timestamp", ""):
            raise Refused("OLDER_BAR")
        if fence:
            memory["timestamp"] = s["timestamp"]
        if s["valid_until_ms"] < now_ms:
            raise Refused("STALE")
        if s["generated_at_ms"] > now_ms + MAX_CLOCK_SKEW_MS:
            raise Refused("FUTURE")
        orders = []
        if memory["held"] and (s["target"] == 0 or s["position_id"] != memory["held"]):
            orders.append(["CLOSE", memory["held"], s["reason"]])
            memory["held"] = ""
        if s["action"] == "ENTER" and s["mode"] in ("OK", "DEGRADED") and s["position_id"] not in memory["opened"]:
            memory["opened"] = (memory["opened"] + [s["position_id"]])[-OPENED_KEPT:]
            legs = s["entry"].split(", ")  # side_symbol, weight: one leg of an instrument, two of a pair
            legs = [legs[0], "1"] + ([legs[1], repr(abs(s["beta"]))] if len(legs) == 2 else [])
            if len(legs) == 4 and not 0 < abs(s["beta"]) <= GREATEST_BETA:  # leg B has no size that a daemon would want
                orders.append(["SKIP", s["position_id"], "SIZE_BETA"])
            else:
                memory["held"] = s["position_id"]
                orders.append(["OPEN", s["position_id"], *legs, "scale", repr(s["position_scale"]), "max_age_bars", str(s["max_age_bars"])])
        if s["mode"] == "HALT":
            orders.append(["HALT", s["pair_id"], s["reason"]])  # no entries; cancel those that wait
        return orders

    def closed(self, position_id):
        """A position was closed without a CLOSE: own stop, maximum age, by hand."""
        for memory in self.state.values():
            if memory["held"] == position_id:
                memory["held"] = ""


def pair_of(path):
    """Pair of the folder that a signal.json is in."""
    return os.path.basename(os.path.dirname(os.path.abspath(path)))


def lock(path):
    """Two processes with one state would open each position twice. Returns a file that keeps the lock until the process ends."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    file = open(path + ".lock", "a+b")
    try:
        if "fcntl" in globals():
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError:
        sys.exit("another process uses %s: end it, or give this one a file of its own with --state" % path)
    return file


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def save(path, state):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


READ = "is read; waits for the first order"


def note(path, words):
    """On standard error: standard output has orders alone."""
    print("follow.py: %s %s" % (path, words), file=sys.stderr, flush=True)
    return words


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("signal", help="<home>/signals/<pair>/signal.json")
    arguments.add_argument("--paper", action="store_true", help="accept the simulated market and replays, too")
    arguments.add_argument("--state", default="var/follow_py.json", help="what has been seen, held and opened; one file per process")
    options = arguments.parse_args()
    markets = ("live", "simulated", "replay") if options.paper else ("live",)
    held = lock(options.state)  # noqa: F841
    consumer = Consumer(markets, load(options.state))
    last = b""
    said = ""
    while True:
        time.sleep(0.05)
        try:
            with open(options.signal, "rb") as file:
                data = file.read()
        except OSError:  # not there yet; on Windows also while it is being replaced
            if not said:
                said = note(options.signal, "is not there yet; waits for it")
            continue
        if said != READ:
            said = note(options.signal, READ)
        if data == last:
            continue
        last = data
        try:
            orders = consumer.take(data, time.time() * 1000, pair_of(options.signal))
        except Refused as refusal:
            orders = []
            print("refused", refusal, file=sys.stderr, flush=True)
        save(options.state, consumer.state)
        for order in orders:
            print(*order, flush=True)  # a real program places its order here


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
