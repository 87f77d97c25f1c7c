"""docs/keras.md: its examples run, and its table is that of the package."""

import doctest
from pathlib import Path

import pytest

import fastnn
from fastnn.keras.absent import table

PAGE = Path(__file__).parents[1] / "docs" / "keras.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not installed")
def test_the_examples_run():
    try:
        found = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8",
                                 optionflags=doctest.NORMALIZE_WHITESPACE)
    finally:
        fastnn.uninstall()
    assert found.attempted > 20 and found.failed == 0


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not installed")
def test_the_table_is_the_packages():
    assert PAGE.read_text("utf-8").endswith(table() + "\n")
