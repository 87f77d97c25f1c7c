"""From the columns of a table to the numbers of a network, and back to words.

An `Encoder` learns from the training rows alone how each column becomes numbers; it is stored with
the model, so that prediction treats new rows alike.

>>> from fastnn.tables import Table
>>> columns = {"size": ["1", "3", None], "colour": ["red", "blue", "red"], "price": ["1", "3", "2"]}
>>> encoder = Encoder.fit(Table("example", columns), "price", "regression")
>>> encoder.features
['size', 'size is missing', 'colour = blue', 'colour = red']
>>> encoder.encode(Table("new", {"size": ["3", None], "colour": ["red", "green"]}))
array([[1., 0., 0., 1.],
       [0., 1., 0., 0.]])
"""

from __future__ import annotations

import math

import numpy as np

from fastnn.tables import Table, check_target, hint, is_number, listed

# A text column is refused with more distinct values than this, or with more than ID_VALUES where
# more than half the rows have their own: it names the rows (an id, a date, free text), and a
# network would learn the training rows by heart.
MOST_CATEGORIES = 100
ID_VALUES = 10


class NumberColumn:
    """(x - mean) / std, 0 where missing.

    If training met a missing cell, there is a second number, 1 where missing and else 0.
    std : 0 for a column with one value in training, which gives no number of its own.
    """

    def __init__(self, name: str, mean: float, std: float, missing: bool):
        self.name = str(name)
        self.mean = _finite("mean", mean)
        self.std = _finite("std", std)
        self.missing = bool(missing)

    @classmethod
    def fit(cls, table: Table, name: str) -> NumberColumn:
        values = table.numbers(name)
        known = values[~np.isnan(values)]
        if not known.size:  # nothing is known of any row, so nothing can be learnt
            return cls(name, 0.0, 0.0, False)
        mean, std = _moments(known)
        return cls(name, mean, std, known.size < values.size)

    @property
    def features(self) -> list[str]:
        return [self.name] * (self.std > 0) + [f"{self.name} is missing"] * self.missing

    def encode(self, table: Table) -> np.ndarray:
        values = table.numbers(self.name)
        missing = np.isnan(values)
        columns = []
        if self.std > 0:
            # a slip such as 1e300 must not reach the network as an infinity of float32
            with np.errstate(over="ignore"):
                z = np.clip((values - self.mean) / self.std, -1e6, 1e6)
            columns.append(np.where(missing, 0.0, z))
        if self.missing:
            columns.append(missing.astype(float))
        return np.column_stack(columns)

    def to_config(self) -> dict:
        return {"kind": "number", **vars(self)}


class TextColumn:
    """One number for each category met in training: 1 for the row's own, 0 for the others.

    A category that training did not meet is 0 in all of them. If training met a missing cell,
    there is one number more, 1 where missing.
    """

    def __init__(self, name: str, categories: list[str], missing: bool):
        self.name = str(name)
        self.categories = [str(category) for category in categories]
        self.missing = bool(missing)

    @classmethod
    def fit(cls, table: Table, name: str) -> TextColumn:
        cells = table.column(name)
        known = [cell for cell in cells if cell is not None]
        return cls(name, sorted(set(known)), len(known) < len(cells))

    @property
    def features(self) -> list[str]:
        if len(self.categories) < 2 and not self.missing:  # the same in every row
            return []
        names = [f"{self.name} = {category}" for category in self.categories]
        return names + [f"{self.name} is missing"] * self.missing

    def encode(self, table: Table) -> np.ndarray:
        place: dict[str | None, int] = {c: j for j, c in enumerate(self.categories)}
        if self.missing:
            place[None] = len(place)
        nowhere = len(place)  # a column for what training did not meet, cut off below
        cells = table.column(self.name)
        X = np.zeros((len(cells), nowhere + 1))
        X[np.arange(len(cells)), [place.get(cell, nowhere) for cell in cells]] = 1.0
        return X[:, :nowhere]

    def to_config(self) -> dict:
        return {"kind": "text", **vars(self)}


class ClassTarget:
    """A class for each row, numbered 0, 1, ... in the order of ``classes``.

    numbers : whether the labels are numbers, which are compared as such (1 and 1.0 are the same).
    """

    def __init__(self, name: str, classes: list[str], numbers: bool):
        self.name = str(name)
        self.classes = [str(label) for label in classes]
        self.numbers = bool(numbers)
        if len(self.classes) < 2:
            raise ValueError(f"Expected at least two classes; received {self.classes!r}.")

    @classmethod
    def fit(cls, table: Table, name: str) -> ClassTarget:
        numbers = table.holds_numbers(name)
        labels = set(_labels(table, name, numbers))
        if len(labels) > MOST_CATEGORIES:
            raise ValueError(
                f"{table.source}: {name!r} has {len(labels)} different values, too many for "
                f"classes (at most {MOST_CATEGORIES}). If they are amounts, ask for --task "
                "regression; otherwise choose another target."
            )
        return cls(name, sorted(labels, key=float if numbers else None), numbers)

    @property
    def outputs(self) -> int:
        """Two classes need one output, the probability of the second; more need one each."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def encode(self, table: Table) -> np.ndarray:
        """The class of each row, int64 (n,); a ValueError for a label training did not meet."""
        number = {label: i for i, label in enumerate(self.classes)}
        labels = _labels(table, self.name, self.numbers)
        unknown = sorted(set(labels) - set(number))
        if unknown:
            raise ValueError(
                f"{table.source}: expected classes of {self.name!r} that training has met "
                f"({listed(self.classes)}), received {listed(unknown)}."
            )
        return np.array([number[label] for label in labels], np.int64)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """(n, classes) from what the network predicts, (n, 1) or (n, classes)."""
        return np.hstack((1 - outputs, outputs)) if self.outputs == 1 else outputs

    def to_config(self) -> dict:
        return {"kind": "classes", **vars(self)}


class NumberTarget:
    """A number for each row, scaled for the network to mean 0 and standard deviation 1."""

    outputs = 1

    def __init__(self, name: str, mean: float, std: float):
        self.name = str(name)
        self.mean = _finite("mean", mean)
        self.std = _finite("std", std)
        if self.std <= 0:
            raise ValueError(f"Expected values of {name!r} that differ; all of them are {mean!r}.")

    @classmethod
    def fit(cls, table: Table, name: str) -> NumberTarget:
        return cls(name, *_moments(table.numbers(name)))

    def encode(self, table: Table) -> np.ndarray:
        """float64 (n,)"""
        return (table.numbers(self.name) - self.mean) / self.std

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """float64 (n,), in the units of the table, from what the network predicts, (n, 1)."""
        return np.asarray(outputs, np.float64).reshape(-1) * self.std + self.mean

    def to_config(self) -> dict:
        return {"kind": "value", **vars(self)}


class Encoder:
    """The columns that a network reads and the target that it predicts.

    columns : `NumberColumn` and `TextColumn` objects. target : a `ClassTarget` or a `NumberTarget`.
    """

    def __init__(self, columns: list, target):
        self.columns = list(columns)
        self.target = target
        if not self.columns or not all(column.features for column in self.columns):
            raise ValueError("Expected at least one column to predict from, each with a feature.")

    @classmethod
    def fit(cls, table: Table, target: str, task: str, drop=()) -> Encoder:
        """Learn from the training rows; ``task`` is "classification" or "regression".

        Left out are the columns in ``drop`` and those with one value in every row, from which
        nothing can be learnt.
        """
        if task not in ("classification", "regression"):
            raise ValueError(f"Expected 'classification' or 'regression'; received {task!r}.")
        check_target(table, target)
        for name in drop:
            table.column(name)  # that it exists
        if target in drop:
            raise ValueError(f"Expected the target among the columns kept; {target!r} is dropped.")
        inputs = [name for name in table.names if name != target and name not in drop]
        text = [name for name in inputs if not table.holds_numbers(name)]
        _check_categories(table, text)
        kinds = {name: TextColumn if name in text else NumberColumn for name in inputs}
        columns = [kinds[name].fit(table, name) for name in inputs]
        columns = [column for column in columns if column.features]
        if not columns:
            raise ValueError(
                f"{table.source}: no column is left to predict {target!r} from. Expected at least "
                "one other column whose values differ."
            )
        kind = ClassTarget if task == "classification" else NumberTarget
        return cls(columns, kind.fit(table, target))

    @property
    def features(self) -> list[str]:
        """A name for each column of X."""
        return [feature for column in self.columns for feature in column.features]

    def encode(self, table: Table) -> np.ndarray:
        """X, float64 (n, features). Columns that the encoder does not know are ignored."""
        lost = [column.name for column in self.columns if column.name not in table.columns]
        if lost:
            raise ValueError(
                f"{table.source} has no column {listed(lost)}, which the model needs. "
                f"{hint(lost[0], table.names)}"
            )
        return np.hstack([column.encode(table) for column in self.columns])

    def to_config(self) -> dict:
        """Plain data, ready for JSON."""
        columns = [column.to_config() for column in self.columns]
        return {"columns": columns, "target": self.target.to_config()}

    @classmethod
    def from_config(cls, config: dict) -> Encoder:
        """The encoder that `to_config` described; a ValueError for anything else."""
        try:
            columns = [_build(COLUMNS, column) for column in config["columns"]]
            return cls(columns, _build(TARGETS, config["target"]))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"expected the description of a table's columns, received one that is damaged "
                f"({error!r}). Train and save the model again."
            ) from error


COLUMNS = {"number": NumberColumn, "text": TextColumn}
TARGETS = {"classes": ClassTarget, "value": NumberTarget}


def _build(kinds: dict, config: dict):
    config = dict(config)
    return kinds[config.pop("kind")](**config)


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation; exactly 0 for equal values, and no overflow for large ones."""
    if values.min() == values.max():
        return float(values[0]), 0.0
    size = np.abs(values).max()
    return float(size * np.mean(values / size)), float(size * np.std(values / size))


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"Expected a finite {name}; received {value!r}.")
    return float(value)


def _labels(table: Table, name: str, numbers: bool) -> list[str]:
    """The cells of a target; numbers in their shortest form, whole ones without a point."""
    if not numbers:
        return table.column(name)
    return [str(int(v)) if v.is_integer() else repr(v) for v in table.numbers(name).tolist()]


def _check_categories(table: Table, names: list[str]):
    """Refuse text columns that name the rows; all of them in one message."""
    import shlex

    crowded = {}
    for name in names:
        known = [cell for cell in table.column(name) if cell is not None]
        n = len(set(known))
        if n > MOST_CATEGORIES or (n > ID_VALUES and n > len(known) / 2):
            crowded[name] = f"{name!r} ({n} in {len(known)} rows, {_example(table, name)})"
    if crowded:
        drop = " ".join(f"--drop {shlex.quote(name)}" for name in crowded)
        raise ValueError(
            f"{table.source}: too many different texts for categories in column "
            f"{', '.join(crowded.values())}. Leave out what only names the rows ({drop}); turn the "
            "rest into numbers or into fewer categories."
        )


def _example(table: Table, name: str) -> str:
    """A text of the column; the first that is no number, where most of them are."""
    texts = [i for i, cell in enumerate(table.column(name)) if not is_number(cell)]
    i = texts[0]
    if len(texts) < len(table) / 2:
        return f"numbers but for {table.column(name)[i]!r} in line {table.lines[i]}"
    return f"such as {table.column(name)[i]!r}"
