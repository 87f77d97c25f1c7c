"""Batch normalization keeps every layer's inputs in range: deep networks train from poor starts.

Each layer's sums are shifted and scaled to mean 0 and variance 1 over the batch before they reach
the activation, so that weights of the wrong size, which a deep network of sigmoids does not
survive, matter little.
"""

import fastnn
from fastnn import layers
from fastnn.lessons._tools import claim, table


def train(normalized, spread):
    """The loss after the first and the last of 60 epochs, and the accuracy.

    Five layers of 20 sigmoids, on two circles; ``spread`` is that of the first weights.
    """
    fastnn.utils.set_random_seed(0)
    x, y = fastnn.datasets.circles(400, noise=0.05)
    stack = [fastnn.Input((2,))]
    for _ in range(5):
        start = fastnn.initializers.RandomNormal(0.0, spread)
        stack.append(layers.Dense(20, kernel_initializer=start))
        stack += [layers.BatchNormalization(momentum=0.9)] if normalized else []
        stack.append(layers.Activation("sigmoid"))
    model = fastnn.Sequential([*stack, layers.Dense(1, "sigmoid")])
    model.compile(fastnn.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    losses = model.fit(x, y, epochs=60, batch_size=50, verbose=0).history["loss"]
    return losses[0], losses[-1], model.evaluate(x, y, verbose=0)[1]


def main():
    rows = [(f"{'with' if on else 'without'}, weights of {spread}", *train(on, spread))
            for spread in (0.05, 1.0) for on in (False, True)]
    table(("", "first loss", "last loss", "accuracy"), *rows)
    off, (on_small, on_large) = rows[0], rows[1::2]
    claim("With batch normalization the network learns from small and large weights.",
          min(on_small[3], on_large[3]) > 0.95)
    claim("Without it small weights teach it nothing.", off[3] < 0.75)
