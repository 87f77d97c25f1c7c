"""Graphs of layers: what ``layer(x)`` makes when x is no data yet, and the order to compute it in.

>>> from fastnn import Input, layers
>>> x = Input(shape=(3,))
>>> h = layers.Dense(4, name="hidden")(x)
>>> h.shape, h.node.layer.name, h.node.inputs == (x,)
((None, 4), 'hidden', True)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from numpy.lib.mixins import NDArrayOperatorsMixin


class NoNumbersError(TypeError):
    """A symbolic tensor where numbers are needed."""


class Tensor(NDArrayOperatorsMixin):
    """A symbolic tensor: the output of a layer, with a shape and no numbers.

    What ``+``, NumPy and `fastnn.ops` do with it is a layer, if there is one for it:
    `fastnn.layers.arithmetic`.

    node : the call that made it; index : which of the call's outputs it is.
    """

    def __init__(self, row: tuple, dtype: str, node: Node, index: int = 0):
        self.row, self.dtype, self.node, self.index = row, dtype, node, index

    @property
    def shape(self) -> tuple:
        """(None, ...), None for the batch."""
        return (None, *self.row)

    @property
    def name(self) -> str:
        """The name of the layer that made it."""
        return self.node.layer.name

    # two tensors are equal if they are the same
    __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__

    def __array__(self, dtype=None, copy=None):
        raise NoNumbersError(f"{self!r} has a shape but no numbers yet. Make a model of "
                             "it, Model(inputs, outputs), and call its predict with data.")

    def __array_ufunc__(self, ufunc, method, *inputs, **named):
        from fastnn.layers import arithmetic

        return arithmetic.ufunc(ufunc if method == "__call__" else None, inputs, named)

    def __array_function__(self, function, types, arguments, named):
        from fastnn.layers import arithmetic

        return arithmetic.function(function, arguments, named)

    def through(self, activation) -> Tensor:
        """An activation of it."""
        from fastnn.layers.core import Activation

        return Activation(activation)(self)

    def astype(self, dtype, copy=True) -> Tensor:
        """Itself: all of a model is of one type."""
        return self

    def __repr__(self) -> str:
        return f"<Tensor shape={self.shape}, dtype={self.dtype}, of {self.name}>"


class Node:
    """One call of a layer: the tensors it was given and those it made."""

    def __init__(self, layer, inputs: tuple[Tensor, ...], rows: Iterable[tuple]):
        self.layer, self.inputs = layer, inputs
        self.outputs = tuple(Tensor(row, layer.dtype, self, i) for i, row in enumerate(rows))
        layer.nodes.append(self)


def is_symbolic(inputs) -> bool:
    """Whether there is a tensor among what a layer was called on."""
    return any(isinstance(x, Tensor) for x in flat(inputs))


def flat(structure) -> list:
    """The items of a list, tuple or dictionary, or the one thing that is none of these."""
    if isinstance(structure, dict):
        return list(structure.values())
    return list(structure) if isinstance(structure, (list, tuple)) else [structure]


def like(structure, items: list):
    """The items in a structure like the one that ``flat`` took apart."""
    if isinstance(structure, dict):
        return dict(zip(structure, items, strict=True))
    return list(items) if isinstance(structure, (list, tuple)) else items[0]


class Step(NamedTuple):
    """One layer of a graph: it reads the values ``sources`` and makes those from ``first`` on."""

    layer: object
    sources: tuple[int, ...]
    first: int


def order(inputs: list[Tensor], outputs: list[Tensor]) -> tuple[list[Step], list[int], list]:
    """What computes the outputs from the inputs: (steps, numbers of the outputs, layers).

    The inputs have the numbers 0, 1, ...; what lies in front of them does not count. The layers, in
    Keras's order, are those farthest from the outputs first, and among equals the one that is met
    first on the way back from the outputs; each is there once. Raises ValueError for an output that
    needs another input.
    """
    places = {id(tensor): number for number, tensor in enumerate(inputs)}
    behind = _depth_first(places, outputs)
    depths = dict.fromkeys(behind, 0)
    deepest: dict = {}
    for node in reversed(behind):
        depths[node] = deepest[node.layer] = max(depths[node], deepest.get(node.layer, 0))
        for tensor in node.inputs:
            if id(tensor) not in places:
                depths[tensor.node] = max(depths[tensor.node], depths[node] + 1)
    steps = []
    count = len(inputs)
    for node in sorted(behind, key=lambda node: -depths[node]):
        steps.append(Step(node.layer, tuple(places[id(t)] for t in node.inputs), count))
        places |= {id(tensor): count + i for i, tensor in enumerate(node.outputs)}
        count += len(node.outputs)
    for tensor in inputs:
        if not tensor.node.inputs:
            deepest[tensor.node.layer] = max([0, *(depths[node] + 1 for node in behind
                                                   if tensor in node.inputs)])
    met = _as_met(outputs)
    layers = sorted(deepest, key=lambda layer: (-deepest[layer], met.get(layer, -1)))
    return steps, [places[id(tensor)] for tensor in outputs], layers


def _depth_first(places: dict, outputs: list[Tensor]) -> list[Node]:
    """The nodes between inputs and outputs, each behind those it needs; without recursion."""
    done: dict[Node, None] = {}
    for output in outputs:
        stack = [(output, False)]
        while stack:
            tensor, ready = stack.pop()
            node = tensor.node
            if id(tensor) in places or node in done:
                continue
            if ready:
                done[node] = None
            elif not node.inputs:
                raise ValueError(
                    f"The outputs need the input {tensor.name!r} of shape {tensor.shape}, which is "
                    "not among the model's inputs. Add it to Model(inputs=...).")
            else:
                stack.append((tensor, True))
                stack += [(source, False) for source in reversed(node.inputs)]
    return list(done)


def _as_met(outputs: list[Tensor]) -> dict:
    """The layers on the way back from the outputs, each with its place in the order of meeting."""
    met: dict = {}
    seen: set[Node] = set()
    stack = list(reversed(outputs))
    while stack:
        node = stack.pop().node
        met.setdefault(node.layer, len(met))
        if node not in seen:
            seen.add(node)
            stack += reversed(node.inputs)
    return met
