"""Which compiled core is chosen, and what happens when the wanted one cannot be had."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastnn.backends import loader

BUILT = ("v4", "v3", "v2")

# The flags by which Linux names what a level of x86-64 adds (abm is lzcnt, pni is sse3).
LINUX_FLAGS = {
    "v2": {"pni", "ssse3", "sse4_1", "sse4_2", "popcnt"},
    "v3": {"avx", "avx2", "fma", "bmi1", "bmi2", "f16c", "abm", "movbe"},
    "v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def run(code: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs Python code in a process of its own, with FASTNN_ISA only where it is given."""
    kept = {name: value for name, value in os.environ.items() if name != "FASTNN_ISA"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("supported", "expected"),
    [
        (("v4", "v3", "v2", "plain"), "v4"),
        (("v3", "v2", "plain"), "v3"),
        (("v2", "plain"), "v2"),
    ],
)
def test_the_best_supported_level_is_chosen(supported, expected):
    assert loader.choose("", BUILT, supported) == expected
    assert loader.choose(" ", BUILT, supported) == expected


@pytest.mark.parametrize(
    ("forced", "expected"),
    [("v2", "v2"), ("baseline", "v2"), ("V3", "v3"), ("Avx2", "v3"), (" AVX512 ", "v4")],
)
def test_a_level_is_forced_by_its_names_in_any_case(forced, expected):
    assert loader.choose(forced, BUILT, ("v4", "v3", "v2", "plain")) == expected


@pytest.mark.parametrize(
    ("forced", "reason"),
    [
        ("avx512", "is not supported by this processor"),
        ("plain", "was not built in this installation"),
        ("sse9", "is no instruction set that fastnn knows"),
    ],
)
def test_a_level_that_cannot_be_had_is_named_with_those_that_can(forced, reason):
    message = f"FASTNN_ISA={forced} {reason}: set it to one of v3 or v2, or unset it"
    with pytest.raises(ValueError, match=re.escape(message)):
        loader.choose(forced, BUILT, ("v3", "v2", "plain"))


def test_available_means_built_and_supported(monkeypatch):
    monkeypatch.setattr(loader, "_built", lambda: BUILT)
    monkeypatch.setattr(loader, "_supported", lambda: ("v3", "v2", "plain"))
    assert loader.available.__wrapped__() == ("v3", "v2")


def test_a_missing_build_says_how_to_build():
    with pytest.raises(ImportError, match=r"not built for this Python.*pip install \."):
        loader.choose("v3", (), ())


def test_a_build_for_better_processors_says_so():
    with pytest.raises(ImportError, match=r"built for v4 or v3 or v2, but .* runs only plain"):
        loader.choose("", BUILT, ("plain",))


def test_levels_agree_with_what_the_kernel_reports():
    path = Path("/proc/cpuinfo")
    found = re.search(r"^flags\s*:(.*)$", path.read_text(), re.M) if path.exists() else None
    if found is None:
        pytest.skip("the operating system lists no x86 flags")
    flags, expected = set(found[1].split()), ["plain"]
    for level, needed in LINUX_FLAGS.items():
        if not needed <= flags:
            break
        expected.insert(0, level)
    from fastnn.backends import _cpu

    assert _cpu.levels() == tuple(expected)


@pytest.mark.parametrize("level", loader.available())
def test_each_available_core_loads_and_leaves_subnormals_alone(level):
    """A core that was linked with -ffast-math would switch them off in the whole process."""
    code = (
        "from fastnn.backends import loader\n"
        "core = loader.load()\n"
        "tiny = float('5e-324')\n"
        "print(loader.isa(), core.__name__, loader.load() is core, tiny * 1.0 != 0.0)"
    )
    done = run(code, FASTNN_ISA=level.upper())
    assert done.stdout.split() == [level, f"fastnn.backends._core_{level}", "True", "True"], done


def test_a_wrong_level_is_an_error_when_the_core_is_first_needed():
    done = run("from fastnn.backends import loader; loader.load()", FASTNN_ISA="sse9")
    assert done.returncode == 1
    assert "ValueError: FASTNN_ISA=sse9 is no instruction set that fastnn knows" in done.stderr


def test_importing_fastnn_loads_no_core():
    code = (
        "import sys, fastnn, fastnn.backends.loader\n"
        "print([name for name in sys.modules if name.startswith('fastnn.backends._c')])"
    )
    done = run(code, FASTNN_ISA="sse9")  # which would be an error, were it looked at
    assert done.stdout.strip() == "[]", done
