"""A user's own activations: their place in the plan, and the check of their derivative.

>>> import numpy as np
>>> from fastnn import activations
>>> bent = activations.custom(lambda z: z + z * z / 4, lambda z: 1 + z / 2, name="bent")
>>> bent(np.array([-2.0, 4.0]))
array([-1.,  8.])
>>> activations.custom(np.sin, np.sin)
Traceback (most recent call last):
    ...
ValueError: The derivative of the activation sin does not fit: at -6.1 it is 0.182163, while
finite differences of the function give 0.983268.
"""

from __future__ import annotations

import numpy as np

from fastnn.activations.base import Activation

MOST_NUMBERS = 4  # how many hyperparameters an op has room for

_own: list[type[Activation]] = []  # in the order of their codes, which come behind the package's

# where derivatives are checked, in float64; no round numbers, for pieces like to meet there
POINTS = np.array([-6.1, -3.3, -1.7, -0.9, -0.37, -0.11, -0.013,
                   0.013, 0.11, 0.37, 0.9, 1.7, 3.3, 6.1])  # fmt: skip
STEP, TOLERANCE = 1e-5, 1e-4


class Custom(Activation):
    """An activation made of two functions of arrays; see `custom`."""

    def get_config(self):
        raise ValueError(
            f"The activation {type(self).__name__} is a Python function, which cannot be saved. "
            'Write it as a class with @register("activation") to save models that use it.')

    def __repr__(self) -> str:
        return f"activations.custom({type(self).__name__})"


def custom(function, derivative, name: str | None = None) -> Activation:
    """An activation y = function(z), dz = dy derivative(z), accepted wherever a name is.

    function, derivative : of an array of any shape to one of the same shape and type, element by
        element. Where Numba can compile them for scalars, they run inside the compiled stretch;
        elsewhere the model runs on the NumPy backend, and says so once.
    name : for messages; by default the function's.

    ValueError where the derivative is not the function's, by finite differences in float64.
    """
    for what, given in (("function", function), ("derivative", derivative)):
        if not callable(given):
            raise TypeError(f"Expected a {what} of arrays, received {given!r:.200}.")
    name = name or getattr(function, "__name__", "custom")

    def forward(z):
        return function(z)

    def backward(dy, y, z):
        return dy * derivative(z)

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward),
               "function": staticmethod(function), "slope": staticmethod(derivative)}
    made = type(name, (Custom,), members)()
    check(made)
    return made


def check(activation: Activation) -> None:
    """A ValueError unless ``backward`` is the derivative of ``forward`` at points of both signs."""
    name = type(activation).__name__
    if not hasattr(activation, "forward") or not hasattr(activation, "backward"):
        raise TypeError(f"The activation {name} needs the static methods forward(z, ...) and "
                        "backward(dy, y[, z], ...).")
    if len(activation.hyper) > MOST_NUMBERS:
        raise ValueError(f"An activation has at most {MOST_NUMBERS} numbers, {name} has "
                         f"{', '.join(activation.hyper)}.")
    for what, value in (("function", activation(POINTS)), ("gradient",
                                                            activation.derivative(POINTS))):
        if np.shape(value) != POINTS.shape:
            raise ValueError(f"The {what} of the activation {name} made the shape "
                             f"{np.shape(value)} of an array of shape {POINTS.shape}.")
    slopes = activation.derivative(POINTS)
    differences = (activation(POINTS + STEP) - activation(POINTS - STEP)) / (2 * STEP)
    scale = 1 + np.abs(differences)
    wrong = np.flatnonzero(~(np.abs(slopes - differences) <= TOLERANCE * scale))
    if len(wrong):
        i = wrong[0]
        raise ValueError(
            f"The derivative of the activation {name} does not fit: at {POINTS[i]:g} it is "
            f"{slopes[i]:.6g}, while finite differences of the function give "
            f"{differences[i]:.6g}.")


def place(activation: Activation) -> int:
    """The place of a user's class among its like; it is checked when it is first seen."""
    cls = type(activation)
    if cls not in _own:
        check(activation)
        _own.append(cls)
    return _own.index(cls)


def at_place(i: int) -> type[Activation]:
    """The class that `place` gave this number."""
    return _own[i]
