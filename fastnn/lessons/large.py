"""Weights that are too large saturate: the neurons sit where their slope is almost nothing.

With weights of spread 1 the sums of 100 inputs have a spread of 10, where tanh is 1 or -1, and its
slope close to 0. The first loss is enormous, and what is learnt are the rows, not the rule: new
rows are guessed. With ReLU the sums themselves grow tenfold a layer, until nothing is a number.
"""

import numpy as np

import fastnn
from fastnn.lessons._tools import claim, network, outputs, table


def look(activation, initializer):
    """The share of saturated outputs, the largest output, the first loss, the accuracy on new rows.

    Five layers of 100; 30 epochs on 1000 rows that a plane divides.
    """
    fastnn.utils.set_random_seed(0)
    x, new = np.random.default_rng(0).normal(size=(2, 1000, 100)).astype("float32")
    y, truth = (rows[:, :50].sum(axis=1, keepdims=True) > 0 for rows in (x, new))
    model = network(100, [100] * 5, activation, kernel_initializer=initializer)
    values = outputs(model, x)
    saturated = float(np.mean([np.abs(v) > 0.99 for v in values]))
    model.compile(fastnn.optimizers.SGD(0.02), "binary_crossentropy", metrics=["accuracy"])
    loss = model.evaluate(x, y, verbose=0)[0]
    model.fit(x, y, epochs=30, batch_size=50, verbose=0, on_divergence="ignore")
    accuracy = model.evaluate(new, truth, verbose=0)[1]
    return saturated, float(np.abs(values[-1]).max()), loss, accuracy


def main():
    ones = fastnn.initializers.RandomNormal(0.0, 1.0)
    rows = [("tanh, 1 randn", *look("tanh", ones)),
            ("tanh, Glorot", *look("tanh", "glorot_normal")),
            ("relu, 1 randn", *look("relu", ones)), ("relu, He", *look("relu", "he_normal"))]
    table(("", "saturated", "largest output", "first loss", "accuracy on new rows"), *rows)
    wild, fair, explosive, he = rows
    claim("At 1 most tanh neurons are saturated; at Glorot's size almost none is.",
          wild[1] > 0.75 and fair[1] < 0.05)
    claim("At 1 ReLU's outputs explode; at He's size they do not.",
          explosive[2] > 1e4 and he[2] < 100)
    claim("At 1 the losses start enormous.",
          wild[3] > 4 * fair[3] and explosive[3] > 100 * he[3])
    claim("At 1 new rows are hardly better than guessed; otherwise the rule is learnt.",
          max(wild[4], explosive[4]) < 0.6 < 0.7 < min(fair[4], he[4]))
