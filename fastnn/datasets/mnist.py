"""MNIST: 70,000 grey images of handwritten digits, 28 x 28 (LeCun, Cortes and Burges 1998).

Nothing is downloaded before `load_data` is called. The file is the one that Keras uses.
"""

from __future__ import annotations

import os

import numpy as np

from fastnn.datasets import _files

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def load_data(path="mnist.npz"):
    """``(x_train, y_train), (x_test, y_test)``: uint8 images (n, 28, 28), values 0..255, labels.

    path : a bare file name is a name in fastnn's cache (~/.cache/fastnn, or FASTNN_HOME), where
        the first call downloads 11 MB and checks their SHA-256. A path with a folder in it, such
        as ``"./mnist.npz"``, is a file of yours; it is read as it is and nothing is downloaded.

    Raises FileNotFoundError for a path of yours that does not exist, ConnectionError where the
    download fails, ValueError for a wrong checksum or a file that is not MNIST's.
    """
    path = os.path.expanduser(os.fspath(path))
    if not os.path.dirname(path):
        path = _files.fetch(URL, SHA256, path)
    elif not os.path.isfile(path):
        raise FileNotFoundError(
            f"expected an MNIST file, found none at {path}. Give the path of an existing "
            'mnist.npz, or the bare name "mnist.npz" to download it.'
        )
    arrays = _files.read_npz(path, ARRAYS)
    for part in ("train", "test"):
        _check(path, part, arrays["x_" + part], arrays["y_" + part])
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _check(path: str, part: str, x: np.ndarray, y: np.ndarray):
    """Refuse arrays that are not images (n, 28, 28) with one label 0..9 each."""
    right = x.ndim == 3 and x.shape[1:] == (28, 28) and y.shape == x.shape[:1]
    if not (right and x.dtype == np.uint8 and y.dtype == np.uint8 and (y <= 9).all()):
        raise ValueError(
            f"expected x_{part} as uint8 (n, 28, 28) and y_{part} as uint8 (n,) with labels 0..9, "
            f"received {x.dtype} {x.shape} and {y.dtype} {y.shape} from {path}. "
            "Give a file in the layout of Keras's mnist.npz."
        )
