"""Imputation and standardization as a part of a model: a row of the features in, numbers that a network can take out."""

import numpy as np
import torch
from torch import nn

CLIP = 5.0


class Scaling(nn.Module):
    """(x - mean) / deviation for each feature; a missing value becomes the mean, and nothing is beyond CLIP deviations.

    A feature that is constant, or never known, in training always gives 0.
    """

    def __init__(self, mean: np.ndarray, inverse: np.ndarray) -> None:
        """:param mean: float [features]; :param inverse: 1 / deviation, float [features]"""
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("inverse", torch.from_numpy(inverse.astype(np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """:param x: float32 [..., features]; NaN = missing"""
        scaled = (x - self.mean) * self.inverse
        known = torch.where(torch.isnan(scaled), torch.zeros_like(scaled), scaled)
        return torch.clamp(known, -CLIP, CLIP)


def scaling_of(x: np.ndarray) -> Scaling:
    """:param x: float32 [rows, features] to learn from; NaN and infinite values count as missing"""
    features = x.shape[1]
    mean = np.zeros(features)
    inverse = np.zeros(features)
    for feature in range(features):
        values = x[:, feature].astype(np.float64)
        values = values[np.isfinite(values)]
        if len(values) == 0:
            continue
        mean[feature] = np.float32(values.mean())
        deviation = values.std()
        # What remains of a constant that float32 cannot hold exactly is no deviation.
        if deviation > abs(mean[feature]) * 2.0**-20:
            inverse[feature] = 1.0 / deviation
    return Scaling(mean, inverse)
