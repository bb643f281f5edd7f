"""`neural_net`: a multi-layer perceptron over one row of features."""

import torch
from torch import nn

HIDDEN = (64, 32)


class NeuralNet(nn.Module):
    def __init__(self, features: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = features
        for units in HIDDEN:
            layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """:param x: standardized, [rows, features]; :returns: logits, [rows]"""
        return self.last(self.layers(x)).squeeze(1)
