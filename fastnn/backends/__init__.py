"""The backends and their one contract.

A backend is a module that interprets a :class:`fastnn.plan.Plan`. Its functions overwrite what they
are given to write, leave everything else alone, and never keep a reference. All arrays are
C-contiguous and of the plan's dtype unless said otherwise; ``n`` rows, ``k = plan.n_inputs``,
``m = plan.n_outputs``.

``forward(plan, params, X, Y, training=False, step=0, threads=1)``
    Predictions: ``Y[n, m]`` from ``X[n, k]``. All rows are one batch if ``training`` (dropout masks
    are those of ``step``, batch statistics are used and the moving ones in ``params`` updated);
    otherwise each row is computed on its own. Safe to call from many threads at once unless
    ``training``.

``bind(plan, params)``
    A function of (X, Y) that predicts X into Y like ``forward``, by one thread, and returns True;
    or False, having done nothing, if they are not arrays that ``forward`` would take. For
    predictions so small that looking things up would take longer. It sees the parameters change.

``evaluate(plan, params, feed, sums, threads=1)``
    ``sums[0]`` += the sum over rows of the weighted loss (in inference mode; penalties are added
    once for every row), ``sums[1:]`` += the sums of the metrics.

``train(plan, memory, feed, order, batch_size, scalars, step, sums, Y=None, threads=1)``
    A stretch of steps. ``order`` (int64, parts x rows) holds row numbers of the feed; each part is
    cut into batches, the last of which may be short. Every batch is one step: forward, loss,
    backward, penalties, clipping, update, constraints. Step i uses ``scalars[i]`` (float64, steps x
    plan.n_scalars) and draws its masks from ``step + i``. ``sums[part]`` += batch loss x rows, and
    the metrics' sums. ``Y`` (parts x rows x m), if given, receives the prediction made for each
    visited row. A plan without UPDATE leaves the last step's gradient in ``memory.grads``.

``jacobian(plan, params, X, J, threads=1)``
    ``J[n, m, plan.n_trained]``: the derivative of each output of each row, before the head's link,
    in each trained parameter. The network's ops run in training mode, each row as a batch.

``permutations(seed, first_epoch, n_epochs, n_rows)``
    The orders of the rows in some epochs: those of ``fastnn.random.permutations``.

The result of all of these depends on their arguments alone: never on ``threads``.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field

import numpy as np

NAMES = ("cython", "numba", "numpy")


@dataclass(slots=True)
class Memory:
    """What a model owns: one vector each of parameters and gradients, and the optimizer's slots.

    params : (n_params,); the first n_trained are trained, moving averages lie behind them.
    grads : (n_trained,), overwritten by every step.
    slots : (n_slots, n_trained).
    scratch : the backend's own workspace, kept between calls.
    """

    params: np.ndarray
    grads: np.ndarray
    slots: np.ndarray
    scratch: dict = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feed:
    """The data of a fit: X (N, k), T (N, m) or labels (N,), row weights (N,) or None.

    X is `sparse.SparseRows` where `takes_sparse` allows it.

    ``T`` has the plan's dtype; ``labels`` are int64 and replace it where the loss is sparse. The
    other one of the two is an empty array. For several heads, T has the columns of all that are not
    sparse side by side, labels (N, c) those of the others, and weights (N, heads) of all.
    """

    X: np.ndarray
    T: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None


def get(name: str | None = None):
    """The backend's module: the named one, else ``FASTNN_BACKEND``, else the best there is.

    Raises ValueError for an unknown name, and ImportError (with what to install or build) for a
    backend that was asked for and cannot be loaded.
    """
    wanted = name or os.environ.get("FASTNN_BACKEND") or None
    if wanted is None:
        return _best()
    if not isinstance(wanted, str) or wanted.lower() not in NAMES:
        raise ValueError(f"backend must be one of {', '.join(NAMES)}, received {wanted!r}.")
    return importlib.import_module(f"fastnn.backends.{wanted.lower()}_backend")


def for_plan(plan, backend):
    """``backend``, or NumPy's for a plan with a user's metric or a layer in Python."""
    from fastnn import losses
    from fastnn.plan import Kind

    kinds, codes = plan.ops["kind"], plan.ops["formula"]
    own = (kinds == Kind.ELEMENT_METRIC) & (codes >= len(losses.elementwise()))
    if backend.NAME == "numpy" or not (own.any() or plan.calls):
        return backend
    import warnings

    what = (f"The layer {plan.calls[0].layer.name!r} is Python code" if plan.calls else
            f"{losses.formula(codes[own.argmax()])[0]} is not one of fastnn's compiled formulas")
    warnings.warn(f"{what}: this model trains on the NumPy backend, which is slower.",
                  RuntimeWarning, stacklevel=5)
    return get("numpy")


def takes_sparse(plan, backend) -> bool:
    """Whether a feed's X may be `sparse.SparseRows`: one dense op alone reads it."""
    from fastnn.plan import Kind

    inputs = plan.ops[plan.ops["kind"] == Kind.INPUT]
    if backend.NAME == "numba" or len(inputs) != 1:
        return False
    used = (plan.ops["src"] == inputs["dst"]) | (plan.ops["src2"] == inputs["dst"])
    return plan.ops["kind"][used].tolist() == [Kind.DENSE]


def bind_forward(forward, plan, params):
    """``bind`` of a backend that has nothing faster."""
    def bound(X, Y) -> bool:
        widths = (plan.n_inputs, plan.n_outputs)
        fits = all(isinstance(array, np.ndarray) and array.dtype == plan.dtype
                   and array.flags.c_contiguous and array.shape == (len(X), width)
                   for array, width in zip((X, Y), widths, strict=True)) and Y.flags.writeable
        if fits:
            forward(plan, params, X, Y)
        return fits

    return bound


def _best():
    try:
        return importlib.import_module("fastnn.backends.cython_backend")
    except ImportError as error:
        if os.environ.get("FASTNN_ISA"):
            raise  # a forced instruction set that is not there must not pass in silence
        import warnings

        warnings.warn(
            f"The compiled core is not there ({error}); fastnn runs on NumPy, far slower. "
            "Build it with `pip install .`.", RuntimeWarning, stacklevel=3)
        return importlib.import_module("fastnn.backends.numpy_backend")


def available() -> tuple[str, ...]:
    """The names of the backends that can be loaded here, best first."""
    def loads(name):
        try:
            get(name)
        except ImportError:
            return False
        return True

    return tuple(name for name in NAMES if loads(name))
