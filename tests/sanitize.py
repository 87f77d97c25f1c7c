"""Runs the compiled core under checkers: ``python tests/sanitize.py address|bounds|valgrind|all``.

address : AddressSanitizer and UndefinedBehaviorSanitizer. First the kernels' driver
    (sanitize_kernels.c) on every level that this processor has, then the tests that reach the core.
bounds : the same tests with Cython's checks of indices and divisions.
valgrind : the driver, compiled as it ships, under memcheck.

Works on a copy of the checkout in a temporary folder, and exits with 1 if anything is found.
``--driver`` leaves the tests out, ``--tests`` chooses some. Needs x86-64, gcc and Cython, and for
the last one valgrind. docs/checking.md says what each of them can see.
"""

from __future__ import annotations

import argparse
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEVEL = "v3"  # the core that runs the tests: valgrind and most machines have no more
# Those that reach the core, by every way in. The others are about Python (files, pictures, words,
# the command line), or compare with what other builds have counted.
TESTS = (
    "backends", "losses", "activations", "callbacks", "core", "data", "explain", "family_layers",
    "feeding", "fit_many", "functional", "functional_arrays", "gradients_of_models", "large",
    "layers", "metrics", "models", "on_batch", "optimizers", "outputs", "own_layers", "perceptron",
    "prediction", "regularization", "rows", "seeds", "sparse", "training", "whole",
)
# Numba's code is not ours; a child of fork() and a process without memory have no place for the
# sanitizer's own; the other instruction sets are not built here; a Ctrl-C is timed.
LEFT_OUT = ("not numba and not fork and not memory and not other_instruction_sets and not avx512"
            " and not ctrl_c")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined",
            "-fno-omit-frame-pointer")
# At -O3 the core takes minutes with sanitizers. The second flag, which -O2 has too, lets gcc
# contract products and sums, as the tests of bits expect.
QUICK = ("-O1", "-fexpensive-optimizations", "-g")


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["address", "bounds", "valgrind", "all"])
    parser.add_argument("--driver", action="store_true", help="without the tests")
    parser.add_argument("--tests", nargs="+", default=TESTS, metavar="NAME",
                        help="those of tests/test_NAME.py alone")
    options = parser.parse_args(arguments)
    kinds = ["address", "bounds", "valgrind"] if options.what == "all" else [options.what]
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(Path(folder), [] if options.driver else options.tests)
        clean = [getattr(checkout, kind)() for kind in kinds]
    return 0 if all(clean) else 1


class Checkout:
    """A copy of the checkout, to build in and to run."""

    def __init__(self, folder: Path, tests):
        self.folder, self.reports, self.tests = folder / "copy", folder / "reports", tests
        ignored = shutil.ignore_patterns(".*", "build", "dist", "*.so", "__pycache__", "*.egg-info")
        shutil.copytree(ROOT, self.folder, ignore=ignored)
        self.reports.mkdir()
        self.settings = runpy.run_path(str(ROOT / "setup.py"))
        self.build("_cpu", ())

    def address(self) -> bool:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            clean = list(pool.map(lambda level: self.driver(level, (*QUICK, *SANITIZE)),
                                  self.levels()))
        if self.tests:
            self.build(f"_core_{LEVEL}", (*self.flags(LEVEL), *QUICK, *SANITIZE, *self.openmp()))
            files = [_output("gcc", f"-print-file-name=lib{name}.so") for name in ("asan", "ubsan")]
            log = f"log_path={self.reports}/report"
            clean.append(self.run(
                LEFT_OUT, LD_PRELOAD=" ".join(files),
                ASAN_OPTIONS=f"{log}:detect_leaks=0",  # of the interpreter's own
                UBSAN_OPTIONS=f"{log}:print_stacktrace=1"))
        return all(clean)

    def bounds(self) -> bool:
        source = self.folder / "src_cy" / f"_core_{LEVEL}.pyx"
        text = source.read_text("utf-8")
        checked = text.replace("boundscheck=False", "boundscheck=True").replace(
            "initializedcheck=False",
            "initializedcheck=True, nonecheck=True, cdivision_warnings=True")
        assert checked.count("=True") == text.count("=True") + 4, text
        source.write_text(checked, "utf-8")
        self.build(f"_core_{LEVEL}", (*self.flags(LEVEL), *QUICK, *self.openmp()))
        return self.run(LEFT_OUT)

    def valgrind(self) -> bool:
        return self.driver(LEVEL, ("-O3", "-g"), "valgrind", "--quiet", "--error-exitcode=1",
                           "--redzone-size=128")

    # the steps

    def flags(self, level: str) -> list[str]:
        """setup.py's flags for a level, but for how much to optimize."""
        flags = self.settings["CORE_FLAGS"] + self.settings["X86_LEVELS"][level]
        return [flag for flag in flags if not flag.startswith(("-O", "-g0"))]

    def openmp(self) -> tuple[str, ...]:
        return ("-DFASTNN_OPENMP=1", *self.settings["OPENMP"][0])

    def build(self, name: str, flags) -> None:
        start, source = time.perf_counter(), f"src_cy/{name}"
        module = f"fastnn/backends/{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
        self.call(sys.executable, "-m", "cython", "-3", "-I", "src_cy", f"{source}.pyx")
        self.call("gcc", "-shared", "-fPIC", "-w", "-I", sysconfig.get_path("include"),
                  "-I", "src_cy", f"{source}.c", "-o", module, *flags)
        _say(f"built {name}", start)

    def levels(self) -> list[str]:
        """Those of setup.py that this processor has."""
        code = "from fastnn.backends import _cpu; print(*_cpu.levels())"
        found = _output(sys.executable, "-c", code, cwd=self.folder).split()
        return [level for level in self.settings["X86_LEVELS"] if level in found]

    def driver(self, level: str, flags, *command: str) -> bool:
        """Build and run the kernels' driver."""
        start, program = time.perf_counter(), self.folder / f"driver_{level}"
        self.call("gcc", *self.flags(level), *flags, "-w", "-I", "src_cy",
                  "tests/sanitize_kernels.c", "-o", str(program), "-lm")
        built = time.perf_counter()
        done = subprocess.run([*command, program], capture_output=True, text=True, check=False,
                              env=os.environ | {"ASAN_OPTIONS": "redzone=256"})
        return _tell(f"kernels of {level}, built in {built - start:.0f} s", built, done)

    def run(self, expression: str, **environment: str) -> bool:
        """The tests, a process for each file."""
        environment = os.environ | environment | {
            "PYTHONPATH": str(self.folder), "FASTNN_ISA": LEVEL, "FASTNN_BACKEND": "cython",
            "OMP_NUM_THREADS": "2"}

        def run_file(name: str) -> bool:
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow",
                 "--capture=sys",  # what the checkers say goes past Python
                 "--maxfail=5", "-k", expression, f"tests/test_{name}.py"],
                cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
            return _tell(name, start, done, (0, 5))  # 5: no test was chosen

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            clean = list(pool.map(run_file, self.tests))
        reports = sorted(self.reports.iterdir())  # of children, too
        for report in reports:
            print(report.read_text("utf-8", "replace")[:5000])
            report.unlink()
        return all(clean) and not reports

    def call(self, *command: str) -> None:
        subprocess.run(command, check=True, cwd=self.folder)


def _tell(name: str, start: float, done, good=(0,)) -> bool:
    """Print what became of a program; True if all went well."""
    clean = done.returncode in good
    lines = done.stdout.strip().splitlines() or [""]
    _say(f"{'ok  ' if clean else 'BAD '} {name}: {lines[-1]}", start)
    if not clean:
        print(f"exit status {done.returncode}", *lines[-60:], done.stderr[-5000:], sep="\n")
    return clean


def _say(text: str, start: float) -> None:
    print(f"{text} ({time.perf_counter() - start:.0f} s)", flush=True)


def _output(*command: str, cwd=None) -> str:
    done = subprocess.run(command, check=True, cwd=cwd, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
