"""The weights of past epochs, kept in memory to go back to."""

from __future__ import annotations

import math

import numpy as np

from fastnn.callbacks.base import Callback


class KeepWeights(Callback):
    """Keeps the weights at the end of each epoch: `History.at` gives them back.

    memory : bytes that they may take, 256 MiB by default. When they are full every second epoch is
        forgotten, and from then on half as many are kept: they always span the whole training.

    ValueError if not even two epochs have room.

    >>> import fastnn
    >>> model = fastnn.Sequential([fastnn.layers.Dense(1, input_dim=2)])
    >>> model.compile("sgd", "mse")
    >>> x, y = fastnn.datasets.notes.package()
    >>> keep = fastnn.callbacks.KeepWeights()
    >>> history = model.fit(x / 10, y, epochs=5, verbose=0, callbacks=keep)
    >>> last = model.get_weights()[0]
    >>> history.at(1).restore()
    >>> bool((model.get_weights()[0] != last).any())
    True
    """

    remembers = ("every", "epochs")

    def __init__(self, memory: int = 256 << 20):
        super().__init__()
        self.memory = memory
        self.every = 1  # how many epochs lie between two that are kept
        self.epochs: dict[int, np.ndarray] = {}  # all numbers of all layers, by epoch

    def on_train_begin(self, logs=None):
        need = 2 * sum(w.size * w.value.itemsize for w in self.model.weights)
        if need > self.memory:
            raise ValueError(f"KeepWeights may take {self.memory} bytes, but two epochs of this "
                             f"model need {need}. Give it more memory.")
        self.every, self.epochs = 1, {}
        self.model.history.kept = self

    def on_epoch_end(self, epoch, logs=None):
        if epoch % self.every:
            return
        numbers = np.concatenate([w.value.ravel() for w in self.model.weights])
        while self.epochs and (len(self.epochs) + 1) * numbers.nbytes > self.memory:
            self.every *= 2
            self.epochs = {e: n for e, n in self.epochs.items() if e % self.every == 0}
        if epoch % self.every == 0:
            self.epochs[epoch] = numbers

    def at(self, epoch: int) -> Snapshot:
        """The weights at the end of an epoch, counted from 0; negative: from the last one kept."""
        known = sorted(self.epochs)
        number = known[epoch] if epoch < 0 and -epoch <= len(known) else epoch
        if number not in self.epochs:
            listed = ", ".join(map(str, known)) if len(known) < 9 else (
                f"{known[0]}, {known[1]}, ... {known[-1]}")
            raise ValueError(f"The weights of epoch {epoch} were not kept. Those of these epochs "
                             f"were: {listed or 'none'}.")
        return Snapshot(self.model, number, self.epochs[number])


class Snapshot:
    """A model's weights at the end of an epoch."""

    def __init__(self, model, epoch: int, numbers: np.ndarray):
        self.model, self.epoch, self._numbers = model, epoch, numbers

    @property
    def weights(self) -> list[np.ndarray]:
        """The arrays as ``get_weights`` had them."""
        shapes = [w.shape for w in self.model.weights]
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        return [part.reshape(shape).copy() for part, shape in
                zip(np.split(self._numbers, ends[:-1]), shapes, strict=True)]

    def restore(self) -> None:
        """Put them back into the model; the optimizer stays as it is."""
        self.model.set_weights(self.weights)

    def __repr__(self) -> str:
        return f"<Snapshot of {self.model.name!r} after epoch {self.epoch}>"
