"""Data that come batch by batch: generators, `PyDataset`, loaders such as torch's.

They give (x, y) or (x, y, sample_weight) for each batch, and are not looked at before their turn.
What is wrong with one is said with its number, counted from 0: its place in a pass, or in all that
an iterator has given. An error of the data's own comes through as it is, with that as a note.

>>> import numpy as np
>>> import fastnn
>>> model = fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1)])
>>> model.compile("sgd", "mse")
>>> batches = ((np.ones((8, 2)), np.ones(8)) for _ in range(6))
>>> model.fit(batches, steps_per_epoch=3, epochs=2, verbose=0).epoch
[0, 1]
"""

from __future__ import annotations

import warnings
from itertools import count
from zlib import crc32

import numpy as np

from fastnn import data, random
from fastnn.evaluation import Evaluation
from fastnn.optimizers import WholeOptimizer
from fastnn.rows import select, weighted
from fastnn.sparse import dense


def is_stream(x) -> bool:
    """Whether ``x`` gives batches rather than rows.

    Iterators do, objects with ``on_epoch_end`` and numbered batches (`PyDataset`), and what can be
    iterated over but has neither numbered items nor the looks of an array.
    """
    if hasattr(x, "__next__"):
        return True
    if isinstance(x, (dict, set, frozenset, str, bytes)):
        return False
    if hasattr(x, "__array__") or hasattr(x, "tocsr"):
        return False
    if hasattr(x, "__getitem__"):
        return hasattr(x, "on_epoch_end")
    return hasattr(x, "__iter__")


class Stream:
    """The batches of one object, pass by pass.

    ``steps`` is their number in a pass, None if that is not known before its end.
    """

    def __init__(self, source):
        self.source = source
        self.once = hasattr(source, "__next__")
        self.numbered = hasattr(source, "__getitem__")
        self._iterator = source if self.once else None
        self._numbers = count()  # of the batches to come
        self._ahead: list = []  # batches that were looked at too early

    @property
    def steps(self) -> int | None:
        if hasattr(self.source, "num_batches"):
            return self.source.num_batches
        try:
            return len(self.source)
        except TypeError:  # a generator; a loader of unknown length
            return None

    def first(self) -> tuple:
        """The batch that comes first, without taking it away."""
        if self.numbered:
            return _taken(0, self.source.__getitem__, 0)
        if not self._ahead:
            if self._iterator is None:
                self.start()
            batch = self.take()
            if batch is None:
                raise ValueError("x gives no batch at all.")
            self._ahead.append(batch)
        return self._ahead[0]

    def start(self, order=None) -> None:
        """Begin a pass, in an ``order`` of the batches if they are numbered."""
        if self.numbered:
            numbers = range(self.steps) if order is None else order.tolist()
            self._numbers = iter(numbers)
            self._iterator = map(self.source.__getitem__, numbers)
        elif not self.once and not self._ahead:
            self._numbers = count()
            self._iterator = iter(self.source)

    def take(self) -> tuple | None:
        """The next batch (x, y or None, sample_weight or None, its name); None at the end.

        These are the arguments of `Trainer.feed`.
        """
        if self._ahead:
            return self._ahead.pop()
        return _taken(next(self._numbers, None), next, self._iterator, _END)

    def __iter__(self):
        """The batches of a pass."""
        self.start()
        while (batch := self.take()) is not None:
            yield batch

    def notify(self, hook: str) -> None:
        """Call ``on_epoch_begin`` or ``on_epoch_end`` of the object, if it has that."""
        getattr(self.source, hook, lambda: None)()


_END = object()


def _taken(number: int | None, get, *arguments) -> tuple | None:
    """What ``get`` gives as batch ``number``: (x, y, sample_weight, words for errors), or None."""
    try:
        batch = get(*arguments)
    except Exception as error:
        error.add_note(f"It came from batch {number} of the data, counted from 0.")
        raise
    return None if batch is _END else (*_unpacked(batch, number), f"batch {number}'s ")


def _unpacked(batch, number: int) -> tuple:
    if not isinstance(batch, (tuple, list)):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError("A batch must be x, (x, y) or (x, y, sample_weight), received a "
                         f"{type(batch).__name__} of length {len(batch)} as batch {number}.")
    return (*batch, None, None)[:3]


def warn_of_the_end(missing: str, stacklevel: int) -> None:
    """That there were fewer batches than asked for, in Keras's words."""
    warnings.warn(f"Your input ran out of data; interrupting {missing}.", stacklevel=stacklevel + 1)


class StreamBatches:
    """The training batches of a stream; does for `fitting.Fit` what `training.Batches` does.

    steps : batches an epoch; None: an epoch is a pass. Where a pass ends within an epoch of so many
        batches, the next one begins; an iterator, which has one pass only, ends the training.
    """

    each_step = False

    def __init__(self, trainer, stream: Stream, shuffle=True, steps=None, class_weight=None):
        if isinstance(trainer.optimizer, WholeOptimizer):
            raise ValueError(f"{type(trainer.optimizer).__name__} takes all rows at every step, "
                             "but x gives batches. Give arrays, or use another optimizer.")
        self.trainer, self.stream, self.shuffle = trainer, stream, shuffle
        self.class_weight = class_weight
        self.steps = self._wanted = steps or stream.steps
        self._one_pass = steps is None
        self._next = None
        self._started = False
        self.step = self._visited = 0
        self._sums = np.zeros((1, 1 + trainer.plan.n_metrics))
        self.losses = np.empty(0)
        self._seen = 0  # a checksum of the batches, where backups are made

    def epochs(self, most: int) -> list[dict]:
        """None: there is one call for each batch."""
        return []

    def ready(self) -> bool:
        """Whether there is a batch for another epoch; a warning if not."""
        if self._next is None:
            self._next = self._take()
        if self._next is None:
            warn_of_the_end("training. A generator must give at least steps_per_epoch * epochs "
                            "batches", stacklevel=5)
        return self._next is not None

    def _take(self):
        """The next batch, of a new pass if need be; None if there is no more."""
        batch = self.stream.take() if self._started else None
        if batch is None and not (self._started and self.stream.once):
            self._started, order = True, None
            n = self.stream.steps
            if self.shuffle and self.stream.numbered and n:
                order = random.permutations(self.trainer.seed, self.trainer.epoch, 1, n)[0]
            self.stream.start(order)
            self.trainer.epoch += 1
            batch = self.stream.take()
        return batch

    def begin(self) -> None:
        """Start an epoch."""
        self.steps, self.step, self._visited = self._wanted, 0, 0
        self._sums[:] = 0
        self.trainer.reset_metrics()
        self.stream.notify("on_epoch_begin")

    def advance(self, most: int | None = None) -> dict:
        """Train on a batch: the logs of the epoch so far."""
        feed = self._feed()
        n, sums = len(feed.X), np.zeros_like(self._sums)
        self.trainer.stretch(feed, np.arange(n)[None], n, sums)
        self.losses = sums[:, 0] / n
        self._sums += sums
        self._visited += n
        if not self.trainer.diverged:  # then nothing more is drawn
            self._pass_on()
        return self.logs()

    def _feed(self):
        """The batch that is at hand, checked and cast."""
        batch, self._next = self._next, None
        feed = weighted(self.trainer.feed(*batch), self.class_weight, self.trainer.plan.n_outputs)
        if self.trainer.run.callbacks.keepers:
            self._look_at(feed)
        return feed

    def _look_at(self, feed) -> None:
        for array in feed.X, feed.T, feed.labels:
            if len(array):
                self._seen = crc32(np.ascontiguousarray(dense(array[:1])), self._seen)

    def _pass_on(self) -> None:
        """To the next batch, or the end of the epoch."""
        self.step += 1
        if self.step != self.steps:
            # a pass of unknown length ends where nothing follows
            self._next = self.stream.take() if self._one_pass else self._take()
            if self._next is None:
                self.steps = self.step
        if self.step == self.steps:
            self._started = self._started and (not self._one_pass or self.stream.once)
            self.stream.notify("on_epoch_end")

    def logs(self) -> dict:
        """The means over the epoch so far."""
        return self.trainer.logs(self._sums[0], self._visited)

    def skip(self, batches: int | None = None) -> None:
        """Draw the batches of an epoch that another run has trained, or the first ones of it.

        Whatever gives them then stands where it stood, its random numbers too.
        """
        self._next = self._next or self._take()
        if self._next is None:
            raise ValueError("x gives fewer batches than the interrupted training has had.")
        self.begin()
        while self.step not in (self.steps, batches):
            self._feed()
            self._pass_on()

    def position(self, begun: bool) -> dict:
        """Where it stands, for `go_to`; ``begun`` is False between two epochs."""
        return {"at_batch": self.step if begun else 0, "rows_visited": self._visited,
                "sums": self._sums.copy(), "batches_seen": self._seen}

    def go_to(self, position: dict) -> None:
        """Go on from a position, once all epochs before have been skipped; a warning if their
        batches were others.
        """
        if position["at_batch"]:
            self.skip(position["at_batch"])
        self._visited = position["rows_visited"]
        self._sums[:] = position["sums"]
        if self._seen != position["batches_seen"]:
            warnings.warn("The batches are not those that the interrupted training has seen: it "
                          "goes on, but not to the same bits. Seed what draws them, and give the "
                          "same data.", RuntimeWarning, stacklevel=2)
            self._seen = position["batches_seen"]


class StreamEvaluation(Evaluation):
    """The loss and metrics of a stream: one pass, or ``most`` batches of it."""

    def __init__(self, trainer, stream: Stream, most: int | None = None):
        self.trainer, self.stream, self._most = trainer, stream, most
        self.step = self._visited = 0
        stream.start()
        self._next = stream.take()

    @property
    def done(self) -> bool:
        return self._next is None

    def skip(self) -> None:
        """Draw the batches without a look at them."""
        while not self.done:
            self._draw()

    def _draw(self) -> None:
        self.step += 1
        self._next = None if self.step == self._most else self.stream.take()

    def advance(self) -> dict:
        """One batch more: the logs so far."""
        feed = self.trainer.feed(*self._next)
        if self.step == 0:
            super().__init__(self.trainer, feed, by_batch=True)
        self.feed, self.size, self.row = feed, len(feed.X), 0
        super().advance()  # adds to the sums; what it says is of as many rows as this batch has
        self._visited += self.size
        self._draw()
        if self.done and self.step < (self._most or 0):
            warn_of_the_end(f"evaluation after {self.step} of {self._most} batches", stacklevel=5)
        return self.trainer.logs(self._sums, self._visited)


def evaluation(trainer, source, batch_size: int, steps: int | None):
    """What `fitting` evaluates: a function of whether that has to go by batches.

    source : a `Stream` or a feed; steps : only so many batches of it. The function's ``feed`` is
    the feed, None for a stream.
    """
    feed = None if isinstance(source, Stream) else source
    if feed is not None and steps is not None:
        feed = select(feed, slice(steps * batch_size))

    def make(by_batch):
        if feed is None:
            return StreamEvaluation(trainer, source, steps)
        return Evaluation(trainer, feed, batch_size, by_batch)

    make.feed = feed
    return make


def stream_of(x, **others) -> Stream | None:
    """``x`` as a stream if it gives batches, else None.

    others : arguments that make no sense then; a ValueError if they are given.
    """
    if not is_stream(x):
        return None
    for name, value in others.items():
        if value is not None:
            raise ValueError(f"{name} must not be given where x gives batches: each batch is x, "
                             f"(x, y) or (x, y, sample_weight). Received {name}={value!r:.200}.")
    return Stream(x)


def validation_source(trainer, validation_data):
    """What the argument ``validation_data`` holds: a stream, a feed or None."""
    if validation_data is None:
        return None
    if is_stream(validation_data):
        return Stream(validation_data)
    return trainer.feed(*data.validation_arrays(validation_data), prefix="validation ")
