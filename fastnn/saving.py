"""Model files: ``model.save(path)``, ``load_model(path)``, and the same for weights alone.

A model file is data and nothing else: a zip of JSON and .npy arrays, readable with NumPy alone.

>>> import json, os, tempfile
>>> import numpy as np
>>> from fastnn import Input, Sequential, layers
>>> model = Sequential([Input((2,)), layers.Dense(3, name="only")])
>>> path = os.path.join(tempfile.mkdtemp(), "model.fastnn")
>>> model.save(path)
>>> with np.load(path) as file:
...     config = json.loads(file["config.json"])
...     weights = {name: file[name] for name in file.files if name.startswith("weights/")}
>>> config["class_name"], weights["weights/only/kernel"].shape
('Sequential', (2, 3))

========================  ==================================================================
config.json               {"class_name": ..., "config": ...} of the model: ``get_config``
compile.json              optimizer, loss and metrics, if the model was compiled
training.json             seed, epoch and step, if it was compiled; iterations, if it was trained
metadata.json             what the caller of ``save`` gave, if anything
weights/LAYER/NAME.npy    an array for each variable, in the order of ``model.weights``
optimizer/slots.npy       (slots, trained numbers): the optimizer's memory, if it was trained
========================  ==================================================================

In LAYER and NAME what is no letter, digit, ``_`` or ``-`` is written as in web addresses (%20).
`fastnn._archive` checks every byte before anything is made of it. A file names classes only, and
only those that fastnn, or the caller of `load_model`, has: it can make nothing else be imported or
called. Every later version of fastnn reads the files of this one.
"""

from __future__ import annotations

import math
import os
import re
import struct
from contextlib import contextmanager

import numpy as np

import fastnn.models  # noqa: F401 - for the classes that it registers
from fastnn import backends, losses, metrics, optimizers, registry
from fastnn._archive import CorruptModelError, dump_json, load_json, read, write
from fastnn.layers.base import stored_values

__all__ = ["CorruptModelError", "load_model", "load_weights", "save_model", "save_weights"]

CONFIG, COMPILE, TRAINING = "config.json", "compile.json", "training.json"
METADATA, SLOTS = "metadata.json", "optimizer/slots.npy"
MOST_LAYERS = 10_000  # building takes a time that grows with their square


# saving


def save_model(model, path, overwrite: bool = True, metadata=None) -> None:
    """Write a model with its weights, how it was compiled, and the state of its training.

    overwrite : whether a file of that name may be replaced; FileExistsError if not.
    metadata : what else to keep, plain data as JSON has it; None keeps ``model.metadata``.

    Equal models make equal files, byte for byte. The file is written beside its place and moved
    there when it is complete and checked, so an error or a crash leaves the old file as it was.
    Of a function (a metric, an initializer) only the name is kept.
    """
    _check_place(path, overwrite)
    _check_names(model)
    members = {CONFIG: dump_json(CONFIG, _without_arrays(registry.serialize(model)))}
    slots, compiled = None, model._get_compile_config()
    if compiled is not None:
        state = _training_state(model)
        slots = state.pop("slots", None)
        members[COMPILE] = dump_json(COMPILE, compiled)
        members[TRAINING] = dump_json(TRAINING, state)
    metadata = model.metadata if metadata is None else metadata
    if metadata is not None:
        members[METADATA] = dump_json(METADATA, metadata)
    members |= _weights(model)
    if slots is not None:
        members[SLOTS] = _npy(slots)
    write(path, "model", members)


def save_weights(model, path, overwrite: bool = True) -> None:
    """Write the arrays of ``model.get_weights()``; `load_weights` takes them back."""
    _check_place(path, overwrite)
    model._require_built()
    write(path, "weights", _weights(model))


def _check_place(path, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        import errno

        raise FileExistsError(errno.EEXIST, "There is a file already, and overwrite is False", path)


def _check_names(model) -> None:
    """A class of the caller's with the name of one of fastnn's would be loaded as the latter."""
    kinds = [("model", model), *(("layer", layer) for layer in model.leaves)]
    kinds += [("model", layer) for layer in model.layers if hasattr(layer, "layers")]
    if model._compiled is not None:
        loss = model._compiled["loss"]
        kinds += [("optimizer", model._compiled["optimizer"])]
        kinds += [("loss", one) for one in getattr(loss, "losses", [loss])]
    for variable in model.weights:
        kinds += [(kind, getattr(variable, kind)) for kind in ("constraint", "regularizer")]
    for kind, thing in kinds:
        cls = type(thing)
        known = registry.find(kind, registry.name_of(cls))
        if known not in (None, cls):
            raise ValueError(f"The class {cls.__module__}.{cls.__qualname__} cannot be saved: "
                             f"fastnn has another {kind} of that name. Rename it.")


def _training_state(model) -> dict:
    """Where training stands; what the optimizer remembers only if it fits the present variables.

    It does not after a change of ``trainable``, which holds from the next compile, or load, on.
    """
    state = {"epoch": 0, "step": 0}
    state |= model._state if model._trainer is None else model._trainer.get_state()
    state["seed"] = int(state["seed"]) % 2**64  # all that a generator sees of it
    if model._packed != model.trainable_weights + model.non_trainable_weights:
        state.pop("slots", None)
        state.pop("iterations", None)
    return state


def _without_arrays(config):
    """Arrays given as initializers have done their work: only their shape is worth keeping."""
    if isinstance(config, list):
        return [_without_arrays(item) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "Array" and "value" in config["config"]:
        name = f"array of shape {np.shape(config['config']['value'])}"
        return {"class_name": "Function", "config": {"name": name}}
    return {key: _without_arrays(value) for key, value in config.items()}


def _weights(model) -> dict[str, bytes]:
    """The members of a file that hold the model's arrays."""
    members = {}
    for layer in model.leaves:
        for variable in layer.weights:
            name = _member(layer.name, variable.name)
            if name in members:
                raise ValueError(f"Two layers have the name {layer.name!r}: give them different "
                                 "ones to save the model.")
            members[name] = _npy(variable.value)
    return members


# loading


def load_model(path, custom_objects: dict | None = None, compile: bool = True,
               backend: str | None = None):
    """The model of a file: weights, optimizer and all, so that training goes on to the last bit.

    custom_objects : {name: class or function} of what the model has that fastnn does not.
    compile : whether to compile it as it was; the state of its training comes with that.
    backend : as for ``compile``; a file does not keep it.

    Raises CorruptModelError, a ValueError, for a file in which one byte is not as it should be;
    ValueError for one of a newer format or with classes that are neither fastnn's nor given.
    """
    if compile:
        backends.get(backend)  # an error there is not the file's
    from fastnn.interchange import hdf5

    if hdf5.is_keras_model(path):
        from fastnn.interchange.keras import from_keras

        return from_keras(path, compile, _check_custom(custom_objects))
    own = _check_custom(custom_objects)
    with _naming(path):
        contents, members = read(path)
        if contents != "model":
            raise ValueError(f"{path} holds {contents} only, not a model. Build the model and call "
                             "model.load_weights(path).")
        with registry.custom_objects(own):
            model = _build(members)
            if METADATA in members:
                model.metadata = load_json(METADATA, members.pop(METADATA))
            known = {COMPILE, TRAINING, SLOTS} if COMPILE in members else set()
            for name in members.keys() - known:
                raise CorruptModelError(name, "belongs to nothing in config.json")
            if compile and COMPILE in members:
                _compile(model, members, own, backend)
    return model


def load_weights(model, path) -> None:
    """Take the weights of a file of `save_weights`, `save_model` or of Keras into a built model.

    The arrays go to the model's variables in order, whatever the layers are called; a ValueError
    if they do not fit, and then nothing has changed.
    """
    from fastnn.interchange import hdf5

    if hdf5.is_keras_file(path):
        hdf5.load_weights(model, path)
        return
    model._require_built()
    with _naming(path):
        _, members = read(path)
    _take_weights(model, members, path)


def _take_weights(model, members: dict[str, bytes], path) -> None:
    """The same from the members of the file at ``path``."""
    found = [(name, data) for name, data in members.items() if name.startswith("weights/")]
    expected = [(variable.name, variable.shape) for variable in model.weights]
    arrays = [_array(data, shape) if name.endswith(f"/{_plain(own)}.npy") else None
              for (name, data), (own, shape) in zip(found, expected, strict=False)]
    if len(found) != len(expected) or any(array is None for array in arrays):
        raise ValueError(
            f"The weights in {path} do not fit the model {model.name!r}. Expected, in this order, "
            f"{expected}; the file has {[(name, _description(data)) for name, data in found]}.")
    model.set_weights(arrays)


def _build(members: dict[str, bytes]):
    """The model of config.json, its variables made of the members, which are taken out."""
    dtypes = set()

    def find(layer, name, shape):
        member = _member(layer.name, name)
        if member not in members:
            raise CorruptModelError(member, "is missing")
        data = members.pop(member)
        array = _array(data, shape)
        if array is None:
            raise CorruptModelError(member, f"is {_description(data)}, not an array of float32 or "
                                            f"float64 of shape {shape}, as config.json has it")
        dtypes.add(array.dtype)
        return array

    if CONFIG not in members:
        raise CorruptModelError(CONFIG, "is missing")
    with _blaming(CONFIG), stored_values(find):
        config = load_json(CONFIG, members.pop(CONFIG))
        if len(config["config"].get("layers", ())) > MOST_LAYERS:
            raise CorruptModelError(CONFIG, f"has more than {MOST_LAYERS} layers")
        model = registry.get("model", config)
    if dtypes - {np.dtype(model.dtype)}:
        raise CorruptModelError(CONFIG, f"makes a model of {model.dtype}, unlike its weights")
    return model


def _compile(model, members: dict[str, bytes], own: dict, backend) -> None:
    """Compile the model as it was, and let training go on where it stood."""
    state = _state(members)
    model._state = state.copy()  # with a seed there, compile draws none
    with _blaming(COMPILE):
        config = load_json(COMPILE, members[COMPILE])
        chosen = {kind: _each(lambda metric: _metric(metric, own), config.get(kind, []))
                  for kind in ("metrics", "weighted_metrics")}
        if "loss_weights" in config:
            chosen["loss_weights"] = config["loss_weights"]
        model.compile(optimizers.get(config["optimizer"]), _each(losses.get, config["loss"]),
                      backend=backend, **chosen)
    if SLOTS in members:
        shape = (model.optimizer.n_slots, model.n_trained)
        slots = _array(members[SLOTS], shape)
        if slots is None or slots.dtype != model.dtype or not model.built:
            raise CorruptModelError(SLOTS, f"is {_description(members[SLOTS])}, not an array of "
                                           f"{model.dtype} of shape {shape}")
        model.optimizer.batches = state["iterations"]
        model._state = state | {"slots": slots}


def _each(function, config):
    """``function`` of a description, or of all in a list: there is one for each output."""
    return [_each(function, one) for one in config] if isinstance(config, list) else (
        function(config))


def _state(members: dict[str, bytes]) -> dict[str, int]:
    """The numbers of training.json."""
    if TRAINING not in members:
        raise CorruptModelError(TRAINING, "is missing")
    state = load_json(TRAINING, members[TRAINING])
    names = ["epoch", "seed", "step"] + ["iterations"] * (SLOTS in members)
    most = {"seed": 1 << 64}  # for the others 2^62: nobody counts so far
    if not isinstance(state, dict) or state.keys() != set(names) or not all(
            type(n) is int and 0 <= n < most.get(name, 1 << 62) for name, n in state.items()):
        raise CorruptModelError(TRAINING, f"does not have whole numbers for {', '.join(names)}")
    return state


def _metric(config, own: dict):
    """A metric of compile.json; a function among them is looked up in what the caller gave."""
    wrappers = (metrics.FunctionMetric, metrics.MeanMetricWrapper)
    if not isinstance(config, dict) or config["class_name"] not in [w.__name__ for w in wrappers]:
        return metrics.get(config) if isinstance(config, dict) else config
    settings = config["config"]
    name = settings.get("fn", settings["name"])
    if not callable(own.get(name)):
        raise registry.UnknownName(f"Unknown function: {name!r}.")
    if "fn" in settings:
        return metrics.MeanMetricWrapper(own[name], settings["name"], **settings["kwargs"])
    return metrics.FunctionMetric(own[name], name)


@contextmanager
def _naming(path):
    """Errors say which file they are about."""
    try:
        yield
    except CorruptModelError as error:
        error.file = os.fspath(path)
        raise


@contextmanager
def _blaming(member: str):
    """What a description makes fail is the description's fault."""
    try:
        yield
    except (CorruptModelError, MemoryError):
        raise
    except registry.UnknownName as error:
        raise ValueError(f"{member} names what fastnn does not have. {error} Give what is your own "
                         "to load_model as custom_objects={name: class or function}.") from error
    except Exception as error:
        problem = f"does not describe what it should ({error!r:.500})"
        raise CorruptModelError(member, problem) from error


def _check_custom(custom_objects: dict | None) -> dict:
    own = {**registry.shared_objects, **(custom_objects or {})}
    for name, value in own.items():
        if not isinstance(name, str) or not callable(value):
            raise TypeError("custom_objects must be {name: class or function}, received "
                            f"{name!r}: {value!r:.100}.")
    return own


# members


def _member(layer: str, variable: str) -> str:
    return f"weights/{_plain(layer)}/{_plain(variable)}.npy"


def _plain(name: str) -> str:
    """A name in letters, digits, ``_``, ``-`` and ``%``; different names stay different."""
    text = name.encode("utf-8", "surrogatepass")
    return re.sub(rb"[^A-Za-z0-9_-]", lambda match: b"%%%02X" % match[0][0], text).decode()


def _npy(array: np.ndarray) -> bytes:
    """An array as a .npy file, little-endian and in C order."""
    dtype = np.dtype(array.dtype).newbyteorder("<")
    return _npy_header(dtype.str, array.shape) + array.astype(dtype, copy=False).tobytes()


def _npy_header(dtype: str, shape) -> bytes:
    """What NumPy's format 1.0 has before the numbers, filled up to a multiple of 64 bytes.

    Written here because NumPy's own spaces differ from version to version.
    """
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(map(int, shape))}, }}"
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def _array(data: bytes, shape: tuple) -> np.ndarray | None:
    """The array of float32 or float64 and of this shape that the .npy file is, or None.

    The header is compared with the two it can be: nothing in it is interpreted.
    """
    for dtype in (np.dtype("<f4"), np.dtype("<f8")):
        header = _npy_header(dtype.str, shape)
        if len(data) == len(header) + math.prod(shape) * dtype.itemsize and data.startswith(header):
            return np.ndarray(shape, dtype, data, len(header))
    return None


def _description(data: bytes) -> str:
    """What the beginning of a .npy file says, for people."""
    return data[10:120].split(b"\n")[0].decode("ascii", "replace").strip()
