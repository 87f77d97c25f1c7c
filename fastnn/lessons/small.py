"""Weights that are too small let the signal die: deep layers hardly see the input.

Each layer multiplies the spread of its inputs by about sqrt(width) times that of its weights. At
0.01 ten tanh layers of 100 make almost nothing of any input, and almost no gradient comes back.
"""

import numpy as np

import fastnn
from fastnn.lessons._tools import claim, gradient_norms, network, outputs, table


def look(initializer):
    """The spread of every layer's outputs, and the gradient of the first and the last kernel."""
    fastnn.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(500, 100)).astype("float32")
    y = x[:, :1] > 0
    model = network(100, [100] * 10, "tanh", kernel_initializer=initializer)
    spreads = [float(values.std()) for values in outputs(model, x)]
    gradients = gradient_norms(model, x, y)
    return spreads, gradients[0], gradients[-1]


def main():
    made = {"0.01 randn": look(fastnn.initializers.RandomNormal(0.0, 0.01)),
            "Glorot": look("glorot_normal")}
    shown = (1, 2, 3, 5, 10)
    table(("spread of layer", *map(str, shown), "first gradient", "last"),
          *[(name, *[spreads[i - 1] for i in shown], first, last)
            for name, (spreads, first, last) in made.items()])
    (small, faint, _), (fair, clear, _) = made.values()
    claim("At 0.01 the signal shrinks tenfold a layer; Glorot's weights keep it.",
          small[-1] < 1e-8 and fair[-1] > 0.1)
    claim("The first layer's gradient is too small to learn from.", faint < 1e-6 * clear)
