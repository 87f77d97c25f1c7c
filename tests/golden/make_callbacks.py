"""Write tests/golden/callbacks.json: what Keras's callbacks do with sequences of logs.

Run with an interpreter that has Keras 3.15 and a backend:
    KERAS_BACKEND=jax python tests/golden/make_callbacks.py
The tests play the same cases with fastnn's callbacks. The model is a stand-in that writes down what
it is told to save; rates and factors are powers of two, so that float32 shows nowhere. Where the
two differ in a file's ending, `play` is told which one to use and takes it out of what was printed.
"""

import contextlib
import io
import json
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace

VALLEY = [1.0, 0.75, 0.5, 0.625, 0.5625, 0.59375, 0.75, 0.25, 0.125, 0.5, 0.5, 0.5, 0.5]
FLAT = [1.0] * 12
SLOW = [1.0 - i / 4096 for i in range(12)]
NAN, INF = float("nan"), float("inf")


def halve(epoch, rate):
    return rate / 2 if epoch % 2 else rate


def by_epoch(epoch):
    return 2.0**-epoch


def val(values):
    return [{"loss": 0.5, "val_loss": v} for v in values]


def acc(values):
    return [{"accuracy": v} for v in values]


CASES = {
    # name: (class, arguments, the logs of each epoch)
    "plateau_defaults": ("ReduceLROnPlateau", {}, val(FLAT)),
    "plateau_valley": ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5, "verbose": 1},
                       val(VALLEY)),
    "plateau_one": ("ReduceLROnPlateau", {"patience": 1, "factor": 0.25}, val(FLAT)),
    "plateau_zero": ("ReduceLROnPlateau", {"patience": 0, "factor": 0.5}, val(VALLEY)),
    "plateau_cooldown": ("ReduceLROnPlateau",
                         {"patience": 2, "factor": 0.5, "cooldown": 2, "verbose": 1}, val(FLAT)),
    "plateau_cooldown_one": ("ReduceLROnPlateau",
                             {"patience": 1, "factor": 0.5, "cooldown": 1}, val(FLAT)),
    "plateau_min_lr": ("ReduceLROnPlateau",
                       {"patience": 1, "factor": 0.25, "min_lr": 0.0625, "verbose": 1}, val(FLAT)),
    "plateau_delta": ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5, "min_delta": 0.125},
                      val(VALLEY)),
    "plateau_default_delta": ("ReduceLROnPlateau", {"patience": 3, "factor": 0.5}, val(SLOW)),
    "plateau_max": ("ReduceLROnPlateau", {"monitor": "accuracy", "mode": "max", "patience": 2,
                                          "factor": 0.5}, acc(VALLEY)),
    "plateau_nan": ("ReduceLROnPlateau", {"patience": 1, "factor": 0.5},
                    val([NAN, 1.0, NAN, 0.5, INF, 0.25])),
    "plateau_missing": ("ReduceLROnPlateau", {"patience": 1}, acc([1.0, 0.5])),
    "plateau_unknown_mode": ("ReduceLROnPlateau", {"patience": 1, "mode": "most"}, val(FLAT)),
    "schedule": ("LearningRateScheduler", {"schedule": halve}, val(FLAT)),
    "schedule_verbose": ("LearningRateScheduler", {"schedule": halve, "verbose": 1}, val(FLAT[:3])),
    "schedule_old": ("LearningRateScheduler", {"schedule": by_epoch, "verbose": 1}, val(FLAT[:4])),
    "checkpoint": ("ModelCheckpoint", {"filepath": "m", "verbose": 1}, val(VALLEY[:3])),
    "checkpoint_names": ("ModelCheckpoint", {"filepath": "sub/{epoch:02d}-{val_loss:.2f}"},
                         val(VALLEY[:3])),
    "checkpoint_best": ("ModelCheckpoint", {"filepath": "{epoch}", "save_best_only": True,
                                            "verbose": 1}, val(VALLEY)),
    "checkpoint_threshold": ("ModelCheckpoint", {"filepath": "{epoch}", "save_best_only": True,
                                                 "initial_value_threshold": 0.5, "verbose": 1},
                             val(VALLEY)),
    "checkpoint_max": ("ModelCheckpoint", {"filepath": "{epoch}", "save_best_only": True,
                                           "monitor": "accuracy", "mode": "max"}, acc(VALLEY)),
    "checkpoint_nan": ("ModelCheckpoint", {"filepath": "{epoch}", "save_best_only": True},
                       val([NAN, 1.0, NAN, 0.5])),
    "checkpoint_weights": ("ModelCheckpoint", {"filepath": "w{epoch}", "save_weights_only": True,
                                               "verbose": 1}, val(VALLEY[:2])),
    "checkpoint_missing": ("ModelCheckpoint", {"filepath": "{epoch}", "save_best_only": True,
                                               "verbose": 1}, acc([1.0, 0.5])),
    "checkpoint_batches": ("ModelCheckpoint", {"filepath": "{epoch}-{batch}-{loss}",
                                               "save_freq": 2, "verbose": 1}, val(VALLEY[:4])),
    "checkpoint_many_batches": ("ModelCheckpoint", {"filepath": "{epoch}-{batch}", "save_freq": 7},
                                val(VALLEY)),
    "csv": ("CSVLogger", {"filename": "log.csv"}, val(VALLEY[:3])),
    "csv_separator": ("CSVLogger", {"filename": "log.csv", "separator": ";"}, val(VALLEY[:2])),
    "csv_without_validation": ("CSVLogger", {"filename": "log.csv"},
                               [{"loss": 1.0, "a": 2.0}, {"loss": 1.0, "a": 2.0, "val_loss": 3.0}]),
    "csv_odd_values": ("CSVLogger", {"filename": "log.csv"},
                       [{"list": [1, 2], "text": "a,b", "nan": NAN}, {"list": 3}]),
    "csv_append": ("CSVLogger", {"filename": "log.csv", "append": True}, val(VALLEY[:2])),
}


def saves_weights(name):
    return CASES[name][1].get("save_weights_only", False)


RUNS = 2  # of every case with the same object, with one model each
BATCHES = 3


class Model:
    """What the callbacks need of a model."""

    def __init__(self, folder):
        self.optimizer = SimpleNamespace(learning_rate=0.5)
        self.stop_training = False
        self.folder = folder
        self.saved = []

    def save(self, path, overwrite=True):
        self.saved.append(Path(path).relative_to(self.folder).as_posix())

    save_weights = save


def play(callbacks, name, ending):
    """What a callback does in a case: rates, files, logs, text and warnings."""
    cls, options, logs = CASES[name]
    options, runs = dict(options), []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if "filepath" in options:
            options["filepath"] = str(Path(folder) / (options["filepath"] + ending))
        if "filename" in options:
            options["filename"] = str(Path(folder) / options["filename"])
        callback = getattr(callbacks, cls)(**options)
        for _ in range(RUNS):
            model = Model(folder)
            callback.set_model(model)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                trace = follow(callback, model, logs)
            printed = out.getvalue().replace(str(folder), "").replace(ending, "")
            runs.append({"rates": trace, "printed": printed,
                         "saved": [path.removesuffix(ending) for path in model.saved]})
        files = {p.name: p.read_bytes().decode() for p in Path(folder).glob("*.csv")}
    return {"runs": runs, "files": files, "warnings": [str(w.message) for w in caught]}


def follow(callback, model, logs):
    """The learning rate in each epoch, and what the callback then leaves in the logs."""
    trace = []
    callback.on_train_begin({})
    for epoch, values in enumerate(logs):
        callback.on_epoch_begin(epoch, {})
        for batch in range(BATCHES):
            callback.on_train_batch_end(batch, {"loss": epoch + batch / 4})
        rate, found = model.optimizer.learning_rate, dict(values)
        callback.on_epoch_end(epoch, found)
        trace.append([rate, found.get("learning_rate")])
    callback.on_train_end({})
    return trace


def main():
    from keras import callbacks

    played = {name: play(callbacks, name, {True: ".weights.h5"}.get(saves_weights(name), ".keras"))
              for name in CASES}
    path = Path(__file__).parent / "callbacks.json"
    lines = [f"{json.dumps(name)}: {json.dumps(result)}" for name, result in played.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
