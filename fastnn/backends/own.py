"""A user's own activations as C functions: compiled by Numba, called from inside the stretch."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np

from fastnn import activations
from fastnn.plan import Kind


def classes(ops) -> list[type]:
    """The activations among the ops that are a user's own."""
    chosen = ops[ops["kind"] == Kind.ACTIVATION]["formula"]
    return [activations.at_code(f) for f in chosen if f >= len(activations.elementwise())]


def fill_in(ops, dtype) -> bool:
    """Put the addresses of users' formulas into w and b of their ops; False if one has none.

    Layers in Python have none.
    """
    if (ops["kind"] == Kind.CALL).any():
        return False
    package = len(activations.elementwise())
    for op in ops:
        if op["kind"] == Kind.ACTIVATION and op["formula"] >= package:
            cls = activations.at_code(op["formula"])
            numbers = tuple(float(op[f"a{i}"]) for i in range(len(cls.hyper)))
            functions = compiled(cls, numbers, np.dtype(dtype).name)
            if functions is None:
                return False
            op["w"], op["b"] = (function.address for function in functions)
    return True


@cache
def say_that_numpy_runs(cls: type, why: str) -> None:
    """A warning, once for a class."""
    warnings.warn(f"The activation {cls.__name__} runs on the NumPy backend, and the whole model "
                  f"with it: {why}.", RuntimeWarning, stacklevel=2)


@cache
def compiled(cls: type, numbers: tuple[float, ...], dtype: str):
    """The C functions (activate, derive) of a class with these numbers; None if there are none.

    activate(y, size) and derive(dy, y, z, size) work in place on arrays of the type.
    """
    try:
        import numba
    except ImportError:
        say_that_numpy_runs(cls, 'to compile it takes Numba, `pip install "fastnn[numba]"`')
        return None
    try:
        return _compile(numba, cls, numbers, np.dtype(dtype))
    except Exception as error:  # whatever a user's function makes Numba say
        first = str(error).strip().partition("\n")[0]
        say_that_numpy_runs(cls, f"Numba cannot compile it ({type(error).__name__}: {first})")
        return None


def _scalar_functions(numba, cls, values):
    """z -> y and (dy, y, z) -> dz, for compiled code."""
    if cls.function is not None:
        function, slope = numba.njit(cls.function), numba.njit(cls.slope)
        return function, numba.njit(lambda dy, y, z: dy * slope(z))
    forward, backward = numba.njit(cls.forward), numba.njit(cls.backward)
    if cls.keeps_z():
        derive = numba.njit(lambda dy, y, z: backward(dy, y, z, *values))
    else:
        derive = numba.njit(lambda dy, y, z: backward(dy, y, *values))
    return numba.njit(lambda z: forward(z, *values)), derive


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
