"""Keras's own names for fastnn: programs written for Keras run unchanged.

>>> import fastnn
>>> fastnn.install_as("keras", "tensorflow.keras")
>>> from keras.models import Sequential
>>> import tensorflow as tf
>>> Sequential is tf.keras.Sequential is fastnn.Sequential
True
>>> fastnn.uninstall()

`install` answers the imports, `names` says where each of Keras's modules is found in fastnn,
`absent` what is not there and why. The other modules hold what has no other home in fastnn.
"""

from fastnn.keras.install import install_as, installed, uninstall

__all__ = ["install_as", "installed", "uninstall"]
