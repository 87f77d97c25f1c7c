"""What train_on_batch and test_on_batch of Keras 3.15 return: KERAS_BACKEND=jax python this.py."""

import json
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).with_name("on_batch.json")
X = np.arange(12.0).reshape(6, 2) / 10
Y = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
W = np.array([1.0, 2.0, 0.5, 0.0, 1.5, 1.0])
CLASS_WEIGHT = {0: 1.0, 1: 3.0}
KERNEL, BIAS = np.array([[0.5], [-0.25]]), np.array([0.1])


def calls(model):
    """One list of values a call, on a model of one Dense(1, "sigmoid") trained by SGD(0.5)."""
    return [[float(value) for value in values] for values in (
        model.train_on_batch(X[:4], Y[:4]),
        model.train_on_batch(X[4:], Y[4:]),
        model.test_on_batch(X[:4], Y[:4]),
        model.train_on_batch(X[:4], Y[:4], sample_weight=W[:4]),
        model.train_on_batch(X[:4], Y[:4], class_weight=CLASS_WEIGHT),
        model.test_on_batch(X[2:], Y[2:], W[2:]))]


def main():
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    model.set_weights([KERNEL, BIAS])
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy", "mae"],
                  weighted_metrics=["mse"])
    GOLDEN.write_text(json.dumps(calls(model), indent=1) + "\n")


if __name__ == "__main__":
    main()
