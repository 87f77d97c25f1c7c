"""Write tests/golden/training.json: what Keras trains, for small networks and fixed weights.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_training.py
A case is a function of the library, for Keras and fastnn have the same words: it returns a compiled
model, the data and the arguments of `fit`. Nothing is shuffled. Kept are the history, the final
weights, and what `evaluate` says.
"""

import json
from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("training.json")
ROWS = 52  # three batches of 16 and one of 4


def numbers(*shape, phase=0.0):
    """Float32 values in [-1, 1] that look random and are the same everywhere."""
    return np.sin(7.3 * np.arange(np.prod(shape)) ** 1.3 + phase).reshape(shape).astype("float32")


X = numbers(ROWS, 4)
ONE = np.tanh(X @ [[1.0], [-2.0], [0.5], [1.5]]).astype("float32")
TWO = np.hstack([ONE, X[:, :1] * X[:, 1:2]])
BINARY = (ONE > 0).astype("float32")
LABELS = np.argmax(X[:, :3], axis=1)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]


def weighted(model):
    """Give a model its fixed weights; variances and scales stay near 1.

    No weight is 0, where libraries differ in the slope of |w|.
    """
    weights = []
    for i, w in enumerate(model.get_weights()):
        values = 0.7 * numbers(*w.shape, phase=i + 0.1)
        weights.append(values if w.ndim > 1 or not w.any() else 1 + 0.3 * values)
    model.set_weights(weights)


def case(lib, units, link, loss, y, *, optimizer="sgd", hidden="tanh", metrics=(), **fit):
    L = lib.layers
    model = lib.Sequential([L.Input((4,)), L.Dense(5, activation=hidden), L.Dense(units, link)])
    weighted(model)
    model.compile(optimizer=optimizer, loss=loss, metrics=list(metrics))
    return model, X, y, fit


def binary_not_linked(lib):
    """Probabilities that no sigmoid made, from 0.05 to 0.8: away from where they are clipped."""
    made = case(lib, 1, None, "binary_crossentropy", BINARY, hidden="sigmoid")
    made[0].layers[-1].set_weights([np.full((5, 1), 0.15), np.full(1, 0.05)])
    return made


def with_optimizer(name, **arguments):
    def make(lib):
        optimizer = getattr(lib.optimizers, name)(**arguments)
        return case(lib, 1, None, "mse", ONE, optimizer=optimizer)

    return make


def batch_normalised(lib, **arguments):
    L = lib.layers
    model = lib.Sequential([
        L.Input((4,)), L.Dense(5), L.BatchNormalization(**arguments), L.Activation("relu"),
        L.Dense(4, "tanh"), L.BatchNormalization(momentum=0.8), L.Dense(1, "sigmoid")])
    weighted(model)
    model.compile(optimizer=lib.optimizers.SGD(0.05), loss="binary_crossentropy",
                  metrics=["accuracy"])
    return model, X, BINARY, {"validation_split": 0.25}


def frozen(lib):
    model, x, y, fit = batch_normalised(lib)
    for layer in model.layers[:2]:
        layer.trainable = False
    model.compile(optimizer=lib.optimizers.SGD(0.05), loss="binary_crossentropy",
                  metrics=["accuracy"])
    return model, x, y, fit


def penalised(lib):
    L, R = lib.layers, lib.regularizers
    model = lib.Sequential([
        L.Input((4,)), L.Dense(5, "relu", kernel_regularizer=R.L1L2(0.01, 0.02)),
        L.Dense(1, bias_regularizer="l2")])
    weighted(model)
    model.compile(optimizer="sgd", loss="mse", metrics=["mse", "mae"])
    return model, X, ONE, {"validation_split": 0.25}


def penalised_sum(lib):
    """Keras weighs a batch's summed loss, its penalty included, by the rows of the batch."""
    model, x, y, fit = penalised(lib)
    model.layers[1].trainable = False  # then its penalty does not count
    model.compile(optimizer="sgd", loss=lib.losses.MeanSquaredError(reduction="sum"),
                  metrics=["mse", "mae"])
    return model, x, y, fit | {"sample_weight": 1 + numbers(ROWS)}


def shaped(lib):
    L = lib.layers
    model = lib.Sequential([L.Input((2, 2)), L.Flatten(), L.Dense(6, "relu"), L.Reshape((-1, 2)),
                            L.Activation("tanh")])
    weighted(model)
    model.compile(optimizer="sgd", loss="mae")
    return model, X.reshape(-1, 2, 2), numbers(ROWS, 3, 2, phase=2.0), {}


CASES = {
    "sgd": with_optimizer("SGD", learning_rate=0.1),
    "momentum": with_optimizer("SGD", learning_rate=0.05, momentum=0.9),
    "nesterov": with_optimizer("SGD", learning_rate=0.05, momentum=0.9, nesterov=True),
    "rmsprop": with_optimizer("RMSprop", learning_rate=0.01),
    "rmsprop_momentum": with_optimizer("RMSprop", learning_rate=0.01, momentum=0.5),
    "rmsprop_centered": with_optimizer("RMSprop", learning_rate=0.01, centered=True),
    "rmsprop_both": with_optimizer("RMSprop", learning_rate=0.01, centered=True, momentum=0.5),
    "adam": with_optimizer("Adam", learning_rate=0.01),
    "amsgrad": with_optimizer("Adam", learning_rate=0.01, amsgrad=True, beta_2=0.9),
    "clipnorm": with_optimizer("SGD", learning_rate=0.1, clipnorm=0.2),
    "global_clipnorm": with_optimizer("SGD", learning_rate=0.1, global_clipnorm=0.3),
    "clipvalue": with_optimizer("SGD", learning_rate=0.1, clipvalue=0.05),
    "mse": lambda lib: case(lib, 2, None, "mse", TWO, metrics=["mae", "mse"]),
    "mae": lambda lib: case(lib, 2, "tanh", "mae", TWO),
    "summed": lambda lib: case(lib, 2, None, lib.losses.MeanSquaredError(reduction="sum"), TWO,
                               validation_split=0.25),
    "binary": lambda lib: case(lib, 1, "sigmoid", "binary_crossentropy", BINARY[:, 0],
                               metrics=["accuracy"], validation_split=0.3),
    "binary_logits": lambda lib: case(
        lib, 1, None, lib.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), BINARY),
    "binary_not_linked": binary_not_linked,
    "categorical": lambda lib: case(lib, 3, "softmax", "categorical_crossentropy", ONE_HOT,
                                    metrics=["accuracy"]),
    "categorical_smoothed": lambda lib: case(
        lib, 3, "softmax", lib.losses.CategoricalCrossentropy(label_smoothing=0.2), ONE_HOT),
    "categorical_not_linked": lambda lib: case(lib, 3, "sigmoid", "categorical_crossentropy",
                                               ONE_HOT),
    "sparse": lambda lib: case(lib, 3, "softmax", "sparse_categorical_crossentropy", LABELS,
                               metrics=["accuracy"], hidden="relu", validation_split=0.1),
    "sparse_logits": lambda lib: case(
        lib, 3, None, lib.losses.SparseCategoricalCrossentropy(from_logits=True), LABELS),
    "sample_weight": lambda lib: case(
        lib, 1, None, "mse", ONE, metrics=["mae"], validation_split=0.25,
        sample_weight=1 + numbers(ROWS)),
    "batch_norm": batch_normalised,
    "batch_norm_bare": lambda lib: batch_normalised(lib, center=False, scale=False, epsilon=0.1),
    "frozen": frozen,
    "penalties": penalised,
    "penalties_summed": penalised_sum,
    "shaped": shaped,
}  # fmt: skip


def train(lib, name):
    """The result of a case: history, final weights and evaluation."""
    model, x, y, fit = CASES[name](lib)
    history = model.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=0, **fit)
    weights = fit.get("sample_weight")
    return {
        "history": history.history,
        "weights": [np.asarray(w).tolist() for w in model.get_weights()],
        "evaluate": model.evaluate(x, y, batch_size=16, sample_weight=weights, verbose=0),
        "predict": model.predict(x[:3], verbose=0).tolist(),
    }


def main():
    import keras

    lines = [f"{json.dumps(name)}: {json.dumps(train(keras, name))}" for name in CASES]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{TARGET.name}: {len(CASES)} cases, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
