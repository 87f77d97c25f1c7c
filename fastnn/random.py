"""Random numbers that are pure functions of (seed, place): counter-based Philox4x32.

A number never depends on what was drawn before it, on threads, on the NumPy version or on the
processor: the generator is integer arithmetic, and the normal distribution is made of
``+ - * /`` and square roots alone, which IEEE 754 defines to the last bit.

The key is the seed, (low word, high word). The counter's four words say what a number is for:

=================  ======  =======================================
numbers            rounds  counter
=================  ======  =======================================
values             10      (i low, i high, 0, 0), i = element // 2
fresh seeds        10      (n, SEEDS, 0, 0)
order of an epoch  7       (row // 2, ORDER, epoch low, epoch high)
dropout            7       (row, column // 8, step low, step high)
noise              7       (row, 2^31 + column // 4, step low, step high)
=================  ======  =======================================

Seven rounds are the fewest that pass the authors' tests, ten keep a margin; what training draws
at every step or epoch takes seven. Orders and noise have a second word of at least 2^31, where
the dropout of no layer's column comes to, and ORDER is that of no column's noise.

Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
import operator
import os
import threading
from contextlib import contextmanager

import numpy as np

_WORD = 0xFFFFFFFF
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)  # for counter words 0 and 2
_WEYL = np.array([[0x9E3779B9], [0xBB67AE85]], np.uint64)  # golden ratio, sqrt(3) - 1
_LOW = np.uint64(_WORD)
_HALF = np.uint64(32)
_ORDER, _SEEDS = 0xFFFFFFFF, 0xFFFFFFFE  # a value's counter gets there after 2^64 elements
_NOISE = np.uint64(1 << 31)
_BLOCK = 8192  # counters worked on at once: their state stays in the level 2 cache
_MOST_KEYS = 1 << 22  # keys of `permutations` made at once: bounds the memory beside the result


def philox(c0, c1, c2, c3, key0: int, key1: int, rounds: int = 10) -> tuple[np.ndarray, ...]:
    """Philox4x32: four random words for each counter (c0, c1, c2, c3) under one key.

    c0..c3: uint32 arrays or ints, broadcast; returns four uint32 arrays of that shape.

    >>> [hex(int(word)) for word in philox(0, 0, 0, 0, 0, 0)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    even, odd = _philox(c0, c1, c2, c3, (key0, key1), rounds)
    return tuple(word.astype(np.uint32) for word in (even[0], odd[0], even[1], odd[1]))


def _philox(c0, c1, c2, c3, key, rounds=10):
    """Words (0, 2) and (1, 3) as two uint64 arrays (2, ...): 32-bit words in 64-bit lanes."""
    shape = np.broadcast_shapes(*map(np.shape, (c0, c1, c2, c3)))
    even, odd = np.empty((2, *shape), np.uint64), np.empty((2, *shape), np.uint64)
    even[0], odd[0], even[1], odd[1] = c0, c1, c2, c3
    even_flat, odd_flat = even.reshape(2, -1), odd.reshape(2, -1)
    for i in range(0, even_flat.shape[1], _BLOCK):
        _rounds(even_flat[:, i : i + _BLOCK], odd_flat[:, i : i + _BLOCK], key, rounds)
    return even, odd


def _rounds(even, odd, key, rounds):
    """In place: c0, c1, c2, c3 <- hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0).

    even: c0, c2; odd: c1, c3; both (2, n). The two products trade places, hence ``[::-1]``.
    """
    key = np.array(key, np.uint64).reshape(2, 1)
    product = np.empty_like(even)
    for _ in range(rounds):
        np.multiply(even, _MULTIPLIERS, out=product)
        np.right_shift(product[::-1], _HALF, out=even)
        even ^= odd
        even ^= key
        np.bitwise_and(product[::-1], _LOW, out=odd)
        key = (key + _WEYL) & _LOW


def _split(number: int) -> tuple[int, int]:
    """The low and the high 32-bit word of an integer, taken modulo 2^64."""
    number = operator.index(number)
    return number & _WORD, number >> 32 & _WORD


def _pairs(c0, c1, c2, c3, seed, rounds=10) -> np.ndarray:
    """uint64 (2, ...): the two 64-bit numbers of each counter, the earlier word low."""
    even, odd = _philox(c0, c1, c2, c3, _split(seed), rounds)
    odd <<= _HALF
    return np.bitwise_or(even, odd, out=odd)


def dropout_halves(seed: int, step: int, rows: int, columns: int) -> np.ndarray:
    """uint16 (rows, columns): the random numbers of one dropout mask; compiled backends equal it.

    Columns 8 q .. 8 q + 7 of row r are the lower halves of the four words of Philox4x32-7 at
    counter (r, q, step low, step high) under the key (seed low, seed high), then the upper halves.
    An element is kept where its number >= `dropout_threshold`.
    """
    r = np.arange(rows, dtype=np.uint64)[:, None]
    q = np.arange(-(-columns // 8), dtype=np.uint64)
    words = np.stack(philox(r, q, *_split(step), *_split(seed), rounds=7), axis=-1)
    halves = np.concatenate([words & np.uint32(0xFFFF), words >> np.uint32(16)], axis=-1)
    return halves.astype(np.uint16).reshape(rows, 8 * len(q))[:, :columns]


def dropout_threshold(rate: float) -> int:
    """round(rate * 2^16): a uniform number of 16 bits lies below it with probability rate.

    A rate is so kept to within 2^-17; of 1 nothing is kept.

    >>> dropout_threshold(0.25) == 2**14
    True
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"Expected a dropout rate between 0 and 1; received {rate!r}.")
    return round(float(rate) * 2**16)


def noise(seed: int, step: int, rows: int, columns: int) -> np.ndarray:
    """float64 (rows, columns): standard normal numbers for one step; see `noise_quantile`.

    Columns 4 q .. 4 q + 3 of row r come from the four words of Philox4x32-7 at counter
    (r, 2^31 + q, step low, step high) under the key (seed low, seed high).

    >>> noise(3, 0, 2, 5)[:1, :3] == noise(3, 0, 1, 3)
    array([[ True,  True,  True]])
    """
    r = np.arange(rows, dtype=np.uint64)[:, None]
    q = np.arange(-(-columns // 4), dtype=np.uint64)
    words = philox(r, _NOISE + q, *_split(step), *_split(seed), rounds=7)
    return noise_quantile(np.stack(words, axis=-1).reshape(rows, 4 * len(q))[:, :columns])


def noise_quantile(words: np.ndarray) -> np.ndarray:
    """float64: the standard normal quantile of p = (word + 1/2) / 2^32, to 1e-7 of itself.

    Words are counted from the nearer end, so that float32 loses nothing in the tails; that end is
    never nearer than 2^-33, where AS 241's second tail would begin. Compiled backends compute the
    same in their own type.

    Reference: Wichura 1988 (see `normal_quantile`), algorithm PPND7.

    >>> noise_quantile(np.array([0, 2**32 - 1], np.uint32)).round(5)
    array([-6.33796,  6.33796])
    """
    upper = words >> np.uint32(31) == 1
    place = np.where(upper, ~words, words).astype(np.int64)  # below 2^31
    q = (2**31 - 1 - place + 0.5) * 2.0**-32  # 1/2 - p
    r = np.sqrt(-_log((place + 0.5) * 2.0**-32)) - 1.6
    z = np.where(q <= 0.425, q * _ratio(_NOISE_CENTRE, 0.180625 - q * q), _ratio(_NOISE_TAIL, r))
    return np.where(upper, z, -z)


def uniform(seed: int, shape) -> np.ndarray:
    """float64, uniform on [0, 1): the multiples of 2^-53.

    >>> uniform(1, 2) == uniform(1, 1000)[:2]
    array([ True,  True])
    """
    return _values(seed, shape, lambda bits: (bits >> np.uint64(11)) * 2.0**-53)


def normal(seed: int, shape) -> np.ndarray:
    """float64, standard normal: the inverse distribution function of open uniforms."""
    return _values(seed, shape, lambda bits: normal_quantile(_open_uniform(bits)))


def truncated_normal(seed: int, shape) -> np.ndarray:
    """float64, standard normal conditioned on [-2, 2]; its standard deviation is 0.8796...

    The quantile of uniforms between Phi(-2) and Phi(2): nothing is drawn twice.
    """
    tail = 0.022750131948179209  # Phi(-2)

    def transform(bits):
        z = normal_quantile(tail + (1.0 - 2.0 * tail) * _open_uniform(bits))
        return np.clip(z, -2.0, 2.0, out=z)  # rounding may pass the bound by an ulp

    return _values(seed, shape, transform)


def _open_uniform(bits: np.ndarray) -> np.ndarray:
    """The odd multiples of 2^-53 below 1; 0 and 1, whose quantiles are infinite, never occur."""
    return ((bits >> np.uint64(12)) + 0.5) * 2.0**-52


def _values(seed, shape, transform) -> np.ndarray:
    """Element i (C order) is the transform of 64 bits that depend on the seed and i alone."""
    out = np.empty(shape)
    flat = out.reshape(-1)
    for first in range(0, flat.size, 2 * _BLOCK):
        part = flat[first : first + 2 * _BLOCK]
        counter = np.arange(first // 2, (first + part.size + 1) // 2, dtype=np.uint64)
        bits = _pairs(counter & _LOW, counter >> _HALF, 0, 0, seed)
        part[:] = transform(bits.T.reshape(-1)[: part.size])
    return out


def permutations(seed: int, first_epoch: int, n_epochs: int, n_rows: int) -> np.ndarray:
    """int64 (n_epochs, n_rows): row e is the order of epoch first_epoch + e, a function of both.

    Random keys are sorted. Their low bits are the row's number, which makes them unique (so the
    result is the same for every sorting algorithm) and is all that is kept afterwards. The other
    bits tie, and so fall back on the given order, for a pair in 2^(64 - bits of n_rows).

    >>> permutations(0, 3, 2, 5)[1] == permutations(0, 4, 1, 5)[0]
    array([ True,  True,  True,  True,  True])
    """
    order = np.empty((n_epochs, n_rows), np.int64)
    index = np.uint64((1 << max(n_rows - 1, 0).bit_length()) - 1)
    row = np.arange(n_rows, dtype=np.uint64)
    counter = np.arange((n_rows + 1) // 2, dtype=np.uint64)
    at_once = max(1, _MOST_KEYS // max(n_rows, 1))
    for start in range(0, n_epochs, at_once):
        keys = order[start : start + at_once].view(np.uint64)
        epoch = np.arange(first_epoch + start, first_epoch + start + len(keys), dtype=np.uint64)
        epoch = epoch[:, None]
        even, odd = _pairs(counter, _ORDER, epoch & _LOW, epoch >> _HALF, seed, rounds=7)
        keys[:, 0::2] = even
        keys[:, 1::2] = odd[:, : n_rows // 2]
        keys &= ~index
        keys |= row
        _sort_rows(keys)
        keys &= index
    return order


def _sort_rows(keys: np.ndarray) -> None:
    """Sorts each row of unique uint64 keys in place.

    NumPy's stable sort is a radix sort for 16 bits and a merge sort for 64, which finds little to
    do after it: at 60,000 keys the two together take a quarter of the time of one quicksort.
    """
    if keys.shape[1] < 512:
        keys.sort(axis=1)
        return
    for row in keys:
        row[:] = row[np.argsort((row >> np.uint64(48)).astype(np.uint16), kind="stable")]
        row.sort(kind="stable")


class SeedGenerator:
    """A stream of seeds: the n-th is a function of (seed, n).

    seed: int, or None for one from the operating system. `count` seeds have been drawn.

    >>> a, b = SeedGenerator(7), SeedGenerator(7)
    >>> a.next() == b.next() and a.next() != b.seed
    True
    """

    def __init__(self, seed: int | None = None):
        fresh = seed is None
        self.seed = int.from_bytes(os.urandom(8), "little") if fresh else operator.index(seed)
        self.count = 0

    def next(self) -> int:
        """The next seed, 63 bits; safe to call from several threads."""
        with _lock:
            n = self.count
            self.count += 1
        return int(_pairs(n & _WORD, _SEEDS, 0, 0, self.seed)[0]) >> 1

    def get_config(self) -> dict:
        return {"seed": self.seed}


_lock = threading.Lock()
_stream: list[SeedGenerator] = []  # the package's own, made at its first use
_here = threading.local()  # .stream: the calling thread's own, inside `seeds_from`


def next_seed() -> int:
    """A fresh seed from the package's stream, which `fastnn.utils.set_random_seed` restarts."""
    if getattr(_here, "stream", None) is not None:
        return _here.stream.next()
    if not _stream:
        _stream.append(SeedGenerator())
    return _stream[0].next()


def restart_seeds(seed: int) -> None:
    """Starts the package's stream of seeds again from a seed."""
    _stream[:] = [SeedGenerator(seed)]


@contextmanager
def seeds_from(seed: int):
    """Inside, the calling thread draws its seeds from a stream of its own.

    >>> with seeds_from(3):
    ...     first = next_seed()
    >>> with seeds_from(3):
    ...     first == next_seed()
    True
    """
    before, _here.stream = getattr(_here, "stream", None), SeedGenerator(seed)
    try:
        yield
    finally:
        _here.stream = before


def derived_seed(seed: int, *numbers: int) -> int:
    """A seed for each tuple of numbers, under a seed.

    >>> len({derived_seed(1, 0), derived_seed(1, 1), derived_seed(1, 0, 0), derived_seed(2, 0)})
    4
    """
    for number in numbers:
        stream = SeedGenerator(seed)
        stream.count = number
        seed = stream.next()
    return seed


# Coefficients, lowest power first, of the rational approximations of algorithm AS 241, PPND16
# (M. J. Wichura, "The percentage points of the normal distribution", Applied Statistics 37, 1988):
# in 0.425^2 - (p - 1/2)^2 for the centre, in sqrt(-log p) - 1.6 and - 5 for the tails.
_CENTRE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9),
)  # fmt: skip
_FAR_TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15),
)  # fmt: skip


# the same for PPND7, whose far tail 32 bits do not reach
_NOISE_CENTRE = (
    (3.3871327179e0, 5.0434271938e1, 1.5929113202e2, 5.9109374720e1),
    (1.0, 1.7895169469e1, 7.8757757664e1, 6.7187563600e1),
)
_NOISE_TAIL = (
    (1.4234372777e0, 2.7568153900e0, 1.3067284816e0, 1.7023821103e-1),
    (1.0, 7.3700164250e-1, 1.2021132975e-1),
)


def normal_quantile(p: np.ndarray) -> np.ndarray:
    """z with Phi(z) = p, to about 1e-15 of itself; p: float64 strictly between 0 and 1."""
    q = p - 0.5
    z = q * _ratio(_CENTRE, 0.180625 - q * q)
    tail = np.abs(q) > 0.425
    r = np.sqrt(-_log(np.minimum(p[tail], 1.0 - p[tail])))
    size = _ratio(_TAIL, r - 1.6)
    far = r > 5.0
    size[far] = _ratio(_FAR_TAIL, r[far] - 5.0)
    z[tail] = np.copysign(size, q[tail])
    return z


def _ratio(coefficients, x):
    numerator, denominator = coefficients
    return _polynomial(numerator, x) / _polynomial(denominator, x)


def _polynomial(coefficients, x):
    """c0 + c1 x + c2 x^2 + ... by Horner's rule; NumPy rounds each product before it adds."""
    y = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        y *= x
        y += c
    return y


_ATANH = tuple(2.0 / (2 * k + 1) for k in range(13))  # the series' rest is below 1e-20


def _log(x):
    """Natural logarithm, x < 1/2: x = m 2^e with m near 1, log m = 2 artanh((m - 1) / (m + 1))."""
    m, e = np.frexp(x)
    low = m < math.sqrt(0.5)
    m = np.where(low, 2.0 * m, m)
    e = e - low
    s = (m - 1.0) / (m + 1.0)
    return e * 0.6931471805599453 + s * _polynomial(_ATANH, s * s)
