"""Where memory runs out: a MemoryError, whichever allocation fails, and all else is as it was."""

import os
import shutil
import subprocess
import sys

import pytest

from fastnn import backends

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or "cython" not in backends.available(),
    reason="needs the compiled core, and limits as Linux keeps them")

MODEL = """
import ctypes, resource, sys
import numpy as np
import fastnn
from fastnn import Input, Sequential, functional as F, layers
fastnn.config.set_num_threads(1)
X, y = np.random.default_rng(0).normal(size=(600, 8)).astype("f4"), np.arange(600) % 3
def network(units=70):
    fastnn.utils.set_random_seed(0)
    model = Sequential([Input((8,)), layers.Dense(units, "relu"), layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", backend="cython")
    return model
model = network()
model.fit(X, y, verbose=0)
"""

TOO_LARGE = MODEL + """
def refused(function, words):
    before = model.digest(), model.predict(X, verbose=0).tobytes()
    try:
        function()
    except MemoryError as error:
        assert words in str(error), error
    else:
        raise AssertionError("there was memory")
    assert before == (model.digest(), model.predict(X, verbose=0).tobytes())
    model.fit(X, y, verbose=0)
    assert np.isfinite(model.params).all()

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, used + 2**29))
# parameters; the workspace of a batch; that of a prediction, which is the core's own
refused(lambda: network(2**40 // 8), "TiB")
many = np.zeros((2**21, 8), "f4")
refused(lambda: model.fit(many, np.zeros(len(many), int), batch_size=len(many), verbose=0), "GiB")
wide = network(2**20)
refused(lambda: wide.predict(X, verbose=0), "numbers of workspace")
"""

# Stands before the C library: counts the core's workspaces, and refuses one of them.
FAILING = """
#include <errno.h>
#include <stddef.h>
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);
static void *taken[64];
long left = -1, in_use = 0;
int posix_memalign(void **memory, size_t align, size_t bytes) {
    if (left >= 0 && left-- == 0) return ENOMEM;
    if (!(*memory = __libc_memalign(align, bytes))) return ENOMEM;
    for (int i = 0; i < 64; i++)
        if (!taken[i]) {
            taken[i] = *memory;
            in_use++;
            break;
        }
    return 0;
}
void free(void *memory) {
    for (int i = 0; in_use && memory && i < 64; i++)
        if (taken[i] == memory) {
            taken[i] = NULL;
            in_use--;
        }
    __libc_free(memory);
}
"""

EVERY_ALLOCATION = MODEL + """
library = ctypes.CDLL(sys.argv[1])
left, in_use = (ctypes.c_long.in_dll(library, name) for name in ("left", "in_use"))

rng = np.random.default_rng(1)
def whole():
    model = network(5)
    model.compile(fastnn.optimizers.LevenbergMarquardt(), "mse", backend="cython")
    return model

A, W, b, D = (rng.normal(size=size).astype("f4") for size in ((600, 70), (70, 90), 90, (600, 90)))
_, batch_cache = F.batch_norm_forward(A)
_, layer_cache = F.layer_norm_forward(A)
CALLS = {
    "fit": lambda: network().fit(X, y, verbose=0).history["loss"],
    "predict": lambda: model.predict(X, verbose=0),
    "predict a few": lambda: model.predict(X[:5], verbose=0),
    "evaluate": lambda: model.evaluate(X, y, verbose=0),
    "levenberg_marquardt": lambda: whole().fit(X, X[:, :3], epochs=2, verbose=0).history["loss"],
    "dense_forward": lambda: F.dense_forward(A, W, b, "softmax"),
    "dense_backward": lambda: F.dense_backward(D, A, W, np.tanh(D), "tanh"),
    "softmax": lambda: F.softmax(A),
    "batch_norm_forward": lambda: F.batch_norm_forward(A)[0],
    "batch_norm_backward": lambda: F.batch_norm_backward(A, batch_cache),
    "layer_norm_forward": lambda: F.layer_norm_forward(A)[0],
    "layer_norm_backward": lambda: F.layer_norm_backward(A, layer_cache),
    "dropout": lambda: F.dropout(A, 0.5, 1),
    "loss": lambda: F.softmax_cross_entropy(A, np.arange(600) % 70),
}
for name, call in CALLS.items():
    wanted, before, idle = repr(call()), model.params.tobytes(), in_use.value
    for k in range(100):
        left.value = k
        try:
            assert repr(call()) == wanted, name
        except MemoryError:
            pass
        done, left.value = left.value >= 0, -1
        assert in_use.value == idle and model.params.tobytes() == before, (name, k)
        if done:
            break
    assert k and repr(call()) == wanted, name
"""


def run(code, *arguments, **environment):
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True,
                          text=True, check=False, env=os.environ | environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_too_large_says_its_size_and_leaves_other_models_alone():
    run(TOO_LARGE)


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_whichever_allocation_fails_nothing_leaks_or_changes(tmp_path):
    source, library = tmp_path / "failing.c", tmp_path / "failing.so"
    source.write_text(FAILING, "utf-8")
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library], check=True)
    run(EVERY_ALLOCATION, library, LD_PRELOAD=str(library))
