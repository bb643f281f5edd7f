"""The delivered networks: `python learners/python neural_net` speaks the protocol of a learner program.

minutehand starts it; `minutehand learners install` makes the environment that it runs in.
"""

import sys

import torch

from minutehand_learner import serve
from network_training import fit_network
from neural_net import NeuralNet

NETWORKS = {
    "neural_net": lambda features, settings: NeuralNet(features, settings.dropout),
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
