"""Keras on any of its backends, which the modules that import this one choose beforehand."""

from __future__ import annotations

import keras
from keras import layers

EAGER_ROWS = 32  # predictions of so few rows are one call of ``predict_on_batch``


class Run:
    """A Sequential model: as it is by default, or with what Keras offers to make it faster.

    tuned : arguments for ``compile``; as ``steps_per_execution``, True stands for a whole epoch.
    """

    other_mathematics = ""

    def __init__(self, task, shuffle=True, **tuned):
        workload = task.workload
        *hidden, outputs = workload.widths[1:]
        keras.utils.set_random_seed(1)
        self.task, self.shuffle = task, shuffle
        self.model = keras.Sequential([
            layers.Input((workload.widths[0],)),
            *[layers.Dense(width, workload.hidden) for width in hidden],
            layers.Dense(outputs, workload.output),
        ])
        self.model.set_weights(task.weights)
        if "steps_per_execution" in tuned:
            tuned["steps_per_execution"] = workload.steps(len(task.X))
        self.model.compile(workload.optimizer, workload.loss, **tuned,
                           metrics=["accuracy"] if workload.has_accuracy else [])

    def fit(self, epochs):
        task = self.task
        history = self.model.fit(task.X, task.T, task.workload.batch, epochs, verbose=0,
                                 shuffle=self.shuffle)
        return history.history["loss"]

    def predict(self, X):
        if len(X) <= EAGER_ROWS:
            return keras.ops.convert_to_numpy(self.model.predict_on_batch(X))
        return self.model.predict(X, batch_size=4096, verbose=0)
