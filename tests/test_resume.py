"""``fit(..., resume=path)``: what goes on, what is refused, and when the file is written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import plug_programs
import pytest

import fastnn
from fastnn import Input, _states, backends, callbacks, layers, optimizers, random
from fastnn.callbacks import checkpoint
from fastnn.saving import CorruptModelError

X, Y = plug_programs.X[:60], plug_programs.Y[:60]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.backup"


@pytest.fixture
def often(monkeypatch):
    """Backups whenever they can be made."""
    monkeypatch.setattr(checkpoint, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)


def made(*inner, optimizer="adam", loss="mse", seed=4, backend=None, dtype=None, **compiled):
    fastnn.utils.set_random_seed(seed)
    model = fastnn.Sequential([Input((4,)), layers.Dense(5, "tanh"), *inner, layers.Dense(1)],
                              dtype=dtype)
    model.compile(optimizer, loss, backend=backend, **compiled)
    return model


class Crash(Exception):
    pass


def crash(epoch, batch=None):
    """At the begin of an epoch or of a batch."""
    def on_epoch_begin(e, logs):
        now[0] = e
        if e == epoch and batch is None:
            raise Crash

    def on_train_batch_begin(b, logs):
        if (now[0], b) == (epoch, batch):
            raise Crash

    now = [0]
    hooks = {} if batch is None else {"on_train_batch_begin": on_train_batch_begin}
    return callbacks.LambdaCallback(on_epoch_begin=on_epoch_begin, **hooks)


def crash_at_the_end():
    def on_train_end(logs):
        raise Crash

    return callbacks.LambdaCallback(on_train_end=on_train_end)


def equal(model, other):
    assert model.digest() == other.digest()
    assert model.history.history == other.history.history
    assert model.history.epoch == other.history.epoch
    np.testing.assert_array_equal(model.trainer.memory.slots, other.trainer.memory.slots)
    own, others = ({n: v for n, v in m.trainer.get_state().items() if n != "slots"}
                   for m in (model, other))
    assert own == others
    assert model.stop_training == other.stop_training


def resumed(path, make, *crashes, fit=dict, data=lambda: (X, Y), epochs=5):
    """A training that crashes as often, and the one that does not; both as they end."""
    arguments = {"epochs": epochs, "verbose": 0}
    whole = make()
    whole_callbacks = fit()
    whole.fit(*data(), **(arguments | whole_callbacks))
    for fault in crashes:
        own = fit()
        with pytest.raises(Crash):
            make().fit(*data(), **(arguments | own | {"callbacks": [own.get("callbacks"), fault]}),
                       resume=path)
    model, own = make(), fit()
    model.fit(*data(), **(arguments | own), resume=path)
    equal(model, whole)
    return own.get("callbacks"), whole_callbacks.get("callbacks")


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs", "lm", "averages"])
def test_every_kind_of_training(often, path, optimizer, backend, dtype):
    def make():
        chosen = optimizers.SGD(0.1, 0.9, use_ema=True) if optimizer == "averages" else optimizer
        return made(optimizer=chosen, dtype=dtype, backend=backend, metrics=["mae"])

    whole = optimizer in ("lbfgs", "lm")
    resumed(path, make, crash(2), crash(3) if whole else crash(3, 1), crash_at_the_end(),
            fit=lambda: {"validation_split": 0.2})


def test_what_callbacks_remember(often, path, tmp_path):
    runs = []

    def fit():
        runs.append(tmp_path / f"run {len(runs)}")
        runs[-1].mkdir()
        return {"validation_split": 0.3, "callbacks": [
            callbacks.LearningRateScheduler(lambda epoch, rate: 0.9 * rate),
            callbacks.EarlyStopping(patience=3, restore_best_weights=True),
            callbacks.ReduceLROnPlateau(patience=0, cooldown=2, min_delta=0.1),
            callbacks.ModelCheckpoint(runs[-1] / "best.fastnn", save_best_only=True),
            callbacks.ModelCheckpoint(runs[-1] / "{epoch}-{batch}.fastnn", save_freq=3),
            callbacks.CSVLogger(runs[-1] / "log.csv"), callbacks.KeepWeights(),
            callbacks.TensorBoard(runs[-1] / "t"), plug_programs.Count()]}

    first = fit()
    made().fit(X, Y, epochs=30, verbose=0, **first)
    last = first["callbacks"][1].stopped_epoch  # two epochs without an improvement lie before it
    own, expected = resumed(path, made, crash(1, 1), crash(4), crash(last), fit=fit, epochs=30)
    for ours, theirs in zip(own, expected, strict=True):
        if not isinstance(ours, callbacks.CSVLogger):
            assert repr(ours.get_state()) == repr(theirs.get_state())
    assert last > 5 and own[1].best_epoch == last - 3 and own[2].get_state()["best"] is not None
    logs = [(run / "log.csv").read_bytes() for run in runs]
    assert logs[0] == logs[-1]


def test_a_csv_file_that_is_appended_to(often, path, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("mine\n")
    expected = []
    for fault in None, crash(3, 1), crash(5), None:
        model = made()
        hooks = [callbacks.CSVLogger(log, append=True), *([fault] if fault else [])]
        try:
            model.fit(X, Y, epochs=6, verbose=0, resume=path if expected else None,
                      callbacks=hooks)
        except Crash:
            continue
        expected.append(log.read_text())
        log.write_text("mine\n")
    assert expected[0] == expected[1] and expected[0].count("\n") == 7


def test_a_callback_that_ends_training_within_an_epoch(often, path):
    def stopping():
        def on_train_batch_end(batch, logs):
            if model[0].optimizer.iterations == 3:
                model[0].stop_training = True

        return {"callbacks": callbacks.LambdaCallback(on_train_batch_end=on_train_batch_end),
                "batch_size": 15, "validation_split": 0.2}

    def make():
        model[0] = made()
        return model[0]

    model = [None]

    class Die(callbacks.Callback):
        def on_test_begin(self, logs=None):
            raise Crash

    resumed(path, make, Die(), fit=stopping)


@pytest.mark.parametrize("hooks", [None, callbacks.LambdaCallback(
    on_train_batch_end=lambda batch, logs: None)])
def test_a_training_that_diverges_does_so_again(often, path, hooks):
    def make():
        return made(optimizer=optimizers.SGD(30.0))

    models = [make() for _ in range(3)]
    for model in models:
        with pytest.warns(RuntimeWarning, match="Training diverged in epoch"):
            model.fit(X, Y, epochs=60, verbose=0, callbacks=hooks,
                      **({} if model is models[0] else {"resume": path}))
        equal(model, models[0])
        assert model.history.divergence == models[0].history.divergence
    assert np.isfinite(models[0].params).all()
    model = make()
    model.fit(X, Y, epochs=60, verbose=0, resume=path, on_divergence="ignore")
    assert np.isnan(model.params).any() and len(model.history.epoch) == 60


def test_metrics_in_python_within_an_epoch(often, path):
    resumed(path, lambda: made(metrics=[plug_programs.median, fastnn.metrics.AUC(exact=True),
                                        fastnn.metrics.R2Score()]), crash(2, 1), crash(2, 1))


class Data(fastnn.utils.PyDataset):
    """Draws on the way, as augmentation does, and shuffles after every epoch."""

    def __init__(self, seed=0):
        super().__init__()
        self.rng = np.random.default_rng(seed)
        self.order = np.arange(6)

    def __len__(self):
        return 6

    def __getitem__(self, i):
        part = slice(10 * self.order[i], 10 * self.order[i] + 10)
        return X[part] + self.rng.normal(0, 0.1, (10, 4)).astype("f4"), Y[part]

    def on_epoch_end(self):
        self.rng.shuffle(self.order)


class Passes:
    """Another order in each pass."""

    def __init__(self):
        self.rng = np.random.default_rng(3)

    def __iter__(self):
        for i in self.rng.permutation(6):
            yield X[10 * i : 10 * i + 10], Y[10 * i : 10 * i + 10]


@pytest.mark.parametrize("data, fit", [
    (Data, dict), (Data, lambda: {"steps_per_epoch": 4}), (Passes, dict),
    (Passes, lambda: {"steps_per_epoch": 4, "validation_data": Passes()}),
    (lambda: plug_programs.batches(1), lambda: {
        "steps_per_epoch": 3, "validation_data": plug_programs.batches(2), "validation_steps": 2,
        "validation_freq": 2}),
    (lambda: X, lambda: {"y": Y, "validation_data": plug_programs.batches(2),
                         "validation_steps": 2}),
])
def test_batches_that_were_seen_are_drawn_and_dropped(often, path, data, fit):
    resumed(path, made, crash(2), crash(3, 2 - ("y" in fit())), fit=fit, data=lambda: (data(),))


def test_other_batches_are_said(often, path):
    with pytest.raises(Crash):
        made().fit(Data(), epochs=4, verbose=0, resume=path, callbacks=crash(2))
    with pytest.warns(RuntimeWarning, match="The batches are not those"):
        made().fit(Data(seed=1), epochs=4, verbose=0, resume=path)
    path.unlink()
    with pytest.raises(Crash):
        made().fit(iter(Passes()), steps_per_epoch=2, epochs=4, verbose=0, resume=path,
                   callbacks=crash(2))
    with pytest.raises(ValueError, match="fewer batches than"):
        made().fit(iter([(X, Y)] * 2), steps_per_epoch=2, epochs=4, verbose=0, resume=path)


# what is refused


def fitted(path, model, x=X, y=Y, epochs=3, **fit):
    return model.fit(x, y, epochs=epochs, verbose=0, resume=path, **fit)


@pytest.mark.parametrize("words, other", [
    ("network", lambda p: fitted(p, made(layers.Dense(2)))),
    ("network", lambda p: fitted(p, made(layers.Dropout(0.2)))),
    ("network", lambda p: fitted(p, made(loss="mae"))),
    ("network", lambda p: fitted(p, made(metrics=["mae"]))),
    ("network", lambda p: fitted(p, made(dtype="float64"))),
    ("the optimizer", lambda p: fitted(p, made(optimizer="sgd"))),
    ("the optimizer", lambda p: fitted(p, made(optimizer=optimizers.Adam(0.002)))),
    ("the backend .* there, numpy here", lambda p: fitted(p, made(backend="numpy"))),
    (r"batch_size \(32 there, 8 here\)", lambda p: fitted(p, made(), batch_size=8)),
    ("shuffle", lambda p: fitted(p, made(), shuffle=False)),
    ("steps_per_epoch", lambda p: fitted(p, made(), steps_per_epoch=3)),
    ("the data", lambda p: fitted(p, made(), X[:-1], Y[:-1])),
    ("the data", lambda p: fitted(p, made(), X[::-1].copy())),
    ("the data", lambda p: fitted(p, made(), X, 1 - Y)),
    ("the data", lambda p: fitted(p, made(), class_weight={0: 1, 1: 2})),
    ("the data", lambda p: fitted(p, made(), Data(), None)),
    ("the data, the validation", lambda p: fitted(p, made(), validation_split=0.1)),
    ("the validation data", lambda p: fitted(p, made(), validation_data=(X[:3], Y[:3]))),
    ("of epoch 3, but epochs=2", lambda p: fitted(p, made(), epochs=2)),
])
def test_the_backup_of_another_training(path, words, other):
    if backends.get().NAME == "numpy":
        pytest.skip("there is no other backend")
    fitted(path, made())
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"{path} is a backup (of another training: )?.*{words}"):
        other(path)
    assert path.read_bytes() == before


def test_one_number_among_many_is_noticed(path):
    x = np.tile(X, (10_000, 1))
    fit = {"epochs": 1, "steps_per_epoch": 1, "verbose": 0, "resume": path}
    made().fit(x, x[:, 0], **fit)
    x[12_345, 2] += 1
    with pytest.raises(ValueError, match="the data is not the same"):
        made().fit(x, x[:, 0], **fit)


def test_files_that_are_no_backups(path):
    model = made()
    model.fit(X, Y, verbose=0)
    for save in model.save, model.save_weights:
        save(path)
        with pytest.raises(ValueError, match="is no backup of a training"):
            fitted(path, made())
    path.unlink()
    fitted(path, made())
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 97):
        data[place] ^= 1
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"run\.backup"):
            fitted(path, made())
        data[place] ^= 1
    with pytest.raises(FileNotFoundError, match="no such folder"):
        fitted(path.parent / "nowhere" / "run", made())
    with pytest.raises(CorruptModelError, match="folder"):
        fitted(path.parent, made())
    with pytest.raises(TypeError, match="PathLike"):
        fitted(3, made())
    with pytest.raises(ValueError, match="One callback makes the backups"):
        fitted(path, made(), callbacks=callbacks.BackupAndRestore(path.parent / "b"))


def test_what_a_backup_cannot_keep_is_said_at_once(path):
    class Thing(callbacks.Callback):
        def get_state(self):
            return {"it": {1, 2}}

    with pytest.raises(TypeError, match=r"cannot keep .*: \{1, 2\} is of type set"):
        fitted(path, made(), callbacks=Thing())


# when it goes on


def test_a_finished_one_gives_its_result_again_to_the_same_program_only(path):
    first = made()
    fitted(path, first, validation_split=0.2)
    again = made()
    steps = again.optimizer.iterations
    fitted(path, again, validation_split=0.2)
    equal(again, first)
    assert steps == 0
    before = first.digest()
    fitted(path, first, validation_split=0.2)  # which begins where the first one has ended
    assert first.digest() != before and first.optimizer.iterations == 2 * again.optimizer.iterations
    other = made(seed=5)
    alone = made(seed=5)
    fitted(path, other, validation_split=0.2)
    alone.fit(X, Y, epochs=3, verbose=0, validation_split=0.2)
    equal(other, alone)


def test_a_program_without_a_seed_goes_on(often, path, monkeypatch):
    monkeypatch.setattr(random, "_stream", [])
    with pytest.raises(Crash):
        fitted(path, unseeded(), callbacks=crash(2))
    model = unseeded()
    assert fitted(path, model).epoch == [0, 1, 2] and model.optimizer.iterations == 6
    path.unlink()
    with pytest.raises(Crash):
        fitted(path, unseeded(layers.Dropout(0.1)), callbacks=crash(2))
    with pytest.warns(RuntimeWarning, match="draws other seeds than the interrupted one"):
        fitted(path, unseeded(layers.Dropout(0.1)))


def unseeded(*inner):
    model = fastnn.Sequential([Input((4,)), *inner, layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_a_formula_of_ones_own(often, path):
    def make():
        model = made(loss=lambda y_true, y_pred: (y_true - y_pred) ** 2)
        return model

    with pytest.warns(RuntimeWarning, match="runs on the NumPy backend"):
        resumed(path, make, crash(2))


def test_ctrl_c_and_on(path):
    whole = made()
    whole.fit(X, Y, epochs=6, verbose=0, validation_split=0.2)
    model = made()
    stop = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: (
        signal.raise_signal(signal.SIGINT) if model.optimizer.iterations == 3 else None))
    with pytest.warns(RuntimeWarning, match="interrupted by the user"):
        model.fit(X, Y, epochs=6, verbose=0, validation_split=0.2, callbacks=stop, resume=path)
    assert model.optimizer.iterations == 3  # within an epoch, and no other backup was due
    model.fit(X, Y, epochs=6, verbose=0, validation_split=0.2, resume=path)  # the same model
    equal(model, whole)


# when it is written


def test_how_often_it_is_written(path, monkeypatch):
    now, saved = [0.0], []

    def clock():
        now[0] += 0.1
        return now[0]

    monkeypatch.setattr(checkpoint, "perf_counter", clock)
    monkeypatch.setattr(checkpoint._Keeper, "_save", lambda self, finished=False: (
        saved.append(finished), now.__setitem__(0, now[0] + 1)))
    model = made()
    model.fit(X, Y, batch_size=4, epochs=300, verbose=0, resume=path, validation_split=0.2,
              callbacks=plug_programs.Count())
    # one takes 1.1 s, so the next comes 220 s later: of 3600 looks, 0.1 s each
    assert saved == [False] * 2 + [True]


PROGRAM = """if True:
    import signal, sys
    from pathlib import Path
    import plug_programs as p
    print("ready", flush=True)
    p.fastnn.utils.set_random_seed(2)
    model = p.sequential(p.layers.Dense(300), p.layers.Dropout(0.2))
    model.compile("adam", "mse")
    if sys.argv[2] == "own":
        signal.signal(signal.SIGTERM, lambda *_: print("own", flush=True))
    resume = None if sys.argv[2] == "none" else sys.argv[1]
    model.fit(p.X, p.Y, epochs=int(sys.argv[3]), verbose=0, resume=resume)
    assert sys.argv[2] == "own" or signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    print(model.digest(), model.history.history["loss"][-1])
"""


def environment():
    places = [Path(fastnn.__file__).parents[1], Path(__file__).parent]
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}


def program(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *map(str, arguments)], text=True,
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n", process.communicate()
    return process


@pytest.mark.slow
def test_sigterm_writes_the_backup_and_ends_the_process(path):
    process = program(path, "resume", 10**6)
    while not path.exists():
        time.sleep(0.01)
    first = path.read_bytes()
    time.sleep(0.3)
    start = time.perf_counter()
    process.terminate()
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == -signal.SIGTERM  # a shell says 143
    assert time.perf_counter() - start < 5
    assert path.read_bytes() != first
    from fastnn import backup

    epochs = backup.load(path)[0]["position"]["epoch"] + 5
    outputs = [program(place, kind, epochs).communicate(timeout=60)[0]
               for place, kind in ((path, "resume"), (path, "none"))]
    assert outputs[0] == outputs[1] != ""


@pytest.mark.slow
def test_sigterm_where_it_is_not_ours(path):
    process = program(path, "none", 10**6)
    time.sleep(0.3)
    process.terminate()
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == -signal.SIGTERM and not path.exists()
    process = program(path, "own", 400)
    while not path.exists():
        time.sleep(0.01)
    process.terminate()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and output.startswith("own\n"), errors


# what is remembered


@pytest.mark.parametrize("value", [
    None, True, 3, -2**70, 0.1, float("inf"), float("-inf"), "text", [], [1, 2], (1, (2,)), {},
    {1: "a", "b": [None]}, [0.1] * 20, [float("nan")] * 20, list(range(20)), [True] * 20,
    [2**65] * 20, np.float32(0.1), np.int8(3), np.bool_(True), np.arange(6).reshape(2, 3) > 2,
    np.zeros((0, 3), "f4"), np.array(2.5), np.array([1 + 2j]), np.arange(3, dtype=">i2"),
], ids=lambda value: repr(value)[:20])
def test_states_come_back(value):
    arrays = []
    found = _states.decode(_states.encode(value, arrays), arrays)
    assert type(found) is type(value) and repr(found) == repr(value)
    if isinstance(value, np.ndarray):
        np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("value", [object(), {1}, b"bytes", np.array(["text"]), [print]])
def test_states_that_cannot_be(value):
    assert not _states.is_plain(value)


def test_the_page(tmp_path):
    page = Path(__file__).parents[1] / "docs" / "resume.md"
    blocks = page.read_text("utf-8").split("```python\n")[1:]
    program = "\n".join(block.split("```")[0] for block in blocks)
    files = []
    for _ in range(2):  # the second one finds it finished
        done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path,
                              capture_output=True, text=True, env=environment())
        assert done.returncode == 0, done.stderr
        files.append((tmp_path / "model.fastnn").read_bytes())
    assert files[0] == files[1]
