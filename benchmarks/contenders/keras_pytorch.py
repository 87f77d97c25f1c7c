"""Keras on PyTorch, by default and with ``jit_compile``; it refuses ``steps_per_execution``."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch

from contenders import _keras


def names() -> dict[str, str]:
    return {"Keras/PyTorch": "`compile` and `fit` by default",
            "Keras/PyTorch tuned": "`jit_compile=True`; there is no `steps_per_execution`"}


def versions() -> dict[str, str]:
    return {"Keras": keras.__version__, "PyTorch": torch.__version__}


def Run(name, task, shuffle=True):
    tuned = {"jit_compile": True} if name.endswith("tuned") else {}
    torch._dynamo.reset()  # it gives up on a function that it compiled for many networks
    return _keras.Run(task, shuffle, **tuned)
