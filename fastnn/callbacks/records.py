"""Callbacks that write the epochs down or show them: CSVLogger and a bar of tqdm."""

from __future__ import annotations

import os
from collections.abc import Iterable

from fastnn.callbacks.base import Callback


class CSVLogger(Callback):
    """A line of a CSV file for each epoch: its number, from 0, and the logs by name.

    separator : between two columns.
    append : go on at the end of the file if there is one; otherwise it is overwritten.

    The columns are those of the first epoch's logs, also with ``val_`` where that epoch was not
    validated; what an epoch lacks is NA. Each line is in the file when its epoch has ended, and
    once: where training goes on from a backup, lines of epochs that it repeats are taken back.
    """

    def __init__(self, filename, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self.keys: list[str] | None = None  # the columns
        self._start = 0  # where this training's lines begin in the file

    def on_train_begin(self, logs=None):
        self.keys = None
        with open(self.filename, "a" if self.append else "w"):
            pass  # an error now rather than after the first epoch
        self._start = os.path.getsize(self.filename)

    def get_state(self) -> dict:
        with open(self.filename, "rb") as file:
            file.seek(self._start)
            lines = file.read().decode()
        return {"keys": self.keys, "start": self._start, "lines": lines}

    def set_state(self, state: dict) -> None:
        self.keys, self._start = state["keys"], state["start"]
        with open(self.filename, "r+b") as file:
            file.truncate(self._start)
            file.seek(self._start)
            file.write(state["lines"].encode())

    def on_epoch_end(self, epoch, logs=None):
        lines = []
        if self.keys is None:
            self.keys = _columns(logs)
            if os.path.getsize(self.filename) == 0:
                lines.append(["epoch", *self.keys])
        lines.append([epoch, *(_cell(logs.get(key, "NA")) for key in self.keys)])
        from csv import writer

        # opened for every line: nothing is lost, or left open, when training ends in an error
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            writer(file, delimiter=self.separator).writerows(lines)


def _columns(logs: dict) -> list[str]:
    names = sorted(logs)
    if not any(name.startswith("val_") for name in names):
        names += [f"val_{name}" for name in names]
    return names


def _cell(value):
    """A value as a cell: a list is one cell, in quotes."""
    is_plain = isinstance(value, str) or getattr(value, "shape", None) == ()
    if is_plain or not isinstance(value, Iterable):
        return value
    return f'"[{", ".join(map(str, value))}]"'


class TqdmCallback(Callback):
    """Progress bars of the package tqdm, in a terminal or a notebook; pass ``verbose=0`` to `fit`.

    epochs : the bar's end; by default what `fit` was told.
    data_size, batch_size : rows, and rows a batch, where `fit` does not know the steps itself.
    verbose : 0 a bar of epochs, 1 also one of the batches of the epoch at hand, 2 one of batches
        for each epoch, which stays.
    tqdm_class : the class of the bars; by default tqdm's choice for the place.
    tqdm_kwargs : further arguments for it.

    ImportError if tqdm is not installed.
    """

    def __init__(self, epochs: int | None = None, data_size: int | None = None,
                 batch_size: int | None = None, verbose: int = 1, tqdm_class=None, **tqdm_kwargs):
        super().__init__()
        self.epochs = epochs
        self.steps = -(-data_size // batch_size) if data_size and batch_size else None
        self.verbose = verbose
        self._make = _tqdm() if tqdm_class is None else tqdm_class
        self._options = tqdm_kwargs
        self._epochs = self._batches = None  # the bars

    def on_train_begin(self, logs=None):
        total = self.epochs or (self.params or {}).get("epochs")
        self._epochs = self._make(total=total, unit="epoch", **self._options)

    def on_epoch_begin(self, epoch, logs=None):
        if self._epochs.n < epoch:  # training goes on from an earlier run
            self._epochs.n = self._epochs.last_print_n = self._epochs.initial = epoch
        if not self.verbose:
            return
        total = self.steps or (self.params or {}).get("steps")
        if self._batches is not None and self.verbose == 1:
            self._batches.reset(total)
        else:
            self._batches = self._make(total=total, unit="batch", leave=self.verbose > 1,
                                       **self._options)

    def after_steps(self, first, losses):
        """Move the bar of batches on."""
        if self._batches is not None:
            self._batches.update(len(losses))

    def on_epoch_end(self, epoch, logs=None):
        if self._batches is not None and self.verbose > 1:
            self._batches.set_postfix(logs)
            self._batches.close()
        self._epochs.set_postfix(logs)
        self._epochs.update(1)

    def on_train_end(self, logs=None):
        if self._batches is not None:
            self._batches.close()
        self._epochs.close()
        self._batches = None


def _tqdm():
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError("TqdmCallback needs the package tqdm: pip install tqdm.") from None
    return tqdm
