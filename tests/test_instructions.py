"""A gate against slower kernels that cannot flake: instructions counted, not seconds.

Valgrind's callgrind counts what the AVX2 core executes in a few fixed steps, the same number on
every run. ``python tests/test_instructions.py`` writes the counts of this build into
tests/golden/instructions.json, after a change that was measured to be worth it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fastnn.backends import loader

COUNTS = Path(__file__).parent / "golden" / "instructions.json"
SLACK = 1.05  # compilers of one major version differ a little

# name: rows, widths, output, loss, optimizer, batch, what stands behind each hidden layer
STEPS = {
    "seed_sgd1": (64, (2, 10, 10, 1), "sigmoid", "bce", "rmsprop", 1, ""),
    "seed_batch": (320, (2, 10, 10, 1), "sigmoid", "bce", "rmsprop", 320, ""),
    "tabular_100": (400, (8, 100, 1), "linear", "mse", "adam", 200, ""),
    "mnist_seed": (64, (784, 128, 32, 10), "softmax", "sparse_categorical_crossentropy", "adam",
                   32, ""),
    "deep_narrow": (64, (64,) * 8 + (10,), "softmax", "sparse_categorical_crossentropy", "adam",
                    64, ""),
    "regularised": (128, (32, 64, 64, 1), "sigmoid", "bce", "sgd", 64, "bn dropout l2"),
}
PROGRAM = """
import sys, json
import numpy as np
from fastnn import Sequential, layers, utils
rows, widths, output, loss, optimizer, batch, extras = json.loads(sys.argv[1])
utils.set_random_seed(0)
model = Sequential([layers.Input((widths[0],))])
for m in widths[1:-1]:
    model.add(layers.Dense(m, "relu", kernel_regularizer="l2" if "l2" in extras else None))
    if "bn" in extras:
        model.add(layers.BatchNormalization())
    if "dropout" in extras:
        model.add(layers.Dropout(0.3))
model.add(layers.Dense(widths[-1], output))
model.compile(optimizer, loss, metrics=["accuracy"])
X = np.random.default_rng(0).random((rows, widths[0])).astype("f4")
y = np.arange(rows) % max(2, widths[-1])
model.fit(X, y, batch_size=batch, epochs=1, verbose=0)
"""


def count(name: str) -> int:
    """Instructions inside the core's training steps of one epoch of a workload."""
    environment = {**os.environ, "FASTNN_ISA": "avx2", "FASTNN_BACKEND": "cython",
                   "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               "--toggle-collect=*train_block*", sys.executable, "-c", PROGRAM,
               json.dumps(STEPS[name])]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    assert done.returncode == 0 and found, done.stderr[-2000:]
    return int(found[1])


def count_all() -> dict[str, int]:
    """The counts of all workloads, two at a time: nearly all of the time is Python's start."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(STEPS, pool.map(count, STEPS), strict=True))


@pytest.fixture(scope="module")
def counts():
    return count_all()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
@pytest.mark.skipif("v3" not in loader.available(), reason="needs AVX2")
@pytest.mark.parametrize("name", STEPS)
def test_steps_take_no_more_instructions_than_before(name, request):
    known = json.loads(COUNTS.read_text("utf-8"))
    core = pytest.importorskip("fastnn.backends.cython_backend").core
    if known["compiler"] != core.COMPILER:
        pytest.skip(f"counted with {known['compiler']}, built with {core.COMPILER}")
    bound = known["instructions"][name]
    assert request.getfixturevalue("counts")[name] <= SLACK * bound


if __name__ == "__main__":
    from fastnn.backends.cython_backend import core

    text = json.dumps({"compiler": core.COMPILER, "instructions": count_all()}, indent=1)
    print(text)
    COUNTS.write_text(text + "\n", encoding="utf-8")
