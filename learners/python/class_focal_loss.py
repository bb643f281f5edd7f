"""Focal loss of several classes, and the probabilities behind its answers.

-alpha_k * (1 - p_k)^gamma * ln p_k of the class k of a row (Lin et al. 2017, "Focal Loss for Dense Object Detection"),
p the softmax of the logits. All classes but the last have the weight alpha, as the label 1 has in the loss of one
probability, and the last one 1 - alpha, as the label 0: it means that none of the others occurred (of a direction, up
and down are alike, and range is the last one). With two classes it is the loss of one probability.

As there, the answer that minimizes it is not the probability, which `probability` gives back: the probability of class
k is in proportion to 1 / (alpha_k * -l'(p_k)), with the slope l' of -(1 - p)^gamma * ln p (Charoenphakdee et al. 2021,
"On Focal Loss for Class-Posterior Probability Estimation", theorem 11, with weights).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

LEAST = 1e-30
"""Shares are kept above it before their logarithm is taken."""
NEAR = 1e-3
"""A rest below it is small: ln (1 - rest) by its series, which has more digits."""
LEAST_SHARE = 1e-3
"""Of a class, where training starts."""


@dataclass(frozen=True)
class ClassFocalLoss:
    """Of a logit per class and row."""

    classes: int
    gamma: float = 2.0
    alpha: float = 0.25
    """Weight of the rows of every class but the last, which has 1 - alpha."""

    def weights(self) -> torch.Tensor:
        """:returns: float64 [classes]"""
        return torch.tensor([self.alpha] * (self.classes - 1) + [1.0 - self.alpha], dtype=torch.float64)

    def of(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """:param logits: [rows, classes]; :param label: int64 [rows]; :returns: the loss of each row"""
        at = label.unsqueeze(1)
        logarithm = torch.log_softmax(logits, dim=1).gather(1, at).squeeze(1)
        rest = self._rest(torch.softmax(logits, dim=1)).gather(1, at).squeeze(1)
        weight = self.weights().to(logits.dtype).to(logits.device)[label]
        return -weight * rest**self.gamma * logarithm

    def probability(self, logits: torch.Tensor) -> torch.Tensor:
        """:param logits: [rows, classes]; :returns: of the same shape and type, rows of sum 1: the probabilities of the
        classes whose expected loss is least at these logits
        """
        share = torch.softmax(logits.double(), dim=1)
        rest = self._rest(share)
        share = share.clamp(min=LEAST)
        series = -rest * (1.0 + rest * (1.0 / 2.0 + rest * (1.0 / 3.0 + rest / 4.0)))
        logarithm = torch.where(rest < NEAR, series, torch.log(share))
        # The logarithm of -1 / l'(p), without its part of every power.
        proportion = torch.log(share) - (self.gamma - 1.0) * torch.log(rest)
        proportion = proportion - torch.log(rest - self.gamma * share * logarithm)
        return torch.softmax(proportion - torch.log(self.weights()).to(logits.device), dim=1).to(logits.dtype)

    def _rest(self, share: torch.Tensor) -> torch.Tensor:
        """:returns: what the other classes have, above 0: 1 minus a share near 1 has no digits left"""
        others = 1.0 - torch.eye(self.classes, dtype=share.dtype, device=share.device)
        return (share @ others).clamp(min=LEAST)

    def start(self, label: np.ndarray, weight: np.ndarray) -> torch.Tensor:
        """:returns: biases of the last layer, [classes], at which the probabilities are the shares of the labels"""
        counts = np.bincount(label.astype(np.int64), weights=weight, minlength=self.classes)
        shares = np.maximum(counts / counts.sum(), LEAST_SHARE)
        return torch.tensor(self.logits_of(shares / shares.sum()))

    def labels(self, label: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(label.astype(np.int64))

    def logits_of(self, shares: np.ndarray) -> list[float]:
        """:returns: logits of sum 0 whose probabilities are these shares above 0, by bisection"""
        wanted = shares * self.weights().numpy()
        low = -100.0
        high = 100.0
        for _ in range(100):
            level = (low + high) / 2.0
            if sum(self._answer_of(level + math.log(own)) for own in wanted) < 1.0:
                low = level
            else:
                high = level
        logarithms = [math.log(self._answer_of(low + math.log(own))) for own in wanted]
        return [own - sum(logarithms) / self.classes for own in logarithms]

    def _answer_of(self, proportion: float) -> float:
        """:returns: the softmax of a class whose -1 / l'(p) has this logarithm; it rises with it"""
        low = 2.0**-200
        high = 1.0 - 2.0**-50
        for _ in range(60):
            p = (low + high) / 2.0
            rest = 1.0 - p
            slope = rest**self.gamma - self.gamma * p * rest ** (self.gamma - 1.0) * math.log(p)
            if math.log(p) - math.log(slope) < proportion:
                low = p
            else:
                high = p
        return (low + high) / 2.0
