"""Weights of one constant value make a layer one neuron: all of its neurons stay equal.

Equal neurons have equal gradients, so that no step makes them different: the notes' worked example
with all weights 0.1 and the wide layer here are networks with a single hidden neuron.
"""

import numpy as np

import fastnn
from fastnn import layers
from fastnn.lessons._tools import claim, network, table


def train(initializer):
    """Accuracy on two circles, and how many hidden neurons differ, after 200 epochs."""
    fastnn.utils.set_random_seed(0)
    x, y = fastnn.datasets.circles(200, noise=0.05)
    model = network(2, [10], "tanh", kernel_initializer=initializer)
    model.compile(fastnn.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=200, batch_size=50, verbose=0)
    different = len(np.unique(model.layers[0].kernel.round(6), axis=1).T)
    return different, model.evaluate(x, y, verbose=0)[1]


def worked_example():
    """The notes' 2-2-1 network: four rows, linear, all weights 0.1, five epochs."""
    x, y = fastnn.datasets.notes.package()
    model = fastnn.Sequential([
        fastnn.Input((2,)), layers.Dense(2, kernel_initializer=fastnn.initializers.Constant(0.1)),
        layers.Dense(1, kernel_initializer=fastnn.initializers.Constant(0.1))])
    model.compile(fastnn.optimizers.SGD(0.001), fastnn.losses.SumSquaredError())
    model.fit(x, y, epochs=5, batch_size=1, shuffle=False, verbose=0)
    return model.layers[0].kernel


def main():
    same, random = train(fastnn.initializers.Constant(0.5)), train("glorot_uniform")
    table(("", "different neurons", "accuracy"), ("all 0.5", *same), ("random", *random))
    kernel = worked_example()
    table(("the notes' example", "neuron 1", "neuron 2"),
          *[(f"from input {i + 1}", *row) for i, row in enumerate(kernel.tolist())])
    claim("Ten equal neurons are one, and cannot enclose the inner circle; random ones can.",
          same[0] == 1 and same[1] < 0.75 and random[0] == 10 and random[1] > 0.95)
    claim("The example's two neurons end with the same weights, 0.2720 and 0.3927.",
          np.array_equal(kernel[:, 0], kernel[:, 1])
          and np.allclose(kernel[:, 0], [0.2719899516, 0.3927392633], rtol=1e-5))
