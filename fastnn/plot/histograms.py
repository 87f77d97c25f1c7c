"""How large the numbers of each layer are: weights and outputs, before and after training."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from fastnn.plot.canvas import COLORS, GREY, axes_or_new, tidy


@dataclass(frozen=True)
class Ridge:
    """A layer's histogram: ``counts`` (bins,), as many numbers ``before`` or None, what to note."""

    name: str
    counts: np.ndarray
    before: np.ndarray | None
    note: str


def layer_outputs(model, x) -> dict[str, np.ndarray]:
    """{name: output} of every layer, in order, for inputs x (n, *input shape).

    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((2,)), layers.Dense(3, name="a"), layers.Dense(1, name="b")])
    >>> {name: values.shape for name, values in layer_outputs(model, np.ones((5, 2))).items()}
    {'a': (5, 3), 'b': (5, 1)}
    """
    model.build_for(x)
    return model.activations(x)


def layer_weights(model, arrays=None) -> dict[str, np.ndarray]:
    """{name: numbers} of every layer with a matrix of weights: biases and averages do not count.

    arrays : what ``get_weights`` returned, to be read in the place of what the model has now.
    """
    arrays = model.get_weights() if arrays is None else arrays
    if len(arrays) != len(model.weights):
        raise ValueError(f"The model has {len(model.weights)} arrays of weights, received "
                         f"{len(arrays)}.")
    values = {id(v): np.asarray(a) for v, a in zip(model.weights, arrays, strict=True)}
    found = {}
    for layer in model.layers:
        matrices = [values[id(v)].ravel() for v in layer.weights if len(v.shape) > 1]
        if matrices:
            found[layer.name] = np.concatenate(matrices)
    return found


def ridges(after, before=None, bins: int = 60) -> tuple[np.ndarray, list[Ridge]]:
    """The edges of the bins, shared by all layers, and the layers' histograms.

    after, before : {name: numbers} of the layers. Numbers that are 0 exactly, such as what ReLU
    shuts off, would hide all others: they are not counted, their share is noted.
    """
    if not after:
        raise ValueError("The model has no layer with a matrix of weights.")
    before = before or {}
    flat = np.concatenate([np.ravel(n) for n in (*after.values(), *before.values())])
    flat = flat[np.isfinite(flat)]
    low, high = (flat.min(), flat.max()) if flat.size else (-1.0, 1.0)
    margin = 0 if high > low else max(abs(high), 1.0) / 2
    edges = np.linspace(low - margin, high + margin, bins + 1)
    return edges, [Ridge(name, _counts(numbers, edges),
                         _counts(before[name], edges) if before else None, _note(numbers))
                   for name, numbers in after.items()]


def _counts(numbers, edges) -> np.ndarray:
    numbers = np.ravel(numbers)
    return np.histogram(numbers[np.isfinite(numbers) & (numbers != 0)], edges)[0]


def _note(numbers) -> str:
    numbers = np.ravel(numbers)
    wild = np.mean(~np.isfinite(numbers))
    if wild:
        return f"{wild:.0%} not finite"
    zero = np.mean(numbers == 0)
    text = f"σ {numbers.std():.2g}"
    return f"{text}, {zero:.0%} zero" if zero > 0.005 else text


def weight_histograms(model, before=None, ax=None):
    """The weights of each layer, one histogram above another; returns the axes.

    before : the weights of an earlier time, as ``get_weights`` returned them, drawn as a line.

    Each layer fills its own height; the scale of the weights is the same for all.
    """
    old = None if before is None else layer_weights(model, before)
    return _draw(*ridges(layer_weights(model), old), "weight", ax)


def activation_histograms(model, X, before=None, ax=None):
    """The outputs of each layer for the rows X, one histogram above another; returns the axes.

    before : the weights of an earlier time, as ``get_weights`` returned them: their outputs are
        drawn as a line.
    """
    old = None
    if before is not None:
        model.build_for(X)
        earlier = copy.deepcopy(model)
        earlier.set_weights(before)
        old = layer_outputs(earlier, X)
    return _draw(*ridges(layer_outputs(model, X), old), "activation", ax)


def _draw(edges, rows: list[Ridge], label: str, ax):
    ax = axes_or_new(ax)
    for i, row in enumerate(reversed(rows)):  # the first layer on top
        most = max(1, row.counts.max(), 0 if row.before is None else row.before.max())
        ax.stairs(i + 0.8 * row.counts / most, edges, baseline=i, fill=True, color=COLORS[0],
                  alpha=0.75, label="after" if i == 0 else None)
        if row.before is not None:
            ax.stairs(i + 0.8 * row.before / most, edges, baseline=i, color=COLORS[3],
                      linewidth=1.2, label="before" if i == 0 else None)
        ax.axhline(i, color=GREY, linewidth=0.6)
        ax.annotate(row.note, (1, i + 0.1), xycoords=("axes fraction", "data"), ha="right",
                    fontsize="small", color="#404040")
    ax.set(yticks=np.arange(len(rows)), yticklabels=[row.name for row in reversed(rows)],
           xlabel=label, ylim=(-0.05, len(rows)))
    ax.tick_params(axis="y", length=0)
    tidy(ax, "x").spines["left"].set_visible(False)
    if rows[0].before is not None:
        ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return ax
