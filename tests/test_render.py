"""The printer of formulas: what is checked in is what it prints, and what it cannot print."""

import re
from pathlib import Path

import pytest

from fastnn import _render, activations, losses, optimizers
from fastnn.formulas import exp, maximum, where

LIMIT = 3.0


@pytest.mark.parametrize("path", _render.TARGETS, ids=lambda path: path.name)
def test_checked_in_files_are_a_fresh_print(path):
    printed = _render.TARGETS[path].module()
    if path.suffix == ".pxi":  # beside the tests, for an installed package is without its sources
        path = Path(__file__).parents[1] / "src_cy" / path.name
    assert path.read_text("utf-8") == printed, "run `python -m fastnn._render`"


def test_every_formula_is_printed():
    for language in _render.TARGETS.values():
        text = language.module()
        names = {table: re.search(rf"{table}_FORMULAS = \((.*)\)", text)[1].replace("'", "")
                 for table in ("ACTIVATE", "DERIVE", "LOSS", "SLOPE", "UPDATE")}
        wanted = ", ".join(cls.__name__ for cls in activations.elementwise())
        assert names["ACTIVATE"] == names["DERIVE"] == wanted
        assert names["LOSS"] == names["SLOPE"] == ", ".join(r[0] for r in losses.elementwise())
        assert names["UPDATE"] == ", ".join(row[0] for row in optimizers.rules())


def a_function_of_another_module(z):
    return exp(z) + sorted(z)


def an_attribute(z):
    return z.real


def a_branch(z):
    if z > 0.0:
        return z
    return -z


def a_loop(z):
    for _ in range(3):
        z = z * z
    return z


def a_power(z):
    return z**2


def a_name_from_outside(z):
    return z * LIMIT


def a_name_before_it_has_a_value(z):
    y = z * w  # noqa: F821
    w = y
    return w


def an_argument_by_name(z):
    return maximum(z, out=z)


def two_names_at_once(z):
    a = b = z * z
    return a + b


def an_augmented_assignment(z):
    z += 1.0
    return z


def a_chain_of_comparisons(z):
    return where(0.0 < z < 1.0, z, 0.0)


def a_word(z):
    return where(z == "a", z, 0.0)


def no_value(z):
    return


@pytest.mark.parametrize("function, shown", [
    (a_function_of_another_module, "sorted(z)"), (an_attribute, "z.real"),
    (a_branch, "if z > 0.0"), (a_loop, "for _ in range(3)"), (a_power, "z ** 2"),
    (a_name_from_outside, "LIMIT"), (a_name_before_it_has_a_value, "w"),
    (an_argument_by_name, "maximum(z, out=z)"), (two_names_at_once, "a = b = z * z"),
    (an_augmented_assignment, "z += 1.0"), (a_chain_of_comparisons, "0.0 < z < 1.0"),
    (a_word, "'a'"), (no_value, "return"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_what_it_cannot_print_is_refused_and_shown(function, shown):
    for language in _render.TARGETS.values():
        with pytest.raises(SyntaxError, match=r"a formula is .* cannot print") as error:
            language.printer.body(function)
        assert f"cannot print: {shown}" in str(error.value)


def everything(y, z, alpha):
    """All that a formula may hold."""
    s = -z / (1 + alpha)
    s = maximum(s, 0.5)
    return where(s >= y, s - y, y * s), exp(s)


def test_what_it_prints():
    lines, results, names = _render.CYTHON.printer.body(everything)
    assert lines == ["s = ((-z) / (<real>1.0 + alpha))", "s = maximum_(s, <real>0.5)"]
    assert results == ["((s - y) if (s >= y) else (y * s))", "exp_(s)"]
    assert names == ["s", "s"]
    lines, _, _ = _render.NUMBA.printer.body(everything)
    assert lines == ["s = ((-z) / (real(1.0) + alpha))", "s = maximum_(s, real(0.5))"]
