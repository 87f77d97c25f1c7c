"""Layers and models of one's own: in Python, of layers, and what training makes of them."""

import pickle
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import Input, Model, Sequential, backends, layers, losses, ops
from fastnn.backends import numpy_backend

X = np.sin(np.arange(60.0)).reshape(20, 3).astype("float32")
Y = np.cos(np.arange(40.0)).reshape(20, 2).astype("float32")

pytestmark = pytest.mark.filterwarnings("ignore:The layer .* is Python code")


class Linear(layers.Layer):
    """Dense, written as Keras's guide has it: the gradient is found."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="he_normal")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Explicit(Linear):
    """The same with a gradient of its own."""

    def backward(self, inputs, outputs, gradient):
        return gradient @ np.transpose(self.w), inputs.T @ gradient, gradient.sum(axis=0)


class Block(layers.Layer):
    """Layers put together."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.steps = [layers.Dense(units, "tanh"), layers.BatchNormalization()]
        self.out = layers.Dense(3)

    def call(self, inputs, training=None):
        x = inputs
        for step in self.steps:
            x = step(x)
        return self.out(x) + inputs

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def trained(hidden, last, **options):
    """(history, weights) after some epochs of a model with two layers of a class."""
    fastnn.utils.set_random_seed(5)
    hidden, last = hidden(4), last(2)
    model = Sequential([Input((3,)), hidden, layers.Activation("tanh"), layers.Dropout(0.1), last],
                       dtype="float64")
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.weights])
    model.compile("adam", "mse", backend="numpy")
    history = model.fit(X, Y, epochs=3, batch_size=8, verbose=0, **options).history["loss"]
    return history, model.get_weights()


@pytest.mark.parametrize("own", [Linear, Explicit])
def test_training_is_that_of_a_dense_layer(own):
    """Dropout's masks depend on the seed that a layer draws: initializers must draw alike."""
    wanted, found = trained(layers.Dense, layers.Dense), trained(own, own)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    for a, b in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", backends.available())
def test_every_backend_hands_them_to_numpy(backend):
    model = Sequential([Input((3,)), layers.Dense(4, "relu"), Linear(2)])
    model.compile("sgd", "mse", backend=backend)
    before = model.predict(X)
    np.testing.assert_allclose(before, model.layers[1](model.layers[0](X)), rtol=1e-5)
    model.fit(X, Y, epochs=2, verbose=0)
    assert model.trainer.backend is numpy_backend
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(
        float(losses.mean_squared_error(Y, model.predict(X)).mean()), rel=1e-5)


def test_it_is_said_once_that_numpy_runs():
    if len(backends.available()) == 1:
        pytest.skip("NumPy's is the only backend")
    model = Sequential([Input((3,)), Linear(2, name="mine")])
    model.compile("sgd", "mse")
    with pytest.warns(RuntimeWarning, match="layer 'mine' is Python code.*NumPy backend") as said:
        model.fit(X, Y, epochs=2, verbose=0)
        model.predict(X)
    assert len(said) == 1


def test_a_layer_alone():
    layer = Linear(4)
    y = layer(X)
    assert layer.weights == [layer.w, layer.b]
    np.testing.assert_allclose(y, X @ layer.w.value, rtol=1e-5)
    assert [w.name for w in layer.weights] == ["variable", "bias"]


def test_a_frozen_predictor_keeps_its_numbers():
    model = Sequential([Input((3,)), Linear(2)])
    model.compile("sgd", "mse")
    predictor, before = model.predictor(), model.predict(X)
    model.fit(X, Y, verbose=0)
    assert (predictor(X) == before).all() and (model.predict(X) != before).any()


def test_the_same_layer_twice_adds_its_gradients():
    def shared(own):
        fastnn.utils.set_random_seed(1)
        x = Input((3,), dtype="float64")
        layer = own(3, dtype="float64")
        model = Model(x, layer(layers.Activation("tanh")(layer(x))))
        model.set_weights([np.arange(9.0).reshape(3, 3) / 10, np.zeros(3)])
        model.compile("sgd", "mse", backend="numpy")
        model.fit(X, X, epochs=2, verbose=0)
        return model.get_weights()

    for found in (shared(Linear), shared(Explicit)):
        for a, b in zip(found, shared(layers.Dense), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9)


def test_frozen_and_untrained_weights():
    class Offset(layers.Layer):
        def build(self, input_shape):
            self.shift = self.add_weight((input_shape[-1],), "ones", trainable=False)
            self.scale = self.add_weight((), "ones", name="scale")

        def call(self, inputs):
            return inputs * self.scale + self.shift

    model = Sequential([Input((3,)), Offset(), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    offset = model.layers[0]
    assert (offset.shift.value == 1).all() and float(offset.scale.value) != 1
    offset.trainable = False
    model.compile("sgd", "mse")
    before = float(offset.scale.value)
    model.fit(X, Y, verbose=0)
    assert float(offset.scale.value) == before


def test_training_reaches_call():
    class Noisy(layers.Layer):
        def call(self, inputs, training=False):
            return inputs * (2.0 if training else 1.0)

    model = Sequential([Input((3,)), Noisy()])
    assert (model(X) == X).all() and (model(X, training=True) == 2 * X).all()


def test_shapes():
    class Pairs(layers.Layer):
        def call(self, inputs):
            return ops.reshape(inputs, (-1, 3, 2)) if inputs.shape[-1] == 6 else inputs[:, :, 0]

        def compute_output_shape(self, input_shape):
            assert input_shape[0] is None
            return (None, 3, 2) if input_shape[-1] == 6 else (None, 3)

    model = Sequential([Input((6,)), Pairs(), Pairs(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 6)), np.ones(4), verbose=0)
    assert [layer.output_shape for layer in model.layers] == [(None, 3, 2), (None, 3), (None, 1)]


class Wrong(Linear):
    def backward(self, inputs, outputs, gradient):
        return gradient @ np.transpose(self.w), inputs.T @ gradient, 2 * gradient.sum(axis=0)


class WrongShape(Linear):
    def backward(self, inputs, outputs, gradient):
        return gradient @ np.transpose(self.w)


class Sorted(layers.Layer):
    def call(self, inputs):
        return np.sort(inputs)


class Half(layers.Layer):
    def call(self, inputs):
        return inputs[: len(inputs) // 2]


class Mixed(layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return ops.log(self.dense(inputs))


@pytest.mark.parametrize("make, error, message", [
    (lambda: Wrong(2), ValueError, "not the derivative of its call in bias"),
    (lambda: WrongShape(2), ValueError, "should return arrays of shapes"),
    (Sorted, TypeError,
     r"gradient of the layer 'sorted\w*' is not known.*numpy.sort.*can have back"),
    (Half, ValueError, "should return a row for each of 2 rows"),
    (Mixed, TypeError, "calls layers, and computes with numbers itself"),
])
def test_errors_come_before_the_first_step(make, error, message):
    with pytest.raises(error, match=message):
        model = Sequential([Input((3,)), layers.Dense(3), make(), layers.Dense(2)])
        model.compile("sgd", "mse")
        before = model.get_weights()
        try:
            model.fit(X, Y, verbose=0)
        finally:
            assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_layer_without_a_gradient_may_stand_in_front():
    model = Sequential([Input((3,)), Sorted(), layers.Dense(2)])
    model.compile("sgd", "mse")
    assert model.fit(X, Y, verbose=0).history["loss"]


def test_files_and_pickles(tmp_path):
    model = Sequential([Input((3,)), Linear(3), Block(5), layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(X, Y[:, :2], verbose=0)
    model.save(tmp_path / "model.fastnn")
    own = {"Linear": Linear, "Block": Block}
    again = fastnn.load_model(tmp_path / "model.fastnn", own)
    assert (again.predict(X) == model.predict(X)).all()
    with pytest.raises(ValueError, match=r"Unknown layer: 'Linear'.*custom_objects"):
        fastnn.load_model(tmp_path / "model.fastnn")
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.predict(X) == model.predict(X)).all()
    clone = fastnn.models.clone_model(model)
    assert clone.count_params() == model.count_params()


# layers put together


def test_a_layer_of_layers_is_compiled():
    model = Sequential([Input((3,)), Block(4), layers.Dense(2)])
    assert model.count_params() == 3 * 4 + 4 + 4 * 4 + 4 * 3 + 3 + 3 * 2 + 2
    model.compile("adam", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, epochs=2, verbose=0)
    assert model.trainer.backend is backends.get()
    block = model.layers[0]
    wanted = block.out.get_weights()
    hidden = np.tanh(X @ block.steps[0].kernel + block.steps[0].bias)
    norm = block.steps[1]
    hidden = norm.gamma * (hidden - norm.moving_mean) / np.sqrt(norm.moving_variance + 1e-3)
    found = (hidden + norm.beta) @ wanted[0] + wanted[1] + X
    np.testing.assert_allclose(block(X), found, rtol=1e-4, atol=1e-5)


def test_freezing_a_layer_of_layers():
    model = Sequential([Input((3,)), Block(4), layers.Dense(2)])
    block = model.layers[0]
    block.trainable = False
    model.compile("sgd", "mse")
    before = [w.numpy() for w in block.weights]
    model.fit(X, Y, verbose=0)
    assert all((a == b.value).all() for a, b in zip(before, block.weights, strict=True))
    assert len(model.trainable_weights) == 2
    block.trainable = True
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert (before[0] != block.weights[0].value).any()


# models with a call


class Net(Model):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(units, "tanh") for _ in range(2)]
        self.drop = layers.Dropout(0.5, seed=1)
        self.out = layers.Dense(2)

    def call(self, inputs, training=False):
        x = inputs
        for layer in self.hidden:
            x = layer(x)
        if training:
            x = self.drop(x, training=training)
        return self.out(x)


def test_a_model_with_a_call():
    model = Net(name="net")
    model.compile("adam", "mse", metrics=["mae"])
    assert not model.built and len(model.layers) == 4
    model.fit(X, Y, epochs=2, verbose=0)
    assert model.trainer.backend is backends.get()
    assert any(isinstance(layer, layers.Dropout) for layer in model.layers)
    hidden = X
    for layer in model.hidden:
        hidden = layer(hidden)
    np.testing.assert_allclose(model.predict(X), model.out(hidden), rtol=1e-5, atol=1e-6)
    assert model.name == "net" and isinstance(model, Net) and isinstance(model, Model)


def test_its_weights_in_a_file(tmp_path):
    one, two = Net(), Net()
    one.build((None, 3))
    two.build((None, 3))
    one.save_weights(tmp_path / "net.weights")
    two.load_weights(tmp_path / "net.weights")
    assert (one.predict(X) == two.predict(X)).all()
    with pytest.raises(TypeError, match=r"Net says in call\(\) what it does.*save_weights"):
        one.save(tmp_path / "net.fastnn")


def test_several_inputs_and_outputs():
    class Two(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(2), layers.Dense(1)

        def call(self, inputs):
            h = self.a(inputs["x"])
            return {"one": h, "two": self.b(layers.concatenate([h, inputs["z"]]))}

    model = Two()
    model.compile("adam", {"one": "mse", "two": "mae"})
    data = {"x": X, "z": Y}
    model.fit(data, {"one": Y, "two": Y[:, 0]}, verbose=0)
    assert model.metrics_names == ["loss", "one_loss", "two_loss"]
    assert model.predict(data)["two"].shape == (20, 1)


def test_a_class_around_a_graph():
    class Own(Model):
        def __init__(self):
            x = Input((3,))
            super().__init__(inputs=x, outputs=layers.Dense(2)(x))

    assert Own().predict(X).shape == (20, 2)


def test_a_model_inside_a_model():
    x = Input((3,))
    net = Net()
    model = Model(x, layers.Dense(1)(net(x)))
    model.compile("sgd", "mse")
    model.fit(X, Y[:, 0], verbose=0)
    assert net.built and model.count_params() == net.count_params() + 3


def test_numbers_in_a_models_call():
    class Bad(Model):
        def call(self, inputs):
            return ops.log(inputs)

    with pytest.raises(TypeError, match=r"call\(\) of Bad is run once.*into a Layer"):
        Bad().predict(X)


# losses


def test_losses_made_of_functions():
    def found(loss):
        fastnn.utils.set_random_seed(1)
        model = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.Dense(2)], dtype="float64")
        model.compile("adam", loss, backend="numpy")
        return model.fit(X, Y, epochs=3, batch_size=8, verbose=0).history["loss"]

    class Own(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.square(y_true - y_pred), axis=-1)

    wanted = found("mse")
    for loss in (Own(), lambda t, y: ops.mean(ops.square(t - y)),
                 lambda t, y: np.mean((t - y) ** 2, axis=1), lambda t, y: ops.square(t - y)):
        np.testing.assert_allclose(found(loss), wanted, rtol=1e-12)


def test_a_loss_whose_gradient_is_not_known():
    def sorted_error(y_true, y_pred):
        return ops.mean(ops.sort(y_pred) - y_true)

    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile("sgd", sorted_error, backend="numpy")
    with pytest.raises(TypeError, match=r"loss 'sorted_error' is not known.*custom\(value, grad"):
        model.fit(X, Y, verbose=0)
