"""Keras on JAX, as it is by default (which compiles), and with many steps in each execution."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras

from contenders import _keras


def names() -> dict[str, str]:
    return {"Keras/JAX": "`compile` and `fit` by default",
            "Keras/JAX tuned": "`steps_per_execution` an epoch, `jit_compile=True`"}


def versions() -> dict[str, str]:
    return {"Keras": keras.__version__, "JAX": jax.__version__}


def Run(name, task, shuffle=True):
    tuned = {"steps_per_execution": True, "jit_compile": True} if name.endswith("tuned") else {}
    return _keras.Run(task, shuffle, **tuned)
