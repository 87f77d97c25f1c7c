"""What an estimator minimises: scikit-learn's losses and penalty as parts of a plan."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np

from fastnn import backends, config, losses
from fastnn.backends import Feed, Memory
from fastnn.data import Rows
from fastnn.plan import Builder, Kind
from fastnn.rows import select
from fastnn.sklearn.network import NAMES
from fastnn.sparse import checked_csr
from fastnn.training import Trainer

ROWS = 4096  # of a call in `Objective`: the workspace need not hold all


class Loss(losses.Loss):
    """A loss by scikit-learn's name, or one of fastnn's, behind an output activation.

    ``share`` : what scikit-learn's value of it is of the one that the gradient belongs to: its
    squared error is a mean over the outputs, but the gradient that of the sum.
    """

    def __init__(self, loss, output: str, m: int, reduction="mean_with_sample_weight"):
        super().__init__("loss", reduction)
        self.share = 1 / m if loss == "squared_error" else 1.0
        self._loss = (loss, output)
        if not isinstance(loss, str) or loss not in ("log_loss", "squared_error", "poisson"):
            self._loss = copy.copy(losses.get(loss))
            self._loss.reduction = reduction
        self.sparse = (loss, output) == ("log_loss", "softmax") or getattr(
            self._loss, "sparse", False)

    def lower(self, builder, value):
        """Append the head to the plan."""
        if isinstance(self._loss, losses.Loss):
            return self._loss.lower(builder, value)
        name, output = self._loss
        # scikit-learn's log loss clips probabilities to [eps, 1 - eps]
        most = -math.log(np.finfo(builder.dtype).eps)
        if output in ("softmax", "logistic", "exp"):
            builder.strip_activation(value, NAMES.get(output, output))
        if output == "softmax":
            return builder.head(Kind.SOFTMAX_LOSS, value, link="softmax", sparse=True,
                                numbers=(1.0, 0.0, most), sums=self.sums())
        formula, numbers, link = {
            "log_loss": (losses.LogLoss, (1.0, most), "sigmoid"),
            "squared_error": (losses.MeanSquaredError, (0.5,), None),
            "poisson": (losses.PoissonDeviance, (1.0,), None)}[name]
        return builder.head(Kind.ELEMENT_LOSS, value, formula=losses.code(formula, False),
                            numbers=numbers, link=link, sums=self.sums())

    def feed(self, X, Y, weights, dtype) -> Feed:
        """The data as the plan takes them: X (n, k) dense or sparse, Y (n, m)."""
        if hasattr(X, "tocsr"):
            X = Rows(checked_csr(X, "X"), X.shape[1], dtype)
        else:
            X = np.ascontiguousarray(X, dtype)
        T, labels = np.ascontiguousarray(Y, dtype), np.empty(0, np.int64)
        if self.sparse:
            T, labels = np.empty((0, 0), dtype), T.argmax(axis=1)
        weights = None if weights is None else np.ascontiguousarray(weights, dtype)
        return Feed(X, T, labels, weights)


class PenaltyTrainer(Trainer):
    """A trainer whose penalty, 0.5 alpha sum W^2, is divided by the weights of each batch.

    Behind the loss, the sums of a stretch hold the penalty's part.
    """

    def __init__(self, network, loss: Loss, optimizer, alpha: float):
        self._alpha = alpha
        self._kernels = [layer.variables["kernel"] for layer in network.dense]
        super().__init__(network.model, optimizer, loss, seed=0)

    def _lower(self):
        model, builder = self.model, Builder(self.model.params.dtype)
        self.loss.lower(builder, model.lower(builder))
        if self._alpha:
            column, total = self.optimizer.scalars(0, 1).shape[1], builder.own_sum()
            for kernel in self._kernels:
                builder.penalty(kernel.offset, kernel.size, 0.0, 0.5 * self._alpha, column, total)
        self.optimizer.lower(builder, model.trainable_weights, model.n_trained)
        return builder.plan(model.params.size, model.n_trained)

    def _run(self, feed, order, batch_size, scalars, step, sums, Y):
        if self.loss.reduction != "sum":  # which nothing is divided by
            below = batch_weights(feed.weights, order, batch_size)
            if self._alpha:
                scalars = np.column_stack([scalars, 1 / below])
        super()._run(feed, order, batch_size, scalars, step, sums, Y)

    def mean_loss(self, feed: Feed) -> float:
        """The loss of the rows, the penalty apart."""
        total, weight = 0.0, 0.0
        for rows in row_parts(feed, self.steps_a_call(ROWS) * ROWS):
            sums = np.zeros(1 + self.plan.n_metrics)
            self.backend.evaluate(self.plan, self.memory.params, rows, sums, config.num_threads())
            total += sums[0]
            weight += len(rows.X) if rows.weights is None else float(rows.weights.sum())
        return total / weight * self.loss.share


def batch_weights(weights, order: np.ndarray, batch_size: int) -> np.ndarray:
    """The sum of the rows' weights in each batch of the order (parts, rows); None: of ones."""
    parts, rows = order.shape
    starts = np.arange(0, rows, batch_size)
    if weights is None:
        return np.tile(np.minimum(batch_size, rows - starts).astype(np.float64), parts)
    sums = np.add.reduceat(weights[order], starts, axis=1, dtype=np.float64).ravel()
    if not sums.all():
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return sums


def row_parts(feed: Feed, size: int):
    """The rows of a feed as feeds of at most ``size`` rows, dense ones."""
    size = min(size, getattr(feed.X, "at_once", size))
    for first in range(0, len(feed.X), size):
        part = select(feed, slice(first, first + size))
        yield replace(part, X=part.X[:])


class Objective:
    """Loss and gradient of all rows at any parameters: what L-BFGS minimises.

    ``objective(theta)`` takes and gives vectors of all matrices and then all biases, in float64.
    """

    def __init__(self, network, loss: Loss, feed: Feed, alpha: float):
        builder = Builder(network.params.dtype)
        loss.lower(builder, network.model.lower(builder))
        n = network.model.n_trained
        self.plan = builder.plan(network.params.size, n)
        self.memory = Memory(network.params, np.zeros(n, self.plan.dtype),
                             np.zeros((0, n), self.plan.dtype))
        self.backend = backends.for_plan(self.plan, backends.get())
        self.threads = config.num_threads()
        self.alpha, self.share, self.feed = alpha, loss.share, feed
        self.below = len(feed.X) if feed.weights is None else float(feed.weights.sum())
        self.coefs, self.arrays = network.coefs, network.coefs + network.intercepts
        variables = [layer.variables[name] for name in ("kernel", "bias")
                     for layer in network.dense if name in layer.variables]
        self.places = [slice(v.offset, v.offset + v.size) for v in variables]

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        self.put(theta)
        total, gradient = 0.0, np.zeros(len(self.memory.grads))
        for part in row_parts(self.feed, ROWS):
            sums, n = np.zeros((1, 1)), len(part.X)
            self.backend.train(self.plan, self.memory, part, np.arange(n)[None], n,
                               np.zeros((1, 0)), 0, sums, threads=self.threads)
            total += sums[0, 0] / n
            gradient += self.memory.grads
        for W, place in zip(self.coefs, self.places, strict=False):
            gradient[place] += self.alpha * W.ravel()
        squares = sum(float(np.vdot(W, W)) for W in self.coefs)
        loss = (total * self.share + 0.5 * self.alpha * squares) / self.below
        return loss, np.concatenate([gradient[place] for place in self.places]) / self.below

    def put(self, theta: np.ndarray) -> None:
        """Take the parameters from a vector."""
        start = 0
        for array in self.arrays:
            array[...] = theta[start : start + array.size].reshape(array.shape)
            start += array.size

    def packed(self) -> np.ndarray:
        """The parameters as a vector."""
        return np.concatenate([array.ravel() for array in self.arrays])
