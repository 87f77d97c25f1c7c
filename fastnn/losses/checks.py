"""A user's derivative: compared with central differences in float64, or found from the loss."""

from __future__ import annotations

import numpy as np

from fastnn.tracing import Traced, plain, pulled


def check_gradient(name: str, value, gradient, example=None, step: float = 1e-6) -> None:
    """A ValueError unless ``gradient`` is the derivative of ``value``, both of (y_true, y_pred).

    value : returns (n,), a number a row, or (n, m), a number an output.
    gradient : returns (n, m), the derivative of that number.
    example : (y_true, y_pred) to check at; None: numbers between 0.1 and 0.9, away from which a
        loss of probabilities would not be defined.
    """
    t, y = _example() if example is None else (np.asarray(x, np.float64) for x in example)
    with np.errstate(all="ignore"):
        given = np.asarray(gradient(t.copy(), y.copy()), np.float64)
        shape = np.shape(value(t.copy(), y.copy()))
        if given.shape != y.shape or shape not in ((len(y),), y.shape):
            raise ValueError(
                f"The loss {name!r}: for y_pred of shape {y.shape} its value must have the shape "
                f"{(len(y),)} or {y.shape} and its gradient {y.shape}; they have {shape} and "
                f"{given.shape}.")
        wanted = np.empty_like(y)
        for index in np.ndindex(y.shape):
            ends = []
            for change in (step, -step):
                moved = y.copy()
                moved[index] += change
                loss = np.asarray(value(t.copy(), moved), np.float64)
                ends.append(loss[index] if loss.shape == y.shape else loss[index[0]])
            wanted[index] = (ends[0] - ends[1]) / (2 * step)
    wrong = ~np.isclose(given, wanted, rtol=1e-4, atol=1e-6)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"The loss {name!r} has a wrong gradient: at y_true={t[where]:.6g}, "
            f"y_pred={y[where]:.6g} it is {given[where]:.6g}, but differences of the value give "
            f"{wanted[where]:.6g}.")


def derived(name: str, function):
    """(value, gradient) of a loss ``function(y_true, y_pred)`` made of NumPy's and fastnn's ops.

    It may return the loss of each row, of each output, or one number: the mean of the rows.
    """
    def value(t, y):
        made = np.asarray(function(t, y))
        return np.full(len(y), made) if made.ndim == 0 else made

    def gradient(t, y):
        traced = Traced(y)
        try:
            made = function(t, traced)
        except TypeError as error:
            raise TypeError(
                f"The derivative of the loss {name!r} is not known: {error} Give both, "
                "loss=fastnn.losses.custom(value, gradient), where gradient(y_true, y_pred) is the "
                "derivative of value(y_true, y_pred) in each output, shape (n, m).") from error
        shape = np.shape(plain(made))
        seed = np.full(shape, len(y) if not shape else 1, y.dtype)
        return pulled(made, seed, [traced])[0]

    gradient.traced = True  # nothing that could be compiled
    return value, gradient


def _example():
    rng = np.random.default_rng(1)
    return 0.1 + 0.8 * rng.random((5, 3)), 0.1 + 0.8 * rng.random((5, 3))
