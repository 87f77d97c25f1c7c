"""The numbers of one step on one row, in float64: forwards, the loss, the chain rule, the update.

Everything is computed from the definitions, layer by layer, apart from the new weights: those are
what the compiled backend and the optimizer make of the step, on copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastnn import activations, config, losses
from fastnn.activations import Activation
from fastnn.backends import Memory
from fastnn.layers.core import Dense, Flatten, Reshape
from fastnn.understanding.checking import branches, layers_of
from fastnn.understanding.probe import Probe


@dataclass(slots=True)
class Stage:
    """A dense layer at work on the row; ``slope`` is do/dz, None for a softmax."""

    layer: Dense
    activation: Activation
    x: np.ndarray  # (k,) what comes in
    W: np.ndarray  # (k, m)
    b: np.ndarray | None
    z: np.ndarray  # (m,) x @ W + b
    o: np.ndarray  # (m,) the activation of z
    slope: np.ndarray | None
    do: np.ndarray | None = None  # dL/do
    dz: np.ndarray | None = None  # dL/dz

    @property
    def linear(self) -> bool:
        return type(self.activation) is activations.Linear

    @property
    def dW(self) -> np.ndarray:
        return np.outer(self.x, self.dz)


@dataclass(frozen=True, slots=True)
class Chain:
    """A step: the stages, the row's target (m,), its loss, and vectors in ``params``'s layout.

    penalized : dL/dp with the penalties; new : the parameters after the step.
    """

    stages: list[Stage]
    t: np.ndarray
    loss: float
    old: np.ndarray
    new: np.ndarray
    penalized: np.ndarray


def require_row(model) -> None:
    """A ValueError for a model whose layers branch."""
    if branches(model):
        raise ValueError("explain_step follows layers in a row; the layers of the model "
                         f"{model.name!r} branch.")


def compute(model, feed) -> Chain:
    """The chain of the feed's only row."""
    trainer = model.trainer
    stages = _forward(model, feed.X[0].astype(np.float64))
    last = stages[-1]
    m = len(last.o)
    loss = trainer.loss
    T = losses.one_hot(feed.labels, m, np.dtype("float64")) if loss.sparse else feed.T
    t = T[0].astype(np.float64)
    value = _backward(stages, loss, t)
    _, penalized = Probe(trainer, dtype="float64").gradient(feed)
    old, new = _step(trainer, feed)
    return Chain(stages, t, value, old, new, penalized)


def _forward(model, x) -> list[Stage]:
    stages: list[Stage] = []
    for layer in layers_of(model):
        activation = getattr(layer, "activation", None)
        if isinstance(layer, Dense):
            W = layer.kernel.astype(np.float64)
            b = None if layer.bias is None else layer.bias.astype(np.float64)
            z = x @ W if b is None else x @ W + b
            stages.append(Stage(layer, activation, x, W, b, z, z, None))
        elif (isinstance(activation, Activation) and not layer.weights and stages
              and stages[-1].linear):
            stages[-1].activation = activation
        elif not isinstance(layer, (Flatten, Reshape)):
            raise ValueError(
                "explain_step follows networks of Dense layers and their activations; the layer "
                f"{layer.name!r} is a {type(layer).__name__}.")
        if stages:
            x = _activate(stages[-1])
    if not stages:
        raise ValueError(f"The model {model.name!r} has no Dense layer whose step to explain.")
    return stages


def _activate(stage: Stage) -> np.ndarray:
    function = stage.activation
    stage.o = np.asarray(function(stage.z))
    stage.slope = function.derivative(stage.z) if function.elementwise else None
    return stage.o


def _backward(stages: list[Stage], loss, t) -> float:
    """Fill in the derivatives; the loss of the row."""
    last = stages[-1]
    value = _loss(last, loss, t)
    for stage, after in zip(stages[-2::-1], stages[:0:-1], strict=True):
        if stage.slope is None:
            raise ValueError(f"explain_step knows activations of single numbers inside a network; "
                             f"{stage.layer.name!r} has {stage.activation!r}.")
        stage.do = after.W @ after.dz
        stage.dz = stage.do * stage.slope
    return value


def _loss(last: Stage, loss, t) -> float:
    softmax = type(last.activation) is activations.Softmax
    logits = getattr(loss, "from_logits", False)
    plain = type(loss) in (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy)
    if plain and (softmax != logits):
        t = losses.smooth(t[None], loss.label_smoothing)
        value, dz, _ = losses.softmax_loss(t, last.z[None])
        last.dz = dz[0]
        return float(value[0])
    if not isinstance(loss, losses.ElementwiseLoss) or last.slope is None:
        raise ValueError(
            "explain_step knows losses of single outputs, such as 'mse' and 'binary_crossentropy', "
            f"and cross-entropy behind a softmax; the model has {loss!r} behind "
            f"{last.activation!r}.")
    numbers, scale = loss.values(), loss.scale((len(t),))
    linked = loss.link is not None and type(last.activation) is type(activations.get(loss.link))
    with np.errstate(all="ignore"):
        if linked and hasattr(loss, "link_gradient"):  # never saturates
            last.dz = scale * loss.link_gradient(t, last.z, *numbers)
            last.do = last.dz / last.slope
            return float(scale * loss.link_value(t, last.z, *numbers).sum())
        value, gradient = ((loss.link_value, loss.link_gradient) if logits else
                           (loss.value, loss.gradient))
        last.do = scale * gradient(t, last.o, *numbers)
        last.dz = last.do * last.slope
        return float(scale * np.sum(value(t, last.o, *numbers)))


def _step(trainer, feed) -> tuple[np.ndarray, np.ndarray]:
    """The parameters before and after the next training step on the row, in float64."""
    memory = trainer.memory
    old = memory.params.astype(np.float64)
    copies = Memory(old.copy(), np.zeros(len(memory.grads)), memory.slots.astype(np.float64))
    plan = replace(trainer.plan, dtype=np.dtype("float64"))
    rows = Probe(trainer, dtype="float64").rows(feed, slice(0, 1))
    trainer.backend.train(plan, copies, rows, np.zeros((1, 1), np.int64), 1,
                          trainer.optimizer.scalars(trainer.optimizer.batches, 1), trainer.step,
                          np.zeros((1, 1 + plan.n_metrics)), None, config.num_threads())
    return old, copies.params
