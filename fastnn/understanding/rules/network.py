"""Rules about the network: its weights, its activations, its gradients."""

from __future__ import annotations

import numpy as np

from fastnn import activations
from fastnn.layers.core import Dense
from fastnn.layers.normalization import BatchNormalization
from fastnn.understanding.case import Case
from fastnn.understanding.finding import Finding, rule

VANISHING = 1e-4  # of the largest layer's gradient; four sigmoids at their best have (1/4)^4 = 4e-3
EXPLODING = 1e4
# a gradient a thousand times the weights: a step at the usual rates overturns them
STEEP = 1e3
DEAD = 0.4  # of a layer's units: some always die, and a network with half of them left still learns
SATURATED = 0.6  # of a layer's outputs
NEAR_BOUND = 0.01  # how near to its bounds, as a share of its range's half: a slope below 2 percent

FEW_STEPS = 10  # an epoch: where they are more, one odd batch does not matter

_RELU = (activations.ReLU,)
_BOUNDS = {activations.Sigmoid: (0.0, 1.0), activations.Tanh: (-1.0, 1.0)}


@rule
def symmetric_weights(case: Case) -> Finding | None:
    for layer in case.hidden:
        if not isinstance(layer, Dense) or layer.units < 2:
            continue
        columns = layer.kernel if layer.bias is None else np.vstack([layer.kernel, layer.bias])
        different = len(np.unique(columns.round(6), axis=1).T)
        if different <= layer.units // 2:
            value = float(layer.kernel.ravel()[0])
            constant = "0" if not layer.kernel.any() else "equal"
            return Finding(
                f"The {layer.units} neurons of {layer.name!r} are {different}: their weights are "
                f"{constant}, so that they get the same gradients and stay the same for ever.",
                "Start from random weights: kernel_initializer='glorot_uniform', or 'he_uniform' "
                "with ReLU. Biases may be 0.",
                {"neurons": layer.units, "different": different, "first weight": value})
    return None


@rule
def vanishing_gradients(case: Case) -> Finding | None:
    sizes = _sizes(case)
    if len(sizes) < 2 or not all(map(np.isfinite, sizes.values())):
        return None
    names, values = list(sizes), np.array(list(sizes.values()))
    top = int(values.argmax())
    low = int(values[: top + 1].argmin())
    if values[top] == 0 or values[low] == 0 or values[low] >= VANISHING * values[top]:
        return None
    return Finding(
        f"The gradient vanishes on its way back: in {names[low]!r} it is {values[low]:.1e}, in "
        f"{names[top]!r} {values[top]:.1e}. The first layers hardly learn.",
        "Use ReLU with he_uniform instead of sigmoid or tanh, BatchNormalization between the "
        "layers, fewer layers, or weights that are not so small.",
        {"root mean square by layer": sizes})


@rule
def exploding_gradients(case: Case) -> Finding | None:
    if not np.isfinite(case.model.params).all():
        bad = [layer.name for layer in case.layers
               if any(not np.isfinite(w.value).all() for w in layer.weights)]
        return Finding(f"There are weights that are no numbers any more, in {', '.join(bad)}.",
                       "Make the model anew, with a tenth of the learning rate, scaled inputs, and "
                       "clipnorm=1.0 in the optimizer.", {"layers": ", ".join(bad)})
    sizes = _sizes(case)
    steep = {layer.name: _steepness(case, layer) for layer in case.dense if layer.kernel.any()}
    finite = all(map(np.isfinite, sizes.values()))
    values = list(sizes.values())
    if finite and max(steep.values(), default=0) <= STEEP and not (
            len(values) > 2 and values[-1] > 0 and values[0] > EXPLODING * values[-1]):
        return None
    worst = max(steep, key=lambda name: steep[name] if np.isfinite(steep[name]) else np.inf)
    return Finding(
        f"The gradient explodes: in {worst!r} it is {steep[worst]:.1e} times as large as the "
        "weights.",
        "Scale inputs and targets, use smaller initial weights (glorot_uniform, he_uniform), "
        "clipnorm=1.0 in the optimizer, or BatchNormalization.",
        {"root mean square by layer": sizes, "times the weights": steep})


def _sizes(case: Case) -> dict[str, float]:
    """The root mean square of the gradient in each dense kernel."""
    return {layer.name: float(np.sqrt(np.mean(case.gradient(layer) ** 2)))
            for layer in case.dense if layer.trainable}


def _steepness(case: Case, layer) -> float:
    return float(np.linalg.norm(case.gradient(layer)) / np.linalg.norm(layer.kernel))


@rule
def dead_relus(case: Case) -> Finding | None:
    dead = {}
    for layer, y in _outputs(case, _RELU):
        silent = int((y <= 0).all(axis=0).sum())
        if silent > DEAD * y.shape[1]:
            dead[layer.name] = (silent, y.shape[1])
    if not dead:
        return None
    name, (silent, units) = max(dead.items(), key=lambda item: item[1][0] / item[1][1])
    return Finding(
        f"{silent} of {units} ReLUs of {name!r} are dead: they give 0 for every row, and so get no "
        "gradient that could wake them.",
        "Use a smaller learning rate, he_uniform, a small positive bias "
        "(bias_initializer=initializers.Constant(0.01)), or leaky_relu; scale the inputs.",
        {"rows": len(case.sample.X), "dead": {n: f"{d}/{u}" for n, (d, u) in dead.items()}})


@rule
def saturated_units(case: Case) -> Finding | None:
    found = {}
    for layer, y in _outputs(case, tuple(_BOUNDS)):
        low, high = _BOUNDS[type(layer.activation)]
        margin = NEAR_BOUND * (high - low) / 2
        share = float(((y < low + margin) | (y > high - margin)).mean())
        if share > SATURATED:
            found[layer.name] = share
    if not found:
        return None
    name = max(found, key=found.get)
    return Finding(
        f"{found[name]:.0%} of the outputs of {name!r} are saturated: they lie at the ends of the "
        "activation, where its slope is almost 0.",
        "Scale the inputs, start from smaller weights (glorot_uniform), put BatchNormalization in "
        "front of the activation, or use ReLU.",
        {"rows": len(case.sample.X), "saturated": found})


def _outputs(case: Case, kinds: tuple):
    """(layer, outputs (n, units)) of the hidden layers with one of these activations."""
    for layer in case.hidden:
        if type(getattr(layer, "activation", None)) in kinds:
            y = case.activations[layer.name]
            yield layer, y.reshape(-1, y.shape[-1])


@rule
def batch_norm_of_one(case: Case) -> Finding | None:
    norms = [layer for layer in case.layers
             if isinstance(layer, BatchNormalization) and layer.trainable
             and len(layer.shapes[0]) == 1]
    n, size = len(case.feed.X), case.batch_size
    if not norms or size is None:
        return None
    last = n % size
    if size > 1 and (last != 1 or n // size >= FEW_STEPS):
        return None
    where = "Batches have one row" if size == 1 else f"The last batch of {n} rows has one row"
    return Finding(
        f"{where}, whose mean is the row itself: {norms[0].name!r} makes 0 of every input then.",
        "Use a batch_size of 8 or more that does not leave a single row, or LayerNormalization.",
        {"batch_size": size, "rows": n, "rows of the last batch": last or size})
