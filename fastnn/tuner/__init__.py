"""Search for hyperparameters, with Keras Tuner's words; Optuna is the engine.

>>> import tempfile
>>> import numpy as np
>>> import fastnn
>>> from fastnn import layers
>>> def build(hp):
...     model = fastnn.Sequential([fastnn.Input((2,)),
...                                layers.Dense(hp.Int("units", 2, 16), "tanh"), layers.Dense(1)])
...     model.compile(hp.Choice("optimizer", ["adam", "sgd"]), "mse")
...     return model
>>> X = np.random.default_rng(0).normal(size=(100, 2))
>>> with tempfile.TemporaryDirectory() as folder:
...     tuner = RandomSearch(build, "val_loss", max_trials=4, seed=1, directory=folder)
...     tuner.search(X, X[:, 0] * X[:, 1], epochs=3, validation_split=0.2, verbose=0)
...     best = tuner.get_best_hyperparameters()[0]
>>> sorted(best.values)
['optimizer', 'units']
"""

from __future__ import annotations

try:
    import optuna  # noqa: F401
except ImportError as error:
    raise ImportError('fastnn.tuner needs Optuna: pip install "fastnn[tuner]".') from error

import logging

from fastnn.tuner import errors, oracles
from fastnn.tuner.hypermodel import HyperModel
from fastnn.tuner.hyperparameters import HyperParameters
from fastnn.tuner.kinds import HyperParameter
from fastnn.tuner.objective import Objective
from fastnn.tuner.oracle import Oracle
from fastnn.tuner.trial import Trial, TrialStatus
from fastnn.tuner.tuner import Tuner
from fastnn.tuner.tuners import BayesianOptimization, GridSearch, Hyperband, RandomSearch

# it tells of every study that it makes, and each trial here has one in memory
logging.getLogger("optuna.storages").setLevel(logging.WARNING)

__all__ = ["BayesianOptimization", "GridSearch", "HyperModel", "HyperParameter",
           "HyperParameters", "Hyperband", "Objective", "Oracle", "RandomSearch", "Trial",
           "TrialStatus", "Tuner", "errors", "oracles"]
