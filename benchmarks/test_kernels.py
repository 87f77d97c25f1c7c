"""The kernels of fastnn's backends through a plan of their own: no model, no ``fit``.

    pytest benchmarks --benchmark-only --benchmark-columns=median,iqr,rounds

prints microseconds; the JSON has GFLOP/s or GB/s as well.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastnn
from fastnn import plan as plans

F = np.dtype(np.float32)
# Rows and width: of training row by row, of tables, of images, of wide layers. Backends take turns
# on each size (which is what the scope does), so that all meet the same moments of a busy machine.
SIZES = pytest.mark.parametrize(
    ("batch", "width"), [(1, 10), (32, 64), (32, 128), (64, 64), (128, 512), (512, 1024)],
    scope="module")
PARAMETERS = pytest.mark.parametrize("n", [200, 100_000, 5_000_000], scope="module")


def two_layers(width: int, finish):
    """The plan of width -> width (relu) -> width and its weights; ``finish`` appends the head."""
    builder, size = plans.Builder(F), width * width + width
    value = builder.input((width,))
    for i, activation in enumerate(("relu", "linear")):
        value = builder.op(plans.Kind.DENSE, value, shape=(width,), trains=True, w=i * size,
                           b=i * size + width * width)
        value = builder.activate(value, fastnn.activations.get(activation))
    finish(builder, value)
    params = np.random.default_rng(5).standard_normal(2 * size, F) / F.type(math.sqrt(width))
    return builder.plan(2 * size, 2 * size), params


def trainer(backend, plan, memory, X, batch, steps, scalars):
    """A function that makes ``steps`` steps on the rows of X, in turn, with X as targets too."""
    feed = fastnn.backends.Feed(X, X, np.empty(0, np.int64))
    order = (np.arange(steps * batch) % len(X))[None]
    sums, threads = np.zeros((1, 1)), fastnn.config.num_threads()
    return lambda: backend.train(plan, memory, feed, order, batch, scalars, 0, sums,
                                 threads=threads)


@SIZES
def test_dense_forward(batch, width, backend, measure):
    """act(X W + b), twice; one call a batch, as ``predict`` makes it."""
    plan, params = two_layers(
        width, lambda builder, value: builder.head(plans.Kind.OUTPUT, value))
    X = np.random.default_rng(6).standard_normal((batch, width), F)
    Y, threads = np.empty_like(X), fastnn.config.num_threads()
    measure(lambda: backend.forward(plan, params, X, Y, threads=threads),
            flops=2 * batch * 2 * width**2)


@SIZES
def test_dense_gradient(batch, width, backend, measure):
    """Forwards and backwards: X W twice, Xᵀ dZ twice, dZ Wᵀ once; no update."""
    plan, params = two_layers(width, fastnn.losses.get("mse").lower)
    memory = fastnn.backends.Memory(params, np.zeros_like(params), np.zeros((0, params.size), F))
    X = np.random.default_rng(6).standard_normal((2 * batch, width), F)
    flops = 2 * batch * 5 * width**2
    steps = int(min(2000, max(1, 2e7 / flops)))
    measure(trainer(backend, plan, memory, X, batch, steps, np.zeros((steps, 0))),
            steps=steps, flops=flops)


@PARAMETERS
def test_adam_update(n, backend, measure):
    """One pass over parameters, gradients and two slots: 4 numbers read and 3 written for each."""
    adam, builder = fastnn.optimizers.get("adam"), plans.Builder(F)
    value = builder.op(plans.Kind.DENSE, builder.input((1,)), shape=(1,), trains=True, w=0, b=1)
    fastnn.losses.get("mse").lower(builder, value)  # a step has a loss: the least there is
    adam.lower(builder, [], n)
    params, grads = np.random.default_rng(7).standard_normal((2, n), F)
    memory = fastnn.backends.Memory(params, grads, adam.initial_slots(n, F))
    steps = max(1, 200_000 // n)
    measure(trainer(backend, builder.plan(n, n), memory, np.ones((1, 1), F), 1, steps,
                    adam.scalars(0, steps)),
            steps=steps, bytes_moved=7 * F.itemsize * n)
