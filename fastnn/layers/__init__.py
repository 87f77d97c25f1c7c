"""Layers, under Keras's names.

>>> from fastnn import layers
>>> layers.Dense(3, activation="relu").units
3
"""

from fastnn.layers.base import Layer, Variable
from fastnn.layers.core import Activation, Dense, Flatten, Input, InputLayer, Reshape
from fastnn.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from fastnn.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
)
from fastnn.registry import get as _get

__all__ = ["Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "Dense",
           "Dropout", "Flatten", "GaussianDropout", "GaussianNoise", "GroupNormalization", "Input",
           "InputLayer", "Layer", "LayerNormalization", "RMSNormalization", "Reshape",
           "UnitNormalization", "Variable", "deserialize"]


def deserialize(config: dict) -> Layer:
    """The layer that ``{"class_name": ..., "config": ...}`` describes, with fresh weights."""
    return _get("layer", config)
