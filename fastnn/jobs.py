"""What ``fastnn train`` does between the command line and the saved file.

A `Job` holds the data as numbers and the settings that suit them. `digits_job` and `table_job` make
one, `network`, `train` and `report` work on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from fastnn import console, random
from fastnn.callbacks import Callback, EarlyStopping
from fastnn.encoding import ClassTarget, Encoder, NumberColumn
from fastnn.progress import Progress
from fastnn.tables import Table, find_task, listed, split_rows

SHOWN_EPOCHS = 10  # of a run, about
HELD_OUT = 0.15  # of a table's training rows, to see when to stop
FEW_ROWS = 50  # too few to hold some out


@dataclass
class Job:
    """What is to be learnt and how; ``what`` describes the data for people."""

    what: str
    encoder: Encoder
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    hidden: tuple[int, ...]
    dropout: tuple[float, float]  # of the inputs, of the hidden layers
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int | None  # epochs without progress on the rows held out; None: hold out none

    @property
    def held_out(self) -> int:
        """How many rows training leaves aside, to see when to stop."""
        return math.ceil(HELD_OUT * len(self.X)) if self.patience else 0


def digits_job() -> Job:
    """The shipped digits, encoded as a table of 64 pixel columns would be."""
    from fastnn.datasets import digits

    (X, y), (X_test, y_test) = digits.load_data()
    pixels = [f"pixel_{i}_{j}" for i in range(8) for j in range(8)]
    columns = [NumberColumn(name, 0.0, digits.PIXEL_MAX, False) for name in pixels]
    encoder = Encoder(columns, ClassTarget("digit", [str(d) for d in range(10)], True))
    what = f"{len(X):,} images of handwritten digits, {len(X_test)} others for the test"
    X, X_test = (images.reshape(len(images), -1) / digits.PIXEL_MAX for images in (X, X_test))
    # right for 98.1 % of the test images on average over 30 seeds, for 97.5 % at worst
    return Job(what, encoder, X, y, X_test, y_test, hidden=(256, 128), dropout=(0.1, 0.4),
               learning_rate=0.002, batch_size=64, epochs=60, patience=None)  # fmt: skip


def table_job(table: Table, target: str, task: str, drop, test_fraction: float, seed: int) -> Job:
    """A table's rows, encoded by what the training rows show; the seed decides which those are."""
    task = find_task(table, target) if task == "auto" else task
    train, test = split_rows(table, target, task, test_fraction, seed)
    [order] = random.permutations(seed, 0, 1, len(train))  # a file may be sorted
    train, test = table.take([train[i] for i in order]), table.take(test)
    encoder = Encoder.fit(train, target, task, drop)
    n, target = len(train), encoder.target
    # about 60 steps an epoch, with batches large enough for the processor's vectors
    batch_size = min(max(1 << (n // 60).bit_length() >> 1, 8), 512)
    what = f"{n:,} rows, {len(test):,} others for the test"
    return Job(what, encoder, encoder.encode(train), target.encode(train),
               encoder.encode(test), target.encode(test), hidden=(64, 32), dropout=(0.0, 0.0),
               learning_rate=0.002, batch_size=batch_size, epochs=100,
               patience=10 if n >= FEW_ROWS else None)  # fmt: skip


def describe(table: Table, encoder: Encoder, drop) -> str:
    """What was understood of the table, and what looks like a mistake."""
    target = encoder.target
    is_class = isinstance(target, ClassTarget)
    kind = f"classification: {listed(target.classes)}" if is_class else "regression"
    lines = [
        f"{table.source}: {len(table):,} rows. To predict {target.name!r} ({kind}) from "
        f"{len(encoder.columns)} columns, as {len(encoder.features)} numbers."
    ]
    used = {target.name, *drop, *(column.name for column in encoder.columns)}
    idle = [name for name in table.names if name not in used]
    if idle:
        lines.append(f"Left out, for it is the same in every row: {listed(idle)}.")
    for column in encoder.columns:
        if isinstance(column, NumberColumn) and (np.diff(table.numbers(column.name)) == 1).all():
            lines.append(
                f"Column {column.name!r} numbers the rows. If it says nothing about "
                f"{target.name!r}, leave it out with --drop."
            )
    return "\n".join(lines)


def network(job: Job, backend: str | None):
    """The compiled model: hidden layers of ReLU units, and an output that suits the target."""
    from fastnn import Input, Sequential, layers, optimizers

    def dropout(rate):
        return [layers.Dropout(rate)] if rate else []

    target, (of_inputs, of_hidden) = job.encoder.target, job.dropout
    stack = [Input((job.X.shape[1],)), *dropout(of_inputs)]
    for units in job.hidden:
        stack += [layers.Dense(units, activation="relu"), *dropout(of_hidden)]
    if not isinstance(target, ClassTarget):
        activation, loss = "linear", "mean_squared_error"
    elif target.outputs == 1:
        activation, loss = "sigmoid", "binary_crossentropy"
    else:
        activation, loss = "softmax", "sparse_categorical_crossentropy"
    model = Sequential([*stack, layers.Dense(target.outputs, activation=activation)])
    metrics = ["accuracy"] if isinstance(target, ClassTarget) else []
    model.compile(optimizers.Adam(job.learning_rate), loss, metrics=metrics, backend=backend)
    return model


class SomeEpochs(Callback):
    """Prints about ten epochs of a run, in the way `fit` prints all of them, and an early end."""

    def __init__(self, epochs: int, steps: int):
        super().__init__()
        self.every = -(-epochs // SHOWN_EPOCHS)
        self.steps = steps
        self.progress = Progress(epochs=epochs, steps=steps)
        self.done = 0  # epochs

    def on_epoch_begin(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self.progress.epoch_begin(epoch)

    def on_epoch_end(self, epoch, logs=None):
        self.done = epoch + 1
        if self.done % self.every == 0:
            self.progress.epoch_end(self.steps, logs)

    def on_train_end(self, logs=None):
        if self.model.stop_training:
            n = self.done
            console.write(f"Stopped after epoch {n}: no more progress on the rows held out.\n")


def train(model, job: Job, quiet: bool) -> float:
    """Train; the seconds it took. KeyboardInterrupt where `fit` would only warn of one."""
    import warnings

    X, y, held_out, callbacks = job.X, job.y, None, []
    if job.patience:
        n = job.held_out
        X, y, held_out = X[n:], y[n:], (X[:n], y[:n])
        callbacks.append(EarlyStopping(patience=job.patience, restore_best_weights=True))
    if not quiet:
        callbacks.append(SomeEpochs(job.epochs, -(-len(X) // job.batch_size)))
    start = perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training interrupted", RuntimeWarning)
        history = model.fit(X, y, batch_size=job.batch_size, epochs=job.epochs, verbose=0,
                            validation_data=held_out, callbacks=callbacks)  # fmt: skip
    if len(history.epoch) < job.epochs and not model.stop_training:
        raise KeyboardInterrupt
    return perf_counter() - start


def report(model, job: Job) -> str:
    """The result on the rows that training has not seen, beside that of a constant guess."""
    target, n = job.encoder.target, len(job.X_test)
    if not n:
        return "No rows were set aside for a test."
    outputs = model.predict(job.X_test)
    if isinstance(target, ClassTarget):
        right = int((target.probabilities(outputs).argmax(axis=1) == job.y_test).sum())
        common = int(np.bincount(job.y).argmax())
        dull = np.mean(job.y_test == common)
        return (
            f"Test accuracy: {right / n:.2%} ({right} of {n}). "
            f"Always {target.classes[common]!r} would give {dull:.2%}."
        )
    truth = target.values(job.y_test)
    rmse = np.sqrt(np.mean((truth - target.values(outputs)) ** 2))
    dull = np.sqrt(np.mean((truth - target.mean) ** 2))
    r2 = f"R2 {1 - (rmse / truth.std()) ** 2:.4f}, " if truth.std() > 0 else ""
    return (
        f"Test: {r2}RMSE {rmse:.4g} ({n} rows). "
        f"Always the mean, {target.mean:.4g}, would give RMSE {dull:.4g}."
    )
