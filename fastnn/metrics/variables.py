"""The numbers that a metric of one's own keeps, in Keras's manner.

>>> from fastnn import metrics, ops
>>> class Largest(metrics.Metric):
...     def __init__(self, name="largest", **kwargs):
...         super().__init__(name=name, **kwargs)
...         self.found = self.add_weight(name="found", initializer="zeros")
...     def update_state(self, y_true, y_pred, sample_weight=None):
...         self.found.assign(ops.maximum(self.found, ops.max(y_pred)))
...     def result(self):
...         return self.found
>>> metric = Largest()
>>> metric.update_state([0.0], [3.0])
>>> float(metric.result())
3.0
>>> metric.reset_state()
>>> float(metric.result())
0.0
"""

from __future__ import annotations

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class MetricVariable(NDArrayOperatorsMixin):
    """An array that is added to; arithmetic with it is that of its numbers."""

    __hash__ = None

    def __init__(self, name: str, start: np.ndarray):
        self.name = name
        self.value = start
        self._start = start.copy()

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype.name)

    def assign(self, value) -> None:
        """Take on other numbers."""
        self.value = np.broadcast_to(np.asarray(value, self.value.dtype), self.shape).copy()

    def assign_add(self, value) -> None:
        """Add ``value``."""
        self.assign(self.value + np.asarray(value))

    def assign_sub(self, value) -> None:
        """Take ``value`` away."""
        self.assign(self.value - np.asarray(value))

    def reset(self) -> None:
        """Take on the first numbers."""
        self.value = self._start.copy()

    def numpy(self) -> np.ndarray:
        """A copy of the numbers."""
        return self.value.copy()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.value, dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **named):
        plain = [x.value if isinstance(x, MetricVariable) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **named)

    def __float__(self) -> float:
        return float(self.value)

    def __getitem__(self, key):
        return self.value[key]

    def __repr__(self) -> str:
        return f"<MetricVariable {self.name}={self.value}>"
