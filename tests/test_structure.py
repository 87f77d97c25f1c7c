"""Imports go down only: the floors of the package, from the top."""

import ast
from pathlib import Path

import pytest

import fastnn

ROOT = Path(fastnn.__path__[0])
FLOORS = [
    ["__main__"], ["cli"], ["runner"], ["report"], ["jobs", "installation", "lessons", "keras"],
    ["__init__"], ["notebook", "tuner"], ["plot"], ["digest"], ["backup"],
    ["interchange"], ["saving", "perceptron", "sklearn"], ["models"], ["subclassed_model"],
    ["functional_model"], ["model", "many"],
    ["fitting", "prediction", "finding", "understanding"], ["dense_arrays"], ["feeding"],
    ["training"], ["divergence"], ["evaluation", "network", "outputs", "whole"],
    ["sides", "flat"], ["layers"], ["rows"], ["functional"], ["data"], ["backends"],
    ["metrics", "callbacks"], ["losses", "optimizers"], ["_render"], ["plan"],
    ["activations", "initializers", "regularizers", "constraints", "datasets", "encoding",
     "ops"],
    ["formulas", "utils", "summary", "progress", "tables"],
    ["tracing", "registry", "random", "config", "naming", "console", "interrupt", "svg",
     "overfitting", "occupied", "_archive", "_states", "_version", "sparse"],
]
HEIGHT = {name: -i for i, floor in enumerate(FLOORS) for name in floor}
# printing reads the formulas of the floors above it, and nothing imports it
HEIGHT["_render"] = HEIGHT["models"]


def imported(path):
    """The names of fastnn's modules that a file imports when it is itself imported."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            parts = node.module.split(".")
            if parts == ["fastnn"]:
                yield from (alias.name for alias in node.names)
            elif parts[0] == "fastnn":
                yield parts[1]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert own in HEIGHT, f"say in FLOORS where {own} stands"
    for name in set(imported(path)) & set(HEIGHT) - {own, "__init__"}:
        assert HEIGHT[name] <= HEIGHT[own], f"{own} imports {name}, which stands above it"
