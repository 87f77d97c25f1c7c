"""Many models trained side by side: each by one thread, all on the same copy of the data.

>>> import numpy as np
>>> import fastnn
>>> from fastnn import layers
>>> fastnn.utils.set_random_seed(2)
>>> X = np.random.default_rng(0).normal(size=(64, 2))
>>> models = [fastnn.Sequential([fastnn.Input((2,)), layers.Dense(n, "tanh"), layers.Dense(1)])
...           for n in (2, 4, 8)]
>>> for model in models:
...     model.compile("adam", "mse")
>>> histories = fastnn.fit_many(models, X, X.sum(axis=1), epochs=5)
>>> [len(history.history["loss"]) for history in histories]
[5, 5, 5]
"""

from __future__ import annotations

import copy
import math
import threading
import warnings
from collections import deque

import numpy as np

from fastnn import config, data
from fastnn.callbacks import History
from fastnn.feeding import is_stream
from fastnn.interrupt import Interrupt
from fastnn.sparse import checked_csr


def fit_many(models, x, y=None, *, folds=None, each=None, callbacks=None, workers=None, **fit):
    """Train every model on the data; returns their Histories.

    models : a list of compiled models, of any shapes. Each ends with the bits that
        ``model.fit(x, y, ...)`` one after the other would give.
    x, y, fit : as for `Model.fit`: batch_size, epochs, validation_data, ...; ``verbose`` is 0.
    folds : for each model the rows (numbers or a mask) that it trains on and those it is validated
        on, as the splitters of scikit-learn give them; large data are not copied for that.
    each : for each model a dictionary of arguments of its own.
    callbacks : a function that makes the callbacks of the model with the number it is given.
    workers : how many models train at the same time; by default one for each processor in use. When
        fewer models than that are left, they share the processors.

    An error of one model does not touch the others: at the end an ExceptionGroup is raised, and
    every model has its ``history``. Ctrl-C ends all training between two steps, with a warning;
    models and histories keep what they have.
    """
    models = list(models)
    _check_models(models, x)
    calls = _calls(models, x, y, folds, each, callbacks, fit)
    for model, call in zip(models, calls, strict=True):  # here, for seeds are drawn in this order
        model.build_for(x if folds is not None else call["x"])
    order = sorted(range(len(models)), key=lambda i: -models[i].count_params())
    waiting, errors = deque(order), {}  # the largest first, lest it be alone at the end
    histories: list[History] = [History() for _ in models]

    def work(interrupt):
        while not interrupt.seen:
            try:
                i = waiting.popleft()
            except IndexError:
                return
            try:
                histories[i] = _fitted(models[i], calls[i])
            except Exception as error:
                error.add_note(f"This was model {i}, {models[i].name!r}.")
                errors[i] = error
            calls[i] = None  # and the rows of its fold

    ended = side_by_side(work, workers, len(models))
    if errors:
        listed = ", ".join(map(str, sorted(errors)))
        raise ExceptionGroup(f"{len(errors)} of {len(models)} models failed: {listed}. Every model "
                             "has its history", [errors[i] for i in sorted(errors)])
    if ended:
        warnings.warn(f"Training interrupted by the user with {len(models) - len(waiting)} of "
                      f"{len(models)} models begun. They keep what they have learnt.",
                      RuntimeWarning, stacklevel=2)
    return histories


def _fitted(model, call: dict):
    """``fit``, after which the workspace is given back."""
    try:
        return model.fit(**call)
    finally:
        if model._trainer is not None:
            model.trainer.memory.scratch.clear()


def side_by_side(work, workers: int | None = None, most: int | None = None) -> bool:
    """Call ``work(interrupt)`` in several threads, each with its share of the processors.

    Where it has returned, the others may use what that thread leaves. Its first error ends all and
    is raised; a Ctrl-C ends all, and True is returned.
    """
    processors = config.num_threads()
    workers = data.whole_number("workers", workers, 1, default=processors)
    workers = max(1, min(workers, most or workers))
    running = set(range(workers))
    errors = []

    def run(number):
        with interrupt.followed(), config.threads_shared(
                lambda: max(1, processors // max(1, len(running)))):
            try:
                work(interrupt)
            except KeyboardInterrupt:  # from where training is not by `fit`
                interrupt.end()
            except BaseException as error:
                errors.append(error)
                interrupt.end()
            finally:
                running.discard(number)

    with Interrupt() as interrupt:
        threads = [threading.Thread(target=run, args=(i,), name=f"fastnn-{i}")
                   for i in range(workers)] if workers > 1 else []
        try:
            if not threads:
                run(0)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:  # a second Ctrl-C
            interrupt.end()
            raise
    if errors:
        raise errors[0]
    return interrupt.seen


def shared(x, dtype):
    """``x`` as an array that models of the dtype take without a copy of their own.

    What cannot be one, or is too large for a copy (see `data.WHOLE`), stays as it is. Several
    inputs, in a list or a dictionary, are shared one by one.
    """
    if _several(x):
        return _each(x, lambda part: shared(part, dtype))
    array = x if isinstance(x, np.ndarray) else None
    if array is None and not (is_stream(x) or hasattr(x, "tocsr") or isinstance(x, data.Rows)):
        array = np.asarray(x)
    if array is None or array.dtype.kind not in "fiub":
        return x
    if array.size * np.dtype(dtype).itemsize > data.WHOLE and array.dtype != dtype:
        return array
    with np.errstate(over="ignore"):
        cast = np.asarray(array, dtype, order="C")
    return cast if data.all_finite(cast) else x


def with_shared(fit: dict, dtype) -> dict:
    """The arguments of ``fit`` with `shared` inputs."""
    found = fit | {"x": shared(fit.get("x"), dtype)}
    held_out = fit.get("validation_data")
    if isinstance(held_out, (tuple, list)):
        found["validation_data"] = (shared(held_out[0], dtype), *held_out[1:])
    return found


def fold_of(x, rows):
    """Some rows of ``x``: copied where that is little, else looked up as they are needed.

    Of several inputs, in a list or a dictionary, those of each.
    """
    if _several(x):
        return _each(x, lambda part: fold_of(part, rows))
    rows = np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    if hasattr(x, "tocsr"):
        source = checked_csr(x)
        return data.Rows(source, source.shape[1], source.dtype, rows)
    x = np.asarray(x)
    width = math.prod(x.shape[1:])
    if len(rows) * width * x.itemsize <= data.WHOLE // 16:
        return x[rows]
    return data.Rows(x, width, x.dtype, rows)


def _taken(y, rows):
    """Some rows of the targets, or of each of several."""
    return _each(y, lambda part: part[rows]) if _several(y) else np.asarray(y)[rows]


def _several(x) -> bool:
    """Whether these are several arrays rather than one, or one's rows."""
    return isinstance(x, dict) or (
        isinstance(x, (list, tuple)) and all(getattr(part, "ndim", 0) > 1 for part in x))


def _each(x, function):
    if isinstance(x, dict):
        return {name: function(part) for name, part in x.items()}
    return [function(part) for part in x]


def _check_models(models: list, x) -> None:
    if x is None or hasattr(x, "__next__"):
        raise ValueError("fit_many needs data that all models can read, such as arrays; received "
                         f"{type(x).__name__}.")
    if len({id(model) for model in models}) < len(models):
        raise ValueError("A model is in the list twice: it cannot train beside itself.")
    layers = [number for model in models for number in {id(layer) for layer in model.layers}]
    if len(set(layers)) < len(layers):
        raise ValueError("Two of the models share a layer: they cannot train at the same time.")
    for i, model in enumerate(models):
        if getattr(model, "loss", None) is None:
            raise ValueError(f"Model {i} has no loss yet. Call compile(optimizer, loss) first.")


def _calls(models, x, y, folds, each, callbacks, fit) -> list[dict]:
    """The arguments of each model's ``fit``, over the same arrays."""
    for name, given in (("folds", folds), ("each", each)):
        if given is not None and len(given) != len(models):
            raise ValueError(f"{name} must have an entry for each of the {len(models)} models, "
                             f"received {len(given)}.")
    if callbacks is not None and not callable(callbacks):
        raise TypeError("callbacks must be a function of a model's number that makes its "
                        f"callbacks, for models cannot share them; received {callbacks!r:.200}.")
    of_type = {dtype: with_shared({"x": x, "y": y, "verbose": 0, **fit}, dtype)
               for dtype in {model.dtype for model in models}}
    calls = []
    for i, model in enumerate(models):
        call = dict(of_type[model.dtype])
        if folds is not None:
            call |= fold_arguments(call["x"], y, folds[i], fit)
        call |= copy.copy(each[i]) if each is not None else {}
        if callbacks is not None:
            call["callbacks"] = callbacks(i)
        calls.append(call)
    return calls


def fold_arguments(x, y, fold, fit: dict) -> dict:
    """The arguments of ``fit`` that train on the one part of a fold and validate on the other."""
    for name in ("validation_data", "validation_split"):
        if fit.get(name):
            raise ValueError(f"Folds say which rows are held out: {name} must not be given.")
    train, held_out = (np.asarray(rows) for rows in fold)
    weights = fit.get("sample_weight")
    found = {"x": fold_of(x, train), "y": _taken(y, train)}
    validation = (fold_of(x, held_out), _taken(y, held_out))
    if weights is not None:
        weights = np.asarray(weights)
        found["sample_weight"] = weights[train]
        validation += (weights[held_out],)
    return found | {"validation_data": validation}
