"""Callbacks that write the model to files: ModelCheckpoint, BackupAndRestore and Resume."""

from __future__ import annotations

import os
import warnings
from time import perf_counter

from fastnn import console
from fastnn._archive import CorruptModelError, clear
from fastnn.callbacks.base import Callback
from fastnn.callbacks.monitor import MonitorCallback

# Backups of `Resume` are so many seconds apart at least, and take that share of the time at most.
LEAST_SECONDS = 1.0
SHARE = 0.005


class _Counter:
    """Says True at every ``every``-th batch, counted over the epochs."""

    def __init__(self, every: int):
        self.every = every
        self.seen = 0

    def __call__(self) -> bool:
        self.seen = (self.seen + 1) % self.every
        return self.seen == 0


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, after each epoch or every so many batches.

    filepath : where to; ``{epoch}``, ``{batch}`` and the names of the logs are filled in, as in
        ``"{epoch:02d}-{val_loss:.2f}.fastnn"``. It ends in ``.weights.fastnn`` for weights, in
        ``.fastnn`` for models; or as in Keras in ``.weights.h5`` and ``.keras``, whatever the name
        the file is fastnn's. Folders are made.
    save_best_only : only where the monitored value is the best so far, and better than
        ``initial_value_threshold`` if there is one.
    save_freq : "epoch", or the number of batches from one file to the next.
    monitor, mode : as for EarlyStopping. verbose : 1 says what is done.

    ValueError for a path or a frequency that will not do, KeyError for a name in the path that is
    not in the logs. Semantics: Keras 3.15; the best value is kept from one `fit` to the next.
    """

    def __init__(self, filepath, monitor: str = "val_loss", verbose: int = 0,
                 save_best_only: bool = False, save_weights_only: bool = False,
                 mode: str = "auto", save_freq: str | int = "epoch",
                 initial_value_threshold: float | None = None):
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = _checked_freq(save_freq)
        self.best = initial_value_threshold
        self._epoch = 0
        endings = ((".weights.fastnn", ".weights.h5") if save_weights_only else
                   (".fastnn", ".keras"))
        if not self.filepath.endswith(endings):
            raise ValueError(f"filepath must end in {endings[0]!r} or {endings[1]!r} where "
                             f"save_weights_only is {save_weights_only}, received "
                             f"{self.filepath!r}.")
        if save_freq != "epoch":
            self._due = _Counter(save_freq)
            self.on_train_batch_end = self._batch_end  # or else nobody follows the batches

    def on_train_begin(self, logs=None):
        best = self.best
        if self.save_best_only:
            super().on_train_begin(logs)
        self.best = best

    def get_state(self) -> dict:
        return {"best": self.best, "seen": 0 if self.save_freq == "epoch" else self._due.seen}

    def set_state(self, state: dict) -> None:
        self.best = state["best"]
        if self.save_freq != "epoch":
            self._due.seen = state["seen"]

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch, {"epoch": epoch + 1} | logs, logs)

    def _batch_end(self, batch, logs=None):
        if self._due():
            self._save(self._epoch, {"epoch": self._epoch + 1, "batch": batch + 1} | logs, logs)

    def _save(self, epoch: int, names: dict, logs: dict) -> None:
        try:
            path = self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(f"The filepath {self.filepath!r} asks for {error}, which is not there. "
                           f"There are: {', '.join(names)}.") from None
        if not self._is_due(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise IsADirectoryError(f"ModelCheckpoint cannot write the file {path}: there is a "
                                    "folder of that name.")
        if folder := os.path.dirname(path):
            os.makedirs(folder, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        self._say(epoch, f"finished saving model to {path}")

    def _is_due(self, epoch: int, logs: dict, path: str) -> bool:
        if not self.save_best_only:
            self._say(epoch, f"saving model to {path}")
            return True
        value, best = logs.get(self.monitor), self.best
        if value is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=2)
            return True
        old = "None" if best is None else f"{best:.5f}"
        if not self._improves(value, best):
            self._say(epoch, f"{self.monitor} did not improve from {old}")
            return False
        self._say(epoch, f"{self.monitor} improved from {old} to {value:.5f}, saving model to "
                         f"{path}")
        self.best = value
        return True

    def _say(self, epoch: int, text: str) -> None:
        if self.verbose > 0:
            console.write(f"\nEpoch {epoch + 1}: {text}\n")


class _Keeper(Callback):
    """Keeps what an interrupted `fit` needs in order to go on to the same bits (abstract).

    It comes after all other callbacks: what they remember of a moment is kept with it.
    """

    def __init__(self, path, *older):
        super().__init__()
        self.path = path
        self._paths = (path, *older)  # the newest first
        self._backup = None

    def on_train_begin(self, logs=None):
        from fastnn.backup import Backup

        self._backup = Backup(self.model.trainer.run)
        clear(self.path)
        if not self._restore():
            self._save()  # an error now if it cannot be written; and where other files stand

    def _restore(self) -> bool:
        paths = [path for path in self._paths if os.path.exists(path)]
        for path in paths:
            try:
                return self._backup.restore(path)
            except CorruptModelError:
                if path == paths[-1]:
                    raise
        return False

    def _save(self, finished: bool = False) -> None:
        self._backup.save(self.path, finished)

    def at_rest(self):
        """Between two steps of the training."""

    def at_end(self):
        """After the last step, before the hooks of the end."""
        self._save(finished=not self._backup.run.interrupted)

    def on_train_end(self, logs=None):
        self._backup = None  # and with it the data


class BackupAndRestore(_Keeper):
    """Keep what an interrupted `fit` needs in order to go on to the same bits.

    backup_dir : a folder for this run alone. A `fit` that finds a backup there begins with its
        weights, its optimizer's memory, its place among the epochs and batches, its history, and
        with what its callbacks remember.
    save_freq : "epoch", or the number of batches from one backup to the next.
    double_checkpoint : keep the backup before the last one too, for a last one that is damaged.
    delete_checkpoint : delete the backup when `fit` has come to its end (not by Ctrl-C).

    ``fit(..., resume=path)`` does the same with a file, in a time that is bounded; for what both
    promise see :class:`Resume`. ValueError for an empty folder's name, a wrong frequency, or a
    backup of another training; CorruptModelError for a damaged one.
    """

    def __init__(self, backup_dir, save_freq: str | int = "epoch",
                 double_checkpoint: bool = False, delete_checkpoint: bool = True):
        if not backup_dir:
            raise ValueError(f"backup_dir must name a folder, received {backup_dir!r}.")
        self.backup_dir = os.fspath(backup_dir)
        path = os.path.join(self.backup_dir, "latest.weights.fastnn")
        super().__init__(path, f"{path}.bkp")
        self.save_freq = _checked_freq(save_freq)
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        if save_freq == "epoch":
            self.on_epoch_end = self._epoch_end
        else:
            self._due = _Counter(save_freq)
            self.on_train_batch_end = self._batch_end

    def _epoch_end(self, epoch, logs=None):
        self._save()

    def _batch_end(self, batch, logs=None):
        if self._due():
            self._save()

    def _save(self, finished: bool = False) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint and os.path.exists(self.path):
            os.replace(*self._paths)
        super()._save(finished)

    def at_end(self):
        if self._is_kept():
            super().at_end()

    def _is_kept(self) -> bool:
        return not self.delete_checkpoint or self._backup.run.interrupted

    def on_train_end(self, logs=None):
        is_kept = self._is_kept()
        super().on_train_end(logs)
        if is_kept:
            return
        for path in self._paths:
            if os.path.exists(path):
                os.remove(path)
        if os.path.isdir(self.backup_dir) and not os.listdir(self.backup_dir):
            os.rmdir(self.backup_dir)


class Resume(_Keeper):
    """What ``fit(..., resume=path)`` does: the training survives ``kill -9`` at any instant.

    path : a file for this `fit` alone, which it writes now and then: at most every second, and
        never for more than a two-hundredth of the time. A `fit` that finds the file goes on from
        it, to the same bits: weights, optimizer, order of rows, masks, history, what callbacks
        remember.

    When training has ended the file stays: the program started again has the same result at once,
    and trains on where ``epochs`` is larger. A `fit` that begins with other weights than a
    finished one trains anew. To begin anew, delete the file.

    Ctrl-C and SIGTERM write it too; SIGTERM then ends the process, as it does without.

    The same program, data and versions are needed. A ValueError for another model, compile, batch
    size or data (all rows are looked at up to 16 MB, beyond that as many spread evenly). A
    generator or other source of batches gives those again that were trained on, which are dropped;
    a warning where they are others. LBFGS and LevenbergMarquardt take the steps again that they
    have made. Of a callback of one's own is kept what it says by ``remembers``. What else draws
    random numbers on the way (`random`, `numpy.random` in callbacks) begins afresh.

    >>> import os, tempfile
    >>> import fastnn
    >>> x, y = fastnn.datasets.notes.package()
    >>> def program(epochs, **fit):
    ...     fastnn.utils.set_random_seed(1)
    ...     model = fastnn.Sequential([fastnn.layers.Dense(1, input_dim=2)])
    ...     model.compile("adam", "mse")
    ...     model.fit(x, y, epochs=epochs, verbose=0, **fit)
    ...     return model
    >>> path = os.path.join(tempfile.mkdtemp(), "run.backup")
    >>> part = program(3, resume=path)
    >>> whole = program(8, resume=path)  # trains the epochs 3 to 7
    >>> whole.digest() == program(8).digest(), whole.history.epoch
    (True, [0, 1, 2, 3, 4, 5, 6, 7])
    """

    def __init__(self, path):
        super().__init__(os.fspath(path))
        self._next = 0.0  # when the next one is due

    def _save(self, finished: bool = False) -> None:
        start = perf_counter()
        super()._save(finished)
        now = perf_counter()
        self._next = now + max(LEAST_SECONDS, (now - start) / SHARE)

    def at_rest(self):
        if perf_counter() >= self._next:
            self._save()


def _checked_freq(save_freq):
    if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int)
                                 or save_freq < 1):
        raise ValueError("save_freq must be 'epoch' or a number of batches of at least 1, received "
                         f"{save_freq!r}.")
    return save_freq
