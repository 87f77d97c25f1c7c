"""Tables of a user's own: reading a CSV, what kind of task its target is, setting rows aside.

Cells stay text until somebody asks for numbers, so a label "007" is not a 7 by accident, and a
wrong cell is reported with its line.
"""

from __future__ import annotations

import math

import numpy as np

from fastnn import random

# Cells that stand for "not known", in any case; of at most four characters.
MISSING = frozenset({"", "na", "n/a", "nan", "?", "null"})
DELIMITERS = ",;\t|"

# A target of whole numbers is taken for class labels up to so many distinct values, if each has
# MIN_ROWS_PER_CLASS rows on average (two distinct values are always taken for classes).
MOST_INTEGER_CLASSES = 20
MIN_ROWS_PER_CLASS = 5


class Table:
    """Named columns of text cells, None where a cell is missing.

    source : what error messages call the table. columns : name -> its cells.
    lines : the line of the file in which each row starts; None counts from 2, below the header.

    >>> table = Table("example", {"size": ["1", None, "2.5"], "colour": ["red", "blue", None]})
    >>> len(table), table.holds_numbers("size"), table.holds_numbers("colour")
    (3, True, False)
    >>> table.numbers("size")
    array([1. , nan, 2.5])
    """

    def __init__(self, source: str, columns: dict[str, list[str | None]], lines=None):
        self.source = source
        self.columns = columns
        n_rows = len(next(iter(columns.values())))
        self.lines = list(range(2, 2 + n_rows)) if lines is None else lines
        self._parsed: dict[str, np.ndarray | None] = {}  # columns that were read as numbers

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return list(self.columns)

    def column(self, name: str) -> list[str | None]:
        """The cells of a column; a ValueError that names the close ones if there is none."""
        if name not in self.columns:
            raise ValueError(f"{self.source} has no column {name!r}. {hint(name, self.names)}")
        return self.columns[name]

    def take(self, index: list[int]) -> Table:
        """The table of the rows with these numbers."""
        columns = {name: [cells[i] for i in index] for name, cells in self.columns.items()}
        part = Table(self.source, columns, [self.lines[i] for i in index])
        numbers = {name: self._floats(name) for name in self.columns}  # once for all the parts
        part._parsed = {name: v[index] for name, v in numbers.items() if v is not None}
        return part

    def holds_numbers(self, name: str) -> bool:
        """Whether every cell of the column that is not missing is a number."""
        return self._floats(name) is not None

    def numbers(self, name: str) -> np.ndarray:
        """The column as float64, NaN where missing; a ValueError for any other cell."""
        values = self._floats(name)
        if values is None or np.isinf(values).any():
            for line, cell in zip(self.lines, self.column(name), strict=True):
                if not is_number(cell) or (cell is not None and math.isinf(float(cell))):
                    raise ValueError(
                        f"{self.source}, line {line}: expected a finite number in column "
                        f"{name!r}, received {cell!r}. Correct it, or leave the cell empty."
                    )
        return values.copy()

    def _floats(self, name: str) -> np.ndarray | None:
        if name not in self._parsed:
            self._parsed[name] = _floats(self.column(name))
        return self._parsed[name]


def read_csv(path) -> Table:
    """The table in a CSV file in UTF-8 whose first line names the columns.

    Cells are separated by the one of comma, semicolon, tab and | that splits the first line into
    the most names. Blanks around a cell are dropped; empty, NA, N/A, NaN, ? and null, in any case,
    are missing. Empty lines are skipped; a column without a name is called "column 3", say.

    Raises ValueError for a file that is empty, not UTF-8 or ragged, and for names that come twice.
    """
    import os

    source = os.path.basename(os.fspath(path))
    rows, lines = _parse(_decode(path, source), source)
    if not rows:
        raise ValueError(f"{source} is empty. Expected a line of column names and rows of values.")
    names = _header(source, rows.pop(0))
    if not rows:
        raise ValueError(f"{source} has column names but no rows of values below them.")
    lines = lines[1:]
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            raise ValueError(
                f"{source}, line {line}: expected {len(names)} values, as many as column names, "
                f"received {len(row)}. A value that contains the separator needs quotation marks."
            )
    columns = zip(*rows, strict=True)
    cells = ([_cell(text) for text in column] for column in columns)
    return Table(source, dict(zip(names, cells, strict=True)), lines)


def _decode(path, source: str) -> str:
    with open(path, "rb") as file:
        data = file.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{source}, line {line}: expected UTF-8 text, received the byte "
            f"0x{data[error.start]:02x}. Save the table again as UTF-8 (spreadsheets: CSV UTF-8)."
        ) from None


def _parse(text: str, source: str) -> tuple[list[list[str]], list[int]]:
    """The rows that are not empty, and the line in which each starts."""
    import csv
    import io

    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=lambda d: len(next(csv.reader([first], delimiter=d), "")))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines, start = [], [], 1
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{source}, line {start}: the row cannot be read ({error}). Look for a quotation mark "
            "that is not closed, or not doubled inside a quoted value."
        ) from None
    return rows, lines


def _header(source: str, cells: list[str]) -> list[str]:
    """The columns' names; a ValueError where the first line cannot be names."""
    if _floats(cells) is not None:
        raise ValueError(
            f"{source}: expected the columns' names in the first line, received only numbers "
            f"({', '.join(cells[:3])} ...). Add a line of names above it."
        )
    names = [cell.strip() or f"column {j}" for j, cell in enumerate(cells, 1)]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"{source}: expected a different name for each column, received {listed(twice)} more "
            "than once. Rename or delete the repeated columns."
        )
    return names


def _cell(text: str) -> str | None:
    text = text.strip()
    return None if len(text) < 5 and text.lower() in MISSING else text


def _floats(cells: list[str | None]) -> np.ndarray | None:
    """float64, NaN where missing; None if a cell is no number, as Python's 1_000 is none here."""
    try:
        values = np.array([math.nan if cell is None else float(cell) for cell in cells], np.float64)
    except ValueError:
        return None
    return None if "_" in "".join(filter(None, cells)) else values


def is_number(cell: str | None) -> bool:
    """Whether a cell is missing or holds a number."""
    return _floats([cell]) is not None


def check_target(table: Table, target: str):
    """Refuse a target column with missing cells, or with one value in every row."""
    cells = table.column(target)
    missing = [line for line, cell in zip(table.lines, cells, strict=True) if cell is None]
    if missing:
        raise ValueError(
            f"{table.source}: expected a value of {target!r} in every row, {len(missing)} of "
            f"{len(table)} rows have none (line {listed(missing, 5)}). Fill them in or delete them."
        )
    if len(set(cells)) < 2:
        raise ValueError(
            f"{table.source}: expected at least two different values of {target!r}, every row "
            f"has {cells[0]!r}. There is nothing to learn."
        )


def find_task(table: Table, target: str) -> str:
    """The task that the target column calls for: "classification" or "regression".

    Classification: text; two distinct whole numbers; or up to 20 distinct whole numbers with at
    least five rows each on average. Anything else is regression.
    """
    check_target(table, target)
    if not table.holds_numbers(target):
        return "classification"
    values = table.numbers(target)
    distinct = len(np.unique(values))
    few = distinct <= MOST_INTEGER_CLASSES and len(table) >= MIN_ROWS_PER_CLASS * distinct
    whole = bool((values == np.floor(values)).all())
    return "classification" if whole and (distinct == 2 or few) else "regression"


def split_rows(table: Table, target: str, task: str, fraction: float, seed: int):
    """The numbers of the training rows and of the test rows; the seed decides.

    fraction : of the rows to test, from 0 to below 1. In a classification every class gives its
    share to within one row, and keeps at least one row for training.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"Expected a test fraction from 0 to below 1; received {fraction!r}.")
    labels = table.column(target) if task == "classification" else [None] * len(table)
    groups: dict[str | None, list[int]] = {}
    for i in np.argsort(random.uniform(seed, len(table)), kind="stable").tolist():
        groups.setdefault(labels[i], []).append(i)
    free = [i for group in groups.values() for i in group[1:]]
    n_test = min(round(fraction * len(table)), len(free))
    if fraction and not n_test:
        raise ValueError(
            f"{table.source}: expected enough rows to set a fraction of {fraction:g} aside for "
            f"the test, received {len(table)}. Add rows, or test on none (a fraction of 0)."
        )
    # every (free / n_test)-th, class after class: each class's share comes out even
    test = {free[(2 * k + 1) * len(free) // (2 * n_test)] for k in range(n_test)}
    return [i for i in range(len(table)) if i not in test], sorted(test)


def hint(name: str, names: list[str]) -> str:
    """ "Did you mean ...?" where a name is close, else all there is."""
    import difflib

    lower = {other.lower(): other for other in names}
    close = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {listed([lower[c] for c in close])}?"
    return f"Its columns are {listed(names)}."


def listed(items: list, most: int = 10) -> str:
    """Items for a message: quoted if text, separated by commas, shortened if many."""
    shown = ", ".join(repr(item) for item in items[:most])
    return shown + (f", ... ({len(items)} in all)" if len(items) > most else "")
