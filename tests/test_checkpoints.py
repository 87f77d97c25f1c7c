"""ModelCheckpoint and BackupAndRestore with models: files that load, training that goes on."""

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends, callbacks
from fastnn.layers import BatchNormalization, Dense, Dropout
from fastnn.saving import CorruptModelError

X = np.sin(np.arange(60.0)).reshape(20, 3).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")


def made(optimizer="adam", metrics=(), backend=None, dtype=None):
    fastnn.utils.set_random_seed(5)
    model = Sequential([Input((3,)), Dense(6, "tanh"), Dropout(0.2), BatchNormalization(),
                        Dense(1)], dtype=dtype)  # fmt: skip
    model.compile(optimizer, "mse", metrics=list(metrics), backend=backend)
    return model


class Stop(Exception):
    pass


def stop_at(epoch, batch=None):
    """A callback that ends the training with an error, as a crash would."""
    def on_epoch_begin(e, logs):
        now[0] = e
        if e == epoch and batch is None:
            raise Stop

    def on_train_batch_end(b, logs):
        if (now[0], b) == (epoch, batch):
            raise Stop

    now = [0]
    hooks = {} if batch is None else {"on_train_batch_end": on_train_batch_end}
    return callbacks.LambdaCallback(on_epoch_begin=on_epoch_begin, **hooks)


def test_checkpoints_load(tmp_path):
    model, predictions = made(), {}
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: predictions.update(
        {epoch + 1: (model.predict(X), logs["val_loss"])}))
    model.fit(X, Y, epochs=4, validation_split=0.25, verbose=0, callbacks=[
        watch, callbacks.ModelCheckpoint(tmp_path / "a/{epoch:02d}-{val_loss:.4f}.fastnn"),
        callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.fastnn", save_weights_only=True)])
    for epoch, (expected, loss) in predictions.items():
        loaded = fastnn.load_model(tmp_path / f"a/{epoch:02d}-{loss:.4f}.fastnn")
        np.testing.assert_array_equal(loaded.predict(X), expected)
        other = made()
        other.load_weights(tmp_path / f"{epoch}.weights.fastnn")
        np.testing.assert_array_equal(other.predict(X), expected)


def test_the_best_is_kept_over_several_fits(tmp_path):
    path = tmp_path / "best.fastnn"
    best = callbacks.ModelCheckpoint(path, "loss", save_best_only=True)
    model = made()
    losses = model.fit(X, Y, epochs=20, verbose=0, callbacks=best).history["loss"]
    assert best.best == min(losses)
    written = path.read_bytes()
    made().fit(X, Y, verbose=0, callbacks=best)  # a worse one
    assert path.read_bytes() == written


def test_checkpoints_by_batch(tmp_path):
    freq = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.fastnn", save_freq=4)
    made().fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=freq)  # 3 batches an epoch
    assert {p.stem for p in tmp_path.iterdir()} == {"2-1", "3-2", "4-3"}
    assert not callbacks.CallbackList(callbacks.ModelCheckpoint("m.fastnn")).needs_batches


def test_what_a_path_cannot_be(tmp_path):
    wrong = callbacks.ModelCheckpoint(tmp_path / "{accuracy}.fastnn")
    with pytest.raises(KeyError, match="asks for 'accuracy', which is not there"):
        made().fit(X, Y, verbose=0, callbacks=wrong)
    (tmp_path / "folder.fastnn").mkdir()
    with pytest.raises(IsADirectoryError, match="there is a folder of that name"):
        made().fit(X, Y, verbose=0, callbacks=callbacks.ModelCheckpoint(tmp_path / "folder.fastnn"))


# BackupAndRestore


def run(model, folder=None, stop=None, epochs=6, save_freq="epoch", **fit):
    backup = [callbacks.BackupAndRestore(folder, save_freq)] if folder else []
    stops = [stop] if stop else []
    return model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=backup + stops, **fit)


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize(("stop", "save_freq", "fit"), [
    ((3, None), "epoch", {}),
    ((3, None), "epoch", {"validation_split": 0.25}),
    ((2, 1), "epoch", {}),
    ((2, 1), 1, {}),
    ((2, 0), 1, {}),
    ((2, 2), 1, {}),  # the last batch of its epoch
    ((3, 1), 4, {}),
    ((3, None), "epoch", {"steps_per_epoch": 2}),
    ((3, 1), 1, {"steps_per_epoch": 2}),
    ((3, 0), 1, {"steps_per_epoch": 4}),
    ((3, 1), 1, {"shuffle": False}),
])
def test_training_goes_on_to_the_same_bits(tmp_path, stop, save_freq, fit, backend):
    whole = made(metrics=["mae"], backend=backend)
    expected = run(whole, **fit).history
    folder = tmp_path / "backup"
    with pytest.raises(Stop):
        run(made(metrics=["mae"], backend=backend), folder, stop_at(*stop), save_freq=save_freq,
            **fit)
    assert folder.exists()
    fastnn.utils.set_random_seed(77)  # another process
    model = made(metrics=["mae"], backend=backend)
    model.set_weights([w + 1 for w in model.get_weights()])
    model.trainer.seed = 3
    history = run(model, folder, save_freq=save_freq, **fit)
    np.testing.assert_array_equal(model.params, whole.params)
    np.testing.assert_array_equal(model.trainer.memory.slots, whole.trainer.memory.slots)
    assert model.optimizer.iterations == whole.optimizer.iterations
    assert history.epoch == list(range(6)) and history.history == expected
    assert not folder.exists()  # it was finished


def test_the_learning_rate_is_kept(tmp_path):
    def halving(model, stop=()):
        halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        return model.fit(X, Y, epochs=5, verbose=0,
                         callbacks=[halve, callbacks.BackupAndRestore(tmp_path / "b"), *stop])

    expected = halving(made("sgd")).history["learning_rate"]
    with pytest.raises(Stop):
        halving(made("sgd"), [stop_at(3)])
    assert halving(made("sgd")).history["learning_rate"] == expected


def test_a_finished_backup_is_kept_where_wanted(tmp_path):
    keep = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    made().fit(X, Y, epochs=3, verbose=0, callbacks=keep)
    model, steps = made(), []
    count = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: steps.append(epoch))
    assert model.fit(X, Y, epochs=3, verbose=0, callbacks=[keep, count]).epoch == [0, 1, 2]
    assert steps == []
    longer, whole = made(), made()
    assert longer.fit(X, Y, epochs=5, verbose=0, callbacks=[keep, count]).epoch == [*range(5)]
    assert steps == [3, 4]
    whole.fit(X, Y, epochs=5, verbose=0)
    assert longer.digest() == whole.digest()
    # a fit that begins elsewhere is another one
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[keep, count])
    assert steps == [3, 4, 0, 1, 2]
    made().load_weights(tmp_path / "latest.weights.fastnn")


def test_only_its_own_files_are_deleted(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    made().fit(X, Y, verbose=0, callbacks=callbacks.BackupAndRestore(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_the_backup_before_helps_where_the_last_is_damaged(tmp_path):
    for double, fault in (True, "damaged"), (True, "lost"), (False, "damaged"):
        backup = callbacks.BackupAndRestore(tmp_path, double_checkpoint=double)
        with pytest.raises(Stop):
            made().fit(X, Y, epochs=6, verbose=0, callbacks=[backup, stop_at(3)])
        damage(tmp_path / "latest.weights.fastnn")
        if double:
            if fault == "lost":  # killed between two renamings
                (tmp_path / "latest.weights.fastnn").unlink()
            assert made().fit(X, Y, epochs=6, verbose=0, callbacks=backup).epoch == [*range(6)]
    with pytest.raises(CorruptModelError, match=r"latest\.weights\.fastnn"):
        made().fit(X, Y, epochs=6, verbose=0, callbacks=backup)


@pytest.mark.parametrize("other", [
    lambda: made("sgd"), lambda: made(metrics=["mae"]), lambda: None,
])
def test_the_backup_of_another_model_is_refused(tmp_path, other):
    with pytest.raises(Stop):
        made().fit(X, Y, epochs=3, verbose=0,
                   callbacks=[callbacks.BackupAndRestore(tmp_path), stop_at(2)])
    model = other()
    if model is None:
        fastnn.utils.set_random_seed(5)
        model = Sequential([Input((3,)), Dense(7), Dense(1)])
        model.compile("adam", "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"is a backup of another training: .*the same"):
        model.fit(X, Y, epochs=3, verbose=0, callbacks=callbacks.BackupAndRestore(tmp_path))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_ctrl_c_keeps_the_backup(tmp_path):
    import signal

    interrupt = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: signal.raise_signal(signal.SIGINT) if epoch == 2 else None)
    backup = callbacks.BackupAndRestore(tmp_path / "b")
    with pytest.warns(RuntimeWarning, match="interrupted by the user after 3 of 6"):
        made().fit(X, Y, epochs=6, verbose=0, callbacks=[backup, interrupt])
    assert made().fit(X, Y, epochs=6, verbose=0, callbacks=backup).epoch == [*range(6)]
