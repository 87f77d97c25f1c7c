"""What is Numba's own: how it is asked for, its cache, its threads."""

import importlib
import sys

import numpy as np
import pytest
from plans import case, stack, train


@pytest.fixture
def backend():
    return pytest.importorskip("fastnn.backends.numba_backend")


def test_without_numba_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "fastnn.backends.numba_math", raising=False)
    with pytest.raises(ImportError, match=r'pip install "fastnn\[numba\]"'):
        importlib.import_module("fastnn.backends.numba_math")


def test_without_a_place_for_its_cache_it_compiles_without(backend, monkeypatch):
    asked = []

    def njit(function, **options):
        asked.append(options.pop("cache", False))
        if asked[-1]:
            raise RuntimeError("cannot cache function 'run': no locator available")
        return function, options

    monkeypatch.setattr(backend.numba, "njit", njit)
    function, options = backend._compiled.__wrapped__("float32", False)
    assert asked == [True, False]
    assert options == backend.numba_math.OPTIONS
    assert function.__qualname__ == "run_float32"


def test_the_cache_knows_every_source(backend, monkeypatch, tmp_path):
    (tmp_path / "changed.py").write_text("something else")
    digests = {backend._sources()}
    for name in ("losses", "plans", "numba_formulas", "numba_heads", "numba_kernels",
                 "numba_math", "numba_network", "numba_rows"):
        with monkeypatch.context() as patch:
            patch.setattr(getattr(backend, name), "__file__", str(tmp_path / "changed.py"))
            digests.add(backend._sources())
    assert len(digests) == 9
    run = backend._compiled.__wrapped__("float64", True)
    assert run.py_func.__closure__[-1].cell_contents == backend._sources()


def test_work_is_shared_only_where_that_is_safe_and_pays(backend, monkeypatch):
    monkeypatch.setattr(backend.numba, "get_num_threads", lambda: 4)
    monkeypatch.setattr(backend.numba, "threading_layer", lambda: "omp")
    large = backend.numba_network.PAYS
    assert backend._threads(2, large) == 2
    assert backend._threads(8, large) == 4
    assert backend._threads(1, large) is None
    assert backend._threads(8, large - 1) is None
    monkeypatch.setattr(backend.numba, "threading_layer", lambda: "workqueue")
    assert backend._threads(2, large) is None
    monkeypatch.setattr(backend.numba, "threading_layer", lambda: "tbb")
    assert backend._threads(2, large) == 2
    monkeypatch.setattr(backend, "_PROCESS", -1)
    assert backend._threads(2, large) is None


def test_the_callers_number_of_threads_stays(backend):
    numba = pytest.importorskip("numba")
    made = case(stack("tanh", widths=(128,), inputs=160), "float32", n=256)
    before = numba.get_num_threads()
    train(backend, made, 256, 1, threads=2)
    assert numba.get_num_threads() == before


def test_float32_stays_float32(backend):
    for name in ("abs_", "erf_", "exp_", "expm1_", "log_", "log1p_", "sqrt_", "tanh_"):
        function = getattr(backend.numba_math, name).py_func
        compiled = backend.numba.njit(function)
        compiled(np.float32(0.5))
        assert compiled.nopython_signatures[0].return_type == backend.numba.float32, name
