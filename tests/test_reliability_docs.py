"""docs/reliability.md: its examples run, and the tests that it names are there."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not installed")


def test_the_examples_run():
    found = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8",
                             optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 20 and found.failed == 0


def test_what_it_names_is_there():
    names = re.findall(r"`(tests/\S+?)`", PAGE.read_text("utf-8"))
    assert len(names) > 12 and all((ROOT / name).exists() for name in names), names
