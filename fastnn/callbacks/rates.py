"""Callbacks that set the optimizer's learning rate between two epochs."""

from __future__ import annotations

import warnings
from numbers import Real

from fastnn import console
from fastnn.callbacks.base import Callback
from fastnn.callbacks.monitor import MonitorCallback


class LearningRateScheduler(Callback):
    """Before each epoch the learning rate becomes ``schedule(epoch, learning_rate)``.

    schedule : a function of the epoch, counted from 0, and the present rate (or of the epoch
        alone) that returns the new rate; ValueError if it returns no number.
    verbose : 1 prints the rate of each epoch.

    The rate goes into the logs as ``learning_rate``.

    >>> schedule = LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    >>> schedule.next_rate(1, 0.25)
    0.125
    """

    def __init__(self, schedule, verbose: int = 0):
        super().__init__()
        if not callable(schedule):
            raise TypeError(f"schedule must be a function of the epoch and the learning rate, "
                            f"received {schedule!r}.")
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _takes_two(schedule)

    def next_rate(self, epoch: int, rate: float) -> float:
        """What the schedule says, checked."""
        found = self.schedule(epoch, rate) if self._takes_rate else self.schedule(epoch)
        if isinstance(found, bool) or not isinstance(found, Real):
            raise ValueError("The schedule of LearningRateScheduler must return a float, received "
                             f"{found!r} for epoch {epoch}.")
        return float(found)

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = self.model.optimizer
        rate = self.next_rate(epoch, float(optimizer.learning_rate))
        optimizer.learning_rate = rate
        if self.verbose > 0:
            console.write(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to "
                          f"{rate}.\n")

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by ``factor`` when a value has not improved for some epochs.

    monitor, mode, min_delta : as for EarlyStopping.
    patience : epochs without an improvement after which the rate falls.
    cooldown : epochs after a fall in which nothing is counted.
    min_lr : the rate falls no further.
    verbose : 1 prints when the rate falls.

    The rate of each epoch goes into the logs as ``learning_rate``. ValueError for a factor of 1 or
    more. Semantics: Keras 3.15.
    """

    remembers = ("best", "wait", "cooldown_counter")

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10,
                 verbose: int = 0, mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0,
                 min_lr: float = 0.0):
        super().__init__(monitor, mode, min_delta)
        if not factor < 1:
            raise ValueError(f"factor must be less than 1, so that the learning rate falls; "
                             f"received {factor!r}.")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.cooldown_counter = 0
        self.wait = 0

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not "
                f"available. Available metrics are: {','.join(logs)}.", stacklevel=2)
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
        if self._improves(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        """Lower the learning rate; False if it is as low as it may be."""
        optimizer = self.model.optimizer
        rate = float(optimizer.learning_rate)
        if rate <= self.min_lr:
            return False
        optimizer.learning_rate = rate = max(rate * self.factor, self.min_lr)
        if self.verbose > 0:
            console.write(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to "
                          f"{rate}.\n")
        return True

    def in_cooldown(self) -> bool:
        """Whether the last fall is so recent that nothing is counted."""
        return self.cooldown_counter > 0


def _takes_two(function) -> bool:
    """Whether a function takes two arguments; what does not say so is believed to."""
    from inspect import signature

    try:
        signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # some functions written in C
        pass
    return True
