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

    termination : whether the first SIGTERM is treated in the same way, where it would end the
        process at once; `pass_on` then ends it.

    >>> import signal
    >>> with Interrupt() as interrupt:
    ...     signal.raise_signal(signal.SIGINT)
    >>> interrupt.seen
    True
    """

    def __init__(self, termination: bool = False):
        self.noted = self.terminated = False
        self._termination = termination
        self._outer: Interrupt | None = getattr(_here, "outer", None)
        self._handled: dict = {}  # signals that come here, with the handlers they had

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

        if threading.current_thread() is threading.main_thread():
            usual = {signal.SIGINT: signal.default_int_handler}
            if self._termination:
                usual[signal.SIGTERM] = signal.SIG_DFL
            for number, handler in usual.items():
                if signal.getsignal(number) is handler:
                    self._handled[number] = handler
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *exception):
        self._restore()

    def pass_on(self) -> None:
        """Let a SIGTERM that came inside end the process now, as it would have done."""
        import signal

        if self.terminated:
            signal.raise_signal(signal.SIGTERM)
            raise SystemExit(128 + signal.SIGTERM)  # the first process of a container lives on

    def _note(self, number, frame):
        import signal

        self.noted = True
        self.terminated = self.terminated or number == signal.SIGTERM
        self._restore()

    def _restore(self):
        import signal

        while self._handled:
            signal.signal(*self._handled.popitem())
