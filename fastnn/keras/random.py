"""``keras.random``: arrays of random numbers.

The same seed gives the same numbers, as everywhere in fastnn; they are not Keras's.
"""

from __future__ import annotations

import numpy as np

from fastnn import random
from fastnn.ops.types import convert, standardize_dtype

__all__ = ["SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal",
           "randint", "shuffle", "truncated_normal", "uniform"]


class SeedGenerator:
    """A seed that gives others, each call another.

    >>> generator = SeedGenerator(1)
    >>> bool((normal((3,), seed=generator) != normal((3,), seed=generator)).all())
    True
    """

    def __init__(self, seed: int | None = None, name: str | None = None):
        self.seed = random.next_seed() if seed is None else int(seed)
        self.name = name
        self._calls = 0

    def next(self, ordered: bool = True) -> int:
        """The next seed."""
        self._calls += 1
        sequence = np.random.SeedSequence([self.seed, self._calls])
        return int(sequence.generate_state(1, np.uint64)[0])

    def get_config(self) -> dict:
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None) -> np.ndarray:
    """Numbers of a normal distribution.

    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    return _typed(mean + stddev * random.normal(_seed(seed), tuple(shape)), dtype)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None) -> np.ndarray:
    """Numbers of a normal distribution, those beyond two deviations drawn again."""
    return _typed(mean + stddev * random.truncated_normal(_seed(seed), tuple(shape)), dtype)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None) -> np.ndarray:
    """Numbers from [minval, maxval)."""
    if np.dtype(standardize_dtype(dtype)).kind in "iu":
        return randint(shape, minval, maxval, dtype, seed)
    return _typed(minval + (maxval - minval) * random.uniform(_seed(seed), tuple(shape)), dtype)


def randint(shape, minval, maxval, dtype="int32", seed=None) -> np.ndarray:
    """Whole numbers from minval to maxval - 1."""
    numbers = _generator(seed).integers(int(minval), int(maxval), tuple(shape))
    return numbers.astype(standardize_dtype(dtype))


def categorical(logits, num_samples: int, dtype="int32", seed=None) -> np.ndarray:
    """(n, num_samples) classes, drawn with the probabilities softmax(logits), (n, classes)."""
    logits = convert(logits)
    gumbel = _generator(seed).gumbel(size=(len(logits), num_samples, logits.shape[1]))
    return (logits[:, None, :] + gumbel).argmax(axis=-1).astype(standardize_dtype(dtype))


def dropout(inputs, rate: float, noise_shape=None, seed=None) -> np.ndarray:
    """The array with a share of its numbers set to 0 and the others divided by 1 - rate."""
    inputs = convert(inputs)
    if not 0 <= rate < 1:
        raise ValueError(f"Expected a rate from 0 to below 1; received {rate!r}.")
    shape = [own if n is None else n for n, own in
             zip(noise_shape or inputs.shape, inputs.shape, strict=True)]
    keeps = random.uniform(_seed(seed), tuple(shape)) >= rate
    return np.where(keeps, inputs / inputs.dtype.type(1 - rate), inputs.dtype.type(0))


def shuffle(x, axis: int = 0, seed=None) -> np.ndarray:
    """A copy with the slices along an axis in another order."""
    x = convert(x)
    return np.take(x, _generator(seed).permutation(x.shape[axis]), axis=axis)


def gamma(shape, alpha, dtype=None, seed=None) -> np.ndarray:
    """Numbers of a gamma distribution of scale 1."""
    return _typed(_generator(seed).gamma(alpha, size=tuple(shape)), dtype)


def beta(shape, alpha, beta, dtype=None, seed=None) -> np.ndarray:
    """Numbers of a beta distribution."""
    return _typed(_generator(seed).beta(alpha, beta, size=tuple(shape)), dtype)


def binomial(shape, counts, probabilities, dtype=None, seed=None) -> np.ndarray:
    """How many of ``counts`` tries of these probabilities succeed."""
    return _typed(_generator(seed).binomial(counts, probabilities, size=tuple(shape)), dtype)


def _seed(seed) -> int:
    if seed is None:
        return random.next_seed()
    return seed.next() if isinstance(seed, SeedGenerator) else int(seed)


def _generator(seed) -> np.random.Generator:
    return np.random.default_rng(_seed(seed) % 2**64)


def _typed(array, dtype) -> np.ndarray:
    return np.asarray(array).astype(standardize_dtype(dtype))
