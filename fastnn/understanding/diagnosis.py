"""All rules on one case, and what they found."""

from __future__ import annotations

import numpy as np

from fastnn import data, rows
from fastnn.understanding.case import Case
from fastnn.understanding.rules import RULES, Finding


class Diagnosis:
    """What the rules found, in ``findings``; empty, and false, if nothing is wrong.

    ``in`` and ``[name]`` ask for a rule's finding; print it for the evidence and the cures.
    """

    def __init__(self, findings: list[Finding], checked: int):
        self.findings, self.checked = findings, checked

    @property
    def rules(self) -> list[str]:
        """The names of the rules that found something."""
        return [finding.rule for finding in self.findings]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self):
        return iter(self.findings)

    def __contains__(self, rule) -> bool:
        return rule in self.rules

    def __getitem__(self, rule: str) -> Finding:
        for finding in self.findings:
            if finding.rule == rule:
                return finding
        raise KeyError(f"The rule {rule!r} found nothing. Found: {', '.join(self.rules) or '-'}.")

    def __str__(self) -> str:
        if not self.findings:
            return f"Diagnosis: {self.checked} rules, nothing found."
        lines = [f"Diagnosis: {len(self.findings)} of {self.checked} rules found something."]
        return "\n".join(lines + [f"- {finding}" for finding in self.findings])

    __repr__ = __str__


def diagnose(model, x, y, sample_weight=None, validation_data=None, validation_split=0.0,
             batch_size=None) -> Diagnosis:
    """See `fastnn.understanding.diagnose`."""
    model._build_for_training(x, y)
    trainer = model.trainer
    try:
        feed = trainer.feed(x, y, sample_weight)
        held = data.validation_arrays(validation_data) if validation_data is not None else None
        held = held and trainer.feed(*held, prefix="val_")
    except ValueError as error:
        if not str(error).lstrip("val_").startswith("y"):
            raise
        return Diagnosis([Finding(str(error), "Change the labels, or choose the loss and the last "
                                  "layer for them.", {"loss": trainer.loss.name},
                                  "loss_and_labels")], len(RULES))
    if held is None and validation_split:
        feed, held = rows.split(feed, validation_split, "tail", trainer.seed)
    past = model.history
    return of_feed(model, feed, held, batch_size or _batch_size(past, len(feed.X)),
                   past.history if past else None)


def of_feed(model, feed, validation=None, batch_size=None, history=None) -> Diagnosis:
    """The diagnosis of a model with a trainer's feeds."""
    case = Case(model, feed, validation, batch_size, history)
    findings = []
    with np.errstate(all="ignore"):
        for name, rule in RULES.items():
            found = rule(case)
            if found is not None:
                findings.append(Finding(found.message, found.cure, found.evidence, name))
    return Diagnosis(findings, len(RULES))


def _batch_size(history, n: int) -> int | None:
    """1 if the last `fit` took as many steps as there are rows; other sizes leave no trace."""
    steps = (history.params or {}).get("steps") if history else None
    return 1 if steps == n and n > 1 else None
