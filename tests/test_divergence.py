"""Training that diverges ends, and the model holds its last finite weights."""

import math
import warnings

import numpy as np
import pytest

import fastnn
from fastnn import Input, Model, Sequential, callbacks, constraints, divergence, layers, optimizers

X = np.sin(np.arange(120.0)).reshape(40, 3).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
RATE = 3.0  # SGD takes a few dozen numbers to infinity in some twenty steps


class Doubled(layers.Layer):
    """A layer in Python."""

    def call(self, x):
        return 2 * x


class Halved(constraints.Constraint):
    """A constraint in Python, which every step calls."""

    def __call__(self, w):
        return w * np.float32(0.5)


def made(*more, optimizer=None, loss="mse", backend=None, dtype=None):
    fastnn.utils.set_random_seed(3)
    model = Sequential([Input((3,)), layers.Dense(4, "relu", name="first"), *more,
                        layers.Dense(1, name="last")], dtype=dtype)  # fmt: skip
    model.compile(optimizer or optimizers.SGD(RATE), loss, backend=backend)
    return model


class Follow(callbacks.Callback):
    """Keeps the weights and the loss sum after every batch."""

    def __init__(self):
        super().__init__()
        self.at = []

    def on_train_begin(self, logs=None):
        self.weights = [self.model.params.copy()]
        self.losses = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.at.append((self.epoch, batch))
        self.weights.append(self.model.params.copy())
        self.losses.append(logs["loss"])

    def first_bad(self):
        """The place of the first step with anything that is not finite, and the weights before."""
        for number, loss in enumerate(self.losses):
            if not math.isfinite(loss) or not np.isfinite(self.weights[number + 1]).all():
                return self.at[number], self.weights[number]
        raise AssertionError("it did not diverge")


def diverged(model, *args, **fit):
    """The history of a fit that diverges, with the one warning that it gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(*args, verbose=0, **fit)
    [warning] = [w for w in caught if "slower" not in str(w.message)]
    assert warning.category is RuntimeWarning
    assert warning.filename == __file__
    assert str(warning.message) == str(history.divergence)
    return history


@pytest.fixture(params=["copied before each call", "copied rarely"])
def copies(request, monkeypatch):
    rarely = request.param == "copied rarely"
    monkeypatch.setattr(divergence, "_RARELY", 1e12 if rarely else 0)
    monkeypatch.setattr(divergence, "_SOON", 0)


def two_outputs():
    fastnn.utils.set_random_seed(3)
    x = Input((3,))
    h = layers.Dense(4, "relu", name="first")(x)
    model = Model(x, [layers.Dense(1, name="a")(h), layers.Dense(1, name="b")(h)])
    model.compile(optimizers.SGD(RATE), "mse")
    return model


def sparse(model, **fit):
    from scipy.sparse import csr_matrix

    wide = np.zeros((40, 900), "float32")
    wide[:, ::300] = X
    return model.fit(csr_matrix(wide), Y, **fit)


def wide_model():
    fastnn.utils.set_random_seed(3)
    model = Sequential([Input((900,)), layers.Dense(4), layers.Dense(1)])
    model.compile(optimizers.SGD(RATE), "mse")
    return model


MODELS = {
    "cython": lambda: made(backend="cython"),
    "numpy": lambda: made(backend="numpy"),
    "float64": lambda: made(dtype="float64", optimizer=optimizers.SGD(1e9)),
    "momentum": lambda: made(optimizer=optimizers.SGD(RATE, momentum=0.9)),
    "batch norm and dropout": lambda: made(layers.BatchNormalization(), layers.Dropout(0.2),
                                           optimizer=optimizers.SGD(1e6)),
    "python": lambda: made(Doubled()),
    "constraint": lambda: made(layers.Dense(4, kernel_constraint=Halved()),
                               optimizer=optimizers.SGD(100.0)),
}
FITS = {
    "alone": {},
    "validated": {"validation_data": (X, Y)},
    "epochs": {"callbacks": [callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)]},
    "batches": {"callbacks": [callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: None)]},
    "steps": {"steps_per_epoch": 3},
    "whole numbers": {},
}


@pytest.mark.filterwarnings("ignore:The layer:RuntimeWarning")
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("name", MODELS)
def test_the_last_finite_weights(name, fit, copies):
    how = {"epochs": 60, "batch_size": 7, **FITS[fit]}
    x = np.round(3 * X).astype(np.int8) if fit == "whole numbers" else X
    follow, other = Follow(), MODELS[name]()
    other.fit(x, Y, verbose=0, **how | {"callbacks": follow}, on_divergence="ignore")
    (epoch, step), weights = follow.first_bad()
    model = MODELS[name]()
    history = diverged(model, x, Y, **how)
    np.testing.assert_array_equal(model.params, weights)
    assert (history.divergence.epoch, history.divergence.step) == (epoch, step)
    assert history.divergence.of == "loss"
    assert not math.isfinite(history.divergence.value)
    assert history.epoch == list(range(epoch))
    assert model.optimizer.batches == follow.at.index((epoch, step))
    assert model.trainer.step == model.optimizer.batches
    assert model.trainer.guard is None


def test_numba():
    pytest.importorskip("numba")
    model, other = made(backend="numba"), made(backend="cython")
    histories = [diverged(m, X, Y, epochs=60, batch_size=7) for m in (model, other)]
    assert histories[0].divergence.step == histories[1].divergence.step
    assert np.isfinite(model.params).all()


def test_a_generator_that_fills_one_array(copies):
    def batches():
        x, y = np.empty((7, 3), "float32"), np.empty((7, 1), "float32")
        for i in range(10_000):
            x[:], y[:] = np.roll(X, i, 0)[:7], np.roll(Y, i, 0)[:7]
            yield x, y

    fit = {"epochs": 20, "steps_per_epoch": 4}
    follow = Follow()
    made().fit(batches(), verbose=0, **fit, callbacks=follow, on_divergence="ignore")
    model, left = made(), batches()
    history = diverged(model, left, **fit)
    place, weights = follow.first_bad()
    drawn = place[0] * fit["steps_per_epoch"] + place[1] + 1
    np.testing.assert_array_equal(next(left)[0], np.roll(X, drawn, 0)[:7])  # and no more
    assert (history.divergence.epoch, history.divergence.step) == place
    np.testing.assert_array_equal(model.params, weights)


def test_sparse_rows_and_several_outputs(copies):
    model = wide_model()
    with pytest.warns(RuntimeWarning, match="diverged"):
        sparse(model, epochs=60, batch_size=7, verbose=0)
    follow, other = Follow(), wide_model()
    sparse(other, epochs=60, batch_size=7, verbose=0, callbacks=follow, on_divergence="ignore")
    np.testing.assert_array_equal(model.params, follow.first_bad()[1])
    history = diverged(two_outputs(), X, [Y, Y], epochs=60)
    assert history.divergence.layer in ("first", "a", "b", None)


def test_the_layer_is_named():
    x = X.copy()
    x[17] = 3e38
    history = diverged(made(), x, Y)
    assert history.divergence == divergence.Divergence(
        0, history.divergence.step, "first", "loss", history.divergence.value)
    assert "the first outputs that are not finite are those of the layer 'first'" in str(
        history.divergence)
    x[17] = 1e25
    assert diverged(made(), x, Y).divergence.layer is None  # squared, it overflows


def test_weights_that_overflow_while_the_loss_does_not(tmp_path, copies):
    """The epoch's own loss is finite: nothing of it may be validated, saved or called the best."""
    path = tmp_path / "best.fastnn"
    seen = []
    model = made(loss="mae", optimizer=optimizers.SGD(1e20))
    model.layers[-1].kernel[:] = 1e-20
    model.layers[0].kernel[:] = 1
    x = np.full_like(X, 1e19)
    before = model.params.copy()
    history = diverged(model, x, Y, batch_size=40, epochs=5, validation_data=(X, Y), callbacks=[
        callbacks.ModelCheckpoint(path, "loss", save_best_only=True),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))])
    assert (history.divergence.of, history.divergence.epoch) == ("weights", 0)
    assert "weights of the layer 'last' became" in str(history.divergence)
    np.testing.assert_array_equal(model.params, before)
    assert not path.exists()
    assert not seen


def test_weights_that_something_else_changed(monkeypatch):
    """The steps do not repeat: the copy from before them is what is left."""
    monkeypatch.setattr(divergence, "_RARELY", 1e12)
    model = made()

    def change(epoch, logs):
        if epoch == 0:
            model.layers[0].kernel[:] *= 1.5

    model.optimizer.learning_rate = 1e-3
    change_rate = callbacks.LearningRateScheduler(lambda epoch: 1e-3 if epoch < 3 else 1e9)
    first = model.params.copy()
    history = diverged(model, X, Y, epochs=9, callbacks=[
        change_rate, callbacks.LambdaCallback(on_epoch_end=change)])
    assert history.divergence.epoch is None
    assert str(history.divergence).startswith(
        "Training diverged: a loss or a weight is infinite or NaN. It has ended")
    assert "from a little before" in str(history.divergence)
    np.testing.assert_array_equal(model.params, first)
    assert model.trainer.step == 0


def test_ways_to_go_on():
    told = r"Training diverged in epoch \d, step \d: the loss is inf"
    model = made()
    with pytest.raises(FloatingPointError, match=told):
        model.fit(X, Y, epochs=60, verbose=0, on_divergence="raise")
    assert np.isfinite(model.params).all()
    history = made().fit(X, Y, epochs=60, verbose=0, on_divergence="ignore")
    assert len(history.epoch) == 60
    assert math.isnan(history.history["loss"][-1])
    assert history.divergence is None
    with pytest.raises(ValueError, match="on_divergence must be one of stop, raise, ignore"):
        made().fit(X, Y, verbose=0, on_divergence="warn")


def test_training_goes_on_afterwards():
    model = made(optimizer=optimizers.SGD(1e30))
    diverged(model, X, Y, epochs=3, batch_size=40)
    assert np.isfinite(model.params).all()
    model.set_weights(made().get_weights())
    model.optimizer.learning_rate = 0.01
    history = model.fit(X, Y, epochs=5, verbose=0)
    assert history.divergence is None
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_a_callback_that_ends_the_training(capsys):
    """As in Keras, the epoch then counts, and it alone speaks; the weights are finite still."""
    model = made()
    history = model.fit(X, Y, epochs=60, verbose=0, callbacks=callbacks.TerminateOnNaN())
    found = history.divergence
    assert capsys.readouterr().out == f"Batch {found.step}: Invalid loss, terminating training\n"
    assert history.epoch == list(range(found.epoch + 1))
    assert not math.isfinite(history.history["loss"][-1])
    assert np.isfinite(model.params).all()


@pytest.mark.parametrize("optimizer", ["lbfgs", "lm"])
def test_optimizers_that_see_all_rows(optimizer):
    model, x = made(optimizer=optimizer), X.copy()
    x[4] = 3e38
    before = model.params.copy()
    assert diverged(model, x, Y, epochs=4).divergence.layer == "first"
    np.testing.assert_array_equal(model.params, before)


def test_weights_that_were_not_finite_before(copies):
    """They are the user's own, if the loss does not mind."""
    model = made(layers.BatchNormalization())
    model.layers[1].moving_mean[:] = np.nan
    model.optimizer.learning_rate = 0.01
    assert model.fit(X, Y, epochs=3, verbose=0).divergence is None
    assert np.isnan(model.layers[1].moving_mean).all()
