"""The network as neurons in columns: its weights as lines, or its values for one input."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fastnn.plot.canvas import GREY, NEGATIVE, POSITIVE, axes_or_new, bare
from fastnn.plot.histograms import layer_outputs

_NUMBERED = 12  # lines between two columns up to which their weights are written


class Column(NamedTuple):
    """The neurons of a layer that are drawn: their numbers in it, and their heights."""

    size: int
    shown: np.ndarray
    heights: np.ndarray

    @property
    def cut(self) -> bool:
        return len(self.shown) < self.size


def column(size: int, limit: int) -> Column:
    """A column of at most ``limit`` neurons: the first and the last ones, a gap between them.

    >>> column(100, 4).shown, column(2, 4).heights
    (array([ 0,  1, 98, 99]), array([ 0.5, -0.5]))
    """
    if size <= limit:
        shown, places = np.arange(size), np.arange(size)
    else:
        top = (limit + 1) // 2
        shown = np.r_[:top, size - (limit - top) : size]
        places = np.r_[:top, top + 1 : limit + 1]  # the gap takes the place of one
    return Column(size, shown, places.max() / 2 - places)


def kernels(model) -> list[tuple[str, np.ndarray, np.ndarray | None]]:
    """(name, kernel, bias or None) of the dense layers; a ValueError unless they are one chain."""
    found = [(layer.name, layer.kernel, layer.bias) for layer in model.layers
             if layer.built and np.ndim(getattr(layer, "kernel", None)) == 2]
    if not found:
        raise ValueError("The model has no dense layer, or is not built yet.")
    for (_, one, _), (name, two, _) in pairwise(found):
        if one.shape[1] != two.shape[0]:
            raise ValueError(f"The layer {name!r} has {two.shape[0]} inputs, but the dense layer "
                             f"in front of it {one.shape[1]} outputs: this is no plain chain of "
                             "dense layers. See plot_model for graphs.")
    return found


def network(model, max_neurons: int = 16, inputs=None, outputs=None, ax=None):
    """The neurons, and between them their weights as lines; returns the axes.

    Blue is positive and red negative, and the thicker the larger, beside the largest weight
    between the same two layers. A neuron has the colour of its bias. Of a layer with more than
    ``max_neurons`` the first and the last are drawn; few weights are written as numbers, too.
    Layers without a matrix of weights are left out.

    inputs, outputs : names of the input and the output neurons.
    """
    found = kernels(model)
    sizes = [len(found[0][1]), *(kernel.shape[1] for _, kernel, _ in found)]
    columns = [column(size, max_neurons) for size in sizes]
    ax = _window(axes_or_new(ax), columns)
    for i, (_, kernel, _) in enumerate(found):
        _lines(ax, i, columns[i], columns[i + 1], kernel, kernel.size <= _NUMBERED)
    for i, (place, bias) in enumerate(zip(columns, [None, *(b for _, _, b in found)],
                                          strict=True)):
        _neurons(ax, i, place, np.zeros(place.size) if bias is None else 0.5 * _shares(bias))
    _captions(ax, ["input", *(name for name, _, _ in found)], sizes)
    for i, names, side in ((0, inputs, "right"), (len(columns) - 1, outputs, "left")):
        if names is not None:
            _names(ax, i, columns[i], names, side)
    return ax


def stages(model, x) -> list[tuple[str, np.ndarray]]:
    """(name, values) of the input and of what leaves each dense layer, for one input.

    What an Activation, a normalization or another layer makes of them counts to the one before.
    """
    x = np.asarray(x)
    names = {name for name, _, _ in kernels(model)}
    found = [("input", x.ravel())]
    for name, values in layer_outputs(model, x[None]).items():
        if name in names:
            found.append((name, values[0]))
        else:
            found[-1] = (found[-1][0], values[0].ravel())
    return found


def activations(model, x, max_neurons: int = 16, names=None, ax=None):
    """How one input goes through the network: each neuron as full as it is active.

    x : one input, without the batch axis; an image (h, w) is shown as one. names : of the outputs.

    Blue is positive and red negative, as dark as the share of the layer's largest value. The lines
    are the products of a neuron's value and its weight. Returns the axes.
    """
    x = np.asarray(x, float)
    stage_names, values = zip(*stages(model, x), strict=True)
    columns = [column(output.size, max_neurons) for output in values]
    ax = _window(axes_or_new(ax), columns[1:] if x.ndim > 1 else columns)
    _captions(ax, stage_names,
              [" × ".join(map(str, x.shape)), *(output.size for output in values[1:])])
    first = 0 if x.ndim == 1 else 1  # an image has no neurons
    for i, (_, kernel, _) in enumerate(kernels(model)):
        if i >= first:
            _lines(ax, i, columns[i], columns[i + 1], values[i][:, None] * kernel, False)
    for i in range(first, len(columns)):
        _neurons(ax, i, columns[i], _shares(values[i]))
    _results(ax, len(columns) - 1, columns[-1], values[-1], names)
    if first:
        _picture(ax, x)
    return ax


def _shares(values) -> np.ndarray:
    """Values divided by the largest of them, in [-1, 1]."""
    return values / (np.abs(values).max() or 1.0)


def _window(ax, columns):
    high = max(place.heights.max() for place in columns) + 0.7
    bare(ax).set_ylim(-high, high)
    return ax


def _lines(ax, i, left: Column, right: Column, values, numbered):
    """Lines from column i to the next, coloured and as thick as ``values`` (left, right) say."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    part = np.asarray(values)[np.ix_(left.shown, right.shown)]
    share = np.abs(part) / (np.abs(values).max() or 1.0)
    order = np.argsort(share, axis=None, kind="stable")  # the largest are drawn last, on top
    a, b = np.unravel_index(order, part.shape)
    segments = [[(i, y0), (i + 1, y1)]
                for y0, y1 in zip(left.heights[a], right.heights[b], strict=True)]
    flat, size = part.ravel()[order], share.ravel()[order]
    colors = [to_rgba(POSITIVE if v > 0 else NEGATIVE, 0.08 + 0.8 * s)
              for v, s in zip(flat, size, strict=True)]
    ax.add_collection(LineCollection(segments, linewidths=0.3 + 2.7 * size, colors=colors,
                                     zorder=1))
    if numbered:
        t = 0.25 if min(part.shape) > 1 else 0.5  # where lines that cross are apart
        for value, ((_, y0), (_, y1)) in zip(flat, segments, strict=True):
            ax.text(i + t, y0 + t * (y1 - y0), f"{value:.2f}", fontsize=8, ha="center",
                    va="center", zorder=3, bbox={"facecolor": "white", "edgecolor": "none",
                                                 "pad": 0.6, "alpha": 0.85})


def _neurons(ax, i, place: Column, values):
    """Circles at column i, filled by the layer's values in [-1, 1]."""
    from matplotlib.colors import to_rgb

    size = float(np.clip(2200 / max(8, len(place.shown)) ** 1.2, 30, 180))
    colors = []
    for value in values[place.shown]:
        full = np.array(to_rgb(POSITIVE if value > 0 else NEGATIVE))
        colors.append(1 - abs(value) * (1 - full))
    ax.scatter(np.full(len(place.shown), i), place.heights, s=size, c=colors, edgecolors="#404040",
               linewidths=0.8, zorder=2)
    if place.cut:
        gap = np.diff(place.heights).argmin()
        ax.text(i, place.heights[gap : gap + 2].mean(), "⋮", ha="center", va="center", fontsize=13)


def _captions(ax, names, columns):
    """The window of the columns, and below each its layer's name and size."""
    labels = [f"{name}\n{size}" for name, size in zip(names, columns, strict=True)]
    ax.set_xticks(range(len(labels)), labels, fontsize="small")
    ax.tick_params(length=0)
    ax.set_xlim(-0.5, len(columns) - 0.5)


def _names(ax, i, place: Column, names, side):
    if len(names) != place.size:
        raise ValueError(f"The layer has {place.size} neurons, received {len(names)} names.")
    step = -0.12 if side == "right" else 0.12
    for number, height in zip(place.shown, place.heights, strict=True):
        ax.text(i + step, height, str(names[number]), ha=side, va="center", fontsize="small")
    left, right = ax.get_xlim()
    ax.set_xlim(left - (side == "right") * 0.4, right + (side == "left") * 0.4)


def _results(ax, i, place: Column, values, names):
    """The outputs' numbers beside the last column, the largest in bold."""
    names = range(len(values)) if names is None else names
    for number, height in zip(place.shown, place.heights, strict=True):
        label = f"{names[number]}: " if len(values) > 1 else ""
        best = len(values) > 1 and number == values.argmax()
        ax.text(i + 0.12, height, f"{label}{values[number]:.2f}", va="center", fontsize="small",
                fontweight="bold" if best else "normal", color="black" if best else GREY)
    ax.set_xlim(right=i + 0.8)


def _picture(ax, image):
    """The input image in the first column, its pixels square."""
    image = image if image.ndim == 2 or image.shape[-1] in (3, 4) else image[..., 0]
    box, (left, right), (low, high) = ax.get_window_extent(), ax.get_xlim(), ax.get_ylim()
    stretch = (high - low) / (right - left) * box.width / box.height
    half = 0.45 * stretch * image.shape[0] / image.shape[1]
    ax.imshow(image, cmap="gray_r", extent=(-0.45, 0.45, -half, half), aspect="auto",
              interpolation="nearest", zorder=1)
    ax.set(xlim=(left, right), ylim=(low, high))
