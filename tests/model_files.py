"""Small models with fixed names, and the parts of their files: what the tests of saving share."""

import numpy as np

import fastnn
from fastnn import Input, Sequential, _archive, layers, optimizers

X = np.random.default_rng(0).normal(size=(22, 4))
Y = X @ [[1.0], [-2.0], [0.5], [0.0]] + 0.3


def network(dtype=None, **first):
    """Every kind of layer and of state, small; the names are fixed, as in a new process."""
    fastnn.utils.set_random_seed(3)
    return Sequential([
        Input((4,), name="input"),
        layers.Dense(5, name="first", **first),
        layers.BatchNormalization(name="normal"),
        layers.Activation("tanh", name="curve"),
        layers.Dropout(0.3, seed=9, name="holes"),
        layers.Dense(1, kernel_regularizer="l2", name="out"),
    ], name="net", dtype=dtype)


def trained(optimizer="adam", epochs=3, model=None, **compiled):
    model = model or network()
    compiled = {"loss": "mse", "metrics": ["mae"], "backend": "numpy"} | compiled
    model.compile(optimizer, **compiled)
    model.fit(X, Y, epochs=epochs, batch_size=8, verbose=0)
    return model


def tiny():
    """The smallest file with all kinds of members."""
    model = Sequential([Input((1,), name="i"), layers.Dense(1, name="d")], name="m")
    model.compile(optimizers.SGD(0.1, momentum=0.5), "mse", backend="numpy")
    model.fit([[1.0]], [[2.0]], verbose=0)
    return model


def members_of(path):
    return _archive.read(path)[1]


def craft(path, members, contents="model"):
    """A file with sound checksums, whatever the members say."""
    path.write_bytes(b"".join(_archive._pieces(contents, members)))


def equal(a, b):
    return a.dtype == b.dtype and np.array_equal(a.params, b.params) \
        and a.get_config() == b.get_config() and a._get_compile_config() == b._get_compile_config()
