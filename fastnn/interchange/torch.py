"""Networks of PyTorch's, made into fastnn's."""

from __future__ import annotations

import numpy as np

from fastnn import layers
from fastnn.models import Sequential


def from_torch(module, input_shape=None):
    """A Sequential like a ``torch.nn.Sequential`` of dense layers, with its weights.

    input_shape : of a row; None asks the first layer with weights.

    In PyTorch the variance that BatchNorm keeps is a little larger, n / (n - 1) times, so that
    after further training averages differ; predictions do not. Raises ValueError for a module that
    fastnn has no equal for, TypeError for what is no module.

    >>> from_torch(7)
    Traceback (most recent call last):
    TypeError: Expected a torch.nn.Module; received 7.
    """
    if not hasattr(module, "named_children"):
        raise TypeError(f"Expected a torch.nn.Module; received {module!r:.100}.")
    made = [_translated(own) for own in _flat(module)]
    dtype = next((own.weight.detach().cpu().numpy().dtype.name for own in _flat(module)
                  if getattr(own, "weight", None) is not None), None)
    model = Sequential([layer for layer, _ in made], dtype=dtype)
    shape = input_shape or next((layer.given_shape for layer, _ in made if layer.given_shape), None)
    if shape is None:
        raise ValueError("The module does not say how wide its input is: give input_shape.")
    if not model.built:
        model.build((None, *shape))
    for layer, arrays in made:
        layer.set_weights(arrays)
    return model


def _flat(module) -> list:
    """The modules of a Sequential, those of the ones inside it in their place."""
    if type(module).__name__ != "Sequential":
        return [module]
    return [leaf for _, child in module.named_children() for leaf in _flat(child)]


def _array(tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _arrays(module, *names: str) -> list[np.ndarray]:
    """Copies of what a module has under these names."""
    found = [getattr(module, name, None) for name in names]
    return [_array(tensor) for tensor in found if tensor is not None]


def _translated(module):
    """(layer, its weights) for one module."""
    name = type(module).__name__
    if name in _WITH_WEIGHTS:
        return _WITH_WEIGHTS[name](module)
    if name in _PLAIN:
        return _PLAIN[name](module), []
    raise ValueError(f"fastnn has no layer like torch.nn.{name}.")


def _linear(module):
    bias = module.bias is not None
    layer = layers.Dense(module.out_features, use_bias=bias, input_dim=module.in_features)
    return layer, [_array(module.weight).T, *_arrays(module, "bias")]


def _batch_norm(module):
    if module.running_mean is None:
        raise ValueError("fastnn's BatchNormalization keeps averages: track_running_stats=True.")
    momentum = 1 - (0.1 if module.momentum is None else module.momentum)
    layer = layers.BatchNormalization(momentum=momentum, epsilon=module.eps, center=module.affine,
                                      scale=module.affine, input_dim=module.num_features)
    return layer, _arrays(module, "weight", "bias", "running_mean", "running_var")


def _one_axis(module) -> None:
    if len(module.normalized_shape) != 1:
        raise ValueError(f"fastnn's layer of that name works on one axis here; the module has "
                         f"normalized_shape={tuple(module.normalized_shape)}.")


def _layer_norm(module):
    _one_axis(module)
    scale, center = (getattr(module, name, None) is not None for name in ("weight", "bias"))
    layer = layers.LayerNormalization(epsilon=module.eps, scale=scale, center=center,
                                      input_shape=tuple(module.normalized_shape))
    return layer, _arrays(module, "weight", "bias")


def _rms_norm(module):
    _one_axis(module)
    if module.weight is None:
        raise ValueError("fastnn's RMSNormalization has a scale: elementwise_affine=True.")
    epsilon = np.finfo(_array(module.weight).dtype).eps if module.eps is None else module.eps
    layer = layers.RMSNormalization(epsilon=float(epsilon),
                                    input_shape=tuple(module.normalized_shape))
    return layer, _arrays(module, "weight")


def _embedding(module):
    return layers.Embedding(module.num_embeddings, module.embedding_dim), _arrays(module, "weight")


def _prelu(module):
    if module.num_parameters != 1:
        return layers.PReLU(input_dim=module.num_parameters), [_array(module.weight)]
    slope = float(_array(module.weight)[0])
    return layers.LeakyReLU(slope), []


def _softmax(function: str):
    def make(module):
        if module.dim not in (None, 1, -1):
            raise ValueError(f"fastnn's {function} is over the last axis; the module has "
                             f"dim={module.dim}.")
        return layers.Activation(function)

    return make


def _only(make, **only):
    """``make``, for a module whose settings are these; a ValueError for another."""
    def checked(module):
        for name, value in only.items():
            if getattr(module, name) != value:
                raise ValueError(f"fastnn has torch.nn.{type(module).__name__} with {name}={value} "
                                 f"only; the module has {getattr(module, name)}.")
        return make(module)

    return checked


def _activation(name: str):
    return lambda module: layers.Activation(name)


_WITH_WEIGHTS = {"Linear": _linear, "BatchNorm1d": _batch_norm, "LayerNorm": _layer_norm,
                 "RMSNorm": _rms_norm, "Embedding": _embedding, "PReLU": _prelu}
_PLAIN = {
    "Dropout": lambda module: layers.Dropout(module.p),
    "AlphaDropout": lambda module: layers.AlphaDropout(module.p),
    "Flatten": _only(lambda module: layers.Flatten(), start_dim=1, end_dim=-1),
    "Unflatten": _only(lambda module: layers.Reshape(tuple(module.unflattened_size)), dim=1),
    "Identity": lambda module: layers.Identity(),
    "LeakyReLU": lambda module: layers.LeakyReLU(module.negative_slope),
    "ELU": lambda module: layers.ELU(module.alpha),
    "GELU": lambda module: layers.Activation(
        "gelu" if module.approximate == "none" else "gelu_tanh"),
    "Hardtanh": _only(_activation("hard_tanh"), min_val=-1.0, max_val=1.0),
    "Softplus": _only(_activation("softplus"), beta=1.0),
    "Softmax": _softmax("softmax"), "LogSoftmax": _softmax("log_softmax"),
} | {name: _activation(own) for name, own in {
    "ReLU": "relu", "ReLU6": "relu6", "SELU": "selu", "SiLU": "silu", "Sigmoid": "sigmoid",
    "Tanh": "tanh", "Softsign": "softsign", "Hardsigmoid": "hard_sigmoid",
    "Hardswish": "hard_silu", "Mish": "mish", "LogSigmoid": "log_sigmoid",
    "Tanhshrink": "tanh_shrink"}.items()}
