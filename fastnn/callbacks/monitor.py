"""Callbacks that wait for one logged value to improve."""

from __future__ import annotations

import math
import warnings

from fastnn import console
from fastnn.callbacks.base import Callback


class MonitorCallback(Callback):
    """The base of callbacks that wait for one logged value to improve.

    ``mode`` is "min", "max" or "auto": the loss is to fall, and a metric knows its direction. An
    improvement is a change by more than ``min_delta``. ValueError if the direction is not known.
    """

    remembers = ("best",)

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            name = type(self).__name__
            warnings.warn(f"{name} mode '{mode}' is unknown, fallback to auto mode.", stacklevel=3)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.best: float | None = None
        self._sign = 0  # of an improvement

    def on_train_begin(self, logs=None):
        self.best = None
        self._sign = {"min": -1, "max": 1}.get(self.mode) or self._direction()

    def _direction(self) -> int:
        """-1 for what is to fall, 1 for what is to rise."""
        name = self.monitor.removeprefix("val_")
        for metric in getattr(self.model, "metrics", ()):
            direction = getattr(metric, "direction", None)
            if metric.name == name and direction is not None:
                return 1 if direction == "up" else -1
        if name == "loss":
            return -1
        raise ValueError(
            f"{type(self).__name__} cannot tell whether monitor={self.monitor!r} is to rise or to "
            "fall; pass mode='max' or mode='min'."
        )

    def _improves(self, value: float, reference: float | None) -> bool:
        """Whether a value beats a reference; never if either is NaN, always if there is none."""
        sign = self._sign
        return reference is None or sign * value - self.min_delta > sign * reference


class EarlyStopping(MonitorCallback):
    """Stop training when a monitored value has not improved for ``patience`` epochs.

    Improved means: by more than ``min_delta`` over the best value, and over ``baseline`` if there
    is one. ``start_from_epoch`` epochs are let pass first. With ``restore_best_weights`` the model
    ends with the weights of its best epoch, also when it was not stopped. ``verbose=1`` says so.

    After training, ``stopped_epoch`` is the epoch (from 0) that was the last, 0 if not stopped,
    and ``best`` and ``best_epoch`` what was reached and when.

    Semantics: Keras 3.15. A monitored value that is missing from the logs is a warning.
    """

    remembers = ("best", "wait", "stopped_epoch", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights = None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._improves(value, self.best):
            self.best = value
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            # Short of the baseline the best so far is kept, but patience runs on.
            if self.baseline is None or self._improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch > 0 and self.verbose:
            console.write(f"Epoch {self.stopped_epoch + 1}: early stopping\n")
        if self.best_weights is not None:
            if self.verbose:
                console.write(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}.\n"
                )
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs) -> float | None:
        """The monitored value; a warning if the logs lack it."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs or ())}",
                stacklevel=2,
            )
        return value


class TerminateOnNaN(Callback):
    """Stop training when the loss of a batch is NaN or infinite; ``raise_error``: a RuntimeError.

    Batches are looked at after each call of compiled code, so some may have been trained on after
    the one that the message names.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def after_steps(self, first, losses):
        """Look at the losses of the batches from number ``first`` on."""
        if math.isfinite(losses.sum()):
            return
        for batch, loss in enumerate(losses.tolist(), first):
            if math.isfinite(loss):
                continue
            if self.raise_error:
                raise RuntimeError(f"The loss of batch {batch} is {loss}: training ends here. "
                                   "Lower the learning rate or scale the data.")
            console.write(f"Batch {batch}: Invalid loss, terminating training\n")
            self.model.stop_training = True
            return
