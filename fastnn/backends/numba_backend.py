"""The plan in Numba: whole stretches of steps in one compiled call, with the GIL released.

The first call for a float type compiles, which takes seconds. Numba keeps the result on disk: in
the package's ``__pycache__``, else in the user's cache; where neither can be written, nowhere.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache

import numba
import numpy as np

from fastnn import plan as plans
from fastnn.backends import (
    Feed,
    Memory,
    bind_forward,
    numba_formulas,
    numba_groups,
    numba_heads,
    numba_kernels,
    numba_layers,
    numba_math,
    numba_merging,
    numba_network,
    numba_penalties,
    numba_rows,
    numpy_backend,
    own,
)
from fastnn.backends.numpy_backend import jacobian as jacobian  # of the contract
from fastnn.losses import rows as losses
from fastnn.plan import Kind
from fastnn.random import permutations as permutations  # of the contract

NAME = "numba"
CHUNK = 256  # rows of a prediction that are computed at once

_PROCESS = os.getpid()


@cache
def _compiled(dtype: str, threaded: bool):
    """The function that runs batches through a plan; its first call compiles it or loads it.

    Its arguments' types are the same in every call, so that there is one of it for each dtype.
    """
    sources = _sources()

    def run(threads, ops, constants, columns, m, params, grads, slots, work, rows, X, T, labels,
            weights, order, batch_size, scalars, step, sums, Y, training, scored):
        done = 0
        label_width, weight_width = labels.size // X.shape[0], weights.size // X.shape[0]
        room = 0  # for gradients that are added to others
        for i in range(ops.size):
            room = max(room, ops[i].adds)
        spare = work[work.size - room :]
        for part in range(order.shape[0]):
            for first in range(0, order.shape[1], batch_size):
                n = min(batch_size, order.shape[1] - first)
                for r in range(n):
                    rows[r] = order[part, first + r]
                batch = numba_network.Batch(
                    params, grads, work, X, T, labels, weights, rows, sums[part], columns * n,
                    (columns + m) * n, n, step + done, training, scored, constants, label_width,
                    weight_width)
                for i in range(ops.size):
                    if numba_network.in_network(ops[i].kind):
                        numba_network.forward(batch, ops[i], threads)
                    elif ops[i].kind <= Kind.OVERLAP_LOSS:
                        numba_heads.head(batch, ops[i])
                        if Y.size:
                            numba_kernels.copy_out(Y[part, first:], ops[i].y, work, ops[i].dst * n,
                                                   n, ops[i].m)
                    elif scored:
                        numba_heads.score(batch, ops[i], scalars[done])
                if training and scored:
                    for i in range(ops.size - 1, -1, -1):
                        if not numba_network.in_network(ops[i].kind) or ops[i].ddst < 0:
                            continue
                        if ops[i].adds:
                            numba_network.add_backward(batch, ops[i], threads, spare)
                        else:
                            numba_network.backward(batch, ops[i], threads)
                    for i in range(ops.size):
                        numba_heads.finish(batch, ops[i], slots, scalars[done], threads)
                done += 1
        return sources

    # Files of its own in Numba's cache for each dtype: processes that fill one with several mix
    # them up. The sources, which it returns, are part of its key there.
    run.__qualname__ = f"run_{dtype}{'_threaded' * threaded}"
    try:
        return numba.njit(run, cache=True, **numba_math.OPTIONS)
    except RuntimeError:  # there is no place for the cache
        return numba.njit(run, **numba_math.OPTIONS)


def _sources() -> int:
    """A digest of what is compiled: Numba's cache itself looks only at the function's own file."""
    from hashlib import sha256
    from pathlib import Path

    modules = (losses, plans, numba_formulas, numba_groups, numba_heads, numba_kernels,
               numba_layers, numba_math, numba_merging, numba_network, numba_penalties, numba_rows)
    text = b"".join(Path(module.__file__).read_bytes() for module in modules)
    return int(sha256(text).hexdigest()[:15], 16)


@lru_cache(maxsize=64)
def _sizes(plan) -> tuple[int, int]:
    """The workspace's columns (see ``numba_network``); a row's multiply-adds in its largest op."""
    norms = plan.ops[plan.ops["kind"] == Kind.BATCH_NORM]
    dense = plan.ops[plan.ops["kind"] == Kind.DENSE]
    room = max([plan.n_outputs, *(2 * norms["m"])])
    return plan.columns + plan.n_outputs + int(room), int(max(dense["k"] * dense["m"], default=0))


@lru_cache(maxsize=64)
def _has_own(plan) -> bool:
    """Whether a formula is the user's own: the plan then runs on NumPy, which is said once."""
    if plan.calls:
        return True
    found = own.formulas(plan.ops)
    for what, thing in found:
        own.say_that_numpy_runs(
            what, thing, "the numba backend knows the package's own formulas only")
    return bool(found)


def _threads(threads: int, work: int) -> int | None:
    """How many threads share a product of ``work`` multiply-adds; None: there is no sharing.

    Numba's own threading layer ends the process when two threads use it at once, and GNU's OpenMP
    ends a forked child that uses it.
    """
    if threads < 2 or work < numba_network.PAYS or os.getpid() != _PROCESS:
        return None
    threads = min(threads, numba.get_num_threads())  # which starts the layer
    return threads if threads > 1 and numba.threading_layer() in ("omp", "tbb") else None


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _run(plan, memory, feed, order, batch_size, scalars, step, sums, Y, threads, training, scored):
    m, n = plan.n_outputs, min(batch_size, order.shape[1])
    columns, largest = _sizes(plan)
    size = n * columns + int(plan.ops["adds"].max())
    if memory.scratch.get("work", np.empty(0)).size < size:
        memory.scratch["work"] = np.empty(size, plan.dtype)
    weights = np.empty(0, plan.dtype) if feed.weights is None else feed.weights
    arguments = (
        plan.ops, plan.constants, plan.columns, m, memory.params, memory.grads, memory.slots,
        memory.scratch["work"], np.empty(n, np.int64), _read_only(feed.X),
        _read_only(feed.T if feed.T.ndim == 2 else feed.T.reshape(-1, m)),
        _read_only(feed.labels.reshape(-1)),
        _read_only(weights.reshape(-1)),
        _read_only(order), batch_size, _read_only(scalars), step, sums, Y, training, scored)
    threads = _threads(threads, n * largest)
    run = _compiled(plan.dtype.name, threads is not None)
    if threads is None:
        run(None, *arguments)
        return
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        run(threads, *arguments)
    finally:
        numba.set_num_threads(before)


def train(plan, memory, feed, order, batch_size, scalars, step, sums, Y=None, threads=1):
    """A stretch of steps; see the contract in ``fastnn.backends``."""
    if _has_own(plan):
        numpy_backend.train(plan, memory, feed, order, batch_size, scalars, step, sums, Y)
        return
    Y = np.empty((0, 0, 0), plan.dtype) if Y is None else Y
    _run(plan, memory, feed, order, batch_size, scalars, step, sums, Y, threads, True, True)


def forward(plan, params, X, Y, training=False, step=0, threads=1):
    """Predictions Y (n, m) of X (n, k); see the contract in ``fastnn.backends``."""
    if _has_own(plan):
        numpy_backend.forward(plan, params, X, Y, training, step)
        return
    empty = np.empty((0, 0), plan.dtype)
    feed = Feed(X, empty, np.empty(0, np.int64))
    _predict(plan, params, feed, np.zeros(1), Y[None], step, threads, training, False)


def bind(plan, params):
    """A function of (X, Y); see the contract in ``fastnn.backends``."""
    return bind_forward(forward, plan, params)


def evaluate(plan, params, feed, sums, threads=1):
    """Add the sums of loss and metrics over the feed; see the contract in ``fastnn.backends``."""
    if _has_own(plan):
        numpy_backend.evaluate(plan, params, feed, sums)
        return
    _predict(plan, params, feed, sums, np.empty((0, 0, 0), plan.dtype), 0, threads, False, True)


def _predict(plan, params, feed, sums, Y, step, threads, training, scored):
    n = len(feed.X)
    empty = np.empty((0, 0), plan.dtype)
    if n:
        _run(plan, Memory(params, empty[0:0].ravel(), empty), feed, np.arange(n)[None],
             n if training else CHUNK, np.empty((0, 0)), step, sums[None], Y, threads, training,
             scored)
