"""The compiled gradient against finite differences of the loss, in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn.layers.core import InputLayer
from fastnn.understanding.probe import Probe

STEP = 1e-5  # of a difference, relative to a weight above 1: errors of about 1e-10 to both sides
# what a gradient may differ by: roundings of the type, through a few layers
TOLERANCES = {"float64": 1e-6, "float32": 2e-3}


@dataclass(frozen=True)
class ArrayCheck:
    """What was found of one array of weights.

    checked, kinks : how many of its numbers were compared, and how many left aside because the loss
        has a kink there, as ReLU has at 0.
    error : |g - d| / (|g| + |d|) of the compiled gradient g and the differences d, as vectors, 0
        where both are next to nothing.
    worst : (index, g, d) where they differ most.
    """

    name: str
    shape: tuple
    checked: int
    kinks: int
    error: float
    worst: tuple


@dataclass(frozen=True)
class GradientCheck:
    """The comparison for all arrays: ``ok``, ``arrays``, and a table as its text."""

    arrays: list[ArrayCheck]
    loss: float
    dtype: str
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether no array's error is above the tolerance."""
        return all(array.error <= self.tolerance for array in self.arrays)

    def __str__(self) -> str:
        lines = [f"Gradient check in {self.dtype}: loss {self.loss:.6g}, errors up to "
                 f"{self.tolerance:g} are rounding"]
        width = max([len(array.name) for array in self.arrays], default=0)
        for a in self.arrays:
            mark = "ok   " if a.error <= self.tolerance else "WRONG"
            kinks = f", {a.kinks} at a kink" if a.kinks else ""
            lines.append(f"  {mark} {a.name:<{width}}  error {a.error:.1e}  "
                         f"({a.checked} of {int(np.prod(a.shape))} numbers{kinks})")
            if a.error > self.tolerance:
                index, g, d = a.worst
                place = ", ".join(map(str, index))
                lines.append(f"        at [{place}] compiled {g:.6g}, by differences {d:.6g}")
        return "\n".join(lines)

    __repr__ = __str__


def check(model, feed, samples: int, training: bool) -> GradientCheck:
    """Compare the gradient of each trained array at up to ``samples`` of its numbers."""
    trainer = model.trainer
    loss, gradient = Probe(trainer, training).gradient(feed)
    exact = Probe(trainer, training, dtype="float64")
    exact.whole = True
    rows = exact.rows(feed, slice(0, len(feed.X)))
    dtype = trainer.plan.dtype.name
    rng = np.random.default_rng(0)
    arrays = []
    for layer in layers_of(model):
        for variable in layer.trainable_weights:
            places = np.sort(rng.permutation(variable.size)[:samples])
            found = [_slope(exact, rows, variable.offset + i) for i in places.tolist()]
            g = gradient[variable.offset + places]
            arrays.append(_compare(f"{layer.name}/{variable.name}", variable.shape, places, g,
                                   np.array(found)))
    return GradientCheck(arrays, loss, dtype, TOLERANCES[dtype])


def layers_of(model) -> list:
    """The layers, inputs apart; those of models among them in their place."""
    found = getattr(model, "leaves", model.layers)
    return [layer for layer in found if not isinstance(layer, InputLayer)]


def branches(model) -> bool:
    """Whether the layers are more than a row of them."""
    return bool(getattr(model, "connections", dict)())


def _slope(probe: Probe, rows, i: int) -> tuple[float, bool]:
    """The central difference of the loss in parameter i, and whether there is a kink."""
    p = probe.params
    old = p[i]
    step = STEP * max(1.0, abs(old))
    losses = []
    for value in (old - step, old - step / 2, old, old + step / 2, old + step):
        p[i] = value
        losses.append(probe.loss(rows))
    p[i] = old
    slopes = np.diff(losses) / (step / 2)
    central = (losses[4] - losses[0]) / (2 * step)
    # a smooth loss has slopes that change evenly; at a kink one of them jumps
    turns = np.abs(np.diff(slopes))
    noise = 1e-8 + 1e-12 * abs(losses[2]) / step
    smooth = turns.max() <= noise + 4 * np.median(turns) or turns.max() < 1e-4 * abs(central)
    return central, not smooth


def _compare(name, shape, places, g, found) -> ArrayCheck:
    d, kinks = found[:, 0], found[:, 1] > 0
    keep = ~kinks if not kinks.all() else np.zeros_like(kinks)
    g, d, places = g[keep], d[keep], places[keep]
    size = np.linalg.norm(g) + np.linalg.norm(d)
    error = float(np.linalg.norm(g - d) / size) if size > 1e-7 else 0.0
    if not np.isfinite(size):
        error = float("inf")
    at = int(np.abs(g - d).argmax()) if len(g) else 0
    worst = ((tuple(int(j) for j in np.unravel_index(places[at], shape)), float(g[at]),
              float(d[at])) if len(g) else ())
    return ArrayCheck(name, shape, len(g), int(kinks.sum()), error, worst)
