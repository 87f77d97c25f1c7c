"""Optimizers: a hundred steps beside loops, Keras's numbers, schedules, arrays alone."""

import copy
import json
import math
import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from plans import case, train

import fastnn
from fastnn import Input, Sequential, backends, load_model, optimizers
from fastnn.layers import Dense
from fastnn.optimizers import schedules

GOLDEN = Path(__file__).parent / "golden"
KERAS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_optimizers.py")))
RESULTS = json.loads((GOLDEN / "optimizers.json").read_text())
FITS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_optimizer_training.py")))
FITTED = json.loads((GOLDEN / "optimizer_training.json").read_text())

STEPS = 100
RNG = np.random.default_rng(5)
# gradients of four parameters that change sign and size, vanish for a while and come back
GRADIENTS = RNG.normal(size=(STEPS, 4)) * 10.0 ** RNG.integers(-3, 2, (STEPS, 4))
GRADIENTS[20:40, 1] = 0.0
START = np.array([0.5, -1.0, 2.0, 1e-3])


# every rule as a loop over plain numbers, written apart from fastnn


def sgd(p, g, s, t, lr, mu=0.0, nesterov=False):
    s["v"] = mu * s.get("v", 0.0) - lr * g
    return p + (mu * s["v"] - lr * g if nesterov else s["v"])


def torch_sgd(p, g, s, t, lr, mu, nesterov=False):
    s["b"] = g if t == 1 else mu * s["b"] + g
    return p - lr * (g + mu * s["b"] if nesterov else s["b"])


def rmsprop(p, g, s, t, lr, rho, mu, centered, torch=False):
    s["n"] = rho * s.get("n", 0.0) + (1 - rho) * g**2
    s["a"] = rho * s.get("a", 0.0) + (1 - rho) * g
    n = s["n"] - (s["a"] ** 2 if centered else 0)
    if torch:
        s["b"] = mu * s.get("b", 0.0) + g / (math.sqrt(n) + 1e-8)
        return p - lr * s["b"]
    s["b"] = mu * s.get("b", 0.0) + lr * g / math.sqrt(n + 1e-7)
    return p - s["b"]


def adam(p, g, s, t, lr, b1, b2, amsgrad=False, preset="keras"):
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g**2
    s["h"] = max(s.get("h", 0.0), s["v"]) if amsgrad else s["v"]
    if preset == "torch":
        return p - lr * (s["m"] / (1 - b1**t)) / (math.sqrt(s["h"] / (1 - b2**t)) + 1e-8)
    epsilon = {"keras": 1e-7, "sklearn": 1e-8}[preset]
    return p - lr * math.sqrt(1 - b2**t) / (1 - b1**t) * s["m"] / (math.sqrt(s["h"]) + epsilon)


def adamw(p, g, s, t, lr, decay, b1, b2):
    return adam(p * (1 - lr * decay), g, s, t, lr, b1, b2)


def adagrad(p, g, s, t, lr, initial):
    s["a"] = s.get("a", initial) + g**2
    return p - lr * g / math.sqrt(s["a"] + 1e-7)


def adadelta(p, g, s, t, lr, rho, epsilon):
    s["v"] = rho * s.get("v", 0.0) + (1 - rho) * g**2
    step = -math.sqrt(s.get("d", 0.0) + epsilon) / math.sqrt(s["v"] + epsilon) * g
    s["d"] = rho * s.get("d", 0.0) + (1 - rho) * step**2
    return p + lr * step


def adamax(p, g, s, t, lr, b1, b2):
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["u"] = max(b2 * s.get("u", 0.0), abs(g))
    return p - lr / (1 - b1**t) * s["m"] / (s["u"] + 1e-7)


def nadam(p, g, s, t, lr, b1, b2):
    mu, following = (b1 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
    s["product"] = s.get("product", 1.0) * mu
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g**2
    m = following * s["m"] / (1 - s["product"] * following) + (1 - mu) * g / (1 - s["product"])
    return p - lr * m / (math.sqrt(s["v"] / (1 - b2**t)) + 1e-7)


def ftrl(p, g, s, t, lr, power, initial, l1, l2, shrinkage, beta):
    before = s.get("n", initial)
    s["n"] = before + g**2
    sigma = (s["n"] ** -power - before**-power) / lr
    s["z"] = s.get("z", 0.0) + g + 2 * shrinkage * p - sigma * p
    if abs(s["z"]) <= l1:
        return 0.0
    return -(s["z"] - math.copysign(l1, s["z"])) / (
        s["n"] ** -power / lr + 2 * (l2 + beta / (2 * lr)))


def lion(p, g, s, t, lr, b1, b2):
    blend = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["m"] = b2 * s.get("m", 0.0) + (1 - b2) * g
    return p - lr * (math.copysign(1.0, blend) if blend else 0.0)


LOOPS = [
    (optimizers.SGD(0.3), sgd, (0.3,)),
    (optimizers.SGD(0.3, 0.8), sgd, (0.3, 0.8)),
    (optimizers.SGD(0.3, 0.8, True), sgd, (0.3, 0.8, True)),
    (optimizers.SGD(0.3, 0.8, preset="sklearn"), sgd, (0.3, 0.8)),
    (optimizers.SGD(0.3, 0.8, preset="torch"), torch_sgd, (0.3, 0.8)),
    (optimizers.SGD(0.3, 0.8, True, preset="torch"), torch_sgd, (0.3, 0.8, True)),
    *((optimizers.RMSprop(0.02, 0.8, mu, centered=centered, preset=preset), rmsprop,
       (0.02, 0.8, mu, centered, preset == "torch"))
      for mu in (0.0, 0.7) for centered in (False, True) for preset in ("keras", "torch")),
    *((optimizers.Adam(0.02, 0.8, 0.95, amsgrad=amsgrad, preset=preset), adam,
       (0.02, 0.8, 0.95, amsgrad, preset))
      for amsgrad in (False, True) for preset in ("keras", "torch", "sklearn")),
    (optimizers.AdamW(0.02, 0.3, 0.8, 0.95), adamw, (0.02, 0.3, 0.8, 0.95)),
    (optimizers.Adagrad(0.5, 0.2), adagrad, (0.5, 0.2)),
    (optimizers.Adadelta(0.7, 0.9, 1e-5), adadelta, (0.7, 0.9, 1e-5)),
    (optimizers.Adamax(0.02, 0.8, 0.95), adamax, (0.02, 0.8, 0.95)),
    (optimizers.Nadam(0.02, 0.8, 0.95), nadam, (0.02, 0.8, 0.95)),
    (optimizers.Ftrl(0.5, -0.5, 0.2, 0.3, 0.1, 0.05, 0.4), ftrl,
     (0.5, -0.5, 0.2, 0.3, 0.1, 0.05, 0.4)),
    (optimizers.Ftrl(0.5, -0.8, 0.2, 0.3), ftrl, (0.5, -0.8, 0.2, 0.3, 0.0, 0.0, 0.0)),
    (optimizers.Ftrl(0.5, 0.0, 0.2, 0.3), ftrl, (0.5, 0.0, 0.2, 0.3, 0.0, 0.0, 0.0)),
    (optimizers.Lion(0.02, 0.8, 0.95), lion, (0.02, 0.8, 0.95)),
]  # fmt: skip


def path_of(optimizer, backend="numpy", gradients=GRADIENTS):
    """The parameters after every step on the backend: errors of a linear output, far from zero.

    With the mean absolute error of outputs far below their targets, a row's gradient is the row.
    """
    made = case(lambda net: net.dense(net.input(4), 1, bias=False), loss="mae",
                optimizer=optimizer, n=STEPS)
    made = made.with_feed(X=-gradients, T=np.full((STEPS, 1), 1e9))
    memory, scalars, path = made.memory(), made.scalars(STEPS), []
    memory.params[:] = START
    for i in range(STEPS):
        backends.get(backend).train(made.plan, memory, made.feed, np.array([[i]]), 1,
                                    scalars[i : i + 1], i, np.zeros((1, 1)))
        path.append(memory.params.copy())
    return np.array(path)


def loop(step, numbers):
    path = []
    for p, gradients in zip(START, GRADIENTS.T, strict=True):
        state, values = {}, []
        for t, g in enumerate(gradients, 1):
            p = step(p, g, state, t, *numbers)
            values.append(p)
        path.append(values)
    return np.array(path).T


def test_every_rule_has_a_loop():
    names = {f"{type(optimizer).__name__}_{optimizer.rule}" for optimizer, _, _ in LOOPS}
    assert names - {"AdamW_plain"} == {row[0] for row in optimizers.rules()} - {"Lamb_plain"}


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("optimizer, step, numbers", LOOPS, ids=lambda value: str(value)[:70])
def test_a_hundred_steps(optimizer, step, numbers, backend):
    np.testing.assert_allclose(path_of(optimizer, backend), loop(step, numbers), rtol=1e-10,
                               atol=1e-10)


@pytest.mark.parametrize("backend", backends.available())
def test_a_hundred_steps_of_lamb(backend):
    """One variable of four numbers: its norm counts."""
    p, m, v, path = START.copy(), np.zeros(4), np.zeros(4), []
    for t, g in enumerate(GRADIENTS, 1):
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
        u = m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.95**t)) + 1e-7)
        p = p - 0.02 * np.linalg.norm(p) / np.linalg.norm(u) * u
        path.append(p)
    np.testing.assert_allclose(path_of(optimizers.Lamb(0.02, 0.8, 0.95), backend), path,
                               rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("backend", backends.available())
def test_a_hundred_steps_with_everything(backend):
    """Mean gradients of three, clipped, decay, momentum, averages that take over; a schedule."""
    rate = schedules.InverseTimeDecay(0.2, 10, 0.5)
    optimizer = optimizers.SGD(rate, 0.9, weight_decay=0.05, clipnorm=0.7, use_ema=True,
                               ema_momentum=0.8, ema_overwrite_frequency=4,
                               gradient_accumulation_steps=3)
    p, velocity, average, total, path = START.copy(), 0.0, 0.0, 0.0, []
    for i, g in enumerate(GRADIENTS):
        updates, total = i // 3, total + g
        if i % 3 == 2:
            g, total, lr = total / 3, 0.0, 0.2 / (1 + 0.05 * i)
            g = g * min(1, 0.7 / np.linalg.norm(g))
            p = p - p * 0.05 * lr
            velocity = 0.9 * velocity - lr * g
            p = p + velocity
        average = p if updates == 0 else 0.8 * average + 0.2 * p
        if (updates + 1) % 4 == 0:
            p = average
        path.append(p)
    np.testing.assert_allclose(path_of(optimizer, backend), path, rtol=1e-10, atol=1e-10)


def test_a_step_that_waits_is_cut_anywhere():
    """Stretches need not end where an update falls."""
    def run(*cuts):
        optimizer = optimizers.Adam(0.1, gradient_accumulation_steps=4, use_ema=True)
        made = case(lambda net: net.dense(net.input(4), 1), optimizer=optimizer, n=12)
        memory, first = made.memory(), 0
        for cut in (*cuts, 12):
            backends.get().train(made.plan, memory, made.feed, np.arange(first, cut)[None], 1,
                                 optimizer.scalars(first, cut - first), first, np.zeros((1, 1)))
            first = cut
        return memory.params.tobytes() + memory.slots.tobytes()

    assert run() == run(3) == run(1, 2, 7, 11)


@pytest.mark.parametrize("name", [n for n in backends.available() if n != "numpy"])
@pytest.mark.parametrize("cls", [optimizers.Lamb, optimizers.Nadam])
def test_threads_do_not_change_a_bit(cls, name):
    """Where work is shared, other threads' parts of the parameters lie elsewhere at each op."""
    optimizer = cls(0.01, **FULL)
    optimizer.exclude_from_weight_decay(var_names=["bias"])

    def make(net):
        value = net.dense(net.dense(net.input(90), 256, "tanh"), 128, "silu")
        for i, variable in enumerate(net.variables):
            variable.name = ("kernel", "bias")[i % 2]
        return net.dense(value, 3)

    made = case(make, "float32", optimizer=optimizer, n=600)
    one, two, three = (train(backends.get(name), made, 150, 3, threads) for threads in (1, 2, 3))
    assert not (one["params"] == made.params).any()
    for key in one:
        assert one[key].tobytes() == two[key].tobytes() == three[key].tobytes(), key


def test_no_option_costs_nothing_in_the_plan():
    for name in ("sgd", "adam", "rmsprop"):
        ops = case(lambda net: net.dense(net.input(4), 1), optimizer=name).plan.ops
        assert [int(kind) for kind in ops["kind"][-2:]] == [17, 51] and ops["b"][-1] == -1


# Keras


@pytest.mark.parametrize("name", KERAS.CASES)
def test_arrays_move_as_keras_moves_them(name):
    parameters = KERAS.parameters()
    optimizer = KERAS.made(optimizers, name)
    if "spare" in KERAS.CASES[name][1]:  # arrays have no names
        optimizer.exclude_from_weight_decay([parameters["bias"], parameters["gamma"]])
    got = KERAS.moved(optimizer, list(parameters.values()), np.asarray)
    wanted = np.array(RESULTS["moved"][name])
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", FITS.CASES)
def test_fits_are_those_of_keras(name):
    """In float32; a weight whose gradient is next to nothing moves with its rounding."""
    got, wanted = FITS.train(fastnn, name), FITTED[name]
    np.testing.assert_allclose(got["loss"], wanted["loss"], rtol=2e-5)
    np.testing.assert_allclose(got["weights"], wanted["weights"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", KERAS.SCHEDULES)
def test_schedules_are_those_of_keras(name):
    np.testing.assert_allclose(KERAS.rates(optimizers, name), RESULTS["rates"][name], rtol=1e-5,
                               atol=1e-7)


@pytest.mark.parametrize("name", RESULTS["defaults"])
def test_defaults_are_those_of_keras(name):
    config, wanted = KERAS.default_config(optimizers, name), RESULTS["defaults"][name]
    wanted["name"] = config["name"]
    assert {key: config[key] for key in wanted} == wanted


# schedules


ALL_SCHEDULES = [
    *(getattr(schedules, cls)(*arguments, **settings)
      for cls, arguments, settings in KERAS.SCHEDULES.values()),
    schedules.OneCycle(0.1, 40), schedules.OneCycle(0.1, 40, 0.25, 10.0, 100.0, "linear"),
    schedules.WarmUp(0.1, 8), schedules.WarmUp(schedules.CosineDecay(0.1, 20), 8, 0.01),
]


@pytest.mark.parametrize("schedule", ALL_SCHEDULES, ids=repr)
def test_a_schedule_is_one_function(schedule):
    """One step, many steps, its description, the optimizer's table: the same numbers."""
    steps = np.arange(60.0)
    rates = schedule.rates(steps)
    assert rates.dtype == np.float64 and rates.shape == (60,) and (rates >= 0).all()
    assert [schedule(step) for step in range(60)] == rates.tolist() == list(schedule(steps))
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert again.rates(steps).tolist() == rates.tolist()
    table = optimizers.SGD(schedule).scalars(7, 20)[:, 0]
    assert table.tolist() == rates[7:27].tolist()


def test_every_schedule_is_tested():
    assert {type(s).__name__ for s in ALL_SCHEDULES} == set(fastnn.registry.names("schedule"))


def test_one_cycle_goes_up_and_down():
    """As PyTorch has it: the top is at pct_start * total_steps - 1, the end at total_steps - 1."""
    rates = schedules.OneCycle(1.0, 100, 0.3, 25.0, 1e4).rates(np.arange(120.0))
    assert rates[0] == pytest.approx(1 / 25) and rates.argmax() == 29 and rates[29] == 1.0
    assert rates[99:] == pytest.approx(1 / 25 / 1e4) and rates[64] == pytest.approx(0.5, abs=1e-4)
    assert (np.diff(rates[:30]) > 0).all() and (np.diff(rates[29:100]) < 0).all()


def test_restarts_fall_on_their_steps():
    schedule = schedules.CosineDecayRestarts(1.0, 3, t_mul=3.0)
    starts = [0, 3, 12, 39, 120, 363, 1092, 3279, 9840]
    assert schedule.rates(np.array(starts, float)).tolist() == [1.0] * len(starts)


@pytest.mark.parametrize("make, words", [
    (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be a positive number"),
    (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1]), "one more than boundaries"),
    (lambda: schedules.OneCycle(0.1, 9, anneal="up"), "anneal must be"),
    (lambda: schedules.OneCycle(0.1, 9, 1.5), "warmup_fraction"),
    (lambda: schedules.WarmUp(0.1, 0), "warmup_steps"),
    (lambda: optimizers.Adam(-1.0), "learning_rate must lie in"),
    (lambda: optimizers.Adam(clipnorm=1.0, clipvalue=1.0), "Only one of clipnorm"),
    (lambda: optimizers.Adam(gradient_accumulation_steps=1), "whole number from 2 on"),
    (lambda: optimizers.Adam(use_ema=True, ema_momentum=1.2), "ema_momentum must lie"),
    (lambda: optimizers.Adam(use_ema=True, ema_overwrite_frequency=2.5), "whole number from 1 on"),
    (lambda: optimizers.Adam(weight_decay=-0.1), "weight_decay must lie"),
    (lambda: optimizers.AdamW(weight_decay=None), "AdamW needs a weight_decay"),
    (lambda: optimizers.Lion(beta_1=0.0), "beta_1 must be above 0"),
    (lambda: optimizers.Ftrl(learning_rate_power=0.5), "learning_rate_power must lie"),
    (lambda: optimizers.Adam(preset="jax"), "preset must be one of keras, torch, sklearn"),
    (lambda: optimizers.RMSprop(preset="sklearn"), "preset must be one of keras, torch, rec"),
    (lambda: optimizers.SGD(lambda: math.nan).scalars(0, 1), "learning rate of step 0 is nan"),
])  # fmt: skip
def test_mistakes(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# the learning rate


class Halved(schedules.LearningRateSchedule):
    """A user's own, which is no formula of arrays."""

    def __call__(self, step):
        return 0.1 if step < 3 else 0.05


def test_the_learning_rate_is_a_number_a_schedule_or_a_function():
    optimizer = optimizers.SGD(Halved())
    assert optimizer.scalars(1, 4)[:, 0].tolist() == [0.1, 0.1, 0.05, 0.05]
    assert optimizer.learning_rate == 0.1
    optimizer.batches = 3
    assert optimizer.learning_rate == 0.05
    with pytest.raises(TypeError, match="follows Halved"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = iter([0.3, 0.2, 0.1, 0.4]).__next__
    assert optimizer.scalars(0, 3)[:, 0].tolist() == [0.3, 0.2, 0.1]
    assert optimizer.learning_rate == 0.4
    optimizer.learning_rate = 0.7
    assert optimizer.learning_rate == 0.7 and optimizer.scalars(0, 1).tolist() == [[0.7]]
    with pytest.raises(NotImplementedError, match="must define __call__"):
        schedules.LearningRateSchedule()(1)
    with pytest.raises(NotImplementedError, match="get_config"):
        optimizers.SGD(Halved()).get_config()


def test_a_function_is_described_by_its_value():
    with pytest.warns(UserWarning, match="kept as 0.25"):
        assert optimizers.SGD(lambda: 0.25).get_config()["learning_rate"] == 0.25


# models

X = np.sin(np.arange(60.0)).reshape(20, 3).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")


def model(optimizer, backend=None, seed=5):
    fastnn.utils.set_random_seed(seed)
    made = Sequential([Input((3,)), Dense(6, "tanh"), Dense(1)])
    made.compile(optimizer, "mse", backend=backend)
    return made


FULL = {"weight_decay": 0.1, "clipnorm": 0.5, "use_ema": True, "ema_momentum": 0.9,
        "ema_overwrite_frequency": 3, "gradient_accumulation_steps": 2}


# those that step batch by batch; for the others see test_whole.py
BY_BATCH = [cls for cls in fastnn.registry.classes("optimizer")
            if not issubclass(cls, optimizers.WholeOptimizer)]


@pytest.mark.parametrize("cls", BY_BATCH, ids=lambda cls: cls.__name__)
def test_saved_in_the_middle_training_goes_on(cls, tmp_path):
    def made():
        return cls(schedules.ExponentialDecay(0.01, 5, 0.9), **FULL)

    whole, half = model(made()), model(made())
    for several, epochs in ((whole, (3, 7)), (half, (3,))):
        for last in epochs:
            several.fit(X, Y, epochs=last, initial_epoch=max(0, last - 4) * (last > 3),
                        batch_size=8, verbose=0)
    half.save(tmp_path / "half.fastnn")
    loaded = load_model(tmp_path / "half.fastnn")
    assert loaded.optimizer.get_config() == half.optimizer.get_config()
    loaded.fit(X, Y, epochs=7, initial_epoch=3, batch_size=8, verbose=0)
    assert loaded.params.tobytes() == whole.params.tobytes()
    assert loaded.optimizer.batches == 21 and loaded.optimizer.iterations == 10


def test_fit_ends_with_the_averages():
    made = model(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    seen = []
    batch = fastnn.callbacks.LambdaCallback(
        on_train_batch_end=lambda *_: seen.append(made.params.copy()))
    made.fit(X, Y, epochs=2, batch_size=10, verbose=0, callbacks=[batch])
    average = seen[0]
    for params in seen[1:]:
        average = 0.5 * average + 0.5 * params
    np.testing.assert_allclose(made.params, average, rtol=1e-5)
    assert not np.allclose(made.params, seen[-1], rtol=1e-5)


def test_what_weight_decay_spares():
    made = model(optimizers.SGD(0.0))
    kernel = made.layers[0].kernel
    for choose, spared in (({"var_names": ["bias"]}, {1, 3}), ({"var_list": [kernel]}, {0}),
                           ({"var_list": made.trainable_weights[2:]}, {2, 3}), ({}, set())):
        optimizer = optimizers.SGD(0.0, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(**choose)
        assert optimizer._decayed([v for i, v in enumerate(made.trainable_weights)
                                   if i in spared]) == []
        assert sum(n for _, n in optimizer._decayed(made.trainable_weights)) == sum(
            v.size for i, v in enumerate(made.trainable_weights) if i not in spared)
    optimizer = optimizers.AdamW(0.1, 0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    again = optimizers.AdamW.from_config(optimizer.get_config())
    assert again._decayed(made.trainable_weights) == optimizer._decayed(made.trainable_weights)
    model(again).fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="before training begins"):
        again.exclude_from_weight_decay(var_names=["kernel"])


def test_setting_the_rate_while_a_model_trains():
    made = model(optimizers.SGD(0.1, weight_decay=0.1))
    made.fit(X, Y, verbose=0)
    made.optimizer.learning_rate = 0.0
    before = made.params.copy()
    made.fit(X, Y, verbose=0)
    assert made.params.tobytes() == before.tobytes()


# arrays alone


def test_arrays_keep_their_slots():
    """In any order, by parts, through other views of the same numbers; and nothing else moves."""
    one, two = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0, 0.5])
    optimizer = optimizers.Adam(0.1, 0.8, 0.9)
    wanted, state = [one.copy(), two.copy()], [{} for _ in range(7)]
    for t in range(1, 6):
        grads = [np.sin(t + one), np.cos(t * two)]
        pairs = [(grads[0], one), (grads[1], two[:])]
        assert optimizer.apply_gradients(pairs if t % 2 else pairs[::-1]) == t
        flat = np.concatenate([w.ravel() for w in wanted])
        flat = [adam(p, g, s, t, 0.1, 0.8, 0.9) for p, g, s in zip(
            flat, np.concatenate([g.ravel() for g in grads]), state, strict=True)]
        wanted = [np.reshape(flat[:4], (2, 2)), np.array(flat[4:])]
    np.testing.assert_allclose(one, wanted[0], rtol=1e-12)
    np.testing.assert_allclose(two, wanted[1], rtol=1e-12)
    still = one.copy()
    optimizer.apply([np.ones(3)], [two])
    assert (one == still).all() and (two != wanted[1]).all()
    optimizer.apply([np.ones((2, 2)), np.ones(3)])
    assert (one != still).all() and optimizer.iterations == 7


def test_what_arrays_alone_refuse():
    w = np.ones(3)
    for grads, arrays, error, words in [
            ([w], None, ValueError, "needs the arrays"),
            ([w], [[1.0]], TypeError, "float32 or float64"),
            ([w], [np.ones(3, int)], TypeError, "received int64"),
            ([w, w], [w, w], ValueError, "given twice"),
            ([w, w], [w], ValueError, "2 gradients for 1 arrays"),
            ([np.ones(2)], [w], ValueError, r"shape \(3,\) has shape \(2,\)"),
            ([w], [np.broadcast_to(1.0, 3)], ValueError, "read-only")]:
        with pytest.raises(error, match=words):
            optimizers.SGD().apply(grads, arrays)
    optimizer = optimizers.SGD()
    optimizer.apply([np.ones(3)], [w])
    with pytest.raises(ValueError, match="not among those"):
        optimizer.apply([np.ones(3)], [w.copy()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert copy.deepcopy(optimizer).batches == 1


def test_a_model_and_arrays_move_alike():
    """The compiled step and the arrays' own give the same numbers for the same gradients."""
    settings = {"learning_rate": 0.1, **FULL}
    made = case(lambda net: net.dense(net.input(4), 1, bias=False), loss="mae",
                optimizer=optimizers.Nadam(**settings), n=STEPS)
    made = made.with_feed(X=-GRADIENTS, T=np.full((STEPS, 1), 1e9))
    result = train(backends.get(), made, batch_size=1, epochs=1, with_Y=False)
    p, optimizer = made.params.copy(), optimizers.Nadam(**settings)
    for row in np.random.default_rng(0).permutation(STEPS):
        optimizer.apply_gradients([(GRADIENTS[row], p)])
    np.testing.assert_allclose(p, result["params"], rtol=1e-9)
