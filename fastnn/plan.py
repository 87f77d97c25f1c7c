"""The plan: a network, its loss, metrics and optimizer step as one flat table of ops.

Layers lower themselves through a :class:`Builder` into rows of a NumPy structured array, which
every backend interprets. A row's integers are sizes, formula codes and offsets:

* *columns* (``src dst dsrc ddst keep aux ...``) count features in the workspace, which holds
  ``plan.columns`` features for each row of a batch; how a backend lays them out is its own affair;
* *parameters* (``w b s``) count numbers in the flat parameter vector.

-1 stands for "none". An op reads its inputs and overwrites its outputs, forwards (``src -> dst``)
and backwards (``ddst -> dsrc``); its backward may also overwrite ``ddst``. A value has one
consumer; one that is used twice goes through a FORK, whose backward adds. This is the only file
that knows an offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from fastnn import activations


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
    # heads: the prediction dst[m] <- link(src[m]); in training the loss of each row and dsrc
    OUTPUT = 16  # no loss: prediction only
    ELEMENT_LOSS = 17  # a0 * sum_j formula(t_j, src_j)
    SOFTMAX_LOSS = 18  # cross-entropy of logits
    CROSS_LOSS = 19  # cross-entropy of probabilities
    # metrics of the prediction src[m], one number a row, added to sums[dst]
    ELEMENT_METRIC = 32  # a0 * sum_j formula(t_j, y_j)
    BINARY_ACCURACY = 33  # mean_j (y_j > a0) == t_j
    CATEGORICAL_ACCURACY = 34
    SPARSE_CATEGORICAL_ACCURACY = 35
    # what happens to gradients and parameters after the backward pass
    PENALTY = 48  # a0 |w| + a1 w^2 of w[k], added to the loss and its gradient
    CLIP_VALUE = 49  # g[w : w + k] into [-a0, a0]
    CLIP_NORM = 50  # g[w : w + k] scaled to a norm of at most a0
    UPDATE = 51  # formula is the optimizer's rule, for parameters w : w + k
    # more ops of the network; those of a whole axis, as SOFTMAX, work on groups of s columns
    LOG_SOFTMAX = 60  # dst[k] <- log softmax(src[k])
    SPARSEMAX = 61  # dst[k] <- the point of the simplex nearest to src[k]
    GLU = 63  # dst[k / 2] <- one half of src[k] times the sigmoid of the other
    PRELU = 64  # dst[k] <- src where > 0, else w[m] * src; column j has the alpha (j // s) % m


OP = np.dtype(
    [(name, np.int64) for name in (
        "kind", "formula", "link", "src", "src2", "dst", "dsrc", "dsrc2", "ddst", "keep", "aux",
        "k", "m", "w", "b", "s", "trains", "frozen", "sparse", "sums",
    )] + [(f"a{i}", np.float64) for i in range(4)]
)

# the numbers of the links a head can apply to its logits
LINKS = (None, "sigmoid", "softmax")


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
        self._n_slots = self._n_scalars = 0

    # values

    def _reserve(self, columns: int) -> int:
        offset, self._columns = self._columns, self._columns + columns
        return offset

    def _append(self, kind: Kind, numbers=(), **fields) -> int:
        row = dict.fromkeys(OP.names, -1) | dict.fromkeys(("a0", "a1", "a2", "a3"), 0.0)
        row |= dict.fromkeys(("formula", "link", "trains", "frozen", "sparse", "sums"), 0)
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

    def fork(self, value: Value) -> tuple[Value, Value]:
        """Two values that read the same columns, for two consumers; their gradients are added."""
        if value.grad < 0:
            return value, value
        one, two = (Value(value.offset, self._reserve(value.width), value.shape, len(self._rows))
                    for _ in range(2))
        self._append(Kind.FORK, src=value.offset, dst=value.offset, dsrc=value.grad,
                     ddst=one.grad, dsrc2=two.grad, k=value.width, m=value.width)
        return one, two

    def merge(self, kind: Kind, one: Value, two: Value) -> Value:
        """ADD, MULTIPLY or CONCATENATE of two values."""
        if kind is Kind.CONCATENATE:
            shape = (*one.shape[:-1], one.shape[-1] + two.shape[-1])
            if len(shape) > 1:
                raise ValueError(f"concatenate joins flat values, received {one.shape}.")
            return self.op(kind, one, two, shape=shape, m=two.width)
        if one.shape != two.shape:
            raise ValueError(
                f"{kind.name.lower()} needs two equal shapes, received {one.shape} and {two.shape}."
            )
        return self.op(kind, one, two, shape=one.shape)

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

    # what stands behind the network

    def head(self, kind: Kind, value: Value, *, formula=0, link=None, numbers=(), sparse=False,
             sums=False) -> Value:
        """The loss, or OUTPUT. Returns the prediction: ``link`` of the value, or itself."""
        m = value.width
        offset = self._reserve(m) if link else value.offset
        self._append(kind, numbers, formula=formula, link=LINKS.index(link), src=value.offset,
                     dst=offset, dsrc=value.grad, k=m, m=m, sparse=int(sparse), sums=int(sums))
        return Value(offset, -1, value.shape, len(self._rows) - 1)

    def metric(self, kind: Kind, value: Value, numbers=(), formula: int = 0) -> None:
        """A mean over rows, added to ``sums``; the loss is sums[0], metrics follow in order."""
        self._metrics += 1
        self._append(kind, numbers, formula=formula, src=value.offset, dst=self._metrics,
                     k=value.width, m=value.width)

    def penalty(self, offset: int, size: int, l1: float, l2: float) -> None:
        """Add l1 * sum |w| + l2 * sum w^2 of a parameter to the loss and its gradient."""
        self._append(Kind.PENALTY, (l1, l2), w=offset, k=size)

    def clip(self, kind: Kind, offset: int, size: int, limit: float) -> None:
        """CLIP_VALUE or CLIP_NORM of the gradient of ``size`` parameters."""
        self._append(kind, (limit,), w=offset, k=size)

    def update(self, rule: int, n_trained: int, n_slots: int, n_scalars: int) -> None:
        """The optimizer's step on the first ``n_trained`` parameters."""
        self._n_slots, self._n_scalars = n_slots, n_scalars
        self._append(Kind.UPDATE, formula=rule, w=0, k=n_trained)

    def plan(self, n_params: int, n_trained: int) -> Plan:
        """The finished plan."""
        ops = np.zeros(len(self._rows), OP)
        for i, row in enumerate(self._rows):
            ops[i] = tuple(row[name] for name in OP.names)
        head = next(row for row in self._rows if Kind.OUTPUT <= row["kind"] <= Kind.CROSS_LOSS)
        ops.flags.writeable = False
        return Plan(ops, self._columns, self._inputs, head["m"], n_params, n_trained,
                    self._n_slots, self._n_scalars, self._metrics, self.dtype)


def in_network(kind: int) -> bool:
    """Whether an op of this kind runs forwards and backwards."""
    return kind <= Kind.CONCATENATE or kind >= Kind.LOG_SOFTMAX
