"""What the lessons share: networks, gradients by layer, a table, a claim."""

from __future__ import annotations

import numpy as np

import fastnn
from fastnn import console, layers


def network(inputs: int, widths, activation, last="sigmoid", **dense):
    """Dense layers of these widths, and one output; ``dense`` are arguments of them all."""
    stack = [fastnn.Input((inputs,))]
    stack += [layers.Dense(width, activation, **dense) for width in widths]
    return fastnn.Sequential([*stack, layers.Dense(1, last, **dense)])


def gradient_norms(model, x, y, loss="binary_crossentropy") -> np.ndarray:
    """The root mean square of the loss's gradient in each dense layer's kernel."""
    model.compile("sgd", loss)
    return np.array([np.sqrt(np.mean(g**2)) for g in model.gradients(x, y).values()
                     if g.ndim == 2])


def outputs(model, x) -> list[np.ndarray]:
    """The output of every dense layer but the last for inputs x."""
    return list(model.activations(x).values())[:-1]


def table(header: tuple, *rows: tuple) -> None:
    """Print rows under a header, in columns; numbers with four digits."""
    cells = [[_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = "  ".join(cell.rjust(width) if i else cell.ljust(width)
                         for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        console.write(f"  {line}\n")


def claim(text: str, holds: bool) -> None:
    """Print what the lesson claims; AssertionError if it does not hold."""
    console.write(f"  {text}\n")
    if not holds:
        raise AssertionError(text)


def _text(cell) -> str:
    return cell if isinstance(cell, str) else f"{cell:.4g}"
