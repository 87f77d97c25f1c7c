"""Initializers: the first values of the parameters, with Keras 3.15's names and formulas.

An initializer is called with a shape and gives a new array. An integer seed gives the same values
at every call; with none, every call draws a fresh seed from the package's stream, so that two
layers that share an initializer never start equal (in Keras they do). The values of both float
types are the same float64 numbers, rounded.
"""

from __future__ import annotations

import math
import operator

import numpy as np

from fastnn import config, random, registry

# The standard deviation of a standard normal variable conditioned on [-2, 2]:
# sqrt(1 - 2 c phi(c) / (2 Phi(c) - 1)) at c = 2. Dividing by it restores the one asked for.
TRUNCATED_STDDEV = 0.87962566103423978


def get(identifier):
    """The initializer that a name, class, instance, array, function or saved dictionary means.

    >>> get("he_normal")
    HeNormal(seed=None)
    >>> get([[1.0, 2.0]])((1, 2))
    array([[1., 2.]], dtype=float32)
    """
    if isinstance(identifier, (np.ndarray, np.generic, list, tuple)):
        return Array(identifier)
    if isinstance(identifier, dict):
        given = {"Array": Array, "Function": Function}.get(identifier.get("class_name"))
        if given is not None:
            return given.from_config(identifier["config"])
    is_function = callable(identifier) and not isinstance(identifier, (type, Initializer))
    return Function(identifier) if is_function else registry.get("initializer", identifier)


def serialize(initializer) -> dict | None:
    """``{"class_name": ..., "config": ...}``, which `deserialize` turns back."""
    return registry.serialize(initializer)


def deserialize(config: dict):
    """The initializer that a dictionary of `serialize` describes."""
    return get(config)


def compute_fans(shape) -> tuple[int, int]:
    """(fan_in, fan_out), the inputs and outputs of a unit of a kernel, as Keras counts them.

    A vector counts as both; beyond a matrix, the axes before the last two are a receptive field.

    >>> compute_fans((784, 128)), compute_fans((3, 3, 8, 16))
    ((784, 128), (72, 144))
    """
    shape = _standard_shape(shape)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class Initializer:
    """Abstract: called with a shape it returns a new array; dtype None means `config.floatx()`.

    The attributes are the arguments of the constructor, by name.
    """

    def __call__(self, shape, dtype=None) -> np.ndarray:
        raise NotImplementedError

    def get_config(self) -> dict:
        """The arguments that make an equal initializer, ready for JSON."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@registry.register("initializer", "zero")
class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape, dtype=None):
        return np.zeros(_standard_shape(shape), config.standardize_dtype(dtype))


@registry.register("initializer", "one")
class Ones(Initializer):
    """All 1."""

    def __call__(self, shape, dtype=None):
        return np.ones(_standard_shape(shape), config.standardize_dtype(dtype))


@registry.register("initializer")
class Constant(Initializer):
    """All equal to value, a number.

    >>> Constant(0.5)(2, "float64")
    array([0.5, 0.5])
    """

    def __init__(self, value: float = 0.0):
        self.value = _number("value", value)

    def __call__(self, shape, dtype=None):
        return np.full(_standard_shape(shape), self.value, config.standardize_dtype(dtype))


@registry.register("initializer", "IdentityInitializer")
class Identity(Initializer):
    """gain times the identity matrix; the shape has two axes, which may differ."""

    def __init__(self, gain: float = 1.0):
        self.gain = _number("gain", gain)

    def __call__(self, shape, dtype=None):
        shape = _standard_shape(shape)
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices: expected two axes; received shape {shape}.")
        return (self.gain * np.eye(*shape)).astype(config.standardize_dtype(dtype))


class RandomInitializer(Initializer):
    """Abstract. seed: int (the same values at every call), None or a `SeedGenerator`."""

    def __init__(self, seed=None):
        if isinstance(seed, dict):  # a generator, as get_config wrote it
            seed = random.SeedGenerator(**seed["config"])
        elif seed is not None and not isinstance(seed, random.SeedGenerator):
            try:
                seed = operator.index(seed)
            except TypeError:
                raise TypeError(
                    f"Expected an integer, None or a SeedGenerator for seed; received {seed!r}."
                ) from None
        self.seed = seed

    def __call__(self, shape, dtype=None):
        dtype = config.standardize_dtype(dtype)
        return self.values(self._draw_seed(), _standard_shape(shape)).astype(dtype, order="C")

    def values(self, seed: int, shape: tuple) -> np.ndarray:
        """float64 values of the shape, a function of the seed."""
        raise NotImplementedError

    def get_config(self):
        seed = self.seed if isinstance(self.seed, int) else registry.serialize(self.seed)
        return {**vars(self), "seed": seed}

    def _draw_seed(self) -> int:
        if self.seed is None:
            return random.next_seed()
        return self.seed if isinstance(self.seed, int) else self.seed.next()


@registry.register("initializer", "normal")
class RandomNormal(RandomInitializer):
    """Normal with a mean and a standard deviation.

    >>> RandomNormal(stddev=0.01, seed=1)((2, 2)).shape
    (2, 2)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed=None):
        self.mean = _number("mean", mean)
        self.stddev = _number("stddev", stddev, at_least=0.0)
        super().__init__(seed)

    def values(self, seed, shape):
        return self.mean + self.stddev * random.normal(seed, shape)


@registry.register("initializer")
class TruncatedNormal(RandomInitializer):
    """Normal, conditioned on mean +- 2 stddev; stddev is the one before that, as in Keras."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed=None):
        self.mean = _number("mean", mean)
        self.stddev = _number("stddev", stddev, at_least=0.0)
        super().__init__(seed)

    def values(self, seed, shape):
        return self.mean + self.stddev * random.truncated_normal(seed, shape)


@registry.register("initializer", "uniform")
class RandomUniform(RandomInitializer):
    """Uniform on [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed=None):
        self.minval = _number("minval", minval)
        self.maxval = _number("maxval", maxval, at_least=self.minval)
        super().__init__(seed)

    def values(self, seed, shape):
        return self.minval + (self.maxval - self.minval) * random.uniform(seed, shape)


class Scaling(RandomInitializer):
    """Abstract: mean 0 and variance scale / fan, so that signals keep their size across layers.

    uniform on +-sqrt(3 scale / fan), or normal, or normal truncated at two of its (wider) standard
    deviations; fan is fan_in, fan_out or their mean (mode fan_avg), and at least 1.
    """

    scale: float
    mode: str
    distribution: str

    def values(self, seed, shape):
        fan_in, fan_out = compute_fans(shape)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(1.0, fans[self.mode])
        if self.distribution == "uniform":
            return math.sqrt(3.0 * variance) * (2.0 * random.uniform(seed, shape) - 1.0)
        if self.distribution == "untruncated_normal":
            return math.sqrt(variance) * random.normal(seed, shape)
        return math.sqrt(variance) / TRUNCATED_STDDEV * random.truncated_normal(seed, shape)


@registry.register("initializer")
class VarianceScaling(Scaling):
    """Mean 0, variance scale / fan.

    mode: fan_in, fan_out or fan_avg. distribution: truncated_normal (also called normal),
    untruncated_normal or uniform.

    >>> VarianceScaling(2.0, "fan_avg", "uniform", seed=1)((3, 4)).shape
    (3, 4)
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        self.scale = _number("scale", scale)
        if self.scale <= 0:
            raise ValueError(f"Expected a positive scale; received {scale!r}.")
        self.mode = _one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        distributions = ("truncated_normal", "untruncated_normal", "uniform")
        name = "truncated_normal" if distribution == "normal" else distribution
        self.distribution = _one_of("distribution", name, distributions)
        super().__init__(seed)


@registry.register("initializer", "xavier_uniform")
class GlorotUniform(Scaling):
    """Uniform on +-sqrt(6 / (fan_in + fan_out)); Glorot and Bengio 2010, eq. 16."""

    scale, mode, distribution = 1.0, "fan_avg", "uniform"


@registry.register("initializer", "xavier_normal")
class GlorotNormal(Scaling):
    """Truncated normal of variance 2 / (fan_in + fan_out); Glorot and Bengio 2010, eq. 12."""

    scale, mode, distribution = 1.0, "fan_avg", "truncated_normal"


@registry.register("initializer")
class HeUniform(Scaling):
    """Uniform on +-sqrt(6 / fan_in), for ReLU; He et al. 2015, eq. 10."""

    scale, mode, distribution = 2.0, "fan_in", "uniform"


@registry.register("initializer")
class HeNormal(Scaling):
    """Truncated normal of variance 2 / fan_in, for ReLU; He et al. 2015, eq. 10."""

    scale, mode, distribution = 2.0, "fan_in", "truncated_normal"


@registry.register("initializer")
class LecunUniform(Scaling):
    """Uniform on +-sqrt(3 / fan_in); LeCun et al. 1998, eq. 16."""

    scale, mode, distribution = 1.0, "fan_in", "uniform"


@registry.register("initializer")
class LecunNormal(Scaling):
    """Truncated normal of variance 1 / fan_in, for SELU; LeCun et al. 1998, eq. 16."""

    scale, mode, distribution = 1.0, "fan_in", "truncated_normal"


@registry.register("initializer", "OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """gain times a random orthogonal matrix, uniform among them; Saxe et al. 2014.

    Of (a, ..., y, z), read as a matrix (a * ... * y, z), the columns are orthonormal, or the rows
    where there are fewer rows.

    >>> Q = Orthogonal(seed=1)((4, 3), "float64")
    >>> bool(abs(Q.T @ Q - np.eye(3)).max() < 1e-14)
    True
    """

    def __init__(self, gain: float = 1.0, seed=None):
        self.gain = _number("gain", gain)
        super().__init__(seed)

    def values(self, seed, shape):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs at least two axes; received shape {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        V = random.normal(seed, (min(rows, columns), max(rows, columns)))
        _orthonormalize(V)
        return self.gain * (V.T if rows >= columns else V).reshape(shape)


class Array(Initializer):
    """The given values; the parameter must have their shape."""

    def __init__(self, value):
        self.value = np.array(value)  # a copy: later changes of the caller's array do not count

    def __call__(self, shape, dtype=None):
        return _given("the initial array", self.value, shape, dtype)

    def get_config(self):
        return {"value": self.value.tolist()}

    def __repr__(self):
        return f"Array(shape={self.value.shape})"


class Function(Initializer):
    """The values that function(shape, dtype=dtype) returns.

    A saved model keeps the function's name alone: code is never loaded from a file.
    """

    def __init__(self, function, name: str | None = None):
        self.function = function
        self.name = name or getattr(function, "__qualname__", type(function).__name__)

    def __call__(self, shape, dtype=None):
        if self.function is None:
            raise ValueError(
                f"The initializer {self.name!r} was a function or an array, of which a saved model "
                "keeps only the name. Give the layer an initializer to make new parameters."
            )
        shape, dtype = _standard_shape(shape), config.standardize_dtype(dtype)
        values = np.array(self.function(shape, dtype=dtype))
        return _given(f"the array from the initializer {self.name!r}", values, shape, dtype)

    def get_config(self):
        return {"name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(None, **config)


# Keras's names of the classes as functions
zeros, ones, constant, identity, IdentityInitializer = Zeros, Ones, Constant, Identity, Identity
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, orthogonal, OrthogonalInitializer = VarianceScaling, Orthogonal, Orthogonal
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal


def _orthonormalize(V: np.ndarray) -> None:
    """Makes the rows orthonormal in place: modified Gram-Schmidt, twice, in a fixed order of sums.

    The second pass removes what rounding left (Giraud et al. 2005: twice is enough). Equals the Q
    of a QR factorization with a positive diagonal of R, which is uniform among the orthogonal
    matrices (Mezzadri 2007), but its bits do not depend on a LAPACK and its threads.
    """
    for _ in range(2):
        for j, v in enumerate(V):
            v /= np.sqrt(_sum(v * v))
            rest = V[j + 1 :]
            rest -= _sum(rest * v)[:, None] * v


def _sum(x: np.ndarray) -> np.ndarray:
    """The sum over the last axis, its two halves added until one number is left; destroys x."""
    while (n := x.shape[-1]) > 1:
        x[..., : n // 2] += x[..., n - n // 2 :]
        x = x[..., : n - n // 2]
    return x[..., 0]


def _given(what, values, shape, dtype) -> np.ndarray:
    shape = _standard_shape(shape)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"Expected numbers in {what}; received dtype {values.dtype}.")
    if values.shape != shape:
        hint = " Transpose it." if values.shape == shape[::-1] else ""
        raise ValueError(f"Expected shape {shape} of {what}; received {values.shape}.{hint}")
    if not np.isfinite(values).all():
        raise ValueError(f"Expected finite numbers in {what}; received NaN or infinity.")
    return values.astype(config.standardize_dtype(dtype), order="C")


def _standard_shape(shape) -> tuple[int, ...]:
    axes = shape if isinstance(shape, (tuple, list)) else (shape,)
    try:
        axes = tuple(operator.index(n) for n in axes)
    except TypeError:
        axes = (-1,)
    if min(axes, default=0) < 0:
        raise ValueError(f"Expected a shape of whole numbers, at least 0 each; received {shape!r}.")
    return axes


def _number(name, value, at_least=-math.inf) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= at_least):
        bound = f", at least {at_least}," if at_least > -math.inf else ""
        raise ValueError(f"Expected a finite number{bound} for {name}; received {value!r}.")
    return number


def _one_of(name, value, allowed) -> str:
    if value not in allowed:
        raise ValueError(f"Expected {name} to be one of {', '.join(allowed)}; received {value!r}.")
    return value
