"""A trial: one choice of values, and what came of it."""

from __future__ import annotations

import statistics

import numpy as np

from fastnn.callbacks import History
from fastnn.tuner.errors import FailedTrialError, FatalTypeError, FatalValueError
from fastnn.tuner.hyperparameters import HyperParameters
from fastnn.tuner.objective import DefaultObjective


class TrialStatus:
    """What has become of a trial."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    PRUNED = "PRUNED"  # stopped early
    INVALID = "INVALID"  # an error; it may be tried again
    FAILED = "FAILED"  # given up


class Metrics(dict):
    """{name: value} at a trial's best epoch, with the questions that Keras Tuner's has."""

    def exists(self, name: str) -> bool:
        return name in self

    def get_best_value(self, name: str) -> float | None:
        return self.get(name)

    get_last_value = get_best_value


class Trial:
    """One choice of values, and what came of it.

    score : the objective's value at the best epoch, the mean over executions and folds.
    best_step : that epoch, counted from 0; where there are several trainings, their mean.
    metrics : {name: value} at the best epoch, means likewise.
    seconds : how long it took.
    """

    def __init__(self, hyperparameters, trial_id="0", status=TrialStatus.RUNNING, message=None):
        self.hyperparameters = hyperparameters
        self.trial_id = trial_id
        self.status = status
        self.message = message
        self.score: float | None = None
        self.best_step = 0
        self.metrics = Metrics()
        self.seconds = 0.0
        self.number = int(trial_id)
        self.seed = 0  # of all that its trainings draw
        self.storage_id = None  # of Optuna's trial, while it runs
        self.input_shape: list | None = None  # of the model's rows

    def summary(self) -> None:
        """Print it."""
        print(f"Trial {self.trial_id} summary")
        print("Hyperparameters:")
        self.display_hyperparameters()
        if self.score is not None:
            print(f"Score: {self.score}")
        if self.message is not None:
            print(self.message)

    def display_hyperparameters(self) -> None:
        """Print a line for each value."""
        for name, value in self.hyperparameters.values.items():
            print(f"{name}:", value)
        if not self.hyperparameters.values:
            print("default configuration")

    def get_state(self) -> dict:
        names = ("trial_id", "status", "message", "score", "best_step", "metrics", "seconds",
                 "input_shape")
        state = {name: getattr(self, name) for name in names}
        return state | {"hyperparameters": self.hyperparameters.get_config()}

    @classmethod
    def from_state(cls, state: dict) -> Trial:
        """The trial whose `get_state` that was."""
        hp = HyperParameters.from_config(state["hyperparameters"])
        trial = cls(hp, state["trial_id"], state["status"], state["message"])
        for name in ("score", "best_step", "metrics", "seconds", "input_shape"):
            setattr(trial, name, state[name])
        trial.metrics = Metrics(state["metrics"])
        return trial

    def __repr__(self) -> str:
        return f"<Trial {self.trial_id}: {self.status}, score {self.score}>"


def judged(results, objective, source: str) -> tuple[dict, int]:
    """The metrics and the best epoch of what ``run_trial`` or ``HyperModel.fit`` returned.

    results : a number, a dictionary, a History, or a list of such, whose mean counts.
    source : which function it was. FatalTypeError and FatalValueError for anything else.
    """
    if isinstance(results, list) and results:
        found = [judged(result, objective, source) for result in results]
        metrics = {name: float(np.mean([logs[name] for logs, _ in found if name in logs]))
                   for name in dict.fromkeys(name for logs, _ in found for name in logs)}
        return metrics, int(statistics.mean(step for _, step in found))
    if isinstance(results, (int, float, np.number)) and not isinstance(results, bool):
        return {objective.parts[0].name: float(results)}, 0
    if isinstance(objective, DefaultObjective) and not (
            isinstance(results, dict) and objective.has_value(results)):
        raise FatalTypeError(f"Without an objective {source} must return a number, received "
                             f"{results!r:.200}.")
    if isinstance(results, History):
        if results.divergence is not None and not results.epoch:
            raise FailedTrialError(str(results.divergence))
        return best_epoch(results.history, objective, source)
    if not isinstance(results, dict):
        raise FatalTypeError(f"{source} must return a number, a dictionary, a History or a list of "
                             f"these, received {results!r:.200}.")
    _require(objective, results, source)
    return {name: float(value) for name, value in results.items()}, 0


def best_epoch(history: dict, objective, source: str) -> tuple[dict, int]:
    """The logs of the epoch with the best score, and which it was."""
    _require(objective, history, source)
    length = min((len(history[part.name]) for part in objective.parts), default=0)
    epochs = [{name: values[i] for name, values in history.items() if i < len(values)}
              for i in range(length)]
    best = None
    for i, logs in enumerate(epochs):
        score = objective.get_value(logs)
        if best is None or objective.better_than(score, objective.get_value(epochs[best])):
            best = i
    if best is None:
        raise FatalValueError(f"{source} has trained for no epoch.")
    return {name: float(v) for name, v in epochs[best].items() if np.ndim(v) == 0}, best


def _require(objective, logs, source: str) -> None:
    if not objective.has_value(logs):
        wanted = ", ".join(part.name for part in objective.parts)
        raise FatalValueError(f"The objective {wanted} is not in what {source} gives: "
                              f"{', '.join(logs)}. Compile the model with that metric, and give "
                              "search validation data if its name begins with val_.")
