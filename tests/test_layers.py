"""Layers: shapes, variables, configurations, what they compute."""

import copy
import json
import pickle

import numpy as np
import pytest

from fastnn import Input, Sequential, config, initializers, layers, registry
from fastnn.layers import (
    Activation,
    ActivityRegularization,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    InputLayer,
    Layer,
    Reshape,
)
from fastnn.naming import reset_names
from fastnn.plan import Kind

X = np.sin(np.arange(12.0)).reshape(4, 3).astype("float32")


def output(*stack, x=X, training=False):
    return Sequential([Input(x.shape[1:]), *stack])(x, training=training)


# shapes and variables


@pytest.mark.parametrize(("layer", "before", "after"), [
    (Dense(7), (3,), (7,)),
    (Activation("tanh"), (2, 3), (2, 3)),
    (Flatten(), (28, 28), (784,)),
    (Flatten(), (), (1,)),
    (Reshape((4, 3)), (12,), (4, 3)),
    (Reshape((2, -1, 3)), (4, 3), (2, 2, 3)),
    (Reshape((-1,)), (4, 3), (12,)),
    (Dropout(0.5), (2, 3), (2, 3)),
    (ActivityRegularization(0.1), (2, 3), (2, 3)),
    (BatchNormalization(), (2, 3), (2, 3)),
])  # fmt: skip
def test_output_shape(layer, before, after):
    assert layer.input_shape is None
    assert layer.ensure_built(before) == after
    assert (layer.input_shape, layer.output_shape) == ((None, *before), (None, *after))


def test_variables_in_keras_order():
    dense, norm = Dense(4), BatchNormalization()
    dense.ensure_built((3,))
    norm.ensure_built((5, 2))
    assert [(v.name, v.shape) for v in dense.weights] == [("kernel", (3, 4)), ("bias", (4,))]
    assert [v.name for v in norm.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert {v.shape for v in norm.weights} == {(2,)}
    assert [v.name for v in norm.trainable_weights] == ["gamma", "beta"]
    assert (dense.count_params(), norm.count_params()) == (16, 8)
    norm.trainable = False
    assert norm.trainable_weights == [] and len(norm.non_trainable_weights) == 4


def test_weights_are_views_of_the_model():
    layer = Dense(2)
    model = Sequential([Input((3,)), layer])
    layer.kernel = np.ones((3, 2))  # float64: cast
    layer.bias[1] = 5
    assert np.shares_memory(layer.kernel, model.params)
    np.testing.assert_array_equal(model.params, [1, 1, 1, 1, 1, 1, 0, 5])
    np.testing.assert_array_equal(model.predict(np.ones((1, 3))), [[3, 8]])
    variable = layer.weights[0]
    assert (variable.name, variable.dtype, variable.shape) == ("kernel", "float32", (3, 2))
    assert not np.shares_memory(variable.numpy(), model.params)
    assert np.asarray(variable).sum() == 6


def test_assigning_the_wrong_shape_changes_nothing():
    layer = Dense(2)
    model = Sequential([Input((3,)), layer])
    before = model.params.copy()
    with pytest.raises(ValueError, match=r"kernel has shape \(3, 2\).*\(2, 3\).*Transpose"):
        layer.kernel = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"expects shape \(2,\) for its array 1 \(bias\).*\(3,"):
        layer.set_weights([np.ones((3, 2)), np.ones(3)])
    with pytest.raises(ValueError, match=r"has 2 arrays of weights, of shapes .*received 1"):
        layer.set_weights([np.ones((3, 2))])
    with pytest.raises(TypeError, match="numbers, received dtype"):
        layer.bias = ["a", "b"]
    np.testing.assert_array_equal(model.params, before)


def test_missing_variables():
    layer = Dense(2, use_bias=False)
    assert layer.bias is None and layer.kernel is None
    with pytest.raises(AttributeError, match="not built yet"):
        layer.kernel = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"not built yet.*Give the model an input shape"):
        layer.count_params()
    layer.ensure_built((3,))
    with pytest.raises(AttributeError, match="has none"):
        layer.bias = np.ones(2)
    assert len(layer.get_weights()) == 1


def test_initializers_reach_the_variables():
    values = np.arange(6.0).reshape(3, 2)
    layer = Dense(2, kernel_initializer=values, bias_initializer=initializers.Constant(0.01))
    layer.ensure_built((3,))
    np.testing.assert_array_equal(layer.kernel, values)
    np.testing.assert_allclose(layer.bias, 0.01)
    two = [Dense(2), Dense(2)]
    for layer in two:
        layer.ensure_built((3,))
    assert not np.array_equal(two[0].kernel, two[1].kernel)
    assert np.abs(two[0].kernel).max() <= np.sqrt(6 / 5)  # glorot_uniform


def test_dtype():
    assert Dense(1).dtype == "float32"
    assert Dense(1, dtype=np.float64).dtype == "float64"
    config.set_floatx("float64")
    try:
        assert Dense(1).dtype == "float64"
    finally:
        config.set_floatx("float32")
    with pytest.raises(ValueError, match="float16"):
        Dense(1, dtype="float16")


# arguments


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Dense(0), r"units must be a positive whole number, received 0"),
    (lambda: Dense(2.5), r"units .* 2\.5"),
    (lambda: Dense("3"), r"units .* '3'"),
    (lambda: Dense(3, "rellu"), r"Unknown activation: 'rellu'.*'relu'"),
    (lambda: Dense(3, kernel_initializer="he"), r"Unknown initializer: 'he'"),
    (lambda: Dense(3, kernel_regularizer="l3"), r"Unknown regularizer: 'l3'"),
    (lambda: Dense(3, input_dim=0), r"positive whole numbers.*\(0,\)"),
    (lambda: Input((2, None)), r"positive whole numbers.*None"),
    (lambda: Input(3), r"received 3\. Write \(3,\)"),
    (lambda: Input(), r"Input\(shape=\(784,\)\)"),
    (lambda: Input((3,), batch_size=0), r"batch_size .* 0"),
    (lambda: Dropout(1.5), r"rate must be a number between 0 and 1, received 1\.5"),
    (lambda: Dropout(-0.1), r"received -0\.1"),
    (lambda: Dropout(float("nan")), r"received nan"),
    (lambda: Reshape((-1, -1)), r"one may be -1; received \(-1, -1\)"),
    (lambda: Reshape(3), r"tuple.*received 3"),
    (lambda: BatchNormalization(momentum=2), r"momentum must be .* between 0 and 1, received 2"),
    (lambda: BatchNormalization(epsilon=0), r"epsilon must be a number above 0"),
])  # fmt: skip
def test_wrong_values(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_unknown_arguments_are_named_with_the_known_ones():
    with pytest.raises(TypeError, match=r"Dense has no argument 'lora_rnk'.*units, activation"):
        Dense(3, lora_rnk=2)
    with pytest.raises(TypeError, match=r"Flatten has no argument 'data_format'.*name, trainable"):
        Flatten(data_format=None)


@pytest.mark.parametrize(("stack", "message"), [
    ([Input((12,)), Reshape((5, -1))], r"\(12,\) \(12 numbers\) into the shape \(5, -1\)"),
    ([Input((3, 4)), BatchNormalization(axis=1)], r"last axis \(axis=-1\), received axis=1"),
])  # fmt: skip
def test_shapes_that_do_not_fit(stack, message):
    with pytest.raises(ValueError, match=message):
        Sequential(stack)


def test_a_layer_keeps_the_shape_it_was_built_for():
    layer = Dense(3)
    layer.ensure_built((4,))
    with pytest.raises(ValueError, match=r"built for rows of shape \(4,\), received \(5,\)"):
        layer.ensure_built((5,))


# configuration


@pytest.mark.parametrize("layer", [
    InputLayer((3,), batch_size=2),
    Dense(3, "relu", use_bias=False, kernel_initializer=initializers.HeNormal(seed=1),
          kernel_regularizer="l2", name="first", trainable=False, dtype="float64"),
    Dense(3, activity_regularizer="l1", kernel_constraint="max_norm", bias_constraint="non_neg",
          bias_regularizer="orthogonal_regularizer"),
    Dropout(0.5, seed=1, activity_regularizer="l2"),
    ActivityRegularization(0.5, l2=0.25),
    BatchNormalization(gamma_constraint="unit_norm", beta_constraint="min_max_norm"),
    Dense(2, layers.Activation("leaky_relu").activation, bias_initializer=[1.0, 2.0]),
    Activation("softmax"),
    Flatten(),
    Reshape((2, -1)),
    Dropout(0.25, seed=7),
    BatchNormalization(momentum=0.5, epsilon=0.1, scale=False, beta_regularizer="l1"),
])  # fmt: skip
def test_config_round_trip(layer):
    config = json.loads(json.dumps(registry.serialize(layer)))
    twin = layers.deserialize(config)
    assert type(twin) is type(layer) and twin is not layer
    assert registry.serialize(twin) == registry.serialize(layer)


def test_names_count_up_and_can_be_given():
    reset_names()
    assert [Dense(1).name, Dense(1).name, BatchNormalization().name] == [
        "dense", "dense_1", "batch_normalization"]  # fmt: skip
    assert Dense(1, name="mine").name == "mine"


# what the layers compute


def test_dense_against_explicit_indices():
    layer = Dense(2, "relu")
    y = output(layer)
    W, b = layer.get_weights()
    for n in range(4):
        for j in range(2):
            z = b[j] + sum(X[n, i] * W[i, j] for i in range(3))
            assert y[n, j] == pytest.approx(max(z, 0), abs=1e-6)


def test_activation_layer_equals_the_argument():
    one, two = Dense(3, "softmax"), Dense(3)
    y = output(one)
    model = Sequential([Input((3,)), two, Activation("softmax")])
    two.set_weights(one.get_weights())
    np.testing.assert_array_equal(model.predict(X), y)


def test_flatten_and_reshape_keep_the_order():
    x = np.arange(24.0, dtype="float32").reshape(2, 3, 4)
    np.testing.assert_array_equal(output(Flatten(), x=x), x.reshape(2, 12))
    np.testing.assert_array_equal(output(Reshape((4, 3)), x=x), x.reshape(2, 4, 3))


def test_dropout_scales_what_stays_and_rests_in_prediction():
    x = np.ones((200, 50), "float32")
    model = Sequential([Input((50,)), Dropout(0.2, seed=3)])
    np.testing.assert_array_equal(model.predict(x), x)
    first, second = model(x, training=True), model(x, training=True)
    assert set(np.unique(first)) == {0, np.float32(1 / (1 - np.float32(0.2)))}
    assert np.mean(first == 0) == pytest.approx(0.2, abs=0.02)
    assert not np.array_equal(first, second)
    assert Sequential([Input((50,)), Dropout(1.0)])(x, training=True).max() == 0
    masks = [output(Dropout(0.5, seed=seed), x=x, training=True) for seed in (1, 1, 2, None, None)]
    equal = [[np.array_equal(a, b) for a in masks] for b in masks]
    assert np.sum(equal) == 5 + 2 and equal[0][1]


def test_batch_normalization_in_training_and_after():
    layer = BatchNormalization(momentum=0.9, epsilon=0.01)
    model = Sequential([Input((3,)), layer])
    layer.gamma, layer.beta = [1, 2, 3], [0, 1, 2]
    mean, variance = X.mean(0), X.var(0)
    expected = (X - mean) / np.sqrt(variance + 0.01) * [1, 2, 3] + [0, 1, 2]
    np.testing.assert_allclose(model(X, training=True), expected, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, atol=1e-6)
    moved = (X - layer.moving_mean) / np.sqrt(layer.moving_variance + 0.01) * [1, 2, 3] + [0, 1, 2]
    np.testing.assert_allclose(model.predict(X), moved, atol=1e-5)


def test_batch_normalization_of_one_row_is_finite():
    model = Sequential([Input((3,)), BatchNormalization()])
    np.testing.assert_array_equal(model(X[:1], training=True), np.zeros((1, 3)))
    before = model.params.copy()
    assert np.isfinite(before).all()
    assert model(X[:0], training=True).shape == (0, 3)
    np.testing.assert_array_equal(model.params, before)


# layers of one's own, copies


class Square(Layer):
    """y = x * x, made of existing ops."""

    def lower(self, builder, value):
        return builder.merge(Kind.MULTIPLY, *builder.fork(value))


def test_a_layer_made_of_existing_ops_trains():
    model = Sequential([Input((3,)), Dense(4), Square(), Dense(1)])
    np.testing.assert_allclose(Sequential([Input((3,)), Square()]).predict(X), X * X)
    model.compile("adam", "mse")
    losses = model.fit(X, X[:, 0] ** 2, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_layer_without_lower_says_so():
    model = Sequential([Input((3,)), Layer(name="empty")])
    with pytest.raises(TypeError, match=r"Layer defines no lower\(\)"):
        model.predict(X)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_layers_can_be_copied(twin_of):
    layer = Dense(2)
    model = Sequential([Input((3,)), layer])
    twin = twin_of(layer)
    twin.kernel = np.zeros((3, 2))
    assert model.params[:6].all()
    assert twin.name == layer.name and twin.owner is None
