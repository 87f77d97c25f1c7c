"""fit, evaluate and the Trainer: numbers against Keras and the notes, epochs, hooks, Ctrl-C."""

import json
import os
import runpy
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends, callbacks, evaluation, training
from fastnn.evaluation import Evaluation
from fastnn.layers import BatchNormalization, Dense, Dropout
from fastnn.training import Batches, Trainer

GOLDEN = Path(__file__).parent / "golden"
KERAS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_training.py")))
RESULTS = json.loads((GOLDEN / "training.json").read_text())

X = np.sin(np.arange(60.0)).reshape(20, 3).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")


@pytest.fixture(autouse=True)
def seed():
    fastnn.utils.set_random_seed(11)


def made(optimizer="sgd", loss="mse", units=1, seed=5, **arguments):
    fastnn.utils.set_random_seed(seed)
    model = Sequential([Input((3,)), Dense(6, "tanh"), Dropout(0.2), BatchNormalization(),
                        Dense(units)])  # fmt: skip
    model.compile(optimizer, loss, **arguments)
    return model


# against Keras


def numbers_in(tree):
    if isinstance(tree, dict):
        return [x for key in sorted(tree) for x in numbers_in(tree[key])]
    return [x for part in tree for x in numbers_in(part)] if isinstance(tree, list) else [tree]


@pytest.mark.parametrize("name", KERAS.CASES)
def test_training_equals_that_of_keras(name):
    ours, keras = KERAS.train(fastnn, name), RESULTS[name]
    assert list(ours["history"]) == sorted(keras["history"])
    for part, expected in keras.items():
        np.testing.assert_allclose(numbers_in(ours[part]), numbers_in(expected),
                                   rtol=2e-5, atol=2e-5, err_msg=part)  # fmt: skip


# against the notes


@pytest.mark.parametrize("backend", backends.available())
def test_the_worked_example_of_the_notes(backend):
    model = Sequential([Input((2,)), Dense(2), Dense(1)], dtype="float64")
    model.set_weights([np.full(w.shape, 0.1 * (w.ndim > 1)) for w in model.get_weights()])
    model.compile(fastnn.optimizers.SGD(0.001), "mse", backend=backend)
    x, y = np.array([[8, 8], [7, 9], [6, 10], [5, 12]]), np.array([4, 5, 6, 7])
    np.testing.assert_allclose(model.predict(x[:1]), [[0.32]], atol=1e-15)
    history = model.fit(x, y, epochs=5, batch_size=1, shuffle=False, verbose=0).history
    assert history["loss"] == pytest.approx(
        [26.3455776664, 19.8594289186, 10.8816025722, 3.7770377993, 1.2238044970], abs=1e-9)
    W1, b1, W2, b2 = model.get_weights()
    np.testing.assert_allclose(W1, [[0.2719899516] * 2, [0.3927392633] * 2], atol=1e-9)
    np.testing.assert_allclose(b1, [0.0283807364] * 2, atol=1e-9)
    np.testing.assert_allclose(W2, [[0.469000402]] * 2, atol=1e-9)
    np.testing.assert_allclose(b2, [0.1216814821], atol=1e-9)


@pytest.mark.parametrize("backend", backends.available())
def test_its_twin_for_classification(backend):
    model = Sequential([Input((2,)), Dense(2, "sigmoid"), Dense(1, "sigmoid")], dtype="float64")
    model.set_weights([np.full(w.shape, 0.1 * (w.ndim > 1)) for w in model.get_weights()])
    model.compile(fastnn.optimizers.SGD(1e-4), "binary_crossentropy", backend=backend)
    history = model.fit([[8, 8], [7, 9], [6, 10], [5, 5]], [1, 1, 0, 0], epochs=50, batch_size=1,
                        shuffle=False, verbose=0).history["loss"]
    assert [history[e] for e in (0, 1, 49)] == pytest.approx(
        [0.6939124402, 0.6939114525, 0.6938645530], abs=1e-9)


@pytest.mark.parametrize(("rows", "batch", "epochs", "updates"), [
    (1, 1, 5, 5), (5, 1, 100, 500), (400, 1, 15, 4800), (1000, 50, 1, 20),
])  # fmt: skip
def test_how_often_the_weights_are_updated(rows, batch, epochs, updates):
    model = Sequential([Input((1,)), Dense(1)])
    model.compile("sgd", "mse")
    x = np.linspace(-1, 1, rows)
    split = 0.2 if rows == 400 else 0.0
    model.fit(x, x, batch_size=batch, epochs=epochs, validation_split=split, verbose=0)
    assert model.optimizer.iterations == model.trainer.step == updates


# epochs and batches


def test_results_do_not_depend_on_how_training_is_cut_into_calls(monkeypatch):
    expected = None
    for seconds, every_batch in ((0.05, False), (1e-9, False), (0.003, False), (0.05, True)):
        monkeypatch.setattr(training, "CALL_SECONDS", seconds)
        model = made("adam", metrics=["mae"])
        hook = callbacks.LambdaCallback(on_train_batch_end=lambda *_: None)
        history = model.fit(X, Y, epochs=7, batch_size=6, verbose=0,
                            callbacks=hook if every_batch else None).history
        result = history, model.params.tolist()
        expected = expected or result
        assert result == expected


def test_training_in_several_fits_equals_one():
    one, two = made(), made()
    long = one.fit(X, Y, epochs=6, batch_size=8, verbose=0)
    first = two.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    second = two.fit(X, Y, epochs=6, initial_epoch=2, batch_size=8, verbose=0)
    assert long.history["loss"] == first.history["loss"] + second.history["loss"]
    np.testing.assert_array_equal(one.params, two.params)
    assert second.epoch == [2, 3, 4, 5]


def test_a_seed_decides_everything():
    runs = [made() for _ in range(2)] + [made(seed=6)]
    for model in runs:
        model.fit(X, Y, epochs=3, batch_size=8, verbose=0)
    np.testing.assert_array_equal(runs[0].params, runs[1].params)
    assert not np.array_equal(runs[0].params, runs[2].params)


def test_every_epoch_visits_every_row_in_a_new_order():
    visited = []

    class Rows(fastnn.metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            visited.append(y_true.ravel().tolist())

    model = Sequential([Input((1,)), Dense(1)])
    model.compile("sgd", "mse", metrics=[Rows()])
    rows = np.arange(10.0)
    model.fit(rows, rows, epochs=2, batch_size=4, verbose=0)
    assert [len(batch) for batch in visited] == [4, 4, 2] * 2
    first, second = np.concatenate(visited[:3]).tolist(), np.concatenate(visited[3:]).tolist()
    assert sorted(first) == sorted(second) == rows.tolist()
    assert first != second != rows.tolist()
    visited.clear()
    model.fit(rows, rows, batch_size=4, shuffle=False, verbose=0)
    assert np.concatenate(visited).tolist() == rows.tolist()


def test_the_validation_rows_are_the_last_ones_before_shuffling():
    x = np.arange(10.0)
    model = Sequential([Input((1,)), Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(fastnn.optimizers.SGD(0.0), "mse")
    y = np.where(np.arange(10) < 7, x, x + 1)
    logs = model.fit(x, y, validation_split=0.25, verbose=0).history  # floor(7.5) rows are left
    assert logs == {"loss": [0.0], "val_loss": [1.0]}
    logs = model.fit(x, y, validation_data=(x, x + 2), validation_split=0.5, verbose=0).history
    assert logs["val_loss"] == [4.0] and logs["loss"] == [pytest.approx(0.3)]
    logs = model.fit(x, y, validation_data=(x, x + 2, np.full(10, 0.5)), verbose=0).history
    assert logs["val_loss"] == [2.0]


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows():
    model = Sequential([Input((1,)), Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(fastnn.optimizers.SGD(0.0), "mse", metrics=["mae"])
    y = np.array([1.0, 1, 1, 1, 3])  # batches of 4 and 1: their mean losses are 1 and 9
    logs = model.fit(np.ones(5), y, batch_size=4, shuffle=False, verbose=0).history
    assert logs["loss"] == [pytest.approx(13 / 5)] and logs["mae"] == [pytest.approx(7 / 5)]
    assert all(type(value) is float for values in logs.values() for value in values)


@pytest.mark.parametrize(("frequency", "epochs"), [
    (1, [0, 1, 2, 3]), (2, [1, 3]), ([1, 4], [0, 3])])  # fmt: skip
def test_validation_freq(frequency, epochs):
    seen = []
    hook = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(epoch) if "val_loss" in logs else None)
    logs = made().fit(X, Y, epochs=4, validation_split=0.2, validation_freq=frequency,
                      callbacks=hook, verbose=0).history
    assert seen == epochs and len(logs["val_loss"]) == len(epochs) and len(logs["loss"]) == 4


def test_steps_per_epoch_goes_on_where_the_last_epoch_stopped():
    seen = []

    class Rows(fastnn.metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            seen.append(y_true.ravel().tolist())

    model = Sequential([Input((1,)), Dense(1)])
    model.compile("sgd", "mse", metrics=[Rows()])
    rows = np.arange(10.0)
    history = model.fit(rows, rows, epochs=4, batch_size=4, steps_per_epoch=2, shuffle=False,
                        verbose=0)  # fmt: skip
    a, b, c = [0, 1, 2, 3], [4, 5, 6, 7], [8, 9]
    assert seen == [a, b, c, a, b, c, a, b]
    assert len(history.history["loss"]) == 4 and history.params["steps"] == 2
    seen.clear()
    model.fit(rows, rows, batch_size=4, steps_per_epoch=4, shuffle=False, verbose=0)
    assert seen == [a, b, c, a]


def test_a_batch_larger_than_the_data_is_the_data():
    model = made()
    history = model.fit(X, Y, batch_size=10**12, epochs=3, verbose=0)
    assert model.optimizer.iterations == 3 and history.params["steps"] == 1


def test_no_epochs():
    model = made()
    before = model.params.copy()
    history = model.fit(X, Y, epochs=0, verbose=0)
    assert history.history == {} and history.epoch == []
    np.testing.assert_array_equal(model.params, before)


def test_history():
    model = made(loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(X, Y > 0, epochs=2, validation_split=0.25, batch_size=5, verbose=0)
    assert model.history is history
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == [0, 1]
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 3}


def test_the_learning_rate_may_change_while_training():
    model = Sequential([Input((1,)), Dense(1, use_bias=False)])
    model.compile(fastnn.optimizers.SGD(0.1), "mse")
    weights = []

    def stop_moving(epoch, logs):
        weights.append(model.layers[0].kernel.item())
        model.optimizer.learning_rate = 0.0

    model.fit([1.0], [5.0], epochs=3, verbose=0,
              callbacks=callbacks.LambdaCallback(on_epoch_end=stop_moving))
    assert weights[0] == weights[1] == weights[2]


# evaluate and single batches


def test_evaluate():
    model = made(metrics=["mae"])
    y = model.predict(X)
    loss, mae = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(np.mean((y - Y) ** 2), rel=1e-6)
    assert mae == pytest.approx(np.mean(np.abs(y - Y)), rel=1e-6)
    assert model.evaluate(X, Y, verbose=0, return_dict=True) == {"loss": loss, "mae": mae}
    assert model.test_on_batch(X, Y) == [loss, mae]
    model.compile("sgd", "mse")
    assert model.evaluate(X, Y, verbose=0) == loss
    weights = np.linspace(0, 2, 20)
    assert model.evaluate(X, Y, sample_weight=weights, verbose=0) == pytest.approx(
        np.mean(weights[:, None] * (y - Y) ** 2), rel=1e-6)


def test_evaluating_in_parts_gives_the_same(monkeypatch):
    model = made(metrics=["mae"])
    x, y, weights = np.tile(X, (200, 1)), np.tile(Y, (200, 1)), np.linspace(0, 1, 4000)
    whole = model.evaluate(x, y, verbose=0, sample_weight=weights)
    predicted = model.predict(x)
    monkeypatch.setattr(evaluation, "CALL_SECONDS", 1e-9)
    model.compile("sgd", "mse", metrics=["mae"])
    parts = Evaluation(model.trainer, model.trainer.feed(x, y))
    assert parts.size == 1024
    assert model.evaluate(x, y, verbose=0, sample_weight=weights) == whole
    np.testing.assert_array_equal(model.predict(x), predicted)


def test_single_batches():
    one, two = made(), made()
    loss = one.train_on_batch(X, Y)
    history = two.fit(X, Y, batch_size=20, shuffle=False, verbose=0).history
    assert loss == history["loss"][0]
    np.testing.assert_array_equal(one.params, two.params)
    assert one.train_on_batch(X, Y) < loss
    result = made(metrics=["mae"]).train_on_batch(X, Y, sample_weight=np.ones(20), return_dict=True)
    assert list(result) == ["loss", "mae"]


def test_metrics_that_are_functions():
    def worst(y_true, y_pred):
        return np.abs(y_true - y_pred).max()

    def error(y_true, y_pred):
        return np.abs(y_true - y_pred)

    model = made(metrics=["mae", error, worst])
    assert model.metrics_names == ["loss", "mae", "error", "worst"]
    history = model.fit(X, Y, epochs=2, batch_size=8, validation_split=0.2, verbose=0).history
    np.testing.assert_allclose(history["mae"], history["error"], rtol=1e-6)
    np.testing.assert_allclose(history["val_mae"], history["val_error"], rtol=1e-6)
    assert all(np.greater_equal(history["worst"], history["mae"]))
    _, mae, mean, _ = model.evaluate(X, Y, batch_size=7, verbose=0)
    assert mae == pytest.approx(mean, rel=1e-6)


def test_a_metric_that_overrides_a_built_in_one_is_obeyed():
    class Twice(fastnn.metrics.MeanAbsoluteError):
        def rows(self, t, y):
            return 2 * super().rows(t, y)

    model = made(metrics=["mae", Twice()])
    history = model.fit(X, Y, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["twice"], 2 * np.array(history["mae"]), rtol=1e-6)


def test_a_function_gets_labels_where_the_loss_takes_them():
    def hits(y_true, y_pred):
        return y_pred.argmax(axis=1) == y_true

    model = made(loss="sparse_categorical_crossentropy", units=3, metrics=["accuracy", hits])
    history = model.fit(X, np.arange(20) % 3, epochs=2, batch_size=8, verbose=0).history
    assert history["accuracy"] == pytest.approx(history["hits"])


# hooks


class Recorder(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.events = []

    def note(self, name, *numbers):
        self.events.append((name, *numbers))

    def on_train_begin(self, logs=None):
        self.note("train")

    def on_train_end(self, logs=None):
        self.note("trained", sorted(logs))

    def on_epoch_begin(self, epoch, logs=None):
        self.note("epoch", epoch)

    def on_epoch_end(self, epoch, logs=None):
        self.note("ended", epoch, sorted(logs))

    def on_train_batch_begin(self, batch, logs=None):
        self.note("batch", batch)

    def on_train_batch_end(self, batch, logs=None):
        self.note("done", batch, sorted(logs))

    def on_test_begin(self, logs=None):
        self.note("test")

    def on_test_batch_end(self, batch, logs=None):
        self.note("tested", batch)


def test_the_order_of_the_hooks():
    recorder = Recorder()
    made().fit(X, Y, epochs=1, batch_size=8, validation_split=0.2, callbacks=[recorder], verbose=0)
    loss = ["loss"]
    assert recorder.events == [
        ("train",), ("epoch", 0),
        ("batch", 0), ("done", 0, loss), ("batch", 1), ("done", 1, loss),
        ("test",), ("tested", 0),
        ("ended", 0, ["loss", "val_loss"]), ("trained", ["loss", "val_loss"]),
    ]  # fmt: skip
    recorder.events.clear()
    made().evaluate(X, Y, batch_size=8, callbacks=recorder, verbose=0)
    assert recorder.events == [("test",), ("tested", 0), ("tested", 1), ("tested", 2)]


def test_hooks_of_prediction():
    parts = []
    hook = callbacks.LambdaCallback(
        on_predict_batch_end=lambda batch, logs: parts.append(logs["outputs"]))
    model = made()
    y = model.predict(X, batch_size=8, callbacks=[hook])
    np.testing.assert_array_equal(np.concatenate(parts), y)
    assert len(parts) == 3


@pytest.mark.parametrize(("hook", "steps", "epochs"), [
    ("on_train_batch_end", 1, 1), ("on_epoch_end", 3, 1), ("on_epoch_begin", 3, 1),
    ("on_train_begin", 0, 0)])  # fmt: skip
def test_stop_training(hook, steps, epochs):
    model = made()

    def stop(*_):
        model.stop_training = True

    history = model.fit(X, Y, batch_size=8, epochs=4, verbose=0,
                        callbacks=callbacks.LambdaCallback(**{hook: stop}))
    assert model.optimizer.iterations == steps and history.epoch == list(range(epochs))


def test_an_exception_of_a_callback_comes_through():
    def fail(*_):
        raise KeyError("mine")

    model = made()
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, Y, epochs=3, verbose=0,
                  callbacks=callbacks.LambdaCallback(on_epoch_end=fail))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(X, Y, verbose=0)


def test_progress_lines(capsys):
    model = made(metrics=["mae"])
    logs = model.fit(X, Y, epochs=2, batch_size=8, verbose=2).history
    lines = capsys.readouterr().out.splitlines()
    assert [lines[0], lines[2]] == ["Epoch 1/2", "Epoch 2/2"]
    for epoch, line in enumerate(lines[1::2]):
        assert line.startswith("3/3 - 0s - ")
        assert line.endswith(f" - loss: {logs['loss'][epoch]:.4f} - mae: {logs['mae'][epoch]:.4f}")
    model.evaluate(X, Y, batch_size=8)
    assert capsys.readouterr().out.startswith("3/3 ━━━━━━━━━━━━━━━━━━━━ 0s")
    model.fit(X, Y, verbose=0)
    assert capsys.readouterr().out == ""


# Ctrl-C


def interrupting(hook, times=1):
    def press(*_):
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)

    return callbacks.LambdaCallback(**{hook: press})


@pytest.mark.parametrize(("hook", "steps", "epochs"), [
    ("on_train_batch_end", 1, 0), ("on_epoch_end", 3, 1), ("on_test_begin", 3, 0),
    ("on_train_end", 12, 4)])  # fmt: skip
def test_ctrl_c_ends_training_between_two_steps(hook, steps, epochs):
    model = made("adam")
    arguments = {"epochs": 4, "batch_size": 6, "validation_split": 0.25, "verbose": 0}
    if hook == "on_train_end":  # after training it is nobody's but the caller's
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, callbacks=interrupting(hook), **arguments)
        history = model.history
    else:
        with pytest.warns(RuntimeWarning, match=f"by the user after {epochs} of 4 epochs"):
            history = model.fit(X, Y, callbacks=interrupting(hook), **arguments)
    assert model.optimizer.iterations == steps and history.epoch == list(range(epochs))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(X, Y, verbose=0)


def test_ctrl_c_in_a_long_epoch_is_seen_at_once():
    model = Sequential([Input((64,)), Dense(64, "relu"), Dense(1)])
    model.compile("adam", "mse")
    x = np.ones((100_000, 64), "float32")
    pressed = []

    def press():
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.2, press)
    timer.start()
    with pytest.warns(RuntimeWarning, match="interrupted"):
        model.fit(x, x[:, 0], epochs=10_000, batch_size=1, verbose=0)
    assert time.perf_counter() - pressed[0] < 0.5  # 0.1 on a machine with nothing else to do
    timer.join()


def test_an_epoch_that_ctrl_c_cut_short_is_not_in_the_history():
    model = made()
    with pytest.warns(RuntimeWarning, match="after 0 of 2 epochs"):
        history = model.fit(X, Y, batch_size=6, epochs=2, verbose=0,
                            callbacks=interrupting("on_train_batch_begin"))
    assert model.optimizer.iterations == 1 and history.history == {}
    with pytest.warns(RuntimeWarning, match="after 1 of 2 epochs"):
        history = model.fit(X, Y, batch_size=20, epochs=2, verbose=0,
                            callbacks=interrupting("on_train_batch_begin"))
    assert history.epoch == [0]


def test_a_second_ctrl_c_is_an_error():
    model = made()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, callbacks=interrupting("on_epoch_begin", times=2), verbose=0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_may_handle_the_signal_itself():
    pressed = []
    previous = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    try:
        history = made().fit(X, Y, epochs=3, callbacks=interrupting("on_epoch_end"), verbose=0)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert pressed == [1, 1, 1] and history.epoch == [0, 1, 2]


# the trainer


def test_a_loop_of_ones_own():
    one, two = made("rmsprop", metrics=["mae"]), made("rmsprop", metrics=["mae"])
    feed = one.trainer.feed(X, Y)
    logs = [one.trainer.train(feed, batch_size=8)[0] for _ in range(3)]
    history = two.fit(X, Y, epochs=3, batch_size=8, verbose=0).history
    assert [log["loss"] for log in logs] == history["loss"]
    assert list(one.trainer.evaluate(feed).values()) == two.evaluate(X, Y, verbose=0)
    trainer = Trainer(two, "sgd", "mae")
    assert trainer.memory.params is two.params
    assert len(trainer.train(trainer.feed(X, Y), epochs=2)) == 2


def test_a_trainer_does_not_outlive_a_change_of_the_model():
    model = made()
    trainer = model.trainer
    feed = trainer.feed(X, Y)
    model.layers[0].trainable = False
    assert len(trainer.train(feed)) == 1  # what is set holds from the next compile on
    other = Trainer(model, "sgd", "mse")
    kernel = model.layers[0].kernel.copy()
    other.train(feed)
    np.testing.assert_array_equal(model.layers[0].kernel, kernel)
    with pytest.raises(RuntimeError, match="have changed since this trainer was made"):
        trainer.train(feed)


def test_a_loop_of_ones_own_is_interrupted_between_two_steps(monkeypatch):
    model = made()
    trainer = model.trainer
    feed = trainer.feed(X, Y)
    train = trainer.backend.train

    def press(*arguments):
        signal.raise_signal(signal.SIGINT)
        train(*arguments)

    trainer.backend = SimpleNamespace(train=press, permutations=trainer.backend.permutations)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(feed, epochs=10**9, batch_size=8)
    assert trainer.step == trainer.optimizer.iterations > 0
    assert trainer.epoch == trainer.step / 3


def test_state_round_trip():
    one = made("adam")
    one.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    two = made("adam", seed=99)
    two.set_weights(one.get_weights())
    state = one.trainer.get_state()
    two.trainer.set_state(state)
    two.layers[1].seed = one.layers[1].seed
    assert state["iterations"] == 6 and state["epoch"] == 2 and state["slots"].shape[0] == 2
    feed = one.trainer.feed(X, Y)
    assert one.trainer.get_state().keys() == state.keys()
    with pytest.raises(ValueError, match="has slots of shape"):
        two.trainer.set_state({"slots": np.zeros((1, 2))})
    assert Batches(one.trainer, feed, 8).steps == 3


def test_many_threads_of_python_may_predict_and_train_different_models():
    from concurrent.futures import ThreadPoolExecutor

    models = [made() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda m: m.fit(X, Y, epochs=5, verbose=0).history, models))
        predictions = list(pool.map(lambda _: models[0].predict(X).tolist(), range(8)))
    assert all(result == results[0] for result in results)
    assert all(prediction == predictions[0] for prediction in predictions)


# it learns


def test_xor_needs_a_hidden_layer():
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    scores = []
    for hidden in ([Dense(4, "tanh")], []):
        model = Sequential([Input((2,)), *hidden, Dense(1, "sigmoid")])
        model.compile(fastnn.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=400, batch_size=4, verbose=0)
        scores.append(model.evaluate(x, y, verbose=0)[1])
    assert scores[0] == 1 and scores[1] < 1
