"""The helpers with Keras's names, and the package's settings."""

from __future__ import annotations

import os
import random as python_random

import numpy as np
import pytest

from fastnn import config, random, utils


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    monkeypatch.setattr(config, "_settings", dict(config._settings))
    monkeypatch.setattr(random, "_stream", [])


def test_set_random_seed_restarts_three_generators():
    def draw():
        return python_random.random(), np.random.random(), random.next_seed()

    state = python_random.getstate(), np.random.get_state()
    try:
        utils.set_random_seed(3)
        first = draw()
        assert all(a != b for a, b in zip(first, draw(), strict=True))
        utils.set_random_seed(np.uint32(3))
        assert draw() == first
        utils.set_random_seed(4)
        assert all(a != b for a, b in zip(first, draw(), strict=True))
        utils.set_random_seed(2**32 - 1)
    finally:
        python_random.setstate(state[0])
        np.random.set_state(state[1])


@pytest.mark.parametrize(
    ("seed", "error"), [(-1, ValueError), (2**32, ValueError), (1.0, TypeError), (None, TypeError)]
)
def test_set_random_seed_refuses(seed, error):
    with pytest.raises(error, match="Expected a"):
        utils.set_random_seed(seed)


def test_to_categorical():
    expected = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    for labels in ([1, 0], [[1], [0]], np.array([1.0, 0.0], np.float32), np.uint8([1, 0]),
                   [True, False]):  # fmt: skip
        one_hot = utils.to_categorical(labels, 3)
        assert one_hot.dtype == np.float64 and np.array_equal(one_hot, expected)
    assert utils.to_categorical([0, 4]).shape == (2, 5)
    assert utils.to_categorical([[0, 1, 2], [2, 1, 0]]).shape == (2, 3, 3)
    assert np.array_equal(utils.to_categorical(2), [0, 0, 1])
    assert np.array_equal(utils.to_categorical([0]), [[1]])
    assert utils.to_categorical([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("labels", "num_classes", "error", "message"),
    [
        ([0, 3], 3, ValueError, "from 0 to num_classes - 1 = 2; received 3"),
        ([1, -1], None, ValueError, "received -1"),
        ([0, 1.5], None, ValueError, "whole numbers as labels; received 1.5"),
        ([0, np.nan], None, ValueError, "received nan"),
        ([], None, ValueError, "no labels"),
        (["cat"], None, TypeError, "labels that are numbers"),
    ],
)
def test_to_categorical_refuses(labels, num_classes, error, message):
    with pytest.raises(error, match=message):
        utils.to_categorical(labels, num_classes)


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [-5.0, 12.0]])
    np.testing.assert_allclose(utils.normalize(x)[[0, 2]], [[0.6, 0.8], [-5 / 13, 12 / 13]])
    assert np.array_equal(utils.normalize(x)[1], [0.0, 0.0])
    np.testing.assert_allclose(np.abs(utils.normalize(x, order=1)).sum(axis=1), [1, 0, 1])
    np.testing.assert_allclose(np.linalg.norm(utils.normalize(x, axis=0), axis=0), [1, 1])
    np.testing.assert_allclose(np.abs(utils.normalize(x, order=np.inf)).max(axis=1), [1, 0, 1])
    assert utils.normalize(x.astype(np.float32)).dtype == np.float32
    assert x[0, 0] == 3.0


def test_floatx():
    assert config.floatx() == "float32" and config.epsilon() == 1e-7
    config.set_floatx("float64")
    assert config.floatx() == "float64" and config.standardize_dtype() == np.float64
    assert config.standardize_dtype(np.float32) == np.float32
    assert config.standardize_dtype(">f4").isnative
    for wrong in ("float16", "int32", "nonsense", object()):
        with pytest.raises(ValueError, match="Expected dtype 'float32' or 'float64'; received"):
            config.set_floatx(wrong)
    assert config.floatx() == "float64"


@pytest.fixture
def machine(monkeypatch):
    """Four processors, no limits."""
    monkeypatch.setattr(config, "_affinity", lambda: 4)
    monkeypatch.setattr(config, "_quota", lambda: None)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("value", "threads"),
    [("2", 2), (" 3 ", 3), ("2,1", 2), ("1000", 4), ("0", 4), ("-1", 4), ("abc", 4), ("", 4),
     ("1.5", 4)],
)  # fmt: skip
def test_threads_obey_the_environment(machine, monkeypatch, value, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert config.num_threads() == threads


def test_threads_obey_the_quota_and_the_user(machine, monkeypatch):
    assert config.num_threads() == 4
    monkeypatch.setattr(config, "_quota", lambda: 3)
    assert config.num_threads() == 3
    config.set_num_threads(np.int64(8))
    assert config.num_threads() == 8
    config.set_num_threads(None)
    assert config.num_threads() == 3
    for wrong, error in ((0, ValueError), (-2, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="thread"):
            config.set_num_threads(wrong)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_threads_obey_the_affinity(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert config.num_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        ("0::/a/b\n", {"a/cpu.max": "100000 100000", "a/b/cpu.max": "400000 100000"}, 1),
        ("0::/../unseen\n", {"cpu.max": "200000 100000", "../cpu.max": "100000 100000"}, 2),
        ("4:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "250000",
                                "cpu/x/cpu.cfs_period_us": "100000"}, 2),
        ("4:cpu:/unseen\n", {"cpu/cpu.cfs_quota_us": "200000",
                             "cpu/cpu.cfs_period_us": "100000"}, 2),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("4:memory:/\n", {"cpu.max": "100000 100000"}, None),
        ("0::/\n", {"cpu.max": "100000 0"}, None),
        ("0::/\n", {"cpu.max": "garbage"}, None),
        ("garbage\n", {}, None),
        ("", {}, None),
    ],
)  # fmt: skip
def test_quota_of_control_groups(tmp_path, membership, files, expected):
    write(tmp_path / "membership", membership)
    for name, text in files.items():
        write(tmp_path / "root" / name, text)
    quota = config._quota.__wrapped__
    assert quota(str(tmp_path / "root"), str(tmp_path / "membership")) == expected
    assert quota(str(tmp_path / "absent"), str(tmp_path / "absent")) is None
