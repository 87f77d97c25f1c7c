"""The plan: a network, its loss, metrics and optimizer step as one flat table of ops.

Layers lower themselves through a :class:`Builder` into rows of a NumPy structured array, which
every backend interprets. A row's integers are sizes, formula codes and offsets:

* *columns* (``src dst dsrc ddst keep aux ...``) count features in the workspace, which holds
  ``plan.columns`` features for each row of a batch; how a backend lays them out is its own affair;
* *parameters* (``w b s``) count numbers in the flat parameter vector.

-1 stands for "none". An op reads its inputs and overwrites its outputs, forwards (``src -> dst``)
and backwards (``ddst -> dsrc``); its backward may also overwrite ``ddst``. A value has one
consumer; one that is used twice goes through a FORK, whose backward adds. Parameters may be used
twice as well: all ops but the last that trains them have in ``adds`` where the gradients end that
they add to. This is the only file that knows an offset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from fastnn import activations, config


class Kind(IntEnum):
    """What an op does. Phases run in the order of the four groups."""

    # the network, forwards and then backwards
    INPUT = 0  # dst[k] <- X[:, s : s + k]
    DENSE = 1  # dst[m] <- formula(src[k] @ w[k, m] + b[m])
    ACTIVATION = 2  # dst[k] <- formula(src[k])
    SOFTMAX = 3  # dst[k] <- softmax(src[k]), in groups of s columns
    DROPOUT = 4  # dst[k] <- src[k] * mask; aux[k] keeps the mask, s is the seed, a0 the rate
    BATCH_NORM = 5  # dst[k] <- w * xhat + b; aux[k] keeps xhat, keep[m] 1/std; s mean, s+m variance
    FORK = 6  # dst is src; dsrc <- ddst + dsrc2
    ADD = 7  # dst[k] <- src[k] + src2[k]
    MULTIPLY = 8  # dst[k] <- src[k] * src2[k]
    CONCATENATE = 9  # dst[k + m] <- src[k], src2[m]
    # dst[k] <- w * xhat + b over m channels in s groups; formula is one of ROW_NORMS, a0 epsilon;
    # sums: a group has all positions. aux[k] keeps xhat, keep the scales, one a group
    ROW_NORM = 10
    NOISE = 11  # formula is one of NOISES, s the seed; aux[k] keeps the factors of the gradient
    AFFINE = 12  # dst[k] <- (src - centre) * factor + shift over m channels; see AFFINES
    EMBEDDING = 13  # dst[k * m] <- row src[j] of w[s, m] for each of k whole numbers
    ENCODE = 14  # whole numbers below m as ones and zeros, or numbers as their bin's; see ENCODINGS
    GATHER = 15  # dst[j] <- src[constants[s + j]], 0 where that is -1
    ACTIVITY = 65  # dst is src; a0 |y| + a1 y^2 of all rows, over n, goes into the loss
    # heads: the prediction dst[m] <- link(src[m]); in training the loss of each row and dsrc. It is
    # columns y : y + m of the outputs, its targets columns t : t + m of T or column t of the
    # labels, its rows' weights column v. ``weight`` times its loss goes to sums[0], the loss itself
    # to sums[own] if own > 0. Metrics belong to the head before them.
    OUTPUT = 16  # no loss: prediction only
    ELEMENT_LOSS = 17  # a0 * sum_j formula(t_j, src_j)
    SOFTMAX_LOSS = 18  # cross-entropy of logits; a2: the most that a row costs, 0 for no bound
    CROSS_LOSS = 19  # cross-entropy of probabilities
    COSINE_LOSS = 20  # -cos of the angle between the rows of t and src
    CATEGORICAL_HINGE_LOSS = 21
    POWER_LOSS = 22  # formula 0, 1: focal of probabilities, logits; 2, 3: generalized likewise
    OVERLAP_LOSS = 23  # Dice and Tversky, of each row or (formula 1) of the batch; numbers a0..a3
    # metrics of the prediction src[m], one number a row, added to sums[dst]
    ELEMENT_METRIC = 32  # a0 * sum_j formula(t_j, y_j)
    BINARY_ACCURACY = 33  # mean_j (y_j > a0) == t_j
    CATEGORICAL_ACCURACY = 34
    SPARSE_CATEGORICAL_ACCURACY = 35
    TOP_K_ACCURACY = 36  # fewer than a0 outputs are larger than that at the largest target
    SPARSE_TOP_K_ACCURACY = 37  # the same at the label
    CONFUSION = 38  # how many j (all, or a3 alone) have (y_j > a0) == a1 and (t_j != 0) == a2
    # what happens to gradients and parameters after the backward pass
    # a0 |w| + a1 w^2 of w[k], times the step's scalar m where m >= 0, added to the gradient, and to
    # the loss or to sums[dst] where dst >= 0
    PENALTY = 48
    CLIP_VALUE = 49  # g[w : w + k] into [-a0, a0]
    CLIP_NORM = 50  # g[w : w + k] scaled to a norm of at most a0
    UPDATE = 51  # formula is the optimizer's rule, for parameters w : w + k
    # around the update; s is a row of slots, m a column of the step's scalars. Where b >= 0, these
    # ops, clipping and the update happen only in steps whose scalar b is not 0
    ACCUMULATE = 52  # s <- s + g; where scalar m is not 0, g <- s / a0 and s <- 0
    DECAY = 53  # p <- p - scalar p
    TRUST = 54  # p <- p - scalar |p| / |g| g, the update's direction being in g
    AVERAGE = 55  # s <- scalar s + (1 - scalar) p; where scalar m + 1 is not 0, p <- s
    NON_NEGATIVE = 56  # w[k] <- max(w[k], 0)
    BOUND_NORM = 57  # w[k, m, s] <- w * d / (a3 + norm along m); d: norm in [a0, a1], at rate a2
    ORTHOGONALITY = 58  # a0 * mean |cosine| of the k rows, or s = 1: m columns, of w[k, m]; a1 eps
    # more ops of the network; those of a whole axis, as SOFTMAX, work on groups of s columns
    LOG_SOFTMAX = 60  # dst[k] <- log softmax(src[k])
    SPARSEMAX = 61  # dst[k] <- the point of the simplex nearest to src[k]
    GLU = 63  # dst[k / 2] <- one half of src[k] times the sigmoid of the other
    PRELU = 64  # dst[k] <- src where > 0, else w[m] * src; column j has the alpha (j // s) % m
    MERGE = 66  # dst[k] <- a0 src + a1 src2, or by formula (of MERGES) the larger or smaller
    DOT = 69  # dst[1] <- src[k] . src2[k]; a0 = 1: of rows divided by their norms; keep[2] 1/norm
    CALL = 80  # dst[m] <- what the formula-th of the plan's `calls` makes of src[k], in Python


OP = np.dtype(
    [(name, np.int64) for name in (
        "kind", "formula", "link", "src", "src2", "dst", "dsrc", "dsrc2", "ddst", "keep", "aux",
        "k", "m", "w", "b", "s", "trains", "frozen", "sparse", "sums", "adds",
        "t", "v", "y", "own",
    )] + [(name, np.float64) for name in ("a0", "a1", "a2", "a3", "weight")]
)

# What an op's `formula` stands for, where it is no formula of a scalar:
# mean and variance (Ba 2016; Wu & He 2018), mean square (Zhang & Sennrich 2019), sum of squares,
# and Keras's deprecated `rms_scaling`: the variance without taking the mean away
ROW_NORMS = ("layer", "rms", "unit", "scaled")
# x + a0 N; x (1 + a0 N); x * a1 + a2 or, with probability a0, a3: N is standard normal
NOISES = ("gaussian_noise", "gaussian_dropout", "alpha_dropout")
# centres, factors, shifts: constants from s on; or what follows from means (w) and variances (b)
AFFINES = ("constants", "normalize", "denormalize")
# dst is k * m, m, m and k wide; a bin's number is how many of the m constants from s on are <= src
ENCODINGS = ("one_hot", "multi_hot", "count", "bins")
# what adds to the loss besides the head
PENALTIES = (Kind.ACTIVITY, Kind.PENALTY, Kind.ORTHOGONALITY)

# the numbers of the links a head can apply to its logits
LINKS = (None, "sigmoid", "softmax")
# the formulas of MERGE
MERGES = ("combine", "maximum", "minimum")


@dataclass(slots=True)
class Value:
    """A tensor in the workspace: ``shape`` is a row's, ``grad`` -1 if nobody asks for it."""

    offset: int
    grad: int
    shape: tuple[int, ...]
    op: int

    @property
    def width(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A frozen op table with its sizes; see the module's first lines."""

    ops: np.ndarray
    columns: int
    n_inputs: int
    n_outputs: int
    n_params: int
    n_trained: int
    n_slots: int
    n_scalars: int
    n_metrics: int
    dtype: np.dtype
    constants: np.ndarray = field(default_factory=lambda: np.zeros(1))  # what ops look up, float64
    calls: tuple = ()  # of CALL: objects with forward and backward, see `fastnn.layers.own`

    def __repr__(self) -> str:
        lines = [f"Plan: {self.n_inputs} -> {self.n_outputs}, {self.columns} columns, "
                 f"{self.n_trained} of {self.n_params} parameters trained, {self.dtype}"]
        for op in self.ops:
            fields = (f"{n}={op[n]:g}" for n in OP.names[1:] if op[n] not in (-1, 0))
            lines.append(f"  {Kind(op['kind']).name.lower():<16} {' '.join(fields)}")
        return "\n".join(lines)


class Builder:
    """Appends ops to a plan. Layers, losses, metrics and optimizers lower themselves through it."""

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)
        self._rows: list[dict] = []
        self._columns = 0
        self._inputs = 0
        self._metrics = 0
        self._outputs = 0
        self._target: dict = {"t": 0, "v": 0, "own": 0, "weight": 1.0}  # of the next head
        self._n_slots = self._n_scalars = 0
        self._constants: list[float] = []
        self.calls: list = []  # what Python computes
        self.call = 0  # how often the layer that lowers itself has been called before

    # values

    def _reserve(self, columns: int) -> int:
        offset, self._columns = self._columns, self._columns + columns
        return offset

    def _append(self, kind: Kind, numbers=(), **fields) -> int:
        row = dict.fromkeys(OP.names, -1) | dict.fromkeys(OP.names[-5:], 0.0)
        row |= dict.fromkeys(("formula", "link", "trains", "frozen", "sparse", "sums", "adds", "t",
                              "v", "y", "own"), 0)
        row |= {"kind": kind, **fields}
        row |= {f"a{i}": number for i, number in enumerate(numbers)}
        self._rows.append(row)
        return len(self._rows) - 1

    def input(self, shape: tuple[int, ...]) -> Value:
        """The next columns of X as a value; no gradient flows into it."""
        value = Value(0, -1, tuple(shape), len(self._rows))
        value.offset = self._reserve(value.width)
        self._append(Kind.INPUT, dst=value.offset, k=value.width, s=self._inputs)
        self._inputs += value.width
        return value

    def op(self, kind: Kind, *sources: Value, shape, trains=False, numbers=(), keep=0, aux=0,
           **fields) -> Value:
        """Append an op of one or two sources; its value's gradient exists if somebody needs it.

        ``keep`` and ``aux`` are numbers of columns that the op keeps for its backward.
        """
        value = Value(0, -1, tuple(shape), len(self._rows))
        value.offset = self._reserve(value.width)
        if trains or any(source.grad >= 0 for source in sources):
            value.grad = self._reserve(value.width)
        columns = {"src": sources[0].offset, "dsrc": sources[0].grad, "dst": value.offset,
                   "ddst": value.grad, "k": sources[0].width, "m": value.width}
        if len(sources) == 2:
            columns |= {"src2": sources[1].offset, "dsrc2": sources[1].grad}
        if keep:
            columns["keep"] = self._reserve(keep)
        if aux:
            columns["aux"] = self._reserve(aux)
        self._append(kind, numbers, trains=int(trains), **(columns | fields))
        return value

    def constants(self, numbers) -> int:
        """Where numbers for an op to look up, in float64, lie in the plan's ``constants``."""
        self._constants += np.ravel(numbers).tolist()
        return len(self._constants) - np.size(numbers)

    def python(self, call, value: Value, shape, trains: bool) -> Value:
        """CALL: an op that an object computes in Python."""
        self.calls.append(call)
        return self.op(Kind.CALL, value, shape=shape, trains=trains,
                       formula=len(self.calls) - 1)

    def gather(self, value: Value, table) -> Value:
        """The value's numbers by their places in a row: ``table`` has the shape of the result.

        A place of -1 gives 0.
        """
        table = np.asarray(table)
        return self.op(Kind.GATHER, value, shape=table.shape, s=self.constants(table))

    def seed(self, seed: int) -> int:
        """The seed of an op of random numbers: another for each call of a shared layer."""
        return (seed + self.call * 0x9E3779B97F4A7C15) % 2**63

    def fork(self, value: Value) -> tuple[Value, Value]:
        """Two values that read the same columns, for two consumers; their gradients are added.

        Also where there are none: an activation must not be fused into an op that others read.
        """
        wanted = value.grad >= 0
        one, two = (Value(value.offset, self._reserve(value.width) if wanted else -1, value.shape,
                          len(self._rows)) for _ in range(2))
        self._append(Kind.FORK, src=value.offset, dst=value.offset, dsrc=value.grad,
                     ddst=one.grad, dsrc2=two.grad, k=value.width, m=value.width)
        return one, two

    def merge(self, kind: Kind, one: Value, two: Value, numbers=(), formula=MERGES[0]) -> Value:
        """ADD, MULTIPLY, MERGE, DOT or CONCATENATE of two values; numbers are the op's."""
        if kind is Kind.CONCATENATE:
            if one.shape[1:] != two.shape[1:]:
                raise ValueError(f"concatenate joins the first axis of rows that agree in the "
                                 f"others, received {one.shape} and {two.shape}.")
            shape = (one.shape[0] + two.shape[0], *one.shape[1:])
            return self.op(kind, one, two, shape=shape, m=two.width)
        if one.shape != two.shape:
            raise ValueError(
                f"{kind.name.lower()} needs two equal shapes, received {one.shape} and {two.shape}."
            )
        if kind is Kind.DOT:
            return self.op(kind, one, two, shape=(1,), numbers=numbers, keep=2)
        return self.op(kind, one, two, shape=one.shape, numbers=numbers,
                       formula=MERGES.index(formula))

    def activity_penalty(self, value: Value, l1: float, l2: float) -> Value:
        """Add (l1 * sum |y| + l2 * sum y^2) / rows of a value's batch to the loss."""
        if l1 == l2 == 0:
            return value
        after = Value(value.offset, -1, value.shape, len(self._rows))
        if value.grad >= 0:
            after.grad = self._reserve(value.width)
        self._append(Kind.ACTIVITY, (l1, l2), src=value.offset, dst=value.offset,
                     dsrc=value.grad, ddst=after.grad, k=value.width, m=value.width)
        return after

    def activate(self, value: Value, activation) -> Value:
        """Apply an activation: fused into the dense op that made the value, or an op of its own."""
        activation = activation.lowered()
        if not activation.elementwise:
            return self.op(Kind[activation.kind], value, s=value.shape[-1],
                           shape=activation.output_shape(value.shape))
        formula = activations.code(activation)
        row = self._rows[value.op]
        if formula == 0:
            return value
        fields = {"formula": formula} | {f"a{i}": a for i, a in enumerate(activation.values())}
        fuses = formula < len(activations.elementwise())  # a user's own is called, not printed
        if (fuses and row["kind"] == Kind.DENSE and row["formula"] == 0
                and row["dst"] == value.offset):
            if activation.keeps_z():
                fields["keep"] = self._reserve(value.width)
            row.update(fields)
            return value
        return self.op(Kind.ACTIVATION, value, shape=value.shape,
                       numbers=activation.values(), formula=formula)

    def strip_activation(self, value: Value, name: str) -> bool:
        """Take the activation ``name`` off the op that made ``value``, if it is there.

        ``value`` then holds the pre-activation; its shape and columns stay.
        """
        row = self._rows[value.op]
        if name == "softmax":
            found = row["kind"] == Kind.SOFTMAX and row["s"] == row["k"]
        else:
            found = row["formula"] == activations.code(activations.get(name)) and row["kind"] in (
                Kind.DENSE, Kind.ACTIVATION)
        if not found:
            return False
        if row["kind"] == Kind.DENSE:
            row["formula"] = 0
        else:  # the op's source takes the value's place
            self._rows.pop(value.op)
            value.offset, value.grad = row["src"], row["dsrc"]
            value.op = next(i for i, row in enumerate(self._rows) if row["dst"] == value.offset)
        return True

    def made(self, layer, value: Value) -> Value:
        """Called with each layer's finished output: who looks at layers overrides it."""
        return value

    # what stands behind the network

    @property
    def n_metrics(self) -> int:
        """How many sums of metrics there are so far."""
        return self._metrics

    @property
    def n_outputs(self) -> int:
        """How many columns the predictions of the heads so far have."""
        return self._outputs

    def head(self, kind: Kind, value: Value, *, formula=0, link=None, numbers=(), sparse=False,
             sums=0, s=-1) -> Value:
        """The loss, or OUTPUT. Returns the prediction: ``link`` of the value, or itself.

        sparse : the targets are class numbers; 2: rows of the class ``s`` do not count.
        sums : what a batch's sum is divided by: 0 its rows, 1 nothing, 2 the sum of their weights.
        """
        m = value.width
        offset = self._reserve(m) if link else value.offset
        self._append(kind, numbers, formula=formula, link=LINKS.index(link), src=value.offset,
                     dst=offset, dsrc=value.grad, k=m, m=m, sparse=int(sparse), sums=int(sums), s=s,
                     y=self._outputs, **self._target)
        self._outputs += m
        return Value(offset, -1, value.shape, len(self._rows) - 1)

    def metric(self, kind: Kind, value: Value, numbers=(), formula: int = 0) -> None:
        """A mean over rows, added to ``sums``; the loss is sums[0], metrics follow in order."""
        self._metrics += 1
        self._append(kind, numbers, formula=formula, src=value.offset, dst=self._metrics,
                     k=value.width, m=value.width, t=self._target["t"])

    def target(self, column: int, weights: int, weight: float) -> int:
        """For the next head: the columns of its targets and of its rows' weights, and its weight.

        Its own loss gets a sum of its own: the place of it in ``sums``.
        """
        self._metrics += 1
        self._target = {"t": column, "v": weights, "own": self._metrics, "weight": weight}
        return self._metrics

    def penalty(self, offset: int, size: int, l1: float, l2: float, column: int = -1,
                into: int = -1) -> None:
        """Add l1 * sum |w| + l2 * sum w^2 of a parameter to the loss and its gradient.

        column : of the step's scalars; in training the penalty is times that. into : the sum, of
        `own_sum`, that takes the penalty's value instead of the loss.
        """
        self._n_scalars = max(self._n_scalars, column + 1)
        self._append(Kind.PENALTY, (l1, l2), w=offset, k=size, m=column, dst=into)

    def own_sum(self) -> int:
        """The place of one more of the sums that come back, behind the metrics so far."""
        self._metrics += 1
        return self._metrics

    def orthogonality(self, offset: int, shape, factor: float, columns: bool) -> None:
        """Add factor * the mean of |cosine| over pairs of a matrix's rows, or of its columns."""
        k, m = shape
        self._append(Kind.ORTHOGONALITY, (factor, config.epsilon()), w=offset, k=k, m=m,
                     s=int(columns))

    def non_negative(self, offset: int, size: int) -> None:
        """After the update, take ``size`` parameters to 0 where they are below."""
        self._append(Kind.NON_NEGATIVE, w=offset, k=size)

    def bound_norms(self, offset: int, extents, numbers) -> None:
        """After the update, move norms along the second of three extents into bounds.

        ``numbers``: the least and the greatest norm, the share of the way to go, epsilon.
        """
        k, m, s = extents
        self._append(Kind.BOUND_NORM, numbers, w=offset, k=k, m=m, s=s)

    def clip(self, kind: Kind, offset: int, size: int, limit: float, gate: int = -1) -> None:
        """CLIP_VALUE or CLIP_NORM of the gradient of ``size`` parameters."""
        self._append(kind, (limit,), w=offset, k=size, b=gate)

    def update(self, rule: int, n_trained: int, n_slots: int, n_scalars: int,
               gate: int = -1) -> None:
        """The optimizer's step on the first ``n_trained`` parameters."""
        self._n_slots, self._n_scalars = n_slots, max(self._n_scalars, n_scalars)
        self._append(Kind.UPDATE, formula=rule, w=0, k=n_trained, b=gate)

    def step(self, kind: Kind, offset: int, size: int, column: int, gate: int = -1, slot: int = -1,
             numbers=()) -> None:
        """ACCUMULATE, DECAY, TRUST or AVERAGE of ``size`` parameters: see `Kind`.

        column, gate : columns of the step's scalars; gate -1 is always open. slot : a row.
        """
        self._append(kind, numbers, w=offset, k=size, m=column, b=gate, s=slot)

    def plan(self, n_params: int, n_trained: int) -> Plan:
        """The finished plan."""
        self._mark_shared(n_trained)
        ops = np.zeros(len(self._rows), OP)
        for i, row in enumerate(self._rows):
            ops[i] = tuple(row[name] for name in OP.names)
        ops.flags.writeable = False
        constants = np.array(self._constants or [0.0], np.float64)
        constants.flags.writeable = False
        return Plan(ops, self._columns, self._inputs, self._outputs, n_params, n_trained,
                    self._n_slots, self._n_scalars, self._metrics, self.dtype, constants,
                    tuple(self.calls))

    def _mark_shared(self, n_trained: int) -> None:
        """Set ``adds`` where a later op trains the same parameters; its backward runs earlier.

        Gradients up to the next parameters that an op reads are taken as the op's own: where that
        is too many, nothing is added to those.
        """
        starts = sorted({n_trained, *(row["w"] for row in self._rows),
                         *(row["b"] for row in self._rows if in_network(row["kind"]))})
        seen: set[int] = set()
        for row in reversed(self._rows):
            if not row["trains"]:
                continue
            own = {row["w"], row["b"]} - {-1}
            if own & seen:
                row["adds"] = next(n for n in starts if n > max(own))
            seen |= own


def in_network(kind: int) -> bool:
    """Whether an op of this kind runs forwards and backwards."""
    return kind < Kind.OUTPUT or kind >= Kind.LOG_SOFTMAX
