"""What an object remembers, as JSON and arrays: numbers, text, lists, dictionaries, arrays.

>>> arrays = []
>>> text = encode({"best": float("inf"), "wait": 3, "by": (1, None)}, arrays)
>>> decode(text, arrays)
{'best': inf, 'wait': 3, 'by': (1, None)}

Every bit comes back, and every type: of NumPy's numbers too, NaN and infinity included.
"""

from __future__ import annotations

import math

import numpy as np

_KINDS = "biufc"  # of arrays
_FEW = 8  # numbers that are shorter as text


def encode(value, arrays: list):
    """``value`` as `fastnn._archive.dump_json` takes it; its arrays are added to the list.

    TypeError for what is none of these.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in _KINDS:
            raise TypeError(f"an array of {value.dtype} is not numbers")
        arrays.append(np.asarray(value))
        return {"array" if isinstance(value, np.ndarray) else "number": len(arrays) - 1}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, list):
        return _list(value, arrays)
    if isinstance(value, tuple):
        return {"tuple": [encode(item, arrays) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key, arrays), encode(item, arrays)]
                         for key, item in value.items()]}
    raise TypeError(f"{value!r:.100} is of type {type(value).__name__}")


def _list(value: list, arrays: list):
    """A history's many numbers are an array."""
    kinds = {type(item) for item in value}
    if len(value) > _FEW and (kinds == {float} or (kinds == {int}
                              and max(map(abs, value)) < 1 << 62)):
        arrays.append(np.array(value, float if kinds == {float} else np.int64))
        return {"list": len(arrays) - 1}
    return [encode(item, arrays) for item in value]


def decode(value, arrays: list):
    """What `encode` was given."""
    if isinstance(value, list):
        return [decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "number":
        return arrays[content][()]
    if kind == "list":
        return arrays[content].tolist()
    if kind == "float":
        return float(content)
    if kind == "tuple":
        return tuple(decode(item, arrays) for item in content)
    return {decode(key, arrays): decode(item, arrays) for key, item in content}


def is_plain(value) -> bool:
    """Whether `encode` can do it."""
    try:
        encode(value, [])
    except TypeError:
        return False
    return True
