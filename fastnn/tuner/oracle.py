"""An oracle says which values the trials get, and keeps what has come of them.

**The same result for any number of workers.** Trial n is proposed from two things alone: the seed,
from which its own is derived, and the results of a fixed set of earlier trials, those that it
``needs``: for random search and grids none, for Hyperband the round before, for Bayesian search and
wherever a pruner compares trials, all before trial n - ``parallel_trials`` + 1. It does not start
before these have ended, and never sees another one's results, even where they are there already.
So as many as ``parallel_trials`` run at the same time. Optuna's samplers and pruners see a study in
memory that holds just these trials.
"""

from __future__ import annotations

import threading

import optuna
from optuna.trial import TrialState, create_trial

from fastnn import data, random
from fastnn.tuner.hyperparameters import HyperParameters
from fastnn.tuner.ledger import STATE, Ledger
from fastnn.tuner.objective import objective_of
from fastnn.tuner.trial import Trial, TrialStatus


class Oracle:
    """Which values the trials get (abstract).

    objective : a metric's name, an `Objective`, or a list of them.
    max_trials : how many; None: until there are no more.
    hyperparameters : a `HyperParameters` of ranges that replace those of the model.
    allow_new_entries : whether the model may ask for others; tune_new_entries : whether these are
        chosen, else they have their defaults.
    max_retries_per_trial : how often a trial that ends with an error is tried again.
    max_consecutive_failed_trials : so many in a row end the search.
    seed : decides everything; None draws one, which the study keeps.
    pruner : of Optuna, or "median": compares a trial with others after every epoch.
    parallel_trials : see above.
    """

    guided = False  # whether results of earlier trials matter to all that follow

    def __init__(self, objective=None, max_trials=None, hyperparameters=None,
                 allow_new_entries=True, tune_new_entries=True, seed=None,
                 max_retries_per_trial=0, max_consecutive_failed_trials=3, *, pruner=None,
                 parallel_trials=8):
        self.objective = objective_of(objective)
        self.max_trials = data.whole_number("max_trials", max_trials, 1, default=None)
        self.allow_new_entries, self.tune_new_entries = allow_new_entries, tune_new_entries
        self.max_retries_per_trial = max_retries_per_trial
        self.max_consecutive_failed_trials = max_consecutive_failed_trials
        self.seed_was_drawn = seed is None
        self.seed = random.next_seed() if seed is None else seed
        self.parallel_trials = data.whole_number("parallel_trials", parallel_trials, 1)
        self.pruner = optuna.pruners.MedianPruner() if pruner == "median" else pruner
        if self.pruner is not None and len(self.objective.parts) > 1:
            raise ValueError("A pruner compares one number, but there are several objectives.")
        self.given = HyperParameters() if hyperparameters is None else hyperparameters.copy()
        self.hyperparameters = self.given.copy()
        self.ledger: Ledger | None = None
        self.study: optuna.Study | None = None
        self._lock = threading.RLock()
        self._known: dict[int, Trial] = {}  # trials that have ended
        self._recent: set[int] = set()  # those of this search that this process has run
        self._runs: dict[int, optuna.Trial] = {}  # of the trials at work, what Optuna sees of them

    # what a strategy defines

    def exists(self, number: int) -> bool:
        """Whether there is a trial of that number."""
        return self.max_trials is None or number < self.max_trials

    def needs(self, number: int):
        """The numbers of the trials that have to end before this one is proposed."""
        looks = self.guided or self.pruner is not None
        return range(number - self.parallel_trials + 1) if looks else range(0)

    def sampler(self, seed: int):
        """Optuna's sampler for one trial."""
        return optuna.samplers.RandomSampler(seed=seed)

    def preset(self, number: int) -> dict:
        """Values that the trial has from the start."""
        return {}

    def value(self, number: int, hyperparameter, asked):
        """A value that is not preset, and what Optuna keeps of it: a distribution and its value.

        asked : the trial that Optuna's samplers answer.
        """
        value, label = hyperparameter.ask(asked), hyperparameter.label
        return value, asked.distributions.get(label), asked.params.get(label)

    # trials

    def bind(self, study, storage) -> None:
        """Begin, or go on with, a study."""
        self.study, self.ledger = study, Ledger(study, storage)

    def create_trial(self, interrupt) -> Trial | None:
        """The next trial to run, None when there is none; waits for what it needs."""
        claimed = self.ledger.claim(
            self.exists, lambda slot, book: all(map(book.ended, self.needs(slot))), interrupt)
        if claimed is None:
            return None
        number, trial_id, book = claimed
        self._learn(book)
        trial = Trial(HyperParameters(), self.id_of(number))
        trial.storage_id = trial_id
        try:
            self.start(trial, book)
        except BaseException:
            self.give_up(trial)
            raise
        return trial

    def start(self, trial: Trial, book=None, attempt: int = 0) -> None:
        """Let the values be chosen as they are asked for.

        attempt : counts the repetitions, which have the same values and other random numbers.
        """
        number = trial.number
        trial.seed = random.derived_seed(self.seed, number, 1 + attempt)
        asked = self._runs[number] = self._asked(number, book or self.ledger.read())
        hp = trial.hyperparameters = HyperParameters()
        trial.status = TrialStatus.RUNNING
        preset = self.preset(number)

        def choose(hyperparameter):
            name = hyperparameter.name
            new = self.given.find(name, hyperparameter.conditions) is None
            if new:
                self._require_given(hyperparameter)
            if name in preset:
                return preset[name]
            if new and not self.tune_new_entries:
                return hyperparameter.default
            value, distribution, kept = self.value(number, hyperparameter, asked)
            if distribution is not None:
                self.ledger.storage.set_trial_param(
                    trial.storage_id, hyperparameter.label, distribution.to_internal_repr(kept),
                    distribution)
            return value

        hp.choose = choose
        hp.values.update({name: value for name, value in preset.items()
                          if name.startswith("tuner/")})
        for hyperparameter in self.given.space:
            hp.take(hyperparameter)

    def _asked(self, number: int, book) -> optuna.Trial:
        """A trial in a study that holds what this one may see."""
        seed = random.derived_seed(self.seed, number, 0) % 2**32
        study = optuna.create_study(sampler=self.sampler(seed), pruner=self.pruner,
                                    directions=self.study.directions)
        for slot in self.needs(number) if self.guided or self.pruner else ():
            seen = book.trials[slot]
            study.add_trial(create_trial(
                state=seen.state, values=seen.values, params=seen.params,
                distributions=seen.distributions, intermediate_values=seen.intermediate_values))
        return study.ask()

    def report(self, trial: Trial, step: int, value: float) -> bool:
        """Tell of an epoch; whether the trial should stop."""
        if self.pruner is None:
            return False
        self.ledger.storage.set_trial_intermediate_value(trial.storage_id, step, value)
        asked = self._runs[trial.number]
        asked.report(value, step)
        return asked.should_prune()

    def end_trial(self, trial: Trial) -> bool:
        """Enter what has come of it; False if another worker has taken it over meanwhile."""
        self._runs.pop(trial.number, None)
        trial.hyperparameters.choose = None
        self.update_space(trial.hyperparameters)
        values, outcome = None, TrialState.FAIL
        if trial.status == TrialStatus.COMPLETED:
            values = [trial.metrics[part.name] for part in self.objective.parts]
            outcome = TrialState.COMPLETE
        elif trial.status == TrialStatus.PRUNED:
            outcome = TrialState.PRUNED
        taken = self.ledger.end(trial.storage_id, trial.get_state(), values, outcome)
        if taken:
            self._known[trial.number] = trial
            self._recent.add(trial.number)
        return taken

    def give_up(self, trial: Trial) -> None:
        """Leave it to another worker, or another day."""
        self._runs.pop(trial.number, None)
        self.ledger.lose(trial.storage_id)

    def begin_search(self) -> None:
        """Failures of earlier searches count no more."""
        self._recent.clear()

    def check_failures(self) -> None:
        """A RuntimeError after too many failures in a row."""
        row = 0
        for number in sorted(self._known):
            failed = self._known[number].status == TrialStatus.FAILED
            row = row + 1 if failed and number in self._recent else 0
            if row == self.max_consecutive_failed_trials:
                raise RuntimeError(f"{row} trials in a row have failed, the last one with:\n"
                                   f"{self._known[number].message}")

    # results

    @property
    def trials(self) -> dict[str, Trial]:
        """All trials that have ended, by id."""
        self._learn(self.ledger.read())
        return {self._known[slot].trial_id: self._known[slot] for slot in sorted(self._known)}

    def _learn(self, book) -> None:
        """Take over what another process, or an earlier one, has found."""
        with self._lock:
            for slot, trial in book.trials.items():
                # a trial without a state was put into the study by somebody else
                if slot not in self._known and book.ended(slot) and STATE in trial.user_attrs:
                    self._known[slot] = Trial.from_state(trial.user_attrs[STATE])
                    self.update_space(self._known[slot].hyperparameters)

    def reload(self) -> None:
        """Read the study anew."""
        with self._lock:
            self._known.clear()
            self._learn(self.ledger.read())

    def get_trial(self, trial_id: str) -> Trial:
        return self.trials[trial_id]

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The best that are complete; then, if these are too few, the others."""
        return self.ranked(list(self.trials.values()))[:num_trials]

    def ranked(self, trials: list[Trial]) -> list[Trial]:
        """The complete ones from the best to the worst, then the others."""
        sign = -1 if self.objective.direction == "max" else 1
        complete = [trial for trial in trials if trial.status == TrialStatus.COMPLETED]
        return sorted(complete, key=lambda trial: sign * trial.score) + [
            trial for trial in trials if trial.status != TrialStatus.COMPLETED]

    @property
    def ended(self) -> list[Trial]:
        """The trials that this process knows to have ended."""
        return list(self._known.values())

    def best_so_far(self) -> Trial | None:
        """The best that this process knows of."""
        found = self.ranked(self.ended)[:1]
        return found[0] if found and found[0].status == TrialStatus.COMPLETED else None

    def get_pareto_trials(self) -> list[Trial]:
        """Those that no other one beats in all objectives."""
        slots = self.ledger.read().slot_of
        found = self.trials
        return [found[self.id_of(slots[best.number])] for best in self.study.best_trials]

    def remaining_trials(self) -> int | None:
        """How many are still to do; None if there is no number."""
        return None if self.max_trials is None else self.max_trials - len(self.trials)

    def id_of(self, number: int) -> str:
        """The number with as many digits as the largest has."""
        return f"{number:0{len(str(self.max_trials)) if self.max_trials else 4}d}"

    # the space

    def get_space(self) -> HyperParameters:
        """A copy of the space, as far as it is known."""
        return self.hyperparameters.copy()

    def update_space(self, hyperparameters: HyperParameters) -> None:
        """Add what is new; RuntimeError if ``allow_new_entries`` is False and something is."""
        with self._lock:
            for entry in list(hyperparameters.space):
                if self.hyperparameters.find(entry.name, entry.conditions) is not None:
                    continue
                self._require_given(entry)
                if self.tune_new_entries:
                    self.hyperparameters.take(entry)

    def _require_given(self, entry) -> None:
        if not self.allow_new_entries:
            raise RuntimeError(f"{entry.name!r} is not among the hyperparameters that were given, "
                               "and allow_new_entries is False.")
