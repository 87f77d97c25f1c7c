"""Models that are classes of one's own: ``call`` says how their layers are connected.

>>> import numpy as np
>>> import fastnn
>>> from fastnn import layers
>>> class Residual(fastnn.Model):
...     def __init__(self, units):
...         super().__init__()
...         self.hidden = layers.Dense(units, "relu")
...         self.out = layers.Dense(units)
...     def call(self, inputs):
...         return inputs + self.out(self.hidden(inputs))
>>> model = Residual(3)
>>> model.predict(np.ones((5, 3))).shape, model.count_params()
((5, 3), 24)

``call`` runs once, on symbolic tensors, when the first data say their shape; what it makes of them
is compiled like any other graph of layers. A step that needs the numbers themselves is a layer with
a ``call`` of its own.
"""

from __future__ import annotations

from inspect import signature

import numpy as np

from fastnn.functional_model import Functional
from fastnn.layers.base import Layer
from fastnn.layers.core import Input
from fastnn.layers.graph import NoNumbersError
from fastnn.model import Model


class Subclassed(Functional):
    """What `Model` is to a class with a ``call`` (abstract)."""

    def __init__(self, *, name=None, trainable=True, dtype=None):
        Model.__init__(self, name, dtype)
        self._layers, self._inputs, self._steps, self._outputs = [], [], [], []
        self._rows, self._structures, self._tensors = [()], (0, 0), None
        self._trainable = bool(trainable)
        self._asked = None  # the arguments of ``compile``, until the outputs are known

    def call(self, inputs):
        """The outputs for symbolic inputs, made by calling layers."""
        raise NotImplementedError

    @property
    def layers(self):
        return list(self._layers) if self.built else layers_of(self)

    def build(self, input_shape=None) -> None:
        """Connect the layers, for data of a shape (None, ...)."""
        if input_shape is not None:
            self.build_for_row(tuple(input_shape)[1:])
        self._require_built()

    def build_for_row(self, shape):
        self._connect(lambda: Input(shape, dtype=self._own_dtype()))

    def build_for(self, x):
        def inputs():
            if isinstance(x, dict):
                return {name: Input(np.shape(one)[1:], dtype=self._own_dtype(), name=name)
                        for name, one in x.items()}
            if isinstance(x, (list, tuple)) and all(hasattr(one, "shape") for one in x):
                return [Input(one.shape[1:], dtype=self._own_dtype()) for one in x]
            return Input(np.shape(x)[1:] or (1,), dtype=self._own_dtype())

        self._connect(inputs)

    def _own_dtype(self):
        return self._dtype and self._dtype.name

    def _connect(self, make_inputs) -> None:
        if self.built:
            return
        inputs = make_inputs()
        self._wire(inputs, traced(self, inputs))
        if not self._trainable:
            self.trainable = False
        if self._asked is not None:
            (given, named), self._asked = self._asked, None
            super().compile(*given, **named)

    def compile(self, *given, **named):
        """As `Model.compile`; for several outputs as `Functional.compile`."""
        if self.built:
            super().compile(*given, **named)
        else:
            self._asked = given, named

    def _build_for_training(self, x, y, stream=None):
        if not self.built and x is not None:
            self.build_for(x if stream is None else stream.first()[0])
        super()._build_for_training(x, y, stream)

    def get_config(self):
        raise TypeError(
            f"{type(self).__name__} says in call() what it does, which a file or configuration "
            "cannot keep. Use model.save_weights(path), and load_weights(path) of a new one; or "
            "put the network together by Model(inputs, outputs).")


def traced(thing, inputs):
    """What the ``call`` of a model or layer makes of symbolic tensors.

    With ``training``, so that a dropout that is called only then is in the graph: elsewhere it does
    nothing.
    """
    options = {"training": True} if "training" in signature(thing.call).parameters else {}
    try:
        return thing.call(inputs, **options)
    except NoNumbersError as error:
        raise NoNumbersError(
            f"The call() of {type(thing).__name__} is run once, on symbolic tensors, which have "
            f"shapes and no numbers ({error}). Put the step that needs numbers into a Layer with a "
            "call(self, inputs) of its own.") from error


def layers_of(thing) -> list:
    """The layers and models among the attributes, also in lists and dictionaries of them."""
    found = []
    for value in vars(thing).values():
        inside = value.values() if isinstance(value, dict) else value
        for one in inside if isinstance(value, (list, tuple, dict)) else [value]:
            if isinstance(one, (Layer, Model)) and not any(one is other for other in found):
                found.append(one)
    return found
