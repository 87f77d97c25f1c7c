"""Write fastnn/datasets/digits.npz from scikit-learn's copy of the UCI digits.

Run once, by hand: python tests/golden/make_digits.py. The file it writes is checked in; a test
compares its arrays with scikit-learn's wherever that is installed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parents[2] / "fastnn" / "datasets" / "digits.npz"


def main():
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    if not np.array_equal(images, digits.images):
        raise SystemExit("expected whole pixel values 0..16")
    np.savez_compressed(TARGET, x=images, y=labels)
    print(f"{TARGET.name}: {images.shape} {images.dtype}, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
