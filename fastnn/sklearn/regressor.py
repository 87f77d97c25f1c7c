"""MLPRegressor: scikit-learn's, on fastnn's compiled core."""

from __future__ import annotations

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from fastnn.sklearn.base import FLOATS, SPARSE, BasePerceptron, HiddenLayers


class MLPRegressor(HiddenLayers, RegressorMixin, BasePerceptron):
    """A multi-layer perceptron for numbers, with scikit-learn's arguments and results.

    The arguments up to ``max_fun`` mean what they mean in ``sklearn.neural_network.MLPRegressor``,
    and the same ``random_state`` gives the same weights after every step, up to rounding. ``loss``
    is "squared_error", "poisson" or one of fastnn's; for what else there is more of, see
    `MLPClassifier`.

    >>> from fastnn.sklearn import MLPRegressor
    >>> X = [[i / 20] for i in range(40)]
    >>> model = MLPRegressor(hidden_layer_sizes=8, activation="tanh", solver="lbfgs",
    ...                      random_state=0)
    >>> model.fit(X, [x * x for (x,) in X]).score(X, [x * x for (x,) in X]) > 0.99
    True
    """

    def __init__(self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *,
                 solver="adam", alpha=0.0001, batch_size="auto", learning_rate="constant",
                 learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
                 random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9,
                 nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1,
                 beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
                 dropout=0.0, batch_norm=False, callbacks=None):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.callbacks = callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, validation_data=None):
        """Train on the rows X (n, k), dense or sparse, and their numbers y (n,) or (n, m).

        validation_data : (X, y) or (X, y, sample_weight), whose loss after each epoch goes into
            ``validation_loss_curve_``, and whose score ``early_stopping`` then watches.
        """
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    @available_if(lambda est: est._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """One epoch more."""
        return self._fit(X, y, sample_weight, incremental=True)

    def _validate_input(self, X, y, incremental, reset):
        X, y = validate_data(self, X, y, accept_sparse=SPARSE, multi_output=True, y_numeric=True,
                             dtype=FLOATS, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y, y

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _score_of(self, outputs, targets, sample_weight):
        """R^2; NaN where an output is."""
        if not np.isfinite(outputs).all():
            return np.nan
        return _r2(np.asarray(targets, np.float64), outputs, sample_weight)

    def predict(self, X):
        """The numbers expected of each row, (n,) or (n, m)."""
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs


def _r2(T, Y, weights) -> float:
    """The mean over the outputs of 1 - sum (t - y)^2 / sum (t - mean t)^2.

    As ``sklearn.metrics.r2_score`` has it, of which checking the arguments takes longer than an
    epoch of few rows: where all targets of an output are equal it is 1 for no error, or else 0.
    """
    w = np.ones(len(T)) if weights is None else weights
    rest = w @ (T - Y) ** 2
    spread = w @ (T - np.average(T, axis=0, weights=w)) ** 2
    shares = np.divide(rest, spread, out=(rest != 0).astype(float), where=spread != 0)
    return float(np.mean(1 - shares))
