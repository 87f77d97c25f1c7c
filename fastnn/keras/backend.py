"""``keras.backend``: settings, and small questions about types."""

from __future__ import annotations

import gc

import numpy as np

from fastnn import naming
from fastnn.keras.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from fastnn.layers.graph import Tensor
from fastnn.ops.types import result_type, standardize_dtype

__all__ = ["backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format",
           "is_float_dtype", "is_int_dtype",
           "is_keras_tensor", "result_type", "set_epsilon", "set_floatx",
           "set_image_data_format", "standardize_dtype"]

_uids: dict[str, int] = {}


def clear_session(free_memory: bool = True) -> None:
    """Names of layers and models count from the beginning; there is no other session in fastnn."""
    naming.reset_names()
    _uids.clear()
    if free_memory:
        gc.collect()


def get_uid(prefix: str = "") -> int:
    """1, 2, ...: how often a prefix was asked for since `clear_session`."""
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


def is_keras_tensor(x) -> bool:
    """Whether it is a symbolic tensor: the output of a layer, without numbers."""
    return isinstance(x, Tensor)


def is_float_dtype(dtype) -> bool:
    """Whether a dtype is a floating one.

    >>> is_float_dtype("float32"), is_float_dtype("int32")
    (True, False)
    """
    return np.dtype(standardize_dtype(dtype)).kind == "f"


def is_int_dtype(dtype) -> bool:
    """Whether a dtype is of whole numbers."""
    return np.dtype(standardize_dtype(dtype)).kind in "iu"
