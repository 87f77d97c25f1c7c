"""The progress bar against Keras's text, and what it does without a terminal, a pipe, UTF-8, ..."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from fastnn import progress
from fastnn.progress import Progress

RUNS = json.loads((Path(__file__).parent / "golden/progress.json").read_text(encoding="utf-8"))
LOGS = {"loss": 0.5, "accuracy": 0.25}


class Screen(io.StringIO):
    """A terminal that remembers what was written and counts the flushes."""

    flushes = 0

    def isatty(self):
        return True

    def flush(self):
        self.flushes += 1


class File(Screen):
    def isatty(self):
        return False


@pytest.fixture
def now(monkeypatch):
    """The clock, as a list of one number."""
    time = [1000.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: time[0])
    monkeypatch.setenv("TERM", "xterm")
    return time


def play(run, verbose, stream, now, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream)
    shown = Progress(verbose, run["epochs"], run["steps"])
    for seconds, kind, *rest in run["events"]:
        now[0] = 1000.0 + seconds
        if kind == "end":
            shown.epoch_end(run["steps"], *rest)
        else:
            {"begin": shown.epoch_begin, "update": shown.update}[kind](*rest)
    shown.close()
    return stream.getvalue()


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_terminal_sees_what_keras_draws(run, now, monkeypatch):
    assert play(run, 1, Screen(), now, monkeypatch) == run["verbose_1"]
    assert play(run, "auto", Screen(), now, monkeypatch) == run["verbose_1"]


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("stream", [Screen, File])
def test_verbose_2_is_a_line_an_epoch(run, stream, now, monkeypatch):
    assert play(run, 2, stream(), now, monkeypatch) == run["verbose_2"]


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_file_gets_the_last_drawing_of_each_epoch_as_plain_text(run, now, monkeypatch):
    lines = [line.rpartition("\r")[2].rstrip(" ") for line in run["verbose_1"].split("\n")]
    expected = re.sub(r"\x1b\[\d+m", "", "\n".join(lines))
    assert play(run, 1, File(), now, monkeypatch) == expected
    monkeypatch.setenv("TERM", "dumb")
    assert play(run, 1, Screen(), now, monkeypatch) == expected


def test_verbose_0_says_nothing(now, monkeypatch):
    assert play(RUNS["notes"], 0, Screen(), now, monkeypatch) == ""


@pytest.mark.parametrize("verbose", [3, -1, "loud", None])
def test_an_unknown_verbosity_is_refused(verbose):
    with pytest.raises(ValueError, match=f"must be 0, 1, 2 or 'auto'; received {verbose!r}"):
        Progress(verbose)


def test_a_notebook_is_drawn_over_although_it_is_no_terminal(now, monkeypatch):
    monkeypatch.setattr(File, "__module__", "ipykernel.iostream")
    run = RUNS["notes"]
    assert play(run, 1, File(), now, monkeypatch) == run["verbose_1"]


def test_idle_gets_plain_text_although_it_calls_itself_a_terminal(now, monkeypatch):
    monkeypatch.setattr(Screen, "__module__", "idlelib.run")
    assert "\x1b" not in play(RUNS["notes"], 1, Screen(), now, monkeypatch)


def test_a_running_line_stays_within_the_terminal(now, monkeypatch):
    monkeypatch.setattr(progress.console, "columns", lambda: 50)
    drawings = play(RUNS["notes"], 1, Screen(), now, monkeypatch).split("\r")
    drawings = [re.sub(r"\x1b\[\d+m", "", text) for text in drawings]
    assert drawings[1] == " 32/320 ━━━━━━━━━━━━━━━━━━━━ 1s 5ms/step - accura"
    assert drawings[10].startswith("320/320") and "- val_loss: 0.2500\n" in drawings[10]


def test_the_number_of_steps_may_be_learnt_in_the_first_epoch(now, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Screen())
    shown = Progress(1, epochs=2)
    for number in range(2):
        shown.epoch_begin(number)
        now[0] += 1
        shown.update(5, {"loss": 1.0})
        now[0] += 1
        shown.epoch_end(10, {"loss": 1.0})
    lines = re.sub(r"\x1b\[\d+m", "", sys.stdout.getvalue()).replace("\r", "\n").split("\n")
    assert [line.rstrip() for line in lines] == [
        "Epoch 1/2",
        "",
        "      5/Unknown 1s 200ms/step - loss: 1.0000",
        "10/10 ━━━━━━━━━━━━━━━━━━━━ 2s 200ms/step - loss: 1.0000",
        "Epoch 2/2",
        "",
        " 5/10 ━━━━━━━━━━━━━━━━━━━━ 1s 200ms/step - loss: 1.0000",
        "10/10 ━━━━━━━━━━━━━━━━━━━━ 2s 200ms/step - loss: 1.0000",
        "",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s - 0s/step"), (8e-6, "0s - 1us/step"), (8e-3, "0s - 1ms/step"),
     (0.4, "0s - 50ms/step"), (7.99, "8s - 999ms/step"), (8.0, "8s - 1s/step")],
)  # fmt: skip
def test_the_time_per_step_has_the_unit_that_suits_it(seconds, text, capsys):
    shown = Progress(2, steps=8)
    shown.epoch_begin(0)
    shown.epoch_end(8, None, seconds)
    assert capsys.readouterr().out == f"8/8 - {text}\n"


def test_an_epoch_stopped_early_shows_the_steps_it_made(capsys):
    shown = Progress(1, steps=200)
    shown.epoch_begin(0)
    shown.epoch_end(50, LOGS, seconds=0.2)
    assert capsys.readouterr().out == (
        " 50/200 ━━━━━─────────────── 0s 4ms/step - accuracy: 0.2500 - loss: 0.5000\n"
    )


def test_names_are_sorted_with_validation_last_and_values_may_be_anything(capsys):
    shown = Progress(2, steps=1)
    shown.epoch_begin(0)
    logs = {"val_a": 1, "zeta": -0.5, "loss": 1e-3, "note": "high", "b": None}
    shown.epoch_end(1, logs, seconds=1.0)
    assert capsys.readouterr().out == (
        "1/1 - 1s - 1s/step - b: None - loss: 1.0000e-03 - note: high - zeta: -0.5000"
        " - val_a: 1.0000\n"
    )


def test_a_line_that_was_being_drawn_is_ended_by_close(now, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Screen())
    shown = Progress(1, steps=10)
    shown.epoch_begin(0)
    now[0] += 1
    shown.update(3)
    shown.close()
    shown.close()
    assert sys.stdout.getvalue().endswith("/step\n")
    assert sys.stdout.getvalue().count("\n") == 1


def test_drawings_and_flushes_keep_their_distance(now, monkeypatch):
    for stream in Screen(), File():
        monkeypatch.setattr(sys, "stdout", stream)
        shown = Progress(1, epochs=1000, steps=4)
        for number in range(1000):
            shown.epoch_begin(number)
            for step in range(4):
                now[0] += 0.0001
                shown.update(step + 1, LOGS)
            shown.epoch_end(4, LOGS)
        assert stream.getvalue().count("\n") == 2000
        assert stream.getvalue().count("\r") == (1000 if stream.isatty() else 0)
        assert 7 <= stream.flushes <= 9  # in 0.4 s
        now[0] += 1


def test_a_long_epoch_is_drawn_20_times_a_second(now, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Screen())
    shown = Progress(1, steps=4000)
    shown.epoch_begin(0)
    for step in range(4000):
        now[0] += 0.001
        shown.update(step + 1, LOGS)
    assert 75 <= sys.stdout.getvalue().count("\r") <= 80


def test_a_slow_epoch_flushes_what_the_fast_one_before_it_wrote(now, monkeypatch):
    monkeypatch.setattr(sys, "stdout", File())
    shown = Progress(1, epochs=2, steps=4)
    shown.epoch_begin(0)
    shown.epoch_end(4, LOGS)
    shown.epoch_begin(1)
    assert sys.stdout.flushes == 1
    now[0] += 0.06
    shown.update(1, LOGS)
    assert sys.stdout.flushes == 2


def run_epochs(epochs=3):
    shown = Progress(1, epochs, 2)
    for number in range(epochs):
        shown.epoch_begin(number)
        shown.update(1, LOGS)
        shown.epoch_end(2, LOGS)
    shown.close()


class Broken(io.StringIO):
    writes = 0

    def write(self, text):
        self.writes += 1
        raise BrokenPipeError(32, "Broken pipe")


def test_without_standard_output_training_goes_on(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    run_epochs()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    sys.stdout.close()
    run_epochs()
    monkeypatch.setattr(sys, "stdout", Broken())
    run_epochs()
    assert sys.stdout.writes == 1  # one failure is enough


def test_an_encoding_without_the_bar_gets_equals_signs(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    shown = Progress(1, steps=4)
    shown.epoch_begin(0)
    shown.epoch_end(4, {"précision": 1.0}, seconds=2.0)
    shown.close()
    line = b"4/4 ==================== 2s 500ms/step - pr?cision: 1.0000\n"
    assert stream.buffer.getvalue() == line


def test_a_reader_that_goes_away_does_not_end_the_program():
    script = """
        import sys
        from fastnn.progress import Progress
        shown = Progress(1, 20_000, 2)
        for number in range(20_000):
            shown.epoch_begin(number)
            shown.epoch_end(2, {"loss": 0.5})
        shown.close()
        print("trained on", file=sys.stderr)
    """
    root = str(Path(progress.__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root, "PYTHONUTF8": "1"},
    )
    assert process.stdout.readline() == b"Epoch 1/20000\n"
    process.stdout.close()
    error = process.stderr.read().decode()
    process.stderr.close()
    process.wait(30)
    assert error.startswith("trained on\n")
    assert "Traceback" not in error


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_real_terminal_is_recognised(monkeypatch):
    master, slave = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        shown = Progress(1, steps=4)
        shown.epoch_begin(0)
        shown.epoch_end(4, {"loss": 0.5}, seconds=1.0)
        text = os.read(master, 1000).decode()
    os.close(master)
    assert text.startswith("\r\x1b[1m4/4\x1b[0m ") and text.endswith("- loss: 0.5000\r\n")
