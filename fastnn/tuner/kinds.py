"""The kinds of hyperparameters: what values there are, and how Optuna is asked for one.

>>> Int("units", 8, 32, step=8).grid
[8, 16, 24, 32]
>>> Float("rate", 0.001, 1, step=10, sampling="log").grid
[0.001, 0.01, 0.1, 1.0]
"""

from __future__ import annotations

import math

SAMPLINGS = ("linear", "log", "reverse_log")


class HyperParameter:
    """One dimension of a search space (abstract).

    name : with the name scopes in front, as in "encoder/units".
    default : the value where none is chosen.
    conditions : of its conditional scopes, pairs (name of the parent, values that make it active).
    """

    def __init__(self, name: str, default=None, conditions=()):
        self.name = str(name)
        self._default = default
        self.conditions = [(str(parent), list(values)) for parent, values in conditions]

    @property
    def default(self):
        return self._default

    @property
    def values(self) -> list:
        """The values in order; ten of them where there is no end of values between."""
        raise NotImplementedError

    @property
    def grid(self) -> list:
        """The values that GridSearch takes, the default first."""
        values = list(self.values)
        if self.default not in values:
            return values
        return [self.default, *(value for value in values if value != self.default)]

    def ask(self, trial):
        """A value from Optuna's trial; what Optuna calls it is `label`."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """The name, with the conditions: under others it is another dimension."""
        conditions = "; ".join(f"{parent} in {values}" for parent, values in self.conditions)
        return f"{self.name} [{conditions}]" if conditions else self.name

    def get_config(self) -> dict:
        conditions = [{"class_name": "Parent", "config": {"name": name, "values": values}}
                      for name, values in self.conditions]
        return {"name": self.name, "default": self._default, "conditions": conditions}

    @classmethod
    def from_config(cls, config: dict):
        parents = [condition["config"] for condition in config["conditions"]]
        return cls(**config | {"conditions": [(p["name"], p["values"]) for p in parents]})

    def __repr__(self) -> str:
        config = self.get_config()
        del config["conditions"]
        return f"{type(self).__name__}({', '.join(f'{k}: {v!r}' for k, v in config.items())})"

    def __eq__(self, other) -> bool:
        return type(self) is type(other) and self.get_config() == other.get_config()

    __hash__ = None

    def _error(self, words: str) -> ValueError:
        return ValueError(f"hp.{type(self).__name__}({self.name!r}): {words}")


class Choice(HyperParameter):
    """One of several values of one type: numbers, strings or booleans.

    ordered : whether values beside each other are alike; by default so for numbers.
    """

    def __init__(self, name, values, ordered=None, default=None, conditions=()):
        super().__init__(name, default, conditions)
        values = list(values)
        kinds = {type(value) for value in values}
        if len(kinds) != 1 or not isinstance(values[0], (int, float, str)):
            raise TypeError(f"hp.Choice({self.name!r}): values must be at least one number, string "
                            f"or boolean, all of one type; received {values!r:.200}.")
        numeric = isinstance(values[0], (int, float)) and not isinstance(values[0], bool)
        if ordered and not numeric:
            raise self._error(f"only numbers can be ordered, received {values!r:.200}.")
        if default is not None and default not in values:
            raise self._error(f"the default must be one of {values!r:.200}, received {default!r}.")
        self._values = values
        self.ordered = numeric if ordered is None else bool(ordered)
        self._default = values[0] if default is None else default

    @property
    def values(self):
        return self._values

    def ask(self, trial):
        if self.ordered and len(self._values) > 1:
            return self._values[trial.suggest_int(self.label, 0, len(self._values) - 1)]
        return trial.suggest_categorical(self.label, self._values)

    def get_config(self):
        return super().get_config() | {"values": self._values, "ordered": self.ordered}


class Boolean(HyperParameter):
    """False or True."""

    def __init__(self, name, default=False, conditions=()):
        super().__init__(name, default, conditions)
        if default not in (True, False):
            raise self._error(f"the default must be True or False, received {default!r}.")

    @property
    def values(self):
        return [True, False]

    def ask(self, trial):
        return trial.suggest_categorical(self.label, [False, True])


class Fixed(HyperParameter):
    """One value, of any type that JSON has."""

    def __init__(self, name, value, conditions=()):
        super().__init__(name, value, conditions)
        self.value = value

    @property
    def values(self):
        return [self.value]

    def ask(self, trial):
        return self.value

    def get_config(self):
        config = super().get_config()
        del config["default"]
        return config | {"value": self.value}


class Numerical(HyperParameter):
    """A number from ``min_value`` to ``max_value``, both of them included (abstract).

    step : the distance of neighbours, or their quotient where the sampling is not linear.
    sampling : "linear": every value is as likely; "log": every order of magnitude; "reverse_log":
        the same seen from the upper end.
    """

    def __init__(self, name, min_value, max_value, step=None, sampling="linear", default=None,
                 conditions=()):
        super().__init__(name, default, conditions)
        self.min_value, self.max_value, self.step = min_value, max_value, step
        self.sampling = "linear" if sampling is None else str(sampling).lower()
        if self.sampling not in SAMPLINGS:
            raise self._error(f"sampling must be one of {', '.join(SAMPLINGS)}; received "
                              f"{sampling!r}.")
        if not min_value <= max_value:
            raise self._error(f"min_value must not lie above max_value, received {min_value!r} "
                              f"and {max_value!r}.")
        if self.sampling != "linear" and min_value <= 0:
            raise self._error(f"sampling={self.sampling!r} needs a min_value above 0, received "
                              f"{min_value!r}.")
        least = 0 if self.sampling == "linear" else 1
        if step is not None and not step > least:
            raise self._error(f"step must be above {least} where the sampling is "
                              f"{self.sampling}, received {step!r}.")

    @property
    def default(self):
        return self.min_value if self._default is None else self._default

    @property
    def values(self):
        if self.step is not None:
            return [self._at(i) for i in range(self._count)]
        return list(dict.fromkeys(self._between(i / 10 + 0.05) for i in range(10)))

    @property
    def _count(self) -> int:
        """How many steps there are; a little rounding must not lose the last."""
        if self.sampling == "linear":
            return int((self.max_value - self.min_value) / self.step + 1e-8) + 1
        return int(math.log(self.max_value / self.min_value, self.step) + 1e-8) + 1

    def _at(self, i: int):
        """The value at the i-th step."""
        if self.sampling == "linear":
            return self._number(self.min_value + i * self.step)
        return self._turned(self.min_value * self.step**i)

    def _between(self, share: float):
        """The value below which a share of all samples lies."""
        if self.sampling == "linear":
            return self._number(self.min_value + share * (self.max_value - self.min_value))
        ratio = self.max_value / self.min_value
        if self.sampling == "reverse_log":
            share = 1 - share
        return self._turned(self.min_value * ratio**share)

    def _turned(self, value):
        """A value of "log" as one of the sampling: "reverse_log" is its mirror image."""
        if self.sampling == "reverse_log":
            value = self.max_value + self.min_value - value
        return self._number(value)

    def _number(self, value):
        raise NotImplementedError

    def ask(self, trial):
        if self.step is not None and (self.sampling != "linear" or type(self) is Float):
            return self._at(trial.suggest_int(self.label, 0, self._count - 1))
        return self._turned(self._suggest(trial))

    def _suggest(self, trial):
        raise NotImplementedError

    def get_config(self):
        return super().get_config() | {"min_value": self.min_value, "max_value": self.max_value,
                                       "step": self.step, "sampling": self.sampling}


class Int(Numerical):
    """A whole number."""

    def __init__(self, name, min_value, max_value, step=None, sampling="linear", default=None,
                 conditions=()):
        for argument, value in (("min_value", min_value), ("max_value", max_value),
                                ("step", step), ("default", default)):
            if value is not None and int(value) != value:
                raise ValueError(f"hp.Int({name!r}): {argument} must be a whole number, received "
                                 f"{value!r}.")
        step = 1 if step is None and sampling in (None, "linear") else step
        super().__init__(name, int(min_value), int(max_value), step and int(step), sampling,
                         default, conditions)

    def _number(self, value):
        return int(value + 1e-8)  # what steps are multiplied to may fall short of a whole number

    def _suggest(self, trial):
        if self.sampling == "linear":
            last = self.min_value + (self._count - 1) * self.step
            return trial.suggest_int(self.label, self.min_value, last, step=self.step)
        return trial.suggest_int(self.label, self.min_value, self.max_value, log=True)


class Float(Numerical):
    """A number."""

    def __init__(self, name, min_value, max_value, step=None, sampling="linear", default=None,
                 conditions=()):
        super().__init__(name, float(min_value), float(max_value),
                         None if step is None else float(step), sampling,
                         float(min_value if default is None else default), conditions)

    def _number(self, value):
        return float(value)

    def _suggest(self, trial):
        return trial.suggest_float(self.label, self.min_value, self.max_value,
                                   log=self.sampling != "linear")


KINDS = {kind.__name__: kind for kind in (Choice, Boolean, Fixed, Int, Float)}
