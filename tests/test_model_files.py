"""Model files: what is refused, and what every later version has to read."""

import io
import json
import os
import pickle
import stat
import sys
import time
import tracemalloc
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import craft, equal, members_of, tiny, trained

from fastnn import (
    _archive,
    backends,
    losses,
    metrics,
    saving,
)
from fastnn.saving import CorruptModelError, load_model

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.fastnn"


def refused(path, member=None, match=None):
    """That loading fails as it should, saying where."""
    with pytest.raises(CorruptModelError, match=match) as caught:
        load_model(path)
    assert str(path) in str(caught.value) and "take another copy" in str(caught.value)
    assert member in (None, caught.value.member)
    return caught.value


def test_every_byte_counts(path):
    tiny().save(path, metadata={"a": 1})
    data = path.read_bytes()
    with path.open("r+b", buffering=0) as file:  # opening it each time would take most of the time
        for i, byte in enumerate(data):
            for wrong in (byte ^ 0xFF, byte ^ 1 << i % 8):
                os.pwrite(file.fileno(), bytes([wrong]), i)
                with pytest.raises(CorruptModelError):
                    load_model(path)
            os.pwrite(file.fileno(), bytes([byte]), i)
    load_model(path)


def test_every_length_counts(path):
    tiny().save(path)
    data = path.read_bytes()
    for n in reversed(range(len(data))):
        os.truncate(path, n)
        with pytest.raises(CorruptModelError):
            load_model(path)
    for wrong in (data + b"\0", data + data, b"\0" + data, data[:-22], data[98:]):
        path.write_bytes(wrong)
        refused(path)


def test_swapped_and_replaced_parts(path):
    model = trained()
    model.save(path)
    members = members_of(path)
    data = path.read_bytes()
    old, new = members["weights/normal/beta.npy"], members["weights/normal/gamma.npy"]
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    refused(path, "weights/normal/beta.npy", "checksum")
    # with zip's checksum made right there is still the manifest's
    real, fake = (_archive._headers("weights/normal/beta.npy", part, data.index(old) - 73)
                  for part in (old, new))
    for before, after in ((old, new), *zip(real, fake, strict=True)):
        data = data.replace(before, after)
    path.write_bytes(data)
    refused(path, "weights/normal/beta.npy", "SHA-256")


def edit_json(name, change):
    def edit(members):
        value = json.loads(members[name])
        change(value)
        members[name] = json.dumps(value).encode()
    return edit


def put(name, data):
    return lambda members: members.update({name: data})


def npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


KERNEL = "weights/d/kernel.npy"
HOSTILE = {
    "no configuration": (lambda m: m.pop("config.json"), "config.json"),
    "a missing array": (lambda m: m.pop(KERNEL), KERNEL),
    "one array more": (put("weights/e/kernel.npy", b""), "weights/e/kernel.npy"),
    "an unknown member": (put("run.py", b"import os"), "run.py"),
    "training without compile": (lambda m: m.pop("compile.json"), None),
    "slots without counters": (lambda m: m.pop("training.json"), "training.json"),
    "counters without slots": (lambda m: m.pop("optimizer/slots.npy"), "training.json"),
    "another shape": (put(KERNEL, saving._npy(np.zeros((2, 1), "f4"))), KERNEL),
    "integers": (put(KERNEL, npy(np.zeros((1, 1), "i4"))), KERNEL),
    "half precision": (put(KERNEL, npy(np.zeros((1, 1), "f2"))), KERNEL),
    "big-endian": (put(KERNEL, npy(np.zeros((1, 1), ">f4"))), KERNEL),
    "another type than the others": (put(KERNEL, saving._npy(np.zeros((1, 1)))), "config.json"),
    "too few numbers": (put(KERNEL, saving._npy(np.zeros((1, 1), "f4"))[:-1]), KERNEL),
    "too many numbers": (put(KERNEL, saving._npy(np.zeros((1, 1), "f4")) + b"\0"), KERNEL),
    "a shape of 2^40": (put(KERNEL, saving._npy_header("<f4", (2**40, 2**40))), KERNEL),
    "objects": (put(KERNEL, npy(np.array([[{}]]), allow_pickle=True)), KERNEL),
    "a pickle": (put(KERNEL, pickle.dumps(np.zeros((1, 1), "f4"))), KERNEL),
    "code in a header": (put(KERNEL, b"\x93NUMPY\x01\x00\x16\x00__import__('os').abort()\n"),
                         KERNEL),
    "wide slots": (put("optimizer/slots.npy", saving._npy(np.zeros((9, 2), "f4"))),
                   "optimizer/slots.npy"),
    "slots of another type": (put("optimizer/slots.npy", saving._npy(np.zeros((1, 2)))),
                              "optimizer/slots.npy"),
    "no JSON": (put("config.json", b"\x80\x04K*."), "config.json"),
    "half a JSON": (put("config.json", b'{"class_name"'), "config.json"),
    "not UTF-8": (put("metadata.json", b'"\xff"'), "metadata.json"),
    "NaN": (put("metadata.json", b"[NaN]"), "metadata.json"),
    "infinity": (put("metadata.json", b"-Infinity"), "metadata.json"),
    "1e999": (put("metadata.json", b"[1e999]"), "metadata.json"),
    "an integer of 10^5 digits": (put("metadata.json", b"9" * 10**5), "metadata.json"),
    "a key twice": (put("metadata.json", b'{"a": 1, "a": 2}'), "metadata.json"),
    "10^6 lists deep": (put("metadata.json", b"[" * 10**6 + b"]" * 10**6), "metadata.json"),
    "10^5 objects deep": (put("config.json", b'{"a":' * 10**5 + b"1" + b"}" * 10**5),
                          "config.json"),
    "17 MB of JSON": (put("metadata.json", b'"' + b"x" * (17 << 20) + b'"'), "metadata.json"),
    "a list for a model": (put("config.json", b"[1]"), "config.json"),
    "a name for a model": (put("config.json", b'"Sequential"'), "config.json"),
    "no layers": (edit_json("config.json", lambda c: c["config"].pop("layers")), "config.json"),
    "10,001 layers": (edit_json("config.json", lambda c: c["config"].update(
        layers=[{"class_name": "Flatten", "config": {}}] * 10_001)), "config.json"),
    "an argument that is not one": (edit_json("config.json", lambda c: c["config"]["layers"][1][
        "config"].update(function="os.system")), "config.json"),
    "2^62 units": (edit_json("config.json", lambda c: c["config"]["layers"][1]["config"].update(
        units=2**62)), None),
    "-1 units": (edit_json("config.json", lambda c: c["config"]["layers"][1]["config"].update(
        units=-1)), "config.json"),
    "a rate of 1e308": (edit_json("config.json", lambda c: c["config"]["layers"].append(
        {"class_name": "Dropout", "config": {"rate": 1e308}})), "config.json"),
    "a learning rate of -1": (edit_json("compile.json", lambda c: c["optimizer"]["config"].update(
        learning_rate=-1)), "compile.json"),
    "no optimizer": (edit_json("compile.json", lambda c: c.pop("optimizer")), "compile.json"),
    "an epoch of -1": (edit_json("training.json", lambda c: c.update(epoch=-1)), "training.json"),
    "2^63 steps": (edit_json("training.json", lambda c: c.update(step=2**63)), "training.json"),
    "half an epoch": (edit_json("training.json", lambda c: c.update(epoch=0.5)), "training.json"),
    "a true seed": (edit_json("training.json", lambda c: c.update(seed=True)), "training.json"),
    "slots of an unbuilt model": (lambda m: (
        edit_json("config.json", lambda c: c["config"]["layers"].pop(0))(m),
        m.pop(KERNEL), m.pop("weights/d/bias.npy"),
        m.update({"optimizer/slots.npy": saving._npy(np.zeros((1, 0), "f4"))})),
        "optimizer/slots.npy"),
    "a list of counters": (put("training.json", b"[1, 2]"), "training.json"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_sound_checksums_do_not_make_a_sound_file(path, case):
    edit, member = HOSTILE[case]
    tiny().save(path)
    members = members_of(path)
    edit(members)
    craft(path, members)
    tracemalloc.start()
    start = time.perf_counter()
    error = refused(path, member)
    seconds, memory = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 30 and memory < 100e6 + 3 * path.stat().st_size, (seconds, memory)
    assert len(str(error)) < 3000
    again = pickle.loads(pickle.dumps(error))  # as a pool of processes hands it on
    assert str(again) == str(error) and again.member == error.member


@pytest.mark.parametrize("kind, part", [("model", "config.json"), ("layer", "config.json"),
                                        ("optimizer", "compile.json"), ("loss", "compile.json")])
@pytest.mark.parametrize("name", ["os.system", "antigravity", "builtins.eval", "Lambda", "Twice"])
def test_what_a_file_names_is_never_imported_or_called(path, kind, part, name):
    def change(config):
        place = {"model": lambda: config, "layer": lambda: config["config"]["layers"][1],
                 "optimizer": lambda: config["optimizer"], "loss": lambda: config["loss"]}[kind]()
        place["class_name"] = name

    tiny().save(path)
    members = members_of(path)
    edit_json(part, change)(members)
    craft(path, members)
    with pytest.raises(ValueError, match=rf"{part}.*Unknown {kind}.*{name}.*custom_objects"):
        load_model(path)
    assert "antigravity" not in sys.modules


def test_loading_never_unpickles_or_imports_by_name(path, monkeypatch):
    model = trained()
    model.save(path)
    load_model(path)  # what fastnn itself imports late is there now

    def forbidden(*args, **kwargs):
        raise AssertionError(args)

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"),
                         (np, "load"), (np.lib.format, "read_array")):
        monkeypatch.setattr(module, name, forbidden)
    before = set(sys.modules)
    assert equal(load_model(path), model)
    assert set(sys.modules) == before


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_change_of_the_descriptions_is_refused_or_harmless(tmp_path_factory, data):
    """A fuzzer: one value somewhere in the JSON becomes another; only ValueError may come of it."""
    path = tmp_path_factory.getbasetemp() / "fuzzed.fastnn"
    if not path.exists():
        trained().save(path)
        path.with_suffix(".copy").write_bytes(path.read_bytes())
    members = members_of(path.with_suffix(".copy"))
    name = data.draw(st.sampled_from(["config.json", "compile.json", "training.json"]))
    place, key = [json.loads(members[name])], 0
    whole = place
    while place[key] and isinstance(place[key], (dict, list)) and data.draw(st.integers(0, 9)):
        place = place[key]
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys))
    simple = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    anything = st.recursive(simple | st.sampled_from(["Dense", "adam", 2**40, 10**12]), lambda s: (
        st.lists(s, max_size=3) | st.dictionaries(st.text(), s, max_size=3)), max_leaves=5)
    place[key] = data.draw(anything)
    members[name] = json.dumps(whole[0]).encode()
    craft(path, members)
    try:
        model = load_model(path)
    except ValueError:
        return
    assert model.params.nbytes < path.stat().st_size


def rezip(path, data, method=zipfile.ZIP_STORED, extra=(), comment=b"", rename=None):
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(path, "w", method) as target:
        for name in source.namelist():
            target.writestr((rename or {}).get(name, name), source.read(name))
        for name, content in extra:
            target.writestr(name, content)
        target.comment = comment


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_has_no_place_for_tricks(path):
    tiny().save(path)
    data = path.read_bytes()
    link = zipfile.ZipInfo("weights/d/kernel.npy")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for options in ({}, {"method": zipfile.ZIP_DEFLATED}, {"method": zipfile.ZIP_LZMA},
                    {"extra": [("config.json", b"{}")]}, {"extra": [("../../evil", b"")]},
                    {"extra": [("/etc/passwd", b"")]}, {"extra": [(link, b"/etc/passwd")]},
                    {"extra": [("bomb", b"\0" * 10**7)], "method": zipfile.ZIP_DEFLATED},
                    {"comment": b"hello"}, {"rename": {KERNEL: KERNEL.upper()}}):
        rezip(path, data, **options)
        refused(path)
    path.write_bytes(b"#!/bin/sh\n" + data)  # a self-extracting archive
    refused(path, "manifest.json", "not at the beginning")


@pytest.mark.parametrize("data", [
    b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), pickle.dumps({"a": 1}), b"\x89HDF\r\n\x1a\n",
    npy(np.zeros(3)), b"\0" * 10_000], ids=["empty", "start", "end", "pickle", "hdf5", "npy", "0"])
def test_files_that_are_something_else(path, data):
    path.write_bytes(data)
    refused(path, "manifest.json")


def manifest(**changes):
    value = {"format": "fastnn", "format_version": 1, "fastnn_version": "0.1.0",
             "contents": "model", "members": []} | changes
    return json.dumps({k: v for k, v in value.items() if v is not ...}).encode()


def member(**changes):
    return {"name": "config.json", "size": 0, "sha256": sha256(b"").hexdigest()} | changes


MANIFESTS = [
    manifest(format="keras"), manifest(format_version=0), manifest(format_version="1"),
    manifest(format_version=True), manifest(format_version=1.0), manifest(contents=7),
    manifest(contents="data"), manifest(fastnn_version=1),
    manifest(contents=...), manifest(more=1), manifest(members=None), manifest(members={}),
    manifest(members="ab"), manifest(members=[3]), manifest(members=["abc"]),
    manifest(members=[member(more=1)]), manifest(members=[member(size=-1)]),
    manifest(members=[member(size=1.0)]), manifest(members=[member(size=True)]),
    manifest(members=[member(size=2**62)]), manifest(members=[member(size=2**64)]),
    manifest(members=[member(size="0")]),
    manifest(members=[member(), member()]), manifest(members=[member(name="manifest.json")]),
    *(manifest(members=[member(name=name)]) for name in (
        "", "/etc/passwd", "../x", "a/../x", "a//b", "a\\b", "C:x", "ä", "a\nb", "./x", "x" * 2000,
        None, 3, ["a"])),
    manifest(members=[member(name=f"m{i}") for i in range(10_001)]), b"[]", b"null", b"{}",
]


@pytest.mark.parametrize("text", MANIFESTS, ids=lambda text: text[-60:].decode())
def test_manifests(path, text):
    header, entry = _archive._headers("manifest.json", text, 0)
    listed = json.loads(text)
    listed = listed.get("members") if isinstance(listed, dict) else []
    body = b""
    for m in listed if isinstance(listed, list) else ():
        if isinstance(m, dict) and isinstance(m.get("name"), str) and m["name"].isascii():
            local, more = _archive._headers(m["name"], b"", len(header) + len(text) + len(body))
            body, entry = body + local, entry + more
    end = _archive._end(1 + len(listed or ()), len(entry), len(header) + len(text) + len(body))
    path.write_bytes(header + text + body + entry + end)
    start = time.perf_counter()
    refused(path, "the file" if b"4611686018427387904" in text else "manifest.json")
    assert time.perf_counter() - start < 10


def test_nothing_is_allocated_for_what_the_file_does_not_hold(path):
    text = manifest(members=[member(size=2**40)])
    header, _ = _archive._headers("manifest.json", text, 0)
    with path.open("wb") as file:
        file.write(header + text)
        file.truncate(2**40)  # a sparse file of a terabyte takes no room on the disk
    tracemalloc.start()
    refused(path)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_newer_formats_say_so(path, monkeypatch):
    monkeypatch.setattr(_archive, "VERSION", 2)
    monkeypatch.setattr(_archive, "__version__", "9.9")
    craft(path, {"something": b"new"})
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"version 2 .* '9.9'.*Install a newer fastnn") as caught:
        load_model(path)
    assert not isinstance(caught.value, CorruptModelError)


def test_places_that_hold_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "nothing")
    refused(tmp_path, "the file", "a folder or a device")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "the file", "a folder or a device")  # and does not wait for a writer


# ---- the files of old versions ----


@pytest.mark.parametrize("version", range(1, _archive.VERSION + 1))
@pytest.mark.parametrize("backend", backends.available())
def test_the_files_of_every_version_load(version, backend):
    path = GOLDEN / f"format_{version}.fastnn"
    expected = json.loads(path.with_suffix(".json").read_text())
    assert sha256(path.read_bytes()).hexdigest() == expected["sha256"], "must never change"
    model = load_model(path, backend=backend)
    predictions = model.predict(np.array(expected["x"]))
    np.testing.assert_allclose(predictions, expected["predictions"], rtol=1e-5, atol=1e-6)
    assert model.optimizer.iterations == expected["iterations"]
    assert model.metadata == {"version": version, "classes": ["a", "b", "c"]}
    assert isinstance(model.trainer.loss, losses.SparseCategoricalCrossentropy)
    assert isinstance(model.trainer.metrics[0], metrics.SparseCategoricalAccuracy)
    model.fit(expected["x"], expected["y"], verbose=0)
