"""Write tests/golden/tensorboard.json: the scalars in the event files of Keras's TensorBoard.

Run with an interpreter that has Keras 3.15 and TensorFlow:
    KERAS_BACKEND=tensorflow python tests/golden/make_tensorboard.py
`python tests/golden/make_tensorboard.py FOLDER` prints those of any folder, as TensorFlow reads it.
With ``update_freq`` a number Keras leaves out what it writes at the end of an epoch whose number of
batches is no multiple of it; fastnn writes it.
"""

import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

LOGS = [{"loss": 0.5, "accuracy": 0.25, "val_loss": 1.5, "val_accuracy": 0.125},
        {"loss": 0.25, "accuracy": 0.5, "val_loss": 0.75, "val_accuracy": 1 / 3}]
BATCHES = 3
OPTIONS = {"epochs": {"write_graph": False}, "batches": {"write_graph": False, "update_freq": 2}}


def play(callbacks, model, options, folder):
    """Two epochs of three batches, each epoch with its validation; then an evaluation."""
    callback = callbacks.TensorBoard(str(folder), **options)
    callback.set_model(model)
    callback.on_train_begin({})
    for epoch, logs in enumerate(LOGS):
        callback.on_epoch_begin(epoch, {})
        for batch in range(BATCHES):
            callback.on_train_batch_begin(batch, {})
            model.optimizer.iterations += 1
            callback.on_train_batch_end(batch, {"loss": 8.0 * epoch + batch})
        callback.on_test_begin({})
        callback.on_test_batch_begin(0, {})
        callback.on_test_batch_end(0, {"loss": 1.0})
        callback.on_test_end({k[4:]: v for k, v in logs.items() if k.startswith("val_")})
        callback.on_epoch_end(epoch, dict(logs))
    callback.on_train_end({})


def scalars(folder):
    """[folder, tag, step, value, plugin] of all events but the version."""
    from tensorflow import make_ndarray
    from tensorflow.compat.v1.train import summary_iterator

    found = []
    for path in sorted(Path(folder).rglob("events.out.tfevents.*")):
        for event in summary_iterator(str(path)):
            for value in event.summary.value:
                meta = value.metadata
                found.append([path.parent.name, value.tag, event.step,
                              make_ndarray(value.tensor).item(), meta.plugin_data.plugin_name])
    return found


def stand_in(cls=object):
    """What the callback needs of a model; ``cls``: what its optimizer says that it is."""
    optimizer = type("Optimizer", (), {"__class__": cls, "learning_rate": 0.5, "iterations": 0})()
    return SimpleNamespace(optimizer=optimizer, layers=[])


def main():
    from keras import callbacks, optimizers

    results = {}
    for name, options in OPTIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            play(callbacks, stand_in(optimizers.SGD), options, folder)
            results[name] = scalars(folder)
    text = json.dumps(results).replace('], ["', '],\n ["')
    (Path(__file__).parent / "tensorboard.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(scalars(sys.argv[1])))
    else:
        main()
