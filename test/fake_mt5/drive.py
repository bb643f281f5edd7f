"""Lives of examples/mt5_python.py on a fake terminal: reads {"vectors"} or {"scenario"} from standard input, writes what happened as JSON."""
import contextlib, io, json, os, sys, tempfile, types

sys.path[:0] = [sys.argv[1], os.path.dirname(os.path.abspath(__file__))]
import MetaTrader5 as mt5
import follow
import mt5_python

OPTIONS = dict(trade=True, real=False, symbols={}, suffix="", magic=740001, risk=0.5, max_lots=1.0, max_hedge_error=0.2, slippage_bps=3.0)


class Life:
    def __init__(self, markets=("live",), **options):
        mt5.broker = mt5.Broker()
        self.folder = tempfile.TemporaryDirectory(prefix="minutehand-mt5-")
        self.path = os.path.join(self.folder.name, "state.json")
        self.markets, self.options, self.now = tuple(markets), types.SimpleNamespace(**{**OPTIONS, **options}), 0.0
        self.start()

    def start(self):
        self.program = mt5_python.Program(mt5, self.options, self.path, self.markets, lambda: self.now)

    def take(self, text, now_ms=None, pair_id=None):
        self.now = self.now if now_ms is None else now_ms / 1000
        try:
            orders = [" ".join(order[:2]) for order in self.program.take(text.encode(), pair_id)]
        except follow.Refused as refusal:
            orders = ["refused %s" % refusal]
        self.program.tend()
        return orders

    def wait(self, seconds):
        for _ in range(int(seconds)):
            self.now += 1
            self.program.tend()

    def open(self):
        """[[symbol, BUY or SELL, lots, id of the position from its ninth digit]]"""
        return [[p.symbol, "BUY" if p.type == 0 else "SELL", p.volume, p.comment[3:]] for p in mt5.broker.open]

    def held(self):
        return sorted(memory["held"] for memory in self.program.consumer.state.values() if memory["held"])


def vector_life(vector):
    life, answers = Life(vector["markets"]), []
    for step in vector["steps"]:
        if "restart" in step:
            life.start()
        elif "closed" in step:
            life.program.consumer.closed(step["closed"])
            life.program.trader.close(step["closed"])
        else:
            answers.append([life.take(step["text"], step["now_ms"], step.get("from")), life.open(), life.held()])
    return answers


def scenario_life(scenario):
    life, seen = Life(**scenario.get("options", {})), []
    for step in scenario["steps"]:
        if "lost" in step:
            del mt5.broker.open[step["lost"]]
        elif "broker" in step:
            for name, value in step["broker"].items():
                old = getattr(mt5.broker, name)
                setattr(mt5.broker, name, old._replace(**value) if isinstance(value, dict) else value)
        elif "wait" in step:
            life.wait(step["wait"])
        elif "restart" in step:
            life.start()
        else:
            life.take(step["text"], step.get("now_ms"))
        seen.append({"open": life.open(), "held": life.held(), "requests": len(mt5.broker.requests), "plans": len(life.program.trader.plans)})
    return seen


task = json.load(sys.stdin)
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    result = [vector_life(one) for one in task["vectors"]] if "vectors" in task else [scenario_life(one) for one in task["scenarios"]]
print(json.dumps(result))
