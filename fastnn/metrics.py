"""Metrics: numbers that are watched, not minimised. One class each.

A metric here is a mean over the rows of ``rows(t, y)``; the same number is computed inside the
compiled stretch by the op that ``lower`` appends. Alone, a metric keeps a running mean:

>>> from fastnn.metrics import BinaryAccuracy
>>> metric = BinaryAccuracy()
>>> metric.update_state([[1], [0]], [[0.8], [0.7]])
>>> metric.result()
0.5
"""

from __future__ import annotations

import numpy as np

from fastnn import losses, registry
from fastnn.formulas import Formula
from fastnn.plan import Kind
from fastnn.registry import register


class Metric(Formula):
    """A mean over rows, kept up to date by ``update_state`` and read by ``result``.

    direction : "up" where more is better, "down" where less is, None where it cannot be known.
    """

    direction: str | None = None

    sparse = False  # whether the targets are class numbers

    def __init__(self, name: str | None = None):
        self.name = name or registry.snake_case(type(self).__name__)
        self.reset_state()

    def get_config(self) -> dict:
        return {**super().get_config(), "name": self.name}

    def reset_state(self) -> None:
        """Forget all rows."""
        self.total = 0.0
        self.count = 0.0

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        """Take in a batch: targets, predictions (n, m) and optional row weights (n,)."""
        rows = np.asarray(self.rows(np.asarray(y_true), np.asarray(y_pred)), np.float64)
        weights = np.ones(len(rows)) if sample_weight is None else np.ravel(sample_weight)
        self.total += float((rows * weights).sum())
        self.count += float(weights.sum())

    def result(self) -> float:
        """The mean so far; 0.0 before the first row, as in Keras."""
        return self.total / self.count if self.count else 0.0

    def __call__(self, y_true, y_pred, sample_weight=None) -> float:
        """The mean over this batch and all before it."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()


@register("metric")
class BinaryAccuracy(Metric):
    """The share of outputs on the right side of ``threshold``: (y > threshold) == t."""

    direction = "up"
    hyper = ("threshold",)

    def __init__(self, name=None, threshold: float = 0.5):
        super().__init__(name)
        if not 0 < threshold < 1:
            raise ValueError(f"threshold must lie between 0 and 1, received {threshold!r}.")
        self.threshold = float(threshold)

    def rows(self, t, y):
        return (np.reshape(t, y.shape) == (y > self.threshold)).mean(axis=-1)

    def lower(self, builder, value):
        builder.metric(Kind.BINARY_ACCURACY, value, self.values())


@register("metric")
class CategoricalAccuracy(Metric):
    """The share of rows whose largest output is where the largest target is."""

    direction = "up"

    def rows(self, t, y):
        return t.argmax(axis=-1) == y.argmax(axis=-1)

    def lower(self, builder, value):
        builder.metric(Kind.CATEGORICAL_ACCURACY, value)


@register("metric")
class SparseCategoricalAccuracy(Metric):
    """The share of rows whose largest output is at the integer label."""

    direction = "up"
    sparse = True

    def rows(self, t, y):
        return np.reshape(t, len(y)) == y.argmax(axis=-1)

    def lower(self, builder, value):
        builder.metric(Kind.SPARSE_CATEGORICAL_ACCURACY, value)


class _ElementwiseMetric(Metric):
    loss: type[losses.ElementwiseLoss]
    direction = "down"

    def rows(self, t, y):
        return self.loss().rows(t, y)

    def lower(self, builder, value):
        numbers = (1.0 / value.width,)
        builder.metric(Kind.ELEMENT_METRIC, value, numbers, losses.code(self.loss, False))


@register("metric", "mse")
class MeanSquaredError(_ElementwiseMetric):
    """The mean of (y - t)^2."""

    loss = losses.MeanSquaredError


@register("metric", "mae")
class MeanAbsoluteError(_ElementwiseMetric):
    """The mean of |y - t|."""

    loss = losses.MeanAbsoluteError


class FunctionMetric(Metric):
    """A user's function ``f(y_true, y_pred)``: a number, or one a row, averaged over the rows."""

    def __init__(self, function, name=None):
        super().__init__(name or getattr(function, "__name__", "metric"))
        self.function = function

    def rows(self, t, y):
        values = np.asarray(self.function(t, y), np.float64)
        return np.full(len(y), values) if values.ndim == 0 else values.reshape(len(y), -1).mean(1)


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
        return FunctionMetric(identifier)
    return registry.get("metric", identifier)
