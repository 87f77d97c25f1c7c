"""Small pictures as SVG text, for notebooks and reports: no library, no resources, any background.

Lines and letters take the colour of the text around them, so a dark page shows them, too.

>>> element("circle", r=2, stroke_width=0.5)
'<circle r="2" stroke-width="0.5"/>'
>>> SVG(10, 10, element("text", "a < b"))._repr_html_().count("a &lt; b")
1
"""

from __future__ import annotations

import math
import os
from html import escape

import numpy as np

COLORS = ("#3a87c8", "#e69f00", "#009e73", "#d55e00", "#cc79a7")  # seen on white and on black
_FONT = "font:12px system-ui,sans-serif"


class Markup(str):
    """Text that is markup already, not to be escaped."""


def element(tag: str, /, *content, **attributes) -> Markup:
    """An element; content that is no markup is escaped, ``stroke_width`` means stroke-width."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
                    for key, value in attributes.items() if value is not None)
    inside = "".join(c if isinstance(c, Markup) else escape(_text(c), quote=False)
                     for c in content)
    return Markup(f"<{tag}{given}>{inside}</{tag}>" if content else f"<{tag}{given}/>")


def _text(value) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


class SVG(Markup):
    """A picture of ``width`` by ``height`` pixels: its text, which a notebook shows."""

    def __new__(cls, width: float, height: float, *content, label: str = ""):
        text = element("svg", *content or ("",), xmlns="http://www.w3.org/2000/svg",
                       viewBox=f"0 0 {_text(float(width))} {_text(float(height))}",
                       width=float(width), height=float(height), role="img",
                       aria_label=label or None, style=f"max-width:100%;height:auto;{_FONT}")
        return super().__new__(cls, text)

    def _repr_html_(self) -> str:
        return str(self)

    def save(self, path) -> str:
        """Write the picture to a file and return its path."""
        path = os.fspath(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(str(self))
        return path


def ticks(low: float, high: float, most: int = 5) -> np.ndarray:
    """Round numbers in [low, high], at equal steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0, 0.7), ticks(1, 20)
    (array([0. , 0.2, 0.4, 0.6]), array([ 5., 10., 15., 20.]))
    """
    if not high > low:
        return np.array([low])
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(m * power for m in (1, 2, 5, 10, 20) if (high - low) / (m * power) <= most)
    return np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step


class _Frame:
    """From numbers to pixels, and the axes around them."""

    def __init__(self, width, height, x, y, left=None, bottom=34, top=8, right=14):
        self.x, self.y = x, y  # (low, high)
        longest = max(len(f"{value:.6g}") for value in ticks(*y))
        self.left, self.right = left or 26 + 6.6 * longest, width - right
        self.top, self.bottom = top, height - bottom

    def place(self, x, y):
        (x0, x1), (y0, y1) = self.x, self.y
        a = self.left + (np.asarray(x, float) - x0) / ((x1 - x0) or 1) * (self.right - self.left)
        b = self.bottom - (np.asarray(y, float) - y0) / ((y1 - y0) or 1) * (self.bottom - self.top)
        return a, b

    def axes(self, x_label, y_label, whole=False) -> list[Markup]:
        parts = []
        for value in ticks(*self.y):
            _, b = self.place(0, value)
            parts.append(element("path", d=f"M{self.left:g} {float(b):.1f}H{self.right:g}",
                                 stroke="currentColor", opacity=0.15))
            parts.append(_label(self.left - 5, float(b) + 4, f"{value:.6g}", "end"))
        for value in ticks(*self.x):
            if whole and value % 1:
                continue
            a, _ = self.place(value, 0)
            parts.append(_label(float(a), self.bottom + 14, f"{value:.6g}"))
        parts.append(element("path", d=f"M{self.left:g} {self.bottom:g}H{self.right:g}",
                             stroke="currentColor", opacity=0.6))
        middle = (self.left + self.right) / 2
        parts.append(_label(middle, self.bottom + 29, x_label))
        parts.append(_upright(11, (self.top + self.bottom) / 2, y_label))
        return parts


def _label(x, y, text, anchor="middle", **more) -> Markup:
    more = {"fill": "currentColor", "font_size": 11, **more}
    return element("text", text, text_anchor=anchor, x=round(x, 1), y=round(y, 1), **more)


def _upright(x, y, text, anchor="middle") -> Markup:
    return _label(0, 0, text, anchor, transform=f"translate({x:g} {y:g}) rotate(-90)")


def _range(values, margin=0.05) -> tuple[float, float]:
    values = np.concatenate([np.ravel(v) for v in values] or [np.zeros(1)]).astype(float)
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    gap = (high - low or abs(high) or 1.0) * margin
    return float(low - gap), float(high + gap)


def line_chart(series: dict, x_label="epoch", y_label="", mark: float | None = None,
               mark_label: str = "", width: int = 420, height: int = 230) -> SVG:
    """Lines {name: (x, y)} with axes and a legend; what is not finite leaves a gap.

    mark : a place on the x axis for a dashed line, with its label.
    """
    top = 26 if len(series) > 1 or mark is not None else 8
    frame = _Frame(width, height, _range([x for x, _ in series.values()], 0.0),
                   _range([y for _, y in series.values()]), top=top)
    parts = frame.axes(x_label, y_label, whole=x_label == "epoch")
    if mark is not None:
        a = float(frame.place(mark, 0)[0])
        parts.append(element("path", d=f"M{a:.1f} {frame.top:g}V{frame.bottom:g}", opacity=0.6,
                             stroke="currentColor", stroke_dasharray="4 3"))
        parts.append(_label(frame.right, 14, mark_label, "end"))
    at = frame.left
    for (name, (x, y)), color in zip(series.items(), COLORS, strict=False):
        parts.append(_curve(*frame.place(x, y), color))
        if len(series) > 1:
            parts.append(element("path", d=f"M{at:g} 10h16", stroke=color, stroke_width=3))
            parts.append(_label(at + 21, 14, name, "start"))
            at += 34 + 6.5 * len(name)
    return SVG(width, height, *parts, label=f"{y_label} over {x_label}")


def _curve(a, b, color) -> Markup:
    if len(a) == 1:
        return element("circle", cx=float(a[0]), cy=float(b[0]), r=3, fill=color)
    step = max(1, len(a) // 300)  # a small picture shows no more
    pieces, pen = [], "M"
    for x, y in zip(a[::step], b[::step], strict=True):
        if not np.isfinite(y):
            pen = "M"
            continue
        pieces.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return element("path", d="".join(pieces), fill="none", stroke=color, stroke_width=2,
                   stroke_linejoin="round")


def scatter(x, y, x_label, y_label, width: int = 320, height: int = 300) -> SVG:
    """Points, and the line where both coordinates are equal."""
    ends = _range([x, y])
    frame = _Frame(width, height, ends, ends)
    a, b = frame.place(x, y)
    (x0, x1), (y0, y1) = frame.place(ends, ends)
    parts = frame.axes(x_label, y_label)
    parts.append(element("path", d=f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}", opacity=0.5,
                         stroke="currentColor", stroke_dasharray="4 3"))
    parts += [element("circle", cx=round(float(p), 1), cy=round(float(q), 1), r=2.5,
                      fill=COLORS[0], opacity=0.5)
              for p, q in zip(a, b, strict=True) if np.isfinite(p) and np.isfinite(q)]
    return SVG(width, height, *parts, label=f"{y_label} against {x_label}")


def matrix(counts, names, width: int = 420) -> SVG:
    """A confusion matrix: true classes down, predicted ones across, as dark as their share."""
    counts, names = np.asarray(counts), [_short(str(name)) for name in names]
    n, left = len(counts), 34 + 6.6 * max(map(len, names))
    cell = (width - left - 4) / n
    long = max(map(len, names)) * 7 > cell
    top = 36 + (6.2 * max(map(len, names)) if long else 0)
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    size = min(13.0, cell * 0.42)
    parts = []
    for i, name in enumerate(names):
        y = top + (i + 0.5) * cell + 4
        parts.append(_label(left - 6, y, name, "end"))
        x = left + (i + 0.5) * cell
        parts.append(_upright(x + 4, top - 5, name, "start") if long else
                     _label(x, top - 6, name))
    for i, j in np.ndindex(counts.shape):
        x, y = left + j * cell, top + i * cell
        parts.append(element("rect", x=round(x, 1), y=round(y, 1), width=round(cell - 1, 1),
                             height=round(cell - 1, 1), fill=COLORS[0] if i == j else COLORS[3],
                             opacity=round(0.05 + 0.95 * float(share[i, j]) ** 0.7, 3)))
        if counts[i, j]:
            parts.append(_label(x + cell / 2, y + cell / 2 + size * 0.36, counts[i, j],
                                font_size=round(size, 1),
                                fill="#fff" if share[i, j] > 0.5 else "currentColor"))
    height = top + n * cell + 4
    parts.append(_label(left + n * cell / 2, 12, "predicted"))
    parts.append(_upright(11, top + n * cell / 2, "true"))
    return SVG(width, height, *parts, label="confusion matrix")


def _short(name: str, most: int = 14) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def ridges(edges, rows, x_label: str, width: int = 420, height: int = 62) -> SVG:
    """Histograms one above another: rows of (name, counts, counts before or None, note)."""
    frame = _Frame(width, height * len(rows) + 40, (edges[0], edges[-1]), (0, len(rows)), left=8)
    parts = frame.axes(x_label, "")[-2 - len(ticks(edges[0], edges[-1])) - 1:]
    for i, (name, counts, before, note) in enumerate(rows):
        most = max(1, counts.max(), 0 if before is None else before.max())
        base = len(rows) - 1 - i
        for values, style in ((counts, {"fill": COLORS[0], "opacity": 0.8}),
                              (before, {"fill": "none", "stroke": COLORS[3],
                                        "stroke_width": 1.5})):
            if values is not None:
                heights = base + 0.62 * np.repeat(values, 2) / most
                a, b = frame.place(np.repeat(edges, 2)[1:-1], heights)
                line = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(a, b, strict=True))
                floor = float(frame.place(0, base)[1])
                parts.append(element("path", d=f"M{a[0]:.1f} {floor:.1f}L{line}L{a[-1]:.1f} "
                                     f"{floor:.1f}", **style))
        y = float(frame.place(0, base + 0.8)[1])
        parts += [_label(frame.left, y, name, "start"), _label(frame.right, y, note, "end")]
    return SVG(width, height * len(rows) + 40, *parts, label=f"{x_label} of each layer")
