"""Fitted estimators of scikit-learn's, made into models."""

from __future__ import annotations

import numpy as np

from fastnn import layers
from fastnn.models import Sequential

_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu",
                "softmax": "softmax"}
_REGRESSORS = ("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet",
               "ElasticNetCV", "SGDRegressor", "HuberRegressor", "LinearSVR")
_LOGISTIC = ("LogisticRegression", "LogisticRegressionCV")
_MARGINS = ("Perceptron", "LinearSVC", "RidgeClassifier", "SGDClassifier")


def from_sklearn(estimator, dtype=None):
    """A Sequential that computes what a fitted estimator of scikit-learn's does.

    estimator : an MLPClassifier or MLPRegressor, a linear regressor, LogisticRegression, a linear
        classifier (the model gives what its ``decision_function`` does), or a Pipeline of
        StandardScaler, MinMaxScaler and one of these.
    dtype : by default that of the estimator's numbers.

    The model of a classifier gives probabilities; its classes are in
    ``model.metadata["classes"]``, in the order of the outputs; a single output is the probability
    of the second. Raises ValueError for what fastnn has no equal for, or what is not fitted.
    """
    steps = [step for _, step in getattr(estimator, "steps", [(None, estimator)])
             if step not in (None, "passthrough")]
    made = [pair for step in steps for pair in _layers(step)]
    width = steps[0].n_features_in_
    dtype = dtype or np.result_type(*[array for _, arrays in made for array in arrays]).name
    model = Sequential([layer for layer, _ in made], dtype=dtype)
    if not model.built:
        model.build((None, width))
    for layer, arrays in made:
        if arrays:
            layer.set_weights(arrays)
    classes = getattr(steps[-1], "classes_", None)
    if classes is not None and not isinstance(classes, list):
        model.metadata = {"classes": np.asarray(classes).tolist()}
    return model


def _layers(step) -> list:
    """[(layer, its arrays)] for one estimator."""
    name = type(step).__name__
    if not hasattr(step, "n_features_in_"):
        raise ValueError(f"The {name} is not fitted yet.")
    if name in ("MLPClassifier", "MLPRegressor"):
        return _network(step)
    if name == "StandardScaler":
        return [(_scaler(step), [])]
    if name == "MinMaxScaler":
        return [(_min_max(step), [])]
    if name in _REGRESSORS + _MARGINS:
        return [_dense(step.coef_, step.intercept_, "linear")]
    if name in _LOGISTIC:
        return [_logistic(step)]
    raise ValueError(f"fastnn has no model like scikit-learn's {name}.")


def _network(step) -> list:
    names = [step.activation] * (len(step.coefs_) - 1) + [step.out_activation_]
    for name in names:
        if name not in _ACTIVATIONS:
            raise ValueError(f"fastnn has no activation like {name!r} of scikit-learn's networks.")
    return [_dense(W.T, b, _ACTIVATIONS[name]) for W, b, name in
            zip(step.coefs_, step.intercepts_, names, strict=True)]


def _dense(coefficients, intercept, activation: str):
    """A Dense layer and its arrays; coefficients (outputs, inputs) or (inputs,)."""
    kernel = np.atleast_2d(coefficients).T
    bias = np.broadcast_to(np.ravel(intercept), kernel.shape[1:])
    layer = layers.Dense(kernel.shape[1], activation, input_dim=kernel.shape[0])
    return layer, [kernel, bias.astype(kernel.dtype)]


def _logistic(step):
    several = len(step.classes_) > 2
    if several and getattr(step, "multi_class", None) == "ovr":
        raise ValueError("fastnn's LogisticRegression of several classes is a softmax; the "
                         "estimator has multi_class='ovr'.")
    return _dense(step.coef_, step.intercept_, "softmax" if several else "sigmoid")


def _scaler(step):
    """(x - mean) / scale as x / scale - mean / scale."""
    n = step.n_features_in_
    mean = step.mean_ if step.with_mean else np.zeros(n)
    scale = step.scale_ if step.with_std else np.ones(n)
    return layers.Rescaling((1 / scale).tolist(), (-mean / scale).tolist(), input_dim=n)


def _min_max(step):
    if step.clip:
        raise ValueError("fastnn's Rescaling does not clip; the scaler has clip=True.")
    return layers.Rescaling(step.scale_.tolist(), step.min_.tolist(), input_dim=step.n_features_in_)
