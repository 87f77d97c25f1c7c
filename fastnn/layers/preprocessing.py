"""Layers that bring data into shape for a network: Rescaling, Normalization and encodings."""

from __future__ import annotations

import math
import operator

import numpy as np

from fastnn import config
from fastnn.layers.base import Layer, Weight, positive_integer
from fastnn.plan import AFFINES, ENCODINGS, Kind
from fastnn.registry import register


@register("layer")
class Rescaling(Layer):
    """y = x * scale + offset; nothing in it is trained.

    scale, offset : numbers, or arrays that fit the last axes of a row.

    >>> import numpy as np
    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((2,)), layers.Rescaling(1 / 128, offset=-1)])
    >>> model.predict(np.array([[0, 256]]))
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = _numbers("scale", scale)
        self.offset = _numbers("offset", offset)

    def compute_output_shape(self, input_shape):
        _fit("scale", self.scale, input_shape, self.name)
        _fit("offset", self.offset, input_shape, self.name)
        return input_shape

    def lower(self, builder, value):
        return fixed_map(builder, value, 0.0, self.scale, self.offset)

    def get_config(self):
        return super().get_config() | {"scale": self.scale, "offset": self.offset}


@register("layer")
class Normalization(Layer):
    """y = (x - mean) / max(sqrt(variance), 1e-7) with the moments of data seen before training.

    ``adapt(data)`` finds them, or they are given; training never changes them.

    axis : int, a list of them, or None: the axes, counted with the batch's as 0, whose places have
        moments of their own. -1 is the last; None has one mean and variance for all numbers.
    mean, variance : numbers or arrays that fit the axes kept, both or neither.
    invert : y = mean + x * max(sqrt(variance), 1e-7), the way back.

    >>> import numpy as np
    >>> from fastnn import layers, Input, Sequential
    >>> layer = layers.Normalization()
    >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
    >>> Sequential([Input((2,)), layer]).predict(np.array([[2.0, 8.0]]))
    array([[1., 0.]], dtype=float32)
    """

    mean, variance = Weight(), Weight()

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        axes = [] if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]
        self.axis = [operator.index(number) for number in axes]
        if (mean is None) != (variance is None):
            raise ValueError("mean and variance must be given both or neither; received "
                             f"mean={mean!r} and variance={variance!r}.")
        self.given = None
        if mean is not None:
            self.given = _numbers("mean", mean), _numbers("variance", variance)
            if np.shape(self.given[0]) != np.shape(self.given[1]):
                raise ValueError("mean and variance must have the same shape; received "
                                 f"{np.shape(mean)} and {np.shape(variance)}.")
        self.invert = bool(invert)

    def kept(self, shape) -> list[int]:
        """The axes of a row (its first is 0) that have moments of their own, in order."""
        kept = sorted(axis % (len(shape) + 1) - 1 for axis in self.axis
                      if -len(shape) - 1 <= axis <= len(shape))
        if len(set(kept)) < len(self.axis) or -1 in kept:
            raise ValueError(f"The layer {self.name!r} needs different axes from 1 to {len(shape)} "
                             f"(0 is the batch's) for rows of shape {shape}, received "
                             f"axis={self.axis}.")
        return kept

    def compute_output_shape(self, input_shape):
        kept = self.kept(input_shape)
        if self.given:
            _fit("mean", self.given[0], tuple(input_shape[axis] for axis in kept), self.name)
        return input_shape

    def build(self, input_shape):
        if self.given is None:
            shape = [input_shape[axis] for axis in self.kept(input_shape)]
            self.add_weight("mean", shape, "zeros", trainable=False)
            self.add_weight("variance", shape, "ones", trainable=False)
            self.add_weight("count", (), "zeros", trainable=False)  # Keras has it, and uses it not

    def adapt(self, data) -> None:
        """Take the mean and the biased variance of the rows of ``data``, (n, ...) of real numbers.

        A ValueError where the moments were given, or the layer was built for other rows.
        """
        if self.given is not None:
            raise ValueError(f"The layer {self.name!r} was given its mean and variance, so adapt() "
                             "has nothing to find. Leave them out.")
        data = np.asarray(data)
        if data.dtype.kind not in "fiub" or data.ndim < 1 or not len(data):
            raise ValueError("adapt() needs rows of real numbers, received an array of dtype "
                             f"{data.dtype} and shape {data.shape}.")
        data = data[:, None] if data.ndim == 1 and self.axis else data
        self.ensure_built(data.shape[1:])
        kept = [axis + 1 for axis in self.kept(data.shape[1:])]
        others = tuple(axis for axis in range(data.ndim) if axis not in kept)
        # sums of float32 in float64: the rows may be many
        self.mean = np.mean(data, axis=others, dtype=np.float64)
        self.variance = np.var(data, axis=others, dtype=np.float64)

    def lower(self, builder, value):
        kept = self.kept(value.shape)
        if self.given:
            shape = [n if axis in kept else 1 for axis, n in enumerate(value.shape)]
            mean, variance = (np.broadcast_to(x, [value.shape[axis] for axis in kept])
                              .reshape(shape) for x in map(np.asarray, self.given))
            deviation = np.maximum(np.sqrt(variance), config.epsilon())
            if self.invert:
                return fixed_map(builder, value, 0.0, deviation, mean)
            return fixed_map(builder, value, mean, 1 / deviation, 0.0)
        others = [axis for axis in range(len(value.shape)) if axis not in kept]
        order = np.transpose(np.arange(value.width).reshape(value.shape), others + kept)
        moved = order.ravel().tolist() != list(range(value.width))
        shape = value.shape
        value = builder.gather(value, order) if moved else value
        kind = "denormalize" if self.invert else "normalize"
        value = builder.op(Kind.AFFINE, value, shape=value.shape, formula=AFFINES.index(kind),
                           m=math.prod(shape[axis] for axis in kept), numbers=(config.epsilon(),),
                           w=self.offset("mean"), b=self.offset("variance"))
        return builder.gather(value, np.argsort(order.ravel()).reshape(shape)) if moved else value

    def get_config(self):
        mean, variance = self.given or (None, None)
        return super().get_config() | {"axis": self.axis or None, "mean": mean,
                                       "variance": variance, "invert": self.invert}


@register("layer")
class CategoryEncoding(Layer):
    """Class numbers 0 .. num_tokens - 1 as ones and zeros; any other number has zeros only.

    num_tokens : int, how many classes there are.
    output_mode : "multi_hot": a row's classes together; "count": how often the row has each;
        "one_hot": every number on its own, in a new last axis, or in the last one if it is 1.

    >>> import numpy as np
    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((3,)), layers.CategoryEncoding(4, output_mode="count")])
    >>> model.predict(np.array([[3, 1, 3]]))
    array([[0., 1., 0., 2.]], dtype=float32)
    """

    def __init__(self, num_tokens=None, output_mode="multi_hot", **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = positive_integer("num_tokens", num_tokens)
        self.output_mode = _mode(output_mode)

    def compute_output_shape(self, input_shape):
        return _encoded_shape(input_shape, self.output_mode, self.num_tokens, self.name)

    def lower(self, builder, value):
        return _encode(builder, value, self.output_mode, self.num_tokens, self.shapes[1])

    def get_config(self):
        return super().get_config() | {"num_tokens": self.num_tokens,
                                       "output_mode": self.output_mode}


@register("layer")
class Discretization(Layer):
    """The number of the bin that each number lies in: how many of the boundaries are <= x.

    bin_boundaries : ascending numbers; n of them make n + 1 bins, the first and last endless.
    num_bins : instead of them; ``adapt(data)`` then finds the boundaries, so that the bins hold
        about equally many of the numbers seen.
    epsilon : how exact they are, as a share of the numbers; 1 / epsilon of these are remembered.
    output_mode : "int", or one of those of CategoryEncoding for the bins' numbers.

    >>> import numpy as np
    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((4,)), layers.Discretization([0.0, 1.0, 2.0])])
    >>> model.predict(np.array([[-1.5, 1.0, 3.4, 0.5]]))
    array([[0., 2., 3., 1.]], dtype=float32)
    >>> layer = layers.Discretization(num_bins=4)
    >>> layer.adapt(np.arange(1.0, 101.0))
    >>> np.round(layer.bin_boundaries, 3).tolist()
    [25.0, 50.0, 75.0]
    """

    def __init__(self, bin_boundaries=None, num_bins=None, epsilon=0.01, output_mode="int",
                 **kwargs):
        super().__init__(**kwargs)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError("Discretization takes either bin_boundaries or num_bins; received "
                             f"bin_boundaries={bin_boundaries!r} and num_bins={num_bins!r}.")
        self.num_bins = None if num_bins is None else positive_integer("num_bins", num_bins)
        self.bin_boundaries = None
        if not 0 < epsilon <= 1:
            raise ValueError(f"epsilon must be above 0 and at most 1, received {epsilon!r}.")
        self.epsilon = float(epsilon)
        self.output_mode = output_mode if output_mode == "int" else _mode(output_mode)
        if bin_boundaries is not None:
            self._bound(bin_boundaries)

    def _bound(self, boundaries):
        found = _numbers("bin_boundaries", boundaries)
        if np.ndim(found) != 1 or np.any(np.diff(found) < 0):
            raise ValueError("bin_boundaries must be a list of ascending numbers, received "
                             f"{boundaries!r}.")
        self.bin_boundaries = found

    def adapt(self, data) -> None:
        """Find the boundaries of ``num_bins`` bins from an array, or a list or generator of them.

        They are quantiles, for several arrays or many numbers from a summary of what was seen.
        """
        if self.num_bins is None:
            raise ValueError(f"The layer {self.name!r} was given its bin_boundaries, so adapt() "
                             "has nothing to find. Give it num_bins instead.")
        if self.built:
            raise ValueError(f"The layer {self.name!r} is in a model already. Adapt it before.")
        several = hasattr(data, "__iter__") and not isinstance(data, np.ndarray)
        summary = np.empty((2, 0), np.float32)
        for batch in data if several else [data]:
            summary = np.concatenate([_summary(batch, self.epsilon), summary], axis=1)
            summary = _compressed(summary[:, np.argsort(summary[0])], self.epsilon)
        if not summary.size:
            raise ValueError("adapt() needs numbers, received none.")
        self._bound(_compressed(summary, 1 / self.num_bins)[0, :-1])

    def _bins(self) -> int:
        return self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    def compute_output_shape(self, input_shape):
        if self.output_mode == "int":
            return input_shape
        return _encoded_shape(input_shape, self.output_mode, self._bins(), self.name)

    def lower(self, builder, value):
        bounds = self.bin_boundaries
        if bounds is None:
            raise ValueError(f"The layer {self.name!r} has no bin_boundaries yet. Call its adapt() "
                             "with data before it is put into a model.")
        value = builder.op(Kind.ENCODE, value, shape=value.shape, formula=ENCODINGS.index("bins"),
                           s=builder.constants(bounds), m=len(bounds))
        if self.output_mode == "int":
            return value
        return _encode(builder, value, self.output_mode, self._bins(), self.shapes[1])

    def get_config(self):
        return super().get_config() | {
            "bin_boundaries": self.bin_boundaries, "num_bins": self.num_bins,
            "epsilon": self.epsilon, "output_mode": self.output_mode}

    @classmethod
    def from_config(cls, config):
        if config.get("num_bins") is None:
            return cls(**config)
        layer = cls(**config | {"bin_boundaries": None})
        if config.get("bin_boundaries") is not None:
            layer._bound(config["bin_boundaries"])
        return layer


def _summary(numbers, epsilon: float) -> np.ndarray:
    """Two rows: about 1 / epsilon of the sorted numbers, and how many each stands for."""
    places = np.sort(np.asarray(numbers, np.float32), axis=None)
    step = max(places.size * epsilon, 1)
    places = places[int(step - 1) :: int(step)]
    return np.stack([places, np.full_like(places, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """The summary with 1 / epsilon places, interpolated at equal shares of what it stands for."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = np.arange(0.0, 1.0, epsilon) + epsilon
    reached = np.cumsum(summary[1])
    places = np.interp(shares, reached / reached[-1], summary[0])
    counts = np.diff(np.interp(shares, reached / reached[-1], reached), prepend=0)
    return np.stack([places, counts]).astype(np.float32)


def fixed_map(builder, value, centre, factor, shift):
    """(x - centre) * factor + shift; the three fit the last axes of a row."""
    numbers = [np.asarray(x, np.float64) for x in (centre, factor, shift)]
    if any(x.ndim for x in numbers):
        numbers = [np.broadcast_to(x, value.shape) for x in numbers]
    return builder.op(Kind.AFFINE, value, shape=value.shape, m=numbers[0].size,
                      formula=AFFINES.index("constants"), s=builder.constants(numbers))


def _encode(builder, value, mode, m, shape):
    return builder.op(Kind.ENCODE, value, shape=shape, formula=ENCODINGS.index(mode), m=m)


def _encoded_shape(input_shape, mode, m, name):
    if mode == "one_hot":
        return (*(input_shape[:-1] if input_shape[-1:] == (1,) else input_shape), m)
    if len(input_shape) != 1:
        raise ValueError(f"The layer {name!r} puts the numbers of flat rows together "
                         f"(output_mode={mode!r}), received rows of shape {input_shape}.")
    return (m,)


def _mode(output_mode) -> str:
    known = ("multi_hot", "one_hot", "count")
    if output_mode not in known:
        raise ValueError(f"output_mode must be one of {', '.join(known)}; received "
                         f"{output_mode!r}.")
    return output_mode


def _numbers(name: str, value):
    """A float, or nested lists of floats: what a file can hold."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = np.array(math.nan)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be a finite number or an array of them, received {value!r}.")
    return array.tolist()


def _fit(name: str, value, shape: tuple, layer: str) -> None:
    try:
        fits = np.broadcast_shapes(np.shape(value), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"The {name} of the layer {layer!r} has shape {np.shape(value)}, which "
                         f"does not fit {shape}.")
