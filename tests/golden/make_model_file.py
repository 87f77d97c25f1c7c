"""Writes the model file of a format version, which every later fastnn has to read.

    python tests/golden/make_model_file.py 1

makes format_1.fastnn, and format_1.json with its predictions. It refuses to write a file again:
what is tested is that the old one, never touched since, still loads.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np

import fastnn
from fastnn import layers


def make(version: int) -> None:
    path = Path(__file__).with_name(f"format_{version}.fastnn")
    if path.exists():
        sys.exit(f"{path} is there already and must never change.")
    fastnn.utils.set_random_seed(version)
    model = fastnn.Sequential([
        fastnn.Input((4,), name="input"),
        layers.Dense(6, kernel_regularizer=fastnn.regularizers.L2(0.01), name="first"),
        layers.BatchNormalization(name="normal"),
        layers.Activation("tanh", name="curve"),
        layers.Dropout(0.25, seed=5, name="holes"),
        layers.Dense(3, "softmax", kernel_initializer="he_normal", name="out"),
    ], name="golden")
    model.compile(fastnn.optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"],
                  backend="numpy")
    X = (np.arange(80).reshape(20, 4) * 7 % 20 - 10) / 10
    y = np.arange(20) % 3
    model.fit(X, y, batch_size=8, epochs=4, verbose=0)
    model.save(path, overwrite=False, metadata={"version": version, "classes": ["a", "b", "c"]})
    expected = {"sha256": sha256(path.read_bytes()).hexdigest(), "x": X.tolist(), "y": y.tolist(),
                "predictions": model.predict(X).tolist(), "iterations": 12}
    path.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    make(int(sys.argv[1]))
