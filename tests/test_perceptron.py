"""The perceptron's line moves as the notes say, and one sigmoid neuron is logistic regression."""

import numpy as np
import pytest

import fastnn
from fastnn import datasets
from fastnn.perceptron import Perceptron, logistic_regression

X, Y = datasets.blobs(100, centers=2, spread=0.5, seed=3)
FAR = X + 4


@pytest.mark.parametrize("mode", ["trick", "sweep"])
def test_a_line_is_found_and_every_move_is_the_trick(mode):
    model = Perceptron(mode, eta0=0.1, random_state=0).fit(FAR, Y)
    assert model.converged_ and model.score(FAR, Y) == 1.0 and model.wrong_ == 0
    assert len(model.history_) > 2
    points = np.column_stack([FAR, np.ones(len(FAR))])
    for old, new in zip(model.history_, model.history_[1:], strict=False):
        moved = (new - old) / 0.1
        sign = np.sign(moved[-1])
        i = np.abs(points - sign * moved).sum(axis=1).argmin()
        np.testing.assert_allclose(moved, sign * points[i])  # by a point that was wrong, towards
        assert sign == (1 if Y.ravel()[i] == model.classes_[1] else -1)  # it if it is positive
        assert (points[i] @ old > 0) != (sign > 0)
    np.testing.assert_array_equal(model.history_[-1], [*model.coef_[0], *model.intercept_])


def test_the_sweep_follows_a_loop_on_paper():
    x, y = np.array([[2.0, 1], [-1, 3], [1, -2]]), np.array([1, 0, 0])
    model = Perceptron("sweep", shuffle=False).fit(x, y)
    w, lines, passes = np.zeros(3), [np.zeros(3)], 0
    points = np.column_stack([x, np.ones(3)])
    while any((points @ w > 0) != (y == 1)):
        for p, t in zip(points, y, strict=True):
            if (p @ w > 0) != (t == 1):
                w = w + (1 if t == 1 else -1) * p
                lines.append(w)
        passes += 1
    np.testing.assert_array_equal(model.history_, lines)
    assert (model.n_iter_, model.t_) == (passes, 3 * passes + 1)


def test_xor_has_no_line():
    x, y = datasets.xor()
    with pytest.warns(RuntimeWarning, match="perhaps no line divides the classes"):
        model = Perceptron(random_state=0, max_iter=30).fit(x, y)
    assert not model.converged_ and model.n_iter_ == 30 and model.score(x, y) < 1


def test_any_two_classes_and_a_line_through_the_origin():
    names = np.where(Y.ravel() > 0, "yes", "no")
    model = Perceptron(random_state=0, fit_intercept=False, start=[1.0, 0.0, 9.0]).fit(X, names)
    assert model.score(X, names) == 1.0 and set(model.predict(X)) == {"yes", "no"}
    assert not model.intercept_.any() and not model.history_[:, -1].any()
    assert model.decision_function(X[:2]).shape == (2,)
    assert "mode='trick'" in repr(model)


def test_a_seed_decides_the_line():
    runs = [Perceptron(eta0=0.1, random_state=s).fit(FAR, Y).history_ for s in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0][0], runs[2][0])


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Perceptron("walk"), "mode must be 'trick' or 'sweep', received 'walk'"),
    (lambda: Perceptron(eta0=0), "eta0 must be larger than 0"),
    (lambda: Perceptron(max_iter=0), "max_iter must be a whole number"),
    (lambda: Perceptron().fit(X, np.zeros(100)), "y must have two classes, received 1"),
    (lambda: Perceptron().fit(X, np.arange(100)), "received 100"),
    (lambda: Perceptron().fit(X[:5], Y), r"received shapes \(5, 2\) and \(100,\)"),
    (lambda: Perceptron().fit(X * np.nan, Y), "finite"),
    (lambda: Perceptron(start=[1.0]).fit(X, Y), "start must have 3 numbers")])  # fmt: skip
def test_what_cannot_be_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_one_neuron_is_logistic_regression():
    """The numbers are scikit-learn's: LogisticRegression(C=1 / (2 * 60 * 0.01), tol=1e-12)."""
    x, y = np.sin(7.3 * np.arange(120) ** 1.3).reshape(60, 2), None
    y = (x[:, 0] - 0.5 * x[:, 1] + 0.4 * np.sin(np.arange(60.0) ** 1.7) > 0.1).astype(int)
    fastnn.utils.set_random_seed(0)
    model = logistic_regression(2, fastnn.optimizers.Adam(0.05), l2=0.01)
    model.fit(x, y, epochs=1500, batch_size=60, verbose=0)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose([*kernel.ravel(), *bias], SKLEARN, rtol=1e-4)


SKLEARN = [2.56384448, -1.10415305, -0.93807285]
