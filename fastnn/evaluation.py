"""The loss and the metrics of data, in inference mode."""

from __future__ import annotations

import math

import numpy as np

from fastnn import config
from fastnn.backends import Feed
from fastnn.plan import PENALTIES

# The longest that one call into a backend should last, in seconds: a Ctrl-C waits for its end.
CALL_SECONDS = 0.05


class Evaluation:
    """The loss and metrics of data, cut into calls of the backend, or into batches.

    Batches are needed where somebody follows them, by metrics that only Python knows, and by a loss
    that is no mean over rows, as with reduction "sum": as in Keras the result is the mean of the
    batches' losses, by rows.
    """

    def __init__(self, trainer, feed, batch_size=32, by_batch=False):
        self.trainer, self.feed = trainer, feed
        self.row = 0
        self._additive = all(output.loss is None or output.loss.additive
                             for output in trainer.outputs)
        by_batch = by_batch or not self._additive or not all(
            metric.counts and (feed.weights is None or metric not in trainer.weighted)
            for metric in trainer.outside)
        self.size = batch_size if by_batch else rows_a_call(trainer.plan)
        self._sums = np.zeros(1 + trainer.plan.n_metrics)
        trainer.reset_metrics()

    @property
    def done(self) -> bool:
        return self.row >= len(self.feed.X)

    def advance(self) -> dict:
        """One call or batch more: the logs so far."""
        part = slice(self.row, self.row + self.size)
        weights = self.feed.weights
        sums = self._evaluate(part, None if weights is None else weights[part])
        n = min(self.size, len(self.feed.X) - self.row)
        if not self._additive:
            self._as_batch(sums, part, n)
        self._sums += sums
        if self.trainer.outside:
            self._update_metrics(part)
        self.row += n
        return self.trainer.logs(self._sums, self.row)

    def _as_batch(self, sums: np.ndarray, part: slice, n: int) -> None:
        """Put the losses of a batch of n rows, times n, in the place of sums over its rows."""
        outputs = [output for output in self.trainer.outputs if output.loss is not None]
        Y = self._predict(part) if any(output.loss.batchwise for output in outputs) else None
        penalties = total = self._penalties(part, n)
        for output in outputs:
            own = sums[output.own] if output.own else sums[0] - penalties
            loss = n * output.batch_loss(self.feed, part, own, Y)
            if output.own:
                sums[output.own] = loss
            total += output.weight * loss
        sums[0] = total

    def _penalties(self, part: slice, n: int) -> float:
        """The penalties of a batch times its n rows: what rows of weight 0 have."""
        plan = self.trainer.plan
        if not np.isin(plan.ops["kind"], PENALTIES).any():
            return 0.0
        return self._evaluate(part, np.zeros((n, len(self.trainer.outputs)), plan.dtype))[0]

    def _evaluate(self, part: slice, weights) -> np.ndarray:
        trainer, feed = self.trainer, self.feed
        trainer.model.gather()
        sums = np.zeros_like(self._sums)
        rows = Feed(feed.X[part], feed.T[part], feed.labels[part], weights)
        trainer.backend.evaluate(trainer.plan, trainer.memory.params, rows, sums,
                                 config.num_threads())
        return sums

    def _update_metrics(self, part: slice) -> None:
        self.trainer.update_metrics(self.feed, part, self._predict(part), self.size)

    def _predict(self, part: slice) -> np.ndarray:
        trainer, plan, X = self.trainer, self.trainer.plan, self.feed.X[part]
        Y = np.empty((len(X), plan.n_outputs), plan.dtype)
        trainer.backend.forward(plan, trainer.memory.params, X, Y, False, 0, config.num_threads())
        return Y


def rows_a_call(plan) -> int:
    """How many rows a backend predicts in well below ``CALL_SECONDS``: a multiple of 1024.

    A function of the plan alone, for sums must not depend on how fast the machine is.
    """
    nanoseconds = 0.1 * plan.n_params + plan.columns  # a row's, on a slow processor
    return 1024 * math.ceil(CALL_SECONDS * 1e9 / (1024 * nanoseconds))
