"""What every optimizer shares: its numbers, its slots, its place in the plan."""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from fastnn import registry
from fastnn.formulas import arguments
from fastnn.optimizers import checks
from fastnn.optimizers.schedules import LearningRateSchedule, deserialize, serialize
from fastnn.plan import Kind


class Optimizer:
    """A rule that moves parameters against their gradients.

    A subclass names its hyperparameters in ``hyper`` and has one or more *rules*: static methods
    ``rule(p, g, *slots, *scalars) -> (p, *slots)``, straight-line formulas of one parameter.
    ``rule`` says which one the hyperparameters ask for, :meth:`scalars` what the formula gets at
    each step. A rule that returns one result more leaves it in the gradient's place, and where
    ``trust`` is set the parameters then follow it, each variable in steps of its own size (Lamb).

    learning_rate : a number, a schedule, or a function without arguments, called once a step.
    weight_decay : p <- p - p weight_decay lr before the rule, for all variables but those of
        :meth:`exclude_from_weight_decay` (decoupled: Loshchilov & Hutter 2019).
    clipnorm, clipvalue, global_clipnorm : bounds on each variable's gradient norm, each gradient
        element, the whole gradient's norm; one of them at most.
    use_ema : keep the average a <- ema_momentum a + (1 - ema_momentum) p of the parameters. It
        takes their place every ``ema_overwrite_frequency`` steps, and when ``fit`` ends.
    loss_scale_factor : gradients given to :meth:`apply` are divided by it; ``fit`` scales nothing.
    gradient_accumulation_steps : update once in so many batches, with their mean gradient. The
        learning rate's schedule counts batches; everything else counts updates.

    Outside a model, :meth:`apply_gradients` moves NumPy arrays.
    """

    hyper: tuple[str, ...] = ("learning_rate",)
    rules: tuple[str, ...] = ()
    trust = False
    _shared = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema",
               "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
               "gradient_accumulation_steps")

    def __init__(self, learning_rate, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None):
        self.name = name or registry.snake_case(type(self).__name__)
        self._learning_rate = None
        self.learning_rate = learning_rate
        self.weight_decay = None if weight_decay is None else checks.number(
            "weight_decay", weight_decay)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(limit is not None for limit in limits.values()) > 1:
            raise ValueError(f"Only one of {', '.join(limits)} can be set, received {limits}.")
        self.clipnorm = checks.positive("clipnorm", clipnorm)
        self.clipvalue = checks.positive("clipvalue", clipvalue)
        self.global_clipnorm = checks.positive("global_clipnorm", global_clipnorm)
        self.use_ema = bool(use_ema)
        self.ema_momentum = checks.number("ema_momentum", ema_momentum, 0.0, 1.0)
        self.ema_overwrite_frequency = checks.count(
            "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.loss_scale_factor = checks.positive("loss_scale_factor", loss_scale_factor)
        self.gradient_accumulation_steps = checks.count(
            "gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self.batches = 0  # whose gradients were seen; ``iterations`` counts the updates
        self._spared: tuple[list, tuple[str, ...]] = ([], ())  # from weight decay
        self._built = False
        self._arrays = None  # those that `apply` moves

    # the learning rate

    @property
    def learning_rate(self) -> float:
        """The next step's rate; may be set while training, and holds from the next step on.

        A TypeError for a number where a schedule decides.
        """
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return float(rate(self.batches))
        return float(rate()) if callable(rate) else rate

    @learning_rate.setter
    def learning_rate(self, value):
        if callable(value):
            self._learning_rate = value
            return
        if isinstance(self._learning_rate, LearningRateSchedule):
            raise TypeError(
                f"The learning rate follows {type(self._learning_rate).__name__} and cannot be "
                f"set to {value!r}. Make the optimizer with a number, or assign a schedule.")
        self._learning_rate = checks.number("learning_rate", value)

    def rates(self, batches: np.ndarray):
        """The learning rate at the batches (float64, from 0): an array, or a number for all."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rates = np.asarray(rate.rates(batches), np.float64)
        elif callable(rate):
            rates = np.array([float(rate()) for _ in batches])
        else:
            return rate
        good = rates >= 0
        if not good.all():
            first = int(np.argmin(good))
            raise ValueError(f"The learning rate of step {int(batches[first])} is {rates[first]}; "
                             "it must be a number from 0 on.")
        return rates

    @property
    def iterations(self) -> int:
        """How many updates were made."""
        return self.batches // (self.gradient_accumulation_steps or 1)

    @iterations.setter
    def iterations(self, value: int):
        self.batches = int(value) * (self.gradient_accumulation_steps or 1)

    # slots and scalars

    @property
    def rule(self) -> str:
        """The name of the formula that the hyperparameters ask for."""
        return self.rules[0]

    @property
    def _formula(self):
        return getattr(type(self), self.rule)

    @property
    def n_slots(self) -> int:
        """How many numbers a parameter are remembered: the rule's, then averages, then sums."""
        return (_n_slots(self._formula) + self.use_ema
                + (self.gradient_accumulation_steps is not None))

    @property
    def n_numbers(self) -> int:
        """How many numbers of its own Keras's optimizer keeps: the learning rate, if it is one."""
        return 0 if callable(self._learning_rate) else 1

    @property
    def average_slot(self) -> int | None:
        """Which slot holds the averages of ``use_ema``; None without."""
        return _n_slots(self._formula) if self.use_ema else None

    def initial_slots(self, n: int, dtype) -> np.ndarray:
        """The slots before the first step, shape (n_slots, n): zeros."""
        return np.zeros((self.n_slots, n), dtype)

    def scalars(self, first: int, steps: int) -> np.ndarray:
        """The numbers of the batches ``first + 1 .. first + steps``: shape (steps, count).

        Float64, one row a batch: the rule's arguments, for which the learning rate's schedule and
        the bias corrections are worked out here, so that the rule itself holds no powers; behind
        them what the ops around the rule need (`_extras`).
        """
        names = self._arguments()
        batches = np.arange(first, first + steps, dtype=np.float64)
        every = self.gradient_accumulation_steps
        t = batches + 1 if every is None else batches // every + 1
        rate = self.rates(batches)
        extras = self._extras(batches, t, rate)
        table = np.empty((steps, len(names) + len(extras)))
        for column, name in enumerate(names):
            table[:, column] = self.scalar(name, t, rate)
        for column, values in enumerate(extras.values(), len(names)):
            table[:, column] = values
        return table

    def scalar(self, name: str, t: np.ndarray, rate):
        """The value of the rule's argument ``name`` at the updates ``t`` (float64, from 1).

        ``rate`` is the learning rate there: an array, or one number for all.
        """
        return rate if name == "learning_rate" else getattr(self, name)

    def _arguments(self) -> tuple[str, ...]:
        """The names of the rule's scalars."""
        return _scalar_names(self._formula)

    def _extras(self, batches, t, rate) -> dict:
        """What the ops around the rule take from the table, by name, in the columns' order."""
        extras = {}
        every, frequency = self.gradient_accumulation_steps, self.ema_overwrite_frequency
        if every is not None:
            extras["applies"] = (batches + 1) % every == 0
        if self.weight_decay:
            extras["decay"] = self.weight_decay * rate
        if self.trust:
            extras["size"] = rate
        if self.use_ema:
            # the first average is the parameters themselves
            extras["average"] = self.ema_momentum * (t > 1)
            extras["overwrites"] = t % frequency == 0 if frequency else 0.0
        return extras

    # into the plan

    def lower(self, builder, variables, n_trained: int) -> None:
        """Append the update of the first ``n_trained`` parameters, and what is around it."""
        self._built = True
        every, first = self.gradient_accumulation_steps, len(self._arguments())
        column = {name: first + i for i, name in enumerate(self._extras(0.0, 1.0, 0.0))}
        gate = column.get("applies", -1)
        if every is not None:
            builder.step(Kind.ACCUMULATE, 0, n_trained, gate, slot=self.n_slots - 1,
                         numbers=(every,))
        if self.clipnorm is not None:
            for variable in variables:
                builder.clip(Kind.CLIP_NORM, variable.offset, variable.size, self.clipnorm, gate)
        elif self.global_clipnorm is not None:
            builder.clip(Kind.CLIP_NORM, 0, n_trained, self.global_clipnorm, gate)
        elif self.clipvalue is not None:
            builder.clip(Kind.CLIP_VALUE, 0, n_trained, self.clipvalue, gate)
        if self.weight_decay:
            for offset, size in self._decayed(variables):
                builder.step(Kind.DECAY, offset, size, column["decay"], gate)
        builder.update(self._code(), n_trained, self.n_slots, first + len(column), gate)
        if self.trust:
            for variable in variables:
                builder.step(Kind.TRUST, variable.offset, variable.size, column["size"], gate)
        if self.use_ema:
            builder.step(Kind.AVERAGE, 0, n_trained, column["average"], slot=self.average_slot)

    def _code(self) -> int:
        owner = next(cls for cls in type(self).__mro__ if "rules" in vars(cls))
        return [row[0] for row in rules()].index(f"{owner.__name__}_{self.rule}")

    # weight decay

    def exclude_from_weight_decay(self, var_list=None, var_names=None) -> None:
        """Spare variables from ``weight_decay``; to be called before training begins.

        var_list : variables of a model (``model.trainable_weights``, or a layer's arrays once it is
            in a built model), or the arrays given to :meth:`apply`.
        var_names : regular expressions; a variable whose name has one of them in it is spared:
            ["bias", "gamma", "beta"].
        """
        if self._built:
            raise ValueError("exclude_from_weight_decay has to be called before training begins.")
        if isinstance(var_names, str):
            raise TypeError(f"var_names must be a list of strings, received {var_names!r}.")
        self._spared = (list(var_list or ()), tuple(var_names or ()))

    def _decays(self, variable) -> bool:
        listed, names = self._spared
        own = place(_array(variable))
        if any(one is variable or (own and place(_array(one)) == own) for one in listed):
            return False
        return not any(re.search(name, getattr(variable, "name", "")) for name in names)

    def _decayed(self, variables) -> list[tuple[int, int]]:
        """(offset, size) of what decays, neighbours taken together."""
        runs: list[tuple[int, int]] = []
        for variable in filter(self._decays, variables):
            if runs and sum(runs[-1]) == variable.offset:
                runs[-1] = (runs[-1][0], runs[-1][1] + variable.size)
            else:
                runs.append((variable.offset, variable.size))
        return runs

    # alone, on arrays

    def apply_gradients(self, grads_and_vars) -> int:
        """Move arrays in place by their gradients: ``zip(grads, params)``; the steps so far.

        >>> import numpy as np
        >>> from fastnn.optimizers import SGD
        >>> w, optimizer = np.array([1.0, 2.0]), SGD(0.5)
        >>> optimizer.apply_gradients([(np.array([1.0, -1.0]), w)])
        1
        >>> w
        array([0.5, 2.5])
        """
        pairs = list(grads_and_vars)
        if pairs:
            self.apply([grad for grad, _ in pairs], [variable for _, variable in pairs])
        return self.batches

    def apply(self, grads, trainable_variables=None) -> None:
        """Move arrays (float32 or float64) in place by their gradients, in the same order.

        The arrays of the first call are the optimizer's own from then on: it keeps slots for each,
        and another array is a ValueError. Without ``trainable_variables`` it is all of them.
        """
        from fastnn.optimizers.alone import Arrays

        if self._arrays is None:
            if trainable_variables is None:
                raise ValueError("The first call of apply needs the arrays too: "
                                 "apply(grads, arrays).")
            self._arrays = Arrays(self, [_array(v) for v in trainable_variables])
        arrays = None if trainable_variables is None else [_array(v) for v in trainable_variables]
        self._arrays.move(list(grads), arrays)

    def finalize_variable_values(self, var_list) -> None:
        """Put the averages of ``use_ema`` in the place of the arrays that `apply` has moved."""
        if self.use_ema and self._arrays is not None:
            self._arrays.overwrite([_array(variable) for variable in var_list])

    # description

    def get_config(self) -> dict:
        """What rebuilds the optimizer, its state apart.

        A learning rate that is a function is kept as the number it gives now, with a warning.
        """
        config = {name: getattr(self, name) for name in (*self.hyper, "name", *self._shared)}
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            config["learning_rate"] = serialize(rate)
        elif callable(rate):
            _warn(f"The learning rate is a function, which cannot be described: it is kept as "
                  f"{config['learning_rate']}. A LearningRateSchedule can.")
        listed, names = self._spared
        if listed:
            _warn("Variables excluded from weight decay by var_list cannot be described. Use "
                  "var_names.")
        return config | ({"var_names": list(names)} if names else {})

    @classmethod
    def from_config(cls, config: dict) -> Optimizer:
        """The optimizer that ``get_config`` described."""
        config = dict(config)
        names = config.pop("var_names", None)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize(config["learning_rate"])
        optimizer = cls(**config)
        if names:
            optimizer.exclude_from_weight_decay(var_names=names)
        return optimizer

    def __getstate__(self) -> dict:
        return vars(self) | {"_arrays": None}  # a copy cannot move the same arrays

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.hyper)
        return f"{type(self).__name__}({settings})"


def rules() -> list[tuple[str, object, int]]:
    """Every update rule as (name, formula, number of slots); its place here is its code."""
    return [
        (f"{cls.__name__}_{rule}", getattr(cls, rule), _n_slots(getattr(cls, rule)))
        for cls in registry.classes("optimizer") for rule in vars(cls).get("rules", ())
    ]


def get(identifier) -> Optimizer:
    """The optimizer for a name (any case), class or instance."""
    return registry.get("optimizer", identifier)


def place(array) -> tuple | None:
    """Where an array's numbers lie: equal for two views of the same ones."""
    if not isinstance(array, np.ndarray):
        return None
    return (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)


def _array(variable):
    """A model's variable as its array; anything else as it is."""
    return getattr(variable, "value", variable)


def _warn(message: str) -> None:
    import warnings

    warnings.warn(message, UserWarning, stacklevel=3)


@cache
def _n_slots(rule) -> int:
    """A rule's slots are the arguments between ``p, g`` and the first that is longer than a letter.

    The letters are the papers': m, v, ...; the scalars have whole words.
    """
    names = arguments(rule)[2:]
    return next((i for i, name in enumerate(names) if len(name) > 1), len(names))


@cache
def _scalar_names(rule) -> tuple[str, ...]:
    return arguments(rule)[2 + _n_slots(rule):]
