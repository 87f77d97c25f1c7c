"""Layers, under Keras's names.

>>> from fastnn import layers
>>> layers.Dense(3, activation="relu").units
3
"""

from fastnn.layers.activation import ELU, LeakyReLU, PReLU, ReLU, Softmax
from fastnn.layers.base import Layer, Variable
from fastnn.layers.core import Activation, Dense, Flatten, Input, InputLayer, Reshape
from fastnn.layers.normalization import BatchNormalization
from fastnn.layers.regularization import Dropout
from fastnn.registry import get as _get

__all__ = ["ELU", "Activation", "BatchNormalization", "Dense", "Dropout", "Flatten", "Input",
           "InputLayer", "Layer", "LeakyReLU", "PReLU", "ReLU", "Reshape", "Softmax", "Variable",
           "deserialize"]


def deserialize(config: dict) -> Layer:
    """The layer that ``{"class_name": ..., "config": ...}`` describes, with fresh weights."""
    return _get("layer", config)
