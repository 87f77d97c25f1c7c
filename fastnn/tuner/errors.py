"""What a trial can raise to say how grave it is."""

from __future__ import annotations


class FailedTrialError(Exception):
    """The trial has failed and is not tried again; the search goes on."""


class FatalError(Exception):
    """The search ends."""


class FatalValueError(FatalError, ValueError):
    """The search ends because of a value."""


class FatalTypeError(FatalError, TypeError):
    """The search ends because of a type."""


class FatalRuntimeError(FatalError, RuntimeError):
    """The search ends because of what has happened."""


class Pruned(Exception):
    """The trial was stopped early, for others were better by then."""
