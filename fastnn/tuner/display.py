"""What a search prints, in the format of Keras Tuner."""

from __future__ import annotations

import threading
from html import escape
from time import perf_counter

from fastnn import console

WIDTH = 18  # of a table's column


class Display:
    """Prints the trials of one search; many threads tell it of theirs.

    verbose : 0 nothing, 1 a block when a trial begins and one when it ends, 2 a line when it ends.
    Where standard output is a terminal or a notebook, a last line tells how far the search is.
    """

    def __init__(self, oracle, verbose: int = 1):
        self.oracle, self.verbose = oracle, int(bool(verbose)) if verbose == "auto" else verbose
        self.start = perf_counter()
        self.live = bool(verbose) and console.repaints()
        self._lock = threading.Lock()
        self._begun: set[str] = set()
        self._running: set[str] = set()
        self._shown = 0

    def trial_begins(self, trial) -> None:
        """Its values are known."""
        with self._lock:
            if trial.trial_id in self._begun:
                return
            self._begun.add(trial.trial_id)
            self._running.add(trial.trial_id)
            if self.verbose == 1:
                self._write(f"\nSearch: Running Trial #{trial.number + 1}\n\n"
                            f"{table(trial, self.oracle.best_so_far())}\n\n")
            self._line()

    def trial_ends(self, trial) -> None:
        """It has ended, and is entered."""
        self.trial_begins(trial)
        with self._lock:
            self._running.discard(trial.trial_id)
            name, best = self.oracle.objective.name, self.oracle.best_so_far()
            score = None if best is None else best.score
            if self.verbose == 2:
                of = "" if self.oracle.max_trials is None else f"/{self.oracle.max_trials}"
                self._write(f"Trial {trial.number + 1}{of} {trial.status.lower()} "
                            f"{trial.seconds:.1f}s - {name}: {_value(trial.score)} - "
                            f"best: {_value(score)}\n")
            elif self.verbose:
                own = "" if trial.score is None else f"{name}: {trial.score}\n"
                word = trial.status.capitalize() if trial.score is None else (
                    "Pruned" if trial.status == "PRUNED" else "Complete")
                self._write(f"Trial {trial.number + 1} {word} [{duration(trial.seconds)}]\n{own}"
                            f"\nBest {name} So Far: {score}\n"
                            f"Total elapsed time: {duration(perf_counter() - self.start)}\n")
            self._line()

    def say(self, text: str) -> None:
        """A line of its own."""
        if self.verbose:
            with self._lock:
                self._write(text + "\n")
                self._line()

    def close(self) -> None:
        """The search is over."""
        with self._lock:
            self.live, live = False, self.live
            if live:
                self._write("")

    def _write(self, text: str) -> None:
        """Print over the last line."""
        gap = f"\r{' ' * self._shown}\r" if self._shown else ""
        self._shown = 0
        console.write(gap + text)

    def _line(self) -> None:
        if not self.live:
            return
        best, done = self.oracle.best_so_far(), len(self.oracle.ended)
        of = "" if self.oracle.max_trials is None else f"/{self.oracle.max_trials}"
        text = f"{done}{of} trials, {len(self._running)} running"
        if best is not None:
            text += (f", best {self.oracle.objective.name}: {best.score:.5g} "
                     f"(trial {best.number + 1})")
        text += f", {duration(perf_counter() - self.start)}"
        text = text[: max((console.columns() or 80) - 1, 0)]
        self._write(text)
        self._shown = len(text)


def table(trial, best) -> str:
    """The values of a trial beside those of the best one.

    >>> from types import SimpleNamespace as Object
    >>> trial = Object(hyperparameters=Object(values={"rate": 0.0123456789, "name": "a" * 20}))
    >>> print(table(trial, None))
    Value             |Best Value So Far |Hyperparameter
    0.012346          |?                 |rate
    aaaaaaaaaaaaaaa...|?                 |name
    """
    values = trial.hyperparameters.values
    if not values:
        return "default configuration"
    lines = [("Value", "Best Value So Far", "Hyperparameter")]
    for name, value in values.items():
        other = "?" if best is None else best.hyperparameters.values.get(name)
        lines.append((_value(value), _value(other), name))
    return "\n".join(f"{a:{WIDTH}}|{b:{WIDTH}}|{c}" for a, b, c in lines)


def as_html(oracle, most: int = 10) -> str:
    """The best trials as a table, for notebooks."""
    trials = oracle.get_best_trials(most)
    names = list(dict.fromkeys(name for t in trials for name in t.hyperparameters.values))
    rows = [["trial", oracle.objective.name, "status", *names]]
    rows += [[t.trial_id, "" if t.score is None else _value(t.score), t.status.lower(),
              *(_value(t.hyperparameters.values.get(name, "")) for name in names)] for t in trials]
    cells = ["".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
             for tag, row in zip(["th"] + ["td"] * len(trials), rows, strict=True)]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _value(value) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.5g}"
    text = str(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def duration(seconds: float) -> str:
    """
    >>> duration(4), duration(90061)
    ('00h 00m 04s', '1d 01h 01m 01s')
    """
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    return f"{days}d " * (days > 0) + f"{h:02d}h {m:02d}m {s:02d}s"
