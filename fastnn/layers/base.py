"""What every layer shares: variables, shapes, names.

A layer holds no arrays of its own and no maths. It declares variables, says what shape it makes,
and lowers itself into the ops of a plan:

>>> import numpy as np
>>> from fastnn.layers import Layer
>>> from fastnn.plan import Kind
>>> class Twice(Layer):
...     def lower(self, builder, value):
...         return builder.merge(Kind.ADD, *builder.fork(value))
>>> from fastnn import Input, Sequential
>>> Sequential([Input((2,)), Twice()]).predict(np.array([[1.0, 2.5]]))
array([[2., 5.]], dtype=float32)
"""

from __future__ import annotations

import math
import operator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from fastnn import config, constraints, initializers, registry, regularizers
from fastnn.layers.graph import Node, Tensor, flat, is_symbolic
from fastnn.naming import unique_name

_stored: ContextVar = ContextVar("stored_values", default=None)


@contextmanager
def stored_values(find):
    """Inside, new variables get ``find(layer, name, shape)`` and no initializer runs."""
    token = _stored.set(find)
    try:
        yield
    finally:
        _stored.reset(token)


class Variable:
    """A parameter: an array with a name and what training does to it.

    ``value`` is a view of the model's parameter vector, at ``offset``, once the layer is in a
    model; assigning to it copies the numbers in.
    """

    __slots__ = ("_value", "constraint", "initializer", "name", "offset", "regularizer", "shape",
                 "size", "trainable")

    def __init__(self, name, value, initializer, regularizer, trainable, constraint=None):
        self.name = name
        self.shape = value.shape
        self.size = value.size
        self.initializer = initializer
        self.regularizer = regularizer
        self.constraint = constraint
        self.trainable = trainable
        self.offset = -1
        self._value = value

    @property
    def value(self) -> np.ndarray:
        """The numbers themselves: writing into this array changes the model."""
        return self._value

    def assign(self, value) -> None:
        """Copy ``value`` in; a ValueError unless it has the variable's shape."""
        array = np.asarray(value)
        if array.shape != self.shape:
            hint = " Transpose it." if len(self.shape) == 2 and array.T.shape == self.shape else ""
            raise ValueError(f"{self.name} has shape {self.shape}, received an array of shape "
                             f"{array.shape}.{hint}")
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{self.name} holds numbers, received dtype {array.dtype}.")
        self._value[...] = array

    def assign_add(self, value) -> None:
        """Add ``value`` to the numbers."""
        self.assign(self._value + np.asarray(value))

    def assign_sub(self, value) -> None:
        """Take ``value`` from the numbers."""
        self.assign(self._value - np.asarray(value))

    def bind(self, vector: np.ndarray, offset: int) -> None:
        """Move to ``vector[offset : offset + size]``, with the present numbers."""
        view = vector[offset : offset + self.size].reshape(self.shape)
        view[...] = self._value
        self._value, self.offset = view, offset

    def lend(self, value) -> None:
        """Let another array stand in for the numbers, until they are lent back."""
        self._value = value

    @property
    def dtype(self) -> str:
        return self._value.dtype.name

    def numpy(self) -> np.ndarray:
        """A copy of the numbers."""
        return self._value.copy()

    def __array__(self, dtype=None, copy=None):
        return np.array(self._value, dtype=dtype, copy=copy)

    def __getitem__(self, key):
        return self._value[key]

    def __repr__(self) -> str:
        return f"<Variable {self.name}, shape={self.shape}, dtype={self.dtype}>"


def _operator(name: str):
    """An operator of a variable: that of its numbers, in an expression like ``x * gamma``."""
    own = getattr(operator, name.strip("_r") if name not in _ONE else name)
    if name in _ONE:
        return lambda self: own(self._value)
    if name.startswith("__r"):
        return lambda self, other: own(_numbers(other), self._value)
    return lambda self, other: own(self._value, _numbers(other))


def _numbers(x):
    return x._value if isinstance(x, Variable) else x


_ONE = ("__neg__", "__abs__")
for _name in ("add", "sub", "mul", "truediv", "pow", "matmul"):
    setattr(Variable, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Variable, f"__r{_name}__", _operator(f"__r{_name}__"))
for _name in _ONE:
    setattr(Variable, _name, _operator(_name))


class Weight:
    """A layer's attribute that reads a variable's array and, assigned to, copies into it.

    It is None where the layer has no such variable, as ``bias`` with ``use_bias=False``.
    """

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, layer, owner=None):
        if layer is None:
            return self
        variable = layer.variables.get(self.name)
        return None if variable is None else variable.value

    def __set__(self, layer, value):
        variable = layer.variables.get(self.name)
        if variable is None:
            why = "has none" if layer.built else "is not built yet; give the model an input shape"
            raise AttributeError(f"Cannot set {self.name}: the layer {layer.name!r} {why}.")
        variable.assign(value)


_WEIGHT = ("name", "shape", "initializer", "trainable", "regularizer", "constraint")
_KERAS_WEIGHT = ("shape", "initializer", "dtype", "trainable", "autocast", "regularizer",
                 "constraint")


class Layer:
    """A step of a network (abstract).

    A subclass defines ``lower``, and where it needs them ``build`` (declares the variables with
    :meth:`add_weight`), ``compute_output_shape`` and ``get_config``. Shapes are those of one row:
    the batch axis appears only in ``input_shape`` and ``output_shape``, as None.

    name : str, by default the class's in snake_case and a number.
    trainable : bool; what is set holds from the model's next ``compile`` on.
    dtype : "float32", "float64" or None for ``config.floatx()``; a model has the widest of its
        layers' types.
    activity_regularizer : the penalty of the layer's output, divided by the rows of the batch.
    input_shape, input_dim : the shape (without the batch axis) or width of the input, for the first
        layer of a model.
    """

    many = False  # whether the layer is called on a list of inputs

    def __init__(self, *, name=None, trainable=True, dtype=None, input_shape=None, input_dim=None,
                 activity_regularizer=None, **unknown):
        if unknown:
            raise TypeError(_unknown_arguments(type(self), unknown))
        self.name = str(name) if name else unique_name(type(self).__name__)
        self.trainable = bool(trainable)
        self.dtype = config.standardize_dtype(dtype).name
        self.activity_regularizer = regularizers.get(activity_regularizer)
        if input_dim is not None:
            input_shape = (input_dim,)
        self.given_shape = None if input_shape is None else standard_shape(input_shape)
        self.variables: dict[str, Variable] = {}
        self.shapes: tuple[tuple, tuple] | None = None  # of a row's input and output, once built
        self.owner = None  # a weak reference to the model whose vector holds the variables
        self.nodes: list[Node] = []  # the layer's calls on symbolic tensors
        self.inner = None  # the model that a layer made of layers stands for, once built
        self.passed_on = True  # the ``trainable`` that its layers have been given

    # the protocol

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Declare the variables for rows of this shape."""

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of an output row for input rows of this shape."""
        return input_shape

    def lower(self, builder, value):
        """Append the layer's ops to the plan and return the value that holds its output.

        A layer with a ``call`` on arrays needs none: see `fastnn.layers.own`.
        """
        from fastnn.layers import own

        if not own.is_own(self):
            raise TypeError(f"{type(self).__name__} defines no lower() and no call().")  # abstract
        return own.lower(self, builder, value)

    def lower_regularized(self, builder, *values):
        """What models call: ``lower``, and behind it the penalty of the output, if it has one."""
        value = self.lower(builder, *values)
        penalty = self.activity_regularizer
        value = value if penalty is None else penalty.lower_activity(builder, value)
        return builder.made(self, value)

    def add_weight(self, *arguments, **named) -> Variable:
        """Declare a variable and return it, found from now on as ``self.variables[name]``.

        Takes (name, shape, initializer="glorot_uniform", trainable=True, regularizer=None,
        constraint=None) or, as in Keras, (shape, initializer, dtype, trainable, ...) and a name.
        name : by default variable, variable_1, ...
        regularizer, constraint : names, classes or instances: what is added to the loss for it, and
            what is done to it after every update. Both hold where the variable is trained.
        dtype : that of the layer, the only one.
        """
        own = bool(arguments) and isinstance(arguments[0], str)
        order = _WEIGHT if own else _KERAS_WEIGHT
        return self._declare(**dict(zip(order, arguments, strict=False)), **named)

    def _declare(self, name=None, shape=(), initializer="glorot_uniform", trainable=True,
                 regularizer=None, constraint=None, dtype=None, autocast=True) -> Variable:
        if dtype is not None and config.standardize_dtype(dtype).name != self.dtype:
            raise ValueError(f"The weights of the layer {self.name!r} are {self.dtype}; received "
                             f"dtype={dtype!r}.")
        if name is None:
            count = sum(own.startswith("variable") for own in self.variables)
            name = f"variable_{count}" if count else "variable"
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        stored = _stored.get()
        initializer, regularizer = (initializers.get(initializer or "glorot_uniform"),
                                    regularizers.get(regularizer))
        if not stored and math.prod(shape) >= 1 << 60:  # where NumPy speaks of a wrong value
            raise MemoryError(f"Unable to allocate {math.prod(shape)} numbers of {self.dtype} for "
                              f"{name!r}, of shape {shape}, of the layer {self.name!r}.")
        value = stored(self, name, shape) if stored else initializer(shape, self.dtype)
        self.variables[name] = Variable(name, value, initializer, regularizer, trainable,
                                        constraints.get(constraint))
        return self.variables[name]

    def offset(self, name: str) -> int:
        """Where a variable lies in the parameter vector; -1 if there is none."""
        variable = self.variables.get(name)
        return -1 if variable is None else variable.offset

    # calls

    def __call__(self, inputs, training: bool = False):
        """The output for arrays (n, ...), or for symbolic tensors the symbolic tensor of it.

        >>> from fastnn import Input, layers
        >>> layers.Dense(3)(Input((2,))).shape
        (None, 3)
        >>> layers.Activation("relu")([[-1, 2]])
        array([[0., 2.]], dtype=float32)
        """
        if not is_symbolic(inputs):
            from fastnn.layers import eager

            return eager.run(self, inputs, training)
        self.trace()
        return self.connect(flat(inputs)).outputs[0]

    def connect(self, tensors: list[Tensor]) -> Node:
        """A call on symbolic tensors."""
        if not all(isinstance(tensor, Tensor) for tensor in tensors):
            raise TypeError(f"The layer {self.name!r} was called on tensors and data at once.")
        if len(tensors) != 1 and not self.many:
            raise ValueError(f"The layer {self.name!r} takes one input, received {len(tensors)}. "
                             "Merge them first, for example by Concatenate().")
        rows = tuple(tensor.row for tensor in tensors)
        return Node(self, tuple(tensors), [self.ensure_built(rows if self.many else rows[0])])

    def trace(self) -> None:
        """Make the nodes of the layer's own model first, if it has none: those are its first."""
        owner = self.owner and self.owner()
        if owner is not None and not self.nodes:
            owner.trace()

    @property
    def input(self):
        """The symbolic tensor, or list of them, of the layer's first call."""
        tensors = list(self._first_node().inputs)
        return tensors if self.many else tensors[0]

    @property
    def output(self) -> Tensor:
        """The symbolic tensor that the layer's first call made: where another model can begin."""
        return self._first_node().outputs[0]

    def _first_node(self) -> Node:
        self.trace()
        if not self.nodes:
            raise AttributeError(f"The layer {self.name!r} has not been called and is in no built "
                                 "model, so it has no input and output yet.")
        return self.nodes[0]

    # what Keras offers

    @property
    def built(self) -> bool:
        """Whether the shapes are known and the variables exist."""
        return self.shapes is not None

    @built.setter
    def built(self, value: bool) -> None:
        """Nothing: Keras's layers set it in ``build``; here a layer is built with its shapes."""

    def ensure_built(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Build the layer if it is not, and return its output's shape.

        ``input_shape`` is a tuple of shapes if the layer takes many inputs. Raises ValueError if it
        has variables, which were made for other rows.
        """
        if self.shapes is None or (self.shapes[0] != input_shape and not self.variables):
            self.shapes = input_shape, tuple(self._build(input_shape))
        elif self.shapes[0] != input_shape:
            raise ValueError(
                f"The layer {self.name!r} was built for rows of shape {self.shapes[0]}, received "
                f"{input_shape}. Make a new layer for another input shape.")
        return self.shapes[1]

    def _build(self, input_shape) -> tuple[int, ...]:
        """Declare the variables, if there are none yet, and say the shape of an output row."""
        from fastnn.layers import own

        if own.is_own(self):
            return own.build(self, input_shape, first=self.shapes is None)
        output_shape = tuple(self.compute_output_shape(input_shape))
        if self.shapes is None:
            self.build(input_shape)
        return output_shape

    @property
    def input_shape(self) -> tuple | None:
        """(None, ...), None for the batch; None before the layer is built."""
        if self.shapes and self.many:
            return [(None, *shape) for shape in self.shapes[0]]
        return self.shapes and (None, *self.shapes[0])

    @property
    def output_shape(self) -> tuple | None:
        """(None, ...), None for the batch; None before the layer is built."""
        return self.shapes and (None, *self.shapes[1])

    @property
    def weights(self) -> list[Variable]:
        return list(self.variables.values()) if self.inner is None else self.inner.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        if self.inner is not None:
            return self.inner.trainable_weights if self.trainable else []
        return [v for v in self.variables.values() if v.trainable and self.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        if self.inner is not None:
            trained = {id(variable) for variable in self.trainable_weights}
            return [v for v in self.weights if id(v) not in trained]
        return [v for v in self.variables.values() if not (v.trainable and self.trainable)]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all the layer's arrays."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights) -> None:
        """Copy arrays in, in the order of ``get_weights``; any real dtype, lists too."""
        assign_all(self.weights, weights, f"The layer {self.name!r}")

    def count_params(self) -> int:
        """How many numbers the layer holds."""
        if not self.built:
            raise ValueError(f"The layer {self.name!r} is not built yet, so its parameters cannot "
                             "be counted. Give the model an input shape first.")
        return sum(variable.size for variable in self.weights)

    def get_config(self) -> dict:
        """The arguments that make an equal layer, its weights apart."""
        penalty = self.activity_regularizer
        extra = {} if penalty is None else {"activity_regularizer": registry.serialize(penalty)}
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype} | extra

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def __getstate__(self) -> dict:
        # a weak reference cannot be pickled; nodes would bring other models along
        return vars(self) | {"owner": None, "nodes": []}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def assign_all(variables: list[Variable], weights, owner: str) -> None:
    """Copy arrays into variables, all or none of them."""
    arrays = [np.asarray(array) for array in weights]
    expected = [variable.shape for variable in variables]
    if len(arrays) != len(expected):
        raise ValueError(f"{owner} has {len(expected)} arrays of weights, of shapes {expected}; "
                         f"received {len(arrays)}.")
    for i, (variable, array) in enumerate(zip(variables, arrays, strict=True)):
        if array.shape != variable.shape:
            raise ValueError(f"{owner} expects shape {variable.shape} for its array {i} "
                             f"({variable.name}), received shape {array.shape}.")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def standard_shape(shape) -> tuple[int, ...]:
    """A row's shape as a tuple of positive integers."""
    try:
        axes = tuple(operator.index(n) for n in shape)
    except TypeError:
        axes = None
    if axes is None or min(axes, default=1) < 1:
        hint = f" Write ({shape},)." if isinstance(shape, int) else ""
        raise ValueError("Expected a shape as a tuple of positive whole numbers, without the batch "
                         f"axis; received {shape!r}.{hint}")
    return axes


def positive_integer(name: str, value) -> int:
    """``value`` as an int, or a ValueError unless it is a whole number of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name} must be a positive whole number, received {value!r}.")
    return number


def refuse(layer: str, **arguments) -> None:
    """A ValueError for an argument of Keras's, name=(value, the only one fastnn takes)."""
    for name, (value, only) in arguments.items():
        if value != only:
            raise ValueError(f"{layer} in fastnn knows {name}={only} only; received {value!r}.")


def _unknown_arguments(cls: type, unknown: dict) -> str:
    from inspect import signature

    known = dict.fromkeys(n for c in (cls, Layer) for n in signature(c).parameters)
    names = [name for name in known if name not in ("kwargs", "unknown")]
    return (f"{cls.__name__} has no argument {', '.join(map(repr, unknown))}. "
            f"It takes {', '.join(names)}.")
