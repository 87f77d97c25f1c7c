"""Cross-entropies, divergences and hinges as metrics: means of the losses of these names."""

from __future__ import annotations

import numpy as np

from fastnn.formulas import as_real
from fastnn.metrics.accuracy import labels_of
from fastnn.metrics.base import pair
from fastnn.metrics.regression import LossMetric
from fastnn.registry import register


@register("metric", "bce")
class BinaryCrossentropy(LossMetric):
    """The mean of -(t log y + (1 - t) log(1 - y)); y is clipped to [1e-7, 1 - 1e-7]."""

    loss_name = "BinaryCrossentropy"
    hyper = ("from_logits", "label_smoothing")

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits: bool = False,
                 label_smoothing: float = 0):
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


@register("metric")
class CategoricalCrossentropy(LossMetric):
    """The mean of -sum_j t_j log y_j, rows of y divided by their sums; classes along ``axis``."""

    loss_name = "CategoricalCrossentropy"
    hyper = ("from_logits", "label_smoothing")

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits: bool = False,
                 label_smoothing: float = 0, axis: int = -1):
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}

    def rows(self, t, y):
        t, y = (np.moveaxis(x, self.axis, -1) for x in pair(t, as_real(y)))
        m = y.shape[-1]
        return self.loss.rows(t.reshape(-1, m), y.reshape(-1, m)).reshape(y.shape[:-1])


@register("metric")
class SparseCategoricalCrossentropy(LossMetric):
    """The mean of -log y_t for integer labels t; classes along ``axis``.

    ignore_class : targets whose loss is 0, and which count only where there are no weights, as in
        Keras.
    """

    loss_name = "SparseCategoricalCrossentropy"
    sparse = True
    hyper = ("from_logits",)

    def __init__(self, name="sparse_categorical_crossentropy", dtype=None,
                 from_logits: bool = False, ignore_class: int | None = None, axis: int = -1):
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def get_config(self):
        return {**super().get_config(), "ignore_class": self.ignore_class, "axis": self.axis}

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self.ignore_class is not None and sample_weight is not None:
            counted = labels_of(y_true, y_pred) != self.ignore_class
            sample_weight = np.asarray(sample_weight) * counted
        super().update_state(y_true, y_pred, sample_weight)

    def rows(self, t, y):
        y, t = np.moveaxis(as_real(y), self.axis, -1), labels_of(t, y)
        counted = np.ones(t.shape, bool) if self.ignore_class is None else t != self.ignore_class
        labels = np.where(counted, t, 0).ravel()
        found = self.loss.rows(labels, y.reshape(-1, y.shape[-1])).reshape(t.shape)
        return np.where(counted, found, 0.0)


@register("metric", "kl_divergence")
class KLDivergence(LossMetric):
    """The mean of sum_j t_j log(t_j / y_j); both are clipped to [1e-7, 1]."""

    loss_name = "KLDivergence"

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(name, dtype)


@register("metric")
class Poisson(LossMetric):
    """The mean of y - t log(y + 1e-7)."""

    loss_name = "Poisson"


@register("metric")
class Hinge(LossMetric):
    """The mean of max(1 - t y, 0); targets 0 and 1 become -1 and 1."""

    loss_name = "Hinge"


@register("metric")
class SquaredHinge(LossMetric):
    """The mean of max(1 - t y, 0)^2; targets 0 and 1 become -1 and 1."""

    loss_name = "SquaredHinge"


@register("metric")
class CategoricalHinge(LossMetric):
    """The mean of max(max_j (1 - t_j) y_j - sum_j t_j y_j + 1, 0)."""

    loss_name = "CategoricalHinge"
