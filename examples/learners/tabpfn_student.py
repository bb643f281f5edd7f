"""TabPFN (Hollmann et al., Nature 637, 2025) as a learner of minutehand: compared in a league, and served by a student.

    venv/bin/pip install numpy pyarrow scikit-learn onnx tabpfn
    export MINUTEHAND_LEARNER_PROGRAM='["venv/bin/python", "examples/learners/tabpfn_student.py"]'
    minutehand league --data ./m1 --entrants logistic,gbdt,program

TabPFN answers by attention to the training rows themselves: it has no graph that a daemon could serve. So it answers all
training rows, each by a context that the row is not part of, and the network of sklearn_mlp.py learns these answers in
place of the labels. What is compared is that network. Programs have no network connection: let the package download its
weights once, by a fit in that Python, and accept their license.
"""

from dataclasses import replace
from importlib.metadata import version

import numpy as np
import sklearn_mlp  # It finds the protocol, too.
from minutehand_learner import Model, Request, Rows, serve
from tabpfn import TabPFNClassifier

CONTEXT = 1000
"""Rows that TabPFN has at once: what its makers call feasible on a processor; 10,000 on a GPU."""
PARTS = 2
"""The rows of each part are answered by a context from the others."""
ROWS_AT_A_TIME = 2048
DEVICE = "cpu"


def fit(rows: Rows, request: Request, progress) -> Model:
    taught = np.empty(len(rows.label))
    part_of = np.arange(len(taught)) * PARTS // len(taught)
    for part in range(PARTS):
        asked = np.flatnonzero(part_of == part)
        others = np.flatnonzero(part_of != part)
        context = others[np.linspace(0, len(others) - 1, min(CONTEXT, len(others))).round().astype(int)]
        taught[asked] = _answers(rows, context, asked, request.seed)
        progress(0.9 * (part + 1) / PARTS)
    return sklearn_mlp.fit(replace(rows, label=taught), request, lambda share: progress(0.9 + 0.1 * share))


def _answers(rows: Rows, context: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
    label = (rows.label[context] > 0.5).astype(np.int64)
    if label.min() == label.max():
        return np.full(len(asked), float(label[0]))
    classifier = TabPFNClassifier(device=DEVICE, random_state=seed)
    classifier.fit(rows.x[context], label)
    positive = list(classifier.classes_).index(1)
    parts = [asked[first : first + ROWS_AT_A_TIME] for first in range(0, len(asked), ROWS_AT_A_TIME)]
    return np.concatenate([classifier.predict_proba(rows.x[part])[:, positive] for part in parts])


if __name__ == "__main__":
    serve(f"TabPFN {version('tabpfn')}, its student", fit)
