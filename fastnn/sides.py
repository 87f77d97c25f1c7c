"""Data of several inputs: which array is which, and all of them side by side in one matrix."""

from __future__ import annotations

import numpy as np

from fastnn import data


def rows(sides, shape: tuple, x, dtype, name: str = "x", finite: bool = True,
         sparse: bool = False):
    """``x`` as a model's rows (n, k): as its ``sides`` say, or for None as rows of the shape."""
    if sides is None:
        return data.inputs(x, shape, dtype, name, finite, sparse)
    return sides.rows(x, dtype, name, finite, sparse)


class Sides:
    """The inputs of a model: their names, the shapes of their rows, and how they are given.

    structure : an int for one input, or a list or dictionary of numbers for several.
    """

    def __init__(self, names: list[str], shapes: list[tuple], structure):
        self.names, self.shapes, self.structure = names, shapes, structure

    @property
    def several(self) -> bool:
        return len(self.shapes) > 1

    def rows(self, x, dtype, name: str = "x", finite: bool = True, sparse: bool = False):
        """``x`` as one matrix of the dtype, the inputs' columns side by side; `Beside` if one of
        them is of `fastnn.data.Rows`.

        Raises as `fastnn.data.inputs`, naming the input, and ValueError for another structure.
        """
        keys = list(self.structure) if isinstance(self.structure, dict) else self.names
        arrays = self._arrays(x, keys, name)
        if not self.several:
            return data.inputs(arrays[0], self.shapes[0], dtype, name, finite, sparse)
        names = [f"{name}[{key!r}]" for key in keys]
        parts = [data.inputs(array, shape, dtype, own, finite)
                 for array, shape, own in zip(arrays, self.shapes, names, strict=True)]
        lengths = {own: len(part) for own, part in zip(names, parts, strict=True)}
        if len(set(lengths.values())) > 1:
            data.check_lengths(lengths)
        if all(isinstance(part, np.ndarray) for part in parts):
            return np.hstack(parts)
        return Beside(parts)

    def _arrays(self, x, keys: list[str], name: str) -> list:
        """The array of each input, in order."""
        if isinstance(x, dict):
            for names in (keys, self.names):
                if set(names) <= x.keys():
                    return [x[key] for key in names]
            raise ValueError(f"{name} must be a dictionary with the inputs {', '.join(keys)}; "
                             f"received one with {', '.join(map(str, x))}.")
        if self.several:
            if not isinstance(x, (list, tuple)) or len(x) != len(keys):
                received = (f"{len(x)} items" if isinstance(x, (list, tuple)) else
                            type(x).__name__)
                raise ValueError(f"{name} must be a list of {len(keys)} arrays, or a dictionary of "
                                 f"them, for the inputs {', '.join(keys)}; received {received}.")
            return list(x)
        is_list = isinstance(x, (list, tuple)) and len(x) == 1
        whole = is_list and np.ndim(x[0]) == len(self.shapes[0]) + 1
        return [x[0] if whole else x]


class Beside(data.Rows):
    """Rows of several arrays side by side, which become floats when they are asked for."""

    def __init__(self, parts: list):
        self.parts, self.dtype = parts, parts[0].dtype
        width = sum(part.shape[1] for part in parts)
        self.shape = (len(parts[0]), width)
        self.at_once = max(1, data.WHOLE // (width * self.dtype.itemsize))

    def __getitem__(self, part) -> np.ndarray:
        return np.hstack([rows[part] for rows in self.parts])

    def view(self, part) -> Beside:
        """The rows of a slice, or of an array of numbers, as rows side by side again."""
        return Beside([rows[part] if isinstance(rows, np.ndarray) else rows.view(part)
                       for rows in self.parts])
