"""A program that is killed at any instant and started again ends as if nothing had happened.

FASTNN_KILLS=200 pytest tests/test_pull_the_plug.py kills that many times in all.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import plug_programs
import pytest

import fastnn

KILLS = int(os.environ.get("FASTNN_KILLS", "12"))
NAMES = [name for name in plug_programs.PROGRAMS if name != "tiny"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(fastnn.__file__).parents[1])}


def started(name, folder):
    """The program in a process of its own, when it has imported what it needs."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", plug_programs.__file__, name, str(folder)], text=True,
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def finished(process):
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def results(folder):
    """All that is left, but for the backup and what a kill in the middle of a save leaves."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())
            if path.name not in ("run.backup", "backup") and not path.name.startswith(".fastnn-")}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_killed_at_random_times(name, tmp_path):
    begin = time.perf_counter()
    process = started(name, tmp_path / "whole")
    ready = time.perf_counter()
    finished(process)
    seconds = time.perf_counter() - ready
    expected = results(tmp_path / "whole")
    rng, kills, rounds = random.Random(name), 0, 0
    while kills < KILLS / len(NAMES):
        folder, rounds = tmp_path / f"round {rounds}", rounds + 1
        for most in range(4, -1, -1):
            process = started(name, folder)
            wait = rng.uniform(0, 0.7 * seconds) if most else 120
            try:
                _, errors = process.communicate(timeout=wait)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
                process.communicate()
        assert process.returncode == 0, errors
        assert results(folder) == expected
    print(f"{name}: {kills} kills in {rounds} rounds, {time.perf_counter() - begin:.1f} s")


# A process forks for every operation on files, and the child is killed there: half of what it was
# to write is written.
OPERATIONS = """if True:
    import os, signal, sys
    from pathlib import Path
    from fastnn import _archive
    import plug_programs

    folder, left = Path(sys.argv[1]), 0

    def die_at_last():
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrap(function):
        def call(*args, **kwargs):
            die_at_last()
            return function(*args, **kwargs)
        return call

    class File:
        def __init__(self, file):
            self.file = file
        def write(self, data):
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            die_at_last()
            self.file.write(data[len(data) // 2 :])
        def __enter__(self):
            return self
        def __exit__(self, *exception):
            self.file.close()
        def __getattr__(self, name):
            return getattr(self.file, name)

    plug_programs.run("tiny", folder)  # so that all is imported before a fork
    plain = open
    _archive.open = lambda path, mode: (plain(path, mode) if "r" in mode else
                                        File(plain(path, mode)))
    for name in ("fsync", "replace", "chmod"):
        setattr(os, name, wrap(getattr(os, name)))

    def run(place, at):
        global left
        place.mkdir(exist_ok=True)
        if (child := os.fork()) == 0:
            left = at
            plug_programs.run("tiny", place)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def results(place):
        return {p.name: p.read_bytes() for p in place.iterdir() if p.name[0] != "."}

    assert run(folder / "whole", 0) == 0
    expected = results(folder / "whole")
    for at in range(1, 10**6):
        place = folder / str(at)
        if (code := run(place, at)) == 0:
            break
        assert code == -signal.SIGKILL, code
        assert run(place, 0) == 0, at
        assert results(place) == expected, at
        assert all(str(left).startswith(_archive._temporary(str(place / "model.fastnn")))
                   for left in place.glob(".fastnn-*")), at  # what a backup left is cleared away
    print(at - 1)
"""


@pytest.mark.slow
def test_killed_at_every_operation_on_files(tmp_path):
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(
        [ENVIRONMENT["PYTHONPATH"], str(Path(__file__).parent)])}
    done = subprocess.run([sys.executable, "-W", "error", "-c", OPERATIONS, str(tmp_path)],
                          text=True, env=environment, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60  # backups and the model, of some 20 operations each
    print(done.stdout)
