"""Saving where something is wrong: the data, the place, the disk, the power."""

import errno
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from model_files import equal, members_of, tiny, trained

import fastnn
from fastnn import (
    _archive,
)
from fastnn.saving import load_model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.fastnn"


@pytest.mark.parametrize("metadata, match", [
    ({"a": float("nan")}, "not JSON compliant"), ({"a": np.inf}, "not JSON compliant"),
    ({"a": {1, 2}}, r"received \{1, 2\} of type set"), (print, "of type builtin"),
    ({"a": 1, 2: 3}, "not supported between"), ({1: 0, "1": 0}, "twice|not supported"),
    (json.loads("[" * 70 + "]" * 70), "nested more than 64"), ("x" * (17 << 20), "larger than"),
])
def test_metadata_that_json_cannot_hold(path, metadata, match):
    with pytest.raises(ValueError, match=rf"metadata.json cannot be saved.*{match}"):
        tiny().save(path, metadata=metadata)
    assert os.listdir(path.parent) == []


def test_metadata_of_numpys_types(path):
    tiny().save(path, metadata={"n": np.int64(3), "x": np.float64(0.1), "a": np.ones(2), "t": (1,)})
    model = load_model(path)
    assert model.metadata == {"n": 3, "x": 0.1, "a": [1.0, 1.0], "t": [1]}
    model.save(path)  # metadata stay with the model until others are given
    assert load_model(path).metadata == model.metadata


def test_where_to_save(path):
    model = tiny()
    model.save(path)
    for save in (model.save, model.save_weights):
        with pytest.raises(FileExistsError, match="overwrite is False"):
            save(path, overwrite=False)
        save(path.with_name(save.__name__), overwrite=False)
    for place in (path.parent, os.devnull):
        with pytest.raises(FileExistsError, match="a folder or a device"):
            model.save(place)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    model.save(os.fsencode(path))
    with pytest.raises(FileNotFoundError, match="no such folder"):
        model.save(path / ".." / "nowhere" / "model")
    link = path.with_name("link")
    link.symlink_to(path)
    path.write_bytes(b"old")
    model.save(link)
    assert link.is_symlink() and equal(load_model(path), model)


def test_permissions(path):
    mask = os.umask(0o027)
    try:
        tiny().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)  # what the owner chose stays
        tiny().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(mask)


class Faults:
    """Lets the n-th operation on files fail; writes then get half of their bytes down."""

    def __init__(self, monkeypatch, n, error):
        self.left, self.error, self.names = n, error, []
        monkeypatch.setattr(_archive, "open", self.open, raising=False)
        for name in ("fsync", "replace", "chmod"):
            monkeypatch.setattr(_archive.os, name, self.wrap(name, getattr(os, name)))

    def count(self, name):
        self.names.append(name)
        self.left -= 1
        return self.left == 0

    def wrap(self, name, function):
        def call(*args, **kwargs):
            if self.count(name):
                raise self.error
            return function(*args, **kwargs)
        return call

    def open(self, path, mode):
        if self.count("open"):
            raise self.error
        return FaultyFile(path, mode, self)


class FaultyFile:
    def __init__(self, path, mode, faults):
        self.file, self.faults = open(path, mode), faults  # noqa: SIM115 - __exit__ closes it
        self.fileno, self.flush = self.file.fileno, faults.wrap("flush", self.file.flush)
        self.read = faults.wrap("read", self.file.read)
        self.tell, self.seek = self.file.tell, self.file.seek

    def write(self, data):
        if self.faults.count("write"):
            self.file.write(data[: len(data) // 2])
            raise self.faults.error
        return self.file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"),
                                   KeyboardInterrupt()], ids=["full", "interrupted"])
def test_whatever_fails_leaves_the_old_file(path, monkeypatch, error):
    new = tiny()
    new.params[:] = 7
    new.save(path)
    after = path.read_bytes()
    tiny().save(path)
    before = path.read_bytes()
    failed = []
    for n in range(1, 1000):
        with monkeypatch.context() as patch:
            faults = Faults(patch, n, error)
            try:
                new.save(path)
                if faults.left > 0:
                    break
            except type(error) as raised:
                assert raised is error
                failed.append(faults.names[-1])
            moved = "replace" in faults.names[:-1]
            assert path.read_bytes() == (after if moved else before), faults.names
            assert os.listdir(path.parent) == [path.name], faults.names
            path.write_bytes(before)
    # header and contents of manifest and members, then the directory with its end
    assert failed.count("write") == 2 * (1 + len(members_of(path))) + 1
    assert {"open", "flush", "fsync", "read", "replace", "chmod"} <= set(failed)
    assert path.read_bytes() == after


@pytest.mark.parametrize("fault", [
    lambda data: data[:-1], lambda data: b"", lambda data: data + data,
    lambda data: bytes(data[:-1]) + bytes([data[-1] ^ 4])], ids=["cut", "lost", "twice", "flipped"])
def test_what_a_bad_disk_wrote_is_noticed(path, monkeypatch, fault):
    tiny().save(path)
    before = path.read_bytes()
    for place in range(5):
        with monkeypatch.context() as patch:
            pieces = _archive._pieces
            patch.setattr(_archive, "_pieces", lambda *a, place=place, pieces=pieces: (
                fault(p) if i == place else p for i, p in enumerate(pieces(*a))))
            with pytest.raises(OSError, match="read back is not what was written"):
                trained().save(path)
        assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def in_new_process(code, *arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(Path(fastnn.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_a_file_that_may_not_grow(path):
    tiny().save(path)
    before = path.read_bytes()
    code = """if True:
        import resource, signal, sys, fastnn
        model = fastnn.load_model(sys.argv[1])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for size in range(0, len(open(sys.argv[1], "rb").read()), 97):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            try:
                model.save(sys.argv[1])
                print("saved", size)
            except OSError as error:
                assert error.errno == 27, error
    """
    process = in_new_process(code, path)
    assert process.communicate(timeout=60) == ("", "") and process.returncode == 0
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


@pytest.mark.slow
def test_killed_while_saving(path):
    code = """if True:
        import sys, fastnn
        model = fastnn.load_model(sys.argv[1])
        print("ready", flush=True)
        for i in range(10**6):
            model.params[:] = i
            model.save(sys.argv[1], metadata=list(range(i % 7 * 3000)))
    """
    tiny().save(path)
    for delay in (0.0, 0.011, 0.023, 0.047, 0.08):
        process = in_new_process(code, path)
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.kill()
        process.communicate()
        model = load_model(path)
        assert len(set(model.params.tolist())) <= 2  # one save's numbers, whole
    left = [name for name in os.listdir(path.parent) if name != path.name]
    assert all(name.startswith(".fastnn-") and name.endswith(".tmp") for name in left)


def test_a_folder_that_cannot_be_synced_is_no_failure(path, monkeypatch):
    def refuse(folder):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(_archive, "_sync_folder", refuse)
    tiny().save(path)
    load_model(path)
