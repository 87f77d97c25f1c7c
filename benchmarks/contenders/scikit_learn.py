"""scikit-learn's MLPClassifier and MLPRegressor.

Where its rules allow it, the sums are the same: no L2, no momentum, Keras's epsilon; its squared
error sums over the outputs and is halved, so its gradient is m / 2 times that of the mean over m
outputs, which the learning rate (SGD) or the epsilon (Adam) makes up for. It computes no accuracy
while it trains. Each call of ``fit`` starts a new optimizer, with the weights it has.
"""

from __future__ import annotations

import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

RATES = {"adam": 0.001, "rmsprop": 0.001, "sgd": 0.01}


def names() -> dict[str, str]:
    return {"scikit-learn": "`fit` with `warm_start`; computes no accuracy while it trains"}


def versions() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__}


class Run:
    """An estimator with the task's weights in place of its own."""

    def __init__(self, name, task, shuffle=True):
        workload = task.workload
        self.task, self.other_mathematics = task, _other_mathematics(workload)
        regression = workload.target == "numbers"
        scale = workload.widths[-1] / 2 if regression else 1  # of its gradient, against Keras's
        rate = RATES[workload.optimizer]
        settings = {"solver": "sgd", "learning_rate_init": rate / scale, "momentum": 0}
        if workload.optimizer != "sgd":
            settings = {"solver": "adam", "learning_rate_init": rate, "epsilon": 1e-7 * scale}
        if workload.optimizer == "rmsprop":
            settings |= {"beta_1": 0, "beta_2": 0.9}
        self.estimator = (MLPRegressor if regression else MLPClassifier)(
            hidden_layer_sizes=workload.widths[1:-1],
            activation={"sigmoid": "logistic"}.get(workload.hidden, workload.hidden),
            batch_size=min(workload.batch, len(task.X)), alpha=0, shuffle=shuffle,
            random_state=1, warm_start=True, tol=0, n_iter_no_change=np.inf,
            **settings)
        self.X = task.X
        # one column as it wants it; a table of zeros and ones is a multilabel problem to it
        self.T = task.T.ravel() if workload.widths[-1] == 1 else task.T
        if workload.target == "one-hot":
            self.T = task.T.astype(int)
        self.shown = 2 if regression else 1  # it shows half the mean squared error
        self._set_weights()

    def _set_weights(self):
        """Let it make its arrays from one epoch of all rows, and put the task's weights there."""
        self.fit(1)
        for own, given in zip(self.estimator.coefs_, self.task.weights[::2], strict=True):
            own[...] = given
        for own, given in zip(self.estimator.intercepts_, self.task.weights[1::2], strict=True):
            own[...] = given

    def fit(self, epochs):
        self.estimator.set_params(max_iter=epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.estimator.fit(self.X, self.T)
        return [self.shown * float(loss) for loss in self.estimator.loss_curve_[-epochs:]]

    def predict(self, X):
        if self.task.workload.target == "numbers":
            return self.estimator.predict(X).reshape(len(X), -1)
        outputs = self.estimator.predict_proba(X)
        return outputs[:, 1:] if self.task.workload.target == "binary" else outputs


def _other_mathematics(workload) -> str:
    if workload.optimizer == "rmsprop":
        return ("it has no RMSprop; Adam with beta_1 = 0 and beta_2 = 0.9 takes its place, which "
                "adds a correction of the bias")
    if workload.loss == "mse" and workload.output == "sigmoid":
        return "sigmoid outputs are trained on the log loss only, not on the squared error"
    return ""
