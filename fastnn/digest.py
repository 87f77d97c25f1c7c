"""The hash of a model: equal for equal configurations and weights, to the last bit.

>>> from fastnn import Input, Sequential, layers, utils
>>> utils.set_random_seed(1)
>>> one = Sequential([Input((2,)), layers.Dense(3, "relu"), layers.Dense(1)])
>>> other = Sequential([Input((2,)), layers.Dense(3, "relu"), layers.Dense(1)])
>>> other.set_weights(one.get_weights())
>>> digest(one) == digest(other)
True
>>> other.layers[0].kernel[0, 0] += 1e-6
>>> digest(one) == digest(other)
False
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from fastnn import registry


def digest(model) -> str:
    """SHA-256, in hexadecimal, of what a model is: its layers, their arguments and its weights.

    Names do not count, nor does how it was compiled, nor the order of an array's bytes in memory.
    """
    found = hashlib.sha256()
    config = _nameless(registry.serialize(model))
    found.update(json.dumps(config, sort_keys=True, default=_plain).encode())
    for variable in model.weights:
        array = np.asarray(variable.value)
        little = array.dtype.newbyteorder("<")
        found.update(f"\n{little.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array, little).tobytes())
    return found.hexdigest()


def _nameless(config):
    """The configuration without the names of models and layers, which are numbered as they come."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    return [_nameless(part) for part in config] if isinstance(config, (list, tuple)) else config


def _plain(value):
    """Arrays in configurations, as of a constant initializer."""
    return np.asarray(value).tolist()
