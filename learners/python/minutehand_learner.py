"""The protocol of a learner program: `serve(name, fit, tasks)`. Needs pyarrow and numpy.

minutehand starts the program named by MINUTEHAND_LEARNER_PROGRAM and asks it for one model after the other, a JSON
object a line. docs/guides/extend/WRITE_A_LEARNER.md describes it.
"""

import json
import os
import queue
import sys
import threading
from dataclasses import dataclass, replace
from typing import Callable

import numpy as np
import pyarrow.parquet as pq

PROTOCOL = 2
BINARY = "binary"
MULTICLASS = "multiclass"


@dataclass(frozen=True)
class Rows:
    """What a model may learn from."""

    x: np.ndarray
    """float32 [rows, features]; NaN = missing."""
    label: np.ndarray
    """float64 [rows], in [0, 1]; a fraction for the role ai3; of several classes the number of the row's class."""
    weight: np.ndarray
    """float64 [rows], above 0."""
    time: np.ndarray
    """int64 [rows], epoch seconds at which the features were known."""
    label_end: np.ndarray
    """int64 [rows], epoch seconds at which the label was known."""
    sequence: "Sequence | None" = None
    """The rows before each row, for a model that gets a sequence of them; None: it gets each row alone."""


@dataclass(frozen=True)
class Sequence:
    bars: int
    """Rows that a model gets together: the row itself is the last of them."""
    table: np.ndarray
    """float32 [rows of the table, features]; NaN = missing. The rows of a sequence follow each other here."""
    last: np.ndarray
    """int64 [rows], the row of the table that each row is."""

    def of(self, rows: slice) -> np.ndarray:
        """:returns: float32 [rows, bars, features], the oldest row first"""
        return self.table[self.last[rows, None] + np.arange(1 - self.bars, 1)]


@dataclass(frozen=True)
class Request:
    features: list[str]
    """Names of the columns of x, in the order of the model's input."""
    seed: int
    iterations: int | None
    """Steps to take; None: as many as help on the stopping rows, or on rows of your own choice."""
    parameters: dict[str, float]
    """train.ai1, train.ai2 or train.ai3 of the configuration."""
    stopping: Rows | None
    """Rows to choose the number of steps on, which the model must not learn from."""
    classes: int | None = None
    """Of the task multiclass: their number; a class may have no row. The last one means that none of the others
    occurred (of a direction: up, down, range). None: one probability."""


@dataclass(frozen=True)
class Model:
    onnx: bytes
    """One input, float [N, features] or [N, bars, features];
    one output with the probability, float [N], [N, 1] or [N, 2], or with that of each class, float [N, classes]."""
    probability: Callable[[np.ndarray], np.ndarray]
    """Of rows of x, or of sequences [rows, bars, features]: [rows], or [rows, classes].
    minutehand compares it with the ONNX model in onnxruntime (1e-5)."""
    iterations: int | None = None
    epochs: list[dict] | None = None
    """Seen after each epoch, for the manifest of the bundle: loss, stopping_loss, and positive_share, or of several
    classes class_shares, a list of the share of each."""


def serve(
    name: str, fit: Callable[[Rows, Request, Callable[[float], None]], Model], tasks: tuple[str, ...] = (BINARY,)
) -> None:
    """Answers requests until standard input ends. What is printed elsewhere in the program goes to standard error.

    :param tasks: what `fit` learns, of BINARY and MULTICLASS
    """
    out = sys.stdout
    sys.stdout = sys.stderr

    def say(message: dict) -> None:
        print(json.dumps(message), file=out, flush=True)

    say({"minutehand_learner": PROTOCOL, "name": name, "tasks": list(tasks)})
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    while True:
        request = json.loads(requests.get())
        number = request["id"]
        try:
            rows, stopping = _read(request)
            asked = Request(
                features=request["features"],
                seed=request["seed"],
                iterations=request["iterations"],
                parameters=request["parameters"],
                stopping=stopping,
                classes=request.get("classes"),
            )
            model = fit(rows, asked, lambda share, epoch=None: say(_progress(number, share, epoch)))
            with open(request["model"], "wb") as file:
                file.write(model.onnx)
            first = slice(0, request["check_rows"])
            checked = model.probability(rows.x[first] if rows.sequence is None else rows.sequence.of(first))
            say(
                {
                    "id": number,
                    "done": True,
                    "iterations": model.iterations,
                    **({} if model.epochs is None else {_epochs_of(asked): model.epochs}),
                    "probabilities": [float(p) for p in np.ravel(checked)],
                }
            )
        except Exception as error:
            say({"id": number, "error": f"{type(error).__name__}: {error}"})


def _progress(number: int, share: float, epoch: dict | None) -> dict:
    """:param epoch: what was seen after it: positive_share or class_shares"""
    seen = {name: value for name, value in (epoch or {}).items() if name in ("positive_share", "class_shares")}
    return {"id": number, "progress": min(max(share, 0.0), 1.0), **({"epoch": seen} if seen else {})}


def _epochs_of(request: Request) -> str:
    return "epochs" if request.classes is None else "class_epochs"


def _listen(requests: "queue.SimpleQueue[str]") -> None:
    """Ends this process when minutehand is gone, also in the middle of a fit."""
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _read(request: dict) -> tuple[Rows, Rows | None]:
    features = request["features"]
    table = pq.read_table(request["rows"])
    columns = {name: table[name].to_numpy() for name in table.column_names}
    sequence = None
    if request.get("sequence") is not None:
        bars = np.fromfile(request["sequence"]["table"], dtype="<f4").reshape(-1, len(features))
        sequence = Sequence(request["sequence"]["bars"], bars, columns["last"].astype(np.int64))
    whole = Rows(
        x=np.column_stack([columns[name] for name in features]).astype(np.float32),
        label=columns["label"],
        weight=columns["weight"],
        time=columns["time"],
        label_end=columns["label_end"],
        sequence=sequence,
    )
    held = columns["stopping"] == 1
    return _some(whole, ~held), _some(whole, held) if held.any() else None


def _some(rows: Rows, which: np.ndarray) -> Rows:
    return Rows(
        x=rows.x[which],
        label=rows.label[which],
        weight=rows.weight[which],
        time=rows.time[which],
        label_end=rows.label_end[which],
        sequence=None if rows.sequence is None else replace(rows.sequence, last=rows.sequence.last[which]),
    )
