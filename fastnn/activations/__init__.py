"""Activations: one class each, the formula and its derivative; and a function each, for arrays.

An elementwise activation is ``forward(z, *hyper) -> y`` and ``backward(dy, y[, z], *hyper) -> dz``.
The signature of ``backward`` decides what the training plan keeps: without ``z`` the output
overwrites the pre-activation in memory.

>>> import numpy as np
>>> from fastnn import activations
>>> activations.relu(np.array([-2.0, 0.0, 3.0]))
array([0., 0., 3.])
>>> activations.elu(np.array([-np.inf, 2.0]), alpha=0.5)
array([-0.5,  2. ])
>>> activations.get("leaky_relu")
LeakyReLU(negative_slope=0.2)

A user's own is a class of the same kind, registered, or two functions given to `custom`:

>>> from fastnn.registry import register
>>> @register("activation")
... class Cube(activations.Activation):
...     @staticmethod
...     def forward(z):
...         return z * z * z
...     @staticmethod
...     def backward(dy, y, z):
...         return dy * (3.0 * z * z)
>>> activations.get("cube").derivative([2.0])
array([12.])
"""

from __future__ import annotations

from functools import cache

from fastnn import registry
from fastnn.activations.base import Activation
from fastnn.activations.common import (
    ELU,
    BoundedReLU,
    LeakyReLU,
    Linear,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from fastnn.activations.own import at_place, custom, place
from fastnn.activations.pieces import (
    HardShrink,
    HardSigmoid,
    HardSiLU,
    HardTanh,
    ReLU6,
    SoftShrink,
    SparsePlus,
    SparseSigmoid,
    Threshold,
)
from fastnn.activations.rows import GLU, LogSoftmax, RowWise, Softmax, Sparsemax
from fastnn.activations.smooth import (
    CELU,
    GELU,
    SELU,
    Exponential,
    GeluTanh,
    LogSigmoid,
    Mish,
    Softsign,
    Squareplus,
    TanhShrink,
)

__all__ = ["CELU", "ELU", "GELU", "GLU", "SELU", "Activation", "BoundedReLU", "Exponential",
           "GeluTanh", "HardShrink", "HardSiLU", "HardSigmoid", "HardTanh", "LeakyReLU", "Linear",
           "LogSigmoid", "LogSoftmax", "Mish", "ReLU", "ReLU6", "RowWise", "SiLU", "Sigmoid",
           "SoftShrink", "Softmax", "Softplus", "Softsign", "SparsePlus", "SparseSigmoid",
           "Sparsemax", "Squareplus", "Tanh", "TanhShrink", "Threshold", "at_code", "code",
           "custom", "deserialize", "elementwise", "get", "serialize"]


# the plan's numbers


@cache
def elementwise() -> tuple[type[Activation], ...]:
    """The package's elementwise activations; a place in this list is a code in the plan."""
    return tuple(cls for cls in registry.classes("activation")
                 if cls.elementwise and cls.__module__.startswith(f"{__name__}."))


def code(activation: Activation) -> int:
    """An elementwise activation's number in the plan; a user's own lie behind the package's.

    A user's class is checked when it is first seen: ValueError for a wrong derivative.
    """
    known = elementwise()
    cls = type(activation)
    return known.index(cls) if cls in known else len(known) + place(activation)


def at_code(number: int) -> type[Activation]:
    """The class that `code` gave this number."""
    known = elementwise()
    return known[number] if number < len(known) else at_place(number - len(known))


# identifiers


def get(identifier) -> Activation:
    """The activation for a name, class, instance, function of this module or None (linear).

    Also for a pair of Python functions of arrays, (function, derivative): see `custom`.
    """
    if identifier is None:
        return Linear()
    if isinstance(identifier, tuple) and len(identifier) == 2:
        return custom(*identifier)
    if callable(identifier) and not isinstance(identifier, (type, Activation)):
        return registry.get("activation", _name_of(identifier))
    return registry.get("activation", identifier)


def _name_of(function) -> str:
    """The name of a library's function; a user's own must come with its derivative."""
    # NumPy's universal functions, such as tanh, have no module
    library = (getattr(function, "__module__", None) or "numpy").partition(".")[0]
    name = getattr(function, "__name__", repr(function))
    if library not in ("fastnn", "numpy", "keras") or registry.find("activation", name) is None:
        raise TypeError(
            f"The activation {name!r} is a Python function; its derivative is needed too: pass "
            f"activations.custom({name}, derivative), or the pair ({name}, derivative).")
    return name


def serialize(activation) -> str | dict:
    """The name of an activation that has its default arguments, else its name and arguments.

    >>> serialize(get("silu")), serialize(ELU(0.5))
    ('silu', {'class_name': 'ELU', 'config': {'alpha': 0.5}})
    """
    described = registry.serialize(get(activation))
    name = described["class_name"]
    cls = registry.find("activation", name)
    try:
        plain = cls is not None and cls().get_config() == described["config"]
    except TypeError:  # there are arguments without a default
        plain = False
    return registry.snake_case(name) if plain else described


def deserialize(config, custom_objects: dict | None = None) -> Activation:
    """The activation that `serialize` described; ``custom_objects`` are classes by name."""
    if not custom_objects:
        return get(config)
    with registry.custom_objects(custom_objects):
        return get(config)


# functions


def _function(cls: type[Activation]):
    """``activations.elu``: a function of an array and of the class's arguments."""
    from inspect import Parameter, signature

    def function(x, *arguments, **named):
        return cls(*arguments, **named)(x)

    given = Parameter("x", Parameter.POSITIONAL_OR_KEYWORD)
    taken = signature(cls).parameters.values()
    function.__signature__ = signature(function).replace(parameters=[given, *taken])
    function.__name__ = function.__qualname__ = registry.snake_case(cls.__name__)
    function.__doc__ = cls.__doc__
    return function


def __getattr__(name: str):
    """``activations.relu`` is ReLU as a function of arrays; every layer accepts it as well."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return _function(registry.get_class("activation", name))
    except ValueError as error:
        raise AttributeError(str(error)) from None


def __dir__():
    functions = map(registry.snake_case, registry.names("activation"))
    return sorted({*globals(), *functions, "hard_swish", "swish"})
