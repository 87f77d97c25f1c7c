"""Optimizers and learning-rate schedules.

>>> from fastnn import optimizers
>>> optimizers.get("adam").learning_rate
0.001
"""

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
           "LevenbergMarquardt", "Lion", "Nadam", "Optimizer", "RMSprop", "WholeOptimizer", "get",
           "rules", "schedules"]
