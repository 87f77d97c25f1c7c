"""Arrays of more than 2^31 numbers: every place in them is found.

The large arrays are zeros that no memory stands behind: where nothing was written, all pages that
are read are one and the same. What is nonzero lies beyond number 2^31, and the results are those of
the small array that holds just these rows and columns.
"""

import resource
import sys

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends, functional, layers
from fastnn.backends import Feed
from fastnn.sparse import SparseRows

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or "cython" not in backends.available(),
    reason="needs the compiled core, and memory that is there once it is written")
LIMIT = 2**31
RNG = np.random.default_rng(0)


def zeros(shape, dtype=np.float32):
    try:
        return np.zeros(shape, dtype)
    except MemoryError:
        pytest.skip(f"no address space for {np.prod(shape)} numbers")


@pytest.fixture(autouse=True, scope="module")
def without_much_memory():
    """What the tests of this file take at most, all together: nobody copies a large array."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000  # kB


def network(inputs, units=6):
    model = Sequential([Input((inputs,)), layers.Dense(units, "tanh"), layers.Dense(1)])
    model.compile(fastnn.optimizers.SGD(0.1), "mse", backend="cython")
    return model


def pair(inputs, used, units=6):
    """A model of many inputs, and one of those that are used; else the parameters are the same."""
    fastnn.utils.set_random_seed(7)
    large, small = network(inputs, units), network(len(used), units)
    large.layers[0].kernel[...] = 0
    large.layers[0].kernel[used] = small.layers[0].kernel
    large.layers[1].kernel[...] = small.layers[1].kernel
    small.trainer.seed = large.trainer.seed
    return large, small


def same_parameters(large, small, used):
    np.testing.assert_array_equal(large.layers[0].kernel[used], small.layers[0].kernel)
    np.testing.assert_array_equal(large.params[-len(small.layers[1].kernel) - 1:],
                                  small.params[-len(small.layers[1].kernel) - 1:])
    assert small.layers[0].bias.any()  # it has learnt


def feed(X, T, weights=None):
    return Feed(X, T, np.empty(0, np.int64), weights)


# more than 2^31 numbers in 65,600 rows, of which the first, second and last column are used
WIDTH = 2**15 + 1
USED = [0, 1, WIDTH - 1]
FIRST = -(-LIMIT // WIDTH)  # the first row that lies beyond


@pytest.mark.parametrize("units", [1, 6])  # on panels, on the rows themselves
def test_training_finds_rows_beyond(units):
    X, T = zeros((FIRST + 64, WIDTH)), zeros((FIRST + 64, 1))
    X[np.ix_(range(FIRST, len(X)), USED)] = RNG.normal(size=(64, 3))
    T[FIRST:] = RNG.normal(size=(64, 1))
    large, small = pair(WIDTH, USED, units)
    order = RNG.permutation(64)[None]
    for model, data, rows in (large, feed(X, T), order + FIRST), (
            small, feed(X[FIRST:, USED].copy(), T[FIRST:]), order):
        sums = np.zeros((1, 1))
        model.trainer.stretch(data, rows, 16, sums)
        model.sums = sums
    same_parameters(large, small, USED)
    np.testing.assert_array_equal(large.sums, small.sums)


@pytest.mark.slow
def test_fit_shuffles_rows_beyond():
    n = FIRST * 5 // 4
    X, y = zeros((n, WIDTH)), zeros(n)
    large, small = pair(WIDTH, USED)
    visited = large.trainer.backend.permutations(large.trainer.seed, 0, 1, n)[0, :128]
    beyond = visited[visited >= FIRST]
    assert len(beyond) > 9
    X[np.ix_(beyond, USED)] = RNG.normal(size=(len(beyond), 3))
    y[visited] = RNG.normal(size=128)
    logs = [model.fit(x, y, batch_size=32, steps_per_epoch=4, epochs=1, verbose=0).history
            for model, x in ((large, X), (small, X[:, USED].copy()))]
    same_parameters(large, small, USED)
    assert logs[0] == logs[1]


@pytest.mark.slow
def test_prediction_and_evaluation_find_rows_beyond():
    X, T, weights = zeros((FIRST + 64, WIDTH)), zeros((FIRST + 64, 1)), zeros(FIRST + 64)
    X[np.ix_(range(FIRST, len(X)), USED)] = RNG.normal(size=(64, 3))
    T[FIRST:], weights[FIRST:] = RNG.normal(size=(64, 1)), RNG.random(64)
    found = []
    for model, x in zip(pair(WIDTH, USED, 1), (X, X[:, USED].copy()), strict=True):
        backend, plan = model.trainer.backend, model.trainer.plan
        Y, sums = np.empty_like(T), np.zeros(1)
        backend.forward(plan, model.params, x, Y)
        backend.evaluate(plan, model.params, feed(x, T, weights), sums)
        assert np.ptp(Y[FIRST:]) > 0
        found.append((Y, sums))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_row_numbers_are_larger():
    n = LIMIT + 64
    X, T, weights = zeros((n, 1)), zeros((n, 1)), zeros(n)
    for array in X, T, weights:
        array[LIMIT:] = RNG.random(array[LIMIT:].shape)
    large, small = pair(1, [0])
    order = RNG.permutation(64)[None]
    part = slice(LIMIT, n)
    for model, data, rows in (large, feed(X, T, weights), order + LIMIT), (
            small, feed(X[part], T[part], weights[part]), order):
        model.trainer.stretch(data, rows, 16, np.zeros((1, 1)))
    same_parameters(large, small, [0])


def test_sparse_rows_have_entries_beyond():
    # one row of 2^31 entries, which nobody reads, and others behind it
    columns, n, entries = 600, 65, 5
    rows = SparseRows.__new__(SparseRows)
    rows.dtype, rows.shape, rows.matrix = np.dtype("f4"), (n, columns), None
    rows.values, rows.indices = zeros(LIMIT + 64 * entries), zeros(LIMIT + 64 * entries, np.int32)
    rows.indptr = np.concatenate(([0], LIMIT + entries * np.arange(n)))
    rows.values[LIMIT:] = RNG.normal(size=64 * entries)
    rows.indices[LIMIT:] = np.tile(np.arange(entries) * 149, 64)
    used = (np.arange(entries) * 149).tolist()
    large, small = pair(columns, used)
    T, order = RNG.normal(size=(n, 1)).astype("f4"), 1 + RNG.permutation(64)[None]
    dense = rows.values[LIMIT:].reshape(64, entries)
    large.trainer.stretch(feed(rows, T), order, 16, np.zeros((1, 1)))
    small.trainer.stretch(feed(dense, T[1:]), order - 1, 16, np.zeros((1, 1)))
    np.testing.assert_allclose(large.layers[0].kernel[used], small.layers[0].kernel, rtol=1e-5)


@pytest.mark.slow
def test_plain_arrays():
    X, dY = zeros((FIRST + 64, WIDTH)), zeros((FIRST + 64, 1))
    X[np.ix_(range(FIRST, len(X)), USED)] = RNG.normal(size=(64, 3))
    dY[FIRST:] = RNG.normal(size=(64, 1))
    W = zeros((WIDTH, 1))
    W[USED] = RNG.normal(size=(3, 1))
    x, w = X[FIRST:, USED].copy(), W[USED]
    np.testing.assert_allclose(functional.dense_forward(X, W)[FIRST:], x @ w, rtol=1e-5, atol=1e-6)
    _, dW, _ = functional.dense_backward(dY, X, W, input_gradient=False)
    np.testing.assert_allclose(dW[USED], x.T @ dY[FIRST:], rtol=1e-5, atol=1e-5)


def test_rows_that_are_too_many_to_be_counted():
    core = backends.get("cython").core
    with pytest.raises(ValueError, match=f"{2**32} rows"):
        core.permutations(0, 0, np.empty((0, 2**32), np.int64))
    core.permutations(0, 0, np.empty((0, 2**32 - 1), np.int64))
