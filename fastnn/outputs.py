"""What is compared with the outputs of a model: for each its loss, targets, weights and metrics."""

from __future__ import annotations

import copy
import math

import numpy as np

from fastnn import data, losses, metrics
from fastnn.plan import Kind


class Output:
    """One output of a model in training, the only one or one of several.

    loss : None for one of several that is predicted only. shape : of its rows. plain, weighted :
    its metrics, without and with the rows' weights. name : "" for the only one.

    ``inside`` are the metrics that the plan computes, ``outside`` those that only Python can;
    ``own`` is the place of its loss among the plan's sums, 0 (the total's) for the only one.
    """

    def __init__(self, loss, shape, plain=(), weighted=(), name="", weight=1.0):
        self.loss, self.shape, self.name, self.weight = loss, tuple(shape), name, weight
        self.metrics, self.weighted = _metrics(plain, weighted, loss, self.shape)
        if name:
            for metric in self.metrics:
                metric.name = f"{name}_{metric.name}"
        self.inside = [metric for metric in self.metrics
                       if _lowers(metric, self.shape) and metric not in self.weighted]
        self.outside = [metric for metric in self.metrics if metric not in self.inside]
        self.own = 0
        self.sums: list[slice] = []  # of each metric inside, where its sums are
        self.y = slice(0)  # columns of the predictions, from `lower` on
        self.t = slice(0, math.prod(self.shape))  # columns of the feed's T
        self.label = self.v = 0  # columns of the feed's labels and weights

    @property
    def sparse(self) -> bool:
        return self.loss is not None and self.loss.sparse

    def lower(self, builder, value) -> None:
        """Append the head, with the metrics inside behind it."""
        self.y = slice(builder.n_outputs, builder.n_outputs + value.width)
        if self.loss is None:
            builder.head(Kind.OUTPUT, value)
            return
        if self.name:
            self.own = builder.target(self.label if self.sparse else self.t.start, self.v,
                                      self.weight)
        prediction = self.loss.lower(builder, value)
        for metric in self.inside:
            first = 1 + builder.n_metrics
            metric.lower(builder, prediction)
            self.sums.append(slice(first, 1 + builder.n_metrics))

    def results(self, totals: list[float], rows: int) -> dict:
        """The metrics by name; ``totals`` are the plan's sums over so many rows."""
        found = {metric.name: metric.from_sums(totals[part], rows)
                 for metric, part in zip(self.inside, self.sums, strict=True)}
        if self.own:
            found[f"{self.name}_loss"] = totals[self.own] / rows
        for metric in self.outside:
            result = metric.result()
            found[metric.name] = result if np.ndim(result) else float(result)
        return found

    def targets(self, feed, rows) -> np.ndarray:
        """Those of some rows of the feed, as metrics take them."""
        if self.sparse:
            labels = feed.labels[rows]
            return labels if labels.ndim == 1 else labels[:, self.label]
        return feed.T[rows][:, self.t].reshape(-1, *self.shape)

    def weights(self, feed, rows) -> np.ndarray | None:
        """Those of some rows of the feed for this output."""
        if feed.weights is None:
            return None
        found = feed.weights[rows]
        return found if found.ndim == 1 else found[:, self.v]

    def update(self, feed, rows, Y: np.ndarray, batch_size: int) -> None:
        """Let the metrics outside take in the predictions Y of all outputs, batch by batch."""
        if not self.outside:
            return
        T, Y = self.targets(feed, rows), Y[:, self.y].reshape(-1, *self.shape)
        weights = self.weights(feed, rows)
        for metric in self.outside:
            w = weights if metric in self.weighted else None
            size = len(Y) if metric.counts and w is None else batch_size
            for part in (slice(i, i + size) for i in range(0, len(Y), size)):
                metric.update_state(T[part], Y[part], *(() if w is None else (w[part],)))

    def batch_loss(self, feed, part: slice, total: float, Y) -> float:
        """The loss of a batch, ``total`` the weighted sum of its rows' losses.

        Y : the predictions of all outputs, for a loss that is no sum over the rows.
        """
        T, weights = self.targets(feed, part), self.weights(feed, part)
        if self.loss.batchwise:
            return float(self.loss(T, Y[:, self.y].reshape(-1, *self.shape), weights))
        below = self.loss.divisor(len(T), weights, T)
        return total / below if below else 0.0


def _loss_weight(given) -> float:
    """What an output's loss counts: a number, 1 for None; negative ones reward what is wrong."""
    try:
        weight = 1.0 if given is None else float(given)
    except (TypeError, ValueError):
        weight = math.nan
    if not math.isfinite(weight):
        raise ValueError(f"loss_weights must be finite numbers, received {given!r:.100}.")
    return weight


class Outputs(losses.Loss):
    """The loss of a model of several outputs: sum_i weight_i loss_i.

    names : of the outputs; rows : the shapes of their rows; loss, loss_weights, metrics,
    weighted_metrics : one for all (a loss), a list, or a dictionary by name. An output without a
    loss is predicted only.
    """

    def __init__(self, names, rows, loss, loss_weights=None, metrics=None, weighted_metrics=None):
        super().__init__("loss")
        self.names, self.rows_of = list(names), list(rows)
        several = isinstance(loss, (list, tuple, dict))
        found = self.each("loss", loss) if several else [loss] * len(names)
        self.losses = [losses.get(one) for one in found]
        self.weights = [_loss_weight(w) for w in self.each("loss_weights", loss_weights)]
        self.metrics = self._lists("metrics", metrics)
        self.weighted_metrics = self._lists("weighted_metrics", weighted_metrics)
        if not any(self.losses):
            raise ValueError(f"None of the outputs {', '.join(names)} has a loss.")

    def each(self, what: str, given) -> list:
        """The item of each output."""
        if given is None:
            return [None] * len(self.names)
        if isinstance(given, dict):
            unknown = [name for name in given if name not in self.names]
            if unknown:
                raise ValueError(f"{what} names {unknown[0]!r}, but the outputs are "
                                 f"{', '.join(self.names)}.")
            return [given.get(name) for name in self.names]
        if not isinstance(given, (list, tuple)) or len(given) != len(self.names):
            raise ValueError(f"{what} must be a list with an item for each of the outputs "
                             f"{', '.join(self.names)}, or a dictionary; received {given!r:.200}.")
        return list(given)

    def _lists(self, what: str, given) -> list[list]:
        """The metrics of each output."""
        found = [list(own) if isinstance(own, (list, tuple)) else [] if own is None else [own]
                 for own in self.each(what, given or None)]
        for name, loss, own in zip(self.names, self.losses, found, strict=True):
            if own and loss is None:
                raise ValueError(f"The output {name!r} has metrics but no loss.")
            for metric in own:  # an unknown one is an error now
                metrics.get(metric, loss)
        return found

    @property
    def of_data(self) -> bool:
        return any(loss is not None and loss.of_data for loss in self.losses)

    def choose(self, y, output_shape) -> Outputs:
        """The same with the losses that the targets choose."""
        chosen = copy.copy(self)
        chosen.losses = [
            loss.choose(given, row) if loss is not None and loss.of_data else loss
            for loss, row, given in zip(self.losses, self.rows_of, self._targets("y", y),
                                        strict=True)]
        return chosen

    def outputs(self) -> list[Output]:
        """The outputs, each with columns of its own; its metrics are copies."""
        found = []
        dense = sparse = 0
        for i, name in enumerate(self.names):
            own = [[_copy(metric) for metric in given[i]]
                   for given in (self.metrics, self.weighted_metrics)]
            output = Output(self.losses[i], self.rows_of[i], *own, name, self.weights[i])
            width = math.prod(output.shape)
            output.t, output.label, output.v = slice(dense, dense + width), sparse, i
            dense += 0 if output.loss is None or output.sparse else width
            sparse += output.sparse
            found.append(output)
        return found

    def _targets(self, what: str, y) -> list:
        """What is given for each output: a list may leave out those without a loss."""
        if isinstance(y, (list, tuple)) and len(y) < len(self.names):
            wanted = [n for n, loss in zip(self.names, self.losses, strict=True) if loss]
            y = dict(zip(wanted, y, strict=True)) if len(y) == len(wanted) else y
        return self.each(what, y)

    def targets(self, y, dtype, name: str) -> tuple[np.ndarray, np.ndarray, int]:
        """(T, labels, number of rows) of a list or dictionary of targets."""
        if y is None:
            raise ValueError(f"{name} is missing: the losses compare predictions with it.")
        dense, sparse, lengths = [], [], {}
        for own, loss, row, given in zip(self.names, self.losses, self.rows_of,
                                         self._targets(name, y), strict=True):
            if loss is None:
                continue
            T, labels = data.targets(given, row, loss, dtype, f"{name}[{own!r}]")
            (sparse if loss.sparse else dense).append(labels[:, None] if loss.sparse else T)
            lengths[f"{name}[{own!r}]"] = len(labels if loss.sparse else T)
        if len(set(lengths.values())) > 1:
            data.check_lengths(lengths)
        return (np.hstack(dense) if dense else np.empty((0, 0), dtype),
                np.hstack(sparse) if sparse else np.empty(0, np.int64),
                next(iter(lengths.values())))

    def row_weights(self, given, n: int, dtype, name: str) -> np.ndarray | None:
        """(n, outputs): one array for all outputs, or one for each in a list or dictionary."""
        if given is None:
            return None
        is_list = isinstance(given, (list, tuple)) and any(np.ndim(one) for one in given)
        if not is_list and not isinstance(given, dict):
            return np.repeat(data.weights(given, n, dtype, name)[:, None], len(self.names), axis=1)
        columns = [np.ones(n, dtype) if one is None else
                   data.weights(one, n, dtype, f"{name}[{own!r}]")
                   for own, one in zip(self.names, self._targets(name, given), strict=True)]
        return np.column_stack(columns)

    def get_config(self) -> dict:
        raise NotImplementedError  # a model writes the losses one by one


def of(loss, shape, plain, weighted) -> list[Output]:
    """The outputs of a model for its loss; ``shape`` is that of the only one's rows."""
    if isinstance(loss, Outputs):
        return loss.outputs()
    return [Output(loss, shape, plain, weighted)]


def lower(outputs: list[Output], builder, values: list) -> None:
    """Append the heads of the outputs' values.

    The last value in the plan is first: a loss may take the op of its activation out.
    """
    for output, value in sorted(zip(outputs, values, strict=True), key=lambda pair: -pair[1].op):
        output.lower(builder, value)


def targets(loss, shape, y, dtype, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """(T, labels, number of rows), checked and cast, of one output's targets or of several's."""
    if isinstance(loss, Outputs):
        return loss.targets(y, dtype, name)
    T, labels = data.targets(y, shape, loss, dtype, name)
    return T, labels, len(labels if loss.sparse else T)


def row_weights(loss, given, n: int, dtype, name: str) -> np.ndarray | None:
    """The weights (n,) of rows, checked and cast; (n, outputs) for several outputs."""
    found = loss.row_weights if isinstance(loss, Outputs) else data.weights
    return found(given, n, dtype, name)


def names(outputs: list[Output]) -> list[str]:
    """What is computed besides the total loss, in Keras's order in ``evaluate``: of several outputs
    the losses, then all metrics by name."""
    if not outputs[0].name:
        return [metric.name for metric in outputs[0].metrics]
    own = [output.name for output in outputs if output.loss is not None]
    return ([f"{name}_loss" for name in own if len(own) > 1]
            + sorted(metric.name for output in outputs for metric in output.metrics))


def _copy(metric):
    """A metric that may be renamed: the caller's own stays as it is."""
    return copy.deepcopy(metric) if isinstance(metric, metrics.Metric) else metric


def _metrics(plain, weighted, loss, shape: tuple) -> tuple[list, list]:
    """All metric objects, and those that are weighted: a weighted one whose name is taken is
    called "weighted_" and the name. A ValueError for two of a name, or one that does not fit the
    loss."""
    made, weighted = ([metrics.get(identifier, loss, math.prod(shape)) for identifier in given]
                      for given in (plain, weighted))
    for metric in weighted:
        if any(metric.name == other.name for other in made):
            metric.name = f"weighted_{metric.name}"
    found, names = made + weighted, ["loss"]
    for metric in found:
        if metric.name in names:
            raise ValueError(f"Two results would be called {metric.name!r}: give one of the "
                             "metrics another name.")
        names.append(metric.name)
        if metric.sparse not in (None, loss.sparse):
            kind = "class numbers" if loss.sparse else "targets of the output's shape"
            raise ValueError(f"The metric {metric.name!r} does not fit the loss {loss.name!r}, "
                             f"which takes {kind}. 'accuracy' fits every loss.")
    return found, weighted


def _lowers(metric, shape: tuple) -> bool:
    """Whether the plan can compute the metric: not if a subclass has its own idea of it."""
    for cls in type(metric).__mro__:
        if "lower" in vars(cls) or cls.__module__.startswith("fastnn.metrics."):
            return hasattr(cls, "lower") and metric.lowers(shape)
        if vars(cls).keys() & {"rows", "update_state", "result"}:
            return False
    return False
