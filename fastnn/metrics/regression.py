"""Metrics that are means of a loss, and others of regressions.

A metric that is the mean of a loss takes its formula from ``fastnn.losses``; where that is
elementwise, it is computed inside the compiled stretch.
"""

from __future__ import annotations

import warnings

import numpy as np

from fastnn import config, losses, registry
from fastnn.formulas import as_real
from fastnn.metrics.base import Metric, pair
from fastnn.plan import Kind
from fastnn.registry import register


class LossMetric(Metric):
    """The mean of a loss over the rows. ``loss_name`` is the loss, ``hyper`` its arguments."""

    loss_name: str
    direction = "down"
    sparse = False

    @property
    def loss(self) -> losses.Loss:
        """The loss, with the metric's settings."""
        settings = {name: getattr(self, name) for name in self.hyper}
        return registry.get_class("loss", self.loss_name)(**settings)

    def rows(self, t, y):
        return self.loss.rows(*pair(t, as_real(y)))

    def lowers(self, shape):
        loss = self.loss  # rows of its own mean more than a mean of the formula
        return (isinstance(loss, losses.ElementwiseLoss)
                and type(loss).rows is losses.ElementwiseLoss.rows)

    def lower(self, builder, value):
        loss = self.loss
        averaged = value.width  # a loss that sums over the last axis is averaged over the others
        if not getattr(loss, "mean", True):
            averaged //= value.shape[-1]
        builder.metric(Kind.ELEMENT_METRIC, value, (1.0 / averaged, *loss.values()),
                       losses.code(type(loss), loss.from_logits))


@register("metric", "mse")
class MeanSquaredError(LossMetric):
    """The mean of (y - t)^2."""

    loss_name = "MeanSquaredError"


@register("metric", "mae")
class MeanAbsoluteError(LossMetric):
    """The mean of |y - t|."""

    loss_name = "MeanAbsoluteError"


@register("metric", "mape")
class MeanAbsolutePercentageError(LossMetric):
    """The mean of 100 |y - t| / max(|t|, 1e-7)."""

    loss_name = "MeanAbsolutePercentageError"


@register("metric", "msle")
class MeanSquaredLogarithmicError(LossMetric):
    """The mean of (log(1 + y) - log(1 + t))^2; both at least 1e-7."""

    loss_name = "MeanSquaredLogarithmicError"


@register("metric", "rmse")
class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of (y - t)^2 over all rows.

    >>> RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.5
    """

    def rows(self, t, y):
        t, y = pair(t, as_real(y))
        return np.square(y - t, dtype=np.float64)

    def result(self):
        return float(np.sqrt(super().result()))

    def lowers(self, shape):
        return True

    def from_sums(self, sums, rows):
        return float(np.sqrt(super().from_sums(sums, rows)))


@register("metric", "logcosh", "log_cosh")
class LogCoshError(LossMetric):
    """The mean of log(cosh(y - t))."""

    loss_name = "LogCosh"

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(name, dtype)


@register("metric")
class CosineSimilarity(Metric):
    """The mean over rows of sum_j t_j y_j / (|t| |y|); lengths are at least 1e-7.

    >>> CosineSimilarity()([[0.0, 1.0], [3.0, 4.0]], [[0.0, 2.0], [4.0, 3.0]])
    0.98
    """

    direction = "up"
    sparse = False
    hyper = ("axis",)

    def __init__(self, name="cosine_similarity", dtype=None, axis: int = -1):
        super().__init__(name, dtype)
        self.axis = axis

    def rows(self, t, y):
        t, y = pair(as_real(t), as_real(y))
        return (_unit(t, self.axis) * _unit(y, self.axis)).sum(axis=self.axis)


def _unit(x, axis):
    return x / np.maximum(np.sqrt(np.square(x).sum(axis=axis, keepdims=True)), config.epsilon())


@register("metric")
class R2Score(Metric):
    """1 - sum (t - y)^2 / sum (t - mean t)^2, for each output.

    class_aggregation : "uniform_average" of the outputs, "variance_weighted_average" or None (an
        array). num_regressors p : where not 0, 1 - (1 - R2) (n - 1) / (n - p - 1), n counting all
        targets, as in Keras.
    """

    direction = "up"
    sparse = False
    hyper = ("class_aggregation", "num_regressors")

    def __init__(self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
                 name="r2_score", dtype=None):
        known = ("uniform_average", "variance_weighted_average", None)
        if class_aggregation not in known:
            raise ValueError(f"class_aggregation must be one of {known}, received "
                             f"{class_aggregation!r}.")
        if num_regressors < 0:
            raise ValueError(f"num_regressors must be at least 0, received {num_regressors!r}.")
        super().__init__(name, dtype)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors

    def reset_state(self):
        self.num_samples = 0
        self.sums = 0.0  # of w, w t, w t^2 and w (t - y)^2, each (outputs,)

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, y = pair(y_true, y_pred)
        if t.ndim != 2:
            raise ValueError(f"R2Score takes targets and predictions of shape (n, m), received "
                             f"{np.shape(y_true)} and {np.shape(y_pred)}.")
        t, y = np.asarray(t, np.float64), np.asarray(y, np.float64)
        w = np.asarray(1.0 if sample_weight is None else sample_weight, np.float64)
        w = np.broadcast_to(w[:, None] if w.ndim == 1 else w, t.shape)
        self.sums = self.sums + np.sum([w, w * t, w * t * t, w * (t - y) ** 2], axis=1)
        self.num_samples += t.size

    def result(self):
        if not self.num_samples:
            return 0.0
        count, total, squares, residual = self.sums
        with np.errstate(all="ignore"):
            variance = squares - total * (total / count)
            scores = 1 - residual / variance
            scores = np.where(np.isinf(scores), 0.0, scores)
            if self.class_aggregation == "variance_weighted_average":
                scores = (variance * scores).sum() / variance.sum()
            elif self.class_aggregation == "uniform_average":
                scores = scores.mean()
        scores = self._adjusted(scores)
        return scores if self.class_aggregation is None else float(scores)

    def _adjusted(self, score):
        n, p = self.num_samples, self.num_regressors
        if p == 0:
            return score
        if p >= n - 1:
            warnings.warn(f"R2Score: {p} regressors are too many to adjust for with {n} targets; "
                          "the score is left as it is.", stacklevel=3)
            return score
        return 1 - (1 - score) * (n - 1) / (n - p - 1)


def pearson_correlation(y_true, y_pred, axis: int = -1) -> np.ndarray:
    """Pearson's correlation of targets and predictions along an axis; NaN where one is constant."""
    t, y = (x - x.mean(axis=axis, keepdims=True) for x in pair(as_real(y_true), as_real(y_pred)))
    with np.errstate(invalid="ignore"):
        return (t / t.std(axis=axis, keepdims=True)
                * (y / y.std(axis=axis, keepdims=True))).mean(axis=axis)


def concordance_correlation(y_true, y_pred, axis: int = -1) -> np.ndarray:
    """Lin's concordance, 2 cov(t, y) / (var t + var y + (mean t - mean y)^2), along an axis.

    Source: Lin, A concordance correlation coefficient to evaluate reproducibility, 1989.
    """
    t, y = pair(as_real(y_true), as_real(y_pred))
    t_mean, y_mean = t.mean(axis=axis, keepdims=True), y.mean(axis=axis, keepdims=True)
    covariance = ((t - t_mean) * (y - y_mean)).mean(axis=axis)
    norm = t.var(axis=axis) + y.var(axis=axis) + np.squeeze((t_mean - y_mean) ** 2, axis)
    return 2 * covariance / (norm + config.epsilon())


class _Correlation(Metric):
    direction = "up"
    sparse = False
    hyper = ("axis",)

    def __init__(self, name=None, dtype=None, axis: int = -1):
        super().__init__(name, dtype)
        self.axis = axis


@register("metric")
class PearsonCorrelation(_Correlation):
    """The mean of Pearson's correlation along ``axis``: of each row's outputs, or with 0 over the
    rows of a batch, for each output."""

    def rows(self, t, y):
        return pearson_correlation(t, y, self.axis)


@register("metric")
class ConcordanceCorrelation(_Correlation):
    """The mean of Lin's concordance along ``axis``, as in `PearsonCorrelation`."""

    def rows(self, t, y):
        return concordance_correlation(t, y, self.axis)
