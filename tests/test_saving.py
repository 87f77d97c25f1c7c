"""Saving and loading: what comes back."""

import io
import json
import stat
import zipfile
from hashlib import sha256

import numpy as np
import pytest
from model_files import X, Y, equal, members_of, network, trained

import fastnn
from fastnn import (
    Input,
    Sequential,
    activations,
    backends,
    initializers,
    layers,
    optimizers,
    random,
    registry,
    saving,
)
from fastnn.saving import CorruptModelError, load_model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.fastnn"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_to_the_last_bit(path, dtype):
    model = trained(model=network(dtype))
    model.save(path, metadata={"labels": ["a", "ü"], "scale": 0.1})
    loaded = load_model(path)
    assert equal(model, loaded)
    assert loaded.name == "net" and loaded.metadata == {"labels": ["a", "ü"], "scale": 0.1}
    assert np.array_equal(load_model(path, backend="numpy").predict(X), model.predict(X))
    assert loaded.optimizer.iterations == 9
    for call in (fastnn.load_model, fastnn.models.load_model, saving.load_model):
        assert equal(call(str(path)), model)


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("optimizer", [
    "sgd", optimizers.SGD(0.01, 0.9, nesterov=True), "rmsprop", "adam",
    optimizers.RMSprop(centered=True, momentum=0.5), optimizers.Adam(amsgrad=True, clipnorm=0.5)])
def test_training_goes_on_as_if_it_had_never_stopped(path, backend, optimizer):
    config = optimizer if isinstance(optimizer, str) else registry.serialize(optimizer)
    whole = trained(optimizers.get(config), 6, backend=backend)
    half = trained(optimizers.get(config), 3, backend=backend)
    half.save(path)
    loaded = load_model(path, backend=backend)
    history = loaded.fit(X, Y, epochs=6, initial_epoch=3, batch_size=8, verbose=0).history
    assert np.array_equal(loaded.params, whole.params)
    assert history["loss"] == whole.history.history["loss"][3:]
    whole.save(path)
    twin = path.with_name("twin")
    loaded.save(twin)
    assert twin.read_bytes() == path.read_bytes()


def test_equal_models_make_equal_files(path):
    twin = path.with_name("twin")
    trained().save(path, metadata={"b": 1, "a": [1.5, None]})
    trained().save(twin, metadata={"a": [1.5, None], "b": 1})
    assert twin.read_bytes() == path.read_bytes()
    load_model(path).save(twin)  # nor does a round trip change anything
    assert twin.read_bytes() == path.read_bytes()
    load_model(twin, compile=False).save(twin)
    assert members_of(twin).keys() == members_of(path).keys() - {
        "compile.json", "training.json", "optimizer/slots.npy"}


def test_the_file_is_readable_with_numpy_alone(path):
    model = trained()
    model.save(path)
    with np.load(path, allow_pickle=False) as file:
        arrays = [file[name] for name in file.files if name.startswith("weights/")]
        slots = file["optimizer/slots"]
        assert json.loads(file["config.json"])["class_name"] == "Sequential"
    assert all(map(np.array_equal, arrays, model.get_weights()))
    assert np.array_equal(slots, model.trainer.memory.slots)
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        manifest = json.loads(file.read("manifest.json"))
        listed = {m["name"]: (m["size"], m["sha256"]) for m in manifest["members"]}
        found = {n: file.read(n) for n in file.namelist() if n != "manifest.json"}
        assert listed == {n: (len(d), sha256(d).hexdigest()) for n, d in found.items()}
        assert all(stat.S_ISREG(i.external_attr >> 16) for i in file.infolist())


@pytest.mark.parametrize("shape", [(), (3,), (0, 7), (2, 3, 4)])
def test_arrays_are_written_as_numpy_reads_them(shape):
    for dtype in ("<f4", ">f8"):
        array = np.arange(np.prod(shape, dtype=int), dtype=dtype).reshape(shape, order="F")
        data = saving._npy(array)
        again = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        assert np.array_equal(again, array) and again.shape == shape
        assert np.array_equal(saving._array(data, shape), array)


def test_models_that_are_not_built_compiled_or_trained(path):
    for model in (Sequential(name="empty"), Sequential([layers.Dense(2, name="d")]), network()):
        model.save(path)
        loaded = load_model(path)
        assert loaded.built == model.built and loaded.get_config() == model.get_config()
        assert loaded.optimizer is None and loaded.metadata is None
    model.compile("adam", "mse", backend="numpy")
    model.save(path)
    assert equal(load_model(path), model) and load_model(path, compile=False).optimizer is None
    loaded = load_model(path, backend="numpy")
    assert json.loads(members_of(path)["training.json"]).keys() == {"seed", "epoch", "step"}
    model.fit(X, Y, verbose=0)
    loaded.fit(X, Y, verbose=0)
    assert np.array_equal(loaded.params, model.params)  # the seed was drawn when it was compiled
    model.compile()  # no loss
    model.save(path)
    assert load_model(path)._compiled["loss"] is None


def test_seeds_of_ones_own(path):
    model = trained(epochs=1)
    model.trainer.seed = -5
    model.save(path)
    for one in (model, loaded := load_model(path, backend="numpy")):
        one.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert np.array_equal(loaded.params, model.params)


def test_a_wrong_backend_is_not_the_files_fault(path):
    trained().save(path)
    with pytest.raises(ValueError, match="backend must be one of") as caught:
        load_model(path, backend="abacus")
    assert not isinstance(caught.value, CorruptModelError)


def test_nan_in_the_weights_is_not_the_files_affair(path):
    model = network()
    model.params[:3] = np.nan, np.inf, -0.0
    model.save(path)
    assert load_model(path).params.tobytes() == model.params.tobytes()


def test_loading_runs_no_initializer_and_draws_no_seed(path):
    def ramp(shape, dtype=None):
        return np.full(shape, next(calls), dtype)

    calls = iter([0.5])
    model = trained(model=network(kernel_initializer=np.ones((4, 5)), bias_initializer=ramp))
    model.save(path)
    assert b"1.0" not in members_of(path)["config.json"]  # the array has done its work
    stream = (random._stream[0].seed, random._stream[0].count)
    loaded = load_model(path)
    assert (random._stream[0].seed, random._stream[0].count) == stream
    assert np.array_equal(loaded.params, model.params)
    loaded.save(path.with_name("again"))
    assert path.with_name("again").read_bytes() == path.read_bytes()
    for initializer in (loaded.layers[0].kernel_initializer, loaded.layers[0].bias_initializer):
        assert isinstance(initializer, initializers.Function)
        with pytest.raises(ValueError, match=r"a saved model keeps only the name"):
            initializer((4, 5))


def test_frozen_layers(path):
    model = trained()
    model.layers[0].trainable = False  # holds from the next compile, or load, on
    model.save(path)
    state = json.loads(members_of(path)["training.json"])
    assert "optimizer/slots.npy" not in members_of(path) and "iterations" not in state
    loaded = load_model(path)
    before = loaded.layers[0].kernel.copy()
    loaded.fit(X, Y, verbose=0)
    assert np.array_equal(loaded.layers[0].kernel, before) and loaded.trainer.epoch == 4
    loaded.save(path)
    assert np.array_equal(load_model(path).params, loaded.params)


def test_names_of_layers_may_be_anything(path):
    names = ["../..", "a b", "a%20b", "Ü/日本", "\ud800", "x" * 200]
    model = Sequential([Input((2,)), *(layers.Dense(2, name=name) for name in names)])
    model.save(path)
    assert equal(load_model(path), model)
    assert "weights/%2E%2E%2F%2E%2E/kernel.npy" in members_of(path)
    model.layers[0].name = "a b"
    with pytest.raises(ValueError, match="Two layers have the name 'a b'"):
        model.save(path)
    model.layers[0].name = "x" * 2000
    with pytest.raises(ValueError, match="1000 characters"):
        model.save(path)


# ---- custom objects ----


class Twice(layers.Layer):
    """x + x, with a weight that nobody needs."""

    def __init__(self, extra=1, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.extra = extra
        self.activation = activations.get(activation)

    def build(self, input_shape):
        self.add_weight("unused", (self.extra,), trainable=False)

    def lower(self, builder, value):
        return builder.merge(fastnn.plan.Kind.ADD, *builder.fork(value))

    def get_config(self):
        return super().get_config() | {"extra": self.extra}


class Halves(initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return np.full(shape, 0.5, dtype)


def worst(y_true, y_pred):
    return np.abs(y_true - y_pred).max()


def test_classes_and_functions_of_the_callers(path):
    model = Sequential([Input((4,)), Twice(3), layers.Dense(1, kernel_initializer=Halves())])
    trained(model=model, metrics=["mse", worst])
    model.save(path)
    own = {"Twice": Twice, "Halves": Halves, "worst": worst}
    loaded = load_model(path, own)
    assert equal(loaded, model) and type(loaded.layers[0]) is Twice
    assert loaded.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))
    for name in own:
        lacking = {key: value for key, value in own.items() if key != name}
        with pytest.raises(ValueError, match=rf"{name}.*custom_objects") as caught:
            load_model(path, lacking)
        assert not isinstance(caught.value, CorruptModelError)  # the file is in order
    load_model(path, {"Twice": Twice, "Halves": Halves}, compile=False)
    with pytest.raises(TypeError, match="custom_objects must be"):
        load_model(path, {"Twice": 3})


def test_a_class_that_would_be_taken_for_another_is_not_saved(path):
    class Dense(layers.Dense):
        pass

    with pytest.raises(ValueError, match=r"another layer of that name. Rename it"):
        Sequential([Input((2,)), Dense(1)]).save(path)
    assert not path.exists()


# ---- weights alone ----


def test_weights_alone(path):
    model = trained()
    model.save_weights(path)
    assert all(name.startswith("weights/") for name in members_of(path))
    other = network()
    for layer in other.layers:
        layer.name += "_other"  # as the second model of a process has it
    other.load_weights(path)
    assert np.array_equal(other.params, model.params)
    model.save(path)
    other.params[:] = 0
    other.load_weights(path)  # of a whole model, too
    assert np.array_equal(other.params, model.params)


def test_weights_that_do_not_fit_change_nothing(path):
    trained().save_weights(path)
    others = [Sequential([Input((4,)), layers.Dense(5)]),
              Sequential([Input((4,)), layers.Dense(5), layers.BatchNormalization(center=False),
                          layers.Dense(1)]),
              Sequential([Input((4,)), layers.Dense(6), layers.BatchNormalization(),
                          layers.Dense(1)])]
    for model in others:
        before = model.params.copy()
        with pytest.raises(ValueError, match=r"do not fit.*\('kernel', \(4, .*\(4, 5\)") as caught:
            model.load_weights(path)
        assert not isinstance(caught.value, CorruptModelError)
        assert np.array_equal(model.params, before)
    shift, scale = (Sequential([Input((4,)), layers.BatchNormalization(**{without: False})])
                    for without in ("scale", "center"))
    shift.save_weights(path)
    with pytest.raises(ValueError, match=r"do not fit.*\('gamma', \(4,\)\).*/beta.npy"):
        scale.load_weights(path)
    with pytest.raises(ValueError, match="does not know its input's shape"):
        Sequential([layers.Dense(1)]).load_weights(path)
    with pytest.raises(ValueError, match=r"holds weights only.*load_weights"):
        load_model(path)
