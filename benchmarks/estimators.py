"""fastnn.sklearn against scikit-learn: seconds of ``fit`` and ``predict``, as a Markdown table.

    python benchmarks/estimators.py [rounds]

One thread each, the same arguments and random numbers; the two take turns, and the last column is
the median of the rounds' ratios. A line whose losses differ by more than 1e-6 is an error.
"""

import sys
import warnings
from statistics import median
from time import perf_counter

import numpy as np
import sklearn.neural_network as theirs
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from fastnn import config
from fastnn import sklearn as ours

rng = np.random.RandomState(0)
DIGITS, NUMBERS = load_digits(return_X_y=True)
DIGITS = DIGITS / 16
TABLE = rng.normal(size=(1000, 20))
KIND, VALUE = (TABLE[:, 0] * TABLE[:, 1] > 0).astype(int), TABLE[:, 0] + np.sin(TABLE[:, 1])
XOR, ODD = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
LARGE = rng.normal(size=(20000, 50))
LARGE_KIND = (LARGE[:, :2].sum(axis=1) > 0).astype(int)

CASES = [  # what, class, arguments, X, y
    ("digits, 1,797 x 64, default network, 20 epochs", "MLPClassifier", {"max_iter": 20},
     DIGITS, NUMBERS),
    ("digits, batches of 32, 10 epochs", "MLPClassifier", {"max_iter": 10, "batch_size": 32},
     DIGITS, NUMBERS),
    ("digits, sgd, 20 epochs", "MLPClassifier", {"max_iter": 20, "solver": "sgd"},
     DIGITS, NUMBERS),
    ("digits, early stopping, 20 epochs", "MLPClassifier",
     {"max_iter": 20, "early_stopping": True, "n_iter_no_change": 50}, DIGITS, NUMBERS),
    ("digits, (16,) tanh, 50 epochs", "MLPClassifier",
     {"max_iter": 50, "hidden_layer_sizes": 16, "activation": "tanh"}, DIGITS, NUMBERS),
    ("table, 1,000 x 20, default network, 100 epochs", "MLPClassifier", {"max_iter": 100},
     TABLE, KIND),
    ("table, numbers, 100 epochs", "MLPRegressor", {"max_iter": 100}, TABLE, VALUE),
    ("table, (10,), batches of 10, 10 epochs", "MLPClassifier",
     {"max_iter": 10, "batch_size": 10, "hidden_layer_sizes": 10}, TABLE, KIND),
    ("table, lbfgs, (50,) logistic", "MLPClassifier",
     {"solver": "lbfgs", "hidden_layer_sizes": 50, "activation": "logistic", "max_iter": 60},
     TABLE, KIND),
    ("100 x 4, (8,), to the end", "MLPClassifier",
     {"hidden_layer_sizes": 8, "max_iter": 1000}, TABLE[:100, :4], KIND[:100]),
    ("XOR, (4,), 1,000 epochs", "MLPClassifier",
     {"hidden_layer_sizes": 4, "max_iter": 1000, "n_iter_no_change": 1000}, XOR, ODD),
    ("one row at a time, 1,000 x 20, (10,), 2 epochs", "MLPClassifier",
     {"max_iter": 2, "batch_size": 1, "hidden_layer_sizes": 10}, TABLE, KIND),
    ("20,000 x 50, (100, 50), 3 epochs", "MLPClassifier",
     {"max_iter": 3, "hidden_layer_sizes": (100, 50)}, LARGE, LARGE_KIND),
]


def fit(module, kind, settings, X, y):
    """A fitted estimator, and how long that took."""
    model = getattr(module, kind)(random_state=0, **settings)
    start = perf_counter()
    model.fit(X, y)
    return model, perf_counter() - start


def line(what, rounds, *case):
    """A row of the table: the medians of seconds, and of their ratios."""
    pairs = []
    for _ in range(rounds + 1):
        (one, slow), (two, fast) = (fit(module, *case) for module in (theirs, ours))
        pairs.append((slow, fast))
    if abs(one.loss_ - two.loss_) > 1e-6 * abs(one.loss_):
        sys.exit(f"{what}: scikit-learn's loss is {one.loss_}, fastnn's {two.loss_}")
    pairs = pairs[1:]  # the first round has imports and caches in it
    slow, fast = (median(column) for column in zip(*pairs, strict=True))
    ratio = median(slow / fast for slow, fast in pairs)
    return f"| {what} | {1e3 * slow:,.1f} | {1e3 * fast:,.1f} | {ratio:.1f} |"


def main(rounds=7):
    warnings.simplefilter("ignore")
    print("| `fit` | scikit-learn, ms | fastnn, ms | times faster |")
    print("| --- | ---: | ---: | ---: |")
    config.set_num_threads(1)
    with threadpool_limits(1):
        for what, *case in CASES:
            print(line(what, rounds, *case), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
