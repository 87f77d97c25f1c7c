"""Write tests/golden/digests.json: what small trainings come to, to the last bit.

Run in a source tree whose cores are built (`pip install -e .`), on a processor with AVX2; every
instruction set that was built and runs here is tried:
    python tests/golden/make_digests.py

A case is a network, a loss, an optimizer and data. Kept are `model.digest()` and the SHA-256 of the
saved file, which has no date in it; the version that it names is left out. There are two tiers: the
cores with FMA (v3 and v4), which must agree, and v2, which rounds every product. The NumPy backend
sums as the NumPy at hand does, and Numba as its compiler does: neither has golden numbers.

The numbers may change only with a deliberate change of the kernels, of the random numbers or of the
files' format. Such a change says so in CHANGELOG.md, for it changes everybody's results. Another
compiler may join a product and a sum to one rounding elsewhere: which one it was is noted.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("digests.json")
TIERS = {"v4": "fma", "v3": "fma", "v2": "no fma"}
ROWS = 203


def numbers(*shape):
    """Multiples of 1/512 that look random; made without a function that a libm could round."""
    whole = np.arange(np.prod(shape), dtype=np.int64) * 7919 + 31
    return (whole % 1021 - 510).reshape(shape) / 512


X = numbers(ROWS, 7)
ONE = X[:, :1] * X[:, 1:2] - X[:, 2:3] / 4
BINARY = (ONE > 0).astype(int)
LABELS = np.argmax(X[:, :4], axis=1)
ONE_HOT = np.eye(4)[LABELS]


def sequential(fastnn, *stack, rows=7, **arguments):
    from fastnn import Input, Sequential

    named = [Input((rows,), name="rows"), *stack]
    for number, layer in enumerate(stack):
        layer.name = f"layer_{number}"
    return Sequential(named, name="model", **arguments)


# name -> a function of fastnn that gives (model, optimizer, loss, x, y, further arguments of `fit`)


def one_row_at_a_time(f):
    model = sequential(f, f.layers.Dense(9, "relu"), f.layers.Dense(1))
    return model, f.optimizers.SGD(0.02), "mse", X, ONE, {"batch_size": 1}


def classes(f):
    model = sequential(f, f.layers.Dense(70, "tanh"), f.layers.Dense(4, "softmax"))
    return model, f.optimizers.Adam(0.01), "sparse_categorical_crossentropy", X, LABELS, {}


def regularised(f):
    model = sequential(f, f.layers.Dense(40, "gelu", kernel_regularizer="l2"),
                       f.layers.BatchNormalization(), f.layers.Dropout(0.3, seed=5),
                       f.layers.Dense(20, "silu", kernel_constraint="max_norm"),
                       f.layers.Dense(1, "sigmoid"))  # fmt: skip
    optimizer = f.optimizers.AdamW(0.01, weight_decay=0.05, global_clipnorm=0.5)
    return model, optimizer, "binary_crossentropy", X, BINARY, {"validation_split": 0.2}


def double(f):
    model = sequential(f, f.layers.Dense(17, "selu", kernel_initializer="lecun_normal"),
                       f.layers.AlphaDropout(0.1, seed=2), f.layers.Dense(5, "elu"),
                       f.layers.Dense(1), dtype="float64")  # fmt: skip
    return model, f.optimizers.Nadam(0.01), "huber", X, ONE, {}


def weighted(f):
    model = sequential(f, f.layers.Dense(12, "sigmoid"), f.layers.Dense(1, "sigmoid"))
    optimizer = f.optimizers.RMSprop(0.01, momentum=0.5, centered=True)
    return model, optimizer, "binary_focal_crossentropy", X, BINARY, {
        "sample_weight": np.arange(ROWS) % 5, "class_weight": {1: 2.5}}


def normalised(f):
    layers = f.layers
    model = sequential(f, layers.Dense(24, "mish"), layers.LayerNormalization(),
                       layers.Dense(16), layers.PReLU(), layers.GroupNormalization(4),
                       layers.RMSNormalization(), layers.Dense(4))  # fmt: skip
    schedule = f.optimizers.schedules.ExponentialDecay(0.05, 7, 0.9)
    loss = f.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    return model, f.optimizers.SGD(schedule, momentum=0.9, nesterov=True), loss, X, ONE_HOT, {}


def noisy(f):
    model = sequential(f, f.layers.GaussianNoise(0.1, seed=3), f.layers.Dense(33, "softplus"),
                       f.layers.GaussianDropout(0.2, seed=4), f.layers.Dense(1, "exponential"))
    return model, f.optimizers.Adagrad(0.05), "poisson", X, np.abs(ONE), {}


def looked_up(f):
    items = np.argsort(np.argsort(X, axis=1), axis=1)[:, :5]
    model = sequential(f, f.layers.Embedding(7, 3), f.layers.Flatten(),
                       f.layers.Dense(4, "softmax"), rows=5)
    return model, f.optimizers.Lamb(0.02), "kl_divergence", items, ONE_HOT, {}


def graph(f):
    from fastnn import Input, Model, layers

    a, b = Input((7,), name="a"), Input((3,), name="b")
    left, right = layers.Dense(11, "relu", name="left")(a), layers.Dense(11, name="right")(b)
    both = layers.Multiply(name="both")([left, layers.Add(name="sum")([left, right])])
    model = Model([a, b], [layers.Dense(1, name="one")(both),
                           layers.Dense(4, "softmax", name="two")(
                               layers.Concatenate(name="beside")([both, right]))], name="graph")
    return model, f.optimizers.Adamax(0.01), ["mae", "sparse_categorical_crossentropy"], [
        X, X[:, 4:]], [ONE, LABELS], {}


def thin(f):
    from scipy.sparse import csr_array

    dense = np.where((np.arange(ROWS * 900) * 7919 % 101 == 0).reshape(ROWS, 900),
                     numbers(ROWS, 900), 0)
    model = sequential(f, f.layers.Dense(30, "leaky_relu"), f.layers.Dense(1), rows=900)
    return model, f.optimizers.Adadelta(0.5), "log_cosh", csr_array(dense), ONE, {}


def wide(f):
    rows = numbers(700, 130)
    model = sequential(f, f.layers.Dense(300, "hard_sigmoid"), f.layers.Dense(150, "softsign"),
                       f.layers.Dense(1, "tanh"), rows=130)
    y = 2 * (rows[:, :1] > rows[:, 1:2]) - 1
    optimizer = f.optimizers.Lion(1e-3, weight_decay=0.1)
    return model, optimizer, "squared_hinge", rows, y, {"batch_size": 128}


def averaged(f):
    model = sequential(f, f.layers.Dense(15, "hard_silu"), f.layers.UnitNormalization(),
                       f.layers.Dense(1, kernel_regularizer="l1"))  # fmt: skip
    optimizer = f.optimizers.Ftrl(0.1, use_ema=True, ema_momentum=0.9)
    return model, optimizer, "mean_squared_logarithmic_error", X, np.abs(ONE), {"shuffle": False}


CASES = {function.__name__: function for function in (
    one_row_at_a_time, classes, regularised, double, weighted, normalised, noisy, looked_up, graph,
    thin, wide, averaged)}


def train(name: str, threads: int | None = None) -> dict:
    """A case trained here: its digest and the hash of its file."""
    import fastnn
    from fastnn import _archive

    fastnn.config.set_num_threads(threads)
    fastnn.utils.set_random_seed(sum(name.encode()))
    model, optimizer, loss, x, y, arguments = CASES[name](fastnn)
    model.compile(optimizer, loss, backend="cython")
    model.fit(x, y, **{"epochs": 3, "batch_size": 32, "verbose": 0} | arguments)
    version, _archive.__version__ = _archive.__version__, "golden"
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.fastnn"
            model.save(path)
            file = hashlib.sha256(path.read_bytes()).hexdigest()
    finally:
        _archive.__version__ = version
    return {"digest": model.digest(), "file": file}


def train_all(isa: str, threads: int = 1, **environment) -> dict:
    """All cases in a new process on an instruction set."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "FASTNN_ISA": isa} | environment
    done = subprocess.run([sys.executable, __file__, "--here", str(threads)], check=False,
                          env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    if sys.argv[1:2] == ["--here"]:
        print(json.dumps({name: train(name, int(sys.argv[2])) for name in CASES}))
        return
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from fastnn.backends import loader

    found = {}
    for isa in loader.available():
        for threads in (1, 3):
            results = train_all(isa, threads)
            if found.setdefault(TIERS[isa], results) != results:
                sys.exit(f"{isa} with {threads} threads disagrees: nothing written")
    found["compiler"] = loader.load().COMPILER
    TARGET.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{TARGET}: {len(CASES)} trainings, {', '.join(sorted(set(TIERS.values())))}")


if __name__ == "__main__":
    main()
