"""`HyperParameters`: the values of one trial, and the space of all.

>>> hp = HyperParameters()
>>> hp.Int("units", 8, 128, step=8), hp.Choice("optimizer", ["adam", "sgd"])
(8, 'adam')
>>> with hp.conditional_scope("optimizer", ["sgd"]):
...     hp.Float("momentum", 0.0, 0.9)
>>> hp.values
{'units': 8, 'optimizer': 'adam'}
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext

from fastnn.tuner.kinds import KINDS, Boolean, Choice, Fixed, Float, HyperParameter, Int


class HyperParameters:
    """What ``build(hp)`` asks for its values: each is chosen when it is first asked for.

    ``values``: {name: value} of those that are active. ``space``: all that were asked for, those of
    inactive scopes too. A name is one hyperparameter, under the same conditions, however often it
    is asked for; the definition that came first counts.
    """

    def __init__(self):
        self.values: dict = {}
        self.active_scopes: list = []  # conditions of the scopes that were entered
        self.inactive_scopes: list = []
        self.choose = None  # a function of a HyperParameter; None: its default
        self._space: list[HyperParameter] = []
        self._names: list[str] = []
        self._conditions: list[tuple] = []

    # what a model is built from

    def Choice(self, name, values, ordered=None, default=None, parent_name=None,
               parent_values=None):
        """One of ``values``: numbers (``ordered`` by default), strings or booleans."""
        return self._ask(Choice, name, parent_name, parent_values, values=values, ordered=ordered,
                         default=default)

    def Int(self, name, min_value, max_value, step=None, sampling="linear", default=None,
            parent_name=None, parent_values=None):
        """A whole number, both ends included.

        step : distance of neighbours; their quotient for sampling "log" and "reverse_log".
        """
        return self._ask(Int, name, parent_name, parent_values, min_value=min_value,
                         max_value=max_value, step=step, sampling=sampling, default=default)

    def Float(self, name, min_value, max_value, step=None, sampling="linear", default=None,
              parent_name=None, parent_values=None):
        """A number; step and sampling as for `Int`."""
        return self._ask(Float, name, parent_name, parent_values, min_value=min_value,
                         max_value=max_value, step=step, sampling=sampling, default=default)

    def Boolean(self, name, default=False, parent_name=None, parent_values=None):
        """True or False."""
        return self._ask(Boolean, name, parent_name, parent_values, default=default)

    def Fixed(self, name, value, parent_name=None, parent_values=None):
        """That value, which goes into the records."""
        return self._ask(Fixed, name, parent_name, parent_values, value=value)

    @contextmanager
    def name_scope(self, name):
        """Inside, names begin with ``name/``."""
        self._names.append(str(name))
        try:
            yield
        finally:
            self._names.pop()

    @contextmanager
    def conditional_scope(self, parent_name, parent_values):
        """Inside, hyperparameters are active, and not None, only where the parent has such a value.

        The code inside runs in any case. ValueError for a parent that nobody has asked for.
        """
        parent = self._name(parent_name)
        if not any(known.name == parent for known in self._space):
            raise ValueError(f"conditional_scope: there is no hyperparameter {parent!r} yet. Ask "
                             "for it before the scope.")
        values = list(parent_values) if isinstance(parent_values, (list, tuple, set, range)) else [
            parent_values]
        self._conditions.append((parent, values))
        scopes = self.active_scopes if self._holds(self._conditions) else self.inactive_scopes
        scopes.append(list(self._conditions))
        try:
            yield
        finally:
            self._conditions.pop()

    def get(self, name):
        """The value of an active one: ValueError if it is inactive, KeyError if unknown."""
        name = self._name(name)
        if name in self.values:
            return self.values[name]
        if any(known.name == name for known in self._space):
            raise ValueError(f"The hyperparameter {name!r} is not active.")
        raise KeyError(f"There is no hyperparameter {name!r}.")

    __getitem__ = get

    def __contains__(self, name) -> bool:
        return self._name(name) in self.values

    # the space

    @property
    def space(self) -> list[HyperParameter]:
        return self._space

    def is_active(self, hyperparameter) -> bool:
        """Whether the conditions of one, given itself or by its name, hold."""
        if isinstance(hyperparameter, HyperParameter):
            return self._holds(hyperparameter.conditions)
        return any(self._holds(known.conditions) for known in self._space
                   if known.name == str(hyperparameter))

    def find(self, name: str, conditions) -> HyperParameter | None:
        """The one of that name under those conditions."""
        return next((known for known in self._space
                     if known.name == name and known.conditions == list(conditions)), None)

    def take(self, hyperparameter: HyperParameter):
        """Its value: the one it has, else one that is chosen now; None if it is inactive."""
        known = self.find(hyperparameter.name, hyperparameter.conditions)
        if known is None:
            known = hyperparameter
            self._space.append(known)
        if not self.is_active(known):
            return None
        if known.name not in self.values:
            self.values[known.name] = self.choose(known) if self.choose else known.default
        return self.values[known.name]

    def merge(self, hps, overwrite=True) -> None:
        """Take over the hyperparameters of another object, or of a list, with their defaults."""
        for hyperparameter in getattr(hps, "space", hps):
            known = self.find(hyperparameter.name, hyperparameter.conditions)
            if known is not None and overwrite:
                self._space[self._space.index(known)] = hyperparameter
                self.values.pop(known.name, None)
            self.take(hyperparameter)

    def copy(self) -> HyperParameters:
        """The same space and values."""
        return HyperParameters.from_config(self.get_config())

    def get_config(self) -> dict:
        return {"space": [{"class_name": type(known).__name__, "config": known.get_config()}
                          for known in self._space], "values": dict(self.values)}

    @classmethod
    def from_config(cls, config: dict) -> HyperParameters:
        made = cls()
        made._space = [KINDS[known["class_name"]].from_config(known["config"])
                       for known in config["space"]]
        made.values = dict(config["values"])
        return made

    def __repr__(self) -> str:
        return f"<HyperParameters {self.values}>"

    def _ask(self, kind, name, parent_name, parent_values, **arguments):
        within = nullcontext() if parent_name is None else self.conditional_scope(
            parent_name, parent_values)
        with within:
            return self.take(kind(self._name(name), conditions=self._conditions, **arguments))

    def _name(self, name) -> str:
        return "/".join([*self._names, str(name)])

    def _holds(self, conditions) -> bool:
        return all(parent in self.values and self.values[parent] in values
                   for parent, values in conditions)
