"""F-scores: precision and recall as one number."""

from __future__ import annotations

import numpy as np

from fastnn import config
from fastnn.metrics.base import Metric
from fastnn.registry import register

_AVERAGES = (None, "micro", "macro", "weighted")


@register("metric", "f_beta_score")
class FBetaScore(Metric):
    """(1 + b^2) precision recall / (b^2 precision + recall), for each class.

    average : None for an array, one number a class; "micro" counts all classes together, "macro"
        takes their mean, "weighted" a mean weighted by how many targets they have.
    beta : what recall weighs against precision. threshold : an output is positive above it; with
        None the largest output of a row is, if it is not 0.

    1e-7 is added to each divisor, as in Keras. Targets and predictions have shape (n, m).

    >>> import numpy as np
    >>> score = FBetaScore(beta=2.0, threshold=0.5)
    >>> score([[1, 1, 1], [1, 0, 0], [1, 1, 0]],
    ...       [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).round(4)
    array([0.3846, 0.9091, 0.8333])
    """

    direction = "up"
    sparse = False
    counts = True
    hyper = ("average", "beta", "threshold")

    def __init__(self, average: str | None = None, beta: float = 1.0,
                 threshold: float | None = None, name="fbeta_score", dtype=None):
        if average not in _AVERAGES:
            raise ValueError(f"average must be one of {_AVERAGES}, received {average!r}.")
        if not beta > 0:
            raise ValueError(f"beta must be larger than 0, received {beta!r}.")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError("threshold must be larger than 0 and at most 1, received "
                             f"{threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        super().__init__(name, dtype)

    def reset_state(self):
        self._counts = None  # tp, fp, fn and targets, (4, m), or (4,) if all classes are one

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, y = np.asarray(y_true, np.float64), np.asarray(y_pred)
        if t.ndim != 2 or t.shape != y.shape:
            raise ValueError(f"{type(self).__name__} takes targets and predictions of one shape "
                             f"(n, m), received {t.shape} and {y.shape}.")
        if self.threshold is None:
            positive = (y >= y.max(axis=-1, keepdims=True)) & (np.abs(y) > 1e-9)
        else:
            positive = y > y.dtype.type(self.threshold)
        w = 1.0 if sample_weight is None else np.reshape(sample_weight, (-1, 1))
        cells = np.array([positive * t, positive * (1 - t), ~positive * t, t]) * w
        counts = cells.sum(axis=(1, 2) if self.average == "micro" else 1)
        self._counts = counts if self._counts is None else self._counts + counts

    def result(self):
        """A number, or an array (m,) without an average; 0.0 before the first row."""
        if self._counts is None:
            return 0.0
        (tp, fp, fn, targets), tiny = self._counts, config.epsilon()
        precision, recall, b = tp / (tp + fp + tiny), tp / (tp + fn + tiny), self.beta**2
        score = (1 + b) * precision * recall / (b * precision + recall + tiny)
        if self.average is None:
            return score
        if self.average == "weighted":
            return float((score * targets).sum() / (targets.sum() + tiny))
        return float(score.mean())


@register("metric", "f1_score")
class F1Score(FBetaScore):
    """2 precision recall / (precision + recall), for each class; see `FBetaScore`."""

    hyper = ("average", "threshold")

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average, 1.0, threshold, name, dtype)
