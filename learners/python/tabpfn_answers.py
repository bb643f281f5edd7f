"""`tabpfn`: TabPFN (Hollmann et al., Nature 637, 2025), for the answers alone: it is compared, and never served."""

from typing import Callable

import numpy as np

from minutehand_learner import Model, Request, Rows

ROWS_AT_A_TIME = 2048


def answer_with_tabpfn(rows: Rows, request: Request, progress: Callable[[float], None], device: str) -> Model:
    from tabpfn import TabPFNClassifier

    label = (rows.label > 0.5).astype(np.int64)
    if label.min() == label.max():
        raise ValueError("all rows have the same label")
    classifier = TabPFNClassifier(device=device, random_state=request.seed)
    classifier.fit(rows.x, label)
    positive = list(classifier.classes_).index(1)

    def probability(x: np.ndarray) -> np.ndarray:
        answers = np.empty(len(x))
        for first in range(0, len(x), ROWS_AT_A_TIME):
            part = slice(first, first + ROWS_AT_A_TIME)
            answers[part] = classifier.predict_proba(x[part])[:, positive]
            progress(min(1.0, (first + ROWS_AT_A_TIME) / len(x)))
        return answers

    return Model(onnx=None, probability=probability)
