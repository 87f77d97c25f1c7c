"""What the course notes teach about training, as short programs that assert what they claim.

    python -m fastnn.lessons            lists the lessons
    python -m fastnn.lessons vanishing  runs one
    python -m fastnn.lessons all        runs them all

A lesson is a module with a function ``main()``: it trains a network or two, prints a table, and
ends with its claim as an assertion. Each takes a second or so, and gives the same numbers each
time.
"""

from __future__ import annotations

NAMES = ("perceptron", "logistic", "zero", "constant", "small", "large", "vanishing", "dropout",
         "l2", "batch_norm")


def run(name: str) -> None:
    """Run a lesson by its name; ValueError for one that does not exist."""
    _module(name).main()


def summary(name: str) -> str:
    """The first line of a lesson.

    >>> summary("zero")
    'Weights that are all zero stay useless: the neurons of a layer never become different.'
    """
    return _module(name).__doc__.splitlines()[0]


def _module(name: str):
    from importlib import import_module

    if name not in NAMES:
        raise ValueError(f"There is no lesson {name!r}. Lessons: {', '.join(NAMES)}.")
    return import_module(f"fastnn.lessons.{name}")
