"""Losses for probabilities of classes: cross-entropy and its relatives.

Where a model ends in the matching sigmoid or softmax, these are computed from the logits, which
neither saturate nor overflow; probabilities that no link made are clipped as in Keras.
"""

from __future__ import annotations

import math

import numpy as np

from fastnn.formulas import abs, as_real, exp, log, log1p, maximum, minimum, where
from fastnn.losses.base import ElementwiseLoss, Loss, flat, last_axis, pair
from fastnn.losses.rows import (
    cross_loss,
    focal_loss,
    generalized_loss,
    one_hot,
    smooth,
    softmax_loss,
)
from fastnn.plan import Kind
from fastnn.registry import register


class _Probabilities(Loss):
    """The arguments that all of them have."""

    domain = (0.0, 1.0)

    def __init__(self, from_logits, label_smoothing, axis, reduction, name, dtype):
        super().__init__(name, reduction, dtype)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing must lie in [0, 1], received {label_smoothing!r}.")
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ValueError(f"axis must be a whole number, received {axis!r}.")
        self.from_logits = bool(from_logits)
        self.label_smoothing = float(label_smoothing)
        self.axis = axis

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits, "axis": self.axis}


@register("loss", "bce")
class BinaryCrossentropy(_Probabilities, ElementwiseLoss):
    """-(t log y + (1 - t) log(1 - y)), averaged over the outputs.

    From the logits: max(z, 0) - t z + log(1 + exp(-|z|)), whose gradient is sigmoid(z) - t.
    From probabilities that no sigmoid made, y is clipped to [1e-7, 1 - 1e-7] as in Keras; where the
    clip holds, the gradient is 0. ``label_smoothing`` s moves t to t (1 - s) + s / 2.
    """

    link = "sigmoid"
    hyper = ("label_smoothing",)

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)

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


@register("loss")
class BinaryFocalCrossentropy(_Probabilities, ElementwiseLoss):
    """Binary cross-entropy times (1 - p)^gamma, p = t y + (1 - t) (1 - y): easy rows count less.

    ``apply_class_balancing`` also weighs ones by alpha and zeros by 1 - alpha. From the logits as
    `BinaryCrossentropy`; label smoothing likewise. Lin et al. 2017, equations 4 and 5.
    """

    link = "sigmoid"
    hyper = ("label_smoothing", "gamma", "alpha")

    def __init__(self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                 label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size", name=None,
                 dtype=None):
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must lie in [0, 1], received {alpha!r}.")
        self.apply_class_balancing = bool(apply_class_balancing)
        self.alpha, self.gamma = float(alpha), _gamma(gamma)

    def values(self):
        # an op has room for three: -1 says that nothing is balanced
        alpha = self.alpha if self.apply_class_balancing else -1.0
        return (self.label_smoothing, self.gamma, alpha)

    def get_config(self):
        return {**super().get_config(), "apply_class_balancing": self.apply_class_balancing}

    # 1e-37: the power of 0 as exp(gamma log 0) would be NaN for gamma = 0

    @staticmethod
    def value(t, y, label_smoothing, gamma, alpha):
        s = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        p = minimum(maximum(y, 1e-7), 1.0 - 1e-7)
        rest = maximum(s + (1.0 - 2.0 * s) * y, 1e-37)
        weight = where(alpha < 0.0, 1.0, 1.0 - alpha - s + 2.0 * s * alpha)
        entropy = s * log(p) + (1.0 - s) * log(1.0 - p)
        return -weight * exp(gamma * log(rest)) * entropy

    @staticmethod
    def gradient(t, y, label_smoothing, gamma, alpha):
        s = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        p = minimum(maximum(y, 1e-7), 1.0 - 1e-7)
        slope = 1.0 - 2.0 * s
        wrong = s + slope * y
        rest = maximum(wrong, 1e-37)
        weight = where(alpha < 0.0, 1.0, 1.0 - alpha - s + 2.0 * s * alpha)
        entropy = s * log(p) + (1.0 - s) * log(1.0 - p)
        inner = where(p == y, (p - s) / (p * (1.0 - p)), 0.0)
        outer = where(rest == wrong, gamma * slope * entropy / rest, 0.0)
        return weight * exp(gamma * log(rest)) * (inner - outer)

    @staticmethod
    def link_value(t, z, label_smoothing, gamma, alpha):
        s = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        rest = maximum(s / (1.0 + exp(z)) + (1.0 - s) / (1.0 + exp(-z)), 1e-37)
        weight = where(alpha < 0.0, 1.0, 1.0 - alpha - s + 2.0 * s * alpha)
        entropy = maximum(z, 0.0) - s * z + log1p(exp(-abs(z)))
        return weight * exp(gamma * log(rest)) * entropy

    @staticmethod
    def link_gradient(t, z, label_smoothing, gamma, alpha):
        s = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
        y = 1.0 / (1.0 + exp(-z))
        n = 1.0 / (1.0 + exp(z))
        rest = maximum(s * n + (1.0 - s) * y, 1e-37)
        weight = where(alpha < 0.0, 1.0, 1.0 - alpha - s + 2.0 * s * alpha)
        entropy = maximum(z, 0.0) - s * z + log1p(exp(-abs(z)))
        outer = gamma * (1.0 - 2.0 * s) * (y * n / rest) * entropy
        return weight * exp(gamma * log(rest)) * (y - s + outer)


@register("loss", "cce")
class CategoricalCrossentropy(_Probabilities):
    """-sum_j t_j log y_j for one-hot (or soft) targets.

    From the logits: sum_j t_j (logsumexp(z) - z_j), gradient softmax(z) sum(t) - t. From
    probabilities that no softmax made, each row is divided by its sum and clipped to
    [1e-7, 1 - 1e-7], as in Keras. ``label_smoothing`` s moves t to t (1 - s) + s / m.
    """

    link = "softmax"
    hyper = ("label_smoothing",)

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)

    def rows(self, y_true, y_pred):
        t, y = self.targets(y_true, y_pred)
        with np.errstate(all="ignore"):
            return softmax_loss(t, y)[0] if self.from_logits else cross_loss(t, y)[0]

    def targets(self, y_true, y_pred):
        """Targets of the predictions' shape (n, m), smoothed, and the predictions."""
        t, y = (np.moveaxis(x, self.axis, -1) for x in pair(y_true, y_pred))
        return smooth(t, self.label_smoothing), y

    def lower(self, builder, value):
        linked = self.linked(builder, value)
        return self.head(builder, value, Kind.SOFTMAX_LOSS if linked else Kind.CROSS_LOSS, linked,
                         (1.0, *self.values()))

    def linked(self, builder, value) -> bool:
        """Whether ``value`` holds logits; a softmax that made it is taken off."""
        last_axis(self, value)
        flat(self, value)
        return self.from_logits or builder.strip_activation(value, "softmax")

    def head(self, builder, value, kind, linked, numbers, formula=0):
        return builder.head(
            kind, value, link="softmax" if linked and not self.from_logits else None,
            formula=formula, numbers=numbers, sums=self.sums(),
            sparse=self.sparse if self.ignore_class is None else 2,
            s=-1 if self.ignore_class is None else self.ignore_class)


@register("loss")
class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """-sum_j alpha_j t_j (1 - y_j)^gamma log y_j: classes that are easily right count less.

    alpha : a number, or (in calls, not in training) one for each class. From logits, probabilities
    and with label smoothing as `CategoricalCrossentropy`. Lin et al. 2017, equation 5.
    """

    def __init__(self, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.alpha = float(alpha) if np.ndim(alpha) == 0 else [float(a) for a in alpha]
        self.gamma = _gamma(gamma)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "gamma": self.gamma}

    def rows(self, y_true, y_pred):
        t, y = self.targets(y_true, y_pred)
        with np.errstate(all="ignore"):
            alpha = np.asarray(self.alpha, y.dtype)
            return focal_loss(t, y, alpha, self.gamma, self.from_logits)[0]

    def lower(self, builder, value):
        if np.ndim(self.alpha):
            raise ValueError("A model is trained with one alpha for all classes, received "
                             f"{self.alpha!r}. Weigh the rows with sample_weight instead.")
        linked = self.linked(builder, value)
        return self.head(builder, value, Kind.POWER_LOSS, linked, formula=int(linked),
                         numbers=(1.0, self.label_smoothing, self.alpha, self.gamma))


@register("loss")
class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """-log y_t for integer labels t in 0..m-1: categorical cross-entropy without the one-hot.

    ignore_class : a label, in 0..m-1 or not, whose rows cost nothing and do not count in the mean.

    >>> from fastnn.losses import SparseCategoricalCrossentropy
    >>> loss = SparseCategoricalCrossentropy(ignore_class=-1)
    >>> round(float(loss([1, -1], [[0.5, 0.5], [0.1, 0.9]])), 6)
    0.693147
    """

    sparse = True
    hyper = ()

    def __init__(self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size",
                 axis=-1, name=None, dtype=None):
        super().__init__(from_logits, 0.0, axis, reduction, name, dtype)
        self.ignore_class = None if ignore_class is None else int(ignore_class)

    def get_config(self):
        return {**super().get_config(), "ignore_class": self.ignore_class}

    def rows(self, y_true, y_pred):
        rows = super().rows(y_true, y_pred)
        valid = self.valid(y_true, rows.shape)
        return rows if valid is None else np.where(valid, rows, rows.dtype.type(0))

    def targets(self, y_true, y_pred):
        y = np.moveaxis(as_real(y_pred), self.axis, -1)
        return one_hot(np.asarray(y_true).reshape(y.shape[:-1]), y.shape[-1], y.dtype), y


@register("loss")
class CategoricalGeneralizedCrossEntropy(CategoricalCrossentropy):
    """(1 - y_t^q) / q for integer labels t in 0..m-1, 0 < q < 1: robust to wrong labels.

    Near q = 0 it is the cross-entropy, near q = 1 the mean absolute error. Probabilities that no
    softmax made are taken as they are. Zhang & Sabuncu 2018, equation 6.
    """

    sparse = True
    hyper = ("q",)

    def __init__(self, q=0.5, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(False, 0.0, -1, reduction, name, dtype)
        if not 0 < q < 1:
            raise ValueError(f"q must lie between 0 and 1, received {q!r}.")
        self.q = float(q)

    def get_config(self):
        return {"q": self.q, "reduction": self.reduction, "name": self.name}

    def rows(self, y_true, y_pred):
        t, y = SparseCategoricalCrossentropy.targets(self, y_true, y_pred)
        with np.errstate(all="ignore"):
            return generalized_loss(t, y, y.dtype.type(self.q))[0]

    def lower(self, builder, value):
        linked = self.linked(builder, value)
        return self.head(builder, value, Kind.POWER_LOSS, linked, formula=2 + linked,
                         numbers=(1.0, 0.0, self.q))


def _gamma(gamma) -> float:
    if not (gamma >= 0 and math.isfinite(gamma)):
        raise ValueError(f"gamma must be zero or positive, received {gamma!r}.")
    return float(gamma)


class Crossentropy(Loss):
    """The loss "crossentropy": binary, categorical or sparse, by the shapes of the data."""

    of_data = True

    def __init__(self):
        super().__init__("crossentropy")

    def choose(self, y, output_shape: tuple) -> Loss:
        """The loss for targets and for the shape of the model's output rows, as Keras chooses."""
        y_shape = np.shape(y)
        if output_shape[-1] == 1:
            return BinaryCrossentropy()
        if len(y_shape) < 1 + len(output_shape) or y_shape[-1] == 1:
            return SparseCategoricalCrossentropy()
        return CategoricalCrossentropy()

    def lower(self, builder, value):
        raise ValueError("The loss 'crossentropy' is chosen when fit or evaluate sees y. Name it: "
                         "'binary_', 'categorical_' or 'sparse_categorical_crossentropy'.")
