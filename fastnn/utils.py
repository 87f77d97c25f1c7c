"""Small helpers with Keras's names."""

from __future__ import annotations

import operator

import numpy as np

from fastnn import random


def set_random_seed(seed: int) -> None:
    """Makes what follows repeatable: seeds Python's and NumPy's global generators and fastnn's.

    seed: an integer in [0, 2^32), which is what NumPy's global generator takes.

    >>> set_random_seed(1)
    """
    try:
        number = operator.index(seed)
    except TypeError:
        raise TypeError(f"Expected an integer seed; received {seed!r}.") from None
    if not 0 <= number < 2**32:
        raise ValueError(f"Expected a seed from 0 to 2**32 - 1; received {number}.")
    import random as python_random

    python_random.seed(number)
    np.random.seed(number)
    random.restart_seeds(number)


def to_categorical(x, num_classes: int | None = None) -> np.ndarray:
    """One-hot rows: float64 (..., num_classes), 1 at each label.

    x: labels 0..num_classes - 1, of shape (...) or (..., 1). num_classes: the largest label + 1 if
    None. A ValueError for labels that are out of range or not whole (Keras wraps negative labels
    around and truncates fractions).

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = _whole_numbers(np.asarray(x))
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        if labels.size == 0:
            raise ValueError("Expected labels or num_classes; received no labels and no number.")
        num_classes = int(labels.max()) + 1
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        raise ValueError(
            f"Expected labels from 0 to num_classes - 1 = {num_classes - 1}; received {wrong[0]}. "
            "Renumber the classes from 0, or give a larger num_classes."
        )
    one_hot = np.zeros((labels.size, num_classes))
    one_hot[np.arange(labels.size), labels.reshape(-1)] = 1.0
    return one_hot.reshape(*labels.shape, num_classes)


def normalize(x, axis: int = -1, order: float = 2) -> np.ndarray:
    """x / ||x|| along an axis, in the norm of an order (1, 2, inf, ...); zero vectors stay zero.

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    x = np.asarray(x)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)


class PyDataset:
    """Batches by number, made when they are needed: the base for data of one's own.

    A subclass has ``__len__``, the number of batches, and ``__getitem__(i)``, which gives batch i
    as (x, y) or (x, y, sample_weight); ``on_epoch_begin`` and ``on_epoch_end`` if it likes. `fit`
    shuffles the order of the batches unless told otherwise.

    workers, use_multiprocessing, max_queue_size : accepted for Keras's sake; batches are made one
        at a time where `fit` is called.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, i):
    ...         x = np.arange(4 * i, 4 * i + 4.0)
    ...         return x, x * x
    >>> Squares().num_batches
    3
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False,
                 max_queue_size: int = 10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def num_batches(self) -> int:
        """How many batches an epoch has."""
        return len(self)

    def __getitem__(self, index: int):
        """Batch ``index``, from 0."""
        raise NotImplementedError

    def on_epoch_begin(self) -> None:
        """Before the first batch of an epoch."""

    def on_epoch_end(self) -> None:
        """After the last batch of an epoch."""


def _whole_numbers(labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind not in "fiub":
        raise TypeError(f"Expected labels that are numbers; received dtype {labels.dtype}.")
    if labels.dtype.kind == "f":
        fractions = labels[~(np.isfinite(labels) & (labels == np.trunc(labels)))]
        if fractions.size:
            raise ValueError(f"Expected whole numbers as labels; received {fractions.flat[0]}.")
    return labels.astype(np.int64)


def __getattr__(name: str):
    if name == "plot_model":
        from fastnn.plot import plot_model

        return plot_model
    raise AttributeError(f"module 'fastnn.utils' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), "plot_model"})
