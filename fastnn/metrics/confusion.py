"""True and false positives and negatives at thresholds, and what is made of them.

An output counts as positive where it is larger than the threshold, a target where it is not 0.
"""

from __future__ import annotations

import numpy as np

from fastnn.formulas import as_real
from fastnn.metrics.base import Metric, count_between, same_rank
from fastnn.plan import Kind
from fastnn.registry import register

_LOWEST = -1e10  # Keras's threshold where the top k alone decide
MOST_THRESHOLDS = 1_000_000  # each has four counts


def confusion(y_true, y_pred, thresholds, sample_weight=None, *, top_k=None, class_id=None,
              by_label=False, label_weights=None) -> np.ndarray:
    """True positives, false positives, true negatives, false negatives: (4, thresholds).

    y_true, y_pred : (n,) or (n, ..., m); sample_weight : (n,), or of their shape.
    thresholds : (T,) in any order. Evenly spaced ones are Keras's buckets: predictions are clipped
    to [0, 1] and multiplied by T - 1, in their own precision.
    top_k : only the k largest outputs of a row can be positive; class_id : count one output alone.
    by_label : count each column for itself, (4, thresholds, m); label_weights : (m,).
    """
    y, t = same_rank(as_real(y_pred), np.asarray(y_true) != 0)
    weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)[..., None]
    if weights is not None and weights.ndim == t.ndim + 1:
        weights = weights[..., 0]
    if top_k is not None:
        y = _top_k(y, top_k)
    if class_id is not None:
        if y.ndim == 1:
            raise ValueError("class_id needs predictions of shape (n, m), received shape "
                             f"{y.shape}.")
        t, y = t[..., class_id, None], y[..., class_id, None]
    if t.shape != y.shape:
        raise ValueError(f"y_true has shape {np.shape(y_true)}, y_pred {np.shape(y_pred)}: they "
                         "must be equal.")
    if label_weights is not None:
        weights = (1.0 if weights is None else weights) * np.asarray(label_weights, np.float64)
    if weights is not None:
        weights = np.broadcast_to(weights, y.shape)
    return _count(t, y, np.asarray(thresholds, np.float64), weights, by_label)


def _count(t, y, thresholds, weights, by_label):
    order = np.argsort(thresholds, kind="stable")
    below = _below(y, thresholds[order])
    labels, size = (y.shape[-1] if by_label else 1), len(thresholds) + 1
    index = below + size * np.arange(labels) if by_label else below
    histograms = []
    for hits in (t, ~t):
        w = None if weights is None else weights[hits]
        histograms.append(np.bincount(index[hits], w, labels * size).reshape(labels, size))
    # positive at a threshold is what has more thresholds below it
    above = np.cumsum(np.array(histograms, np.float64)[..., ::-1], axis=-1)[..., ::-1]
    positive, total = above[..., 1:], above[..., :1]
    tp, fp = positive
    fn, tn = total - positive
    counts = np.empty((4, len(thresholds), labels))
    counts[:, order] = np.array([tp, fp, tn, fn]).transpose(0, 2, 1)
    return counts if by_label else counts[..., 0]


def _below(y, thresholds):
    """How many of the sorted thresholds lie below each prediction; none below NaN."""
    y = np.where(np.isnan(y), y.dtype.type(-np.inf), y)
    n = len(thresholds)
    if n < 3 or not np.allclose(thresholds, np.arange(n) / (n - 1), atol=1e-7):
        return np.searchsorted(thresholds.astype(y.dtype), y)
    bucket = np.ceil(np.clip(y, 0, 1) * y.dtype.type(n - 1)).astype(np.int64)
    return np.maximum(bucket, 1) if thresholds[0] < 0 else bucket


def _top_k(y, k):
    """The predictions, but for the k largest of each row far below all thresholds."""
    best = np.argsort(-y, axis=-1, kind="stable")[..., :k]
    kept = np.full_like(y, _LOWEST)
    np.put_along_axis(kept, best, np.take_along_axis(y, best, axis=-1), axis=-1)
    return kept


def ratio(a, b):
    """a / b; 0 where b is 0."""
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    return np.divide(a, b, out=np.zeros(a.shape), where=b != 0)


def thresholds_of(given, default: float) -> np.ndarray:
    """The thresholds of an argument that is a number, a list or None; ValueError outside [0, 1]."""
    found = np.atleast_1d(np.asarray(default if given is None else given, np.float64))
    if given is not None and not ((found >= 0) & (found <= 1)).all():
        raise ValueError(f"thresholds must lie between 0 and 1, received {given!r}.")
    return found


def _plain(thresholds):
    """Thresholds as a file can hold them."""
    return thresholds.tolist() if isinstance(thresholds, np.ndarray) else thresholds


class Confusion(Metric):
    """The base of metrics made of the four counts at the thresholds ``levels``."""

    counts = True
    sparse = False
    hyper: tuple[str, ...] = ("thresholds",)
    top_k: int | None = None
    class_id: int | None = None

    def __init__(self, levels, name=None, dtype=None):
        self.levels = levels
        super().__init__(name, dtype)

    def reset_state(self):
        self._counts = np.zeros((4, len(self.levels)))

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._counts += confusion(y_true, y_pred, self.levels, sample_weight, top_k=self.top_k,
                                  class_id=self.class_id)

    true_positives = property(lambda self: self._counts[0])
    false_positives = property(lambda self: self._counts[1])
    true_negatives = property(lambda self: self._counts[2])
    false_negatives = property(lambda self: self._counts[3])

    def result(self):
        """A number for one threshold, an array for several."""
        result = self.of(*self._counts)
        return float(result[0]) if len(self.levels) == 1 else result

    def of(self, tp, fp, tn, fn):
        """The result from the counts at each threshold."""
        raise TypeError(f"{type(self).__name__} does not say what it counts.")  # abstract


# what the plan can count: (positive prediction, positive target)
_CELLS = {"tp": (1, 1), "fp": (1, 0), "tn": (0, 0), "fn": (0, 1)}


class _OneThreshold(Confusion):
    """With one threshold the plan counts, only the ``cells`` that the result is made of."""

    cells: tuple[str, ...]

    def lowers(self, shape):
        return (len(self.levels) == 1 and self.top_k is None
                and (self.class_id is None or len(shape) == 1))

    def lower(self, builder, value):
        column = -1 if self.class_id is None else range(value.width)[self.class_id]
        for cell in self.cells:
            builder.metric(Kind.CONFUSION, value, (self.levels[0], *_CELLS[cell], column))

    def from_sums(self, sums, rows):
        known = dict(zip(self.cells, sums, strict=True))
        return float(self.of(*[known.get(cell, 0.0) for cell in _CELLS]))


class _Cell(_OneThreshold):
    def __init__(self, thresholds=None, name=None, dtype=None):
        self.thresholds = _plain(thresholds)
        super().__init__(thresholds_of(thresholds, 0.5), name, dtype)


@register("metric")
class TruePositives(_Cell):
    """How many positive targets are predicted as such.

    >>> TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
    2.0
    """

    direction = "up"
    cells = ("tp",)

    def of(self, tp, fp, tn, fn):
        return tp


@register("metric")
class FalsePositives(_Cell):
    """How many negative targets are predicted to be positive."""

    direction = "down"
    cells = ("fp",)

    def of(self, tp, fp, tn, fn):
        return fp


@register("metric")
class TrueNegatives(_Cell):
    """How many negative targets are predicted as such."""

    direction = "up"
    cells = ("tn",)

    def of(self, tp, fp, tn, fn):
        return tn


@register("metric")
class FalseNegatives(_Cell):
    """How many positive targets are predicted to be negative."""

    direction = "down"
    cells = ("fn",)

    def of(self, tp, fp, tn, fn):
        return fn


class _PrecisionRecall(_OneThreshold):
    direction = "up"
    hyper = ("thresholds", "top_k", "class_id")

    def __init__(self, thresholds=None, top_k: int | None = None, class_id: int | None = None,
                 name=None, dtype=None):
        self.thresholds = _plain(thresholds)
        self.top_k = top_k
        self.class_id = class_id
        levels = thresholds_of(thresholds, 0.5 if top_k is None else _LOWEST)
        super().__init__(levels, name, dtype)


@register("metric")
class Precision(_PrecisionRecall):
    """tp / (tp + fp): how many of the predicted positives are ones; 0 where there are none.

    thresholds : a number or a list of them (the result is then an array), 0.5 if None.
    top_k : only the k largest outputs of a row can be positive. class_id : look at one output.

    >>> round(Precision()([0, 1, 1, 1], [1, 0, 1, 1]), 4)
    0.6667
    """

    cells = ("tp", "fp")

    def of(self, tp, fp, tn, fn):
        return ratio(tp, tp + fp)


@register("metric")
class Recall(_PrecisionRecall):
    """tp / (tp + fn): how many of the positives are found; arguments as for `Precision`."""

    cells = ("tp", "fn")

    def of(self, tp, fp, tn, fn):
        return ratio(tp, tp + fn)


def rates(tp, fp, tn, fn) -> dict:
    """Sensitivity (which is recall), specificity and precision from counts."""
    sensitivity = ratio(tp, tp + fn)
    return {"sensitivity": sensitivity, "recall": sensitivity, "specificity": ratio(tn, tn + fp),
            "precision": ratio(tp, tp + fp)}


class _AtConstraint(Confusion):
    """The largest ``wanted`` rate at the thresholds where the ``given`` one is large enough."""

    direction = "up"
    given: str
    wanted: str

    def __init__(self, value: float, num_thresholds: int = 200, class_id: int | None = None,
                 name=None, dtype=None):
        if not 0 <= value <= 1:
            raise ValueError(f"{self.given} must lie between 0 and 1, received {value!r}.")
        num_thresholds = count_between("num_thresholds", num_thresholds, 1, MOST_THRESHOLDS)
        setattr(self, self.given, value)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        levels = [0.5] if num_thresholds == 1 else np.linspace(0, 1, num_thresholds)
        super().__init__(np.asarray(levels), name, dtype)

    def result(self):
        """A number; 0.0 where no threshold will do."""
        found = rates(*self._counts)
        enough = found[self.given] >= getattr(self, self.given)
        return float(np.where(enough, found[self.wanted], 0.0).max())


@register("metric")
class SensitivityAtSpecificity(_AtConstraint):
    """The largest tp / (tp + fn) where tn / (tn + fp) is at least ``specificity``.

    num_thresholds : how many are tried, evenly from 0 to 1. class_id : look at one output.
    """

    given, wanted = "specificity", "sensitivity"
    hyper = ("specificity", "num_thresholds", "class_id")

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


@register("metric")
class SpecificityAtSensitivity(_AtConstraint):
    """The largest tn / (tn + fp) where tp / (tp + fn) is at least ``sensitivity``."""

    given, wanted = "sensitivity", "specificity"
    hyper = ("sensitivity", "num_thresholds", "class_id")

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


@register("metric")
class PrecisionAtRecall(_AtConstraint):
    """The largest tp / (tp + fp) where tp / (tp + fn) is at least ``recall``."""

    given, wanted = "recall", "precision"
    hyper = ("recall", "num_thresholds", "class_id")

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


@register("metric")
class RecallAtPrecision(_AtConstraint):
    """The largest tp / (tp + fn) where tp / (tp + fp) is at least ``precision``."""

    given, wanted = "precision", "recall"
    hyper = ("precision", "num_thresholds", "class_id")

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
