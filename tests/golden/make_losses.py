"""Write tests/golden/losses.npz and losses.json: Keras's losses, alone and in training.

Run with an interpreter that has Keras 3.15 and jax:
    KERAS_BACKEND=jax python tests/golden/make_losses.py
A case is (class, arguments, data). Kept are, in float64: the loss of each row, what every reduction
makes of it with and without weights, and the gradients in the predictions that jax takes of Keras's
function. TRAINED are the losses in a small network that is trained as in make_training.py.
"""

import json
from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("losses.npz")
CURVES = Path(__file__).with_name("losses.json")
ROWS, WIDTH = 7, 4
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight")
GRADIENTS = ("sum_over_batch_size", "mean_with_sample_weight weighted")


def numbers(*shape, phase=0.0):
    """Float64 values in [-1, 1] that look random and are the same everywhere."""
    return np.sin(7.3 * np.arange(np.prod(shape)) ** 1.3 + phase).reshape(shape)


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def data(name):
    """Targets and predictions."""
    name, _, width = name.partition("/")
    shape = (ROWS, int(width or WIDTH))
    t, y = numbers(*shape), numbers(*shape, phase=1.0)
    labels = np.abs(t).argmax(axis=1)
    one_hot = np.eye(shape[1])[labels]
    zeros = np.where(t > 0, 1.0, 0.0)
    return {
        "real": lambda: (3 * t, 2 * y),
        "shaped": lambda: (numbers(3, 2, 4), numbers(3, 2, 4, phase=1.0)),
        "same": lambda: (t, np.where(t > 0, t, y)),
        "huge": lambda: (1e6 * t, 1e8 * y),
        "with zeros": lambda: (np.where(t > 0.5, 0, t), np.where(y > 0, 0.0, y)),
        "counts": lambda: (np.round(4 * np.abs(t)), np.abs(y) + 0.01),
        "soft": lambda: (softmax(t), softmax(2 * y)),
        "probabilities": lambda: (zeros, 0.5 + 0.45 * y),
        "edges": lambda: (zeros, np.resize([0.0, 1.0, 1e-9, 1 - 1e-9, 0.5], shape)),
        "signs": lambda: (2 * zeros - 1, 2 * y),
        "binary": lambda: (zeros, 2 * y),
        "margins": lambda: (3 * t, 2 * y),
        "logits": lambda: (zeros, 4 * y),
        "far logits": lambda: (zeros, np.resize([-1e4, 1e4, 40.0, -40.0, 0.0], shape)),
        "classes": lambda: (one_hot, softmax(3 * y)),
        "not normalised": lambda: (one_hot, 0.5 + 0.45 * y),
        "class edges": lambda: (one_hot, np.resize([0.0, 1.0, 1e-9, 0.0, 0.0, 0.3, 0.7], shape)),
        "class logits": lambda: (one_hot, 4 * y),
        "far class logits": lambda: (one_hot, np.resize([-1e4, 1e4, 40.0, 0.0, 3.0], shape)),
        "labels": lambda: (labels, softmax(3 * y)),
        "label logits": lambda: (labels, 4 * y),
    }[name]()


WEIGHTS = np.array([0.0, 0.5, 1.0, 3.0, 2.0, 0.25, 1.5])

REGRESSION = ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
              "MeanSquaredLogarithmicError", "Huber", "LogCosh", "CosineSimilarity")
CASES = [
    *((name, {}, kind) for name in REGRESSION for kind in ("real", "real/1", "with zeros", "huge",
                                                            "same", "shaped")
      if not (name == "CosineSimilarity" and kind == "with zeros")),
    ("Huber", {"delta": 0.3}, "real"), ("CosineSimilarity", {"axis": 0}, "real"),
    ("Poisson", {}, "counts"), ("Poisson", {}, "counts/1"),
    ("KLDivergence", {}, "soft"), ("KLDivergence", {}, "edges"), ("KLDivergence", {}, "real"),
    *((name, {}, kind) for name in ("Hinge", "SquaredHinge") for kind in
      ("signs", "binary", "binary/1", "margins", "probabilities")),
    ("CategoricalHinge", {}, "classes"), ("CategoricalHinge", {}, "class logits"),
    ("CategoricalHinge", {}, "soft"),
    *(("BinaryCrossentropy", arguments, kind) for arguments in ({}, {"label_smoothing": 0.2})
      for kind in ("probabilities", "probabilities/1", "edges")),
    *(("BinaryCrossentropy", {"from_logits": True} | arguments, kind)
      for arguments in ({}, {"label_smoothing": 0.2}) for kind in ("logits", "far logits")),
    ("BinaryCrossentropy", {"axis": 0}, "probabilities"),
    *(("BinaryFocalCrossentropy", arguments, "probabilities") for arguments in (
        {}, {"gamma": 0.0}, {"gamma": 0.7}, {"apply_class_balancing": True, "alpha": 0.3},
        {"label_smoothing": 0.2, "apply_class_balancing": True})),
    ("BinaryFocalCrossentropy", {}, "edges"),
    ("BinaryFocalCrossentropy", {"from_logits": True}, "logits"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "apply_class_balancing": True,
                                 "label_smoothing": 0.1, "gamma": 1.0}, "logits"),
    *((name, arguments, kind)
      for name in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy")
      for arguments in ({}, {"label_smoothing": 0.2})
      for kind in ("classes", "not normalised", "class edges", "soft")),
    *(("CategoricalCrossentropy", {"from_logits": True} | arguments, kind)
      for arguments in ({}, {"label_smoothing": 0.2})
      for kind in ("class logits", "far class logits")),
    ("CategoricalCrossentropy", {"axis": 0}, "not normalised"),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, "class logits"),
    ("CategoricalFocalCrossentropy", {"alpha": 0.7, "gamma": 0.5}, "not normalised"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4]}, "classes"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1, "gamma": 3.0},
     "class logits"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "label logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "labels"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, "label logits"),
    ("CategoricalGeneralizedCrossEntropy", {}, "labels"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "labels"),
    *((name, arguments, kind) for name in ("Dice", "Tversky")
      for arguments in ({}, {"axis": -1}, {"axis": 0}) for kind in ("probabilities", "edges")),
    ("Tversky", {"alpha": 0.2, "beta": 0.9}, "probabilities"),
    ("Tversky", {"alpha": 0.2, "beta": 0.9, "axis": 1}, "probabilities"),
    ("Dice", {"axis": (1, 2)}, "shaped"), ("Dice", {"axis": (1,)}, "shaped"),
]


def key(name, arguments, kind):
    return f"{name}({', '.join(f'{k}={v}' for k, v in arguments.items())}) {kind}"


def results(name, arguments, kind):
    """A case's numbers, by name."""
    import jax
    import keras

    cls = getattr(keras.losses, name)
    t, y = data(kind)
    weights = WEIGHTS[: len(t)]
    out = {"rows": cls(**arguments, reduction=None, dtype="float64")(t, y)}
    for reduction in REDUCTIONS:
        loss = cls(**arguments, reduction=reduction, dtype="float64")
        for words, w in (("", None), (" weighted", weights)):
            if np.ndim(out["rows"]) > 1 and w is not None:
                w = np.repeat(w[:, None], out["rows"].shape[1], 1)
            if w is not None and np.ndim(out["rows"]) and len(w) != len(out["rows"]):
                continue  # an axis of the rows is gone
            value, slope = jax.value_and_grad(
                lambda y, loss=loss, w=w: loss(t, y, w))(jax.numpy.asarray(y))
            out[f"{reduction}{words}"] = value
            if f"{reduction}{words}" in GRADIENTS:
                out[f"gradient {reduction}{words}"] = slope
    return {f"{key(name, arguments, kind)}: {what}": np.asarray(v) for what, v in out.items()}


# class, arguments, units, link, targets
TRAINED = [
    *((name, {}, 2, None, "TWO") for name in REGRESSION if "Perc" not in name),
    ("MeanAbsolutePercentageError", {"reduction": "sum"}, 2, None, "FAR"),
    ("Poisson", {}, 2, "softplus", "COUNTS"), ("KLDivergence", {}, 3, "softmax", "ONE_HOT"),
    ("Hinge", {}, 1, "tanh", "BINARY"), ("SquaredHinge", {}, 1, None, "BINARY"),
    ("CategoricalHinge", {}, 3, None, "ONE_HOT"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True}, 1, "sigmoid", "BINARY"),
    ("CategoricalFocalCrossentropy", {"label_smoothing": 0.1}, 3, "softmax", "ONE_HOT"),
    ("CategoricalGeneralizedCrossEntropy", {}, 3, "softmax", "LABELS"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, 3, "softmax", "LABELS"),
    ("Dice", {}, 3, "sigmoid", "ONE_HOT"), ("Tversky", {"axis": -1}, 3, "sigmoid", "ONE_HOT"),
    ("MeanSquaredError", {"reduction": "mean_with_sample_weight"}, 2, None, "TWO"),
    ("Huber", {"reduction": "sum"}, 2, None, "TWO"),
    ("Dice", {"reduction": "sum"}, 3, "sigmoid", "ONE_HOT"),
    ("Tversky", {"reduction": "mean_with_sample_weight"}, 3, "sigmoid", "ONE_HOT"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "reduction": "mean_with_sample_weight"},
     3, None, "LABELS"),
]  # fmt: skip


def train(lib, name, arguments, units, link, y):
    """History, final weights and evaluation of a small network, weighted and with validation."""
    import make_training as m

    targets = {"FAR": 3 + m.TWO, "COUNTS": np.round(3 * np.abs(m.TWO))}
    y = targets[y] if y in targets else getattr(m, y)
    loss = getattr(lib.losses, name)(**arguments)
    optimizer = lib.optimizers.SGD(1e-4 if name == "MeanAbsolutePercentageError" else 0.01)
    model, x, y, _ = m.case(lib, units, link, loss, y, optimizer=optimizer)
    weights = (1 + m.numbers(m.ROWS)).astype("float32")
    history = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0,
                        sample_weight=weights, validation_split=0.25)
    return {"history": history.history,
            "weights": [np.asarray(w).tolist() for w in model.get_weights()],
            "evaluate": model.evaluate(x, y, batch_size=16, verbose=0)}


def pack(made):
    """Names, sizes and all numbers in one vector: a member for each would be far larger."""
    np.savez_compressed(
        TARGET, names=np.array(list(made)), sizes=[np.size(array) for array in made.values()],
        values=np.concatenate([np.ravel(array) for array in made.values()]))


def unpack():
    """The flat arrays by name."""
    with np.load(TARGET) as file:
        parts = np.split(file["values"], np.cumsum(file["sizes"])[:-1])
        return dict(zip(file["names"].tolist(), parts, strict=True))


def main():
    import jax
    import keras

    curves = {key(*case[:2], case[4]): train(keras, *case) for case in TRAINED}
    CURVES.write_text("{\n" + ",\n".join(
        f"{json.dumps(name)}: {json.dumps(curve)}" for name, curve in curves.items()) + "\n}\n")
    jax.config.update("jax_enable_x64", True)
    # Keras takes means of float64 in float32
    from keras.src.backend.jax import numpy as keras_numpy

    keras_numpy.mean = lambda x, axis=None, keepdims=False: jax.numpy.mean(
        x, axis, keepdims=keepdims)
    made = {}
    for case in CASES:
        made |= results(*case)
    pack(made)
    for path in (TARGET, CURVES):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
