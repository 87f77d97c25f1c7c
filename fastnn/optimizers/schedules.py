"""Learning rates that change while training: Keras's schedules, one-cycle and a warm-up.

A schedule is a function of the number of batches seen. The optimizer asks for many steps at once,
in float64, before it hands a stretch of training to the backend; so a schedule costs nothing there.

>>> from fastnn.optimizers import SGD, schedules
>>> rate = schedules.ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)
>>> rate(0), rate(100), rate(200)
(0.1, 0.05, 0.025)
>>> SGD(rate).learning_rate
0.1
"""

from __future__ import annotations

import math

import numpy as np

from fastnn import registry
from fastnn.optimizers.powers import power
from fastnn.registry import register


class LearningRateSchedule:
    """The base of all schedules (abstract): a subclass says what ``schedule(step)`` is.

    A schedule of your own defines ``__call__(step)`` for a whole number (Python is then asked once
    a step) or, faster, :meth:`rates` for an array of them; and ``get_config``, if models that use
    it are to be saved.
    """

    def __call__(self, step) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step).")

    def rates(self, steps: np.ndarray) -> np.ndarray:
        """The rates at several steps: float64 in, float64 of the same shape out."""
        return np.array([float(self(int(step))) for step in steps])

    def get_config(self) -> dict:
        """The arguments that make an equal schedule."""
        raise NotImplementedError(
            f"{type(self).__name__} must define get_config(self) for its model to be saved.")

    @classmethod
    def from_config(cls, config: dict) -> LearningRateSchedule:
        """The schedule that ``get_config`` described."""
        return cls(**config)


class Formula(LearningRateSchedule):
    """A schedule that is a formula of arrays (abstract): a subclass has ``hyper`` and `rates`."""

    hyper: tuple[str, ...] = ()

    def __call__(self, step):
        """The rate at a step: a float; at an array of steps: an array."""
        steps = np.asarray(step, np.float64)
        rates = self.rates(steps.ravel())  # NumPy rounds powers of numbers otherwise than of arrays
        return rates.reshape(steps.shape) if steps.ndim else float(rates[0])

    def get_config(self) -> dict:
        return {name: getattr(self, name) for name in (*self.hyper, "name")}

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.hyper)
        return f"{type(self).__name__}({settings})"


class _Decay(Formula):
    """A decay in units of ``decay_steps`` steps (abstract); ``staircase``: whole units only."""

    hyper = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase")

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False,
                 name=None):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name or type(self).__name__

    def units(self, steps):
        """How many units of steps have passed."""
        units = steps / self.decay_steps
        return np.floor(units) if self.staircase else units


@register("schedule")
class ExponentialDecay(_Decay):
    """initial_learning_rate decay_rate^(step / decay_steps); ``staircase``: whole powers only."""

    def rates(self, steps):
        return self.initial_learning_rate * power(self.decay_rate, self.units(steps))


@register("schedule")
class PiecewiseConstantDecay(Formula):
    """values[0] up to and at boundaries[0], values[1] up to and at boundaries[1], ...

    >>> rate = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    >>> [rate(step) for step in (0, 10, 11, 20, 21)]
    [1.0, 1.0, 0.5, 0.5, 0.1]
    """

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(f"values must be one more than boundaries, received {len(values)} "
                             f"values for {len(boundaries)} boundaries.")
        if list(boundaries) != sorted(boundaries):
            raise ValueError(f"boundaries must rise, received {boundaries!r}.")
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def rates(self, steps):
        # "left": a boundary belongs to the piece before it, as in Keras
        return np.asarray(self.values, np.float64)[np.searchsorted(self.boundaries, steps, "left")]

    def get_config(self):
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}

    def __repr__(self):
        return f"PiecewiseConstantDecay({self.boundaries!r}, {self.values!r})"


@register("schedule")
class PolynomialDecay(Formula):
    """(initial - end)(1 - step / decay_steps)^power + end, and end_learning_rate from there on.

    With ``cycle`` decay_steps is multiplied whenever it is reached: 1, 2, 3, ... times.
    """

    hyper = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle")

    def __init__(self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0,
                 cycle=False, name="PolynomialDecay"):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def rates(self, steps):
        span = self.decay_steps
        if self.cycle:
            span = span * np.maximum(np.ceil(steps / span), 1)
        done = np.minimum(steps, span) / span
        fall = self.initial_learning_rate - self.end_learning_rate
        left = 1 - done if self.power == 1 else power(1 - done, self.power)
        return fall * left + self.end_learning_rate


@register("schedule")
class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate step / decay_steps); ``staircase`` rounds down."""

    def rates(self, steps):
        return self.initial_learning_rate / (1 + self.decay_rate * self.units(steps))


@register("schedule")
class CosineDecay(Formula):
    """Half a cosine from initial_learning_rate down to alpha times it, over decay_steps.

    With ``warmup_target`` the rate first rises in a line, from initial_learning_rate to the target
    in warmup_steps, and the cosine falls from there. Loshchilov & Hutter 2017, eq. 5.
    """

    hyper = ("initial_learning_rate", "decay_steps", "alpha", "warmup_target", "warmup_steps")

    def __init__(self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay",
                 warmup_target=None, warmup_steps=0):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def rates(self, steps):
        start, top, warm = self.initial_learning_rate, self.warmup_target, self.warmup_steps
        if top is None:
            return start * self._fall(steps)
        # a warm-up of no steps is over before it begins: any divisor will do
        rise = start + (top - start) * (steps / (warm or 1))
        return np.where(steps < warm, rise, top * self._fall(steps - warm))

    def _fall(self, steps):
        done = np.clip(steps / self.decay_steps, 0, 1)
        return (1 - self.alpha) * 0.5 * (1 + np.cos(np.pi * done)) + self.alpha


@register("schedule")
class CosineDecayRestarts(Formula):
    """Cosines one after the other, each t_mul times as long and m_mul times as high as the last.

    The first takes first_decay_steps; alpha is the share of the initial rate that is the floor.
    Loshchilov & Hutter 2017 (SGDR), section 3.
    """

    hyper = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha")

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0,
                 name="SGDRDecay"):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive("first_decay_steps", first_decay_steps)
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def rates(self, steps):
        restarts, done = self._place(steps / self.first_decay_steps)
        cosine = 0.5 * power(self.m_mul, restarts) * (1 + np.cos(np.pi * done))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)

    def _place(self, time):
        """How many cosines are over, and how much of the present one, at ``time`` of first ones."""
        if self.t_mul == 1:
            return np.floor(time), time - np.floor(time)
        ratio = self.t_mul

        def begin(restart):
            return (1 - power(ratio, restart)) / (1 - ratio)

        restarts = np.floor(np.log(1 - time * (1 - ratio)) / math.log(ratio))
        # where a cosine ends, the logarithm's rounding may put the step into the wrong one
        restarts = np.where(time < begin(restarts), restarts - 1, restarts)
        restarts = np.where(time >= begin(restarts + 1), restarts + 1, restarts)
        return restarts, (time - begin(restarts)) / power(ratio, restarts)


@register("schedule")
class OneCycle(Formula):
    """Up from max / div_factor to max_learning_rate and down to next to nothing, in total_steps.

    The rise takes ``warmup_fraction`` of the steps; the end is the beginning / final_div_factor.
    ``anneal`` is "cos" or "linear". Smith & Topin 2018, in the two phases of PyTorch's OneCycleLR.

    >>> rate = OneCycle(1.0, 101, warmup_fraction=0.2, div_factor=10.0, anneal="linear")
    >>> [round(rate(step), 4) for step in (0, 19, 60, 100, 500)]
    [0.1, 0.9906, 0.4951, 0.0, 0.0]
    """

    hyper = ("max_learning_rate", "total_steps", "warmup_fraction", "div_factor",
             "final_div_factor", "anneal")

    def __init__(self, max_learning_rate, total_steps, warmup_fraction=0.3, div_factor=25.0,
                 final_div_factor=1e4, anneal="cos", name="OneCycle"):
        if anneal not in ("cos", "linear"):
            raise ValueError(f'anneal must be "cos" or "linear", received {anneal!r}.')
        if not 0 <= warmup_fraction <= 1:
            raise ValueError(f"warmup_fraction must lie in [0, 1], received {warmup_fraction!r}.")
        self.max_learning_rate = max_learning_rate
        self.total_steps = _positive("total_steps", total_steps)
        self.warmup_fraction = warmup_fraction
        self.div_factor = _positive("div_factor", div_factor)
        self.final_div_factor = _positive("final_div_factor", final_div_factor)
        self.anneal = anneal
        self.name = name

    def rates(self, steps):
        start = self.max_learning_rate / self.div_factor
        # the step at the top: PyTorch counts so that the last of total_steps has the last rate
        top = self.warmup_fraction * self.total_steps - 1
        last = self.total_steps - 1
        up = self._between(start, self.max_learning_rate, steps / max(top, 1))
        down = self._between(self.max_learning_rate, start / self.final_div_factor,
                             (steps - top) / max(last - top, 1))
        return np.where(steps <= top, up, down)

    def _between(self, one, other, done):
        done = np.clip(done, 0, 1)
        if self.anneal == "cos":
            done = 0.5 * (1 - np.cos(np.pi * done))
        return one + (other - one) * done


@register("schedule")
class WarmUp(Formula):
    """A line from initial_learning_rate to the schedule's first rate, then the schedule itself.

    schedule : a number, or a schedule, which begins when the ``warmup_steps`` are over.

    >>> rate = WarmUp(ExponentialDecay(0.1, 100, 0.5), warmup_steps=10)
    >>> rate(0), rate(5), rate(10), rate(110)
    (0.0, 0.05, 0.1, 0.05)
    """

    hyper = ("schedule", "warmup_steps", "initial_learning_rate")

    def __init__(self, schedule, warmup_steps, initial_learning_rate=0.0, name="WarmUp"):
        self.schedule = schedule
        self.warmup_steps = _positive("warmup_steps", warmup_steps)
        self.initial_learning_rate = initial_learning_rate
        self.name = name

    def rates(self, steps):
        after = np.maximum(steps - self.warmup_steps, 0)
        if isinstance(self.schedule, LearningRateSchedule):
            rates = self.schedule.rates(after)
        else:
            rates = np.full(after.shape, float(self.schedule))
        start = self.initial_learning_rate
        rise = start + (rates - start) * (steps / self.warmup_steps)
        return np.where(steps < self.warmup_steps, rise, rates)

    def get_config(self):
        config = super().get_config()
        if isinstance(self.schedule, LearningRateSchedule):
            config["schedule"] = serialize(self.schedule)
        return config

    @classmethod
    def from_config(cls, config):
        inner = config["schedule"]
        inner = deserialize(inner) if isinstance(inner, dict) else inner
        return cls(**config | {"schedule": inner})


def serialize(schedule: LearningRateSchedule) -> dict:
    """``{"class_name": ..., "config": ...}``, which `deserialize` turns back."""
    return registry.serialize(schedule)


def deserialize(config: dict, custom_objects: dict | None = None) -> LearningRateSchedule:
    """The schedule that `serialize` described; custom_objects: {name: class} of your own."""
    if not custom_objects:
        return registry.get("schedule", config)
    with registry.custom_objects(custom_objects):
        return registry.get("schedule", config)


def _positive(name: str, value):
    if not value > 0:
        raise ValueError(f"{name} must be a positive number, received {value!r}.")
    return value
