"""Focal loss, and the probability behind its answers.

-alpha * (1 - p)^gamma * ln p for a label of 1, and the same of 1 - p with 1 - alpha for a label of 0
(Lin et al. 2017, "Focal Loss for Dense Object Detection"). A label between 0 and 1 weighs the two.

The answer that minimizes it is not the probability: `probability` gives that back, which is the derivative of the
expected loss set to 0 (Charoenphakdee et al. 2021, "On Focal Loss for Class-Posterior Probability Estimation").
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import logsigmoid


@dataclass(frozen=True)
class FocalLoss:
    """Of one logit a row."""

    gamma: float = 2.0
    alpha: float = 0.25
    """Weight of a label of 1; a label of 0 has 1 - alpha."""

    def of(self, logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """:returns: the loss of each row"""
        p = torch.sigmoid(logit)
        rest = torch.sigmoid(-logit)
        positive = -self.alpha * rest**self.gamma * logsigmoid(logit)
        negative = -(1.0 - self.alpha) * p**self.gamma * logsigmoid(-logit)
        return label * positive + (1.0 - label) * negative

    def probability(self, logit: torch.Tensor) -> torch.Tensor:
        """:returns: the probability of 1 whose expected loss is least at this logit; it rises with the logit"""
        p = torch.sigmoid(logit)
        rest = torch.sigmoid(-logit)
        gamma = self.gamma
        # Both slopes of the loss, times p * (1 - p): finite everywhere.
        falling = self.alpha * rest * (rest**gamma - gamma * p * rest ** (gamma - 1.0) * logsigmoid(logit))
        rising = (1.0 - self.alpha) * p * (p**gamma - gamma * rest * p ** (gamma - 1.0) * logsigmoid(-logit))
        return rising / (falling + rising)

    def start(self, label: np.ndarray, weight: np.ndarray) -> torch.Tensor:
        """:returns: bias of the last layer, [1], at which the probability is the share of the labels"""
        return torch.tensor([self.logit_of(float(np.average(label, weights=weight)))])

    def labels(self, label: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(label.astype(np.float32))

    def logit_of(self, share: float) -> float:
        """:returns: the logit whose probability is this share, by bisection; the start of the last layer's bias"""
        inside = min(max(share, 1e-3), 1.0 - 1e-3)
        low = -20.0
        high = 20.0
        for _ in range(60):
            middle = (low + high) / 2.0
            if float(self.probability(torch.tensor(middle, dtype=torch.float64))) < inside:
                low = middle
            else:
                high = middle
        return (low + high) / 2.0
