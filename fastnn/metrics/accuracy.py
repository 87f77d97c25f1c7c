"""Accuracies: shares of predictions that hit."""

from __future__ import annotations

import numpy as np

from fastnn.formulas import as_real
from fastnn.metrics.base import Metric, pair
from fastnn.plan import Kind
from fastnn.registry import register


def accuracy(y_true, y_pred) -> np.ndarray:
    """1.0 where target and prediction are equal, elementwise."""
    t, y = pair(y_true, y_pred)
    return (t == y).astype(np.float64)


def binary_accuracy(y_true, y_pred, threshold: float = 0.5) -> np.ndarray:
    """1.0 where (y > threshold) == t, elementwise."""
    t, y = pair(y_true, as_real(y_pred))
    return ((y > y.dtype.type(threshold)) == t).astype(np.float64)


def categorical_accuracy(y_true, y_pred) -> np.ndarray:
    """1.0 where the largest output is where the largest target is; targets (..., m)."""
    return _equal(np.argmax(y_true, axis=-1), y_pred)


def sparse_categorical_accuracy(y_true, y_pred) -> np.ndarray:
    """1.0 where the largest output is at the integer label; targets (...,) or (..., 1)."""
    return _equal(labels_of(y_true, y_pred), y_pred)


def top_k_categorical_accuracy(y_true, y_pred, k: int = 5) -> np.ndarray:
    """1.0 where fewer than k outputs are larger than that at the largest target."""
    return _in_top_k(np.argmax(y_true, axis=-1), np.asarray(y_pred), k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k: int = 5,
                                      from_sorted_ids: bool = False) -> np.ndarray:
    """1.0 where fewer than k outputs are larger than that at the integer label.

    from_sorted_ids : the predictions are class numbers, the best first, and a hit is among the
        first k of them.
    """
    labels, y = labels_of(y_true, y_pred), np.asarray(y_pred)
    if from_sorted_ids:
        return (labels[..., None] == y[..., :k]).any(axis=-1).astype(np.float64)
    return _in_top_k(labels.astype(np.int64), y, k)


def labels_of(y_true, y_pred) -> np.ndarray:
    """Class numbers of the predictions' shape without its last axis."""
    t = np.asarray(y_true)
    return t[..., 0] if t.ndim == np.ndim(y_pred) and t.shape[-1] == 1 else t


def _equal(labels, y_pred):
    y = np.asarray(y_pred)
    if labels.shape != y.shape[:-1]:
        raise ValueError(f"The labels have shape {labels.shape}, which does not fit predictions "
                         f"of shape {y.shape}.")
    return (labels == y.argmax(axis=-1)).astype(np.float64)


def _in_top_k(labels, y, k):
    at = np.take_along_axis(y, labels[..., None], axis=-1)
    at = np.where(np.isnan(at), -np.inf, at)  # NaN is no large probability
    return ((y > at).sum(axis=-1) < k).astype(np.float64)


class _Accuracy(Metric):
    direction = "up"


@register("metric")
class Accuracy(_Accuracy):
    """The share of outputs that equal their targets. (The name "accuracy" picks another by shape.)

    >>> Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]])
    0.75
    """

    def rows(self, t, y):
        return accuracy(t, y)


@register("metric")
class BinaryAccuracy(_Accuracy):
    """The share of outputs on the right side of ``threshold``: (y > threshold) == t."""

    sparse = False
    hyper = ("threshold",)

    def __init__(self, name=None, dtype=None, threshold: float = 0.5):
        super().__init__(name, dtype)
        self.threshold = float(threshold)

    def rows(self, t, y):
        return binary_accuracy(t, y, self.threshold)

    def lower(self, builder, value):
        builder.metric(Kind.BINARY_ACCURACY, value, self.values())


class _ClassAccuracy(_Accuracy):
    kind: Kind

    def lower(self, builder, value):
        builder.metric(self.kind, value, self.values())

    def lowers(self, shape):
        return len(shape) == 1


@register("metric")
class CategoricalAccuracy(_ClassAccuracy):
    """The share of rows whose largest output is where the largest target is."""

    sparse = False
    kind = Kind.CATEGORICAL_ACCURACY

    def rows(self, t, y):
        return categorical_accuracy(t, y)


@register("metric")
class SparseCategoricalAccuracy(_ClassAccuracy):
    """The share of rows whose largest output is at the integer label."""

    sparse = True
    kind = Kind.SPARSE_CATEGORICAL_ACCURACY

    def rows(self, t, y):
        return sparse_categorical_accuracy(t, y)


@register("metric", "top_k_categorical_accuracy")
class TopKCategoricalAccuracy(_ClassAccuracy):
    """The share of rows whose largest target is among the k largest outputs.

    >>> TopKCategoricalAccuracy(k=2)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    1.0
    """

    sparse = False
    hyper = ("k",)
    kind = Kind.TOP_K_ACCURACY

    def __init__(self, k: int = 5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(name, dtype)
        self.k = k

    def rows(self, t, y):
        return top_k_categorical_accuracy(t, y, self.k)


@register("metric", "sparse_top_k_categorical_accuracy")
class SparseTopKCategoricalAccuracy(_ClassAccuracy):
    """The share of rows whose integer label is among the k largest outputs.

    from_sorted_ids : see `sparse_top_k_categorical_accuracy`.
    """

    sparse = True
    hyper = ("k",)
    kind = Kind.SPARSE_TOP_K_ACCURACY

    def __init__(self, k: int = 5, name="sparse_top_k_categorical_accuracy", dtype=None,
                 from_sorted_ids: bool = False):
        super().__init__(name, dtype)
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def get_config(self):
        return {**super().get_config(), "from_sorted_ids": self.from_sorted_ids}

    def rows(self, t, y):
        return sparse_top_k_categorical_accuracy(t, y, self.k, self.from_sorted_ids)

    def lowers(self, shape):
        return super().lowers(shape) and not self.from_sorted_ids
