"""scikit-learn's own tests, from the installed package, with fastnn's estimators in their place."""

import os
import re
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

import fastnn
from fastnn import sklearn as ours

# name, which of its tests, how many there are
SUITES = [
    ("test_mlp", "", 59),
    ("test_base", "", 4),
    # the others look at arithmetic in NumPy that fastnn has as printed formulas
    ("test_stochastic_optimizers", "base_optimizer or trigger_stopping", 2),
]


def run(name, chosen, folder):
    """pytest's last line for one of scikit-learn's test modules, in a process of its own."""
    here = Path(__file__).parent
    path = [str(here), str(Path(fastnn.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "sklearn_upstream", "-p",
               "no:cacheprovider", "--pyargs", f"sklearn.neural_network.tests.{name}", "-k", chosen]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900,
                          env=os.environ | {"PYTHONPATH": os.pathsep.join(path)})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("name, chosen, count", SUITES, ids=[suite[0] for suite in SUITES])
def test_its_own_tests(name, chosen, count, tmp_path):
    last = run(name, chosen, tmp_path)
    assert "failed" not in last and "error" not in last
    assert int(re.search(r"(\d+) passed", last)[1]) >= count


# What cannot be asked of a network of any library, as scikit-learn's list has it for its own: steps
# on one row at a time depend on the order of the rows
ONE_BY_ONE = {"check_sample_weight_equivalence_on_dense_data",
              "check_sample_weight_equivalence_on_sparse_data"}
ESTIMATORS = [
    ours.MLPClassifier(max_iter=100), ours.MLPRegressor(max_iter=100),
    ours.MLPClassifier(max_iter=20, dropout=0.1, batch_norm=True, activation=["mish"]),
    ours.LogisticRegression(), ours.Perceptron(),
]


def checks():
    for estimator in ESTIMATORS:
        for _, check in estimator_checks_generator(estimator):
            name = getattr(check.func if isinstance(check, partial) else check, "__name__", "?")
            if isinstance(estimator, ours.Perceptron) and name in ONE_BY_ONE:
                continue
            if estimator.get_params().get("dropout") and name in NEEDS_ALL_SAMPLES:
                continue
            yield pytest.param(estimator, check, id=f"{type(estimator).__name__}-{name}")


# dropping and normalising see which rows are in a batch together
NEEDS_ALL_SAMPLES = ONE_BY_ONE


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator, check", list(checks()))
def test_checks_of_estimators(estimator, check):
    from unittest import SkipTest

    try:
        check(clone(estimator))
    except SkipTest as reason:
        pytest.skip(str(reason))


def test_there_are_all_checks():
    names = [parameters.id for parameters in checks()]
    assert sum(name.startswith("MLPClassifier") for name in names) > 2 * 70
    assert sum(name.startswith("MLPRegressor") for name in names) > 60


def test_a_wrong_estimator_fails():
    class Wrong(ours.MLPRegressor):
        def predict(self, X):
            return super().predict(X) + np.random.random()

    wrong = Wrong(max_iter=5)
    with pytest.raises(AssertionError):
        for _, check in estimator_checks_generator(wrong):
            if "idempotent" in str(check):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    check(clone(wrong))


def test_the_page_about_it():
    import doctest

    page = Path(fastnn.__file__).parents[1] / "docs" / "sklearn.md"
    results = doctest.testfile(str(page), module_relative=False)
    assert results.attempted > 10 and not results.failed
