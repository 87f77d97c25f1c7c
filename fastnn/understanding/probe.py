"""Plans that stop at the gradient: the loss and its slopes, as the backends compute them.

A `Probe` works on copies of all that training changes, so that looking at a model never moves it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastnn import config, data
from fastnn.backends import Feed, Memory
from fastnn.losses import REDUCTIONS
from fastnn.plan import NOISES, PENALTIES, Builder, Kind
from fastnn.rows import select
from fastnn.training import Trainer

WORKSPACE = 1 << 26  # bytes that one call's workspace may take

_COUNTING = range(Kind.ELEMENT_METRIC, Kind.PENALTY)
_MOVING = range(Kind.CLIP_VALUE, Kind.ORTHOGONALITY)  # clipping, the update, constraints
_SUM = REDUCTIONS["sum"]
_TABLE = -1  # offsets below it are those of tables whose data are not known yet


class Probe:
    """What a compiled model's loss is on some rows, and its gradient.

    training : as in the next training step, with its dropout masks and the batch's own statistics;
        otherwise as in `evaluate`, where both are off.
    dtype : "float64" computes in that type whatever the model's own is.
    by_row : the loss is that of each row on its own, without penalties.
    """

    def __init__(self, trainer, training: bool = False, dtype=None, by_row: bool = False):
        self.trainer, self.backend, self.training = trainer, trainer.backend, training
        plan = trainer.plan
        self.plan = replace(plan, ops=_ops(plan.ops, training, by_row), n_slots=0,
                            dtype=np.dtype(dtype or plan.dtype))
        self.params = trainer.memory.params.astype(self.plan.dtype)  # a copy
        n = len(trainer.memory.grads)
        self.memory = Memory(self.params.copy(), np.zeros(n, self.plan.dtype),
                             np.zeros((0, n), self.plan.dtype))
        # where batches matter, all rows are one
        self.whole = not by_row and (training or not _additive(trainer.loss))

    def blocks(self, n: int) -> list[slice]:
        """The rows 0 .. n - 1 in pieces whose workspace has a reasonable size."""
        if self.whole:
            return [slice(0, n)]
        size = max(64, WORKSPACE // (self.plan.columns * self.plan.dtype.itemsize) // 64 * 64)
        return [slice(i, min(n, i + size)) for i in range(0, n, size)]

    def rows(self, feed: Feed, part: slice) -> Feed:
        """Some rows of a feed in the plan's type."""
        feed, dtype = select(feed, part), self.plan.dtype
        X = feed.X[:] if isinstance(feed.X, data.Rows) else feed.X
        weights = feed.weights
        return Feed(np.ascontiguousarray(X, dtype), np.ascontiguousarray(feed.T, dtype),
                    np.ascontiguousarray(feed.labels),
                    None if weights is None else np.ascontiguousarray(weights, dtype))

    def run(self, feed: Feed, order: np.ndarray) -> np.ndarray:
        """Forwards and backwards through the rows of each part of ``order``, a batch each.

        Returns the loss of each part times its rows, and leaves the last part's gradient.
        """
        self.memory.params[:] = self.params  # a batch may have moved averages
        parts, rows = order.shape
        sums = np.zeros((parts, 1 + self.plan.n_metrics))
        scalars = np.zeros((parts, max(1, self.plan.n_scalars)))
        self.backend.train(self.plan, self.memory, feed, order, rows, scalars, self.trainer.step,
                           sums, None, config.num_threads())
        return sums[:, 0]

    def loss(self, feed: Feed) -> float:
        """The loss of a feed of the plan's type as one batch."""
        n = len(feed.X)
        return float(self.run(feed, np.arange(n)[None])[0]) / n

    def gradient(self, feed: Feed) -> tuple[float, np.ndarray]:
        """The loss of the feed's rows and its gradient (n_trained,), in float64."""
        n, loss, total = len(feed.X), 0.0, np.zeros(len(self.memory.grads))
        for part in self.blocks(n):
            share = (part.stop - part.start) / n
            loss += share * self.loss(self.rows(feed, part))
            total += share * self.memory.grads
        return loss, total

    def row_losses(self, feed: Feed) -> np.ndarray:
        """The loss (n,) of each row."""
        found = []
        for part in self.blocks(len(feed.X)):
            rows = self.rows(feed, part)
            found.append(self.run(rows, np.arange(len(rows.X))[:, None]))
        return np.concatenate(found)

    def row_gradients(self, feed: Feed):
        """An iterator over the gradient (n_trained,) of each row's loss; one array, reused."""
        for part in self.blocks(len(feed.X)):
            rows = self.rows(feed, part)
            for i in range(len(rows.X)):
                self.run(rows, np.array([[i]]))
                yield self.memory.grads


class TableBuilder(Builder):
    """Makes plans whose data are a trained table: row i of a batch is the number i, looked up.

    The gradient of an embedding, which every backend computes, is then that of the loss in each
    input. ``tables`` are the shapes of the inputs' rows.
    """

    def __init__(self, dtype):
        super().__init__(dtype)
        self.tables: list[tuple] = []

    def input(self, shape):
        place = super().input((1,))
        self.tables.append(tuple(shape))
        # where the table lies, and how many rows it has, is known with the data
        return self.op(Kind.EMBEDDING, place, shape=tuple(shape), trains=True,
                       w=_TABLE - len(self.tables), s=0)


class InputProbe:
    """The gradient of each row's loss in the row itself, without penalties."""

    def __init__(self, trainer):
        self.trainer, self.rows_of = trainer, Probe(trainer, by_row=True)
        twin = _TableTrainer(trainer.model, "sgd", trainer.loss, backend=trainer.backend.NAME,
                             seed=trainer.seed)
        self.shapes = twin.tables
        self.plan = replace(twin.plan, ops=_ops(twin.plan.ops, False, by_row=True), n_slots=0)

    def gradients(self, feed: Feed) -> np.ndarray:
        """(n, plan inputs) of a feed: the columns of all inputs side by side."""
        n = len(feed.X)
        blocks = self.rows_of.blocks(n)
        if _couples(self.trainer.loss):  # a row's loss is that of a batch of its own
            blocks = [slice(i, i + 1) for i in range(n)]
        return np.concatenate([self._block(self.rows_of.rows(feed, part)) for part in blocks])

    def split(self, columns: np.ndarray):
        """The columns in the shapes of the inputs: one array, or a list of several."""
        ends = np.cumsum([int(np.prod(shape, dtype=np.int64)) for shape in self.shapes])
        parts = [part.reshape(-1, *shape) for part, shape in
                 zip(np.split(columns, ends[:-1], axis=1), self.shapes, strict=True)]
        return parts if len(parts) > 1 else parts[0]

    def _block(self, feed: Feed) -> np.ndarray:
        n, widths = len(feed.X), [int(np.prod(shape, dtype=np.int64)) for shape in self.shapes]
        ends = np.cumsum(widths)
        tables = [feed.X[:, end - width : end] for width, end in zip(widths, ends, strict=True)]
        start = len(self.rows_of.params)
        ops = self.plan.ops.copy()
        ours = np.flatnonzero((ops["kind"] == Kind.EMBEDDING) & (ops["w"] < _TABLE))
        for i, width, end in zip(ours, widths, ends, strict=True):
            ops["s"][i], ops["w"][i] = n, start + n * (end - width)
        params = np.concatenate([self.rows_of.params, *map(np.ravel, tables)])
        plan = replace(self.plan, ops=ops, n_params=len(params), n_trained=len(params))
        memory = Memory(params, np.zeros_like(params), np.zeros((0, len(params)), params.dtype))
        places = np.repeat(np.arange(n, dtype=params.dtype)[:, None], len(widths), axis=1)
        self.trainer.backend.train(plan, memory, replace(feed, X=places), np.arange(n)[None], n,
                                   np.zeros((1, 1)), 0, np.zeros((1, 1 + plan.n_metrics)), None,
                                   config.num_threads())
        tables = np.split(memory.grads[start:], n * ends[:-1])
        return np.hstack([table.reshape(n, -1) for table in tables])


class _TableTrainer(Trainer):
    """A trainer whose plan a `TableBuilder` makes."""

    def builder(self, dtype):
        self.tables = (made := TableBuilder(dtype)).tables
        return made


def _additive(loss) -> bool:
    """Whether a loss, or each one of a model of several outputs, is a mean over rows."""
    return all(own is None or own.additive for own in getattr(loss, "losses", [loss]))


def _couples(loss) -> bool:
    """Whether a batch's loss is more than the sum of its rows'."""
    return any(own is not None and own.batchwise for own in getattr(loss, "losses", [loss]))


def _ops(ops: np.ndarray, training: bool, by_row: bool) -> np.ndarray:
    """The ops up to the gradient.

    Unless ``training``, dropout and noise let everything pass, and batch normalisation has its
    moving averages, also on the way back. ``by_row`` sums the losses and leaves out penalties.
    """
    kinds = ops["kind"]
    kept = ~np.isin(kinds, [*_COUNTING, *_MOVING])
    if by_row:
        kept &= ~np.isin(kinds, [kind for kind in PENALTIES if kind != Kind.ACTIVITY])
    ops = ops[kept].copy()
    for op in ops:
        if by_row and Kind.OUTPUT < op["kind"] <= Kind.OVERLAP_LOSS:
            op["sums"] = _SUM
        if by_row and op["kind"] == Kind.ACTIVITY:
            op["a0"] = op["a1"] = 0
        if not training and op["kind"] == Kind.BATCH_NORM:
            op["frozen"] = 1
        if not training and op["kind"] in (Kind.DROPOUT, Kind.NOISE):
            op["a0"] = 0
            if op["kind"] == Kind.NOISE and NOISES[op["formula"]] == "alpha_dropout":
                op["a1"], op["a2"] = 1, 0
    return ops

