"""``fastnn run``: a script or notebook written for Keras, with fastnn in Keras's place.

A notebook's cells run in order in one process. Lines that begin with ``%`` or ``!``, which only
Jupyter understands, are left out with a note; the value of a cell's last line is printed.
"""

from __future__ import annotations

import ast
import os
import sys
from contextlib import contextmanager

import fastnn.keras

NAMES = ("keras", "tensorflow.keras", "tf_keras", "keras_tuner")
LARGEST = 64 << 20  # bytes of a notebook, with the pictures in it


def run(path: str, arguments=(), plots: str | None = None) -> int:
    """Run a file as ``python path arguments`` would, and return its exit code.

    plots : a folder for the plots that are shown, as PNG files; None shows them as they would be
        shown, or not at all where there is no screen.
    """
    if not os.path.isfile(path):
        raise ValueError(f"expected a script or a notebook, there is no file {path}")
    program = (_run_notebook, cells(path)) if path.endswith(".ipynb") else (_run_script, path)
    fastnn.keras.install_as(*NAMES)
    try:
        with _as_program(path, arguments):
            _prepare_plots(plots)
            return _guarded(*program)
    finally:
        fastnn.keras.uninstall()


def _run_script(path: str) -> None:
    import runpy

    runpy.run_path(path, run_name="__main__")


def _run_notebook(sources: list[str]) -> None:
    from types import ModuleType

    program = ModuleType("__main__")  # classes of a cell are looked up there, for pickles
    before, sys.modules["__main__"] = sys.modules["__main__"], program
    try:
        for number, source in enumerate(sources, 1):
            _run_cell(source, number, vars(program))
    finally:
        sys.modules["__main__"] = before


def _guarded(program, given) -> int:
    """Run a program; what it raises is shown as Python would, and 1 is its exit code."""
    import traceback

    try:
        program(given)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except BaseException as error:
        shown = traceback.TracebackException.from_exception(error)
        ours = (__file__, "<frozen runpy>")  # how the program came to be run
        while shown.stack and shown.stack[0].filename in ours:
            del shown.stack[0]
        print("".join(shown.format()), end="", file=sys.stderr)
        return 1
    return 0


def cells(path: str) -> list[str]:
    """The sources of a notebook's cells of code.

    Raises ValueError for a file that is no notebook.
    """
    import json

    if os.path.getsize(path) > LARGEST:
        raise ValueError(f"expected a notebook of at most {LARGEST >> 20} MB at {path}")
    try:
        with open(path, encoding="utf-8") as file:
            notebook = json.load(file)
        sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        return [source if isinstance(source, str) else "".join(source) for source in sources]
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"expected a Jupyter notebook at {path}: {error!r}") from None


def plain(source: str) -> tuple[str, list[str]]:
    """A cell without what only Jupyter understands, and the lines that were left out.

    >>> plain("%matplotlib inline\\nx = 1\\n!pip install keras")
    ('pass\\nx = 1\\npass', ['%matplotlib inline', '!pip install keras'])
    """
    lines, left_out = source.splitlines(), []
    if lines and lines[0].startswith("%%"):
        if lines[0].split()[0] not in ("%%time", "%%timeit", "%%capture"):
            return "", lines[:1]
        left_out.append(lines[0])
        lines[0] = "pass"
    try:
        ast.parse("\n".join(lines))
    except SyntaxError:
        pass
    else:
        return "\n".join(lines), left_out  # such a line may be a part of a string
    for i, line in enumerate(lines):
        bare = line.lstrip()
        if bare.startswith(("%", "!", "?")) or bare.endswith("?"):
            left_out.append(bare)
            lines[i] = line[: len(line) - len(bare)] + "pass"
    return "\n".join(lines), left_out


def _run_cell(source: str, number: int, names: dict) -> None:
    source, left_out = plain(source)
    for line in left_out:
        print(f"fastnn run: cell {number}: left out: {line}", file=sys.stderr)
    where = f"<cell {number}>"
    _remember(where, source)
    tree = ast.parse(source, where)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, where, "exec"), names)
    if last is not None:
        value = eval(compile(last, where, "eval"), names)
        if value is not None:
            print(repr(value))


def _remember(where: str, source: str) -> None:
    """Lets tracebacks, and ``inspect``, show the lines of a cell."""
    import linecache

    linecache.cache[where] = (len(source), None, source.splitlines(keepends=True), where)


@contextmanager
def _as_program(path: str, arguments):
    """Inside, ``sys.argv`` and the first folder of imports are the program's own."""
    before = sys.argv, list(sys.path)
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = before


def _prepare_plots(folder: str | None) -> None:
    """Say where plots go, before a program imports matplotlib."""
    if folder is None:
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
                or sys.platform in ("win32", "darwin")):
            os.environ.setdefault("MPLBACKEND", "agg")
        return
    try:
        import matplotlib
    except ImportError:
        raise ImportError("--plots needs matplotlib: pip install \"fastnn[plot]\"") from None
    matplotlib.use("agg")
    from matplotlib import pyplot

    os.makedirs(folder, exist_ok=True)
    numbers = iter(range(1, 1 << 30))

    def show(*_, **__):
        for figure in map(pyplot.figure, pyplot.get_fignums()):
            name = os.path.join(folder, f"plot-{next(numbers)}.png")
            figure.savefig(name)
            print(f"Saved: {name}")
        pyplot.close("all")

    pyplot.show = show
