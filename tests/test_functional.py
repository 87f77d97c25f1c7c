"""Models of graphs: residual networks, several inputs and outputs, shared layers, transfer."""

import copy
import gc
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import Input, Model, Sequential, backends, layers
from fastnn.plan import Kind

sys.path.insert(0, str(Path(__file__).parent / "golden"))
import make_functional as golden

GOLDEN = json.loads(Path(golden.__file__).with_name("functional.json").read_text())
X = np.sin(np.arange(60.0)).reshape(20, 3).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")


@pytest.fixture(params=backends.available())
def backend(request, monkeypatch):
    monkeypatch.setenv("FASTNN_BACKEND", request.param)
    return request.param


# against Keras


@pytest.mark.parametrize("name", golden.CASES)
def test_training_is_keras_s(name, backend):
    got, wanted = golden.train(fastnn, name), GOLDEN[name]
    assert list(got["history"]) == sorted(wanted["history"], key=_logs_order)
    for key in wanted["history"]:
        assert_allclose(got["history"][key], wanted["history"][key], rtol=2e-5, atol=2e-6,
                        err_msg=key)
    for one, other in zip(got["weights"], wanted["weights"], strict=True):
        assert_allclose(one, other, rtol=2e-4, atol=2e-5)
    assert_allclose(got["evaluate"], wanted["evaluate"], rtol=5e-5, atol=2e-6)
    assert got["evaluate_dict"].keys() == wanted["evaluate_dict"].keys()
    for one, other in zip(got["predict"], wanted["predict"], strict=True):
        assert_allclose(one, other, rtol=2e-4, atol=2e-5)
    assert got["layers"] == wanted["layers"]


def _logs_order(name):
    return name.startswith("val_"), name


# gradients


def loss_of(model, x, y):
    return model.evaluate(x, y, verbose=0)


def gradient(model, x, y):
    """The gradient of the loss: what one step of plain descent at the rate 1 takes off."""
    before = model.params[: model.n_trained].copy()
    model.train_on_batch(x, y)
    step = before - model.params[: model.n_trained]
    model.params[: model.n_trained] = before
    return step


def graph_of_everything():
    a = Input((3,), dtype="float64")
    b = Input((2,), dtype="float64")
    options = {"dtype": "float64"}
    shared = layers.Dense(3, "tanh", **options)
    one, two = shared(a), shared(shared(a))
    three = layers.Dense(3, "silu", **options)(b)
    merged = [layers.Subtract(**options)([one, two]), layers.Average(**options)([one, two, three]),
              layers.Maximum(**options)([one, three]), layers.Minimum(**options)([two, three, one]),
              layers.Multiply(**options)([one, two, three]), layers.Dot(1, **options)([one, three]),
              layers.Dot(1, normalize=True, **options)([one, two])]
    h = layers.Concatenate(**options)(merged)
    return Model([a, b], layers.Dense(1, **options)(h))


def test_gradients_are_those_of_finite_differences(backend):
    model = graph_of_everything()
    model.compile(fastnn.optimizers.SGD(1.0), "mse")
    x = [X[:6].astype("float64"), X[6:12, :2].astype("float64")]
    y = Y[:6].astype("float64")
    analytic, numeric = gradient(model, x, y), np.empty(model.n_trained)
    for i in range(model.n_trained):
        values = []
        for h in (1e-5, -1e-5):
            model.params[i] += h
            values.append(loss_of(model, x, y))
            model.params[i] -= h
        numeric[i] = (values[0] - values[1]) / 2e-5
    assert_allclose(analytic, numeric, rtol=1e-6, atol=1e-9)


def test_a_shared_layer_s_gradient_is_the_sum_over_its_calls(backend):
    """Two calls of one layer, against two layers of equal weights."""
    def model(first, second):
        x = Input((3,))
        return Model(x, layers.Dense(1, name=f"out_{first.name}")(second(first(x))))
    one = layers.Dense(3, "tanh")
    shared, apart = model(one, one), model(layers.Dense(3, "tanh"), layers.Dense(3, "tanh"))
    kernel, bias, *top = shared.get_weights()
    apart.set_weights([kernel, bias, kernel, bias, *top])
    for m in (shared, apart):
        m.compile(fastnn.optimizers.SGD(1.0), "mse")
    both, each = gradient(shared, X, Y), gradient(apart, X, Y)
    assert shared.count_params() == 16
    assert_allclose(both[:12], each[:12] + each[12:24], rtol=1e-4, atol=1e-7)
    assert_allclose(both[12:], each[24:], rtol=1e-4, atol=1e-7)


# calls of layers


def test_a_layer_on_arrays_is_computed_at_once():
    dense = layers.Dense(2, "relu")
    out = dense(X)
    assert_allclose(out, np.maximum(X @ dense.kernel + dense.bias, 0), rtol=1e-5, atol=1e-6)
    assert_array_equal(layers.Flatten()(X.reshape(20, 3, 1)), X)
    norm = layers.BatchNormalization(momentum=0.0)
    assert_allclose(norm(X, training=True).mean(axis=0), 0, atol=1e-6)
    assert_allclose(norm.moving_mean, X.mean(axis=0), rtol=1e-5)
    dropped = layers.Dropout(0.5, seed=1)
    assert (dropped(X) == X).all() and not (dropped(X, training=True) == X).all()


def test_a_layer_of_a_model_on_arrays_uses_and_keeps_the_model_s_numbers():
    model = Sequential([Input((3,)), layers.Dense(2), layers.Dense(1)])
    assert_allclose(model.layers[1](model.layers[0](X)), model.predict(X), rtol=1e-5, atol=1e-6)
    assert np.shares_memory(model.layers[0].kernel, model.params)
    assert [v.offset for v in model.weights] == [0, 6, 8, 10]


@pytest.mark.parametrize(("name", "function"), [
    ("add", lambda a, b, c: a + b + c), ("multiply", lambda a, b, c: a * b * c),
    ("average", lambda a, b, c: (a + b + c) / 3),
    ("maximum", lambda a, b, c: np.maximum(np.maximum(a, b), c)),
    ("minimum", lambda a, b, c: np.minimum(np.minimum(a, b), c)),
    ("concatenate", lambda a, b, c: np.hstack([a, b, c])),
])  # fmt: skip
def test_merging_functions(name, function, backend):
    arrays = [X, X[::-1], np.cos(X)]
    assert_allclose(getattr(layers, name)(arrays), function(*arrays), rtol=1e-6)


@pytest.mark.parametrize("name", ["maximum", "minimum", "average"])
def test_equal_inputs_share_the_gradient(name, backend):
    """Halves for each of two equal values: together what the value alone would get."""
    steps = []
    for merge in (lambda value: value, lambda value: getattr(layers, name)([value, value])):
        x = Input((3,))
        model = Model(x, layers.Dense(1)(merge(layers.Dense(2)(x))))
        model.set_weights([np.cos(np.arange(w.size)).reshape(w.shape) for w in model.get_weights()])
        model.compile(fastnn.optimizers.SGD(1.0), "mse")
        steps.append(gradient(model, X, Y))
    assert_allclose(steps[1], steps[0], rtol=1e-4, atol=1e-7)


def test_dot_and_subtract(backend):
    a, b = X, np.cos(X)
    assert_allclose(layers.subtract([a, b]), a - b, rtol=1e-6)
    dots = (a * b).sum(axis=1, keepdims=True)
    assert_allclose(layers.dot([a, b], axes=1), dots, rtol=1e-5)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    assert_allclose(layers.dot([a, b], axes=1, normalize=True), dots / norms[:, None], rtol=1e-5)
    assert layers.dot([0 * a, b], axes=1, normalize=True).max() == 0


def test_operators_are_layers():
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], (a + b) * a - b)
    assert_allclose(model.predict([X, 2 * X]), 3 * X * X - 2 * X, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda a, b: layers.Add()([a, b]), ValueError, r"one shape.*\(3,\), \(2,\)"),
    (lambda a, b: layers.Subtract()([a, a, a]), ValueError, "takes 2, received 3"),
    (lambda a, b: layers.Concatenate(axis=2)([a, b]), ValueError, "received axis=2"),
    (lambda a, b: layers.Dot(2)([a, a]), ValueError, "axes=2"),
    (lambda a, b: layers.Dense(2)([a, b]), ValueError, "takes one input, received 2"),
    (lambda a, b: layers.Add()([a, X]), TypeError, "on tensors and data at once"),
    (lambda a, b: Model(a, X), TypeError, "outputs must be symbolic tensors"),
    (lambda a, b: Model([a, a], a + a), ValueError, "one of its tensors twice"),
    (lambda a, b: Model(a, layers.Concatenate()([a, b])), ValueError, "need the input 'b'"),
    (lambda a, b: np.asarray(a), TypeError, "a shape but no numbers"),
    (lambda a, b: Model(a, layers.Dense(1, name="d")(layers.Dense(1, name="d")(a))), ValueError,
     "the name 'd'"),
    (lambda a, b: layers.Dense(1).output, AttributeError, "has not been called"),
    (lambda a, b: layers.Add()([X, X[:3]]), ValueError, "same number of rows"),
])  # fmt: skip
def test_what_cannot_be_called(call, error, message):
    with pytest.raises(error, match=message):
        call(Input((3,), name="a"), Input((2,), name="b"))


def test_a_model_with_a_training_step_of_its_own_is_refused():
    with pytest.raises(TypeError, match=r"Own defines a step of its own.*Trainer"):
        class Own(Model):
            def train_step(self, data):
                return data


# several inputs and outputs


def two():
    a, b = Input((3,), name="a"), Input((2, 2), name="b")
    h = layers.Concatenate()([a, layers.Flatten()(b)])
    return Model([a, b], layers.Dense(1)(h))


def test_inputs_as_list_tuple_or_dictionary():
    model, b = two(), np.cos(np.arange(80.0)).reshape(20, 2, 2)
    model.compile("adam", "mse", metrics=["mae"])
    y = model.predict([X, b])
    assert_array_equal(model.predict((X, b)), y)
    assert_array_equal(model.predict({"b": b, "a": X}), y)
    assert_array_equal(model.predict([X, b], batch_size=7, verbose=0), y)
    assert_array_equal(model.predict([X, b], batch_size=7, callbacks=[]), y)
    assert_array_equal(model([X, b]), y)
    assert model.test_on_batch([X, b], Y) == pytest.approx(model.evaluate([X, b], Y, verbose=0))
    model.fit({"a": X, "b": b}, Y, validation_data=([X, b], Y), verbose=0)
    name = model.output_names[0]
    model.compile("adam", {name: "mse"}, metrics={name: ["mae"]})
    assert model.evaluate([X, b], {name: Y}, verbose=0) == model.evaluate([X, b], Y, verbose=0)
    assert model.input_shape == [(None, 3), (None, 2, 2)]
    assert [tensor.name for tensor in model.inputs] == ["a", "b"]


@pytest.mark.parametrize(("x", "message"), [
    (X, "a list of 2 arrays.*inputs a, b; received ndarray"),
    ([X], "received 1 items"),
    ({"a": X}, "with the inputs a, b; received one with a"),
    ([X, X], r"x\['b'\] must have the shape \(rows, 2, 2\)"),
    ([X, np.zeros((19, 2, 2))], r"x\['a'\] has 20, x\['b'\] has 19"),
])  # fmt: skip
def test_wrong_data_for_several_inputs(x, message):
    model = two()
    model.compile("sgd", "mse")
    for call in (model.predict, lambda x: model.fit(x, Y, verbose=0)):
        with pytest.raises(ValueError, match=message):
            call(x)


def test_predictions_of_several_outputs():
    x = Input((3,))
    h = layers.Dense(4, "tanh")(x)
    ends = [layers.Dense(2, "softmax")(h), layers.Reshape((2, 2))(h)]
    model = Model(x, ends)
    p, h = model.predict(X)
    assert p.shape == (20, 2) and h.shape == (20, 2, 2)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    named = Model(x, {"p": ends[0], "h": ends[1]}).predict(X, batch_size=6, verbose=0)
    assert_array_equal(named["p"], p)
    assert model.output_shape == [(None, 2), (None, 2, 2)]


def three_ends(**settings):
    x = Input((3,))
    h = layers.Dense(5, "tanh")(x)
    one = layers.Dense(1, "sigmoid", name="one")(h)
    two = layers.Dense(18, "softmax", name="two")(layers.concatenate([h, one]))
    model = Model(x, {"one": one, "two": two, "hidden": h})
    model.set_weights([np.cos(np.arange(w.size)).reshape(w.shape) for w in model.get_weights()])
    model.compile(fastnn.optimizers.SGD(0.1), settings.pop("loss"), **settings)
    return model


ENDS = {"one": (Y > 0).astype("float32"), "two": np.arange(20) % 18}


@pytest.mark.parametrize("batch_size", [1, 7, 20])
def test_several_outputs_are_the_same_on_every_backend(backend, batch_size):
    """Row weights, an output without a loss, batches of one row."""
    results = []
    for name in ("numpy", backend):
        model = three_ends(loss={"one": "bce", "two": "sparse_categorical_crossentropy"},
                           loss_weights={"two": 0.3}, metrics={"two": "accuracy", "one": "mae"},
                           backend=name)
        history = model.fit(X, ENDS, batch_size=batch_size, epochs=2, verbose=0, shuffle=False,
                            sample_weight=1 + X[:, 0]).history
        results.append([*history.values(), *model.get_weights(), *model.predict(X).values()])
    for got, wanted in zip(*results, strict=True):
        assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)


def test_the_total_is_the_weighted_sum_of_the_losses():
    model = three_ends(loss={"one": "bce", "two": "sparse_categorical_crossentropy"},
                       loss_weights={"one": 2.0, "two": 0.5})
    logs = model.evaluate(X, ENDS, return_dict=True, verbose=0)
    assert list(logs) == model.metrics_names == ["loss", "one_loss", "two_loss"]
    assert logs["loss"] == pytest.approx(2 * logs["one_loss"] + 0.5 * logs["two_loss"])
    assert logs["one_loss"] == pytest.approx(
        fastnn.losses.BinaryCrossentropy().rows(ENDS["one"], model.predict(X)["one"]).mean())


def test_an_output_without_a_loss_changes_nothing(backend):
    """Its part of the gradient is 0: not what the workspace held before."""
    alone = three_ends(loss={"one": "bce"})
    one = Model(alone.input, alone.output["one"])
    one = copy.deepcopy(one)
    one.compile(fastnn.optimizers.SGD(0.1), "bce")
    for _ in range(3):
        alone.fit(X, {"one": ENDS["one"]}, verbose=0, shuffle=False)
        one.fit(X, ENDS["one"], verbose=0, shuffle=False)
    for layer in one.layers[1:]:
        kernel = alone.get_layer(layer.name).kernel
        assert_allclose(layer.kernel, kernel, rtol=1e-5, atol=1e-7)


def test_every_output_s_activation_is_folded_into_its_loss():
    """The head of one takes a row out of the plan; the others must still find theirs."""
    x = Input((3,))
    ends = [layers.Dense(3, "softmax")(x), layers.Dense(1, "sigmoid")(x),
            layers.Dense(2, "softmax")(x)]
    for outputs in (ends, ends[::-1]):
        model = Model(x, outputs)
        losses = ["bce" if end is ends[1] else "cce" for end in outputs]
        model.compile("sgd", losses)
        ops = model.trainer.plan.ops
        assert Kind.SOFTMAX not in ops["kind"]
        assert not ops["formula"][ops["kind"] == Kind.DENSE].any()
        assert sorted(ops["link"][ops["link"] > 0]) == [1, 2, 2]


def test_a_model_of_several_outputs_is_saved_with_its_losses(tmp_path):
    model = three_ends(loss={"one": "bce", "two": "sparse_categorical_crossentropy"},
                       loss_weights={"two": 0.3}, metrics={"two": ["accuracy"]})
    model.fit(X, ENDS, verbose=0)
    model.save(tmp_path / "model")
    twin = fastnn.load_model(tmp_path / "model")
    assert twin.metrics_names == model.metrics_names
    histories = [m.fit(X, ENDS, epochs=2, verbose=0).history for m in (model, twin)]
    assert histories[0] == histories[1]


BOTH = ["bce", "sparse_categorical_crossentropy"]


@pytest.mark.parametrize(("settings", "y", "message"), [
    ({"loss": BOTH}, ENDS, "loss must be a list with an item for each of the outputs one, two"),
    ({"loss": {"three": "mse"}}, ENDS, "loss names 'three', but the outputs are one, two"),
    ({"loss": {"one": "bce"}, "metrics": {"two": "mae"}}, ENDS, "'two' has metrics but no loss"),
    ({"loss": {"one": "bce"}, "metrics": ["mae"]}, ENDS, "metrics must be a list with an item"),
    ({"loss": {"one": "bce"}, "loss_weights": 2.0}, ENDS, "loss_weights must be a list"),
    ({"loss": [*BOTH, None], "metrics": {"two": "mae"}}, ENDS, "does not fit the loss .spar"),
    ({"loss": {"one": fastnn.losses.BinaryCrossentropy(reduction="none")}}, ENDS, "'none', a numb"),
    ({"loss": [*BOTH, None]}, {"one": ENDS["two"], "two": ENDS["two"]}, r"y\['one'\]\["),
    ({"loss": [*BOTH, None]}, {"one": ENDS["one"], "two": ENDS["two"] + 1}, r"y\['two'\]\[17\]"),
    ({"loss": [*BOTH, None]}, {"one": ENDS["one"][1:], "two": ENDS["two"]}, r"y\['one'\] has 19"),
    ({"loss": [*BOTH, None]}, ENDS["one"], "y must be a list with an item"),
])  # fmt: skip
def test_what_several_outputs_refuse(settings, y, message):
    with pytest.raises(ValueError, match=message):
        three_ends(**settings).fit(X, y, verbose=0)


# layers in several models


def test_models_that_share_layers_see_each_other_s_updates(backend):
    x = Input((3,))
    h = layers.Dense(4, "tanh")(x)
    one, other = Model(x, layers.Dense(1)(h)), Model(x, layers.Dense(1)(h))
    code = Model(x, h)
    for model in (one, other):
        model.compile(fastnn.optimizers.SGD(0.1, momentum=0.9), "mse")
    wanted = code.predict(X)
    for model in (one, other, one):
        model.fit(X, Y, verbose=0)
        before, wanted = wanted, code.predict(X)
        assert not np.array_equal(before, wanted)
        kernel = one.layers[1].kernel
        assert kernel is other.layers[1].kernel
        assert_allclose(np.tanh(X @ kernel + one.layers[1].bias), wanted, rtol=1e-5, atol=1e-6)
    assert np.isfinite(other.evaluate(X, Y, verbose=0))
    other.set_weights([np.zeros_like(w) for w in other.get_weights()])
    assert not code.predict(X).any()


def test_a_callback_may_use_a_model_that_shares_layers():
    model = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    twin = copy.deepcopy(model)
    part = Model(model.input, model.layers[0].output)

    class Look(fastnn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            part.predict(X)

    for m, callbacks in ((model, [Look()]), (twin, [])):
        m.compile("adam", "mse")
        m.fit(X, Y, epochs=4, shuffle=False, verbose=0, callbacks=callbacks)
    for one, two in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert_array_equal(one, two)


def test_part_of_a_sequential_model():
    base = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    part = Model(inputs=base.input, outputs=base.layers[-2].output)
    assert_allclose(part.predict(X), base.layers[0](X), rtol=1e-6)
    end = Model(base.layers[0].output, base.output)  # from the middle on
    assert_allclose(end.predict(part.predict(X)), base.predict(X), rtol=1e-5, atol=1e-6)
    base.add(layers.Dense(2))
    assert base.output.row == (2,) and base.layers[-1].input is base.layers[-2].output
    del base
    gc.collect()
    assert part.predict(X).shape == (20, 4)


def test_frozen_layers_stay_as_they_are():
    base = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.BatchNormalization()])
    base.trainable = False
    model = Sequential([base, layers.Dense(1)])
    model.compile("adam", "mse")
    kept = base.get_weights()
    model.fit(X, Y, epochs=3, verbose=0)
    assert all(map(np.array_equal, kept, base.get_weights()))
    assert model.n_trained == 5 and len(model.trainable_weights) == 2
    base.trainable = True  # holds from the next compile on
    model.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, kept, base.get_weights()))
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(kept[0], base.get_weights()[0])


def test_layers_that_an_output_does_not_need_stay_as_they_are(backend):
    """Also those with a penalty: they have no gradient that it could be added to."""
    inner = Input((3,))
    h = layers.Dense(2, "tanh")(inner)
    pair = Model(inner, [h, layers.Dense(2, kernel_regularizer="l2", name="other")(h)])
    x = Input((3,))
    model = Model(x, layers.Dense(1)(pair(x)[0]))
    kept = pair.get_layer("other").kernel.copy()
    for optimizer in ("sgd", "adam"):
        model.compile(optimizer, "mse")
        model.fit(X, Y, epochs=3, verbose=0)
        assert_array_equal(pair.get_layer("other").kernel, kept)


def test_a_predictor_of_a_graph_folds_what_it_can(backend):
    x = Input((3,))
    h = layers.Dense(4)(x)
    one = layers.BatchNormalization()(h)
    two = layers.BatchNormalization()(layers.Dense(4, "relu")(one))
    model = Model(x, layers.Dense(2)(one + two + h))
    model.set_weights([0.5 + np.cos(np.arange(w.size)).reshape(w.shape) ** 2
                       for w in model.get_weights()])
    model.compile("sgd", "mse", backend=backend)
    assert_allclose(model.predictor()(X), model.predict(X), rtol=1e-5, atol=1e-5)


def test_dropout_called_twice_drops_twice():
    x, drop = Input((3,)), layers.Dropout(0.5, seed=3)
    both = Model(x, layers.Concatenate()([drop(x), drop(x)]))(np.ones((50, 3)), training=True)
    assert not np.array_equal(both[:, :3], both[:, 3:])


def test_layer_wise_pre_training():
    """An autoencoder for each layer, the codes of one being the data of the next; then all."""
    fastnn.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    data = np.tanh(rng.normal(size=(200, 3)) @ rng.normal(size=(3, 8))).astype("float32")
    encoders, codes = [layers.Dense(5, "tanh"), layers.Dense(3, "tanh")], data
    for encoder in encoders:
        x = Input(codes.shape[1:])
        pair = Model(x, layers.Dense(codes.shape[1])(encoder(x)))
        pair.compile(fastnn.optimizers.Adam(0.02), "mse")
        history = pair.fit(codes, codes, epochs=60, verbose=0).history["loss"]
        assert history[-1] < 0.3 * history[0]
        codes = encoder(codes)
    x = Input((8,))
    code = encoders[1](encoders[0](x))
    assert_allclose(Model(x, code).predict(data), codes, rtol=1e-4, atol=1e-5)
    deep = Model(x, layers.Dense(8)(code))
    encoders[0].trainable = encoders[1].trainable = False
    deep.compile(fastnn.optimizers.Adam(0.02), "mse")
    assert deep.fit(data, data, epochs=60, verbose=0).history["loss"][-1] < 0.1


# copies and files


def everything():
    inner = Sequential([Input((4,)), layers.Dense(3, "tanh"), layers.Dropout(0.2, seed=2)])
    a, b = Input((3,), name="a"), Input((2,), name="b")
    shared = layers.Dense(3, "relu")
    h = layers.Average()([shared(a), shared(shared(a))])
    h = inner(layers.Concatenate()([layers.Dot(1)([h, a]), h]))
    return Model({"a": a, "b": b}, layers.Dense(1)(layers.Concatenate()([h, b])), name="net")


@pytest.mark.parametrize("copied", [
    copy.deepcopy, copy.copy, lambda model: pickle.loads(pickle.dumps(model)), "file"])
def test_copies_go_on_as_the_model_does(copied, tmp_path):
    model, x = everything(), {"a": X, "b": X[:, :2]}
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, Y, batch_size=6, verbose=0)
    if copied == "file":
        model.save(tmp_path / "model")
        twin = fastnn.load_model(tmp_path / "model")
    else:
        twin = copied(model)
    assert twin.get_config() == model.get_config()
    histories = [m.fit(x, Y, batch_size=6, epochs=2, verbose=0).history for m in (model, twin)]
    assert histories[0] == histories[1]
    assert_array_equal(twin.params, model.params)
    part = Model(twin.input["a"], twin.layers[2].output)
    assert len(part.predict(X)) == 20
    texts = []
    for m in (model, twin):
        m.summary(print_fn=texts.append)
    assert texts[0] == texts[1]


def test_from_config_makes_the_graph_anew():
    model = everything()
    twin = type(model).from_config(model.get_config())
    twin.set_weights(model.get_weights())
    x = {"a": X, "b": X[:, :2]}
    assert_array_equal(twin.predict(x), model.predict(x))


def test_a_layer_inside_and_outside_of_a_model_cannot_be_saved(tmp_path):
    x = Input((3,))
    dense = layers.Dense(3)
    inner = Model(x, dense(x))
    model = Model(x, inner(dense(x)))
    assert model.count_params() == 12
    with pytest.raises(ValueError, match="both by itself and in a model inside"):
        model.save(tmp_path / "model")


SUMMARY = """\
Model: "net"
┏━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
┃ Layer (type)      ┃ Output Shape    ┃   Param # ┃ Connected to    ┃
┡━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)    │ (None, 3)       │         0 │ -               │
├───────────────────┼─────────────────┼───────────┼─────────────────┤
│ h (Dense)         │ (None, 3)       │        12 │ x[0][0]         │
├───────────────────┼─────────────────┼───────────┼─────────────────┤
│ y (Add)           │ (None, 3)       │         0 │ h[0][0],        │
│                   │                 │           │ x[0][0]         │
└───────────────────┴─────────────────┴───────────┴─────────────────┘
"""


def test_the_summary_says_what_layers_are_connected_to():
    x, printed = Input((3,), name="x"), []
    model = Model(x, layers.Add(name="y")([layers.Dense(3, name="h")(x), x]), name="net")
    model.summary(print_fn=printed.append, line_length=69)
    assert printed[0].startswith(SUMMARY)
