"""Programs that tests/test_pull_the_plug.py kills: ``python plug_programs.py NAME FOLDER``.

Each trains a model with backups and writes all that it has come to into the folder. Backups are
made whenever they can be.
"""

import sys
from pathlib import Path

import numpy as np

import fastnn
from fastnn import Input, callbacks, layers, optimizers
from fastnn.callbacks import checkpoint

ROWS = 400
X = np.sin(np.arange(4.0 * ROWS)).reshape(ROWS, 4).astype("float32")
Y = (X[:, 0] * X[:, 1] > X[:, 2] / 2).astype("float32")


class Count(callbacks.Callback):
    """A user's callback: what it counts is kept because it says so."""

    remembers = ("batches", "losses")

    def __init__(self):
        super().__init__()
        self.batches, self.losses = 0, []

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        self.losses.append(logs["loss"])


def sequential(*inner, dtype=None):
    return fastnn.Sequential([Input((4,)), *inner, layers.Dense(1, "sigmoid")], dtype=dtype)


def save(folder, model, *more):
    model.save(folder / "model.fastnn")
    (folder / "history.txt").write_text(repr((model.history.history, model.history.epoch, *more)))


def adam(folder, epochs=9):
    model = sequential(layers.Dense(8, "relu"), layers.Dropout(0.3), layers.BatchNormalization())
    model.compile("adam", "binary_crossentropy",
                  metrics=["accuracy", fastnn.metrics.AUC(exact=True), median])
    stop = callbacks.EarlyStopping(patience=4, restore_best_weights=True)
    plateau = callbacks.ReduceLROnPlateau(patience=2, factor=0.7)
    others = [callbacks.CSVLogger(folder / "log.csv", append=True), Count(),
              callbacks.ModelCheckpoint(folder / "best.fastnn", save_best_only=True)]
    model.fit(X, Y, epochs=epochs, verbose=0, validation_split=0.25, class_weight="balanced",
              callbacks=[stop, plateau, *others], resume=folder / "run.backup")
    save(folder, model, stop.best, stop.wait, stop.stopped_epoch, plateau.wait, others[1].batches,
         others[1].losses)


def median(y_true, y_pred):
    return np.median(np.abs(y_true - y_pred), axis=-1)


def batches(seed):
    rng = np.random.default_rng(seed)
    while True:
        rows = rng.choice(ROWS, 16)
        yield X[rows] + rng.normal(0, 0.1, (16, 4)).astype("float32"), Y[rows]


def generator(folder, epochs=15):
    model = sequential(layers.Dense(6, "tanh"))
    model.compile(optimizers.SGD(0.1, momentum=0.9), "binary_crossentropy", metrics=["mae"])
    model.fit(batches(1), epochs=epochs, steps_per_epoch=7, verbose=0, validation_data=batches(2),
              validation_steps=3, validation_freq=2, resume=folder / "run.backup")
    save(folder, model)


def lbfgs(folder, epochs=30):
    model = sequential(layers.Dense(8, "tanh", kernel_regularizer="l2"), dtype="float64")
    model.compile("lbfgs", "binary_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=epochs, verbose=0, validation_split=0.2, resume=folder / "run.backup")
    save(folder, model)


def averages(folder, epochs=25):
    """On the NumPy backend, with averages of the weights and epochs that are no passes."""
    model = sequential(layers.Dense(5, "gelu"), layers.GaussianNoise(0.1), dtype="float64")
    model.compile(optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.9), "mse", backend="numpy")
    rate = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.97)
    model.fit(X, Y, epochs=epochs, steps_per_epoch=9, verbose=0, validation_data=(X[:50], Y[:50]),
              sample_weight=np.linspace(0, 2, ROWS), resume=folder / "run.backup",
              callbacks=[rate, callbacks.SwapEMAWeights(swap_on_epoch=True)])
    save(folder, model)


def alone(folder, epochs=6000):
    """Nobody follows the epochs: many go in one call of the backend."""
    model = sequential(layers.Dense(8, "relu"), layers.Dropout(0.2))
    model.compile(optimizers.Lion(1e-3), "mse")
    model.fit(X, Y, epochs=epochs, verbose=0, resume=folder / "run.backup")
    save(folder, model)


def branches(folder, epochs=25):
    """A graph with two outputs, and backups of the callback that Keras has."""
    x = Input((4,))
    h = layers.Dense(6, "swish")(x)
    y = layers.Dense(1, "sigmoid", name="y")(layers.Add()([h, layers.Dense(6)(x)]))
    model = fastnn.Model(x, [y, layers.Dense(4, name="x")(h)])
    model.compile("nadam", ["binary_crossentropy", "mse"])
    model.fit(X, [Y, X], epochs=epochs, verbose=0, batch_size=50,
              callbacks=callbacks.BackupAndRestore(folder / "backup", save_freq=3))
    save(folder, model)


def tiny(folder, epochs=2):
    model = sequential()
    model.compile("sgd", "mse")
    model.fit(X[:8], Y[:8], epochs=epochs, verbose=0, resume=folder / "run.backup")
    save(folder, model)


PROGRAMS = {f.__name__: f for f in (adam, generator, lbfgs, averages, alone, branches, tiny)}


def main(name, folder):
    print("ready", flush=True)
    run(name, Path(folder))


def run(name, folder):
    checkpoint.LEAST_SECONDS, checkpoint.SHARE = 0.0, 1e9
    fastnn.utils.set_random_seed(11)
    PROGRAMS[name](folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
