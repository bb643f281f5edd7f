"""`neural_net`: a multi-layer perceptron over one row of features."""

import torch
from torch import nn

from shape import Shape, last_layer, logits

HIDDEN = (64, 32)


class NeuralNet(nn.Module):
    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = shape.features
        for units in HIDDEN:
            layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers)
        self.last = last_layer(width, shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """:param x: standardized, [rows, features]; :returns: logits, [rows] or [rows, classes]"""
        return logits(self.last, self.layers(x))
