"""The UCI handwritten digits: 1,797 grey images of 8 x 8 pixels, shipped with fastnn.

The images, their source and their licence (CC BY 4.0) are in digits.npz and digits.LICENCE.txt
beside this file. A pixel counts the black points of a 4 x 4 block, hence the values 0 to 16.

>>> from fastnn.datasets import digits
>>> (x_train, y_train), (x_test, y_test) = digits.load_data()
>>> x_train.shape, x_test.shape, int(x_train.max())
((1442, 8, 8), (355, 8, 8), 16)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

PIXEL_MAX = 16

# Every fifth image of each digit is a test image. The file is in the order in which the writers
# filled in their forms, so both parts hold every writer and every digit in equal shares.
TEST_EVERY = 5


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """All images, uint8 (1797, 8, 8), values 0..16, and labels, uint8 (1797,), in file order."""
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as file:
        return file["x"], file["y"]


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """``(x_train, y_train), (x_test, y_test)``: the same 1,442 and 355 images every time.

    The fifth, tenth, ... image of each digit, in file order, is a test image. Images are uint8
    (n, 8, 8) with values 0..16, labels uint8 (n,).
    """
    x, y = load_digits()
    occurrence = np.empty(len(y), np.int64)
    for digit in range(10):
        rows = np.flatnonzero(y == digit)
        occurrence[rows] = np.arange(1, len(rows) + 1)
    test = occurrence % TEST_EVERY == 0
    return (x[~test], y[~test]), (x[test], y[test])
