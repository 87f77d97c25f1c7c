"""Write tests/golden/layers.json: what Keras trains with each layer of the dense family.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_layers.py
A case is a function of the library: it returns layers, the shape of a row and perhaps what is done
to the model once its weights are fixed. They stand between two dense layers, or in front of one.
"""

import json
from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("layers.json")
ROWS = 36  # two batches of 16 and one of 4


def numbers(*shape, phase=0.0):
    """Float32 values in [-1, 1] that look random and are the same everywhere."""
    return np.sin(7.3 * np.arange(np.prod(shape)) ** 1.3 + phase).reshape(shape).astype("float32")


def between(name, shape=(6,), **arguments):
    """A layer behind a dense one, whose outputs have this shape."""
    def make(lib):
        L = lib.layers
        return [L.Dense(int(np.prod(shape))), L.Reshape(shape),
                getattr(L, name)(**arguments)], (4,), None

    return make


def in_front(name, shape=(2, 3), adapted=False, **arguments):
    def make(lib):
        layer = getattr(lib.layers, name)(**arguments)
        return [layer], shape, (lambda x: layer.adapt(x)) if adapted else None

    return make


def penalised(lib):
    L = lib.layers
    norm = L.LayerNormalization(gamma_regularizer="l2", beta_regularizer="l1")
    return [L.Dense(6), norm], (4,), None

def constrained(lib):
    L = lib.layers
    norm = L.LayerNormalization(gamma_constraint="unit_norm", beta_constraint="non_neg")
    return [L.Dense(6), norm, L.GroupNormalization(2, gamma_constraint="max_norm")], (4,), None


CASES = {
    "layer_norm": between("LayerNormalization"),
    "layer_norm_bare": between("LayerNormalization", center=False, scale=False, epsilon=0.1),
    "layer_norm_first": in_front("LayerNormalization"),
    "layer_norm_both": between("LayerNormalization", (2, 3), axis=[1, 2]),
    "layer_norm_other": between("LayerNormalization", (2, 3), axis=1),
    "layer_norm_apart": between("LayerNormalization", (2, 3, 2), axis=[1, 3]),
    "layer_norm_scaled": between("LayerNormalization", rms_scaling=True),
    "layer_norm_penalised": penalised,
    "layer_norm_constrained": constrained,
    "rms_norm": between("RMSNormalization"),
    "rms_norm_both": between("RMSNormalization", (3, 4), axis=[1, 2], epsilon=0.1),
    "unit_norm": between("UnitNormalization"),
    "unit_norm_other": between("UnitNormalization", (2, 3), axis=1),
    "group_norm": between("GroupNormalization", groups=2),
    "group_norm_positions": between("GroupNormalization", (3, 4), groups=2),
    "group_norm_instance": between("GroupNormalization", (3, 4), groups=-1, scale=False),
    "group_norm_other": between("GroupNormalization", (4, 3), groups=2, axis=1, center=False),
    "rescaling": in_front("Rescaling", scale=2.5, offset=-0.5),
    "rescaling_columns": in_front("Rescaling", scale=[0.5, 2.0, 3.0], offset=[0.1, 0.2, -0.3]),
    "normalization": in_front("Normalization", adapted=True),
    "normalization_other": in_front("Normalization", adapted=True, axis=1),
    "normalization_all": in_front("Normalization", adapted=True, axis=None),
    "normalization_both": in_front("Normalization", adapted=True, axis=[1, 2], invert=True),
    "normalization_given": in_front("Normalization", mean=[0.1, 0.2, 0.3],
                                    variance=[1.0, 0.5, 2.0]),
    "normalization_back": in_front("Normalization", mean=0.5, variance=2.0, invert=True),
    "discretization": in_front("Discretization", bin_boundaries=[-0.5, 0.0, 0.75]),
    "dense_places": between("Dense", (2, 3), units=4, activation="softmax"),
    "dense_places_penalised": between("Dense", (5, 2, 2), units=3, activation="tanh",
                                      kernel_regularizer="l2", activity_regularizer="l1"),
    "dense_first": in_front("Dense", (3, 4), units=2, use_bias=False),
    "permute": between("Permute", (2, 3), dims=(2, 1)),
    "permute_three": between("Permute", (2, 3, 2), dims=(3, 1, 2)),
    "repeat_vector": between("RepeatVector", n=3),
    "cropping": between("Cropping1D", (4, 3), cropping=(1, 0)),
    "padding": between("ZeroPadding1D", (2, 3), padding=(2, 1)),
    "identity": between("Identity"),
}  # fmt: skip

# layers that read whole numbers, rows of five below seven
WHOLE = {
    "embedding": lambda L: L.Embedding(7, 3),
    "embedding_penalised": lambda L: L.Embedding(9, 2, embeddings_regularizer="l2"),
    "embedding_constrained": lambda L: L.Embedding(9, 2, embeddings_constraint="unit_norm"),
    "one_hot": lambda L: L.CategoryEncoding(7, output_mode="one_hot"),
    "multi_hot": lambda L: L.CategoryEncoding(7),
    "count": lambda L: L.CategoryEncoding(8, output_mode="count"),
}
BINS = {  # arguments of Discretization, and the arrays that it is adapted to
    "one": ({"num_bins": 4}, [numbers(30)]),
    "many": ({"num_bins": 7}, [numbers(50, 30)]),
    "several": ({"num_bins": 5, "epsilon": 0.02},
                [(i + 1) * numbers(40, 3, phase=i) for i in range(4)]),
    "ties": ({"num_bins": 6}, [np.round(2 * numbers(200))]),
    "few": ({"num_bins": 8}, [numbers(3)]),
}  # fmt: skip


def made(lib, name):
    """The model of a case with its fixed weights, and data."""
    L = lib.layers
    if name in WHOLE:
        stack, shape, finish = [WHOLE[name](L)], (5,), None
        x = np.floor(3.5 + 3.5 * numbers(ROWS, 5)).clip(0, 6).astype("float32")
    else:
        stack, shape, finish = CASES[name](lib)
        x = numbers(ROWS, *shape)
    model = lib.Sequential([L.Input(shape), *stack, L.Flatten(), L.Dense(3, "tanh"), L.Dense(2)])
    for i, variable in enumerate(model.trainable_weights):
        ones = (np.asarray(variable.numpy()) == 1).all()
        variable.assign(0.7 * numbers(*variable.shape, phase=i + 0.1) + ones)
    if finish:
        finish(x)
    model.compile(optimizer=lib.optimizers.SGD(0.1), loss="mse")
    return model, x, numbers(ROWS, 2, phase=3.0)


def train(lib, name):
    """The result of a case: history, final weights and predictions."""
    model, x, y = made(lib, name)
    history = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0,
                        validation_split=0.25)
    return {
        "history": history.history,
        "weights": [np.asarray(v.numpy()).tolist() for v in model.trainable_weights],
        "predict": model.predict(x[:3], verbose=0).tolist(),
        "params": model.count_params(),
    }


def boundaries(keras, name):
    """What Keras's adapt finds, without the TensorFlow that it imports."""
    arguments, arrays = BINS[name]
    layer = keras.layers.Discretization(**arguments)
    for array in arrays:
        layer.update_state(array)
    layer.finalize_state()
    return layer.bin_boundaries


def main():
    import keras

    lines = [f"{json.dumps(name)}: {json.dumps(train(keras, name))}" for name in (*CASES, *WHOLE)]
    lines.append(f'"bins": {json.dumps({name: boundaries(keras, name) for name in BINS})}')
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{TARGET.name}: {len(lines)} cases, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
