"""The progress of `fit`, `evaluate` and `predict`, in the format of Keras 3.15.

>>> progress = Progress(verbose=1, epochs=2, steps=320)
>>> progress.epoch_begin(0)
Epoch 1/2
>>> progress.epoch_end(320, {"loss": 0.27561, "val_loss": 0.0002, "accuracy": 1.0}, seconds=1.6)
320/320 ━━━━━━━━━━━━━━━━━━━━ 2s 5ms/step - accuracy: 1.0000 - loss: 0.2756 - val_loss: 2.0000e-04

A terminal or a notebook sees the bar grow; anything else gets whole lines without control
characters. Three differences from Keras: a step's time counts the first step too, for nothing is
compiled then; an epoch that was stopped early shows the steps it made; ``val_`` names come last
at every verbosity.
"""

from __future__ import annotations

from math import inf
from time import perf_counter

from fastnn import console

INTERVAL = 0.05  # seconds between two drawings, or two flushes: 20 a second look smooth
_CELLS = 20
_BOLD, _GREEN, _WHITE, _OFF = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progress:
    """Prints the epochs of one run.

    ``verbose`` is 0 (nothing), 1 (a bar), 2 (a line an epoch) or "auto" (1); ``steps`` the number
    of steps an epoch, None if not known before the first one ends. A run without epochs, such as
    `evaluate`, is one epoch: with ``epochs=1`` there is no "Epoch" line.
    """

    def __init__(self, verbose: int | str = "auto", epochs: int = 1, steps: int | None = None):
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f"verbose must be 0, 1, 2 or 'auto'; received {verbose!r}.")
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = epochs
        self.steps = steps
        self._live = self.verbose == 1 and console.repaints()
        self._start = 0.0
        self._next = inf  # when update() has something to do
        self._shown = 0  # characters of the line being drawn, which the next drawing covers
        self._flushed = -inf

    def epoch_begin(self, epoch: int) -> None:
        """Start the clock, and announce the epoch (counted from 0) if there are several."""
        if not self.verbose:
            return
        self._start = perf_counter()
        self._next = self._start + INTERVAL
        if self.epochs > 1:
            self._write(f"Epoch {epoch + 1}/{self.epochs}\n", self._start)

    def update(self, step: int, logs: dict | None = None) -> None:
        """``step`` steps of the epoch are done. Mostly this costs one look at a clock."""
        now = perf_counter()
        if now < self._next:
            return
        self._next = now + INTERVAL
        if not self._live:
            self._write("", now)  # flushes what an epoch before may have left
            return
        seconds = time = now - self._start
        if self.steps and step:
            time = seconds / step * (self.steps - step)  # an estimate of what is left
        tail = f" {_pace(seconds, step)}{_values(logs)}"
        self._draw(step, _clock(time), tail, now)

    def epoch_end(self, step: int, logs: dict | None = None, seconds: float | None = None) -> None:
        """The epoch is over after ``step`` steps and ``seconds`` (by default, since its begin)."""
        if not self.verbose:
            return
        now = perf_counter()
        self._next = inf
        seconds = now - self._start if seconds is None else seconds
        self.steps = self.steps or step
        time = f"{seconds:.0f}s"
        tail = f" {_pace(seconds, step)}{_values(logs)}"
        if self._live:
            self._draw(step, time, tail, now, last=True)
        elif self.verbose == 1:
            done = self._done(step)
            bar = "━" * done + "─" * (_CELLS - done)
            self._write(f"{self._counter(step)} {bar} {time}{tail}\n", now)
        else:
            self._write(f"{self._counter(step)} - {time} -{tail}\n", now)

    def close(self) -> None:
        """End a line that was being drawn, and flush. Call it when a run ends, however it ends."""
        self._next = inf
        if self.verbose:
            console.write("\n" if self._shown else "")
            self._shown = 0

    def _draw(self, step: int, time: str, tail: str, now: float, last: bool = False) -> None:
        """Draw over what the line shows; the last drawing of an epoch goes on to the next line."""
        counter, bar = self._counter(step), ""
        width = len(counter) + 1 + len(time)
        if self.steps:
            done = self._done(step)
            bar = f" {_GREEN}{'━' * done}{_OFF}{_WHITE}{'━' * (_CELLS - done)}{_OFF}"
            width += 1 + _CELLS
        if not last and (columns := console.columns()):  # a wrapped line cannot be drawn over
            tail = tail[: max(columns - 1 - width, 0)]
        width += len(tail)
        gap = " " * (self._shown - width)
        self._shown = 0 if last else width
        end = "\n" if last else ""
        self._write(f"\r{_BOLD}{counter}{_OFF}{bar} {_BOLD}{time}{_OFF}{tail}{gap}{end}", now)

    def _counter(self, step: int) -> str:
        return f"{step:{len(str(self.steps))}}/{self.steps}" if self.steps else f"{step:7}/Unknown"

    def _done(self, step: int) -> int:
        return min(_CELLS * step // self.steps, _CELLS)

    def _write(self, text: str, now: float) -> None:
        """Write, and flush if that was not done for a while: many short epochs share a flush."""
        flush = now - self._flushed >= INTERVAL
        if flush:
            self._flushed = now
        if not console.write(text, flush):
            self.verbose, self._next = 0, inf  # nobody listens any more


def _clock(seconds: float) -> str:
    """Time left.

    >>> [_clock(s) for s in (0.4, 60, 61, 3600, 3661)]
    ['0s', '60s', '1:01', '60:00', '1:01:01']
    """
    minutes, s = divmod(int(seconds), 60)
    if seconds > 3600:
        return f"{minutes // 60}:{minutes % 60:02}:{s:02}"
    return f"{minutes}:{s:02}" if seconds > 60 else f"{int(seconds)}s"


def _pace(seconds: float, steps: int) -> str:
    """Time per step.

    >>> [_pace(s, 10) for s in (0, 20, 0.5, 0.00004)]
    ['0s/step', '2s/step', '50ms/step', '4us/step']
    """
    each = seconds / steps if steps else 0
    if each >= 1 or each == 0:
        return f"{each:.0f}s/step"
    return f"{each * 1e3:.0f}ms/step" if each >= 1e-3 else f"{each * 1e6:.0f}us/step"


def _values(logs: dict | None) -> str:
    if not logs:
        return ""
    names = sorted(logs, key=lambda name: (name.startswith("val_"), name))
    return "".join([f" - {name}: {_number(logs[name])}" for name in names])


def _number(value) -> str:
    """Four decimals, or four digits where these would show little.

    >>> [_number(v) for v in (1, -0.5, 0.001, float("nan"), "high")]
    ['1.0000', '-0.5000', '1.0000e-03', 'nan', 'high']
    """
    try:
        value = float(value)
    except (TypeError, ValueError):  # a callback may add what it likes to the logs
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"
