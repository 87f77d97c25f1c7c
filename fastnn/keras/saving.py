"""``keras.saving``: classes and functions of one's own in files, and objects as dictionaries.

A file or dictionary names things only. What a name stands for is fastnn's own, or was registered or
given in the program that reads it: reading imports nothing and calls nothing that a file chooses.
"""

from __future__ import annotations

from fastnn import registry
from fastnn.activations import Activation
from fastnn.constraints import Constraint
from fastnn.initializers import Initializer
from fastnn.layers import Layer
from fastnn.losses import Loss
from fastnn.metrics import Metric
from fastnn.model import Model
from fastnn.optimizers import Optimizer
from fastnn.optimizers.schedules import LearningRateSchedule
from fastnn.regularizers import Regularizer

__all__ = ["CustomObjectScope", "custom_object_scope", "deserialize_keras_object",
           "get_custom_objects", "get_registered_name", "get_registered_object",
           "register_keras_serializable", "serialize_keras_object"]

# kind in the registry: (the class all derive from, Keras's module)
KINDS = {
    "activation": (Activation, "keras.activations"), "layer": (Layer, "keras.layers"),
    "constraint": (Constraint, "keras.constraints"), "loss": (Loss, "keras.losses"),
    "initializer": (Initializer, "keras.initializers"), "metric": (Metric, "keras.metrics"),
    "regularizer": (Regularizer, "keras.regularizers"), "model": (Model, "keras"),
    "optimizer": (Optimizer, "keras.optimizers"),
    "schedule": (LearningRateSchedule, "keras.optimizers.schedules"),
}


def register_keras_serializable(package: str = "Custom", name: str | None = None):
    """Decorator: a class or function is written as ``package>name``, and found again by that.

    >>> from fastnn.layers import Activation
    >>> @register_keras_serializable(package="mine")
    ... class Bend(Activation):
    ...     pass
    >>> get_registered_name(Bend), get_registered_object("mine>Bend") is Bend
    ('mine>Bend', True)
    """
    if not isinstance(package, str):
        raise TypeError("Call the decorator: @register_keras_serializable().")

    def decorate(thing):
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ValueError(f"{thing.__name__} needs a get_config method to be written to files.")
        registry.share(f"{package}>{name or thing.__name__}", thing)
        return thing

    return decorate


def get_custom_objects() -> dict:
    """The dictionary of what is registered; what a program puts into it is found, too."""
    return registry.shared_objects


class CustomObjectScope:
    """``with CustomObjectScope({"Name": Class}):`` names are these classes and functions inside."""

    def __init__(self, custom_objects: dict):
        self.custom_objects = custom_objects
        self._open: list = []

    def __enter__(self):
        self._open.append(registry.custom_objects(self.custom_objects))
        self._open[-1].__enter__()
        return self

    def __exit__(self, *error):
        self._open.pop().__exit__(*error)


custom_object_scope = CustomObjectScope


def get_registered_name(obj) -> str:
    """The name under which a class or function is written."""
    return registry.name_of(obj)


def get_registered_object(name: str, custom_objects: dict | None = None,
                          module_objects: dict | None = None):
    """What is registered under a name; None if nothing is."""
    return registry.custom_object(name) or (custom_objects or {}).get(name) or (
        module_objects or {}).get(name)


def serialize_keras_object(obj):
    """An object as a dictionary of plain data; plain data as it is.

    >>> from fastnn.layers import Dropout
    >>> serialize_keras_object(Dropout(0.5, name="drop"))["class_name"]
    'Dropout'
    """
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, (list, tuple)):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    kind = _kind_of(obj)
    if kind is not None:
        return {"module": KINDS[kind][1], **registry.serialize(obj), "registered_name": None}
    if callable(obj) and hasattr(obj, "__name__"):
        return {"class_name": "function", "config": registry.name_of(obj),
                "registered_name": registry.name_of(obj)}
    if hasattr(obj, "tolist"):  # arrays and their numbers
        return obj.tolist()
    raise TypeError(f"{obj!r:.200} cannot be written as plain data: it is none of a model's parts.")


def deserialize_keras_object(config, custom_objects: dict | None = None, safe_mode: bool = True,
                             **named):
    """The object that `serialize_keras_object` described.

    custom_objects : {name: class or function} of one's own.

    Raises ValueError for a name that is neither fastnn's nor given. ``safe_mode`` has no effect:
    fastnn never runs code from data.
    """
    if isinstance(config, list):
        return [deserialize_keras_object(item, custom_objects) for item in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {key: deserialize_keras_object(value, custom_objects)
                for key, value in config.items()}
    with registry.custom_objects(custom_objects or {}):
        if config["class_name"] == "function":
            found = registry.custom_object(config["config"])
            if found is None:
                raise registry.UnknownName(f"Unknown function: {config['config']!r}. Give it as "
                                           "custom_objects={name: function}.")
            return found
        return registry.get(_kind_named(config), config)


def _kind_of(obj) -> str | None:
    return next((kind for kind, (base, _) in KINDS.items() if isinstance(obj, base)), None)


def _kind_named(config: dict) -> str:
    """The kind of thing a dictionary describes: by its class, or else by its module's name."""
    name = config["class_name"]
    own = registry.custom_object(name)
    for kind, (base, module) in KINDS.items():
        if isinstance(own, type) and issubclass(own, base):
            return kind
        if own is None and config.get("module") == module and registry.find(kind, name):
            return kind
    known = [kind for kind in KINDS if registry.find(kind, name)]
    if not known:
        raise registry.UnknownName(f"Unknown class: {name!r}. Give it as "
                                   "custom_objects={name: class}.")
    return known[0]


