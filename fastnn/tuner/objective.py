"""What a search makes small or large.

>>> print(objective_of("val_accuracy"))
Objective(name="val_accuracy", direction="max")
>>> objective_of(["val_loss", "val_accuracy"]).get_value({"val_loss": 0.5, "val_accuracy": 0.75})
-0.25
"""

from __future__ import annotations

import re

from fastnn import metrics


class Objective:
    """A metric's name as it is in the logs, and whether it should be "min" or "max"."""

    def __init__(self, name: str, direction: str):
        if direction not in ("min", "max"):
            raise ValueError(f"direction must be 'min' or 'max', received {direction!r}.")
        self.name, self.direction = str(name), direction

    @property
    def parts(self) -> list[Objective]:
        """The single objectives."""
        return [self]

    def has_value(self, logs: dict) -> bool:
        return all(part.name in logs for part in self.parts)

    def get_value(self, logs: dict) -> float:
        """The score of logs."""
        return logs[self.name]

    def better_than(self, a: float, b: float) -> bool:
        """Whether score a is better than score b; a number is better than NaN."""
        if b != b:
            return a == a
        return a > b if self.direction == "max" else a < b

    def __eq__(self, other) -> bool:
        return str(self) == str(other)

    __hash__ = None

    def __str__(self) -> str:
        return f'Objective(name="{self.name}", direction="{self.direction}")'

    __repr__ = __str__


class DefaultObjective(Objective):
    """What `run_trial` or `HyperModel.fit` return as one number, to be made small."""

    def __init__(self):
        super().__init__("default_objective", "min")


class MultiObjective(Objective):
    """Several: the score is the sum of those to be made small, less the sum of the others.

    Optuna knows them one by one.
    """

    def __init__(self, objectives):
        super().__init__("multi_objective", "min")
        self._parts = list(objectives)

    @property
    def parts(self):
        return self._parts

    def get_value(self, logs):
        return sum(logs[part.name] if part.direction == "min" else -logs[part.name]
                   for part in self._parts)

    def __str__(self):
        return f"Multi{super().__str__()}: [{', '.join(map(str, self._parts))}]"

    __repr__ = __str__


def objective_of(given) -> Objective:
    """An objective, a metric's name whose direction is known, or a list of them; None: any.

    ValueError for a name of unknown direction.
    """
    if given is None:
        return DefaultObjective()
    if isinstance(given, Objective):
        return given
    if isinstance(given, (list, tuple)):
        return MultiObjective([objective_of(part) for part in given])
    if not isinstance(given, str):
        raise TypeError("objective must be a metric's name, an Objective or a list of them, "
                        f"received {given!r}.")
    direction = direction_of(given)
    if direction is None:
        raise ValueError(f"Should {given!r} be small or large? Say it by "
                         f"Objective({given!r}, direction='min') or 'max'.")
    return Objective(given, direction)


def direction_of(name: str) -> str | None:
    """Where a metric of the logs is to go, "min" or "max"; None if that is not known.

    >>> [direction_of(name) for name in ("val_auc_1", "loss", "weighted_mse", "my_own")]
    ['max', 'min', 'min', None]
    """
    bare = re.sub(r"_\d+$", "", name.removeprefix("val_").removeprefix("weighted_"))
    if bare == "loss":
        return "min"
    for known in (name.removeprefix("val_"), bare):
        try:
            return {"up": "max", "down": "min"}.get(metrics.get(known).direction)
        except (ValueError, TypeError):  # no metric's name, or one that needs arguments
            continue
    return None
