"""Ctrl-C, seen between two steps of training instead of anywhere."""

from __future__ import annotations

import threading


class Interrupt:
    """Inside, the first Ctrl-C only sets ``seen``; a second one raises KeyboardInterrupt as ever.

    Nothing changes in other threads, which never see a Ctrl-C, nor where the program has a handler
    of its own for the signal.

    >>> import signal
    >>> with Interrupt() as interrupt:
    ...     signal.raise_signal(signal.SIGINT)
    >>> interrupt.seen
    True
    """

    def __init__(self):
        self.seen = False
        self._handling = False

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
        self.seen = True
        self._restore()

    def _restore(self):
        import signal

        if self._handling:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._handling = False
