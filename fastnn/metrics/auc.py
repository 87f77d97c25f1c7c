"""The area under the ROC, precision-recall and precision-recall-gain curves."""

from __future__ import annotations

import numpy as np

from fastnn import config
from fastnn.formulas import as_real
from fastnn.metrics.base import Metric, count_between, same_rank
from fastnn.metrics.confusion import MOST_THRESHOLDS, confusion, ratio
from fastnn.registry import register

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMMATIONS = ("interpolation", "majoring", "minoring")


@register("metric")
class AUC(Metric):
    """The area under a curve that the thresholds draw.

    num_thresholds : evenly from 0 to 1; the larger, the closer to the true area. thresholds : a
        list of one's own, instead. exact : every prediction is a threshold; all are kept.
    curve : "ROC", "PR" or "PRGAIN". summation_method : how the area between two thresholds is
        taken: "interpolation" (trapezoids; of the PR curve, of the true positives), "majoring" or
        "minoring" (the larger or the smaller height).
    multi_label : an area for each output, then their mean, weighted by label_weights; otherwise
        all outputs draw one curve. from_logits : a sigmoid is applied first.

    0.0 where there are no positive or no negative targets, as in Keras.

    >>> AUC()([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]), AUC(curve="PR", exact=True)([0, 1], [0.1, 0.2])
    (0.75, 1.0)

    Source of the interpolated PR curve: Davis and Goadrich, The relationship between
    precision-recall and ROC curves, 2006; of the gains: Flach and Kull, Precision-recall-gain
    curves, 2015.
    """

    direction = "up"
    sparse = False
    counts = True
    hyper = ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels",
             "from_logits", "exact")

    def __init__(self, num_thresholds: int = 200, curve: str = "ROC",
                 summation_method: str = "interpolation", name=None, dtype=None, thresholds=None,
                 multi_label: bool = False, num_labels: int | None = None, label_weights=None,
                 from_logits: bool = False, exact: bool = False):
        self.curve = _choice("curve", curve, _CURVES)
        self.summation_method = _choice("summation_method", summation_method, _SUMMATIONS)
        if num_labels and not multi_label:
            raise ValueError(f"num_labels={num_labels!r} needs multi_label=True.")
        self.own_thresholds = None if thresholds is None else sorted(map(float, thresholds))
        inner = self.own_thresholds or []
        if thresholds is None:
            num_thresholds = count_between("num_thresholds", num_thresholds, 2, MOST_THRESHOLDS)
            inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        # beyond 0 and 1, so that a prediction of 0 is positive at the first and none at the last
        margin = config.epsilon()
        self.thresholds = [-margin, *inner, 1.0 + margin]
        self.num_thresholds = len(self.thresholds)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.ravel(label_weights).tolist()
        self.from_logits = from_logits
        self.exact = exact
        super().__init__(name, dtype)

    def get_config(self):
        return {**super().get_config(), "thresholds": self.own_thresholds,
                "label_weights": self.label_weights}

    def reset_state(self):
        self._counts = None
        self._seen: list[tuple] = []

    def update_state(self, y_true, y_pred, sample_weight=None):
        y = as_real(y_pred)
        if self.from_logits:
            with np.errstate(over="ignore"):
                y = 1 / (1 + np.exp(-y))
        if self.multi_label and (y.ndim != 2 or self.num_labels not in (None, y.shape[1])):
            raise ValueError("multi_label=True needs predictions of shape (n, "
                             f"{self.num_labels or 'labels'}), received shape {y.shape}.")
        if self.exact:
            self._keep(y_true, y, sample_weight)
            return
        counts = confusion(y_true, y, self.thresholds, sample_weight, by_label=self.multi_label,
                           label_weights=None if self.multi_label else self.label_weights)
        self._counts = counts if self._counts is None else self._counts + counts

    def _keep(self, y_true, y, sample_weight):
        y, t = same_rank(y, np.asarray(y_true) != 0)
        if t.shape != y.shape:
            raise ValueError(f"y_true has shape {np.shape(y_true)}, y_pred {y.shape}: they must be "
                             "equal.")
        w = np.ones(y.shape)
        if sample_weight is not None:
            given = np.asarray(sample_weight, np.float64)
            w = w * (given if given.ndim == y.ndim else given[..., None])
        if self.label_weights is not None and not self.multi_label:
            w = w * self.label_weights
        shape = (-1, y.shape[1] if self.multi_label else 1)
        if y.size:
            self._seen.append(tuple(x.reshape(shape).copy() for x in (t, y, w)))

    def result(self) -> float:
        if self.exact:
            if not self._seen:
                return 0.0
            t, y, w = (np.concatenate(parts) for parts in zip(*self._seen, strict=True))
            areas = np.array([float(self._area(*counts_at_all(*columns)))
                              for columns in zip(t.T, y.T, w.T, strict=True)])
        else:
            if self._counts is None:
                return 0.0
            areas = np.atleast_1d(self._area(*self._counts))
        if self.label_weights is None or not self.multi_label:
            return float(areas.mean())
        return float(ratio((areas * self.label_weights).sum(), np.sum(self.label_weights)))

    def _area(self, tp, fp, tn, fn):
        """The area from the counts at rising thresholds, which are the first axis."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated(tp, fp, fn)
        recall = ratio(tp, tp + fn)
        if self.curve == "ROC":
            x, y = ratio(fp, fp + tn), recall
        elif self.curve == "PR":
            x, y = recall, ratio(tp, tp + fp)
        else:
            odds = ratio(tp + fn, tn + fp)
            x = np.where(tp == 0, 0.0, np.maximum(1 - odds * ratio(fn, tp), 0.0))
            y = np.where(tp == 0, 1.0, 1 - odds * ratio(fp, tp))
        sides = y[:-1], y[1:]
        heights = {"interpolation": lambda a, b: (a + b) / 2, "majoring": np.maximum,
                   "minoring": np.minimum}[self.summation_method](*sides)
        return ((x[:-1] - x[1:]) * heights).sum(axis=0)


def counts_at_all(t, y, w) -> tuple:
    """The four counts, falling, with every distinct prediction as a threshold.

    t : (n,) bool; y : predictions; w : weights. First all are positive, at the end none is.
    """
    order = np.argsort(-y, kind="stable")
    t, y, w = t[order], y[order], w[order]
    last = np.flatnonzero(np.append(y[1:] != y[:-1], True))  # of each group of equal predictions
    tp, fp = (np.append(0.0, np.cumsum(np.where(hits, w, 0.0))[last])[::-1] for hits in (t, ~t))
    return tp, fp, fp[0] - fp, tp[0] - tp


def _interpolated(tp, fp, fn):
    """The PR area where true positives, not precisions, are interpolated between thresholds."""
    p = tp + fp
    gained, passed = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = ratio(gained, np.maximum(passed, 0))
    intercept = tp[1:] - slope * p[1:]
    growth = np.where((p[:-1] > 0) & (p[1:] > 0), ratio(p[:-1], p[1:]), 1.0)
    return ratio(slope * (gained + intercept * np.log(growth)), tp[1:] + fn[1:]).sum(axis=0)


def _choice(name, value, known):
    found = [k for k in known if k.lower() == str(value).lower()]
    if not found:
        raise ValueError(f"{name} must be one of {known}, received {value!r}.")
    return found[0]
