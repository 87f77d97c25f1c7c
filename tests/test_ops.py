"""`fastnn.ops` against Keras's own NumPy backend: numbers, shapes and types."""

from pathlib import Path

import numpy as np
import pytest
from ops_cases import CASES

from fastnn import ops

GOLDEN = np.load(Path(__file__).parent / "golden" / "ops.npz")

# Where fastnn's types differ on purpose: float64 stays, whole numbers become float32 rather than
# float64, their type stays, and places are int32 everywhere.
OTHER = ("_float64/", "sigmoid_int/", "logsumexp_int/", "unique/", "histogram/0", "top_k/1")


@pytest.mark.parametrize("name", CASES)
def test_like_keras(name):
    function, arguments, named = CASES[name]
    with np.errstate(all="ignore"):
        made = getattr(ops, function)(*arguments, **named)
    parts = enumerate(made) if isinstance(made, (tuple, list)) else [("", made)]
    expected = {key: GOLDEN[key] for key in GOLDEN.files if key.split("/")[0] == name}
    parts = {f"{name}/{i}": np.asarray(part) for i, part in parts}
    assert parts.keys() == expected.keys()
    for key, part in parts.items():
        differs = key.endswith(OTHER) and part.dtype != bool
        assert (part.dtype != expected[key].dtype) == differs, key
        if part.dtype.kind == "U":
            assert part == expected[key]
            continue
        np.testing.assert_allclose(part, expected[key], rtol=3e-5, atol=2e-6, err_msg=key)


def test_inputs_stay_as_they_are():
    x = np.zeros(3, "float32")
    ops.slice_update(x, [1], [5.0])
    ops.scatter_update(x, [[0]], [1.0])
    assert not x.any()


def test_python_numbers_do_not_widen():
    """0.5 * float32 and int64 + float32 stay float32, where NumPy's rules would give float64."""
    x = np.ones(3, "float32")
    assert ops.multiply(x, 0.5).dtype == ops.add(x, np.arange(3)).dtype == np.float32
    assert ops.mean(np.arange(4)).dtype == np.float32
    assert ops.add(np.ones(2), 1).dtype == np.float64


def test_loops():
    carry, sums = ops.scan(lambda c, x: (c + x, c + x), 0.0, np.arange(1.0, 4.0))
    assert carry == 6 and sums.tolist() == [1, 3, 6]
    assert ops.fori_loop(0, 4, lambda i, value: value + i, 0) == 6
    assert ops.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, t + i), (0, 0)) == (3, 3)
    assert ops.cond(False, lambda: 1, lambda: 2) == ops.switch(5, [lambda: 1, lambda: 2]) == 2
    assert ops.map(lambda x: x + 1, np.arange(3)).tolist() == [1, 2, 3]


def test_erfinv():
    x = np.linspace(-0.999, 0.999, 101)
    assert np.abs(ops.erf(ops.erfinv(x)) - x).max() < 1e-7
    assert ops.erfinv(np.array([-1.0, 1.0, 2.0])).tolist()[:2] == [-np.inf, np.inf]


def test_sparse_arrays_are_refused():
    with pytest.raises(ValueError, match="no sparse arrays"):
        ops.one_hot([1], 2, sparse=True)
