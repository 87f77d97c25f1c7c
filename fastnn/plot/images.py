"""What the neurons of the first layer look for: their weights as images."""

from __future__ import annotations

import math

import numpy as np

from fastnn.plot.canvas import axes_or_new, bare


def pattern_images(model, shape=None) -> np.ndarray:
    """The weights of the first dense layer as images, (neurons, height, width).

    shape : of an input image; by default that of the model's input rows, or a square.

    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((8, 8)), layers.Flatten(), layers.Dense(5)])
    >>> pattern_images(model).shape
    (5, 8, 8)
    """
    kernels = [w for layer in model.layers for w in layer.weights if len(w.shape) == 2]
    if not kernels:
        raise ValueError("The model has no dense layer, or is not built yet.")
    kernel = np.array(kernels[0])
    shape = tuple(shape or _image_shape(model, len(kernel)))
    if len(shape) != 2 or math.prod(shape) != len(kernel):
        raise ValueError(f"shape must be (height, width) of {len(kernel)} pixels, received "
                         f"{shape}.")
    return kernel.T.reshape(-1, *shape)


def _image_shape(model, pixels: int) -> tuple:
    row = tuple(model.input_shape[1:])
    if len(row) >= 2 and math.prod(row[:2]) == pixels:
        return row[:2]
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise ValueError(f"The first layer has {pixels} inputs, which are no square image: give "
                         "shape=(height, width).")
    return side, side


def mosaic(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Images (n, h, w) side by side in one, NaN between them and after the last.

    >>> mosaic(np.ones((3, 2, 2))).shape
    (5, 5)
    """
    n, h, w = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    big = np.full((rows * (h + 1) - 1, columns * (w + 1) - 1), np.nan)
    for i, image in enumerate(images):
        top, left = i // columns * (h + 1), i % columns * (w + 1)
        big[top : top + h, left : left + w] = image
    return big


def patterns(model, shape=None, limit: int = 64, ax=None):
    """The images that the first layer's neurons look for, one beside another; returns the axes.

    A neuron is excited by bright pixels where its image is blue, and inhibited where it is red.

    shape : as for `pattern_images`. limit : the most neurons to draw: those with the largest
        weights, in their order.
    """
    images = pattern_images(model, shape)
    if len(images) > limit:
        size = (images**2).sum(axis=(1, 2))
        images = images[np.sort(np.argsort(-size, kind="stable")[:limit])]
    ax = bare(axes_or_new(ax))
    most = np.abs(images).max() or 1.0
    drawn = ax.imshow(mosaic(images), cmap="RdBu", vmin=-most, vmax=most, interpolation="nearest")
    ax.figure.colorbar(drawn, ax=ax, label="weight", shrink=0.7)
    return ax
