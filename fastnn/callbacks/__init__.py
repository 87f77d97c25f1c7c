"""Callbacks: code that `fit`, `evaluate` and `predict` call on their way.

A batch hook that nobody overrides costs nothing: `CallbackList` knows which hooks anyone has, and
the training loop crosses into compiled code for whole epochs if it can.

>>> class Print(Callback):
...     def on_epoch_end(self, epoch, logs=None):
...         print(f"epoch {epoch}: {logs['loss']:.1f}")
>>> callbacks = CallbackList([Print(), History()])
>>> callbacks.needs_batches, callbacks.needs_epochs
(False, True)
>>> callbacks.on_epoch_end(0, {"loss": 0.5})
epoch 0: 0.5
"""

from __future__ import annotations

from fastnn.callbacks.averages import SwapEMAWeights
from fastnn.callbacks.base import Callback, CallbackList, History, LambdaCallback
from fastnn.callbacks.checkpoint import BackupAndRestore, ModelCheckpoint, Resume
from fastnn.callbacks.doctor import Doctor
from fastnn.callbacks.monitor import EarlyStopping, MonitorCallback, TerminateOnNaN
from fastnn.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from fastnn.callbacks.records import CSVLogger, TqdmCallback
from fastnn.callbacks.tensorboard import TensorBoard
from fastnn.callbacks.weights import KeepWeights

__all__ = ["BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "Doctor", "EarlyStopping",
           "History", "KeepWeights", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint",
           "MonitorCallback", "ReduceLROnPlateau", "Resume", "SwapEMAWeights", "TensorBoard",
           "TerminateOnNaN", "TqdmCallback"]
