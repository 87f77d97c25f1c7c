"""Optimizers that see all rows: the flat objective, L-BFGS in fit, and what they refuse."""

import gc
import signal
import sys
import threading

import numpy as np
import pytest
from scipy.optimize import minimize

import fastnn
from fastnn import Input, Sequential, backends, flat, layers, load_model, optimizers
from fastnn.backends import Feed
from fastnn.regularizers import L1L2, L2

RNG = np.random.default_rng(7)
X = RNG.normal(size=(150, 4))
Y = np.stack([np.sin(X.sum(axis=1)), X[:, 0] * X[:, 1]], axis=1)
WEIGHTS = RNG.random(150)
BACKENDS = [name for name in backends.available() if name != "numba"]  # see test_numba_too


def network(*before, dtype="float64", optimizer="lbfgs", loss="mse", backend=None, seed=1, **more):
    fastnn.utils.set_random_seed(seed)
    model = Sequential([
        Input((4,)), layers.Dense(6, "tanh", kernel_regularizer=L2(1e-3), **more), *before,
        layers.Dense(2, bias_regularizer=L1L2(1e-4, 1e-3))], dtype=dtype)
    model.compile(optimizer, loss, metrics=["mae"], backend=backend)
    return model


def objective_of(model, *data, **options):
    trainer = model.trainer
    return flat.Objective(trainer.plan, trainer.backend, trainer.feed(*data), model.params,
                          **options)


def loss_by_hand(vector, x=X, y=Y, weights=WEIGHTS):
    """The network's loss in NumPy alone, with its penalties."""
    W, b, V, c = np.split(vector, np.cumsum([24, 6, 12]))
    out = np.tanh(x @ W.reshape(4, 6) + b) @ V.reshape(6, 2) + c
    rows = np.square(out - y).mean(axis=1)
    penalty = 1e-3 * np.square(W).sum() + 1e-4 * np.abs(c).sum() + 1e-3 * np.square(c).sum()
    return float((rows * weights).mean() + penalty)


def differences(function, vector, step=1e-6):
    moves = step * np.eye(len(vector))
    return np.array([function(vector + d) - function(vector - d) for d in moves]) / (2 * step)


# the objective


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("tile", [1, 1 << 20])
def test_objective_is_the_loss_and_its_gradient(backend, tile, monkeypatch):
    monkeypatch.setattr(flat, "TILE_BYTES", tile)
    monkeypatch.setattr(flat, "LEAST_ROWS", 33)  # the last tile of 150 rows is short
    objective = objective_of(network(backend=backend), X, Y, WEIGHTS)
    vector = RNG.normal(size=len(objective.params)) / 2
    loss, gradient = objective(vector)
    assert loss == pytest.approx(loss_by_hand(vector), rel=1e-13)
    np.testing.assert_allclose(gradient, differences(loss_by_hand, vector), atol=1e-8)
    assert gradient.dtype == np.float64


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", [
    "mse", fastnn.losses.MeanSquaredError("sum"),
    fastnn.losses.MeanSquaredError("mean_with_sample_weight"), fastnn.losses.Dice(axis=None),
    fastnn.losses.Huber(0.3)], ids=str)
def test_tiles_never_change_what_is_minimised(loss, backend, monkeypatch):
    """A penalty counts once; sums and means over weights are those of all rows."""
    model = network(loss=loss, backend=backend)
    y = np.abs(Y)
    whole = objective_of(model, X, y, WEIGHTS)
    found, gradient = whole(model.params.copy())
    monkeypatch.setattr(flat, "TILE_BYTES", 1)
    monkeypatch.setattr(flat, "LEAST_ROWS", 32)
    loss, tiled = objective_of(model, X, y, WEIGHTS)(model.params.copy())
    assert loss == pytest.approx(found, rel=1e-12)
    np.testing.assert_allclose(tiled, gradient, rtol=1e-11, atol=1e-14)


def test_objective_of_plain_arrays_with_labels_and_the_bits_of_one_thread():
    fastnn.utils.set_random_seed(2)
    model = Sequential([Input((4,)), layers.Dense(40, "relu"), layers.Dense(3, "softmax")],
                       dtype="float32")
    model.compile("lbfgs", "sparse_categorical_crossentropy")
    x = RNG.normal(size=(2000, 4)).astype("float32")
    feed = Feed(x, np.empty((0, 0), "float32"), RNG.integers(0, 3, 2000), None)
    objective = flat.Objective(model.trainer.plan, model.trainer.backend, feed, model.params)
    vector = model.params.copy()
    results = []
    for threads in (1, 2):
        fastnn.config.set_num_threads(threads)
        results.append(objective(vector))
    fastnn.config.set_num_threads(None)
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert objective.evaluations == 2


def test_sparse_and_narrow_rows_become_floats_tile_by_tile(monkeypatch):
    from scipy.sparse import csr_matrix

    monkeypatch.setattr(fastnn.data, "WHOLE", 100)
    model = network()
    x = np.where(X > 0.3, X, 0)
    dense, sparse = (objective_of(model, data, Y)(model.params) for data in (x, csr_matrix(x)))
    assert dense[0] == sparse[0]
    np.testing.assert_array_equal(dense[1], sparse[1])


def test_numba_too():
    if "numba" not in backends.available():
        pytest.skip("needs Numba")
    ours, theirs = (objective_of(network(backend=name), X, Y, WEIGHTS)(np.full(44, 0.1))
                    for name in ("numba", "numpy"))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-13)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-10, atol=1e-15)


# L-BFGS


def scipy_losses(start, epochs, **options):
    """The loss after every iteration of SciPy's own loop over the loss by hand."""
    losses = []
    minimize(lambda v: (loss_by_hand(v), differences(loss_by_hand, v, 1e-5)), start, jac=True,
             method="L-BFGS-B", callback=lambda xk: losses.append(loss_by_hand(xk)),
             options={"maxiter": epochs, "ftol": 64 * np.finfo(float).eps, **options})
    return losses


@pytest.mark.parametrize("backend", BACKENDS)
def test_lbfgs_is_scipys_on_the_same_loss(backend):
    model = network(backend=backend)
    losses = scipy_losses(model.params.copy(), 25)
    history = model.fit(X, Y, epochs=25, sample_weight=WEIGHTS, verbose=0)
    assert history.epoch == list(range(25))
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-6)
    assert loss_by_hand(model.params) == pytest.approx(history.history["loss"][-1], rel=1e-12)
    assert model.optimizer.iterations == 25
    # the logs are those of the parameters that the epoch ends with
    assert model.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0, return_dict=True) == (
        pytest.approx({name: values[-1] for name, values in history.history.items()}))


def test_options_reach_scipy():
    model = network(optimizer=optimizers.LBFGS(maxcor=2, maxls=3))
    losses = scipy_losses(model.params.copy(), 15, maxcor=2, maxls=3)
    history = model.fit(X, Y, epochs=15, sample_weight=WEIGHTS, verbose=0)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-6)


def test_float32_learns_as_well():
    narrow, wide = (network(dtype=dtype).fit(X, Y, epochs=150, verbose=0).history["loss"]
                    for dtype in ("float32", "float64"))
    np.testing.assert_allclose(narrow[:10], wide[:10], rtol=1e-4)
    assert narrow[-1] < 1.2 * wide[-1]


def test_training_ends_where_the_gradient_is_small():
    model = network(optimizer=optimizers.LBFGS(gtol=1e-2))
    history = model.fit(X, Y, epochs=500, verbose=0)
    assert 3 < len(history.epoch) < 100
    assert "PROJECTED GRADIENT" in model.optimizer.message.upper()
    _, gradient = objective_of(model, X, Y)(model.params.copy())
    assert np.abs(gradient).max() <= 1e-2
    again = model.fit(X, Y, epochs=10, verbose=0)
    assert len(again.epoch) == 1  # nothing to do: where it stands, once
    assert again.history["loss"] == [history.history["loss"][-1]]


def test_callbacks_validation_and_early_stopping_as_ever():
    class Count(fastnn.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1

    model, count = network(), Count()
    stop = fastnn.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    history = model.fit(X, Y, epochs=400, validation_split=0.3, callbacks=[stop, count], verbose=0)
    epochs = len(history.epoch)
    assert epochs < 400 and count.batches == epochs
    best = int(np.argmin(history.history["val_loss"]))
    assert best == epochs - 3
    loss, _ = model.evaluate(X[105:], Y[105:], verbose=0)
    assert loss == pytest.approx(history.history["val_loss"][best])


@pytest.mark.parametrize("optimizer", ["lbfgs", "lm"])
def test_nothing_stays_behind(optimizer):
    """No thread, and BLAS has its own again, without waiting for the garbage collector."""
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def state():
        pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()
                 if pool["user_api"] == "blas"]
        return pools, [t.name for t in threading.enumerate() if t.name == "fastnn-lbfgs"]

    fails = fastnn.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / 0)
    model = network()
    model.fit(X, Y, epochs=1, verbose=0)  # imports what it takes
    gc.collect()
    before = state()
    gc.disable()
    try:
        model = Sequential([Input((4,)), layers.Dense(2)])
        model.compile(optimizer, "mse")
        model.fit(X, Y, epochs=2, verbose=0)
        assert state() == before == (before[0], [])
        with pytest.raises(ZeroDivisionError):
            model.fit(X, Y, epochs=3, verbose=0, callbacks=[fails])
    finally:
        gc.enable()
    gc.collect()  # an exception holds its frames
    assert state() == before


def test_metrics_that_only_python_knows():
    model = network()
    model.compile("lbfgs", "mse", metrics=[lambda t, y: np.abs(t - y).max(axis=1)])
    history = model.fit(X, Y, epochs=4, verbose=0).history
    [name] = set(history) - {"loss"}
    wanted = np.abs(model.predict(X) - Y).max(axis=1).mean()
    assert history[name][-1] == pytest.approx(wanted)


def test_frozen_layers_stay_and_the_rest_learns():
    model = network()
    model.layers[0].trainable = False
    model.compile("lbfgs", "mse")
    before = model.layers[0].get_weights()
    history = model.fit(X, Y, epochs=200, verbose=0)
    for old, new in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    hidden = np.c_[np.tanh(X @ before[0] + before[1]), np.ones(len(X))]
    best = np.linalg.lstsq(hidden, Y, rcond=None)[0]
    least = np.square(hidden @ best - Y).mean()
    assert least <= history.history["loss"][-1] < least + 2e-3  # the bias's penalty


def test_ctrl_c_takes_back_the_iteration_at_work(monkeypatch):
    model = network()
    model.fit(X, Y, epochs=2, verbose=0)
    kept = model.params.copy()
    evaluate = flat.Objective.__call__

    def interrupted(self, vector):
        if self.evaluations == 1:
            signal.raise_signal(signal.SIGINT)
        return evaluate(self, vector)

    monkeypatch.setattr(flat.Objective, "__call__", interrupted)
    with pytest.warns(RuntimeWarning, match="after 0 of 5 epochs"):
        model.fit(X, Y, epochs=5, verbose=0)
    np.testing.assert_array_equal(model.params, kept)


def test_saved_and_loaded_and_trained_on(tmp_path):
    model = network(optimizer=optimizers.LBFGS(maxcor=5))
    model.fit(X, Y, epochs=5, verbose=0)
    path = tmp_path / "model.fastnn"
    model.save(path)
    other = load_model(path)
    assert other.optimizer.maxcor == 5 and other.optimizer.iterations == 5
    ours, theirs = (m.fit(X, Y, epochs=5, verbose=0).history["loss"] for m in (model, other))
    assert ours == theirs


def test_backups_and_boards_do_not_need_a_learning_rate(tmp_path):
    model = network()
    callbacks = [fastnn.callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False),
                 fastnn.callbacks.TensorBoard(tmp_path / "t")]
    model.fit(X, Y, epochs=3, verbose=0, callbacks=callbacks)
    other, whole = network(), network()
    history = other.fit(X, Y, epochs=5, verbose=0, callbacks=callbacks[:1])
    assert history.history == whole.fit(X, Y, epochs=5, verbose=0).history
    assert other.digest() == whole.digest()


# what cannot be


@pytest.mark.parametrize("layer, word", [
    (layers.Dropout(0.5), "dropout"), (layers.GaussianNoise(0.1), "noise"),
    (layers.BatchNormalization(), "batch normalization")])
@pytest.mark.parametrize("optimizer", ["lbfgs", "lm"])
def test_losses_that_change_from_step_to_step_are_refused(layer, word, optimizer):
    model = network(type(layer).from_config(layer.get_config()), optimizer=optimizer)
    before = model.params.copy()
    with pytest.raises(ValueError, match=word):
        model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.params, before)


def test_frozen_batch_normalization_and_rate_zero_are_no_noise():
    norm = layers.BatchNormalization(trainable=False)
    model = network(layers.Dropout(0.0), norm)
    assert len(model.fit(X, Y, epochs=3, verbose=0).epoch) == 3


@pytest.mark.parametrize("arguments, words", [
    ({"batch_size": 32}, "all 150 rows at every step, received batch_size=32"),
    ({"steps_per_epoch": 4}, "steps_per_epoch=4")])
def test_batches_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        network().fit(X, Y, verbose=0, **arguments)


def test_a_batch_of_all_rows_or_more_is_welcome():
    ours, theirs = (network().fit(X, Y, epochs=2, verbose=0, batch_size=size).history["loss"]
                    for size in (150, 1000))
    assert ours == theirs == network().fit(X, Y, epochs=2, verbose=0).history["loss"]


def test_generators_and_constraints_are_refused():
    with pytest.raises(ValueError, match="takes all rows at every step, but x gives batches"):
        network().fit(((X, Y) for _ in range(3)), steps_per_epoch=3, verbose=0)
    with pytest.raises(ValueError, match="without constraints, but kernel has"):
        network(kernel_constraint="non_neg").fit(X, Y, verbose=0)


def test_there_is_no_learning_rate():
    optimizer = optimizers.LBFGS()
    assert not hasattr(optimizer, "learning_rate")
    with pytest.raises(TypeError, match=r"has no learning rate, received 0\.1"):
        optimizer.learning_rate = 0.1
    with pytest.raises(TypeError, match="needs the loss itself"):
        optimizer.apply_gradients([(np.ones(2), np.ones(2))])


def test_without_scipy_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"fastnn\[scipy\]"):
        network().fit(X, Y, verbose=0)


def test_a_plan_with_an_update_is_no_objective():
    with pytest.raises(ValueError, match="must end with the loss"):
        objective_of(network(optimizer="sgd"), X, Y)


# Levenberg-Marquardt


def squares_of(model, *data):
    trainer = model.trainer
    return flat.Squares(trainer.plan, trainer.backend, trainer.feed(*data), model.params)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layer", [
    layers.Dense(5, "gelu"), layers.PReLU(), layers.LayerNormalization(), layers.Softmax(),
    layers.BatchNormalization(trainable=False), layers.UnitNormalization(),
    layers.ActivityRegularization(0.0, 0.0)], ids=lambda layer: type(layer).__name__)
def test_jacobian_is_that_of_finite_differences(layer, dtype, backend):
    layer = type(layer).from_config(layer.get_config())
    model = network(layer, dtype=dtype, backend=backend)
    x, p = X[:3].astype(dtype), model.params.astype("float64")
    J = np.full((3, 2, model.n_trained), np.nan, dtype)
    model.trainer.backend.jacobian(model.trainer.plan, model.params, x, J, 2)
    wide = network(type(layer).from_config(layer.get_config()), backend="numpy")

    def outputs(vector):
        wide.params[: len(vector)] = vector
        return wide.predict(X[:3])

    wide.params[:] = p
    wanted = np.moveaxis(differences(outputs, p[: model.n_trained]), 0, 2)
    tolerance = 1e-7 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(J, wanted, rtol=10 * tolerance, atol=tolerance)


def test_jacobian_has_the_same_bits_by_any_number_of_threads():
    model = Sequential([Input((64,)), layers.Dense(70, "tanh"), layers.Dense(3)])
    model.compile("lm", "mse")
    x = RNG.normal(size=(333, 64)).astype("float32")
    J = [np.empty((333, 3, model.n_trained), "float32") for _ in range(2)]
    for threads in (1, 2):
        model.trainer.backend.jacobian(model.trainer.plan, model.params, x, J[threads - 1], threads)
    np.testing.assert_array_equal(*J)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss, factor", [("mse", 0.5), ("sse", 1.0)])
def test_equations_are_loss_gradient_and_curvature(loss, factor, backend, monkeypatch):
    monkeypatch.setattr(flat, "PIECE", 10_000)  # pieces of 14 rows
    fastnn.utils.set_random_seed(3)
    model = Sequential([Input((4,)), layers.Dense(6, "tanh", kernel_regularizer=L2(1e-3)),
                        layers.Dense(2)], dtype="float64")
    model.compile("lm", loss, backend=backend)
    p = model.params.copy()

    def residuals(vector):
        W, b, V, c = np.split(vector, np.cumsum([24, 6, 12]))
        out = np.tanh(X @ W.reshape(4, 6) + b) @ V.reshape(6, 2) + c
        rows = np.sqrt(WEIGHTS * factor / len(X))[:, None] * (out - Y)
        return np.r_[rows.ravel(), np.sqrt(1e-3) * W]

    J = differences(residuals, p).T
    found, gradient, curvature = squares_of(model, X, Y, WEIGHTS).equations(p)
    assert found == pytest.approx(np.square(residuals(p)).sum(), rel=1e-12)
    np.testing.assert_allclose(gradient, 2 * J.T @ residuals(p), atol=1e-9)
    np.testing.assert_allclose(curvature, 2 * J.T @ J, atol=1e-8)
    assert squares_of(model, X, Y, WEIGHTS).loss(p) == pytest.approx(found, rel=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_lm_finds_what_scipys_finds(backend):
    from scipy.optimize import least_squares

    rng = np.random.default_rng(3)
    x, w = np.linspace(-4, 4, 60)[:, None], np.linspace(0.5, 1.5, 60)
    truth = np.array([1.5, -0.7, 2.0, 1.0, 1.2, 0.8, 0.3])
    y = np.tanh(x * truth[:2] + truth[2:4]) @ truth[4:6, None] + truth[6]
    y += 0.05 * rng.normal(size=x.shape)
    model = Sequential([Input((1,)), layers.Dense(2, "tanh"), layers.Dense(1)], dtype="float64")
    model.compile("lm", "mse", metrics=["mae"], backend=backend)
    model.params[:] = truth + 0.3 * rng.normal(size=7)

    def residuals(vector):
        a, b, c, d = np.split(vector, [2, 4, 6])
        return (np.sqrt(w) * (np.tanh(x * a + b) @ c + d - y[:, 0]))

    peer = least_squares(residuals, model.params.copy(), method="lm", xtol=1e-14, ftol=1e-14)
    history = model.fit(x, y, epochs=200, sample_weight=w, verbose=0)
    assert len(history.epoch) < 200 and "ftol" in model.optimizer.message
    losses = history.history["loss"]
    assert (np.diff(losses) < 0).all()
    assert losses[-1] == pytest.approx(2 * peer.cost / 60, rel=1e-8)
    assert model.evaluate(x, y, sample_weight=w, verbose=0) == pytest.approx(
        [history.history[name][-1] for name in ("loss", "mae")])
    np.testing.assert_allclose(model.params, peer.x, rtol=1e-4)


def test_one_step_on_a_linear_network_is_least_squares():
    model = Sequential([Input((4,)), layers.Dense(2)], dtype="float64")
    model.compile(optimizers.LevenbergMarquardt(damping=1e-12), "mse")
    [loss] = model.fit(X, Y, epochs=1, verbose=0).history["loss"]
    best, *_ = np.linalg.lstsq(np.c_[X, np.ones(150)], Y, rcond=None)
    np.testing.assert_allclose(np.vstack([*model.get_weights()]), best, atol=1e-9)
    assert loss == pytest.approx(np.square(np.c_[X, np.ones(150)] @ best - Y).mean())


def test_damping_grows_until_a_step_helps_and_ends_where_none_does():
    class Wall:
        tried = ()

        def equations(self, x):
            return 1.0, np.array([1.0, 0.0]), np.diag([1.0, 0.0])  # the second moves nothing

        def loss(self, x):
            self.tried += (x.copy(),)
            return 0.5 if -0.1 < x[0] < 0 else 2.0

    wall, optimizer = Wall(), optimizers.LevenbergMarquardt(damping=1.0, factor=4.0)
    x, more = next(optimizer.iterate(wall, np.zeros(2)))
    np.testing.assert_allclose([-tried[0] for tried in wall.tried],
                               [1 / 2, 1 / 5, 1 / 17])
    assert more and x[1] == 0
    wall.loss = lambda x: 2.0
    x, more = next(optimizer.iterate(wall, np.zeros(2)))
    assert not more and not x.any() and "no step" in optimizer.message


def test_scales_are_the_largest_so_far():
    """A parameter that has lost its influence is not moved far by it."""
    class Fades:
        losses, curvatures = iter([4.0, 3.0]), iter([1.0, 1e-6, 1e-6])

        def equations(self, x):
            return 5.0, np.array([1e-3]), np.array([[next(self.curvatures)]])

        def loss(self, x):
            return next(self.losses)

    iterates = optimizers.LevenbergMarquardt(damping=1.0, ftol=0.0).iterate(Fades(), np.zeros(1))
    (first, _), (second, _) = next(iterates), next(iterates)
    assert first == pytest.approx(-1e-3 / 2)
    assert second - first == pytest.approx(-1e-3 / (1e-6 + 0.1))


def test_lm_in_float32_with_frozen_layers():
    model = Sequential([Input((4,)), layers.Dense(6, "tanh"), layers.Dense(5, "tanh"),
                        layers.Dense(2)])
    model.layers[0].trainable = False
    model.compile("lm", "mse")
    before = model.layers[0].get_weights()
    history = model.fit(X, Y, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    for old, new in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("loss, more, words", [
    ("mae", {}, "squared errors only"), ("huber", {}, "squared errors only"),
    ("mse", {"kernel_regularizer": "l1"}, "L2 penalties"),
    ("mse", {"activity_regularizer": "l2"}, "L2 penalties"),
    ("mse", {"units": 1000}, "at most 4000, but the network trains 7002")])
def test_what_lm_refuses(loss, more, words):
    model = Sequential([Input((4,)), layers.Dense(**{"units": 6, **more}), layers.Dense(2)])
    model.compile("lm", loss)
    before = model.params.copy()
    with pytest.raises(ValueError, match=words):
        model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.params, before)
