"""Fuzzers: files with sound checksums and hostile contents, and hostile configurations.

``FASTNN_FUZZ=20000 pytest tests/test_fuzzed_files.py`` tries as many examples, new ones each time.
"""

import json
import math
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
import warnings

import fuzz
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import craft, members_of, network, tiny, trained

import fastnn
from fastnn import Input, Model, layers, load_model, models, optimizers, registry
from fastnn.layers.base import stored_values
from fastnn.saving import CorruptModelError

KINDS = ["layer", "optimizer", "loss", "activation", "initializer", "regularizer", "constraint",
         "metric", "schedule", "model"]  # fmt: skip


# how many examples a test tries: few, the same ones each time, or as many as one likes
FUZZ = int(os.environ.get("FASTNN_FUZZ", 0))


def tries(few):
    """Calls a test with choosers of many seeds."""
    seeds = given(seed=st.integers(0, 2**64))
    return lambda test: settings(max_examples=FUZZ or few, deadline=None, derandomize=not FUZZ)(
        seeds(lambda seed: test(fuzz.Seeded(seed))))


def graph():
    """Two inputs, two outputs, a shared layer, an embedding and a constraint."""
    fastnn.utils.set_random_seed(1)
    a, b = Input((3,), name="a"), Input((2,), name="b")
    shared = layers.Dense(3, "gelu", name="shared", kernel_constraint="max_norm")
    left = shared(shared(a))
    items = layers.Flatten(name="flat")(layers.Embedding(4, 2, name="items")(b))
    both = layers.Concatenate(name="both")([left, items])
    model = Model([a, b], [layers.Dense(1, name="one")(both),
                           layers.Dense(3, "softmax", name="two")(
                               layers.LayerNormalization(name="norm")(both))], name="graph")
    model.compile(optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 5, 0.9), clipnorm=1.0),
                  ["huber", "sparse_categorical_crossentropy"], loss_weights=[1, 0.5],
                  metrics=[["mae"], ["accuracy"]], backend="numpy")
    X = np.arange(12.0).reshape(4, 3)
    model.fit([X, X[:, :2] % 4], [X[:, :1], [0, 1, 2, 0]], verbose=0)
    return model


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """The members of sound files."""
    path = tmp_path_factory.getbasetemp() / "sound.fastnn"
    found = []
    for model in (tiny(), trained(optimizers.Adam(use_ema=True)), graph(), network()):
        model.save(path, metadata={"classes": ["a", "b"]})
        load_model(path)  # what that imports late is there now
        found.append(members_of(path))
    return found


@pytest.fixture(autouse=True)
def traps(monkeypatch):
    """Nothing that a file could want is called."""
    caught = []

    def trap(*arguments, **named):
        caught.append(arguments)  # for an error might be taken for the file's

    for module, name in ((os, "system"), (os, "popen"), (subprocess, "Popen"), (pickle, "loads"),
                         (pickle, "load"), (np, "load"), (np.lib.format, "read_array")):
        monkeypatch.setattr(module, name, trap)
    yield
    assert not caught
    assert "antigravity" not in sys.modules and not os.path.exists("fuzzed")


def small(layer, name, shape):
    """The weights of models that no file keeps: who asks for many gets none."""
    if math.prod(shape) > 10**5:
        raise MemoryError(shape)
    return np.zeros(shape, layer.dtype)


class Bounds:
    """Inside, less than a second passes and less than 100 MB are taken."""

    def __enter__(self):
        tracemalloc.start()
        self.start = time.process_time()

    def __exit__(self, *error):
        seconds, memory = time.process_time() - self.start, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seconds < 1 and memory < 100e6, (seconds, memory)


def use(model):
    """A model that came of a hostile file may be a strange one; it works, or says why not."""
    if model.built and model.params.size < 10**5:
        shapes = model.input_shape
        several = not (isinstance(shapes, tuple) and shapes[0] is None)
        shapes = shapes if several else [shapes]
        if sum(math.prod(shape[1:]) for shape in shapes) < 1000:
            rows = [np.ones((2, *shape[1:])) for shape in shapes]
            model.predict(rows if several else rows[0])


def test_any_file_is_refused_or_a_model(originals, tmp_path):
    path = tmp_path / "fuzzed.fastnn"

    @tries(400)
    def run(chooser):
        members = fuzz.pick(chooser, originals)
        for _ in range(chooser.integer(1, 3)):
            if members:
                members = fuzz.change_members(chooser, members)
        craft(path, members)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with Bounds():
                    model = load_model(path)
            except ValueError as error:
                assert len(str(error)) < 5000
                assert isinstance(error, CorruptModelError) or "custom_objects" in str(error), error
                return
            use(model)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_any_configuration_is_refused_or_an_object(kind):
    missing = set(registry.names(kind)) - {one["class_name"] for one in DESCRIPTIONS[kind]}
    assert not missing or kind == "model"

    @tries(150)
    def run(chooser):
        described = fuzz.pick(chooser, DESCRIPTIONS[kind])
        for _ in range(chooser.integer(1, 2)):
            described = fuzz.change_value(chooser, described)
        try:
            with Bounds(), stored_values(small):
                registry.get(kind, described)
        except (ValueError, TypeError) as error:
            assert len(str(error)) < 20000
        except MemoryError:
            assert kind == "model"

    run()


def described(kind):
    """What `serialize` makes of every class of a kind that needs no arguments, or few."""
    found = []
    for cls in registry.classes(kind):
        for arguments in ((), (3,), (0.1,), ((3,),), (2, 3), (0.1, 10, 0.9), ("relu",), ((2, 1),),
                          (3, [0]), ([1, 2], [0.1, 0.2, 0.3])):
            try:
                found.append(registry.serialize(cls(*arguments)))
                break
            except (TypeError, ValueError, NotImplementedError):
                continue
    return found


DESCRIPTIONS = {kind: described(kind) for kind in KINDS}
DESCRIPTIONS["model"] = [registry.serialize(make()) for make in (tiny, network, graph)]


def test_any_json_of_a_model_is_refused_or_a_model():
    texts = [make().to_json() for make in (tiny, network, graph)]

    @tries(150)
    def run(chooser):
        text = fuzz.dumps(fuzz.change_value(chooser, json.loads(fuzz.pick(chooser, texts))))
        try:
            with Bounds(), stored_values(small):
                use(models.model_from_json(text.decode()))
        except (ValueError, TypeError, MemoryError):
            pass

    run()
