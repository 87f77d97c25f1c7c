"""Layers, under Keras's names.

>>> from fastnn import layers
>>> layers.Dense(3, activation="relu").units
3
"""

from fastnn.layers.base import Layer, Variable
from fastnn.layers.core import Activation, Dense, Flatten, Input, InputLayer, Reshape
from fastnn.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fastnn.layers.normalization import BatchNormalization
from fastnn.layers.regularization import Dropout
from fastnn.registry import get as _get

__all__ = ["Activation", "Add", "Average", "BatchNormalization", "Concatenate", "Dense", "Dot",
           "Dropout", "Flatten", "Input", "InputLayer", "Layer", "Maximum", "Minimum", "Multiply",
           "Reshape", "Subtract", "Variable", "add", "average", "concatenate", "deserialize", "dot",
           "maximum", "minimum", "multiply", "subtract"]


def deserialize(config: dict) -> Layer:
    """The layer that ``{"class_name": ..., "config": ...}`` describes, with fresh weights."""
    return _get("layer", config)
