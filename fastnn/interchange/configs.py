"""What Keras says of a model, as what fastnn says of it: dictionaries of plain data.

>>> config = {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
...           "config": {"units": 2, "quantization_mode": None,
...                      "dtype": {"class_name": "DTypePolicy", "config": {"name": "float32"}}}}
>>> translated("layer", config)
{'class_name': 'Dense', 'config': {'units': 2, 'dtype': 'float32'}}
"""

from __future__ import annotations

from inspect import signature

from fastnn import registry

DEEPEST = 100  # dictionaries in dictionaries
# arguments of Keras's that fastnn's classes do not take, where no value of them matters
_IDLE = {"input_axes", "output_axes", "renorm_momentum", "renorm_clipping", "lora_alpha",
         "jit_compile", "autocast", "is_legacy_optimizer"}
_KINDS = (("initializer", "_initializer"), ("regularizer", "_regularizer"),
          ("constraint", "_constraint"))


def translated(kind: str, config):
    """A name or ``{"class_name", "config"}`` of Keras's as fastnn's `registry.get` takes it.

    Raises ValueError for a class that fastnn does not have, or an argument that it does not take.
    """
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "function":
        return config["config"]
    name = class_name(config)
    cls = registry.get_class(kind, name)
    given = {key: _argument(key, value) for key, value in (config.get("config") or {}).items()}
    if name == "InputLayer":
        given = _input(given)
    return {"class_name": name, "config": _accepted(cls, given)}


def class_name(config: dict) -> str:
    """The name by which fastnn knows the class of a dictionary."""
    own = config.get("registered_name")
    if own and registry.custom_object(own) is not None:
        return own
    return config["class_name"]


def _argument(key: str, value, depth: int = 0):
    """The value of an argument, with the dictionaries in it translated."""
    if depth > DEEPEST:
        raise ValueError(f"The argument {key!r} is nested more than {DEEPEST} times.")
    if isinstance(value, list):
        return [_argument(key, item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("DTypePolicy", "FloatDTypePolicy"):
        return value["config"]["name"]
    if value.get("class_name") == "__numpy__" or "class_name" not in value:
        return value["config"]["value"] if "class_name" in value else value
    if value["class_name"] == "function":
        return value["config"]
    if key == "learning_rate":
        return translated("schedule", value)
    for kind, ending in _KINDS:
        if key.endswith(ending):
            return translated(kind, value)
    if key in ("activation", "recurrent_activation"):
        return translated("activation", value)
    raise ValueError(f"fastnn does not know what {value['class_name']} is as {key}.")


def _input(given: dict) -> dict:
    """Keras gives the batch axis with the shape."""
    rows, *shape = given.pop("batch_shape", None) or (None, *given.pop("shape", ()))
    return given | {"shape": shape, "batch_size": rows}


def arguments(cls: type) -> set[str]:
    """The names of what a class and its bases are made of."""
    return {name for base in cls.__mro__ if "__init__" in vars(base)
            for name in signature(base.__init__).parameters}


def _accepted(cls: type, given: dict) -> dict:
    """The arguments without those that fastnn does not take, as long as they do nothing."""
    taken = arguments(cls)
    for name in [name for name in given if name not in taken]:
        value = given.pop(name)
        if name not in _IDLE and value not in (None, False, [], {}, "channels_last"):
            raise ValueError(f"{cls.__name__} in fastnn has no {name}; the model has "
                             f"{name}={value!r:.100}.")
    return given
