"""The training loop: what ``fit`` uses, and public for people with a loop of their own.

>>> import numpy as np
>>> import fastnn
>>> from fastnn import layers
>>> fastnn.utils.set_random_seed(1)
>>> model = fastnn.Sequential([fastnn.Input((2,)), layers.Dense(1)])
>>> model.compile(fastnn.optimizers.SGD(0.1), loss="mse")
>>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
>>> feed = model.trainer.feed(X, X.sum(axis=1))  # checked and cast once
>>> logs = model.trainer.train(feed, epochs=200, batch_size=2)  # one dictionary an epoch
>>> logs[-1]["loss"] < 1e-6 < logs[0]["loss"]
True
>>> model.trainer.evaluate(feed)["loss"] < 1e-6
True
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np

from fastnn import backends, config, data, losses, optimizers, outputs, random, sides
from fastnn.backends import Feed, Memory
from fastnn.evaluation import CALL_SECONDS, Evaluation
from fastnn.formulas import lowers
from fastnn.interrupt import Interrupt
from fastnn.occupied import occupied
from fastnn.plan import Builder
from fastnn.rows import select
from fastnn.whole import Iterations

_AHEAD = 1 << 16  # row numbers that are shuffled ahead of their use, at most


class Trainer:
    """A model with its loss, metrics and optimizer as one plan, and all that training changes.

    optimizer, loss, metrics : names, classes or instances, as for ``compile``.
    backend : "cython", "numba", "numpy" or None for the best there is.
    seed : int, or None for one from the package's stream.

    ``memory`` holds the parameters (the model's own vector), the last gradient and the optimizer's
    slots. ``seed``, ``epoch`` and ``step`` decide every random number: pass e over the rows has the
    order ``random.permutations(seed, e, 1, rows)``, and step s draws its dropout masks.
    """

    builder = Builder  # what makes the plan

    def __init__(self, model, optimizer="rmsprop", loss="mse", metrics=(), backend=None,
                 seed=None, weighted_metrics=()):
        model.ensure_packed()
        self.model = model
        self.optimizer = optimizers.get(optimizer)
        self.optimizer.batches = 0  # it starts afresh, as its slots do
        self.loss = losses.get(loss)
        self.outputs = outputs.of(self.loss, model.row_shapes[1], metrics, weighted_metrics)
        self.backend = backends.get(backend)
        self.seed = random.next_seed() if seed is None else seed
        self.epoch = 0
        self.step = 0
        # of all outputs: the metrics that the plan computes, without weights, and those that only
        # Python can; and those that are weighted
        self.inside, self.outside, self.weighted = (
            [metric for output in self.outputs for metric in getattr(output, name)]
            for name in ("inside", "outside", "weighted"))
        self._pace: dict[int, float] = {}  # batch size -> seconds a step, as last measured
        self.plan = self._lower()
        self.backend = backends.for_plan(self.plan, self.backend)
        n, dtype = model.n_trained, model.params.dtype
        slots = self.optimizer.initial_slots(n, dtype)
        self.memory = Memory(model.params, np.zeros(n, dtype), slots)
        self.run = None  # the `fitting.Fit` at work
        self.guard = None  # the `divergence.Guard` of its calls

    def _lower(self):
        model, builder = self.model, self.builder(self.model.params.dtype)
        outputs.lower(self.outputs, builder, model.lower_outputs(builder))
        trained = [variable for variable in model.trainable_weights if variable not in model.unused]
        for variable in trained:
            if variable.regularizer is not None:
                _lowered(variable.regularizer).lower(builder, variable)
        self.optimizer.lower(builder, trained, model.n_trained)
        for variable in trained:
            if variable.constraint is not None and lowers(variable.constraint):
                variable.constraint.lower(builder, variable)
        return builder.plan(model.params.size, model.n_trained)

    def feed(self, x, y, sample_weight=None, prefix: str = "") -> Feed:
        """The data, checked and cast once: what `train` and `evaluate` take.

        x : (n, *input shape); y : (n, *output shape), or (n,) class numbers for a sparse loss;
        sample_weight : (n,), none negative, or None; for several inputs or outputs lists or
        dictionaries of these. Raises ValueError and TypeError that name the
        argument (``prefix`` in front), what was expected, what came, and where.
        """
        model, dtype = self.model, self.plan.dtype
        X = sides.rows(model.sides, model.row_shapes[0], x, dtype, f"{prefix}x",
                       sparse=backends.takes_sparse(self.plan, self.backend))
        data.check_rows_of_tables(X, self.plan, f"{prefix}x")
        T, labels, rows = outputs.targets(self.loss, model.row_shapes[1], model.only_target(y),
                                          dtype, f"{prefix}y")
        data.check_lengths({f"{prefix}x": len(X), f"{prefix}y": rows})
        weights = outputs.row_weights(self.loss, model.only_target(sample_weight), rows, dtype,
                                      f"{prefix}sample_weight")
        return Feed(X, T, labels, weights)

    def batches(self, feed: Feed, batch_size: int | None = None, shuffle: bool = True,
                steps: int | None = None):
        """The batches, of 32 rows by default, or the iterations of an optimizer that sees all."""
        if isinstance(self.optimizer, optimizers.WholeOptimizer):
            return Iterations(self, feed, batch_size, steps)
        return Batches(self, feed, batch_size or 32, shuffle, steps)

    def train(self, feed: Feed, epochs: int = 1, batch_size: int | None = None,
              shuffle: bool = True) -> list[dict]:
        """Train for whole epochs; the logs of each: the mean loss and metrics over its rows.

        batch_size : 32 by default, as for `fit`.

        A Ctrl-C is raised as KeyboardInterrupt between two steps, never within one.
        """
        batches = self.batches(feed, batch_size, shuffle)
        logs = []
        with occupied(self), Interrupt() as interrupt:
            while len(logs) < epochs and not interrupt.seen and batches.ready():
                logs += batches.epochs(epochs - len(logs)) or [batches.epoch(interrupt)]
        if interrupt.seen:
            raise KeyboardInterrupt
        return logs

    def evaluate(self, feed: Feed, batch_size: int = 32) -> dict:
        """The loss and the metrics of the data, in inference mode."""
        evaluation = Evaluation(self, feed, batch_size)
        while not evaluation.done:
            logs = evaluation.advance()
        return logs

    @property
    def metrics(self) -> list:
        """The metric objects."""
        return [metric for output in self.outputs for metric in output.metrics]

    @property
    def names(self) -> list[str]:
        """What the logs hold, in Keras's order."""
        return ["loss", *outputs.names(self.outputs)]

    def get_state(self) -> dict:
        """What decides the steps to come, besides the parameters; ``slots`` is a copy."""
        return {"seed": self.seed, "epoch": self.epoch, "step": self.step,
                "iterations": self.optimizer.batches, "slots": self.memory.slots.copy()}

    def set_state(self, state: dict) -> None:
        """Go on from a state of `get_state`, or from the parts of it that are there."""
        slots = state.get("slots")
        if slots is not None:
            if np.shape(slots) != self.memory.slots.shape:
                raise ValueError(f"The optimizer {self.optimizer.name!r} has slots of shape "
                                 f"{self.memory.slots.shape}, received {np.shape(slots)}.")
            self.memory.slots[...] = slots
        self.optimizer.batches = state.get("iterations", self.optimizer.batches)
        for name in ("seed", "epoch", "step"):
            setattr(self, name, state.get(name, getattr(self, name)))

    def finalize(self) -> None:
        """Put the averages of the optimizer's ``use_ema`` in the parameters' place, if it has any.

        ``fit`` does so at its end.
        """
        slot = self.optimizer.average_slot
        if slot is not None and self.optimizer.batches:
            self.memory.params[: self.plan.n_trained] = self.memory.slots[slot]

    # for Batches and Evaluation

    def stretch(self, feed: Feed, order: np.ndarray, batch_size: int, sums: np.ndarray) -> int:
        """One call into the backend: the rows of ``order`` (int64, parts x rows), batch by batch.

        Adds to ``sums`` (parts, 1 + plan.n_metrics) and returns the number of steps. Those are
        fewer than asked for where the training has diverged: see `diverged`.
        """
        if self.memory.params is not self.model.params:
            raise RuntimeError("The model's layers, or which of them are trainable, have changed "
                               "since this trainer was made. Make a new one, or call fit again.")
        self.model.gather()
        parts, rows = order.shape
        steps = parts * -(-rows // batch_size)
        Y = np.empty((parts, rows, self.plan.n_outputs), self.plan.dtype) if self.outside else None
        scalars = self.optimizer.scalars(self.optimizer.batches, steps)
        if self.guard is not None:
            self.guard.before(feed, order, batch_size, scalars, sums)
        start = perf_counter()
        self.call(feed, order, batch_size, scalars, self.step, sums, Y)
        self._pace[batch_size] = (perf_counter() - start) / steps
        if self.guard is not None and (left := self.guard.after(sums)) is not None:
            return left
        self.step += steps
        self.optimizer.batches += steps
        if self.outside:
            self.update_metrics(feed, order.ravel(), Y.reshape(parts * rows, -1), batch_size)
        return steps

    @property
    def diverged(self) -> bool:
        """Whether the `fit` at work has seen the training diverge."""
        return self.guard is not None and self.guard.found is not None

    def call(self, feed, order, batch_size, scalars, step, sums, Y=None) -> None:
        """What a stretch does to parameters, slots and sums: it depends on nothing else."""
        if isinstance(feed.X, data.Rows):  # these rows alone become floats
            feed, order = select(feed, order.ravel()), np.arange(order.size).reshape(order.shape)
            feed = replace(feed, X=feed.X[:])
        run = self._step_by_step if self._own_constraints() else self._run
        run(feed, order, batch_size, scalars, step, sums, Y)

    def _run(self, feed, order, batch_size, scalars, step, sums, Y) -> None:
        self.backend.train(self.plan, self.memory, feed, order, batch_size, scalars, step, sums, Y,
                           config.num_threads())

    def _step_by_step(self, feed, order, batch_size, scalars, step, sums, Y) -> None:
        """The same with Python after every step, for constraints that only Python knows."""
        done = 0
        for part in range(len(order)):
            for first in range(0, order.shape[1], batch_size):
                here = slice(part, part + 1), slice(first, first + batch_size)
                self._run(feed, order[here].copy(), batch_size, scalars[done : done + 1],
                          step + done, sums[part : part + 1], None if Y is None else Y[here])
                for variable in self._own_constraints():
                    variable.assign(variable.constraint(variable.value))
                done += 1

    def _own_constraints(self) -> list:
        """The trained variables with a constraint that is the user's own."""
        return [variable for variable in self.model.trainable_weights
                if variable.constraint is not None and not lowers(variable.constraint)]

    def steps_a_call(self, batch_size: int) -> int:
        """How many steps fill about ``CALL_SECONDS``; what is not measured is guessed too slow."""
        guess = 1e-3 + 6e-9 * self.plan.n_trained * batch_size
        return max(1, int(CALL_SECONDS / self._pace.get(batch_size, guess)))

    def logs(self, sums: np.ndarray, rows: int) -> dict:
        """The means of an epoch by name, in the order of the alphabet, as Keras has them."""
        totals = sums.tolist()
        values = {"loss": totals[0] / rows}
        for output in self.outputs:
            values |= output.results(totals, rows)
        return dict(sorted(values.items()))

    def reset_metrics(self) -> None:
        for metric in self.outside:
            metric.reset_state()

    def update_metrics(self, feed: Feed, rows, Y: np.ndarray, batch_size: int) -> None:
        """Metrics that only Python knows, batch by batch, from the predictions Y of the rows."""
        for output in self.outputs:
            output.update(feed, rows, Y, batch_size)


class Batches:
    """The batches of one run over the data, cut into calls of the backend.

    An epoch is one pass over the rows, or ``steps`` batches: then each goes on where the last one
    stopped, and a new pass in a new order begins whenever the rows are used up.
    """

    def __init__(self, trainer, feed, batch_size=32, shuffle=True, steps: int | None = None):
        self.trainer, self.feed, self.shuffle = trainer, feed, shuffle
        self.rows = len(feed.X)
        self.batch_size = min(batch_size, self.rows)
        self.steps = steps or -(-self.rows // self.batch_size)
        most = getattr(feed.X, "at_once", 1 << 62)  # rows that may become floats in one call
        self._most_steps = max(1, most // self.batch_size)
        self.step = 0  # steps done of this epoch
        self._one_pass = steps is None
        self._left = np.empty(0, np.int64)  # the rows still to come of this pass
        self._ahead = np.empty((0, 0), np.int64)  # orders of the passes from number _first on
        self._first = 0
        self._visited = 0  # rows of this epoch
        self._sums = np.zeros((1, 1 + trainer.plan.n_metrics))
        self.each_step = False  # whether ``losses`` are wanted
        self.losses = np.empty(0)  # of each batch of the last call

    def epochs(self, most: int) -> list[dict]:
        """As many whole epochs as fit into one call, ``most`` at most: their logs; [] if none."""
        trainer = self.trainer
        n = int(min(most, self._steps_a_call() // self.steps))
        if n < 1 or not self._one_pass or trainer.outside:
            return []
        self.step = 0
        sums = np.zeros((n, self._sums.shape[1]))
        orders = self._orders(trainer.epoch, n)
        done = trainer.stretch(self.feed, orders, self.batch_size, sums) // self.steps
        trainer.epoch += done
        return [trainer.logs(row, self.rows) for row in sums[:done]]

    def begin(self) -> None:
        """Start an epoch that takes several calls."""
        self.step = self._visited = 0
        self._sums[:] = 0
        self.trainer.reset_metrics()

    def advance(self, most: int | None = None) -> dict:
        """One call, of ``most`` steps at most: the logs of the epoch so far."""
        if not len(self._left):
            self._left = self._next_order()
        steps = min(most or self._steps_a_call(), self.steps - self.step)
        rows = min(steps * self.batch_size, len(self._left))
        order, self._left = self._left[:rows], self._left[rows:]
        if self.each_step:
            self._separately(order)
        else:
            self.step += self.trainer.stretch(self.feed, order[None], self.batch_size, self._sums)
        self._visited += rows
        return self.logs()

    def _separately(self, order: np.ndarray) -> None:
        """The same with sums for each batch, which make ``losses``."""
        whole = len(order) // self.batch_size * self.batch_size
        losses = []
        for part in order[:whole].reshape(-1, self.batch_size), order[whole:][None]:
            if part.size and not self.trainer.diverged:
                sums = np.zeros((len(part), self._sums.shape[1]))
                self.step += self.trainer.stretch(self.feed, part, self.batch_size, sums)
                losses.append(sums[:, 0] / part.shape[1])
                # one after the other, as the backend would have added them
                self._sums[0] = np.cumsum(np.vstack((self._sums, sums)), axis=0)[-1]
        self.losses = np.concatenate(losses)

    def logs(self) -> dict:
        """The means over the epoch so far."""
        return self.trainer.logs(self._sums[0], self._visited)

    def skip(self) -> None:
        """Go past an epoch that another run has trained: nothing, `go_to` does it all."""

    def position(self, begun: bool) -> dict:
        """Where it stands, for `go_to`; ``begun`` is False between two epochs."""
        step, visited = (self.step, self._visited) if begun else (0, 0)
        return {"at_batch": step, "rows_visited": visited, "rows_left": len(self._left),
                "pass": self.trainer.epoch - 1, "sums": self._sums.copy()}

    def go_to(self, position: dict) -> None:
        """Go on from a position."""
        self.step, self._visited = position["at_batch"], position["rows_visited"]
        self._sums[:] = position["sums"]
        if left := position["rows_left"]:
            self._left = self._orders(position["pass"], 1)[0, self.rows - left:]

    def epoch(self, interrupt) -> dict:
        """An epoch in as many calls as it takes; an interrupt ends it early."""
        self.begin()
        while self.step < self.steps and not interrupt.seen:
            logs = self.advance()
        return logs

    def _steps_a_call(self) -> int:
        return min(self.trainer.steps_a_call(self.batch_size), self._most_steps)

    def ready(self) -> bool:
        """Whether there is data for another epoch."""
        return True

    def _next_order(self) -> np.ndarray:
        """The order of the pass that begins. Several are made at once, twice as many each time."""
        number = self.trainer.epoch
        self.trainer.epoch += 1
        if not self._first <= number < self._first + len(self._ahead):
            n = max(1, min(2 * len(self._ahead), _AHEAD // self.rows))
            self._first, self._ahead = number, self._orders(number, n)
        return self._ahead[number - self._first]

    def _orders(self, first: int, n: int) -> np.ndarray:
        """The orders of the passes ``first`` .. ``first + n - 1``, (n, rows)."""
        if self.shuffle:
            return self.trainer.backend.permutations(self.trainer.seed, first, n, self.rows)
        return np.tile(np.arange(self.rows, dtype=np.int64), (n, 1))


def _lowered(regularizer):
    """The regularizer, or a TypeError if it is the user's own and says nothing of a gradient."""
    if not lowers(regularizer):
        raise TypeError(
            f"{type(regularizer).__name__} gives a penalty, but not its gradient: let the "
            "regularizer define lower(builder, variable), by builder.penalty(variable.offset, "
            "variable.size, l1, l2) for example, or use one of fastnn's.")
    return regularizer
