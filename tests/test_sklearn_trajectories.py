"""fastnn.sklearn against the installed scikit-learn: the same draws, losses and weights."""

import warnings
from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.neural_network as theirs
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from fastnn import sklearn as ours

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
rng = np.random.RandomState(0)
X = rng.normal(size=(330, 7))  # 200 and then 130 rows a batch
LABELS = np.array(["a", "b", "c"])[(X[:, :3] + 0.3 * rng.normal(size=(330, 3))).argmax(axis=1)]
BINARY = (X[:, 0] * X[:, 1] > 0).astype(int)
MULTI = (X[:, :4] > 0.2).astype(int)
NUMBERS = X[:, 0] ** 2 + np.sin(2 * X[:, 1])
NUMBERS_2 = np.column_stack([NUMBERS, X[:, 2] - X[:, 3]])
COUNTS = rng.poisson(np.exp(0.4 * X[:, 0]))
WEIGHTS = rng.choice([0.0, 0.5, 1.0, 3.0], 330)

TASKS = {
    "classes": ("MLPClassifier", LABELS, {}), "two classes": ("MLPClassifier", BINARY, {}),
    "labels": ("MLPClassifier", MULTI, {}), "numbers": ("MLPRegressor", NUMBERS, {}),
    "two numbers": ("MLPRegressor", NUMBERS_2, {}),
    "counts": ("MLPRegressor", COUNTS, {"loss": "poisson"}),
}


def both(kind, **settings):
    settings = {"random_state": 3, "max_iter": 50, "hidden_layer_sizes": (9, 5)} | settings
    return getattr(theirs, kind)(**settings), getattr(ours, kind)(**settings)


def check(one, two, rtol=1e-6):
    """Everything that a fit leaves behind is the same."""
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(one, name) == getattr(two, name), name
    for name in ("loss_", "best_loss_", "loss_curve_", "validation_scores_",
                 "best_validation_score_"):
        a, b = getattr(one, name, "absent"), getattr(two, name, "absent")
        if a is None or isinstance(a, str):
            assert a is b or a == b, name
        else:
            np.testing.assert_allclose(b, a, rtol=rtol, atol=1e-9, err_msg=name)
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(one, name), getattr(two, name), strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol, err_msg=name)
    for name in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(one, name):
            with np.errstate(divide="ignore"):  # the logarithm of a probability of 0
                a, b = (getattr(model, name)(X) for model in (one, two))
            assert a.dtype == b.dtype and a.shape == b.shape
            if a.dtype.kind == "f":
                np.testing.assert_allclose(b, a, rtol=10 * rtol, atol=rtol, err_msg=name)
            else:
                np.testing.assert_array_equal(b, a, err_msg=name)


@pytest.fixture(autouse=True)
def no_convergence_asked():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.mark.parametrize("solver, activation",
                         list(product(("sgd", "adam", "lbfgs"), ACTIVATIONS)))
@pytest.mark.parametrize("task", TASKS)
def test_same_steps(task, solver, activation):
    kind, y, settings = TASKS[task]
    one, two = both(kind, solver=solver, activation=activation, **settings)
    if solver == "lbfgs":  # whose line searches blow rounding up
        one.set_params(max_iter=20), two.set_params(max_iter=20)
    check(one.fit(X, y), two.fit(X, y))


@pytest.mark.parametrize("task", TASKS)
def test_same_losses_of_50_iterations_of_lbfgs(task):
    kind, y, settings = TASKS[task]
    for activation in ACTIVATIONS:
        one, two = both(kind, solver="lbfgs", activation=activation, **settings)
        one.fit(X, y), two.fit(X, y)
        assert one.n_iter_ == two.n_iter_
        assert two.loss_ == pytest.approx(one.loss_, rel=1e-4, abs=1e-7)


SETTINGS = {
    "batches": {"batch_size": 32}, "one row": {"batch_size": 1, "max_iter": 3},
    "clipped": {"batch_size": 1000}, "in order": {"shuffle": False},
    "penalty": {"alpha": 3.0}, "no penalty": {"alpha": 0.0},
    "no momentum": {"momentum": 0.0}, "plain momentum": {"nesterovs_momentum": False},
    "invscaling": {"learning_rate": "invscaling", "learning_rate_init": 0.3, "power_t": 0.3},
    "adaptive": {"learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 1e-2,
                 "max_iter": 300, "n_iter_no_change": 3},
    "tolerance": {"tol": 0.02, "n_iter_no_change": 4, "max_iter": 300},
    "never": {"n_iter_no_change": np.inf, "tol": 10.0},
    "early stopping": {"early_stopping": True, "max_iter": 80, "n_iter_no_change": 5},
    "one layer": {"hidden_layer_sizes": 6}, "no layer": {"hidden_layer_sizes": ()},
    "large steps": {"learning_rate_init": 0.5, "max_iter": 15},
}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("task", ["classes", "labels", "two numbers"])
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.filterwarnings("ignore:Got `batch_size`", "ignore:overflow", "ignore:invalid value")
def test_same_settings(name, task, solver):
    kind, y, settings = TASKS[task]
    one, two = both(kind, solver=solver, **settings, **SETTINGS[name])
    check(one.fit(X, y), two.fit(X, y))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("task", TASKS)
def test_same_with_weights(task, solver):
    kind, y, settings = TASKS[task]
    for extra in ({}, {"early_stopping": True}):
        one, two = both(kind, solver=solver, max_iter=12, **settings, **extra)
        check(one.fit(X, y, WEIGHTS), two.fit(X, y, WEIGHTS))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_matrix])
def test_same_with_sparse_rows(container, solver):
    some = container(np.where(np.abs(X) > 1, X, 0.0))
    for kind, y in (("MLPClassifier", LABELS), ("MLPRegressor", NUMBERS)):
        for extra in ({}, {"early_stopping": True}):
            one, two = both(kind, solver=solver, max_iter=15, **extra)
            one.fit(some, y), two.fit(some, y)
            check(one, two)
            np.testing.assert_array_equal(one.predict(some) == y, two.predict(some) == y)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_same_partial_fits(solver):
    one, two = both("MLPClassifier", solver=solver, learning_rate="invscaling")
    for part in (slice(0, 90), slice(90, 200), slice(200, 330)):
        one.partial_fit(X[part], LABELS[part], classes=["a", "b", "c", "d"])
        two.partial_fit(X[part], LABELS[part], WEIGHTS[part] * 0 + 1, classes=["a", "b", "c", "d"])
    check(one, two)
    for model in (one, two):  # after a fit it goes on from there
        model.fit(X, LABELS)
        model.partial_fit(X[:50], LABELS[:50])
    check(one, two)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_same_warm_starts(solver, early_stopping):
    one, two = both("MLPRegressor", solver=solver, warm_start=True, max_iter=8,
                    early_stopping=early_stopping)
    for _ in range(3):
        one.fit(X, NUMBERS), two.fit(X, NUMBERS)
        check(one, two)


def test_a_second_fit_that_only_gets_worse():
    """scikit-learn's best weights are then the ones that it trains on: they have moved as well."""
    one, two = both("MLPClassifier", warm_start=True, max_iter=40, early_stopping=True,
                    learning_rate_init=0.02)
    for settings in ({}, {"learning_rate_init": 3.0, "max_iter": 3}):
        for model in (one, two):
            model.set_params(**settings).fit(X, LABELS)
        check(one, two)
    assert one.best_validation_score_ > one.score(X, LABELS)


def test_same_state_of_the_random_numbers():
    states = [np.random.RandomState(5) for _ in range(2)]
    for state, module in zip(states, (theirs, ours), strict=True):
        module.MLPClassifier((3,), random_state=state, max_iter=300, tol=0.05,
                             n_iter_no_change=2).fit(X, LABELS)
    np.testing.assert_array_equal(states[0].get_state()[1], states[1].get_state()[1])
    assert states[0].get_state()[2] == states[1].get_state()[2]


def test_same_where_probabilities_are_clipped():
    far = X * 300
    for y in (LABELS, BINARY, MULTI):
        one, two = both("MLPClassifier", solver="sgd", activation="identity",
                        learning_rate_init=1e-6, max_iter=5)
        one.fit(far, y), two.fit(far, y)
        assert one.loss_ > 5  # some rows are as wrong as can be
        # of probabilities near 1, scikit-learn's 1 - p has lost its last digits
        np.testing.assert_allclose(two.loss_curve_, one.loss_curve_,
                                   rtol=1e-9 if y is LABELS else 1e-4)


def test_float32():
    images, digits = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    for solver in ("sgd", "adam", "lbfgs"):
        one, two = both("MLPClassifier", solver=solver, max_iter=10)
        one.fit(images, digits), two.fit(images, digits)
        np.testing.assert_allclose(two.loss_, one.loss_, rtol=1e-4 if solver != "lbfgs" else 0.05)
        for rows in (images, images.astype(np.float64)):
            a, b = one.predict_proba(rows), two.predict_proba(rows)
            assert a.dtype == b.dtype
        assert one.coefs_[0].dtype == two.coefs_[0].dtype


def test_same_words(capsys):
    for settings in ({"tol": 0.5, "max_iter": 300}, {"learning_rate": "adaptive", "tol": 0.5},
                     {"early_stopping": True, "tol": 0.5, "max_iter": 300}):
        printed = []
        for model in both("MLPClassifier", solver="sgd", verbose=True, **settings):
            model.fit(X, LABELS)
            printed.append(capsys.readouterr().out)
        assert printed[0] == printed[1]
        assert "Stopping." in printed[0] or "Setting learning rate" in printed[0]


def message(kind, model, *arguments, method="fit", **named):
    with pytest.raises(kind) as error:
        getattr(model, method)(*arguments, **named)
    return str(error.value)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_same_errors():
    def same(kind, *arguments, method="fit", error=ValueError, before=(), **settings):
        found = []
        for model in both(kind, **settings):
            if before:
                model.fit(*before)
            found.append(message(error, model, *arguments, method=method))
        assert found[0] == found[1]

    same("MLPClassifier", X, LABELS, hidden_layer_sizes=(3, 0))
    same("MLPClassifier", X, LABELS, alpha=-1.0)
    same("MLPClassifier", X, LABELS[:-1])
    same("MLPClassifier", X[:4], LABELS[:4], early_stopping=True)
    same("MLPRegressor", X[:5], NUMBERS[:5], early_stopping=True)
    same("MLPClassifier", X, LABELS, method="partial_fit")
    same("MLPClassifier", X[:, :3], method="predict", before=(X, LABELS))
    same("MLPClassifier", X, np.where(LABELS == "a", "z", LABELS), before=(X, LABELS),
         warm_start=True)
    same("MLPClassifier", X, np.where(LABELS == "a", "z", LABELS), before=(X, LABELS),
         method="partial_fit")
    same("MLPRegressor", X, NUMBERS, method="partial_fit", early_stopping=True)
    same("MLPRegressor", X * 1e300, NUMBERS, learning_rate_init=1e10, max_iter=2)
    same("MLPRegressor", X, NUMBERS, np.arange(330) == 7.0, batch_size=32, error=ZeroDivisionError)


def test_same_warnings():
    for settings, y in (({"max_iter": 2}, LABELS), ({"batch_size": 999, "max_iter": 1}, LABELS),
                        ({"solver": "lbfgs", "max_iter": 2}, LABELS)):
        said = []
        for model in both("MLPClassifier", **settings):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(X, y)
            said.append([(w.category, str(w.message)) for w in caught])
        assert said[0] and said[0] == said[1]


def test_lbfgs_in_parts_of_the_rows(monkeypatch):
    monkeypatch.setattr("fastnn.sklearn.objective.ROWS", 100)
    one, two = both("MLPClassifier", solver="lbfgs", max_iter=10)
    check(one.fit(X, LABELS, WEIGHTS), two.fit(X, LABELS, WEIGHTS))
