"""Every metric says what Keras and scikit-learn say, alone and inside training."""

import importlib.util
import json
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import plans
import pytest

import fastnn
from fastnn import Input, Sequential, losses, metrics, registry
from fastnn.layers import Dense

GOLDEN = Path(__file__).parent / "golden"


def _cases():
    spec = importlib.util.spec_from_file_location("make_metrics", GOLDEN / "make_metrics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GIVEN = _cases()
KERAS = json.loads((GOLDEN / "metrics.json").read_text())
SKLEARN = json.loads((GOLDEN / "metrics_sklearn.json").read_text())


# numbers of others


@pytest.mark.parametrize("name", GIVEN.CASES)
def test_a_metric_says_what_keras_says(name):
    make, sets = GIVEN.CASES[name]
    for key, batches in sets.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of constant rows: NaN, as in Keras
            found = GIVEN.results(make(fastnn), batches)
        for got, wanted in zip(found, KERAS[name][key], strict=True):
            np.testing.assert_allclose(got, wanted, rtol=3e-5, atol=3e-6, err_msg=key)


def test_every_metric_has_a_case_from_keras():
    made = {type(make(fastnn)) for make, _ in GIVEN.CASES.values()}
    assert made >= set(registry.classes("metric"))


@pytest.mark.parametrize("name", GIVEN.CASES)
def test_before_the_first_row_and_after_a_reset(name):
    make, sets = GIVEN.CASES[name]
    metric = make(fastnn)
    first = np.asarray(metric.result())
    assert np.all(first == 0)
    wanted = KERAS[name]["empty"]
    if wanted is not None:
        assert np.allclose(first, wanted) or np.isnan(wanted)
    batch = next(iter(sets.values()))[0]
    once = np.array(metric(*batch))
    metric.update_state(*batch)
    metric.reset_state()
    np.testing.assert_array_equal(metric(*batch), once)


@pytest.mark.parametrize("name", [n for n in GIVEN.CASES if not n.endswith("axis")])
def test_an_empty_batch_changes_nothing(name):
    make, sets = GIVEN.CASES[name]
    metric, batch = make(fastnn), next(iter(sets.values()))[0]
    nothing = [column[:0] for column in batch]
    metric.update_state(*nothing)
    assert np.all(np.asarray(metric.result()) == 0)
    once = np.array(metric(*batch))
    metric.update_state(*nothing)
    np.testing.assert_array_equal(metric.result(), once)


@pytest.mark.parametrize("key", ["plain", "weighted"])
def test_scikit_learn_agrees(key):
    g, w = GIVEN, None if key == "plain" else GIVEN.W

    def each(make, t, y):
        return [make()(t[:, j], y[:, j], w) for j in range(t.shape[1])]

    def all_of(make, t, y):
        return make()(t, y, sample_weight=w)

    m = metrics
    found = {
        "roc_auc": each(lambda: m.AUC(exact=True), g.B, g.P),
        "roc_auc ties": each(lambda: m.AUC(exact=True), g.B, g.TIES),
        "precision": each(m.Precision, g.B, g.P),
        "recall": each(m.Recall, g.B, g.P),
        "f2": all_of(lambda: m.FBetaScore(beta=2.0, threshold=0.5), g.B, g.P),
        **{f"f1 {a}": all_of(lambda a=a: m.F1Score(average=a), g.ONE_HOT, g.P)
           for a in ("micro", "macro", "weighted")},
        "r2": all_of(lambda: m.R2Score(class_aggregation=None), g.R, g.S),
        "jaccard": all_of(lambda: m.MeanIoU(3), g.LABELS, g.LABELS[::-1]),
        "top_k": all_of(lambda: m.SparseTopKCategoricalAccuracy(3), g.WIDE_LABELS, g.WIDE),
        "rmse": each(m.RootMeanSquaredError, g.R, g.S) if w is None else [
            m.RootMeanSquaredError()(g.R[:, [j]], g.S[:, [j]], w) for j in range(3)],
    }  # fmt: skip
    for name, value in found.items():
        np.testing.assert_allclose(value, SKLEARN[f"{name} {key}"], rtol=2e-6, err_msg=name)


# the exact area


def brute_area(t, y, curve, way):
    """The area drawn with every prediction as a threshold, one at a time."""
    points = []
    for threshold in [-np.inf, *sorted(set(y.tolist()))]:
        tp, fp = np.sum(t & (y > threshold)), np.sum(~t & (y > threshold))
        points.append((tp, fp))
    area, positives, negatives = 0.0, t.sum(), (~t).sum()
    for (tp1, fp1), (tp0, fp0) in pairwise(points):
        if curve == "ROC":
            x1, x0, y1, y0 = fp1 / negatives, fp0 / negatives, tp1 / positives, tp0 / positives
        else:
            x1, x0 = tp1 / positives, tp0 / positives
            y1, y0 = tp1 / (tp1 + fp1), tp0 / max(tp0 + fp0, 1)
        if curve == "PR" and way == "interpolation":  # as the integral over true positives
            steps = np.linspace(tp0, tp1, 20_001)
            false = fp0 + (fp1 - fp0) * (steps - tp0) / max(tp1 - tp0, 1e-300)
            middle = ((steps + 1e-300) / (steps + false + 1e-300))
            area += np.trapezoid(middle, steps) / positives if tp1 > tp0 else 0.0
            continue
        height = {"interpolation": (y1 + y0) / 2, "majoring": max(y1, y0),
                  "minoring": min(y1, y0)}[way]
        area += (x1 - x0) * height
    return area


@pytest.mark.parametrize("curve", ["ROC", "PR"])
@pytest.mark.parametrize("way", ["interpolation", "majoring", "minoring"])
@pytest.mark.parametrize("y", [GIVEN.P, GIVEN.TIES], ids=["distinct", "ties"])
def test_the_exact_area_has_every_prediction_as_a_threshold(curve, way, y):
    t = GIVEN.B.astype(bool).ravel()
    y = 5 * y.ravel() - 2  # any numbers will do, not only probabilities
    metric = metrics.AUC(curve=curve, summation_method=way, exact=True)
    for part in (slice(20), slice(20, None)):
        metric.update_state(t[part], y[part])
    assert metric.result() == pytest.approx(brute_area(t, y, curve, way), rel=2e-5)


def test_the_exact_area_is_the_limit_of_the_buckets():
    t, y, w = GIVEN.B, GIVEN.P, GIVEN.W
    for curve in ("ROC", "PR", "PRGAIN"):
        many = metrics.AUC(num_thresholds=100_001, curve=curve)
        exact = metrics.AUC(curve=curve, exact=True)
        assert exact(t, y, w) == pytest.approx(many(t, y, w), rel=1e-6)
    settings = {"multi_label": True, "label_weights": [1.0, 2.0, 0.5]}
    many, exact = (metrics.AUC(**s, **settings) for s in ({"num_thresholds": 100_001},
                                                          {"exact": True}))
    assert exact(t, y, w) == pytest.approx(many(t, y, w), rel=1e-6)


def test_one_class_alone_has_no_area():
    for value in (0.0, 1.0):
        assert metrics.AUC(exact=True)(np.full(4, value), [0.1, 0.2, 0.3, 0.4]) == 0.0


# names and settings


@pytest.mark.parametrize(("name", "cls"), [
    ("auc", "AUC"), ("AUC", "AUC"), ("mse", "MeanSquaredError"),
    ("MAPE", "MeanAbsolutePercentageError"), ("msle", "MeanSquaredLogarithmicError"),
    ("bce", "BinaryCrossentropy"),
    ("f1_score", "F1Score"), ("f_beta_score", "FBetaScore"), ("r2_score", "R2Score"),
    ("top_k_categorical_accuracy", "TopKCategoricalAccuracy"), ("mean_io_u", "MeanIoU"),
    ("kl_divergence", "KLDivergence"), ("log_cosh_error", "LogCoshError"),
    ("sensitivity_at_specificity", "SensitivityAtSpecificity")])  # fmt: skip
def test_names(name, cls):
    assert registry.get_class("metric", name) is getattr(metrics, cls)


@pytest.mark.parametrize("name", [name for name in GIVEN.CASES if name != "MeanMetricWrapper"])
def test_settings_survive_a_file(name):
    metric = GIVEN.CASES[name][0](fastnn)
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    batch = next(iter(GIVEN.CASES[name][1].values()))[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        np.testing.assert_array_equal(again(*batch), metric(*batch))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: metrics.Precision(thresholds=1.5), "thresholds must lie between 0 and 1, .* 1.5"),
    (lambda: metrics.AUC(curve="RCO"), "curve must be one of"),
    (lambda: metrics.AUC(summation_method="mean"), "summation_method must be one of"),
    (lambda: metrics.AUC(num_thresholds=1), "num_thresholds must be at least 2"),
    (lambda: metrics.AUC(num_labels=3), "needs multi_label=True"),
    (lambda: metrics.RecallAtPrecision(1.2), "precision must lie between 0 and 1, received 1.2"),
    (lambda: metrics.RecallAtPrecision(0.2, 0), "num_thresholds must be at least 1"),
    (lambda: metrics.FBetaScore("mean"), "average must be one of"),
    (lambda: metrics.FBetaScore(beta=0.0), "beta must be larger than 0"),
    (lambda: metrics.F1Score(threshold=0.0), "threshold must be larger than 0"),
    (lambda: metrics.R2Score("mean"), "class_aggregation must be one of"),
    (lambda: metrics.R2Score(num_regressors=-1), "num_regressors must be at least 0"),
    (lambda: metrics.IoU(2, [2]), "target_class_ids must lie between 0 and 1"),
    (lambda: metrics.R2Score()([1.0], [1.0]), r"shape \(n, m\)"),
    (lambda: metrics.F1Score()([1.0], [1.0]), r"shape\s+\(n, m\)"),
    (lambda: metrics.Recall(class_id=1)([1.0], [1.0]), "class_id needs predictions of shape"),
    (lambda: metrics.AUC()([[1.0]], [[1.0, 0.0]]), r"y_true has shape \(1, 1\)"),
    (lambda: metrics.AUC(multi_label=True)([1.0], [1.0]), r"multi_label=True needs predictions"),
    (lambda: metrics.MeanIoU(2)([1, 0], [1, 0, 1]), "2 class numbers.* has 3"),
    (lambda: metrics.Accuracy()([1, 0, 1], [1, 0]), r"y_true has shape \(3,\), y_pred \(2,\)"),
    (lambda: metrics.CategoricalAccuracy()([[1, 0]], [[1, 0], [0, 1]]), "not fit")])  # fmt: skip
def test_what_cannot_be_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_too_many_regressors_are_said():
    metric = metrics.R2Score(num_regressors=5)
    metric.update_state([[1.0], [2.0]], [[1.0], [3.0]])
    with pytest.warns(UserWarning, match="5 regressors are too many"):
        assert metric.result() == pytest.approx(-1.0)


# inside training

X = GIVEN.numbers(12, 4)
INSIDE = {
    "mse": ["mse", "rmse", metrics.BinaryAccuracy, metrics.Precision, metrics.Recall,
            lambda: metrics.Precision(class_id=1, thresholds=0.2),
            lambda: metrics.Recall(class_id=-1), metrics.TruePositives, metrics.FalsePositives,
            metrics.TrueNegatives, metrics.FalseNegatives,
            lambda: metrics.TopKCategoricalAccuracy(2), "mape", "msle", "logcosh", "poisson",
            "kl_divergence", lambda: metrics.BinaryCrossentropy(from_logits=True),
            lambda: metrics.BinaryCrossentropy(label_smoothing=0.1)],
    "sparse_categorical_crossentropy": [lambda: metrics.SparseTopKCategoricalAccuracy(2)],
}  # fmt: skip


def made(loss, watch, backend="numpy", **settings):
    fastnn.utils.set_random_seed(3)
    model = Sequential([Input((4,)), Dense(3, "sigmoid")])
    model.compile("sgd", loss, metrics=watch, backend=backend, **settings)
    return model


def fresh(watch):
    found = [w if isinstance(w, str) else w() for w in watch]
    for i, metric in enumerate(found):
        if not isinstance(metric, str):
            metric.name = f"{metric.name}{i}"
    return found


@pytest.mark.parametrize("backend", fastnn.backends.available())
@pytest.mark.parametrize("loss", INSIDE)
def test_the_plan_computes_what_the_metric_says(backend, loss):
    model = made(loss, fresh(INSIDE[loss]), backend)
    y = GIVEN.LABELS if loss.startswith("sparse") else GIVEN.B
    assert not model.trainer.outside
    values = model.evaluate(X, y, verbose=0, return_dict=True)
    history = model.fit(X, y, epochs=2, batch_size=5, verbose=0, shuffle=False).history
    first = made(loss, [], backend)
    predicted = first.predict(X, verbose=0)
    for metric in model.trainer.metrics:
        metric.reset_state()
        assert values[metric.name] == pytest.approx(metric(y, predicted), rel=1e-5), metric.name
        assert len(history[metric.name]) == 2


def test_a_metric_with_more_settings_than_the_plan_knows_runs_outside():
    several = metrics.Precision(thresholds=[0.2, 0.5])
    auc, own = metrics.AUC(), metrics.AUC(exact=True, name="exact")
    model = made("mse", [several, metrics.Recall(top_k=2), auc, own, "cosine_similarity"])
    assert len(model.trainer.outside) == 5
    history = model.fit(X, GIVEN.B, epochs=2, batch_size=5, validation_split=0.25,
                        verbose=0).history
    assert np.shape(history["precision"]) == (2, 2) == np.shape(history["val_precision"])
    values = model.evaluate(X, GIVEN.B, verbose=0, return_dict=True)
    predicted = model.predict(X, verbose=0)
    assert values["auc"] == pytest.approx(metrics.AUC()(GIVEN.B, predicted))
    assert values["exact"] == pytest.approx(metrics.AUC(exact=True)(GIVEN.B, predicted))
    np.testing.assert_allclose(values["precision"], metrics.Precision([0.2, 0.5])(
        GIVEN.B, predicted))


def test_counting_metrics_take_a_stretch_at_once_and_others_a_batch():
    seen = []

    class Mine(metrics.Precision):
        def update_state(self, y_true, y_pred, sample_weight=None):
            seen.append(len(y_true))
            super().update_state(y_true, y_pred, sample_weight)

    assert metrics.Precision.counts and not Mine.counts
    model = made("mse", [Mine()])
    model.fit(X, GIVEN.B, batch_size=5, verbose=0)
    assert seen == [5, 5, 2]
    Mine.counts = True
    seen.clear()
    model.fit(X, GIVEN.B, batch_size=5, verbose=0)
    assert sum(seen) == 12 and len(seen) < 3
    seen.clear()
    model.evaluate(X, GIVEN.B, batch_size=5, verbose=0)
    assert seen == [12]


def test_metrics_ignore_weights_and_weighted_metrics_do_not():
    w = GIVEN.W
    auc = metrics.AUC()
    model = made("mse", ["mae", "cosine_similarity"], weighted_metrics=["mae", auc])
    assert model.metrics_names == ["loss", "mae", "cosine_similarity", "weighted_mae", "auc"]
    values = model.evaluate(X, GIVEN.B, sample_weight=w, verbose=0, return_dict=True)
    y = model.predict(X, verbose=0)
    wanted = {"mae": metrics.MeanAbsoluteError()(GIVEN.B, y),
              "cosine_similarity": metrics.CosineSimilarity()(GIVEN.B, y),
              "weighted_mae": metrics.MeanAbsoluteError()(GIVEN.B, y, w),
              "auc": metrics.AUC()(GIVEN.B, y, w)}
    for name, value in wanted.items():
        assert values[name] == pytest.approx(value, rel=1e-5), name
    history = model.fit(X, GIVEN.B, sample_weight=w, batch_size=5, verbose=0, shuffle=False,
                        validation_data=(X, GIVEN.B, w)).history  # fmt: skip
    y = model.predict(X, verbose=0)
    assert history["val_auc"] == [pytest.approx(metrics.AUC()(GIVEN.B, y, w), rel=1e-6)]
    plain = model.evaluate(X, GIVEN.B, verbose=0, return_dict=True)
    assert plain["weighted_mae"] == pytest.approx(plain["mae"], rel=1e-6)


def test_weighted_metrics_are_kept_in_files(tmp_path):
    model = made("mse", ["mae"], weighted_metrics=["mae", metrics.Recall(thresholds=[0.2, 0.4])])
    model.fit(X, GIVEN.B, verbose=0)
    model.save(tmp_path / "m.fastnn")
    again = fastnn.load_model(tmp_path / "m.fastnn")
    assert again.metrics_names == model.metrics_names
    one, two = (m.evaluate(X, GIVEN.B, sample_weight=GIVEN.W, verbose=0) for m in (model, again))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_training_watches_what_keras_watches():
    found = GIVEN.trained(fastnn)
    assert found.keys() == KERAS["training"].keys()
    for name, values in KERAS["training"].items():
        np.testing.assert_allclose(found[name], values, rtol=2e-5, atol=2e-6, err_msg=name)


def test_functions_of_the_module_are_their_classes(tmp_path):
    def off(y_true, y_pred, power):
        return np.abs(y_true - y_pred) ** power

    wrapped = metrics.MeanMetricWrapper(off, name="cubed", power=3)
    model = made("mse", [metrics.binary_accuracy, losses.mean_squared_error, wrapped])
    assert model.metrics_names == ["loss", "binary_accuracy", "mean_squared_error", "cubed"]
    assert len(model.trainer.inside) == 2
    values = model.evaluate(X, GIVEN.B, verbose=0)
    model.save(tmp_path / "m.fastnn")
    again = fastnn.load_model(tmp_path / "m.fastnn", custom_objects={"off": off})
    np.testing.assert_allclose(again.evaluate(X, GIVEN.B, verbose=0), values, rtol=1e-6)


def test_outputs_of_several_axes_keep_them():
    """The cosine is along the last axis, as in Keras, not over all of a row."""
    model = Sequential([Input((4,)), Dense(6), fastnn.layers.Reshape((2, 3))])
    model.compile("sgd", "mse", metrics=["cosine_similarity", "categorical_accuracy"])
    y = GIVEN.numbers(12, 2, 3)
    values = model.evaluate(X, y, verbose=0, return_dict=True)
    predicted = model.predict(X, verbose=0)
    for name in ("cosine_similarity", "categorical_accuracy"):
        assert values[name] == pytest.approx(metrics.get(name)(y, predicted), rel=1e-5)


def test_a_metric_that_needs_other_targets_is_said():
    for watch, loss in (("precision", "sparse_categorical_crossentropy"),
                        (metrics.SparseTopKCategoricalAccuracy(), "mse")):
        model = made(loss, [watch])
        with pytest.raises(ValueError, match="does not fit the loss"):
            model.fit(X, GIVEN.LABELS, verbose=0)


def test_functions_that_are_losses_as_well():
    for name in set(metrics._LOSSES) & set(dir(losses)):
        assert getattr(metrics, name) is getattr(losses, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        metrics.nothing  # noqa: B018


# special values in the plan

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, 1e30, 1e-30]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", [b for b in fastnn.backends.available() if b != "numpy"])
def test_special_values_count_the_same_on_every_backend(backend, dtype):
    rng = np.random.default_rng(0)
    y = rng.choice(SPECIAL, (101, 5)).astype(dtype)
    t = rng.choice([0.0, 1.0, 0.25], (101, 5)).astype(dtype)
    watch = (metrics.TopKCategoricalAccuracy(2), metrics.Precision(), metrics.Recall(class_id=3),
             metrics.TrueNegatives(0.25))
    _agree(backend, dtype, "mse", watch, y, t)
    _agree(backend, dtype, "sparse_categorical_crossentropy",
           (metrics.SparseTopKCategoricalAccuracy(3),), y, rng.integers(0, 5, 101))


def _agree(backend, dtype, loss, watch, y, t):
    made = plans.case(lambda net: net.input(5), dtype, loss, watch=watch, n=len(y))
    made = made.with_feed(X=y, **({"labels": t} if t.ndim == 1 else {"T": t}))
    with np.errstate(all="ignore"):
        got, wanted = (plans.evaluate(fastnn.backends.get(b), made)[1:] for b in (backend, "numpy"))
    assert wanted.any()
    np.testing.assert_array_equal(got, wanted)
    direct, first = [], 0
    for metric in watch:
        metric.reset_state()
        n = len(getattr(metric, "cells", "1"))
        direct.append((metric(t, y), metric.from_sums(wanted[first : first + n].tolist(), len(y))))
        first += n
    np.testing.assert_allclose(*zip(*direct, strict=True), rtol=1e-12)
