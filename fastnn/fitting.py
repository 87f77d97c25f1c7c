"""``fit`` and ``evaluate`` around the trainer: epochs, validation, callbacks, progress, Ctrl-C."""

from __future__ import annotations

import warnings
from time import perf_counter

import numpy as np

from fastnn.callbacks import CallbackList
from fastnn.interrupt import Interrupt
from fastnn.progress import Progress
from fastnn.training import Batches, Evaluation


class Fit:
    """One call of ``fit``.

    Where nobody needs Python between the epochs, many of them go in one call of the backend.

    validation : the feed to evaluate, or None; ``validates(epoch)`` says after which epochs, and
        where it has to go batch by batch, ``batch_size`` counts.
    """

    def __init__(self, batches: Batches, callbacks, progress, validation, validates, batch_size):
        self.batches, self.callbacks, self.progress = batches, callbacks, progress
        self.trainer, self.model = batches.trainer, batches.trainer.model
        self.validation, self.validates, self.batch_size = validation, validates, batch_size
        self.logs: dict = {}  # of the last epoch

    def run(self, first: int, last: int) -> None:
        """Train the epochs first .. last - 1."""
        self.model.stop_training = False
        self.callbacks.on_train_begin()
        hooks = self.callbacks.needs_epochs or self.callbacks.needs_batches
        alone = not hooks and self.validation is None
        epoch = first
        with Interrupt() as interrupt:
            try:
                while epoch < last and not self.model.stop_training and not interrupt.seen:
                    done = self._several(epoch, last) if alone else 0
                    epoch += done or self._one(epoch, interrupt)
            finally:
                self.progress.close()
        if epoch > first:
            self.trainer.finalize()
        self.callbacks.on_train_end(self.logs)
        if interrupt.seen:
            warnings.warn(
                f"Training interrupted by the user after {epoch - first} of {last - first} epochs. "
                "The model keeps what it has learnt, the history the finished epochs.",
                RuntimeWarning, stacklevel=3)

    def _several(self, epoch: int, last: int) -> int:
        """Whole epochs in one call; how many (0 if one is too long for that)."""
        start = perf_counter()
        logs = self.batches.epochs(last - epoch)
        seconds = perf_counter() - start
        for i, self.logs in enumerate(logs):
            self.progress.epoch_begin(epoch + i)
            self.callbacks.on_epoch_end(epoch + i, self.logs)
            self.progress.epoch_end(self.batches.steps, self.logs, seconds / len(logs))
        return len(logs)

    def _one(self, epoch: int, interrupt: Interrupt) -> int:
        """One epoch with all hooks, in as many calls as it takes; 0 if interrupted, else 1."""
        self.callbacks.on_epoch_begin(epoch)
        self.progress.epoch_begin(epoch)
        logs = self._train(interrupt)
        finished = not interrupt.seen or self.batches.step == self.batches.steps
        if finished and self.validation is not None and self.validates(epoch):
            results = run_evaluation(self.trainer, self.validation, self.batch_size,
                                     self.callbacks, interrupt)
            logs |= {f"val_{name}": value for name, value in results.items()}
            finished = not interrupt.seen
        if not finished:
            return 0
        self.callbacks.on_epoch_end(epoch, logs)
        self.progress.epoch_end(self.batches.step, logs)
        self.logs = logs
        return 1

    def _train(self, interrupt: Interrupt) -> dict:
        batches, callbacks = self.batches, self.callbacks
        batches.begin()
        while True:
            step = batches.step
            if callbacks.needs_batches:
                callbacks.on_train_batch_begin(step)
                logs = batches.advance(1)
                callbacks.on_train_batch_end(step, logs)
            else:
                logs = batches.advance()
            self.progress.update(batches.step, logs)
            if batches.step == batches.steps or interrupt.seen or self.model.stop_training:
                return logs


def run_evaluation(trainer, feed, batch_size: int, callbacks, interrupt=None) -> dict:
    """Evaluate a feed, with the hooks of callbacks; an interrupt ends it early."""
    by_batch = callbacks.overrides("on_test_batch_begin", "on_test_batch_end")
    callbacks.on_test_begin()
    evaluation = Evaluation(trainer, feed, batch_size, by_batch)
    batch, logs = 0, {}
    while not evaluation.done and not (interrupt and interrupt.seen):
        if by_batch:
            callbacks.on_test_batch_begin(batch)
        logs = evaluation.advance()
        if by_batch:
            callbacks.on_test_batch_end(batch, logs)
        batch += 1
    callbacks.on_test_end(logs)
    return logs


def evaluate(trainer, feed, batch_size: int, callbacks, verbose) -> dict:
    """``evaluate`` of a model: the logs, with hooks and progress."""
    steps = -(-len(feed.X) // batch_size)
    hooks = CallbackList(callbacks, model=trainer.model, verbose=verbose, steps=steps)
    progress = Progress(verbose, 1, steps)
    progress.epoch_begin(0)
    logs = run_evaluation(trainer, feed, batch_size, hooks)
    progress.epoch_end(steps, logs)
    progress.close()
    return logs


def predict(predictor, x, batch_size: int, model, callbacks, verbose) -> np.ndarray:
    """``predict`` of a model with hooks and progress, batch by batch."""
    X = np.asarray(x)
    starts = range(0, len(X), batch_size)
    hooks = CallbackList(callbacks, model=model, verbose=verbose, steps=len(starts))
    progress = Progress(verbose, 1, len(starts))
    progress.epoch_begin(0)
    hooks.on_predict_begin()
    parts = [predictor(X[:0])]
    for batch, start in enumerate(starts):
        hooks.on_predict_batch_begin(batch)
        parts.append(predictor(X[start : start + batch_size]))
        hooks.on_predict_batch_end(batch, {"outputs": parts[-1]})
        progress.update(batch + 1)
    outputs = np.concatenate(parts)
    hooks.on_predict_end({"outputs": outputs})
    progress.epoch_end(len(starts))
    progress.close()
    return outputs
