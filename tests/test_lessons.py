"""Every lesson of the notes runs and its claim holds."""

import subprocess
import sys

import pytest

from fastnn import lessons
from fastnn.lessons import __main__ as command
from fastnn.lessons import _tools


@pytest.mark.parametrize("name", lessons.NAMES)
def test_a_lesson_holds(name, capsys):
    lessons.run(name)
    assert capsys.readouterr().out.count("\n") > 3


def test_lessons_are_listed_and_run_by_name(capsys):
    assert command.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(lessons.NAMES)
    done = subprocess.run([sys.executable, "-m", "fastnn.lessons", "zero"], capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 0 and "different neurons" in done.stdout
    assert not done.stderr


def test_what_is_no_lesson_and_what_does_not_hold(monkeypatch, capsys):
    assert command.main(["zeros"]) == 2
    assert "There is no lesson 'zeros'. Lessons: perceptron" in capsys.readouterr().err
    monkeypatch.setattr(lessons, "run", lambda name: _tools.claim("Two is one.", False))
    assert command.main(["zero"]) == 1
    assert "The claim of zero does not hold: Two is one." in capsys.readouterr().err
