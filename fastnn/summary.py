"""The text of ``model.summary()``: the table that Keras 3.15 prints where there are no colours.

It works on plain rows, so that whatever has layers can print one:

>>> rows = [Row("dense", "Dense", (None, 3), 36, True), Row("dense_1", "Dense", (None, 1), 4, True)]
>>> print(summary_text("sequential", rows, Size(40, 160), Size(0, 0), line_length=54), end="")
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━┓
┃ Layer (type)          ┃ Output Shape    ┃  Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━┩
│ dense (Dense)         │ (None, 3)       │       36 │
├───────────────────────┼─────────────────┼──────────┤
│ dense_1 (Dense)       │ (None, 1)       │        4 │
└───────────────────────┴─────────────────┴──────────┘
 Total params: 40 (160.00 B)
 Trainable params: 40 (160.00 B)
 Non-trainable params: 0 (0.00 B)

One difference on purpose: where Keras cuts a table that is wider than the terminal, and loses the
last columns even in a file, the whole table is printed.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from math import ceil
from typing import NamedTuple

from fastnn import console


class Row(NamedTuple):
    """A layer's line in the table."""

    name: str
    class_name: str
    shape: tuple | None  # output shape, None inside it for the batch; None: not known yet
    params: int | None  # None: not built yet
    trainable: bool | None  # None: the layer has no weights
    connected: str | None = None  # what it is called on, where that is not the row above


class Size(NamedTuple):
    """How many numbers, and how many bytes they take."""

    count: int
    nbytes: int


def summary_text(
    name: str,
    rows: list[Row],
    trainable: Size,
    non_trainable: Size,
    optimizer: Size | None = None,
    *,
    line_length: int | None = None,
    positions: list[float] | None = None,
    show_trainable: bool = False,
    layer_range: list[str] | tuple[str, str] | None = None,
) -> str:
    """The summary of a model, ending in a newline.

    ``optimizer`` is what the optimizer holds, None before the first update. ``line_length`` is the
    table's width in characters (88, or 108 where the rows say what they are connected to, and 12
    more with ``show_trainable``, or what the terminal has less 4), ``positions`` where each column
    ends as a share of it, ``layer_range`` two regular expressions for the names of the first and
    the last layer to show. ValueError if the table is too narrow for its columns or no layer
    matches.
    """
    header, aligned, ends = ["Layer (type)", "Output Shape", "Param #"], "<<>", [0.45, 0.80, 1.0]
    graph = any(row.connected is not None for row in rows)
    if graph:
        header, aligned, ends = [*header, "Connected to"], aligned + "<", [0.3, 0.56, 0.74, 1.0]
    ends = list(positions or ends)
    if show_trainable:
        header, aligned, ends = [*header, "Trainable"], aligned + "^", [e * 0.9 for e in ends] + [1]
    if len(ends) != len(header):
        raise ValueError(f"positions needs {3 + graph} numbers, one a column; received "
                         f"{positions!r}.")
    widths = _column_widths(line_length or _default_length(show_trainable, graph), ends)
    cells = [_cells(row, graph)[: len(header)] for row in _select(rows, layer_range)]
    lines = [f'Model: "{name}"', *_table(header, cells, widths, aligned)]
    total = Size(*map(sum, zip(*filter(None, (trainable, non_trainable, optimizer)), strict=True)))
    lines += [_size_line("Total", total), _size_line("Trainable", trainable)]
    lines += [_size_line("Non-trainable", non_trainable)]
    if optimizer is not None:
        lines += [_size_line("Optimizer", optimizer)]
    return "\n".join(lines) + "\n"


def describe(model) -> tuple[list[Row], Size, Size, Size | None]:
    """What `summary_text` takes after the name, for a model.

    As in Keras, the optimizer has its slots, the number of its steps (int64) and numbers of its
    own: its learning rate, unless that is a schedule.
    """
    connections = model.connections()
    rows = [Row(layer.name, type(layer).__name__, layer.output_shape if layer.built else None,
                layer.count_params() if layer.built else None,
                layer.trainable if layer.weights else None, connections.get(id(layer)))
            for layer in model.layers]
    optimizer, itemsize = model.optimizer, 8 if model.dtype == "float64" else 4
    sizes = [Size(n, n * itemsize) for n in (
        sum(variable.size for variable in variables)
        for variables in (model.trainable_weights, model.non_trainable_weights))]
    if optimizer is None or not optimizer.batches:
        return rows, *sizes, None
    n = optimizer.n_slots * model.n_trained
    n += optimizer.n_numbers
    return rows, *sizes, Size(n + 1, n * itemsize + 8)


def print_summary(*args, print_fn=None, **options) -> None:
    """Print `summary_text`; ``print_fn`` gets the whole text in one call."""
    (print_fn or console.write)(summary_text(*args, **options))


def _default_length(show_trainable: bool, graph: bool) -> int:
    from shutil import get_terminal_size

    return min(88 + 20 * graph + 12 * show_trainable, get_terminal_size().columns - 4)


def _column_widths(length: int, ends: list[float]) -> list[int]:
    """Widths of the columns, padding included, that together fill a table of this length.

    A column first gets its share of the length, plus 2 for padding. That is too much by all
    paddings and borders, which every column gives up in equal parts; if the positions end so
    early that there is room left, the columns grow in proportion.
    """
    stops = [int(end * length) for end in ends]
    shares = [stop - start for start, stop in zip([0, *stops], stops, strict=False)]
    widths = [share + 2 for share in shares]
    room = length - len(ends) - 1 - sum(widths)
    weight = sum(widths)
    for i, width in enumerate(widths):
        part = round(room / (len(widths) - i)) if room < 0 else ceil(width * room / weight)
        widths[i] += part
        room -= part
        weight -= width
    if min(shares) < 4 or min(widths) < 3:
        raise ValueError(
            f"A summary {length} characters wide is too narrow for columns that end at "
            f"{', '.join(f'{end:.0%}' for end in ends)} of it; give a larger line_length."
        )
    return widths


def _select(rows, layer_range):
    """The rows from the first that matches one pattern to the last that matches the other."""
    if layer_range is None:
        return rows
    if len(layer_range) != 2 or not all(isinstance(pattern, str) for pattern in layer_range):
        raise ValueError(f"layer_range needs two layer names; received {layer_range!r}.")
    first, last = ([i for i, row in enumerate(rows) if re.match(p, row.name)] for p in layer_range)
    if not first or not last:
        raise ValueError(
            f"layer_range={layer_range!r} matches none of the layers "
            f"{', '.join(row.name for row in rows)}."
        )
    if min(first) > max(last):
        return rows[min(last) : max(first) + 1]
    return rows[min(first) : max(last) + 1]


def _cells(row: Row, graph: bool) -> list[str]:
    if isinstance(row.shape, dict) or isinstance(next(iter(row.shape or ()), None), tuple):
        shape = str(row.shape).replace("'", "")
    else:
        shape = "?" if row.shape is None else f"({', '.join(map(str, row.shape))})"
    params = "0 (unbuilt)" if row.params is None else f"{row.params:,}"
    trainable = {True: "Y", False: "N", None: "-"}[row.trainable]
    connected = [row.connected] if graph else []
    return [f"{row.name} ({row.class_name})", shape, params, *connected, trainable]


def _table(header, rows, widths, aligned) -> list[str]:
    def rule(left, line, cross, right):
        return left + cross.join(line * width for width in widths) + right

    lines = [rule(*"┏━┳┓"), *_lines(header, widths, aligned, "┃", bottom=True), rule(*"┡━╇┩")]
    for i, row in enumerate(rows):
        lines += [rule(*"├─┼┤")] if i else []
        lines += _lines(row, widths, aligned, "│")
    return [*lines, rule(*"└─┴┘")]


def _lines(cells, widths, aligned, edge, bottom=False) -> list[str]:
    """The lines of one row; shorter cells stand at its top, or at its bottom."""
    columns = [_wrap(cell, width - 2) for cell, width in zip(cells, widths, strict=True)]
    if bottom:
        height = max(map(len, columns))
        columns = [[""] * (height - len(column)) + column for column in columns]
    return [
        edge + edge.join(map(_pad, texts, widths, aligned)) + edge
        for texts in zip_longest(*columns, fillvalue="")
    ]


def _pad(text: str, width: int, align: str) -> str:
    return f" {text:{align}{width - 2 + len(text) - _width(text)}} "


def _wrap(text: str, width: int) -> list[str]:
    """Lines of whole words; a word longer than a line is cut and ends in an ellipsis."""
    lines: list[str] = []
    for word in re.findall(r"\s*\S+\s*", text):
        if lines and _width(lines[-1] + word.rstrip()) <= width:
            lines[-1] += word
        else:
            lines.append(word)
    return [_clip(line.rstrip(), width) for line in lines]


def _clip(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while _width(text) > width - 1:
        text = text[:-1]
    return text + " " * (width - 1 - _width(text)) + "…"


def _width(text: str) -> int:
    """Cells that a text takes in a terminal: 2 for a Chinese character, 0 for a combining one."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def _size_line(what: str, size: Size) -> str:
    return f" {what} params: {size.count:,} ({in_bytes(size.nbytes)})"


def in_bytes(number: float) -> str:
    """A number of bytes for people, in steps of 1024.

    >>> [in_bytes(n) for n in (0, 1023, 1536, 5 * 1024**3)]
    ['0.00 B', '1023.00 B', '1.50 KB', '5.00 GB']
    """
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if number < 1024:
            return f"{number:.2f} {unit}"
        number /= 1024
    return f"{number:.2f} PB"
