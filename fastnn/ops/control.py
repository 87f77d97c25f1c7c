"""Branches and loops: on arrays they are Python's own.

>>> while_loop(lambda i: i < 3, lambda i: i + 1, [0])
[3]
"""

from __future__ import annotations

import numpy as np

from fastnn.ops.types import convert

__all__ = ["cond", "fori_loop", "map", "scan", "stop_gradient", "switch", "vectorize",
           "vectorized_map", "while_loop"]


def cond(pred, true_fn, false_fn):
    """``true_fn()`` if the condition holds, else ``false_fn()``."""
    return true_fn() if pred else false_fn()


def switch(index, branches, *operands):
    """The result of one of some functions; a number beyond them takes the nearest."""
    return branches[int(np.clip(index, 0, len(branches) - 1))](*operands)


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """``loop_vars = body(*loop_vars)`` as long as ``cond(*loop_vars)``."""
    several = isinstance(loop_vars, (tuple, list))
    values, count = (tuple(loop_vars) if several else (loop_vars,)), 0
    while cond(*values) and (maximum_iterations is None or count < maximum_iterations):
        made = body(*values)
        values = tuple(made) if isinstance(made, (tuple, list)) else (made,)
        count += 1
    return type(loop_vars)(values) if several else values[0]


def fori_loop(lower, upper, body_fun, init_val):
    """``value = body_fun(i, value)`` for i from lower to upper - 1."""
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def map(f, xs):
    """f of each slice of the first axis, together.

    >>> map(lambda x: x * 2, np.arange(3))
    array([0, 2, 4])
    """
    if isinstance(xs, (tuple, list)):
        return np.stack([convert(f(rows)) for rows in zip(*xs, strict=True)])
    return np.stack([convert(f(x)) for x in convert(xs)])


vectorized_map = map


def vectorize(pyfunc, *, excluded=None, signature=None):
    """``numpy.vectorize``."""
    return np.vectorize(pyfunc, excluded=excluded, signature=signature)


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """(carry, results): ``carry, result = f(carry, x)`` for each slice of xs in turn."""
    rows = [None] * int(length) if xs is None else list(convert(xs))
    results = []
    for x in rows[::-1] if reverse else rows:
        init, made = f(init, x)
        results.append(made)
    return init, np.stack(results[::-1] if reverse else results)


def stop_gradient(variable):
    """The array itself: no gradient goes through `fastnn.ops`."""
    return convert(variable)
