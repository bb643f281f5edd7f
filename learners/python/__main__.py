"""The delivered Python learners: `python learners/python neural_net` speaks the protocol of a learner program.

minutehand starts it; `minutehand learners install` makes the environment that it runs in.
"""

import sys
from importlib.metadata import version

from minutehand_learner import BINARY, MULTICLASS, serve

NETWORKS = ["neural_net", "lstm", "gru", "transformer"]
SCIKIT = ["sklearn_logistic", "sklearn_forest"]
TASKS = (BINARY, MULTICLASS)


def main() -> None:
    name, *more = sys.argv[1:] or [""]
    known = [*NETWORKS, *SCIKIT]
    if name not in known or more not in ([], ["gpu"]) or (name in SCIKIT and more):
        sys.exit(f"usage: python learners/python NAME [gpu], with one of {', '.join(known)}")
    device = "cuda" if more else "cpu"
    if name in SCIKIT:
        serve_scikit(name)
    else:
        serve_network(name, device)


def serve_network(name: str, device: str) -> None:
    import torch

    from network_training import fit_network
    from neural_net import NeuralNet
    from recurrent import Gru, Lstm
    from transformer import Transformer

    builds = {
        "neural_net": lambda shape, settings: NeuralNet(shape, settings.dropout),
        "lstm": lambda shape, settings: Lstm(shape, settings.lstm_units, settings.dropout),
        "gru": lambda shape, settings: Gru(shape, settings.dropout),
        "transformer": lambda shape, settings: Transformer(shape, settings.dropout),
    }
    serve(
        f"{name}, torch {torch.__version__}",
        lambda rows, request, progress: fit_network(builds[name], rows, request, progress, device),
        TASKS,
    )


def serve_scikit(name: str) -> None:
    from scikit import fit_forest, fit_logistic

    serve(f"{name}, scikit-learn {version('scikit-learn')}", fit_logistic if name == SCIKIT[0] else fit_forest, TASKS)


if __name__ == "__main__":
    main()
