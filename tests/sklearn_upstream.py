"""A plugin for pytest: scikit-learn's own tests see fastnn's estimators and losses.

    python -m pytest -p sklearn_upstream --pyargs sklearn.neural_network.tests.test_mlp
"""

import sklearn.neural_network

from fastnn import sklearn as ours

sklearn.neural_network.MLPClassifier = ours.MLPClassifier
sklearn.neural_network.MLPRegressor = ours.MLPRegressor
