"""Every loss with its gradient: ``name(y_pred, y_true) -> loss, gradient``.

For each registered name there is a function ``name(y_pred, y_true, sample_weight=None, out=None)``;
arguments of the loss itself follow by name: ``huber(y_pred, y_true, delta=2.0)``. Predictions come
first, as they do in hand-written code, and as the gradient is theirs.
"""

from __future__ import annotations

import functools

import numpy as np

from fastnn import losses, registry
from fastnn.backends import numpy_heads
from fastnn.functional import _arguments
from fastnn.functional._arguments import Sheet, deliver, in_order, need, reals, target
from fastnn.plan import Builder, Kind


def loss_and_gradient(loss, y_pred, y_true, sample_weight=None, out=None):
    """The mean loss over the rows and its gradient, for any loss: a name or an instance.

    y_pred : (n, m) outputs, or logits for a loss with ``from_logits=True``; or (n,) for one output.
    y_true : targets of the same shape, or integer labels (n,) for losses of labels.
    sample_weight : (n,) or None. out : an array of y_pred's shape for the gradient; may be y_pred.
    Returns (loss, gradient): a float, and an array of y_pred's shape. The mean is what the loss's
    ``reduction`` says, by default the sum over the rows divided by n.
    Raises ValueError for shapes and labels that do not fit.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.loss_and_gradient("mse", np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]))
    (2.0, array([[ 0., -2.]]))
    """
    it = losses.get(loss)
    if not isinstance(it, losses.Loss):
        raise TypeError(f"loss must be a name or an instance of a loss, received {loss!r}.")
    return _general(it, it, y_pred, y_true, sample_weight, out)


def _general(dense, sparse, y_pred, y_true, sample_weight=None, out=None):
    """``sparse`` is the loss for integer labels (n,), ``dense`` that for other targets."""
    (y,) = reals(y_pred=y_pred)
    need(1 <= y.ndim <= 2 and y.size > 0, "y_pred", "have the shape (n, m) or (n,)", y)
    rows = y.reshape(len(y), -1)
    given = np.asarray(y_true)
    labels = given.dtype.kind in "iu" and given.size == len(y) and rows.shape[1] > 1
    loss = sparse if labels and sparse is not None else dense
    if loss is None or loss.sparse:
        loss, y_true = sparse, _labels(given, rows.shape, sparse.ignore_class)
    else:
        y_true = _targets(given, y, rows)
    weights = None if sample_weight is None else _weights(sample_weight, rows)
    gradient = target("out", out, y.shape, y.dtype, y, y_true, weights)
    dy = gradient.reshape(rows.shape)
    head = _Head(loss, rows.shape[1], y.dtype)
    if _arguments.core is None or head.own:
        value = _compute(head.op, rows, y_true, weights, dy)
    else:
        value, _ = head.compiled(rows, y_true, weights, dy)
    return value, deliver(gradient, out)


def _targets(t, y, rows):
    if t.dtype.kind not in "fiub":
        raise TypeError(f"y_true must hold numbers, received an array of {t.dtype}.")
    need(t.size == y.size and len(t) == len(y), "y_true",
         f"have the shape of y_pred, {y.shape}", t,
         "Integer labels (n,) are for crossentropy of classes; one_hot makes rows of them.")
    return in_order(t.reshape(rows.shape), y.dtype)


def _labels(t, shape, ignored):
    n, m = shape
    need(t.size == n and t.dtype.kind in "fiub", "y_true", f"hold {n} integer labels, one a row", t,
         "One-hot rows are for categorical losses; y.argmax(axis=1) makes labels of them.")
    labels = t.reshape(n).astype(np.int64)
    wrong = (labels < 0) | (labels >= m) | (labels != t.reshape(n))
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        raise ValueError(f"y_true must hold labels from 0 to {m - 1}, as y_pred has {m} columns; "
                         f"received {t.reshape(n)[wrong][0]}. Renumber the classes from 0.")
    return labels


def _weights(weights, rows):
    (w,) = reals(sample_weight=weights)
    need(w.size == len(rows), "sample_weight", f"hold a number for each of {len(rows)} rows", w)
    return in_order(w.reshape(-1), rows.dtype)


class _Head:
    """A loss of m outputs as the row of a plan."""

    def __init__(self, loss, m: int, dtype):
        builder = Builder(dtype)
        loss.lower(builder, builder.input((m,)))
        self.op = builder.plan(0, 0).ops[-1].copy()
        for name, column in (("src", 0), ("dst", 0), ("dsrc", m), ("aux", 2 * m), ("keep", 3 * m)):
            self.op[name] = column
        self.own = (self.op["kind"] == Kind.ELEMENT_LOSS
                    and self.op["formula"] >= len(losses.elementwise()))
        if _arguments.core is not None and not self.own:
            head = _arguments.core.Head(np.frombuffer(self.op.tobytes(), np.uint8))
            table = {m: head}
            self.head, self.compiled = head, _arguments.core.make_loss(table, table, _refused)


def _refused(y_pred, y_true, *rest):
    raise AssertionError("the core refuses arrays that were made for it")


def _compute(op, y, y_true, weights, dy) -> float:
    """The same by the NumPy backend."""
    sheet = Sheet(len(y), 2 * y.shape[1], y.dtype)
    sheet.columns(0, y.shape[1])[:] = y
    sheet.T = sheet.labels = y_true
    sheet.weights = weights
    with np.errstate(all="ignore"):
        numpy_heads.FORWARD[op["kind"]](sheet, op, None)
    dy[...] = sheet.columns(y.shape[1], y.shape[1])
    return float(sheet.sums[0] / len(y))


# named functions


def _make(name: str, dense, sparse, doc: str):
    """The function of a loss: ``dense`` and ``sparse`` make it for targets and for labels."""
    plain, heads = (dense and dense(), sparse and sparse()), ({}, {})

    def general(y_pred, y_true, sample_weight=None, out=None, **hyper):
        if hyper:
            pair = dense and dense(**hyper), sparse and sparse(**hyper)
            return _general(*pair, y_pred, y_true, sample_weight, out)
        result = _general(*plain, y_pred, y_true, sample_weight, out)
        shape = np.shape(y_pred)
        if _arguments.core is not None:  # from now on the core finds it alone
            _remember(plain, heads, shape[1] if len(shape) == 2 else 1)
        return result

    made = general
    if _arguments.core is not None:
        made = _arguments.core.make_loss(*heads, general)
    made.__name__ = made.__qualname__ = name
    made.__module__, made.__doc__ = "fastnn.functional", doc
    return made


def _remember(plain, heads, m: int) -> None:
    for loss, table in zip(plain, heads, strict=True):
        if loss is not None and m not in table and (m > 1 or not loss.sparse):
            head = _Head(loss, m, np.float64)
            if not head.own:
                table[m] = head.head


softmax_cross_entropy = _make(
    "softmax_cross_entropy",
    functools.partial(losses.CategoricalCrossentropy, from_logits=True),
    functools.partial(losses.SparseCategoricalCrossentropy, from_logits=True),
    """The mean of -log softmax(logits)[y] and its gradient, (softmax(logits) - one_hot(y)) / n.

    logits : (n, m), named y_pred. y_true : integer labels (n,), or one-hot or soft targets (n, m).
    sample_weight : (n,) or None. out : (n, m) for the gradient; may be the logits themselves.
    Returns (loss, dlogits). Large logits neither overflow nor lose the small ones.
    Raises ValueError for a label that is no column.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> loss, dlogits = F.softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(loss, 6), dlogits
    (0.693147, array([[ 0.5, -0.5]]))
    """)

binary_cross_entropy_with_logits = _make(
    "binary_cross_entropy_with_logits",
    functools.partial(losses.BinaryCrossentropy, from_logits=True), None,
    """The mean of max(z, 0) - t z + log(1 + exp(-|z|)) and its gradient, (sigmoid(z) - t) / size.

    z : logits (n, m) or (n,), named y_pred. y_true : targets from 0 to 1 of the same shape.
    sample_weight : (n,) or None. out : an array of z's shape for the gradient; may be z.
    Returns (loss, dz).

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> loss, dz = F.binary_cross_entropy_with_logits(np.zeros(2), np.array([0.0, 1.0]))
    >>> round(loss, 6), dz
    (0.693147, array([ 0.25, -0.25]))
    """)


@functools.cache
def function(name: str):
    """The function of a registered loss; None if there is none of this name."""
    cls = registry.find("loss", name)
    if cls is None:
        return None
    makers = (None, cls) if cls.sparse else (cls, None)
    head = "``(y_pred, y_true, sample_weight=None, out=None, **arguments)`` -> loss, gradient."
    return _make(name, *makers, f"{head}\n\n{cls.__doc__}")
