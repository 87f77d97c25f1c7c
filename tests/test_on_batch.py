"""train_on_batch and test_on_batch return the values of their batch, as Keras 3.15 does."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import backends, layers

sys.path.insert(0, str(Path(__file__).parent / "golden"))
import make_on_batch as golden


def model(backend=None):
    made = fastnn.Sequential([fastnn.Input((2,)), layers.Dense(1, "sigmoid")])
    made.set_weights([golden.KERNEL, golden.BIAS])
    made.compile(fastnn.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy", "mae"],
                 weighted_metrics=["mse"], backend=backend)
    return made


@pytest.mark.parametrize("backend", [n for n in backends.available() if n != "numba"])
def test_values_are_keras(backend):
    wanted = json.loads(golden.GOLDEN.read_text())
    np.testing.assert_allclose(golden.calls(model(backend)), wanted, rtol=2e-6)


def test_names_and_dictionaries():
    made = model()
    found = made.train_on_batch(golden.X, golden.Y, None, golden.CLASS_WEIGHT, return_dict=True)
    assert list(found) == ["accuracy", "loss", "mae", "mse"]
    with pytest.raises(ValueError, match="'balanced'"):
        made.train_on_batch(golden.X, golden.Y, class_weight="even")


def test_reset_metrics_forgets_all_rows():
    made = model()
    made.reset_metrics()  # of a model that has none yet
    made.test_on_batch(golden.X, golden.Y)
    for metric in made.metrics:
        metric.update_state(golden.Y[:, None], golden.Y[:, None] + 1)
    made.reset_metrics()
    assert [metric.result() for metric in made.metrics] == [0.0, 0.0, 0.0]
