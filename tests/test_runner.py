"""`fastnn run`: scripts and notebooks with fastnn in Keras's place."""

import json
import sys

import pytest

from fastnn import cli
from fastnn.runner import plain

SCRIPT = """
import sys
import numpy as np
from tensorflow import keras
import helper
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
print(__name__, sys.argv[1:], type(model).__module__, helper.value)
"""


def notebook(*sources):
    code = [{"cell_type": "code", "source": s.splitlines(keepends=True)} for s in sources]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "# Title"}, *code]})


@pytest.fixture
def run(tmp_path, capsys):
    def run(text, *arguments, name="program.py", options=()):
        (tmp_path / name).write_text(text, "utf-8")
        code = cli.main(["run", *options, str(tmp_path / name), *arguments])
        return code, *capsys.readouterr()

    (tmp_path / "helper.py").write_text("value = 17")
    yield run
    sys.modules.pop("helper", None)


def test_script(run):
    code, out, err = run(SCRIPT, "--epochs", "3")
    assert (code, err) == (0, "")
    assert out == "__main__ ['--epochs', '3'] fastnn.models 17\n"
    assert "keras" not in sys.modules


def test_exit_codes(run):
    assert run("raise SystemExit(7)")[0] == 7
    assert run("raise SystemExit('no data')") == (1, "", "no data\n")
    code, _, err = run("def f():\n    return 1 / 0\nf()")
    assert code == 1
    assert err.startswith("Traceback") and err.endswith("ZeroDivisionError: division by zero\n")
    assert "runner.py" not in err and "line 3" in err


def test_what_is_missing(run):
    code, _, err = run("from keras.layers import Conv2D")
    assert code == 1 and "fastnn has no keras.layers.Conv2D: fastnn is for dense networks" in err


def test_notebook(run):
    cells = ["%matplotlib inline\n!pip install keras\nimport keras\nx = 3", "x + 1",
             "class A:\n    pass\n\nA().__class__.__module__", "print(x)\nx;", "None", "%%bash\nls"]
    code, out, err = run(notebook(*cells), name="book.ipynb")
    assert code == 0
    assert out.splitlines() == ["4", "'__main__'", "3"]
    assert err.splitlines() == [f"fastnn run: cell {i}: left out: {line}" for i, line in
                                [(1, "%matplotlib inline"), (1, "!pip install keras"),
                                 (6, "%%bash")]]


def test_error_in_a_notebook(run):
    code, out, err = run(notebook("x = 1\nx", "def f():\n    return x / 0\nf()", "print('never')"),
                         name="book.ipynb")
    assert (code, out) == (1, "1\n")
    assert 'File "<cell 2>", line 2, in f\n    return x / 0' in err


@pytest.mark.parametrize("text", ["", "{}", '{"cells": [1]}', '{"cells": 3}', "[" * 100_000])
def test_no_notebook(run, text):
    code, _, err = run(text, name="book.ipynb")
    assert code == 1 and err.startswith("fastnn: error: expected a Jupyter notebook at")


def test_no_file(capsys):
    assert cli.main(["run", "nothing.py"]) == 1
    assert "there is no file nothing.py" in capsys.readouterr().err


def test_a_percent_sign_in_a_string_stays():
    source = 'text = """\n%d of\n!\n"""'
    assert plain(source) == (source, [])
    assert plain("for i in x:\n    !ls\ny?")[0] == "for i in x:\n    pass\npass"


def test_plots(run, tmp_path):
    pytest.importorskip("matplotlib")
    text = "from matplotlib import pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    code, out, _ = run(text, options=["--plots", str(tmp_path / "plots")])
    assert code == 0 and out == f"Saved: {tmp_path / 'plots' / 'plot-1.png'}\n"
    assert (tmp_path / "plots" / "plot-1.png").read_bytes().startswith(b"\x89PNG")
