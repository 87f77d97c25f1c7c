"""A training step on sparse rows against one on the same rows made dense.

    python benchmarks/sparse.py

The two take turns; the best of several times counts. Settles `fastnn.sparse.MOST_DENSE`.
"""

from __future__ import annotations

import sys
from time import perf_counter

import numpy as np
from scipy.sparse import random as random_csr

import fastnn
from fastnn import layers, sparse

ROWS, BATCH = 2048, 128


def made(columns: int, units: int, backend: str):
    fastnn.utils.set_random_seed(1)
    model = fastnn.Sequential([fastnn.Input((columns,)), layers.Dense(units, "relu"),
                               layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", backend=backend)
    return model


def seconds(model, x, y) -> float:
    start = perf_counter()
    model.fit(x, y, batch_size=BATCH, verbose=0)
    return (perf_counter() - start) / (ROWS // BATCH)


def main(rounds: int = 5) -> None:
    y = np.arange(ROWS) % 10
    for backend in ("cython", "numpy"):
        for columns in (1000, 10_000):
            for units in (16, 256):
                for density in (0.01, 0.05, 0.1):
                    x = random_csr(ROWS, columns, density, "csr", np.float32, rng=1)
                    times = {True: [], False: []}
                    models = {thin: made(columns, units, backend) for thin in times}
                    for _ in range(rounds + 1):
                        for thin, model in models.items():
                            sparse.MOST_DENSE = 1.0 if thin else -1.0
                            times[thin].append(seconds(model, x, y))
                    left, dense = (1e3 * min(times[thin][1:]) for thin in (True, False))
                    print(f"{backend:>7} {columns:>6} columns {units:>4} units {density:>5.0%}: "
                          f"sparse {left:7.3f} ms, dense {dense:7.3f} ms a step: "
                          f"{dense / left:5.2f} times", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
