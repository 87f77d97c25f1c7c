"""``optimizers.legacy``: what programs for older versions of TensorFlow ask for."""

from fastnn.optimizers import SGD, Adagrad, Adam, Ftrl, Optimizer, RMSprop

__all__ = ["SGD", "Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop"]
