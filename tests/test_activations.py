"""Activations: Keras's numbers, functions, names; layers of them; a user's own."""

import math
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, activations, backends, formulas, layers, registry
from fastnn.activations import own
from fastnn.layers import Dense

GOLDEN = Path(__file__).parent / "golden"
CASES = runpy.run_path(str(GOLDEN / "make_activations.py"))
with np.load(GOLDEN / "activations.npz") as file:
    KERAS = dict(file)
GRID, ROWS, WEIGHTS = KERAS["grid"], KERAS["rows"], KERAS["weights"]

NAMES = [
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu",
    "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
    "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
    "threshold"]  # fmt: skip
WITH_ARGUMENTS = {"threshold": (1.0, -2.0)}


def test_all_of_keras_are_there():
    assert len(NAMES) == 32
    assert {name for name, *_ in CASES["ELEMENTWISE"].values()} | {
        name for name, *_ in CASES["ROW_WISE"].values()} == set(NAMES) - {
            "hard_swish", "swish", "sparsemax"}
    for name in NAMES:
        assert callable(getattr(activations, name))


# against Keras


# Keras loses digits: of softplus-like functions by log(exp), of squareplus below zero by
# cancelling, of tanh by float32
DIGITS = {"tanh": 1e-6}


@pytest.mark.parametrize("case", CASES["ELEMENTWISE"])
def test_values_and_slopes_are_those_of_keras(case):
    name, arguments, _ = CASES["ELEMENTWISE"][case]
    function = getattr(activations, name)
    atol = DIGITS.get(case, 1e-12)
    np.testing.assert_allclose(function(GRID, **arguments), KERAS[case], rtol=1e-11, atol=atol)
    activation = registry.get_class("activation", name)(**arguments)
    wanted = KERAS[f"{case}/slope"]
    known = ~np.isnan(wanted)
    slopes = activation.derivative(GRID)
    assert not np.isnan(slopes).any()
    np.testing.assert_allclose(slopes[known], wanted[known], rtol=1e-9, atol=max(atol, 2e-11))


@pytest.mark.parametrize("case", CASES["ELEMENTWISE"])
def test_float32_stays_float32_and_is_as_good(case):
    name, arguments, _ = CASES["ELEMENTWISE"][case]
    activation = registry.get_class("activation", name)(**arguments)
    z = GRID.astype("float32")
    y, slopes = activation(z), activation.derivative(z)
    assert y.dtype == slopes.dtype == np.float32
    scale = 1e-6 * np.maximum(1, np.abs(z)).astype("float64")
    wanted = activation(z.astype("float64"))
    small = np.abs(wanted) < 1e30  # exp(100) is not
    y, slopes, scale, wanted = y[small], slopes[small], scale[small], wanted[small]
    assert (np.abs(y - wanted) <= scale + 2e-6 * np.abs(wanted)).all()
    wanted = activation.derivative(z[small].astype("float64"))
    assert (np.abs(slopes - wanted) <= 2e-6 + 2e-6 * np.abs(wanted)).all()


@pytest.mark.parametrize("case", CASES["ROW_WISE"])
def test_rows_are_those_of_keras(case):
    name, arguments = CASES["ROW_WISE"][case]
    np.testing.assert_allclose(getattr(activations, name)(ROWS, **arguments), KERAS[case],
                               rtol=1e-11, atol=1e-12)
    if arguments:
        return
    cls = registry.get_class("activation", name)
    y = cls.forward(ROWS)
    kept = (y, ROWS) if cls.keeps_z() else (y,)
    dz = cls.backward(WEIGHTS[:, : y.shape[1]], *kept)
    np.testing.assert_allclose(dz, KERAS[f"{case}/slope"], rtol=1e-9, atol=1e-11)


def test_sparsemax_is_that_of_the_paper():
    """Martins & Astudillo 2016, algorithm 1, which sorts."""
    rows = ROWS[:, :5]
    for z, y, along in zip(rows, activations.sparsemax(rows), activations.sparsemax(rows.T, 0).T,
                           strict=True):
        falling = np.sort(z)[::-1]
        sums = np.cumsum(falling)
        k = max(k for k in range(1, 6) if 1 + k * falling[k - 1] > sums[k - 1])
        np.testing.assert_allclose(y, np.maximum(z - (sums[k - 1] - 1) / k, 0), atol=1e-11)
        np.testing.assert_array_equal(y, along)


def test_sparsemax_does_not_change_when_a_row_is_moved():
    np.testing.assert_allclose(activations.sparsemax(ROWS - 30), activations.sparsemax(ROWS),
                               atol=1e-11)


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    """Among many others of it, and with the sum 1 also where the numbers are large."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(30, 5)) * 10.0 ** rng.integers(-3, 8, (30, 1))
    Y = activations.sparsemax(Z)
    np.testing.assert_allclose(Y.sum(axis=1), 1, rtol=1e-7)
    others = rng.dirichlet(np.full(5, 0.3), 500)
    distances = np.square(others[None] - Z[:, None]).sum(axis=2).min(axis=1)
    assert (np.square(Y - Z).sum(axis=1) <= distances * (1 + 1e-9)).all()


def test_erf_is_accurate():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-7, 7, 20_000), np.logspace(-300, 1, 2_000), [0.0, np.inf]])
    exact = np.array([math.erf(number) for number in x])
    assert (np.abs(formulas.erf(x) - exact) <= 2 * np.spacing(np.abs(exact))).all()
    assert np.signbit(formulas.erf(np.array([-0.0])))[0] and np.isnan(formulas.erf(np.nan))
    assert formulas.erf(np.float32([0.5])).dtype == np.float32
    # of mpmath at 30 digits
    assert formulas.erf(0.25) == pytest.approx(0.276326390168236932985068267764816, rel=3e-16)
    assert formulas.erf(2.5) == pytest.approx(0.999593047982555041060435784260026, rel=3e-16)


def test_squareplus_does_not_overflow():
    large = np.float32([-1e30, 1e18, 1e25, 3e38, np.inf])
    wanted = [1e-30, 1e18, 1e25, 3e38, np.inf]
    np.testing.assert_allclose(activations.squareplus(large), wanted, rtol=1e-6)
    wide = activations.squareplus(np.array([-1e200, 1e200]))
    np.testing.assert_allclose(wide, [1e-200, 1e200], rtol=1e-15)


# names, functions, identifiers


def test_functions_have_the_arguments_of_keras():
    from inspect import signature

    assert str(signature(activations.relu)).startswith("(x, negative_slope")
    assert list(signature(activations.relu).parameters) == [
        "x", "negative_slope", "max_value", "threshold"]
    assert list(signature(activations.threshold).parameters) == ["x", "threshold", "default_value"]
    assert list(signature(activations.glu).parameters) == ["x", "axis"]
    assert activations.threshold([0.0, 3.0], 1, -2).tolist() == [-2, 3]
    assert activations.relu([-1, 8], max_value=5).tolist() == [0, 5]
    assert activations.silu.__name__ == "silu" and "sigmoid" in activations.silu.__doc__
    with pytest.raises(AttributeError, match="Did you mean 'relu'"):
        activations.rellu  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_identifiers_come_back(name):
    arguments = WITH_ARGUMENTS.get(name, ())
    one = registry.get_class("activation", name)(*arguments)
    written = activations.serialize(one)
    assert written == (written["class_name"] and written if arguments else
                       {"hard_swish": "hard_silu", "swish": "silu"}.get(name, name))
    twin = activations.deserialize(written)
    assert type(twin) is type(one) and twin.get_config() == one.get_config()
    if not arguments:
        assert type(activations.get(getattr(activations, name))) is type(one)
        assert type(activations.get(name)) is type(one)
    x = np.array([[-1.0, 0.5, 2.0, 0.25]])
    np.testing.assert_array_equal(one(x), getattr(activations, name)(x, *arguments))


def test_get_none_is_linear():
    assert isinstance(activations.get(None), activations.Linear)
    assert isinstance(activations.get(np.tanh), activations.Tanh)


class Doubled(activations.Activation):
    """A user's class that is not registered."""

    @staticmethod
    def forward(z):
        return 2.0 * z

    @staticmethod
    def backward(dy, y):
        return 2.0 * dy


def test_custom_objects():
    config = {"class_name": "Doubled", "config": {}}
    assert isinstance(activations.deserialize(config, {"Doubled": Doubled}), Doubled)
    with pytest.raises(ValueError, match="Unknown activation: 'Doubled'"):
        activations.deserialize(config)


@pytest.mark.parametrize("make, message", [
    (lambda: activations.ELU(-1), "alpha must be zero or positive, received -1"),
    (lambda: activations.CELU(0), "alpha must be positive, received 0"),
    (lambda: activations.LeakyReLU("a"), "negative_slope must be zero or positive, received 'a'"),
    (lambda: activations.ReLU(max_value=-1), "max_value must be zero or positive"),
    (lambda: activations.Threshold(math.nan, 0), "threshold must be a number, received nan"),
    (lambda: activations.glu([[1.0, 2.0, 3.0]]), "glu halves its axis, .* received 3 numbers"),
    (lambda: activations.softmax(3.0), r"expects an array that has this axis, received \(\)"),
    (lambda: activations.Softmax(axis=0).output_shape((3,)), r"last axis .* rows of shape \(3,\)"),
    (lambda: Dense(3, "glu").ensure_built((2,)), "must be even; received 3"),
])
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_row_wise_functions_have_no_elementwise_derivative():
    with pytest.raises(TypeError, match=r"matrix of derivatives .* use backward"):
        activations.Softmax().derivative(ROWS)


# layers


X = np.linspace(-2, 2, 36).reshape(6, 6)


def predict(*stack, shape=(6,), backend=None):
    model = Sequential([Input(shape), *stack], dtype="float64")
    model.compile("sgd", "mse", backend=backend)
    return model.predict(X.reshape(6, *shape))


@pytest.mark.parametrize("layer, wanted", [
    (layers.ReLU(), activations.relu(X)),
    (layers.ReLU(1.5, 0.1, 0.5), activations.relu(X, 0.1, 1.5, 0.5)),
    (layers.LeakyReLU(), activations.leaky_relu(X, 0.3)),
    (layers.ELU(0.5), activations.elu(X, 0.5)),
    (layers.Softmax(), activations.softmax(X)),
    (layers.PReLU([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]), np.where(X > 0, X, X * np.arange(6) / 10)),
    (layers.Activation("sparsemax"), activations.sparsemax(X)),
    (layers.Activation(activations.glu), activations.glu(X)),
], ids=lambda value: getattr(value, "name", ""))  # fmt: skip
def test_layers(layer, wanted):
    np.testing.assert_allclose(predict(layer), wanted, rtol=1e-9, atol=1e-12)
    assert layer.output_shape == (None, wanted.shape[1])


def test_softmax_and_glu_of_the_last_of_two_axes():
    shaped = X.reshape(6, 3, 2)
    np.testing.assert_allclose(predict(layers.Softmax(), shape=(3, 2)),
                               activations.softmax(shaped), rtol=1e-12)
    np.testing.assert_allclose(predict(layers.Activation("glu"), shape=(3, 2)),
                               activations.glu(shaped), rtol=1e-12)


@pytest.mark.parametrize("axes, shape", [
    (None, (3, 2)), ([1], (1, 2)), (1, (1, 2)), ([2], (3, 1)), ([1, 2], (1, 1))], ids=str)
def test_prelu_shares_alphas(axes, shape):
    layer = layers.PReLU(shared_axes=axes)
    assert layer.ensure_built((3, 2)) == (3, 2) and layer.alpha.shape == shape
    layer.alpha = 0.1 * np.arange(1, math.prod(shape) + 1).reshape(shape)
    shaped = X.reshape(6, 3, 2)
    wanted = np.where(shaped > 0, shaped, layer.alpha.astype("float64") * shaped)
    np.testing.assert_allclose(predict(layer, shape=(3, 2)), wanted, rtol=1e-6)


def test_prelu_trains_its_alpha():
    """One step of gradient descent from alpha 0.5, by hand."""
    layer = layers.PReLU(0.5 * np.ones(2))
    model = Sequential([Input((2,)), layer], dtype="float64")
    model.compile(fastnn.optimizers.SGD(0.1), fastnn.losses.MeanSquaredError(reduction="sum"))
    x = np.array([[-1.0, 2.0], [-3.0, -4.0]])
    model.fit(x, np.zeros((2, 2)), batch_size=2, verbose=0)
    # dy = y = alpha x where x < 0, as the loss is a mean of two outputs; dalpha = sum of dy x
    wanted = [0.5 - 0.1 * 0.5 * (1 + 9), 0.5 - 0.1 * 0.5 * 16]
    np.testing.assert_allclose(layer.alpha, wanted, atol=1e-15)


@pytest.mark.parametrize("layer", [
    layers.ReLU(6, 0.1, 0.5), layers.LeakyReLU(0.2), layers.ELU(2.0), layers.Softmax(),
    layers.PReLU("ones", "l2", shared_axes=[1]), layers.Activation("squareplus"),
    layers.Dense(4, activations.Threshold(0.5, 0.25))], ids=lambda layer: layer.name)  # fmt: skip
def test_config_round_trip(layer):
    twin = layers.deserialize(registry.serialize(layer))
    assert type(twin) is type(layer) and twin.get_config() == layer.get_config()


@pytest.mark.parametrize("make, message", [
    (lambda: layers.ReLU(max_value=-1), "max_value must be zero or positive, received -1"),
    (lambda: layers.ReLU(threshold=-1), "threshold must be zero or positive, received -1"),
    (lambda: layers.ReLU(negative_slope=None), "negative_slope must be zero or positive"),
    (lambda: layers.Softmax(axis=1).ensure_built((3, 2)), "takes the last axis"),
    (lambda: layers.PReLU(shared_axes=[3]).ensure_built((3, 2)), r"axes are 1 to 2; .*\[3\]"),
    (lambda: layers.PReLU(shared_axes=[2]).ensure_built((3, 4, 2)), "side by side"),
])
def test_errors_of_layers(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# a user's own


@pytest.fixture
def unregistered(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setitem(registry._tables, "activation", dict(registry._tables["activation"]))


def bent(z):
    return np.where(z > 0.0, z + 0.25 * z * z, 0.5 * z)


def slope_of_bent(z):
    return np.where(z > 0.0, 1.0 + 0.5 * z, 0.5)


def fitted(activation, backend):
    fastnn.utils.set_random_seed(4)
    model = Sequential([Input((6,)), Dense(7, activation), Dense(1)], dtype="float64")
    model.compile(fastnn.optimizers.SGD(0.005), "mse", backend=backend)
    model.fit(X, X[:, :1], batch_size=4, epochs=5, verbose=0)
    return np.concatenate([model.params, model.predict(X).ravel(), model.predict(X[:1])[0]])


@pytest.mark.parametrize("backend", backends.available())
def test_a_users_functions_train(backend):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that numba's backend hands it on
        got = fitted((bent, slope_of_bent), backend)
        np.testing.assert_allclose(got, fitted((bent, slope_of_bent), "numpy"), rtol=1e-9)
    assert np.abs(got - fitted("linear", backend)).max() > 1e-3


def test_a_users_class_trains(unregistered):
    @registry.register("activation")
    class Stretched(activations.Activation):
        hyper = ("factor",)

        def __init__(self, factor=2.0):
            self.factor = factor

        @staticmethod
        def forward(z, factor):
            return formulas.where(z > 0.0, formulas.tanh(factor * z), z)

        @staticmethod
        def backward(dy, y, z, factor):
            t = formulas.tanh(factor * z)
            return formulas.where(z > 0.0, dy * factor * (1.0 - t * t), dy)

    before = activations.elementwise()
    wanted = fitted(Stretched(0.5), "numpy")
    np.testing.assert_allclose(fitted(Stretched(0.5), None), wanted, rtol=1e-9)
    assert np.abs(fitted("stretched", None) - wanted).max() > 1e-3
    assert activations.elementwise() == before
    assert activations.serialize(Stretched()) == "stretched"


def test_a_users_functions_run_inside_the_stretch(monkeypatch):
    pytest.importorskip("numba")
    cython = pytest.importorskip("fastnn.backends.cython_backend")
    monkeypatch.setattr(cython.numpy_backend, "train", None)
    monkeypatch.setattr(cython.numpy_backend, "forward", None)
    fitted((bent, slope_of_bent), "cython")
    fitted((np.sin, np.cos), "cython")
    fitted(Doubled(), "cython")


def test_what_numba_cannot_compile_runs_on_numpy_and_says_so_once():
    pytest.importorskip("numba")
    pytest.importorskip("fastnn.backends.cython_backend")

    def function(z):
        return np.array(z.tolist()) * 2.0

    pair = activations.custom(function, lambda z: np.full(z.shape, 2.0), name="listed")
    with pytest.warns(RuntimeWarning, match=r"listed runs on the NumPy backend.*cannot compile"):
        got = fitted(pair, "cython")
    np.testing.assert_allclose(fitted(pair, "cython"), got)  # in silence
    np.testing.assert_allclose(fitted(Doubled(), "numpy"), got, rtol=1e-9)


WITHOUT_NUMBA = """
import sys, warnings
sys.modules["numba"] = None
import numpy as np
from fastnn import Sequential, activations, layers
model = Sequential([layers.Dense(2, (np.sin, np.cos), input_dim=3)])
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    model.compile("sgd", "mse", backend="cython")
    for _ in range(2):
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.predict(np.ones((4, 3)))
print(len(said), said[0].message)
"""


def test_without_numba_a_users_functions_run_on_numpy():
    pytest.importorskip("fastnn.backends.cython_backend")
    done = subprocess.run([sys.executable, "-c", WITHOUT_NUMBA], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 The activation sin runs on the NumPy backend")
    assert 'pip install "fastnn[numba]"' in done.stdout


@pytest.mark.parametrize("pair, message", [
    ((bent, bent), r"activation bent does not fit: at -6.1 it is -3.05, .* give 0.5"),
    ((bent, lambda z: np.where(z < 3.0, slope_of_bent(z), 0.0)), r"does not fit: at 3.3 it is 0"),
    ((bent, lambda z: np.full_like(z, np.nan)), "does not fit"),
    ((lambda z: z.sum(), lambda z: z), r"function .* made the shape \(\) of an array"),
], ids=["other", "one side", "nan", "shape"])  # fmt: skip
def test_a_wrong_derivative_is_refused(pair, message):
    with pytest.raises(ValueError, match=message):
        activations.custom(*pair)


def test_a_class_with_a_wrong_derivative_is_refused_before_it_trains():
    class Wrong(Doubled):
        @staticmethod
        def backward(dy, y):
            return dy

    with pytest.raises(ValueError, match=r"activation Wrong does not fit: at -6.1 it is 1"):
        fitted(Wrong(), "numpy")


def test_a_function_alone_is_refused():
    with pytest.raises(TypeError, match=r"'bent' .* pass activations.custom\(bent, derivative\)"):
        Dense(3, bent)

    def relu(z):
        return z

    with pytest.raises(TypeError, match="derivative is needed too"):
        Dense(3, relu)  # it is not the package's
    with pytest.raises(TypeError, match="Expected a derivative of arrays, received 3"):
        activations.custom(bent, 3)


def test_a_users_functions_cannot_be_saved(tmp_path):
    model = Sequential([Dense(2, (bent, slope_of_bent), input_dim=3)])
    with pytest.raises(ValueError, match=r"bent is a Python function, which cannot be saved"):
        model.save(tmp_path / "model.fastnn")


def test_an_activation_has_room_for_four_numbers():
    class Many(Doubled):
        hyper = ("a", "b", "c", "d", "e")

    with pytest.raises(ValueError, match="at most 4 numbers, Many has a, b, c, d, e"):
        own.check(Many())
