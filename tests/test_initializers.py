"""Initializers against Keras's formulas, and regularizers, which are as short."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from fastnn import config, initializers, random, registry, regularizers

NAMES = registry.names("initializer")
RANDOM = [name for name in NAMES if name not in ("Zeros", "Ones", "Constant", "Identity")]
CONV = (3, 3, 8, 16)  # receptive field 9: fan_in 72, fan_out 144


def make(name, **arguments):
    return registry.get_class("initializer", name)(**arguments)


def test_the_registry_holds_keras_names():
    assert set(NAMES) == {
        "Zeros", "Ones", "Constant", "Identity", "RandomNormal", "RandomUniform",
        "TruncatedNormal", "VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform",
        "HeNormal", "LecunUniform", "LecunNormal", "Orthogonal",
    }  # fmt: skip
    aliases = {"zero": "Zeros", "one": "Ones", "normal": "RandomNormal", "uniform":
               "RandomUniform", "he_normal": "HeNormal", "glorot_uniform": "GlorotUniform",
               "lecun_normal": "LecunNormal", "truncated_normal": "TruncatedNormal",
               "OrthogonalInitializer": "Orthogonal"}  # fmt: skip
    for alias, name in aliases.items():
        assert type(initializers.get(alias)).__name__ == name


@pytest.mark.parametrize("name", NAMES)
def test_classes_as_functions(name):
    assert getattr(initializers, registry.snake_case(name)) is getattr(initializers, name)
    saved = initializers.serialize(make(name))
    assert type(initializers.deserialize(saved)) is getattr(initializers, name)


@pytest.mark.parametrize("name", NAMES)
def test_shape_and_dtype(name, monkeypatch):
    initializer = initializers.get(name)
    for dtype in ("float32", np.float64):
        W = initializer((4, 3), dtype)
        assert W.shape == (4, 3) and W.dtype == dtype
        assert W.flags.c_contiguous and W.flags.writeable
        assert np.isfinite(W).all()
    assert initializer([2, 5]).dtype == np.float32
    monkeypatch.setitem(config._settings, "floatx", "float64")
    assert initializer((2, 5)).dtype == np.float64
    with pytest.raises(ValueError, match="float32"):
        initializer((2, 2), "int32")
    with pytest.raises(ValueError, match="shape of whole numbers"):
        initializer((2, -1))


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name):
    shape = (6, 4)
    seeded = make(name, seed=3)
    assert np.array_equal(seeded(shape), seeded(shape)), "the same values at every call, as Keras"
    assert np.array_equal(seeded(shape), make(name, seed=np.int64(3))(shape))
    assert not np.array_equal(seeded(shape), make(name, seed=4)(shape))
    assert np.array_equal(seeded(shape), seeded(shape, "float64").astype("float32"))
    fresh = make(name)
    assert not np.array_equal(fresh(shape), fresh(shape)), "no seed: new values at every call"
    generator = make(name, seed=random.SeedGenerator(1))
    first, second = generator(shape), generator(shape)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, make(name, seed=random.SeedGenerator(1).next())(shape))
    for wrong in (1.5, "1"):
        with pytest.raises(TypeError, match="Expected an integer, None or a SeedGenerator"):
            make(name, seed=wrong)


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded(name):
    arguments = [{"seed": 11}, {"seed": random.SeedGenerator(5)}] if name in RANDOM else [{}]
    for chosen in arguments:
        initializer = make(name, **chosen)
        saved = json.loads(json.dumps(registry.serialize(initializer)))
        again = initializers.get(saved)
        assert type(again) is type(initializer)
        assert registry.serialize(again) == saved
        assert np.array_equal(again((4, 4)), initializer((4, 4)))
    unseeded = initializers.get({"class_name": name, "config": {}}).get_config()
    assert unseeded == make(name).get_config()


def test_keras_default_arguments():
    defaults = {name: make(name).get_config() for name in NAMES}
    assert defaults["Constant"] == {"value": 0.0}
    assert defaults["RandomNormal"] == {"mean": 0.0, "stddev": 0.05, "seed": None}
    assert defaults["TruncatedNormal"] == {"mean": 0.0, "stddev": 0.05, "seed": None}
    assert defaults["RandomUniform"] == {"minval": -0.05, "maxval": 0.05, "seed": None}
    assert defaults["VarianceScaling"] == {
        "scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal", "seed": None
    }  # fmt: skip
    assert defaults["Orthogonal"] == {"gain": 1.0, "seed": None}
    assert defaults["GlorotUniform"] == {"seed": None}
    assert repr(make("RandomUniform", seed=1)) == "RandomUniform(minval=-0.05, maxval=0.05, seed=1)"


@pytest.mark.parametrize(
    ("shape", "fans"),
    [
        ((), (1, 1)),
        ((5,), (5, 5)),
        (7, (7, 7)),
        ((784, 128), (784, 128)),
        ((4, 8, 16), (32, 64)),
        (CONV, (72, 144)),
    ],
)
def test_fans(shape, fans):
    assert initializers.compute_fans(shape) == fans


def test_constants():
    assert np.array_equal(make("Zeros")((2, 3)), np.zeros((2, 3)))
    assert np.array_equal(make("Ones")(4), np.ones(4))
    assert np.array_equal(make("Constant", value=-2)((2, 2)), np.full((2, 2), -2.0))
    assert np.array_equal(make("Identity", gain=3)((2, 3)), [[3, 0, 0], [0, 3, 0]])
    with pytest.raises(ValueError, match="two axes"):
        make("Identity")((2, 2, 2))


# Bound of the uniform ones and standard deviation of all, worked out by hand.
@pytest.mark.parametrize(
    ("name", "shape", "stddev", "bound"),
    [
        ("GlorotUniform", (300, 200), math.sqrt(2 / 500), math.sqrt(6 / 500)),
        ("GlorotUniform", CONV, math.sqrt(2 / 216), 1 / 6),  # sqrt(6 / 216)
        ("HeUniform", (300, 200), math.sqrt(2 / 300), math.sqrt(2) / 10),
        ("LecunUniform", (300, 200), math.sqrt(1 / 300), 0.1),
        ("GlorotNormal", (300, 200), math.sqrt(2 / 500), None),
        ("GlorotNormal", CONV, math.sqrt(2 / 216), None),
        ("HeNormal", (300, 200), math.sqrt(2 / 300), None),
        ("HeNormal", CONV, 1 / 6, None),  # sqrt(2 / 72)
        ("LecunNormal", (300, 200), math.sqrt(1 / 300), None),
        ("VarianceScaling", (300, 200), math.sqrt(1 / 300), None),
    ],
)
def test_scaling(name, shape, stddev, bound):
    W = make(name, seed=0)(shape, "float64")
    n = W.size
    if bound is None:
        bound = 2 * stddev / 0.87962566103423978
    assert 0.99 * bound < np.abs(W).max() <= bound
    assert abs(W.mean()) < 4 * stddev / math.sqrt(n)
    assert abs(W.std() / stddev - 1) < 4 * math.sqrt(0.7 / n)


def test_variance_scaling_modes():
    shape, n = (400, 100), 40_000
    for mode, fan in (("fan_in", 400), ("fan_out", 100), ("fan_avg", 250)):
        for distribution in ("normal", "truncated_normal", "untruncated_normal", "uniform"):
            make_it = initializers.VarianceScaling(3.0, mode, distribution, seed=2)
            ratio = make_it(shape, "float64").std() / math.sqrt(3.0 / fan)
            assert abs(ratio - 1) < 4 / math.sqrt(2 * n), (mode, distribution)
    untruncated = initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal", seed=2)
    assert np.abs(untruncated(shape)).max() > 3 / math.sqrt(400)
    assert np.abs(initializers.VarianceScaling(1.0)((0, 4))).shape == (0, 4), "fan 0 counts as 1"


def test_random_laws():
    normal = make("RandomNormal", mean=2.0, stddev=0.5, seed=1)(50_000, "float64")
    np.testing.assert_array_equal(normal, 2.0 + 0.5 * random.normal(1, 50_000))
    uniform = make("RandomUniform", minval=1.0, maxval=3.0, seed=1)(50_000, "float64")
    np.testing.assert_array_equal(uniform, 1.0 + 2.0 * random.uniform(1, 50_000))
    truncated = make("TruncatedNormal", mean=2.0, stddev=0.5, seed=1)(50_000, "float64")
    assert 1.0 <= truncated.min() < 1.01 and 2.99 < truncated.max() <= 3.0


@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (4, 7), (3, 3, 2, 8), (1, 1), (60, 60)])
def test_orthogonal(shape):
    W = make("Orthogonal", gain=2.0, seed=6)(shape, "float64").reshape(-1, shape[-1])
    product = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(9, 9), (20, 6), (6, 20)])
def test_orthogonal_is_the_q_of_a_factorization(shape):
    """With R's diagonal positive, which makes Q uniform; LAPACK's sign is another."""
    rows, columns = max(shape), min(shape)
    Q, R = np.linalg.qr(random.normal(3, (columns, rows)).T)
    Q *= np.sign(np.diag(R))
    W = make("Orthogonal", seed=3)(shape, "float64")
    np.testing.assert_allclose(W if shape[0] >= shape[1] else W.T, Q, rtol=0, atol=1e-12)


def test_nearly_dependent_rows_come_out_orthogonal():
    """One pass of Gram-Schmidt would lose 1e-16 times the condition number, here 1e10."""
    V = np.vander(np.linspace(0.5, 1.5, 20), 8).T.copy()
    V[1] = V[0] + 1e-10 * V[1]
    initializers._orthonormalize(V)
    np.testing.assert_allclose(V @ V.T, np.eye(8), rtol=0, atol=1e-14)


def test_orthogonal_needs_two_axes():
    with pytest.raises(ValueError, match="at least two axes"):
        make("Orthogonal")((5,))


def test_an_array_is_an_initializer():
    values = np.arange(6.0).reshape(2, 3)
    initializer = initializers.get(values)
    values[0, 0] = 99
    W = initializer((2, 3))
    assert W.dtype == np.float32 and np.array_equal(W, np.arange(6.0).reshape(2, 3))
    W[0, 0] = 7
    assert initializer((2, 3))[0, 0] == 0
    assert initializers.get(np.ones((3, 2)).T)((2, 3)).flags.c_contiguous
    assert np.array_equal(initializers.get([1, 2])((2,)), [1.0, 2.0])
    again = initializers.get(json.loads(json.dumps(registry.serialize(initializer))))
    assert np.array_equal(again((2, 3), "float64"), initializer((2, 3), "float64"))
    with pytest.raises(ValueError, match=r"Expected shape \(3, 2\).*received \(2, 3\)\. Transp"):
        initializer((3, 2))
    with pytest.raises(ValueError, match=r"Expected shape \(6,\)"):
        initializer((6,))
    with pytest.raises(ValueError, match="finite"):
        initializers.get([1.0, math.nan])(2)
    for wrong in (["a", "b"], [1j, 2]):
        with pytest.raises(TypeError, match="Expected numbers"):
            initializers.get(wrong)(2)


def test_a_function_is_an_initializer():
    def ramp(shape, dtype=None):
        return np.arange(math.prod(shape), dtype=dtype).reshape(shape)

    initializer = initializers.get(ramp)
    assert np.array_equal(initializer((2, 2)), [[0, 1], [2, 3]])
    assert initializer((2, 2), "float64").dtype == np.float64
    with pytest.raises(ValueError, match=r"ramp.*received \(4,\)"):
        initializers.Function(lambda shape, dtype=None: ramp((4,)), "ramp")((2, 2))
    saved = json.loads(json.dumps(registry.serialize(initializer)))
    with pytest.raises(ValueError, match="saved model keeps only the name"):
        initializers.get(saved)((2, 2))


def test_identifiers():
    assert initializers.get(None) is None
    zeros = initializers.Zeros()
    assert initializers.get(zeros) is zeros
    assert type(initializers.get(initializers.HeNormal)) is initializers.HeNormal
    with pytest.raises(ValueError, match=r"'he_norml'\. Did you mean 'he_normal'\?"):
        initializers.get("he_norml")
    for wrong in (3, int, {"config": {}}):
        with pytest.raises(TypeError, match="for the initializer"):
            initializers.get(wrong)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Constant", {"value": "x"}, "finite number for value"),
        ("Constant", {"value": [1, 2]}, "finite number for value"),
        ("RandomNormal", {"stddev": -1}, "at least 0.0, for stddev"),
        ("RandomUniform", {"minval": 1.0, "maxval": 0.0}, "at least 1.0, for maxval"),
        ("VarianceScaling", {"scale": 0}, "positive scale"),
        ("VarianceScaling", {"mode": "fan_on"}, "mode to be one of fan_in, fan_out"),
        ("VarianceScaling", {"distribution": "beta"}, "distribution to be one of"),
        ("Orthogonal", {"gain": math.inf}, "finite number for gain"),
    ],
)
def test_wrong_arguments(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(name, **arguments)


def test_regularizer_formulas():
    w = np.array([[1.0, -2.0], [0.0, 3.0]], np.float32)  # sum|w| = 6, sum(w^2) = 14
    assert regularizers.L1(0.5)(w) == 3.0
    assert regularizers.L2(0.5)(w) == 7.0
    assert regularizers.L1L2(l1=0.5, l2=0.25)(w) == 6.5
    assert regularizers.L1L2()(w) == 0.0
    assert regularizers.L1(None)(w) == regularizers.l1()(w) == 0.06
    numbers = {name: vars(registry.get("regularizer", name)) for name in ("l1", "l2", "l1_l2")}
    assert numbers == {
        "l1": {"l1": 0.01, "l2": 0.0},
        "l2": {"l1": 0.0, "l2": 0.01},
        "l1_l2": {"l1": 0.0, "l2": 0.0},
    }


@pytest.mark.parametrize("name", registry.names("regularizer"))
def test_regularizer_config(name):
    chosen = dict.fromkeys(registry.get("regularizer", name).get_config(), 0.125)
    chosen |= {"mode": "columns"} if "mode" in chosen else {}
    regularizer = regularizers.get({"class_name": name, "config": chosen})
    assert regularizer.get_config() == chosen
    saved = json.loads(json.dumps(regularizers.serialize(regularizer)))
    again = regularizers.deserialize(saved)
    assert vars(again) == vars(regularizer) and type(again) is type(regularizer)
    for wrong in (-0.1, math.nan, math.inf, "a"):
        with pytest.raises(ValueError, match="at least 0"):
            type(regularizer)(wrong)
