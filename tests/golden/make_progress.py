"""Write tests/golden/progress.json: what Keras's progress bar prints for a list of events.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_progress.py
An event is [seconds, "begin", epoch], [seconds, "update", step, logs] or [seconds, "end", logs].
Keras moves the cursor back by backspaces as well as by a carriage return; they are left out.
Where fastnn differs on purpose the runs do not go: no run reports step 1 (from there on Keras
leaves the first step out of the time per step), and no value is negative (verbose=2 shows those
with an exponent).
"""

import contextlib
import io
import json
import re
from pathlib import Path
from unittest import mock

from keras.src.callbacks.progbar_logger import ProgbarLogger

LOGS = {"accuracy": 0.5, "loss": 12.34567}
VAL = {"val_accuracy": 0.0, "val_loss": 0.25}
TINY = {"loss": 0.001, "mae": 0.0010004, "mse": 3e-9, "nan": float("nan"), "ratio": 7.5}


def epoch(start, number, steps, seconds, logs=LOGS, final=LOGS, every=None):
    """The events of an epoch of equal steps, reported every so many steps."""
    yield [start, "begin", number]
    for step in range(every, steps, every) if every else ():
        yield [start + seconds * step / steps, "update", step, logs]
    yield [start + seconds, "end", final]


RUNS = {  # name: (epochs, steps, events)
    "notes": (15, 320, [*epoch(0, 0, 320, 1.6, every=32, final=LOGS | VAL),
                        *epoch(2, 1, 320, 1.6, every=100)]),
    "one_step": (2, 1, [*epoch(0, 0, 1, 0.25), *epoch(1, 1, 1, 0.0000004)]),
    "one_epoch": (1, 4, [*epoch(0, 0, 4, 4.6, every=2)]),
    "shorter_line": (1, 1000, [*epoch(0, 0, 1000, 0.9, {"loss": 1234567.8}, {"loss": 1.0},
                                      every=150)]),
    "tiny_values": (1, 7, [*epoch(0, 0, 7, 0.7, TINY, TINY, every=3)]),
    "minutes": (1, 100, [*epoch(0, 0, 100, 500.0, every=20)]),
    "hours": (3, 12, [*epoch(0, 2, 12, 20000.0, every=3)]),
    "no_values": (1, 3, [*epoch(0, 0, 3, 0.3, {}, {}, every=2)]),
}  # fmt: skip


def play(verbose, epochs, steps, events):
    """The text that Keras prints for the events."""
    logger = ProgbarLogger()
    logger.set_params({"verbose": verbose, "epochs": epochs, "steps": steps})
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        mock.patch("keras.src.utils.progbar.time.time") as clock,
    ):
        for seconds, kind, *rest in events:
            clock.return_value = 1000.0 + seconds
            if kind == "begin":
                logger.on_epoch_begin(*rest)
            elif kind == "update":
                logger.on_train_batch_end(rest[0] - 1, rest[1])
            else:
                logger.on_epoch_end(0, *rest)
    return out.getvalue().replace("\b", "")


def main():
    runs = {
        name: {
            "epochs": epochs,
            "steps": steps,
            "events": events,
            "verbose_1": play(1, epochs, steps, events),
            "verbose_2": play(2, epochs, steps, events),
        }
        for name, (epochs, steps, events) in RUNS.items()
    }
    path = Path(__file__).parent / "progress.json"
    text = re.sub(r"\n {4,}| *\n {3}(?=[]}])", " ", json.dumps(runs, indent=1))  # an event a line
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
