"""What a model is before it trains: a graph of layers, a vector of their numbers, a layer."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import replace

from fastnn.layers.base import Layer
from fastnn.layers.graph import Node, Tensor, flat, like
from fastnn.plan import Kind


class Network:
    """Layers put together (abstract): a base of `fastnn.model.Model`.

    A subclass has ``layers``, ``input_layers``, ``make_tensors`` and ``inline``.
    """

    # what a subclass defines

    @property
    def input_layers(self) -> list[Layer]:
        """The InputLayers, in the order of the columns of X; a ValueError if there are none yet."""
        raise NotImplementedError

    def make_tensors(self) -> tuple:
        """(inputs, outputs): the symbolic tensors, or structures of them, that the model joins."""
        raise NotImplementedError

    def inline(self, sources: list[int], steps: list) -> list[int]:
        """Append (layer, numbers of its sources) of every leaf; the numbers of the outputs.

        Step i makes the value i; inputs have the numbers -1, -2, ...
        """
        raise NotImplementedError

    many = False  # it may be called on one tensor without a list, as a layer may
    sides = None  # `fastnn.sides.Sides`, if data may be lists or dictionaries of arrays
    unused: tuple = ()  # the variables of layers that the outputs do not need, after ``lower``
    split_outputs = None  # a function of the output columns, for a model of several outputs

    # the graph

    @property
    def leaves(self) -> list[Layer]:
        """The layers, each once; in the place of a model among them its own."""
        found: dict[int, Layer] = {}
        for layer in self.layers:
            leaves = inside.leaves if (inside := network_in(layer)) else [layer]
            found |= {id(leaf): leaf for leaf in leaves}
        return list(found.values())

    def lower(self, builder):
        """Append the network's ops to the plan; the value that holds its output, or all of them
        side by side."""
        value, *rest = self.lower_outputs(builder)
        if rest:
            value = replace(value, shape=(value.width,))
        for other in rest:
            other = replace(other, shape=(other.width,))
            value = builder.merge(Kind.CONCATENATE, value, other)
        return value

    def lower_outputs(self, builder) -> list:
        """Append the network's ops to the plan; the values that hold its outputs."""
        inputs = self.input_layers
        numbers = [-1 - i for i in range(len(inputs))]
        steps: list = []
        outputs = self.inline(numbers, steps)
        values = {i: layer.lower(builder) for i, layer in zip(numbers, inputs, strict=True)}
        needed = _needed(steps, outputs)
        uses = Counter(outputs)
        for i in needed:
            uses.update(steps[i][1])

        def take(number):
            """The value for one of its readers: each has a gradient of its own."""
            uses[number] -= 1
            if not uses[number]:
                return values.pop(number)
            one, values[number] = builder.fork(values[number])
            return one

        calls: Counter = Counter()
        for i in needed:
            layer, sources = steps[i]
            given = [take(number) for number in sources]
            shapes = tuple(value.shape for value in given)
            layer.ensure_built(shapes if layer.many else shapes[0])
            builder.call = calls[id(layer)]
            calls[id(layer)] += 1
            values[i] = layer.lower_regularized(builder, *given)
        self.unused = [variable for layer in self.leaves if id(layer) not in calls
                       for variable in layer.weights]
        return [take(number) for number in outputs]

    def tensors(self) -> tuple:
        """``make_tensors``, once; a ValueError before the shapes are known."""
        self._require_built()
        return self.make_tensors()

    @property
    def input(self):
        """The symbolic tensor of the input, or a structure of several."""
        return self.tensors()[0]

    @property
    def output(self):
        """The symbolic tensor of the output, or a structure of several."""
        return self.tensors()[1]

    @property
    def inputs(self) -> list[Tensor]:
        return flat(self.input)

    @property
    def outputs(self) -> list[Tensor]:
        return flat(self.output)

    def only_target(self, y):
        """What is given for the one output of a model, where that may come in a list or by its
        name; of several outputs, as it is."""
        return y

    def connections(self) -> dict[int, str]:
        """What each layer is called on, by its id, if the model is more than a chain."""
        return {}

    def trace(self) -> None:
        """Make the symbolic tensors of the model's layers, if they are not there."""
        if self.built:
            self.make_tensors()

    # as a layer of another model

    def connect(self, x):
        """A call on symbolic tensors: those of the outputs, in the structure of the model's own."""
        given = flat(x)
        if not all(isinstance(tensor, Tensor) for tensor in given):
            raise TypeError(f"The model {self.name!r} was called on tensors and data at once.")
        self.build_for_row(given[0].row)
        inputs, outputs = self.tensors()
        if isinstance(x, dict) and isinstance(inputs, dict) and x.keys() == inputs.keys():
            given = [x[name] for name in inputs]
        rows, wanted = ([t.row for t in tensors] for tensors in (given, flat(inputs)))
        if rows != wanted:
            wanted, rows = (", ".join(map(str, shapes)) for shapes in (wanted, rows))
            raise ValueError(f"The model {self.name!r} takes inputs with rows of {wanted}; "
                             f"received {rows}.")
        node = Node(self, tuple(given), [tensor.row for tensor in flat(outputs)])
        return like(outputs, list(node.outputs))

    @property
    def given_shape(self) -> tuple | None:
        """The shape of an input row, if it is known."""
        return self.row_shapes[0] if self.built else None

    @property
    def shapes(self) -> tuple[tuple, tuple] | None:
        """The shapes of a row's input and output, if they are known."""
        return self.row_shapes if self.built else None

    def ensure_built(self, input_shape):
        """Build the model, if it is not, for rows of a shape, and return its output's."""
        self.build_for_row(input_shape)
        if self.row_shapes[0] != input_shape:
            raise ValueError(f"The model {self.name!r} takes rows of shape {self.row_shapes[0]}, "
                             f"received {input_shape}.")
        return self.row_shapes[1]

    def build_for_row(self, shape: tuple) -> None:
        """Build the model, if it is not, for rows of a shape."""
        self._require_built()

    # the vector

    def gather(self) -> None:
        """Fetch the numbers of layers that another model, which shares them, has had since."""
        if not self._away:
            return
        for layer in self.leaves:
            other = layer.owner and layer.owner()
            if other is not None and other is not self:
                other.lose()
            layer.owner = weakref.ref(self)
        offset = 0
        for variable in self._packed:
            variable.bind(self.params, offset)
            offset += variable.size
        self._away = False

    def lose(self) -> None:
        """Another model fetches numbers: from now on this one has to fetch them before it works."""
        self._away, self._predictor = True, None


def network_in(layer):
    """A model as it is, the one that a layer made of layers stands for, or None."""
    if isinstance(layer, Network):
        return layer
    if layer.inner is not None and layer.passed_on != layer.trainable:
        layer.inner.trainable = layer.passed_on = layer.trainable
    return layer.inner


def inline(layer, sources: list[int], steps: list) -> list[int]:
    """``Network.inline`` of a model, or of a layer as the one step that it is."""
    inside = network_in(layer)
    if inside is not None:
        return inside.inline(sources, steps)
    steps.append((layer, tuple(sources)))
    return [len(steps) - 1]


def _needed(steps: list, outputs: list[int]) -> list[int]:
    """The steps that the outputs need, in order: a model inside may have more outputs."""
    needed = set(outputs)
    for i in reversed(range(len(steps))):
        if i in needed:
            needed.update(steps[i][1])
    return sorted(i for i in needed if i >= 0)
