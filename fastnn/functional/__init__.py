"""The compiled kernels on plain NumPy arrays, for networks written by hand.

Each function takes the place of lines that people write: ``np.maximum(X @ W + b, 0)`` is
``dense_forward(X, W, b, "relu")``. float32 and float64; arrays whose numbers lie in order
(C-contiguous) are read and written where they lie, all others are copied first; ``out=`` takes the
results.

=====================  =====================================================================
dense layers           `dense_forward`, `dense_backward`
activations            `activation_forward`, `activation_backward`, and for every name ``relu``,
                       ``relu_backward``, ``relu_derivative``, ``softmax``, ``gelu``, ...
losses with gradients  `softmax_cross_entropy`, `binary_cross_entropy_with_logits`,
                       `loss_and_gradient`, and every name: ``mse``, ``mae``, ``huber``, ...
steps, in place        `sgd_update`, `momentum_update`, `nesterov_update`, `rmsprop_update`,
                       `adagrad_update`, `adadelta_update`, `adam_update`, `adamw_update`,
                       `adamax_update`, `lion_update`, `clip_by_global_norm`
normalization          `batch_norm_forward`, `layer_norm_forward`, `dropout`, and ``_backward``
data                   `one_hot`, `minibatches`
the notes' program     `initialize_parameters`, `l_layer_forward`, `l_layer_backward`,
                       `update_parameters`
=====================  =====================================================================

>>> import numpy as np
>>> from fastnn import functional as F
>>> X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 0])
>>> W, b = np.zeros((2, 2)), np.zeros(2)
>>> for _ in range(100):
...     loss, dlogits = F.softmax_cross_entropy(F.dense_forward(X, W, b), y)
...     _, dW, db = F.dense_backward(dlogits, X, W)
...     for p, g in (W, dW), (b, db):
...         p = F.sgd_update(p, g, 1.0)
>>> bool(loss < 0.05)
True
"""

from __future__ import annotations

from fastnn.functional import _arguments, activations, losses
from fastnn.functional.activations import activation_backward, activation_forward
from fastnn.functional.data import minibatches, one_hot
from fastnn.functional.dense import dense_backward, dense_forward
from fastnn.functional.losses import (
    binary_cross_entropy_with_logits,
    loss_and_gradient,
    softmax_cross_entropy,
)
from fastnn.functional.norms import (
    batch_norm_backward,
    batch_norm_forward,
    dropout,
    dropout_backward,
    layer_norm_backward,
    layer_norm_forward,
)
from fastnn.functional.notes import (
    initialize_parameters,
    l_layer_backward,
    l_layer_forward,
    update_parameters,
)
from fastnn.functional.updates import (
    adadelta_update,
    adagrad_update,
    adam_update,
    adamax_update,
    adamw_update,
    clip_by_global_norm,
    lion_update,
    momentum_update,
    nesterov_update,
    rmsprop_update,
    sgd_update,
)

__all__ = [
    "activation_backward", "activation_forward", "adadelta_update", "adagrad_update",
    "adam_update", "adamax_update", "adamw_update", "batch_norm_backward", "batch_norm_forward",
    "binary_cross_entropy_with_logits", "clip_by_global_norm", "dense_backward", "dense_forward",
    "dropout", "dropout_backward", "initialize_parameters", "l_layer_backward", "l_layer_forward",
    "layer_norm_backward", "layer_norm_forward", "lion_update", "loss_and_gradient",
    "minibatches", "momentum_update", "nesterov_update", "one_hot", "rmsprop_update",
    "sgd_update", "softmax_cross_entropy", "update_parameters",
]

_arguments.meet_core()


def __getattr__(name: str):
    """The functions of single activations and losses, made when they are first asked for."""
    if not name.startswith("_"):
        for table in (activations, losses):
            made = table.function(name)
            if made is not None:
                globals()[name] = made
                return made
    raise AttributeError(f"module 'fastnn.functional' has no attribute {name!r}: it has "
                         f"{', '.join(__all__)}, and the names of activations and losses.")
