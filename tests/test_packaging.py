"""What an installation promises: its dependencies, its files, its command, a quick import."""

import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import fastnn

ROOT = Path(__file__).resolve().parents[1]


def test_numpy_is_the_only_dependency():
    needed = [line for line in metadata.requires("fastnn") if "extra ==" not in line]
    assert [re.split(r"[<>=!~ ]", line)[0] for line in needed] == ["numpy"]


def test_the_extras_are_those_that_errors_name():
    extras = set(metadata.metadata("fastnn").get_all("Provides-Extra"))
    assert extras == {"numba", "sklearn", "scipy", "plot", "tuner", "keras", "test", "bench"}
    source = "\n".join(path.read_text("utf-8") for path in Path(fastnn.__path__[0]).rglob("*.py"))
    assert set(re.findall(r"fastnn\[(\w+)\]", source)) <= extras


def test_the_version_is_the_packages_own():
    assert metadata.version("fastnn") == fastnn.__version__


def test_the_command_is_installed():
    (command,) = metadata.entry_points(group="console_scripts", name="fastnn")
    assert callable(command.load())


def test_types_and_licences_ship():
    assert resources.files("fastnn").joinpath("py.typed").is_file()
    licences = metadata.metadata("fastnn").get_all("License-File")
    assert sorted(licences) == ["LICENSE", "fastnn/datasets/digits.LICENCE.txt"]


def test_the_cores_are_one_source():
    bodies = {
        re.sub(r'""".*"""', "", path.read_text("utf-8"))
        for path in (ROOT / "src_cy").glob("_core_*.pyx")
    }
    assert len(bodies) == 1


def test_the_readmes_python_runs(tmp_path, monkeypatch):
    """Its blocks in order, as one program, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), "README.md", "exec"), {"__name__": "__main__"})


def test_import_takes_less_than_60_ms_beyond_numpys_own():
    code = (
        "import time, numpy\n"
        "start = time.process_time()\n"
        "import fastnn\n"
        "print(time.process_time() - start)"
    )
    seconds = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(7)
    ]
    assert min(seconds) < 0.060


def test_the_coverage_page_names_everything():
    from fastnn import callbacks, layers, models, registry, utils  # noqa: F401

    page = (ROOT / "docs" / "coverage.md").read_text("utf-8")
    kinds = ("model", "layer", "activation", "loss", "metric", "optimizer", "initializer",
             "regularizer", "constraint")
    for kind in kinds:
        for name in registry.names(kind):
            assert re.search(rf"\b{name}\b", page), f"{kind} {name} is not in docs/coverage.md"
