"""Keras's public names, golden/keras_names.json, against what fastnn offers in their place."""

import json
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from fastnn.keras.absent import REASONS, reason
from fastnn.keras.names import MODULES, VERSION

GOLDEN = json.loads((Path(__file__).parent / "golden" / "keras_names.json").read_text("utf-8"))
NAMES = GOLDEN["modules"]


def is_there(path: str, name: str) -> bool:
    whole = ".".join(part for part in ("keras", path) if part)
    if whole not in MODULES:
        return False
    found = MODULES[whole].find(name.rstrip("/"))
    return found is not None or f"{whole}.{name.rstrip('/')}" in MODULES


def test_version():
    assert GOLDEN["version"] == VERSION


@pytest.mark.parametrize("path", NAMES)
def test_each_name_is_there_or_its_absence_has_a_reason(path):
    for name in NAMES[path]:
        why = reason(path, name.rstrip("/"))
        if is_there(path, name):
            assert why is None, f"keras.{path}.{name} is there, and absent.py says: {why}"
        else:
            assert why, f"keras.{path}.{name} is missing, and absent.py has no reason"


def test_every_reason_is_needed():
    for why, modules in REASONS.items():
        for module, patterns in modules.items():
            for pattern in patterns:
                assert any(fnmatchcase(path, module) and fnmatchcase(name.rstrip("/"), pattern)
                           for path, names in NAMES.items() for name in names), (why, pattern)


@pytest.mark.parametrize("path", [path for path in NAMES if path in
                                  {name.partition(".")[2] for name in MODULES}])
def test_dir_lists_what_is_there(path):
    whole = ".".join(part for part in ("keras", path) if part)
    listed = MODULES[whole].names()
    for name in NAMES[path]:
        if not name.endswith("/") and is_there(path, name):
            assert name in listed
