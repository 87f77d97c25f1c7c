"""The strategies: random, grid, Bayesian, Hyperband.

>>> [step.epochs for step in schedule(9, 3)[:2]], len(schedule(9, 3))
([1, 1], 23)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import optuna

from fastnn import data
from fastnn.tuner.hyperparameters import HyperParameters
from fastnn.tuner.oracle import Oracle
from fastnn.tuner.trial import TrialStatus


class RandomSearchOracle(Oracle):
    """Values drawn at random, each trial's without regard to the others."""

    def __init__(self, objective=None, max_trials=10, seed=None, **options):
        super().__init__(objective, max_trials, seed=seed, **options)


class BayesianOptimizationOracle(Oracle):
    """Values that promise much after what earlier trials have shown: Optuna's TPE sampler.

    num_initial_points : so many trials are random; by default 10, or fewer of few trials.
    sampler : a function of a seed that makes another one of Optuna's samplers.

    Keras Tuner's ``alpha`` and ``beta`` belong to its Gaussian process; there is none here. For one
    pass ``sampler=lambda seed: optuna.samplers.GPSampler(seed=seed)``, which needs PyTorch.
    """

    guided = True

    def __init__(self, objective=None, max_trials=10, num_initial_points=None, seed=None, *,
                 sampler=None, **options):
        super().__init__(objective, max_trials, seed=seed, **options)
        initial = max(2, min(10, (max_trials or 40) // 4))
        self.num_initial_points = data.whole_number("num_initial_points", num_initial_points, 1,
                                                    default=initial)
        self._sampler = sampler

    def sampler(self, seed):
        if self._sampler is not None:
            return self._sampler(seed)
        return optuna.samplers.TPESampler(n_startup_trials=self.num_initial_points, seed=seed,
                                          constant_liar=False)


class GridSearchOracle(Oracle):
    """All combinations, the values asked for last changing first; defaults come first.

    Combinations are found by building the model (without training it), so what is only asked for by
    `HyperModel.fit` keeps its default, unless it is among the ``hyperparameters`` given.
    """

    def __init__(self, objective=None, max_trials=None, seed=None, **options):
        super().__init__(objective, max_trials, seed=seed, **options)
        self.build = None  # builds the model from a HyperParameters
        self._paths: list[list[tuple]] = []  # of each combination: (label, place, how many)

    def exists(self, number):
        return super().exists(number) and self._path(number) is not None

    def value(self, number, hyperparameter, asked):
        places = {label: place for label, place, _ in self._path(number)}
        grid = hyperparameter.grid
        chosen = grid[places.get(hyperparameter.label, 0)]
        return chosen, optuna.distributions.CategoricalDistribution(grid), chosen

    def _path(self, number: int):
        """The combination of that number; None if there are fewer."""
        while len(self._paths) <= number:
            path = self._walk([]) if not self._paths else self._after(self._paths[-1])
            if path is None:
                return None
            self._paths.append(path)
        return self._paths[number]

    def _after(self, path: list):
        for i in reversed(range(len(path))):
            label, place, count = path[i]
            if place + 1 < count:
                return self._walk([*path[:i], (label, place + 1, count)])
        return None

    def _walk(self, start: list) -> list:
        """The combination that begins so, and goes on with first values."""
        places = {label: place for label, place, _ in start}
        found = []

        def choose(hyperparameter):
            new = self.given.find(hyperparameter.name, hyperparameter.conditions) is None
            if new and not self.tune_new_entries:
                return hyperparameter.default
            grid = hyperparameter.grid
            place = places.get(hyperparameter.label, 0)
            found.append((hyperparameter.label, place, len(grid)))
            return grid[place]

        hp = HyperParameters()
        hp.choose = choose
        for hyperparameter in self.given.space:
            hp.take(hyperparameter)
        if self.build is not None:
            self.build(hp)
        return found


class Step(NamedTuple):
    """A trial of Hyperband: round ``round`` of a bracket, from one epoch to another."""

    bracket: int
    round: int
    rank: int  # it goes on with the trial that was rank-best in the round before
    before: range  # that round's trials
    initial_epoch: int
    epochs: int


def schedule(max_epochs: int, factor: int, iterations: int = 1) -> list[Step]:
    """All trials of Hyperband in the order in which they begin.

    Bracket s has rounds r = 0 .. s of ceil(ceil(1 + log_f R) / (s + 1) f^(s - r)) trials, trained
    until epoch ceil(R / f^(s - r)); R is max_epochs, f the factor. The rounds r of all brackets
    come one after the other, so that hardly anything waits for the round before it.

    Source: Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar, "Hyperband", JMLR 18 (2018),
    algorithm 1, with the sizes that Keras Tuner has.
    """
    brackets = 0
    while max_epochs / factor**brackets >= 1:
        brackets += 1
    last = math.ceil(1 + math.log(max_epochs, factor))
    steps: list[Step] = []
    for _ in range(iterations):
        before = {}
        for r in range(brackets):
            for s in range(brackets - 1, r - 1, -1):
                size = math.ceil(last / (s + 1) * factor ** (s - r))
                first = math.ceil(max_epochs / factor ** (s - r + 1)) if r else 0
                until = math.ceil(max_epochs / factor ** (s - r))
                start = len(steps)
                steps += [Step(s, r, rank, before.get(s, range(0)), first, until)
                          for rank in range(size)]
                before[s] = range(start, len(steps))
    return steps


class HyperbandOracle(Oracle):
    """Many trials of few epochs, of which the best go on: Hyperband.

    max_epochs : of a trial that comes through all rounds.
    factor : by how much each round has fewer trials and more epochs.
    hyperband_iterations : how often all is done.

    The schedule is fixed, and a round begins when the whole one before it has ended (Optuna's
    HyperbandPruner decides while trials run, so its result depends on which of them is faster).
    """

    def __init__(self, objective=None, max_epochs=100, factor=3, hyperband_iterations=1, seed=None,
                 **options):
        self.max_epochs = data.whole_number("max_epochs", max_epochs, 1)
        self.factor = data.whole_number("factor", factor, 2)
        self.hyperband_iterations = data.whole_number("hyperband_iterations",
                                                      hyperband_iterations, 1)
        self.steps = schedule(self.max_epochs, self.factor, self.hyperband_iterations)
        super().__init__(objective, len(self.steps), seed=seed, **options)

    def needs(self, number):
        before = self.steps[number].before
        return before if self.pruner is None else range(max([*before, -1]) + 1)

    def preset(self, number):
        step = self.steps[number]
        values = {}
        if step.before:
            best = self.ranked([self._known[slot] for slot in step.before])[step.rank]
            values = {name: value for name, value in best.hyperparameters.values.items()
                      if not name.startswith("tuner/")}
            if best.status in (TrialStatus.COMPLETED, TrialStatus.PRUNED):
                values["tuner/trial_id"] = best.trial_id
        return values | {"tuner/epochs": step.epochs, "tuner/initial_epoch": step.initial_epoch,
                         "tuner/bracket": step.bracket, "tuner/round": step.round}
