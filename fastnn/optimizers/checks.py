"""What the optimizers accept for their numbers."""

from __future__ import annotations

import math

# the epsilon that each preset has by default
EPSILON = {"keras": 1e-7, "torch": 1e-8, "sklearn": 1e-8}


def number(name: str, value, low: float = 0.0, high: float = math.inf, *,
           open_high: bool = False) -> float:
    """``value`` as a float between the bounds; with ``open_high``, below the upper one."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, received {value!r:.100}.") from None
    if not (low <= found < high if open_high or math.isinf(high) else low <= found <= high):
        raise ValueError(f"{name} must lie in [{low}, {high}{')' if open_high else ']'}, "
                         f"received {value!r}.")
    return found


def positive(name: str, value) -> float | None:
    """A positive number, or None."""
    if value is not None and not 0 < value < math.inf:
        raise ValueError(f"{name} must be a positive number or None, received {value!r}.")
    return None if value is None else float(value)


def count(name: str, value, low: int) -> int | None:
    """A whole number from ``low`` on, or None."""
    if value is not None and (isinstance(value, bool) or int(value) != value or value < low):
        raise ValueError(
            f"{name} must be a whole number from {low} on or None, received {value!r}.")
    return None if value is None else int(value)


def preset(name: str, known=tuple(EPSILON)) -> str:
    """One of the presets that an optimizer knows."""
    if name not in known:
        raise ValueError(f"preset must be one of {', '.join(known)}, received {name!r}.")
    return name
