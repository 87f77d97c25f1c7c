"""What all metrics share: how values are averaged, and how a plan computes them.

>>> from fastnn.metrics import Mean
>>> metric = Mean()
>>> metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
>>> metric.result()
2.0
"""

from __future__ import annotations

import operator
from contextlib import suppress

import numpy as np

from fastnn import initializers, registry
from fastnn._states import is_plain
from fastnn.formulas import Formula
from fastnn.metrics.variables import MetricVariable
from fastnn.registry import register


class Metric(Formula):
    """A number that is watched: kept up to date by ``update_state`` and read by ``result``.

    As it stands, a mean over the values that ``rows(y_true, y_pred)`` returns; a metric that is no
    mean has ``reset_state``, ``update_state`` and ``result`` of its own.

    name : what logs call it. dtype : accepted for Keras's sake; sums are kept in float64.

    direction : "up" where more is better, "down" where less is, None where it cannot be known.
    sparse : whether the targets are class numbers; None where they may be or not.
    counts : whether taking in many rows at once gives the same bits as doing so batch by batch.
    """

    direction: str | None = None
    sparse: bool | None = None
    counts = False

    def __init_subclass__(cls, **settings):
        super().__init_subclass__(**settings)
        if "update_state" in vars(cls) and "counts" not in vars(cls):
            cls.counts = False  # only who wrote it can know

    def __init__(self, name: str | None = None, dtype=None):
        self.name = name or registry.snake_case(type(self).__name__)
        self.variables: list[MetricVariable] = []
        with suppress(AttributeError):  # of a class that makes its variables behind this line
            self.reset_state()

    def get_config(self) -> dict:
        return {**super().get_config(), "name": self.name}

    def reset_state(self) -> None:
        """Forget all rows."""
        self.total = 0.0
        self.count = 0.0
        for variable in self.variables:
            variable.reset()

    def get_state(self) -> dict:
        """The numbers that it keeps, to go on from later."""
        found = {name: value for name, value in vars(self).items() if is_plain(value)}
        return found | {"variables": [variable.value for variable in self.variables]}

    def set_state(self, state: dict) -> None:
        """Go on from what `get_state` has said."""
        for variable, value in zip(self.variables, state["variables"], strict=True):
            variable.assign(value)
        vars(self).update({name: state[name] for name in state.keys() & vars(self).keys()
                           if name != "variables"})

    def add_weight(self, shape=(), initializer="zeros", dtype=None, name=None) -> MetricVariable:
        """A float64 variable that a metric of one's own keeps: see `fastnn.metrics.variables`."""
        start = initializers.get(initializer or "zeros")(tuple(shape), "float64")
        name = name or f"variable_{len(self.variables)}"
        self.variables.append(MetricVariable(name, start))
        return self.variables[-1]

    add_variable = add_weight

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        """Take in a batch: targets, predictions (n, ...) and optional weights, (n,) or (n, m)."""
        self._add(self.rows(np.asarray(y_true), np.asarray(y_pred)), sample_weight)

    def _add(self, values, sample_weight) -> None:
        values, weights = samplewise(values, sample_weight, np.mean)
        self.total += float(values.sum())
        self.count += float(np.sum(weights)) if weights is not None else (
            len(values) if values.ndim else 1)

    def result(self):
        """The mean so far; 0.0 before the first row, as in Keras."""
        return self.total / self.count if self.count else 0.0

    def __call__(self, *args, **kwargs):
        """The result over this batch and all before it."""
        self.update_state(*args, **kwargs)
        return self.result()

    # a metric with a ``lower(builder, value)`` is computed inside the compiled stretch

    def lowers(self, shape: tuple[int, ...]) -> bool:
        """Whether ``lower`` can be used as the metric is set, for outputs of a row's ``shape``."""
        return True

    def from_sums(self, sums: list[float], rows: float):
        """The result from the sums that the ops of ``lower`` made over so many rows."""
        return sums[0] / rows


def count_between(name: str, value, least: int, most: int) -> int:
    """A whole number; ``most`` bounds what a file's description of a metric makes it allocate."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not least <= value <= most:
        raise ValueError(f"{name} must be at least {least} and at most {most}, a whole number; "
                         f"received {value!r:.100}.")
    return operator.index(value)


def same_rank(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The arrays with equal ranks, if a last axis of length 1 is all that tells them apart."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[:, None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[:, None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def pair(y_true, y_pred) -> tuple[np.ndarray, np.ndarray]:
    """Targets and predictions of the same shape; ValueError if they do not fit."""
    t, y = same_rank(np.asarray(y_true), np.asarray(y_pred))
    if t.shape != y.shape:
        raise ValueError(f"y_true has shape {np.shape(y_true)}, y_pred {np.shape(y_pred)}: they "
                         "must be equal.")
    return t, y


def samplewise(values, sample_weight, reduce):
    """Weighted values, one a sample, and the weights (None for none), one a sample.

    values : (n, ...). sample_weight : of the same or a lower rank. What the weights have no axes
    for is reduced first, the other axes but the first afterwards, as in Keras.
    """
    values = np.asarray(values, np.float64)
    weights = None
    if sample_weight is not None:
        values, weights = same_rank(values, np.asarray(sample_weight, np.float64))
        rank = weights.ndim
        if values.ndim > rank:
            values = reduce(values, axis=tuple(range(rank, values.ndim)))
        weights = np.broadcast_to(weights, values.shape)
        values = values * weights
        if rank > 1:
            weights = reduce(weights, axis=tuple(range(1, rank)))
    if values.ndim > 1:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return np.asarray(values), weights


@register("metric")
class Mean(Metric):
    """The (weighted) mean of the values given."""

    def update_state(self, values, sample_weight=None) -> None:
        """Take in values (n, ...) and optional weights."""
        self._add(values, sample_weight)


@register("metric")
class Sum(Metric):
    """The (weighted) sum of the values given.

    >>> Sum()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    4.0
    """

    def update_state(self, values, sample_weight=None) -> None:
        """Take in values (n, ...) and optional weights."""
        self.total += float(samplewise(values, sample_weight, np.sum)[0].sum())

    def result(self) -> float:
        return self.total


@register("metric")
class MeanMetricWrapper(Metric):
    """The mean of a function ``fn(y_true, y_pred, **kwargs)``, whose values are (n, ...).

    Of a function that returns one number for a batch, the mean is over the batches.
    """

    def __init__(self, fn, name: str | None = None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        self.fn = fn
        self.kwargs = kwargs

    def rows(self, t, y):
        return self.fn(t, y, **self.kwargs)

    def get_config(self):
        function = getattr(self.fn, "__name__", "metric")
        return {**super().get_config(), "fn": function, "kwargs": self.kwargs}


class FunctionMetric(MeanMetricWrapper):
    """A user's function ``f(y_true, y_pred)``: a number, or one a row, averaged over the rows."""

    def rows(self, t, y):
        values = np.asarray(super().rows(t, y), np.float64)
        return np.full(len(y), values) if values.ndim == 0 else values.reshape(len(y), -1).mean(1)

    def get_config(self):
        return {"name": self.name}
