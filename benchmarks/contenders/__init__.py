"""Who takes part: every module in this folder, if what it needs is installed.

A module has

``NAMES``
    of the contenders it knows, as the report prints them; the first of all is the reference.
``versions()``
    of what runs, a dictionary by name: the report prints them too.
``threads()``
    how many threads it may use.
``Run(name, task, shuffle=True)``
    the task's model, from the task's weights, with
    ``fit(epochs)``: trains on, on all of the task's data; the loss of each epoch. It shuffles (if
    asked to), and computes the accuracy if ``task.workload.has_accuracy``;
    ``predict(X)``: the outputs (n, m) of rows (n, k).

To add one, add such a file. What it imports may live in an environment of its own, with NumPy,
pytest and pytest-benchmark beside it: the report reads the files of several runs at once.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules


def find() -> dict:
    """The modules of the contenders that can run here, by name; fastnn's own first."""
    found = {}
    names = sorted(module.name for module in iter_modules(__path__))
    for name in sorted(names, key=lambda name: name != "fastnn_backends"):
        try:
            contender = import_module(f"{__name__}.{name}")
        except ModuleNotFoundError:
            continue  # it belongs to another environment
        found |= dict.fromkeys(contender.NAMES, contender)
    return found
