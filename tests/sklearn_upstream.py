"""A plugin for pytest: scikit-learn's own tests see fastnn's estimators, losses and solvers.

    python -m pytest -p sklearn_upstream --pyargs sklearn.neural_network.tests.test_mlp
"""

import numpy as np
import sklearn.neural_network
from sklearn.neural_network import _base, _stochastic_optimizers

import fastnn.sklearn
from fastnn import losses, optimizers
from fastnn.sklearn.stochastic import Solver


def log_loss(y_true, y_prob, sample_weight=None):
    if y_prob.shape[1] == 1:
        return binary_log_loss(y_true, y_prob, sample_weight)
    with np.errstate(divide="ignore"):
        rows = losses.softmax_loss(np.asarray(y_true, float), np.log(y_prob))[0]
    return np.average(np.minimum(rows, 36.0), weights=sample_weight)


def binary_log_loss(y_true, y_prob, sample_weight=None):
    with np.errstate(divide="ignore"):
        logits = np.log(y_prob) - np.log1p(-y_prob)
    rows = losses.LogLoss(36.0).rows(y_true, np.clip(logits, -1e300, 1e300))
    return np.average(rows, weights=sample_weight)


def poisson_loss(y_true, y_pred, sample_weight=None):
    rows = losses.PoissonDeviance().rows(y_true[:, None], np.log(y_pred)[:, None])
    return np.average(rows, weights=sample_weight)


def base_optimizer(learning_rate):
    return Solver(optimizers.SGD(learning_rate))


def sgd_optimizer(params, learning_rate, lr_schedule):
    return Solver(optimizers.SGD(learning_rate), lr_schedule)


def pytest_configure(config):
    """Called where this file is a plugin: before the tests import the names."""
    assert fastnn.sklearn.MLPClassifier.__module__.startswith("fastnn.")
    sklearn.neural_network.MLPClassifier = fastnn.sklearn.MLPClassifier
    sklearn.neural_network.MLPRegressor = fastnn.sklearn.MLPRegressor
    for function in (log_loss, binary_log_loss, poisson_loss):
        setattr(_base, function.__name__, function)
    _stochastic_optimizers.BaseOptimizer = base_optimizer
    _stochastic_optimizers.SGDOptimizer = sgd_optimizer
