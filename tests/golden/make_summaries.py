"""Write tests/golden/summary/: what Keras prints for `model.summary()`, and the rows it printed.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_summaries.py
For each case: CASE.txt, the text byte for byte, and in cases.json the plain data of the model
(rows, sizes), the arguments of `summary` and the width of the console. The jax backend counts
the optimizer's steps in 4 bytes; other backends take 8.
"""

import contextlib
import io
import json
import os
import re
from pathlib import Path

import keras
import numpy as np
from keras import layers as L
from keras.src.utils import naming, summary_utils

HERE = Path(__file__).parent / "summary"
LONG = "a_very_long_layer_name_that_has_to_be_cut_somewhere_in_the_middle_of_the_column"
NAMES = (
    "Dense BatchNormalization ReLU LeakyReLU PReLU ELU GELU LSTM GRUCell Conv2D Conv2DTranspose "
    "GaussianNoise RMSNormalization InputLayer Sequential MyDense2Layer A AB ABc aB X1Y2Z "
    "HTTPServer2Go __Private snake_case_already Mixed_Case _A Dense1D GlobalAveragePooling2D"
)


def perceptron(inputs, *units, **options):
    """A Sequential of Dense layers."""
    return keras.Sequential([L.Input((inputs,)), *(L.Dense(u, **options) for u in units)])


def batch_normalised():
    return keras.Sequential(
        [L.Input((2,)), L.Dense(3), L.BatchNormalization(), L.Dense(2), L.BatchNormalization(),
         L.Dense(1)]
    )  # fmt: skip


def trained(optimizer):
    model = perceptron(2, 10, 1)
    model.compile(optimizer, "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    return model


def flatten():
    return keras.Sequential(
        [L.Input((28, 28)), L.Flatten(), L.Dense(128), L.Dense(32), L.Dense(10)]
    )


def unbuilt():
    return keras.Sequential(
        [L.Dense(3), L.Dropout(0.3), L.BatchNormalization(), L.Activation("relu"), L.Flatten(),
         L.Reshape((1, 3))]
    )  # fmt: skip


def all_core():
    return keras.Sequential(
        [L.Input((4, 3)), L.Flatten(), L.Dense(12, activation="relu"), L.Activation("tanh"),
         L.Dropout(0.2), L.BatchNormalization(), L.Reshape((2, 3, 2)), L.Flatten(), L.Dense(1)]
    )  # fmt: skip


def frozen():
    model = batch_normalised()
    model.layers[0].trainable = False
    return model


def long_names():
    return keras.Sequential(
        [L.Input((3,)), L.Dense(2, name=LONG), L.Dropout(0.1, name="two words  and two spaces"),
         L.Dense(2, name="层" * 30), L.Dense(2, name="é" * 30 + "xx"), L.Dense(1, name="d" * 25),
         L.Dense(1, name="d" * 24), L.Dense(1, name="[bold]f[end]")]
    )  # fmt: skip


CASES = {  # name: (model, columns of the console, arguments of summary)
    "notes_40": (lambda: perceptron(11, 3, 1), 80, {}),
    "notes_120": (lambda: perceptron(7, 7, 7, 1), 80, {}),
    "notes_104938": (flatten, 80, {}),
    "notes_26": (lambda: perceptron(4, 3, 2, 1), 80, {}),
    "notes_13002": (lambda: perceptron(784, 16, 16, 10), 80, {}),
    "notes_batch_normalised": (batch_normalised, 80, {}),
    "trained_sgd": (lambda: trained("sgd"), 80, {}),
    "trained_rmsprop": (lambda: trained("rmsprop"), 80, {}),
    "trained_adam": (lambda: trained("adam"), 80, {}),
    "unbuilt": (unbuilt, 80, {}),
    "unbuilt_trainable": (unbuilt, 80, {"show_trainable": True}),
    "all_core": (all_core, 80, {}),
    "all_core_trainable": (all_core, 80, {"show_trainable": True}),
    "all_core_trainable_wide": (all_core, 200, {"show_trainable": True}),
    "frozen_trainable": (frozen, 120, {"show_trainable": True}),
    "no_layers": (lambda: keras.Sequential(name="nothing"), 80, {}),
    "large": (lambda: perceptron(1000, 20000, 100, 10), 80, {}),
    "wide_console": (lambda: perceptron(2, 2), 200, {}),
    "narrow_console": (all_core, 50, {}),
    "long_names": (long_names, 80, {}),
    "long_names_wide": (long_names, 200, {"line_length": 150, "show_trainable": True}),
    "line_length_20": (long_names, 80, {"line_length": 20}),
    "line_length_31": (all_core, 80, {"line_length": 31, "show_trainable": True}),
    "line_length_40": (all_core, 80, {"line_length": 40}),
    "line_length_79": (all_core, 80, {"line_length": 79}),
    "line_length_79_trainable": (all_core, 80, {"line_length": 79, "show_trainable": True}),
    "line_length_117": (all_core, 200, {"line_length": 117}),
    "positions": (all_core, 80, {"positions": [0.3, 0.6, 1.0]}),
    "positions_short": (all_core, 80, {"positions": [0.25, 0.45, 0.7], "line_length": 60}),
    "layer_range": (all_core, 80, {"layer_range": ["dens", "batch.*"]}),
    "layer_range_backwards": (all_core, 80, {"layer_range": ["dropout", "flatten$"]}),
    "named_model": (lambda: keras.Sequential([L.Dense(1)], name="net [1]"), 80, {}),
}


def rows(model):
    """Name, class, output shape, parameters, trainable: what the table shows of each layer."""
    for layer in model.layers:
        shape = summary_utils.format_layer_shape(layer)
        shape = None if shape == "?" else [
            None if n == "None" else int(n) for n in re.findall(r"\](\w+)\[", shape)
        ]  # fmt: skip
        params = layer.count_params() if layer.built else None
        yield [layer.name, type(layer).__name__, shape, params,
               layer.trainable if layer.weights else None]  # fmt: skip


def size(variables):
    return [summary_utils.count_params(variables),
            int(summary_utils.weight_memory_size(variables))]  # fmt: skip


def case(build, columns, options):
    """The data of one case and the text that Keras prints for it."""
    os.environ["COLUMNS"] = str(columns)
    keras.utils.clear_session()
    model = build()
    with contextlib.redirect_stdout(io.StringIO()) as out:
        model.summary(**options)
    built = model.compiled and model.optimizer.built
    data = {
        "columns": columns,
        "options": options,
        "name": model.name,
        "rows": list(rows(model)),
        "trainable": size(model.trainable_weights),
        "non_trainable": size(model.non_trainable_weights),
        "optimizer": size(model.optimizer.variables) if built else None,
    }
    return data, out.getvalue()


def main():
    HERE.mkdir(exist_ok=True)
    cases = {}
    for name, arguments in CASES.items():
        cases[name], text = case(*arguments)
        (HERE / f"{name}.txt").write_text(text, encoding="utf-8")
    names = {name: naming.to_snake_case(name) for name in NAMES.split()}
    for name, content in (("cases", cases), ("names", names)):
        text = json.dumps(content, indent=1)
        text = re.sub(r"\n {4,}| *\n {3}(?=\])", " ", text)  # a row of the table on one line
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
