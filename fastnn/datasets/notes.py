"""The small tables of the course notes, and their worked "cost of 3".

>>> from fastnn.datasets import notes
>>> X, y = notes.package()
>>> X[0], y[0]
(array([8., 8.]), np.float64(4.0))
"""

from __future__ import annotations

import numpy as np


def placement() -> tuple[np.ndarray, np.ndarray]:
    """The two students of the 4-3-2-1 network: cgpa, iq, 10th and 12th marks; placed or not.

    X (2, 4), y (2,) of 0 and 1.
    """
    return np.array([[7.1, 72.0, 69.0, 81.0], [8.1, 42.0, 75.0, 76.0]]), np.array([1, 0])


def package() -> tuple[np.ndarray, np.ndarray]:
    """The worked regression: cgpa and profile score of four students; the package in lakh a year.

    X (4, 2), y (4,).
    """
    X = np.array([[8.0, 8.0], [7.0, 9.0], [6.0, 10.0], [5.0, 12.0]])
    return X, np.array([4.0, 5.0, 6.0, 7.0])


def placed() -> tuple[np.ndarray, np.ndarray]:
    """The worked classification: cgpa and profile score of four students; placed or not.

    X (4, 2), y (4,) of 0 and 1.
    """
    return np.array([[8.0, 8.0], [7.0, 9.0], [6.0, 10.0], [5.0, 5.0]]), np.array([1, 1, 0, 0])


def cost_of_three() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ten outputs for an image of a 3, before and after training, and the target.

    The cost of a row is its *sum* of squared differences: 3.3585 before and 0.0252 after. (The
    notes print 3.3692 and 0.0265: their terms come from outputs that had not been rounded.)

    >>> before, after, target = cost_of_three()
    >>> float(np.round(((before - target) ** 2).sum(), 4))
    3.3585
    >>> float(np.round(((after - target) ** 2).sum(), 4))
    0.0252
    """
    before = np.array([0.43, 0.28, 0.19, 0.88, 0.72, 0.01, 0.64, 0.86, 0.99, 0.63])
    after = np.array([0.02, 0.03, 0.06, 0.97, 0.07, 0.02, 0.05, 0.06, 0.08, 0.04])
    target = np.zeros(10)
    target[3] = 1.0
    return before, after, target


def cost_of_three_terms() -> tuple[np.ndarray, np.ndarray]:
    """The ten terms of the cost of 3 as the notes print them, before and after training.

    >>> [float(np.round(terms.sum(), 4)) for terms in cost_of_three_terms()]
    [3.3692, 0.0265]
    """
    before = [0.1863, 0.0809, 0.0357, 0.0138, 0.5242, 0.0001, 0.4079, 0.7388, 0.9817, 0.3998]
    after = [0.0006, 0.0007, 0.0039, 0.0009, 0.0055, 0.0004, 0.0022, 0.0033, 0.0072, 0.0018]
    return np.array(before), np.array(after)
