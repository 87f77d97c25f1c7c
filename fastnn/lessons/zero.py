"""Weights that are all zero stay useless: the neurons of a layer never become different.

With ReLU or tanh nothing moves at all but the last bias: every gradient is a product with a weight
or an activation that is 0. With sigmoid the activations are 1/2, so weights do move, but all
neurons of a layer by the same.
"""

import numpy as np

import fastnn
from fastnn.lessons._tools import claim, network, table


def train(activation, initializer):
    """Accuracy on two circles, and the hidden kernel, after 200 epochs."""
    fastnn.utils.set_random_seed(0)
    x, y = fastnn.datasets.circles(200, noise=0.05)
    model = network(2, [10], activation, kernel_initializer=initializer)
    model.compile(fastnn.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=200, batch_size=50, verbose=0)
    return model.evaluate(x, y, verbose=0)[1], model.layers[0].kernel


def main():
    rows, kernels = [], {}
    for activation in ("relu", "tanh", "sigmoid"):
        accuracy, kernel = train(activation, "zeros")
        kernels[activation] = kernel
        different = len(np.unique(kernel, axis=1).T)
        rows.append((f"{activation}, zeros", float(np.abs(kernel).max()), different, accuracy))
    accuracy, kernel = train("relu", "glorot_uniform")
    rows.append(("relu, Glorot", float(np.abs(kernel).max()), len(np.unique(kernel, axis=1).T),
                 accuracy))
    table(("", "largest weight", "different neurons", "accuracy"), *rows)
    claim("From zeros ReLU and tanh learn no weight, and sigmoid the same one ten times.",
          not kernels["relu"].any() and not kernels["tanh"].any()
          and kernels["sigmoid"].any() and [row[2] for row in rows[:3]] == [1, 1, 1])
    claim("None of them tells the circles apart; random weights do.",
          max(row[3] for row in rows[:3]) < 0.75 < 0.95 < accuracy)
