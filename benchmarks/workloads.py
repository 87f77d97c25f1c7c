"""The workloads: what is trained, with which data and from which weights. Needs NumPy alone.

Whoever takes part in the benchmarks builds its model from a :class:`Task`, so all do the same sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise

import numpy as np

BATCHES_TO_AGREE_ON = 2.5  # before timing; the half one, for a short last batch


@dataclass(frozen=True)
class Workload:
    """One training job of dense layers in float32.

    rows : of the training data; ``quick_rows`` are enough for a figure per step that is the same.
    widths : of the input, the hidden layers and the output; ``hidden`` and ``output`` activate.
    batch : rows a step; an epoch's last step may have fewer.
    epochs : of one call of ``fit``: enough for the call's fixed cost (under 1 ms) to be small.
    """

    name: str
    rows: int
    quick_rows: int
    widths: tuple[int, ...]
    hidden: str
    output: str
    loss: str
    optimizer: str
    batch: int
    epochs: int = 1

    @property
    def network(self) -> str:
        """The widths as people write them, more than three equal ones in a row as ``(64)x20``."""
        hidden = [(width, len(list(run))) for width, run in groupby(self.widths[1:-1])]
        parts = [f"({width})x{n}" if n > 3 else "-".join([str(width)] * n) for width, n in hidden]
        return "-".join([str(self.widths[0]), *parts, str(self.widths[-1])])

    @property
    def target(self) -> str:
        """What T holds: "labels" (n,), or (n, m): "numbers", "binary" (0 and 1) or "one-hot"."""
        if self.loss == "sparse_categorical_crossentropy":
            return "labels"
        if self.output == "linear":
            return "numbers"
        return "binary" if self.widths[-1] == 1 else "one-hot"

    @property
    def has_accuracy(self) -> bool:
        """Whether the accuracy is computed as well, as for every classification here."""
        return self.target != "numbers"

    def steps(self, rows: int) -> int:
        """Updates in an epoch over ``rows`` rows."""
        return -(-rows // self.batch)

    def flops(self, rows: int) -> float:
        """Floating-point operations a step, the mean over an epoch: 2 B (3 P - P1).

        P are the network's weights and P1 its first layer's, biases apart: each takes a multiply
        and an add a row forwards, for its own gradient and, but for the first layer, for the
        gradient of its input. B is the mean batch, rows / steps.
        """
        weights = [k * m for k, m in pairwise(self.widths)]
        return 2 * rows / self.steps(rows) * (3 * sum(weights) - weights[0])


_CLASSES = "sparse_categorical_crossentropy"
_BINARY = "binary_crossentropy"

# quick_rows below rows:
# mnist_3b1b, mnist_seed  63 MB of X still come from memory, not from a cache, as the full 188 MB do
# mnist_512, wide_gemm    reading a batch takes under 1 % of its step, cached or not
# deep_narrow             X fits in the third cache either way (2.6 MB, 5.1 MB)
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("seed_sgd1", 320, 320, (2, 10, 10, 1), "relu", "sigmoid", _BINARY, "rmsprop", 1,
                 epochs=100),
        Workload("seed_batch", 320, 320, (2, 10, 10, 1), "relu", "sigmoid", _BINARY, "rmsprop", 400,
                 epochs=1000),
        Workload("seed_early", 80, 80, (2, 256, 1), "relu", "sigmoid", _BINARY, "adam", 32,
                 epochs=1000),
        Workload("tabular_100", 20_640, 20_640, (8, 100, 1), "relu", "linear", "mse", "adam", 200,
                 epochs=10),
        Workload("mnist_3b1b", 60_000, 20_000, (784, 16, 16, 10), "sigmoid", "sigmoid", "mse",
                 "sgd", 32),
        Workload("mnist_seed", 60_000, 20_000, (784, 128, 32, 10), "relu", "softmax", _CLASSES,
                 "adam", 32),
        Workload("mnist_512", 60_000, 5_120, (784, 512, 512, 10), "relu", "softmax", _CLASSES,
                 "adam", 128),
        Workload("deep_narrow", 20_000, 10_240, (64, *[64] * 20, 10), "relu", "softmax", _CLASSES,
                 "adam", 64),
        Workload("wide_gemm", 4_096, 1_024, (1024, 2048, 2048, 1024), "relu", "linear", "mse",
                 "sgd", 512),
    )
}


@dataclass(frozen=True)
class Task:
    """A workload with its data and first weights, the same on every machine.

    X : (n, inputs); T : (n, outputs), or int64 (n,) class numbers; weights : kernel (k, m) and bias
    (m,) of each layer in turn. All but class numbers are float32.
    """

    workload: Workload
    X: np.ndarray
    T: np.ndarray
    weights: list[np.ndarray]


@lru_cache(maxsize=2)  # the contenders of one process take turns on the same data
def task(workload: Workload, rows: int | None = None) -> Task:
    """The workload with ``rows`` rows (None: all of them); fewer rows are the first of more.

    The targets are pure chance: there is little to learn, hence training stays as much work as it
    was at first, however often it is repeated.
    """
    n = workload.rows if rows is None else rows
    m = workload.widths[-1]
    generator = np.random.default_rng(1)
    X = generator.standard_normal((n, workload.widths[0]), np.float32)
    generator = np.random.default_rng(2)
    if workload.target == "numbers":
        T = generator.standard_normal((n, m), np.float32)
    elif workload.target == "binary":
        T = generator.integers(2, size=(n, m)).astype(np.float32)
    else:
        T = generator.integers(m, size=n)
        if workload.target == "one-hot":
            T = np.eye(m, dtype=np.float32)[T]
    return Task(workload, X, T, _first_weights(workload.widths))


def small_task(workload: Workload) -> Task:
    """The workload with the few rows on which all must agree before they are timed."""
    rows = max(64, int(BATCHES_TO_AGREE_ON * workload.batch))
    return task(workload, min(workload.quick_rows, rows))


@lru_cache(maxsize=1)
def rows_to_predict(n: int, workload: Workload) -> np.ndarray:
    """Rows (n, inputs) whose outputs are predicted."""
    return np.random.default_rng(4).standard_normal((n, workload.widths[0]), np.float32)


def agree(losses, reference) -> bool:
    """Whether two loss histories are equal up to float32 rounding.

    Equal formulas differ by 3e-7 of the loss or, where Adam's powers are taken in float32, by 1e-5
    of what was learned; Adam with PyTorch's epsilon, or with another beta_2, by 4 times the bound
    or more, on every workload that uses it.
    """
    losses, reference = np.array(losses), np.array(reference)
    if losses.shape != reference.shape:
        return False
    learned = abs(reference[-1] - reference[0])
    return bool((abs(losses - reference) <= 4e-7 * abs(reference) + 5e-5 * learned).all())


def agree_on_outputs(outputs, reference) -> bool:
    """Whether two tables of predictions are equal up to float32 rounding."""
    return np.shape(outputs) == np.shape(reference) and np.allclose(
        outputs, reference, rtol=1e-4, atol=1e-6)


def _first_weights(widths) -> list[np.ndarray]:
    """Glorot's uniform kernels and zero biases."""
    generator = np.random.default_rng(3)
    weights = []
    for k, m in pairwise(widths):
        bound = np.sqrt(6 / (k + m))
        weights.append(generator.uniform(-bound, bound, (k, m)).astype(np.float32))
        weights.append(np.zeros(m, np.float32))
    return weights
