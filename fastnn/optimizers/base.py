"""What every optimizer shares: its numbers, its slots, its place in the plan."""

from __future__ import annotations

import math

import numpy as np

from fastnn import registry
from fastnn.formulas import arguments
from fastnn.plan import Kind


class Optimizer:
    """A rule that moves parameters against their gradients.

    A subclass names its hyperparameters in ``hyper`` and has one or more *rules*: static methods
    ``rule(p, g, *slots, *scalars) -> (p, *slots)``, straight-line formulas of one parameter.
    ``rule`` says which one the hyperparameters ask for, :meth:`scalars` what the formula gets at
    each step.

    clipnorm, clipvalue, global_clipnorm : bounds on each variable's gradient norm, each gradient
        element, the whole gradient's norm. At most one applies, in Keras's order: clipnorm, else
        global_clipnorm, else clipvalue.
    """

    hyper: tuple[str, ...] = ("learning_rate",)
    rules: tuple[str, ...] = ()

    def __init__(self, learning_rate, name=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None):
        self.name = name or registry.snake_case(type(self).__name__)
        self.learning_rate = learning_rate
        self.clipnorm = _positive("clipnorm", clipnorm)
        self.clipvalue = _positive("clipvalue", clipvalue)
        self.global_clipnorm = _positive("global_clipnorm", global_clipnorm)
        self.iterations = 0

    @property
    def learning_rate(self) -> float:
        """The step's size; may be set while training, and holds from the next step on."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self._learning_rate = _number("learning_rate", value, 0.0, math.inf)

    @property
    def rule(self) -> str:
        """The name of the formula that the hyperparameters ask for."""
        return self.rules[0]

    @property
    def n_slots(self) -> int:
        """How many numbers a parameter the rule remembers."""
        return _n_slots(getattr(type(self), self.rule))

    def initial_slots(self, n: int, dtype) -> np.ndarray:
        """The slots before the first step, shape (n_slots, n): zeros."""
        return np.zeros((self.n_slots, n), dtype)

    def scalars(self, first: int, steps: int) -> np.ndarray:
        """The rule's scalars for the steps ``first + 1 .. first + steps``: shape (steps, count).

        Float64, one row a step: the learning rate's schedule and the bias corrections are here, so
        that the rule itself holds no powers.
        """
        names = arguments(getattr(type(self), self.rule))[2 + self.n_slots:]
        table = np.empty((steps, len(names)))
        t = np.arange(first + 1, first + steps + 1, dtype=np.float64)
        for column, name in enumerate(names):
            table[:, column] = self.scalar(name, t)
        return table

    def scalar(self, name: str, t: np.ndarray):
        """The value of the rule's argument ``name`` at the steps ``t`` (float64, from 1)."""
        return getattr(self, name)

    def lower(self, builder, variables, n_trained: int) -> None:
        """Append clipping and the update of the first ``n_trained`` parameters to the plan."""
        if self.clipnorm is not None:
            for variable in variables:
                builder.clip(Kind.CLIP_NORM, variable.offset, variable.size, self.clipnorm)
        elif self.global_clipnorm is not None:
            builder.clip(Kind.CLIP_NORM, 0, n_trained, self.global_clipnorm)
        elif self.clipvalue is not None:
            builder.clip(Kind.CLIP_VALUE, 0, n_trained, self.clipvalue)
        rule = [row[0] for row in rules()].index(f"{type(self).__name__}_{self.rule}")
        builder.update(rule, n_trained, self.n_slots, len(self.scalars(0, 1)[0]))

    def get_config(self) -> dict:
        """What rebuilds the optimizer, its state apart."""
        names = (*self.hyper, "name", "clipnorm", "clipvalue", "global_clipnorm")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict) -> Optimizer:
        """The optimizer that ``get_config`` described."""
        return cls(**config)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.hyper)
        return f"{type(self).__name__}({settings})"


def rules() -> list[tuple[str, object, int]]:
    """Every update rule as (name, formula, number of slots); its place here is its code."""
    return [
        (f"{cls.__name__}_{rule}", getattr(cls, rule), _n_slots(getattr(cls, rule)))
        for cls in registry.classes("optimizer") for rule in cls.rules
    ]


def get(identifier) -> Optimizer:
    """The optimizer for a name (any case), class or instance."""
    return registry.get("optimizer", identifier)


def _n_slots(rule) -> int:
    """A rule's slots are the arguments between ``p, g`` and the first that is longer than a letter.

    The letters are the papers': m, v, ...; the scalars have whole words.
    """
    names = arguments(rule)[2:]
    return next((i for i, name in enumerate(names) if len(name) > 1), len(names))


def _number(name: str, value, low: float, high: float, *, open_high: bool = False) -> float:
    number = float(value)
    if not (low <= number < high if open_high or math.isinf(high) else low <= number <= high):
        raise ValueError(f"{name} must lie in [{low}, {high}{')' if open_high else ']'}, "
                         f"received {value!r}.")
    return number


def _positive(name: str, value) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise ValueError(f"{name} must be a positive number or None, received {value!r}.")
    return None if value is None else float(value)
