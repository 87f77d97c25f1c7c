"""Models of Keras's: made into fastnn's, and fastnn's into them."""

from __future__ import annotations

import json
import os
from inspect import signature

import numpy as np

from fastnn import activations, layers, losses, metrics, models, optimizers, registry
from fastnn.interchange import configs, hdf5
from fastnn.layers.graph import flat, like

LARGEST = 256 << 20  # bytes of a description
MOST_LAYERS = 10_000


def from_keras(model, compile: bool = True, custom_objects: dict | None = None):
    """A fastnn model like one of Keras's: layers, weights, and how it was compiled.

    model : a ``keras.Sequential`` or functional model, or the path of a .keras file of one, for
        which Keras need not be installed.
    compile : whether to take over optimizer, loss and metrics. The optimizer starts afresh.
    custom_objects : {name: class} of layers of one's own that stand for Keras's of that name.

    Raises ValueError for what fastnn has no equal for.
    """
    with registry.custom_objects(custom_objects or {}):
        if isinstance(model, (str, os.PathLike)):
            text = hdf5.read_member(model, "config.json", LARGEST)
            made = from_config(_parsed(model, text))
            hdf5.load_weights(made, model)
            if compile:
                _compile(made, _parsed(model, text).get("compile_config"))
            return made
        made = from_config({"class_name": type(model).__name__, "config": model.get_config(),
                            "build_config": model.get_build_config()})
        made.set_weights([np.asarray(array) for array in _weights(made, model)])
        if compile and model.compiled:
            _compile(made, model.get_compile_config())
        return made


def _weights(made, model) -> list:
    """The arrays of a model of Keras's that fastnn's has as well, in its order."""
    arrays = []
    for own, layer in zip(made.layers, model.layers, strict=True):
        if hasattr(own, "layers"):
            arrays += _weights(own, layer)
        else:  # seeds of dropout and counts of rows seen are not among fastnn's weights
            arrays += layer.get_weights()[: len(own.weights)]
    return arrays


def _parsed(path, text: bytes) -> dict:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no .keras file: config.json is {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ValueError(f"{path} is no .keras file: its config.json describes no model.")
    return config


def from_config(config: dict):
    """A model with fresh weights from what Keras's ``to_json`` or config.json says of it."""
    name, inner = config.get("class_name"), config["config"]
    if len(inner.get("layers", ())) > MOST_LAYERS:
        raise ValueError(f"The model has more than {MOST_LAYERS} layers.")
    if name == "Sequential":
        return _sequential(inner, config.get("build_config") or {})
    if name in ("Functional", "Model") and "layers" in inner:
        return _functional(inner)
    raise ValueError(f"fastnn can make Sequential and functional models, received {name!r}.")


def _layer(config: dict):
    if config.get("class_name") in ("Sequential", "Functional", "Model"):
        return from_config(config)
    return registry.get("layer", configs.translated("layer", config))


def _sequential(config: dict, build_config: dict):
    made = models.Sequential([_layer(layer) for layer in config["layers"]], name=config["name"])
    shape = build_config.get("input_shape") or config.get("build_input_shape")
    if not made.built and shape:
        made.build(shape)
    return made


def _functional(config: dict):
    """Call the layers on symbolic tensors in the order in which their inputs are made."""
    made = {layer["config"]["name"]: _layer(layer) for layer in config["layers"]}
    waiting = {layer["config"]["name"]: list(layer["inbound_nodes"]) for layer in config["layers"]}
    tensors = {(name, 0, 0): layer.output for name, layer in made.items()
               if isinstance(layer, layers.InputLayer)}
    counts = dict.fromkeys(waiting, 0)
    moved = True
    while moved:
        moved = False
        for name, nodes in waiting.items():
            while nodes and (given := _inputs_of(nodes[0], tensors)) is not None:
                outputs = flat(made[name](given))
                tensors |= {(name, counts[name], i): out for i, out in enumerate(outputs)}
                counts[name] += 1
                nodes.pop(0)
                moved = True
    if any(waiting.values()):
        raise ValueError("The description of the model has layers whose inputs nothing makes.")
    ends = [_structure(config[end], tensors) for end in ("input_layers", "output_layers")]
    return models.Model(*ends, name=config["name"])


def _inputs_of(node: dict, tensors: dict):
    """The tensors a layer is called on, in their structure; None if one is not made yet."""
    for name, value in node.get("kwargs", {}).items():
        if value is not None and name != "training":
            raise ValueError(f"fastnn calls layers on tensors alone; the model has {name}={value}.")

    def find(given):
        if isinstance(given, dict) and given.get("class_name") == "__keras_tensor__":
            return tensors.get(tuple(given["config"]["keras_history"]))
        if isinstance(given, dict):
            return {name: find(one) for name, one in given.items()}
        if isinstance(given, list):
            return [find(one) for one in given]
        raise ValueError(f"fastnn calls layers on tensors alone; the model has {given!r:.100}.")

    found = find(node["args"][0])
    return None if any(one is None for one in flat(found)) else found


def _structure(places, tensors: dict):
    """The tensors at ``[layer, node, number]``, in the structure of lists and dictionaries."""
    if isinstance(places, dict):
        return {name: _structure(one, tensors) for name, one in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        return tensors[tuple(places)]
    return [_structure(one, tensors) for one in places]


def _compile(model, config: dict | None) -> None:
    if not config:
        return
    optimizer = config.get("optimizer")
    settings = {"loss_weights": config["loss_weights"]} if config.get("loss_weights") else {}
    model.compile(
        optimizers.get(configs.translated("optimizer", optimizer)),
        _each(config.get("loss"), lambda one: losses.get(configs.translated("loss", one))),
        _each(config.get("metrics"), _metric) or None,
        weighted_metrics=_each(config.get("weighted_metrics"), _metric) or None, **settings)


def _metric(config):
    if not isinstance(config, dict):
        return config
    return metrics.get(configs.translated("metric", config))


def _each(given, make):
    """``make`` of what is given, or of each thing in a list or dictionary of them."""
    if given is None:
        return None
    if isinstance(given, list):
        return [_each(one, make) for one in given]
    if isinstance(given, dict) and "class_name" not in given:
        return {name: _each(one, make) for name, one in given.items()}
    return make(given)


def to_keras(model):
    """A model of Keras's like one of fastnn's: layers, weights, and how it was compiled.

    Raises ImportError without Keras, or while fastnn stands in for it; ValueError for what Keras
    has no equal for.
    """
    keras = _real_keras()
    model._require_built()
    made = _keras_model(keras, model)
    made.set_weights(model.get_weights())
    if model._compiled is not None:
        described = {kind: model._compiled[kind] for kind in ("metrics", "weighted_metrics")}
        made.compile(_keras_object(keras.optimizers, model.optimizer),
                     _keras_object(keras.losses, model._compiled["loss"]),
                     **{kind: [own if isinstance(own, str) else _keras_object(keras.metrics, own)
                               for own in given] for kind, given in described.items()})
    return made


def _real_keras():
    from fastnn.keras import installed

    if "keras" in installed():
        raise ImportError("fastnn stands in for Keras now: call fastnn.uninstall() in front of "
                          "to_keras().", name="keras")
    try:
        import keras
    except ImportError:
        raise ImportError("to_keras() makes a model of Keras's and needs it: "
                          "pip install keras jax", name="keras") from None
    return keras


def _keras_object(module, own):
    """The object of Keras's that has the class and arguments of one of fastnn's."""
    if own is None or isinstance(own, str):
        return own
    name = type(own).__name__
    cls = getattr(module, name, None)
    if cls is None:
        raise ValueError(f"Keras has no {module.__name__.rpartition('.')[2]} like fastnn's "
                         f"{name}.")
    config = own.get_config()
    # arguments that fastnn alone has, such as Adam's preset: none of them may be set
    taken = configs.arguments(cls)
    defaults = signature(type(own).__init__).parameters
    for key in [key for key in config if key not in taken]:
        value = config.pop(key)
        if key in defaults and value != defaults[key].default:
            raise ValueError(f"Keras's {name} has no {key}; the model has {key}={value!r:.100}.")
    return cls.from_config(_for_keras(config))


def _for_keras(config):
    """Dictionaries with class names as Keras reads them: with the module they are from."""
    if isinstance(config, list):
        return [_for_keras(item) for item in config]
    if not isinstance(config, dict):
        return config
    name = config.get("class_name")
    if isinstance(name, str) and registry.find("activation", name) is not None:
        return _activation(config)
    config = {key: _for_keras(value) for key, value in config.items()}
    if isinstance(config.get("seed"), int):
        config["seed"] %= 1 << 31  # what a seed of Keras's has room for
    for kind in ("initializer", "regularizer", "constraint", "schedule"):
        if isinstance(name, str) and registry.find(kind, name) is not None:
            plural = {"schedule": "optimizers.schedules"}.get(kind, f"{kind}s")
            return config | {"module": f"keras.{plural}", "registered_name": name}
    return config


def _activation(config: dict) -> str:
    """Keras's name of an activation; there it is a function without arguments."""
    name = activations.serialize(config)
    if not isinstance(name, str) or name == "gelu_tanh":
        raise ValueError(f"In Keras an activation of a layer has no arguments: put {name} into a "
                         "layer of its own, such as LeakyReLU or ELU.")
    return name


def _keras_model(keras, model):
    if isinstance(model, models.Sequential):
        shape = model.input_shape[1:]
        stack = [_keras_layer(keras, layer) for layer in model.layers]
        return keras.Sequential([keras.Input(shape, dtype=model.dtype), *stack], name=model.name)
    return _keras_functional(keras, model)


def _keras_layer(keras, layer):
    if hasattr(layer, "layers"):
        return _keras_model(keras, layer)
    if isinstance(layer, layers.InputLayer):
        return keras.layers.InputLayer(batch_shape=layer.batch_shape, dtype=layer.dtype,
                                       name=layer.name)
    return _keras_object(keras.layers, layer)


def _keras_functional(keras, model):
    made: dict[int, object] = {}

    def own(layer):
        if id(layer) not in made:
            made[id(layer)] = _keras_layer(keras, layer)
        return made[id(layer)]

    values = dict(enumerate(own(layer).output for layer in model.input_layers))
    for layer, sources, first in model._steps:
        given = [values[number] for number in sources]
        outputs = own(layer)(given if len(given) > 1 or layer.many else given[0])
        values |= dict(enumerate(flat(outputs), first))
    ends = like(model.input, [values[i] for i in range(len(model.input_layers))]), like(
        model.output, [values[number] for number in model._outputs])
    return keras.Model(*ends, name=model.name)
