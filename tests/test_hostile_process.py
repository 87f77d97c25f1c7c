"""Hostile processes, rows 20 and 40 of the table in test_hostile.py, and no use of a network.

A name has its row's number. Each runs in a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_hostile_values import on_backends

import fastnn
from fastnn import load_model

ROOT = str(Path(fastnn.__file__).parents[1])


def python(code, *arguments, environment=(), **options):
    """A finished process that has run ``code``."""
    environment = os.environ | {"PYTHONPATH": ROOT} | dict(environment)
    options = {"stdout": subprocess.PIPE} | options
    return subprocess.run([sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
                          stderr=subprocess.PIPE, check=False, timeout=120, env=environment,
                          **options)


# row 20: what is the caller's may change while it is trained on; what is learnt is then undefined

MUTATIONS = """if True:
    import sys, threading
    import numpy as np
    from fastnn import Input, Sequential, callbacks, layers
    backend, how, *cases = sys.argv[1:]
    draw = np.random.default_rng(0)
    for case in cases:
        X, y = draw.normal(size=(64, 3)).astype("f4"), draw.integers(0, 3, 64)
        stack = [Input((3,)), layers.Dense(3, "softmax")]
        def change(): X[:] = np.nan
        if case == "labels":
            def change(): y[:] = draw.integers(-2**60, 2**60, 64)
        if case == "items":
            X = np.zeros((64, 3), "f4")
            stack[1:1] = [layers.Embedding(5, 2), layers.Flatten()]
            def change(): X[:] = draw.normal(size=X.shape) * 1e12
        if case == "sparse":
            from scipy.sparse import random
            X = random(64, 5000, 0.01, "csr", random_state=0, dtype="f4")
            stack[0] = Input((5000,))
            def change():
                X.indices[:] = draw.integers(-2**31, 2**31, len(X.indices))
                X.indptr[:] = draw.integers(-2**31, 2**31, len(X.indptr))
        model = Sequential(stack)
        model.compile("sgd", "sparse_categorical_crossentropy", backend=backend)
        if how == "callback":
            hook = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: change())
            model.fit(X, y, epochs=3, batch_size=16, verbose=0, callbacks=hook)
        else:
            on = True
            def forever():
                while on: change()
            thread = threading.Thread(target=forever)
            started = callbacks.LambdaCallback(on_train_begin=lambda logs: thread.start())
            model.fit(X, y, epochs=100, verbose=0, callbacks=started)
            on = False
            thread.join()
        print(case)
"""


@pytest.mark.slow
@on_backends
@pytest.mark.parametrize("how", ["callback", "thread"])
def test_row_20_data_that_change_meanwhile(how, backend):
    pytest.importorskip("scipy")
    cases = ["values", "labels", "items", "sparse"]
    done = python(MUTATIONS, backend, how, *cases)
    assert done.returncode == 0 and done.stdout.decode().split() == cases, done.stderr.decode()


# row 40

EVERYTHING = """if True:
    import os, sys
    backend, path, output = sys.argv[1:]
    import numpy as np
    import fastnn
    from fastnn import Input, Sequential, callbacks, layers
    streams = sys.stdout, sys.stderr
    if output == "None":
        sys.stdout = sys.stderr = None
    if output == "closed":
        sys.stdout.close()
    X, y = np.ones((40, 3), "f4"), np.ones(40)
    model = Sequential([Input((3,)), layers.Dense(2, "relu"), layers.Dense(1)], name="mod\\u00e8le")
    model.compile("adam", "mse", metrics=["mae"], backend=backend)
    model.summary()
    for verbose in (1, 2):
        model.fit(X, y, epochs=3, validation_split=0.2, verbose=verbose,
                  callbacks=callbacks.EarlyStopping("loss", patience=0, verbose=1))
        model.evaluate(X, y, verbose=verbose)
        model.predict(X, verbose=verbose)
    model.save(path)
    assert fastnn.load_model(path, backend=backend).digest() == model.digest()
    sys.stdout, sys.stderr = streams
"""
NOWHERE = dict.fromkeys(["HOME", "XDG_CACHE_HOME", "TMPDIR", "NUMBA_CACHE_DIR", "MPLCONFIGDIR"],
                        "/proc/nowhere")
SURROUNDINGS = {
    "nowhere to write": (NOWHERE, ""),
    "no docstrings": ({"PYTHONOPTIMIZE": "2"}, ""),
    "ASCII": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
               "PYTHONIOENCODING": "ascii"}, ""),
    "Latin-1": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}, ""),
    "no output": ({}, "None"), "closed output": ({}, "closed"),
}


@pytest.mark.slow
@on_backends
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_row_40_surroundings(name, backend, tmp_path):
    environment, output = SURROUNDINGS[name]
    path = tmp_path / "model.fastnn"
    done = python(EVERYTHING, backend, path, output, environment=environment)
    assert done.returncode == 0, done.stderr.decode()
    assert load_model(path).name == "modèle"


@pytest.mark.parametrize("output", ["a closed pipe", "/dev/full"])
def test_row_40_output_that_takes_nothing(output, tmp_path):
    path = tmp_path / "model.fastnn"
    if output == "/dev/full":
        if not Path(output).exists():
            pytest.skip("needs Linux")
        with open(output, "w") as full:
            done = python(EVERYTHING, "numpy", path, "", stdout=full)
    else:
        reader, writer = os.pipe()
        os.close(reader)
        done = python(EVERYTHING, "numpy", path, "", stdout=writer)
        os.close(writer)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    load_model(path)  # the program came to its end


@pytest.mark.parametrize("name", [
    "modèle 模型 🙂.fastnn", "x" * 247 + ".fastnn", "/".join(["folder" * 20] * 15) + "/m.fastnn",
    b"not utf-8 \xff.fastnn"], ids=["unicode", "long name", "long path", "bytes"])
def test_row_40_paths(name, tmp_path):
    path = os.path.join(os.fsencode(tmp_path), name) if isinstance(name, bytes) else tmp_path / name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    model = fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1)])
    model.save(path)
    assert load_model(path).digest() == model.digest()
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]


def test_row_40_a_path_that_no_system_takes(tmp_path):
    model = fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1)])
    with pytest.raises(OSError):
        model.save(tmp_path / ("x" * 300 + ".fastnn"))
    with pytest.raises((ValueError, OSError)):
        model.save(str(tmp_path / "x\0y"))
    assert os.listdir(tmp_path) == []


# the network


def test_nothing_uses_a_network_that_does_not_say_so(tmp_path):
    code = """if True:
        import importlib, pkgutil, sys
        def refuse(event, arguments):
            if event.startswith("socket.") and event != "socket.gethostname":
                raise AssertionError(f"a network was asked for: {event}{arguments}")
        sys.addaudithook(refuse)
        import numpy as np
        import fastnn
        for module in pkgutil.walk_packages(fastnn.__path__, "fastnn."):
            if module.name.endswith(("__main__", "_core_v2", "_core_v3", "_core_v4")):
                continue
            try:
                importlib.import_module(module.name)
            except ImportError as error:  # an extra that is not installed
                assert "fastnn[" in str(error) or "No module named" in str(error), error
        digits = fastnn.datasets.digits.load_data()
        model = fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(np.ones((9, 2)), np.ones(9), verbose=0)
        model.save(sys.argv[1])
        model = fastnn.load_model(sys.argv[1])
        model.evaluate(np.ones((9, 2)), np.ones(9), verbose=0)
        print(model.predict(np.ones((1, 2))).shape)
    """
    done = python(code, tmp_path / "model.fastnn")
    assert done.stdout == b"(1, 1)\n", done.stderr.decode()


def test_the_only_code_for_a_network_is_that_of_downloads():
    found = set()
    for path in Path(fastnn.__file__).parent.rglob("*.py"):
        if any(word in path.read_text("utf-8") for word in (
                "import urllib", "import http", "import socket", "import ftplib", "import ssl",
                "import requests", "from urllib", "from http", "from socket")):
            found.add(path.name)
    # the second asks for this machine's own name
    assert found == {"_files.py", "tensorboard.py"}
