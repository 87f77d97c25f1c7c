"""What fastnn.sklearn has beyond scikit-learn."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.linear_model import LogisticRegression as TheirRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from fastnn import activations, callbacks, losses, optimizers
from fastnn.sklearn import LogisticRegression, MLPClassifier, MLPRegressor, Perceptron

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
rng = np.random.RandomState(2)
X = rng.normal(size=(240, 5))
Y = np.array(["a", "b", "c"])[(X[:, :3] * [1, 1, 0.7]).argmax(axis=1)]
Z = np.sin(2 * X[:, 0]) + X[:, 1]


def classifier(**settings):
    return MLPClassifier(**{"hidden_layer_sizes": (8, 6), "random_state": 0, "max_iter": 60,
                            "learning_rate_init": 0.02} | settings)


def regressor(**settings):
    return MLPRegressor(**{"hidden_layer_sizes": (16,), "random_state": 0, "max_iter": 150,
                           "learning_rate_init": 0.02} | settings)


def same(one, two):
    for a, b in zip(one.coefs_ + one.intercepts_, two.coefs_ + two.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_class_weight():
    weights = {"a": 0.5, "b": 3.0, "c": 1.0}
    rows = np.array([weights[y] for y in Y])
    for solver in ("adam", "lbfgs"):
        one = classifier(class_weight=weights, solver=solver, max_iter=10).fit(X, Y)
        same(one, classifier(solver=solver, max_iter=10).fit(X, Y, rows))
        both = classifier(class_weight=weights, solver=solver, max_iter=10).fit(X, Y, rows)
        same(both, classifier(solver=solver, max_iter=10).fit(X, Y, rows**2))
    rare, y = make_classification(400, 6, weights=[0.93], random_state=0)
    plain, balanced = (classifier(class_weight=w, max_iter=15).fit(rare, y)
                       for w in (None, "balanced"))
    assert balanced.predict(rare).mean() > plain.predict(rare).mean()
    with pytest.raises(ValueError, match="partial_fit does not see"):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=["a", "b", "c"])


def test_dropout():
    plain, one, two = (classifier(dropout=rate, early_stopping=False).fit(X, Y)
                       for rate in (0.0, 0.4, [0.4, 0.4]))
    same(one, two)
    assert not np.allclose(plain.coefs_[0], one.coefs_[0])
    same(classifier(dropout=(0.0, 0.0)).fit(X, Y), plain)
    assert one.loss_ > plain.loss_  # with masks
    np.testing.assert_array_equal(one.predict_proba(X), one.predict_proba(X))
    assert one.score(X, Y) > 0.8
    with pytest.raises(ValueError, match="one for each of the 2; received 3"):
        classifier(dropout=(0.1, 0.2, 0.3)).fit(X, Y)
    with pytest.raises(ValueError, match="need a stochastic solver"):
        classifier(dropout=0.1, solver="lbfgs").fit(X, Y)


def test_batch_norm():
    model = classifier(batch_norm=True, batch_size=40).fit(X * 50 + 10, Y)
    assert model.score(X * 50 + 10, Y) > 0.9
    gamma, beta, mean, variance = model.norms_[:4]
    sums = (X * 50 + 10) @ model.coefs_[0] + model.intercepts_[0]
    np.testing.assert_allclose(mean, sums.mean(axis=0), atol=0.3 * sums.std())
    hidden = np.maximum((sums - mean) / np.sqrt(variance + 1e-3) * gamma + beta, 0)
    np.testing.assert_allclose(model.transform(X * 50 + 10, layer=0), hidden, atol=1e-9)


def test_an_activation_for_each_layer():
    same(classifier(activation=["tanh", "tanh"]).fit(X, Y), classifier(activation="tanh").fit(X, Y))
    model = classifier(activation=["mish", activations.LeakyReLU(0.3)], max_iter=3).fit(X, Y)
    first = X @ model.coefs_[0] + model.intercepts_[0]
    first = first * np.tanh(np.log1p(np.exp(first)))
    second = first @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.transform(X), np.where(second > 0, second, 0.3 * second))
    np.testing.assert_allclose(model.transform(X, 0), first)
    assert classifier(activation=["selu", "gelu"], solver="lbfgs").fit(X, Y).score(X, Y) > 0.9
    with pytest.raises(ValueError, match="one for each of the 2"):
        classifier(activation=["relu"]).fit(X, Y)
    with pytest.raises(ValueError, match="sofplus"):
        classifier(activation="sofplus").fit(X, Y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("loss", ["mae", losses.Huber(0.5), "log_cosh", losses.MeanSquaredError()])
def test_losses_for_numbers(loss, solver):
    model = regressor(loss=loss, solver=solver).fit(X, Z)
    assert model.score(X, Z) > 0.8
    value = losses.get(loss)(Z[:, None], model.predict(X)[:, None])
    penalty = 0.5e-4 * sum(np.sum(W**2) for W in model.coefs_) / len(X)
    if solver == "lbfgs":  # the last loss is that of the last weights
        assert model.loss_ == pytest.approx(value + penalty, rel=1e-6)


def test_losses_for_classes():
    for loss in ("categorical_focal_crossentropy", "kl_divergence", "mse"):
        assert classifier(loss=loss).fit(X, Y).score(X, Y) > 0.85
    yes = Y == "a"
    for loss in (losses.BinaryFocalCrossentropy(), "binary_crossentropy"):
        assert classifier(loss=loss).fit(X, yes).score(X, yes) > 0.85
    sparse = classifier(loss="sparse_categorical_crossentropy", max_iter=5).fit(X, Y)
    same(sparse, classifier(max_iter=5).fit(X, Y))
    with pytest.raises(ValueError, match="cross_entrpy"):
        classifier(loss="cross_entrpy").fit(X, Y)


def test_optimizers_and_schedules():
    for solver in ("rmsprop", "lion", optimizers.AdamW(0.02, clipnorm=1.0),
                   optimizers.SGD(0.1, 0.9, use_ema=True)):
        assert classifier(solver=solver).fit(X, Y).score(X, Y) > 0.85
    same(classifier(solver=optimizers.Adam(0.02, epsilon=1e-8)).fit(X, Y),
         classifier(solver="adam").fit(X, Y))
    rate = optimizers.schedules.ExponentialDecay(0.05, 100, 0.5)
    same(classifier(learning_rate_init=rate).fit(X, Y),
         classifier(solver=optimizers.Adam(rate, epsilon=1e-8)).fit(X, Y))
    constant = optimizers.schedules.PiecewiseConstantDecay([10000], [0.02, 0.0])
    same(classifier(learning_rate_init=constant, solver="sgd").fit(X, Y),
         classifier(solver="sgd").fit(X, Y))
    with pytest.raises(ValueError, match="choose one of them"):
        classifier(learning_rate_init=rate, solver="sgd", learning_rate="adaptive").fit(X, Y)
    mine = optimizers.Adam(0.01)
    classifier(solver=mine, max_iter=2).fit(X, Y)
    assert mine.batches == 0  # the estimator trains with a copy
    one, two = (classifier(solver="rmsprop", max_iter=m) for m in (1, 4))
    for _ in range(4):
        one.partial_fit(X, Y, classes=["a", "b", "c"])
    assert one.t_ == two.fit(X, Y).t_


def test_validation_data():
    train, held_out = slice(0, 180), slice(180, 240)
    model = classifier(alpha=1.0).fit(X[train], Y[train],
                                      validation_data=(X[held_out], Y[held_out]))
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert model.validation_loss_curve_[-1] == pytest.approx(
        log_loss(Y[held_out], model.predict_proba(X[held_out])), rel=1e-9)
    same(model, classifier(alpha=1.0).fit(X[train], Y[train]))
    weights = rng.uniform(size=60)
    both = np.column_stack([Z, -Z])
    numbers = regressor(max_iter=3).fit(X[train], both[train], validation_data=(
        X[held_out], both[held_out], weights))
    error = np.average((numbers.predict(X[held_out]) - both[held_out]) ** 2, axis=0,
                       weights=weights)
    assert numbers.validation_loss_curve_[-1] == pytest.approx(error.mean() / 2, rel=1e-9)
    # early stopping looks at these rows and holds none of the others back
    stopped = classifier(early_stopping=True, tol=0.1, n_iter_no_change=2, max_iter=300).fit(
        X[train], Y[train], validation_data=(X[held_out], Y[held_out]))
    assert stopped.n_iter_ < 300 and stopped.t_ == 180 * stopped.n_iter_
    assert stopped.best_validation_score_ == stopped.score(X[held_out], Y[held_out])
    for wrong in (X, (X,), (X, Y, Y, Y)):
        with pytest.raises(ValueError, match="validation_data must be a tuple"):
            classifier().fit(X, Y, validation_data=wrong)
    with pytest.raises(ValueError, match="has 4 features, but"):
        classifier().fit(X, Y, validation_data=(X[:, :4], Y))
    with pytest.raises(ValueError, match="need epochs"):
        classifier(solver="lbfgs").fit(X, Y, validation_data=(X, Y))


def test_callbacks_of_fastnn():
    seen = []
    follow = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, logs)))
    model = classifier(callbacks=[follow], max_iter=4).fit(X, Y, validation_data=(X, Y))
    assert [epoch for epoch, _ in seen] == [0, 1, 2, 3]
    assert [logs["loss"] for _, logs in seen] == model.loss_curve_
    assert [logs["val_loss"] for _, logs in seen] == model.validation_loss_curve_
    stop = callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
    model = classifier(callbacks=[stop], max_iter=500, learning_rate_init=0.3).fit(
        X[:60], Y[:60], validation_data=(X[60:], Y[60:]))
    assert model.n_iter_ < 500
    best = min(model.validation_loss_curve_)
    assert log_loss(Y[60:], model.predict_proba(X[60:])) == pytest.approx(best, rel=1e-9)
    slower = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model = classifier(callbacks=[slower], solver="sgd", max_iter=3, learning_rate_init=0.8)
    assert model.fit(X, Y)._optimizer.learning_rate == 0.1


@pytest.mark.parametrize("settings", [
    {}, {"batch_norm": True, "activation": "tanh"}, {"activation": ["gelu", "logistic"]}])
def test_input_gradients(settings):
    model = classifier(max_iter=20, **settings).fit(X, Y)
    gradients, h = model.input_gradients(X[:7]), 1e-6
    assert gradients.shape == (7, 3, 5)
    for j in range(5):
        step = h * np.eye(5)[j]
        numeric = (model.predict_proba(X[:7] + step) - model.predict_proba(X[:7] - step)) / (2 * h)
        np.testing.assert_allclose(gradients[:, :, j], numeric, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(model.input_gradients(X[:7], output=-1), gradients[:, 2])
    two = classifier(max_iter=20, **settings).fit(X, Y == "a")
    step = h * np.eye(5)[2]
    numeric = (two.predict_proba(X[:7] + step) - two.predict_proba(X[:7] - step))[:, 1] / (2 * h)
    np.testing.assert_allclose(two.input_gradients(X[:7], 0)[:, 2], numeric, rtol=1e-5, atol=1e-8)
    counts = regressor(loss="poisson", max_iter=20).fit(X, np.round(np.exp(X[:, 0])))
    numeric = (counts.predict(X[:7] + step) - counts.predict(X[:7] - step)) / (2 * h)
    np.testing.assert_allclose(counts.input_gradients(X[:7])[:, 0, 2], numeric, rtol=1e-5)


def test_transform():
    model = classifier(activation="tanh").fit(X, Y)
    hidden = model.transform(X)
    assert hidden.shape == (240, 6) and model.transform(X, 0).shape == (240, 8)
    sums = hidden @ model.coefs_[-1] + model.intercepts_[-1]
    np.testing.assert_array_equal(model.classes_[sums.argmax(axis=1)], model.predict(X))
    with pytest.raises(ValueError, match="hidden_layer_sizes is"):
        classifier(hidden_layer_sizes=()).fit(X, Y).transform(X)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("settings", [{}, {"C": 0.1}, {"fit_intercept": False},
                                      {"class_weight": "balanced"}, {"C": np.inf, "max_iter": 20}])
def test_logistic_regression(load, settings):
    rows, y = load(return_X_y=True)
    rows = scale(rows)
    one = TheirRegression(**{"tol": 1e-9, "max_iter": 2000} | settings).fit(rows, y)
    two = LogisticRegression(**{"tol": 1e-9, "max_iter": 2000} | settings).fit(rows, y)
    assert two.coef_.shape == one.coef_.shape and two.intercept_.shape == one.intercept_.shape
    if settings.get("C") != np.inf:  # where weights grow without an end
        np.testing.assert_allclose(two.coef_, one.coef_, atol=1e-6)
        np.testing.assert_allclose(two.predict_proba(rows), one.predict_proba(rows), atol=1e-6)
        np.testing.assert_allclose(two.decision_function(rows) - two.decision_function(rows[:1]),
                                   one.decision_function(rows) - one.decision_function(rows[:1]),
                                   atol=1e-5)
    assert abs(two.score(rows, y) - one.score(rows, y)) <= 0.01
    assert not hasattr(two, "transform")


def test_logistic_regression_in_epochs():
    rows, y = load_breast_cancer(return_X_y=True)
    rows = scale(rows)
    best = LogisticRegression(tol=1e-9, max_iter=2000).fit(rows, y)
    model = LogisticRegression(solver="adam", learning_rate_init=0.01, max_iter=3000,
                               n_iter_no_change=np.inf, random_state=0).fit(rows, y)
    np.testing.assert_allclose(model.predict_proba(rows), best.predict_proba(rows), atol=0.02)
    np.testing.assert_allclose(model.coef_, best.coef_, atol=0.1)
    assert model.partial_fit(rows, y).score(rows, y) > 0.97


def test_perceptron():
    rows = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    model = Perceptron(random_state=0, shuffle=False).fit(rows, [0, 0, 0, 1])
    assert model.predict(rows).tolist() == [0, 0, 0, 1]
    w, c, n = np.zeros(2), 0.0, 0  # by hand
    for _ in range(model.n_iter_):
        for x, t in zip(rows, [-1, -1, -1, 1], strict=True):
            if t * (w @ x + c) <= 0:
                w, c, n = w + t * x, c + t, n + 1
    assert n > 3
    np.testing.assert_array_equal(model.coef_[0], w)
    np.testing.assert_array_equal(model.intercept_, [c])
    many = Perceptron(random_state=0).fit(X, Y)
    assert many.coef_.shape == (3, 5) and many.score(X, Y) > 0.7
    through = Perceptron(fit_intercept=False, random_state=0).fit(X, X[:, 0] > 0)
    assert through.intercept_.tolist() == [0.0] and through.score(X, X[:, 0] > 0) > 0.95
    assert not hasattr(many, "predict_proba")
    heavy = Perceptron(class_weight={0: 1.0, 1: 50.0}, random_state=0, max_iter=5).fit(
        X, (X[:, 0] + rng.normal(size=240) > 0).astype(int))
    assert heavy.predict(X).mean() > 0.6
