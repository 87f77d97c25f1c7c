"""Looks at the data before the first step: shapes, types, finite numbers, labels in range.

Everything comes out as the arrays that backends read, cast once and not copied where already right;
class numbers and the indices of sparse matrices, by which kernels look things up, always are.
Errors name the argument, what was expected, what came and where.

>>> import numpy as np

from fastnn.plan import Kind
>>> inputs([[1, 2], [3, float("nan")]], (2,), np.float32)
Traceback (most recent call last):
    ...
ValueError: x[1, 1] is nan, but every number in x must be finite. Drop or fill missing values first.
"""

from __future__ import annotations

import math
import operator

import numpy as np

from fastnn.plan import Kind
from fastnn.sparse import SparseRows, checked_csr, pays

# bytes: what is larger is not cast as a whole but row by row, as rows are needed
WHOLE = 1 << 26


def inputs(x, shape: tuple[int, ...], dtype, name: str = "x", finite: bool = True,
           sparse: bool = False):
    """``x`` as rows (n, k) of the dtype, C-contiguous, ``k`` the product of ``shape``.

    Sparse matrices of SciPy, and large arrays of another type, become `Rows`; with ``sparse``, thin
    matrices `SparseRows`.

    Raises TypeError for what holds no real numbers, ValueError for rows of another shape, and, if
    ``finite``, for NaN and infinity.
    """
    if isinstance(x, Rows):  # and stay so
        x.check_width(shape, name)
        rows = Rows(x.source, x.shape[1], dtype, x.index)
        if finite:
            rows.check_finite(name)
        return rows
    given = checked_csr(x, name) if hasattr(x, "tocsr") else _numbers(x, name)
    array = _with_columns(given, shape)
    if array.ndim == 0 or array.shape[1:] != shape:
        raise ValueError(f"{name} must have the shape {_rows_of(shape)} that the model takes, "
                         f"received {array.shape}.{_reshape_hint(array, shape)}")
    if sparse and not isinstance(array, np.ndarray) and pays(array):
        rows = SparseRows(array, dtype)
        if np.isfinite(rows.values).all():
            return rows  # else the error's message takes the way of all others
    size = array.shape[0] * math.prod(shape) * np.dtype(dtype).itemsize
    if not isinstance(array, np.ndarray) or (array.dtype != dtype and size > WHOLE):
        rows = Rows(array, math.prod(shape), dtype)
        if finite:
            rows.check_finite(name)
        return rows if size > WHOLE else rows[:]
    rows = _cast(array, dtype).reshape(len(array), math.prod(shape))
    if finite:
        _check_finite(rows, given, name)
    return rows


def targets(y, shape: tuple[int, ...], loss, dtype, name: str = "y"):
    """The pair (T, labels), of which the one that the loss reads is filled: (n, m) or (n,) int64.

    ``shape`` is that of the model's output rows, m its product. Raises as :func:`inputs`, and
    ValueError for labels that are not the classes 0..m-1 or targets outside of the loss's domain.
    """
    if y is None:
        raise ValueError(f"{name} is missing: the loss {loss.name!r} compares predictions with it.")
    given = _numbers(y, name)
    if loss.sparse:
        return np.empty((0, 0), dtype), _labels(given, math.prod(shape), name, loss.ignore_class)
    array = _with_columns(given, shape)
    if array.ndim == 0 or array.shape[1:] != shape:
        raise ValueError(
            f"{name} must have the shape {_rows_of(shape)} of the model's output for the loss "
            f"{loss.name!r}, received {array.shape}.{_target_hint(array, shape, loss)}")
    T = _cast(array, dtype).reshape(len(array), math.prod(shape))
    _check_finite(T, given, name)
    if loss.domain is not None and T.size:
        low, high = loss.domain
        if T.min() < low or T.max() > high:
            where = _first((low > T) | (high < T), given)
            raise ValueError(
                f"{name}[{where}] is {given[where]}, but the loss {loss.name!r} takes targets from "
                f"{low:g} to {high:g}. Encode two classes as 0 and 1, or use another loss.")
    loss.check_targets(T, name)
    return T, np.empty(0, np.int64)


def weights(sample_weight, n: int, dtype, name: str = "sample_weight") -> np.ndarray | None:
    """Row weights (n,) of the dtype, none of them negative; None stays None."""
    if sample_weight is None:
        return None
    given = _numbers(sample_weight, name)
    if given.shape not in ((n,), (n, 1)):
        raise ValueError(f"{name} must have a number for each of the {n} rows, shape ({n},); "
                         f"received {given.shape}.")
    cast = _cast(given.reshape(n), dtype)
    _check_finite(cast, given, name)
    if n and cast.min() < 0:
        where = _first(cast < 0, given)
        raise ValueError(f"{name}[{where}] is {given[where]}, but weights must not be negative.")
    return cast


def check_lengths(rows: dict[str, int]) -> None:
    """A ValueError unless all arrays have the same number of rows, and at least one."""
    listed = ", ".join(f"{name} has {n}" for name, n in rows.items())
    if len(set(rows.values())) > 1:
        raise ValueError(f"The arrays must have the same number of rows: {listed}.")
    if 0 in rows.values():
        raise ValueError(f"There must be at least one row: {listed}.")


def check_rows_of_tables(X, plan, name: str = "x") -> None:
    """A ValueError if a column that an embedding reads has a number that is no row of its table."""
    for op in plan.ops[plan.ops["kind"] == Kind.EMBEDDING]:
        for source in plan.ops[plan.ops["kind"] == Kind.INPUT]:
            if source["dst"] == op["src"]:
                _check_places(X, source, int(op["s"]), name)


def _check_places(X, source, size: int, name: str) -> None:
    """A ValueError unless the source's columns of X hold numbers from 0 to ``size - 1``."""
    at_once = getattr(X, "at_once", len(X)) or 1
    for start in range(0, len(X), at_once):
        columns = X[start : start + at_once][:, source["s"] : source["s"] + source["k"]]
        wrong = ~((columns > -1) & (columns < size))
        if wrong.any():
            row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
            raise ValueError(f"{name} must hold whole numbers from 0 to {size - 1} for its "
                             f"Embedding, received {columns[row, column]:g} in row {start + row}. "
                             "Give the layer a larger input_dim, or number the items from 0.")


_REQUIRED = object()


def whole_number(name: str, value, least: int, default=_REQUIRED) -> int:
    """``value`` as an int of at least ``least``: ValueError otherwise, TypeError for no number.

    None is the ``default``, if there is one.
    """
    if value is None and default is not _REQUIRED:
        return default
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        error = TypeError if isinstance(value, (str, list, tuple, dict, type(None))) else ValueError
        raise error(f"{name} must be a whole number of at least {least}, received {value!r}.")
    return number


def split_point(validation_split, n: int) -> int:
    """How many rows are left for training when the last ``validation_split`` of n is held out."""
    try:
        share = float(validation_split)
    except (TypeError, ValueError):
        share = math.nan
    if not 0 <= share < 1:
        raise ValueError("validation_split must be a number of at least 0 and below 1, received "
                         f"{validation_split!r}.")
    point = math.floor(n * (1 - share))  # as Keras rounds
    if share and not 0 < point < n:
        raise ValueError(f"validation_split={validation_split!r} divides {n} rows into {point} to "
                         f"train on and {n - point} to validate on, but both need at least one.")
    return point


def validation_arrays(validation_data) -> tuple:
    """(x, y, sample_weight or None) of the argument ``validation_data``."""
    is_tuple = isinstance(validation_data, (tuple, list))
    if not is_tuple or len(validation_data) not in (2, 3):
        length = f" of length {len(validation_data)}" if is_tuple else ""
        raise ValueError("validation_data must be a tuple (x, y) or (x, y, sample_weight), "
                         f"received a {type(validation_data).__name__}{length}.")
    return tuple(validation_data) if len(validation_data) == 3 else (*validation_data, None)


def validation_epochs(validation_freq):
    """A function that says whether to validate after an epoch (counted from 0)."""
    if isinstance(validation_freq, (list, tuple, set, range)):
        epochs = {whole_number("validation_freq", epoch, 1) for epoch in validation_freq}
        return lambda epoch: epoch + 1 in epochs
    every = whole_number("validation_freq", validation_freq, 1)
    return lambda epoch: (epoch + 1) % every == 0


class Rows:
    """Rows of a large or sparse array that become floats when they are asked for.

    ``rows[part]`` is a C-contiguous array of the dtype for a slice, or an array of row numbers.
    ``at_once``: how many rows fill `WHOLE` bytes.
    """

    def __init__(self, source, width: int, dtype, index: np.ndarray | None = None):
        self.source, self.dtype = source, np.dtype(dtype)
        self.index = index  # which rows of the source, None for all
        self.shape = (source.shape[0] if index is None else len(index), width)
        self.at_once = max(1, WHOLE // (width * self.dtype.itemsize))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part) -> np.ndarray:
        found = self.source[part if self.index is None else self.index[part]]
        if hasattr(found, "toarray"):
            found = found.toarray()
        return _cast(found, self.dtype).reshape(-1, self.shape[1])

    def view(self, part) -> Rows:
        """The rows of a slice, or of an array of numbers, as `Rows` again."""
        numbers = np.arange(len(self)) if self.index is None else self.index
        return Rows(self.source, self.shape[1], self.dtype, numbers[part])

    def check_width(self, shape: tuple, name: str) -> None:
        """A ValueError unless its rows have as many numbers as rows of the shape."""
        if self.shape[1] != math.prod(shape):
            raise ValueError(f"{name} must have the shape {_rows_of(shape)} that the model takes, "
                             f"received {self.shape}.")

    def check_finite(self, name: str) -> None:
        """A ValueError for NaN and infinity, and for what the dtype cannot hold."""
        if self.source.dtype.kind in "iub":
            return
        for first in range(0, len(self), self.at_once):
            part = slice(first, first + self.at_once)
            given = self.source[part if self.index is None else self.index[part]]
            _check_finite(self[part], given, name, first)


# arrays


def _numbers(x, name: str) -> np.ndarray:
    """``x`` as an array of real numbers, in its own type."""
    if hasattr(x, "filled") and np.any(x.mask):  # of numpy.ma
        where = _first(np.broadcast_to(x.mask, x.shape), x)
        raise ValueError(f"{name}[{where}] is masked. Fill what is masked first, by "
                         f"{name}.filled(value), or drop those rows.")
    try:
        array = np.asarray(x)
        if array.dtype == object and array.ndim:  # pandas's nullable columns, Python numbers mixed
            text = next((value for value in array.flat if isinstance(value, (str, bytes))), None)
            if text is not None:
                raise ValueError(f"{text!r:.50} is text")  # though float() may read it
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} cannot be read as an array of numbers ({error}). All its rows "
                         f"must have the same length and hold numbers only.{_columns_hint(x)}"
                         ) from None
    if array.dtype.kind not in "fiub":
        hint = ""
        if array.dtype.kind in "US":
            hint = " Encode text as numbers first, for example by np.unique(..., return_inverse=1)."
        elif hasattr(x, "toarray"):
            hint = f" Pass {name}.toarray()."
        raise TypeError(f"{name} must hold real numbers, received {type(x).__name__} of dtype "
                        f"{array.dtype}.{hint}{_columns_hint(x)}")
    return array


def _with_columns(array: np.ndarray, shape: tuple) -> np.ndarray:
    """(n,) as (n, 1) where rows of one number are expected."""
    return array[:, None] if array.ndim == 1 and shape == (1,) else array


def _cast(array: np.ndarray, dtype) -> np.ndarray:
    """C-contiguous and aligned, of the dtype; the array itself if it is so already."""
    with np.errstate(over="ignore"):  # 1e300 becomes inf in float32, which the finite check finds
        array = np.asarray(array, dtype, order="C")
    return array if array.flags.aligned else array.copy()


def all_finite(array: np.ndarray) -> bool:
    """Whether every number is finite."""
    with np.errstate(all="ignore"):
        # if the sum is finite all its terms are, and it reads the array once and makes none
        return math.isfinite(array.sum()) or bool(np.isfinite(array).all())


def _check_finite(cast: np.ndarray, given: np.ndarray, name: str, first: int = 0) -> None:
    """A ValueError that names the first number of ``cast`` that is NaN or infinite.

    first : the number of its first row.
    """
    if all_finite(cast):
        return
    where = _first(~np.isfinite(cast), given)
    value, where = given[where], _Place((where[0] + first, *where[1:]))
    if np.isfinite(value):
        raise ValueError(f"{name}[{where}] is {value}, too large for {cast.dtype}. Scale the data, "
                         "or make the model with dtype='float64'.")
    raise ValueError(f"{name}[{where}] is {value}, but every number in {name} must be finite. Drop "
                     "or fill missing values first.")


def _labels(given: np.ndarray, m: int, name: str, ignored: int | None = None) -> np.ndarray:
    """Class numbers (n,) as int64, each of them in 0..m-1 or the one to be ignored."""
    if given.ndim != 1 and given.shape[1:] != (1,):
        raise ValueError(f"{name} must hold a class number for each row, shape (rows,), for a "
                         f"sparse loss; received {given.shape}. For one-hot rows use the loss "
                         "'categorical_crossentropy'.")
    given = given.copy()  # kernels look up by it; what is the caller's may change meanwhile
    valid = (given >= 0) & (given < m)  # a NaN is not valid
    if given.dtype.kind == "f":
        valid &= given == np.floor(given)
    if ignored is not None:
        valid |= given == ignored
    if not valid.all():
        where = _first(~valid, given)
        raise ValueError(f"{name}[{where}] is {given[where]}, but the model's {m} outputs stand "
                         f"for the classes 0 to {m - 1}. Number the classes from 0, and give the "
                         "last layer as many units as there are classes.")
    return np.asarray(given, np.int64, order="C").reshape(-1)


# words for errors


class _Place(tuple):
    """An index that prints as one writes it between brackets."""

    def __str__(self):
        return ", ".join(map(str, self))


def _first(mask: np.ndarray, given: np.ndarray) -> _Place:
    """The index, in the array as given, of the mask's first True."""
    return _Place(int(i) for i in np.unravel_index(int(mask.argmax()), given.shape))


def _rows_of(shape: tuple) -> str:
    return f"(rows, {', '.join(map(str, shape))})"


def _columns_hint(x) -> str:
    """What of a data frame are no numbers."""
    columns = [str(column) for column in getattr(x, "columns", ())]
    if not columns or not hasattr(x, "isna"):
        return ""
    found = [column for column, dtype in zip(columns, x.dtypes, strict=True)
             if getattr(dtype, "kind", "f") not in "fiub"]
    hint = f" These columns do not: {', '.join(found)}." if found else ""
    missing = [column for column, any_here in zip(columns, x.isna().any(), strict=True) if any_here]
    if missing:
        hint += f" There are missing values in {', '.join(missing)}: drop or fill them first."
    return hint


def _reshape_hint(array: np.ndarray, shape: tuple) -> str:
    if array.shape == shape:
        return " For a single row add an axis in front: x[None]."
    if array.ndim and math.prod(array.shape[1:]) == math.prod(shape):
        return f" Reshape it with .reshape(-1, {', '.join(map(str, shape))})."
    return ""


def _target_hint(array: np.ndarray, shape: tuple, loss) -> str:
    is_column = array.ndim == 1 or array.shape[1:] == (1,)
    if is_column and loss.link == "softmax":
        return (" For class numbers use the loss 'sparse_categorical_crossentropy', or encode them "
                "by fastnn.utils.to_categorical(y).")
    if array.ndim == 2 and len(shape) == 1:
        return f" Give the last layer {array.shape[1]} units, or choose other targets."
    return _reshape_hint(array, shape)
