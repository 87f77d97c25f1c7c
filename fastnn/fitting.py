"""``fit`` and ``evaluate`` around the trainer: epochs, validation, callbacks, progress, Ctrl-C."""

from __future__ import annotations

import warnings
from itertools import islice
from time import perf_counter

import numpy as np

from fastnn.callbacks import CallbackList
from fastnn.divergence import MODES, Guard
from fastnn.feeding import Stream, warn_of_the_end
from fastnn.interrupt import Interrupt
from fastnn.occupied import occupied
from fastnn.progress import Progress


class Fit:
    """One call of ``fit``; while it runs it is the trainer's ``run``.

    Where nobody needs Python between the epochs, many of them go in one call of the backend.

    validation : what to evaluate, made by a function of whether that has to go by batches; or None.
    validates : a function that says after which epochs.
    on_divergence : one of `divergence.MODES`.
    """

    def __init__(self, batches, callbacks, progress, validation, validates, on_divergence="stop"):
        self.batches, self.callbacks, self.progress = batches, callbacks, progress
        self.trainer, self.model = batches.trainer, batches.trainer.model
        self.validates = validates
        self.logs: dict = {}  # of the last epoch
        self.first = self.last = 0  # the first epoch of the call, and the one after its last
        self.epoch = 0  # at work, or next
        self._begun = False  # whether batches of this epoch are done
        self._so_far: dict = {}  # the logs of this epoch's training
        self._interrupt = Interrupt(termination=bool(callbacks.keepers))
        self._validation = validation
        if on_divergence not in MODES:
            raise ValueError(f"on_divergence must be one of {', '.join(MODES)}; received "
                             f"{on_divergence!r}.")
        self._on_divergence = on_divergence
        self._guard: Guard | None = None  # of `run`
        batches.each_step = bool(callbacks.followers)

    @property
    def validation_feed(self):
        """The feed that is validated on; None without one, or where it comes in batches."""
        return self._validation and self._validation.feed

    @property
    def interrupted(self) -> bool:
        """Whether a Ctrl-C has ended it."""
        return self._interrupt.seen

    def run(self, first: int, last: int) -> None:
        """Train the epochs first .. last - 1, or from where a callback has put it.

        A RuntimeError if another thread trains the model.
        """
        self.epoch, self.first, self.last = first, first, last
        with occupied(self.trainer):
            self.model.stop_training = False
            outer = self.trainer.run, self.trainer.guard
            self._guard = self._new_guard()
            self.trainer.run, self.trainer.guard = self, self._guard
            try:
                self.callbacks.on_train_begin()
                self._epochs(last)
                diverged = self._has_diverged()
                self._ended()
                if self.epoch > first:
                    self.trainer.finalize()
                self.callbacks.on_train_end(self.logs)
            finally:
                self.trainer.run, self.trainer.guard = outer
                if self._guard is not None:
                    self._guard.close()
        if diverged and self._on_divergence == "raise":
            raise FloatingPointError(str(self._guard.found))
        if diverged and not self.model.stop_training:  # nobody else has spoken of it
            warnings.warn(str(self._guard.found), RuntimeWarning, stacklevel=3)
        if self._interrupt.noted:  # what others have ended they speak of themselves
            warnings.warn(
                f"Training interrupted by the user after {self.epoch - first} of {last - first} "
                "epochs. The model keeps what it has learnt, the history the finished epochs.",
                RuntimeWarning, stacklevel=3)

    def _new_guard(self) -> Guard | None:
        if self._on_divergence == "ignore":
            return None
        batches = self.batches
        return Guard(self.trainer, lambda: (self.epoch, batches.step, batches.steps),
                     getattr(batches, "feed", None))

    def _has_diverged(self) -> bool:
        """With a look at the weights, of which hooks or the user will make use."""
        if self._guard is None or not self._guard.check():
            return False
        if self.callbacks.history is not None:
            self.callbacks.history.divergence = self._guard.found
        return True

    def _epochs(self, last: int) -> None:
        callbacks, interrupt = self.callbacks, self._interrupt
        hooks = callbacks.needs_epochs or callbacks.needs_batches or callbacks.followers
        alone = not hooks and self._validation is None
        with interrupt:
            try:
                while (self.epoch < last and not interrupt.seen and not self.trainer.diverged
                       and (self._begun or not self.model.stop_training)
                       and self.batches.ready()):
                    if not (alone and self._several(last)):
                        self._one()
                    self._rest()
            finally:
                self.progress.close()

    def _rest(self) -> None:
        """A moment at which a backup is exact: everything is between two steps."""
        for keeper in self.callbacks.keepers:
            keeper.at_rest()

    def _ended(self) -> None:
        try:
            for keeper in self.callbacks.keepers:
                keeper.at_end()
        finally:
            self._interrupt.pass_on()

    def _several(self, last: int) -> bool:
        """Whole epochs in one call, those before it diverges; False if one is too long for that."""
        start = perf_counter()
        logs = self.batches.epochs(last - self.epoch)
        seconds = perf_counter() - start
        for self.logs in logs:
            self.progress.epoch_begin(self.epoch)
            self.callbacks.on_epoch_end(self.epoch, self.logs)
            self.progress.epoch_end(self.batches.steps, self.logs, seconds / len(logs))
            self.epoch += 1
        return bool(logs) or self.trainer.diverged

    def _one(self) -> None:
        """One epoch with all hooks, in as many calls as it takes, unless it ends early."""
        epoch, interrupt = self.epoch, self._interrupt
        if not self._begun:
            self._begin()
        logs = self._train()
        if interrupt.seen and self.batches.step != self.batches.steps:
            return
        if self._has_diverged() and not self.model.stop_training:
            return
        if self._validation is not None and self.validates(epoch):
            results, _ = run_evaluation(self._validation, self.callbacks, interrupt)
            if not results and not interrupt.seen:
                warn_of_the_end("validation: validation_data gave no more batches", stacklevel=6)
            for name, value in results.items():
                logs[f"val_{name}"] = value
            if interrupt.seen:
                return
        self.epoch, self._begun, self.logs = epoch + 1, False, logs
        self.callbacks.on_epoch_end(epoch, logs)
        self.progress.epoch_end(self.batches.step, logs)

    def _begin(self) -> None:
        self.callbacks.on_epoch_begin(self.epoch)
        self.progress.epoch_begin(self.epoch)

    def _train(self) -> dict:
        batches, callbacks = self.batches, self.callbacks
        if not self._begun:
            batches.begin()
            self._begun = True
            self._so_far = {}
        logs = self._so_far
        while batches.step != batches.steps:
            if (self._interrupt.seen or self.trainer.diverged
                    or (self.model.stop_training and self._so_far)):
                break
            step = batches.step
            if callbacks.needs_batches:
                callbacks.on_train_batch_begin(step)
                logs = self._so_far = batches.advance(1)
                callbacks.on_train_batch_end(step, logs)
            else:
                logs = self._so_far = batches.advance()
            for follow in callbacks.followers:
                follow(step, batches.losses)
            self.progress.update(batches.step, logs)
            if callbacks.keepers and batches.step != batches.steps:
                self._rest()
        return logs

    # for backups

    def position(self) -> dict:
        """Where it stands, for `go_to` in another run of the same program."""
        return {"epoch": self.epoch, "begun": self._begun, "so_far": self._so_far,
                "logs": self.logs, "batches": self.batches.position(self._begun)}

    def go_to(self, position: dict) -> None:
        """Go on from a position; the model is there already."""
        for epoch in range(self.first, position["epoch"]):
            self.batches.skip()
            if self._validation and not self.validation_feed and self.validates(epoch):
                self._validation(False).skip()
        self.batches.go_to(position["batches"])
        self.epoch, self._begun = position["epoch"], position["begun"]
        self.logs, self._so_far = position["logs"], position["so_far"]
        if self._begun:
            self._begin()


def run_evaluation(make, callbacks, interrupt=None) -> tuple[dict, int | None]:
    """Evaluate with the hooks of callbacks; an interrupt ends it early.

    make : a function of whether to go by batches that makes the `training.Evaluation`.

    Returns the logs, and the number of batches where it was not known beforehand.
    """
    by_batch = callbacks.overrides("on_test_batch_begin", "on_test_batch_end")
    callbacks.on_test_begin()
    evaluation = make(by_batch)
    batch, logs = 0, {}
    while not evaluation.done and not (interrupt and interrupt.seen):
        if by_batch:
            callbacks.on_test_batch_begin(batch)
        logs = evaluation.advance()
        if by_batch:
            callbacks.on_test_batch_end(batch, logs)
        batch += 1
    callbacks.on_test_end(logs)
    return logs, getattr(evaluation, "step", None)


def evaluate(trainer, make, steps: int | None, callbacks, verbose) -> dict:
    """``evaluate`` of a model: the logs, with hooks and progress."""
    hooks = CallbackList(callbacks, model=trainer.model, verbose=verbose, steps=steps)
    progress = Progress(verbose, 1, steps)
    progress.epoch_begin(0)
    logs, counted = run_evaluation(make, hooks)
    if not logs:
        raise ValueError("There is nothing to evaluate: x gives no batch at all.")
    progress.epoch_end(counted or steps, logs)
    progress.close()
    return logs


def predict(predictor, x, batch_size: int, model, callbacks, verbose, steps):
    """``predict`` of a model with hooks and progress, batch by batch.

    x : rows, or a `feeding.Stream`; steps : only so many batches of them.
    """
    if isinstance(x, Stream):
        count = steps or x.steps
        batches = (predictor.rows(batch, f"{name}x") for batch, _, _, name in x)
    else:
        X = predictor.rows(x)
        most = -(-len(X) // batch_size)
        count = most if steps is None else min(steps, most)
        batches = (X[i * batch_size : (i + 1) * batch_size] for i in range(count))
    hooks = CallbackList(callbacks, model=model, verbose=verbose, steps=count)
    progress = Progress(verbose, 1, count)
    progress.epoch_begin(0)
    hooks.on_predict_begin()
    parts = []
    for batch, part in enumerate(islice(batches, count)):
        hooks.on_predict_batch_begin(batch)
        parts.append(predictor.of_rows(part))
        hooks.on_predict_batch_end(batch, {"outputs": parts[-1]})
        progress.update(batch + 1)
    if steps is not None and len(parts) < count:
        warn_of_the_end(f"prediction after {len(parts)} of {count} batches", stacklevel=3)
    nothing = np.empty((0, predictor.plan.n_inputs), predictor.dtype)
    outputs = joined(parts or [predictor.of_rows(nothing)])
    hooks.on_predict_end({"outputs": outputs})
    progress.epoch_end(len(parts))
    progress.close()
    return outputs


def joined(parts: list):
    """Batches of outputs as one: arrays, or lists or dictionaries of them."""
    if isinstance(parts[0], dict):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], list):
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return np.concatenate(parts)
