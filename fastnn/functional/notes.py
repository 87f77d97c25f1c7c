"""The program that courses write first: parameters in a dictionary, examples in columns.

``parameters`` holds W1 (inputs, units) and b1 (units, 1), W2 and b2, ...; ``X`` is (features,
examples), and a layer computes ``A = f(W.T @ X + b)``. The arrays are float64 and the caller's own:
what is changed in them counts at the next call.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fastnn import losses as _losses
from fastnn import random
from fastnn.functional._arguments import in_place, need, number, reals
from fastnn.functional.dense import dense_backward, dense_forward
from fastnn.functional.losses import loss_and_gradient
from fastnn.functional.updates import sgd_update


def initialize_parameters(layer_dims, method="constant", seed=0):
    """{"W1": (n0, n1), "b1": (n1, 1), "W2": ...} for layers of n0, n1, ... neurons, in float64.

    method : "constant", weights of 0.1 as in the notes (all neurons of a layer then stay equal); or
        "he", normal numbers times sqrt(2 / inputs); or "xavier", times
        sqrt(2 / (inputs + outputs)).
    seed : decides the random numbers. Biases are zeros.

    >>> from fastnn import functional as F
    >>> {name: array.shape for name, array in F.initialize_parameters([2, 2, 1]).items()}
    {'W1': (2, 2), 'b1': (2, 1), 'W2': (2, 1), 'b2': (1, 1)}
    """
    dims = [int(n) for n in layer_dims]
    need(len(dims) > 1 and min(dims) > 0, "layer_dims",
         "hold the sizes of at least two layers, from 1 on", layer_dims)
    if method not in ("constant", "he", "xavier"):
        raise ValueError(f"method must be 'constant', 'he' or 'xavier', received {method!r}.")
    parameters = {}
    for layer, (k, m) in enumerate(pairwise(dims), 1):
        if method == "constant":
            W = np.full((k, m), 0.1)
        else:
            W = random.normal(seed + layer, (k, m)) * np.sqrt(2 / (k if method == "he" else k + m))
        parameters[f"W{layer}"], parameters[f"b{layer}"] = W, np.zeros((m, 1))
    return parameters


def _layers(parameters) -> int:
    """How many layers there are; a ValueError unless the dictionary has W1, b1, W2, ..."""
    if not isinstance(parameters, dict):
        raise TypeError("parameters must be a dictionary with W1, b1, W2, ..., received "
                        f"{type(parameters).__name__}.")
    count = 0
    while f"W{count + 1}" in parameters:
        count += 1
        W, b = np.asarray(parameters[f"W{count}"]), parameters.get(f"b{count}")
        need(W.ndim == 2, f"W{count}", "have two axes, inputs and units", W)
        need(b is not None and np.size(b) == W.shape[1], f"b{count}",
             f"have the shape {(W.shape[1], 1)}", "None" if b is None else np.asarray(b))
    need(count > 0, "parameters", "hold W1, b1, W2, ...", sorted(parameters))
    return count


def _names(activations, count: int) -> list:
    if activations is None or isinstance(activations, str):
        return [activations] * count
    names = list(activations)
    need(len(names) == count, "activations", f"name one for each of {count} layers", names)
    return names


def l_layer_forward(X, parameters, activations=None):
    """(Y, A): the last layer's activations (outputs, examples), and those of the layer before it.

    X : (features, examples). activations : None (linear, as in the notes), one name for all layers,
        or a list of one a layer. A : the hidden layer's activations; of several layers a list of
        them, the first one first; of none None. Raises ValueError for shapes that do not fit.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> y_hat, A1 = F.l_layer_forward(np.array([[8.0], [8.0]]), F.initialize_parameters([2, 2, 1]))
    >>> y_hat.round(2), A1.round(2)
    (array([[0.32]]), array([[1.6],
           [1.6]]))
    """
    count = _layers(parameters)
    names = _names(activations, count)
    (x,) = reals(X=X)
    need(x.ndim == 2 and len(x) == len(parameters["W1"]), "X",
         f"have the shape ({len(parameters['W1'])}, examples)", x,
         "One example is a column: x.reshape(-1, 1).")
    hidden, A = [], np.ascontiguousarray(x.T)
    for layer in range(1, count + 1):
        b = np.asarray(parameters[f"b{layer}"]).reshape(-1)
        A = dense_forward(A, parameters[f"W{layer}"], b, names[layer - 1])
        hidden.append(A.T)
    *hidden, Y = hidden
    return Y, hidden[0] if len(hidden) == 1 else hidden or None


def l_layer_backward(parameters, y, y_hat, A, X, activations=None, loss="sum_squared_error"):
    """{"dW1": ..., "db1": ..., ...}: the gradient of the mean loss over the examples.

    y : targets (outputs, examples), or a number for one output of one example. y_hat, A : what
        `l_layer_forward` returned for X. loss : a name or an instance; its default is the notes'
        (y - y_hat)^2.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> X, parameters = np.array([[8.0], [8.0]]), F.initialize_parameters([2, 2, 1])
    >>> y_hat, A1 = F.l_layer_forward(X, parameters)
    >>> F.l_layer_backward(parameters, 4.0, y_hat, A1, X)["db2"].round(2)
    array([[-7.36]])
    """
    count = _layers(parameters)
    names = _names(activations, count)
    hidden = [] if A is None else [A] if isinstance(A, np.ndarray) else list(A)
    need(len(hidden) == count - 1, "A", f"be the activations of {count - 1} hidden layers",
         f"{len(hidden)}")
    (x,) = reals(X=X)
    # a number, as the notes' program takes it out of the array
    Y = np.asarray(y_hat, x.dtype).reshape(parameters[f"W{count}"].shape[1], -1).T
    T = np.asarray(y, x.dtype).reshape(Y.T.shape).T
    _, dA = loss_and_gradient(_losses.get(loss), np.ascontiguousarray(Y), np.ascontiguousarray(T))
    grads, values = {}, [x.T, *(np.asarray(a).T for a in hidden), Y]
    for layer in range(count, 0, -1):
        W = parameters[f"W{layer}"]
        name, above, below = names[layer - 1], values[layer], values[layer - 1]
        Z = dense_forward(below, W, np.asarray(parameters[f"b{layer}"]).reshape(-1))
        dA, grads[f"dW{layer}"], db = dense_backward(
            dA, below, W, above, name, Z, input_gradient=layer > 1)
        grads[f"db{layer}"] = db.reshape(-1, 1)
    return grads


def update_parameters(parameters, *what, learning_rate=0.001, activations=None,
                      loss="sum_squared_error"):
    """One step of gradient descent, in place, on every W and b.

    Either ``update_parameters(parameters, y, y_hat, A, X)``, as the notes' program has it, or
    ``update_parameters(parameters, grads)`` with what `l_layer_backward` returned. All gradients
    are taken before the first parameter moves. Returns ``parameters``.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> parameters = F.initialize_parameters([1, 1])
    >>> F.update_parameters(parameters, {"dW1": np.array([[1.0]]), "db1": np.array([[1.0]])},
    ...                     learning_rate=0.1)
    {'W1': array([[0.]]), 'b1': array([[-0.1]])}
    """
    count, rate = _layers(parameters), number("learning_rate", learning_rate, 0.0)
    if len(what) == 4:
        grads = l_layer_backward(parameters, *what, activations=activations, loss=loss)
    elif len(what) == 1 and isinstance(what[0], dict):
        (grads,) = what
    else:
        raise TypeError("update_parameters takes (parameters, y, y_hat, A, X) or "
                        f"(parameters, grads), received {1 + len(what)} arguments.")
    steps = []
    for name in (f"{letter}{layer}" for layer in range(1, count + 1) for letter in "Wb"):
        need(f"d{name}" in grads, "grads", f"hold d{name}", sorted(grads))
        p, g = in_place(f"parameters[{name!r}]", parameters[name]), np.asarray(grads[f"d{name}"])
        need(g.size == p.size, f"grads['d{name}']", f"have the shape {p.shape}", g)
        steps.append((p, g.reshape(p.shape)))
    for p, g in steps:
        sgd_update(p, g, rate)
    return parameters
