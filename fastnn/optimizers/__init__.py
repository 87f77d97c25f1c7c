"""Optimizers and learning-rate schedules.

>>> from fastnn import optimizers
>>> optimizers.get("adam").learning_rate
0.001
"""

from fastnn import registry
from fastnn.optimizers import schedules
from fastnn.optimizers.adadelta import Adadelta
from fastnn.optimizers.adagrad import Adagrad
from fastnn.optimizers.adam import Adam, AdamW
from fastnn.optimizers.adamax import Adamax
from fastnn.optimizers.base import Optimizer, get, rules
from fastnn.optimizers.ftrl import Ftrl
from fastnn.optimizers.lamb import Lamb
from fastnn.optimizers.lbfgs import LBFGS
from fastnn.optimizers.lion import Lion
from fastnn.optimizers.marquardt import LevenbergMarquardt
from fastnn.optimizers.nadam import Nadam
from fastnn.optimizers.rmsprop import RMSprop
from fastnn.optimizers.sgd import SGD
from fastnn.optimizers.whole import WholeOptimizer

__all__ = ["LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb",
           "LevenbergMarquardt", "Lion", "Nadam", "Optimizer", "RMSprop", "WholeOptimizer",
           "deserialize", "get", "rules", "schedules", "serialize"]


def serialize(optimizer: Optimizer) -> dict:
    """``{"class_name": ..., "config": ...}``, which `deserialize` turns back."""
    return registry.serialize(get(optimizer))


def deserialize(config: dict, custom_objects: dict | None = None) -> Optimizer:
    """The optimizer that `serialize` described; ``custom_objects`` are classes by name."""
    with registry.custom_objects(custom_objects or {}):
        return get(config)
