"""scikit-learn's neural networks on fastnn's compiled core: the same arguments, draws and results.

>>> from sklearn.datasets import load_digits
>>> from fastnn.sklearn import MLPClassifier
>>> X, y = load_digits(return_X_y=True)
>>> model = MLPClassifier((32,), early_stopping=True, learning_rate_init=0.01, random_state=0)
>>> model = model.fit(X / 16, y)
>>> model.score(X / 16, y) > 0.95
True

Beyond scikit-learn: ``class_weight``, ``dropout``, ``batch_norm``, an activation for each layer,
every loss, optimizer and schedule of fastnn, ``validation_data`` in ``fit``, ``callbacks``,
``transform`` (the last hidden layer) and ``input_gradients``. `patch` puts the estimators in
scikit-learn's place.
"""

from __future__ import annotations

try:
    import sklearn as _scikit_learn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "fastnn.sklearn needs scikit-learn. Install it with: pip install \"fastnn[sklearn]\""
    ) from error

from fastnn.sklearn.classifier import MLPClassifier
from fastnn.sklearn.linear import LogisticRegression, Perceptron
from fastnn.sklearn.patching import patch, patched, unpatch
from fastnn.sklearn.regressor import MLPRegressor

__all__ = ["LogisticRegression", "MLPClassifier", "MLPRegressor", "Perceptron", "patch", "patched",
           "unpatch"]
