"""What rows weigh and which of them are held out, by their classes.

>>> import numpy as np
>>> class_weights({0: 1.0, 1: 3.0}, np.array([0, 1, 1, 2]))
array([1., 3., 3., 1.])
>>> class_weights("balanced", np.array([0, 0, 0, 1]))
array([0.66666667, 0.66666667, 0.66666667, 2.        ])
"""

from __future__ import annotations

import math
import operator
from dataclasses import replace

import numpy as np

from fastnn import data, random
from fastnn.backends import Feed

MODES = ("tail", "shuffle", "stratify")

# The rows held out are drawn from the far end of the passes, where no training comes to.
_PASS = 1 << 62


def weighted(feed: Feed, class_weight) -> Feed:
    """The feed with the weight of each row times that of its class; see `class_weights`."""
    if class_weight is None:
        return feed
    found = class_weights(class_weight, classes(feed.T, feed.labels)).astype(feed.X.dtype)
    return replace(feed, weights=found if feed.weights is None else feed.weights * found)


def split(feed: Feed, share, mode: str, seed: int) -> tuple[Feed, Feed | None]:
    """The rows to train on and the ``share`` that is held out, if any; see `held_out`."""
    n = len(feed.X)
    point = data.split_point(share, n)
    parts = held_out(mode, point, n, seed, feed.T, feed.labels)
    return (feed, None) if point == n else tuple(select(feed, part) for part in parts)


def select(feed: Feed, part) -> Feed:
    """The rows of a slice (without a copy) or of an array of numbers."""
    def of(column):
        return column if column is None or not len(column) else column[part]

    X = feed.X if isinstance(feed.X, np.ndarray) else feed.X.view(part)
    return replace(feed, X=X[part] if X is feed.X else X, T=of(feed.T), labels=of(feed.labels),
                   weights=of(feed.weights))


def classes(T: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class (n,) of each row: its label, the place of its largest target, or 0 or 1."""
    if len(labels):
        return labels
    return T.argmax(axis=1) if T.shape[1] > 1 else np.round(T[:, 0]).astype(np.int64)


def class_weights(class_weight, found: np.ndarray) -> np.ndarray:
    """The weight (n,) of each row by its class, as ``class_weight`` of `fit` has it.

    class_weight : {class: weight}; classes that are not there weigh 1. Or "balanced": n / (k n_c)
        for a class with n_c of the n rows, of k classes (King & Zeng 2001), so that all classes
        weigh the same.
    found : (n,) the class of each row.
    """
    numbers, place, counts = np.unique(found, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError("class_weight must be a dictionary {class: weight} or 'balanced', "
                             f"received {class_weight!r}.")
        return (len(found) / (len(numbers) * counts))[place]
    given = _checked(class_weight)
    return np.array([given.get(number, 1.0) for number in numbers.tolist()])[place]


def _checked(class_weight) -> dict[int, float]:
    """{class: weight} as given: TypeError and ValueError for what is no class or no weight."""
    if not hasattr(class_weight, "items"):
        raise TypeError("class_weight must be a dictionary {class: weight} or 'balanced', received "
                        f"{class_weight!r:.200}.")
    found = {}
    for key, value in class_weight.items():
        try:
            number, weight = operator.index(key), float(value)
        except (TypeError, ValueError):
            raise TypeError("class_weight must have whole numbers as classes and numbers as "
                            f"weights, received {key!r}: {value!r}.") from None
        if not 0 <= weight < math.inf:
            raise ValueError("The weights in class_weight must be finite and not negative, "
                             f"received {key!r}: {value!r}.")
        found[number] = weight
    return found


def held_out(mode: str, point: int, n: int, seed: int, T: np.ndarray, labels: np.ndarray):
    """The rows to train on and those to validate on: slices, or numbers in rising order.

    mode : "tail" holds out the last rows, "shuffle" random ones, "stratify" random ones of each
        class, in proportion; a function of ``seed``, so that a model never sees in one `fit` what
        another one holds out.
    point : how many of the n rows are left for training.

    Raises ValueError for another mode, and to stratify targets that are no classes.
    """
    if mode not in MODES:
        raise ValueError(f"validation_mode must be one of {', '.join(MODES)}; received {mode!r}.")
    if mode == "tail":
        return slice(point), slice(point, n)
    order = random.permutations(seed, _PASS, 1, n)[0]
    if mode == "stratify":
        order = order[_by_share(_targets_as_classes(T, labels)[order], point)]
    return np.sort(order[:point]), np.sort(order[point:])


def _targets_as_classes(T, labels) -> np.ndarray:
    whole = (len(labels) and labels.ndim == 1) or ((np.round(T) == T).all() and (
        T.shape[1] == 1 or ((T.sum(axis=1) == 1) & (T.min(axis=1) == 0)).all()))
    if not whole:
        raise ValueError("validation_mode='stratify' needs classes in y: class numbers, one-hot "
                         "rows, or 0 and 1. For other targets use 'shuffle'.")
    return classes(T, labels)


def _by_share(found: np.ndarray, point: int) -> np.ndarray:
    """An order of rows in which the first ``point`` have of each class its share.

    Shares are rounded so that they add up: what is left goes to the largest remainders.
    """
    n = len(found)
    _, place, counts = np.unique(found, return_inverse=True, return_counts=True)
    exact = counts * (point / n)
    kept = np.floor(exact).astype(np.int64)
    most = np.argsort(kept - exact, kind="stable")  # the largest remainder first
    kept[most[: point - kept.sum()]] += 1
    by_class = np.argsort(place, kind="stable")
    rank = np.empty(n, np.int64)  # of a row among those of its class
    rank[by_class] = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.argsort(rank >= kept[place], kind="stable")
