"""fastnn: neural networks with Keras's words, trained on the CPU in one compiled call.

>>> from fastnn import Sequential, layers
>>> model = Sequential([layers.Dense(3, activation="relu", input_dim=11), layers.Dense(1)])
>>> model.count_params()
40
"""

from __future__ import annotations

from fastnn._version import __version__

# What the package offers, and where it lies. Nothing is imported before it is used.
_MODULES = ("activations", "backends", "callbacks", "config", "constraints", "datasets",
            "functional", "initializers", "keras", "layers", "lessons", "losses", "metrics",
            "models", "ops", "optimizers", "perceptron", "plot", "random", "regularizers",
            "saving", "training", "tuner", "understanding", "utils")
_OPTIONAL = ("sklearn",)  # these need an extra and so are no part of `from fastnn import *`
_NAMES = {
    "Input": "fastnn.layers",
    "Model": "fastnn.models",
    "Perceptron": "fastnn.perceptron",
    "Sequential": "fastnn.models",
    "Trainer": "fastnn.training",
    "find_learning_rate": "fastnn.finding",
    "fit_many": "fastnn.many",
    "from_keras": "fastnn.interchange",
    "from_sklearn": "fastnn.interchange",
    "from_torch": "fastnn.interchange",
    "install_as": "fastnn.keras",
    "load_model": "fastnn.saving",
    "show_config": "fastnn.installation",
    "uninstall": "fastnn.keras",
}

__all__ = ["__version__", *_MODULES, *_NAMES]


def __getattr__(name: str):
    from importlib import import_module

    if name in _MODULES or name in _OPTIONAL:
        return import_module(f"fastnn.{name}")
    if name in _NAMES:
        value = getattr(import_module(_NAMES[name]), name)
        globals()[name] = value  # the next look-up finds it without this function
        return value
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
