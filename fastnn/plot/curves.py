"""The course of training: loss or a metric over the epochs, overfitting marked."""

from __future__ import annotations

import numpy as np

from fastnn.overfitting import overfitting_start
from fastnn.plot.canvas import COLORS, GREY, axes_or_new, tidy


def curve(history, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The epochs, counted from 1, and the values of a name of a history's dictionary.

    A name with fewer values than ``loss``, as with ``validation_freq``, is taken to have been
    measured at equal distances, the last time at the end.
    """
    values = np.asarray(history[name], float)
    n = len(history.get("loss", values))
    return np.linspace(n / max(1, len(values)), n, len(values)), values


def history(history, metric: str = "loss", ax=None):
    """A metric over the epochs, of the training rows and of those held out; returns the axes.

    history : what `fit` returned, or its dictionary. metric : a name in it, without ``val_``.

    Where the validation loss tells that overfitting began (`overfitting_start`), that epoch is
    marked. Epochs count from 1, as `fit` prints them.
    """
    values = getattr(history, "history", history)
    if metric not in values:
        names = [name for name in values if not name.startswith("val_")]
        raise ValueError(f"The history has no {metric!r}; it has {', '.join(names) or 'nothing'}.")
    ax = axes_or_new(ax)
    ends = [("training", metric, COLORS[0]), ("validation", f"val_{metric}", COLORS[1])]
    for label, name, color in ends:
        if name in values:
            epochs, y = curve(values, name)
            ax.plot(epochs, y, color=color, label=label, linewidth=1.8,
                    marker="o" if len(y) < 3 else None)
    ax.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    _whole_epochs(ax)
    tidy(ax, "y")
    start = _start(values)
    if start is not None:
        _mark(ax, start + 1, len(values["loss"]))
    if f"val_{metric}" in values:
        ax.legend(frameon=False)
    return ax


def _start(values) -> int | None:
    loss, val = values.get("loss", ()), values.get("val_loss", ())
    return overfitting_start(loss, val) if len(loss) == len(val) > 0 else None


def _whole_epochs(ax):
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _mark(ax, epoch: int, last: int):
    ax.axvspan(epoch, last, color=GREY, alpha=0.1, linewidth=0)
    ax.axvline(epoch, color=GREY, linestyle="--", linewidth=1)
    left = epoch > 0.6 * last
    ax.annotate(f"overfitting from epoch {epoch}", (epoch, 1), xycoords=("data", "axes fraction"),
                xytext=(-4 if left else 4, 3), textcoords="offset points",
                ha="right" if left else "left", va="bottom", fontsize="small")
