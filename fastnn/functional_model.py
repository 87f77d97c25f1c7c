"""Models of any graph of layers: ``Model(inputs, outputs)``.

>>> import numpy as np
>>> from fastnn import Input, Model, layers
>>> x = Input(shape=(3,))
>>> h = layers.Dense(3, "relu")(x)
>>> model = Model(inputs=x, outputs=layers.Dense(1)(layers.add([h, x])))  # a residual network
>>> model.count_params(), model.predict(np.ones((5, 3))).shape
(16, (5, 1))
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from fastnn import registry
from fastnn.layers.base import Layer
from fastnn.layers.core import InputLayer
from fastnn.layers.graph import Node, Tensor, flat, like, order
from fastnn.losses import Loss
from fastnn.model import Model, serialized_metrics
from fastnn.network import inline
from fastnn.outputs import Outputs
from fastnn.sides import Sides


@registry.register("model")
class Functional(Model, of_package=True):
    """The layers between some symbolic tensors and others; made by ``Model(inputs, outputs)``.

    inputs : a tensor, or a list or dictionary of them: ``Input`` objects, or any tensor in whose
        place data is to come.
    outputs : a tensor, or a list or dictionary of them.
    name : str, by default functional, functional_1, ...

    Data has the structure of ``inputs``: arrays in a list, or in a dictionary by name. Layers keep
    their weights: a model of some of another's layers shares them with it.
    """

    def __init__(self, inputs, outputs, *, name=None, trainable=True):
        super().__init__(name)
        self._wire(inputs, outputs)
        if not trainable:
            self.trainable = False

    def _wire(self, inputs, outputs) -> None:
        """Take the layers between the tensors, and make the vector of their numbers."""
        tensors = flat(inputs), flat(outputs)
        for what, given in zip(("inputs", "outputs"), tensors, strict=True):
            wrong = [tensor for tensor in given if not isinstance(tensor, Tensor)]
            if wrong or not given:
                raise TypeError(f"{what} must be symbolic tensors, which Input(...) and layers "
                                f"called on them make; received {wrong[0] if wrong else given!r}.")
        if len({id(tensor) for tensor in tensors[0]}) < len(tensors[0]):
            raise ValueError("inputs has one of its tensors twice.")
        self._structures = tuple(like(structure, list(range(len(given)))) for structure, given
                                 in zip((inputs, outputs), tensors, strict=True))
        self._steps, self._outputs, layers = order(*tensors)
        self._inputs = [_input_layer(tensor) for tensor in tensors[0]]
        cut = [layer for layer in self._inputs if layer not in layers]
        self._layers = cut + [layer for layer in layers if _is_inside(layer, self)]
        self._rows = [tensor.row for tensor in tensors[1]]
        self.sides = Sides([tensor.name for tensor in tensors[0]],
                           [tensor.row for tensor in tensors[0]], self._structures[0])
        self._tensors = inputs, outputs
        _check_names(self._layers)
        self.pack()

    @property
    def layers(self):
        return list(self._layers)

    @property
    def input_layers(self):
        return self._inputs

    @property
    def row_shapes(self):
        rows = self._rows
        width = sum(math.prod(row) for row in rows)
        return self._inputs[0].shape, rows[0] if len(rows) == 1 else (width,)

    @property
    def split_outputs(self):
        return None if len(self._rows) == 1 else self._split

    def _split(self, Y):
        ends = np.cumsum([math.prod(row) for row in self._rows])[:-1]
        parts = [part.reshape(len(Y), *row) for part, row in
                 zip(np.split(Y, ends, axis=1), self._rows, strict=True)]
        return like(self._structures[1], parts)

    @property
    def output_names(self) -> list[str]:
        """The keys of the outputs, if they are a dictionary, or the names of their layers."""
        if isinstance(self._structures[1], dict):
            return list(self._structures[1])
        makers = {step.first + i: step.layer.name for step in self._steps
                  for i in range(len(step.layer.outputs) if isinstance(step.layer, Model) else 1)}
        makers |= {i: layer.name for i, layer in enumerate(self._inputs)}
        names: list[str] = []
        for number in self._outputs:
            name, count = makers[number], 1
            while name in names:
                name, count = f"{makers[number]}_{count}", count + 1
            names.append(name)
        return names

    def compile(self, optimizer="rmsprop", loss=None, metrics=None, *, loss_weights=None,
                weighted_metrics=None, **settings):
        """As `Model.compile`. For several outputs, in their order or by their names:

        loss : one for all, or a list or dictionary; None for an output that is not trained.
        loss_weights : a list or dictionary of numbers, by default 1: the total is the weighted sum.
        metrics, weighted_metrics : a list or dictionary with a metric, or a list of metrics, for
            each output.

        The results are the total "loss", the outputs' own ("out_loss") and metrics ("out_mae").

        >>> from fastnn import Input, Model, layers
        >>> x = Input((2,))
        >>> model = Model(x, [layers.Dense(1, name="one")(x), layers.Dense(3, name="two")(x)])
        >>> model.compile("adam", loss="mse", loss_weights={"two": 0.5}, metrics={"one": "mae"})
        >>> model.metrics_names
        ['loss', 'one_loss', 'two_loss', 'one_mae']
        """
        chosen = {"metrics": metrics, "weighted_metrics": weighted_metrics}
        if len(self._rows) == 1:
            if loss_weights is not None:
                raise ValueError("loss_weights weigh the losses of several outputs, and the model "
                                 f"{self.name!r} has one.")
            chosen = {kind: _named(given, self.output_names[0]) for kind, given in chosen.items()}
            return super().compile(optimizer, self.only_target(loss), **chosen, **settings)
        if loss is None:
            return super().compile(optimizer, **settings)
        both = Outputs(self.output_names, self._rows, loss, loss_weights, **chosen)
        super().compile(optimizer, both, **settings)
        self.loss = loss

    def _get_compile_config(self):
        both = self._compiled and self._compiled["loss"]
        if not isinstance(both, Outputs):
            return super()._get_compile_config()
        return {"optimizer": registry.serialize(self.optimizer),
                "loss": [registry.serialize(loss) for loss in both.losses],
                "loss_weights": both.weights,
                **{kind: [serialized_metrics(own) for own in getattr(both, kind)]
                   for kind in ("metrics", "weighted_metrics")}}

    @property
    def input_shape(self):
        """(None, ...), or a structure of them as the inputs have it."""
        return like(self._structures[0], [layer.batch_shape for layer in self._inputs])

    @property
    def output_shape(self):
        """(None, ...), or a structure of them as the outputs have it."""
        return like(self._structures[1], [(None, *row) for row in self._rows])

    def build(self, input_shape=None) -> None:
        """Nothing: the inputs have said their shapes."""

    def build_for(self, x) -> None:
        """Nothing: the inputs have said their shapes."""

    def inline(self, sources, steps):
        values = dict(enumerate(sources))
        for layer, numbers, first in self._steps:
            made = inline(layer, [values[number] for number in numbers], steps)
            values |= dict(enumerate(made, first))
        return [values[number] for number in self._outputs]

    def only_target(self, y):
        if len(self._rows) > 1:
            return y
        if isinstance(y, (list, tuple)) and len(y) == 1 and not isinstance(y[0], (int, float)):
            whole = np.ndim(y[0]) > len(self._rows[0]) or isinstance(y[0], (str, Loss))
            return y[0] if whole else y
        return _named(y, self.output_names[0])

    def connections(self):
        readers = Counter(self._outputs)
        readers.update(number for step in self._steps for number in step.sources)
        called = Counter(id(step.layer) for step in self._steps)
        if (len(self._inputs) == 1 and {1} == set(readers.values()) == {*called.values(), 1}
                and all(len(step.sources) == 1 for step in self._steps)):
            return {}
        names = {i: f"{layer.name}[0][0]" for i, layer in enumerate(self._inputs)}
        found = dict.fromkeys(map(id, self._layers), "-")
        calls: Counter = Counter()
        for layer, sources, first in self._steps:
            before = [found[id(layer)]] if calls[id(layer)] else []
            found[id(layer)] = ", ".join([*before, *(names[number] for number in sources)])
            made = len(layer.outputs) if isinstance(layer, Model) else 1
            names |= {first + i: f"{layer.name}[{calls[id(layer)]}][{i}]" for i in range(made)}
            calls[id(layer)] += 1
        return found

    def make_tensors(self):
        if self._tensors is None:  # a copy has layers without nodes
            values = {i: layer.output for i, layer in enumerate(self._inputs)}
            for layer, numbers, first in self._steps:
                given = [values[number] for number in numbers]
                made = layer.connect(given)
                outputs = made.outputs if isinstance(made, Node) else flat(made)
                values |= dict(enumerate(outputs, first))
            ends = range(len(self._inputs)), self._outputs
            inputs, outputs = ([values[i] for i in numbers] for numbers in ends)
            self._tensors = (like(self._structures[0], inputs), like(self._structures[1], outputs))
        return self._tensors

    def __getstate__(self):
        return super().__getstate__() | {"_tensors": None}

    def get_config(self):
        layers = self._layers
        places = {id(layer): i for i, layer in enumerate(layers)}
        _check_shared(self)
        return {
            "name": self.name,
            "layers": [registry.serialize(layer) for layer in layers],
            "input_layers": [places[id(layer)] for layer in self._inputs],
            "graph": [[places[id(step.layer)], list(step.sources)] for step in self._steps],
            "output_values": list(self._outputs),
            "inputs": _described(self._structures[0]),
            "outputs": _described(self._structures[1]),
        }

    @classmethod
    def from_config(cls, config: dict) -> Functional:
        """A model of the same graph with fresh weights."""
        layers = [layer_of(layer) for layer in config["layers"]]
        values = [layers[i].output for i in config["input_layers"]]
        inputs = _structured(config["inputs"], list(values))
        for i, sources in config["graph"]:
            given = [values[number] for number in sources]
            made = layers[i](given if len(given) > 1 or layers[i].many else given[0])
            values += flat(made)
        found = [values[number] for number in config["output_values"]]
        outputs = _structured(config["outputs"], found)
        return cls(inputs, outputs, name=config.get("name"))


def _input_layer(tensor: Tensor) -> InputLayer:
    """The layer of an input; a new one for a tensor that another layer makes."""
    layer = tensor.node.layer
    if isinstance(layer, InputLayer):
        return layer
    return InputLayer(tensor.row, dtype=tensor.dtype)


def _named(given, name: str):
    """What is given for the one output, by itself or by its name."""
    if isinstance(given, dict) and list(given) == [name]:
        return given[name]
    return given


def _is_inside(layer, model: Functional) -> bool:
    return layer in model._inputs or any(step.layer is layer for step in model._steps)


def _check_names(layers: list) -> None:
    names = [layer.name for layer in layers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"Several layers have the name {twice[0]!r}: the layers of a model need "
                         "different names.")


def _check_shared(model: Functional) -> None:
    """A ValueError where a layer is both in the model and in one inside it, or in two of these."""
    found: list[Layer] = []
    for layer in model.layers:
        for leaf in layer.leaves if isinstance(layer, Model) else [layer]:
            if any(leaf is other for other in found):
                raise ValueError(
                    f"The layer {leaf.name!r} is in the model {model.name!r} both by itself and in "
                    "a model inside it, or in two of them. A file or configuration cannot say so; "
                    "use the layer itself in both places.")
            found.append(leaf)


def _described(structure):
    """A structure for a file: None for one thing, the length of a list, or the names in order."""
    if isinstance(structure, dict):
        return list(structure)
    return len(structure) if isinstance(structure, list) else None


def _structured(described, items: list):
    """The items in the structure that ``_described`` told of."""
    if isinstance(described, list):
        return dict(zip(described, items, strict=True))
    return items[0] if described is None else items


def layer_of(config: dict):
    """The layer, or the model as a layer, of a configuration."""
    name = config["class_name"]
    is_model = registry.find("layer", name) is None and registry.find("model", name) is not None
    return registry.get("model" if is_model else "layer", config)
