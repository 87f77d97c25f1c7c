"""fastnn's estimators in the place of scikit-learn's, in a process that runs, and out of it again.

>>> from fastnn.sklearn import patched
>>> with patched():
...     from sklearn.neural_network import MLPClassifier
>>> MLPClassifier.__module__
'fastnn.sklearn.classifier'

Replaced are ``MLPClassifier`` and ``MLPRegressor``, whose results stay the same up to rounding, in
every module that has been imported by then, under whatever name the module holds them. Not reached
are names inside of functions, classes and containers, default arguments, and estimators that exist
already: they go on as they are. `unpatch` restores what `patch` has replaced; a module that has
imported fastnn's from scikit-learn in the meantime keeps them. ``Perceptron`` and
``LogisticRegression`` of scikit-learn stay: fastnn's do not give the same numbers.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager

from sklearn import neural_network

from fastnn.sklearn.classifier import MLPClassifier
from fastnn.sklearn.regressor import MLPRegressor

_PAIRS = ((neural_network.MLPClassifier, MLPClassifier),
          (neural_network.MLPRegressor, MLPRegressor))
# scikit-learn's own module keeps its classes, by which estimators that exist are pickled
_SPARED = ("fastnn.", "sklearn.neural_network._multilayer_perceptron")
_replaced: list[tuple] = []  # (namespace, name, the class that was there)


def patch() -> None:
    """Let ``MLPClassifier`` and ``MLPRegressor`` of scikit-learn be fastnn's from now on."""
    ours = {id(theirs): ours for theirs, ours in _PAIRS}
    for module_name, module in list(sys.modules.items()):
        namespace = getattr(module, "__dict__", None)
        if module_name.startswith(_SPARED) or not isinstance(namespace, dict):
            continue
        for name, value in list(namespace.items()):
            if id(value) in ours:
                _replaced.append((namespace, name, value))
                namespace[name] = ours[id(value)]


def unpatch() -> None:
    """Undo `patch`; without one, do nothing."""
    while _replaced:
        namespace, name, theirs = _replaced.pop()
        if any(namespace.get(name) is ours for _, ours in _PAIRS):  # else somebody has changed it
            namespace[name] = theirs


@contextmanager
def patched():
    """`patch` for the length of a ``with`` block."""
    patch()
    try:
        yield
    finally:
        unpatch()
