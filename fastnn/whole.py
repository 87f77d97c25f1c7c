"""Training with optimizers that see all rows at every step: an epoch is one iteration."""

from __future__ import annotations

from functools import partial

import numpy as np

from fastnn import flat


class Iterations:
    """The iterations on a feed; does for `fitting.Fit` what `training.Batches` does.

    ValueError before the first one where the optimizer cannot be used.
    """

    steps = 1
    each_step = False

    def __init__(self, trainer, feed, batch_size: int | None = None, steps: int | None = None):
        name, rows = type(trainer.optimizer).__name__, len(feed.X)
        if batch_size is not None and batch_size < rows:
            raise ValueError(f"{name} takes all {rows} rows at every step, received batch_size="
                             f"{batch_size}. Leave batch_size out.")
        if steps not in (None, 1):
            raise ValueError(f"An epoch is one iteration of {name}, received steps_per_epoch="
                             f"{steps}. Leave steps_per_epoch out.")
        for variable in trainer.model.trainable_weights:
            if variable.constraint is not None:
                raise ValueError(
                    f"{name} minimises without constraints, but {variable.name} has "
                    f"{variable.constraint!r}. Leave it out, or use another optimizer.")
        self.trainer, self.feed = trainer, feed
        self.batch_size = rows
        self.losses = np.empty(0)
        self.step = 0
        self._logs: dict = {}
        self._more = True
        make = getattr(flat, trainer.optimizer.needs)
        # nothing here may point back to this object: with it goes the generator, and with that what
        # the method has set up
        self._problem = make(trainer.plan, trainer.backend, feed, trainer.memory.params,
                             partial(_look, trainer))
        self._vector = self._trained()  # where the last iteration has ended
        self._start = self._vector.copy()
        self._done = 0  # iterations from the start
        self._iterates = trainer.optimizer.iterate(self._problem, self._vector)

    def epochs(self, most: int) -> list[dict]:
        """None: iterations come one by one."""
        return []

    def ready(self) -> bool:
        """Whether the method has not ended yet."""
        return self._more

    def begin(self) -> None:
        """Start an epoch."""
        self.step = 0
        self.trainer.reset_metrics()

    def advance(self, most: int | None = None) -> dict:
        """One iteration: the logs of where it ends. A Ctrl-C takes back what it has begun."""
        trainer = self.trainer
        try:
            self._vector, self._more = next(self._iterates)
            self._problem.move_to(self._vector)
        except _Interrupted:
            trainer.memory.params[: len(self._vector)] = self._vector
            return self._logs
        if trainer.outside:
            self._logs = trainer.evaluate(self.feed, self.batch_size)
        else:
            self._logs = trainer.logs(self._problem.sums, self.batch_size)
        if trainer.guard is not None:
            trainer.guard.iterated(self.feed, self._logs["loss"])
        for name in ("step", "epoch"):
            setattr(trainer, name, getattr(trainer, name) + 1)
        trainer.optimizer.batches += 1
        self.step = 1
        self._done += 1
        self.losses = np.array([self._logs["loss"]])
        return dict(self._logs)

    def logs(self) -> dict:
        """Those of the last iteration."""
        return dict(self._logs)

    def epoch(self, interrupt) -> dict:
        """One iteration."""
        self.begin()
        return self.advance()

    def skip(self) -> None:
        """Go past an epoch that another run has trained: nothing, `go_to` does it all."""

    def position(self, begun: bool) -> dict:
        """Where the method has started, and how far it is: what it remembers is its own."""
        return {"at_batch": self.step if begun else 0, "start": self._start, "done": self._done}

    def go_to(self, position: dict) -> None:
        """Take the same steps again: they are the way to what the method remembers."""
        there = self.trainer.memory.params.copy()
        self._start, self._done = position["start"], position["done"]
        self._vector = self._start.copy()
        self._iterates = self.trainer.optimizer.iterate(self._problem, self._vector)
        for _ in range(self._done):
            self._vector, self._more = next(self._iterates)
        self._problem.move_to(self._vector)
        self.step = position["at_batch"]
        if not np.array_equal(there, self.trainer.memory.params):
            raise ValueError(
                f"{type(self.trainer.optimizer).__name__} does not come to the weights of the "
                "backup again: other versions of SciPy or NumPy, or a callback that changes "
                "weights. Delete the file to begin anew.")

    def _trained(self) -> np.ndarray:
        return self.trainer.memory.params[: self.trainer.plan.n_trained].astype(np.float64)


class _Interrupted(Exception):
    """A Ctrl-C was seen within an iteration."""


def _look(trainer) -> None:
    if trainer.run is not None and trainer.run.interrupted:
        raise _Interrupted
