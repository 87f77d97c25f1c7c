"""What the rules of a diagnosis look at: the data, the network, its gradients, its history."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from fastnn import losses, rows
from fastnn.activations import Activation
from fastnn.layers.core import Dense, Flatten, Reshape
from fastnn.understanding import watching
from fastnn.understanding.checking import branches, layers_of
from fastnn.understanding.probe import Probe

SAMPLE = 1000  # rows that are looked at, evenly spaced

_PASSING = (Flatten, Reshape)
_SCALING = ("fastnn.layers.embedding", "fastnn.layers.normalization", "fastnn.layers.preprocessing")


class Case:
    """A compiled model with the data that it trains on; what costs time is computed when asked for.

    feed, validation : what `Trainer.feed` made of the data; validation may be None.
    batch_size : of the training, None if nobody knows. history : {name: list of values}.
    """

    def __init__(self, model, feed, validation=None, batch_size=None, history=None):
        self.model, self.feed, self.validation = model, feed, validation
        self.batch_size, self.history = batch_size, history or {}
        self.trainer = model.trainer
        self.loss = self.trainer.loss

    # the data

    @cached_property
    def sample(self):
        """The feed of some rows."""
        n = len(self.feed.X)
        part = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).round().astype(np.int64))
        found = rows.select(self.feed, part)
        return Probe(self.trainer).rows(found, slice(0, len(part)))

    @property
    def one_output(self) -> bool:
        """Whether the model has one loss: rules about it say nothing of several."""
        return not hasattr(self.loss, "losses")

    @cached_property
    def classifies(self) -> bool:
        """Whether the targets are classes, by the loss and their values."""
        if not self.one_output:
            return False
        T = self.feed.T
        if self.loss.sparse or isinstance(self.loss, losses.CategoricalCrossentropy):
            return True
        return (isinstance(self.loss, (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy))
                and T.shape[1] == 1 and bool(np.isin(T, (0, 1)).all()))

    def classes(self, feed=None) -> np.ndarray:
        """The class (n,) of each row."""
        feed = self.feed if feed is None else feed
        return rows.classes(feed.T, feed.labels)

    @cached_property
    def first_inputs(self) -> np.ndarray | None:
        """What the first dense layer reads; None if another layer with weights stands before it.

        Where the layers branch, the data, unless a layer is there that may scale them.
        """
        if branches(self.model):
            scales = any(type(layer).__module__ in _SCALING for layer in self.layers)
            return None if scales else self.sample.X
        before = None
        for layer in self.layers:
            if isinstance(layer, Dense):
                break
            if layer.weights:
                return None
            before = before if isinstance(layer, _PASSING) else layer
        else:
            return None
        if before is None:
            return self.sample.X
        return self.activations[before.name].reshape(len(self.sample.X), -1)

    # the network

    @cached_property
    def layers(self) -> list:
        return layers_of(self.model)

    @cached_property
    def dense(self) -> list[Dense]:
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    @cached_property
    def hidden(self) -> list:
        """The layers whose output is not one of the model's."""
        ends = set(getattr(self.model, "output_names", ()))
        last = next((i for i in range(len(self.layers) - 1, -1, -1)
                     if isinstance(self.layers[i], Dense)), 0)
        return [layer for layer in self.layers[:last] if layer.name not in ends]

    @cached_property
    def output_activation(self) -> Activation | None:
        """The activation of the only output; None if it is not known."""
        for layer in reversed(self.layers):
            activation = getattr(layer, "activation", None)
            linear = isinstance(activation, Activation) and type(activation).__name__ == "Linear"
            if isinstance(layer, Dense) or (isinstance(activation, Activation) and not linear):
                return activation
            if layer.weights:
                return None
        return None

    @cached_property
    def activations(self) -> dict[str, np.ndarray]:
        """Each layer's output for the sample."""
        return watching.activations(self.model, self.sample.X)

    @cached_property
    def _slopes(self) -> tuple[float, np.ndarray]:
        with np.errstate(all="ignore"):
            return Probe(self.trainer).gradient(self.sample)

    def gradient(self, layer, name: str = "kernel") -> np.ndarray:
        """dL/dw of a layer's trained array on the sample; zeros for a frozen one."""
        variable, flat = layer.variables[name], self._slopes[1]
        if variable.offset >= len(flat):
            return np.zeros(variable.shape)
        return flat[variable.offset : variable.offset + variable.size].reshape(variable.shape)

    @cached_property
    def mean_loss(self) -> float:
        """The sample's loss without penalties."""
        with np.errstate(all="ignore"):
            return float(Probe(self.trainer, by_row=True).row_losses(self.sample).mean())

    def curve(self, name: str) -> np.ndarray:
        """A list of the history as an array; empty if it is not there."""
        return np.asarray(self.history.get(name, ()), np.float64)
