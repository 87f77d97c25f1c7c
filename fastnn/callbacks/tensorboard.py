"""TensorBoard's event files, written without TensorFlow.

A file is a row of records: length (8 bytes), its checksum, the data, their checksum; the checksums
are CRC-32C, rotated by 15 bits and shifted by a constant (TFRecord). The data are a protocol buffer
`Event` (tensorboard/compat/proto/event.proto), of which a scalar needs a dozen fields.
"""

from __future__ import annotations

import os
import struct
import time
from functools import cache
from itertools import count

import numpy as np

from fastnn.callbacks.base import Callback

_SCALARS, _TENSORS = 1, 2  # SummaryMetadata.DATA_CLASS_SCALAR, DATA_CLASS_TENSOR
_FLOAT, _DOUBLE = 1, 2  # DataType.DT_FLOAT, DT_DOUBLE
BUCKETS = 30  # of a histogram
_files = count()  # so that two files of one second have two names


class TensorBoard(Callback):
    """Write losses and metrics where TensorBoard shows them: ``tensorboard --logdir logs``.

    log_dir : gets the folders ``train`` and ``validation``.
    histogram_freq : every so many epochs a histogram of each weight, ``LAYER/WEIGHT/histogram``.
    update_freq : "epoch", or a number: also the logs so far, every so many batches ("batch": 1).
    write_steps_per_second : also how many batches a second.

    Tags and steps are Keras's: ``epoch_NAME`` by epoch in both folders and ``epoch_learning_rate``,
    ``batch_NAME`` by batch, ``evaluation_NAME_vs_iterations`` by the optimizer's iterations.
    ``write_graph`` and ``write_images`` are accepted and write nothing; ValueError for the other
    arguments of Keras's, which would have to write profiles or embeddings.
    """

    remembers = ("_batch",)

    def __init__(self, log_dir="logs", histogram_freq: int = 0, write_graph: bool = True,
                 write_images: bool = False, write_steps_per_second: bool = False,
                 update_freq: str | int = "epoch", profile_batch=0, embeddings_freq: int = 0,
                 embeddings_metadata=None):
        super().__init__()
        absent = {"profile_batch": profile_batch, "embeddings_freq": embeddings_freq,
                  "embeddings_metadata": embeddings_metadata}
        for name, value in absent.items():
            if value:
                raise ValueError(f"TensorBoard writes scalars and histograms: leave {name} out, "
                                 f"received {value!r}.")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._files: dict[str, EventFile] = {}
        self._batch = 0  # batches of this training
        self._started = (0.0, 0)  # the epoch: when, and at which iteration
        if update_freq != "epoch":
            freq = self.update_freq
            if isinstance(freq, bool) or not isinstance(freq, int) or freq < 1:
                raise ValueError("update_freq must be 'epoch', 'batch' or a number of batches, "
                                 f"received {update_freq!r}.")
            self.on_train_batch_end = self._batch_end

    def set_model(self, model) -> None:
        super().set_model(model)
        self._files = {}

    def on_train_begin(self, logs=None):
        self._batch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter(), self.model.optimizer.iterations

    def _batch_end(self, batch, logs=None):
        self._batch += 1
        if self._batch % self.update_freq == 0:
            self._write("train", {f"batch_{name}": v for name, v in logs.items()}, self._batch)

    def on_test_end(self, logs=None):
        iterations = self.model.optimizer.iterations
        found = {f"evaluation_{name}_vs_iterations": v for name, v in logs.items()}
        self._write("validation", found, iterations)

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        train = {name: v for name, v in logs.items() if not name.startswith("val_")}
        if hasattr(optimizer, "learning_rate"):
            train["learning_rate"] = float(optimizer.learning_rate)
        if self.write_steps_per_second:
            start, before = self._started
            train["steps_per_second"] = (
                (optimizer.iterations - before) / (time.perf_counter() - start))
        validation = {name[4:]: v for name, v in logs.items() if name.startswith("val_")}
        for folder, values in ("train", train), ("validation", validation):
            self._write(folder, {f"epoch_{name}": v for name, v in values.items()}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            weights = {f"{layer.name}/{weight.name}/histogram": buckets(weight.value)
                       for layer in self.model.layers for weight in layer.weights}
            self._write("train", weights, epoch)

    def _write(self, folder: str, values: dict, step: int) -> None:
        if values and folder not in self._files:
            self._files[folder] = EventFile(os.path.join(self.log_dir, folder))
        if values:
            self._files[folder].write(values, step)


class EventFile:
    """A new event file in a folder, which is made if need be."""

    def __init__(self, folder: str):
        import socket

        os.makedirs(folder, exist_ok=True)
        name = f"{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_files)}"
        self.path = os.path.join(folder, f"events.out.tfevents.{name}.v2")
        self._append([_event(time.time(), _bytes(3, b"brain.Event:2"))])

    def write(self, values: dict, step: int) -> None:
        """A scalar, or the buckets of a histogram, for each name, as of ``step``.

        They are in the file when this returns.
        """
        now = time.time()
        self._append([_event(now, _bytes(5, _bytes(1, _value(name, value))), step)
                      for name, value in values.items()])

    def _append(self, events: list[bytes]) -> None:
        # opened each time: nothing is lost, or left open, when training ends in an error
        with open(self.path, "ab") as file:
            file.write(b"".join(map(record, events)))


def record(data: bytes) -> bytes:
    """Data as a TFRecord."""
    length = struct.pack("<Q", len(data))
    return b"".join([length, _masked(length), data, _masked(data)])


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@cache
def _crc_table() -> list[int]:
    """For each byte, its remainder; Castagnoli's polynomial, bits reversed (RFC 3720, B.4)."""
    table = list(range(256))
    for _ in range(8):
        table = [crc >> 1 ^ (0x82F63B78 if crc & 1 else 0) for crc in table]
    return table


def crc32c(data: bytes) -> int:
    """The checksum CRC-32C.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


# protocol buffers: a field is its number and its type, then its value


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _integer(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _event(seconds: float, what: bytes, step: int = 0) -> bytes:
    """Event: wall_time = 1, step = 2, and a field of its one-of."""
    return struct.pack("<Bd", 1 << 3 | 1, seconds) + (_integer(2, step) if step else b"") + what


def _value(tag: str, value) -> bytes:
    """Summary.Value: tag = 1, tensor = 8, metadata = 9 (its plugin = 1, its class of data = 4)."""
    if np.ndim(value):
        tensor, plugin, data = _tensor(_DOUBLE, value, "<f8"), b"histograms", _TENSORS
    else:
        with np.errstate(over="ignore"):  # what is too large for float32 is shown as infinite
            tensor, plugin, data = _tensor(_FLOAT, value, "<f4"), b"scalars", _SCALARS
    metadata = _bytes(1, _bytes(1, plugin)) + _integer(4, data)
    return _bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, metadata)


def _tensor(code: int, value, dtype: str) -> bytes:
    """TensorProto: dtype = 1, shape = 2 (a message of dimensions, their sizes), content = 4."""
    array = np.asarray(value).astype(dtype)
    shape = b"".join(_bytes(2, _integer(1, size)) for size in array.shape)
    return _integer(1, code) + _bytes(2, shape) + _bytes(4, array.tobytes())


def buckets(weights: np.ndarray) -> np.ndarray:
    """How many weights lie in each of 30 equal parts of their range: rows of left, right, count.

    If all are equal, every part is that number and the last has the count; what is not finite is
    left out.

    >>> import numpy as np
    >>> buckets(np.array([0.0, 3.0, 3.0]))[[0, 29]]
    array([[0. , 0.1, 1. ],
           [2.9, 3. , 2. ]])
    """
    numbers = np.asarray(weights, np.float64).ravel()
    numbers = numbers[np.isfinite(numbers)]
    least, most = (numbers.min(), numbers.max()) if numbers.size else (0.0, 0.0)
    if least == most:
        found = np.full((BUCKETS, 3), [least, least, 0.0])
        found[-1, 2] = numbers.size
        return found
    counts, edges = np.histogram(numbers, BUCKETS, (least, most))
    return np.column_stack([edges[:-1], edges[1:], counts])
