"""Golden digests: small trainings give the bits that they gave when the numbers were written down.

tests/golden/make_digests.py has the trainings, and says when their numbers may change.
"""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fastnn
from fastnn import backends
from fastnn.backends import loader

GOLDEN = Path(__file__).parent / "golden"
DIGESTS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_digests.py")))
EXPECTED = json.loads((GOLDEN / "digests.json").read_text())

pytestmark = pytest.mark.skipif(backends.get().NAME != "cython" or loader.isa() == "plain"
                                or EXPECTED["compiler"] != loader.load().COMPILER,
                                reason=f"of cores for x86-64 by {EXPECTED['compiler']}")


@pytest.mark.parametrize(("isa", "threads", "numpy_without"), [
    ("v4", 1, ""), ("v4", 2, ""), ("v3", 3, "X86_V4 AVX512F AVX512_SKX AVX512_ICL"), ("v2", 2, ""),
])  # fmt: skip
def test_trainings_give_the_bits_they_always_gave(isa, threads, numpy_without):
    pytest.importorskip("scipy")
    if isa not in loader.available():
        pytest.skip(f"no {isa} here")
    found = DIGESTS.train_all(isa, threads, NPY_DISABLE_CPU_FEATURES=numpy_without)
    expected = EXPECTED[DIGESTS.TIERS[isa]]
    assert list(expected) == list(found) == list(DIGESTS.CASES)
    changed = [name for name in found if found[name] != expected[name]]
    assert not changed, "deliberate? see tests/golden/make_digests.py"


@pytest.mark.parametrize("name", DIGESTS.CASES)
def test_the_trainings_train(name):
    """A digest of weights that never moved, or are NaN, would keep nothing."""
    if name == "thin":
        pytest.importorskip("scipy")
    fastnn.utils.set_random_seed(1)
    model, optimizer, loss, x, y, arguments = DIGESTS.CASES[name](fastnn)
    before = model.get_weights()
    model.compile(optimizer, loss)
    model.fit(x, y, verbose=0, **arguments)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert all(moved) and np.isfinite(model.params).all(), moved


def test_the_tiers_differ_in_bits_only_where_products_are_rounded():
    assert EXPECTED["fma"].keys() == EXPECTED["no fma"].keys()
    for name, digests in EXPECTED["fma"].items():
        assert digests["digest"] != EXPECTED["no fma"][name]["digest"], name
