"""Optimizers and learning-rate schedules.

>>> from fastnn import optimizers
>>> optimizers.get("adam").learning_rate
0.001
"""

from fastnn.optimizers.adam import Adam
from fastnn.optimizers.base import Optimizer, get, rules
from fastnn.optimizers.rmsprop import RMSprop
from fastnn.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "get", "rules"]
