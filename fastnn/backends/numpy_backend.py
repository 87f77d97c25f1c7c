"""The specification: every op of the plan in NumPy, complete and as short as it can be said.

A workspace is one array (rows, plan.columns); a value is a slice of its columns. The functions
``forward_*`` and ``backward_*`` below define what the ops of the network mean, `numpy_layers` those
of single layers, `numpy_heads` losses and metrics, `numpy_step` what happens to gradients and
parameters. The compiled backends are tested against them.
"""

from __future__ import annotations

import numpy as np

from fastnn import activations, random
from fastnn.backends import bind_forward, numpy_heads, numpy_layers, numpy_merging, numpy_step
from fastnn.plan import Kind, Plan
from fastnn.random import permutations as permutations  # of the contract
from fastnn.sparse import SparseRows, dense

NAME = "numpy"
CHUNK = 256  # rows of a prediction that are computed at once


class Run:
    """One pass of a batch through the plan: the workspace and everything the ops look up."""

    def __init__(self, plan: Plan, params, n: int, training: bool, step: int = 0):
        self.plan, self.params, self.training, self.step = plan, params, training, step
        self.work = np.zeros((n, plan.columns), plan.dtype)
        self.T = self.labels = self.weights = self.grads = self.feed = None
        self.spare = np.zeros(plan.n_trained, plan.dtype) if plan.ops["adds"].any() else None
        self.sparse = None  # the input as a sparse matrix, for its one op
        self.sums = np.zeros(1 + plan.n_metrics)

    def columns(self, offset: int, width: int):
        """The value (n, width) at a column offset."""
        return self.work[:, offset : offset + width]

    def source(self, op):
        """What a dense op reads: its columns, or the sparse input."""
        if self.sparse is not None and op["src"] == self.plan.ops[0]["dst"]:
            return self.sparse
        return self.columns(op["src"], op["k"])

    def matrix(self, vector, op):
        return vector[op["w"] : op["w"] + op["k"] * op["m"]].reshape(op["k"], op["m"])

    def numbers(self, op, hyper, first: int = 0) -> list:
        """The op's numbers in the plan's type, so that float32 stays float32."""
        return [self.plan.dtype.type(op[f"a{first + i}"]) for i in range(len(hyper))]

    def forward(self, X):
        for op in self.plan.ops:
            self.aim(op)
            if op["kind"] in FORWARD:
                FORWARD[op["kind"]](self, op, X)

    def aim(self, op):
        """At a head: its targets and weights become those that it and the metrics behind it use."""
        if Kind.OUTPUT <= op["kind"] <= Kind.OVERLAP_LOSS and self.feed is not None:
            T, labels, weights = self.feed
            self.T = T[:, op["t"] : op["t"] + op["m"]] if T.size else T
            self.labels = labels.reshape(len(self.work), -1)[:, op["t"]] if op["sparse"] else labels
            if weights is not None:
                self.weights = weights.reshape(len(self.work), -1)[:, op["v"]]

    def backward(self):
        for op in self.plan.ops[::-1]:
            if op["kind"] in BACKWARD and op["ddst"] >= 0:
                if op["adds"]:
                    self.add_gradient(op)
                else:
                    BACKWARD[op["kind"]](self, op)

    def add_gradient(self, op):
        """The backward of an op whose parameters have a gradient already: the sum of both."""
        part = slice(min(n for n in (op["w"], op["b"]) if n >= 0), op["adds"])
        before = self.grads
        self.grads = self.spare
        self.grads[part] = 0
        BACKWARD[op["kind"]](self, op)
        before[part] += self.grads[part]
        self.grads = before

    def finish(self, slots, scalars):
        """Metrics, penalties, clipping and the update: the ops behind the head, in order."""
        for op in self.plan.ops:
            self.aim(op)
            if op["kind"] in FINISH and not numpy_step.waits(op, scalars):
                FINISH[op["kind"]](self, op, slots, scalars)

    @property
    def Y(self):
        heads = [op for op in self.plan.ops if Kind.OUTPUT <= op["kind"] <= Kind.OVERLAP_LOSS]
        return np.hstack([self.columns(op["dst"], op["m"]) for op in heads])


# formulas: an op's code and numbers as a call


def _activate(run, op, z):
    cls = activations.at_code(op["formula"])
    return cls.forward(z, *run.numbers(op, cls.hyper))


def _derive(run, op, dy, y, z):
    cls = activations.at_code(op["formula"])
    kept = (y, z) if cls.keeps_z() else (y,)
    return cls.backward(dy, *kept, *run.numbers(op, cls.hyper))


# the network


def forward_input(run, op, X):
    if isinstance(X, SparseRows):
        run.sparse = X.matrix
        return
    run.columns(op["dst"], op["k"])[:] = X[:, op["s"] : op["s"] + op["k"]]


def forward_dense(run, op, X):
    z = run.source(op) @ run.matrix(run.params, op)
    if op["b"] >= 0:
        z += run.params[op["b"] : op["b"] + op["m"]]
    if op["keep"] >= 0:
        run.columns(op["keep"], op["m"])[:] = z
    run.columns(op["dst"], op["m"])[:] = _activate(run, op, z)


def backward_dense(run, op):
    dy, y = run.columns(op["ddst"], op["m"]), run.columns(op["dst"], op["m"])
    dz = _derive(run, op, dy, y, run.columns(op["keep"], op["m"]) if op["keep"] >= 0 else None)
    if op["trains"]:
        run.matrix(run.grads, op)[:] = run.source(op).T @ dz
        if op["b"] >= 0:
            run.grads[op["b"] : op["b"] + op["m"]] = dz.sum(axis=0)
    if op["dsrc"] >= 0:
        run.columns(op["dsrc"], op["k"])[:] = dz @ run.matrix(run.params, op).T


def forward_activation(run, op, X):
    run.columns(op["dst"], op["k"])[:] = _activate(run, op, run.columns(op["src"], op["k"]))


def backward_activation(run, op):
    k = op["k"]
    run.columns(op["dsrc"], k)[:] = _derive(
        run, op, run.columns(op["ddst"], k), run.columns(op["dst"], k), run.columns(op["src"], k))


_ROW_WISE = {Kind.SOFTMAX: activations.Softmax, Kind.LOG_SOFTMAX: activations.LogSoftmax,
             Kind.SPARSEMAX: activations.Sparsemax, Kind.GLU: activations.GLU}


def forward_softmax(run, op, X):
    """The function of the kind's class, on groups of s columns."""
    z = run.columns(op["src"], op["k"]).reshape(-1, op["s"])
    run.columns(op["dst"], op["m"])[:] = _ROW_WISE[op["kind"]].forward(z).reshape(-1, op["m"])


def backward_softmax(run, op):
    k, m, size = op["k"], op["m"], op["s"]
    dy, y = (run.columns(op[name], m).reshape(-1, size * m // k) for name in ("ddst", "dst"))
    cls = _ROW_WISE[op["kind"]]
    kept = (y, run.columns(op["src"], k).reshape(-1, size)) if cls.keeps_z() else (y,)
    run.columns(op["dsrc"], k)[:] = cls.backward(dy, *kept).reshape(-1, k)


forward_log_softmax = forward_sparsemax = forward_glu = forward_softmax
backward_log_softmax = backward_sparsemax = backward_glu = backward_softmax


def _alphas(run, op):
    """The alpha of every column."""
    return run.params[op["w"] + np.arange(op["k"]) // op["s"] % op["m"]]


def forward_prelu(run, op, X):
    z = run.columns(op["src"], op["k"])
    run.columns(op["dst"], op["k"])[:] = np.where(z > 0, z, _alphas(run, op) * z)


def backward_prelu(run, op):
    """He et al. 2015, eq. 8 and the paragraph behind it."""
    k, m, size = op["k"], op["m"], op["s"]
    z, dy = run.columns(op["src"], k), run.columns(op["ddst"], k)
    if op["trains"]:
        dalpha = np.where(z > 0, 0, dy * z).reshape(-1, m, size)
        run.grads[op["w"] : op["w"] + m] = dalpha.sum(axis=(0, 2))
    if op["dsrc"] >= 0:
        run.columns(op["dsrc"], k)[:] = np.where(z > 0, dy, _alphas(run, op) * dy)


def forward_dropout(run, op, X):
    x, y = run.columns(op["src"], op["k"]), run.columns(op["dst"], op["k"])
    if not run.training:
        y[:] = x
        return
    halves = random.dropout_halves(int(op["s"]), run.step, *x.shape)
    # inverted: what stays is scaled up, so that prediction needs no scaling; rate 1 drops all
    scale = 0.0 if op["a0"] == 1 else 1 / (1 - op["a0"])
    mask = run.columns(op["aux"], op["k"])
    mask[:] = np.where(halves >= random.dropout_threshold(op["a0"]), scale, 0)
    y[:] = x * mask


def backward_dropout(run, op):
    run.columns(op["dsrc"], op["k"])[:] = (
        run.columns(op["ddst"], op["k"]) * run.columns(op["aux"], op["k"]))


def forward_batch_norm(run, op, X):
    """a0 momentum, a1 epsilon. m channels; k / m positions of a channel count as rows do."""
    k, m = op["k"], op["m"]
    x = run.columns(op["src"], k).reshape(-1, m)
    moving = run.params[op["s"] : op["s"] + 2 * m].reshape(2, m)
    mean, variance = moving
    # a frozen layer uses its moving statistics in training as well, as Keras does
    if run.training and not op["frozen"]:
        mean, variance = x.mean(axis=0), x.var(axis=0)
        momentum = x.dtype.type(op["a0"])
        moving[:] = momentum * moving + (1 - momentum) * np.stack([mean, variance])
    scale = 1 / np.sqrt(variance + x.dtype.type(op["a1"]))
    xhat = (x - mean) * scale
    run.work[0, op["keep"] : op["keep"] + m] = scale
    run.columns(op["aux"], k)[:] = xhat.reshape(-1, k)
    y = xhat * run.params[op["w"] : op["w"] + m] if op["w"] >= 0 else xhat
    y = y + run.params[op["b"] : op["b"] + m] if op["b"] >= 0 else y
    run.columns(op["dst"], k)[:] = y.reshape(-1, k)


def backward_batch_norm(run, op):
    """Ioffe & Szegedy 2015, the chain rule after algorithm 1, collected."""
    k, m = op["k"], op["m"]
    dy = run.columns(op["ddst"], k).reshape(-1, m)
    xhat = run.columns(op["aux"], k).reshape(-1, m)
    scale = run.work[0, op["keep"] : op["keep"] + m]
    dgamma, dbeta = (dy * xhat).sum(axis=0), dy.sum(axis=0)
    if op["trains"] and op["w"] >= 0:
        run.grads[op["w"] : op["w"] + m] = dgamma
    if op["trains"] and op["b"] >= 0:
        run.grads[op["b"] : op["b"] + m] = dbeta
    if op["dsrc"] >= 0:
        if op["w"] >= 0:
            scale = scale * run.params[op["w"] : op["w"] + m]
        if not op["frozen"]:
            dy = dy - dbeta / len(dy) - xhat * (dgamma / len(dy))
        run.columns(op["dsrc"], k)[:] = (dy * scale).reshape(-1, k)


def forward_fork(run, op, X):
    """Both branches read ``src`` itself."""


def backward_fork(run, op):
    k = op["k"]
    run.columns(op["dsrc"], k)[:] = run.columns(op["ddst"], k) + run.columns(op["dsrc2"], k)


def forward_add(run, op, X):
    k = op["k"]
    run.columns(op["dst"], k)[:] = run.columns(op["src"], k) + run.columns(op["src2"], k)


def backward_add(run, op):
    for source in (op["dsrc"], op["dsrc2"]):
        if source >= 0:
            run.columns(source, op["k"])[:] = run.columns(op["ddst"], op["k"])


def forward_multiply(run, op, X):
    k = op["k"]
    run.columns(op["dst"], k)[:] = run.columns(op["src"], k) * run.columns(op["src2"], k)


def backward_multiply(run, op):
    k = op["k"]
    for source, other in ((op["dsrc"], op["src2"]), (op["dsrc2"], op["src"])):
        if source >= 0:
            run.columns(source, k)[:] = run.columns(op["ddst"], k) * run.columns(other, k)


def forward_concatenate(run, op, X):
    k, m = op["k"], op["m"]
    run.columns(op["dst"], k)[:] = run.columns(op["src"], k)
    run.columns(op["dst"] + k, m)[:] = run.columns(op["src2"], m)


def backward_concatenate(run, op):
    k, m = op["k"], op["m"]
    if op["dsrc"] >= 0:
        run.columns(op["dsrc"], k)[:] = run.columns(op["ddst"], k)
    if op["dsrc2"] >= 0:
        run.columns(op["dsrc2"], m)[:] = run.columns(op["ddst"] + k, m)


def forward_activity(run, op, X):
    """The batch's penalty over n, times n; rows count alike, whatever their weights."""
    if run.T is not None:
        y = run.columns(op["src"], op["k"])
        ones, squares = np.abs(y).sum(dtype=np.float64), np.square(y, dtype=np.float64).sum()
        run.sums[0] += op["a0"] * ones + op["a1"] * squares


def backward_activity(run, op):
    k, real = op["k"], run.work.dtype.type
    y = run.columns(op["src"], k)
    l1, l2 = real(op["a0"] / len(y)), real(2 * op["a1"] / len(y))
    run.columns(op["dsrc"], k)[:] = run.columns(op["ddst"], k) + (l1 * np.sign(y) + l2 * y)


def forward_call(run, op, X):
    """Python code of a caller's."""
    call = run.plan.calls[op["formula"]]
    run.columns(op["dst"], op["m"])[:] = call.forward(
        run.columns(op["src"], op["k"]), run.params, run.training)


def backward_call(run, op):
    call = run.plan.calls[op["formula"]]
    x, y, dy = (run.columns(op[name], op[size]) for name, size in
                (("src", "k"), ("dst", "m"), ("ddst", "m")))
    dx = call.backward(x, y, dy, run.params, run.grads if op["trains"] else None)
    if op["dsrc"] >= 0:
        run.columns(op["dsrc"], op["k"])[:] = dx


_NETWORK = ("input", "dense", "activation", "softmax", "dropout", "batch_norm", "fork", "add",
            "multiply", "concatenate", "activity", "log_softmax", "sparsemax", "glu", "prelu",
            "call")
FORWARD = {Kind[name.upper()]: globals()[f"forward_{name}"] for name in _NETWORK}
BACKWARD = {Kind[name.upper()]: globals()[f"backward_{name}"] for name in _NETWORK[1:]}
FORWARD |= numpy_layers.FORWARD | numpy_merging.FORWARD | numpy_heads.FORWARD
BACKWARD |= numpy_layers.BACKWARD | numpy_merging.BACKWARD
FINISH = numpy_heads.METRICS | numpy_step.FINISH
EVALUATE = {*numpy_heads.METRICS, Kind.PENALTY, Kind.ORTHOGONALITY}


# the contract


def forward(plan, params, X, Y, training=False, step=0, threads=1):
    """Predictions Y (n, m) of X (n, k); see the contract in ``fastnn.backends``."""
    with np.errstate(all="ignore"):
        if training or isinstance(X, SparseRows):  # whose products take each row by itself
            run = Run(plan, params, len(X), training, step)
            run.forward(X)
            Y[:] = run.Y
            return
        for i in range(0, len(X), CHUNK):
            # a whole chunk always: a matrix product of another shape may sum in another order, and
            # a row's prediction must not depend on how many there are
            rows = np.zeros((CHUNK, X.shape[1]), X.dtype)
            n = len(X[i : i + CHUNK])
            rows[:n] = X[i : i + CHUNK]
            run = Run(plan, params, CHUNK, False)
            run.forward(rows)
            Y[i : i + CHUNK] = run.Y[:n]


def bind(plan, params):
    """A function of (X, Y); see the contract in ``fastnn.backends``."""
    return bind_forward(forward, plan, params)


def evaluate(plan, params, feed, sums, threads=1):
    """Add the sums of loss and metrics over the feed; see the contract in ``fastnn.backends``."""
    with np.errstate(all="ignore"):
        for i in range(0, len(feed.X), CHUNK):
            run = _run(plan, params, feed, slice(i, i + CHUNK), training=False)
            for op in plan.ops:
                run.aim(op)
                if op["kind"] in EVALUATE:
                    FINISH[op["kind"]](run, op, None, None)
            sums += run.sums


def train(plan, memory, feed, order, batch_size, scalars, step, sums, Y=None, threads=1):
    """A stretch of steps; see the contract in ``fastnn.backends``."""
    done = 0
    with np.errstate(all="ignore"):
        for part, rows in enumerate(order):
            for i in range(0, len(rows), batch_size):
                batch = rows[i : i + batch_size]
                run = _run(plan, memory.params, feed, batch, True, step + done, memory.grads)
                if Y is not None:
                    Y[part, i : i + batch_size] = run.Y
                run.backward()
                run.finish(memory.slots, scalars[done] if plan.n_scalars else None)
                sums[part] += run.sums
                done += 1


def jacobian(plan, params, X, J, threads=1):
    """Derivatives J (n, m, n_trained) of the outputs; see the contract in ``fastnn.backends``."""
    head = next(op for op in plan.ops if Kind.OUTPUT <= op["kind"] <= Kind.OVERLAP_LOSS)
    X = dense(X)
    with np.errstate(all="ignore"):
        for i in range(len(X)):
            run = Run(plan, params, 1, True)
            run.forward(X[i : i + 1])
            for j in range(head["m"]):
                run.columns(head["dsrc"], head["m"])[:] = np.arange(head["m"]) == j
                run.grads = J[i, j]
                run.backward()


def finish(plan, memory, scalars):
    """The ops behind the network alone, for a gradient that somebody else has computed."""
    with np.errstate(all="ignore"):
        run = Run(plan, memory.params, 0, True)
        run.grads = memory.grads
        run.finish(memory.slots, scalars)


def _run(plan, params, feed, rows, training, step=0, grads=None):
    X = feed.X[rows]
    run = Run(plan, params, len(X), training, step)
    run.grads = grads
    run.T = feed.T[rows] if feed.T.size else feed.T
    run.labels = feed.labels[rows] if feed.labels.size else feed.labels
    run.weights = None if feed.weights is None else feed.weights[rows]
    run.feed = run.T, run.labels, run.weights
    run.forward(X)
    return run
