"""Weights in HDF5 files as Keras 3 writes them: read as data, nothing else.

A file is a tree of groups: ``layers/dense_1/vars/0`` is the first array of the second Dense layer.
Groups are named after the layers' classes, in the order of the layers, whatever their own names.
The model says which arrays are read and of what shape; a file with others is refused before
anything of it is read, so no file makes fastnn take more memory than its model has.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections import Counter

import numpy as np

from fastnn.naming import snake_case

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MEMBER = "model.weights.h5"  # in a .keras file
LARGEST = 8 << 30  # bytes of that member
MOST_PACKED = 64  # times what it takes in the file a member may be, and 16 MB more
LONGEST_LIST = 1 << 20  # bytes of the list of members: zipfile reads all of it, slowly


def is_keras_file(path) -> bool:
    """Whether a file holds weights of Keras's: HDF5, or a .keras file."""
    if not os.path.isfile(path):  # a pipe would be waited for
        return False
    with open(path, "rb") as file:
        signature = file.read(len(SIGNATURE))
    return signature == SIGNATURE or is_keras_model(path)


def is_keras_model(path) -> bool:
    """Whether a file is a .keras file: a zip with HDF5 in it."""
    if not os.path.isfile(path):
        return False
    try:
        with _archive(path) as archive:
            return MEMBER in archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False


def _archive(path) -> zipfile.ZipFile:
    """The archive, once its end says that it is one, without a comment, and its list short."""
    with open(path, "rb") as file:
        file.seek(-min(98, os.path.getsize(path)), os.SEEK_END)
        end = file.read()
    size = int.from_bytes(end[-10:-6], "little")
    if end[-42:-38] == b"PK\6\7" and len(end) == 98:  # the size is in the 64-bit part
        size = int.from_bytes(end[40:48], "little")
    if end[-22:-18] != b"PK\5\6" or end[-2:] != b"\0\0" or size > LONGEST_LIST:
        raise zipfile.BadZipFile("it is no archive as Keras writes them")
    return zipfile.ZipFile(os.fsdecode(path))


def load_weights(model, path) -> None:
    """Copy the arrays of a .weights.h5 or .keras file into a built model.

    Raises ValueError if they do not fit, and then nothing has changed; ImportError without h5py.
    """
    model._require_built()
    h5py = _h5py()
    with _opened(h5py, path) as file:
        found: list[np.ndarray] = []
        _read(h5py, file, model, path, found)
    model.set_weights(found)


def _h5py():
    try:
        import h5py
    except ImportError:
        raise ImportError("To read Keras's files takes h5py: "
                          'pip install "fastnn[keras]"') from None
    return h5py


def _opened(h5py, path):
    """The file, or the one inside a .keras archive, opened for reading."""
    try:
        if not zipfile.is_zipfile(path):
            return h5py.File(path, "r")
        return h5py.File(io.BytesIO(read_member(path, MEMBER, LARGEST)), "r")
    except OSError as error:
        raise ValueError(f"{path} holds no HDF5 file that can be read: {error}") from None


def read_member(path, name: str, most: int) -> bytes:
    """A member of a .keras archive; a ValueError if it is not there, or larger than ``most``."""
    try:
        with _archive(path) as archive:
            info = archive.getinfo(name)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"{name} is packed in a way that Keras does not use")
            most = min(most, MOST_PACKED * info.compress_size + (16 << 20))
            if info.file_size > most:
                raise ValueError(f"{path} has more than {most >> 20} MB in {name}.")
            with archive.open(name) as member:
                data = member.read(most + 1)
    except (KeyError, zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError,
            zlib.error) as error:
        raise ValueError(f"{path} is no .keras file: {error}") from None
    if len(data) > most:
        raise ValueError(f"{path} has more than {most >> 20} MB in {name}.")
    return data


def _read(h5py, group, model, path, found: list) -> None:
    """Append the arrays of a model, layer by layer, in the order of its ``weights``."""
    layers = _child(h5py, group, "layers", path, h5py.Group)
    counts: Counter = Counter()
    for layer in model.layers:
        base = snake_case(type(layer).__name__)
        name = f"{base}_{counts[base]}" if counts[base] else base
        counts[base] += 1
        if hasattr(layer, "layers"):
            _read(h5py, _child(h5py, layers, name, path, h5py.Group), layer, path, found)
        elif layer.weights:
            own = _child(h5py, layers, name, path, h5py.Group)
            _read_layer(h5py, _child(h5py, own, "vars", path, h5py.Group), layer, path, found)




def _read_layer(h5py, group, layer, path, found: list) -> None:
    wanted = [variable.shape for variable in layer.weights]
    arrays = [_child(h5py, group, str(i), path, h5py.Dataset) for i in range(len(group))]
    shapes = [tuple(array.shape or ()) for array in arrays]
    if type(layer).__name__ == "Normalization":  # Keras counts, too, what `adapt` has seen
        arrays, shapes = arrays[: len(wanted)], shapes[: len(wanted)]
    if shapes != wanted:
        raise ValueError(f"The weights in {path} do not fit the layer {layer.name!r}. Expected "
                         f"arrays of shapes {wanted}; {group.name} has {shapes}.")
    for array in arrays:
        if array.dtype.kind not in "fiu" or array.is_virtual or array.external:
            raise ValueError(f"{array.name} of {path} is no plain array of numbers.")
        found.append(array[()])


def _child(h5py, group, name: str, path, kind):
    """A member of a group that lies in this file; links to other places are refused."""
    link = group.get(name, getlink=True)
    if link is not None and not isinstance(link, h5py.HardLink):
        raise ValueError(f"{group.name}/{name} of {path} is a link to another place.")
    child = None if link is None else group[name]
    if not isinstance(child, kind):
        what = "array" if kind is h5py.Dataset else "group"
        raise ValueError(f"The weights in {path} do not fit the model: expected the {what} "
                         f"{group.name.rstrip('/')}/{name}; there is none. {group.name} has "
                         f"{', '.join(sorted(group)[:20]) or 'nothing'}.")
    return child
