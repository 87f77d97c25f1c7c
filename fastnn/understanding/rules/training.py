"""Rules about how the training went: its history, and the loss where it ended."""

from __future__ import annotations

import numpy as np

from fastnn import losses
from fastnn.overfitting import overfitting_start
from fastnn.understanding.case import Case
from fastnn.understanding.finding import Finding, rule

EPOCHS = 5  # fewer say little
UP = 1.05  # a loss that is so many times the last one has gone up, not just wavered
OFTEN, TIMES = 0.4, 3  # of the epochs, and so many at least
LITTLE = 0.05  # of the loss, gained in a whole training
STRAIGHT = 0.5  # the gain of its second half, as a share of that of its first
HARDLY = 0.9  # of the loss of the best constant


@rule
def learning_rate_too_large(case: Case) -> Finding | None:
    loss = case.curve("loss")
    diverged = case.model.history and case.model.history.divergence
    if not len(loss) and not diverged:
        return None
    rate = _rate(case)
    cure = (f"Divide the learning rate{'' if rate is None else f' ({rate:.3g})'} by 10; "
            "fastnn.find_learning_rate suggests one.")
    if diverged:
        return Finding(f"The training diverged after {len(loss)} epochs: the steps are so large "
                       "that they leap further away each time.", cure,
                       {"not finite": diverged.of, "value": diverged.value})
    broken = np.flatnonzero(~np.isfinite(loss))
    if len(broken):
        return Finding(f"The loss is no number since epoch {broken[0]}: the steps are so large "
                       "that they leap further away each time.", cure,
                       {"first loss": float(loss[0]), "epoch": int(broken[0])})
    if len(loss) < EPOCHS:
        return None
    rises = loss[1:] > UP * loss[:-1]
    ups = float(rises.mean())
    gained = (loss[0] - loss[-1]) / abs(loss[0]) if loss[0] else 0.0
    if loss[-1] > 2 * abs(loss[0]) or (ups >= OFTEN and rises.sum() >= TIMES and gained < 0.5):
        return Finding(
            f"The loss goes up in {ups:.0%} of the epochs: steps leap over the minimum, to and "
            "fro.", cure, {"first loss": float(loss[0]), "last": float(loss[-1]),
                           "smallest": float(loss.min())})
    return None


@rule
def learning_rate_too_small(case: Case) -> Finding | None:
    loss = case.curve("loss")
    if len(loss) < EPOCHS or not np.isfinite(loss).all() or loss[0] <= 0:
        return None
    middle = len(loss) // 2
    gained = (loss[0] - loss[-1]) / loss[0]
    first, second = loss[0] - loss[middle], loss[middle] - loss[-1]
    falls = (np.diff(loss) < 0).mean()
    if not 0 < gained < LITTLE or falls < 0.8 or second < STRAIGHT * first:
        return None
    rate = _rate(case)
    return Finding(
        f"The loss falls steadily, but by {gained:.2%} in {len(loss)} epochs: at this pace the "
        "minimum is far away.",
        f"Multiply the learning rate{'' if rate is None else f' ({rate:.3g})'} by 10, or train "
        "longer; fastnn.find_learning_rate suggests one.",
        {"first loss": float(loss[0]), "last": float(loss[-1])})


@rule
def overfitting(case: Case) -> Finding | None:
    loss, held = case.curve("loss"), case.curve("val_loss")
    since = overfitting_start(loss, held) if len(loss) == len(held) > 0 else None
    if since is None:
        return None
    return Finding(
        f"Overfitting since epoch {since}: the loss on the training rows goes on falling, on the "
        f"validation rows it has risen from {held[since]:.4g} to {held[-1]:.4g}.",
        "Stop there (EarlyStopping with restore_best_weights=True), collect more data, or use "
        "Dropout, an L2 penalty or a smaller network.",
        {"epoch": since, "validation loss there": float(held[since]), "last": float(held[-1]),
         "training loss there": float(loss[since]), "its last": float(loss[-1])})


@rule
def underfitting(case: Case) -> Finding | None:
    if len(case.curve("loss")) < EPOCHS:
        return None
    constant = _loss_of_constant(case)
    if not constant or not np.isfinite(case.mean_loss) or case.mean_loss < HARDLY * constant:
        return None
    return Finding(
        f"The model has learnt next to nothing: its loss on the training rows is "
        f"{case.mean_loss:.4g}, and the same answer for every row would have {constant:.4g}.",
        "Train longer or with another learning rate, use more layers or neurons, less dropout and "
        "penalty; or the inputs say nothing about the targets.",
        {"loss": case.mean_loss, "loss of a constant": constant})


def _loss_of_constant(case: Case) -> float | None:
    """The smallest loss that a constant output can have on the sample; None if it is not known."""
    loss, T = case.loss, case.sample.T.astype(np.float64)
    if case.classifies:
        if getattr(loss, "label_smoothing", 0) or type(loss) not in (
                losses.BinaryCrossentropy, losses.CategoricalCrossentropy,
                losses.SparseCategoricalCrossentropy):
            return None
        _, counts = np.unique(case.classes(case.sample), return_counts=True)
        p = counts / counts.sum()
        return float(-(p * np.log(p)).sum())
    if isinstance(loss, losses.MeanSquaredError):
        variances = T.var(axis=0)
        return float(variances.mean() if loss.mean else variances.sum())
    if isinstance(loss, losses.MeanAbsoluteError):
        return float(np.abs(T - np.median(T, axis=0)).mean())
    return None


def _rate(case: Case) -> float | None:
    rate = case.model.optimizer.learning_rate
    return float(rate) if isinstance(rate, (int, float)) else None
