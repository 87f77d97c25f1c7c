"""fastnn's estimators in the place of scikit-learn's, in a process that runs, and out of it again.

>>> from fastnn.sklearn import patched
>>> with patched():
...     from sklearn.neural_network import MLPClassifier
>>> MLPClassifier.__module__
'fastnn.sklearn.classifier'

Replaced are ``MLPClassifier`` and ``MLPRegressor``, whose results stay the same up to rounding, in
every module that has been imported by then: also under another name, where the module itself, a
class or a dictionary of it holds them. Not reached are names inside of functions that are running,
default arguments, and estimators that exist already: they go on as they are. `Perceptron` and
`LogisticRegression` are not replaced, for their numbers are not scikit-learn's.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager

from sklearn import neural_network

from fastnn.sklearn.classifier import MLPClassifier
from fastnn.sklearn.regressor import MLPRegressor

_PAIRS = {"MLPClassifier": (neural_network.MLPClassifier, MLPClassifier),
          "MLPRegressor": (neural_network.MLPRegressor, MLPRegressor)}
# scikit-learn's own module keeps its classes, by which estimators that exist are pickled
_SPARED = ("fastnn.", "sklearn.neural_network._multilayer_perceptron")


def patch() -> None:
    """Let ``MLPClassifier`` and ``MLPRegressor`` of scikit-learn be fastnn's from now on."""
    _replace({id(theirs): ours for theirs, ours in _PAIRS.values()})


def unpatch() -> None:
    """Undo `patch`: also in modules that imported fastnn's from scikit-learn in the meantime."""
    _replace({id(ours): theirs for theirs, ours in _PAIRS.values()})


@contextmanager
def patched():
    """`patch` for the length of a ``with`` block."""
    patch()
    try:
        yield
    finally:
        unpatch()


def _replace(substitutes: dict) -> None:
    for name, module in list(sys.modules.items()):
        if module is None or name == "fastnn" or name.startswith(_SPARED):
            continue
        namespace = getattr(module, "__dict__", None)
        if isinstance(namespace, dict):
            _replace_in(namespace, substitutes)


def _replace_in(namespace: dict, substitutes: dict) -> None:
    for name, value in list(namespace.items()):
        if id(value) in substitutes:
            namespace[name] = substitutes[id(value)]
