"""The loss of a model of several outputs: one for each, weighted and added, and metrics."""

from __future__ import annotations

import copy
import math

import numpy as np

from fastnn import data, losses, metrics
from fastnn.plan import Kind


class OwnLoss(metrics.Metric):
    """The loss of one output, among the results; the plan adds it up where it is computed."""

    direction = "down"

    def lower(self, builder, value):
        """Nothing: the output's head has it."""


class Outputs(losses.Loss):
    """sum_i weight_i loss_i, over the outputs i.

    names : of the outputs; rows : the shapes of their rows; loss, loss_weights, metrics : one for
    all (a loss), a list, or a dictionary by name. An output without a loss is predicted only.
    """

    def __init__(self, names, rows, loss, loss_weights=None, metrics=None):
        super().__init__("sum_over_batch_size", "loss")
        self.names, self.rows_of = list(names), list(rows)
        several = isinstance(loss, (list, tuple, dict))
        found = self._each("loss", loss) if several else [loss] * len(names)
        self.losses = [losses.get(one) for one in found]
        weights = self._each("loss_weights", loss_weights) if loss_weights is not None else []
        self.weights = [1.0 if w is None else float(w) for w in weights or [None] * len(names)]
        if not any(self.losses):
            raise ValueError(f"None of the outputs {', '.join(names)} has a loss.")
        for one in self.losses:
            if one is not None and one.reduction != "sum_over_batch_size":
                raise ValueError(f"The losses of several outputs must be means over the rows; "
                                 f"{one.name!r} has reduction={one.reduction!r}.")
        self._metrics = self._find_metrics(metrics)

    def _each(self, what: str, given) -> list:
        """The item of each output."""
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

    def _find_metrics(self, given) -> list[list]:
        """The metrics of each output, behind its own loss."""
        found = []
        asked = [None] * len(self.names) if not given else self._each("metrics", given)
        for name, loss, row, own in zip(self.names, self.losses, self.rows_of, asked, strict=True):
            own = own if isinstance(own, (list, tuple)) else [] if own is None else [own]
            if own and loss is None:
                raise ValueError(f"The output {name!r} has metrics but no loss.")
            made = [] if loss is None else [OwnLoss(f"{name}_loss")]
            for identifier in own:
                metric = copy.copy(metrics.get(identifier, loss, math.prod(row)))
                if not hasattr(metric, "lower") or metric.sparse != loss.sparse:
                    raise ValueError(f"The metric {metric.name!r} cannot be computed for the "
                                     f"output {name!r} with the loss {loss.name!r}.")
                metric.name = f"{name}_{metric.name}"
                made.append(metric)
            found.append(made)
        return found

    # what a trainer asks of a loss

    @property
    def sparse(self) -> bool:
        """Whether all targets are class numbers."""
        return all(loss.sparse for loss in self.losses if loss is not None)

    def results(self) -> list:
        """The losses of the outputs, then all metrics by name: Keras's order in `evaluate`."""
        return ([m for own in self._metrics for m in own[:1]]
                + sorted((m for own in self._metrics for m in own[1:]), key=lambda m: m.name))

    def lower_all(self, builder, values: list) -> list:
        """Append the heads with their metrics; the results in the order of the plan's sums.

        The last output in the plan is first: a loss may take the op of its activation out.
        """
        columns = self._columns()
        inside = []
        for i in sorted(range(len(values)), key=lambda i: -values[i].op):
            loss = self.losses[i]
            if loss is None:
                builder.head(Kind.OUTPUT, values[i])
                continue
            builder.target(columns[i], self.weights[i])
            prediction = loss.lower(builder, values[i])
            for metric in self._metrics[i]:
                metric.lower(builder, prediction)
            inside += self._metrics[i]
        return inside

    def _columns(self) -> list[int]:
        """Where each output's targets begin in T, or which column of the labels they are."""
        dense = sparse = 0
        columns = []
        for loss, row in zip(self.losses, self.rows_of, strict=True):
            columns.append(0 if loss is None else sparse if loss.sparse else dense)
            if loss is not None and loss.sparse:
                sparse += 1
            elif loss is not None:
                dense += math.prod(row)
        return columns

    def targets(self, y, dtype, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(T, labels) of a list or dictionary of targets: columns (n, m) and (n, sparse losses)."""
        if y is None:
            raise ValueError(f"{name} is missing: the losses compare predictions with it.")
        if isinstance(y, (list, tuple)) and len(y) < len(self.names):  # those with a loss
            wanted = [n for n, loss in zip(self.names, self.losses, strict=True) if loss]
            y = dict(zip(wanted, y, strict=True)) if len(y) == len(wanted) else y
        dense, sparse, lengths = [], [], {}
        for own, loss, row, given in zip(self.names, self.losses, self.rows_of,
                                         self._each(name, y), strict=True):
            if loss is None:
                continue
            T, labels = data.targets(given, row, loss, dtype, f"{name}[{own!r}]")
            (sparse if loss.sparse else dense).append(labels[:, None] if loss.sparse else T)
            lengths[f"{name}[{own!r}]"] = len(labels if loss.sparse else T)
        if len(set(lengths.values())) > 1:
            data.check_lengths(lengths)
        return (np.hstack(dense) if dense else np.empty((0, 0), dtype),
                np.hstack(sparse) if sparse else np.empty(0, np.int64))

    def get_config(self) -> dict:
        raise NotImplementedError  # a model writes the losses one by one
