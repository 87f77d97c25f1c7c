"""Write tests/golden/keras_models/: models saved by Keras, and what they predict.

Run with an interpreter that has Keras 3.15:
    KERAS_BACKEND=jax python tests/golden/make_keras_models.py
"""

import json
from pathlib import Path

import keras
import numpy as np
from keras import layers

FOLDER = Path(__file__).with_name("keras_models")
X = np.sin(np.arange(24.0)).reshape(6, 4).astype("float32")
Y = np.cos(np.arange(12.0)).reshape(6, 2).astype("float32")


def sequential():
    model = keras.Sequential([
        keras.Input((4,)), layers.Dense(5, "relu", name="first", kernel_regularizer="l2"),
        layers.BatchNormalization(), layers.PReLU(), layers.Dropout(0.2, seed=1),
        layers.Dense(4, use_bias=False), layers.LeakyReLU(0.1), layers.LayerNormalization(),
        layers.Dense(2, "tanh")])
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), keras.losses.LogCosh(),
                  metrics=["mae", keras.metrics.RootMeanSquaredError(name="rmse")])
    return model


def functional():
    one, two = keras.Input((4,), name="one"), keras.Input((2,), name="two")
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(3, "tanh"), layers.Dense(3)])
    shared = layers.Dense(3, "sigmoid", name="shared")
    h = shared(one)
    h = layers.Add()([h, inner(h)])
    out = layers.Dense(2, name="out")(layers.Concatenate()([h, shared(one), two]))
    side = layers.Dense(1, "sigmoid", name="side")(h)
    model = keras.Model([one, two], {"out": out, "side": side})
    model.compile("sgd", {"out": "mse", "side": "binary_crossentropy"})
    return model


def tabular():
    """Layers of other classes, in a weights file."""
    norm = layers.Normalization()
    norm.adapt(X)
    model = keras.Sequential([keras.Input((4,)), norm, layers.Dense(6), layers.Activation("gelu"),
                              layers.GroupNormalization(3), layers.Dense(6, "softplus"),
                              layers.RMSNormalization(), layers.Dense(2, "softmax")])
    model.compile("adam", "mse")
    return model


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    found = {}
    for make, name in ((sequential, "sequential.keras"), (functional, "functional.keras"),
                       (tabular, "tabular.weights.h5")):
        keras.utils.set_random_seed(3)
        keras.backend.clear_session()
        model = make()
        given, wanted = X, Y
        if make is functional:
            given, wanted = [X, Y], {"out": Y, "side": (Y[:, :1] > 0).astype("float32")}
        model.fit(given, wanted, epochs=2, verbose=0)
        model.save_weights(FOLDER / name) if name.endswith("h5") else model.save(FOLDER / name)
        made = model.predict(given, verbose=0)
        found[name] = {key: value.tolist() for key, value in made.items()} if isinstance(
            made, dict) else made.tolist()
        found[name + " evaluate"] = model.evaluate(given, wanted, verbose=0)
        found[name + " json"] = json.loads(model.to_json())
    (FOLDER / "predictions.json").write_text(json.dumps(found))
