"""The losses' common part: what a loss is, how rows become one number, how it enters a plan."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from fastnn import registry
from fastnn.formulas import Formula, as_real
from fastnn.losses import recipes
from fastnn.losses.checks import check_gradient, derived
from fastnn.plan import Kind

# the reductions that make one number, with their codes in the plan (an op's ``sums``)
REDUCTIONS = {"sum_over_batch_size": 0, "mean": 0, "sum": 1, "mean_with_sample_weight": 2}


class Loss(Formula):
    """What training minimises: a number a sample, averaged (or summed) over the batch.

    reduction : "sum_over_batch_size" and "mean" divide the weighted sum by the number of rows, not
        by the sum of the weights; "mean_with_sample_weight" divides by that; "sum" does not
        divide; "none" or None keeps the rows apart, which is of no use in training.
    dtype : what a call computes in; None is the predictions' own type.

    A loss of your own is a subclass with ``call(y_true, y_pred)``, which returns the loss of each
    row (n,), or of each output (n, m), which are then averaged, and ``gradient(y_true, y_pred)``,
    (n, m): the derivative of that number in each output; it is checked before the first step. Both
    run inside the compiled stretch where Numba can compile them, which takes functions of the
    arguments alone (no ``self``) and of each row alone; elsewhere the model runs on the NumPy
    backend, and says so once. A formula with numbers of its own is a subclass of ElementwiseLoss.
    Without a ``gradient``, it is found through the functions of NumPy and `fastnn.ops` that
    ``call`` is made of, on the NumPy backend.

    >>> from fastnn import losses
    >>> class Quartic(losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return (y_pred - y_true) ** 4
    ...     def gradient(self, y_true, y_pred):
    ...         return 4 * (y_pred - y_true) ** 3
    >>> float(Quartic()([[1.0, 2.0]], [[1.0, 4.0]]))
    8.0
    """

    link: str | None = None
    sparse = False
    ignore_class: int | None = None
    domain: tuple[float, float] | None = None  # where the targets must lie; None: anywhere
    batchwise = False  # whether the loss of a batch is more than the sum of its rows'
    of_data = False  # whether it stands for a loss that ``choose`` takes by the targets

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size",
                 dtype=None):
        if reduction not in (*REDUCTIONS, "none", None):
            raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, none or None, "
                             f"received {reduction!r}.")
        self.reduction = reduction
        self.name = name or registry.snake_case(type(self).__name__)
        self.dtype = dtype

    def get_config(self) -> dict:
        return {**super().get_config(), "reduction": self.reduction, "name": self.name}

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The reduced loss: ``y_true`` and ``y_pred`` (n, m), ``sample_weight`` (n,) or None."""
        y_pred = as_real(y_pred) if self.dtype is None else np.asarray(y_pred, self.dtype)
        rows = np.asarray(self.rows(y_true, y_pred))
        return reduce(rows, self.reduction, sample_weight, self.valid(y_true, rows.shape))

    def target_width(self, m: int) -> int:
        """How many numbers a row's target has for ``m`` outputs."""
        return 1 if self.sparse else m

    def call(self, y_true, y_pred):
        """The loss of each sample; what a user's own loss defines."""
        raise TypeError(f"{type(self).__name__} defines no per-sample loss: "
                        "give it a method call(y_true, y_pred).")

    def rows(self, y_true, y_pred) -> np.ndarray:
        """The loss of each sample, shape (n,)."""
        return self.call(np.asarray(y_true), as_real(y_pred))

    def valid(self, y_true, shape) -> np.ndarray | None:
        """Which rows count; None: all of them."""
        if self.ignore_class is None:
            return None
        return (np.asarray(y_true) != self.ignore_class).reshape(shape)

    def check_targets(self, T: np.ndarray, name: str) -> None:
        """A ValueError for targets that the loss could not mean; ``name`` is the argument's."""

    @property
    def additive(self) -> bool:
        """Whether the loss of many rows is the mean of the losses of each, whatever the batches."""
        return (REDUCTIONS.get(self.reduction) == 0 and not self.batchwise
                and self.ignore_class is None)

    def divisor(self, n: int, weights=None, labels=None) -> float:
        """What the summed loss of a batch of n rows is divided by."""
        valid = None if self.ignore_class is None else labels != self.ignore_class
        return divisor(REDUCTIONS[self.reduction], n, weights, valid)

    def sums(self) -> int:
        """The reduction's code in the plan."""
        if self.reduction not in REDUCTIONS:
            raise ValueError(f"The loss {self.name!r} has reduction={self.reduction!r}, a number "
                             "for each row, but training minimises one number. Use it alone, or "
                             f"choose one of {', '.join(REDUCTIONS)}.")
        return REDUCTIONS[self.reduction]

    def lower(self, builder, value):
        """Append the loss's head to the plan and return the value that holds the predictions."""
        call, gradient = self.call, getattr(self, "gradient", None)
        if gradient is None:
            call, gradient = derived(self.name, self.call)
        elif not getattr(self, "checked", False):  # once an object
            check_gradient(self.name, self.call, gradient)
            self.checked = True
        shape, sums = (-1, *value.shape), self.sums()

        def scale(loss, y):
            """The weight in its row of one of the numbers that ``call`` returned."""
            return y.dtype.type(1 if sums == 1 else len(y) / max(1, np.size(loss)))

        def row(t, y):
            loss = call(t.reshape(shape), y.reshape(shape))
            return (np.asarray(loss, y.dtype) * scale(loss, y)).reshape(len(y), -1)

        def slope(t, y):
            t, y = t.reshape(shape), y.reshape(shape)
            dy = np.asarray(gradient(t, y), y.dtype) * scale(call(t, y), y)
            return dy.reshape(len(y), -1)

        if getattr(gradient, "traced", False):
            recipe = recipes.Recipe(self.name, why="its derivative is found as it runs, in Python")
        else:
            recipe = recipes.of_arrays(self.name, call, gradient, value.shape, sums == 1)
        return builder.head(Kind.ELEMENT_LOSS, value, numbers=(1.0,), sums=sums,
                            formula=_own_code((self.name, row, slope, ()), recipe))


class ElementwiseLoss(Loss):
    """A mean over the outputs of a function of one target and one output.

    A subclass defines ``value(t, y, *hyper)`` and ``gradient(t, y, *hyper)``, static and made of
    what `fastnn.formulas` knows, and names its hyperparameters, three at most, in ``hyper``.

    >>> from fastnn import losses
    >>> from fastnn.registry import register
    >>> @register("loss")
    ... class Steep(losses.ElementwiseLoss):
    ...     @staticmethod
    ...     def value(t, y):
    ...         e = y - t
    ...         return e * e * e * e
    ...     @staticmethod
    ...     def gradient(t, y):
    ...         e = y - t
    ...         return 4.0 * e * e * e
    >>> float(losses.get("steep")([[1.0, 2.0]], [[1.0, 4.0]]))
    8.0
    """

    from_logits = False
    axis = -1
    mean = True  # over the last axis; False: the sum

    def rows(self, y_true, y_pred):
        t, y = pair(y_true, y_pred)
        value = self.link_value if self.from_logits else self.value
        with np.errstate(all="ignore"):
            losses = value(t, y, *(y.dtype.type(number) for number in self.values()))
            return losses.mean(axis=self.axis) if self.mean else losses.sum(axis=self.axis)

    def scale(self, shape: tuple[int, ...]) -> float:
        """The weight of one output's loss in its row's, for rows of that shape."""
        positions = np.prod(shape[:-1]) if self.sums() != 1 else 1
        return 1.0 / float(positions * (shape[-1] if self.mean else 1))

    def lower(self, builder, value):
        last_axis(self, value)
        linked = "link_value" in vars(_owner(type(self))) and (
            self.from_logits or builder.strip_activation(value, self.link)
        )
        link = self.link if linked and not self.from_logits else None
        numbers = self.values()
        if len(numbers) > 3:
            raise ValueError(f"{type(self).__name__} has {len(numbers)} hyperparameters, "
                             f"{', '.join(self.hyper)}, but a plan has room for three.")
        if not _built_in(_owner(type(self))):
            check_gradient(self.name, lambda t, y: self.value(t, y, *numbers),
                           lambda t, y: self.gradient(t, y, *numbers))
        return builder.head(
            Kind.ELEMENT_LOSS, value, formula=code(type(self), linked), link=link,
            numbers=(self.scale(value.shape), *numbers), sums=self.sums(),
        )


# reductions


def divisor(code: int, n: int, weights=None, valid=None) -> float:
    """What a weighted sum over n rows is divided by; ``code`` as in REDUCTIONS.

    valid : which rows count. A sum of weights is over these alone.
    """
    if code == 1:
        return 1
    if code == 0 or weights is None:
        return n if valid is None else int(np.count_nonzero(valid))
    return float(np.sum(weights if valid is None else weights[valid], dtype=np.float64))


def reduce(rows: np.ndarray, reduction, weights=None, valid=None):
    """The rows' losses as ``reduction`` wants them: one number, or the rows themselves.

    Weights are for the first axes of ``rows``. A sum that would be divided by 0 is 0.
    """
    if weights is not None:
        weights = _spread(np.asarray(weights, rows.dtype), rows.shape)
        rows = rows * weights
    if valid is not None:
        rows = np.where(valid, rows, rows.dtype.type(0))
    if reduction not in REDUCTIONS or rows.ndim == 0:
        return rows[()]
    below = divisor(REDUCTIONS[reduction], rows.size, weights, valid)
    return rows.sum() / rows.dtype.type(below) if below else rows.dtype.type(0)


def _spread(weights, shape):
    if not shape:  # the loss of a whole batch: a row for each weight
        return weights
    if weights.ndim == len(shape) + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if weights.shape != shape[: weights.ndim]:
        raise ValueError(f"sample_weight has shape {weights.shape}, but the losses have {shape}.")
    return np.broadcast_to(
        weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim)), shape)


# the arguments


def pair(y_true, y_pred):
    """Targets and predictions of one shape and floating type."""
    y = as_real(y_pred)
    t = np.asarray(y_true, y.dtype)
    if t.ndim == y.ndim - 1 and y.shape[-1] == 1:
        t = t[..., None]
    elif y.ndim == t.ndim - 1 and t.shape[-1] == 1:
        t = t[..., 0]
    if t.shape != y.shape:
        raise ValueError(f"y_true has shape {t.shape}, y_pred {y.shape}: they must be equal.")
    return t, y


def last_axis(loss, value) -> None:
    """A ValueError unless the loss's ``axis`` is the last one of the model's output."""
    if loss.axis not in (-1, len(value.shape)):
        raise ValueError(f"axis={loss.axis!r} of the loss {loss.name!r}: a model is trained over "
                         f"the last axis of its output (rows, {', '.join(map(str, value.shape))}) "
                         "only. Use axis=-1, or put a layer in front that moves the axis.")


def flat(loss, value) -> None:
    """A ValueError unless a row of the model's output has one axis, as row-wise losses need."""
    if len(value.shape) != 1:
        raise ValueError(f"The loss {loss.name!r} takes outputs of shape (rows, m), but the "
                         f"model's are (rows, {', '.join(map(str, value.shape))}). Put Flatten() "
                         "last.")


# formulas


@cache
def elementwise() -> list[tuple[str, object, object, tuple[str, ...]]]:
    """Every printed formula as (name, value, gradient, hyper); its place here is its code."""
    table = []
    for cls in registry.classes("loss"):
        if issubclass(cls, ElementwiseLoss) and _built_in(cls):
            if "value" in vars(cls):
                table.append((cls.__name__, cls.value, cls.gradient, cls.hyper))
            if "link_value" in vars(cls):
                name = f"{cls.__name__}_{cls.link}"
                table.append((name, cls.link_value, cls.link_gradient, cls.hyper))
    return table


_own: list[tuple] = []  # users' formulas: codes behind the printed ones
_recipes: list[recipes.Recipe] = []  # how each of them is compiled


def formula(code: int) -> tuple:
    """The formula of a code: a row of `elementwise`, or a user's own."""
    printed = elementwise()
    return printed[code] if code < len(printed) else _own[code - len(printed)]


def recipe(code: int, numbers: tuple[float, ...]) -> recipes.Recipe | None:
    """How the user's formula of a code is compiled with these numbers; None for the package's."""
    at = code - len(elementwise())
    if at < 0:
        return None
    names = _own[at][3]
    return replace(_recipes[at], numbers=tuple(numbers[: len(names)])) if names else _recipes[at]


def code(cls: type[ElementwiseLoss], linked: bool) -> int:
    """The code of a loss class's formula on outputs, or on logits where ``linked``."""
    owner = _owner(cls)
    name = f"{owner.__name__}_{owner.link}" if linked else owner.__name__
    if _built_in(owner):
        return [row[0] for row in elementwise()].index(name)
    value, gradient = ((owner.link_value, owner.link_gradient) if linked else
                       (owner.value, owner.gradient))
    return _own_code((name, value, gradient, cls.hyper),
                     recipes.Recipe(name, value, gradient, "number"))


def _own_code(row: tuple, recipe: recipes.Recipe) -> int:
    if row not in _own:
        _own.append(row)
        _recipes.append(recipe)
    return len(elementwise()) + _own.index(row)


def _owner(cls: type) -> type:
    """The class that defines the formula."""
    return next(c for c in cls.__mro__ if "value" in vars(c))


def _built_in(cls: type) -> bool:
    return cls.__module__.startswith("fastnn.")
