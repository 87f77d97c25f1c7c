"""Random numbers: the published generator, the right distributions, the same bits for ever."""

from __future__ import annotations

import hashlib
import itertools
import math
import statistics
import threading

import numpy as np
import pytest

from fastnn import random

ONES = 0xFFFFFFFF
PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)


def scalar_philox(counter, key, rounds):
    """Philox4x32 written from the paper, section 3.3, in Python integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & ONES, (p0 >> 32) ^ c3 ^ k1, p0 & ONES
        k0, k1 = (k0 + 0x9E3779B9) & ONES, (k1 + 0xBB67AE85) & ONES
    return c0, c1, c2, c3


def digest(array):
    little = array.astype(array.dtype.newbyteorder("<"))
    return hashlib.sha256(little.tobytes()).hexdigest()[:16]


# The known answers published with Random123.
@pytest.mark.parametrize(
    ("rounds", "counter", "key", "words"),
    [
        (7, (0,) * 4, (0, 0), "5f6fb709 0d893f64 4f121f81 4f730a48"),
        (7, (ONES,) * 4, (ONES, ONES), "5207ddc2 45165e59 4d8ee751 8c52f662"),
        (7, *PI, "4dfccaba 190a87f0 c47362ba b6b5242a"),
        (10, (0,) * 4, (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (10, (ONES,) * 4, (ONES, ONES), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (10, *PI, "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_known_answers(rounds, counter, key, words):
    expected = tuple(int(word, 16) for word in words.split())
    assert tuple(int(word) for word in random.philox(*counter, *key, rounds)) == expected
    assert scalar_philox(counter, key, rounds) == expected


def test_philox_broadcasts_and_does_not_depend_on_blocks(monkeypatch):
    monkeypatch.setattr(random, "_BLOCK", 7)
    rows = np.array([[0], [5], [ONES]], np.uint32)
    columns = np.arange(11, dtype=np.uint32)
    words = random.philox(rows, columns, 3, 4, 123, 456)
    for i, j in itertools.product(range(3), range(11)):
        expected = scalar_philox((int(rows[i, 0]), j, 3, 4), (123, 456), 10)
        assert tuple(int(word[i, j]) for word in words) == expected
    assert {word.dtype for word in words} == {np.dtype(np.uint32)}
    assert {word.shape for word in words} == {(3, 11)}
    assert random.philox(np.zeros(0, np.uint32), 0, 0, 0, 0, 0)[0].shape == (0,)


@pytest.mark.parametrize("columns", [1, 3, 8, 11, 33])
def test_dropout_halves_follow_their_definition(columns):
    seed, step = 0xFEDCBA9876543210, 0x0000000500000003
    halves = random.dropout_halves(seed, step, 5, columns)
    assert halves.shape == (5, columns) and halves.dtype == np.uint16
    for r, c in itertools.product(range(5), range(columns)):
        block = scalar_philox((r, c >> 3, 3, 5), (0x76543210, 0xFEDCBA98), 7)
        assert halves[r, c] == (block[c & 3] >> (16 if c & 4 else 0)) & 0xFFFF


def test_dropout_halves_golden():
    assert random.dropout_halves(2**40 + 3, 2**33 + 5, 2, 9).tolist() == [
        [23586, 4144, 39002, 14278, 26109, 21212, 56349, 45538, 2291],
        [30890, 53601, 12178, 49298, 23996, 64101, 42425, 40957, 39907],
    ]


def test_noise_follows_its_definition():
    seed, step = 0xFEDCBA9876543210, 0x0000000500000003
    z = random.noise(seed, step, 5, 11)
    assert z.shape == (5, 11) and z.dtype == np.float64
    for r, c in itertools.product(range(5), range(11)):
        word = scalar_philox((r, 2**31 + c // 4, 3, 5), (0x76543210, 0xFEDCBA98), 7)[c & 3]
        wanted = statistics.NormalDist().inv_cdf((word + 0.5) / 2**32)
        assert z[r, c] == pytest.approx(wanted, rel=2e-7)


def test_noise_quantiles_reach_both_ends():
    """The smallest and largest words, those around the middle and around the tails' beginnings."""
    words = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)
    edge = np.arange(-2, 3) + round(0.075 * 2**32)
    words = np.concatenate([words, edge.astype(np.uint32), ~edge.astype(np.uint32)])
    exact = random.normal_quantile((words.astype(float) + 0.5) / 2**32)
    np.testing.assert_allclose(random.noise_quantile(words), exact, rtol=2e-7)


def test_noise_is_normal_and_its_numbers_are_apart():
    z = random.noise(3, 7, 1000, 400)
    for power, moment, error in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - moment) < 4 * math.sqrt(error / z.size)
    flat = z.ravel()
    for lag in (1, 2, 4, 400):  # words of a counter, counters, rows
        assert abs((flat[lag:] * flat[:-lag]).mean()) < 4 / math.sqrt(z.size)
    assert abs((z * random.noise(3, 8, 1000, 400)).mean()) < 4 / math.sqrt(z.size)
    assert (random.noise(3, 7, 10, 6) == z[:10, :6]).all()


def test_dropout_threshold():
    thresholds = [random.dropout_threshold(rate) for rate in (0, 0.25, 0.5, 2.0**-16, 1)]
    assert thresholds == [0, 2**14, 2**15, 1, 2**16]
    assert not (random.dropout_halves(1, 0, 100, 100) >= random.dropout_threshold(1)).any()
    dropped = random.dropout_halves(1, 0, 1000, 1000) < random.dropout_threshold(0.3)
    assert abs(dropped.mean() - 0.3) < 4 * math.sqrt(0.21 / 1e6)
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="dropout rate between 0 and 1"):
            random.dropout_threshold(wrong)


def test_values_golden():
    assert [x.hex() for x in random.uniform(42, 3)] == [
        "0x1.dfd524ee73abcp-2", "0x1.5d0acf5c4afd4p-2", "0x1.4ee9b3f7f36c8p-2"
    ]  # fmt: skip
    assert [x.hex() for x in random.normal(42, 3)] == [
        "-0x1.42dc65ce0ff81p-4", "-0x1.a3f4a5b3e5025p-2", "-0x1.caca1d20ed483p-2"
    ]  # fmt: skip
    assert [x.hex() for x in random.truncated_normal(42, 3)] == [
        "-0x1.34246b476b755p-4", "-0x1.8fd1c8c273386p-2", "-0x1.b4910b4cf2882p-2"
    ]  # fmt: skip
    assert digest(random.normal(1, 100_000)) == "9f475c8763e8a8df"


def test_uniform_is_two_words_of_its_counter():
    c = scalar_philox((3, 0, 0, 0), (9, 0), 10)
    first, second = random.uniform(9, 8)[6:]
    assert first == ((c[1] << 32 | c[0]) >> 11) / 2**53
    assert second == ((c[3] << 32 | c[2]) >> 11) / 2**53


@pytest.mark.parametrize("draw", [random.uniform, random.normal, random.truncated_normal])
def test_a_value_depends_on_seed_and_index_alone(draw, monkeypatch):
    whole = draw(5, 1003)
    assert np.array_equal(draw(5, 17), whole[:17])
    assert np.array_equal(draw(5, (59, 17)), whole.reshape(59, 17))
    monkeypatch.setattr(random, "_BLOCK", 32)
    assert np.array_equal(draw(5, 1003), whole)
    assert not np.isin(draw(6, 1003), whole).any()
    assert not np.isin(draw(5 + 2**32, 1003), whole).any(), "the seed's high word counts"
    assert draw(5, ()) == whole[0] and draw(5, (0, 3)).shape == (0, 3)
    assert np.array_equal(draw(-1, 5), draw(2**64 - 1, 5))


# Mean, variance, skewness, kurtosis; the tolerance is 5 standard errors.
@pytest.mark.parametrize(
    ("draw", "moments"),
    [
        (random.uniform, (1 / 2, 1 / 12, 0.0, 1.8)),
        (random.normal, (0.0, 1.0, 0.0, 3.0)),
        (random.truncated_normal, (0.0, 0.87962566103423978**2, 0.0, 2.36582)),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_moments(draw, moments, seed):
    n = 200_000
    x = draw(seed, n)
    mean, variance, skewness, kurtosis = moments
    s = (x - mean) / math.sqrt(variance)
    assert abs(s.mean()) < 5 / math.sqrt(n)
    assert abs((s**2).mean() - 1) < 5 * math.sqrt((kurtosis - 1) / n)
    assert abs((s**3).mean() - skewness) < 5 * math.sqrt(15 / n)
    assert abs((s**4).mean() - kurtosis) < 5 * math.sqrt(96 / n)


@pytest.mark.parametrize("lag", [1, 2, 3, 16])
def test_neighbours_and_seeds_do_not_correlate(lag):
    n = 200_000
    x = random.normal(3, n)
    assert abs((x[lag:] * x[:-lag]).mean()) < 5 / math.sqrt(n)
    assert abs((x * random.normal(3 + lag, n)).mean()) < 5 / math.sqrt(n)


def test_bounds():
    U = random.uniform(0, 100_000)
    assert U.min() >= 0 and U.max() < 1
    assert 1.999 < np.abs(random.truncated_normal(0, 100_000)).max() <= 2
    extremes = np.array([0, 2**64 - 1], np.uint64)
    p = random._open_uniform(extremes)
    assert p.tolist() == [2.0**-53, 1 - 2.0**-53]
    z = random.normal_quantile(p)
    assert z[0] == -z[1] and -8.3 < z[0] < -8.2


@pytest.mark.parametrize("name", ["uniform", "normal", "truncated_normal"])
def test_kolmogorov_smirnov(name):
    stats = pytest.importorskip("scipy.stats")
    law = {"uniform": stats.uniform(), "normal": stats.norm(), "truncated_normal":
           stats.truncnorm(-2, 2)}[name]  # fmt: skip
    for seed in range(5):
        sample = getattr(random, name)(seed, 50_000)
        assert stats.kstest(sample, law.cdf).pvalue > 1e-3


def probabilities():
    """The centre, both tails to 2^-53, the seams of the approximations, and near 1/2."""
    grid = np.linspace(0, 1, 5001)[1:-1]
    tail = np.logspace(math.log10(2.0**-53), -1, 2000)
    seam = np.array([0.075, 0.425 - 0.35, math.exp(-25)])
    seams = np.concatenate([seam, np.nextafter(seam, 0), np.nextafter(seam, 1)])
    middle = 0.5 + np.array([2.0**-53, 1e-12, 1e-8, -1e-8, 1e-4])
    return np.concatenate([grid, tail, 1 - tail, seams, 1 - seams, middle])


def test_quantile_agrees_with_scipy():
    special = pytest.importorskip("scipy.special")
    p = probabilities()
    np.testing.assert_allclose(random.normal_quantile(p), special.ndtri(p), rtol=2e-15, atol=0)


def test_quantile_agrees_with_the_standard_library_and_is_odd():
    p = probabilities()
    expected = [statistics.NormalDist().inv_cdf(x) for x in p.tolist()]
    np.testing.assert_allclose(random.normal_quantile(p), expected, rtol=2e-15, atol=0)
    half = np.linspace(0, 0.5, 1025)[1:]  # multiples of 2^-11: 1 - p is exact
    assert np.array_equal(random.normal_quantile(half), -random.normal_quantile(1 - half))


def test_logarithm():
    x = np.concatenate([np.logspace(-16, -0.31, 5000), 0.5 - np.logspace(-16, -1, 100)])
    expected = [math.log(value) for value in x.tolist()]
    np.testing.assert_allclose(random._log(x), expected, rtol=4e-16, atol=0)


@pytest.mark.parametrize("n_rows", [0, 1, 2, 3, 80, 511, 512, 513, 1023, 5000])
def test_permutations_hold_every_row_once(n_rows):
    orders = random.permutations(1, 0, 3, n_rows)
    assert orders.shape == (3, n_rows) and orders.dtype == np.int64
    assert np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(n_rows), (3, 1)))


def test_an_order_depends_on_seed_and_epoch_alone(monkeypatch):
    for n_rows in (10, 1000):
        whole = random.permutations(42, 0, 20, n_rows)
        assert np.array_equal(random.permutations(42, 7, 5, n_rows), whole[7:12])
        assert len({tuple(order) for order in whole.tolist()}) == 20
        monkeypatch.setattr(random, "_MOST_KEYS", 3 * n_rows + 1)
        monkeypatch.setattr(random, "_BLOCK", 13)
        assert np.array_equal(random.permutations(42, 0, 20, n_rows), whole)
        monkeypatch.undo()
        assert not np.array_equal(random.permutations(43, 0, 20, n_rows), whole)


def test_permutations_follow_their_definition():
    """Sorted by 64-bit keys whose low bits are the row; 7 rounds, two rows a counter."""
    seed, epoch, n_rows = 0x123456789ABCDEF0, 0x300000002, 600
    keys = []
    for row in range(n_rows):
        counter = (row // 2, ONES, epoch & ONES, epoch >> 32)
        words = scalar_philox(counter, (seed & ONES, seed >> 32), 7)
        low, high = words[2 * (row % 2) : 2 * (row % 2) + 2]
        keys.append((high << 32 | low) >> 10 << 10 | row)
    assert random.permutations(seed, epoch, 1, n_rows)[0].tolist() == np.argsort(keys).tolist()


def test_permutations_golden():
    assert random.permutations(42, 0, 2, 10).tolist() == [
        [4, 0, 7, 1, 8, 6, 3, 2, 9, 5],
        [3, 7, 8, 2, 6, 0, 4, 9, 5, 1],
    ]
    assert random.permutations(42, 2**32 + 1, 1, 10).tolist() == [[0, 1, 6, 7, 8, 4, 5, 3, 9, 2]]
    assert digest(random.permutations(1, 0, 1, 5000)) == "13709e85a554e1c3"


def test_permutations_are_uniform():
    """Chi-square: all 24 orders of 4 rows, and the row at each place of 50."""
    orders = random.permutations(8, 0, 48_000, 4)
    counts = np.unique(orders @ np.array([64, 16, 4, 1]), return_counts=True)[1]
    assert len(counts) == 24
    assert ((counts - 2000) ** 2 / 2000).sum() < 49.7  # 23 degrees of freedom, p = 0.001
    orders = random.permutations(9, 0, 20_000, 50)
    counts = np.array([np.bincount(place, minlength=50) for place in orders.T])
    statistic = ((counts - 400) ** 2 / 400).sum()
    freedom = 49 * 49
    assert abs(statistic - freedom) < 4 * math.sqrt(2 * freedom)


def test_seed_generator_is_a_stream():
    generator = random.SeedGenerator(7)
    seeds = [generator.next() for _ in range(100)]
    assert seeds[:2] == [2716921742908386156, 8872981467585958441]
    assert len(set(seeds)) == 100 and all(0 <= seed < 2**63 for seed in seeds)
    assert generator.count == 100 and generator.get_config() == {"seed": 7}
    assert random.SeedGenerator().seed != random.SeedGenerator().seed


def test_next_seed_starts_from_the_system_and_restarts_from_a_seed(monkeypatch):
    monkeypatch.setattr(random, "_stream", [])
    assert random.next_seed() != random.next_seed()
    random.restart_seeds(5)
    first = [random.next_seed() for _ in range(3)]
    random.restart_seeds(5)
    assert [random.next_seed() for _ in range(3)] == first
    assert first[0] == random.SeedGenerator(5).next()


def test_threads_never_get_the_same_seed():
    generator, seeds = random.SeedGenerator(1), []
    threads = [
        threading.Thread(target=lambda: seeds.extend(generator.next() for _ in range(200)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seeds)) == 800
