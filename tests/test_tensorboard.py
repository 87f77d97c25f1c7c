"""Event files: what TensorFlow reads in Keras's is what is read here in ours."""

import json
import runpy
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fastnn import Input, Sequential, callbacks
from fastnn.callbacks import tensorboard
from fastnn.layers import Dense

GOLDEN = Path(__file__).parent / "golden"
KERAS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_tensorboard.py")))
RESULTS = json.loads((GOLDEN / "tensorboard.json").read_text("utf-8"))


def crc32c(data):
    """Bit by bit, from the definition."""
    crc = 0xFFFFFFFF
    for byte in data:
        for i in range(8):
            bit = (crc ^ byte >> i) & 1
            crc = crc >> 1 ^ (0x82F63B78 if bit else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32)


def records(data):
    while data:
        header, (size,) = data[:8], struct.unpack("<Q", data[:8])
        assert data[8:12] == masked(header)
        record, check, data = data[12 : 12 + size], data[12 + size : 16 + size], data[16 + size :]
        assert check == masked(record)
        yield record


def varint(data, at):
    number = shift = 0
    while True:
        byte, at = data[at], at + 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def fields(data):
    """{field number: value} of a protocol buffer message."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            found[key >> 3], at = varint(data, at)
        else:
            size, at = varint(data, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
            found[key >> 3], at = data[at : at + size], at + size
    return found


def scalars(folder):
    """As make_tensorboard.scalars, without TensorFlow."""
    found = []
    for path in sorted(Path(folder).rglob("events.out.tfevents.*")):
        first, *events = map(fields, records(path.read_bytes()))
        assert first[3] == b"brain.Event:2" and path.name.endswith(".v2")
        for event in events:
            assert struct.unpack("<d", event[1])[0] > 1.7e9  # seconds since 1970
            value = fields(fields(event[5])[1])
            tensor, meta = fields(value[8]), fields(value[9])
            assert tensor[1] == 1
            (number,) = struct.unpack("<f", tensor[4])
            assert meta[4] == 1  # the class of the data
            found.append([path.parent.name, value[1].decode(), event.get(2, 0), number,
                          fields(meta[1])[1].decode()])
    return found


@pytest.mark.parametrize("name", KERAS.OPTIONS)
def test_scalars_are_those_of_keras(name, tmp_path):
    KERAS.play(callbacks, KERAS.stand_in(), KERAS.OPTIONS[name], tmp_path)
    # where Keras writes by batch it leaves out some of what it writes by epoch
    expected = RESULTS[name] + [row for row in RESULTS["epochs"] if row not in RESULTS[name]]
    assert sorted(scalars(tmp_path)) == sorted(expected)


def test_long_and_large_things_fit(tmp_path):
    file = tensorboard.EventFile(str(tmp_path))
    file.write({"x" * 300: 1e300, "é": float("nan")}, 2**40)
    (a, b) = scalars(tmp_path)
    assert a[1:4] == ["x" * 300, 2**40, np.inf]
    assert b[1] == "é" and np.isnan(b[3])


@pytest.mark.parametrize("data", [b"", b"a", b"123456789", bytes(range(256))])
def test_the_checksum(data):
    assert tensorboard.crc32c(data) == crc32c(data)


def test_fit_and_evaluate_write(tmp_path):
    model = Sequential([Input((2,)), Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 2))
    board = callbacks.TensorBoard(tmp_path, write_steps_per_second=True)
    history = model.fit(x, x[:, 0], epochs=3, validation_split=0.5, verbose=0, callbacks=board)
    model.evaluate(x, x[:, 0], verbose=0, callbacks=board)
    found = {}
    for folder, tag, step, value, *_ in scalars(tmp_path):
        found.setdefault((folder, tag), []).append((step, value))
    for folder, name in ("train", "loss"), ("validation", "val_loss"):
        steps, values = zip(*found[folder, "epoch_loss"], strict=True)
        assert steps == (0, 1, 2)
        np.testing.assert_allclose(values, history.history[name], rtol=1e-6)
    assert [v for _, v in found["train", "epoch_learning_rate"]] == [np.float32(0.01)] * 3
    assert all(v > 0 for _, v in found["train", "epoch_steps_per_second"])
    assert [s for s, _ in found["validation", "evaluation_loss_vs_iterations"]] == [1, 2, 3, 3]


def histograms(folder):
    """{tag: (step, buckets)} of the event files."""
    found = {}
    for path in sorted(Path(folder).rglob("events.out.tfevents.*")):
        for event in map(fields, list(records(path.read_bytes()))[1:]):
            value = fields(fields(event[5])[1])
            tensor, meta = fields(value[8]), fields(value[9])
            if fields(meta[1])[1] == b"histograms":
                assert (tensor[1], meta[4]) == (2, 2)
                rows = np.frombuffer(tensor[4], "<f8").reshape(30, 3)
                found.setdefault(value[1].decode(), []).append((event.get(2, 0), rows))
    return found


def test_histograms_of_the_weights(tmp_path):
    model = Sequential([Input((20,)), Dense(30, name="wide")])
    model.compile("sgd", "mse")
    x = np.ones((8, 20))
    model.fit(x, np.zeros((8, 30)), epochs=3, verbose=0,
              callbacks=callbacks.TensorBoard(tmp_path, histogram_freq=2))
    found = histograms(tmp_path)
    assert list(found) == ["wide/kernel/histogram", "wide/bias/histogram"]
    kernels = found["wide/kernel/histogram"]
    assert [step for step, _ in kernels] == [0, 2]
    for _, rows in kernels:
        assert rows[:, 2].sum() == 600
        np.testing.assert_allclose(rows[1:, 0], rows[:-1, 1])
    kernel, (_, last) = model.layers[0].kernel.astype(np.float64), kernels[-1]
    assert last[0, 0] == kernel.min() and last[-1, 1] == kernel.max()
    assert last[:5, 2].sum() == (kernel < last[5, 0]).sum()


def test_a_histogram_of_equal_numbers_and_of_none():
    equal = tensorboard.buckets(np.full(5, 2.0))
    assert (equal[:, :2] == 2).all() and equal[:, 2].tolist() == [0] * 29 + [5]
    assert tensorboard.buckets(np.full(3, np.nan))[:, 2].sum() == 0
