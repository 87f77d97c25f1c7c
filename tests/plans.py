"""Plans built by hand, with data that fits them, for the tests of the plan and of the backends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from fastnn import activations, losses, metrics, optimizers, registry
from fastnn.backends import Feed, Memory
from fastnn.plan import AFFINES, ENCODINGS, NOISES, ROW_NORMS, Builder, Kind, Plan


class Net:
    """A Builder that packs parameters: the trained ones in order, moving averages behind them."""

    def __init__(self, dtype, trained=0):
        self.builder = Builder(dtype)
        self.trained, self.untrained = 0, trained
        self.variables = []

    def weight(self, size, trains=True):
        """The offset of a new parameter."""
        if not trains:
            self.untrained += size
            return self.untrained - size
        self.variables.append(SimpleNamespace(offset=self.trained, size=size))
        self.trained += size
        return self.trained - size

    def input(self, *shape):
        return self.builder.input(shape)

    def dense(self, value, m, activation=None, bias=True, trains=True):
        w = self.weight(value.width * m, trains)
        value = self.builder.op(Kind.DENSE, value, shape=(m,), trains=trains, w=w,
                                b=self.weight(m, trains) if bias else -1)
        return self.activate(value, activation)

    def activate(self, value, activation):
        return self.builder.activate(value, activations.get(activation))

    def dropout(self, value, rate, seed=1):
        return self.builder.op(Kind.DROPOUT, value, shape=value.shape, numbers=(rate,),
                               aux=value.width, s=seed)

    def batch_norm(self, value, scale=True, center=True, frozen=False):
        m = value.shape[-1]
        return self.builder.op(
            Kind.BATCH_NORM, value, shape=value.shape, trains=(scale or center) and not frozen,
            numbers=(0.9, 1e-3), keep=m, aux=value.width, m=m, frozen=int(frozen),
            w=self.weight(m, not frozen) if scale else -1,
            b=self.weight(m, not frozen) if center else -1, s=self.weight(2 * m, trains=False))

    def row_norm(self, value, kind="layer", groups=1, pooled=False, scale=True, center=True,
                 trains=True, epsilon=1e-3, m=None):
        m = m or value.shape[-1]
        return self.builder.op(
            Kind.ROW_NORM, value, shape=value.shape, formula=ROW_NORMS.index(kind), m=m, s=groups,
            sums=int(pooled), trains=trains and (scale or center), numbers=(epsilon,),
            aux=value.width, keep=groups if pooled else value.width // m * groups,
            w=self.weight(m, trains) if scale else -1, b=self.weight(m, trains) if center else -1)

    def noise(self, value, kind, *numbers, seed=1):
        return self.builder.op(Kind.NOISE, value, shape=value.shape, formula=NOISES.index(kind),
                               numbers=numbers, aux=value.width, s=seed)

    def affine(self, value, numbers=None, kind="constants"):
        m = value.shape[-1] if numbers is None else len(numbers[0])
        fields = {"s": self.builder.constants(numbers)} if numbers else {
            "w": self.weight(m, trains=False), "b": self.weight(m, trains=False)}
        return self.builder.op(Kind.AFFINE, value, shape=value.shape, m=m, numbers=(1e-7,),
                               formula=AFFINES.index(kind), **fields)

    def embedding(self, value, size, m, trains=True):
        return self.builder.op(Kind.EMBEDDING, value, shape=(*value.shape, m), trains=trains, m=m,
                               s=size, w=self.weight(size * m, trains))

    def encode(self, value, kind, m, bounds=()):
        shape = {"one_hot": (*value.shape, m), "bins": value.shape}.get(kind, (m,))
        return self.builder.op(Kind.ENCODE, value, shape=shape, m=m, formula=ENCODINGS.index(kind),
                               s=self.builder.constants(bounds))

    def fork(self, value):
        return self.builder.fork(value)

    def merge(self, kind, one, two, *arguments):
        return self.builder.merge(kind, one, two, *arguments)

    def again(self, value, m, activation=None):
        """The dense op that was appended first, on another value."""
        value = self.builder.op(Kind.DENSE, value, shape=(m,), trains=True, w=0, b=value.width * m)
        return self.activate(value, activation)


@dataclass(frozen=True)
class Case:
    """A plan, parameters and a feed for it; ``loss`` and ``optimizer`` as they were lowered."""

    plan: Plan
    params: np.ndarray
    feed: Feed
    loss: losses.Loss | None = None
    optimizer: optimizers.Optimizer | None = None

    def memory(self):
        plan = self.plan
        slots = np.zeros((plan.n_slots, plan.n_trained), plan.dtype)
        if self.optimizer is not None:
            slots = self.optimizer.initial_slots(plan.n_trained, plan.dtype)
        return Memory(self.params.copy(), np.zeros(plan.n_trained, plan.dtype), slots)

    def scalars(self, steps):
        if self.optimizer is None:
            return np.zeros((steps, 0))
        return self.optimizer.scalars(0, steps)

    def with_feed(self, **fields):
        return replace(self, feed=replace(self.feed, **fields))


def case(make, dtype="float64", loss="mse", optimizer=None, watch=(), penalty=None, n=17, seed=0,
         weighted=False, finish=None, after=None):
    """The case of a network: ``make(net)`` appends its ops and returns its last value.

    loss: None for a plan that only predicts. watch: metrics. penalty: (l1, l2) of every variable.
    finish(net), after(net): more ops before and behind the optimizer's.
    """
    trial = Net(dtype)
    make(trial)
    net = Net(dtype, trained=trial.trained)
    value = make(net)
    loss = None if loss is None else losses.get(loss)
    if loss is None:
        net.builder.head(Kind.OUTPUT, value)
    else:
        value = loss.lower(net.builder, value)
    for metric in watch:
        metrics.get(metric, loss, value.width).lower(net.builder, value)
    for variable in net.variables if penalty else ():
        net.builder.penalty(variable.offset, variable.size, *penalty)
    if finish:
        finish(net)
    if optimizer is not None:
        optimizer = optimizers.get(optimizer)
        optimizer.lower(net.builder, net.variables, net.trained)
    if after:
        after(net)
    plan = net.builder.plan(net.untrained, net.trained)
    return Case(plan, *_data(plan, loss, n, seed, weighted), loss, optimizer)


def _data(plan, loss, n, seed, weighted):
    rng = np.random.default_rng(seed)
    params = (rng.normal(size=plan.n_params) * 0.5).astype(plan.dtype)
    params[plan.n_trained:] = np.abs(params[plan.n_trained:]) + 0.1  # variances are positive
    X = rng.normal(size=(n, plan.n_inputs)).astype(plan.dtype)
    m = plan.n_outputs
    T = rng.random((n, m))  # also where a loss wants probabilities: the formulas take any target
    sparse = loss is not None and loss.sparse
    return params, Feed(
        X,
        np.empty((0, m), plan.dtype) if sparse else T.astype(plan.dtype),
        rng.integers(0, m, n) if sparse else np.empty(0, np.int64),
        rng.choice([0.0, 0.5, 1.0, 3.0], n).astype(plan.dtype) if weighted else None)


def gradient(backend, case, step=0, threads=1):
    """The loss of all rows as one batch, and its gradient; the plan has no UPDATE."""
    memory, n = case.memory(), len(case.feed.X)
    sums = np.zeros((1, 1 + case.plan.n_metrics))
    backend.train(case.plan, memory, case.feed, np.arange(n)[None], n, np.zeros((1, 0)), step,
                  sums, threads=threads)
    return sums[0, 0] / n, memory.grads


def train(backend, case, batch_size=6, epochs=3, threads=1, step=0, with_Y=True):
    """Everything that a stretch leaves behind: a dict of arrays."""
    n = len(case.feed.X)
    order = np.stack([np.random.default_rng(epoch).permutation(n) for epoch in range(epochs)])
    steps = epochs * -(-n // batch_size)
    memory = case.memory()
    sums = np.zeros((epochs, 1 + case.plan.n_metrics))
    Y = np.zeros((epochs, n, case.plan.n_outputs), case.plan.dtype) if with_Y else None
    backend.train(case.plan, memory, case.feed, order, batch_size, case.scalars(steps), step, sums,
                  Y, threads)
    out = {"params": memory.params, "grads": memory.grads, "slots": memory.slots, "sums": sums}
    return out | ({"Y": Y} if with_Y else {})


def evaluate(backend, case, threads=1):
    """The sums of loss and metrics over the feed."""
    sums = np.zeros(1 + case.plan.n_metrics)
    backend.evaluate(case.plan, case.params, case.feed, sums, threads)
    return sums


def forward(backend, case, X=None, training=False, step=0, threads=1):
    """Predictions; in training also the parameters, whose moving averages they change."""
    X = case.feed.X if X is None else X
    params = case.params.copy()
    Y = np.full((len(X), case.plan.n_outputs), np.nan, case.plan.dtype)
    backend.forward(case.plan, params, X, Y, training, step, threads)
    return (Y, params) if training else Y


# the networks of the tests, a setting of `case` or more for every kind of op


def stack(*activations, widths=(7, 6, 4), inputs=5):
    """Dense layers with these activations."""
    def make(net):
        value = net.input(inputs)
        for width, activation in zip(widths, activations, strict=False):
            value = net.dense(value, width, activation)
        return value
    return make


def alone(activation, m=4):
    """An activation behind an op that it cannot be fused into."""
    def make(net):
        value = net.dropout(net.dense(net.input(5), m), 0.0)
        return net.activate(value, activation)
    return make


def dropped(net):
    value = net.dropout(net.dense(net.input(5), 7, "tanh"), 0.3, seed=2**40 + 3)
    return net.dense(net.dropout(value, 0.5), 4)


def normalized(**settings):
    def make(net):
        value = net.batch_norm(net.dense(net.input(5), 7, "tanh"), **settings)
        return net.dense(value, 4)
    return make


def positions(net):
    """Batch normalization of two channels at three positions, in front of everything."""
    return net.dense(net.batch_norm(net.input(3, 2)), 4)


def branches(kind, *arguments):
    """A value used twice, its branches merged again; one branch of the merge has no gradient."""
    def make(net):
        X, other = net.input(5), net.input(6)
        one, two = net.fork(net.dense(X, 6, "tanh"))
        value = net.merge(kind, net.dense(one, 6, "silu"), two, *arguments)
        value = net.merge(kind, value, other, *arguments) if value.shape == other.shape else value
        return net.dense(net.merge(kind, other, value, *arguments) if value.width == 6 else value,
                         4)
    return make


def equal(formula):
    """The larger or smaller of two numbers that are often equal: many are 0."""
    def make(net):
        X = net.input(5)
        one, two = net.dense(X, 6, "relu"), net.dense(X, 6, "relu")
        return net.dense(net.merge(Kind.MERGE, one, two, (), formula), 3)
    return make


def shared(m=5, activation="tanh", calls=3):
    """One dense op called several times in a row, then one of its own."""
    def make(net):
        value = net.dense(net.input(m), m, activation)
        for _ in range(calls - 1):
            value = net.again(value, m, activation)
        return net.dense(value, 4)
    return make


def grouped(activation):
    """An activation of the last of two axes, behind a dense layer and in front of one."""
    def make(net):
        value = replace(net.dense(net.input(5), 12, "tanh"), shape=(3, 4))
        value = net.activate(value, activation)
        return net.dense(replace(value, shape=(value.width,)), 4)
    return make


def shared_rows(net):
    """A normalisation of rows and a PReLU, each of two values."""
    value = net.dense(net.input(5), 6)
    for _ in range(2):
        first = not hasattr(net, "shared")
        if first:
            value = net.row_norm(value)
            net.shared = net.builder._rows[value.op], net.weight(3)
        else:
            row = net.shared[0]
            value = net.builder.op(Kind.ROW_NORM, value, shape=value.shape, trains=True, m=6, s=1,
                                   formula=row["formula"], sums=0, numbers=(1e-3,), aux=6, keep=1,
                                   w=row["w"], b=row["b"])
        value = net.builder.op(Kind.PRELU, value, shape=value.shape, trains=True, m=3, s=1,
                               w=net.shared[1])
    return net.dense(value, 4)


def shared_table(net):
    """One table for two inputs."""
    X, other = (net.encode(net.input(2), "bins", 4, [-1.0, -0.5, 0.0, 0.5]) for _ in range(2))
    one = net.embedding(X, 5, 3)
    row = net.builder._rows[one.op]
    two = net.builder.op(Kind.EMBEDDING, other, shape=(2, 3), trains=True, m=3, s=5, w=row["w"])
    return net.dense(replace(net.merge(Kind.CONCATENATE, one, two), shape=(12,)), 4)


def parametric(alphas, size=1, trains=True):
    """PReLU of six columns, with as many alphas for groups of `size` neighbours; and another."""
    def make(net):
        value = net.dense(net.input(5), 6)
        for _ in range(2):
            value = net.builder.op(Kind.PRELU, value, shape=value.shape, trains=trains, m=alphas,
                                   s=size, w=net.weight(alphas, trains))
        return net.dense(value, 4)
    return make


class Cubes:
    """y = c x^3 in Python, with one parameter c: what CALL takes."""

    layer = SimpleNamespace(name="cubes")

    def __init__(self, place):
        self.place = place

    def forward(self, x, params, training):
        return params[self.place] * x**3

    def backward(self, x, y, dy, params, grads):
        if grads is not None:
            grads[self.place] = (dy * x**3).sum()
        return 3 * params[self.place] * x**2 * dy


def in_python(net):
    """A layer in Python between two dense ones."""
    value = net.dense(net.input(5), 4, "tanh")
    value = net.builder.python(Cubes(net.weight(1)), value, value.shape, trains=True)
    return net.dense(value, 2)


def shared_norm(net):
    """A batch normalisation without and with a later call."""
    value = net.batch_norm(net.dense(net.input(5), 7))
    row = net.builder._rows[value.op]
    value = net.activate(value, "tanh")
    value = net.builder.op(Kind.BATCH_NORM, value, shape=(7,), trains=True, numbers=(0.9, 1e-3),
                           keep=7, aux=7, w=row["w"], b=row["b"], s=row["s"])
    return net.dense(value, 4)


def clip(kind, limit):
    return lambda net: [net.builder.clip(kind, v.offset, v.size, limit) for v in net.variables]


def row_normalized(shape=(7,), **settings):
    def make(net):
        value = net.dense(net.input(5), int(np.prod(shape)), "tanh")
        value = net.row_norm(replace(value, shape=shape), **settings)
        return net.dense(replace(value, shape=(value.width,)), 4)
    return make


def noisy(*kind):
    def make(net):
        value = net.noise(net.dense(net.input(5), 7, "tanh"), *kind, seed=2**40 + 3)
        return net.dense(net.noise(value, "gaussian_noise", 0.1), 4)
    return make


def rescaled(*settings):
    def make(net):
        value = net.affine(net.dense(net.affine(net.input(3, 2), *settings), 6, "tanh"), *settings)
        return net.dense(value, 4)
    return make


def looked_up(net):
    """Numbers from -3 to 3, some of them no rows of the table; what comes before has no slope."""
    value = net.affine(net.dense(net.input(3), 5), [[0.0], [3.0], [1.5]])
    return net.dense(net.encode(value, "count", 4), 2)


def embedded(trains=True):
    def make(net):
        value = net.encode(net.input(3), "bins", 4, [-1.0, -0.5, 0.0, 0.5])
        value = net.embedding(value, 5, 2, trains)
        return net.dense(replace(value, shape=(6,)), 4)
    return make


def encoded(kind):
    def make(net):
        value = net.affine(net.input(3), [[0.0], [2.0], [1.5]])
        value = net.encode(value, kind, 4)
        return net.dense(replace(value, shape=(value.width,)), 2)
    return make


def moved(net):
    value = net.dense(net.input(5), 6, "tanh")
    return net.dense(net.builder.gather(value, [5, 0, -1, 0, 3, 2, 0]), 4)
def active(l1, l2, trains=True):
    """Penalties of the input, of hidden values and of the output."""
    def make(net):
        value = net.builder.activity_penalty(net.input(5), 0.02, 0.01)
        value = net.builder.activity_penalty(net.dense(value, 7, "relu", trains=trains), l1, l2)
        return net.builder.activity_penalty(net.dense(value, 4, "tanh"), 0.1, 0.0)
    return make


def scaled_penalty(net):
    """Penalties times the step's learning rate, column 0, whose values have a sum of their own."""
    total = net.builder.own_sum()
    for variable in net.variables:
        net.builder.penalty(variable.offset, variable.size, 0.2, 0.3, column=0, into=total)


def orthogonal(columns):
    """Penalties of both kernels of a stack, of rows and of columns."""
    return lambda net: [
        net.builder.orthogonality(net.variables[0].offset, (5, 7), 0.5, columns),
        net.builder.orthogonality(net.variables[2].offset, (7, 6), 0.7, not columns)]


def constrained(*bounds):
    """(extents, numbers) for the norms of the variables, in their order."""
    return lambda net: [net.builder.bound_norms(v.offset, *bound)
                        for v, bound in zip(net.variables, bounds, strict=True)]


CASES = {
    Kind.INPUT: [{"make": branches(Kind.ADD)}],
    Kind.DENSE: [{"make": stack("tanh", "relu")},
                 {"make": lambda net: net.dense(net.input(5), 4, bias=False)},
                 {"make": lambda net: net.dense(net.dense(net.input(3), 5, trains=False), 2)},
                 {"make": stack(*["tanh"] * 4, widths=(33, 1, 18, 1), inputs=19)},
                 {"make": shared()}, {"make": shared(3, "silu")}, {"make": shared(33, "relu", 2)}],
    Kind.ACTIVATION: [{"make": alone("silu")}],
    Kind.SOFTMAX: [{"make": stack("softmax", "softmax"), "loss": "mse"},
                   {"make": grouped("softmax")}],
    Kind.DROPOUT: [{"make": dropped}],
    Kind.BATCH_NORM: [{"make": normalized()}, {"make": positions},
                      {"make": normalized(scale=False)}, {"make": normalized(center=False)},
                      {"make": normalized(scale=False, center=False)},
                      {"make": normalized(frozen=True)}, {"make": shared_norm}],
    Kind.FORK: [{"make": branches(Kind.ADD)}],
    Kind.ADD: [{"make": branches(Kind.ADD)}],
    Kind.MULTIPLY: [{"make": branches(Kind.MULTIPLY)}],
    Kind.CONCATENATE: [{"make": branches(Kind.CONCATENATE)},
                       {"make": lambda net: net.dense(net.merge(
                           Kind.CONCATENATE, net.input(3), net.dense(net.input(2), 4)), 2)}],
    Kind.ROW_NORM: [
        {"make": shared_rows},
        {"make": row_normalized()}, {"make": row_normalized(scale=False)},
        {"make": row_normalized(center=False)}, {"make": row_normalized(trains=False)},
        {"make": row_normalized(kind="rms", epsilon=1e-6)}, {"make": row_normalized(kind="unit")},
        {"make": row_normalized(kind="scaled", scale=False, center=False)},
        {"make": row_normalized((3, 4), groups=2)}, {"make": row_normalized((40,), groups=5)},
        {"make": row_normalized((3, 4), groups=2, pooled=True)},
        {"make": row_normalized((3, 4), m=12)},
        {"make": lambda net: net.dense(net.row_norm(net.input(5)), 4)}],
    Kind.NOISE: [{"make": noisy("gaussian_noise", 0.3)}, {"make": noisy("gaussian_dropout", 0.5)},
                 {"make": noisy("alpha_dropout", 0.4, 0.8, 0.3, -1.1)}],
    Kind.AFFINE: [{"make": rescaled(None, "normalize")},
                  {"make": rescaled(None, "denormalize")},
                  {"make": rescaled([[0.5], [0.75], [0.25]])},
                  {"make": rescaled([[0.5, 0.1], [3.0, -1.0], [0.25, 2.0]])}],
    Kind.EMBEDDING: [{"make": embedded()}, {"make": embedded(trains=False)},
                     {"make": shared_table}],
    Kind.ENCODE: [{"make": encoded(kind)} for kind in ("one_hot", "multi_hot", "count")] + [
        {"make": looked_up}],
    Kind.GATHER: [{"make": moved}],
    Kind.ACTIVITY: [{"make": active(0.03, 0.05)}, {"make": active(0.0, 0.5), "weighted": True},
                    {"make": active(0.3, 0.1, trains=False)},
                    {"make": active(0.5, 0.0), "loss": losses.MeanSquaredError(reduction="sum")}],
    Kind.OUTPUT: [{"make": stack("tanh", "softmax"), "loss": None}],
    Kind.ELEMENT_LOSS: [{"make": stack("tanh"), "loss": "mse"}],
    Kind.SOFTMAX_LOSS: [{"make": stack("tanh", "softmax"), "loss": "cce"}],
    Kind.CROSS_LOSS: [{"make": stack("tanh", "sigmoid"), "loss": "cce"}],
    Kind.COSINE_LOSS: [{"make": stack("tanh"), "loss": "cosine_similarity"}],
    Kind.CATEGORICAL_HINGE_LOSS: [{"make": stack("tanh"), "loss": "categorical_hinge"}],
    Kind.POWER_LOSS: [{"make": stack("tanh", link), "loss": loss} for link in ("softmax", "sigmoid")
                      for loss in ("categorical_focal_crossentropy",
                                   "categorical_generalized_cross_entropy")],
    Kind.OVERLAP_LOSS: [{"make": stack("tanh", "sigmoid"), "loss": losses.Dice(axis=axis)}
                        for axis in (None, -1)],
    Kind.ELEMENT_METRIC: [{"make": stack("tanh"), "watch": ("mse", "mae")}],
    Kind.BINARY_ACCURACY: [{"make": stack("sigmoid"), "watch": ("binary_accuracy",)}],
    Kind.CATEGORICAL_ACCURACY: [{"make": stack("softmax"), "loss": "cce",
                                 "watch": ("accuracy", "mae")}],
    Kind.SPARSE_CATEGORICAL_ACCURACY: [{"make": stack("softmax"), "watch": ("accuracy",),
                                        "loss": "sparse_categorical_crossentropy"}],
    Kind.TOP_K_ACCURACY: [{"make": stack("softmax", widths=(6,)), "loss": "cce",
                           "watch": (metrics.TopKCategoricalAccuracy(2),
                                     metrics.TopKCategoricalAccuracy(4))}],
    Kind.SPARSE_TOP_K_ACCURACY: [{"make": stack("softmax", widths=(6,)),
                                  "loss": "sparse_categorical_crossentropy",
                                  "watch": (metrics.SparseTopKCategoricalAccuracy(3),)}],
    Kind.CONFUSION: [{"make": stack("sigmoid", widths=(3,)),
                      "watch": (metrics.Precision(), metrics.Recall(0.4, class_id=1),
                                metrics.TrueNegatives(0.6))}],
    Kind.PENALTY: [{"make": stack("tanh", "relu"), "penalty": (0.02, 0.03)}],
    Kind.CLIP_VALUE: [{"make": stack("tanh", "relu"), "finish": clip(Kind.CLIP_VALUE, 0.01)}],
    Kind.CLIP_NORM: [{"make": stack("tanh", "relu"), "finish": clip(Kind.CLIP_NORM, 0.05)}],
    Kind.UPDATE: [{"make": stack("tanh", "relu")},
                  {"make": stack("tanh", "relu"), "finish": scaled_penalty,
                   "optimizer": optimizers.SGD(
                       optimizers.schedules.ExponentialDecay(0.1, 1, 0.9), 0.9)}],
    Kind.MERGE: [{"make": branches(Kind.MERGE, (1.0, -1.0))},
                 {"make": branches(Kind.MERGE, (0.3, 0.7))},
                 *({"make": make} for formula in ("maximum", "minimum")
                   for make in (equal(formula), branches(Kind.MERGE, (), formula)))],
    Kind.DOT: [{"make": branches(Kind.DOT, (a0,))} for a0 in (0.0, 1.0)],
    Kind.NON_NEGATIVE: [{"make": stack("tanh", "relu"), "after": lambda net: [
        net.builder.non_negative(v.offset, v.size) for v in net.variables[1:]]}],
    Kind.BOUND_NORM: [
        {"make": stack("tanh", "relu"), "after": constrained(
            ((1, 5, 7), (0.0, 0.9, 1.0, 1e-7)), ((1, 7, 1), (1.0, 1.0, 1.0, 1e-7)),
            ((7, 6, 1), (0.5, 1.0, 0.3, 1e-7)), ((1, 6, 1), (0.0, 0.1, 0.5, 1e-7)))},
        {"make": stack("tanh", widths=(130,), inputs=3), "after": constrained(
            ((1, 3, 130), (0.3, 0.4, 0.5, 1e-7)), ((130, 1, 1), (0.2, 0.2, 1.0, 1e-7)))},
        {"make": stack("tanh", widths=(12,), inputs=6), "after": constrained(
            ((2, 3, 12), (0.3, 0.4, 1.0, 1e-7)), ((3, 2, 2), (0.2, 0.2, 1.0, 1e-3)))}],
    Kind.ORTHOGONALITY: [
        {"make": stack("tanh", "relu"), "finish": orthogonal(columns)} for columns in (0, 1)],
    Kind.ACCUMULATE: [{"make": stack("tanh", "relu"), "optimizer": optimizers.SGD(
        0.1, 0.9, clipnorm=0.05, weight_decay=0.3, gradient_accumulation_steps=steps)}
        for steps in (2, 4)],
    Kind.DECAY: [{"make": stack("tanh", "relu"), "optimizer": optimizers.AdamW(0.01, 0.5)}],
    Kind.TRUST: [{"make": stack("tanh", "relu"), "optimizer": optimizers.Lamb(0.1)},
                 {"make": stack("tanh", widths=(9, 700)), "optimizer": optimizers.Lamb(0.1)}],
    Kind.AVERAGE: [{"make": stack("tanh", "relu"), "optimizer": optimizers.SGD(
        0.1, 0.9, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3)},
        {"make": stack("tanh", "relu"), "optimizer": optimizers.Lamb(
            0.1, use_ema=True, ema_overwrite_frequency=2, gradient_accumulation_steps=2)}],
    Kind.LOG_SOFTMAX: [{"make": stack("log_softmax", "log_softmax")},
                       {"make": grouped("log_softmax")}],
    Kind.SPARSEMAX: [{"make": stack("sparsemax", "sparsemax")}, {"make": grouped("sparsemax")}],
    Kind.GLU: [{"make": lambda net: net.dense(net.dense(net.input(5), 8, "glu"), 6, "glu")},
               {"make": grouped("glu")}],
    Kind.PRELU: [{"make": parametric(6)}, {"make": parametric(1)}, {"make": parametric(3)},
                 {"make": parametric(2, 3)}, {"make": parametric(6, trains=False)}],
    Kind.CALL: [{"make": in_python}],
}

def probabilities(net):
    """Outputs between 0 and 1 that no link made last, for all that a loss can see."""
    return net.dropout(net.dense(net.dense(net.input(5), 7, "tanh"), 6, "sigmoid"), 0.0)


ACTIVATIONS = [*(cls for cls in registry.classes("activation")
                 if cls.__module__.startswith("fastnn.activations.")
                 and cls not in (activations.Threshold, activations.GLU)),  # CASES has GLU
               activations.Threshold(-0.3, 0.2), activations.LeakyReLU(0.01), activations.ELU(0.7),
               activations.ReLU(0.1, 0.4, 0.05), activations.ReLU(max_value=0.5),
               activations.ReLU(0.3), activations.ReLU(0.0, 0.6, -0.4), activations.CELU(0.6),
               activations.GELU(approximate=True), activations.HardShrink(0.2),
               activations.SoftShrink(0.1), activations.Squareplus(0.7)]

# what a network must end in for a loss to have a value, where it has no link
OUTPUTS = {losses.Poisson: "softplus", losses.Dice: "softplus", losses.Tversky: "sigmoid",
           losses.KLDivergence: "sigmoid"}


def output_of(loss):
    """The activation in front of a loss."""
    return loss.link or OUTPUTS.get(type(loss))


LOSSES = [*(cls for cls in registry.classes("loss") if cls.__module__.startswith("fastnn.")),
          losses.BinaryCrossentropy(label_smoothing=0.1),
          losses.CategoricalCrossentropy(label_smoothing=0.2),
          losses.BinaryCrossentropy(from_logits=True),
          losses.CategoricalCrossentropy(from_logits=True, reduction="sum"),
          losses.SparseCategoricalCrossentropy(from_logits=True),
          losses.MeanSquaredError(reduction="sum"),
          losses.SparseCategoricalCrossentropy(reduction="sum"),
          losses.SparseCategoricalCrossentropy(ignore_class=2),
          losses.SparseCategoricalCrossentropy(True, 2, "mean_with_sample_weight"),
          losses.SparseCategoricalCrossentropy(ignore_class=2, reduction="sum"),
          losses.MeanSquaredError("mean_with_sample_weight"), losses.MeanAbsoluteError("mean"),
          losses.CategoricalCrossentropy(reduction="mean_with_sample_weight"),
          losses.BinaryFocalCrossentropy(True, 0.3, 1.5, label_smoothing=0.1),
          losses.BinaryFocalCrossentropy(gamma=0.0), losses.BinaryFocalCrossentropy(gamma=0.5),
          losses.BinaryFocalCrossentropy(from_logits=True),
          losses.CategoricalFocalCrossentropy(0.6, 0.0, label_smoothing=0.2),
          losses.CategoricalFocalCrossentropy(0.6, 1.3, True, reduction="mean_with_sample_weight"),
          losses.CategoricalGeneralizedCrossEntropy(0.9, "sum"), losses.Huber(0.3),
          losses.CosineSimilarity(reduction="sum"), losses.Dice(axis=-1),
          *(losses.Tversky(0.3, 0.8, axis=axis, reduction=reduction)
            for axis in (None, 1) for reduction in ("sum", "mean_with_sample_weight"))]
