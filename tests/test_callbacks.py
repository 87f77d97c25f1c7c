"""Callbacks: the list that calls them, the history, and EarlyStopping against Keras's traces."""

import json
import math
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from fastnn.callbacks import Callback, CallbackList, EarlyStopping, History, LambdaCallback

TRACES = json.loads(
    (Path(__file__).parent / "golden/early_stopping.json").read_text(encoding="utf-8")
)
HOOKS = [name for name in vars(Callback) if name.startswith("on_")]
PLAIN = [name for name in HOOKS if "batch" not in name and "epoch" not in name]


class Recorder(Callback):
    """Overrides every hook, and writes down who was called with what."""

    def __init__(self, name="", calls=None):
        super().__init__()
        self.name = name
        self.calls = [] if calls is None else calls


for hook in HOOKS:

    def record(self, *args, hook=hook):
        self.calls.append((self.name, hook, *args))

    setattr(Recorder, hook, record)


class Model:
    """What the callbacks need of a model."""

    metrics = ()

    def __init__(self):
        self.weights = None
        self.stop_training = False

    def get_weights(self):
        return [self.weights]

    def set_weights(self, weights):
        self.weights = weights[0]


def test_the_base_has_the_hooks_of_keras():
    kinds = [f"{kind}{part}" for kind in ("train", "test", "predict") for part in ("", "_batch")]
    kinds += ["epoch", "batch"]
    assert set(HOOKS) == {f"on_{kind}_{end}" for kind in kinds for end in ("begin", "end")}


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if not hook.startswith("on_batch")])
def test_each_hook_reaches_all_callbacks_in_order(hook):
    calls = []
    callbacks = CallbackList([Recorder("a", calls), Callback(), Recorder("b", calls)])
    numbers = () if hook in PLAIN else (7,)
    logs = {}
    getattr(callbacks, hook)(*numbers, logs)
    assert calls == [("a", hook, *numbers, logs), ("b", hook, *numbers, logs)]
    assert all(call[-1] is logs for call in calls)
    getattr(callbacks, hook)(*numbers)
    assert calls[2] == ("a", hook, *numbers, {})  # a dictionary, never None


def test_what_a_callback_adds_to_the_logs_goes_into_the_history():
    adds = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(a_rate=0.1 * epoch))
    callbacks = CallbackList(adds, add_history=True, model=Model())
    callbacks.on_train_begin()
    for epoch in (3, 4):
        callbacks.on_epoch_end(epoch, {"val_loss": 2.0, "loss": 1.0})
    history = callbacks.history
    assert history.epoch == [3, 4]
    assert history.history == {
        "a_rate": pytest.approx([0.3, 0.4]),
        "loss": [1.0, 1.0],
        "val_loss": [2.0, 2.0],
    }
    assert list(history.history) == ["a_rate", "loss", "val_loss"]


def test_the_history_knows_model_and_parameters():
    model = Model()
    callbacks = CallbackList(None, add_history=True, model=model, verbose=0, epochs=2, steps=5)
    assert callbacks.callbacks == [callbacks.history] == [model.history]
    assert model.history.params == {"verbose": 0, "epochs": 2, "steps": 5}
    assert model.history.model is callbacks.model is model


def test_a_given_history_is_used_and_goes_on():
    history = History()
    for _ in range(2):
        callbacks = CallbackList([history, Callback()], add_history=True, model=Model())
        assert len(callbacks.callbacks) == 2
        callbacks.on_train_begin()
        callbacks.on_epoch_end(0, {"loss": 1.0})
    assert history.epoch == [0]
    assert history.history == {"loss": [1.0, 1.0]}


@pytest.mark.parametrize(
    "wrap", [lambda c: c, lambda c: [c], lambda c: (c,), lambda c: [[c], None]]
)
def test_callbacks_come_alone_or_in_lists(wrap):
    callback = Recorder()
    assert CallbackList(wrap(callback)).callbacks == [callback]
    assert CallbackList(CallbackList(wrap(callback))).callbacks == [callback]
    callbacks = CallbackList()
    callbacks.append(wrap(callback))
    callbacks.on_train_end()
    assert callback.calls == [("", "on_train_end", {})]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("early_stopping", "received 'early_stopping' of type str"),
        ([Callback(), 3], "Callback object or a list of them; received 3 of type int"),
        ({"a": Callback()}, "of type dict"),
        (EarlyStopping, r"received the class EarlyStopping: write EarlyStopping\(\)"),
        (print, "received <built-in function print>"),
        (SimpleNamespace(set_model=print), "of type SimpleNamespace"),
        (SimpleNamespace(on_epoch_end=print), "of type SimpleNamespace"),
    ],
)
def test_what_is_no_callback_is_named(wrong, message):
    with pytest.raises(TypeError, match=message):
        CallbackList(wrong)


def assigned(hook):
    """A callback with a function assigned to an attribute."""
    callback = Callback()
    setattr(callback, hook, print)
    return callback


def from_a_function(hook):
    return LambdaCallback(**{hook: print})


def subclassed(hook):
    base = type("Base", (Callback,), {hook: lambda self, *args: None})
    return type("Child", (base,), {})()


@pytest.mark.parametrize("make", [assigned, subclassed, from_a_function])
@pytest.mark.parametrize("hook", HOOKS)
def test_the_list_knows_who_needs_what(make, hook):
    callbacks = CallbackList([Callback(), make(hook)], add_history=True, model=Model())
    batches = {"on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"}
    assert callbacks.needs_batches == (hook in batches)
    assert callbacks.needs_epochs == hook.startswith(("on_epoch", "on_test"))
    if not hook.startswith("on_batch"):
        assert callbacks.overrides(hook)
    assert not callbacks.overrides(*{*HOOKS} - {hook, f"on_train{hook[2:]}", "on_train_begin",
                                               "on_epoch_end"})  # fmt: skip


def test_nobody_needs_anything():
    for callbacks in CallbackList(), CallbackList([Callback()], add_history=True, model=Model()):
        assert not callbacks.needs_batches
        assert not callbacks.needs_epochs


def test_hooks_chosen_in_set_model_are_found():
    class Late(Callback):
        def set_model(self, model):
            self.on_train_batch_end = lambda batch, logs: model.append(batch)

    callbacks = CallbackList(Late())
    seen = []
    callbacks.set_model(seen)
    assert callbacks.needs_batches
    callbacks.on_train_batch_end(5)
    assert seen == [5]


def test_old_batch_hooks_are_called():
    class Old(Callback):
        def on_batch_end(self, batch, logs=None):
            calls.append((batch, logs))

    class Super(Old):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)

    for cls in Old, Super:
        calls = []
        CallbackList(cls()).on_train_batch_end(3, {"loss": 1.0})
        assert calls == [(3, {"loss": 1.0})]


def test_a_callback_written_for_keras_is_called_where_it_does_something():
    def empty(self, *args):
        raise AssertionError("an empty hook was called")

    empty._is_default = True  # Keras's mark
    calls = []
    hooks = dict.fromkeys(HOOKS, empty) | {
        "on_epoch_end": lambda self, epoch, logs=None: calls.append((self.model, epoch, logs)),
        "on_batch_begin": lambda self, batch, logs=None: calls.append(batch),
        "set_model": lambda self, model: setattr(self, "model", model),
    }
    foreign = type("Foreign", (), hooks)()
    callbacks = CallbackList(foreign, model="model", epochs=1)
    assert callbacks.needs_batches and callbacks.needs_epochs
    callbacks.on_train_begin()
    callbacks.on_train_batch_begin(2)
    callbacks.on_epoch_end(0, {"loss": 1.0})
    assert calls == [2, ("model", 0, {"loss": 1.0})]


def test_params_are_set_where_wanted():
    callback = Recorder()
    CallbackList(callback, epochs=3)
    assert callback.params == {"epochs": 3}
    CallbackList(callback)
    assert callback.params == {"epochs": 3}  # nothing to set


def test_lambda_callback_refuses_what_is_no_hook_or_no_function():
    with pytest.raises(TypeError, match="'on_epoch_ends' is no hook of a callback; hooks: on_"):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(TypeError, match="on_epoch_end needs a function; received 3"):
        LambdaCallback(on_epoch_end=3)
    assert not CallbackList(LambdaCallback(on_epoch_end=None)).needs_epochs


def test_an_exception_passes_through():
    def fail(epoch, logs):
        raise KeyError("mine")

    later = Recorder()
    callbacks = CallbackList([LambdaCallback(on_epoch_end=fail), later])
    with pytest.raises(KeyError, match="mine"):
        callbacks.on_epoch_end(0)
    assert later.calls == []


def same(trace, expected):
    flat, wanted = ([x for row in rows for x in row] for rows in (trace, expected))
    return len(flat) == len(wanted) and all(
        a == b or (a is not None and b is not None and math.isnan(a) and math.isnan(b))
        for a, b in zip(flat, wanted, strict=True)
    )


@pytest.mark.parametrize("name", TRACES)
def test_early_stopping_does_what_keras_does(name, capsys):
    case = TRACES[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callback = EarlyStopping(**case["options"])
        for run in case["runs"]:
            model = Model()
            callbacks = CallbackList(callback, model=model)
            callbacks.on_train_begin()
            trace = []
            for epoch, logs in enumerate(run["logs"], run["first"]):
                model.weights = epoch
                callbacks.on_epoch_end(epoch, dict(logs))
                trace.append([callback.wait, callback.best, callback.best_epoch])
                if model.stop_training:
                    break
            callbacks.on_train_end()
            assert same(trace, run["trace"])
            assert callback.stopped_epoch == run["stopped_epoch"]
            assert model.weights == run["weights"]
            assert capsys.readouterr().out == run["printed"]
    assert [str(warning.message) for warning in caught] == case["warnings"]


@pytest.mark.parametrize(
    ("monitor", "rising"), [("val_auc", True), ("auc", True), ("val_mse", False), ("loss", False)]
)
def test_a_metric_says_whether_it_is_to_rise(monitor, rising):
    model = Model()
    model.metrics = [
        SimpleNamespace(name="loss"),
        SimpleNamespace(name="mse", direction="down"),
        SimpleNamespace(name="auc", direction="up"),
        SimpleNamespace(name="mine", direction=None),
    ]
    callback = EarlyStopping(monitor, patience=1)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate((0.5, 0.75, 0.625)):
        callback.on_epoch_end(epoch, {monitor: value})
    assert callback.best_epoch == (1 if rising else 0)
    for unknown in "val_mine", "mine", "other":
        callback = EarlyStopping(unknown)
        callback.set_model(model)
        with pytest.raises(ValueError, match=f"monitor='{unknown}' is to rise .* mode='max' or"):
            callback.on_train_begin()
        EarlyStopping(unknown, mode="max").on_train_begin()


def test_messages_do_not_need_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    model = Model()
    callback = EarlyStopping("loss", verbose=1, restore_best_weights=True)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(3):
        model.weights = epoch
        callback.on_epoch_end(epoch, {"loss": 1.0})
    callback.on_train_end()
    assert model.weights == 0
