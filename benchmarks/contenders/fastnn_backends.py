"""fastnn's own backends, through the public API."""

from __future__ import annotations

import platform

import numpy as np

import fastnn
from fastnn import Input, Sequential, backends, layers


def names() -> dict[str, str]:
    """The NumPy backend, which is the specification and so the reference, first."""
    return {f"fastnn {name}": f'`compile(..., backend="{name}")`, the public `fit`'
            for name in reversed(backends.available())}


def versions() -> dict[str, str]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    found = {"fastnn": fastnn.__version__, "Python": platform.python_version(),
             "NumPy": f"{np.__version__} ({blas})"}
    if "cython" in backends.available():
        from fastnn.backends import loader

        found["fastnn"] += f" ({loader.isa()})"
    if "numba" in backends.available():
        from importlib.metadata import version

        found["Numba"] = version("numba")
    return found


class Run:
    """A Sequential model on one of the backends."""

    other_mathematics = ""

    def __init__(self, name, task, shuffle=True):
        workload = task.workload
        *hidden, outputs = workload.widths[1:]
        fastnn.utils.set_random_seed(1)  # decides the order of the rows
        self.task, self.shuffle = task, shuffle
        self.model = Sequential([
            Input((workload.widths[0],)),
            *[layers.Dense(width, workload.hidden) for width in hidden],
            layers.Dense(outputs, workload.output),
        ])
        self.model.set_weights(task.weights)
        self.model.compile(workload.optimizer, workload.loss, backend=name.split()[1],
                           metrics=["accuracy"] if workload.has_accuracy else [])

    def fit(self, epochs):
        task = self.task
        history = self.model.fit(task.X, task.T, task.workload.batch, epochs, verbose=0,
                                 shuffle=self.shuffle)
        return history.history["loss"]

    def predict(self, X):
        return self.model.predict(X, verbose=0)
