"""Predictors: the short way, `out`, frozen copies, batch normalisation folded away."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends, layers
from fastnn.plan import Kind

BACKENDS = backends.available()


def network(*stack, width=6, backend=None, loss="mse", seed=1, dtype="float32"):
    fastnn.utils.set_random_seed(seed)
    stack = [type(layer).from_config(layer.get_config() | {"dtype": dtype}) for layer in stack]
    model = Sequential([Input((width,), dtype=dtype), *stack])
    model.compile("adam", loss, backend=backend)
    return model


def rows(n, width=6, dtype="float32", seed=0):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(dtype)


def kinds(predictor):
    return [Kind(op["kind"]) for op in predictor.plan.ops]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [0, 1, 2, 16, 17, 300, 2000])
def test_a_predictor_gives_what_predict_gives(backend, n):
    model = network(layers.Dense(9, "tanh"), layers.Dense(3, "softmax"), backend=backend)
    x = rows(n)
    wanted = model.predict(x)
    assert wanted.shape == (n, 3)
    predictor = model.predictor()
    assert (predictor(x) == wanted).all()
    out = np.full((n, 3), np.nan, "float32")
    assert predictor(x, out=out) is out
    assert (out == wanted).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whatever_predict_takes_a_predictor_takes(dtype):
    model = network(layers.Dense(9, "relu"), layers.Dense(2), dtype=dtype)
    predictor, x = model.predictor(), rows(20, dtype=dtype)
    wanted = predictor(x)
    assert wanted.dtype == dtype
    other = {"float32": "float64", "float64": "float32"}[dtype]
    for same in (x.tolist(), np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x.astype(">f8")):
        assert np.allclose(predictor(same), wanted, atol=1e-6)
    assert np.allclose(predictor(x.astype(other)), wanted, atol=1e-5)
    read_only = x.copy()
    read_only.flags.writeable = False
    assert (predictor(read_only) == wanted).all()


def test_rows_that_are_not_flat():
    model = Sequential([Input((2, 3)), layers.Flatten(), layers.Dense(4), layers.Reshape((2, 2))])
    x = rows(5).reshape(5, 2, 3)
    out = np.empty((5, 2, 2), "float32")
    assert model.predictor()(x, out=out) is out
    assert (out == model.predict(x)).all()
    with pytest.raises(ValueError, match=r"\(5, 2, 2\).*received float32 \(5, 4\)"):
        model.predictor()(x, out=np.empty((5, 4), "float32"))


@pytest.mark.parametrize("out", [
    np.empty((5, 3), "float32"), np.empty((4, 2), "float32"), np.empty((5, 2), "float64"),
    np.empty((2, 5), "float32").T, np.empty(10, "float32"), [[0.0, 0.0]] * 5, "out",
], ids=str)  # fmt: skip
def test_an_out_that_does_not_fit_is_named(out):
    predictor = network(layers.Dense(2)).predictor()
    with pytest.raises(ValueError, match=r"out must be a writeable .* float32 .*\(5, 2\)"):
        predictor(rows(5), out=out)


def test_a_read_only_out_is_not_written():
    out = np.zeros((5, 2), "float32")
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        network(layers.Dense(2)).predictor()(rows(5), out=out)
    assert not out.any()


def test_wrong_inputs_are_errors():
    predictor = network(layers.Dense(2)).predictor()
    with pytest.raises(ValueError, match="7"):
        predictor(rows(3, 7))
    for no_rows in (np.float32(3), np.array(3.0), np.zeros((2, 6, 1))):
        with pytest.raises(ValueError, match=r"x must have the shape \(rows, 6\)"):
            predictor(no_rows)
    with pytest.raises((ValueError, TypeError)):
        predictor(None)
    with pytest.raises((ValueError, TypeError)):
        predictor(np.array([["a"] * 6]))


def test_a_model_without_input_cannot_be_frozen():
    with pytest.raises(ValueError, match="does not know its input's shape"):
        Sequential([layers.Dense(2)]).predictor()


def test_a_predictor_is_frozen_and_predict_is_not():
    model = network(layers.Dense(2))
    predictor, x = model.predictor(), rows(4)
    before = predictor(x)
    model.predict(x)
    model.layers[0].kernel += 1
    assert (predictor(x) == before).all()
    assert not (model.predict(x) == before).any()
    assert (model.predictor()(x) == model.predict(x)).all()


def normalised(model):
    """Moving averages and gains that are not those of the start."""
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            for variable in layer.weights:
                variable.assign(rng.uniform(0.5, 2, variable.shape))
    return model


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("stack", "left"), [
    ([layers.Dense(9, use_bias=False), layers.BatchNormalization(), layers.Activation("relu"),
      layers.Dropout(0.3), layers.Dense(2)], 0),
    ([layers.Dense(9, "tanh"), layers.BatchNormalization(), layers.Dropout(0.5),
      layers.Dense(2, "sigmoid")], 0),
    ([layers.BatchNormalization(scale=False), layers.Dense(3, use_bias=False)], 0),
    ([layers.Dense(9), layers.BatchNormalization(center=False), layers.BatchNormalization(),
      layers.Dense(4)], 0),
    ([layers.Dense(9), layers.BatchNormalization()], 0),
    ([layers.Dense(9, "relu"), layers.BatchNormalization()], 1),
    ([layers.BatchNormalization(), layers.Activation("tanh"), layers.Dense(2)], 1),
    ([layers.Dropout(0.5)], 0),
])  # fmt: skip
def test_batch_normalisation_and_dropout_are_folded_away(stack, left, backend):
    model = normalised(network(*stack, backend=backend, dtype="float64"))
    predictor, x = model.predictor(), rows(40, dtype="float64")
    assert kinds(predictor).count(Kind.BATCH_NORM) == left
    assert Kind.DROPOUT not in kinds(predictor)
    before = [weight.copy() for weight in model.get_weights()]
    np.testing.assert_allclose(predictor(x), model.predict(x), rtol=1e-12, atol=1e-13)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_value_that_others_read_is_not_folded_into():
    """A residual network: the dense op's output goes to the normalisation and round it."""
    from fastnn.plan import Builder
    from fastnn.prediction import fold

    builder = Builder("float64")
    value = builder.input((3,))
    dense = builder.op(Kind.DENSE, value, shape=(3,), w=0, b=9)
    norm = builder.op(Kind.BATCH_NORM, dense, shape=(3,), numbers=(0.9, 0.1), keep=3, aux=3, m=3,
                      w=12, b=15, s=18)
    builder.head(Kind.OUTPUT, builder.merge(Kind.ADD, dense, norm))
    plan, params = builder.plan(24, 0), np.random.default_rng(0).uniform(0.5, 2, 24)
    folded, numbers = fold(plan, params)
    assert [op["kind"] for op in folded.ops] == [op["kind"] for op in plan.ops]
    backend, x = backends.get(), rows(5, 3, "float64")
    one, two = np.empty((5, 3)), np.empty((5, 3))
    backend.forward(plan, params, x, one)
    backend.forward(folded, numbers, x, two)
    assert (one == two).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_many_threads_may_call_one_predictor(backend):
    model = network(layers.Dense(64, "tanh"), layers.Dense(64, "relu"), layers.Dense(3, "softmax"),
                    backend=backend)
    predictor = model.predictor()
    parts = [rows(n, seed=n) for n in (1, 1, 3, 17, 200, 400) * 8]
    wanted = [predictor(x) for x in parts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            found = list(pool.map(predictor, parts))
            assert all((a == b).all() for a, b in zip(found, wanted, strict=True))


def test_a_row_is_predicted_the_same_alone_and_among_others():
    predictor = network(layers.Dense(33, "tanh"), layers.Dense(3, "softmax")).predictor()
    x = rows(300)
    together = predictor(x)
    assert all((predictor(x[i : i + 1])[0] == together[i]).all() for i in range(300))
