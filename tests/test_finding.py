"""The search for a learning rate: a sweep that can be done by hand, and the model left alone."""

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, find_learning_rate
from fastnn.layers import Dense

X = np.linspace(-1, 1, 64).reshape(32, 2)
Y = X @ [1.0, -2.0]


def made(optimizer="sgd"):
    fastnn.utils.set_random_seed(3)
    model = Sequential([Input((2,)), Dense(1)], dtype="float64")
    model.compile(optimizer, "mse")
    return model


def test_the_sweep_by_hand():
    model = made()
    found = find_learning_rate(model, X, Y, batch_size=32, start=1e-3, end=1.0, steps=4,
                               smoothing=0.5, stop_factor=1e9)
    np.testing.assert_allclose(found.rates, [0.001, 0.01, 0.1, 1.0])
    (kernel, bias), losses = model.get_weights(), []
    for rate in found.rates:
        error = X @ kernel[:, 0] + bias - Y
        losses.append(np.mean(error**2))
        kernel = kernel - rate * 2 * (X.T @ error)[:, None] / 32
        bias = bias - rate * 2 * error.mean()
    np.testing.assert_allclose(found.losses, losses, rtol=1e-10)
    a, b, c, d = losses
    np.testing.assert_allclose(found.smoothed, [
        a, (a / 4 + b / 2) / 0.75, (a / 8 + b / 4 + c / 2) / 0.875,
        (a / 16 + b / 8 + c / 4 + d / 2) / 0.9375], rtol=1e-10)


def test_the_model_stays_as_it_is():
    model = made("adam")
    model.fit(X, Y, epochs=2, verbose=0)
    before, state, rate = model.params.copy(), model.trainer.get_state(), 0.001
    first = find_learning_rate(model, X, Y)
    np.testing.assert_array_equal(model.params, before)
    for name, value in model.trainer.get_state().items():
        np.testing.assert_array_equal(value, state[name])
    assert model.optimizer.learning_rate == rate
    np.testing.assert_array_equal(first.losses, find_learning_rate(model, X, Y).losses)


def test_it_ends_where_training_diverges_and_suggests_a_rate_below():
    found = find_learning_rate(made(), X, Y, batch_size=8, steps=200)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 200
    assert found.smoothed[-1] > 4 * found.smoothed.min()
    assert 1e-3 < found.suggestion < found.rates[found.smoothed.argmin()]
    model = made()
    model.compile(fastnn.optimizers.SGD(found.suggestion), "mse")
    losses = model.fit(X, Y, batch_size=8, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.01 * losses[0]


def test_a_loss_that_never_falls_suggests_nothing():
    found = find_learning_rate(made(), X, 1e3 * Y, start=1e6, end=1e8, steps=10, batch_size=32)
    assert found.suggestion is None and len(found.rates) == 2


@pytest.mark.parametrize(("arguments", "message"), [
    ({"start": 1.0, "end": 0.1}, "received 1.0 and 0.1"),
    ({"start": 0.0}, "positive rates"),
    ({"steps": 1}, "at least 2"),
    ({"smoothing": 1.0}, "below 1, received 1.0"),
])  # fmt: skip
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        find_learning_rate(made(), X, Y, **arguments)
