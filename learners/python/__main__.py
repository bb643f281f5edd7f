"""The delivered networks: `python learners/python neural_net` speaks the protocol of a learner program.

minutehand starts it; `minutehand learners install` makes the environment that it runs in.
"""

import sys

import torch

from minutehand_learner import serve
from network_training import fit_network
from neural_net import NeuralNet
from recurrent import Gru, Lstm
from transformer import Transformer

NETWORKS = {
    "neural_net": lambda shape, settings: NeuralNet(shape.features, settings.dropout),
    "lstm": lambda shape, settings: Lstm(shape.features, settings.lstm_units, settings.dropout),
    "gru": lambda shape, settings: Gru(shape.features, settings.dropout),
    "transformer": lambda shape, settings: Transformer(shape.bars, shape.features, settings.dropout),
}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    build = NETWORKS.get(name)
    if build is None:
        sys.exit(f"usage: python learners/python NAME, with one of {', '.join(NETWORKS)}")
    serve(
        f"{name}, torch {torch.__version__}",
        lambda rows, request, progress: fit_network(build, rows, request, progress),
    )


if __name__ == "__main__":
    main()
