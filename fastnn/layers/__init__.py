"""Layers, under Keras's names.

>>> from fastnn import layers
>>> layers.Dense(3, activation="relu").units
3
"""

from fastnn.layers.activation import ELU, LeakyReLU, PReLU, ReLU, Softmax
from fastnn.layers.base import Layer, Variable
from fastnn.layers.core import Activation, Dense, Flatten, Input, InputLayer, Reshape
from fastnn.layers.embedding import Embedding
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
from fastnn.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from fastnn.layers.preprocessing import CategoryEncoding, Discretization, Normalization, Rescaling
from fastnn.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
)
from fastnn.layers.reshaping import Cropping1D, Identity, Permute, RepeatVector, ZeroPadding1D
from fastnn.registry import get as _get
from fastnn.registry import serialize as _serialize

__all__ = ["ELU", "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average",
           "BatchNormalization", "CategoryEncoding", "Concatenate", "Cropping1D", "Dense",
           "Discretization", "Dot", "Dropout", "Embedding", "Flatten", "GaussianDropout",
           "GaussianNoise", "GroupNormalization", "Identity", "Input", "InputLayer", "Layer",
           "LayerNormalization", "LeakyReLU", "Maximum", "Minimum", "Multiply", "Normalization",
           "PReLU", "Permute", "RMSNormalization", "ReLU", "RepeatVector", "Rescaling", "Reshape",
           "Softmax", "Subtract", "UnitNormalization", "Variable", "ZeroPadding1D", "add",
           "average", "concatenate", "deserialize", "dot", "maximum", "minimum", "multiply",
           "serialize",
           "subtract"]


def serialize(layer: Layer) -> dict:
    """``{"class_name": ..., "config": ...}``, which `deserialize` turns back."""
    return _serialize(layer)


def deserialize(config: dict) -> Layer:
    """The layer that ``{"class_name": ..., "config": ...}`` describes, with fresh weights."""
    return _get("layer", config)
