"""Training of a network: mini-batches, focal loss, early stopping, and what was seen after each epoch."""

import copy
import io
from dataclasses import dataclass
from typing import Callable

import numpy as np
import torch
from torch import nn

from focal_loss import FocalLoss
from minutehand_learner import Model, Request, Rows
from scaling import Scaling, scaling_of

OPSET = 17
"""Rows scored at once, so that memory does not grow with them."""
SCORED_AT_ONCE = 65_536
"""A watched share does not need more rows than these."""
WATCHED_ROWS = 20_000


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
    """Alpha of the focal loss: the weight of a label of 1; that of 0 is 1 minus it."""
    focal_gamma: float


class Served(nn.Module):
    """What the ONNX file holds: features as they are in, probability out."""

    def __init__(self, scaling: Scaling, network: nn.Module, loss: FocalLoss) -> None:
        super().__init__()
        self.scaling = scaling
        self.network = network
        self.loss = loss

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.loss.probability(self.network(self.scaling(x))).unsqueeze(1)


Build = Callable[[int, NetworkSettings], nn.Module]
"""Makes a network for so many features, whose last layer is called `last`."""


def fit_network(build: Build, rows: Rows, request: Request, progress: Callable[[float], None]) -> Model:
    """The same request gives the same model: one thread, fixed seeds, deterministic operators."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(request.seed)
    settings = NetworkSettings(**request.parameters)
    loss = FocalLoss(settings.focal_gamma, settings.class_weight_ratio)
    network = build(rows.x.shape[-1], settings)
    weight = rows.weight / rows.weight.mean()
    with torch.no_grad():
        network.last.bias.fill_(loss.logit_of(float(np.average(rows.label, weights=rows.weight))))
    served = Served(scaling_of(rows.x), network, loss)

    x = _scaled(served.scaling, rows.x)
    label = torch.from_numpy(rows.label.astype(np.float32))
    weights = torch.from_numpy(weight.astype(np.float32))
    held = None if request.stopping is None else _Held(served, request.stopping)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    order = torch.Generator().manual_seed(request.seed)

    epochs = settings.epochs if request.iterations is None else request.iterations
    seen: list[dict[str, float | None]] = []
    best = (float("inf"), 0, copy.deepcopy(network.state_dict()))
    for epoch in range(1, epochs + 1):
        network.train()
        total = 0.0
        for batch in torch.randperm(len(label), generator=order).split(settings.batch_size):
            optimizer.zero_grad()
            mean = (loss.of(network(x[batch]), label[batch]) * weights[batch]).mean()
            mean.backward()
            optimizer.step()
            total += float(mean.detach()) * len(batch)
        network.eval()
        stopping_loss = None if held is None else held.loss()
        watched = x[:WATCHED_ROWS] if held is None else held.x
        seen.append(
            {
                "loss": total / len(label),
                "stopping_loss": stopping_loss,
                "positive_share": float((_probabilities(served, watched) > 0.5).mean()),
            }
        )
        progress(epoch / epochs)
        if stopping_loss is None:
            best = (total, epoch, network.state_dict())
            continue
        if stopping_loss < best[0]:
            best = (stopping_loss, epoch, copy.deepcopy(network.state_dict()))
        elif epoch - best[1] >= settings.patience:
            break

    _, kept, state = best
    network.load_state_dict(state)
    served.eval()
    return Model(
        onnx=_exported(served, rows.x[:2]),
        probability=lambda of: _probabilities(served, _scaled(served.scaling, of)),
        iterations=max(kept, 1),
        epochs=seen,
    )


class _Held:
    """Rows on which the number of epochs is chosen."""

    def __init__(self, served: Served, rows: Rows) -> None:
        self.served = served
        self.x = _scaled(served.scaling, rows.x)
        self.label = torch.from_numpy(rows.label.astype(np.float32))
        self.weight = torch.from_numpy((rows.weight / rows.weight.sum()).astype(np.float32))

    def loss(self) -> float:
        total = 0.0
        with torch.no_grad():
            parts = zip(*(of.split(SCORED_AT_ONCE) for of in (self.x, self.label, self.weight)))
            for x, label, weight in parts:
                total += float((self.served.loss.of(self.served.network(x), label) * weight).sum())
        return total


def _scaled(scaling: Scaling, x: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return scaling(torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)))


def _probabilities(served: Served, scaled: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        parts = [served.loss.probability(served.network(part)) for part in scaled.split(SCORED_AT_ONCE)]
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
