"""What a network gets for one row, and what it answers."""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Shape:
    bars: int
    """Rows of a sequence; 1: the row alone, without a dimension for it."""
    features: int
    classes: int | None = None
    """Logits of each row, one per class; None: one logit."""


def last_layer(inputs: int, shape: Shape) -> nn.Linear:
    """:returns: a dense layer whose outputs are logits: `logits`"""
    return nn.Linear(inputs, shape.classes or 1)


def logits(last: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """:param x: [rows, inputs]; :returns: [rows] of one logit, [rows, classes] of several"""
    made = last(x)
    return made.squeeze(1) if last.out_features == 1 else made
