"""Losses: one class each, the value and its gradient.

An elementwise loss is ``value(t, y, *hyper)`` and ``gradient(t, y, *hyper)`` of one target and one
output; a sample's loss is the mean over its outputs. A loss with a ``link`` also has
``link_value(t, z, *hyper)`` and ``link_gradient``: the same loss as a function of the logits, which
neither saturate nor overflow. Where a model ends in the matching activation, lowering folds it in.

>>> import numpy as np
>>> from fastnn import losses
>>> loss = losses.MeanSquaredError()
>>> float(loss(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])))
2.0
"""

from __future__ import annotations

import numpy as np

from fastnn import registry
from fastnn.formulas import Formula, abs, as_real, exp, log, log1p, maximum, minimum, where
from fastnn.plan import Kind
from fastnn.registry import register

REDUCTIONS = ("sum_over_batch_size", "sum")

# Keras's epsilon: probabilities are clipped to [1e-7, 1 - 1e-7] before a logarithm is taken
EPSILON = 1e-7


class Loss(Formula):
    """What training minimises: a number a sample, averaged (or summed) over the batch.

    reduction : "sum_over_batch_size" divides the weighted sum by the number of rows, as Keras does
        (not by the sum of the weights); "sum" does not divide.
    """

    link: str | None = None
    sparse = False
    domain: tuple[float, float] | None = None  # where the targets must lie; None: anywhere

    def __init__(self, reduction: str = "sum_over_batch_size", name: str | None = None):
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {REDUCTIONS}, received {reduction!r}.")
        self.reduction = reduction
        self.name = name or registry.snake_case(type(self).__name__)

    def get_config(self) -> dict:
        return {**super().get_config(), "reduction": self.reduction, "name": self.name}

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The reduced loss of a batch: ``y_true`` and ``y_pred`` (n, m), ``sample_weight`` (n,)."""
        rows = self.rows(y_true, y_pred)
        if sample_weight is not None:
            rows = rows * np.asarray(sample_weight, rows.dtype).reshape(rows.shape)
        total = rows.sum()
        return total / rows.size if self.reduction == "sum_over_batch_size" else total

    def target_width(self, m: int) -> int:
        """How many numbers a row's target has for ``m`` outputs."""
        return 1 if self.sparse else m

    def rows(self, y_true, y_pred) -> np.ndarray:
        """The loss of each sample, shape (n,)."""
        raise TypeError(f"{type(self).__name__} defines no per-sample loss.")  # abstract

    def lower(self, builder, value):
        """Append the loss's head to the plan and return the value that holds the predictions."""
        raise TypeError(f"{type(self).__name__} cannot be lowered.")  # abstract


class ElementwiseLoss(Loss):
    """A mean over the outputs of a function of one target and one output."""

    from_logits = False

    def rows(self, y_true, y_pred):
        t, y = _pair(y_true, y_pred)
        value = self.link_value if self.from_logits else self.value
        with np.errstate(all="ignore"):
            return value(t, y, *self.values()).mean(axis=-1)

    def scale(self, m: int) -> float:
        """The weight of one output's loss in its sample's."""
        return 1.0 / m

    def lower(self, builder, value):
        linked = self.link is not None and (
            self.from_logits or builder.strip_activation(value, self.link)
        )
        link = self.link if linked and not self.from_logits else None
        return builder.head(
            Kind.ELEMENT_LOSS, value, formula=code(type(self), linked), link=link,
            numbers=(self.scale(value.width), *self.values()),
            sums=self.reduction == "sum",
        )


@register("loss", "mse")
class MeanSquaredError(ElementwiseLoss):
    """(y - t)^2, averaged over the outputs."""

    @staticmethod
    def value(t, y):
        return (y - t) * (y - t)

    @staticmethod
    def gradient(t, y):
        return 2.0 * (y - t)


@register("loss", "sse")
class SumSquaredError(MeanSquaredError):
    """(y - t)^2, *summed* over the outputs: the cost of the course notes.

    >>> from fastnn.losses import SumSquaredError
    >>> float(SumSquaredError()([[3.0]], [[18.0]]))
    225.0
    """

    def rows(self, y_true, y_pred):
        return super().rows(y_true, y_pred) * np.shape(y_pred)[-1]

    def scale(self, m):
        return 1.0


@register("loss", "mae")
class MeanAbsoluteError(ElementwiseLoss):
    """|y - t|, averaged over the outputs; the subgradient at y = t is 0."""

    @staticmethod
    def value(t, y):
        return abs(y - t)

    @staticmethod
    def gradient(t, y):
        return where(y > t, 1.0, 0.0) - where(y < t, 1.0, 0.0)


@register("loss", "bce")
class BinaryCrossentropy(ElementwiseLoss):
    """-(t log y + (1 - t) log(1 - y)), averaged over the outputs.

    From the logits: max(z, 0) - t z + log(1 + exp(-|z|)), whose gradient is sigmoid(z) - t.
    From probabilities that no sigmoid made, y is clipped to [1e-7, 1 - 1e-7] as in Keras; where the
    clip holds, the gradient is 0. ``label_smoothing`` s moves t to t (1 - s) + s / 2.
    """

    link = "sigmoid"
    domain = (0.0, 1.0)
    hyper = ("label_smoothing",)

    def __init__(self, from_logits=False, label_smoothing=0.0, reduction="sum_over_batch_size",
                 name=None):
        super().__init__(reduction, name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}

    @staticmethod
    def value(t, y, label_smoothing):
        s = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        p = minimum(maximum(y, 1e-7), 1.0 - 1e-7)
        return -(s * log(p) + (1.0 - s) * log(1.0 - p))

    @staticmethod
    def gradient(t, y, label_smoothing):
        s = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        p = minimum(maximum(y, 1e-7), 1.0 - 1e-7)
        return where(p == y, (p - s) / (p * (1.0 - p)), 0.0)

    @staticmethod
    def link_value(t, z, label_smoothing):
        s = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        return maximum(z, 0.0) - s * z + log1p(exp(-abs(z)))

    @staticmethod
    def link_gradient(t, z, label_smoothing):
        s = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        return 1.0 / (1.0 + exp(-z)) - s


@register("loss", "cce")
class CategoricalCrossentropy(Loss):
    """-sum_j t_j log y_j for one-hot (or soft) targets.

    From the logits: sum_j t_j (logsumexp(z) - z_j), gradient softmax(z) sum(t) - t. From
    probabilities that no softmax made, each row is divided by its sum and clipped to
    [1e-7, 1 - 1e-7], as in Keras. ``label_smoothing`` s moves t to t (1 - s) + s / m.
    """

    link = "softmax"
    domain = (0.0, 1.0)
    hyper = ("label_smoothing",)

    def __init__(self, from_logits=False, label_smoothing=0.0, reduction="sum_over_batch_size",
                 name=None):
        super().__init__(reduction, name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}

    def rows(self, y_true, y_pred):
        t, y = self.targets(y_true, y_pred)
        if self.from_logits:
            return softmax_loss(t, y)[0]
        return cross_loss(t, y)[0]

    def targets(self, y_true, y_pred):
        """Targets of the predictions' shape (n, m), smoothed, and the predictions."""
        t, y = _pair(y_true, y_pred)
        return smooth(t, self.label_smoothing), y

    def lower(self, builder, value):
        linked = self.from_logits or builder.strip_activation(value, "softmax")
        return builder.head(
            Kind.SOFTMAX_LOSS if linked else Kind.CROSS_LOSS, value,
            link="softmax" if linked and not self.from_logits else None,
            numbers=(1.0, *self.values()), sparse=self.sparse, sums=self.reduction == "sum",
        )


@register("loss")
class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """-log y_t for integer labels t in 0..m-1: categorical cross-entropy without the one-hot."""

    sparse = True
    hyper = ()

    def __init__(self, from_logits=False, reduction="sum_over_batch_size", name=None):
        super().__init__(from_logits, 0.0, reduction, name)

    def targets(self, y_true, y_pred):
        y = as_real(y_pred)
        return one_hot(np.asarray(y_true).reshape(len(y)), y.shape[-1], y.dtype), y


def softmax_loss(t, z) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per-row cross-entropy of logits ``z`` (n, m), its gradient in z, and softmax(z)."""
    shifted = z - z.max(axis=-1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=-1, keepdims=True)
    y = e / total
    # where t is 0 a logit of -inf must not make 0 * inf
    loss = np.where(t == 0, 0, t * (np.log(total) - shifted)).sum(axis=-1)
    return loss, y * t.sum(axis=-1, keepdims=True) - t, y


def cross_loss(t, y) -> tuple[np.ndarray, np.ndarray]:
    """Per-row cross-entropy of probabilities ``y`` (n, m), rows normalised; gradient in y."""
    total = y.sum(axis=-1, keepdims=True)
    q = y / total
    p = np.minimum(np.maximum(q, EPSILON), 1 - EPSILON)
    loss = -(t * np.log(p)).sum(axis=-1)
    dq = np.where(p == q, -t / p, 0)
    return loss, (dq - (dq * q).sum(axis=-1, keepdims=True)) / total


def one_hot(labels, m: int, dtype) -> np.ndarray:
    """Integer labels (n,) as rows of 0 and 1, shape (n, m)."""
    t = np.zeros((len(labels), m), dtype)
    t[np.arange(len(labels)), np.asarray(labels, np.int64)] = 1
    return t


def smooth(t, s: float) -> np.ndarray:
    """Targets (n, m) moved towards the uniform distribution by the fraction ``s``."""
    return t if s == 0 else t * (1 - s) + s / t.shape[-1]


def _smoothing(value) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], received {value!r}.")
    return float(value)


def _pair(y_true, y_pred):
    y = as_real(y_pred)
    t = np.asarray(y_true, y.dtype)
    if t.ndim == y.ndim - 1 and y.shape[-1] == 1:
        t = t[..., None]
    if t.shape != y.shape:
        raise ValueError(f"y_true has shape {t.shape}, y_pred {y.shape}: they must be equal.")
    return t, y


def elementwise() -> list[tuple[str, object, object, tuple[str, ...]]]:
    """Every elementwise formula as (name, value, gradient, hyper); its place here is its code."""
    table = []
    for cls in registry.classes("loss"):
        if issubclass(cls, ElementwiseLoss):
            if "value" in vars(cls):
                table.append((cls.__name__, cls.value, cls.gradient, cls.hyper))
            if "link_value" in vars(cls):
                name = f"{cls.__name__}_{cls.link}"
                table.append((name, cls.link_value, cls.link_gradient, cls.hyper))
    return table


def code(cls: type[ElementwiseLoss], linked: bool) -> int:
    """The code of a loss class's formula on outputs, or on logits where ``linked``."""
    owner = next(c for c in cls.__mro__ if "value" in vars(c))
    name = f"{owner.__name__}_{cls.link}" if linked else owner.__name__
    return [row[0] for row in elementwise()].index(name)


def get(identifier) -> Loss:
    """The loss for a name, class or instance."""
    return registry.get("loss", identifier)
