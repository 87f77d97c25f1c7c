"""ReduceLROnPlateau, LearningRateScheduler, ModelCheckpoint, CSVLogger: golden runs of Keras."""

import json
import math
import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, callbacks
from fastnn.layers import Dense

GOLDEN = Path(__file__).parent / "golden"
KERAS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_callbacks.py")))
RESULTS = json.loads((GOLDEN / "callbacks.json").read_text("utf-8"))


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (isinstance(a, float) and isinstance(b, float)
                      and math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("name", KERAS.CASES)
def test_callbacks_do_what_those_of_keras_do(name):
    ending = ".weights.fastnn" if KERAS.saves_weights(name) else ".fastnn"
    ours, keras = KERAS.play(callbacks, name, ending), RESULTS[name]
    for part in keras:
        assert same(ours[part], keras[part]), (part, ours[part], keras[part])


@pytest.mark.parametrize(("make", "message"), [
    (lambda: callbacks.ReduceLROnPlateau(factor=1.0), "less than 1, so that .* received 1.0"),
    (lambda: callbacks.ReduceLROnPlateau(factor=math.nan), "received nan"),
    (lambda: callbacks.ModelCheckpoint("m.zip"), r"end in '.fastnn'.* 'm.zip'"),
    (lambda: callbacks.ModelCheckpoint("m.fastnn", save_weights_only=True),
     "end in '.weights.fastnn'"),
    (lambda: callbacks.ModelCheckpoint("m.fastnn", save_freq="batch"), "received 'batch'"),
    (lambda: callbacks.ModelCheckpoint("m.fastnn", save_freq=0), "at least 1, received 0"),
    (lambda: callbacks.BackupAndRestore(""), "must name a folder, received ''"),
    (lambda: callbacks.BackupAndRestore("b", save_freq=2.5), "received 2.5"),
    (lambda: callbacks.TensorBoard(embeddings_freq=1), "leave embeddings_freq out, received 1"),
    (lambda: callbacks.TensorBoard(update_freq="never"), "received 'never'"),
])  # fmt: skip
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def model_of(learning_rate=0.25, **arguments):
    fastnn.utils.set_random_seed(1)
    model = Sequential([Input((2,)), Dense(1)])
    model.compile(fastnn.optimizers.SGD(learning_rate), "mse", **arguments)
    return model


X = np.linspace(-1, 1, 24, dtype="float32").reshape(12, 2)
Y = X.sum(axis=1)


@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate / 2, lambda epoch: 0.25 / 2**epoch,
                                      lambda epoch, rate=1: np.float32(rate / 2)])
def test_a_schedule_sets_the_rate_that_trains(schedule):
    model, steps = model_of(), []
    watch = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: steps.append(float(model.optimizer.learning_rate)))
    history = model.fit(X, Y, epochs=3, verbose=0,
                        callbacks=[callbacks.LearningRateScheduler(schedule), watch])
    assert history.history["learning_rate"] == steps
    by_hand = model_of()
    for rate in steps:
        by_hand.optimizer.learning_rate = rate
        by_hand.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.params, by_hand.params)


@pytest.mark.parametrize("wrong", [None, "0.1", True, [0.1]])
def test_a_schedule_must_return_a_number(wrong):
    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: wrong)
    with pytest.raises(ValueError, match=r"must return a float, received .* for epoch 0"):
        model_of().fit(X, Y, verbose=0, callbacks=schedule)
    with pytest.raises(TypeError, match="schedule must be a function"):
        callbacks.LearningRateScheduler(0.1)


def test_an_error_in_a_schedule_is_not_hidden():
    def schedule(epoch, rate):
        return epoch + "a"

    with pytest.raises(TypeError, match="unsupported operand"):
        model_of().fit(X, Y, verbose=0, callbacks=callbacks.LearningRateScheduler(schedule))


def test_the_rate_falls_on_a_plateau_of_fit():
    model = model_of(0.5)
    falls = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=1e9)
    history = model.fit(X, Y, epochs=7, verbose=0, callbacks=falls).history
    assert history["learning_rate"] == [0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


# TerminateOnNaN


def nan_model(batch_size=1):
    """The loss is finite for some batches, then infinite."""
    model = model_of(1e3)
    return model, np.full((64, 2), 1e6, "float32"), np.zeros(64)


def first_bad_batch():
    model, x, y = nan_model()
    seen = []
    follow = callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: seen.append(logs["loss"]))
    model.fit(x, y, batch_size=1, shuffle=False, verbose=0, callbacks=follow,
              on_divergence="ignore")
    bad = [i for i, loss in enumerate(seen) if not math.isfinite(loss)]
    assert 0 < bad[0] < 60
    return bad[0]


@pytest.mark.parametrize("others", [[], [callbacks.LambdaCallback(on_train_batch_end=print)]])
def test_training_ends_at_the_first_bad_batch(others, capsys, monkeypatch):
    others = [callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)] * len(others)
    model, x, y = nan_model()
    history = model.fit(x, y, batch_size=1, shuffle=False, epochs=5, verbose=0,
                        callbacks=[callbacks.TerminateOnNaN(), *others])
    bad = first_bad_batch()
    assert capsys.readouterr().out == f"Batch {bad}: Invalid loss, terminating training\n"
    assert history.epoch == [0]
    model, x, y = nan_model()
    with pytest.raises(RuntimeError, match=f"The loss of batch {bad} is (inf|nan)"):
        model.fit(x, y, batch_size=1, shuffle=False, verbose=0,
                  callbacks=[callbacks.TerminateOnNaN(raise_error=True), *others])
    assert model.trainer.run is None


def test_looking_for_nan_changes_no_bit_and_costs_no_call_for_each_batch():
    a, b = model_of(), model_of()
    a.fit(X, Y, batch_size=5, epochs=4, verbose=0)
    calls = []
    b.trainer.stretch, stretch = lambda *args: calls.append(1) or stretch(*args), b.trainer.stretch
    history = b.fit(X, Y, batch_size=5, epochs=4, verbose=0, callbacks=callbacks.TerminateOnNaN())
    np.testing.assert_array_equal(a.params, b.params)
    assert history.history == a.history.history
    assert len(calls) <= 2 * 4 + 2  # the whole batches, and the short one


# CSVLogger in fit


def test_a_log_survives_an_error(tmp_path):
    def fail(epoch, logs):
        if epoch == 2:
            raise KeyError("mine")

    log = callbacks.CSVLogger(tmp_path / "log.csv")
    with pytest.raises(KeyError):
        model_of().fit(X, Y, epochs=5, verbose=0,
                       callbacks=[log, callbacks.LambdaCallback(on_epoch_begin=fail)])
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch,loss,val_loss" and len(lines) == 3
    with pytest.raises(FileNotFoundError):
        model_of().fit(X, Y, verbose=0, callbacks=callbacks.CSVLogger(tmp_path / "no/log.csv"))


# tqdm


class Bar:
    """What TqdmCallback needs of tqdm."""

    made: ClassVar[list] = []

    def __init__(self, total=None, unit="it", leave=True, **options):
        self.total, self.unit, self.leave, self.options = total, unit, leave, options
        self.n = self.last_print_n = self.initial = 0
        self.postfix, self.closed = [], False
        Bar.made.append(self)

    def update(self, n):
        self.n += n

    def reset(self, total):
        self.n, self.total = 0, total

    def set_postfix(self, logs):
        self.postfix.append(dict(logs))

    def close(self):
        self.closed = True


@pytest.mark.parametrize(("verbose", "bars"), [(0, 1), (1, 2), (2, 4)])
def test_bars_of_tqdm_follow_the_training(verbose, bars, monkeypatch):
    Bar.made = []
    bar = callbacks.TqdmCallback(verbose=verbose, tqdm_class=Bar, ascii=True)
    model_of().fit(X, Y, batch_size=5, epochs=5, initial_epoch=2, verbose=0, callbacks=bar)
    assert len(Bar.made) == bars
    assert all(bar.closed and bar.options == {"ascii": True} for bar in Bar.made)
    epochs, *batches = Bar.made
    assert (epochs.n, epochs.total, epochs.initial, epochs.unit) == (5, 5, 2, "epoch")
    assert [list(logs) for logs in epochs.postfix] == [["loss"]] * 3
    assert [(b.n, b.total, b.unit) for b in batches] == [(3, 3, "batch")] * (bars - 1)


def test_tqdm_is_optional(monkeypatch):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        callbacks.TqdmCallback()
    package, auto = ModuleType("tqdm"), ModuleType("tqdm.auto")
    auto.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm", package)
    monkeypatch.setitem(sys.modules, "tqdm.auto", auto)
    model_of().fit(X, Y, verbose=0, callbacks=callbacks.TqdmCallback())
    assert Bar.made[-1].closed
