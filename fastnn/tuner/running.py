"""The trainings of one trial: executions and folds, each followed by a `Watch`."""

from __future__ import annotations

import copy

import numpy as np

from fastnn import data, random
from fastnn.callbacks import Callback
from fastnn.interrupt import Interrupt
from fastnn.many import fold_arguments


class Watch(Callback):
    """Follows one training: keeps the weights of its best epoch, tells the oracle of each.

    first_step : the number of its first epoch among all that the trial trains.
    """

    def __init__(self, tuner, trial, first_step: int = 0):
        super().__init__()
        self.tuner, self.trial, self.first_step = tuner, trial, first_step
        self.best: float | None = None
        self.weights: np.ndarray | None = None
        self.epochs = 0
        self.pruned = False
        for name in ("on_batch_begin", "on_batch_end"):
            if _is_overridden(tuner, name):
                setattr(self, name.replace("on_", "on_train_"), self._batch_hook(name))

    def _batch_hook(self, name: str):
        def hook(batch, logs=None):
            getattr(self.tuner, name)(self.trial, self.model, batch, logs)

        return hook

    def on_epoch_begin(self, epoch, logs=None):
        self.tuner.on_epoch_begin(self.trial, self.model, epoch, logs=logs)

    def on_epoch_end(self, epoch, logs=None):
        self.tuner.on_epoch_end(self.trial, self.model, epoch, logs=logs)
        objective, step = self.tuner.oracle.objective, self.first_step + self.epochs
        self.epochs += 1
        if not objective.has_value(logs):  # computed after training
            self.weights = self.model.params.copy()
            return
        value = float(objective.get_value(logs))
        if self.weights is None or objective.better_than(value, self.best):
            self.best, self.weights = value, self.model.params.copy()
        if self.tuner.oracle.report(self.trial, step, value):
            self.pruned = self.model.stop_training = True


def _is_overridden(tuner, name: str) -> bool:
    from fastnn.tuner.tuner import Tuner

    return getattr(type(tuner), name) is not getattr(Tuner, name)


class Trainings:
    """All trainings of one trial, one after the other: ``executions`` of each fold.

    ``results`` has what each has given, ``pruned`` says whether the oracle has ended them.
    """

    def __init__(self, tuner, trial):
        self.tuner, self.trial = tuner, trial
        self.results: list = []
        self.pruned = False
        self._best: float | None = None
        self._steps = 0

    def run(self, args, kwargs) -> list:
        """The results, as `Tuner.run_trial` returns them; KeyboardInterrupt after a Ctrl-C."""
        folds = self.tuner.folds or [None]
        for number in range(self.tuner.executions_per_trial * len(folds)):
            self._one(number, folds[number % len(folds)], args, dict(kwargs))
            if Interrupt().seen:
                raise KeyboardInterrupt
            if self.pruned:
                break
        return self.results

    def _one(self, number: int, fold, args, kwargs) -> None:
        tuner, trial, hp = self.tuner, self.trial, self.trial.hyperparameters
        watch = Watch(tuner, trial, self._steps)
        kwargs |= {"callbacks": [*_copies(kwargs.get("callbacks")), watch],
                   "verbose": tuner.fit_verbose}
        if "tuner/epochs" in hp.values:
            kwargs["epochs"] = hp.values["tuner/epochs"]
            kwargs["initial_epoch"] = hp.values["tuner/initial_epoch"]
        model = tuner.build_model(hp)
        x = args[0] if args else kwargs.get("x")
        if isinstance(x, (np.ndarray, list)):
            model.build_for(x)  # now, from the seeds of this training
        if fold is not None:
            kwargs |= fold_arguments(kwargs["x"], kwargs["y"], fold, kwargs)
        if "tuner/trial_id" in hp.values:
            tuner.load_weights(model, hp.values["tuner/trial_id"], number)
        tuner.display.trial_begins(trial)
        self.results.append(tuner.hypermodel.fit(hp, model, *args, **kwargs))
        self.pruned = watch.pruned
        self._steps += watch.epochs
        if watch.weights is not None and not Interrupt().seen:
            self._keep(number, model, watch)

    def _keep(self, number: int, model, watch: Watch) -> None:
        """Write the best weights to a file."""
        model.params[...] = watch.weights
        self.trial.input_shape = list(model.row_shapes[0])
        better = self._best is None or watch.best is None or (
            self.tuner.oracle.objective.better_than(watch.best, self._best))
        if better:
            self._best = watch.best
            model.save_weights(self.tuner.weights_path(self.trial.trial_id))
        if self.tuner.continues and number:
            model.save_weights(self.tuner.weights_path(self.trial.trial_id, number))


def _copies(callbacks) -> list:
    """Callbacks of the search's, for one training alone."""
    callbacks = callbacks if isinstance(callbacks, (list, tuple)) else (
        [] if callbacks is None else [callbacks])
    return [copy.deepcopy(callback) for callback in callbacks]


def folds_of(cv, x, y, seed: int) -> list | None:
    """The folds (rows to train on, rows held out) that ``cv`` means; None for none.

    cv : how many; or a splitter of scikit-learn's kind, with ``split(x, y)``; or the folds. For a
        number the rows are dealt out at random, those of each class evenly where y is classes.
    """
    if cv is None:
        return None
    if hasattr(cv, "split"):
        return list(cv.split(x, y))
    if not isinstance(cv, int):
        return list(cv)
    k = data.whole_number("cv", cv, 2)
    y = np.asarray(y)
    n = len(y)
    if k > n:
        raise ValueError(f"cv={k} folds need as many rows, received {n}.")
    order = random.permutations(seed, 1 << 61, 1, n)[0]  # far from the passes of any training
    if y.dtype.kind in "iub" or (y.ndim == 2 and y.shape[1] > 1):
        classes = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(n)
        order = order[np.argsort(classes[order], kind="stable")]
    parts = [np.sort(order[i::k]) for i in range(k)]
    return [(np.setdiff1d(np.arange(n), part), part) for part in parts]
