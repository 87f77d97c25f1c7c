"""A user's own formulas as C functions: compiled by Numba, called from inside the stretch."""

from __future__ import annotations

import warnings
from functools import cache
from types import FunctionType

import numpy as np

from fastnn import activations, losses
from fastnn.backends import own_losses
from fastnn.plan import Kind


def formulas(ops) -> list[tuple[str, object]]:
    """The users' own among the ops: ("activation", its class) or ("loss", its recipe)."""
    found = []
    for op in ops:
        if op["kind"] == Kind.ACTIVATION and op["formula"] >= len(activations.elementwise()):
            found.append(("activation", activations.at_code(op["formula"])))
        elif op["kind"] == Kind.ELEMENT_LOSS:
            recipe = losses.recipe(op["formula"], tuple(float(op[f"a{i}"]) for i in (1, 2, 3)))
            found += [("loss", recipe)] if recipe else []
    return found


def fill_in(ops, dtype) -> bool:
    """Put the addresses of users' formulas into w and b of their ops; False if one has none.

    Layers in Python have none.
    """
    if (ops["kind"] == Kind.CALL).any():
        return False
    for op in ops:
        for what, thing in formulas([op]):
            numbers = ()
            if what == "activation":
                numbers = tuple(float(op[f"a{i}"]) for i in range(len(thing.hyper)))
            functions = compiled(what, thing, numbers, np.dtype(dtype).name)
            if functions is None:
                return False
            op["w"], op["b"] = (function.address for function in functions)
    return True


@cache
def say_that_numpy_runs(what: str, thing, why: str) -> None:
    """A warning, once for an activation's class or a loss's recipe."""
    name = thing.__name__ if what == "activation" else thing.name
    warnings.warn(f"The {what} {name} runs on the NumPy backend, and the whole model with it: "
                  f"{why}.", RuntimeWarning, stacklevel=2)


@cache
def compiled(what: str, thing, numbers: tuple[float, ...], dtype: str):
    """Two C functions of a user's formula, its value and its gradient; None if there are none.

    An activation's work in place on arrays of the type: activate(y, size) and
    derive(dy, y, z, size). A loss's both have the arguments (out, t, y, m, lanes, rows): values in
    panels, m columns of ``lanes`` rows side by side.
    """
    if what == "loss" and thing.of is None:
        say_that_numpy_runs(what, thing, thing.why)
        return None
    try:
        import numba
    except ImportError:
        say_that_numpy_runs(what, thing, 'to compile it takes Numba, `pip install "fastnn[numba]"`')
        return None
    try:
        if what == "loss":
            return own_losses.compile_loss(numba, thing, np.dtype(dtype))
        return _compile(numba, thing, numbers, np.dtype(dtype))
    except Exception as error:  # whatever a user's function makes Numba say
        first = str(error).strip().partition("\n")[0]
        why = f"Numba cannot compile it ({type(error).__name__}: {first})"
        say_that_numpy_runs(what, thing, why)
        return None


def _scalar_functions(numba, cls, values):
    """z -> y and (dy, y, z) -> dz, for compiled code."""
    njit = numba.njit(error_model="numpy")  # 1 / 0 is inf, as in NumPy
    if cls.function is not None:
        function, slope = njit(_python(cls.function)), njit(_python(cls.slope))
        return function, numba.njit(lambda dy, y, z: dy * slope(z))
    forward, backward = njit(cls.forward), njit(cls.backward)
    if cls.keeps_z():
        derive = numba.njit(lambda dy, y, z: backward(dy, y, z, *values))
    else:
        derive = numba.njit(lambda dy, y, z: backward(dy, y, *values))
    return numba.njit(lambda z: forward(z, *values)), derive


def _python(function):
    """The function as Python's own: Numba takes one of NumPy's, such as np.sin, inside it only."""
    return function if isinstance(function, FunctionType) else lambda z: function(z)


def _compile(numba, cls, numbers, dtype):
    real = numba.from_dtype(dtype)
    pointer, size = numba.types.CPointer(real), numba.int64
    values = tuple(dtype.type(x) for x in numbers)
    forward, backward = _scalar_functions(numba, cls, values)

    @numba.cfunc(numba.void(pointer, size), nopython=True)
    def activate(y, n):
        y = numba.carray(y, n)
        for i in range(n):
            y[i] = forward(y[i])

    @numba.cfunc(numba.void(pointer, pointer, pointer, size), nopython=True)
    def derive(dy, y, z, n):
        dy, y, z = numba.carray(dy, n), numba.carray(y, n), numba.carray(z, n)
        for i in range(n):
            dy[i] = backward(dy[i], y[i], z[i])

    return activate, derive
