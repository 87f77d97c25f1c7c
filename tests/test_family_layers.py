"""The dense family beside Dense: normalizations of rows, noise, preprocessing, embeddings, shapes.

What Keras trains with them is in golden/layers.json.
"""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends, layers, registry
from fastnn.layers import (
    AlphaDropout,
    CategoryEncoding,
    Cropping1D,
    Dense,
    Discretization,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GroupNormalization,
    Identity,
    LayerNormalization,
    Normalization,
    Permute,
    RepeatVector,
    Rescaling,
    RMSNormalization,
    UnitNormalization,
    ZeroPadding1D,
)

GOLDEN = Path(__file__).parent / "golden"
KERAS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_layers.py")))
RESULTS = json.loads((GOLDEN / "layers.json").read_text())

X = np.sin(np.arange(24.0)).reshape(4, 6).astype("float32")


@pytest.fixture(autouse=True)
def seed():
    fastnn.utils.set_random_seed(11)


def output(*stack, x=X, training=False):
    return Sequential([Input(x.shape[1:]), *stack])(x, training=training)


# against Keras


def numbers_in(tree):
    if isinstance(tree, dict):
        return [x for key in sorted(tree) for x in numbers_in(tree[key])]
    return [x for part in tree for x in numbers_in(part)] if isinstance(tree, list) else [tree]


@pytest.mark.parametrize("name", [*KERAS.CASES, *KERAS.WHOLE])
def test_training_equals_that_of_keras(name):
    ours, keras = KERAS.train(fastnn, name), RESULTS[name]
    assert list(ours["history"]) == sorted(keras["history"])
    for part in ("history", "weights", "predict"):
        np.testing.assert_allclose(numbers_in(ours[part]), numbers_in(keras[part]),
                                   rtol=2e-5, atol=2e-5, err_msg=part)  # fmt: skip
    assert ours["params"] == keras["params"]


@pytest.mark.parametrize("name", KERAS.BINS)
def test_discretization_finds_the_bins_of_keras(name):
    arguments, arrays = KERAS.BINS[name]
    layer = Discretization(**arguments)
    layer.adapt(arrays if len(arrays) > 1 else arrays[0])
    np.testing.assert_allclose(layer.bin_boundaries, RESULTS["bins"][name], rtol=1e-6)
    twin = layers.deserialize(json.loads(json.dumps(registry.serialize(layer))))
    assert twin.bin_boundaries == layer.bin_boundaries and twin.num_bins == layer.num_bins


def test_adapted_bins_hold_about_equally_many_numbers():
    x = np.random.default_rng(0).exponential(size=(900, 2))
    layer = Discretization(num_bins=3, output_mode="count")
    layer.adapt(x[i : i + 300] for i in range(0, 900, 300))
    counts = output(layer, x=x).sum(axis=0)
    np.testing.assert_allclose(counts, 600, rtol=0.05)


def test_every_layer_is_trained_beside_keras():
    """Noise apart, whose numbers are not Keras's."""
    noise = {"AlphaDropout", "GaussianDropout", "GaussianNoise", "Dropout"}
    trained = set()
    for name in (*KERAS.CASES, *KERAS.WHOLE):
        trained |= {type(layer).__name__ for layer in KERAS.made(fastnn, name)[0].layers}
    families = ("embedding", "normalization", "preprocessing", "regularization", "reshaping")
    known = {cls.__name__ for cls in registry.classes("layer")
             if cls.__module__ in [f"fastnn.layers.{family}" for family in families]}
    elsewhere = {"ActivityRegularization", "BatchNormalization"}
    assert known - noise - elsewhere <= trained


# draws that several numbers share


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("cls", [Dropout, AlphaDropout])
@pytest.mark.parametrize(("noise_shape", "axis"), [((None, 1, None), 1), ((40, 5, 1), 2)])
def test_numbers_that_share_a_draw_are_dropped_together(cls, noise_shape, axis, backend):
    x = KERAS.numbers(40, 5, 6)
    layer = cls(0.3, noise_shape, seed=4)
    model = Sequential([Input((5, 6)), layer])
    model.compile("sgd", "mse", backend=backend)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    y, lowest = output(layer, x=x, training=True), getattr(cls, "LOWEST", 0.0)
    low = y.min() if lowest else 0.0
    dropped = np.isclose(y, low, atol=1e-5)
    slope = 1 / 0.7 if cls is Dropout else (0.7 * (1 + 0.3 * lowest**2)) ** -0.5
    shift = low - slope * lowest
    np.testing.assert_allclose(y[~dropped], slope * x[~dropped] + shift, atol=1e-5)
    together = dropped.all(axis=axis) | ~dropped.any(axis=axis)
    assert together.mean() > 0.98  # a number may come to the lowest by itself
    assert 0.2 < dropped.mean() < 0.4


@pytest.mark.parametrize("backend", backends.available())
def test_training_goes_through_shared_draws(backend):
    model = Sequential([Input((4, 3)), Dense(3, "tanh"), Dropout(0.1, (None, 1, None), seed=1),
                        AlphaDropout(0.1, (None, None, 1), seed=2), layers.Flatten(), Dense(1)])
    model.compile(fastnn.optimizers.Adam(0.02), "mse", backend=backend)
    x = KERAS.numbers(64, 4, 3)
    y = x.sum(axis=(1, 2))
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=100, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before / 4


# configurations


ALL = [
    LayerNormalization(axis=[1, 2], epsilon=0.1, center=False, gamma_regularizer="l2"),
    LayerNormalization(rms_scaling=True, beta_initializer="ones"),
    RMSNormalization(epsilon=0.5), UnitNormalization(axis=1),
    GroupNormalization(3, axis=1, scale=False),
    Dropout(0.2, (None, 1), 3), AlphaDropout(0.3, seed=-1), GaussianDropout(0.5, 4),
    GaussianNoise(0.25, 2), Rescaling(2.0, [1, 2]), Normalization(None), Normalization([1, 2]),
    Normalization(mean=[1.0, 2.0], variance=np.ones(2), invert=True),
    CategoryEncoding(5, "count"), Discretization([0, 1.5], output_mode="one_hot"),
    Discretization(num_bins=3), GroupNormalization(2, gamma_constraint="max_norm"),
    Embedding(5, 2, "ones", "l1"), Embedding(5, 2, embeddings_constraint="non_neg"),
    Permute((2, 1)), RepeatVector(4), Identity(), Cropping1D(2),
    ZeroPadding1D((0, 3)),
]


@pytest.mark.parametrize("layer", ALL, ids=lambda layer: type(layer).__name__)
def test_config_round_trip(layer):
    config = json.loads(json.dumps(registry.serialize(layer)))
    twin = layers.deserialize(config)
    assert type(twin) is type(layer) and twin is not layer
    assert registry.serialize(twin) == registry.serialize(layer)


def test_a_saved_model_predicts_the_same(tmp_path):
    norm = Normalization()
    model = Sequential([
        Input((4, 3)), norm, Permute((2, 1)), LayerNormalization(), GaussianNoise(0.1),
        GroupNormalization(2, scale=False), RMSNormalization(), AlphaDropout(0.1), Flatten(),
        UnitNormalization(), Dense(2)])
    x = np.cos(np.arange(60.0)).reshape(5, 4, 3)
    norm.adapt(x * 3 + 1)
    model.compile("adam", "mse")
    model.fit(x, np.ones((5, 2)), epochs=2, verbose=0)
    model.save(tmp_path / "model.fastnn")
    twin = fastnn.load_model(tmp_path / "model.fastnn")
    assert (twin.predict(x) == model.predict(x)).all()
    for one in (model, twin):
        one.fit(x, np.ones((5, 2)), epochs=2, verbose=0)
    assert (twin.params == model.params).all()
    np.testing.assert_allclose(model.predictor()(x), model.predict(x), atol=1e-6)


def test_a_saved_table_comes_back(tmp_path):
    model = Sequential([Input((5,)), Embedding(7, 2, weights=np.eye(7, 2)), Flatten(), Dense(2)])
    model.save(tmp_path / "model.fastnn")
    x = np.arange(10).reshape(2, 5) % 7
    assert (fastnn.load_model(tmp_path / "model.fastnn").predict(x) == model.predict(x)).all()


def test_weights_are_named_as_in_keras():
    named = {}
    for layer in (LayerNormalization(), RMSNormalization(), GroupNormalization(2), Embedding(3, 2),
                  Normalization(), UnitNormalization()):
        layer.ensure_built((4,))
        named[type(layer).__name__] = {v.name: v.shape for v in layer.weights}
    assert named == {
        "LayerNormalization": {"gamma": (4,), "beta": (4,)}, "RMSNormalization": {"scale": (4,)},
        "GroupNormalization": {"gamma": (4,), "beta": (4,)}, "Embedding": {"embeddings": (3, 2)},
        "Normalization": {"mean": (4,), "variance": (4,), "count": ()}, "UnitNormalization": {}}


# arguments and shapes that do not fit


@pytest.mark.parametrize(("make", "message"), [
    (lambda: GaussianNoise(1.5), r"stddev must be a number between 0 and 1, received 1\.5"),
    (lambda: GaussianDropout(1), r"rate must be below 1 here"),
    (lambda: AlphaDropout(1.0), r"rate must be below 1 here"),
    (lambda: LayerNormalization(epsilon=0), r"epsilon must be a number above 0"),
    (lambda: GroupNormalization(0), r"groups must be a positive .* -1 .* received 0"),
    (lambda: Rescaling("a"), r"scale must be a finite number .* received 'a'"),
    (lambda: Normalization(mean=1), r"both or neither; received mean=1 and variance=None"),
    (lambda: Normalization(mean=1, variance=[1, 2]), r"same shape; received \(\) and \(2,\)"),
    (lambda: CategoryEncoding(), r"num_tokens must be a positive whole number, received None"),
    (lambda: CategoryEncoding(2, "binary"), r"output_mode must be one of multi_hot.*'binary'"),
    (lambda: Discretization([1, 0]), r"ascending numbers, received \[1, 0\]"),
    (lambda: Discretization(), r"either bin_boundaries or num_bins; received"),
    (lambda: Discretization([1.0], 2), r"either bin_boundaries or num_bins; received"),
    (lambda: Discretization([1.0]).adapt([1.0]), r"was given its bin_boundaries"),
    (lambda: Discretization(num_bins=2).adapt([]), r"needs numbers, received none"),
    (lambda: Discretization(num_bins=2, epsilon=0), r"epsilon must be above 0 and at most 1"),
    (lambda: output(Discretization(num_bins=2)), r"Call its adapt\(\)"),
    (lambda: Embedding(0, 2), r"input_dim must be a positive whole number, received 0"),
    (lambda: Embedding(2, 2, mask_zero=True), r"mask_zero must be False"),
    (lambda: Permute((1, 3)), r"permutation of 1, 2.*received \(1, 3\)"),
    (lambda: RepeatVector(0), r"n must be a positive whole number, received 0"),
    (lambda: Cropping1D(-1), r"cropping must be a whole number.*received -1"),
])  # fmt: skip
def test_wrong_values(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("stack", "message"), [
    ([Input((4,)), Dropout(0.5, (None, 3))], r"noise_shape of 2 axes.*\(None, 3\)"),
    ([Input((4,)), Dropout(0.5, (1, 4))], r"the batch first \(None\)"),
    ([Input((4,)), AlphaDropout(0.5, (None, 4, 1))], r"noise_shape of 2 axes"),
    ([Input((4,)), LayerNormalization(axis=2)], r"axes from 1 to 1 .*\(4,\), received axis=2"),
    ([Input((4,)), LayerNormalization(axis=0)], r"received axis=0"),
    ([Input((4, 2)), RMSNormalization(axis=[2, -1])], r"different axes.*axis=\[2, -1\]"),
    ([Input((5,)), GroupNormalization(2)], r"cannot cut 5 channels.*groups=2"),
    ([Input((5,)), GroupNormalization()], r"cannot cut 5 channels.*groups=32"),
    ([Input((5,)), Rescaling([1.0, 2.0])], r"scale .* shape \(2,\), which does not fit \(5,\)"),
    ([Input((5,)), Normalization(mean=[1, 2], variance=[1, 1])], r"mean .*does not fit \(5,\)"),
    ([Input((2, 3)), CategoryEncoding(3)], r"flat rows.*multi_hot.*received rows of shape \(2, 3"),
    ([Input((2, 3)), RepeatVector(3)], r"repeats flat rows.*Flatten"),
    ([Input((2, 3)), Permute((2, 1, 3))], r"permutes 3 axes, received rows of shape \(2, 3\)"),
    ([Input((2, 3)), Cropping1D()], r"must leave one"),
    ([Input((3,)), ZeroPadding1D()], r"\(steps, features\), received \(3,\)"),
])  # fmt: skip
def test_shapes_that_do_not_fit(stack, message):
    with pytest.raises(ValueError, match=message):
        Sequential(stack)


def test_an_axis_must_be_a_number():
    with pytest.raises(TypeError, match=r"axis must be a whole number or a list.*'a'"):
        LayerNormalization("a")


# normalizations


def test_normalizations_are_the_same_in_training_and_prediction():
    for layer in (LayerNormalization(), RMSNormalization(), UnitNormalization(),
                  GroupNormalization(3), LayerNormalization(trainable=False)):
        model = Sequential([Input((6,)), layer])
        assert (model(X, training=True) == model(X)).all()


def test_a_row_of_zeros_is_finite():
    x = np.zeros((2, 6), "float32")
    x[1] = 3e-20  # its squares are subnormal
    for layer in (LayerNormalization(), RMSNormalization(), UnitNormalization()):
        model = Sequential([Input((6,)), Dense(6, kernel_initializer="identity"), layer, Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, np.ones(2), verbose=0)
        assert np.isfinite(model.params).all()


# noise


@pytest.mark.parametrize("layer", [AlphaDropout(0.3), GaussianDropout(0.3), GaussianNoise(0.3)],
                         ids=lambda layer: type(layer).__name__)
def test_noise_rests_in_prediction(layer):
    model, x = Sequential([Input((6,)), layer]), X + 2
    assert (model.predict(x) == x).all()
    assert (model(x, training=True) != x).all()
    assert (model(x, training=True) != model(x, training=True)).any()


@pytest.mark.parametrize("cls", [AlphaDropout, GaussianDropout, GaussianNoise])
def test_without_noise_a_layer_is_no_op(cls):
    model = Sequential([Input((6,)), cls(0)])
    assert (model(X, training=True) == X).all()


def test_the_moments_of_noise():
    x = np.ones((400, 500), "float64")
    model = [Sequential([Input((500,)), layer], dtype="float64")
             for layer in (GaussianNoise(0.5, 1), GaussianDropout(0.2, 1))]
    for made in model:  # sqrt(0.2 / 0.8) is 0.5
        y = made(3 * x, training=True)
        wanted = 0.5 if made is model[0] else 1.5
        assert y.mean() == pytest.approx(3, abs=5 * wanted / np.sqrt(x.size))
        assert y.std() == pytest.approx(wanted, rel=0.01)
    one, two = (made(x, training=True) for made in model)
    np.testing.assert_allclose(one, two)  # the same numbers for a seed


def test_alpha_dropout_keeps_mean_and_variance():
    x = fastnn.random.normal(5, (400, 500))
    model = Sequential([Input((500,)), AlphaDropout(0.25, seed=3)], dtype="float64")
    y = model(x, training=True)
    assert abs(y.mean()) < 0.01 and y.std() == pytest.approx(1, abs=0.01)
    a = ((1 - 0.25) * (1 + 0.25 * 1.7580993408473766**2)) ** -0.5
    b = a * 1.7580993408473766 * 0.25
    dropped = np.isclose(y, -a * 1.7580993408473766 + b, rtol=1e-12)
    assert dropped.mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(y[~dropped], a * x[~dropped] + b)


@pytest.mark.parametrize("name", backends.available())
def test_noise_is_the_generators_on_every_backend(name):
    """For panels, a short last one and a single row."""
    from fastnn import random

    for rows in (1, 21):
        for dtype in ("float32", "float64"):
            model = Sequential([Input((11,)), GaussianNoise(0.5, seed=2**40 + 5)], dtype=dtype)
            model.compile("sgd", "mse", backend=name)
            x = np.zeros((rows, 11), dtype)
            y = model(x, training=True)
            step = (1 << 62) + 1
            np.testing.assert_allclose(y, 0.5 * random.noise(2**40 + 5, step, rows, 11),
                                       rtol=1e-5 if dtype == "float32" else 1e-12)


# preprocessing


def test_adapt_before_and_after_the_model_is_built():
    x = np.random.default_rng(0).normal(3, 2, (50, 4)).astype("float32")
    one, two = Normalization(), Normalization()
    one.adapt(x)
    models = [Sequential([Input((4,)), layer]) for layer in (one, two)]
    np.testing.assert_array_equal(models[1].predict(x), x)
    two.adapt(x)
    wanted = (x - x.mean(0)) / x.std(0)
    for model in models:
        np.testing.assert_allclose(model.predict(x), wanted, atol=1e-5)
        assert model.count_params() == 9 and model.trainable_weights == []
    with pytest.raises(ValueError, match=r"built for rows of shape \(4,\), received \(3,\)"):
        one.adapt(x[:, :3])
    with pytest.raises(ValueError, match="was given its mean"):
        Normalization(mean=1.0, variance=2.0).adapt(x)
    with pytest.raises(ValueError, match=r"rows of real numbers, received .*<U1"):
        Normalization().adapt(["a", "b"])


def test_a_constant_column_is_not_divided_by_zero():
    layer = Normalization()
    layer.adapt(np.full((5, 2), 3.0))
    np.testing.assert_array_equal(output(layer, x=np.array([[3.0, 3.0]], "float32")), [[0, 0]])


def test_numbers_that_are_no_classes():
    x = np.array([[0, 3, -1, 2.9, 0]], "float32")
    assert output(CategoryEncoding(3), x=x).tolist() == [[1, 0, 1]]
    assert output(CategoryEncoding(3, "count"), x=x).tolist() == [[2, 0, 1]]
    assert output(CategoryEncoding(3, "one_hot"), x=x)[0, 1:3].tolist() == [[0] * 3] * 2
    assert output(CategoryEncoding(2, "one_hot"), x=x[:, :1]).shape == (1, 2)
    assert output(Discretization([0, 3.0], output_mode="multi_hot"), x=x).tolist() == [[1, 1, 1]]


# embeddings


def test_embedding_reads_rows_and_refuses_others():
    table = np.arange(8.0).reshape(4, 2)
    model = Sequential([Input((3,)), Embedding(4, 2, weights=[table]), Flatten(), Dense(1)])
    part = Sequential([Input((3,)), Embedding(4, 2, weights=table)])
    np.testing.assert_array_equal(part.predict([[3, 0, 1]]), table[[[3, 0, 1]]])
    assert np.isnan(part.predict([[4, -1, 1]])[0, :2]).all()
    model.compile("sgd", "mse")
    for wrong in (4, -1):
        with pytest.raises(ValueError, match=rf"from 0 to 3 .*received {wrong} in row 1"):
            model.fit([[0, 1, 2], [0, wrong, 1]], [0, 1], verbose=0)


def test_rows_of_a_table_that_no_batch_visits_stay():
    layer = Embedding(5, 2)
    model = Sequential([Input((2,)), layer, Flatten(), Dense(1)])
    before = layer.embeddings.copy()
    model.compile("sgd", "mse")
    model.fit([[1, 3], [3, 3]], [0, 1], epochs=3, verbose=0)
    changed = (layer.embeddings != before).any(axis=1)
    assert changed.tolist() == [False, True, False, True, False]


# shapes


def test_places_against_numpy():
    x = np.arange(24.0, dtype="float32").reshape(2, 4, 3)
    np.testing.assert_array_equal(output(Permute((2, 1)), x=x), x.transpose(0, 2, 1))
    np.testing.assert_array_equal(output(Cropping1D((1, 2)), x=x), x[:, 1:2])
    np.testing.assert_array_equal(output(ZeroPadding1D(1), x=x),
                                  np.pad(x, ((0, 0), (1, 1), (0, 0))))
    np.testing.assert_array_equal(output(RepeatVector(2), x=x[:, 0]), x[:, [0, 0]])
    np.testing.assert_array_equal(output(Identity(), x=x), x)
