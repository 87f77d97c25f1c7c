"""Every activation as two functions of arrays: its values, and gradients through it.

For each registered name there are ``name(z, out=None)``, ``name_backward(dy, y, z=None, out=None)``
and, where it is a function of single elements, ``name_derivative(z, out=None)``; arguments of the
activation itself follow by name: ``leaky_relu(z, negative_slope=0.1)``.
"""

from __future__ import annotations

import functools

import numpy as np

from fastnn import activations, registry
from fastnn.functional import _arguments
from fastnn.functional._arguments import deliver, kernel, need, reals, target
from fastnn.plan import Kind


def find(activation):
    """The activation of an identifier, and its formula for the core, None where it has none."""
    it = getattr(activation, "activation", None) or activations.get(activation)
    it = it.lowered()
    core = _arguments.core
    if core is None or not _compiled(it):
        return it, None
    if activation is None or isinstance(activation, str):
        if activation not in core.FORMULAS:
            core.FORMULAS[activation] = _formula(core, it)
        return it, core.FORMULAS[activation]
    return it, _formula(core, it)


def _compiled(it) -> bool:
    if it.elementwise:
        return activations.code(it) < len(activations.elementwise())
    return it.axis == -1


def _formula(core, it):
    if it.elementwise:
        return core.Formula(it, Kind.ACTIVATION, activations.code(it), it.values(), it.keeps_z())
    return core.Formula(it, Kind[it.kind], 0, (), it.keeps_z())


def check(it, z: np.ndarray, name: str) -> None:
    """A ValueError for an array whose rows the activation cannot take."""
    if not it.elementwise:
        need(z.ndim > 0 and z.shape[it.axis] > 0, name, "have rows of at least one number", z)
        it.check_size(z.shape[it.axis])


@kernel
def activation_forward(z, activation, out=None):
    """y = f(z), for any activation: a name, an instance, a class, or a pair of functions.

    z : array of any shape; softmax and its like take the last axis. out : an array of y's shape to
        write y to, which may be z itself. Returns y, in z's type if that is float32 or float64.
    Raises ValueError for an unknown name or an ``out`` of another shape.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.activation_forward(np.array([-1.0, 2.0]), "relu")
    array([0., 2.])
    """
    it, formula = find(activation)
    (z,) = reals(z=z)
    check(it, z, "z")
    if formula is not None and not _nothing(z) and not _is(it, Kind.GLU):
        y = target("out", out, z.shape, z.dtype, z)
        _arguments.core.array_activation_forward(z, formula, y)
    else:
        result = it(z)
        y = target("out", out, result.shape, z.dtype, z)
        y[...] = result
    return deliver(y, out)


@kernel
def activation_backward(dy, y, activation, z=None, out=None):
    """dz = f'(z) dy, for any activation, from y = f(z), and from z where the derivative needs it.

    dy, y : arrays of one shape. z : what y was made from, for activations whose ``keeps_z()`` is
        true (silu, gelu, mish, ...). out : an array of z's shape to write dz to; may be dy.
    Raises ValueError for shapes that differ, and where z is needed and missing.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.activation_backward(np.array([1.0, 1.0]), np.array([0.0, 2.0]), "relu")
    array([0., 1.])
    """
    it, formula = find(activation)
    dy, y, z = reals(("z",), dy=dy, y=y, z=z)
    need(y.shape == dy.shape, "y", f"have the shape of dy, {dy.shape}", y)
    if it.keeps_z():
        need(z is not None, "z", f"be given: the derivative of {it!r} needs it", None,
             "It is what y was made from.")
        halved = _is(it, Kind.GLU)
        need(z.size == dy.size * (1 + halved) and z.ndim == dy.ndim, "z",
             f"be what y, of shape {y.shape}, was made from", z)
    dz = target("out", out, z.shape if it.keeps_z() else dy.shape, dy.dtype, dy, y, z)
    if formula is not None and not _nothing(dy) and not _is(it, Kind.GLU):
        _arguments.core.array_activation_backward(dy, y, formula, z, dz)
    else:
        dz[...] = _backward(it, dy, y, z)
    return deliver(dz, out)


def _is(it, kind) -> bool:
    return not it.elementwise and it.kind == kind.name


def _nothing(array) -> bool:
    return array.ndim == 0 or array.shape[-1] == 0


def _backward(it, dy, y, z):
    kept = (y, z) if it.keeps_z() else (y,)
    with np.errstate(all="ignore"):
        if it.elementwise:
            return it.backward(dy, *kept, *(dy.dtype.type(x) for x in it.values()))
        ends = [np.moveaxis(array, it.axis, -1) for array in (dy, *kept)]
        return np.moveaxis(it.backward(*ends), -1, it.axis)


@functools.cache
def function(name: str):
    """The function of this name, made from the registered activations; None if there is none."""
    for suffix, make in (("_backward", _make_backward), ("_derivative", _make_derivative)):
        cls = registry.find("activation", name.removesuffix(suffix))
        if name.endswith(suffix) and cls is not None:
            return make(name.removesuffix(suffix), cls)
    cls = registry.find("activation", name)
    return None if cls is None else _make_forward(name, cls)


def _formula_of(name: str):
    """None also for an activation whose arguments have no defaults."""
    try:
        return find(name)[1]
    except TypeError:
        return None


def _named(made, name: str, cls, what: str):
    made.__name__ = made.__qualname__ = name
    made.__module__ = "fastnn.functional"
    made.__doc__ = f"{what}\n\n{cls.__doc__}"
    return made


def _make_forward(name, cls):
    def general(z, out=None, **hyper):
        return activation_forward(z, cls(**hyper) if hyper else name, out)

    formula = _formula_of(name)
    if formula is not None:
        general = _arguments.core.make_activation(formula, general)
    return _named(general, name, cls, "``(z, out=None, **arguments)`` -> y; out may be z.")


def _make_backward(name, cls):
    def general(dy, y, z=None, out=None, **hyper):
        return activation_backward(dy, y, cls(**hyper) if hyper else name, z, out)

    formula = _formula_of(name)
    if formula is not None:
        general = _arguments.core.make_backward(formula, general)
    needs = "z too" if cls.keeps_z() else "no z"
    return _named(general, f"{name}_backward", cls,
                  f"``(dy, y, z=None, out=None, **arguments)`` -> dz; needs {needs}.")


def _make_derivative(name, cls):
    if not cls.elementwise:
        return None

    def derivative(z, out=None, **hyper):
        (z,) = reals(z=z)
        it = cls(**hyper) if hyper else name
        dz = target("out", out, z.shape, z.dtype, z)
        activation_backward(np.ones_like(z), activation_forward(z, it), it, z, dz)
        return deliver(dz, out)

    return _named(derivative, f"{name}_derivative", cls,
                  "``(z, out=None, **arguments)`` -> dy/dz at every element of z.")
