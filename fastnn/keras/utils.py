"""``keras.utils``: helpers that only programs written for Keras ask for."""

from __future__ import annotations

import numpy as np

from fastnn import random
from fastnn.keras.backend import clear_session, is_keras_tensor, standardize_dtype
from fastnn.utils import PyDataset

__all__ = ["Sequence", "clear_session", "is_keras_tensor",
           "pack_x_y_sample_weight", "pad_sequences", "split_dataset",
           "standardize_dtype", "unpack_x_y_sample_weight"]

Sequence = PyDataset  # its name in tensorflow.keras


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre",
                  value=0.0) -> np.ndarray:
    """Sequences of different lengths as the rows of one array (n, maxlen, ...).

    maxlen : by default the longest length. padding, truncating : "pre" or "post", the end at which
        short ones are filled up with ``value`` and long ones are cut.

    >>> pad_sequences([[1], [2, 3, 4]], maxlen=2)
    array([[0, 1],
           [3, 4]], dtype=int32)
    """
    for name, where in {"padding": padding, "truncating": truncating}.items():
        if where not in ("pre", "post"):
            raise ValueError(f"Expected 'pre' or 'post' for {name}; received {where!r}.")
    rows = [np.asarray(row) for row in sequences]
    length = max(map(len, rows), default=0) if maxlen is None else int(maxlen)
    inner = next((row.shape[1:] for row in rows if len(row)), ())
    padded = np.full((len(rows), length, *inner), value, dtype)
    for place, row in zip(padded, rows, strict=True):
        if len(row) and row.shape[1:] != inner:
            raise ValueError(f"Expected sequences of items of shape {inner}; received {row.shape}.")
        row = row[max(0, len(row) - length):] if truncating == "pre" else row[:length]
        first = length - len(row) if padding == "pre" else 0
        place[first : first + len(row)] = row
    return padded


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None):
    """(left, right): the rows of an array, or of a tuple or list of equally long ones, in two.

    left_size, right_size : shares below 1 or numbers of rows; one of them is enough.

    >>> left, right = split_dataset((np.arange(10), np.arange(10) % 2), left_size=0.8)
    >>> left[0].tolist(), right[1].tolist()
    ([0, 1, 2, 3, 4, 5, 6, 7], [0, 1])
    """
    arrays = [np.asarray(part) for part in dataset] if isinstance(dataset, (tuple, list)) else [
        np.asarray(dataset)]
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1:
        raise ValueError(f"Expected arrays of one length; received {sorted(lengths)}.")
    n = lengths.pop()
    left, right = _sizes(n, left_size, right_size)
    seed = random.next_seed() if seed is None else seed
    order = random.permutations(seed, 0, 1, n)[0] if shuffle else np.arange(n)
    sides = [[array[rows] for array in arrays] for rows in (order[:left], order[n - right:])]
    if not isinstance(dataset, (tuple, list)):
        return tuple(side[0] for side in sides)
    return tuple(type(dataset)(side) for side in sides)


def _sizes(n: int, left, right) -> tuple[int, int]:
    if left is None and right is None:
        raise ValueError("Expected left_size or right_size; received neither.")
    for name, size in {"left_size": left, "right_size": right}.items():
        whole = isinstance(size, (int, np.integer)) and 0 < size < n
        if not (size is None or whole or (isinstance(size, float) and 0 < size < 1)):
            raise ValueError(f"Expected {name} as a share below 1 or fewer rows than the {n} "
                             f"there are; received {size!r}.")
    left, right = (round(size * n) if isinstance(size, float) else size for size in (left, right))
    left = n - right if left is None else left
    right = n - left if right is None else right
    if left + right > n:
        raise ValueError(f"left_size and right_size ask for {left} + {right} of {n} rows.")
    return left, right


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """x, (x, y) or (x, y, sample_weight): what is there, as a data set gives it."""
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data) -> tuple:
    """(x, y, sample_weight) of what `pack_x_y_sample_weight` made, None for what is not there.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if not isinstance(data, (tuple, list)):
        data = (data,)
    if isinstance(data, list):
        data = (data,)
    if len(data) > 3:
        raise ValueError(f"Expected (x,), (x, y) or (x, y, sample_weight); received {len(data)} "
                         "things.")
    return (*data, None, None)[:3]
