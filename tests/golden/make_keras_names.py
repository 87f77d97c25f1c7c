"""Write tests/golden/keras_names.json: every public name of Keras, by module.

Run with an interpreter that has Keras 3.15:
    KERAS_BACKEND=jax python tests/golden/make_keras_names.py
Modules are written without "keras."; a name that is itself a module ends in "/".
"""

import json
import types
from pathlib import Path

import keras

TARGET = Path(__file__).with_name("keras_names.json")


def walk(module, path, found):
    names = found[path] = []
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or name == "src":
            continue
        if not isinstance(value, types.ModuleType):
            names.append(name)
        elif value.__name__.startswith("keras.") and not value.__name__.startswith("keras.src"):
            names.append(name + "/")
            walk(value, f"{path}.{name}" if path else name, found)


if __name__ == "__main__":
    found = {}
    walk(keras, "", found)
    lines = [f"  {json.dumps(path)}: {json.dumps(names)}" for path, names in found.items()]
    head = f'"version": {json.dumps(keras.__version__)},\n"modules": '
    TARGET.write_text("{" + head + "{\n" + ",\n".join(lines) + "\n}}\n")
