"""A loss made of two functions of a user's."""

from __future__ import annotations

from fastnn.losses.base import Loss
from fastnn.losses.checks import check_gradient, derived


class FunctionLoss(Loss):
    """Two functions as a loss: see `custom`."""

    checked = True

    def __init__(self, value, gradient, name, reduction):
        super().__init__(name, reduction)
        self.call, self.gradient = value, gradient

    def get_config(self):
        raise TypeError(f"The loss {self.name!r} is made of functions, which cannot be written to "
                        "a file. Make it a registered subclass of losses.Loss with methods call "
                        "and gradient.")

    def __repr__(self):
        return f"custom({self.name!r})"


def of_function(function) -> Loss:
    """The loss that a function (y_true, y_pred) of NumPy's functions and `fastnn.ops` is.

    >>> from fastnn import losses, ops
    >>> float(losses.get(lambda t, y: ops.mean(ops.square(y - t)))([[1.0]], [[3.0]]))
    4.0
    """
    name = getattr(function, "__name__", "custom")
    return FunctionLoss(*derived(name, function), name, "sum_over_batch_size")


def custom(value, gradient, name: str | None = None, reduction="sum_over_batch_size",
           example=None) -> Loss:
    """A loss of two functions of ``(y_true, y_pred)``, arrays (n, m), for ``compile`` or alone.

    value : returns the loss of each row, (n,), or of each output, (n, m): those are averaged.
    gradient : returns (n, m): the derivative of that number in each output.
    example : a pair (y_true, y_pred) of small arrays at which the gradient is checked now; None:
        numbers between 0.1 and 0.9. A wrong one is a ValueError that says where.

    Where Numba can compile the functions, for numbers or for rows, they run inside the compiled
    stretch; elsewhere the model runs on the NumPy backend, and says so once. Numba takes
    ``np.sum(..., axis=1)`` but no mean along an axis, and no function that is not NumPy's.

    >>> from fastnn import losses
    >>> quartic = losses.custom(lambda t, y: (y - t) ** 4, lambda t, y: 4 * (y - t) ** 3, "quartic")
    >>> float(quartic([[1.0, 2.0]], [[1.0, 4.0]]))
    8.0
    """
    name = name or getattr(value, "__name__", "custom")
    check_gradient(name, value, gradient, example)
    return FunctionLoss(value, gradient, name, reduction)
