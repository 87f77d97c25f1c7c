"""The names of ``keras`` itself, its modules apart."""

from __future__ import annotations

from fastnn.initializers import Initializer
from fastnn.keras.names import MODULES
from fastnn.layers import Input, Layer, Variable
from fastnn.layers.graph import Tensor as KerasTensor
from fastnn.losses import Loss
from fastnn.metrics import Metric
from fastnn.models import Model, Sequential
from fastnn.optimizers import Optimizer
from fastnn.regularizers import Regularizer

__all__ = ["Initializer", "Input", "KerasTensor", "Layer", "Loss", "Metric", "Model", "Optimizer",
           "Regularizer", "Sequential", "Variable", "version"]


def version() -> str:
    """The version of Keras whose names these are, and behind a plus that of fastnn."""
    return MODULES["keras"].version
