"""Write tests/golden/early_stopping.json: what Keras's EarlyStopping does with sequences of logs.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_early_stopping.py
A run is one `fit` that calls the callback at the end of each epoch; a case may reuse the callback
in a second run. The weights of the stand-in for a model are the number of the last epoch.
Keras compares in float32, so no two values that are to differ are closer than that.
"""

import contextlib
import io
import itertools
import json
import random
import re
import warnings
from pathlib import Path

from keras.callbacks import EarlyStopping

NAN, INF = float("nan"), float("inf")
FALLING = [1.0, 0.75, 0.5, 0.25, 0.125]
VALLEY = [1.0, 0.75, 0.5, 0.625, 0.5625, 0.59375, 0.75, 0.25, 0.125, 0.5, 0.5, 0.5, 0.5]
STEPS = [1.0, 0.96875, 0.9375, 0.90625, 0.75, 0.734375, 0.71875, 0.703125, 0.6875]


class Model:
    """What the callback needs of a model."""

    def __init__(self):
        self.weights = None
        self.stop_training = False

    def get_weights(self):
        return [self.weights]

    def set_weights(self, weights):
        self.weights = weights[0]


def cases():
    """Name -> (arguments, runs); a run is (first epoch, logs of each epoch)."""

    def val(values, first=0):
        return first, [{"loss": 0.5, "val_loss": v} for v in values]

    yield "defaults_falling", {}, [val(FALLING)]
    yield "defaults_valley", {}, [val(VALLEY)]
    yield "first_epoch_never_stops", {"baseline": 0.5}, [val([1.0, 0.75, 0.625])]
    yield "equal_is_no_improvement", {"patience": 2, "verbose": 1}, [val([1.0] * 6)]
    for patience, restore in itertools.product((1, 2, 3, 5), (False, True)):
        options = {"patience": patience, "restore_best_weights": restore, "verbose": 1}
        yield f"patience_{patience}_restore_{restore}", options, [val(VALLEY)]
    for delta in (0.03125, 0.0625, -0.0625, 0.25):
        options = {"min_delta": delta, "patience": 2, "restore_best_weights": True, "verbose": 1}
        yield f"min_delta_{delta}", options, [val(STEPS)]
    for baseline in (0.5, 0.7, 2.0):
        options = {"baseline": baseline, "patience": 3, "restore_best_weights": True}
        yield f"baseline_{baseline}", options, [val(STEPS)]
    for first in (1, 4, 20):
        options = {"start_from_epoch": first, "patience": 2, "restore_best_weights": True}
        yield f"start_from_epoch_{first}", options, [val(VALLEY)]
    restore = {"patience": 2, "restore_best_weights": True, "verbose": 1}
    yield "reused", restore, [val(VALLEY), val([2.0, 3.0, 1.5, 4.0, 4.0, 4.0])]
    yield "reused_unstopped", restore, [val(VALLEY), val(FALLING)]
    yield "initial_epoch", {"verbose": 1}, [val([1.0, 1.0], first=7)]
    yield "nan_first", restore, [val([NAN, 1.0, 0.5, 0.25])]
    yield "nan_later", restore, [val([1.0, NAN, 0.5, NAN, NAN, 0.25])]
    yield "inf", restore, [val([INF, 1.0, -INF, -INF, 0.5])]
    yield "max", {"mode": "max", "monitor": "acc", "patience": 2, "restore_best_weights": True}, [
        (0, [{"acc": a} for a in (0.1, 0.5, 0.4, 0.6, 0.6, 0.5, 0.9)])
    ]
    yield "max_delta", {"mode": "max", "monitor": "acc", "min_delta": 0.125, "patience": 2}, [
        (0, [{"acc": a} for a in (0.1, 0.5, 0.55, 0.75, 0.8, 0.85)])
    ]
    yield "max_baseline", {"mode": "max", "monitor": "acc", "baseline": 0.7, "patience": 2}, [
        (0, [{"acc": a} for a in (0.1, 0.5, 0.8, 0.85, 0.8, 0.75)])
    ]
    yield "loss_auto", {"monitor": "loss", "patience": 1}, [(0, [{"loss": v} for v in VALLEY])]
    yield "unknown_mode", {"mode": "most", "patience": 1}, [val(VALLEY)]
    missing = [{"loss": 1.0}, {"val_loss": 1.0}, {}, {"b": 1.0, "a": 2.0}, {"val_loss": 2.0}]
    yield "missing", {"patience": 1}, [(0, missing)]
    yield "no_epochs", restore, [(0, [])]
    rng = random.Random(0)
    for number in range(40):
        options = {
            "patience": rng.randrange(4),
            "min_delta": rng.choice((0, 0.0625, 0.25)),
            "baseline": rng.choice((None, None, 0.5, 1.0)),
            "start_from_epoch": rng.choice((0, 0, 3)),
            "restore_best_weights": rng.random() < 0.7,
            "mode": rng.choice(("auto", "min", "max")),
            "verbose": rng.randrange(2),
        }
        runs = [val([rng.randrange(32) / 16 for _ in range(12)]) for _ in range(2)]
        yield f"random_{number}", options, runs


def play(options, runs):
    """What each run does: [wait, best, best epoch] after each epoch, and how it ends."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callback = EarlyStopping(**options)
        results = [run(callback, *arguments) for arguments in runs]
    return {"runs": results, "warnings": [str(warning.message) for warning in caught]}


def run(callback, first, logs):
    model = Model()
    callback.set_model(model)
    trace = []
    with contextlib.redirect_stdout(io.StringIO()) as out:
        callback.on_train_begin()
        for epoch, values in enumerate(logs, first):
            model.weights = epoch
            callback.on_epoch_end(epoch, dict(values))
            trace.append([callback.wait, callback.best, callback.best_epoch])
            if model.stop_training:
                break
        callback.on_train_end()
    return {
        "first": first,
        "logs": logs,
        "trace": trace,
        "stopped_epoch": callback.stopped_epoch,
        "weights": model.weights,
        "printed": out.getvalue(),
    }


def main():
    played = {name: {"options": o, **play(o, runs)} for name, o, runs in cases()}
    text = json.dumps(played, indent=1)
    text = re.sub(r"\n {5,}| *\n {4}(?=[]}])", " ", text)  # a list on one line
    path = Path(__file__).parent / "early_stopping.json"
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
