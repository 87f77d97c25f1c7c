"""Ctrl-C, seen between two steps of training instead of anywhere."""

from __future__ import annotations

import threading
from contextlib import contextmanager

_here = threading.local()  # .outer: what work on behalf of another thread follows


class Interrupt:
    """Inside, the first Ctrl-C only sets ``seen``; a second one raises KeyboardInterrupt as ever.

    Nothing changes in other threads, which never see a Ctrl-C, nor where the program has a handler
    of its own for the signal. A thread that works for another one `follows` that one's interrupt:
    what it begins is ``seen`` to end with it, but only ``noted`` where the Ctrl-C came.

    >>> import signal
    >>> with Interrupt() as interrupt:
    ...     signal.raise_signal(signal.SIGINT)
    >>> interrupt.seen
    True
    """

    def __init__(self):
        self.noted = False
        self._outer: Interrupt | None = getattr(_here, "outer", None)
        self._handling = False

    @property
    def seen(self) -> bool:
        """Whether what runs inside has to end."""
        return self.noted or (self._outer is not None and self._outer.seen)

    def end(self) -> None:
        """Have it ``seen``, as a Ctrl-C would."""
        self.noted = True

    @contextmanager
    def followed(self):
        """Inside, interrupts made by the calling thread see what this one sees."""
        outer, _here.outer = getattr(_here, "outer", None), self
        try:
            yield
        finally:
            _here.outer = outer

    def __enter__(self):
        import signal

        if (threading.current_thread() is threading.main_thread()
                and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
            signal.signal(signal.SIGINT, self._note)
            self._handling = True
        return self

    def __exit__(self, *exception):
        self._restore()

    def _note(self, *_):
        self.noted = True
        self._restore()

    def _restore(self):
        import signal

        if self._handling:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._handling = False
