"""In a deep network of sigmoids the gradient vanishes on its way back; through ReLU it does not.

The slope of a sigmoid is at most 1/4: ten layers multiply ten such numbers (and 0.1 ^ 4 is already
0.0001). The first layers then stay as they are, as the notes' old and new weights show.
"""

import numpy as np

import fastnn
from fastnn.lessons._tools import claim, gradient_norms, network, table


def look(activation, initializer, depth=10):
    """First and last gradient, the first kernel's relative change in 300 epochs, the accuracy."""
    fastnn.utils.set_random_seed(0)
    x, y = fastnn.datasets.moons(250, noise=0.1)
    model = network(2, [10] * depth, activation, kernel_initializer=initializer)
    gradients = gradient_norms(model, x, y)
    old_weights = model.get_weights()[0].copy()
    model.compile(fastnn.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=300, verbose=0)
    new_weights = model.get_weights()[0]
    change = float(np.median(np.abs((new_weights - old_weights) / old_weights)))
    return gradients[0], gradients[-1], change, model.evaluate(x, y, verbose=0)[1]


def main():
    rows = [("1 sigmoid layer", *look("sigmoid", "glorot_uniform", depth=1)),
            ("10 sigmoid layers", *look("sigmoid", "glorot_uniform")),
            ("10 ReLU layers", *look("relu", "he_uniform"))]
    table(("", "first gradient", "last", "change of first weights", "accuracy"), *rows)
    shallow, sigmoid, relu = rows
    claim("Ten sigmoids leave less than a millionth of the gradient; ReLU leaves most of it.",
          sigmoid[1] < 1e-6 * sigmoid[2] and relu[1] > 0.05 * relu[2]
          and shallow[1] > 0.01 * shallow[2])
    claim("The deep sigmoid network learns nothing, the ReLU network everything.",
          sigmoid[4] < 0.6 and relu[4] > 0.95)
