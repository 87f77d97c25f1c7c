"""Hostile changes of descriptions and files, drawn by a chooser: what the fuzzers share.

A chooser has ``integer(low, high)``: `Seeded`, or one that atheris guides.
"""

import copy
import json
import random
from contextlib import suppress


class Seeded:
    """Draws by a seed."""

    def __init__(self, seed):
        self.integer = random.Random(seed).randint



# put in as they are: what no JSON has, or what Python could not copy
RAW = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "[" * 40 + "]" * 40,
       "[" * 61 + "]" * 61, '{"a":' * 2000 + "1" + "}" * 2000]  # fmt: skip
VALUES = [
    None, True, False, 0, 1, -1, 2, 3, 7, 100, 2**31, 2**40, 2**62, 2**63, 2**64, -(2**63), 10**30,
    0.5, -0.0, 1e-300, 1e308, -1e308, "", "0", "x" * 5000, "\0", "\ud800", "../../etc/passwd",
    "os.system", "builtins.eval", "antigravity", "__class__", "__init__", "Lambda", "Function",
    "Array", "Dense", "Sequential", "Adam", "adam", "mse", "relu", "zeros", "float16", "float64",
    "accuracy", [], {}, [[]], [None], [-1], [0], [2**40], [1] * 1000, {"": 0}, {"a": {}},
    {"class_name": "Dense", "config": {}}, {"class_name": "Dense", "config": {"units": 2**40}},
    {"class_name": "os.system", "config": {"command": "touch fuzzed"}},
    {"class_name": "Sequential", "config": {"layers": []}}, {"class_name": "L2", "config": None},
    {"class_name": "Array", "config": {"value": [1]}}, {"class_name": []}, {"config": {}},
    {"class_name": "Function", "config": {"name": "eval"}}, *(f"@raw{i}@" for i in range(len(RAW))),
]  # fmt: skip


def pick(chooser, items):
    return items[chooser.integer(0, len(items) - 1)]


def change_value(chooser, whole):
    """One place somewhere in nested lists and dictionaries becomes something else."""
    root = place = [copy.deepcopy(whole)]
    key = 0
    while isinstance(place[key], (dict, list)) and place[key] and chooser.integer(0, 9):
        place = place[key]
        key = pick(chooser, list(place) if isinstance(place, dict) else range(len(place)))
    how = chooser.integer(0, 5)
    if how == 1 and place is not root:
        del place[key]
    elif how == 2:
        place[key] = [place[key]]
    elif how == 3 and isinstance(place, dict):
        place[pick(chooser, ["name", "units", "more", "__class__", "dtype", "config"])] = copy.copy(
            pick(chooser, VALUES))
    elif how == 4 and isinstance(place, list) and place is not root:
        place.append(copy.deepcopy(place[key]))
    else:
        place[key] = copy.deepcopy(pick(chooser, VALUES))
    return root[0]


def dumps(value) -> bytes:
    text = json.dumps(value)
    for i, raw in enumerate(RAW):
        text = text.replace(f'"@raw{i}@"', raw)
    return text.encode()


def change_bytes(chooser, data: bytes) -> bytes:
    """Some bytes cut off, doubled, put in, or changed; often in the first hundred."""
    at = chooser.integer(0, max(0, min(len(data), 130) - 1 if chooser.integer(0, 3) else len(data)))
    how = chooser.integer(0, 3)
    if how == 0:
        return data[:at]
    if how == 1:
        return data[:at] + bytes([chooser.integer(0, 255)]) + data[at + 1 :]
    if how == 2:
        return data[:at] + pick(chooser, [b"(99999999999,)", b"|O", b"True", b"\0" * 64, b"<f8",
                                          b"<i4", b"__import__('os')", b"-1"]) + data[at + 2 :]
    return data + data


def change_members(chooser, members: dict[str, bytes]) -> dict[str, bytes]:
    """One member, its name, or what is in it, becomes something else."""
    members, name = dict(members), pick(chooser, list(members))
    how = chooser.integer(0, 9)
    if how == 0:
        del members[name]
    elif how == 1:
        new = pick(chooser, ["weights/a/b.npy", "config.json", "run.py", "optimizer/slots.npy",
                             "backup/seed.npy", "metadata.json", name.upper(), name + ".npy"])
        members = {new if own == name else own: data for own, data in members.items()}
    elif how == 2:
        members[name] = members[pick(chooser, list(members))]
    elif how == 3:
        members[pick(chooser, ["weights/d/more.npy", "x", "a/b/c"])] = members[name]
    elif name.endswith(".json") and how != 4:
        with suppress(ValueError, RecursionError):  # what no longer is JSON stays so
            members[name] = dumps(change_value(chooser, json.loads(members[name])))
    else:
        members[name] = change_bytes(chooser, members[name])
    return members
