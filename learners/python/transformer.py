"""`transformer`: multi-head attention over the rows of the last bars
(Vaswani et al. 2017, "Attention Is All You Need").

Two encoder layers that normalize before each part, a learned embedding of the place of each bar, and the mean over the
bars. Attention is written out: the fused operator of PyTorch has no ONNX counterpart at this opset.
"""

import math

import torch
from torch import nn

from recurrent import as_sequence
from shape import Shape, last_layer, logits

WIDTH = 32
HEADS = 4
LAYERS = 2
INNER = 64


class Attention(nn.Module):
    """Each bar attends to all bars, with HEADS independent weightings."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.join = nn.Linear(WIDTH, WIDTH)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """:param x: [rows, bars, WIDTH]; :returns: the same shape"""
        query, key, value = (self._heads(part) for part in self.project(x).split(WIDTH, dim=2))
        weights = torch.softmax(query @ key.transpose(2, 3) / math.sqrt(WIDTH // HEADS), dim=3)
        joined = (self.dropout(weights) @ value).transpose(1, 2).flatten(2)
        return self.join(joined)

    @staticmethod
    def _heads(x: torch.Tensor) -> torch.Tensor:
        """:returns: [rows, HEADS, bars, WIDTH / HEADS]"""
        return x.unflatten(2, (HEADS, WIDTH // HEADS)).transpose(1, 2)


class Layer(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH)
        self.attention = Attention(dropout)
        self.before_dense = nn.LayerNorm(WIDTH)
        self.dense = nn.Sequential(nn.Linear(WIDTH, INNER), nn.ReLU(), nn.Dropout(dropout), nn.Linear(INNER, WIDTH))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        attended = x + self.dropout(self.attention(self.before_attention(x)))
        return attended + self.dropout(self.dense(self.before_dense(attended)))


class Transformer(nn.Module):
    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Linear(shape.features, WIDTH)
        self.place = nn.Parameter(torch.randn(shape.bars, WIDTH) * 0.02)
        self.layers = nn.Sequential(*(Layer(dropout) for _ in range(LAYERS)))
        self.normalize = nn.LayerNorm(WIDTH)
        self.last = last_layer(WIDTH, shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """:param x: standardized, [rows, bars, features] or [rows, features]; :returns: logits, [rows] or [rows, classes]"""
        seen = self.layers(self.embed(as_sequence(x)) + self.place)
        return logits(self.last, self.normalize(seen).mean(dim=1))
