"""Sequential: putting layers together, weights, summary, prediction, copies."""

import copy
import gc
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends
from fastnn.layers import BatchNormalization, Dense, Dropout, Flatten, RepeatVector, Reshape

X = np.sin(np.arange(40.0)).reshape(10, 4).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")


def small(**arguments):
    return Sequential([Input((4,)), Dense(3, "tanh"), Dense(1)], **arguments)


def compiled(model=None, **arguments):
    model = model or small()
    model.compile(**({"optimizer": "adam", "loss": "mse"} | arguments))
    return model


def test_public_names():
    for name in fastnn.__all__:
        assert getattr(fastnn, name) is not None and name in dir(fastnn)
    assert fastnn.Sequential is fastnn.models.Sequential
    with pytest.raises(AttributeError, match="no attribute 'sequential'"):
        _ = fastnn.sequential


# the numbers of the notes


@pytest.mark.parametrize(("inputs", "units", "count"), [
    (11, (3, 1), 40),
    (7, (7, 7, 1), 120),
    (784, (128, 32, 10), 104_938),
    (2, (10, 10, 10, 10, 1), 371),
    (4, (3, 2, 1), 26),
    (784, (16, 16, 10), 13_002),
])  # fmt: skip
def test_parameter_counts_of_the_notes(inputs, units, count):
    model = Sequential([Input((inputs,)), *map(Dense, units)])
    assert model.count_params() == count
    printed = []
    model.summary(print_fn=printed.append)
    assert f"Total params: {count:,} (" in printed[0]


def test_summary_of_the_batch_normalised_network():
    model = Sequential([
        Dense(3, "relu", input_dim=2), BatchNormalization(), Dense(2, "relu"),
        BatchNormalization(), Dense(1, "sigmoid")])  # fmt: skip
    printed = []
    model.summary(print_fn=printed.append)
    assert [layer.count_params() for layer in model.layers] == [9, 12, 8, 8, 3]
    assert printed[0].splitlines()[-3:] == [
        " Total params: 40 (160.00 B)",
        " Trainable params: 30 (120.00 B)",
        " Non-trainable params: 10 (40.00 B)",
    ]


def test_summary_counts_the_optimizer_once_it_has_worked():
    model = compiled(optimizer="rmsprop")
    printed = []
    model.summary(print_fn=printed.append)
    model.fit(X, Y, verbose=0)
    model.summary(print_fn=printed.append)
    assert "Optimizer" not in printed[0]
    n = model.count_params()
    assert f" Optimizer params: {n + 2} ({4 * n + 12:.2f} B)" in printed[1]
    assert f" Total params: {2 * n + 2} (" in printed[1]


def test_summary_of_an_unbuilt_model():
    printed = []
    Sequential([Dense(2)]).summary(print_fn=printed.append)
    assert "0 (unbuilt)" in printed[0]


# putting layers together


def test_the_ways_to_give_the_input_shape():
    models = [
        Sequential([Input(shape=(4,)), Dense(2)]),
        Sequential([Dense(2, input_dim=4)]),
        Sequential([Dense(2, input_shape=(4,))]),
        Sequential([Dense(2)]),
    ]
    models[3].build((None, 4))
    for model in models:
        assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
        assert model.built and len(model.layers) == 1
    assert Sequential([Input((4,), batch_size=8), Dense(2)]).input_shape == (8, 4)


def test_add_and_pop_keep_the_weights():
    model = Sequential()
    model.add(Input((4,)))
    for units in (3, 2, 1):
        model.add(Dense(units))
    weights = model.get_weights()
    assert model.pop().units == 1
    assert model.output_shape == (None, 2) and model.params.size == 4 * 3 + 3 + 3 * 2 + 2
    model.add(Dense(5))
    for kept, now in zip(weights[:4], model.get_weights(), strict=False):
        np.testing.assert_array_equal(kept, now)
    assert model.layers[0].kernel.base is not None
    assert np.shares_memory(model.layers[0].kernel, model.params)
    for _ in range(3):
        model.pop()
    assert model.layers == [] and not model.built
    with pytest.raises(ValueError, match="no layer to take off"):
        model.pop()


def test_a_model_without_input_shape_is_built_by_its_first_data():
    model = Sequential([Flatten(), Dense(2)])
    assert not model.built and model.weights == [] and model.get_weights() == []
    with pytest.raises(ValueError, match="does not know its input's shape"):
        model.count_params()
    assert model.predict(X.reshape(10, 2, 2)).shape == (10, 2)
    assert model.input_shape == (None, 2, 2)
    model = compiled(Sequential([Dense(1)]))
    model.fit(X, Y, verbose=0)
    assert model.input_shape == (None, 4)
    assert Sequential([Dense(1)]).predict([1, 2, 3]).shape == (3, 1)


@pytest.mark.parametrize(("layers", "error", "message"), [
    (["dense"], TypeError, r"Only layers can be added to a model, received 'dense'"),
    ([Dense], TypeError, r"Write Dense\(\.\.\.\)"),
    ([Dense(1, name="a"), Dense(2, name="a")], ValueError, r"has a layer 'a' already"),
    ([Dense(1), Input((2,))], ValueError, "Input must be the first layer"),
    ([Input((2,)), Input((2,))], ValueError, "the only Input"),
])  # fmt: skip
def test_what_cannot_be_added(layers, error, message):
    with pytest.raises(error, match=message):
        Sequential(layers)


def test_a_layer_that_does_not_fit_is_not_added():
    model = Sequential([Input((4, 2)), Flatten()])
    model.add(Reshape((2, 4)))
    with pytest.raises(ValueError, match="repeats flat rows"):
        model.add(RepeatVector(2))
    assert len(model.layers) == 2 and model.output_shape == (None, 2, 4)


def test_layers_that_models_have_given_away():
    model = small()
    layer = model.pop()
    other = Sequential([Input((3,)), layer])
    assert other.layers == [layer]
    layers = small().layers
    gc.collect()  # their model is gone: they are free
    assert Sequential([Input((4,)), *layers]).count_params() == 19


def test_get_layer():
    model = Sequential([Input((4,)), Dense(3, name="one"), Dense(1, name="two")])
    assert model.get_layer("two") is model.get_layer(index=1) is model.get_layer(index=-1)
    with pytest.raises(ValueError, match=r"no layer 'three'\. Layers: one, two"):
        model.get_layer("three")
    with pytest.raises(ValueError, match="no layer 2: the model has 2"):
        model.get_layer(index=2)
    with pytest.raises(ValueError, match="a name or an index"):
        model.get_layer()


# weights and types


def test_set_weights_takes_lists_and_float64():
    model = Sequential([Input((2,)), Dense(2), Dense(1, use_bias=False)])
    model.set_weights([[[1, 2], [3, 4]], np.array([0.5, 0.5]), [[1], [1]]])
    np.testing.assert_array_equal(model.predict([[1.0, 1.0]]), [[11]])
    with pytest.raises(ValueError, match=r"model 'seq\w*' has 3 arrays.*received 2"):
        model.set_weights(model.get_weights()[:2])
    before = model.params.copy()
    with pytest.raises(ValueError, match=r"expects shape \(2, 1\) for its array 2 \(kernel\)"):
        model.set_weights([np.zeros((2, 2)), np.zeros(2), np.zeros((1, 2))])
    np.testing.assert_array_equal(model.params, before)


def test_the_vector_has_the_trained_variables_in_front():
    model = Sequential([Input((2,)), Dense(2), BatchNormalization(), Dense(1)])
    assert model.params.size == 6 + 8 + 3 and model.n_trained == 6 + 4 + 3
    names = [v.name for v in sorted(model.weights, key=lambda v: v.offset)]
    assert names == ["kernel", "bias", "gamma", "beta", "kernel", "bias", "moving_mean",
                     "moving_variance"]  # fmt: skip
    np.testing.assert_array_equal(model.params[-4:], [0, 0, 1, 1])


@pytest.mark.parametrize("model", [
    small(dtype="float64"),
    Sequential([Input((4,)), Dense(3), Dense(1, dtype="float64")]),
])  # fmt: skip
def test_float64_models(model):
    assert model.dtype == "float64"
    assert model.params.dtype == model.predict(X).dtype == np.float64
    compiled(model).fit(X, Y, verbose=0)
    assert model.layers[0].kernel.dtype == np.float64


def test_set_floatx_makes_float64_models():
    fastnn.config.set_floatx("float64")
    try:
        assert small().dtype == "float64"
    finally:
        fastnn.config.set_floatx("float32")
    assert small().dtype == "float32"


def test_trainable_holds_from_the_next_compile_on():
    model = compiled()
    model.fit(X, Y, verbose=0)
    first, second = model.layers
    frozen = first.kernel.copy()
    first.trainable = False
    weights = model.get_weights()
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=3, verbose=0)
    np.testing.assert_array_equal(first.kernel, frozen)
    assert model.n_trained == 4 and not np.array_equal(second.kernel, weights[2])
    model.trainable = True
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    assert model.n_trained == 19 and not np.array_equal(first.kernel, frozen)


def test_a_model_with_everything_frozen():
    model = small()
    model.trainable = False
    assert model.trainable is False
    before = model.params.copy()
    compiled(model).fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.params, before)


# compile


def test_compiling_again_keeps_the_weights_and_forgets_the_optimizer():
    model = compiled()
    model.fit(X, Y, epochs=3, batch_size=5, verbose=0)
    weights, optimizer = model.get_weights(), model.optimizer
    assert optimizer.iterations == 6
    model.compile(optimizer, "mae")
    assert all(map(np.array_equal, weights, model.get_weights()))
    model.fit(X, Y, batch_size=5, verbose=0)
    assert optimizer.iterations == 2


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"optimizer": "adaam"}, ValueError, r"Unknown optimizer: 'adaam'.*'adam'"),
    ({"loss": "msee"}, ValueError, r"Unknown loss: 'msee'"),
    ({"metrics": ["accuracyy"]}, ValueError, r"Unknown metric: 'accuracyy'"),
    ({"metrics": {"out": "accuracy"}}, TypeError, "metrics must be a list"),
    ({"backend": "torch"}, ValueError, "backend must be one of"),
    ({"learning_rate": 0.1}, TypeError, "learning_rate"),
])  # fmt: skip
def test_compile_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        compiled(**arguments)


def test_names_classes_and_instances_are_the_same():
    for optimizer in ("Adam", "ADAM", fastnn.optimizers.Adam, fastnn.optimizers.Adam()):
        for loss in ("mse", "MeanSquaredError", fastnn.losses.MeanSquaredError):
            model = compiled(optimizer=optimizer, loss=loss)
            assert type(model.optimizer).__name__ == "Adam"
            assert model.trainer.loss.name == "mean_squared_error"


def test_keras_arguments_without_meaning_here_are_accepted():
    compiled(run_eagerly=True, steps_per_execution=32, jit_compile=False)


def test_metric_names():
    named = fastnn.metrics.MeanAbsoluteError(name="m")
    model = compiled(metrics=["mae", "MeanSquaredError", named])
    assert model.metrics_names == ["loss", "mae", "MeanSquaredError", "m"]
    model = compiled(loss="binary_crossentropy", metrics="accuracy")
    assert model.metrics_names == ["loss", "accuracy"]
    with pytest.raises(ValueError, match="called 'mae'"):
        compiled(metrics=["mae", "mae"]).fit(X, Y)
    with pytest.raises(ValueError, match="'sparse_categorical_accuracy' does not fit the loss"):
        compiled(metrics=["sparse_categorical_accuracy"]).fit(X, Y)


def test_what_needs_compile_says_so():
    for call in (lambda m: m.fit(X, Y), lambda m: m.evaluate(X, Y), lambda m: m.trainer):
        with pytest.raises(ValueError, match=r"Call model.compile\(optimizer, loss\)"):
            call(small())
        model = small()
        model.compile("adam")
        with pytest.raises(ValueError, match="no loss"):
            call(model)


# prediction


def assert_same(one, two):
    """Equal to the bit, except on NumPy, whose matrix product depends on how many rows it has."""
    rtol = 1e-5 if backends.get().NAME == "numpy" else 0
    np.testing.assert_allclose(one, two, rtol=rtol, atol=0)


def test_a_row_does_not_depend_on_its_neighbours():
    model = Sequential([Input((4,)), Dense(20, "relu"), BatchNormalization(), Dense(3, "softmax")])
    x = np.sin(np.arange(4 * 1111.0)).reshape(-1, 4)
    y = model.predict(x)
    for rows in (slice(0, 1), slice(3, 10), slice(500, 900), slice(1110, None)):
        assert_same(model.predict(x[rows]), y[rows])
    np.testing.assert_array_equal(model(x), y)
    np.testing.assert_array_equal(model.predict_on_batch(x), y)
    np.testing.assert_array_equal(model.predict(x, batch_size=7, verbose=0), y)
    assert_same(model.predict(x, batch_size=7, callbacks=[]), y)


def test_prediction_takes_any_numbers():
    model = small()
    y = model.predict(X)
    assert y.dtype == np.float32
    frozen = X.copy()
    frozen.flags.writeable = False
    wide = np.zeros((10, 8), "float32")
    wide[:, ::2] = X
    unaligned = np.frombuffer(b"x" + X.tobytes(), np.uint8)[1:].view("float32").reshape(X.shape)
    for x in (X.tolist(), X.astype("float64"), np.asfortranarray(X), frozen, wide[:, ::2],
              X.astype(">f4"), X[::-1][::-1], unaligned):  # fmt: skip
        np.testing.assert_array_equal(model.predict(x), y)
    assert np.isnan(model.predict(np.full((1, 4), np.nan))).all()


def test_prediction_of_no_rows():
    model = Sequential([Input((4,)), Dense(6), Reshape((2, 3))])
    assert model.predict(X[:0]).shape == (0, 2, 3)
    assert model(X[:0], training=True).shape == (0, 2, 3)
    assert model.predict([[1, 2, 3, 4]]).shape == (1, 2, 3)


def test_prediction_refuses_other_shapes():
    model = small()
    with pytest.raises(ValueError, match=r"shape \(rows, 4\) .*received \(10, 3\)"):
        model.predict(X[:, :3])
    with pytest.raises(ValueError, match=r"received \(4,\).*x\[None\]"):
        model.predict(X[0])
    with pytest.raises(TypeError, match=r"real numbers.*complex"):
        model.predict(X + 1j)


def test_predictions_before_and_after_compile_are_the_same():
    model = Sequential([Input((4,)), Dense(3, "softmax")])
    y = model.predict(X)
    model.compile("adam", "categorical_crossentropy")
    np.testing.assert_array_equal(model.predict(X), y)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)


def test_predictions_follow_the_weights_through_every_change():
    model = small()
    model.predict(X)
    model.add(Dense(2, kernel_initializer="ones"))
    assert model.predict(X).shape == (10, 2)
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.hstack([Y, Y]))
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.layers[2].bias = [1, 2]
    np.testing.assert_array_equal(model.predict(X[:1]), [[1, 2]])
    model.layers[2].trainable = False
    model.compile("sgd", "mse")
    model.fit(X, np.hstack([Y, Y]), verbose=0)
    before = model.predict(X[:1])
    model.layers[2].bias = before[0] + model.layers[2].bias
    np.testing.assert_allclose(model.predict(X[:1]), 2 * before, rtol=1e-6)


def test_predict_prints_only_when_asked(capsys):
    model = small()
    model.predict(X)
    assert capsys.readouterr().out == ""
    y = model.predict(X, batch_size=4, verbose=2)
    assert capsys.readouterr().out.startswith("3/3 - 0s")
    assert_same(y, model.predict(X))


# copies and configurations


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy,
                                     lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_goes_on_as_the_model_would(twin_of):
    model = Sequential([Input((4,)), Dense(6), Dropout(0.3), BatchNormalization(), Dense(1)])
    compiled(model, metrics=["mae"]).fit(X, Y, epochs=2, batch_size=3, verbose=0)
    twin = twin_of(model)
    histories = [m.fit(X, Y, epochs=2, batch_size=3, verbose=0).history for m in (model, twin)]
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(model.params, twin.params)
    twin.layers[0].kernel = np.zeros((4, 6))
    assert twin.params[:24].any() == 0 and model.params[:24].any()


def test_a_copy_can_be_compiled_anew():
    twin = copy.deepcopy(compiled())
    twin.compile("sgd", "mse")
    twin.fit(X, Y, verbose=0)


def test_from_config_makes_an_equal_model_with_fresh_weights():
    model = Sequential([Dense(3, "relu", input_dim=4, name="hidden"), Dropout(0.1), Dense(1)],
                       name="net", dtype="float64")  # fmt: skip
    twin = Sequential.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    assert (twin.name, twin.dtype, twin.count_params()) == ("net", "float64", 19)
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_repr():
    assert repr(small(name="net")) == "<Sequential name=net, built=True>"
