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
    model.compile(fastnn.optimizers.SGD(0.0), loss)  # a step that moves nothing
    model.fit(x, y, batch_size=len(x), verbose=0)
    gradient = model.trainer.memory.grads
    kernels = [w for w in model.trainable_weights if len(w.shape) == 2]
    return np.array([np.sqrt(np.mean(gradient[w.offset : w.offset + w.size] ** 2))
                     for w in kernels])


def outputs(model, x) -> list[np.ndarray]:
    """The output of every dense layer but the last for inputs x."""
    found, values = [], x
    for layer in model.layers[:-1]:
        one = fastnn.Sequential([fastnn.Input((values.shape[1],)),
                                 layers.Dense(layer.units, layer.activation)])
        one.set_weights(layer.get_weights())
        values = one.predict(values, verbose=0)
        found.append(values)
    return found


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
