"""The delivered networks: `python learners/python neural_net` speaks the protocol of a learner program.

minutehand starts it; `minutehand learners install` makes the environment that it runs in.
"""

import sys
from importlib.metadata import version

import torch

from minutehand_learner import serve
from network_training import fit_network
from neural_net import NeuralNet
from recurrent import Gru, Lstm
from tabpfn_answers import answer_with_tabpfn
from transformer import Transformer

NETWORKS = {
    "neural_net": lambda shape, settings: NeuralNet(shape.features, settings.dropout),
    "lstm": lambda shape, settings: Lstm(shape.features, settings.lstm_units, settings.dropout),
    "gru": lambda shape, settings: Gru(shape.features, settings.dropout),
    "transformer": lambda shape, settings: Transformer(shape.bars, shape.features, settings.dropout),
}


def main() -> None:
    name, *more = sys.argv[1:] or [""]
    build = NETWORKS.get(name)
    if (build is None and name != "tabpfn") or more not in ([], ["gpu"]):
        sys.exit(f"usage: python learners/python NAME [gpu], with one of {', '.join([*NETWORKS, 'tabpfn'])}")
    device = "cuda" if more else "cpu"
    if build is None:
        serve(
            f"tabpfn {version('tabpfn')}",
            lambda rows, request, progress: answer_with_tabpfn(rows, request, progress, device),
        )
        return
    serve(
        f"{name}, torch {torch.__version__}",
        lambda rows, request, progress: fit_network(build, rows, request, progress, device),
    )


if __name__ == "__main__":
    main()
