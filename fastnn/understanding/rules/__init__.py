"""The rules of a diagnosis: functions of a `Case` that return a `Finding`, or None.

A rule speaks when its evidence is strong: each has a threshold with its reason beside it, and no
rule speaks of a healthy training. Write one, decorate it with `finding.rule`, and it takes part.

>>> list(RULES)[:4]
['unscaled_inputs', 'unscaled_targets', 'loss_and_output', 'loss_and_labels']
"""

from __future__ import annotations

from fastnn.understanding.finding import RULES, Finding, rule
from fastnn.understanding.rules import data, network, training  # they fill RULES, in this order

__all__ = ["RULES", "Finding", "data", "network", "rule", "training"]
