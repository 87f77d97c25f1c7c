"""A user's own loss as two C functions over panels, compiled by Numba; see `own`.

A panel holds m columns of ``lanes`` rows side by side: the number of row i in column j lies at
``j * lanes + i``. The value of a row is the sum of what its columns get.
"""

from __future__ import annotations

import numpy as np


def compile_loss(numba, recipe, dtype: np.dtype):
    """The C functions (value, gradient) of a `losses.recipes.Recipe` for a type."""
    loops = {"number": _of_numbers, "rows": _of_rows, "outputs": _of_outputs}
    pointer, size = numba.types.CPointer(numba.from_dtype(dtype)), numba.int64
    signature = numba.void(pointer, pointer, pointer, size, size, size)
    made = []
    for function, is_value in ((recipe.value, True), (recipe.gradient, False)):
        function = _plain(numba, function, recipe, dtype)
        # the gradient of a row has a number for every output
        of = "outputs" if recipe.of == "rows" and not is_value else recipe.of
        loop = loops[of](numba, function, dtype.type(recipe.scale), dtype)
        made.append(numba.cfunc(signature, nopython=True, error_model="numpy")(loop))
    return made


def _plain(numba, function, recipe, dtype):
    """A compiled function of (t, y)."""
    inner = numba.njit(error_model="numpy")(function)
    numbers = tuple(dtype.type(x) for x in recipe.numbers)
    if recipe.method:
        return numba.njit(lambda t, y: inner(None, t, y))
    return numba.njit(lambda t, y: inner(t, y, *numbers)) if numbers else inner


def _of_numbers(numba, function, scale, dtype):
    def loop(out, t, y, m, lanes, rows):
        n = (rows + lanes - 1) // lanes * lanes * m
        out, t, y = numba.carray(out, n), numba.carray(t, n), numba.carray(y, n)
        for i in range(n):  # lanes of no row too: what they get is not looked at
            out[i] = function(t[i], y[i]) * scale

    return loop


def _of_rows(numba, function, scale, dtype):
    def store(out, found, at, count, m, lanes):
        for i in range(count):
            out[at + i] = found[i] * scale
            for j in range(1, m):
                out[at + j * lanes + i] = 0

    return _by_panel(numba, function, store, dtype)


def _of_outputs(numba, function, scale, dtype):
    def store(out, found, at, count, m, lanes):
        for i in range(count):
            for j in range(m):
                out[at + j * lanes + i] = found[i, j] * scale

    return _by_panel(numba, function, store, dtype)


def _by_panel(numba, function, store, dtype):
    """A loop that hands ``function`` the rows of a panel, and ``store`` what it returns."""
    gather, store = _gather(numba), numba.njit(store)

    def loop(out, t, y, m, lanes, rows):
        panel = m * lanes
        n = (rows + lanes - 1) // lanes * panel
        out, t, y = numba.carray(out, n), numba.carray(t, n), numba.carray(y, n)
        T, Y = np.empty((lanes, m), dtype), np.empty((lanes, m), dtype)
        for first in range(0, rows, lanes):
            count, at = min(lanes, rows - first), first // lanes * panel
            gather(T, t, at, count, m, lanes)
            gather(Y, y, at, count, m, lanes)
            store(out, function(T[:count], Y[:count]), at, count, m, lanes)

    return loop


def _gather(numba):
    @numba.njit
    def gather(out, panel, at, count, m, lanes):
        for i in range(count):
            for j in range(m):
                out[i, j] = panel[at + j * lanes + i]

    return gather
