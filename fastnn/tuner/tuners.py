"""The tuners by name, each a `Tuner` with its oracle."""

from __future__ import annotations

from fastnn.tuner.oracles import (
    BayesianOptimizationOracle,
    GridSearchOracle,
    HyperbandOracle,
    RandomSearchOracle,
)
from fastnn.tuner.tuner import Tuner

_OF_ORACLE = ("hyperparameters", "tune_new_entries", "allow_new_entries", "max_retries_per_trial",
              "max_consecutive_failed_trials", "pruner", "parallel_trials")


def _of_oracle(kwargs: dict) -> dict:
    """The arguments that all oracles take, taken out of those of a tuner."""
    return {name: kwargs.pop(name) for name in _OF_ORACLE if name in kwargs}


class RandomSearch(Tuner):
    """Values drawn at random; see `Oracle` and `Tuner` for the other arguments."""

    def __init__(self, hypermodel=None, objective=None, max_trials=10, seed=None, **kwargs):
        oracle = RandomSearchOracle(objective, max_trials, seed, **_of_oracle(kwargs))
        super().__init__(oracle, hypermodel, **kwargs)


class BayesianOptimization(Tuner):
    """Values that promise much after what earlier trials have shown: Optuna's TPE.

    num_initial_points : so many trials are random.
    sampler : a function of a seed that makes another one of Optuna's samplers.
    alpha, beta : for Keras Tuner's sake; see `BayesianOptimizationOracle`.
    """

    def __init__(self, hypermodel=None, objective=None, max_trials=10, num_initial_points=None,
                 alpha=1e-4, beta=2.6, seed=None, *, sampler=None, **kwargs):
        oracle = BayesianOptimizationOracle(objective, max_trials, num_initial_points, seed,
                                            sampler=sampler, **_of_oracle(kwargs))
        super().__init__(oracle, hypermodel, **kwargs)


class GridSearch(Tuner):
    """All combinations of values; of ranges without a step ten values each."""

    def __init__(self, hypermodel=None, objective=None, max_trials=None, seed=None, **kwargs):
        oracle = GridSearchOracle(objective, max_trials, seed, **_of_oracle(kwargs))
        super().__init__(oracle, hypermodel, **kwargs)


class Hyperband(Tuner):
    """Many trials of few epochs, of which the best go on; see `HyperbandOracle`."""

    def __init__(self, hypermodel=None, objective=None, max_epochs=100, factor=3,
                 hyperband_iterations=1, seed=None, **kwargs):
        oracle = HyperbandOracle(objective, max_epochs, factor, hyperband_iterations, seed,
                                 **_of_oracle(kwargs))
        super().__init__(oracle, hypermodel, **kwargs)
