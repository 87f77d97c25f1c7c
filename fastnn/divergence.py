"""Training that diverges: found after each call of compiled code, taken back to the last good step.

>>> import warnings
>>> import numpy as np
>>> import fastnn
>>> model = fastnn.Sequential([fastnn.Input((1,)), fastnn.layers.Dense(1, name="line")])
>>> model.compile(fastnn.optimizers.SGD(1e12), "mse")
>>> with warnings.catch_warnings(record=True) as caught:
...     warnings.simplefilter("always")
...     history = model.fit([[1.0], [2.0]], [0.0, 1.0], epochs=9, verbose=0)
>>> print(str(caught[0].message).split(", though")[0])
Training diverged in epoch 3, step 1: the loss is inf
>>> history.divergence.epoch, len(history.history["loss"]), bool(np.isfinite(model.params).all())
(2, 2, True)

Nothing is checked within a call, which would cost every step something. What a call does depends on
its arguments alone: so a copy of the state from before it, and its steps done once more one by one,
find the first step after which a loss or a weight is not finite, and the state from before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from fastnn import data
from fastnn.backends import Feed
from fastnn.rows import select
from fastnn.sparse import dense

MODES = ("stop", "raise", "ignore")

# The state is copied again when so many times as long as a copy takes has passed, one per cent, and
# so many seconds.
_RARELY = 100
_SOON = 0.01
_HELD = 1 << 26  # bytes of a stream's batches that are kept for being done again, at most


@dataclass(frozen=True)
class Divergence:
    """Where training diverged.

    epoch, step : counted from 0, the step within its epoch; None where the steps came out otherwise
        when they were done again, because something else than training had changed the weights.
    layer : the first one whose outputs (as a prediction computes them), or whose weights after the
        step, are not finite; None where it is the loss alone.
    of : "loss" or "weights", what is not finite.
    value : that loss or such a weight: inf, -inf or nan.
    """

    epoch: int | None
    step: int | None
    layer: str | None
    of: str
    value: float

    def __str__(self) -> str:
        known = self.epoch is not None
        place = f" in epoch {self.epoch + 1}, step {self.step + 1}" if known else ""
        if not known:
            what = "a loss or a weight is infinite or NaN"
        elif self.of == "weights":
            what = f"weights of the layer {self.layer!r} became {self.value}"
        elif self.layer is None:
            what = f"the loss is {self.value}, though the outputs of all layers are finite"
        else:
            what = (f"the loss is {self.value}, and the first outputs that are not finite are "
                    f"those of the layer {self.layer!r}")
        return (f"Training diverged{place}: {what}. It has ended, and the model holds its weights "
                f"from {'before that step' if known else 'a little before'}. Try a smaller "
                "learning rate, scaled inputs, or clipnorm=1.0 in the optimizer; "
                "fit(..., on_divergence='ignore') goes on.")


@dataclass(slots=True)
class Call:
    """What one call of the backend was given, where in the training, and the sums around it."""

    feed: Feed
    order: np.ndarray
    batch_size: int
    scalars: np.ndarray
    step: int  # the trainer's, before
    batches: int  # the optimizer's
    place: tuple[int, int, int | None]  # the epoch, its steps before, and in all
    before: np.ndarray
    after: np.ndarray | None = None

    def rows(self, number: int) -> tuple[int, np.ndarray]:
        """Which part of the order step ``number`` belongs to, and its rows."""
        part, batch = divmod(number, -(-self.order.shape[1] // self.batch_size))
        here = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
        return part, self.order[part, here].copy()

    def numbers(self, number: int) -> tuple[int, int]:
        """The epoch of step ``number``, and its number there."""
        epoch, done, steps = self.place
        return (epoch, done + number) if steps is None else (
            epoch + (done + number) // steps, (done + number) % steps)


class Guard:
    """Watches a trainer's calls; ``found`` is the `Divergence` once there is one.

    place : a function that says where the next call begins, see `Call`.
    held : the feed whose arrays stay as they are; batches of others are copied.
    """

    def __init__(self, trainer, place, held: Feed | None):
        self.found: Divergence | None = None
        self._trainer, self._place, self._held = trainer, place, held
        self._calls: list[Call] = []  # since the state was copied
        self._bytes = 0  # of their batches that were copied
        memory = trainer.memory
        # kept between two fits: pages that are new cost far more than a copy
        self._state = memory.scratch.pop("state", None) or (
            np.empty_like(memory.params), np.empty_like(memory.slots))
        self._copied = self._seconds = 0.0  # when, and how long that took
        self._began_finite = True  # weights that were not are the user's own

    def before(self, feed, order, batch_size, scalars, sums) -> None:
        """The backend is about to be called so."""
        trainer = self._trainer
        if not self._calls:
            start = perf_counter()
            _copy((trainer.memory.params, trainer.memory.slots), self._state)
            self._copied = perf_counter()
            self._seconds, self._bytes = self._copied - start, 0
            self._began_finite = data.all_finite(trainer.memory.params)
        self._calls.append(Call(feed, order, batch_size, scalars, trainer.step,
                                trainer.optimizer.batches, self._place(), sums.copy()))

    def after(self, sums) -> int | None:
        """The call is over: None, or if training has diverged how many of its steps are left."""
        call = self._calls[-1]
        call.after = sums.copy()
        held = call.feed is self._held
        age = perf_counter() - self._copied
        old = age >= max(_RARELY * self._seconds, _SOON * held) or self._bytes > _HELD
        total = sums[0, 0] if len(sums) == 1 else sums[:, 0].sum()
        if not math.isfinite(total) or (old and self._broken()):
            return self._go_back()
        if old:
            self._calls.clear()
        elif not held:
            call.feed = _copied(call.feed)
            self._bytes += math.prod(call.feed.X.shape) * call.feed.X.dtype.itemsize
        return None

    def check(self) -> bool:
        """Whether training has diverged: before the weights are taken for good, a look at them."""
        if self.found is None and self._calls and self._broken():
            self._go_back()
        return self.found is not None

    def close(self) -> None:
        """The training is over."""
        self._calls.clear()
        self._place = None  # which may point back to who holds this
        self._trainer.memory.scratch["state"] = self._state

    def iterated(self, feed: Feed, loss: float) -> None:
        """An optimizer that sees all rows has ended an iteration; it takes back its own steps."""
        if not math.isfinite(loss):
            epoch, step, _ = self._place()
            layer = _layer(self._trainer.model, dense(feed.X[:]))
            self.found = Divergence(epoch, step, layer, "loss", loss)

    def _go_back(self) -> int:
        """Put the last good state back; how many steps of the last call are left."""
        trainer = self._trainer
        number, step, loss = self._again() or (0, 0, None)
        call, bad = self._calls[number], trainer.memory.params.copy()
        self._again((number, step))
        trainer.step, trainer.optimizer.batches = call.step + step, call.batches + step
        if loss is None:
            self.found = Divergence(None, None, None, "loss", math.nan)
        elif math.isfinite(loss):
            self.found = Divergence(*call.numbers(step), *_weights(trainer.model, bad))
        else:
            X = dense(call.feed.X[call.rows(step)[1]])
            self.found = Divergence(*call.numbers(step), _layer(trainer.model, X), "loss", loss)
        return step if call is self._calls[-1] else 0

    def _again(self, until: tuple | None = None) -> tuple | None:
        """Do the steps since the copy again, one by one, until one is bad or ``until``.

        Returns the number of its call, its own there, and the loss; None where none was bad, or
        where a call came out otherwise than before.
        """
        memory, trainer = self._trainer.memory, self._trainer
        _copy(self._state, (memory.params, memory.slots))
        for number, call in enumerate(self._calls):
            sums = call.before.copy()
            for step, scalars in enumerate(call.scalars[:, None]):
                if (number, step) == until:
                    return None
                part, rows = call.rows(step)
                here = sums[part : part + 1]
                trainer.call(call.feed, rows[None], call.batch_size, scalars, call.step + step,
                             here)
                if not math.isfinite(here[0, 0]) or self._broken():
                    return number, step, float(here[0, 0])
            if not np.array_equal(sums, call.after):
                return None
        return None

    def _broken(self) -> bool:
        params = self._trainer.memory.params
        # finite if its square is, which takes a fifth of the time where there are few
        return (self._began_finite and not math.isfinite(np.vdot(params, params))
                and not data.all_finite(params))


def _copy(state: tuple, to: tuple) -> None:
    for array, target in zip(state, to, strict=True):
        np.copyto(target, array)


def _copied(feed: Feed) -> Feed:
    """The feed with arrays of its own: a generator may fill the same ones again."""
    found = select(feed, np.arange(len(feed.X)))
    return replace(found, X=found.X[:])


def _weights(model, params: np.ndarray) -> tuple[str, str, float]:
    """The first layer with weights in a vector that are not finite, and the first of these."""
    for layer in model.leaves:
        for variable in layer.weights:
            part = params[variable.offset : variable.offset + variable.size]
            if not data.all_finite(part):
                return layer.name, "weights", float(part[~np.isfinite(part)][0])
    raise AssertionError("all weights are finite")


def _layer(model, X: np.ndarray) -> str | None:
    """The first layer with outputs for the rows that are not finite."""
    from fastnn.understanding.watching import activations

    with np.errstate(all="ignore"):
        for name, outputs in activations(model, X).items():
            if not data.all_finite(outputs):
                return name
    return None
