"""Logistic regression is one neuron: a sigmoid trained by binary cross-entropy.

The likelihood has one maximum, which Newton's method finds in a few steps; the neuron's gradient
descent arrives at the same line.
"""

import numpy as np

import fastnn
from fastnn.lessons._tools import claim, table
from fastnn.perceptron import logistic_regression


def newton(x, y, steps=20):
    """The weights and the bias that maximise the likelihood, by iterated least squares."""
    X = np.column_stack([x, np.ones(len(x))]).astype("float64")
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-X @ w))
        w += np.linalg.solve((X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p))
    return w


def main():
    fastnn.utils.set_random_seed(0)
    x, y = fastnn.datasets.moons(300, noise=0.3)
    y = y.ravel()
    model = logistic_regression(2, fastnn.optimizers.Adam(0.05))
    model.fit(x, y, epochs=2000, batch_size=300, verbose=0)
    kernel, bias = model.get_weights()
    neuron, exact = [*kernel.ravel().tolist(), *bias.tolist()], newton(x, y).tolist()
    table(("", "A", "B", "C", "accuracy"),
          ("one neuron", *neuron, model.evaluate(x, y, verbose=0)[1]),
          ("Newton's method", *exact, float(np.mean((x @ exact[:2] + exact[2] > 0) == y))))
    claim("The neuron finds the maximum of the likelihood.",
          np.allclose(neuron, exact, rtol=1e-3))
