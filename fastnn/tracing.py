"""Gradients through NumPy's functions and `fastnn.ops`, for layers and losses in Python.

>>> import numpy as np
>>> value, (slope,) = gradients(lambda x: np.sum(x ** 2), np.array([1.0, 2.0]))
>>> float(value), slope
(5.0, array([2., 4.]))

A `Traced` array notes by which function it was made of which others; NumPy hands every function of
one to it. Functions that are constant but for jumps (comparisons, sign, argmax) give plain arrays.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

_order = itertools.count()


class Traced(NDArrayOperatorsMixin):
    """An array that knows how it was made."""

    __hash__ = None

    def __init__(self, value, sources=(), pull=None):
        self.value = np.asarray(value)
        self.sources, self.pull = sources, pull  # pull(g): the gradients in the sources
        self.number = next(_order)

    def __array_ufunc__(self, ufunc, method, *inputs, **named):
        if method == "reduce" and ufunc in _REDUCTIONS:
            return _REDUCTIONS[ufunc](inputs[0], **named)
        if method != "__call__" or named.get("out") is not None:
            raise TypeError(f"No gradient is known through {ufunc.__name__}.{method}.")
        values = [plain(x) for x in inputs]
        found = ufunc(*values, **named)
        if ufunc in _CONSTANT:
            return found
        if ufunc not in _RULES:
            raise TypeError(f"No gradient is known through numpy.{ufunc.__name__}: give the layer "
                            "a backward, or the loss a gradient, of its own.")
        rule = _RULES[ufunc]

        def pull(g):
            return [_fit(slope, value.shape) for slope, value in
                    zip(rule(g, found, *values), map(np.asarray, values), strict=True)]

        return _made(found, inputs, pull)

    def __array_function__(self, function, types, arguments, named):
        name = function.__name__
        if function in _CONSTANT:
            return function(*map(plain, arguments), **named)
        if name not in _FUNCTIONS:
            raise TypeError(f"No gradient is known through numpy.{name}: give the layer a "
                            "backward, or the loss a gradient, of its own.")
        return _FUNCTIONS[name](*arguments, **named)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("The gradient of this is not known: an array that is being differentiated "
                        "was turned into a plain one. Use fastnn.ops or NumPy's functions, or give "
                        "the layer a backward of its own.")

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)
    T = property(lambda self: transpose(self))

    def __len__(self):
        return len(self.value)

    def __getitem__(self, key):
        return take(self, key)

    def through(self, activation):
        """An activation of it, with the derivative that the activation itself has."""
        it, z = activation.lowered(), self.value
        axis = getattr(activation, "axis", -1)
        if not activation.elementwise:
            z = np.moveaxis(z, axis, -1)
        y = it.forward(z, *it.values())
        kept = (y, z) if it.keeps_z() else (y,)

        def pull(g):
            if activation.elementwise:
                return [it.backward(np.array(g), *kept, *it.values())]
            slope = it.backward(np.moveaxis(np.array(g), axis, -1), *kept)
            return [np.moveaxis(slope, -1, axis)]

        return _made(y if activation.elementwise else np.moveaxis(y, -1, axis), [self], pull)

    def known(self, value, slope):
        """A function of each number of it, with this value and derivative."""
        return _made(value, [self], lambda g: [g * slope])

    def astype(self, dtype, copy=True):
        return self if np.dtype(dtype).kind == "f" else self.value.astype(dtype)

    def reshape(self, *shape):
        return reshape(self, shape[0] if len(shape) == 1 else shape)

    def sum(self, axis=None, keepdims=False):
        return total(self, axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        return mean(self, axis, keepdims=keepdims)

    def var(self, axis=None, keepdims=False):
        return variance(self, axis, keepdims=keepdims)

    def max(self, axis=None, keepdims=False):
        return largest(self, axis, keepdims=keepdims)

    def min(self, axis=None, keepdims=False):
        return smallest(self, axis, keepdims=keepdims)


def gradients(function, *arrays):
    """(function(*arrays), its gradients), for a function whose value is one number.

    The sum is taken of a value with more numbers.
    """
    traced = [Traced(array) for array in arrays]
    made = function(*traced)
    seed = np.ones_like(plain(made), subok=False)
    return plain(made), pulled(made, seed, traced)


def pulled(made, seed, traced) -> list[np.ndarray]:
    """The gradients in some traced arrays, for the gradient ``seed`` in what was made of them."""
    slopes = {id(made): np.asarray(seed)} if isinstance(made, Traced) else {}
    waiting = {made.number: made} if isinstance(made, Traced) else {}
    while waiting:
        node = waiting.pop(max(waiting))
        if node.pull is None:
            continue
        for source, slope in zip(node.sources, node.pull(slopes.pop(id(node))), strict=True):
            if isinstance(source, Traced):
                slopes[id(source)] = slopes.get(id(source), 0) + slope
                waiting[source.number] = source
    return [np.broadcast_to(slopes.get(id(t), np.zeros_like(t.value)), t.shape) for t in traced]


def plain(x):
    """The numbers of a traced array; anything else as it is."""
    x = tracing(x)
    if isinstance(x, Traced):
        return x.value
    return [plain(one) for one in x] if isinstance(x, (list, tuple)) else x


def tracing(x):
    """What a variable holds while its layer is differentiated; anything else as it is."""
    value = getattr(x, "value", None)
    return value if isinstance(value, Traced) else x


def _made(value, sources, pull) -> Traced:
    return Traced(value, [tracing(source) for source in sources], pull)


def _fit(slope, shape):
    """The gradient in an array that was broadcast: summed over what was repeated."""
    slope = np.asarray(slope)
    if slope.shape == shape:
        return slope
    slope = np.broadcast_to(slope, np.broadcast_shapes(slope.shape, shape))
    extra = tuple(range(slope.ndim - len(shape)))
    slope = slope.sum(axis=extra)
    once = tuple(i for i, n in enumerate(shape) if n == 1 and slope.shape[i] != 1)
    return slope.sum(axis=once, keepdims=True) if once else slope


# the rules: rule(g, y, *x) gives the gradients in x

_CONSTANT = {np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
             np.logical_and, np.logical_or, np.logical_not, np.isnan, np.isfinite, np.isinf,
             np.sign, np.floor, np.ceil, np.rint, np.trunc, np.argmax, np.argmin, np.argsort,
             np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like,
             np.full_like, np.round}


def _matmul(g, y, a, b):
    if a.ndim == 1 or b.ndim == 1:
        return _matmul_vectors(g, a, b)
    return g @ np.swapaxes(b, -1, -2), np.swapaxes(a, -1, -2) @ g


def _matmul_vectors(g, a, b):
    if a.ndim == b.ndim == 1:
        return g * b, g * a
    if a.ndim == 1:
        return (b * np.expand_dims(g, -2)).sum(axis=-1), a[:, None] * np.expand_dims(g, -2)
    return np.expand_dims(g, -1) * b, (a * np.expand_dims(g, -1)).reshape(-1, len(b)).sum(axis=0)


def _power(g, y, a, b):
    with np.errstate(all="ignore"):
        in_exponent = np.where(np.asarray(a) > 0, y * np.log(np.where(a > 0, a, 1)), 0)
        return g * b * np.power(a, np.asarray(b) - 1), g * in_exponent


_RULES = {
    np.add: lambda g, y, a, b: (g, g),
    np.subtract: lambda g, y, a, b: (g, -g),
    np.multiply: lambda g, y, a, b: (g * b, g * a),
    np.true_divide: lambda g, y, a, b: (g / b, -g * y / b),
    np.power: _power,
    np.matmul: _matmul,
    np.negative: lambda g, y, x: (-g,),
    np.positive: lambda g, y, x: (g,),
    np.absolute: lambda g, y, x: (g * np.sign(x),),
    np.square: lambda g, y, x: (2 * g * x,),
    np.sqrt: lambda g, y, x: (g / (2 * y),),
    np.cbrt: lambda g, y, x: (g / (3 * y * y),),
    np.reciprocal: lambda g, y, x: (-g * y * y,),
    np.exp: lambda g, y, x: (g * y,),
    np.exp2: lambda g, y, x: (g * y * np.log(2),),
    np.expm1: lambda g, y, x: (g * (y + 1),),
    np.log: lambda g, y, x: (g / x,),
    np.log2: lambda g, y, x: (g / (x * np.log(2)),),
    np.log10: lambda g, y, x: (g / (x * np.log(10)),),
    np.log1p: lambda g, y, x: (g / (1 + x),),
    np.sin: lambda g, y, x: (g * np.cos(x),),
    np.cos: lambda g, y, x: (-g * np.sin(x),),
    np.tan: lambda g, y, x: (g * (1 + y * y),),
    np.arctan: lambda g, y, x: (g / (1 + x * x),),
    np.arcsin: lambda g, y, x: (g / np.sqrt(1 - x * x),),
    np.arccos: lambda g, y, x: (-g / np.sqrt(1 - x * x),),
    np.sinh: lambda g, y, x: (g * np.cosh(x),),
    np.cosh: lambda g, y, x: (g * np.sinh(x),),
    np.tanh: lambda g, y, x: (g * (1 - y * y),),
    np.arctanh: lambda g, y, x: (g / (1 - x * x),),
    np.arcsinh: lambda g, y, x: (g / np.sqrt(1 + x * x),),
    np.hypot: lambda g, y, a, b: (g * a / y, g * b / y),
    np.arctan2: lambda g, y, a, b: (g * b / (a * a + b * b), -g * a / (a * a + b * b)),
    np.logaddexp: lambda g, y, a, b: (g * np.exp(a - y), g * np.exp(b - y)),
    # equal numbers share the gradient, as in the plan's MERGE
    np.maximum: lambda g, y, a, b: (g * _share(a, b), g * _share(b, a)),
    np.minimum: lambda g, y, a, b: (g * _share(b, a), g * _share(a, b)),
}


def _share(a, b):
    return np.where(np.equal(a, b), 0.5, np.greater(a, b))


# functions of NumPy's that are not of single numbers


def _axes(x, axis) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return tuple(a % x.ndim for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))


def total(x, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    x, axes = tracing(x), _axes(x, axis)

    def pull(g):
        return [np.broadcast_to(g if keepdims else np.expand_dims(g, axes), x.shape)]

    return _made(x.value.sum(axis=axes, keepdims=keepdims), [x], pull)


def mean(x, axis=None, dtype=None, out=None, keepdims=False, where=None):
    found = total(x, axis, keepdims=keepdims)
    return found * x.dtype.type(max(found.size, 1) / max(x.size, 1))


def variance(x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **_):
    found = total(np.square(x - mean(x, axis, keepdims=True)), axis, keepdims=keepdims)
    return found * x.dtype.type(1 / (x.size / found.size - ddof))


def deviation(x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **_):
    return np.sqrt(variance(x, axis, ddof=ddof, keepdims=keepdims))


def product(x, axis=None, dtype=None, out=None, keepdims=False, **_):
    axes = _axes(x, axis)
    found = x.value.prod(axis=axes, keepdims=True)

    def pull(g):
        return [(g if keepdims else np.expand_dims(g, axes)) * found / x.value]

    return _made(found if keepdims else found.squeeze(axes), [x], pull)


def largest(x, axis=None, out=None, keepdims=False, **_):
    x, axes = tracing(x), _axes(x, axis)
    found = x.value.max(axis=axes, keepdims=True)
    chosen = x.value == found

    def pull(g):
        share = chosen / chosen.sum(axis=axes, keepdims=True)
        return [(g if keepdims else np.expand_dims(g, axes)) * share]

    return _made(found if keepdims else found.squeeze(axes), [x], pull)


def smallest(x, axis=None, out=None, keepdims=False, **_):
    return -largest(-x, axis, keepdims=keepdims)


_REDUCTIONS = {np.add: total, np.maximum: largest, np.minimum: smallest, np.multiply: product}


def _moved(x, move):
    """A function that puts numbers elsewhere: the gradient goes back the same way."""
    x = tracing(x)
    places = move(np.arange(x.size).reshape(x.shape))

    def pull(g):
        slope = np.zeros(x.size, np.asarray(g).dtype)
        np.add.at(slope, places.ravel(), np.ravel(g))
        return [slope.reshape(x.shape)]

    return _made(move(x.value), [x], pull)


def take(x, key):
    return _moved(x, lambda array: array[key])


def reshape(x, shape=None, order="C", **named):
    shape = named.get("newshape", shape)
    return _made(x.value.reshape(shape), [x], lambda g: [np.reshape(g, x.shape)])


def transpose(x, axes=None):
    back = None if axes is None else np.argsort(axes)
    return _made(np.transpose(x.value, axes), [x], lambda g: [np.transpose(g, back)])


def _moving(function):
    return lambda x, *given, **named: _moved(x, lambda array: function(array, *given, **named))


def concatenate(arrays, axis=0, **_):
    values = [np.asarray(plain(x)) for x in arrays]
    ends = np.cumsum([value.shape[axis] for value in values])[:-1]
    return _made(np.concatenate(values, axis), arrays, lambda g: np.split(g, ends, axis))


def stack(arrays, axis=0, **_):
    return _made(np.stack(plain(list(arrays)), axis), arrays,
                 lambda g: list(np.moveaxis(g, axis, 0)))


def where(condition, x=None, y=None):
    condition = plain(condition)
    if x is None:
        return np.where(condition)
    a, b = np.asarray(plain(x)), np.asarray(plain(y))
    return _made(np.where(condition, a, b), [x, y],
                 lambda g: [_fit(np.where(condition, g, 0), a.shape),
                            _fit(np.where(condition, 0, g), b.shape)])


def clip(x, a_min=None, a_max=None, **named):
    low, high = plain(named.get("min", a_min)), plain(named.get("max", a_max))
    x = tracing(x)
    inside = np.ones(x.shape, bool)
    inside &= True if low is None else x.value >= low
    inside &= True if high is None else x.value <= high
    return _made(np.clip(x.value, low, high), [x], lambda g: [g * inside])


def einsum(subscripts, *operands, **_):
    """Of letters without repetition in one operand."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    inputs = inputs.split(",")
    if not arrow or "." in subscripts or any(len(set(i)) < len(i) for i in inputs):
        raise TypeError(f"No gradient is known through numpy.einsum of {subscripts!r}.")
    values = [np.asarray(plain(x)) for x in operands]

    def pull(g):
        slopes = []
        for i, own in enumerate(inputs):
            others = [v for j, v in enumerate(values) if j != i]
            letters = [output, *(inputs[:i] + inputs[i + 1 :])]
            lost = [c for c in own if c not in "".join(letters)]
            others += [np.ones(values[i].shape[own.index(c)]) for c in lost]
            slopes.append(np.einsum(",".join([*letters, *lost]) + "->" + own, g, *others))
        return slopes

    return _made(np.einsum(subscripts, *values), operands, pull)


def norm(x, ord=None, axis=None, keepdims=False):
    if ord not in (None, 2, "fro"):
        raise TypeError(f"No gradient is known through numpy.linalg.norm with ord={ord!r}.")
    return np.sqrt(total(np.square(x), axis, keepdims=keepdims))


_FUNCTIONS = {
    "sum": total, "mean": mean, "var": variance, "std": deviation, "prod": product,
    "max": largest, "amax": largest, "min": smallest, "amin": smallest, "reshape": reshape,
    "transpose": transpose, "concatenate": concatenate, "stack": stack, "where": where,
    "clip": clip, "einsum": einsum, "norm": norm,
    "dot": lambda a, b: np.matmul(a, b),
    "nan_to_num": lambda x, **_: where(np.isfinite(x), x, 0.0),
} | {function.__name__: _moving(function) for function in (
    np.expand_dims, np.squeeze, np.swapaxes, np.moveaxis, np.flip, np.roll, np.repeat, np.tile,
    np.ravel, np.broadcast_to, np.take, np.diagonal, np.rot90, np.take_along_axis)}


