"""Who takes part: every module in this folder whose name does not start with an underscore.

A module runs in the environment that the file of the same name in ``environments/`` describes, or,
if there is none, in the Python that runs the report. It needs NumPy, and has

``names()``
    of its contenders, as the report prints them, each with what a sceptic should know of how it is
    set up. What stands before the first blank or slash is the family; the README shows the fastest
    of each family.
``versions()``
    of what runs, a dictionary by name: the report prints them too.
``Run(name, task, shuffle=True)``
    the task's model, from the task's weights, with
    ``fit(epochs)``: trains on, on all of the task's data; the loss of each epoch. It shuffles (if
    asked to), and computes the accuracy if ``task.workload.has_accuracy``;
    ``predict(X)``: the outputs (n, m) of rows (n, k);
    ``other_mathematics``: why it computes something else, or "". Whoever says "" must agree with
    the reference before it is timed.

To add one, add such a file, and one in ``environments/``.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

FIRST = ("fastnn_backends", "numpy_loop")  # the reference is the first contender of the first


def modules() -> list[str]:
    """The names of all modules here, in the order of the report."""
    names = [module.name for module in iter_modules(__path__) if module.name[0] != "_"]
    return sorted(names, key=lambda name: (name not in FIRST, name))


def load(name: str) -> ModuleType:
    """The module of that name; a ModuleNotFoundError if what it needs is not installed."""
    return import_module(f"{__name__}.{name}")
