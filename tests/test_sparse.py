"""Sparse rows in front of a first dense layer: the numbers of the dense path, and where not."""

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends, data, flat, layers, sparse
from fastnn.regularizers import L2

scipy_sparse = pytest.importorskip("scipy.sparse")
RNG = np.random.default_rng(3)
BACKENDS = [name for name in backends.available() if name != "numba"]


def matrix(rows=53, columns=600, density=0.03, dtype="float64", form="csr"):
    found = RNG.random((rows, columns))
    found = np.where(found < density, RNG.normal(size=found.shape), 0).astype(dtype)
    found[3] = 0  # a row without entries
    return scipy_sparse.csr_array(found).asformat(form)


X = matrix()
LABELS = np.arange(53) % 3


def network(backend, units=20, dtype="float64", optimizer="adam", activation="tanh", **more):
    fastnn.utils.set_random_seed(5)
    model = Sequential([Input((600,)), layers.Dense(units, activation, **more), layers.Dense(3)],
                       dtype=dtype)
    loss = fastnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"], backend=backend)
    return model


def fitted(model, x, **options):
    history = model.fit(x, LABELS, epochs=4, verbose=0, **{"batch_size": 8, **options})
    return model.params, history.history


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("units", [1, 4, 20, 300])
@pytest.mark.parametrize("batch_size", [1, 8, 53])
def test_sparse_rows_train_as_dense_ones(backend, dtype, units, batch_size):
    options = {"batch_size": batch_size, "validation_split": 0.2}
    model = network(backend, units, dtype, kernel_regularizer=L2(1e-3))
    assert isinstance(model.trainer.feed(X, LABELS).X, sparse.SparseRows)
    params, history = fitted(model, X, **options)
    wanted = network(backend, units, dtype, kernel_regularizer=L2(1e-3))
    dense_params, dense_history = fitted(wanted, X.toarray(), **options)
    tolerance = 1e-9 if dtype == "float64" else 2e-3  # Adam divides by small gradients
    np.testing.assert_allclose(params, dense_params, rtol=tolerance, atol=tolerance)
    for name, values in history.items():
        np.testing.assert_allclose(values, dense_history[name], rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("form", ["csc", "coo", "csr"])
def test_any_format_evaluation_and_whole_optimizers(backend, form):
    x, w = X.asformat(form), np.linspace(0.5, 1.5, 53)
    model = network(backend, optimizer="lbfgs")
    results = [model.evaluate(data, LABELS, sample_weight=w, verbose=0)
               for data in (x, X.toarray())]
    np.testing.assert_allclose(*results, rtol=1e-12)
    found = [flat.Objective(model.trainer.plan, model.trainer.backend,
                            model.trainer.feed(data, LABELS, w), model.params)(model.params.copy())
             for data in (x, X.toarray())]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_levenberg_marquardt_takes_them_too(backend):
    fits = []
    for x in (X, X.toarray()):
        model = Sequential([Input((600,)), layers.Dense(3, "tanh"), layers.Dense(1)],
                           dtype="float64")
        model.set_weights([np.full((600, 3), 0.1) * [1, -1, 2], np.zeros(3), np.ones((3, 1)),
                           np.zeros(1)])
        model.compile("lm", "mse", backend=backend)
        fits.append(model.fit(x, LABELS, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*fits, rtol=1e-6)


def test_the_bits_do_not_depend_on_threads():
    if "cython" not in BACKENDS:
        pytest.skip("needs the compiled core")
    x, y = matrix(400, 2000, 0.02), np.arange(400) % 3
    found = []
    for threads in (1, 2):
        fastnn.config.set_num_threads(threads)
        fastnn.utils.set_random_seed(1)
        model = Sequential([Input((2000,)), layers.Dense(200, "relu"), layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", backend="cython")
        model.fit(x, y, epochs=3, batch_size=200, verbose=0)
        found.append((model.params.tobytes(), tuple(model.evaluate(x, y, verbose=0)[:1])
                      if model.metrics else model.evaluate(x, y, verbose=0)))
    fastnn.config.set_num_threads(None)
    assert found[0] == found[1]


def test_duplicate_and_unsorted_entries_are_added_up():
    parts = (np.array([1.0, 2.0, 4.0]), np.array([500, 7, 500]), np.array([0, 3]))
    x = scipy_sparse.csr_array(parts, shape=(1, 600))
    for backend in BACKENDS:
        model = network(backend)
        losses = [model.evaluate(data, [1], verbose=0)[0] for data in (x, x.toarray())]
        assert losses[0] == pytest.approx(losses[1], rel=1e-12)


def test_where_batches_become_dense_as_before():
    def kind(model, x):
        return type(model.trainer.feed(x, np.zeros(x.shape[0])).X)

    assert kind(network(None), matrix(density=0.2)) is not sparse.SparseRows
    few = Sequential([Input((40,)), layers.Dense(3)])
    few.compile("sgd", "sparse_categorical_crossentropy")
    assert kind(few, matrix(columns=40)) is not sparse.SparseRows
    dropped = Sequential([Input((600,)), layers.Dropout(0.5), layers.Dense(3)])
    dropped.compile("sgd", "sparse_categorical_crossentropy")
    assert kind(dropped, X) is not sparse.SparseRows


def test_numbers_that_are_not_finite_are_found():
    x = X.copy()
    x.data[5] = np.nan
    with pytest.raises(ValueError, match="is nan, but every number in x must be finite"):
        network(None).fit(x, LABELS, verbose=0)
    big = X.copy()
    big.data[5] = 1e300
    with pytest.raises(ValueError, match="too large for float32"):
        network(None, dtype="float32").fit(big, LABELS, verbose=0)


def test_a_users_own_formulas_and_held_out_rows():
    model = network(None, activation=(np.sin, np.cos))
    params, _ = fitted(model, X, validation_split=0.25, validation_mode="stratify")
    wanted, _ = fitted(network(None, activation=(np.sin, np.cos)), X.toarray(),
                       validation_split=0.25, validation_mode="stratify")
    np.testing.assert_allclose(params, wanted, rtol=1e-9, atol=1e-9)
    assert data.inputs(X, (600,), np.float64).shape == X.shape  # dense where nobody asks
