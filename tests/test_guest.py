"""A good guest in the process: what fit, predict and save leave as they found it."""

import gc
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fastnn import Input, Sequential, backends, callbacks, layers, load_model, utils

X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def small(seed=0, backend=None, units=6):
    utils.set_random_seed(seed)
    model = Sequential([Input((5,)), layers.Dense(units, "tanh"), layers.Dropout(0.2),
                        layers.BatchNormalization(), layers.Dense(1, "sigmoid")])  # fmt: skip
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], backend=backend)
    return model


def cycle(folder, backend=None):
    """All that a program does with a model, errors included."""
    model = small(backend=backend)
    model.fit(X, Y, epochs=2, batch_size=16, validation_split=0.25, verbose=0,
              callbacks=callbacks.EarlyStopping(patience=5))
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    path = os.path.join(folder, "model.fastnn")
    model.save(path)
    load_model(path).predictor()(X[:1])
    with pytest.raises(ValueError, match="shape"):
        model.fit(X[:, :3], Y, verbose=0)


def surroundings():
    """What a library has no business with."""
    return {
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "warnings": list(warnings.filters),
        "numpy's errors": np.geterr(),
        "numpy's numbers": np.random.get_state()[1].tolist(),
        "random's numbers": random.getstate(),
        "logging": (logging.root.level, list(logging.root.handlers)),
        "environment": dict(os.environ),
        "hooks": (sys.excepthook, threading.excepthook, sys.gettrace()),
        "threads": threading.active_count(),
        "limits": resource.getrlimit(resource.RLIMIT_STACK),
        "printing": np.get_printoptions(),
        "recursion": sys.getrecursionlimit(),
    }


@pytest.mark.parametrize("backend", backends.available())
def test_the_process_is_left_as_it_was(backend, tmp_path):
    small(backend=backend)  # what is imported the first time is imported
    before = surroundings()
    with warnings.catch_warnings():
        before["warnings"] = list(warnings.filters)
        cycle(tmp_path, backend)
        assert surroundings() == before


def test_small_numbers_stay_small_numbers(tmp_path):
    """The processor's mode of rounding and of subnormal numbers, in every thread."""
    subnormal = np.float32(1e-40)

    def mode():
        return (float(subnormal * np.float32(0.5)), float(np.float64(1e-310) * 0.5),
                float(np.float64(1) + np.float64(2) ** -53), float(np.float64(0.1) * 3))

    before = mode()
    assert before[0] > 0 and before[1] > 0
    with ThreadPoolExecutor(2) as pool:
        seen = [pool.submit(mode).result()]
        cycle(tmp_path)
        seen += [mode(), pool.submit(mode).result()]
    assert seen == [before] * 3


@pytest.mark.parametrize("backend", backends.available())
def test_threads_with_a_model_each_train_as_they_would_alone(backend):
    def train(seed):
        model = models[seed]
        model.fit(X, Y, epochs=20, batch_size=8, verbose=0)
        return model.params.tobytes(), model.predict(X, verbose=0).tobytes()

    models = [small(seed, backend, 4 + 20 * seed) for seed in range(4)]
    alone = [train(seed) for seed in range(4)]
    models = [small(seed, backend, 4 + 20 * seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == alone


def resident():
    """Bytes of memory in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_nothing_leaks(tmp_path):
    for _ in range(30):
        cycle(tmp_path)
    gc.collect()
    files, threads = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    memory = []
    for _ in range(4):
        memory.append(resident())
        for _ in range(100):
            cycle(tmp_path)
        gc.collect()
    memory.append(resident())
    # a forgotten vector of parameters alone would be 300 bytes a cycle; a page or two is noise
    assert np.diff(memory)[1:].min() < 100 * 100, memory
    assert len(os.listdir("/proc/self/fd")) == files
    assert len(os.listdir("/proc/self/task")) == threads


ORDERS = [("sklearn.linear_model", "fastnn"), ("fastnn", "sklearn.linear_model"),
          ("numba", "fastnn"), ("fastnn", "numba"), ("torch", "fastnn"), ("fastnn", "torch"),
          ("scipy.linalg", "fastnn"), ("fastnn", "scipy.linalg")]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), ORDERS)
def test_imports_in_any_order(first, second):
    other = second if first == "fastnn" else first
    pytest.importorskip(other.split(".")[0])
    code = (f"import {first}, {second}\n"
            "import numpy as np, fastnn\n"
            "from fastnn import layers\n"
            "model = fastnn.Sequential([fastnn.Input((64,)), layers.Dense(256), layers.Dense(1)])\n"
            "model.compile('sgd', 'mse')\n"
            "X = np.ones((512, 64), 'f')\n"
            "model.fit(X, X[:, 0], epochs=2, verbose=0)\n"
            "print(np.isfinite((X @ X.T).sum()))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=False, timeout=120)
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize("setting", ["0", "abc", "-3", "1000", ""])
def test_a_senseless_number_of_threads_does_no_harm(setting):
    code = ("import numpy as np, fastnn\n"
            "from fastnn import layers\n"
            "model = fastnn.Sequential([fastnn.Input((3,)), layers.Dense(1)])\n"
            "model.compile('sgd', 'mse')\n"
            "model.fit(np.ones((9, 3)), np.ones(9), verbose=0)\n"
            "print(fastnn.config.num_threads() >= 1)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": setting}, check=False)
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize("exit_code", [0, 3])
def test_sys_exit_in_a_callback_leaves_the_program(exit_code):
    class Leave(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            sys.exit(exit_code)

    model = small()
    with pytest.raises(SystemExit) as left:
        model.fit(X, Y, verbose=0, callbacks=Leave())
    assert left.value.code == exit_code
    assert np.isfinite(model.predict(X, verbose=0)).all()
    assert len(model.fit(X, Y, epochs=2, verbose=0).epoch) == 2


HOOKS = [name for name in vars(callbacks.Callback) if name.startswith("on_")]


@pytest.mark.parametrize("hook", HOOKS)
def test_an_error_in_any_hook_is_the_users_own(hook):
    class Fails(callbacks.Callback):
        pass

    error = KeyError("mine")

    def fail(*args, **kwargs):
        raise error

    setattr(Fails, hook, fail)
    model = small()
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyError) as caught:
        model.fit(X, Y, validation_split=0.25, verbose=0, callbacks=Fails())
        model.evaluate(X, Y, verbose=0, callbacks=Fails())
        model.predict(X, verbose=0, callbacks=Fails())
    assert caught.value is error
    assert signal.getsignal(signal.SIGINT) is handler
    assert len(model.fit(X, Y, epochs=2, verbose=0).epoch) == 2


def test_two_threads_cannot_train_one_model():
    model, begun, go_on = small(), threading.Event(), threading.Event()

    class Waits(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            begun.set()
            assert go_on.wait(30)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(model.fit, X, Y, epochs=1, verbose=0, callbacks=Waits())
        assert begun.wait(30)
        try:
            before = model.params.copy()
            for train in (model.fit, model.train_on_batch):
                with pytest.raises(RuntimeError, match="being trained in another thread"):
                    train(X, Y)
            np.testing.assert_array_equal(model.params, before)
            assert np.isfinite(model.predict(X, verbose=0)).all()
        finally:
            go_on.set()
        assert len(first.result().epoch) == 1
    assert len(model.fit(X, Y, epochs=2, verbose=0).epoch) == 2


def test_a_callback_may_train_its_own_model():
    class Again(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                self.inner = self.model.fit(X, Y, epochs=3, verbose=0)

    again = Again()
    history = small().fit(X, Y, epochs=2, verbose=0, callbacks=again)
    assert len(again.inner.epoch) == 3 and len(history.epoch) == 2
