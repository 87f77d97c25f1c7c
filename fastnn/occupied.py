"""One training of a model at a time: two threads must not step through one vector of parameters."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

_threads: dict[int, int] = {}  # id of a trainer -> the thread that trains with it
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.clear)  # a child has none of the other threads


@contextmanager
def occupied(trainer):
    """Inside, the trainer belongs to this thread, which may train with it again (in a callback).

    A RuntimeError where another thread is at it.
    """
    here = threading.get_ident()
    outer = _threads.get(id(trainer))
    if _threads.setdefault(id(trainer), here) != here:
        raise RuntimeError(
            f"The model {trainer.model.name!r} is being trained in another thread. One model can "
            "be trained once at a time: wait for that, or train a copy of it (copy.deepcopy). "
            "Predictions may go on beside.")
    try:
        yield
    finally:
        if outer is None:
            _threads.pop(id(trainer), None)
