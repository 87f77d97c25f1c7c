"""What happens to gradients and parameters behind the backward pass, in NumPy.

Penalties, clipping, the optimizer's update with what is around it, constraints. ``run`` is the
`numpy_backend.Run` of a batch, ``scalars`` the step's row of numbers.
"""

from __future__ import annotations

import numpy as np

from fastnn import constraints, regularizers
from fastnn.formulas import arguments
from fastnn.optimizers import rules
from fastnn.plan import Kind


def waits(op, scalars) -> bool:
    """Whether the step comes too early for the op: gradients are still being added up."""
    gated = Kind.CLIP_VALUE <= op["kind"] <= Kind.AVERAGE and op["b"] >= 0
    return gated and not scalars[op["b"]]


def penalty(run, op, slots, scalars):
    """l1 * sum |w| + l2 * sum w^2, in Keras's convention: no 1/2 and no 1/n."""
    p = run.params[op["w"] : op["w"] + op["k"]]
    factor = scalars[op["m"]] if run.training and op["m"] >= 0 else 1.0
    l1, l2 = p.dtype.type(op["a0"] * factor), p.dtype.type(op["a1"] * factor)
    ones, squares = np.abs(p).sum(dtype=np.float64), np.square(p, dtype=np.float64).sum()
    value = (op["a0"] * ones + op["a1"] * squares) * factor
    run.sums[max(0, op["dst"])] += value * len(run.work)
    if run.training:
        run.grads[op["w"] : op["w"] + op["k"]] += l1 * np.sign(p) + 2 * l2 * p


def orthogonality(run, op, slots, scalars):
    W = run.matrix(run.params, op)
    value, gradient = regularizers.orthogonality(W.T if op["s"] else W, op["a0"], op["a1"])
    run.sums[0] += value * len(run.work)
    if run.training:
        run.matrix(run.grads, op)[:] += gradient.T if op["s"] else gradient


def clip_value(run, op, slots, scalars):
    g = run.grads[op["w"] : op["w"] + op["k"]]
    limit = g.dtype.type(op["a0"])
    np.clip(g, -limit, limit, out=g)


def clip_norm(run, op, slots, scalars):
    g = run.grads[op["w"] : op["w"] + op["k"]]
    norm = np.sqrt(np.square(g, dtype=np.float64).sum())
    if norm > op["a0"]:
        g *= g.dtype.type(op["a0"] / norm)


def update(run, op, slots, scalars):
    """A rule's last result, if it has one more than slots, takes the gradient's place."""
    _, rule, count = rules()[op["formula"]]
    part = slice(op["w"], op["w"] + op["k"])
    numbers = [run.params.dtype.type(x) for x in scalars[: len(arguments(rule)) - 2 - count]]
    new = rule(run.params[part], run.grads[part], *slots[:count, part], *numbers)
    p, *states = new if isinstance(new, tuple) else (new,)
    run.params[part] = p
    for target, state in zip((*slots[:count], run.grads), states, strict=False):
        target[part] = state


def accumulate(run, op, slots, scalars):
    """Gradients are added up; where the sum is complete, their mean takes the gradient's place."""
    part = slice(op["w"], op["w"] + op["k"])
    g, total = run.grads[part], slots[op["s"], part]
    total += g
    if scalars[op["m"]]:
        g[:] = total / g.dtype.type(op["a0"])
        total[:] = 0


def decay(run, op, slots, scalars):
    p = run.params[op["w"] : op["w"] + op["k"]]
    p -= p.dtype.type(scalars[op["m"]]) * p


def trust(run, op, slots, scalars):
    """The step is as long as the parameters are, times the learning rate; see ``Lamb``."""
    part = slice(op["w"], op["w"] + op["k"])
    p, u = run.params[part], run.grads[part]
    size, length = (np.sqrt(np.square(x, dtype=np.float64).sum()) for x in (p, u))
    ratio = size / length if size > 0 and length > 0 else 1.0
    p -= p.dtype.type(ratio * scalars[op["m"]]) * u


def average(run, op, slots, scalars):
    part = slice(op["w"], op["w"] + op["k"])
    p, a = run.params[part], slots[op["s"], part]
    keep = p.dtype.type(scalars[op["m"]])
    a[:] = keep * a + (1 - keep) * p
    if scalars[op["m"] + 1]:
        p[:] = a


def non_negative(run, op, slots, scalars):
    p = run.params[op["w"] : op["w"] + op["k"]]
    np.maximum(p, 0, out=p)


def bound_norm(run, op, slots, scalars):
    shape = op["k"], op["m"], op["s"]
    p = run.params[op["w"] : op["w"] + np.prod(shape)].reshape(shape)
    p[:] = constraints.bound_norms(p, op["a0"], op["a1"], op["a2"], op["a3"])


_STEP = ("penalty", "clip_value", "clip_norm", "update", "accumulate", "decay", "trust", "average",
         "non_negative", "bound_norm", "orthogonality")
FINISH = {Kind[name.upper()]: globals()[name] for name in _STEP}
