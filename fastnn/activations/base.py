"""What every activation shares: the class that formulas and row-wise functions derive from."""

from __future__ import annotations

import math

import numpy as np

from fastnn.formulas import Formula, arguments, as_real


class Activation(Formula):
    """A function of a layer's pre-activation ``z`` (n, m), applied by rows or by elements.

    An elementwise activation defines ``forward`` and ``backward`` (see the package's first lines).
    """

    elementwise = True
    function = slope = None  # what `custom` was given

    @classmethod
    def keeps_z(cls) -> bool:
        """Whether the derivative needs the pre-activation as well as the output."""
        return "z" in arguments(cls.backward)

    def lowered(self) -> Activation:
        """The activation whose formula computes this one: mostly itself."""
        return self

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a row's output for a row of this shape."""
        return shape

    def __call__(self, x):
        """The activation of every element of ``x``, in the array's own floating type."""
        if hasattr(x, "through"):  # it is being differentiated: see fastnn.tracing
            return x.through(self)
        it = self.lowered()
        with np.errstate(all="ignore"):
            return it.forward(as_real(x), *it.values())

    def derivative(self, x):
        """dy/dz at every element of ``x``."""
        it, z = self.lowered(), as_real(x)
        with np.errstate(all="ignore"):
            y = it.forward(z, *it.values())
            kept = (y, z) if it.keeps_z() else (y,)
            return it.backward(np.ones_like(z), *kept, *it.values())


def number(name: str, value, low: float = -math.inf, above: bool = False) -> float:
    """``value`` as a float; a ValueError unless it is at least ``low``, or ``above`` it."""
    try:
        x = float(value)
    except (TypeError, ValueError):
        x = math.nan
    if not (x > low if above else x >= low):
        kind = "a number" if low == -math.inf else "positive" if above else "zero or positive"
        raise ValueError(f"{name} must be {kind}, received {value!r}.")
    return x
