"""Estimators of one layer: logistic regression and the perceptron, trained as networks are."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from fastnn.sklearn.base import SPARSE
from fastnn.sklearn.classifier import BaseClassifier, Probabilities


class _Linear(BaseClassifier):
    """A classifier without a hidden layer (abstract). Its coefficients begin at 0."""

    # what a perceptron with hidden layers would be told
    hidden_layer_sizes = ()
    activation = "identity"
    batch_size = "auto"
    learning_rate = "constant"
    power_t = 0.5
    momentum = 0.9
    nesterovs_momentum = True
    early_stopping = False
    validation_fraction = 0.1
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8
    max_fun = 15000
    shuffle = True
    dropout = 0.0
    batch_norm = False
    callbacks = None

    @property
    def _uses_bias(self) -> bool:
        return bool(self.fit_intercept)

    def _draw(self, bound, shape, dtype):
        return np.zeros(shape, dtype)

    @property
    def coef_(self) -> np.ndarray:
        """(1, features), or (classes, features) for more than two."""
        return self.coefs_[0].T

    @property
    def intercept_(self) -> np.ndarray:
        """(1,) or (classes,); zeros without ``fit_intercept``."""
        return self.intercepts_[0] if self.intercepts_ else np.zeros(self.coefs_[0].shape[1])

    def decision_function(self, X):
        """Above 0 for the second class (n,); for more classes (n, classes), largest at its own."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=SPARSE, reset=False)
        sums = self._network_for(X).sums(X)
        return sums.ravel() if sums.shape[1] == 1 else sums


class LogisticRegression(Probabilities, _Linear):
    """One neuron with a sigmoid, or one a class with softmax: C sum log loss + sum w^2 / 2.

    The arguments are those of scikit-learn's estimator, and so is what it minimises; the way there
    is that of `MLPClassifier`: L-BFGS by default, or any ``solver`` that it takes, in epochs of
    batches, with ``partial_fit``.

    C : how much the data count against the penalty; infinity for none.

    >>> from fastnn.sklearn import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> model.predict([[0.5], [2.5]]).tolist(), model.coef_.shape
    ([0, 1], (1, 1))
    """

    loss = "log_loss"
    # scikit-learn's own: the gradient says when to stop, not what the loss still gains
    _lbfgs_options: ClassVar[dict] = {"ftol": 64 * np.finfo(float).eps, "maxls": 50}
    _parameter_constraints: ClassVar[dict] = {
        **BaseClassifier._parameter_constraints,
        "C": [Interval(Real, 0, None, closed="right")],
        "fit_intercept": ["boolean"],
    }

    def __init__(self, *, C=1.0, fit_intercept=True, class_weight=None, solver="lbfgs",
                 learning_rate_init=0.001, max_iter=100, tol=1e-4, n_iter_no_change=10,
                 random_state=None, warm_start=False, verbose=False):
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    @property
    def alpha(self) -> float:
        """The penalty's factor as the perceptrons have it."""
        return 1 / self.C

    def _penalty(self, share):
        return self.alpha * share  # once in an epoch, not once in each batch


class Perceptron(_Linear):
    """Rosenblatt's perceptron: each row on the wrong side moves the line by eta0 times itself.

    One line for two classes, else one for each class against the others. Training ends after
    ``n_iter_no_change`` passes that did not lower the mean of max(-t z, 0) by ``tol``, or after
    ``max_iter``. Arguments as in scikit-learn; the order of the rows is another one, and so are the
    lines between classes that many lines divide.

    >>> from fastnn.sklearn import Perceptron
    >>> model = Perceptron(random_state=0).fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1])
    >>> model.predict([[0, 0], [1, 1]]).tolist()
    [0, 1]
    """

    solver = "sgd"
    alpha = 0.0
    loss = "perceptron_loss"
    momentum = 0.0
    batch_size = 1
    _reduction = "sum"  # the weight of a row is how far it moves the line
    _parameter_constraints: ClassVar[dict] = {
        **BaseClassifier._parameter_constraints,
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "fit_intercept": ["boolean"],
        "verbose": ["verbose", Interval(Integral, 0, None, closed="left"), StrOptions({"bar"})],
    }

    def __init__(self, *, fit_intercept=True, max_iter=1000, tol=1e-3, shuffle=True, verbose=0,
                 eta0=1.0, random_state=None, n_iter_no_change=5, class_weight=None,
                 warm_start=False):
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.random_state = random_state
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start

    @property
    def learning_rate_init(self) -> float:
        """The step, as the perceptrons with hidden layers call it."""
        return self.eta0

    def _out_activation(self) -> str:
        return "identity"

    def predict(self, X):
        """The class of each row (n,): that of its largest sum."""
        sums = self.decision_function(X)
        places = sums.argmax(axis=1) if sums.ndim == 2 else sums > 0
        return self.classes_[np.minimum(places, len(self.classes_) - 1)]
