"""`sklearn_logistic` and `sklearn_forest`: models of scikit-learn, and the ONNX graphs that answer as they do."""

from typing import Callable

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from minutehand_learner import Model, Request, Rows

OPSET = 17
"""That of the networks: members of one ensemble have the same operators."""
ML_OPSET = 3
IR_VERSION = 8
CLIP = 5.0
ONE_CLASS_MARGIN = 10.0
"""Of a model that has seen one class alone."""
MAX_ITERATIONS = 1000
LARGEST = 1e30
"""Numbers beyond it are on the same side of every threshold as it is; sums of float32 numbers stay finite."""
TREES_AT_ONCE = 10
"""Trees between two reports of progress."""


def fit_logistic(rows: Rows, request: Request, progress: Callable[[float], None]) -> Model:
    """Standardized columns, a missing value counts as the mean; `l2` is the penalty, 1 / C. Of several classes a softmax,
    where a class without rows has next to nothing.
    """
    mean, inverse = _scaling(rows.x)
    x, label, weight = _by_class(_scaled(rows.x, mean, inverse), rows, request)
    l2 = request.parameters["l2"]
    answers = request.classes or 1
    coefficients = np.zeros((x.shape[1], answers), dtype=np.float32)
    intercepts = np.full(answers, -ONE_CLASS_MARGIN, dtype=np.float32)
    if label.min() == label.max():
        # scikit-learn refuses rows of one class.
        if request.classes is not None:
            intercepts[label[0]] = 0
        elif label[0] == 1:
            intercepts[0] = ONE_CLASS_MARGIN
    else:
        classifier = LogisticRegression(C=1 / l2 if l2 > 0 else np.inf, max_iter=MAX_ITERATIONS)
        classifier.fit(x.astype(np.float64), label, sample_weight=weight)
        learned, shifts = classifier.coef_, classifier.intercept_
        if request.classes is None:
            places = np.array([0])
        else:
            places = classifier.classes_
            if len(places) == 2:
                # One margin between two classes is half of it for one, and half against the other.
                learned, shifts = np.vstack([-learned, learned]) / 2, np.concatenate([-shifts, shifts]) / 2
        coefficients[:, places] = learned.T
        intercepts[places] = shifts
    progress(1.0)

    def probability(of: np.ndarray) -> np.ndarray:
        margins = _scaled(of, mean, inverse).astype(np.float64) @ coefficients + intercepts
        if request.classes is None:
            return 1 / (1 + np.exp(-margins[:, 0]))
        shares = np.exp(margins - margins.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    return Model(onnx=_linear_graph(mean, inverse, coefficients, intercepts), probability=probability)


def fit_forest(rows: Rows, request: Request, progress: Callable[[float], None]) -> Model:
    """Trees of at most `leaves` leaves, the best split first; a missing value goes where it did in training."""
    parameters = request.parameters
    trees = int(parameters["rounds"] if request.iterations is None else request.iterations)
    row_fraction = parameters["row_fraction"]
    x, label, weight = _by_class(_finite(rows.x), rows, request)
    forest = RandomForestClassifier(
        n_estimators=0,
        max_leaf_nodes=int(parameters["leaves"]),
        min_samples_leaf=int(parameters["min_data_in_leaf"]),
        max_features=float(parameters["column_fraction"]),
        max_samples=float(row_fraction) if row_fraction < 1 else None,
        random_state=request.seed % 2**32,
        warm_start=True,
        n_jobs=1,
    )
    for done in range(TREES_AT_ONCE, trees + TREES_AT_ONCE, TREES_AT_ONCE):
        forest.n_estimators = min(done, trees)
        forest.fit(x, label, sample_weight=weight)
        progress(forest.n_estimators / trees)
    answered = [1] if request.classes is None else list(range(request.classes))

    def probability(of: np.ndarray) -> np.ndarray:
        answers = _answered(forest.predict_proba(_finite(of)), forest, answered)
        return answers[:, 0] if request.classes is None else answers

    return Model(onnx=_forest_graph(forest, answered, rows.x.shape[1]), probability=probability, iterations=trees)


def _answered(shares: np.ndarray, forest: RandomForestClassifier, answered: list[int]) -> np.ndarray:
    """:param shares: [rows, classes that have rows]; :returns: [rows, answered classes], 0 of a class without rows"""
    answers = np.zeros((len(shares), len(answered)))
    for column, label in enumerate(forest.classes_):
        if label in answered:
            answers[:, answered.index(label)] = shares[:, column]
    return answers


def _by_class(x: np.ndarray, rows: Rows, request: Request) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A row of a fractional label is a row of each class, by its share.

    :returns: x, classes 0 or 1, or those of the request, and weights above 0
    """
    if request.classes is not None:
        return x, rows.label.astype(np.int64), rows.weight / rows.weight.mean()
    ones = rows.weight * rows.label
    zeros = rows.weight * (1 - rows.label)
    x = np.concatenate([x[ones > 0], x[zeros > 0]])
    weight = np.concatenate([ones[ones > 0], zeros[zeros > 0]])
    label = np.repeat([1, 0], [(ones > 0).sum(), (zeros > 0).sum()])
    return x, label, weight / weight.mean()


def _finite(x: np.ndarray) -> np.ndarray:
    """NaN stays."""
    return np.clip(x, np.float32(-LARGEST), np.float32(LARGEST))


def _scaling(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:returns: mean and 1 / deviation of each column, float32; 0 of a column that is constant or never known"""
    known = np.where(np.isfinite(x), x.astype(np.float64), np.nan)
    mean = np.zeros(x.shape[1], dtype=np.float32)
    inverse = np.zeros(x.shape[1], dtype=np.float32)
    for column in range(x.shape[1]):
        values = known[:, column][~np.isnan(known[:, column])]
        if len(values) == 0:
            continue
        mean[column] = values.mean()
        deviation = values.std()
        # What remains of a constant that float32 cannot hold exactly is no deviation.
        if deviation > abs(mean[column]) * 2.0**-20:
            inverse[column] = 1.0 / deviation
    return mean, inverse


def _scaled(x: np.ndarray, mean: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """:returns: float32 [rows, features], as the graph computes them"""
    with np.errstate(invalid="ignore"):
        scaled = (x.astype(np.float32) - mean) * inverse
    return np.clip(np.where(np.isnan(scaled), np.float32(0), scaled), -CLIP, CLIP).astype(np.float32)


def _linear_graph(mean: np.ndarray, inverse: np.ndarray, coefficients: np.ndarray, intercepts: np.ndarray) -> bytes:
    """:param coefficients: float32 [features, answers]; of one answer the graph ends with a sigmoid"""
    answers = len(intercepts)
    link = (
        helper.make_node("Sigmoid", ["margin"], ["probability"])
        if answers == 1
        else helper.make_node("Softmax", ["margin"], ["probability"], axis=1)
    )
    nodes = [
        helper.make_node("Sub", ["X", "mean"], ["centered"]),
        helper.make_node("Mul", ["centered", "inverse"], ["scaled"]),
        helper.make_node("IsNaN", ["scaled"], ["is_missing"]),
        helper.make_node("Where", ["is_missing", "zero", "scaled"], ["known"]),
        helper.make_node("Clip", ["known", "least", "largest"], ["clipped"]),
        helper.make_node("MatMul", ["clipped", "weights"], ["product"]),
        helper.make_node("Add", ["product", "intercept"], ["margin"]),
        link,
    ]
    constants = {
        "mean": mean,
        "inverse": inverse,
        "zero": np.float32(0),
        "least": np.float32(-CLIP),
        "largest": np.float32(CLIP),
        "weights": coefficients,
        "intercept": intercepts,
    }
    return _model(nodes, len(mean), answers, constants)


def _forest_graph(forest: RandomForestClassifier, answered: list[int], features: int) -> bytes:
    """The mean of the trees as a TreeEnsembleRegressor, whose leaves hold their share of it for each answered class."""
    nodes: dict[str, list] = {
        name: []
        for name in [
            "treeids",
            "nodeids",
            "featureids",
            "values",
            "modes",
            "truenodeids",
            "falsenodeids",
            "missing_value_tracks_true",
        ]
    }
    targets: dict[str, list] = {name: [] for name in ["treeids", "nodeids", "ids", "weights"]}
    for number, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        missing_left = tree.__getstate__()["nodes"]["missing_go_to_left"]
        values = tree.value[:, 0, :]
        shares = _answered(values / values.sum(axis=1, keepdims=True), forest, answered)
        for node in range(tree.node_count):
            is_leaf = tree.children_left[node] < 0
            nodes["treeids"].append(number)
            nodes["nodeids"].append(node)
            nodes["featureids"].append(0 if is_leaf else int(tree.feature[node]))
            nodes["values"].append(0.0 if is_leaf else _threshold(tree.threshold[node]))
            nodes["modes"].append("LEAF" if is_leaf else "BRANCH_LEQ")
            nodes["truenodeids"].append(0 if is_leaf else int(tree.children_left[node]))
            nodes["falsenodeids"].append(0 if is_leaf else int(tree.children_right[node]))
            nodes["missing_value_tracks_true"].append(0 if is_leaf else int(missing_left[node]))
            if is_leaf:
                for answer, share in enumerate(shares[node]):
                    targets["treeids"].append(number)
                    targets["nodeids"].append(node)
                    targets["ids"].append(answer)
                    targets["weights"].append(float(share) / len(forest.estimators_))
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["X"],
        ["probability"],
        domain="ai.onnx.ml",
        n_targets=len(answered),
        aggregate_function="SUM",
        post_transform="NONE",
        **{f"nodes_{name}": values for name, values in nodes.items()},
        **{f"target_{name}": values for name, values in targets.items()},
    )
    return _model([node], features, len(answered), {})


def _threshold(of: float) -> float:
    """The largest float32 number that is not above it: float32 features are on the same side of both."""
    rounded = np.float32(of)
    return float(rounded if float(rounded) <= of else np.nextafter(rounded, np.float32(-np.inf)))


def _model(nodes: list, features: int, answers: int, constants: dict[str, np.ndarray]) -> bytes:
    graph = helper.make_graph(
        nodes,
        "scikit-learn",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, answers])],
        [numpy_helper.from_array(np.asarray(value, dtype=np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR_VERSION,
        producer_name="scikit-learn",
    )
    checker.check_model(model)
    return model.SerializeToString()
