"""fastnn.sklearn among scikit-learn's tools."""

import copy
import io
import pickle
import subprocess
import sys
import types
import warnings

import joblib
import numpy as np
import pytest
import sklearn
import sklearn.neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ScoringMonitor
from sklearn.ensemble import AdaBoostClassifier, BaggingRegressor, VotingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate, learning_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnn.sklearn import MLPClassifier, MLPRegressor, patch, patched, unpatch

rng = np.random.RandomState(1)
X = rng.normal(size=(150, 4))
Y = np.array(["no", "yes"])[(X[:, 0] + X[:, 1] > 0).astype(int)]
Z = X[:, 0] - 2 * X[:, 1]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning",
                                        "ignore:.*multi-threaded.*fork:DeprecationWarning")


def small(**settings):
    return MLPClassifier(**{"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 60,
                            "learning_rate_init": 0.02} | settings)


def test_pipeline_and_search():
    pipe = make_pipeline(StandardScaler(), small())
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [1e-4, 100.0],
                                 "mlpclassifier__activation": ["tanh", "mish"]}, cv=3)
    search.fit(X, Y)
    assert search.best_params_["mlpclassifier__alpha"] == 1e-4
    assert search.score(X, Y) > 0.9
    assert cross_val_score(pipe, X, Y, cv=3).mean() > 0.9
    assert cross_validate(MLPRegressor(hidden_layer_sizes=6, solver="lbfgs", random_state=0), X, Z,
                          cv=3)["test_score"].min() > 0.9


def test_ensembles_and_inspection():
    assert CalibratedClassifierCV(small(), cv=3).fit(X, Y).predict_proba(X).shape == (150, 2)
    assert VotingClassifier([("a", small()), ("b", small(alpha=1.0))]).fit(X, Y).score(X, Y) > 0.9
    assert AdaBoostClassifier(small(max_iter=20), n_estimators=2).fit(X, Y).score(X, Y) > 0.8
    assert OneVsRestClassifier(small()).fit(X, np.where(X[:, 2] > 1, "z", Y)).score(X, Y) > 0.5
    bags = BaggingRegressor(MLPRegressor(hidden_layer_sizes=4, solver="lbfgs"), 3, random_state=0)
    assert bags.fit(X, Z).score(X, Z) > 0.9
    model = small().fit(X, Y)
    importance = permutation_importance(model, X, Y, random_state=0).importances_mean
    assert set(importance.argsort()[-2:]) == {0, 1}
    assert learning_curve(small(), X, Y, cv=3)[1].shape == (5, 3)


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing", "sequential"])
def test_joblib(backend):
    expected = cross_val_score(small(), X, Y, cv=3)
    with joblib.parallel_config(backend=backend, n_jobs=1 if backend == "sequential" else 2), \
            warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(cross_val_score(small(), X, Y, cv=3), expected)
        fitted = small().fit(X, Y)
        parts = joblib.Parallel()(joblib.delayed(fitted.predict)(X[i::3]) for i in range(3))
    for i, part in enumerate(parts):
        np.testing.assert_array_equal(part, fitted.predict(X[i::3]))


@pytest.mark.parametrize("again", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy,
                                   copy.copy, clone], ids=["pickle", "deepcopy", "copy", "clone"])
def test_copies(again):
    model = small(solver="adam", dropout=0.2, batch_norm=True)
    for _ in range(3):
        model.partial_fit(X, Y, classes=["no", "yes"])
    before = model.predict_proba(X)
    other = again(model)
    if again is clone:
        with pytest.raises(NotFittedError):
            other.predict(X)
        return
    np.testing.assert_array_equal(other.predict_proba(X), before)
    if again is copy.copy:  # it shares the arrays' numbers only
        other.partial_fit(X, Y)
        np.testing.assert_array_equal(model.predict_proba(X), before)
        return
    other.partial_fit(X, Y), model.partial_fit(X, Y)  # momentum, moments, masks and order go on
    for a, b in zip(model.coefs_ + model.norms_, other.coefs_ + other.norms_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_joblib_file_mapped_into_memory(tmp_path):
    model = small().fit(X, Y)
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    np.testing.assert_array_equal(mapped.predict(X), model.predict(X))
    mapped.partial_fit(X, Y)


def test_arrays_put_in_by_hand():
    model = small(activation="identity").fit(X, Y)
    model.coefs_[0][:] = 0  # in place
    model.coefs_[1] = np.zeros((6, 1))  # or another one
    model.intercepts_ = [np.zeros(6), np.array([np.log(3.0)])]
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 0.75)


def test_set_output():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = small().set_output(transform="pandas").fit(frame, Y)
    hidden = model.transform(frame)
    assert list(hidden.columns) == [f"mlpclassifier{i}" for i in range(6)]
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        weights = rng.choice([0.0, 1.0], 150)
        model = small().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        found = cross_validate(make_pipeline(scaler, model), X, Y, cv=3,
                               params={"sample_weight": weights})
        assert found["test_score"].min() > 0.8
        with pytest.raises(ValueError, match="sample_weight"):
            cross_validate(small(), X, Y, cv=3, params={"sample_weight": weights},
                           error_score="raise")


class Record:
    """A callback of scikit-learn's protocol that stops after ``most`` tasks."""

    def __init__(self, most=1000):
        self.most, self.names, self.ends, self.scores = most, [], 0, []

    def setup(self, estimator, context):
        self.names.append("setup")

    def teardown(self, estimator, context):
        self.names.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.names.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.ends += 1
        if fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(X, y))
        return self.ends >= self.most


@pytest.mark.parametrize("solver, name", [("adam", "epoch"), ("lbfgs", "iteration")])
def test_callbacks_of_scikit_learn(solver, name):
    record = Record()
    model = small(solver=solver, max_iter=12, tol=1e-9).set_callbacks(record).fit(X, Y)
    plain = small(solver=solver, max_iter=12, tol=1e-9).fit(X, Y)
    assert record.names[:3] == ["setup", "fit", name] and record.names[-1] == "teardown"
    assert record.names.count(name) - model.n_iter_ in (0, 1)
    assert record.scores[-1] == model.score(X, Y)
    assert model.n_iter_ == plain.n_iter_
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    stopped = small(solver=solver, max_iter=12).set_callbacks(Record(5)).fit(X, Y)
    assert stopped.n_iter_ == 5
    assert not hasattr(model, "_callback_fit_ctx")


def test_scoring_monitor():
    monitor = ScoringMonitor(scoring="accuracy")
    model = small(max_iter=7).set_callbacks(monitor).fit(X, Y)
    scores = [entry for run in monitor.get_logs(select="all") for entry in run.data]
    assert len(scores) >= 7
    with pytest.raises(TypeError, match="FitCallback"):
        model.set_callbacks(lambda: None)


def test_patching():
    theirs = sklearn.neural_network.MLPClassifier
    module = types.ModuleType("somebody")
    module.MLPClassifier, module.Named = theirs, sklearn.neural_network.MLPRegressor
    sys.modules["somebody"] = module
    fitted = theirs((3,), max_iter=2).fit(X, Y)
    try:
        patch()
        from sklearn.neural_network import MLPClassifier as imported
        assert imported is module.MLPClassifier is MLPClassifier
        assert module.Named is MLPRegressor
        assert fitted.predict(X).shape == (150,)  # it goes on as it is
        assert pickle.loads(pickle.dumps(fitted)).score(X, Y) == fitted.score(X, Y)
        patch()  # twice is as once
    finally:
        unpatch()
    assert sklearn.neural_network.MLPClassifier is module.MLPClassifier is theirs
    assert module.Named is sklearn.neural_network.MLPRegressor is not MLPRegressor
    with patched():
        assert sklearn.neural_network.MLPClassifier is MLPClassifier
    assert sklearn.neural_network.MLPClassifier is theirs
    import fastnn.sklearn
    assert fastnn.sklearn.MLPClassifier is MLPClassifier
    del sys.modules["somebody"]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_fastnn_alone_does_not_import_it():
    done = run("import sys, fastnn, fastnn.models; assert 'sklearn' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_without_scikit_learn():
    done = run("import sys; sys.modules['sklearn'] = None; import fastnn.sklearn")
    assert 'pip install "fastnn[sklearn]"' in done.stderr.splitlines()[-1]


def test_interrupted(monkeypatch):
    import signal

    from fastnn.sklearn.stochastic import Run

    after = Run._after_epoch

    def interrupting(self, loss):
        after(self, loss)
        if self.est.n_iter_ == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Run, "_after_epoch", interrupting)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = small(verbose="bar").fit(X, Y)
    assert model.n_iter_ == 3
    assert model.predict(X).shape == (150,)


def test_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    small(verbose="bar", max_iter=2, early_stopping=True).fit(X, Y)
    text = sys.stdout.getvalue()
    assert "Epoch 2/2" in text and "1/1 ━" in text and "val_score" in text


def test_a_convergence_warning_names_the_caller():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        small(max_iter=2).fit(X, Y)
    assert caught[0].category is ConvergenceWarning
