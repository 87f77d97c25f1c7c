"""What a diagnosis is made of: rules, and what they find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

RULES: dict[str, Callable] = {}


@dataclass(frozen=True)
class Finding:
    """What a rule found.

    rule : its name; message : what is wrong; evidence : the numbers, by name; cure : what to do.
    """

    message: str
    cure: str
    evidence: dict = field(default_factory=dict)
    rule: str = ""

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} {_text(value)}" for name, value in self.evidence.items())
        return f"{self.rule}: {self.message}\n    evidence: {numbers}\n    cure: {self.cure}"


def rule(function: Callable) -> Callable:
    """Let a function ``f(case) -> Finding | None`` take part in every diagnosis by its name."""
    RULES[function.__name__] = function
    return function


def _text(value) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(own)}" for key, own in value.items()) + "}"
    return str(value)
