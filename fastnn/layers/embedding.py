"""Embedding: a trained vector for each of many whole numbers."""

from __future__ import annotations

from fastnn import constraints, initializers, regularizers
from fastnn.layers.base import Layer, Weight, positive_integer
from fastnn.plan import Kind
from fastnn.registry import register, serialize


@register("layer")
class Embedding(Layer):
    """y = embeddings[x]: a row of the matrix for each whole number from 0 to input_dim - 1.

    ``embeddings`` is (input_dim, output_dim). Rows of shape (n,) become (n, output_dim): put
    ``Flatten()`` behind it for a dense layer. Fractions are cut off; a number that is no row's
    gives NaN. A row that a batch does not visit has the gradient 0.

    mask_zero : False; there is nothing that reads a mask.
    weights : a matrix to begin with.

    >>> from fastnn.layers import Embedding
    >>> layer = Embedding(1000, 64)
    >>> layer.ensure_built((10,)), layer.count_params()
    ((10, 64), 64000)
    """

    embeddings = Weight()

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform",
                 embeddings_regularizer=None, embeddings_constraint=None, mask_zero=False,
                 weights=None, **kwargs):
        super().__init__(**kwargs)
        self.input_dim = positive_integer("input_dim", input_dim)
        self.output_dim = positive_integer("output_dim", output_dim)
        if weights is not None:
            embeddings_initializer = weights[0] if isinstance(weights, list) else weights
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        if mask_zero:
            raise ValueError("mask_zero must be False: no layer here reads a mask.")
        self.mask_zero = False

    def build(self, input_shape):
        self.add_weight("embeddings", (self.input_dim, self.output_dim),
                        self.embeddings_initializer, regularizer=self.embeddings_regularizer,
                        constraint=self.embeddings_constraint)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    def lower(self, builder, value):
        return builder.op(Kind.EMBEDDING, value, shape=(*value.shape, self.output_dim),
                          m=self.output_dim, s=self.input_dim, trains=self.trainable,
                          w=self.offset("embeddings"))

    def get_config(self):
        return super().get_config() | {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": serialize(self.embeddings_initializer),
            "embeddings_regularizer": serialize(self.embeddings_regularizer),
            "embeddings_constraint": serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
        }
