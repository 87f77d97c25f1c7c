"""A learning rate to begin with: a short training in which the rate grows (Smith 2017)."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np

from fastnn import data
from fastnn.interrupt import Interrupt
from fastnn.training import Batches


@dataclass(frozen=True)
class LearningRates:
    """What `find_learning_rate` saw.

    rates, losses, smoothed : (steps,) arrays: the rate of each step, its batch's loss, and the
        losses' weighted average, which is less noisy.
    suggestion : the rate at which the smoothed loss fell fastest; None if it never fell.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None


def find_learning_rate(model, x, y, batch_size: int = 32, start: float = 1e-6, end: float = 10.0,
                       steps: int = 100, smoothing: float = 0.9, stop_factor: float = 4.0,
                       sample_weight=None) -> LearningRates:
    """Train a copy of a compiled model with a rate that grows from ``start`` to ``end``.

    The rate of step i of n is start (end / start)^(i / (n - 1)). Losses are averaged with weights
    that fall by ``smoothing`` a step, freed of their bias: s_i = b s_(i-1) + (1 - b) loss_i,
    smoothed_i = s_i / (1 - b^(i+1)). It ends early where that is more than ``stop_factor`` times
    its smallest value so far, or not finite. The model itself stays as it is.

    >>> import fastnn
    >>> fastnn.utils.set_random_seed(1)
    >>> model = fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.linspace(-1, 1, 64).reshape(32, 2)
    >>> found = find_learning_rate(model, x, x.sum(axis=1), batch_size=8)
    >>> 0.001 < found.suggestion < 10
    True

    Source: L. N. Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3.
    """
    steps = data.whole_number("steps", steps, 2)
    batch_size = data.whole_number("batch_size", batch_size, 1)
    if not 0 < start < end < math.inf:
        raise ValueError("start and end must be positive rates, the first below the second; "
                         f"received {start!r} and {end!r}.")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be at least 0 and below 1, received {smoothing!r}.")
    probe = copy.deepcopy(model)
    probe.build_for(x)
    trainer = probe.trainer
    feed = trainer.feed(x, y, sample_weight)
    batches = Batches(trainer, feed, batch_size, steps=steps)
    rates, losses, smoothed = np.geomspace(start, end, steps), [], []
    average = 0.0
    batches.each_step = True
    with Interrupt() as interrupt, np.errstate(all="ignore"):
        batches.begin()
        for i, rate in enumerate(rates.tolist()):
            trainer.optimizer.learning_rate = rate
            batches.advance(1)
            losses.append(float(batches.losses[0]))
            average = smoothing * average + (1 - smoothing) * losses[-1]
            smoothed.append(average / (1 - smoothing ** (i + 1)))
            diverges = not smoothed[-1] <= stop_factor * min(smoothed)
            if diverges or interrupt.seen:
                break
    if interrupt.seen:
        raise KeyboardInterrupt
    rates = rates[: len(losses)]
    return LearningRates(rates, np.array(losses), np.array(smoothed),
                         _steepest(rates, smoothed, smoothing))


def _steepest(rates, smoothed, smoothing: float) -> float | None:
    """The rate where the loss falls fastest along the logarithm of the rate, before its minimum.

    The fall at a step is taken over a twentieth of the sweep to both sides, which tells it from the
    noise of the batches, and not where the average has hardly any losses yet.
    """
    values = np.array(smoothed)
    if not np.isfinite(values).any():
        return None
    values = values[: int(np.nanargmin(values)) + 1]
    reach = max(1, len(rates) // 20)
    first = min(round(1 / (1 - smoothing)) - 1, len(values) // 4)
    falls = values[first : -2 * reach] - values[first + 2 * reach :]
    if not len(falls) or not falls.max() > 0:
        return None
    return float(rates[first + reach + int(falls.argmax())])
