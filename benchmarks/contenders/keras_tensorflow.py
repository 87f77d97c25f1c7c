"""Keras on TensorFlow, by default, and compiled with many steps in each execution."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow

from contenders import _keras


def names() -> dict[str, str]:
    return {"Keras/TensorFlow": "`compile` and `fit` by default",
            "Keras/TensorFlow tuned": "`steps_per_execution` an epoch, `jit_compile=True`"}


def versions() -> dict[str, str]:
    return {"Keras": keras.__version__, "TensorFlow": tensorflow.__version__}


def Run(name, task, shuffle=True):
    tuned = {"steps_per_execution": True, "jit_compile": True} if name.endswith("tuned") else {}
    return _keras.Run(task, shuffle, **tuned)
