"""The compiled core: its tables, its elementary functions, its bits on each instruction set."""

import contextlib
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from fastnn import activations, losses, optimizers
from fastnn.backends import loader
from fastnn.plan import AFFINES, ENCODINGS, LINKS, NOISES, OP, ROW_NORMS, Kind

core = pytest.importorskip("fastnn.backends.cython_backend").core


def test_the_core_and_the_plan_number_the_same_things():
    python_only = {Kind.CALL}  # plans with it run on NumPy
    assert {kind.name: kind.value for kind in set(Kind) - python_only} == core.KINDS
    assert tuple(cls.__name__ for cls in activations.elementwise()) == core.ACTIVATE_FORMULAS
    assert tuple(row[0] for row in losses.elementwise()) == core.LOSS_FORMULAS
    assert tuple(row[0] for row in optimizers.rules()) == core.UPDATE_FORMULAS
    assert {link: code for code, link in enumerate(LINKS) if link} == core.LINK_CODES
    assert core.ACTIVATE_FORMULAS[core.SIGMOID_CODE] == "Sigmoid"
    assert OP.itemsize == core.OP_BYTES
    codes = {name: code for names in (ROW_NORMS, NOISES, AFFINES, ENCODINGS)
             for code, name in enumerate(names)}
    assert core.LAYER_CODES.items() <= codes.items()


# largest error allowed in units of the last place; docs/accuracy.md has the figures of more numbers
ULPS = {"exp": 1.1, "expm1": 2.0, "log": 1.0, "log1p": 1.6, "tanh": 1.5, "erf": 1.6}


def inputs(dtype):
    if dtype == np.float32:  # every 65,521st of all bit patterns: NaN, infinities, subnormals too
        return np.arange(0, 2**32, 65_521, dtype=np.uint64).astype(np.uint32).view(np.float32)
    rng = np.random.default_rng(0)
    wide = rng.normal(size=60_000) * 10.0 ** rng.uniform(-300, 300, 60_000)
    return np.concatenate([wide, rng.uniform(-1, 1, 40_000), rng.uniform(-760, 760, 40_000),
                           [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 5e-324, 1e-310]])


def exactly(name, x):
    if name == "erf":  # NumPy has none; that of C is within an ulp of float64
        return np.array([math.erf(number) for number in x.tolist()], np.longdouble)
    return getattr(np, name)(x.astype(np.longdouble))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ULPS)
def test_elementary_functions_are_accurate(name, dtype):
    x = inputs(dtype)
    got = x.copy()
    core.elementary(name, got)
    with np.errstate(all="ignore"):
        exact = exactly(name, x)
        rounded = exact.astype(dtype)
    assert (np.isnan(got) == np.isnan(rounded)).all()
    wrong = np.flatnonzero(np.isinf(got) != np.isinf(rounded))
    # on the edge of overflow the last bit decides
    assert (np.abs(x[wrong]) > 0.999 * np.log(np.finfo(dtype).max)).all()
    normal = np.isfinite(rounded) & np.isfinite(got) & (np.abs(rounded) >= np.finfo(dtype).tiny)
    error = np.abs(got[normal] - exact[normal]) / np.spacing(np.abs(rounded[normal]))
    assert error.max() < ULPS[name], x[normal][error.argmax()]
    tiny = np.isfinite(rounded) & ~normal
    assert (np.abs(got[tiny] - exact[tiny]) <= 2 * np.finfo(dtype).smallest_subnormal).all()


def test_exp_at_its_ends():
    for dtype, low, high in ((np.float32, -104.0, 89.0), (np.float64, -746.0, 710.0)):
        x = np.array([low, high, -np.inf, np.inf, 0.0], dtype)
        core.elementary("exp", x)
        assert x.tolist() == [0.0, np.inf, 0.0, np.inf, 1.0]


TRAINING = """
import hashlib
import numpy as np
from fastnn import Sequential, layers, optimizers, utils, config
digest = hashlib.sha256()
for dtype in ("float32", "float64"):
    for sizes, batch in (((5, 7, 3), 1), ((70, 33, 17, 4), 20), ((9, 64, 1), 64)):
        utils.set_random_seed(3)
        model = Sequential([layers.Input(sizes[:1])], dtype=dtype)
        for units, activation in zip(sizes[1:-1], ("tanh", "silu"), strict=False):
            model.add(layers.Dense(units, activation, kernel_initializer="he_normal"))
            model.add(layers.BatchNormalization())
            model.add(layers.Dropout(0.2))
            model.add(layers.LayerNormalization())
            model.add(layers.GaussianNoise(0.1))
        for activation in ("gelu", "sparsemax", "glu"):
            model.add(layers.Dense(8, activation))
            model.add(layers.PReLU(alpha_initializer="ones"))
        model.add(layers.Dense(sizes[-1], "sigmoid"))
        model.compile(optimizers.Adam(0.01, clipnorm=0.7), "bce", metrics=["mae"])
        X = np.random.default_rng(0).normal(size=(150, sizes[0]))
        T = np.random.default_rng(1).integers(0, 2, (150, sizes[-1]))
        history = model.fit(X, T, batch_size=batch, epochs=4, verbose=0, validation_split=0.2)
        for array in (model.params, model.predict(X), np.array(history.history["val_loss"])):
            digest.update(array.tobytes())
print(digest.hexdigest())
"""


def train_with(**environment):
    done = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True,
                          env=os.environ | environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(len(set(loader.available()) & {"v3", "v4"}) < 2, reason="needs AVX-512")
def test_avx2_and_avx512_give_the_same_bits():
    assert train_with(FASTNN_ISA="v3") == train_with(FASTNN_ISA="v4")


def test_the_number_of_threads_does_not_change_a_bit():
    assert train_with(OMP_NUM_THREADS="1") == train_with(OMP_NUM_THREADS="2")


@pytest.mark.parametrize("isa", loader.available())
def test_every_instruction_set_trains(isa):
    assert len(train_with(FASTNN_ISA=isa).strip()) == 64


def test_the_floating_point_mode_is_left_as_it_was():
    code = ("import numpy as np, fastnn\n"
            "from fastnn import Sequential, layers\n"
            "model = Sequential([layers.Dense(3, input_dim=2)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(np.zeros((8, 2)), np.zeros((8, 3)), verbose=0)\n"
            "assert 5e-324 * 1.0 != 0 and np.finfo('f4').smallest_subnormal > 0")
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_trains_with_threads_as_its_parent_did():
    code = """
import os, sys
import numpy as np
from fastnn import Sequential, config, layers, utils
config.set_num_threads(2)
def train():
    utils.set_random_seed(0)
    model = Sequential([layers.Dense(256, "relu", input_dim=256), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((4096, 256)), np.ones(4096), batch_size=256, epochs=20, verbose=0)
    return model.params.tobytes()
before = train()
child = os.fork()
if not child:
    os._exit(0 if train() == before else 1)
assert os.waitpid(child, 0)[1] == 0
assert train() == before
"""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        assert process.wait(60) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a child that hangs would hang on for ever


def test_threadpoolctl_limits_the_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1):
        assert core.most_threads() == 1
