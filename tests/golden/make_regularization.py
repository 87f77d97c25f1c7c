"""Write tests/golden/regularization.json: Keras's training with regularizers and constraints.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_regularization.py
Cases and results are as in make_training.py, whose networks and numbers are used; `objects` holds
what regularizers and constraints give for arrays.
"""

import json
import runpy
from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("regularization.json")
_base = runpy.run_path(str(Path(__file__).with_name("make_training.py")))
numbers, weighted, X, ONE, TWO, ONE_HOT, ROWS = (
    _base[name] for name in ("numbers", "weighted", "X", "ONE", "TWO", "ONE_HOT", "ROWS"))


def network(lib, *, hidden=None, last=None, units=2, link=None, loss="mse", optimizer=None,
            between=(), y=TWO, **fit):
    """Two dense layers with these arguments, and layers between them."""
    L = lib.layers
    model = lib.Sequential([L.Input((4,)), L.Dense(5, activation="tanh", **(hidden or {})),
                            *between, L.Dense(units, link, **(last or {}))])
    weighted(model)
    model.compile(optimizer=optimizer or lib.optimizers.SGD(0.1, momentum=0.9), loss=loss)
    return model, X, y, fit


def with_kernel_regularizer(name, **arguments):
    return lambda lib: network(lib, hidden={
        "kernel_regularizer": getattr(lib.regularizers, name)(**arguments)})


def with_constraint(name, where="kernel_constraint", **arguments):
    return lambda lib: network(lib, hidden={
        where: getattr(lib.constraints, name)(**arguments)}, last={
        "kernel_constraint": getattr(lib.constraints, name)(**arguments)})


def active(lib, **settings):
    return network(lib, hidden={"activity_regularizer": lib.regularizers.L1L2(0.02, 0.03)},
                   last={"activity_regularizer": "l1"}, **settings)


def active_norm(lib):
    """Behind batch normalisation and in front of everything; batches of 16 and one of 4."""
    L = lib.layers
    model = lib.Sequential([
        L.Input((4,)), L.ActivityRegularization(l2=0.1), L.Dense(5),
        L.BatchNormalization(activity_regularizer="l2"), L.Activation("relu"),
        L.ActivityRegularization(0.3, 0.1), L.Dense(2)])
    weighted(model)
    model.compile(optimizer="sgd", loss="mse")
    return model, X, TWO, {}


def active_frozen(lib):
    """The penalty of a frozen layer's output counts, and reaches the layers in front of it."""
    model, x, y, fit = network(lib, between=[
        lib.layers.Dense(4, "relu", activity_regularizer="l2", trainable=False)])
    return model, x, y, fit


def norm(lib, **arguments):
    return network(lib, between=[lib.layers.BatchNormalization(momentum=0.9, **arguments)])


CASES = {
    "l1": with_kernel_regularizer("L1", l1=0.05),
    "l2": with_kernel_regularizer("L2", l2=0.05),
    "l1_l2": with_kernel_regularizer("L1L2", l1=0.03, l2=0.05),
    "orthogonal_rows": with_kernel_regularizer("OrthogonalRegularizer", factor=0.3),
    "orthogonal_columns": with_kernel_regularizer("OrthogonalRegularizer", factor=0.3,
                                                  mode="columns"),
    "bias_l1_l2": lambda lib: network(lib, hidden={
        "bias_regularizer": lib.regularizers.L1L2(0.03, 0.2)}, last={"bias_regularizer": "l1"}),
    "activity": lambda lib: active(lib, validation_split=0.25),
    "activity_weighted": lambda lib: active(lib, sample_weight=1 + numbers(ROWS)),
    "activity_summed": lambda lib: active(
        lib, loss=lib.losses.MeanSquaredError(reduction="sum"), validation_split=0.25,
        optimizer=lib.optimizers.SGD(0.01)),
    "activity_softmax": lambda lib: active(lib, units=3, link="softmax", y=ONE_HOT,
                                           loss="categorical_crossentropy"),
    "activity_layers": active_norm,
    "activity_frozen": active_frozen,
    "max_norm": with_constraint("MaxNorm", max_value=0.8),
    "max_norm_of_rows": with_constraint("MaxNorm", max_value=0.8, axis=1),
    "max_norm_of_all": with_constraint("MaxNorm", max_value=1.1, axis=[0, 1]),
    "max_norm_of_bias": with_constraint("MaxNorm", "bias_constraint", max_value=0.1),
    "unit_norm": with_constraint("UnitNorm"),
    "unit_norm_of_rows": with_constraint("UnitNorm", axis=-1),
    "min_max_norm": with_constraint("MinMaxNorm", min_value=0.9, max_value=1.0),
    "min_max_norm_slowly": with_constraint("MinMaxNorm", min_value=0.9, max_value=1.0, rate=0.25),
    "non_neg": with_constraint("NonNeg"),
    "non_neg_bias": with_constraint("NonNeg", "bias_constraint"),
    "constraint_and_adam": lambda lib: network(
        lib, hidden={"kernel_constraint": "max_norm", "kernel_regularizer": "l2"},
        optimizer=lib.optimizers.Adam(0.1)),
    "norm_penalised": lambda lib: norm(lib, gamma_regularizer="l2", beta_regularizer="l1"),
    "norm_constrained": lambda lib: norm(
        lib, gamma_constraint=lib.constraints.MaxNorm(1.5), beta_constraint="non_neg"),
}  # fmt: skip

ARRAYS = [numbers(4, 3), 5 * numbers(3, 4, phase=1.0), np.zeros((2, 3), "float32"),
          np.array([[3.0, 0.0], [4.0, 1e-9]], "float32")]
VECTORS = [3 * numbers(5, phase=2.0)]


def objects(lib):
    """name -> the results for the arrays."""
    R, C = lib.regularizers, lib.constraints
    made = {
        "L1": R.L1(0.3), "L2": R.L2(0.3), "L1L2": R.L1L2(0.1, 0.2), "rows":
        R.OrthogonalRegularizer(0.5), "columns": R.OrthogonalRegularizer(0.5, "columns"),
        "MaxNorm": C.MaxNorm(0.7), "MaxNorm1": C.MaxNorm(0.7, 1), "UnitNorm": C.UnitNorm(),
        "MinMaxNorm": C.MinMaxNorm(0.5, 0.7, 0.5), "NonNeg": C.NonNeg(),
    }  # fmt: skip
    return {name: [np.asarray(function(a)).tolist() for a in
                   ARRAYS + VECTORS * (name not in ("rows", "columns", "MaxNorm1"))]
            for name, function in made.items()}


def train(lib, name):
    """The result of a case: history, final weights and evaluation."""
    model, x, y, fit = CASES[name](lib)
    history = model.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=0, **fit)
    weights = fit.get("sample_weight")
    return {
        "history": history.history,
        "weights": [np.asarray(w).tolist() for w in model.get_weights()],
        "evaluate": model.evaluate(x, y, batch_size=16, sample_weight=weights, verbose=0),
    }


def main():
    import keras

    lines = [f"{json.dumps(name)}: {json.dumps(train(keras, name))}" for name in CASES]
    # plain arrays take another way through Keras's OrthogonalRegularizer than variables do
    tensors = [keras.ops.convert_to_tensor(a) for a in ARRAYS + VECTORS]
    ARRAYS[:], VECTORS[:] = tensors[:-1], tensors[-1:]
    lines.append(f'"objects": {json.dumps(objects(keras))}')
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{TARGET.name}: {len(CASES)} cases, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
