"""Dropout shuts neurons down at random, a new set in every batch: the network overfits less.

A wide network learns a few noisy points by heart: its loss on them goes to nothing while that on
new points rises. With half of the neurons missing each time it cannot rely on any of them.
"""

import fastnn
from fastnn import layers
from fastnn.lessons._tools import claim, table


def train(rate):
    """The training loss and accuracy, in inference mode, and those on new points."""
    fastnn.utils.set_random_seed(1)
    x, y = fastnn.datasets.moons(80, noise=0.35, seed=1)
    new = fastnn.datasets.moons(500, noise=0.35, seed=2)
    model = fastnn.Sequential([
        fastnn.Input((2,)), layers.Dense(128, "relu"), layers.Dropout(rate),
        layers.Dense(128, "relu"), layers.Dropout(rate), layers.Dense(1, "sigmoid")])
    model.compile(fastnn.optimizers.Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=400, verbose=0)
    return *model.evaluate(x, y, verbose=0), *model.evaluate(*new, verbose=0)


def main():
    rows = [(f"dropout {rate}" if rate else "without", *train(rate)) for rate in (0.0, 0.5)]
    table(("", "loss", "accuracy", "loss on new points", "accuracy"), *rows)
    off, on = rows
    claim("Without dropout the points are known by heart, and new ones cost several times as much.",
          off[1] < 0.1 and off[3] > 5 * off[1])
    claim("With it the loss on new points is less than half of that.", on[3] < 0.5 * off[3])
