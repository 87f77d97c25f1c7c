"""Write tests/golden/functional.json: what Keras trains, for graphs of layers and fixed weights.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_functional.py
A case is a function of the library, for Keras and fastnn have the same words: it returns a compiled
model, the data and the arguments of `fit`. Nothing is shuffled. Kept are the history, the final
weights, what `evaluate` and `predict` say, and the names of the layers in order.
"""

import json
from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("functional.json")
ROWS = 36  # two batches of 16 and one of 4


def numbers(*shape, phase=0.0):
    """Float32 values in [-1, 1] that look random and are the same everywhere."""
    return np.sin(7.3 * np.arange(np.prod(shape)) ** 1.3 + phase).reshape(shape).astype("float32")


X, X2 = numbers(ROWS, 4), numbers(ROWS, 3, phase=1.0)
ONE = np.tanh(X @ [[1.0], [-2.0], [0.5], [1.5]]).astype("float32")
TWO = np.hstack([ONE, X[:, :1] * X[:, 1:2]])
BINARY = (ONE > 0).astype("float32")
LABELS = np.argmax(X[:, :3], axis=1)


def weighted(model):
    """Give a model its fixed weights; variances and scales stay near 1."""
    weights = []
    for i, w in enumerate(model.get_weights()):
        values = 0.7 * numbers(*w.shape, phase=i + 0.1)
        weights.append(values if w.ndim > 1 or not np.any(w) else 1 + 0.3 * values)
    model.set_weights(weights)


def made(lib, inputs, outputs, x=X, y=ONE, loss="mse", optimizer=None, **fit):
    model = lib.Model(inputs=inputs, outputs=outputs)
    weighted(model)
    model.compile(optimizer or lib.optimizers.SGD(0.1, momentum=0.9), loss)
    return model, x, y, fit


def residual(lib):
    L = lib.layers
    x = L.Input((4,), name="x")
    h = L.Dense(6, "relu", name="first")(x)
    for i in range(2):
        inner = L.Dense(6, "relu", name=f"inner_{i}")(h)
        # without a bias, whose gradient in front of a normalisation is nothing but rounding
        inner = L.Dense(6, use_bias=False, name=f"outer_{i}")(inner)
        inner = L.BatchNormalization(name=f"norm_{i}")(inner)
        h = L.Activation("relu", name=f"relu_{i}")(L.Add(name=f"add_{i}")([inner, h]))
    y = L.Dense(1, "sigmoid", name="out")(h)
    return made(lib, x, y, y=BINARY, loss="binary_crossentropy",
                optimizer=lib.optimizers.Adam(0.01), validation_split=0.25)


def shared(lib):
    """A layer called three times, on two inputs and on its own output, with a penalty."""
    L = lib.layers
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    dense = L.Dense(4, "tanh", kernel_regularizer=lib.regularizers.L2(0.01), name="shared")
    h = L.Concatenate(name="both")([dense(dense(a)), dense(b)])
    return made(lib, [a, b], L.Dense(1, name="out")(h), x=[X, X[::-1].copy()])


def shared_norm(lib):
    L = lib.layers
    x = L.Input((4,), name="x")
    norm = L.BatchNormalization(momentum=0.8, name="norm")
    h = norm(L.Dense(4, "tanh", name="inner")(norm(x)))
    return made(lib, x, L.Dense(1, name="out")(h), optimizer=lib.optimizers.SGD(0.1))


def two_inputs(lib):
    L = lib.layers
    a, b = L.Input((4,), name="a"), L.Input((3,), name="b")
    h = L.Concatenate(name="both")([L.Dense(5, "relu", name="left")(a), b])
    y = L.Dense(2, name="out")(L.Dense(4, "tanh", name="hidden")(h))
    return made(lib, {"a": a, "b": b}, y, x={"a": X, "b": X2}, y=TWO, validation_split=0.25)


def merged(name, count=2, **arguments):
    def make(lib):
        L = lib.layers
        x = L.Input((4,), name="x")
        branches = [L.Dense(5, link, name=f"branch_{i}")(x) for i, link in
                    zip(range(count), ("tanh", "relu", "relu"), strict=False)]
        h = getattr(L, name)(name="merge", **arguments)(branches)
        return made(lib, x, L.Dense(1, name="out")(h), optimizer=lib.optimizers.SGD(0.1))

    return make


def nested(lib):
    L = lib.layers
    inner = L.Input((4,), name="inner")
    encoder = lib.Model(inner, L.Dense(3, "tanh", name="code")(inner), name="encoder")
    decoder = lib.Sequential([L.Input((3,)), L.Dense(4, name="decoded")], name="decoder")
    x = L.Input((4,), name="x")
    return made(lib, x, decoder(encoder(x)), y=X)


def frozen(lib):
    """Part of a trained model with a new top: only the top learns."""
    L = lib.layers
    base, x, y, _ = residual(lib)
    base.fit(x, y, epochs=1, batch_size=16, shuffle=False, verbose=0)
    for layer in base.layers:
        layer.trainable = False
    top = L.Dense(1, name="top")(base.layers[-2].output)
    model = lib.Model(base.input, top)
    model.layers[-1].set_weights([0.7 * numbers(6, 1), numbers(1)])
    model.compile(lib.optimizers.SGD(0.001), "mse")
    return model, X, ONE, {}


def shared_rows(lib):
    """Layers with parameters of a row, each called on two inputs."""
    L = lib.layers
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    norm, slope = L.LayerNormalization(name="norm"), L.PReLU(name="slope")
    h = L.Concatenate(name="both")([slope(norm(a)), slope(norm(b))])
    return made(lib, [a, b], L.Dense(1, name="out")(h), x=[X, X[::-1].copy()])


def shared_table(lib):
    """One table of vectors for the numbers of two inputs."""
    L = lib.layers
    a, b = L.Input((2,), name="a"), L.Input((2,), name="b")
    table, flat = L.Embedding(5, 3, name="table"), L.Flatten(name="flat")
    h = L.Concatenate(name="both")([flat(table(a)), flat(table(b))])
    places = [np.arange(2 * ROWS).reshape(ROWS, 2) * step % 5 for step in (1, 3)]
    return made(lib, [a, b], L.Dense(1, name="out")(h), x=places)


def outputs(lib, sample_weight=None, **arguments):
    L = lib.layers
    x = L.Input((4,), name="x")
    h = L.Dense(5, "tanh", name="hidden")(x)
    one = L.Dense(1, "sigmoid", name="one")(h)
    two = L.Dense(3, "softmax", name="two")(h)
    three = L.Dense(2, name="three")(L.Concatenate(name="both")([h, one]))
    model = lib.Model(x, [one, two, three])
    weighted(model)
    model.compile(lib.optimizers.SGD(0.1, momentum=0.9), **arguments)
    fit = {} if sample_weight is None else {"sample_weight": sample_weight}
    return model, X, [BINARY, LABELS, TWO], {"validation_split": 0.25, **fit}


def reduced(lib):
    """Losses that are no plain means, each output with weights of its own."""
    losses = [lib.losses.BinaryFocalCrossentropy(reduction="sum"),
              lib.losses.SparseCategoricalCrossentropy(ignore_class=1),
              lib.losses.Huber(0.2, reduction="mean_with_sample_weight")]
    return outputs(lib, WEIGHTS, loss=losses, loss_weights=[0.01, 0.5, 2.0],
                   metrics=[["accuracy"], None, ["mae"]],
                   weighted_metrics=[["accuracy", "AUC"], ["accuracy"],
                                     ["mae", "cosine_similarity"]])


def of_rows(lib):
    """Losses of a whole row, and of a whole batch."""
    losses = [lib.losses.Dice(), lib.losses.SparseCategoricalCrossentropy(),
              lib.losses.CosineSimilarity()]
    return outputs(lib, WEIGHTS[0], loss=losses, weighted_metrics=[None, ["accuracy"], ["mse"]])


WEIGHTS = [1 + numbers(ROWS, phase=phase) for phase in (0.0, 2.0, 4.0)]
LOSSES = ["binary_crossentropy", "sparse_categorical_crossentropy", "mse"]

CASES = {
    "residual": residual,
    "shared": shared,
    "shared_norm": shared_norm,
    "two_inputs": two_inputs,
    **{f"{name.lower()}{count}": merged(name, count) for name, count in (
        ("Add", 3), ("Subtract", 2), ("Multiply", 3), ("Average", 2), ("Average", 3),
        ("Maximum", 3), ("Minimum", 3), ("Concatenate", 3))},
    "dot": merged("Dot", axes=1),
    "cosine": merged("Dot", axes=-1, normalize=True),
    "nested": nested,
    "frozen": frozen,
    "outputs": lambda lib: outputs(lib, loss=LOSSES),
    "outputs_weighted": lambda lib: outputs(
        lib, loss=LOSSES, loss_weights=[0.5, 2.0, 0.25],
        metrics=[["accuracy"], ["accuracy"], ["mae"]]),
    "outputs_named": lambda lib: outputs(
        lib, loss=dict(zip(("one", "two", "three"), LOSSES, strict=True)),
        loss_weights={"two": 2.0, "one": 1.0, "three": 0.5},
        metrics={"two": ["accuracy"], "three": ["mae", "mse"]}),
    "outputs_reduced": reduced,
    "outputs_of_rows": of_rows,
    "shared_rows": shared_rows,
    "shared_table": shared_table,
}


def train(lib, name):
    """The result of a case."""
    model, x, y, fit = CASES[name](lib)
    history = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0, **fit)
    few = {k: v[:3] for k, v in x.items()} if isinstance(x, dict) else (
        [v[:3] for v in x] if isinstance(x, list) else x[:3])
    predicted = model.predict(few, verbose=0)
    if not isinstance(predicted, list):
        predicted = [predicted]
    return {
        "history": history.history,
        "weights": [np.asarray(w).tolist() for w in model.get_weights()],
        "evaluate": model.evaluate(x, y, batch_size=16, verbose=0),
        "evaluate_dict": model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True),
        "predict": [p.tolist() for p in predicted],
        "layers": [layer.name for layer in model.layers],
    }


def main():
    import keras

    lines = [f"{json.dumps(name)}: {json.dumps(train(keras, name))}" for name in CASES]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{TARGET.name}: {len(CASES)} cases, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
