"""The base of callbacks, the list that calls them, and the two simplest ones."""

from __future__ import annotations

from collections.abc import Callable

_LEGACY = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class Callback:
    """The base of all callbacks: hooks that do nothing, to be overridden.

    ``model`` is the model at work and ``params`` a dictionary with verbose, epochs and steps; both
    are set before the first hook is called. ``logs`` holds the losses and metrics so far; what a
    callback adds to the logs of `on_epoch_end` goes into the history. Setting
    ``self.model.stop_training = True`` ends the training after the batch or epoch at hand.

    ``remembers`` names the attributes that an interrupted training needs to go on to the same bits:
    numbers, text, lists, dictionaries, arrays. Backups (``fit(..., resume=path)`` and
    BackupAndRestore) keep them. `get_state` and `set_state` may be overridden instead.

    >>> class Count(Callback):
    ...     remembers = ("batches",)
    ...     batches = 0
    ...     def on_train_batch_end(self, batch, logs=None):
    ...         self.batches += 1
    >>> Count().get_state()
    {'batches': 0}
    """

    remembers: tuple[str, ...] = ()

    def __init__(self):
        self.model = None
        self.params = None

    def get_state(self) -> dict:
        """What a backup keeps of the callback."""
        return {name: getattr(self, name) for name in self.remembers}

    def set_state(self, state: dict) -> None:
        """Go on from what `get_state` has said, after on_train_begin and on_epoch_begin."""
        for name in self.remembers:
            setattr(self, name, state[name])

    def set_model(self, model) -> None:
        self.model = model

    def set_params(self, params: dict) -> None:
        self.params = params

    def on_train_begin(self, logs=None):
        """Before the first epoch of `fit`."""

    def on_train_end(self, logs=None):
        """After the last epoch of `fit`, with its logs; not after an exception."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before epoch ``epoch``, counted from 0."""

    def on_epoch_end(self, epoch, logs=None):
        """After the epoch and its validation."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before batch ``batch`` of an epoch, counted from 0."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """After a batch, with the means over the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch, logs=None):
        """The old name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """The old name of `on_train_batch_end`."""

    def on_test_begin(self, logs=None):
        """Before `evaluate`, or the validation in `fit`."""

    def on_test_end(self, logs=None):
        """After `evaluate`, or the validation in `fit`, with its results."""

    def on_test_batch_begin(self, batch, logs=None):
        """Before a batch of `evaluate` or validation."""

    def on_test_batch_end(self, batch, logs=None):
        """After a batch of `evaluate` or validation."""

    def on_predict_begin(self, logs=None):
        """Before `predict`."""

    def on_predict_end(self, logs=None):
        """After `predict`."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch, logs=None):
        """After a batch of `predict`."""


_HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
# Validation is a part of an epoch, so whoever follows it has to be called there.
_EPOCH_HOOKS = tuple(n for n in _HOOKS if n.startswith(("on_epoch", "on_test")))


class History(Callback):
    """Keeps what an epoch's logs say: ``history[name]`` is a list with a value for each epoch.

    ``epoch`` lists the numbers of the epochs, counted from 0. `fit` returns one. ``divergence`` is
    None, or says where the training diverged: see `fastnn.divergence.Divergence`.
    """

    remembers = ("history", "epoch")

    def __init__(self):
        super().__init__()
        self.kept = None  # the `KeepWeights` of the last `fit`
        self.history: dict[str, list] = {}
        self.epoch: list[int] = []
        self.divergence = None

    def set_model(self, model) -> None:
        super().set_model(model)
        model.history = self

    def plot(self, metric: str = "loss", ax=None):
        """Draw a metric over the epochs; see `fastnn.plot.history`."""
        from fastnn.plot import history

        return history(self, metric, ax)

    def _repr_html_(self) -> str:
        from fastnn.notebook import history_html

        return history_html(self)

    def on_train_begin(self, logs=None):
        self.epoch = []
        self.divergence = None

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name in sorted(logs or ()):
            self.history.setdefault(name, []).append(logs[name])

    def at(self, epoch: int):
        """The weights after an epoch, where a `KeepWeights` kept them: ``at(3).restore()``.

        Negative numbers count from the last epoch kept. ValueError for one that was not.
        """
        if self.kept is None:
            raise ValueError("No weights were kept. Train with fit(..., callbacks=fastnn.callbacks."
                             "KeepWeights()).")
        return self.kept.at(epoch)


class LambdaCallback(Callback):
    """A callback made of functions, each given by the name of its hook; any hook will do.

    >>> log = []
    >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: log.append((epoch, logs)))
    >>> CallbackList(callback).on_epoch_end(3, {"loss": 0.5})
    >>> log
    [(3, {'loss': 0.5})]
    """

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None,
                 on_train_end=None, on_train_batch_begin=None, on_train_batch_end=None,
                 **hooks: Callable | None):
        super().__init__()
        hooks |= {"on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
                  "on_train_begin": on_train_begin, "on_train_end": on_train_end,
                  "on_train_batch_begin": on_train_batch_begin,
                  "on_train_batch_end": on_train_batch_end}
        for name, function in hooks.items():
            if name not in _HOOKS:
                raise TypeError(f"{name!r} is no hook of a callback; hooks: {', '.join(_HOOKS)}.")
            if function is not None and not callable(function):
                raise TypeError(f"{name} needs a function; received {function!r}.")
        vars(self).update({name: f for name, f in hooks.items() if f is not None})


class CallbackList(Callback):
    """Several callbacks as one, which calls each that has a hook, in the order of the list.

    ``callbacks`` is a callback, a list or tuple of them (also nested), or None; besides `Callback`
    objects it takes any object with ``set_model`` and a hook, such as a callback written for
    Keras. The last argument of a hook is always a dictionary, the same for all: what one adds to
    it, the next sees. With ``add_history`` a `History` comes last, unless there is one already.

    ``needs_batches``: someone follows the batches of training. ``needs_epochs``: someone besides
    the history follows the epochs or their validation. TypeError for what is no callback.

    ``followers``: the methods ``after_steps(first, losses)`` of those callbacks that follow the
    batches at a distance. They are called after each call of the backend with the number of its
    first batch and the loss of each of its batches, which costs no Python for every batch.
    """

    def __init__(self, callbacks=None, add_history: bool = False, model=None, **params):
        super().__init__()
        self.callbacks = list(_flatten(callbacks))
        self.needs_batches = self.needs_epochs = False
        self.followers: list[Callable] = []
        self.keepers: list[Callback] = []
        self._hooks: dict[str, list[Callable]] = {}
        if add_history and self.history is None:
            self.callbacks.append(History())
        self.set_params(params)
        self.set_model(model)

    @property
    def history(self) -> History | None:
        """The first `History` of the list."""
        return next((c for c in self.callbacks if isinstance(c, History)), None)

    def append(self, callback) -> None:
        self.callbacks += _flatten(callback)
        self._find_hooks()

    def overrides(self, *hooks: str) -> bool:
        """Whether any callback does something at one of these hooks."""
        return any(self._hooks[hook] for hook in hooks)

    def set_params(self, params: dict) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            if params and hasattr(callback, "set_params"):
                callback.set_params(params)

    def set_model(self, model) -> None:
        super().set_model(model)
        for callback in self.callbacks if model is not None else ():
            callback.set_model(model)
        self._find_hooks()  # now, for a callback may choose its hooks when it sees the model

    def _find_hooks(self) -> None:
        self.callbacks.sort(key=lambda callback: hasattr(callback, "at_rest"))
        self.keepers = [c for c in self.callbacks if hasattr(c, "at_rest")]
        if len(self.keepers) > 1:
            raise ValueError("One callback makes the backups of a training: leave BackupAndRestore "
                             "out where resume is given, and give one of them only.")
        for name in _HOOKS:
            hooks = [_hook(callback, name) for callback in self.callbacks]
            self._hooks[name] = [hook for hook in hooks if hook is not None]
        self.needs_batches = self.overrides("on_train_batch_begin", "on_train_batch_end")
        others = [callback for callback in self.callbacks if type(callback) is not History]
        self.needs_epochs = any(_hook(c, name) for c in others for name in _EPOCH_HOOKS)
        followers = [getattr(callback, "after_steps", None) for callback in self.callbacks]
        self.followers = [follow for follow in followers if follow is not None]

    def get_state(self) -> list:
        """The name of each callback's class, and what it remembers."""
        return [[type(c).__name__, c.get_state()] for c in self.callbacks
                if hasattr(c, "get_state")]

    def set_state(self, state: list) -> None:
        """Give each callback what the one of its class remembered, in their order."""
        left = [c for c in self.callbacks if hasattr(c, "set_state")]
        for name, remembered in state:
            found = next((c for c in left if type(c).__name__ == name), None)
            if found is not None:
                left.remove(found)
                found.set_state(remembered)

    def _call(self, name: str, *numbers_and_logs) -> None:
        *numbers, logs = numbers_and_logs
        logs = {} if logs is None else logs
        for hook in self._hooks[name]:
            hook(*numbers, logs)

    def on_train_begin(self, logs=None):
        self._call("on_train_begin", logs)

    def on_train_end(self, logs=None):
        self._call("on_train_end", logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._call("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs=None):
        self._call("on_test_begin", logs)

    def on_test_end(self, logs=None):
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch, logs=None):
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self._call("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs=None):
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs=None):
        self._call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self._call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._call("on_predict_batch_end", batch, logs)


def _flatten(callbacks):
    """The callbacks of a list, checked."""
    if callbacks is None:
        return
    if isinstance(callbacks, CallbackList):
        callbacks = callbacks.callbacks
    if isinstance(callbacks, (list, tuple)):
        for callback in callbacks:
            yield from _flatten(callback)
    elif isinstance(callbacks, type):
        name = callbacks.__name__
        raise TypeError(f"callbacks needs an object; received the class {name}: write {name}().")
    elif hasattr(callbacks, "set_model") and any(hasattr(callbacks, name) for name in _HOOKS):
        yield callbacks
    else:
        raise TypeError(
            "callbacks must be a Callback object or a list of them; received "
            f"{callbacks!r:.200} of type {type(callbacks).__name__}."
        )


def _hook(callback, name: str) -> Callable | None:
    """What to call at a hook; None if the callback does nothing there."""
    for known in (name, _LEGACY.get(name, name)):
        method = getattr(callback, known, None)
        function = getattr(method, "__func__", method)
        if function is None or function is getattr(Callback, known):
            continue
        if getattr(function, "_is_default", None) is not True:  # Keras so marks its empty hooks
            return method
    return None
