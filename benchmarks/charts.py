"""The report's pictures, drawn as SVG: nothing is needed to make them, nor to show them."""

from __future__ import annotations

import html
import math

# a colour for each family of contenders; the members differ by their marks
COLOURS = {"fastnn": "#1f6feb", "NumPy": "#8a8f98", "scikit-learn": "#e0861a",
           "PyTorch": "#d1392b", "JAX": "#2e9e5b", "Keras": "#8b5cc7"}
OTHER = "#b0578d"
WIDTH, LEFT, TOP, ROW = 900, 150, 60, 34
FONT = 'font-family="system-ui, sans-serif" font-size="12" fill="#808790"'


def family(contender: str) -> str:
    """What stands before the first blank or slash of the name."""
    return contender.replace("/", " ").split()[0]


def dots(lines: dict[str, dict[str, tuple]], axis: str, mark: float | None = None) -> str:
    """A mark for each (low, middle, high), by line and contender, with a log scale below.

    lines : the values of each line, by contender. mark : where an upright line stands.
    """
    values = [value for line in lines.values() for triple in line.values() for value in triple]
    scale = _log_scale(min(values), max(values))
    names = list(dict.fromkeys(name for line in lines.values() for name in line))
    top = TOP + 18 * (-(-len(names) // 5) - 1)
    bottom = top + ROW * len(lines)
    parts = [_legend(names), *_grid(scale, min(values), max(values), top, bottom, axis)]
    if mark is not None:
        x = scale(mark)
        parts.append(f'<path d="M{x:.1f} {top - 8}V{bottom}" stroke="{COLOURS["fastnn"]}"/>')
    for i, (label, line) in enumerate(lines.items()):
        y = top + ROW * (i + 0.5)
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end" {FONT}>'
                     f"{html.escape(label)}</text>")
        parts += [_dot(name, names, scale, triple, y) for name, triple in line.items()]
    return _svg(bottom + 46, parts)


def bars(values: dict[str, list[tuple[str, float]]], unit: str) -> str:
    """A bar of parts (what, value) for each contender, with the sum behind it."""
    longest = max(sum(value for _, value in parts) for parts in values.values())
    drawn = []
    for i, (name, parts) in enumerate(values.items()):
        y, x = 20 + 24 * i, float(LEFT + 20)
        drawn.append(f'<text x="{LEFT + 8}" y="{y + 12}" text-anchor="end" {FONT}>'
                     f"{html.escape(name)}</text>")
        for j, (what, value) in enumerate(parts):
            width = value / longest * (WIDTH - LEFT - 120)
            drawn.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="16" '
                         f'fill="{_colour(name)}" opacity="{1 - 0.45 * j:.2f}">'
                         f"<title>{html.escape(f'{name}: {what} {value:.3g} {unit}')}</title>"
                         "</rect>")
            x += width
        total = sum(value for _, value in parts)
        drawn.append(f'<text x="{x + 6:.1f}" y="{y + 12}" {FONT}>{total:,.3g} {unit}</text>')
    return _svg(30 + 24 * len(values), drawn)


def _svg(height: float, parts: list[str]) -> str:
    inner = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'width="{WIDTH}" height="{height:.0f}">\n{inner}\n</svg>\n')


def _log_scale(low: float, high: float):
    start, end = math.log10(low) - 0.05, math.log10(high) + 0.05
    return lambda value: LEFT + (math.log10(value) - start) / (end - start) * (WIDTH - LEFT - 20)


def _grid(scale, low, high, top, bottom, axis):
    for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        x = scale(10.0**power)
        yield f'<path d="M{x:.1f} {top}V{bottom}" stroke="#808790" opacity="0.35"/>'
        yield (f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" {FONT}>'
               f"{10.0**power:,g}</text>")
    yield (f'<text x="{(LEFT + WIDTH) / 2}" y="{bottom + 36}" text-anchor="middle" {FONT}>'
           f"{html.escape(axis)}</text>")


def _legend(names: list[str]) -> str:
    parts = []
    for i, name in enumerate(names):
        x, y = 20 + 176 * (i % 5), 20 + 18 * (i // 5)
        parts.append(_mark(name, names, x, y))
        parts.append(f'<text x="{x + 10}" y="{y + 4}" {FONT}>{html.escape(name)}</text>')
    return "\n".join(parts)


def _dot(name, names, scale, triple, y) -> str:
    low, middle, high = triple
    return (f"<g><title>{html.escape(f'{name}: {middle:,.3g} ({low:,.3g} to {high:,.3g})')}"
            f'</title><path d="M{scale(low):.1f} {y:.1f}H{scale(high):.1f}" '
            f'stroke="{_colour(name)}" stroke-width="2"/>'
            f"{_mark(name, names, scale(middle), y)}</g>")


def _mark(name, names, x: float, y: float) -> str:
    """A circle, a square, a diamond, ... by the contender's place in its family."""
    relatives = [other for other in names if family(other) == family(name)]
    corners = (0, 4, 3, 5, 6, 8)[relatives.index(name) % 6]
    if corners == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_colour(name)}"/>'
    turns = [2 * math.pi * i / corners - math.pi / 2 for i in range(corners)]
    points = " ".join(f"{x + 6 * math.cos(turn):.1f},{y + 6 * math.sin(turn):.1f}"
                      for turn in turns)
    return f'<polygon points="{points}" fill="{_colour(name)}"/>'


def _colour(name: str) -> str:
    return COLOURS.get(family(name), OTHER)
