"""Gradients through NumPy's functions and `fastnn.ops`: against central differences, in float64."""

import numpy as np
import pytest

from fastnn import activations, ops
from fastnn.tracing import Traced, gradients

X = 0.3 + 0.5 * np.abs(np.sin(2.3 * np.arange(12.0))).reshape(3, 4)  # 0.3 to 0.8, no two alike
Y = (0.2 + 0.6 * np.abs(np.cos(1.7 * np.arange(12.0)))).reshape(3, 4)
LABELS = np.array([0, 3, 1])

NAMES = str.split("""
abs absolute negative square sqrt cbrt reciprocal exp exp2 expm1 log log2 log10 log1p sin
cos tan arctan arcsin arccos sinh cosh tanh arctanh arcsinh rsqrt erf erfc relu sigmoid
silu softplus gelu elu selu leaky_relu hard_sigmoid softmax log_softmax logsumexp sum mean
std var max min prod amax relu6 softsign log_sigmoid hard_silu squareplus celu tanh_shrink
normalize rms_normalization layer_normalization ravel transpose flip ptp
""")
ONE = {
    **{name: getattr(ops, name) for name in NAMES},
    "getitem": lambda x: x[1:, ::2], "fancy": lambda x: x[[0, 0, 2]],
    "newaxis": lambda x: x[:, None],
    "reshape": lambda x: ops.reshape(x, (2, 6)) * np.arange(6.0),
    "mean_axis": lambda x: ops.mean(x, axis=1) ** 3, "sum_keep": lambda x: ops.sum(x, 0, True) * x,
    "max_axis": lambda x: ops.max(x, axis=1) ** 2, "min_axis": lambda x: x.min(axis=0) ** 2,
    "var_axis": lambda x: ops.var(x, axis=0) * 3, "std_axis": lambda x: ops.std(x, axis=-1),
    "softmax_axis": lambda x: ops.softmax(x, axis=0) * Y,
    "softmax_weighted": lambda x: activations.softmax(x) * Y,
    "logsumexp_axis": lambda x: ops.logsumexp(x, axis=1),
    "expand": lambda x: ops.expand_dims(x, 1) * Y, "squeeze": lambda x: ops.squeeze(x[:, None], 1),
    "swap": lambda x: ops.swapaxes(x, 0, 1) @ Y, "tile": lambda x: ops.tile(x, (2, 1)),
    "repeat": lambda x: ops.repeat(x, 2, axis=0), "roll": lambda x: ops.roll(x, 1, 0) * Y,
    "take": lambda x: ops.take(x, np.array([1, 1, 0]), axis=1), "power": lambda x: x ** 2.5,
    "mish": activations.mish, "exponent": lambda x: 2.0 ** x,
    "clip": lambda x: ops.clip(x, 0.4, 0.7) * Y,
    "where": lambda x: ops.where(x > 0.5, x * x, 3 * x), "rdiv": lambda x: 1 / x,
    "rsub": lambda x: 1 - x, "einsum": lambda x: ops.einsum("ij,kj->ik", x, Y),
    "einsum_sum": lambda x: ops.einsum("ij->i", x) ** 2, "norm": lambda x: ops.norm(x),
    "norm_axis": lambda x: ops.norm(x, axis=1), "vector": lambda x: x @ Y[0],
    "vector_left": lambda x: Y[:, 0] @ x,
    "batch": lambda x: x.reshape(3, 2, 2) @ Y.reshape(3, 2, 2),
    "numpy": lambda x: np.tanh(np.dot(x, Y.T)).mean(), "twice": lambda x: x * x + x,
    "constant": lambda x: x * (x > 0.5), "one_hot": lambda x: x * ops.one_hot(LABELS, 4),
    "concatenate": lambda x: ops.concatenate([x, Y, x * x], axis=1) ** 2,
    "stack": lambda x: ops.stack([x, x * Y], axis=1) ** 2,
    "binary": lambda x: ops.binary_crossentropy(Y, x),
    "binary_logits": lambda x: ops.binary_crossentropy(Y, x, from_logits=True),
    "categorical": lambda x: ops.categorical_crossentropy(Y, x),
    "sparse": lambda x: ops.sparse_categorical_crossentropy(LABELS, x),
    "sparse_logits": lambda x: ops.sparse_categorical_crossentropy(LABELS, x, from_logits=True),
    "moments": lambda x: ops.moments(x, axes=[0])[1] * 2, "stop": lambda x: x * ops.clip(Y, 0, 1),
}
TWO = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b, "power": lambda a, b: a ** b, "matmul": lambda a, b: a @ b.T,
    "maximum": ops.maximum, "minimum": ops.minimum, "logaddexp": ops.logaddexp,
    "hypot": ops.hypot, "arctan2": ops.arctan2, "row": lambda a, b: a * b[:1] + b[:, :1],
    "dot": lambda a, b: np.dot(a, b.T), "divide_no_nan": ops.divide_no_nan,
    "einsum": lambda a, b: ops.einsum("ij,ij->i", a, b), "vectors": lambda a, b: a[0] @ b[1],
}


def numeric(function, arrays, which, step=1e-6):
    slope = np.empty_like(arrays[which])
    for place in np.ndindex(slope.shape):
        ends = []
        for change in (step, -step):
            moved = [array.copy() for array in arrays]
            moved[which][place] += change
            ends.append(float(np.sum(function(*moved))))
        slope[place] = (ends[0] - ends[1]) / (2 * step)
    return slope


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_array(name):
    value, (slope,) = gradients(ONE[name], X)
    np.testing.assert_allclose(value, ONE[name](X), rtol=1e-12)
    np.testing.assert_allclose(slope, numeric(ONE[name], [X], 0), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_arrays(name):
    _, slopes = gradients(TWO[name], X, Y)
    for i, slope in enumerate(slopes):
        np.testing.assert_allclose(slope, numeric(TWO[name], [X, Y], i), rtol=2e-6, atol=1e-7)


def test_float32_stays():
    def mean_square(x):
        return ops.mean(ops.square(ops.subtract(x, 0.5)) * 2.0)

    value, (slope,) = gradients(mean_square, X.astype("float32"))
    assert value.dtype == slope.dtype == np.float32


def test_what_is_not_reached_has_the_gradient_0():
    _, (one, two) = gradients(lambda a, b: np.sum(a), X, Y)
    assert (one == 1).all() and (two == 0).all()
    _, (none,) = gradients(lambda a: np.float64(3), X)
    assert (none == 0).all()


@pytest.mark.parametrize("function", [np.linalg.inv, np.fft.fft, np.float32, np.cumsum,
                                      lambda x: np.asarray(x), lambda x: np.add.accumulate(x),
                                      lambda x: ops.einsum("ii->i", x), ops.sort])
def test_what_has_no_rule_says_so(function):
    with pytest.raises(TypeError, match=r"[Nn]o gradient is known|gradient of this is not known"):
        function(Traced(X[:, :3]))
