"""docs/accuracy.md says what the compiled cores do: a part of its measurements, on every run."""

import importlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from fastnn.backends import loader

pytest.importorskip("fastnn.backends.cython_backend")
ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "benchmarks").is_dir() or not (ROOT / "docs").is_dir():
    pytest.skip("the tests run beside an installed package", allow_module_level=True)
if not any(map(shutil.which, ("gcc", "clang", "cc"))):
    pytest.skip("needs a C compiler", allow_module_level=True)

STEP = 4001  # of float32's numbers
SLACK = 1.03  # the docs may have measured another share of the numbers
NOTHING_TO_STATE = {"plain"}  # other processors, whose compilers differ


def stated(title):
    """{first cell: {head of a column: cell}} of the table of docs/accuracy.md under this title."""
    text = (ROOT / "docs" / "accuracy.md").read_text("utf-8")
    table = re.search(rf"\*\*{re.escape(title)}.*\n\n((?:\|.*\n)+)", text)[1]
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")]
                       for line in table.splitlines()]
    return {line[0]: dict(zip(head, line, strict=True)) for line in lines}


@pytest.fixture(scope="module")
def accuracy():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("accuracy")


@pytest.fixture(scope="module")
def folder(accuracy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("accuracy")
    accuracy.build(folder)
    return folder


def float32(accuracy):
    for part in range(accuracy.PARTS):
        yield from accuracy.patterns(part, STEP)


@pytest.mark.parametrize(("numbers", "title"), [
    (float32, "float32"), (lambda accuracy: accuracy.samples(0, 1), "float64")])
def test_errors_are_those_of_the_docs(numbers, title, accuracy, folder):
    levels = tuple(level for level in loader.available() if level not in NOTHING_TO_STATE)
    table = stated(title)
    assert list(table) == [str(row) for row in accuracy.ROWS]
    for name in accuracy.NAMES:
        rows = [row for row in accuracy.ROWS if row.name == name]
        with np.errstate(all="ignore"):
            found = accuracy.measure(folder, rows, numbers(accuracy), levels)
        for (row, level), errors in found.items():
            bound = float(table[str(row)][accuracy.INSTRUCTIONS[level]])
            assert errors.error <= SLACK * bound, (row, level, errors.at)
            # nor may the docs claim less than is there
            assert errors.error >= 0.6 * bound or bound > 10, (row, level, errors.error)


def test_all_but_those_that_grow_are_within_two_ulp(accuracy):
    for title in ("float32", "float64"):
        for row, line in stated(title).items():
            errors = [float(line[name]) for name in ("AVX-512", "AVX2", "baseline")]
            assert max(errors) <= 2 or row in map(str, accuracy.GROWING), row


def test_errors_are_seen_for_what_they_are(accuracy, folder):
    library = accuracy.reference(folder, "float32")
    x = np.float32([-200, -3, 0, 0.5, 1, 3, 88, 89, np.inf, np.nan])
    exact = accuracy.exactly(library, "exp", x)
    np.testing.assert_allclose(exact, np.exp(x.astype(np.float64)), rtol=1e-15)
    right = np.array([float(number) for number in exact]).clip(-np.inf, 3e38).astype(np.float32)
    right[7:9] = np.inf

    def found(place, value):
        y = right.copy()
        y[place] = value
        return accuracy.compare(library, x, y, exact, accuracy.Found())

    nothing = found(0, 0)
    assert nothing.error <= 0.5 and nothing.not_nearest == nothing.wrong_nan == 0
    for place in (1, 4, 6):
        next_one = found(place, np.nextafter(right[place], np.float32(np.inf)))
        assert 0.5 < next_one.error < 1.5 and next_one.not_nearest == 1 and next_one.at == x[place]
    assert found(4, -right[4]).error == pytest.approx(2**23 * 2 * np.e / 2, rel=1e-6)
    assert found(0, 1e-45).error == pytest.approx(1, rel=1e-6)  # the smallest subnormal number
    assert found(7, np.finfo("f4").max).error == pytest.approx(1, rel=1e-6)
    assert found(6, np.inf).error > 1e6
    assert (found(5, np.nan).wrong_nan, found(5, np.nan).nan_at) == (1, 3)
    assert found(9, 1).wrong_nan == 1
