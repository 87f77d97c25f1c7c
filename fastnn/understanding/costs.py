"""What a model costs: arithmetic, memory, and the measured time of a step."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from fastnn import config, console
from fastnn.backends import Feed, Memory
from fastnn.plan import Builder, Kind, in_network
from fastnn.summary import in_bytes

_SECONDS = 0.1  # that measuring takes
# they compute nothing
_FREE = (Kind.INPUT, Kind.FORK, Kind.GATHER, Kind.CONCATENATE, Kind.EMBEDDING)


@dataclass(frozen=True)
class Costs:
    """Of one model.

    layers : {name: operations} of a row forwards; forward their sum.
    training : operations of a row forwards and backwards, None before ``compile``.
    memory : {what: bytes} for steps of ``batch_size`` rows; seconds : of one step as measured, the
        median; None before ``compile``.

    An operation is an addition, a multiplication, or the function of one number: a dense layer of
    k inputs and m outputs takes 2 k m and m for the bias, and backwards 2 k m for its weights and
    as many for its inputs, unless they are the data. Other layers take one for each number, each
    way. The optimizer's own are not counted: they do not depend on the rows.
    """

    layers: dict[str, int]
    training: int | None
    memory: dict[str, int]
    batch_size: int
    seconds: float | None
    backend: str | None

    @property
    def forward(self) -> int:
        return sum(self.layers.values())

    def __str__(self) -> str:
        width = max(map(len, self.layers), default=0)
        lines = [" Operations a row:"]
        lines += [f"   {name:<{width}}  {count:>15,}" for name, count in self.layers.items()]
        both = "" if self.training is None else f", {self.training:,} with the way back"
        lines.append(f" Operations in all: {self.forward:,} forwards{both}")
        sizes = ", ".join(f"{what} {in_bytes(n)}" for what, n in self.memory.items())
        lines.append(f" Memory for {self.batch_size} rows: {sizes}")
        if self.seconds is not None:
            lines.append(f" Time a step of {self.batch_size} rows: {1e6 * self.seconds:.1f} us "
                         f"({self.backend})")
        return "\n".join(lines)


class _Counter(Builder):
    """Notes how many ops there are after each layer."""

    def __init__(self, dtype):
        super().__init__(dtype)
        self.ends: list[tuple[str, int]] = []

    def made(self, layer, value):
        self.ends.append((layer.name, len(self._rows)))
        return value


def costs(model, batch_size: int = 32) -> Costs:
    """The costs of a built model; with those of training if it is compiled.

    >>> import fastnn
    >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3, name="out")])
    >>> costs(model).layers, costs(model).memory
    ({'out': 27}, {'parameters': 60})
    """
    model._require_built()
    counter = _Counter(model.params.dtype)
    counter.head(Kind.OUTPUT, _one(model.lower(counter)))
    ops = counter.plan(model.params.size, model.n_trained).ops
    layers: dict[str, int] = {}
    begin = 0
    for name, end in counter.ends:
        layers[name] = layers.get(name, 0) + sum(map(_forward, ops[begin:end]))
        begin = end
    memory = {"parameters": model.params.nbytes}
    if model._compiled is None or model._compiled["loss"] is None:
        return Costs(layers, None, memory, batch_size, None, None)
    trainer = model.trainer
    plan = trainer.plan
    memory |= {"gradients": trainer.memory.grads.nbytes, "optimizer": trainer.memory.slots.nbytes,
               "workspace": plan.columns * plan.dtype.itemsize * batch_size}
    training = sum(_forward(op) + _backward(op) for op in plan.ops if in_network(op["kind"]))
    return Costs(layers, training, memory, batch_size, _measure(trainer, batch_size),
                 trainer.backend.NAME)


def print_costs(model, print_fn=None) -> None:
    """Print the `costs`; ``print_fn`` gets the whole text in one call."""
    (print_fn or console.write)(f"{costs(model)}\n")


def _one(value):
    return value[0] if isinstance(value, list) else value


def _forward(op) -> int:
    """The operations of an op for one row."""
    kind, k, m = int(op["kind"]), int(op["k"]), int(op["m"])
    if kind in _FREE:
        return 0
    if kind == Kind.DENSE:
        return 2 * k * m + m * (int(op["b"] >= 0) + int(op["formula"] != 0))
    return k


def _backward(op) -> int:
    kind, k, m = int(op["kind"]), int(op["k"]), int(op["m"])
    if op["ddst"] < 0 or kind in _FREE:
        return 0
    if kind == Kind.DENSE:
        products = int(op["trains"] > 0) + int(op["dsrc"] >= 0)
        return 2 * k * m * products + m * (int(op["b"] >= 0) + int(op["formula"] != 0))
    return _forward(op)


def _measure(trainer, n: int) -> float:
    """The median time of a training step on n rows of numbers from 0 to 1, on copies."""
    plan, memory = trainer.plan, trainer.memory
    rng = np.random.default_rng(0)
    X = rng.random((n, plan.n_inputs)).astype(plan.dtype)
    feed = Feed(X, *_targets(trainer, n))
    copies = Memory(memory.params.copy(), memory.grads.copy(), memory.slots.copy())
    steps, times, spent = 1, [], 0.0
    while spent < _SECONDS or len(times) < 3:
        order = np.tile(np.arange(n), (steps, 1))
        scalars = trainer.optimizer.scalars(trainer.optimizer.batches, steps)
        sums = np.zeros((steps, 1 + plan.n_metrics))
        start = perf_counter()
        trainer.backend.train(plan, copies, feed, order, n, scalars, trainer.step, sums, None,
                              config.num_threads())
        seconds = perf_counter() - start
        spent += seconds
        if seconds < _SECONDS / 20:  # too short to be measured well
            steps *= 4
        else:
            times.append(seconds / steps)
    return median(times)


def _targets(trainer, n: int):
    """Zeros in the form of the loss's targets."""
    loss, m, dtype = trainer.loss, trainer.plan.n_outputs, trainer.plan.dtype
    if hasattr(loss, "losses"):  # of several outputs
        dense = [own.y for own in trainer.outputs if own.loss is not None and not own.sparse]
        sparse = [own for own in trainer.outputs if own.loss is not None and own.sparse]
        width = sum(y.stop - y.start for y in dense)
        return (np.zeros((n, width), dtype) if dense else np.empty((0, 0), dtype),
                np.zeros((n, len(sparse)), np.int64) if sparse else np.empty(0, np.int64))
    if loss.sparse:
        return np.empty((0, 0), dtype), np.zeros(n, np.int64)
    return np.zeros((n, m), dtype), np.empty(0, np.int64)
