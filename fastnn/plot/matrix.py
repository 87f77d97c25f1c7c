"""Which classes are taken for which."""

from __future__ import annotations

import numpy as np

from fastnn.plot.canvas import axes_or_new

_WRITTEN = 20  # classes above which the cells are too small for numbers


def confusion_counts(y_true, y_pred, classes=None) -> tuple[np.ndarray, np.ndarray]:
    """(classes, counts): counts[i, j] rows of class i were taken for class j.

    y_true : labels (n,) or one-hot rows (n, k).
    y_pred : labels (n,), or what a network predicts: probabilities (n, k), or (n, 1) or (n,) of the
        second of two classes, which it is above 0.5.
    classes : the labels, in the order of the columns; by default those that occur, sorted.

    >>> confusion_counts([0, 0, 1], [[0.9], [0.2], [0.8]])[1]
    array([[1, 1],
           [0, 1]])
    """
    pred = np.asarray(y_pred)
    if classes is None and pred.ndim == 2 and pred.shape[1] > 1:
        classes = np.arange(pred.shape[1])
    true, pred = (_labels(np.asarray(y), classes) for y in (y_true, y_pred))
    if len(true) != len(pred):
        raise ValueError(f"y_true has {len(true)} rows and y_pred {len(pred)}.")
    classes = np.unique(np.concatenate([true, pred])) if classes is None else np.asarray(classes)
    place = {label: i for i, label in enumerate(classes.tolist())}
    unknown = {*true.tolist(), *pred.tolist()} - set(place)
    if unknown:
        raise ValueError(f"The labels {sorted(unknown, key=str)[:5]} are not among the classes "
                         f"{classes.tolist()[:10]}.")
    rows, columns = ([place[label] for label in labels.tolist()] for labels in (true, pred))
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return classes, counts


def _labels(y, classes) -> np.ndarray:
    """Labels (n,) of labels, of a column for each class, or of the second class's probability."""
    if y.ndim == 2 and y.shape[1] > 1:
        numbers = y.argmax(axis=1)
    elif y.dtype.kind == "f" and ((y % 1).any() or np.asarray(classes).dtype.kind == "U"):
        numbers = (y.ravel() > 0.5).astype(int)
    else:
        return y.ravel()
    return numbers if classes is None else np.asarray(classes)[numbers]


def shares(counts: np.ndarray) -> np.ndarray:
    """Each row of counts as shares of its sum; a row without counts is 0."""
    return counts / np.maximum(1, counts.sum(axis=1, keepdims=True))


def confusion_matrix(y_true, y_pred, classes=None, names=None, ax=None):
    """True classes down, predicted ones across, the rows' numbers in the cells; returns the axes.

    y_true, y_pred, classes : as `confusion_counts` takes them. names : of the classes, to be shown.

    A cell is as dark as its share of the true class.
    """
    classes, counts = confusion_counts(y_true, y_pred, classes)
    names = [str(label) for label in (classes if names is None else names)]
    ax = axes_or_new(ax)
    share = shares(counts)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    places = np.arange(len(classes))
    long = sum(map(len, names)) > 40
    ax.set_xticks(places, names, rotation=45 if long else 0, ha="right" if long else "center",
                  rotation_mode="anchor" if long else None)
    ax.set_yticks(places, names)
    right = np.trace(counts)
    ax.set(xlabel="predicted", ylabel="true",
           title=f"{right / max(1, counts.sum()):.1%} right ({right} of {counts.sum()})")
    ax.title.set_fontsize("medium")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if len(classes) <= _WRITTEN:
        for i, j in zip(*counts.nonzero(), strict=True):
            ax.text(j, i, str(counts[i, j]), ha="center", va="center",
                    color="white" if share[i, j] > 0.6 else "black",
                    fontsize=10 if len(classes) <= 12 else 7)
    return ax
