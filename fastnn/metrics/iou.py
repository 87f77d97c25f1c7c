"""Intersection over union of classes: tp / (tp + fp + fn)."""

from __future__ import annotations

import numpy as np

from fastnn import config
from fastnn.metrics.base import Metric, count_between
from fastnn.registry import register

MOST_CLASSES = 4096  # a count for every pair


@register("metric", "io_u")
class IoU(Metric):
    """The mean of tp / (tp + fp + fn) over the classes ``target_class_ids`` that occur.

    sparse_y_true, sparse_y_pred : whether these are class numbers, or have a last (``axis``) axis
        of classes, whose largest value is the class. ignore_class : targets that do not count, as
        do class numbers outside 0 .. num_classes - 1.

    Weights are used as they are; Keras rounds them down to whole numbers unless told otherwise.

    >>> metric = IoU(num_classes=2, target_class_ids=[0])
    >>> round(metric([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    direction = "up"
    counts = True
    hyper = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred",
             "axis")

    def __init__(self, num_classes: int, target_class_ids, name=None, dtype=None,
                 ignore_class: int | None = None, sparse_y_true: bool = True,
                 sparse_y_pred: bool = True, axis: int = -1):
        num_classes = count_between("num_classes", num_classes, 1, MOST_CLASSES)
        self.target_class_ids = list(target_class_ids)
        if not all(0 <= i < num_classes for i in self.target_class_ids):
            raise ValueError(f"target_class_ids must lie between 0 and {num_classes - 1}, received "
                             f"{self.target_class_ids}.")
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        super().__init__(name or "io_u", dtype)

    def reset_state(self):
        self.total_cm = np.zeros((self.num_classes, self.num_classes))  # [target, prediction]

    def update_state(self, y_true, y_pred, sample_weight=None):
        t = _classes(y_true, self.sparse_y_true, self.axis)
        y = _classes(y_pred, self.sparse_y_pred, self.axis)
        if t.shape != y.shape:
            raise ValueError(f"y_true of shape {np.shape(y_true)} has {t.size} class numbers, "
                             f"y_pred of shape {np.shape(y_pred)} has {y.size}.")
        n = self.num_classes
        counted = (t >= 0) & (t < n) & (y >= 0) & (y < n)
        if self.ignore_class is not None:
            counted &= t != self.ignore_class
        w = None
        if sample_weight is not None:
            w = np.broadcast_to(np.ravel(sample_weight).astype(np.float64), t.shape)[counted]
        cells = np.bincount(t[counted] * n + y[counted], w, n * n)
        self.total_cm += cells.reshape(n, n)

    def result(self) -> float:
        hits = np.diag(self.total_cm)
        union = (self.total_cm.sum(axis=0) + self.total_cm.sum(axis=1) - hits)
        hits, union = hits[self.target_class_ids], union[self.target_class_ids]
        occurs = union > 1e-9
        tiny = config.epsilon()  # as Keras adds it to each divisor
        shares = np.where(occurs, hits / (union + tiny), 0.0)
        return float(shares.sum() / (occurs.sum() + tiny))


def _classes(values, sparse, axis):
    values = np.asarray(values) if sparse else np.argmax(values, axis=axis)
    return values.astype(np.int64).ravel()


@register("metric", "binary_io_u")
class BinaryIoU(IoU):
    """Intersection over union of two classes: outputs of at least ``threshold`` are class 1."""

    hyper = ("target_class_ids", "threshold")
    sparse = False

    def __init__(self, target_class_ids=(0, 1), threshold: float = 0.5, name=None, dtype=None):
        super().__init__(2, target_class_ids, name or "binary_io_u", dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        y = np.asarray(y_pred)
        threshold = y.dtype.type(self.threshold) if y.dtype.kind == "f" else self.threshold
        super().update_state(y_true, y >= threshold, sample_weight)

    counts = True


@register("metric", "mean_io_u")
class MeanIoU(IoU):
    """The mean of intersection over union over all classes that occur; see `IoU`."""

    hyper = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    def __init__(self, num_classes: int, name=None, dtype=None, ignore_class=None,
                 sparse_y_true=True, sparse_y_pred=True, axis=-1):
        targets = range(count_between("num_classes", num_classes, 1, MOST_CLASSES))
        super().__init__(num_classes, targets, name or "mean_io_u", dtype, ignore_class,
                         sparse_y_true, sparse_y_pred, axis)


@register("metric", "one_hot_io_u")
class OneHotIoU(IoU):
    """`IoU` for one-hot targets, and for predictions that are scores of classes."""

    hyper = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")
    sparse = False

    def __init__(self, num_classes: int, target_class_ids, name=None, dtype=None,
                 ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, target_class_ids, name or "one_hot_io_u", dtype,
                         ignore_class, False, sparse_y_pred, axis)


@register("metric", "one_hot_mean_io_u")
class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot targets, and for predictions that are scores of classes."""

    hyper = ("num_classes", "ignore_class", "sparse_y_pred", "axis")
    sparse = False

    def __init__(self, num_classes: int, name=None, dtype=None, ignore_class=None,
                 sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name or "one_hot_mean_io_u", dtype, ignore_class, False,
                         sparse_y_pred, axis)
