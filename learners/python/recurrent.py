"""`lstm` and `gru`: recurrent networks over the rows of the last bars."""

import torch
from torch import nn

from shape import Shape, last_layer, logits

LSTM_HIDDEN = 32
GRU_UNITS = 32


def as_sequence(x: torch.Tensor) -> torch.Tensor:
    """:returns: [rows, bars, features]; a row alone is a sequence of one"""
    return x.unsqueeze(1) if x.dim() == 2 else x


class Lstm(nn.Module):
    """LSTM of `units`, dropout, LSTM of half of them, dropout, a dense layer of 32 with ReLU, one logit
    or one per class."""

    def __init__(self, shape: Shape, units: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.LSTM(shape.features, units, batch_first=True)
        self.second = nn.LSTM(units, units // 2, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(units // 2, LSTM_HIDDEN)
        self.last = last_layer(LSTM_HIDDEN, shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """:param x: standardized, [rows, bars, features] or [rows, features]; :returns: logits, [rows] or [rows, classes]"""
        states, _ = self.first(as_sequence(x))
        states, _ = self.second(self.dropout(states))
        newest = self.dropout(states[:, -1, :])
        return logits(self.last, torch.relu(self.hidden(newest)))


class Gru(nn.Module):
    """GRU of 32 units, dropout, one logit or one per class."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.states = nn.GRU(shape.features, GRU_UNITS, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.last = last_layer(GRU_UNITS, shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """:param x: standardized, [rows, bars, features] or [rows, features]; :returns: logits, [rows] or [rows, classes]"""
        states, _ = self.states(as_sequence(x))
        return logits(self.last, self.dropout(states[:, -1, :]))
