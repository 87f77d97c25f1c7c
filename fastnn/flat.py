"""A network's loss as a function of one flat vector: for methods that see all rows at every step.

>>> import numpy as np
>>> import fastnn
>>> model = fastnn.Sequential([fastnn.Input((1,)), fastnn.layers.Dense(1, use_bias=False)])
>>> model.compile("lbfgs", "mse")
>>> feed = model.trainer.feed([[1.0], [2.0]], [2.0, 4.0])
>>> objective = Objective(model.trainer.plan, model.trainer.backend, feed, model.params)
>>> loss, gradient = objective(np.array([1.0]))
>>> loss, gradient
(2.5, array([-5.]))
"""

from __future__ import annotations

import numpy as np

from fastnn import config, losses
from fastnn.backends import Memory
from fastnn.plan import Kind, Plan

# bytes of workspace that a tile of rows fills: it stays in a processor's second cache
TILE_BYTES = 1 << 20
LEAST_ROWS = 256  # of a tile: below, the gradient's own memory is the longer way

MOST_PARAMETERS = 4000  # whose normal equations, 128 MB, are solved
PIECE = 1 << 25  # bytes of a piece of a Jacobian

_NOISE = {Kind.DROPOUT: "dropout", Kind.NOISE: "noise", Kind.BATCH_NORM: "batch normalization"}
_STEP = (Kind.CLIP_VALUE, Kind.CLIP_NORM, Kind.UPDATE, Kind.ACCUMULATE, Kind.DECAY, Kind.TRUST,
         Kind.AVERAGE, Kind.NON_NEGATIVE, Kind.BOUND_NORM)


class Objective:
    """The loss of all rows, penalties included, and its gradient in the trained parameters.

    ``objective(vector)`` returns (float, float64 (n_trained,)) and leaves the vector in
    ``params[:n_trained]`` and the sums of loss and metrics over the rows in ``sums``.

    plan : with a loss, and without an optimizer's update.
    feed : `backends.Feed`, the data as the backend takes them.
    params : (plan.n_params,) of the plan's dtype; what lies behind the trained ones stays.
    between : called after every tile of rows; what it raises ends the evaluation.

    Rows go through the backend's compiled step tile by tile, and the tiles' gradients are added in
    float64, in order: the bits depend on neither threads nor machine. Where a batch's loss is no
    mean over its rows (reductions "sum" and "mean_with_sample_weight", ignored classes, Dice of a
    batch) all rows are one tile.

    ValueError for a plan whose loss is no function of the vector alone: see `check`.
    """

    def __init__(self, plan: Plan, backend, feed, params: np.ndarray, between=None):
        check(plan)
        self.plan, self.backend, self.feed, self.params = plan, backend, feed, params
        self.sums = np.zeros(1 + plan.n_metrics)
        self.evaluations = 0
        self._between = between or (lambda: None)
        self._memory = Memory(params, np.zeros(plan.n_trained, plan.dtype),
                              np.zeros((0, plan.n_trained), plan.dtype))
        self._at: np.ndarray | None = None  # the vector of ``sums``
        rows = len(feed.X)
        self._tile = rows_of_tile(plan) if _additive(plan) else rows
        self._order = np.arange(min(self._tile, rows), dtype=np.int64)[None]

    def __call__(self, vector) -> tuple[float, np.ndarray]:
        self.evaluations += 1
        self._at = None
        self.params[: self.plan.n_trained] = vector
        n = len(self.feed.X)
        sums = np.zeros((1, len(self.sums)))
        gradient = np.zeros(self.plan.n_trained)
        for first in range(0, n, self._tile):
            part = slice(first, min(n, first + self._tile))
            size = part.stop - part.start
            self.backend.train(self.plan, self._memory, rows_of(self.feed, part),
                               self._order[:, :size].copy(), size, np.empty((1, 0)), 0, sums,
                               None, config.num_threads())
            gradient += self._memory.grads * np.float64(size / n)
            self._between()
        self.sums = sums[0]
        self._at = np.array(vector, np.float64)
        return float(self.sums[0]) / n, gradient

    def move_to(self, vector) -> None:
        """Leave the parameters and ``sums`` of a vector, mostly the one evaluated last."""
        if self._at is None or not np.array_equal(vector, self._at):
            self(vector)


def check(plan: Plan) -> None:
    """A ValueError where the loss is not a function of the trained parameters alone."""
    kinds, ops = plan.ops["kind"], plan.ops
    for kind, name in _NOISE.items():
        found = ops[kinds == kind]
        if kind == Kind.BATCH_NORM:
            found = found[found["frozen"] == 0]
        elif kind == Kind.DROPOUT:
            found = found[found["a0"] > 0]
        if len(found):
            raise ValueError(
                f"The network has {name}, which makes its loss another function at every step: an "
                "optimizer that searches along a line would compare numbers that mean different "
                "things. Leave the layer out, or use an optimizer such as 'adam'.")
    if np.isin(kinds, _STEP).any():
        raise ValueError("A plan for all rows at once must end with the loss, metrics and "
                         f"penalties, but this one has {Kind(kinds[np.isin(kinds, _STEP)][0])!r}.")
    if not plan.n_trained:
        raise ValueError("The network has no trained parameters, so there is nothing to minimise.")


def rows_of_tile(plan: Plan) -> int:
    """How many rows go through the network at once: a function of the plan alone."""
    rows = TILE_BYTES // (plan.columns * plan.dtype.itemsize)
    return max(LEAST_ROWS, rows // 64 * 64)


def rows_of(feed, part: slice):
    """A feed of some of the rows; those of sparse or narrow data become floats here."""
    def of(column):
        return column if column is None or not len(column) else column[part]

    return type(feed)(feed.X[part], of(feed.T), of(feed.labels), of(feed.weights))


def _additive(plan: Plan) -> bool:
    """Whether the loss of all rows is the mean of their own, so that tiles add up."""
    return all(head["sums"] == 0 and head["sparse"] != 2
               and not (head["kind"] == Kind.OVERLAP_LOSS and head["formula"])
               for head in _heads(plan))


def _heads(plan: Plan) -> list:
    """The losses of the plan's outputs."""
    return [op for op in plan.ops if Kind.OUTPUT < op["kind"] <= Kind.OVERLAP_LOSS]


class Squares:
    """The same for a squared error, with what its residuals alone say about the curvature.

    ``equations(vector)`` returns the loss, its gradient g and J^T J, weighted and scaled so that
    loss + g d + d (J^T J) d / 2 is the loss near the vector as far as the residuals are linear.
    Penalties sum w^2 belong to both, exactly. J goes through memory in pieces of rows.

    ValueError for another loss, for penalties that are no squares, and for more than
    `MOST_PARAMETERS` trained parameters.
    """

    def __init__(self, plan: Plan, backend, feed, params: np.ndarray, between=None):
        check(plan)
        head = check_squares(plan)
        self.plan, self.backend, self.feed, self.params = plan, backend, feed, params
        self.sums = np.zeros(1 + plan.n_metrics)
        self.evaluations = 0
        self._between = between or (lambda: None)
        n = len(feed.X)
        weights = np.ones(n) if feed.weights is None else feed.weights.astype(np.float64)
        below = losses.divisor(int(head["sums"]), n, weights)
        self._weights = weights * (head["a0"] / below if below else 0.0)
        self._rows = max(1, PIECE // (plan.n_outputs * plan.n_trained * 8))
        self._penalty = np.zeros(plan.n_trained)  # the factor of each parameter's square
        for op in plan.ops[plan.ops["kind"] == Kind.PENALTY]:
            self._penalty[op["w"] : op["w"] + op["k"]] += op["a1"]

    @np.errstate(all="ignore")  # what overflows is seen in the loss
    def loss(self, vector) -> float:
        """The loss alone."""
        self.evaluations += 1
        self._enter(vector)
        return self._penalties() + sum(
            float(weights @ np.square(self._residuals(part)).sum(axis=1))
            for part, weights in self._pieces())

    @np.errstate(all="ignore")
    def equations(self, vector) -> tuple[float, np.ndarray, np.ndarray]:
        """The loss, its gradient and J^T J."""
        self._enter(vector)
        p, m = self.plan.n_trained, self.plan.n_outputs
        loss = self._penalties()
        gradient, curvature = 2 * self._penalty * self._trained(), np.diag(2 * self._penalty)
        for part, weights in self._pieces():
            J = np.empty((len(weights), m, p), self.plan.dtype)
            self.backend.jacobian(self.plan, self.params, self.feed.X[part], J,
                                  config.num_threads())
            roots = np.sqrt(2 * weights)[:, None]
            residuals = (roots * self._residuals(part)).ravel()
            J = J.astype(np.float64, copy=False)
            J *= roots[:, :, None]
            J = J.reshape(-1, p)
            loss += float(residuals @ residuals) / 2
            gradient += residuals @ J
            curvature += J.T @ J
        return loss, gradient, curvature

    def move_to(self, vector) -> None:
        """Leave the parameters of a vector, and the sums of loss and metrics in ``sums``."""
        loss = self.loss(vector)
        self.sums = np.zeros_like(self.sums)
        for part, _ in self._pieces():
            self.backend.evaluate(self.plan, self.params, rows_of(self.feed, part), self.sums,
                                  config.num_threads())
        self.sums[0] = loss * len(self.feed.X)

    def _enter(self, vector) -> None:
        self.params[: self.plan.n_trained] = vector

    def _trained(self) -> np.ndarray:
        return self.params[: self.plan.n_trained].astype(np.float64)

    def _penalties(self) -> float:
        return float(self._penalty @ np.square(self._trained()))

    def _pieces(self):
        for first in range(0, len(self.feed.X), self._rows):
            part = slice(first, first + self._rows)
            yield part, self._weights[part]
            self._between()

    def _residuals(self, part: slice) -> np.ndarray:
        """y - t of some rows, (n, m) float64."""
        X, T = self.feed.X[part], self.feed.T[part]
        Y = np.empty((len(X), self.plan.n_outputs), self.plan.dtype)
        self.backend.forward(self.plan, self.params, X, Y, False, 0, config.num_threads())
        return Y.astype(np.float64) - T


def check_squares(plan: Plan):
    """The plan's head; a ValueError where its loss is not a sum of squares that are few enough."""
    kinds = plan.ops["kind"]
    head, *others = _heads(plan)
    square = losses.code(losses.MeanSquaredError, False)
    if others:
        raise ValueError("Levenberg-Marquardt minimises the errors of one output, but the model "
                         f"has {1 + len(others)}. Join them, or use the optimizer 'lbfgs'.")
    if head["kind"] != Kind.ELEMENT_LOSS or head["formula"] != square:
        raise ValueError("Levenberg-Marquardt minimises squared errors only: compile with "
                         "loss='mse' or 'sse', or use the optimizer 'lbfgs' for other losses.")
    absolute = plan.ops[kinds == Kind.PENALTY]["a0"].any()
    if absolute or np.isin(kinds, (Kind.ACTIVITY, Kind.ORTHOGONALITY)).any():
        raise ValueError("Levenberg-Marquardt takes L2 penalties of weights only. Use the "
                         "optimizer 'lbfgs' for other regularizers.")
    if plan.n_trained > MOST_PARAMETERS:
        raise ValueError(
            f"Levenberg-Marquardt solves for all parameters at once, which takes memory for their "
            f"number squared: at most {MOST_PARAMETERS}, but the network trains "
            f"{plan.n_trained}. Use a smaller network, or the optimizer 'lbfgs'.")
    return head
