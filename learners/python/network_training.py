"""Training of a network: mini-batches, focal loss, early stopping, and what was seen after each epoch."""

import copy
import io
from dataclasses import dataclass
from typing import Callable, Iterator

import numpy as np
import torch
from torch import nn

from class_focal_loss import ClassFocalLoss
from focal_loss import FocalLoss
from minutehand_learner import Model, Request, Rows
from scaling import Scaling, scaling_of
from shape import Shape

OPSET = 17
SCORED_AT_ONCE = 65_536
"""Rows of features that are scored at once, so that memory does not grow with them."""
WATCHED_ROWS = 20_000
"""A watched share does not need more rows than these."""


@dataclass(frozen=True)
class NetworkSettings:
    """The parameters of a request: `train.networks` of the configuration, with all its defaults."""

    learning_rate: float
    dropout: float
    batch_size: int
    epochs: int
    patience: int
    """Epochs without a better loss on the stopping rows after which training ends."""
    class_weight_ratio: float
    """Alpha of the focal loss: the weight of a label of 1; that of 0 is 1 minus it. Of several classes the weight of
    each but the last."""
    focal_gamma: float
    lstm_units: int = 128
    """Of the first layer of `lstm`; other networks have none."""


class Inputs:
    """Standardized inputs of a network by the number of the row, so that no sequence is in memory twice."""

    def __init__(self, scaling: Scaling, rows: Rows, device: str) -> None:
        sequence = rows.sequence
        self.bars = 1 if sequence is None else sequence.bars
        self.table = _scaled(scaling, rows.x if sequence is None else sequence.table).to(device)
        self.last = torch.arange(len(rows.x)) if sequence is None else torch.from_numpy(sequence.last)
        self.offsets = torch.arange(1 - self.bars, 1)

    def __len__(self) -> int:
        return len(self.last)

    def of(self, rows: torch.Tensor) -> torch.Tensor:
        """:param rows: int64 [n]; :returns: float32 [n, features] or [n, bars, features]"""
        last = self.last[rows].to(self.table.device)
        return self.table[last] if self.bars == 1 else self.table[last[:, None] + self.offsets.to(last.device)]

    def parts(self, count: int | None = None) -> Iterator[torch.Tensor]:
        """Numbers of the first rows in order, as many at a time as memory should hold."""
        rows = torch.arange(len(self) if count is None else min(count, len(self)))
        return iter(rows.split(max(1, SCORED_AT_ONCE // self.bars)))


Loss = FocalLoss | ClassFocalLoss


class Served(nn.Module):
    """What the ONNX file holds: features as they are in, probability out, or that of each class."""

    def __init__(self, scaling: Scaling, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.scaling = scaling
        self.network = network
        self.loss = loss

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answers = self.loss.probability(self.network(self.scaling(x)))
        return answers.unsqueeze(1) if isinstance(self.loss, FocalLoss) else answers


Build = Callable[[Shape, NetworkSettings], nn.Module]
"""Makes a network for inputs of this shape, whose last layer is called `last`."""


def fit_network(
    build: Build, rows: Rows, request: Request, progress: Callable[..., None], device: str = "cpu"
) -> Model:
    """The same request gives the same model: one thread, fixed seeds, deterministic operators.

    :param device: `cpu` or `cuda`; the network starts from the same numbers on both, and is exported from the processor
    :raises RuntimeError: without a GPU that torch can use
    """
    if device != "cpu" and not torch.cuda.is_available():
        raise RuntimeError(f"train.device is gpu, and torch {torch.__version__} finds no GPU that it can use")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(request.seed)
    settings = NetworkSettings(**request.parameters)
    loss = _loss_of(request, settings)
    sequence = rows.sequence
    shape = Shape(1 if sequence is None else sequence.bars, rows.x.shape[1], request.classes)
    network = build(shape, settings)
    weight = rows.weight / rows.weight.mean()
    with torch.no_grad():
        network.last.bias.copy_(loss.start(rows.label, rows.weight))
    served = Served(scaling_of(_learned_from(rows)), network, loss)

    inputs = Inputs(served.scaling, rows, device)
    label = loss.labels(rows.label).to(device)
    weights = torch.from_numpy(weight.astype(np.float32)).to(device)
    held = None if request.stopping is None else _Held(served, request.stopping, device)
    network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    order = torch.Generator().manual_seed(request.seed)

    epochs = settings.epochs if request.iterations is None else request.iterations
    seen: list[dict] = []
    best = (float("inf"), 0, copy.deepcopy(network.state_dict()))
    for epoch in range(1, epochs + 1):
        network.train()
        total = 0.0
        for batch in torch.randperm(len(label), generator=order).split(settings.batch_size):
            optimizer.zero_grad()
            at = batch.to(device)
            mean = (loss.of(network(inputs.of(batch)), label[at]) * weights[at]).mean()
            mean.backward()
            optimizer.step()
            total += float(mean.detach()) * len(batch)
        network.eval()
        stopping_loss = None if held is None else held.loss()
        seen_now = _answers(served, inputs, WATCHED_ROWS) if held is None else _answers(served, held.inputs)
        seen.append(
            {
                "loss": total / len(label),
                "stopping_loss": stopping_loss,
                **_watched(seen_now),
            }
        )
        progress(epoch / epochs, seen[-1])
        if stopping_loss is None:
            best = (total, epoch, network.state_dict())
            continue
        if stopping_loss < best[0]:
            best = (stopping_loss, epoch, copy.deepcopy(network.state_dict()))
        elif epoch - best[1] >= settings.patience:
            break

    _, kept, state = best
    network.load_state_dict(state)
    served.to("cpu")
    served.eval()
    return Model(
        onnx=_exported(served, rows.x[:2] if sequence is None else sequence.of(slice(0, 2))),
        probability=lambda of: _probabilities(served, _scaled(served.scaling, of)),
        iterations=max(kept, 1),
        epochs=seen,
    )


def _loss_of(request: Request, settings: NetworkSettings) -> Loss:
    if request.classes is None:
        return FocalLoss(settings.focal_gamma, settings.class_weight_ratio)
    return ClassFocalLoss(request.classes, settings.focal_gamma, settings.class_weight_ratio)


def _watched(answers: np.ndarray) -> dict:
    """What a network says of the watched rows: its share of positive answers, or that of each class. A direction whose
    share of up is far from that of down is a bias, or a market that went one way.
    """
    if answers.ndim == 1:
        return {"positive_share": float((answers > 0.5).mean())}
    counts = np.bincount(answers.argmax(axis=1), minlength=answers.shape[1])
    return {"class_shares": [float(count) / len(answers) for count in counts]}


class _Held:
    """Rows on which the number of epochs is chosen."""

    def __init__(self, served: Served, rows: Rows, device: str) -> None:
        self.served = served
        self.inputs = Inputs(served.scaling, rows, device)
        self.label = served.loss.labels(rows.label).to(device)
        self.weight = torch.from_numpy((rows.weight / rows.weight.sum()).astype(np.float32)).to(device)

    def loss(self) -> float:
        total = 0.0
        with torch.no_grad():
            for rows in self.inputs.parts():
                logits = self.served.network(self.inputs.of(rows))
                at = rows.to(logits.device)
                total += float((self.served.loss.of(logits, self.label[at]) * self.weight[at]).sum())
        return total


def _learned_from(rows: Rows) -> np.ndarray:
    """:returns: [n, features], each row of features that is in an input of a row once"""
    if rows.sequence is None:
        return rows.x
    bars, table, last = rows.sequence.bars, rows.sequence.table, rows.sequence.last
    used = np.zeros(len(table), dtype=bool)
    for back in range(bars):
        used[last - back] = True
    return table[used]


def _answers(served: Served, inputs: Inputs, count: int | None = None) -> np.ndarray:
    """:returns: probabilities of the first rows, or of all: [rows] or [rows, classes]"""
    with torch.no_grad():
        parts = [served.loss.probability(served.network(inputs.of(rows))) for rows in inputs.parts(count)]
        return torch.cat(parts).cpu().numpy()


def _scaled(scaling: Scaling, x: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return scaling(torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)))


def _probabilities(served: Served, scaled: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        at_once = SCORED_AT_ONCE // (scaled.shape[1] if scaled.dim() == 3 else 1)
        parts = [served.loss.probability(served.network(part)) for part in scaled.split(at_once)]
        return torch.cat(parts).numpy()


def _exported(served: Served, example: np.ndarray) -> bytes:
    file = io.BytesIO()
    torch.onnx.export(
        served,
        (torch.from_numpy(np.ascontiguousarray(example, dtype=np.float32)),),
        file,
        input_names=["X"],
        output_names=["probability"],
        dynamic_axes={"X": {0: "N"}, "probability": {0: "N"}},
        opset_version=OPSET,
        # The other exporter writes graphs that depend on its version's optimizer, and is slower by a factor of ten.
        dynamo=False,
    )
    return file.getvalue()
