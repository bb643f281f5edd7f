"""Learns AI1, or a direction, with scikit-learn from rows of `minutehand dataset export`, and writes it as ONNX.

    python3 -m venv venv && venv/bin/pip install numpy pyarrow scikit-learn onnx
    minutehand dataset export --role ai1 --out rows.parquet
    venv/bin/python examples/learners/bring_a_model.py rows.parquet model.onnx preprocess.json
    minutehand models import --role ai1 model.onnx --preprocess preprocess.json --learned-until ...

With `--role direction` in both commands the rows have three classes (up, down, range), and the model a probability of
each.

The model gets standardized columns; how they are imputed and standardized is in preprocess.json, which becomes a part
of the graph. A pipeline that does that itself needs no such file (skl2onnx: zipmap=False, target_opset 15).
"""

import json
import sys

import numpy as np
import onnx
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler


def main(rows: str, model_file: str, preprocess_file: str) -> None:
    with open(f"{rows}.json", encoding="utf8") as file:
        facts = json.load(file)
    table = pq.read_table(rows)
    learn = table["part"].to_numpy(zero_copy_only=False) == "learn"
    x = np.column_stack([table[name].to_numpy()[learn] for name in facts["features"]]).astype(np.float64)
    label = table["label"].to_numpy()[learn]
    weight = table["weight"].to_numpy()[learn]

    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    scaler = StandardScaler()
    prepared = scaler.fit_transform(imputer.fit_transform(np.where(np.isfinite(x), x, np.nan)))
    classifier = LogisticRegression(C=0.1, max_iter=300).fit(prepared, label, sample_weight=weight)

    with open(preprocess_file, "w", encoding="utf8") as file:
        json.dump(
            {
                "feature_schema": facts["feature_schema"],
                "columns": facts["features"],
                "impute": imputer.statistics_.tolist(),
                "mean": scaler.mean_.tolist(),
                "scale": scaler.scale_.tolist(),
            },
            file,
        )
    with open(model_file, "wb") as file:
        file.write(to_onnx(classifier, facts))
    print(f"{len(label)} rows learned, labels known before {facts['learned_until']}")


def to_onnx(classifier: LogisticRegression, facts: dict) -> bytes:
    columns = len(facts["features"])
    answers = len(classifier.coef_)
    link = (
        helper.make_node("Sigmoid", ["margin"], ["probability"])
        if answers == 1
        else helper.make_node("Softmax", ["margin"], ["probability"], axis=1)
    )
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["X", "weights"], ["product"]),
            helper.make_node("Add", ["product", "intercept"], ["margin"]),
            link,
        ],
        "logistic",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, answers])],
        [
            numpy_helper.from_array(classifier.coef_.T.astype(np.float32), "weights"),
            numpy_helper.from_array(classifier.intercept_.astype(np.float32), "intercept"),
        ],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8, producer_name="scikit-learn"
    )
    helper.set_model_props(model, {"feature_schema": facts["feature_schema"]})
    onnx.checker.check_model(model)
    return model.SerializeToString()


if __name__ == "__main__":
    main(*sys.argv[1:4])
