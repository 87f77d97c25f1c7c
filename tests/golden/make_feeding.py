"""Write tests/golden/feeding.json: what Keras trains with callbacks, class weights and batches.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_feeding.py
As make_training.py, whose data and weights these cases take.
"""

import json
import runpy
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np

TRAINING = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("make_training.py"))))
TARGET = Path(__file__).with_name("feeding.json")
X, ONE, BINARY, LABELS, ONE_HOT = (getattr(TRAINING, name) for name in (
    "X", "ONE", "BINARY", "LABELS", "ONE_HOT"))
CUTS = [0, 7, 23, 24, 40, 52]  # batches of different sizes


def model_of(lib, units=1, link=None, loss="mse", learning_rate=0.125, metrics=()):
    L = lib.layers
    model = lib.Sequential([L.Input((4,)), L.Dense(5, "tanh"), L.Dense(units, link)])
    TRAINING.weighted(model)
    model.compile(lib.optimizers.SGD(learning_rate), loss, metrics=list(metrics))
    return model


def classes(lib, units, link, loss, y, **fit):
    model = model_of(lib, units, link, loss, metrics=["accuracy"])
    weights = {0: 0.5, max(units - 1, 1): 3.0}
    return model, (X, y), {"batch_size": 16, "class_weight": weights, **fit}


def with_callback(make, **arguments):
    def case(lib):
        return model_of(lib, **arguments), (X, ONE), {
            "batch_size": 16, "validation_split": 0.25, "callbacks": [make(lib.callbacks)],
            "epochs": 8}

    return case


def batches(y=ONE, weights=None):
    for first, last in pairwise(CUTS):
        part = slice(first, last)
        yield (X[part], y[part], *([] if weights is None else [weights[part]]))


def dataset(lib, y=ONE, **arguments):
    class Batches(lib.utils.PyDataset):
        def __len__(self):
            return len(CUTS) - 1

        def __getitem__(self, index):
            return list(batches(y, **arguments))[index]

    return Batches()


def generator(lib):
    while True:
        yield from batches()


CASES = {
    "sparse": lambda lib: classes(lib, 3, "softmax", "sparse_categorical_crossentropy", LABELS),
    "sparse_split": lambda lib: classes(lib, 3, "softmax", "sparse_categorical_crossentropy",
                                        LABELS, validation_split=0.25),
    "one_hot": lambda lib: classes(lib, 3, "softmax", "categorical_crossentropy", ONE_HOT),
    "binary": lambda lib: classes(lib, 1, "sigmoid", "binary_crossentropy", BINARY),
    "binary_flat": lambda lib: classes(lib, 1, "sigmoid", "binary_crossentropy", BINARY[:, 0]),
    "schedule": with_callback(
        lambda C: C.LearningRateScheduler(lambda epoch, rate: rate / (1 + epoch % 3))),
    "plateau": with_callback(lambda C: C.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.05)),
    "plateau_metric": with_callback(lambda C: C.ReduceLROnPlateau(
        "val_mae", factor=0.5, patience=2, cooldown=1, min_delta=0.02, mode="min"),
        metrics=["mae"]),
    "stopped": with_callback(lambda C: C.EarlyStopping(
        "loss", mode="max", patience=2, restore_best_weights=True)),
    "dataset": lambda lib: (model_of(lib), (dataset(lib),), {}),
    "dataset_weights": lambda lib: (model_of(lib), (dataset(lib, weights=np.arange(52.0) / 26),),
                                    {}),
    "dataset_classes": lambda lib: (
        model_of(lib, 3, "softmax", "sparse_categorical_crossentropy"), (dataset(lib, LABELS),),
        {"class_weight": {0: 0.5, 2: 3.0}}),
    "dataset_validated": lambda lib: (model_of(lib, metrics=["mae"]), (X, ONE),
                                      {"validation_data": dataset(lib), "batch_size": 16}),
    "validation_steps": lambda lib: (model_of(lib), (X, ONE), {
        "validation_data": (X, ONE), "batch_size": 16, "validation_batch_size": 5,
        "validation_steps": 3}),
    "generator": lambda lib: (model_of(lib), (generator(lib),), {"steps_per_epoch": 3}),
}  # fmt: skip


def train(lib, name):
    """The result of a case: history, final weights, and what a stream evaluates and predicts to."""
    model, data, fit = CASES[name](lib)
    history = model.fit(*data, **{"epochs": 4, "shuffle": False, "verbose": 0} | fit)
    result = {"history": history.history,
              "weights": [np.asarray(w).tolist() for w in model.get_weights()]}
    if name.startswith("dataset"):
        result["evaluate"] = model.evaluate(data[0] if len(data) == 1 else dataset(lib), verbose=0)
        result["predict"] = model.predict(dataset(lib), steps=2, verbose=0).tolist()
    return result


if __name__ == "__main__":
    import keras

    lines = [f"{json.dumps(name)}: {json.dumps(train(keras, name))}" for name in CASES]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
