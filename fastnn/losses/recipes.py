"""How compiled code calls a user's own loss: what its functions take, found by trying them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recipe:
    """A user's value and gradient for a compiler.

    of : what they are functions of: "number", a target and an output; "rows", (n, m) to (n,);
        "outputs", (n, m) to (n, m). None: they cannot be compiled, and ``why`` says so.
    numbers : what comes behind y_true and y_pred. scale : a factor of both results.
    method : whether they take ``self``, which compiled code gives None for.
    """

    name: str
    value: object = None
    gradient: object = None
    of: str | None = None
    numbers: tuple[float, ...] = ()
    scale: float = 1.0
    method: bool = False
    why: str = ""


def of_arrays(name: str, value, gradient, shape: tuple[int, ...], summed: bool) -> Recipe:
    """The recipe of functions of arrays (n, m), for rows of a shape.

    summed : losses of outputs are added, not averaged.
    """
    if len(shape) != 1:
        return Recipe(name, why="the model's output has several axes")
    rng, m = np.random.default_rng(1), shape[0]
    t, y = (0.1 + 0.8 * rng.random((4, m)) for _ in range(2))
    try:
        with np.errstate(all="ignore"):
            found, slopes = np.asarray(value(t, y)), np.asarray(gradient(t, y))
            alone = [np.asarray(f(t[1:2], y[1:2])) for f in (value, gradient)]
            if not all(np.allclose(one[0], many[1], equal_nan=True)
                       for one, many in zip(alone, (found, slopes), strict=True)):
                return Recipe(name, why="the loss of a row depends on other rows")
    except Exception as error:  # whatever a user's function makes of them
        return Recipe(name, why=f"it cannot be tried ({type(error).__name__}: {error})")
    functions = [getattr(f, "__func__", f) for f in (value, gradient)]
    scale = 1.0 if found.ndim == 1 or summed else 1.0 / m
    by_number = (found.shape == y.shape and _is_of_numbers(value, t, y, found)
                 and _is_of_numbers(gradient, t, y, slopes))
    return Recipe(name, *functions, scale=scale, method=functions[0] is not value,
                  of="number" if by_number else ("rows", "outputs")[found.ndim - 1])


def _is_of_numbers(function, t, y, wanted) -> bool:
    """Whether it takes single numbers too, with the same results."""
    try:
        with np.errstate(all="ignore"):
            pairs = zip(t.ravel().tolist(), y.ravel().tolist(), strict=True)
            found = [function(a, b) for a, b in pairs]  # Python's numbers, which have no shape
            return np.shape(found) == (t.size,) and np.allclose(found, wanted.ravel(),
                                                                equal_nan=True)
    except Exception:  # it wants arrays
        return False
