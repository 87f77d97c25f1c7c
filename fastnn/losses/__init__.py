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
>>> losses.mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]])  # of each sample
array([2.])
"""

from __future__ import annotations

from fastnn import registry
from fastnn.losses import functions
from fastnn.losses.base import (
    REDUCTIONS,
    ElementwiseLoss,
    Loss,
    code,
    divisor,
    elementwise,
    formula,
    recipe,
)
from fastnn.losses.canonical import LogLoss, PoissonDeviance
from fastnn.losses.crossentropy import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    Crossentropy,
    SparseCategoricalCrossentropy,
)
from fastnn.losses.functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    cosine_similarity,
    dice,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    log_loss,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    perceptron_loss,
    poisson,
    poisson_deviance,
    sparse_categorical_crossentropy,
    squared_hinge,
    sum_squared_error,
    tversky,
)
from fastnn.losses.margins import CategoricalHinge, Hinge, PerceptronLoss, SquaredHinge
from fastnn.losses.overlap import Dice, Tversky
from fastnn.losses.own import FunctionLoss, custom, of_function
from fastnn.losses.regression import (
    CosineSimilarity,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SumSquaredError,
)
from fastnn.losses.rows import (
    EPSILON,
    TINY,
    categorical_hinge_loss,
    cosine_loss,
    cross_loss,
    focal_loss,
    generalized_loss,
    one_hot,
    overlap_loss,
    smooth,
    softmax_loss,
)

__all__ = [
    "EPSILON", "REDUCTIONS", "TINY", "BinaryCrossentropy", "BinaryFocalCrossentropy",
    "CategoricalCrossentropy", "CategoricalFocalCrossentropy", "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge", "CosineSimilarity", "Crossentropy", "Dice", "ElementwiseLoss",
    "FunctionLoss", "Hinge", "Huber", "KLDivergence", "LogCosh", "LogLoss", "Loss",
    "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "PerceptronLoss", "Poisson", "PoissonDeviance",
    "SparseCategoricalCrossentropy", "SquaredHinge", "SumSquaredError", "Tversky",
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy", "categorical_hinge",
    "categorical_hinge_loss", "code", "cosine_loss", "cosine_similarity", "cross_loss", "custom",
    "deserialize", "dice", "divisor", "elementwise", "focal_loss", "formula", "generalized_loss",
    "get", "hinge", "huber", "kl_divergence", "log_cosh", "log_loss", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "of_function", "one_hot", "overlap_loss", "perceptron_loss", "poisson", "poisson_deviance",
    "recipe",
    "serialize", "smooth", "softmax_loss", "sparse_categorical_crossentropy", "squared_hinge",
    "sum_squared_error", "tversky",
]


def get(identifier) -> Loss | None:
    """The loss for a name, class, instance, dictionary, or function.

    "crossentropy" and "ce" are chosen when the data are seen. Of a function that is none of this
    module's, training finds the derivative: see `Loss`.
    """
    name = identifier.get("class_name") if isinstance(identifier, dict) else identifier
    if isinstance(name, str) and name.lower() in ("crossentropy", "ce"):
        return Crossentropy()
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier) and not isinstance(identifier, (type, Loss)):
        name = getattr(identifier, "__name__", "")
        if getattr(functions, name, None) is identifier:
            return registry.get("loss", name)
        return of_function(identifier)
    return registry.get("loss", identifier)


def serialize(loss: Loss) -> dict:
    """``{"class_name": ..., "config": ...}``, which `deserialize` turns back into an equal loss.

    >>> from fastnn import losses
    >>> losses.deserialize(losses.serialize(losses.Huber(delta=2.0))).delta
    2.0
    """
    return registry.serialize(get(loss))


def deserialize(name, custom_objects: dict | None = None) -> Loss | None:
    """The loss that `serialize` described; ``custom_objects`` are classes by name, found first."""
    with registry.custom_objects(custom_objects or {}):
        return get(name)
