"""docs/numpy.md's code runs, and its table is written by the benchmark that it names."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "numpy.md"


def test_the_pages_code_runs():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M)
    assert len(blocks) == 4
    names = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["loss"] < 1


def test_the_benchmark_writes_the_pages_table(tmp_path, capsys):
    path = ROOT / "benchmarks" / "functional.py"
    spec = importlib.util.spec_from_file_location("functional_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = Path(shutil.copy(PAGE, tmp_path))
    module.main(["--seconds", "0", "--sizes", "1x2,3x4", "--write", str(page)])
    text = page.read_text("utf-8")
    assert "| | 1 x 2 | 3 x 4 |" in text and text.count(module.START) == 1
    said, rows = text.split(module.START)[1].split(module.END)[0].strip().split("\n\n")
    assert re.search(r"[0-9.]+ times as fast", said)
    assert len(rows.splitlines()) == 2 + len(module.cases(1, 2, "float32"))
    assert capsys.readouterr().out.strip() == f"{said}\n\n{rows}"


@pytest.mark.parametrize("n, k", [(1, 2), (5, 8), (33, 20)])
def test_the_benchmark_compares_equal_things(n, k):
    import numpy as np

    path = ROOT / "benchmarks" / "functional.py"
    spec = importlib.util.spec_from_file_location("functional_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, one, two in module.cases(n, k, "float64"):
        if name.endswith("_update") or name == "dropout":
            continue
        theirs, ours = one(), two()
        theirs, ours = (x if isinstance(x, tuple) else (x,) for x in (theirs, ours))
        for a, b in zip(theirs, ours, strict=True):
            if not isinstance(b, tuple):
                np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-12, err_msg=name)
