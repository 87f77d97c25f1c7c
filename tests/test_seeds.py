"""The seed decides every bit: the same digest and file, wherever and however a model is trained."""

import inspect
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastnn
from fastnn import Input, Model, Sequential, backends, layers, load_model, utils
from fastnn.backends import loader

pytestmark = pytest.mark.skipif(backends.get().NAME != "cython", reason="of the compiled core")

def train(X=None, threads=None, seed=7):
    """A model trained on rows of its own, or on the same ones given in another form."""
    fastnn.config.set_num_threads(threads)
    try:
        utils.set_random_seed(seed)
        rows = np.sin(np.arange(900 * 70.0) * 1.7).reshape(900, 70).astype("float32")
        y = (rows[:, 0] > 0).astype(int) + (rows[:, 1] > 0.5)
        model = Sequential([
            Input((70,), name="rows"), layers.Dense(150, "relu", name="wide"),
            layers.BatchNormalization(name="norm"), layers.Dropout(0.3, seed=5, name="drop"),
            layers.Dense(40, "gelu", kernel_regularizer="l2", name="narrow"),
            layers.Dense(3, "softmax", name="classes")], name="model")
        model.compile(fastnn.optimizers.Adam(0.01, global_clipnorm=1.0),
                      "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(rows if X is None else X, y, epochs=3, batch_size=64, validation_split=0.2,
                  verbose=0)
        return model
    finally:
        fastnn.config.set_num_threads(None)


# the same function in another process
CODE = f"""
import numpy as np
import fastnn
from fastnn import Input, Sequential, layers, utils

{inspect.getsource(train)}
"""


@pytest.fixture(scope="module")
def expected():
    return train(threads=1).digest()


ROWS = np.sin(np.arange(900 * 70.0) * 1.7).reshape(900, 70).astype("float32")


def spread(rows):
    wide = np.zeros((2 * len(rows), 3 * rows.shape[1]), rows.dtype)
    wide[::-2, ::3] = rows
    return wide[::-2, ::3]


def read_only(rows):
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


LAYOUTS = {
    "C": np.ascontiguousarray, "Fortran": np.asfortranarray, "strided": spread,
    "read-only": read_only, "big-endian": lambda rows: rows.astype(">f4"),
    "float64": lambda rows: rows.astype("float64"), "list": lambda rows: rows.tolist(),
    "misaligned": lambda rows: np.frombuffer(b"x" + rows.tobytes(), "f4", offset=1).reshape(
        rows.shape),
}  # fmt: skip


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_number_of_threads(threads, expected):
    assert train(threads=threads).digest() == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_the_data(layout, expected):
    assert train(LAYOUTS[layout](ROWS)).digest() == expected


def test_a_memory_map(tmp_path, expected):
    path = tmp_path / "rows.npy"
    np.save(path, ROWS)
    assert train(np.load(path, mmap_mode="r")).digest() == expected


def test_threads_of_python(expected):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(train).result().digest() == expected


@pytest.mark.parametrize(("isa", "level"), [("avx2", "v3"), ("avx512", "v4")])
def test_instruction_sets(isa, level, expected):
    if level not in loader.available():
        pytest.skip(f"no {isa} here")
    assert elsewhere(FASTNN_ISA=isa) == expected


@pytest.mark.parametrize("optimizer", ["Adam(ExponentialDecay(0.01, 7, 0.9))", "Nadam()", "Lamb()",
                                       "Adamax(CosineDecayRestarts(0.01, 5))"])
def test_the_instruction_set_of_numpy(optimizer):
    """Without AVX-512 NumPy's powers, logarithms and exponentials round otherwise."""
    code = """
from fastnn.optimizers import Adam, Adamax, Lamb, Nadam
from fastnn.optimizers.schedules import CosineDecayRestarts, ExponentialDecay
utils.set_random_seed(1)
fastnn.config.set_floatx("float64")  # where the last bit of a rate counts
model = Sequential([Input((5,)), layers.Dense(9, "gelu", kernel_initializer="he_normal"),
                    layers.GaussianNoise(0.1), layers.Dense(1)])
model.compile(OPTIMIZER, "mse")
X = np.arange(200.0).reshape(40, 5) % 7 - 3
model.fit(X, X[:, 0], epochs=200, batch_size=1, verbose=0)
print(model.digest())
""".replace("OPTIMIZER", optimizer)
    features = "X86_V4 AVX512_ICL AVX512_SPR AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL"
    assert elsewhere(code, NPY_DISABLE_CPU_FEATURES=features) == elsewhere(code)


def elsewhere(code="print(train().digest())", **environment):
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-c", CODE + code], capture_output=True, text=True,
                          env=os.environ | environment, check=False, timeout=120)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_a_forked_child(expected):
    code = """
import os
train(threads=2)  # the parent has threads of its own by then
reader, writer = os.pipe()
if not os.fork():
    os.write(writer, train(threads=2).digest().encode())
    os._exit(0)
os.wait()
print(os.read(reader, 100).decode())
"""
    assert elsewhere(code) == expected


def test_a_joblib_worker(expected):
    pytest.importorskip("joblib")
    code = """
from joblib import Parallel, delayed

def run():
    return train().digest()

print(*set(Parallel(2)(delayed(run)() for _ in range(2))))
"""
    assert elsewhere(code) == expected


def test_the_file_is_the_same_byte_for_byte(tmp_path):
    paths = [tmp_path / "one.fastnn", tmp_path / "other.fastnn"]
    for path, threads in zip(paths, (1, 2), strict=True):
        train(threads=threads).save(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_neighbours_do_not_change_a_prediction():
    model = train()
    together = model.predict(ROWS, verbose=0)
    for part in (slice(0, 1), slice(5, 22), slice(300, 811)):
        np.testing.assert_array_equal(model.predict(ROWS[part], verbose=0), together[part])


def test_what_a_digest_sees(tmp_path):
    def made(units=3, activation="tanh", name=None):
        utils.set_random_seed(0)
        return Sequential([Input((4,)), layers.Dense(units, activation, name=name),
                           layers.Dense(1)])  # fmt: skip

    model = made()
    same = [made(name="another"), pickle.loads(pickle.dumps(model))]
    model.save(tmp_path / "model.fastnn")
    same.append(load_model(tmp_path / "model.fastnn"))
    assert {m.digest() for m in same} == {model.digest()}
    changed = made()
    changed.layers[1].bias[0] = np.nextafter(np.float32(0), np.float32(1))
    others = [made(units=4), made(activation="relu"), changed]
    x = Input((4,))
    others.append(Model(x, layers.Dense(1)(layers.Dense(3, "tanh")(x))))
    assert len({m.digest() for m in [model, *others]}) == 5


def test_another_seed_makes_another_model(expected):
    assert train(seed=8).digest() != expected
