"""Whatever x is: arrays of all kinds train to the same bits, streams of batches as in Keras."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends, callbacks, data
from fastnn.layers import Dense, Dropout
from fastnn.utils import PyDataset

GOLDEN = Path(__file__).parent / "golden"
KERAS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_feeding.py")))
RESULTS = json.loads((GOLDEN / "feeding.json").read_text())

IMAGES = np.random.default_rng(0).integers(0, 256, (48, 6), dtype=np.uint8)
LABELS = IMAGES[:, 0] // 86


def made(backend=None, metrics=("accuracy",), build=True):
    fastnn.utils.set_random_seed(4)
    model = Sequential([*([Input((6,))] if build else []), Dense(5, "tanh"), Dropout(0.1),
                        Dense(3, "softmax")])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=list(metrics),
                  backend=backend)
    return model


def trained(x, y=LABELS, backend=None, build=True, **arguments):
    model = made(backend, build=build)
    history = model.fit(x, y, **{"batch_size": 10, "epochs": 3, "verbose": 0} | arguments)
    return model, history.history


@pytest.fixture
def small_pieces(monkeypatch):
    """Even small arrays count as too large to be cast as a whole."""
    monkeypatch.setattr(data, "WHOLE", 12 * 6 * 4)  # twelve rows at once


def as_memmap(tmp_path, dtype):
    path = tmp_path / "x.npy"
    np.save(path, IMAGES.astype(dtype))
    return np.load(path, mmap_mode="r")


KINDS = {
    "uint8": lambda folder: IMAGES,
    "int64": lambda folder: IMAGES.astype(np.int64),
    "float64": lambda folder: IMAGES.astype(float),
    "fortran": lambda folder: np.asfortranarray(IMAGES),
    "memmap uint8": lambda folder: as_memmap(folder, np.uint8),
    "memmap float64": lambda folder: as_memmap(folder, float),
    "memmap float32": lambda folder: as_memmap(folder, np.float32),
    "csr": lambda folder: pytest.importorskip("scipy.sparse").csr_array(IMAGES.astype(float)),
    "csc": lambda folder: pytest.importorskip("scipy.sparse").csc_matrix(IMAGES.astype("f4")),
    "coo": lambda folder: pytest.importorskip("scipy.sparse").coo_matrix(IMAGES.astype("f4")),
    "pandas": lambda folder: pytest.importorskip("pandas").DataFrame(IMAGES),
    "polars": lambda folder: pytest.importorskip("polars").DataFrame(IMAGES),
    "lists": lambda folder: IMAGES.tolist(),
}


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arguments", [
    {}, {"validation_split": 0.25}, {"validation_split": 0.25, "validation_mode": "stratify"},
    {"steps_per_epoch": 3}, {"class_weight": "balanced", "shuffle": False},
])
def test_all_arrays_train_to_the_same_bits(kind, arguments, backend, tmp_path, small_pieces):
    x = KINDS[kind](tmp_path)
    model, history = trained(x, backend=backend, **arguments)
    expected, numbers = trained(IMAGES.astype("float32"), backend=backend, **arguments)
    np.testing.assert_array_equal(model.params, expected.params)
    assert history.keys() == numbers.keys()
    for name, values in numbers.items():
        assert history[name] == pytest.approx(values, rel=1e-6)
    np.testing.assert_array_equal(model.predict(x), expected.predict(IMAGES.astype("float32")))
    np.testing.assert_array_equal(model.predict(x, batch_size=7, verbose=2), model.predict(x))
    assert model.evaluate(x, LABELS, verbose=0) == pytest.approx(
        expected.evaluate(IMAGES, LABELS, verbose=0), rel=1e-6)


def test_large_arrays_go_through_a_step_of_training(small_pieces):
    found = made()(IMAGES, training=True)
    np.testing.assert_array_equal(found, made()(IMAGES.astype("float32"), training=True))


def test_series_are_targets():
    pandas = pytest.importorskip("pandas")
    model, _ = trained(pandas.DataFrame(IMAGES), pandas.Series(LABELS))
    np.testing.assert_array_equal(model.params, trained(IMAGES)[0].params)


def test_large_arrays_are_never_floats_as_a_whole(small_pieces):
    model = made(metrics=["accuracy", lambda t, y: y[:, 0]])
    feed = model.trainer.feed(IMAGES, LABELS)
    assert isinstance(feed.X, data.Rows) and feed.X.source is IMAGES
    asked, getitem = [], data.Rows.__getitem__

    def spy(rows, part):
        found = getitem(rows, part)
        asked.append(len(found))
        return found

    data.Rows.__getitem__ = spy
    try:
        model.fit(IMAGES, LABELS, batch_size=5, epochs=3, verbose=0, validation_split=0.5)
    finally:
        data.Rows.__getitem__ = getitem
    assert 0 < max(asked) <= 24 and max(asked[:2]) <= 12  # of validation, all of its 24 at once


@pytest.mark.parametrize("kind", ["memmap float64", "csr"])
def test_all_pieces_are_checked_before_the_first_step(kind, tmp_path, small_pieces):
    x = np.array(IMAGES, float)
    x[30, 2] = np.nan
    if kind == "csr":
        x = pytest.importorskip("scipy.sparse").csr_array(x)
    model = made()
    with pytest.raises(ValueError, match=r"x\[30, 2\] is nan, but every number"):
        model.fit(x, LABELS, verbose=0)
    assert model.optimizer.iterations == 0
    with pytest.raises(ValueError, match=r"x must have the shape \(rows, 6\).*\(48, 5\)"):
        model.fit(x[:, :5], LABELS, verbose=0)


# batches


@pytest.mark.parametrize("name", KERAS.CASES)
def test_training_equals_that_of_keras(name):
    ours, keras = KERAS.train(fastnn, name), RESULTS[name]
    assert list(ours["history"]) == sorted(keras["history"])
    for column, values in keras["history"].items():
        np.testing.assert_allclose(ours["history"][column], values, rtol=2e-5, atol=2e-5)
    for w, expected in zip(ours["weights"], keras["weights"], strict=True):
        np.testing.assert_allclose(w, expected, rtol=2e-5, atol=2e-5)
    for part in "evaluate", "predict":
        if part in keras:
            np.testing.assert_allclose(ours[part], keras[part], rtol=2e-5, atol=2e-5)


def cut(size=10, weights=False):
    """The batches that fit makes without shuffling."""
    for i in range(0, 48, size):
        part = slice(i, i + size)
        yield (IMAGES[part], LABELS[part], *([np.ones(len(LABELS[part]))] if weights else []))


class Batches(PyDataset):
    def __init__(self, size=10):
        super().__init__(workers=2)
        self.list = list(cut(size))
        self.calls = []

    def __len__(self):
        return len(self.list)

    def __getitem__(self, index):
        self.calls.append(index)
        return self.list[index]

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")


class Loader:
    """Looks like a DataLoader: an iterable of lists, with or without a length."""

    def __iter__(self):
        for batch in cut():
            yield list(batch)


class SizedLoader(Loader):
    def __len__(self):
        return 5


class Keyless:
    """A Sequence of old: no base class."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return list(cut())[index]

    def on_epoch_end(self):
        pass


def endless():
    while True:
        yield from cut()


STREAMS = {
    "generator": (endless, {"steps_per_epoch": 5}),
    "generator of a pass": (lambda: (b for _ in range(3) for b in cut()), {"steps_per_epoch": 5}),
    "weighted": (lambda: (b for _ in range(3) for b in cut(weights=True)), {"steps_per_epoch": 5}),
    "dataset": (Batches, {"shuffle": False}),
    "keyless": (Keyless, {"shuffle": False}),
    "loader": (Loader, {}),
    "sized loader": (SizedLoader, {}),
}


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("build", [True, False])
@pytest.mark.parametrize("kind", STREAMS)
def test_batches_train_as_the_array_does(kind, build, backend):
    make, arguments = STREAMS[kind]
    model = made(backend, build=build)
    history = model.fit(make(), epochs=3, verbose=0, **arguments)
    expected, numbers = trained(IMAGES, shuffle=False, backend=backend, build=build)
    np.testing.assert_array_equal(model.params, expected.params)
    assert history.epoch == [0, 1, 2]
    for name, values in numbers.items():
        assert history.history[name] == pytest.approx(values, rel=1e-6)


@pytest.mark.parametrize("kind", ["generator of a pass", "dataset", "loader", "sized loader"])
def test_batches_can_be_evaluated_predicted_and_validated_on(kind):
    model, _ = trained(IMAGES)
    make, loss = STREAMS[kind][0], model.evaluate(IMAGES, LABELS, verbose=0)
    steps = 5 if kind.startswith("generator") else None
    assert model.evaluate(make(), steps=steps, verbose=0) == pytest.approx(loss, rel=1e-6)
    np.testing.assert_array_equal(model.predict(make(), steps=steps), model.predict(IMAGES))
    assert model.predict(make(), steps=2).shape == (20, 3)
    model.fit(IMAGES, LABELS, verbose=0, validation_data=make(), validation_steps=steps)
    history = model.history.history
    assert [history["val_loss"][-1], history["val_accuracy"][-1]] == pytest.approx(
        model.evaluate(IMAGES, LABELS, verbose=0), rel=1e-6)


def test_progress_counts_batches_of_an_unknown_number(capsys):
    model = made()
    model.fit(Loader(), epochs=1, verbose=2)
    model.evaluate(Loader(), verbose=2)
    model.predict(Loader(), verbose=2)
    model.predict(Loader())
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["5/5", "5/5", "5/5"]


def test_a_dataset_is_shuffled_by_the_seed_and_told_of_its_epochs():
    orders = []
    for _ in range(2):
        dataset = Batches()
        made().fit(dataset, epochs=3, verbose=0)
        orders.append(dataset.calls)
    assert orders[0] == orders[1]
    epochs = [orders[0][i * 7 : i * 7 + 7] for i in range(3)]
    for calls in epochs:
        assert sorted(c for c in calls if c not in ("begin", "end")) == list(range(5))
        assert calls[-1] == "end"
    assert len({tuple(calls) for calls in epochs}) > 1


def test_a_pass_goes_on_over_epochs_of_few_steps():
    a, b = made(), made()
    a.fit(Loader(), epochs=5, steps_per_epoch=3, verbose=0)
    b.fit(IMAGES, LABELS, batch_size=10, epochs=5, steps_per_epoch=3, shuffle=False, verbose=0)
    np.testing.assert_array_equal(a.params, b.params)


def test_a_generator_that_ends_ends_the_training():
    model = made()
    with pytest.warns(UserWarning, match="Your input ran out of data; interrupting training"):
        history = model.fit(cut(), epochs=3, verbose=0)
    assert history.epoch == [0] and model.optimizer.iterations == 5
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(cut(), epochs=3, steps_per_epoch=3, verbose=0)
    assert history.epoch == [0, 1] and model.optimizer.iterations == 10
    assert made().fit(cut(), verbose=0).epoch == [0]  # one pass was all that was asked for


def test_an_endless_generator_is_asked_for_no_more_than_it_must_give():
    taken = []

    def counting():
        for batch in endless():
            taken.append(1)
            yield batch

    made().fit(counting(), steps_per_epoch=4, epochs=3, verbose=0)
    assert len(taken) == 12


@pytest.mark.parametrize("name", ["y", "sample_weight", "batch_size", "validation_split"])
def test_arguments_that_a_stream_does_not_take(name):
    value = {"y": LABELS, "sample_weight": np.ones(48), "batch_size": 10, "validation_split": 0.5}
    with pytest.raises(ValueError, match=f"{name} must not be given where x gives batches"):
        made().fit(Loader(), verbose=0, **{name: value[name]})


@pytest.mark.parametrize(("batch", "message"), [
    ((IMAGES,), "y is missing"),
    (IMAGES, "y is missing"),
    ((IMAGES, LABELS, None, 3), r"or \(x, y, sample_weight\), received a tuple of length 4"),
    ((IMAGES, LABELS[:5]), "same number of rows"),
])  # fmt: skip
def test_wrong_batches_are_named(batch, message):
    with pytest.raises(ValueError, match=message):
        made().fit(iter([batch]), verbose=0)


def test_class_weights_and_hooks_work_on_batches():
    seen = []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    model = made()
    model.fit(Loader(), epochs=2, verbose=0, class_weight={0: 3.0},
              callbacks=[watch, callbacks.TerminateOnNaN()])
    expected, _ = trained(IMAGES, epochs=2, shuffle=False, class_weight={0: 3.0})
    np.testing.assert_array_equal(model.params, expected.params)
    assert seen == [0, 1, 2, 3, 4] * 2


def test_a_loss_that_sums_is_evaluated_by_batches():
    def model_of():
        fastnn.utils.set_random_seed(1)
        model = Sequential([Input((6,)), Dense(1, kernel_regularizer="l2")])
        model.compile("sgd", fastnn.losses.MeanSquaredError(reduction="sum"))
        return model

    batches = [(x / 255, y.astype(float)) for x, y in cut()]
    expected = model_of().evaluate(IMAGES / 255, LABELS.astype(float), batch_size=10, verbose=0)
    assert model_of().evaluate(iter(batches), verbose=0) == pytest.approx(expected, rel=1e-6)


def test_a_backup_of_a_dataset_goes_on_to_the_same_bits(tmp_path):
    def fail(epoch, logs):
        if epoch == 2:
            raise KeyError

    expected = made()
    expected.fit(Batches(), epochs=4, verbose=0)
    backup = callbacks.BackupAndRestore(tmp_path / "b")
    with pytest.raises(KeyError):
        made().fit(Batches(), epochs=4, verbose=0,
                   callbacks=[backup, callbacks.LambdaCallback(on_epoch_begin=fail)])
    model = made()
    assert model.fit(Batches(), epochs=4, verbose=0, callbacks=backup).epoch == [*range(4)]
    np.testing.assert_array_equal(model.params, expected.params)


def test_a_real_loader():
    torch = pytest.importorskip("torch")
    tensors = torch.utils.data.TensorDataset(torch.tensor(IMAGES), torch.tensor(LABELS))
    model = made()
    model.fit(torch.utils.data.DataLoader(tensors, batch_size=10), epochs=3, verbose=0)
    np.testing.assert_array_equal(model.params, trained(IMAGES, shuffle=False)[0].params)
