"""fastnn.functional: the kernels on plain arrays, compiled and in NumPy, against NumPy by hand."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fastnn import activations, losses, optimizers, registry
from fastnn import functional as F
from fastnn.backends import loader
from fastnn.functional import _arguments

NAMES = [
    registry.snake_case(cls.__name__)
    for cls in registry.classes("activation")
    if cls.__module__.startswith("fastnn.") and cls is not activations.Threshold
]
LOSSES = [
    registry.snake_case(cls.__name__)
    for cls in registry.classes("loss")
    if cls.__module__.startswith("fastnn.")
]
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


@pytest.fixture(params=["core", "numpy"])
def how(request, monkeypatch):
    """The functions by the compiled core, and the general ones by NumPy."""
    if request.param == "core":
        if _arguments.core is None:
            pytest.skip("no compiled core")
        return F
    monkeypatch.setattr(_arguments, "core", None)

    class General:
        def __getattr__(self, name):
            return _arguments.GENERAL.get(name) or getattr(F, name)

    return General()


def draw(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def layouts(x):
    """The same numbers as C, Fortran, strided, reversed, unaligned and read-only arrays."""
    yield x.copy()
    yield np.asfortranarray(x)
    wide = np.zeros(tuple(2 * s for s in x.shape), x.dtype)
    wide[tuple(slice(None, None, 2) for _ in x.shape)] = x
    yield wide[tuple(slice(None, None, 2) for _ in x.shape)]
    yield x[::-1].copy()[::-1]
    raw = np.zeros(x.nbytes + 1, np.uint8)
    odd = raw[1:].view(x.dtype).reshape(x.shape)
    odd[...] = x
    yield odd
    frozen = x.copy()
    frozen.flags.writeable = False
    yield frozen


def slope(function, x, dy, step=1e-6):
    """The gradient of sum(function(x) * dy) by central differences."""
    g = np.empty_like(x)
    for i in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        g[i] = ((function(up) - function(down)) * dy).sum() / (2 * step)
    return g


# dense layers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "n, k, m",
    [
        (1, 1, 1),
        (1, 5, 7),
        (1, 300, 300),
        (2, 3, 1),
        (3, 300, 301),
        (7, 4, 33),
        (9, 70, 17),
        (16, 5, 2),
        (25, 64, 48),
        (40, 3, 200),
        (100, 129, 1),
        (257, 33, 12),
        (300, 200, 130),
        (700, 40, 2100),
    ],
)
def test_a_dense_layer_is_the_product_the_bias_and_the_activation(how, n, k, m, dtype):
    X, W, b, dY = (
        draw(*s, dtype=dtype, seed=i) for i, s in enumerate([(n, k), (k, m), (m,), (n, m)])
    )
    tol = {"rtol": TOLERANCE[dtype] * 10, "atol": TOLERANCE[dtype] * 10 * np.sqrt(max(n, k, m))}
    Y = how.dense_forward(X, W, b, "relu")
    assert Y.dtype == dtype and Y.shape == (n, m)
    np.testing.assert_allclose(Y, np.maximum(X @ W + b, 0), **tol)
    np.testing.assert_allclose(how.dense_forward(X, W), X @ W, **tol)
    dX, dW, db = how.dense_backward(dY, X, W, Y, "relu")
    dZ = dY * (Y > 0)
    for ours, numpys in ((dX, dZ @ W.T), (dW, X.T @ dZ), (db, dZ.sum(axis=0))):
        assert ours.dtype == dtype and ours.shape == numpys.shape
        np.testing.assert_allclose(ours, numpys, **tol)
    dX, dW, db = how.dense_backward(dY, X, W, input_gradient=False)
    assert dX is None
    np.testing.assert_allclose(dW, X.T @ dY, **tol)
    np.testing.assert_allclose(db, dY.sum(axis=0), **tol)


@pytest.mark.parametrize("name", NAMES)
def test_a_dense_layer_takes_every_activation(how, name):
    X, W, b = draw(18, 5), draw(5, 6, seed=1), draw(6, seed=2)
    it = activations.get(name).lowered()
    Z = X @ W + b
    Y = how.dense_forward(X, W, b, name)
    np.testing.assert_allclose(Y, it(Z), rtol=1e-9, atol=1e-12)
    dY = draw(*Y.shape, seed=3)
    dX, dW, db = how.dense_backward(dY, X, W, Y, name, Z)
    for ours, f in (
        (dX, lambda x: how.dense_forward(x, W, b, name)),
        (dW, lambda w: how.dense_forward(X, w, b, name)),
        (db, lambda c: how.dense_forward(X, W, c, name)),
    ):
        x = X if ours is dX else W if ours is dW else b
        np.testing.assert_allclose(ours, slope(f, x, dY), rtol=1e-5, atol=1e-6)


def test_a_dense_layer_takes_any_layout_and_makes_no_copy_of_one_in_order(how):
    X, W, b = draw(9, 5), draw(5, 6, seed=1), draw(6, seed=2)
    Y = how.dense_forward(X, W, b, "tanh")
    for x in layouts(X):
        for w in layouts(W):
            np.testing.assert_array_equal(how.dense_forward(x, w, b[None], "tanh"), Y)
    np.testing.assert_allclose(how.dense_forward(X.tolist(), W, b.tolist()), X @ W + b)
    whole = how.dense_forward(np.array([[1, 2]]), np.array([[1.5], [2]], np.float32))
    assert whole.dtype == np.float32 and whole[0, 0] == 5.5
    assert how.dense_forward(X.astype(np.float32), W).dtype == np.float64
    assert how.dense_forward(X.astype(">f4"), W.astype(np.float32)).dtype == np.float32


def test_out_takes_the_result_whatever_it_shares(how):
    X, W = draw(6, 6), draw(6, 6, seed=1)
    expected = X @ W
    for out in layouts(np.zeros((6, 6))):
        if out.flags.writeable:
            assert how.dense_forward(X, W, out=out) is out
            np.testing.assert_allclose(out, expected)
    for array in (X.copy(), W.copy()):  # the output is an input
        x, w = (array, W) if array[0, 0] == X[0, 0] else (X, array)
        assert how.dense_forward(x, w, out=array) is array
        np.testing.assert_allclose(array, expected)
    narrow = np.zeros((6, 6), np.float32)
    assert how.dense_forward(X, W, out=narrow) is narrow
    np.testing.assert_allclose(narrow, expected, rtol=1e-5, atol=1e-5)
    rows = np.zeros((7, 6))
    rows[:6] = X  # partly the same memory
    np.testing.assert_allclose(how.dense_forward(rows[:6], W, out=rows[1:]), expected)


def test_out_of_a_backward_takes_all_three(how):
    X, W, dY = draw(6, 6), draw(6, 6, seed=1), draw(6, 6, seed=2)
    for shape in ((6,), (1, 6)):
        out = np.zeros((6, 6)), np.zeros((6, 6)), np.zeros(shape)
        assert how.dense_backward(dY, X, W, out=out) is out
        for ours, numpys in zip(out, (dY @ W.T, X.T @ dY, dY.sum(axis=0)), strict=True):
            np.testing.assert_allclose(ours.reshape(numpys.shape), numpys)
    x, dy = X.copy(), dY.copy()
    how.dense_backward(dy, x, W, out=(x, dy, None))  # over its own inputs
    np.testing.assert_allclose(x, dY @ W.T)
    np.testing.assert_allclose(dy, X.T @ dY)


def test_nothing_gives_nothing(how):
    for n, k, m in ((0, 3, 2), (2, 0, 3), (2, 3, 0)):
        X, W, b = np.ones((n, k)), np.ones((k, m)), np.arange(m) * 1.0
        np.testing.assert_array_equal(how.dense_forward(X, W, b), X @ W + b)
        for ours, numpys in zip(
            how.dense_backward(np.ones((n, m)), X, W),
            (np.ones((n, m)) @ W.T, X.T @ np.ones((n, m)), np.full(m, n)),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, numpys)
    assert how.activation_forward(np.zeros((0, 4)), "softmax").shape == (0, 4)
    assert F.relu(np.array(-3.0)) == 0


# activations


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_activations_are_those_of_the_package(how, name, dtype):
    it = activations.get(name).lowered()
    for shape in ((2,), (1, 6), (5, 6), (37, 18), (2, 3, 4)):
        z = (draw(*shape, dtype=dtype) * 3).astype(dtype)
        kept = z.copy()
        y = how.activation_forward(z, name)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, it(z), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        same = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}  # F's own may be the core's
        np.testing.assert_allclose(getattr(F, name)(z), y, **same)
        dy = draw(*y.shape, dtype=dtype, seed=1)
        dz = how.activation_backward(dy, y, name, z)
        expected = it.backward(dy, *((y, z) if it.keeps_z() else (y,)), *it.values())
        np.testing.assert_allclose(
            dz, expected, rtol=TOLERANCE[dtype] * 10, atol=TOLERANCE[dtype] * 10
        )
        np.testing.assert_allclose(getattr(F, f"{name}_backward")(dy, y, z), dz, **same)
        np.testing.assert_array_equal(z, kept)
        if it.elementwise:
            d = getattr(F, f"{name}_derivative")(z)
            np.testing.assert_allclose(
                d, it.derivative(z), rtol=TOLERANCE[dtype] * 10, atol=TOLERANCE[dtype] * 10
            )
        if y.shape == z.shape:  # in place
            for over in (
                y.copy(),
                z.copy(),
            ):  # over what it reads: what is left is right all the same
                kept_y, kept_z = (over, z) if (over == y).all() else (y, over)
                assert how.activation_backward(dy, kept_y, name, kept_z, out=over) is over
                np.testing.assert_array_equal(over, dz)
            assert how.activation_backward(dy, y, name, z, out=dy) is dy
            np.testing.assert_array_equal(dy, dz)
            assert how.activation_forward(z, name, out=z) is z
            np.testing.assert_array_equal(z, y)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_activations_are_differences(how, name):
    z = draw(5, 6) * 2 + 0.1
    y = how.activation_forward(z, name)
    dy = draw(*y.shape, seed=1)
    expected = slope(lambda x: how.activation_forward(x, name), z, dy)
    np.testing.assert_allclose(how.activation_backward(dy, y, name, z), expected, atol=2e-6)


def test_activations_take_their_arguments_and_any_layout(how):
    z = draw(6, 4)
    for x in layouts(z):
        np.testing.assert_allclose(how.activation_forward(x, "gelu"), F.gelu(z), rtol=1e-12)
    np.testing.assert_allclose(F.leaky_relu(z, negative_slope=0.5), np.where(z > 0, z, 0.5 * z))
    np.testing.assert_allclose(F.elu_derivative(z, alpha=2.0), np.where(z > 0, 1, 2 * np.exp(z)))
    np.testing.assert_allclose(
        F.threshold(z, threshold=0.5, default_value=9.0), np.where(z > 0.5, z, 9)
    )
    np.testing.assert_allclose(F.softmax(z, axis=0).sum(axis=0), 1)
    np.testing.assert_allclose(
        how.activation_forward(z, activations.ELU(0.5)), activations.ELU(0.5)(z)
    )
    own = activations.custom(lambda z: z * z, lambda z: 2 * z)
    np.testing.assert_allclose(how.dense_forward(z, np.eye(4), None, own), z * z)
    np.testing.assert_allclose(how.activation_forward([[1, -1]], "ReLU"), [[1, 0]])


# losses


def targets(name, n, m, dtype, seed=5):
    """Outputs and targets that a loss can mean."""
    rng = np.random.default_rng(seed)
    loss = losses.get(name)
    y = rng.uniform(0.1, 0.9, size=(n, m)).astype(dtype)
    if loss.sparse:
        return y, rng.integers(0, m, n)
    if "categorical" in name and "hinge" not in name:
        return y, losses.one_hot(rng.integers(0, m, n), m, dtype)
    return y, rng.uniform(0.1, 0.9, size=(n, m)).round(1 if "hinge" not in name else 0).astype(
        dtype
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_of_the_package(how, name, dtype, weighted):
    for n, m in ((1, 3), (5, 4), (40, 10), (700, 9)):
        y, t = targets(name, n, m, dtype)
        w = np.linspace(0.5, 2, n).astype(dtype) if weighted else None
        loss, dy = how.loss_and_gradient(name, y, t, w)
        again, same = getattr(F, name)(y, t, w)
        assert type(loss) is float and dy.dtype == dtype and dy.shape == y.shape
        assert again == pytest.approx(loss, rel=1e-6)
        np.testing.assert_allclose(same, dy, rtol=1e-5, atol=1e-7)
        third, same = getattr(F, name)(y, t, w)  # now the core alone
        assert third == pytest.approx(loss, rel=1e-6)
        np.testing.assert_allclose(same, dy, rtol=1e-5, atol=1e-7)
        if name not in ("dice", "tversky"):
            expected = losses.get(name)(t, y, w)
            assert loss == pytest.approx(
                float(expected), rel=1e-5 if dtype == np.float32 else 1e-10
            )


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_losses_are_differences(how, name):
    y, t = targets(name, 6, 4, np.float64)
    y = y + 0.013
    w = np.linspace(0.5, 2, 6)
    _, dy = how.loss_and_gradient(name, y, t, w)
    expected = slope(lambda x: np.array(how.loss_and_gradient(name, x, t, w)[0]), y, 1.0)
    np.testing.assert_allclose(dy, expected, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n, m", [(1, 2), (3, 10), (64, 10), (33, 1000), (5000, 3)])
def test_softmax_cross_entropy(how, n, m, dtype):
    z, labels = (
        (draw(n, m, dtype=dtype) * 3).astype(dtype),
        np.random.default_rng(1).integers(0, m, n),
    )
    shifted = z.astype(np.float64) - z.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    tol = {"rtol": 1e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-14}
    expected = (p - np.eye(m)[labels]) / n
    for y in (labels, labels.astype(np.int32), np.eye(m, dtype=dtype)[labels]):
        for _ in range(2):
            loss, dz = F.softmax_cross_entropy(z, y)
            assert loss == pytest.approx(-np.log(p[np.arange(n), labels]).mean(), rel=1e-5)
            np.testing.assert_allclose(dz, expected, **tol)
    for x in layouts(z):
        np.testing.assert_allclose(F.softmax_cross_entropy(x, labels)[1], expected, **tol)
    loss, same = F.softmax_cross_entropy(z, labels, out=z)
    assert same is z
    np.testing.assert_allclose(z, expected, **tol)


def test_binary_cross_entropy_of_large_logits(how):
    z, t = np.array([1000.0, -1000.0, 0.0]), np.array([1.0, 1.0, 0.0])
    for shape in ((3,), (3, 1)):
        loss, dz = F.binary_cross_entropy_with_logits(z.reshape(shape), t.reshape(shape))
        assert loss == pytest.approx((1000 + np.log(2)) / 3)
        np.testing.assert_allclose(dz, np.reshape([0, -1 / 3, 1 / 6], shape))
    weighted, _ = F.mse(z, t, sample_weight=np.array([0.0, 0.0, 2.0]))
    assert weighted == 0
    assert F.huber(np.array([[3.0]]), np.array([[0.0]]), delta=2.0)[0] == 4.0


# optimizers

UPDATES = {
    "sgd": (optimizers.SGD, {}, 0, {}),
    "momentum": (optimizers.SGD, {"momentum": 0.9}, 1, {}),
    "nesterov": (optimizers.SGD, {"momentum": 0.9, "nesterov": True}, 1, {}),
    "rmsprop": (optimizers.RMSprop, {}, 1, {}),
    "adagrad": (optimizers.Adagrad, {}, 1, {}),
    "adadelta": (optimizers.Adadelta, {}, 2, {}),
    "adam": (optimizers.Adam, {}, 2, {}),
    "adamw": (optimizers.AdamW, {"weight_decay": 0.1}, 2, {"weight_decay": 0.1}),
    "adamax": (optimizers.Adamax, {}, 2, {}),
    "lion": (optimizers.Lion, {}, 1, {}),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UPDATES)
def test_updates_are_the_optimizers(how, name, dtype):
    cls, hyper, count, extra = UPDATES[name]
    for shape in ((), (1,), (3, 5), (200, 70)):
        optimizer = cls(0.01, **hyper)
        p = np.array(draw(*shape, dtype=dtype))
        slots = [np.full_like(p, 0.1 if name == "adagrad" else 0.0) for _ in range(count)]
        expected, moved = p.copy(), p.copy()
        for t in range(1, 5):
            g = np.array(draw(*shape, dtype=dtype, seed=t))
            kept = g.copy()
            optimizer.apply_gradients([(g, expected)])
            step = (t,) if name.startswith("adam") else ()
            result = getattr(how, f"{name}_update")(moved, g, *slots, *step, 0.01, **extra)
            assert result is moved
            np.testing.assert_array_equal(g, kept)
        np.testing.assert_allclose(
            moved, expected, rtol=TOLERANCE[dtype] * 5, atol=TOLERANCE[dtype]
        )


def test_updates_take_views_and_gradients_of_any_kind(how):
    for p in layouts(draw(6, 4)):
        if p.flags.writeable:
            start, m, v = p.copy(), np.zeros((6, 4)), np.zeros((6, 4), order="F")
            for g in (
                np.ones((6, 4), np.float32),
                np.asfortranarray(np.ones((6, 4))),
                [[1] * 4] * 6,
            ):
                assert how.adam_update(p, g, m, v, 1, np.float64(0.5), 0, 0, 0) is p
            np.testing.assert_allclose(p, start - 1.5)
    p = np.ones(5)
    how.sgd_update(p, p, 1)  # its own gradient
    np.testing.assert_array_equal(p, 0)
    both = np.arange(10.0)
    how.sgd_update(both[:9], both[1:], 1.0)
    np.testing.assert_array_equal(both, [-1] * 9 + [9])
    slots = np.zeros((2, 7), np.float32)  # neighbours, the second in front
    how.adam_update(np.ones(7, np.float32), np.ones(7, np.float32), slots[1], slots[0], 1)
    np.testing.assert_allclose(slots[1], 0.1, rtol=1e-6)
    np.testing.assert_allclose(slots[0], 0.001, rtol=1e-4)


def test_gradients_are_clipped_together(how):
    for dtype in (np.float32, np.float64):
        grads = [
            draw(70, 90, dtype=dtype),
            draw(3, dtype=dtype, seed=1),
            np.asfortranarray(draw(5, 6)),
        ]
        norm = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in grads))
        before = [g.copy() for g in grads]
        assert how.clip_by_global_norm(grads, norm + 1) == pytest.approx(norm)
        assert all((g == b).all() for g, b in zip(grads, before, strict=True))
        assert how.clip_by_global_norm(tuple(grads), 2) == pytest.approx(norm)
        for g, b in zip(grads, before, strict=True):
            np.testing.assert_allclose(g, b * 2 / norm, rtol=1e-5)


# normalization and dropout


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n, m", [(1, 3), (2, 1), (5, 17), (16, 16), (61, 40), (300, 7)])
@pytest.mark.parametrize("axis", [0, 1])
def test_normalization(how, n, m, axis, dtype):
    name = "batch_norm" if axis == 0 else "layer_norm"
    X, gamma, beta = (
        draw(n, m, dtype=dtype),
        draw(m, dtype=dtype, seed=1),
        draw(m, dtype=dtype, seed=2),
    )
    Y, cache = getattr(how, f"{name}_forward")(X, gamma, beta)
    mean, variance = X.mean(axis=axis, keepdims=True), X.var(axis=axis, keepdims=True)
    tol = {"rtol": 2e-4, "atol": 2e-4} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(Y, gamma * (X - mean) / np.sqrt(variance + 1e-3) + beta, **tol)
    dY = draw(n, m, dtype=dtype, seed=3)
    out = np.empty_like(X), np.empty_like(gamma), np.empty_like(beta)
    dX, dgamma, dbeta = getattr(how, f"{name}_backward")(dY, cache)
    getattr(how, f"{name}_backward")(dY, cache, out)
    for one, two in zip((dX, dgamma, dbeta), out, strict=True):
        np.testing.assert_array_equal(one, two)
    xhat = (X - mean) / np.sqrt(variance + 1e-3)
    d = dY * gamma
    pulled = d - d.mean(axis=axis, keepdims=True)
    pulled = pulled - xhat * (d * xhat).mean(axis=axis, keepdims=True)
    np.testing.assert_allclose(dX, pulled / np.sqrt(variance + 1e-3), **tol)
    np.testing.assert_allclose(dbeta, dY.sum(axis=0), **tol)
    np.testing.assert_allclose(dgamma, (dY * xhat).sum(axis=0), **tol)
    if dtype == np.float64 and n * m < 300:
        f = lambda x: getattr(how, f"{name}_forward")(x, gamma, beta)[0]  # noqa: E731
        np.testing.assert_allclose(dX, slope(f, X, dY), atol=1e-6, rtol=1e-5)
    for x in layouts(X):
        np.testing.assert_array_equal(getattr(how, f"{name}_forward")(x, gamma, beta[None])[0], Y)
        np.testing.assert_array_equal(getattr(how, f"{name}_forward")(x)[0].shape, Y.shape)


def test_running_statistics(how):
    X, mean, variance = draw(50, 3), np.zeros(3), np.ones(3)
    how.batch_norm_forward(X, None, None, mean, variance, momentum=0.9)
    np.testing.assert_allclose(mean, 0.1 * X.mean(axis=0))
    np.testing.assert_allclose(variance, 0.9 + 0.1 * X.var(axis=0))
    before = mean.copy()
    Y, cache = how.batch_norm_forward(X, None, None, mean, variance, training=False)
    np.testing.assert_allclose(Y, (X - mean) / np.sqrt(variance + 1e-3))
    np.testing.assert_array_equal(mean, before)
    dX, _, _ = how.batch_norm_backward(np.ones_like(X), cache)
    np.testing.assert_allclose(dX, np.broadcast_to(1 / np.sqrt(variance + 1e-3), X.shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n, m", [(1, 9), (2, 3), (40, 30)])
def test_dropout_is_that_of_the_layer(how, n, m, dtype):
    from fastnn import random

    X = draw(n, m, dtype=dtype)
    Y, mask = how.dropout(X, 0.25, 11, 3)
    stays = random.dropout_halves(11, 3, n, m) >= random.dropout_threshold(0.25)
    np.testing.assert_allclose(mask, np.where(stays, 1 / 0.75, 0), rtol=1e-6)
    np.testing.assert_array_equal(Y, X * mask)
    np.testing.assert_array_equal(F.dropout_backward(X, mask), X * mask)
    x, again = X.copy(), np.empty_like(X)
    how.dropout(x, 0.25, 11, 3, out=(x, again))
    np.testing.assert_array_equal(x, Y)
    assert (how.dropout(X, 0, 11)[0] == X).all()


# data


def test_one_hot_and_batches(how):
    labels = np.array([2, 0, 1])
    for given in (labels, labels.astype(np.uint8), labels[:, None], labels.tolist(), labels * 1.0):
        np.testing.assert_array_equal(how.one_hot(given, 4), np.eye(4)[labels])
    out = np.ones((3, 4))
    assert how.one_hot(labels, 4, out=out) is out
    np.testing.assert_array_equal(out, np.eye(4)[labels])
    X, y = np.arange(22.0).reshape(11, 2), np.arange(11)
    parts = list(F.minibatches(X, y, 4, seed=3))
    assert [len(a) for a, _ in parts] == [4, 4, 3]
    rows = np.concatenate([b for _, b in parts])
    assert sorted(rows) == list(range(11)) and list(rows) != list(range(11))
    np.testing.assert_array_equal(np.concatenate([a for a, _ in parts]), X[rows])
    assert not np.array_equal(
        rows, np.concatenate([b for _, b in F.minibatches(X, y, 4, seed=3, epoch=1)])
    )
    (first, *_) = F.minibatches(X, batch_size=4, shuffle=False)
    assert np.shares_memory(first, X)
    assert len(list(F.minibatches(X, batch_size=4, drop_last=True))) == 2


# mistakes


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda f: f.dense_forward(np.ones((2, 3)), np.ones((4, 5))),
            ["W must", "3 columns", r"\(4, 5\)"],
        ),
        (
            lambda f: f.dense_forward(np.ones(3), np.ones((3, 5))),
            ["X must", "two axes", r"X\[None, :\]"],
        ),
        (
            lambda f: f.dense_forward(np.ones((2, 3)), np.ones((3, 5)), np.ones(4)),
            ["b must", r"\(5,\)"],
        ),
        (
            lambda f: f.dense_forward(np.ones((2, 3)), np.ones((3, 5)), out=np.ones((2, 4))),
            ["out must", r"\(2, 5\)"],
        ),
        (
            lambda f: f.dense_forward(np.ones((2, 3)), np.ones((3, 5)), activation="rlu"),
            ["rlu", "relu"],
        ),
        (
            lambda f: f.dense_backward(np.ones((2, 4)), np.ones((2, 3)), np.ones((3, 5))),
            ["dY must", r"\(2, 5\)"],
        ),
        (
            lambda f: f.dense_backward(
                np.ones((2, 5)), np.ones((2, 3)), np.ones((3, 5)), activation="relu"
            ),
            ["Y must be given"],
        ),
        (
            lambda f: f.dense_backward(
                np.ones((2, 5)), np.ones((2, 3)), np.ones((3, 5)), np.ones((2, 5)), "gelu"
            ),
            ["(Z|z) must be given"],
        ),
        (lambda f: f.activation_backward(np.ones(2), np.ones(3), "relu"), ["y must", r"\(2,\)"]),
        (lambda f: f.sgd_update(np.ones(3), np.ones(4)), ["g must", r"\(3,\)"]),
        (lambda f: f.sgd_update(np.ones(3), np.ones(3), -1.0), ["learning_rate", "-1"]),
        (
            lambda f: f.adam_update(np.ones(3), np.ones(3), np.zeros(3), np.zeros(3), 0),
            ["t must", "0"],
        ),
        (lambda f: f.momentum_update(np.ones(3), np.ones(3), np.ones(2)), ["m must", "zeros_like"]),
        (
            lambda f: f.softmax_cross_entropy(np.ones((2, 3)), np.array([0, 3])),
            ["y_true", "0 to 2", "3"],
        ),
        (lambda f: f.softmax_cross_entropy(np.ones((2, 3)), np.array([0, -1])), ["y_true", "-1"]),
        (
            lambda f: f.softmax_cross_entropy(np.ones((2, 3)), np.ones((2, 4))),
            ["y_true must", r"\(2, 3\)"],
        ),
        (
            lambda f: f.mse(np.ones((2, 3)), np.ones((2, 3)), np.ones(3)),
            ["sample_weight", "2 rows"],
        ),
        (lambda f: f.one_hot([0, 5], 4), ["labels", "0 to 3", "5"]),
        (lambda f: f.clip_by_global_norm([np.ones(2)], 0), ["max_norm", "above 0"]),
        (lambda f: f.batch_norm_forward(np.ones((2, 3)), np.ones(2)), ["gamma must", r"\(3,\)"]),
        (lambda f: f.batch_norm_forward(np.ones((2, 3)), training=False), ["running_mean"]),
        (lambda f: f.dropout(np.ones((2, 3)), 1.0, 0), ["rate", "below 1"]),
        (lambda f: f.minibatches(np.ones((3, 1)), np.ones(2)), ["y must", "3"]),
    ],
)
def test_mistakes_are_named(how, call, words):
    import re

    with pytest.raises(ValueError) as error:
        call(how)
    for word in words:
        assert re.search(word, str(error.value)), (word, str(error.value))


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda f: f.dense_forward(np.ones((2, 3), complex), np.ones((3, 5))),
            "X must hold real numbers",
        ),
        (lambda f: f.dense_forward(None, np.ones((3, 5))), "X must be an array"),
        (
            lambda f: f.dense_forward(np.ones((2, 3)), np.ones((3, 5)), out=[1]),
            "out must be an array",
        ),
        (lambda f: f.sgd_update(np.ones(3, int), np.ones(3)), "p is changed in place"),
        (lambda f: f.sgd_update([1.0], [1.0]), "p is changed in place"),
        (lambda f: f.clip_by_global_norm(np.ones(2), 1.0), "grads must be a list"),
        (lambda f: f.loss_and_gradient(None, np.ones(2), np.ones(2)), "loss must"),
        (lambda f: f.sgd_update(np.ones(3), np.ones(3), "fast"), "learning_rate must be a number"),
    ],
)
def test_types_are_named(how, call, words):
    with pytest.raises(TypeError, match=words):
        call(how)


def test_what_is_read_only_is_not_written(how):
    p = np.ones(3)
    p.flags.writeable = False
    with pytest.raises(ValueError, match="p is changed in place, but it is read-only"):
        how.sgd_update(p, np.ones(3))
    with pytest.raises(ValueError, match="out must be writable"):
        how.activation_forward(np.ones(3), "relu", out=p)
    np.testing.assert_array_equal(p, 1)


def test_a_name_that_is_none_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'relux'"):
        F.relux  # noqa: B018


@pytest.mark.slow
@pytest.mark.parametrize("isa", [isa for isa in loader.available() if isa != loader.isa()])
def test_other_instruction_sets_pass_these_tests(isa):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-qx", "-k", "core", "-p", "no:cacheprovider", __file__],
        env=os.environ | {"FASTNN_ISA": isa}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
