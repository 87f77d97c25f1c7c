"""Activations, gradients and losses of models as they are, on every backend."""

import copy

import numpy as np
import pytest

import fastnn
from fastnn import layers
from fastnn.backends import available
from fastnn.callbacks import KeepWeights
from fastnn.understanding.costs import costs

RNG = np.random.default_rng(1)
X = RNG.normal(size=(70, 6))
KINDS = RNG.integers(0, 3, 70)
BACKENDS = available()


@pytest.fixture(autouse=True)
def seed():
    fastnn.utils.set_random_seed(5)


def rich(backend=None, loss="sparse_categorical_crossentropy", dtype=None):
    """A network with every kind of layer whose training differs from its use."""
    model = fastnn.Sequential([
        fastnn.Input((6,)), layers.Dense(8, "tanh", kernel_regularizer="l2", name="one"),
        layers.BatchNormalization(name="norm"), layers.Dropout(0.5), layers.GaussianNoise(0.3),
        layers.AlphaDropout(0.2), layers.GaussianDropout(0.1),
        layers.Dense(5, name="two", activity_regularizer="l1"), layers.Activation("gelu"),
        layers.LayerNormalization(), layers.Dense(3, "softmax", name="out")], dtype=dtype)
    model.compile("adam", loss, backend=backend)
    model.fit(X, KINDS, epochs=2, verbose=0)  # so that averages have moved
    return model


def shifted(model, name, index, by):
    """A copy of the model with one number changed."""
    other = copy.deepcopy(model)
    layer, array = name.split("/")
    other.get_layer(layer).variables[array].value[index] += by
    return other


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_those_of_evaluate(backend):
    model = rich(backend, dtype="float64")
    found = model.gradients(X, KINDS)
    assert {name: g.shape for name, g in found.items()} == {
        f"{layer.name}/{w.name}": w.shape for layer in model.layers for w in
        layer.trainable_weights}
    h = 1e-6
    for name, g in found.items():
        for index in [tuple(0 for _ in g.shape), tuple(n - 1 for n in g.shape)]:
            up, down = (shifted(model, name, index, d).evaluate(X, KINDS, verbose=0)
                        for d in (h, -h))
            np.testing.assert_allclose(g[index], (up - down) / (2 * h), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_in_training_are_those_of_the_next_step(backend):
    model = rich(backend)
    before = model.params.copy()
    found = model.gradients(X, KINDS, training=True)
    np.testing.assert_array_equal(model.params, before)
    model.train_on_batch(X, KINDS)
    step = model.trainer.memory.grads  # Adam leaves the gradient
    for layer in model.layers:
        for w in layer.trainable_weights:
            np.testing.assert_array_equal(found[f"{layer.name}/{w.name}"].ravel(),
                                          step[w.offset : w.offset + w.size])


def test_gradients_weigh_rows_and_do_not_depend_on_blocks(monkeypatch):
    model = rich()
    weights = RNG.random(70)
    whole = model.gradients(X, KINDS, weights)
    monkeypatch.setattr("fastnn.understanding.probe.WORKSPACE", 1)
    for name, g in model.gradients(X, KINDS, weights).items():
        np.testing.assert_allclose(g, whole[name], rtol=1e-4, atol=1e-6)
    assert np.abs(whole["out/bias"] - model.gradients(X, KINDS)["out/bias"]).max() > 1e-3


@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight"])
def test_gradients_of_losses_that_are_no_means(monkeypatch, reduction):
    loss = fastnn.losses.SparseCategoricalCrossentropy(reduction=reduction)
    model, weights = rich(loss=loss, dtype="float64"), RNG.random(70)
    monkeypatch.setattr("fastnn.understanding.probe.WORKSPACE", 1)
    g, h = model.gradients(X, KINDS, weights)["out/bias"], 1e-6
    up, down = (shifted(model, "out/bias", 1, d).evaluate(X, KINDS, 70, 0, weights)
                for d in (h, -h))
    np.testing.assert_allclose(g[1], (up - down) / (2 * h), rtol=1e-5)


def test_no_clipping_and_no_constraint_in_gradients():
    model = fastnn.Sequential([layers.Dense(1, input_dim=6, name="d", kernel_constraint="NonNeg")])
    model.compile(fastnn.optimizers.SGD(0.1, clipnorm=1e-3), "mse")
    before = model.get_weights()[0]
    assert np.linalg.norm(model.gradients(X, KINDS)["d/kernel"]) > 0.1
    np.testing.assert_array_equal(model.get_weights()[0], before)


@pytest.mark.parametrize("backend", BACKENDS)
def test_input_gradients(backend):
    model = rich(backend, dtype="float64")
    found, h = model.input_gradients(X, KINDS), 1e-6
    assert found.shape == X.shape
    for column in (0, 5):
        step = np.zeros(6)
        step[column] = h
        up, down = (model.row_losses(X + d, KINDS) for d in (step, -step))
        np.testing.assert_allclose(found[:, column], (up - down) / (2 * h), rtol=1e-4, atol=1e-8)


def test_input_gradients_have_the_shape_of_the_input(monkeypatch):
    model = fastnn.Sequential([fastnn.Input((2, 3)), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = X.reshape(-1, 2, 3)
    whole = model.input_gradients(x, KINDS)
    assert whole.shape == x.shape
    monkeypatch.setattr("fastnn.understanding.probe.WORKSPACE", 1)
    np.testing.assert_array_equal(model.input_gradients(x, KINDS), whole)  # in blocks of 64
    model = fastnn.Sequential([fastnn.Input((4,)), layers.Embedding(9, 2), layers.Flatten(),
                               layers.Dense(1)])
    model.compile("sgd", "mse")
    assert not model.input_gradients(RNG.integers(0, 9, (5, 4)), np.ones(5)).any()


def test_input_gradients_of_a_frozen_model_and_of_a_loss_of_batches():
    model = rich(dtype="float64")
    free = model.input_gradients(X, KINDS)
    model.trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    np.testing.assert_allclose(model.input_gradients(X, KINDS), free, rtol=1e-10)
    model = fastnn.Sequential([layers.Dense(3, "sigmoid", input_dim=6)], dtype="float64")
    model.compile("sgd", fastnn.losses.Dice())
    T, h = np.eye(3)[KINDS], 1e-6
    up, down = (model.row_losses(X + d * np.eye(6)[2], T) for d in (h, -h))
    np.testing.assert_allclose(model.input_gradients(X, T)[:, 2], (up - down) / (2 * h), rtol=1e-4,
                               atol=1e-8)


@pytest.mark.parametrize("backend", BACKENDS)
def test_row_losses(backend):
    model = rich(backend)
    found = model.row_losses(X, KINDS)
    p = model.predict(X)[np.arange(70), KINDS]
    np.testing.assert_allclose(found, -np.log(p), rtol=1e-4)  # and so without penalties


def test_row_losses_stay_exact_where_probabilities_saturate():
    model = fastnn.Sequential([layers.Dense(1, "sigmoid", input_dim=1)])
    model.set_weights([[[1.0]], [0.0]])
    model.compile("sgd", "binary_crossentropy")
    np.testing.assert_allclose(model.row_losses([[100.0], [-200.0]], [0, 1]), [100, 200])


def test_row_gradients_have_the_mean_of_all():
    model = rich(dtype="float64")
    rows = list(model.row_gradients(X, KINDS))
    assert len(rows) == 70
    whole = model.gradients(X, KINDS)
    mean = np.mean([row["out/kernel"] for row in rows], axis=0)
    np.testing.assert_allclose(mean, whole["out/kernel"], rtol=1e-10)
    one = model.gradients(X[3:4], KINDS[3:4])["norm/gamma"]
    penalty = model.gradients(X[3:4], KINDS[3:4], [0.0])["norm/gamma"]  # a row of no weight
    np.testing.assert_allclose(rows[3]["norm/gamma"], one - penalty, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_activations(backend):
    model = rich(backend)
    found = model.activations(X)
    assert list(found) == [layer.name for layer in model.layers]
    np.testing.assert_allclose(found["out"], model.predict(X), rtol=1e-5, atol=1e-6)
    W, b = model.get_layer("one").get_weights()
    np.testing.assert_allclose(found["one"], np.tanh(X @ W + b), rtol=1e-4, atol=1e-5)
    names = list(found)
    np.testing.assert_array_equal(found[names[2]], found["norm"])  # dropout is off


def test_an_activation_is_not_fused_into_what_is_shown():
    model = fastnn.Sequential([layers.Dense(4, input_dim=6, name="sum"),
                               layers.Activation("relu", name="cut")])
    found = model.activations(X)
    assert found["sum"].min() < -0.1
    np.testing.assert_array_equal(found["cut"], np.maximum(found["sum"], 0))


def test_activations_before_compile_and_in_shapes():
    model = fastnn.Sequential([fastnn.Input((2, 3)), layers.Flatten(name="flat"),
                               layers.Dense(4, name="d"), layers.Reshape((2, 2), name="square")])
    found = model.activations(X.reshape(-1, 2, 3))
    assert {n: a.shape[1:] for n, a in found.items()} == {"flat": (6,), "d": (4,),
                                                          "square": (2, 2)}


# check_gradients


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradients_are_right(backend, dtype):
    for training in (False, True):
        check = rich(backend, dtype=dtype).check_gradients(X[:20], KINDS[:20], samples=5,
                                                           training=training)
        assert check.ok, check
        assert [a.name for a in check.arrays][:2] == ["one/kernel", "one/bias"]


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "poisson", "log_cosh", "hinge"])
@pytest.mark.parametrize("activation", ["relu", "elu", "softplus", "leaky_relu"])
def test_the_gradients_of_losses_and_activations_are_right(loss, activation):
    model = fastnn.Sequential([layers.Dense(7, activation, input_dim=6),
                               layers.Dense(1, "softplus")])
    model.compile("sgd", loss)
    assert model.check_gradients(X, (KINDS > 0) * 1.0, samples=8).ok


@pytest.mark.parametrize("fault", [
    lambda dy, y: dy * (1 - y * y) * 1.02, lambda dy, y: dy, lambda dy, y: dy * (1 - y)])
def test_a_wrong_derivative_is_found_and_named(monkeypatch, fault):
    monkeypatch.setattr(fastnn.activations.Tanh, "backward", staticmethod(fault))
    check = rich("numpy").check_gradients(X[:20], KINDS[:20], samples=5)
    assert not check.ok
    wrong = [a.name for a in check.arrays if a.error > check.tolerance]
    assert wrong == ["one/kernel", "one/bias"]  # the only ones behind the tanh
    assert "WRONG one/kernel" in str(check) and "by differences" in str(check)


def test_kinks_are_left_aside():
    model = fastnn.Sequential([layers.Dense(1, "relu", input_dim=1, name="d")])
    model.set_weights([[[0.0]], [0.0]])  # at the kink
    model.compile("sgd", "mse")
    check = model.check_gradients([[1.0], [2.0]], [1.0, 1.0])
    assert check.ok and [a.kinks for a in check.arrays] == [1, 1]


# models of several inputs and outputs


def branching(backend):
    """Two inputs, two outputs, and a layer that is used twice."""
    a, b = fastnn.Input((3,), name="a"), fastnn.Input((2, 2), name="b")
    shared = layers.Dense(4, "tanh", name="shared")
    joined = layers.concatenate([shared(a), layers.Flatten()(b)])
    hidden = layers.Dense(4, "tanh", name="hidden")(layers.Dropout(0.3)(joined))
    both = layers.add([shared(layers.Dense(3, name="back")(hidden)), hidden])
    model = fastnn.Model([a, b], [layers.Dense(1, name="one")(both),
                                  layers.Dense(3, "softmax", name="two")(hidden)])
    model.compile("adam", loss={"one": "mse", "two": "sparse_categorical_crossentropy"},
                  loss_weights={"two": 0.5}, backend=backend)
    return model


@pytest.mark.skipif(not hasattr(fastnn, "Model"), reason="needs functional models")
@pytest.mark.parametrize("backend", BACKENDS)
def test_models_that_branch(backend):
    model = branching(backend)
    x, y = [X[:, :3], X[:, 2:].reshape(-1, 2, 2)], [X[:, :1], KINDS]
    assert model.check_gradients(x, y, samples=5).ok
    assert model.row_losses(x, y).mean() == pytest.approx(model.evaluate(x, y, verbose=0)[0],
                                                          rel=1e-5)
    found, h = model.input_gradients(x, y), 1e-2
    for i, at in ((0, (0, 2)), (1, (5, 1, 0))):
        moved = [np.array(x[0]), np.array(x[1])]
        moved[i][at] += h
        up = model.row_losses(moved, y)[at[0]]
        moved[i][at] -= 2 * h
        assert found[i].shape == x[i].shape
        assert found[i][at] == pytest.approx((up - model.row_losses(moved, y)[at[0]]) / (2 * h),
                                             rel=1e-2, abs=1e-4)
    seen = model.activations(x)
    assert {"shared", "shared_1", "hidden", "one", "two"} <= set(seen)
    np.testing.assert_allclose(seen["two"], model.predict(x)[1], rtol=1e-5, atol=1e-6)
    assert model.diagnose(x, y).rules == []
    assert costs(model).layers["shared"] == 2 * (2 * 12 + 4 + 4)
    with pytest.raises(ValueError, match="branch"):
        model.explain_step(x, y)


# weights of past epochs


def test_history_gives_weights_back():
    model = fastnn.Sequential([layers.Dense(1, input_dim=6)])
    model.compile("sgd", "mse")
    seen = []
    spy = fastnn.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    history = model.fit(X, KINDS, epochs=6, verbose=0, callbacks=[KeepWeights(), spy])
    for epoch in (2, 5, 0, -1, -2):
        history.at(epoch).restore()
        for now, then in zip(model.get_weights(), seen[epoch], strict=True):
            np.testing.assert_array_equal(now, then)
    history.at(1).weights[0][:] = 7  # a copy
    history.at(1).restore()
    np.testing.assert_array_equal(model.get_weights()[0], seen[1][0])


def test_kept_weights_obey_their_memory():
    model = fastnn.Sequential([layers.Dense(1, input_dim=6)])
    model.compile("sgd", "mse")
    keep = KeepWeights(memory=4 * 7 * 4)
    history = model.fit(X, KINDS, epochs=23, verbose=0, callbacks=keep)
    assert list(keep.epochs) == [0, 8, 16] and keep.every == 8
    assert sum(n.nbytes for n in keep.epochs.values()) <= keep.memory
    with pytest.raises(ValueError, match="epochs were: 0, 8, 16"):
        history.at(3)
    with pytest.raises(ValueError, match="Give it more memory"):
        model.fit(X, KINDS, verbose=0, callbacks=KeepWeights(memory=55))


def test_kept_weights_survive_another_order_of_the_vector():
    model = fastnn.Sequential([layers.Dense(2, input_dim=6, name="a"), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(X, KINDS, epochs=2, verbose=0, callbacks=KeepWeights())
    last = model.get_weights()
    model.get_layer("a").trainable = False
    model.compile("sgd", "mse")
    model.fit(X, KINDS, epochs=1, verbose=0)
    history.at(-1).restore()
    for now, then in zip(model.get_weights(), last, strict=True):
        np.testing.assert_array_equal(now, then)


def test_without_kept_weights_there_is_an_error():
    model = fastnn.Sequential([layers.Dense(1, input_dim=6)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="KeepWeights"):
        model.fit(X, KINDS, verbose=0).at(0)


# costs


def test_costs_are_counted():
    model = fastnn.Sequential([fastnn.Input((28, 28)), layers.Flatten(name="f"),
                               layers.Dense(16, "relu", name="a"),
                               layers.Dense(10, "softmax", name="b")])
    found = costs(model)
    assert found.layers == {"f": 0, "a": 2 * 784 * 16 + 16 + 16, "b": 2 * 160 + 10 + 10}
    assert (found.training, found.seconds, found.memory) == (None, None, {"parameters": 12730 * 4})
    model.compile("adam", "sparse_categorical_crossentropy")
    found = costs(model, 8)
    # forwards, and backwards: a's weights; b's weights and inputs; the softmax is in the loss
    assert found.training == (25120 + 330) + (25120) + (320 + 320 + 10)
    assert found.memory["optimizer"] == 2 * found.memory["gradients"] == 2 * 12730 * 4
    assert 0 < found.seconds < 0.1


def test_summary_with_costs(capsys):
    model = rich()
    before = model.params.copy(), model.optimizer.iterations
    model.summary(flops=True)
    out = capsys.readouterr().out
    assert "Operations a row" in out and "Time a step of 32 rows" in out
    np.testing.assert_array_equal(model.params, before[0])
    assert model.optimizer.iterations == before[1]
    model.summary()
    assert "Operations" not in capsys.readouterr().out
