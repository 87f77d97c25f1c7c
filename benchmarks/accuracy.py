"""How many units of the last place the compiled core's functions are off at most.

    python benchmarks/accuracy.py                 # all 2^32 numbers of float32: 20 minutes
    python benchmarks/accuracy.py --every 61      # every 61st of them: a minute
    python benchmarks/accuracy.py --quick         # every 1,021st of them: seconds
    python benchmarks/accuracy.py --update-docs   # and put the tables into docs/accuracy.md

Every instruction set that this machine has is measured, in the functions that training uses,
against the same function in a wider type: double for float32, long double (of at least 64 binary
digits) for float64, which is sampled. The references are in ``accuracy.c``: a C compiler is needed.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Context
from functools import cache
from importlib import import_module
from pathlib import Path
from time import perf_counter

import numpy as np
from document import Table, Text, to_markdown
from report import update_readme

from fastnn import activations, config
from fastnn.backends import loader
from fastnn.functional import _arguments
from fastnn.plan import Kind

SOURCE = Path(__file__).with_name("accuracy.c")
DOCS = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"

INSTRUCTIONS = {"v4": "AVX-512", "v3": "AVX2", "v2": "baseline", "plain": "plain"}
ELEMENTARY = ("exp", "expm1", "log", "log1p", "tanh", "erf", "sqrt")
ACTIVATIONS = ("softplus", "log_sigmoid", "elu", "selu", "softsign", "hard_sigmoid", "hard_silu")
CANCELLING = ("gelu", "tanh_shrink")


@dataclass(frozen=True)
class Row:
    """A function, for arguments from ``low`` on."""

    name: str
    low: float = -math.inf

    def __str__(self) -> str:
        return f"`{self.name}`" + (f" from {self.low:g}" if self.low > -math.inf else "")


# whose errors grow somewhere: first where they do not, then everywhere
GROWING = (Row("sigmoid", -87), Row("sigmoid"), Row("silu", -87), Row("silu"),
           Row("squareplus", 0), Row("squareplus"), Row("mish", -87), Row("mish"),
           Row("gelu_tanh", -0.5), Row("gelu_tanh"), Row("gelu", -0.5), Row("gelu"),
           Row("tanh_shrink", 2), Row("tanh_shrink"))
ROWS = (*map(Row, ELEMENTARY + ACTIVATIONS), *GROWING)
NAMES = tuple(dict.fromkeys(row.name for row in ROWS))
# https://docs.jax.dev/en/latest/accuracy.html, reviewed 2026-09-18: largest errors on processors
JAX = {"exp": "1.5", "log": "1.5", "log1p": "3.0", "expm1": "6.5", "sigmoid": "2.5",
       "tanh": "5.0", "erf": "7.0", "sqrt": "0.5"}

CHUNK = 1 << 16
PARTS = 64  # of float32's numbers: each is a task of its own
QUICK = 1021  # a prime, so that all mantissas and exponents come
SAMPLES = 1 << 22  # of float64


class Found(ctypes.Structure):
    """The C file's ``found_t``: the largest errors of a function, and where they are."""

    _fields_ = [*((name, ctypes.c_double) for name in ("error", "at", "of_x", "nan_at")),
                ("not_nearest", ctypes.c_int64), ("wrong_nan", ctypes.c_int64)]

    def add(self, other: Found) -> None:
        """Take up what was found in another part."""
        if other.error > self.error:
            self.error, self.at = other.error, other.at
        self.of_x = max(self.of_x, other.of_x)
        self.not_nearest += other.not_nearest
        self.wrong_nan += other.wrong_nan
        if other.wrong_nan:
            self.nan_at = other.nan_at

    def __reduce__(self):
        return Found, tuple(getattr(self, name) for name, _ in self._fields_)


# what is measured


@cache
def core(level: str):
    """The core of an instruction set, ready for arrays."""
    module = import_module(f"fastnn.backends._core_{level}")
    _arguments._learn(module)
    return module


def compute(level: str, name: str, x: np.ndarray) -> np.ndarray:
    """The function of x as the core of that level computes it."""
    module = core(level)
    if name in ELEMENTARY:
        y = x.copy()
        module.elementary(name, y)
        return y
    it = activations.get(name).lowered()
    formula = module.Formula(it, Kind.ACTIVATION, activations.code(it), it.values(), it.keeps_z())
    return module.array_activation_forward(x, formula)


# what it is measured against


def build(folder: str) -> None:
    """Compile the C file for both types; vector functions where the C library has them."""
    compiler = os.environ.get("CC") or next(filter(shutil.which, ("gcc", "clang", "cc")), None)
    if compiler is None:
        raise SystemExit("accuracy.py needs a C compiler: install gcc or clang, or set CC.")
    command = [*compiler.split(), "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math",
               "-fopenmp-simd", "-shared", "-fPIC", str(SOURCE), "-lm"]
    for dtype, flags in (("float32", [["-DVECTORS", "-Wl,--no-undefined", "-lmvec", "-lm"], []]),
                         ("float64", [["-DFLOAT64"]])):
        for options in flags:
            done = subprocess.run([*command, *options, "-o", f"{folder}/{dtype}.so"],
                                  capture_output=True, text=True, check=False)
            if not done.returncode:
                break
        else:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")


@cache
def reference(folder: str, dtype: str) -> ctypes.CDLL:
    return ctypes.CDLL(f"{folder}/{dtype}.so")


def exactly(library: ctypes.CDLL, name: str, x: np.ndarray) -> np.ndarray:
    """The function of x in the wider type."""
    exact = np.empty(x.shape, np.float64 if x.dtype == np.float32 else np.longdouble)
    library[f"exact_{name}"](*map(_pointer, (x, exact)), ctypes.c_int64(x.size))
    return exact


def compare(library: ctypes.CDLL, x, y, exact, found: Found) -> Found:
    """Add the errors of y, from x, to what was found."""
    library.compare(*map(_pointer, (x, y, exact)), ctypes.c_int64(x.size), ctypes.byref(found))
    return found


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def measure(folder: str, rows: list[Row], numbers, levels: tuple[str, ...]) -> dict:
    """{(row, level): Found} of rows of one function, on an iterable of arrays of at most CHUNK."""
    found = {(row, level): Found() for row in rows for level in levels}
    for x in numbers:
        library = reference(folder, x.dtype.name)
        exact = exactly(library, rows[0].name, x)
        for level in levels:
            y = compute(level, rows[0].name, x)
            for row in rows:
                some = slice(None) if row.low == -math.inf else ~(x < row.low)
                compare(library, x[some], y[some], exact[some], found[row, level])
    return found


# the numbers


def patterns(part: int, step: int):
    """One of PARTS shares of every ``step``-th bit pattern of float32."""
    low, high = (i * 2**32 // PARTS for i in (part, part + 1))
    first = -(-low // step) * step
    for start in range(first, high, CHUNK * step):
        bits = np.arange(start, min(start + CHUNK * step, high), step, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def samples(part: int, step: int):
    """A share of SAMPLES numbers of float64: of all sizes, and where functions bend."""
    rng = np.random.default_rng(part)
    for _ in range(SAMPLES // PARTS // CHUNK if step < QUICK or part == 0 else 0):
        of_all_sizes = rng.integers(0, 2**64, CHUNK // 4, np.uint64).view(np.float64)
        widths = np.repeat([1.0, 8.0, 40.0, 800.0], CHUNK * 3 // 16)
        x = np.concatenate([of_all_sizes, rng.uniform(-widths, widths)])
        x[:8] = 0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 5e-324, 1e-310
        yield x


@dataclass(frozen=True)
class Task:
    folder: str
    dtype: str
    rows: list[Row]
    part: int
    step: int
    levels: tuple[str, ...]

    def __call__(self) -> tuple[str, dict]:
        config.set_num_threads(1)
        numbers = (patterns if self.dtype == "float32" else samples)(self.part, self.step)
        with np.errstate(all="ignore"):
            return self.dtype, measure(self.folder, self.rows, numbers, self.levels)


def measure_all(levels: tuple[str, ...], step: int = 1, names=NAMES) -> dict:
    """{(dtype, row, level): Found}, by as many processes as there are processors."""
    total = {}
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor() as pool:
        build(folder)
        tasks = [Task(folder, dtype, [row for row in ROWS if row.name == name], part, step, levels)
                 for dtype in ("float32", "float64") for name in names for part in range(PARTS)]
        for dtype, found in pool.map(Task.__call__, tasks):
            for (row, level), errors in found.items():
                total.setdefault((dtype, row, level), Found()).add(errors)
    return total


# what it says


def rounded_up(x: float) -> str:
    """Three digits, none of which flatters.

    >>> rounded_up(1.2341), rounded_up(148.2), rounded_up(16777215.0)
    ('1.24', '149', '1.68e+7')
    """
    return str(Context(prec=3, rounding=ROUND_CEILING).create_decimal(x)).lower()


def blocks(total: dict, levels, step: int) -> list:
    """The tables of what `measure_all` returned."""
    names = [INSTRUCTIONS[level] for level in levels]
    out = []
    share = "all" if step == 1 else f"one in {step:,} of the"
    for dtype, title in (("float32", f"float32, {share} 2^32 numbers"),
                         ("float64", f"float64, {SAMPLES / 1e6:.1f} million numbers")):
        peers = dtype == "float32"
        rows = []
        for row in ROWS:
            found = [total[dtype, row, level] for level in levels]
            line = [str(row), *(rounded_up(f.error) for f in found), f"{found[0].at:.6g}"]
            if peers:
                wrong = step * max(f.not_nearest for f in found) / 2**32
                line += [f"{100 * wrong:.1f} %", JAX.get(row.name, "")]
            rows.append(line)
        extra = ["not the nearest", "JAX"] if peers else []
        out += [Text(f"**{title}**"), Table(["function", *names, "at", *extra], rows)]
    rows = [[f"`{name}`", dtype, *(rounded_up(total[dtype, Row(name), level].of_x)
                                   for level in levels)]
            for name in CANCELLING for dtype in ("float32", "float64")]
    out += [Text("**In ulp of the argument, where that is larger**"),
            Table(["function", "type", *names], rows, labels=2)]
    lost = sorted({row.name for (_, row, _), found in total.items() if found.wrong_nan})
    command = "python benchmarks/accuracy.py" + (f" --every {step}" if step > 1 else "")
    return [*out, Text(f"NaN at an infinity where there is a limit: {', '.join(lost)}."),
            Text(f"Taken on {date.today()} by `{command} --update-docs`.")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="one in so many of float32's numbers")
    parser.add_argument("--quick", action="store_const", const=QUICK, dest="every",
                        help=f"one in {QUICK:,}")
    parser.add_argument("--update-docs", action="store_true", help=f"write {DOCS.name}'s tables")
    given = parser.parse_args()
    levels, start = loader.available(), perf_counter()
    total = measure_all(levels, given.every)
    text = to_markdown(blocks(total, levels, given.every)).strip()
    print(f"{text}\n\n{perf_counter() - start:.0f} s")
    if given.update_docs:
        update_readme(DOCS, text)


if __name__ == "__main__":
    main()
