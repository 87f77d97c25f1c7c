"""The layers of a model and how they are connected, as SVG: no graphviz is needed."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import NamedTuple

from fastnn.layers.graph import order
from fastnn.svg import COLORS, SVG, element

_LETTER = 7.4  # pixels, about
_LINE, _PAD, _GAP, _RANK = 18, 10, 26, 44


class Box(NamedTuple):
    """A layer's box: its lines of text, and what kind of layer it is."""

    lines: list[str]
    is_input: bool

    @property
    def size(self) -> tuple[float, float]:
        width = max(len(line) for line in self.lines) * _LETTER + 2 * _PAD
        return max(width, 70.0), len(self.lines) * _LINE + _PAD


def layer_graph(model, expand_nested: bool = False) -> tuple[list, list[tuple[int, int]]]:
    """The layers, one for each call, and the connections between them as pairs of their numbers.

    expand_nested : the layers of models inside instead of these, without their Inputs.

    >>> from fastnn import Input, Sequential, layers
    >>> boxes, lines = layer_graph(Sequential([Input((2,)), layers.Dense(3), layers.Dense(1)]))
    >>> [type(layer).__name__ for layer in boxes], lines
    (['InputLayer', 'Dense', 'Dense'], [(0, 1), (1, 2)])
    """
    if not model.built:  # without shapes there are no calls yet, and only stacks are so
        return model.layers, [(i, i + 1) for i in range(len(model.layers) - 1)]
    layers, edges = [tensor.node.layer for tensor in model.inputs], []
    _collect(model, range(len(layers)), layers, edges, expand_nested)
    return layers, edges


def _collect(model, sources, layers: list, edges: list, expand: bool) -> list[int]:
    """Append the layers behind a model's inputs, which are ``sources``; the outputs' numbers."""
    steps, outputs, _ = order(model.inputs, model.outputs)
    place = dict(enumerate(sources))  # of each value the layer that made it
    for step in steps:
        given, is_model = [place[i] for i in step.sources], hasattr(step.layer, "layers")
        if expand and is_model:
            made = _collect(step.layer, given, layers, edges, expand)
        else:
            made = [len(layers)] * (len(step.layer.outputs) if is_model else 1)
            edges += [(number, len(layers)) for number in given]
            layers.append(step.layer)
        place |= dict(enumerate(made, step.first))
    return [place[i] for i in outputs]


def ranks(n: int, edges) -> list[int]:
    """How many layers lie, at most, between each and the inputs.

    >>> ranks(4, [(0, 1), (1, 2), (0, 3), (2, 3)])
    [0, 1, 2, 3]
    """
    rank = [0] * n
    for source, target in sorted(edges, key=lambda edge: edge[1]):  # sources come first
        rank[target] = max(rank[target], rank[source] + 1)
    return rank


def arrange(widths, edges) -> tuple[list[tuple[float, int]], list[list[int]]]:
    """Places (x, rank) of the boxes, and each edge as the numbers of the places it goes through.

    An edge over several ranks gets a place in each, so that it passes beside the boxes. Within a
    rank the places are sorted by the mean of those they are connected to, some sweeps up and down.
    """
    rank, widths, chains = ranks(len(widths), edges), list(widths), []
    for source, target in edges:
        chain = [source]
        for level in range(rank[source] + 1, rank[target]):
            chain.append(len(rank))
            rank.append(level)
            widths.append(4.0)
        chains.append([*chain, target])
    levels: list[list[int]] = [[] for _ in range(max(rank, default=0) + 1)]
    for i, level in enumerate(rank):
        levels[level].append(i)
    steps = [pair for chain in chains for pair in pairwise(chain)]
    x = [0.0] * len(rank)
    for level in levels:
        _pack(level, widths, x)
    for sweep in range(8):
        down = sweep % 2 == 0
        for level in levels if down else reversed(levels):
            for i in level:
                near = [x[a if down else b] for a, b in steps if (b if down else a) == i]
                x[i] = sum(near) / len(near) if near else x[i]
            _pack(level, widths, x)
    return list(zip(x, rank, strict=True)), chains


def _pack(level: list[int], widths, x) -> None:
    """Keep the order of a rank's places and move them apart, as little as needed on the whole."""
    level.sort(key=lambda i: x[i])
    wanted = [x[i] for i in level]
    edge = -float("inf")
    for i in level:
        x[i] = max(x[i], edge + widths[i] / 2)
        edge = x[i] + widths[i] / 2 + _GAP
    shift = sum(w - x[i] for w, i in zip(wanted, level, strict=True)) / len(level)
    for i in level:
        x[i] += shift


def plot_model(model, to_file="model.svg", show_shapes=False, show_dtype=False,
               show_layer_names=False, rankdir="TB", expand_nested=False, dpi=200,
               show_layer_activations=False, show_trainable=False) -> SVG:
    """The layers as boxes and their connections as lines: the SVG, which a notebook shows.

    to_file : where to write it, a path that ends in .svg; None for nowhere.
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : what the
        boxes say besides the layer's class.
    rankdir : "TB" from top to bottom, "LR" from left to right.
    expand_nested : whether a model in the model is drawn as its layers, not as one box.
    dpi : accepted; SVG has no pixels.

    >>> from fastnn import Input, Sequential, layers
    >>> picture = plot_model(Sequential([Input((2,)), layers.Dense(3)]), None, show_shapes=True)
    >>> "(None, 2) → (None, 3)" in picture
    True
    """
    if to_file is not None and os.path.splitext(os.fspath(to_file))[1].lower() != ".svg":
        raise ValueError(f"to_file must end in .svg, received {to_file!r}: fastnn draws without "
                         "graphviz, and SVG is what it draws.")
    if rankdir not in ("TB", "LR"):
        raise ValueError(f"rankdir must be 'TB' or 'LR', received {rankdir!r}.")
    layers, edges = layer_graph(model, expand_nested)
    if not layers:
        raise ValueError(f"The model {model.name!r} has no layers to draw.")
    boxes = [_box(layer, show_layer_names, show_layer_activations, show_shapes, show_dtype,
                  show_trainable) for layer in layers]
    picture = _draw(boxes, edges, rankdir == "LR", model.name)
    if to_file is not None:
        picture.save(to_file)
    return picture


def _box(layer, names, activations, shapes, dtype, trainable) -> Box:
    kind = type(layer).__name__
    lines = [f"{layer.name} ({kind})" if names else kind]
    activation = getattr(layer, "activation", None)
    if activations and activation is not None:
        lines.append(getattr(activation, "name", None) or type(activation).__name__.lower())
    if shapes:
        lines.append(_shapes(layer))
    if dtype:
        lines.append(str(layer.dtype))
    if trainable and layer.weights:
        lines.append("trainable" if layer.trainable else "frozen")
    return Box(lines, kind == "InputLayer")


def _shapes(layer) -> str:
    if layer.shapes is None:
        return "?"
    if type(layer).__name__ == "InputLayer":
        return str(layer.output_shape)
    return f"{layer.input_shape} → {layer.output_shape}"


def _draw(boxes, edges, sideways, name) -> SVG:
    sizes = [box.size for box in boxes]
    places, chains = arrange([h if sideways else w for w, h in sizes], edges)
    depth = _depths(places[: len(boxes)], [w if sideways else h for w, h in sizes])
    spread = [h if sideways else w for w, h in sizes] + [4.0] * (len(places) - len(boxes))
    low = min(x - s / 2 for (x, _), s in zip(places, spread, strict=True)) - 6
    high = max(x + s / 2 for (x, _), s in zip(places, spread, strict=True)) + 6
    points = [(x - low, sum(depth[rank]) / 2, (depth[rank][1] - depth[rank][0]) / 2)
              for x, rank in places]
    parts = [_edge(chain, points, sizes, sideways) for chain in chains]
    for box, (x, y, _) in zip(boxes, points, strict=False):
        parts += _drawn_box(box, (y, x) if sideways else (x, y))
    width, height = high - low, depth[-1][1] + 6
    width, height = (height, width) if sideways else (width, height)
    return SVG(width, height, *parts, label=f"the layers of {name}")


def _depths(places, heights) -> list[tuple[float, float]]:
    """Where each rank begins and ends."""
    most = [0.0] * (max(rank for _, rank in places) + 1)
    for (_, rank), height in zip(places, heights, strict=True):
        most[rank] = max(most[rank], height)
    found, at = [], 6.0
    for height in most:
        found.append((at, at + height))
        at += height + _RANK
    return found


def _edge(chain, points, sizes, sideways):
    """A curve from the end of a box to the beginning of another, with an arrow's head."""
    def half(i):
        if i < len(sizes):
            return sizes[i][0 if sideways else 1] / 2
        return points[i][2]

    x, y, _ = points[chain[0]]
    y += half(chain[0])
    path = [f"M{_pair(x, y, sideways)}"]
    for i in chain[1:]:
        x2, y2, _ = points[i]
        begin, end = y2 - half(i), y2 + half(i)
        middle = (y + begin) / 2
        path.append(f"C{_pair(x, middle, sideways)} {_pair(x2, middle, sideways)} "
                    f"{_pair(x2, begin, sideways)}")
        if i >= len(sizes):
            path.append(f"L{_pair(x2, end, sideways)}")
        x, y = x2, end if i >= len(sizes) else begin
    head = " ".join(_pair(x + dx, y + dy, sideways) for dx, dy in ((-4, -8), (4, -8), (0, 0)))
    return element("g", element("path", d="".join(path), fill="none", stroke="currentColor",
                                opacity=0.7, stroke_width=1.3),
                   element("polygon", points=head, fill="currentColor", opacity=0.8))


def _pair(x, y, sideways) -> str:
    return f"{y:.1f},{x:.1f}" if sideways else f"{x:.1f},{y:.1f}"


def _drawn_box(box: Box, centre):
    (x, y), (width, height) = centre, box.size
    color = COLORS[1] if box.is_input else COLORS[0]
    yield element("rect", x=round(x - width / 2, 1), y=round(y - height / 2, 1),
                  width=round(width, 1), height=round(height, 1), rx=5, fill=color,
                  fill_opacity=0.16, stroke=color, stroke_width=1.4)
    for i, line in enumerate(box.lines):
        yield element("text", line, x=round(x, 1), y=round(y - height / 2 + 18 + i * _LINE, 1),
                      text_anchor="middle", fill="currentColor", font_size=13 if i == 0 else 12,
                      font_weight=600 if i == 0 else None)
