"""The kinds of models: how layers are put together.

>>> import numpy as np
>>> import fastnn
>>> from fastnn import Sequential, layers
>>> fastnn.utils.set_random_seed(4)
>>> model = Sequential([layers.Dense(8, "tanh", input_dim=2), layers.Dense(1, "sigmoid")])
>>> model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
>>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
>>> history = model.fit(X, y, epochs=1500, batch_size=4, verbose=0)
>>> model.predict(X).round().ravel()
array([0., 1., 1., 0.], dtype=float32)
"""

from __future__ import annotations

import numpy as np

from fastnn import dense_arrays, registry
from fastnn.functional_model import Functional, layer_of
from fastnn.layers.base import Layer, standard_shape
from fastnn.layers.core import InputLayer
from fastnn.layers.graph import Node, Tensor
from fastnn.model import Model
from fastnn.network import inline

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json",
           "save_model"]


@registry.register("model")
class Sequential(Model, of_package=True):
    """A stack of layers, each fed by the one before.

    layers : list of layers, the first of which may be an ``Input``. Without one, and without
        ``input_shape`` or ``input_dim`` in the first layer, the model is built by its first data.
    name : str, by default sequential, sequential_1, ...
    dtype : "float32" or "float64" for all layers, whatever they say themselves.

    >>> from fastnn import Sequential, layers
    >>> model = Sequential([layers.Dense(3, activation="relu", input_dim=11), layers.Dense(1)])
    >>> model.count_params()
    40
    """

    def __init__(self, layers=None, *, name=None, dtype=None):
        super().__init__(name, dtype)
        self._input: InputLayer | None = None
        self._layers: list[Layer] = []
        for layer in layers or ():
            self._append(layer)
        self._rebuild()

    def add(self, layer: Layer) -> None:
        """Put a layer on top; an error leaves the model as it was."""
        self._append(layer)
        try:
            self._rebuild()
        except ValueError:
            self.pop()
            raise

    def pop(self) -> Layer:
        """Take the last layer off and return it."""
        if not self._layers:
            raise ValueError(f"The model {self.name!r} has no layer to take off.")
        layer = self._layers.pop()
        self._rebuild()
        return layer

    def build(self, input_shape=None) -> None:
        """Make the parameters for data of a shape, (None, ...) with None for the rows."""
        if input_shape is not None:
            self._build_for_rows(standard_shape(tuple(input_shape)[1:]))
        self._require_built()

    def build_for(self, x):
        if self._input is None:
            shape = np.shape(x)
            self._build_for_rows(tuple(shape[1:]) if len(shape) > 1 else (1,))
        self._require_built()

    def _build_for_rows(self, shape: tuple) -> None:
        if self._input is not None and self._input.shape != shape:
            raise ValueError(f"The model {self.name!r} was built for rows of shape "
                             f"{self._input.shape}, received {shape}.")
        if self._input is None:
            self._input = InputLayer(shape, dtype=self.dtype)
            self._rebuild()

    def _require_built(self):
        if not self._layers:
            raise ValueError(f"The model {self.name!r} has no layers yet. Add some, the last with "
                             "a unit for each output: model.add(fastnn.layers.Dense(1)).")
        super()._require_built()

    def _append(self, layer) -> None:
        if isinstance(layer, Tensor) and isinstance(layer.node.layer, InputLayer):
            layer = layer.node.layer
        if not isinstance(layer, (Layer, Model)):
            hint = f" Write {layer.__name__}(...)." if isinstance(layer, type) else ""
            raise TypeError(f"Only layers can be added to a model, received {layer!r:.200}.{hint}")
        if isinstance(layer, InputLayer):
            if self._input is not None or self._layers:
                raise ValueError("Input must be the first layer of a model, and the only Input.")
            self._input = layer
            return
        if any(other.name == layer.name for other in self._layers):
            raise ValueError(f"The model has a layer {layer.name!r} already: the layers of a model "
                             "need different names, and a layer can be in it only once.")
        if not self._layers and self._input is None and layer.given_shape is not None:
            self._input = InputLayer(layer.given_shape, dtype=layer.dtype)
        self._layers.append(layer)

    def _rebuild(self) -> None:
        """Build the layers that are new and gather all parameters, if the input is known."""
        self._forget_plans()
        self.params = None
        if self._input is None or not self._layers:
            return
        shape = self._input.shape
        for layer in self._layers:
            if self._dtype is not None and isinstance(layer, Layer):
                layer.dtype = self._dtype.name
            shape = layer.ensure_built(shape)
        self.pack()

    @property
    def layers(self):
        return list(self._layers)

    @property
    def row_shapes(self):
        self._require_built()
        return self._input.shape, self._layers[-1].shapes[1]

    @property
    def input_shape(self):
        self._require_built()
        return self._input.batch_shape

    @property
    def input_layers(self):
        self._require_built()
        return [self._input]

    def inline(self, sources, steps):
        for layer in self._layers:
            sources = inline(layer, sources, steps)
        return sources

    def make_tensors(self):
        first = tensor = self._input.output
        for layer in self._layers:
            node = next((node for node in layer.nodes if node.inputs == (tensor,)), None)
            if node is None:
                made = layer.connect([tensor])
                node = made if isinstance(made, Node) else made.node
            tensor = node.outputs[0]
        return first, tensor

    def build_for_row(self, shape):
        self._build_for_rows(shape)
        self._require_built()

    def get_config(self):
        layers = [self._input] if self._input else []
        return {"name": self.name, "dtype": self._dtype and self._dtype.name,
                "layers": [registry.serialize(layer) for layer in layers + self._layers]}

    @classmethod
    def from_config(cls, config: dict) -> Sequential:
        """A model of the same layers with fresh weights."""
        layers = [layer_of(layer) for layer in config["layers"]]
        return cls(layers, name=config.get("name"), dtype=config.get("dtype"))

    @classmethod
    def from_arrays(cls, arrays, activations=None, *, dtype=None, name=None) -> Sequential:
        """A stack of Dense layers with these weights: [(W1, b1), (W2, b2), ...].

        W (inputs, units); b (units,) or None. activations : a name for each layer, or one for all
        but the last. dtype : None takes float64 if any W is of that type, else float32.

        >>> import numpy as np
        >>> from fastnn import Sequential
        >>> arrays = [(np.ones((2, 3)), np.zeros(3)), (np.ones((3, 1)), None)]
        >>> model = Sequential.from_arrays(arrays, ["relu", None])
        >>> model.predict(np.array([[1.0, 2.0]]))
        array([[9.]])
        """
        return dense_arrays.from_arrays(cls, arrays, activations, dtype, name=name)

    def to_arrays(self) -> list:
        """The weights as [(W, b), ...], copies; ValueError for layers that are not so."""
        return dense_arrays.to_arrays(self)


def load_model(path, **options):
    """The model that ``model.save(path)`` wrote; see `fastnn.saving.load_model`."""
    from fastnn.saving import load_model

    return load_model(path, **options)


def save_model(model, filepath, overwrite: bool = True) -> None:
    """``model.save(filepath)``."""
    model.save(filepath, overwrite)


def clone_model(model, input_tensors=None, clone_function=None):
    """A model of the same layers with fresh weights; layers in several places stay the same one.

    clone_function : layer -> layer, for others than ``type(layer).from_config(...)``; they must
        make outputs of the same shapes.

    >>> from fastnn import Input, Sequential, layers, models
    >>> model = Sequential([Input((2,)), layers.Dense(3)])
    >>> clone = models.clone_model(model)
    >>> clone.layers[0] is model.layers[0], clone.count_params()
    (False, 9)
    """
    if input_tensors is not None:
        raise ValueError("fastnn's clone has inputs of its own: input_tensors=None only.")
    if clone_function is None:
        own = {registry.name_of(type(layer)): type(layer)
               for layer in (*model.layers, *model.leaves)}
        with registry.custom_objects(own):
            return type(model).from_config(model.get_config())
    if not isinstance(model, Sequential):
        raise ValueError("clone_function is for Sequential models; the model is "
                         f"{type(model).__name__}.")
    first = [model._input] if model._input else []
    return Sequential([*first, *(clone_function(layer) for layer in model.layers)],
                      name=model.name)


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Model:
    """The model, with fresh weights, that ``model.to_json()`` described: fastnn's or Keras's.

    custom_objects : {name: class} of what is neither. The text names classes only, and can make
    nothing else be imported or called.
    """
    import json

    try:
        config = json.loads(json_string)
    except RecursionError:
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ValueError("Expected the JSON of a model, with class_name and config.")
    with registry.custom_objects(custom_objects or {}):
        if "module" in config:  # as Keras writes it
            from fastnn.interchange.keras import from_config

            with registry.describing("model"):
                return from_config(config)
        return registry.get("model", config)
