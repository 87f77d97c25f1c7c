"""How the functions meet their arguments: compiled ones first, then those that take anything.

A function of the core takes arrays of one floating type whose numbers lie in order, and returns;
what it does not take goes to the function of the same name here, which says what is wrong with an
argument, or makes such arrays and calls the core again, or computes with NumPy without a core.
"""

from __future__ import annotations

import functools

import numpy as np

from fastnn import backends, config

FLOATS = np.dtype(np.float32), np.dtype(np.float64)
GENERAL: dict = {}  # the functions that take anything, by name


def meet_core() -> None:
    """Tell the core of NumPy's arrays and of the general functions."""
    if core is not None:
        _learn(core)


def _learn(module) -> bool:
    return module.learn_arrays(np.ndarray, np.empty, [*FLOATS, np.dtype(np.int64)], GENERAL,
                               config.num_threads, np.zeros((2, 3)))


def _find_core():
    backend = backends.get()
    module = backend.core if backend.NAME == "cython" else None
    return module if module is not None and _learn(module) else None


core = _find_core()  # None: NumPy computes


def kernel(function):
    """The core's function of this name, which hands ``function`` what it does not take; or that."""
    GENERAL[function.__name__] = function
    fast = getattr(core, f"array_{function.__name__}", None)
    return function if fast is None else functools.update_wrapper(fast, function)


# arrays


def reals(optional=(), **arrays) -> list:
    """The arrays in one floating type, in order, by the names of their arguments.

    float32 if every array with fractions is of that type or of fewer bits, else float64.
    ``optional`` names those that may be None.
    """
    given = {name: _numbers(name, array, name in optional) for name, array in arrays.items()}
    floats = [a.dtype for a in given.values() if a is not None and a.dtype.kind == "f"]
    narrow = floats and all(dtype.itemsize <= 4 for dtype in floats)
    dtype = FLOATS[0] if narrow else FLOATS[1]
    return [None if array is None else in_order(array, dtype) for array in given.values()]


def _numbers(name: str, array, optional: bool):
    if array is None:
        if optional:
            return None
        raise TypeError(f"{name} must be an array of numbers, received None.")
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, received an array of {array.dtype}. "
                        f"Convert it: np.asarray({name}, np.float32).")
    return array


def in_order(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The array as the core takes it; itself where it is already so."""
    array = np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"]).view(np.ndarray)
    # another object of the same type, as from a pickle
    return array if array.dtype is dtype else array.view(dtype)


def need(condition, name: str, expected: str, received, what: str = "") -> None:
    """A ValueError that names the argument, unless the condition holds."""
    if not condition:
        if isinstance(received, np.ndarray):
            received = f"an array of shape {received.shape}"
        raise ValueError(f"{name} must {expected}, received {received}.{what and ' ' + what}")


def number(name: str, value, low: float, high: float = np.inf, above: bool = False) -> float:
    """``value`` as a float with low <= value < high; a ValueError that names it otherwise."""
    try:
        x = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, received {value!r}.") from None
    if not (x > low if above else x >= low) or not x < high:
        least = f"above {low:g}" if above else f"at least {low:g}"
        most = "" if high == np.inf else f" and below {high:g}"
        raise ValueError(f"{name} must be {least}{most}, received {value!r}.")
    return x


def whole(name: str, value, low: int) -> int:
    """``value`` as an integer from ``low`` on."""
    import operator

    try:
        n = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, received {value!r}.") from None
    if n < low:
        raise ValueError(f"{name} must be at least {low}, received {n}.")
    return n


# results


def target(name: str, out, shape: tuple, dtype: np.dtype, *inputs) -> np.ndarray:
    """Where to compute what goes to ``out``: there, or, where that is not in order or shares memory
    with an input, in a new array, which `deliver` copies."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name} must be an array to write to, received {type(out).__name__}.")
    need(out.shape == tuple(shape), name, f"have the shape {tuple(shape)}", out,
         f"Make it by np.empty({tuple(shape)}, np.{dtype}).")
    if out.dtype.kind != "f":
        raise TypeError(f"{name} must be of a floating type, received {out.dtype}.")
    if not out.flags.writeable:
        raise ValueError(f"{name} must be writable, received a read-only array.")
    if (type(out) is np.ndarray and out.dtype is dtype and out.flags.c_contiguous
            and out.flags.aligned
            and not any(a is not None and np.may_share_memory(out, a) for a in inputs)):
        return out
    return np.empty(shape, dtype)


def deliver(result: np.ndarray, out):
    """``out`` with the result in it, or the result itself."""
    if out is None or result is out:
        return result
    out[...] = result
    return out


def triple(name: str, out) -> tuple:
    """``out`` as three arrays or None."""
    if out is None:
        return None, None, None
    if not isinstance(out, (tuple, list)) or len(out) != 3:
        raise TypeError(f"out must be a tuple {name}, received {type(out).__name__}.")
    return tuple(out)


def in_place(name: str, array, like: np.ndarray | None = None) -> np.ndarray:
    """An array that is changed: of a floating type, writable, of the shape and type of ``like``."""
    if not isinstance(array, np.ndarray) or array.dtype not in FLOATS:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} is changed in place: it must be an array of float32 or float64, "
                        f"received {kind}.")
    if not array.flags.writeable:
        raise ValueError(f"{name} is changed in place, but it is read-only. Pass a copy.")
    if like is not None:
        need(array.shape == like.shape, name, f"have the shape of p, {like.shape}", array,
             "Make it by np.zeros_like(p).")
        if array.dtype != like.dtype:
            raise TypeError(f"{name} must be of the type of p, {like.dtype}, received "
                            f"{array.dtype}.")
    return array


class Sheet:
    """One op's workspace, as the functions of the NumPy backend know it."""

    def __init__(self, n: int, columns: int, dtype, params=(), training: bool = True, step=0):
        self.work = np.zeros((n, columns), dtype)
        self.params = np.concatenate(params) if params else np.zeros(0, dtype)
        self.grads = np.zeros_like(self.params)
        self.training, self.step = training, step
        self.T = self.labels = self.weights = None
        self.sums = np.zeros(1)

    def columns(self, offset: int, width: int) -> np.ndarray:
        """The value at a column offset."""
        return self.work[:, offset : offset + width]

    def numbers(self, op, hyper, first: int = 0) -> list:
        """The op's numbers in the workspace's type."""
        return [self.work.dtype.type(op[f"a{first + i}"]) for i in range(len(hyper))]
