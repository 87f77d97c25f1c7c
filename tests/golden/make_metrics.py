"""Write tests/golden/metrics.json and metrics_sklearn.json: what others say of the same numbers.

Run with an interpreter that has Keras 3.15 and a backend, and with one that has scikit-learn:
    KERAS_BACKEND=jax python tests/golden/make_metrics.py keras
    python tests/golden/make_metrics.py sklearn
A case is a metric, made by a function of the library (for Keras and fastnn have the same words),
and batches of (targets, predictions[, weights]). Kept is the result after each batch.
"""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def numbers(*shape, phase=0.0):
    """Float32 values in [-1, 1] that look random and are the same everywhere."""
    return np.sin(7.3 * np.arange(np.prod(shape)) ** 1.3 + phase).reshape(shape).astype("float32")


def rounded(x):
    """To eighths, so that there are ties; exact in every type."""
    return np.round(x * 8) / np.float32(8)


W = (rounded(numbers(12, phase=4.0)) + 1).astype("float32")
P = (numbers(12, 3) + 1) / 2  # probabilities
TIES = rounded(P)
B = (numbers(12, 3, phase=2.0) > 0.1).astype("float32")
LABELS = np.argmax(numbers(12, 3, phase=3.0), axis=1)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
SOFT = P / P.sum(axis=1, keepdims=True)
R, S = numbers(12, 3, phase=1.0), numbers(12, 3, phase=1.4)
WIDE = numbers(12, 9, phase=5.0)
WIDE_LABELS = np.arange(12) * 5 % 9
WIDE_HOT = np.eye(9, dtype="float32")[WIDE_LABELS]


def halves(t, y, w=None):
    """Two batches of unequal length, without and with weights."""
    columns = (t, y) if w is None else (t, y, w)
    return [tuple(c[:7] for c in columns), tuple(c[7:] for c in columns)]


def data(t, y, flat=True):
    """Every way in which row metrics are fed: plain, weighted, one output and none."""
    sets = {"plain": halves(t, y), "weighted": halves(t, y, W), "zero": [(t, y, 0 * W)]}
    if flat:
        sets["column"] = halves(t[:, :1], y[:, :1], W)
    return sets


BINARY = {**data(B, P), "ties": halves(B, TIES), "vector": halves(B[:, 0], TIES[:, 0], W),
          "ones": [(np.ones_like(B), P)], "zeros": [(np.zeros_like(B), P)], "edges":
          [(np.float32([0, 1, 1, 0]), np.float32([0, 0, 1, 1]))], "each": halves(B, P, P + 1)}
CLASSES = data(ONE_HOT, SOFT, flat=False)
SPARSE = {**data(LABELS, SOFT, flat=False), "column": halves(LABELS[:, None], SOFT, W)}
VALUES = data(R, S)
SIGNS = data(2 * B - 1, S) | {"binary": halves(B, S)}
SHAPED = {"shaped": [(numbers(4, 2, 3, phase=1.0), numbers(4, 2, 3, phase=1.1), W[:4])]}


def m(name, *args, **settings):
    return lambda lib: getattr(lib.metrics, name)(*args, **settings)


def function(y_true, y_pred, power):
    return abs(y_true - y_pred) ** power


CASES = {
    "Accuracy": (m("Accuracy"), {**data(B, np.round(P)), "vector": halves(LABELS, LABELS[::-1])}),
    "BinaryAccuracy": (m("BinaryAccuracy"), BINARY),
    "BinaryAccuracy 0.7": (m("BinaryAccuracy", threshold=0.75), BINARY),
    "CategoricalAccuracy": (m("CategoricalAccuracy"), CLASSES),
    "SparseCategoricalAccuracy": (m("SparseCategoricalAccuracy"), SPARSE),
    "TopKCategoricalAccuracy": (m("TopKCategoricalAccuracy"), data(WIDE_HOT, WIDE, False)),
    "TopKCategoricalAccuracy ties": (m("TopKCategoricalAccuracy", k=2),
                                     data(WIDE_HOT, rounded(WIDE), False)),
    "SparseTopK": (m("SparseTopKCategoricalAccuracy", k=3), data(WIDE_LABELS, WIDE, False)),
    "SparseTopK sorted": (m("SparseTopKCategoricalAccuracy", k=2, from_sorted_ids=True),
                          data(WIDE_LABELS, np.argsort(-WIDE).astype("float32"), False)),
    **{name: (m(name), BINARY) for name in ("TruePositives", "FalsePositives", "TrueNegatives",
                                            "FalseNegatives", "Precision", "Recall", "AUC")},
    "TruePositives several": (m("TruePositives", thresholds=[0.3, 0.9, 0.5]), BINARY),
    "FalseNegatives even": (m("FalseNegatives", thresholds=[0.0, 0.25, 0.5, 0.75, 1.0]), BINARY),
    "Precision several": (m("Precision", thresholds=[0.25, 0.5, 0.625]), BINARY),
    "Precision top_k": (m("Precision", top_k=2), data(B, TIES, False)),
    "Precision top_k, thresholds": (m("Precision", thresholds=0.5, top_k=1), data(B, P)),
    "Precision class_id": (m("Precision", class_id=1), data(B, P, False)),
    "Recall top_k, class_id": (m("Recall", top_k=2, class_id=2), data(B, P, False)),
    "Recall several": (m("Recall", thresholds=[0.0, 1.0]), BINARY),
    **{f"AUC {curve} {way}": (m("AUC", curve=curve, summation_method=way), BINARY)
       for curve in ("ROC", "PR", "PRGAIN") for way in ("interpolation", "majoring", "minoring")},
    "AUC coarse": (m("AUC", num_thresholds=5), BINARY),
    "AUC of two": (m("AUC", num_thresholds=2), BINARY),
    "AUC thresholds": (m("AUC", thresholds=[0.3, 0.1, 0.8]), BINARY),
    "AUC even": (m("AUC", thresholds=[0.25, 0.5, 0.75], curve="PR"), BINARY),
    "AUC multi_label": (m("AUC", multi_label=True, curve="PR"), data(B, P, False)),
    "AUC num_labels": (m("AUC", multi_label=True, num_labels=3, label_weights=[0.5, 2.0, 1.0],
                         summation_method="minoring"), data(B, P, False)),
    "AUC several": (m("AUC", multi_label=True, thresholds=[0.2, 0.3, 0.9]), data(B, P, False)),
    "AUC label_weights": (m("AUC", label_weights=[0.5, 2.0, 1.0]), data(B, P, False)),
    "AUC from_logits": (m("AUC", from_logits=True), data(B, 4 * S)),
    "SensitivityAtSpecificity": (m("SensitivityAtSpecificity", 0.5), BINARY),
    "SpecificityAtSensitivity": (m("SpecificityAtSensitivity", 0.4, num_thresholds=20), BINARY),
    "PrecisionAtRecall": (m("PrecisionAtRecall", 0.6, num_thresholds=1), BINARY),
    "RecallAtPrecision": (m("RecallAtPrecision", 0.5), BINARY),
    "RecallAtPrecision class_id": (m("RecallAtPrecision", 0.4, class_id=2), data(B, P, False)),
    "FBetaScore": (m("FBetaScore", beta=2.0, threshold=0.5), data(B, P)),
    "FBetaScore weighted": (m("FBetaScore", "weighted", 0.5), data(B, TIES)),
    "F1Score": (m("F1Score"), CLASSES),
    "F1Score micro": (m("F1Score", average="micro", threshold=0.6), data(B, P)),
    "F1Score macro": (m("F1Score", average="macro", threshold=0.6), data(B, P)),
    **{name: (m(name), VALUES | SHAPED) for name in (
        "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "CosineSimilarity",
        "MeanAbsolutePercentageError", "LogCoshError")},
    "MeanSquaredLogarithmicError": (m("MeanSquaredLogarithmicError"), data(R + 1, S + 1)),
    "CosineSimilarity zeros": (m("CosineSimilarity"), {"plain": [(0 * R, S)]}),
    "CosineSimilarity axis": (m("CosineSimilarity", axis=1), SHAPED),
    "R2Score": (m("R2Score"), VALUES),
    "R2Score each": (m("R2Score", class_aggregation=None), VALUES),
    "R2Score variance": (m("R2Score", "variance_weighted_average"), VALUES),
    "R2Score adjusted": (m("R2Score", num_regressors=2), VALUES),
    "R2Score constant": (m("R2Score", class_aggregation=None), {"plain": [(0 * R + 1, S)]}),
    "PearsonCorrelation": (m("PearsonCorrelation"), data(R, S, False)),
    "PearsonCorrelation axis": (m("PearsonCorrelation", axis=0), {"plain": halves(R, S)}),
    "ConcordanceCorrelation": (m("ConcordanceCorrelation"), data(R, S, False) | SHAPED),
    "ConcordanceCorrelation axis": (m("ConcordanceCorrelation", axis=0), {"plain": halves(R, S)}),
    "BinaryCrossentropy": (m("BinaryCrossentropy", label_smoothing=0.1), data(B, P)),
    "BinaryCrossentropy logits": (m("BinaryCrossentropy", from_logits=True), data(B, 9 * S)),
    "CategoricalCrossentropy": (m("CategoricalCrossentropy", label_smoothing=0.2),
                                data(ONE_HOT, P, False)),
    "CategoricalCrossentropy logits": (m("CategoricalCrossentropy", from_logits=True),
                                       data(ONE_HOT, S, False)),
    "CategoricalCrossentropy axis": (m("CategoricalCrossentropy", axis=1), {
        "shaped": [(np.moveaxis(ONE_HOT.reshape(6, 2, 3), 2, 1),
                    np.moveaxis(SOFT.reshape(6, 2, 3), 2, 1), W[:6])]}),
    "SparseCategoricalCrossentropy": (m("SparseCategoricalCrossentropy"), SPARSE),
    "SparseCategoricalCrossentropy ignoring": (
        m("SparseCategoricalCrossentropy", ignore_class=1), SPARSE),
    "KLDivergence": (m("KLDivergence"), data(SOFT[::-1], SOFT)),
    "Poisson": (m("Poisson"), data(B + 1, P)),
    **{name: (m(name), SIGNS) for name in ("Hinge", "SquaredHinge")},
    "CategoricalHinge": (m("CategoricalHinge"), data(ONE_HOT, S, False)),
    "IoU": (m("IoU", num_classes=3, target_class_ids=[0, 2], dtype="float32"),
            data(LABELS, LABELS[::-1], False)),
    "BinaryIoU": (m("BinaryIoU", threshold=0.625, dtype="float32"), {
        "plain": halves(B, TIES), "weighted": halves(B[:, 0], TIES[:, 0], W)}),
    "MeanIoU": (m("MeanIoU", 4, ignore_class=1, dtype="float32"),
                {**data(LABELS, LABELS[::-1], False), "none": [(LABELS + 9, LABELS)]}),
    "OneHotIoU": (m("OneHotIoU", 3, [1], dtype="float32"), CLASSES),
    "OneHotMeanIoU": (m("OneHotMeanIoU", 3, dtype="float32"), CLASSES),
    "Mean": (m("Mean"), {"plain": [(R,), (R[0],), (3.0,)],
                         "weighted": [(R, W), (R, P), (R[:, 0], W)]}),
    "Sum": (m("Sum"), {"plain": [(R,), (R[0],), (3.0,)], "weighted": [(R, W), (R, P)]}),
    "MeanMetricWrapper": (m("MeanMetricWrapper", function, power=3), VALUES),
}  # fmt: skip


def results(metric, batches):
    """The result after each batch."""
    found = []
    for batch in batches:
        metric.update_state(*batch)
        found.append(np.asarray(metric.result(), np.float64).tolist())
    return found


def of_keras():
    import keras

    for name, (make, sets) in CASES.items():
        yield name, {"empty": empty(make(keras))} | {
            key: results(make(keras), batches) for key, batches in sets.items()}
    yield "training", trained(keras)


def empty(metric):
    """The result before the first batch; None where the library has none."""
    try:
        return np.asarray(metric.result(), np.float64).tolist()
    except (AttributeError, TypeError, ValueError):
        return None


# training: the history of a model that watches the metrics

X = numbers(26, 4)
T = (numbers(26, 3, phase=2.0) > 0.2).astype("float32")
WEIGHTS = (rounded(numbers(26, phase=4.0)) + 1).astype("float32")


def watched(lib):
    """Metrics and weighted metrics that a plan computes, and others, by name and object."""
    M = lib.metrics
    return (["mae", "accuracy", "cosine_similarity", M.Precision(thresholds=[0.4, 0.5], name="p"),
             M.Recall(name="r"), M.AUC(name="auc"), M.RootMeanSquaredError(name="rmse"),
             M.TruePositives(name="tp", thresholds=0.45), M.R2Score(),
             M.TopKCategoricalAccuracy(k=2), M.F1Score(average="macro", threshold=0.5)],
            ["mae", M.AUC(name="weighted_area", curve="PR"), M.Precision(name="wp"), "hinge"])


def trained(lib):
    """The history of four epochs, and what `evaluate` says, both with weights."""
    L = lib.layers
    model = lib.Sequential([L.Input((4,)), L.Dense(5, "tanh"), L.Dense(3, "sigmoid")])
    model.set_weights([numbers(*w.shape, phase=i) for i, w in enumerate(model.get_weights())])
    metrics, weighted = watched(lib)
    model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=metrics,
                  weighted_metrics=weighted)
    history = model.fit(X, T, epochs=4, batch_size=8, shuffle=False, verbose=0,
                        sample_weight=WEIGHTS, validation_split=0.25).history
    found = model.evaluate(X, T, batch_size=8, sample_weight=WEIGHTS, verbose=0, return_dict=True)
    return {name: np.asarray(values, np.float64).tolist()
            for name, values in (history | {f"evaluate {k}": v for k, v in found.items()}).items()}


def columns(function, t, y, w):
    return [float(function(t[:, j], y[:, j], sample_weight=w)) for j in range(t.shape[1])]


def of_sklearn():
    from sklearn import metrics as sk

    hot = (P.max(axis=1, keepdims=True) <= P).astype(int)
    for key, w in (("plain", None), ("weighted", W)):
        for name, y in (("", P), (" ties", TIES)):
            yield f"roc_auc{name} {key}", columns(sk.roc_auc_score, B, y, w)
            yield f"average_precision{name} {key}", columns(sk.average_precision_score, B, y, w)
        for name, score in (("precision", sk.precision_score), ("recall", sk.recall_score),
                            ("f2", partial(sk.fbeta_score, beta=2.0))):
            yield f"{name} {key}", columns(score, B, P > 0.5, w)
        for average in ("micro", "macro", "weighted"):
            yield f"f1 {average} {key}", float(sk.f1_score(
                ONE_HOT, hot, average=average, sample_weight=w))
        yield f"r2 {key}", columns(sk.r2_score, R, S, w)
        yield f"jaccard {key}", float(sk.jaccard_score(
            LABELS, LABELS[::-1], average="macro", sample_weight=w))
        yield f"top_k {key}", float(sk.top_k_accuracy_score(
            WIDE_LABELS, WIDE, k=3, labels=range(9), sample_weight=w))
        yield f"rmse {key}", columns(sk.root_mean_squared_error, R, S, w)


def main(of):
    cases = dict({"keras": of_keras, "sklearn": of_sklearn}[of]())
    target = FOLDER / ("metrics.json" if of == "keras" else f"metrics_{of}.json")
    lines = [f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items()]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{target.name}: {len(cases)} cases, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
