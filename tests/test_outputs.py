"""Several inputs and outputs: every loss and metric for each of them, weights, ways of feeding."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import Input, Model, Sequential, backends, data, losses
from fastnn.layers import Concatenate, Dense, Embedding, Flatten, GaussianNoise
from fastnn.utils import PyDataset

N = 40
X = np.sin(np.arange(4.0 * N)).reshape(N, 4).astype("float32")
WEIGHTS = (1 + np.cos(np.arange(N))).astype("float32")
LABELS = np.arange(N) * 7 % 3
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
SIGNS = np.where(X[:, :3] > 0, 1, -1).astype("float32")
SHARES = (np.abs(X[:, :3]) / np.abs(X[:, :3]).sum(axis=1, keepdims=True)).astype("float32")

# loss: activation of the output, targets
LOSSES = {
    "mse": (losses.MeanSquaredError(), None, X[:, :3]),
    "mse_sum": (losses.MeanSquaredError(reduction="sum"), None, X[:, :3]),
    "huber_weights": (losses.Huber(0.3, reduction="mean_with_sample_weight"), None, X[:, :3]),
    "bce": (losses.BinaryCrossentropy(), "sigmoid", ONE_HOT),
    "focal": (losses.BinaryFocalCrossentropy(), "sigmoid", ONE_HOT),
    "cce": (losses.CategoricalCrossentropy(label_smoothing=0.1), "softmax", ONE_HOT),
    "cce_probabilities": (losses.CategoricalCrossentropy(), "softplus", ONE_HOT),
    "sparse": (losses.SparseCategoricalCrossentropy(), "softmax", LABELS),
    "sparse_ignoring": (losses.SparseCategoricalCrossentropy(ignore_class=1), "softmax", LABELS),
    "categorical_focal": (losses.CategoricalFocalCrossentropy(), "softmax", ONE_HOT),
    "generalized": (losses.CategoricalGeneralizedCrossEntropy(), "softmax", LABELS),
    "cosine": (losses.CosineSimilarity(), None, X[:, :3]),
    "hinge": (losses.Hinge(), "tanh", SIGNS),
    "categorical_hinge": (losses.CategoricalHinge(), "softmax", ONE_HOT),
    "kl": (losses.KLDivergence(), "softmax", SHARES),
    "poisson": (losses.Poisson(), "softplus", ONE_HOT),
    "dice": (losses.Dice(), "sigmoid", ONE_HOT),
    "dice_rows": (losses.Dice(axis=-1, reduction="sum"), "sigmoid", ONE_HOT),
    "tversky": (losses.Tversky(0.3, 0.7, axis=1), "softmax", ONE_HOT),
}


@pytest.fixture(params=backends.available())
def backend(request, monkeypatch):
    monkeypatch.setenv("FASTNN_BACKEND", request.param)
    return request.param


@pytest.fixture(autouse=True)
def seed():
    fastnn.utils.set_random_seed(3)


def tower(name, link):
    return [Dense(5, "tanh", name=f"{name}_hidden"), Dense(3, link, name=name)]


def chained(x, layers):
    for layer in layers:
        x = layer(x)
    return x


def copied(model, layers):
    """A Sequential of equal layers with the same weights."""
    other = Sequential([Input((4,)), *(type(one).from_config(one.get_config()) for one in layers)])
    other.set_weights([w for one in layers for w in one.get_weights()])
    return other


def trained(model, x, y, seed, weights=None, **settings):
    fastnn.utils.set_random_seed(seed)
    model.compile(fastnn.optimizers.SGD(0.05, momentum=0.9), **settings)
    fit = model.fit(x, y, epochs=2, batch_size=16, verbose=0, sample_weight=weights)
    results = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True,
                             sample_weight=weights)
    return fit.history, results


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_two_towers_train_as_two_models(name, weighted, backend):
    loss, link, y = LOSSES[name]
    other, other_y = losses.get("sparse_categorical_crossentropy"), (LABELS + 1) % 3
    one, two = tower("one", link), tower("two", "softmax")
    x = Input((4,))
    both = Model(x, [chained(x, one), chained(x, two)])
    parts = copied(both, one), copied(both, two)
    own = [WEIGHTS, WEIGHTS[::-1].copy()] if weighted else [None, None]
    metric = "acc" if loss.sparse else "mae"
    got, evaluated = trained(both, X, [y, other_y], 5, own if weighted else None,
                             loss=[loss, other], metrics=[[metric], ["acc"]],
                             weighted_metrics=[[metric], ["acc"]])
    for end, layers, part, t, own_loss, w, m in zip(
            ("one", "two"), (one, two), parts, (y, other_y), (loss, other), own, (metric, "acc"),
            strict=True):
        history, results = trained(part, X, t, 5, w, loss=own_loss, metrics=[m],
                                   weighted_metrics=[m])
        for key in ("loss", m, f"weighted_{m}"):
            assert_allclose(got[f"{end}_{key}"], history[key], rtol=1e-12, err_msg=key)
            assert_allclose(evaluated[f"{end}_{key}"], results[key], rtol=1e-6, err_msg=key)
        mine = [array for layer in layers for array in layer.get_weights()]
        for a, b in zip(mine, part.get_weights(), strict=True):
            assert_array_equal(a, b)
    assert_allclose(got["loss"], np.add(got["one_loss"], got["two_loss"]), rtol=1e-6)
    assert_allclose(evaluated["loss"], evaluated["one_loss"] + evaluated["two_loss"], rtol=1e-6)


def test_a_penalty_counts_once(backend):
    x = Input((4,))
    hidden = Dense(4, kernel_regularizer="l2")(x)
    model = Model(x, [Dense(3, name="one")(hidden), Dense(3, "sigmoid", name="two")(hidden)])
    model.compile("sgd", ["mse", losses.Dice(reduction="sum")], loss_weights=[2.0, 0.5])
    found = model.evaluate(X, [X[:, :3], ONE_HOT], verbose=0, return_dict=True)
    penalty = 0.01 * np.square(model.layers[1].kernel).sum()
    wanted = 2 * found["one_loss"] + 0.5 * found["two_loss"] + penalty
    assert_allclose(found["loss"], wanted, rtol=1e-6)


def test_activity_regularizers_count_in_graphs():
    x = Input((4,))
    dense = Dense(3, activity_regularizer="l2")
    graph = Model(x, dense(x))
    graph.compile("sgd", "mse", metrics=["mse"])
    loss, error = graph.evaluate(X, X[:, :3], batch_size=N, verbose=0)
    assert_allclose(loss, error + 0.01 * np.square(graph.predict(X)).sum() / N, rtol=1e-5)


def test_each_call_of_a_layer_draws_noise_of_its_own():
    x, noise = Input((4,)), GaussianNoise(1.0, seed=5)
    one, two = Model(x, [noise(x), noise(x)])(X, training=True)
    assert (one != two).all()


# weights


def two_ended():
    x = Input((4,))
    return Model(x, [Dense(3, name="one")(x), Dense(3, "softmax", name="two")(x)])


Y = [X[:, :3], LABELS]
LOSS = ["mse", "sparse_categorical_crossentropy"]


@pytest.mark.parametrize("given", [
    [WEIGHTS, None], {"one": WEIGHTS}, (WEIGHTS, np.ones(N)), {"one": WEIGHTS[:, None]}])
def test_weights_of_one_output(given):
    results = []
    for weights in (given, [WEIGHTS, np.ones(N, "float32")]):
        model = two_ended()
        model.set_weights([np.full_like(w, 0.1) for w in model.get_weights()])
        results.append(trained(model, X, Y, 2, weights, loss=LOSS))
    assert results[0] == results[1]


def test_one_array_of_weights_is_for_all_outputs():
    one, two = two_ended(), two_ended()
    two.set_weights(one.get_weights())
    assert trained(one, X, Y, 2, WEIGHTS, loss=LOSS) == trained(two, X, Y, 2, [WEIGHTS] * 2,
                                                                loss=LOSS)


@pytest.mark.parametrize(("settings", "message"), [
    ({"class_weight": {0: 1.0, 1: 2.0}}, "class_weight is for models of one output"),
    ({"sample_weight": [WEIGHTS]}, "sample_weight must be a list with an item for each"),
    ({"sample_weight": {"three": WEIGHTS}}, "sample_weight names 'three'"),
    ({"sample_weight": [WEIGHTS, -WEIGHTS - 1]}, r"sample_weight\['two'\]\[0\] is"),
    ({"sample_weight": WEIGHTS[1:]}, "must have a number for each of the 40 rows"),
    ({"validation_split": 0.2, "validation_mode": "stratify"}, "needs classes in y"),
])
def test_what_fit_refuses(settings, message):
    model = two_ended()
    model.compile("sgd", LOSS)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, verbose=0, **settings)


def test_crossentropies_are_chosen_for_each_output():
    model = two_ended()
    model.compile("sgd", ["mse", "ce"], metrics=[None, "acc"])
    model.fit(X, {"one": X[:, :3], "two": ONE_HOT}, verbose=0)
    assert isinstance(model.trainer.outputs[1].loss, losses.CategoricalCrossentropy)
    model.compile("sgd", ["mse", "ce"], metrics=[None, "acc"])
    model.fit(X, Y, verbose=0)
    assert isinstance(model.trainer.outputs[1].loss, losses.SparseCategoricalCrossentropy)


def test_a_metric_object_may_be_given_twice():
    metric = fastnn.metrics.MeanAbsoluteError(name="far")
    model = two_ended()
    model.compile("sgd", ["mse", "mse"], metrics=[metric, metric], weighted_metrics=[[metric], []])
    model.fit(X, [X[:, :3], ONE_HOT], verbose=0)
    assert model.metrics_names == ["loss", "one_loss", "two_loss", "one_far", "one_weighted_far",
                                   "two_far"]
    assert metric.name == "far"


def test_a_function_and_a_metric_of_states_for_one_output(backend):
    model = two_ended()
    model.compile("sgd", LOSS, metrics={"one": [lambda t, y: np.abs(t - y).max(axis=1), "r2_score"],
                                        "two": "acc"})
    model.fit(X, Y, verbose=0)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    one, two = model.predict(X)
    assert_allclose(found["one_<lambda>"], np.abs(one - Y[0]).max(axis=1).mean(), rtol=1e-5)
    r2 = fastnn.metrics.R2Score()
    r2.update_state(Y[0], one)
    assert_allclose(found["one_r2_score"], r2.result(), rtol=1e-5)
    assert_allclose(found["two_acc"], (two.argmax(axis=1) == LABELS).mean())


def test_files_keep_the_outputs_settings(tmp_path):
    model = two_ended()
    model.compile("adam", [losses.Huber(reduction="sum"), "sparse_categorical_crossentropy"],
                  loss_weights=[0.1, 2.0], metrics=[["mae"], "acc"],
                  weighted_metrics={"two": "acc"})
    model.fit(X, Y, verbose=0, sample_weight=[WEIGHTS, None])
    model.save(tmp_path / "model.fastnn")
    again = fastnn.load_model(tmp_path / "model.fastnn")
    assert again.metrics_names == model.metrics_names
    for one in (model, again):
        one.fit(X, Y, epochs=2, verbose=0, sample_weight=[WEIGHTS, None])
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert_array_equal(again.params, model.params)


def test_callbacks_follow_an_output():
    model = two_ended()
    model.compile("sgd", LOSS, metrics=[None, ["acc"]])
    stop = fastnn.callbacks.EarlyStopping("val_two_acc", patience=0, mode="max", baseline=2.0)
    history = model.fit(X, Y, epochs=5, verbose=0, validation_data=(X, Y), callbacks=[stop])
    assert len(history.epoch) == 2  # it waits for nothing
    assert list(history.history) == sorted(k for name in ("loss", "one_loss", "two_loss", "two_acc")
                                           for k in (name, f"val_{name}"))


# feeding


def two_sided():
    a, b = Input((4,), name="a"), Input((2,), name="b")
    model = Model({"a": a, "b": b}, Dense(1)(Concatenate()([Dense(3, "tanh")(a), b])))
    model.set_weights([np.full_like(w, 0.2) for w in model.get_weights()])
    model.compile("sgd", "mse")
    return model


SIDES = {"a": X, "b": X[:, 2:] ** 2}
SUM = X.sum(axis=1)


class Parts(PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, i):
        part = slice(8 * i, 8 * i + 8)
        return {name: array[part] for name, array in SIDES.items()}, SUM[part]


def generator():
    while True:
        yield from (Parts()[i] for i in range(5))


def lists():
    for i in range(5):
        x, y = Parts()[i]
        yield list(x.values()), y, np.ones(8)


@pytest.mark.parametrize("source", [
    (Parts, {}), (generator, {"steps_per_epoch": 5}), (lists, {})],
    ids=["dataset", "endless", "once"])
def test_batches_of_two_inputs(source):
    make, settings = source
    one, two = two_sided(), two_sided()
    one.fit(SIDES, SUM, batch_size=8, shuffle=False, verbose=0)
    two.fit(make(), shuffle=False, verbose=0, **settings)
    assert_array_equal(one.params, two.params)
    steps = 5 if make is generator else None
    assert_allclose(two.evaluate(make(), verbose=0, steps=steps),
                    one.evaluate(SIDES, SUM, verbose=0), rtol=1e-6)
    assert_array_equal(two.predict(make(), verbose=0, steps=steps), one.predict(SIDES))


def test_batches_for_two_outputs():
    def batches():
        for i in range(5):
            part = slice(8 * i, 8 * i + 8)
            yield X[part], {"one": Y[0][part], "two": Y[1][part]}, {"two": WEIGHTS[part]}

    one, two = two_ended(), two_ended()
    two.set_weights(one.get_weights())
    for model, x, settings in ((one, batches(), {}), (two, X, {
            "y": Y, "sample_weight": {"two": WEIGHTS}, "batch_size": 8, "shuffle": False})):
        model.compile("sgd", LOSS, weighted_metrics=[["mae"], ["acc"]])
        history = model.fit(x, verbose=0, **settings).history
        settings["found"] = history
    assert_array_equal(one.params, two.params)
    parts = one.predict(batches())
    for got, wanted in zip(parts, two.predict(X), strict=True):
        assert_array_equal(got, wanted)


@pytest.mark.parametrize("large", [False, True])
def test_sparse_and_large_inputs(large, monkeypatch):
    sparse = pytest.importorskip("scipy.sparse")
    whole = {"a": np.where(X > 0.5, X, 0), "b": X[:, 2:] ** 2}  # b is as it should be
    wanted, got = two_sided(), two_sided()
    histories = []
    for model in (wanted, got):
        if model is got:
            whole = {"a": sparse.csr_matrix(whole["a"]), "b": whole["b"]}
            if large:
                monkeypatch.setattr(data, "WHOLE", 64)
        fit = model.fit(whole, SUM, batch_size=8, epochs=2, verbose=0, validation_split=0.25,
                        shuffle=False)
        histories.append(fit.history)
    assert histories[0] == histories[1]
    assert_array_equal(got.params, wanted.params)
    assert_array_equal(got.predict(whole), wanted.predict(whole))


def test_places_in_a_table_are_checked_for_each_input():
    a, b = Input((2,), name="a"), Input((2,), name="b")
    table = Embedding(5, 3)
    model = Model([a, b], Dense(1)(Concatenate()([Flatten()(table(a)), Flatten()(table(b))])))
    model.compile("sgd", "mse")
    places = np.zeros((N, 2), int)
    model.fit([places, places + 4], SUM, verbose=0)
    with pytest.raises(ValueError, match="whole numbers from 0 to 4 for its Embedding, received 5"):
        model.fit([places, places + 5], SUM, verbose=0)
