"""Metrics: numbers that are watched, not minimised, with Keras's names and formulas.

``compile(metrics=[...])`` takes names, classes, instances and functions. Alone, a metric takes in
batches:

>>> from fastnn.metrics import BinaryAccuracy
>>> metric = BinaryAccuracy()
>>> metric.update_state([[1], [0]], [[0.8], [0.7]])
>>> metric.result()
0.5
>>> metric.update_state([[1], [0]], [[0.8], [0.3]], sample_weight=[0, 2])
>>> metric.result()
0.75
>>> metric.reset_state()

A metric with a ``lower`` is a row of the plan and costs no Python; of the others ``update_state``
is called with the predictions that training made.
"""

from __future__ import annotations

from fastnn import losses, registry
from fastnn.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from fastnn.metrics.auc import AUC
from fastnn.metrics.base import FunctionMetric, Mean, MeanMetricWrapper, Metric, Sum
from fastnn.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from fastnn.metrics.f_score import F1Score, FBetaScore
from fastnn.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from fastnn.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from fastnn.metrics.regression import (
    ConcordanceCorrelation,
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    PearsonCorrelation,
    R2Score,
    RootMeanSquaredError,
    concordance_correlation,
    pearson_correlation,
)

# functions that are losses as well
_LOSSES = ("binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
           "categorical_focal_crossentropy", "categorical_hinge", "hinge", "huber",
           "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
           "mean_squared_error", "mean_squared_logarithmic_error", "poisson",
           "sparse_categorical_crossentropy", "squared_hinge")

__all__ = [
    "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU", "CategoricalAccuracy",
    "CategoricalCrossentropy", "CategoricalHinge", "ConcordanceCorrelation", "CosineSimilarity",
    "F1Score", "FBetaScore", "FalseNegatives", "FalsePositives", "FunctionMetric", "Hinge", "IoU",
    "KLDivergence", "LogCoshError", "Mean", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanIoU", "MeanMetricWrapper", "MeanSquaredError", "MeanSquaredLogarithmicError", "Metric",
    "OneHotIoU", "OneHotMeanIoU", "PearsonCorrelation", "Poisson", "Precision",
    "PrecisionAtRecall", "R2Score", "Recall", "RecallAtPrecision", "RootMeanSquaredError",
    "SensitivityAtSpecificity", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy", "SpecificityAtSensitivity", "SquaredHinge", "Sum",
    "TopKCategoricalAccuracy", "TrueNegatives", "TruePositives", "binary_accuracy",
    "categorical_accuracy", "concordance_correlation", "deserialize", "get",
    "pearson_correlation", "serialize", "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy", "top_k_categorical_accuracy",
]  # fmt: skip


def __getattr__(name: str):
    if name in _LOSSES:
        return getattr(losses, name)
    raise AttributeError(f"module 'fastnn.metrics' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LOSSES})


def get(identifier, loss: losses.Loss | None = None, width: int = 1) -> Metric:
    """The metric for a name, class, instance or function.

    ``"accuracy"`` and ``"acc"`` mean binary accuracy for one output, sparse categorical accuracy
    for integer labels, else categorical accuracy; the metric keeps the name it was asked for.
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        sparse = loss is not None and loss.sparse
        chosen = (SparseCategoricalAccuracy if sparse else
                  BinaryAccuracy if width == 1 else CategoricalAccuracy)
        return chosen(name=identifier)
    if isinstance(identifier, str):
        metric = registry.get("metric", identifier)
        metric.name = identifier  # Keras logs a metric under the name it was asked for
        return metric
    if callable(identifier) and not isinstance(identifier, (type, Metric)):
        name = getattr(identifier, "__name__", "")
        own = globals().get(name) or getattr(losses, name, None)
        if identifier is own and registry.find("metric", name):
            return get(name)  # a function of this module is as good as its class
        return FunctionMetric(identifier)
    return registry.get("metric", identifier)


def serialize(metric: Metric) -> dict:
    """``{"class_name": ..., "config": ...}``, which `deserialize` turns back."""
    return registry.serialize(metric)


def deserialize(config: dict, custom_objects: dict | None = None) -> Metric:
    """The metric that `serialize` described; classes of one's own in ``custom_objects``."""
    with registry.custom_objects(custom_objects or {}):
        return registry.get("metric", config)
