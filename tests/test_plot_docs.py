"""The page on pictures: its code runs, and it names every function."""

import re
from pathlib import Path

import pytest
from pictures import headless  # noqa: F401

from fastnn import plot

PAGE = Path(__file__).resolve().parents[1] / "docs" / "plots.md"


@pytest.mark.slow
@pytest.mark.usefixtures("headless")
@pytest.mark.filterwarnings("ignore:More than 20 figures")
def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.DOTALL)
    exec(compile("\n".join(blocks), "plots.md", "exec"), {"__name__": "__main__"})
    assert {path.name for path in tmp_path.iterdir()} == {
        "history.png", "regions.png", "activations.png", "surface.png", "regions.html",
        "perceptron.gif", "model.svg"}


def test_the_page_names_every_function():
    page = PAGE.read_text("utf-8")
    missing = [name for name in plot.__all__ if name not in page]
    assert missing == ["LossSurface"]  # what measure_surface makes
