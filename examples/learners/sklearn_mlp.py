"""A small neural network of scikit-learn as a learner of minutehand.

    python3 -m venv venv && venv/bin/pip install numpy pyarrow scikit-learn onnx
    export MINUTEHAND_LEARNER_PROGRAM='["venv/bin/python", "examples/learners/sklearn_mlp.py"]'
    minutehand train --engine program

Missing values are imputed, columns are standardized and clipped: all of that is part of the ONNX model, which is
written with onnx.helper (skl2onnx works as well: zipmap=False, target_opset 15).
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.neural_network import MLPRegressor

# The protocol; a program elsewhere has a copy of that file beside it.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "learners" / "python"))
from minutehand_learner import Model, Request, Rows, serve

HIDDEN = (16,)
EPOCHS = 20
CLIP = 5.0


def fit(rows: Rows, request: Request, progress) -> Model:
    known = np.isfinite(rows.x)
    values = np.where(known, rows.x, np.nan).astype(np.float64)
    has_values = known.any(axis=0)
    mean = np.where(has_values, np.nanmean(np.where(has_values, values, 0.0), axis=0), 0.0)
    deviation = np.where(has_values, np.nanstd(np.where(has_values, values, 0.0), axis=0), 0.0)
    is_constant = deviation <= np.abs(mean) * 2.0**-20
    inverse = np.where(is_constant, 0.0, 1.0 / np.where(is_constant, 1.0, deviation))

    def standardized(x: np.ndarray) -> np.ndarray:
        z = (x.astype(np.float64) - mean) * inverse
        return np.clip(np.where(np.isnan(z), 0.0, z), -CLIP, CLIP)

    # The labels of ai3 are fractions: a network for the margin, trained on the logits of smoothed labels, would need
    # a loss of its own. Least squares on the probability scale serves all three roles.
    net = MLPRegressor(
        hidden_layer_sizes=HIDDEN,
        random_state=request.seed,
        alpha=1e-3,
        batch_size=min(64, len(rows.label)),
        learning_rate_init=3e-3,
    )
    rng = np.random.default_rng(request.seed)
    share = rows.weight / rows.weight.sum()
    epochs = request.iterations or EPOCHS
    x = standardized(rows.x)
    for epoch in range(epochs):
        # scikit-learn's network takes no weights: each epoch draws its rows by them.
        drawn = rng.choice(len(share), size=len(share), p=share)
        net.partial_fit(x[drawn], rows.label[drawn])
        progress((epoch + 1) / epochs)

    return Model(
        onnx=_onnx(mean, inverse, net),
        probability=lambda of: np.clip(net.predict(standardized(of)), 0.0, 1.0),
        iterations=epochs,
    )


def _onnx(mean: np.ndarray, inverse: np.ndarray, net: MLPRegressor) -> bytes:
    constants: dict[str, np.ndarray] = {
        "mean": mean,
        "inverse": inverse,
        "nothing": np.array(0.0),
        "low": np.array(-CLIP),
        "high": np.array(CLIP),
        "zero": np.array(0.0),
        "one": np.array(1.0),
    }
    nodes = [
        helper.make_node("Cast", ["X"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Sub", ["wide", "mean"], ["centered"]),
        helper.make_node("Mul", ["centered", "inverse"], ["scaled"]),
        helper.make_node("IsNaN", ["scaled"], ["missing"]),
        helper.make_node("Where", ["missing", "nothing", "scaled"], ["known"]),
        helper.make_node("Clip", ["known", "low", "high"], ["layer_0"]),
    ]
    last = len(net.coefs_) - 1
    for i, (weights, bias) in enumerate(zip(net.coefs_, net.intercepts_)):
        constants[f"w_{i}"] = weights
        constants[f"b_{i}"] = bias
        nodes.append(helper.make_node("MatMul", [f"layer_{i}", f"w_{i}"], [f"product_{i}"]))
        nodes.append(helper.make_node("Add", [f"product_{i}", f"b_{i}"], [f"sum_{i}"]))
        if i < last:
            nodes.append(helper.make_node("Relu", [f"sum_{i}"], [f"layer_{i + 1}"]))
    nodes.append(helper.make_node("Clip", [f"sum_{last}", "zero", "one"], ["answer"]))
    nodes.append(helper.make_node("Cast", ["answer"], ["score"], to=TensorProto.FLOAT))
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(mean)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(value.astype(np.float64), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


if __name__ == "__main__":
    serve("scikit-learn MLP", fit)
