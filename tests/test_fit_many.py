"""Many models side by side: the same bits as one after the other, and nothing lost on the way."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import fastnn
from fastnn import config, data, layers, random
from fastnn.callbacks import LambdaCallback
from fastnn.interrupt import Interrupt
from fastnn.many import fold_of, shared, side_by_side

RNG = np.random.default_rng(5)
X = RNG.normal(size=(90, 6))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def models(seed=7):
    """Of several shapes, losses of their own, dropout and batch normalisation; some not built."""
    fastnn.utils.set_random_seed(seed)
    made = []
    for i, units in enumerate((4, 16, 9, 30, 2)):
        first = [layers.Dropout(0.2), layers.BatchNormalization()][i % 2]
        head = layers.Dense(2, "softmax") if i == 2 else layers.Dense(1, "sigmoid")
        model = fastnn.Sequential([layers.Dense(units, "relu"), first, head])
        loss = "sparse_categorical_crossentropy" if i == 2 else "binary_crossentropy"
        model.compile(["adam", "sgd", "rmsprop"][i % 3], loss, metrics=["accuracy"])
        made.append(model)
    return made


def pair():
    """The same models twice: built one after the other, and as `fit_many` gets them."""
    alone = models()
    for model in alone:
        model.build_for(X)
    return alone, models()


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("arguments", [
    {"validation_split": 0.2}, {"batch_size": 7, "shuffle": False}, {"class_weight": "balanced"}])
def test_each_model_ends_with_the_bits_of_fit(workers, arguments):
    alone, together = pair()
    expected = [model.fit(X, Y, epochs=4, verbose=0, **arguments) for model in alone]
    found = fastnn.fit_many(together, X, Y, epochs=4, workers=workers, **arguments)
    for a, b, one, other in zip(alone, together, expected, found, strict=True):
        np.testing.assert_array_equal(a.params, b.params)
        assert one.history == other.history
        assert b.history is other


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_every_backend_trains_many(backend):
    pytest.importorskip("numba")

    def compiled():
        fastnn.utils.set_random_seed(3)
        made = [fastnn.Sequential([fastnn.Input((6,)), layers.Dense(5, "tanh"), layers.Dense(1)])
                for _ in range(3)]
        for model in made:
            model.compile("adam", "mse", backend=backend)
        return made

    alone, together = compiled(), compiled()
    for model in alone:
        model.fit(X, Y, epochs=2, verbose=0)
    fastnn.fit_many(together, X, Y, epochs=2, workers=3)
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a.params, b.params)


def test_each_model_has_arguments_and_callbacks_of_its_own():
    seen = {}

    def callbacks(i):
        note = seen.setdefault(i, [])
        return [LambdaCallback(on_epoch_end=lambda epoch, logs: note.append(epoch))]

    each = [{"epochs": i + 1} for i in range(5)]
    found = fastnn.fit_many(models(), X, Y, each=each, callbacks=callbacks)
    assert [len(history.epoch) for history in found] == [1, 2, 3, 4, 5]
    assert seen == {i: list(range(i + 1)) for i in range(5)}


@pytest.mark.parametrize("as_masks", [False, True])
@pytest.mark.parametrize("large", [False, True])
def test_folds_are_as_training_on_their_rows(monkeypatch, large, as_masks):
    if large:  # rows are looked up as they are needed
        monkeypatch.setattr(data, "WHOLE", 64)
    order = np.random.default_rng(1).permutation(len(X))
    folds = [(np.sort(np.delete(order, part)), order[part])
             for part in np.array_split(np.arange(len(X)), 5)]
    alone, together = pair()
    expected = [model.fit(X[train], Y[train], epochs=3, verbose=0,
                          validation_data=(X[test], Y[test])).history
                for model, (train, test) in zip(alone, folds, strict=True)]
    if as_masks:
        folds = [(np.isin(np.arange(len(X)), train), test) for train, test in folds]
    found = fastnn.fit_many(together, X, Y, folds=folds, epochs=3)
    for a, b, one, other in zip(alone, together, expected, found, strict=True):
        np.testing.assert_array_equal(a.params, b.params)
        assert one == other.history


def test_folds_of_weighted_rows():
    weights = np.linspace(0.1, 2, len(X))
    folds = [(np.arange(60), np.arange(60, 90))]
    a, b = (made[0] for made in pair())
    expected = a.fit(X[:60], Y[:60], sample_weight=weights[:60], verbose=0,
                     validation_data=(X[60:], Y[60:], weights[60:]))
    [found] = fastnn.fit_many([b], X, Y, folds=folds, sample_weight=weights)
    assert found.history == expected.history


def test_an_error_of_one_model_loses_no_other():
    class Fault(fastnn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise ArithmeticError("no")

    alone, together = pair()
    for model in alone:
        model.fit(X, Y, epochs=3, verbose=0)
    with pytest.raises(ExceptionGroup, match=r"1 of 5 models failed: 3\.") as info:
        fastnn.fit_many(together, X, Y, epochs=3, callbacks=lambda i: [Fault()] if i == 3 else [])
    [error] = info.value.exceptions
    assert isinstance(error, ArithmeticError)
    assert "model 3" in error.__notes__[0]
    for i in (0, 1, 2, 4):
        np.testing.assert_array_equal(alone[i].params, together[i].params)
        assert len(together[i].history.history["loss"]) == 3
    assert len(together[3].history.history["loss"]) <= 2


@pytest.mark.parametrize(("arguments", "error", "words"), [
    ({"folds": []}, ValueError, "entry for each of the 5 models"),
    ({"each": [{}]}, ValueError, "received 1"),
    ({"callbacks": [LambdaCallback()]}, TypeError, "function of a model's number"),
    ({"workers": 0}, ValueError, "workers"),
    ({"folds": [([0], [1])] * 5, "validation_split": 0.5}, ValueError, "validation_split"),
])
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        fastnn.fit_many(models(), X, Y, **arguments)


def test_models_that_cannot_train_together():
    model = models()[0]
    with pytest.raises(ValueError, match="twice"):
        fastnn.fit_many([model, model], X, Y)
    other = fastnn.Sequential([layers.Dense(1)])
    other.compile("sgd", "mse")
    other._layers.append(model.layers[0])
    with pytest.raises(ValueError, match="share a layer"):
        fastnn.fit_many([model, other], X, Y)
    with pytest.raises(ValueError, match="Model 0 has no loss"):
        fastnn.fit_many([fastnn.Sequential([layers.Dense(1)])], X, Y)
    with pytest.raises(ValueError, match="generator"):
        fastnn.fit_many([model], (i for i in ()))


def test_workspaces_are_given_back():
    made = models()
    fastnn.fit_many(made, X, Y)
    assert all(not model.trainer.memory.scratch for model in made)


def test_the_last_at_work_share_the_processors():
    config.set_num_threads(4)
    try:
        both = threading.Barrier(2)
        seen, done = [], threading.Event()

        def work(interrupt):
            if threading.current_thread().name.endswith("-0"):
                both.wait()
                return
            seen.append(config.num_threads())
            both.wait()
            while config.num_threads() == 2:
                time.sleep(0.001)
            seen.append(config.num_threads())
            done.set()

        assert not side_by_side(work, workers=2)
        assert done.is_set()
        assert seen == [2, 4]
        assert config.num_threads() == 4
    finally:
        config.set_num_threads(None)


def test_an_error_of_the_work_itself_ends_all():
    def work(interrupt):
        if threading.current_thread().name.endswith("-1"):
            raise LookupError("gone")
        while not interrupt.seen:
            time.sleep(0.001)

    with pytest.raises(LookupError):
        side_by_side(work, workers=3)


def test_what_follows_an_interrupt_sees_it_but_has_not_noted_it():
    outer = Interrupt()
    with outer.followed():
        inner = Interrupt()
    alone = Interrupt()
    assert not inner.seen
    outer.end()
    assert inner.seen
    assert not inner.noted
    assert not alone.seen


def test_seeds_of_a_thread_leave_the_packages_stream_alone():
    fastnn.utils.set_random_seed(3)
    expected = [random.next_seed(), random.next_seed()]
    fastnn.utils.set_random_seed(3)
    first = random.next_seed()
    with random.seeds_from(11):
        own = random.next_seed()
        thread = threading.Thread(target=lambda: expected.append(random.next_seed()))
        thread.start()
        thread.join()
    assert [first, expected[2]] == expected[:2]
    assert own == random.SeedGenerator(11).next()


INTERRUPTED = """
import os, warnings
import numpy as np
import fastnn
from fastnn import layers
from fastnn.callbacks import LambdaCallback
X = np.random.default_rng(0).normal(size=(4000, 16))
made = []
for _ in range(4):
    made.append(fastnn.Sequential([fastnn.Input((16,)), layers.Dense(64, "relu"), layers.Dense(1)]))
    made[-1].compile("adam", "mse")
before = [model.params.copy() for model in made]
def ready(epoch, logs):
    if epoch == 2:
        os.write(1, b"ready\\n")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = fastnn.fit_many(made, X, X.sum(axis=1), epochs=10**6, workers=2,
                            callbacks=lambda i: [LambdaCallback(on_epoch_end=ready)])
print([str(w.message) for w in caught])
print([len(history.epoch) > 1 for history in found])
print([bool((a != model.params).any()) for a, model in zip(before, made)])
"""


@pytest.mark.slow
def test_ctrl_c_keeps_the_work():
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE,
                               text=True, env=os.environ)
    with process:
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n"] * 2
        process.send_signal(signal.SIGINT)
        lines = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 0
    assert lines[-3:] == [
        "['Training interrupted by the user with 2 of 4 models begun. They keep what they have "
        "learnt.']", "[True, True, False, False]", "[True, True, False, False]"]


def test_several_inputs_are_shared_and_folded_one_by_one():
    pair = [X, X[:, :2]]
    found = shared(pair, "float32")
    assert [part.dtype for part in found] == [np.float32, np.float32]
    assert shared({"a": X}, "float32")["a"].dtype == np.float32
    parts = fold_of(pair, np.array([3, 1]))
    np.testing.assert_array_equal(parts[1], X[[3, 1], :2])
    np.testing.assert_array_equal(fold_of(X.tolist(), [0, 2]), X[[0, 2]])
