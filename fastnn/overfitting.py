"""Where overfitting begins, told from the curves of a training alone."""

from __future__ import annotations

import numpy as np


def overfitting_start(losses, val_losses, window: int = 5) -> int | None:
    """The epoch, counted from 0, from which the validation loss grows while the loss still falls.

    It is the epoch of the smallest validation loss, if after it the median of the last ``window``
    values exceeds the smallest running median of as many by more than 3 times the noise and by
    more than 2 %, and the loss ends below its value there. The noise is the deviation of the second
    differences, which a smooth curve has none of. None: no overfitting is to be seen.

    >>> losses, epochs = 1 / np.arange(1, 41), np.arange(40)
    >>> overfitting_start(losses, 0.3 + (epochs - 12.0) ** 2 / 1000)
    12
    >>> overfitting_start(losses, losses + 0.1) is None
    True
    """
    loss, val = np.asarray(losses, float), np.asarray(val_losses, float)
    if loss.shape != val.shape or loss.ndim != 1:
        raise ValueError("losses and val_losses must be as many numbers, one an epoch; received "
                         f"shapes {loss.shape} and {val.shape}.")
    if len(val) < 2 * window or not np.isfinite(loss).all() or not np.isfinite(val).all():
        return None
    medians = np.median(np.lib.stride_tricks.sliding_window_view(val, window), axis=1)
    low = int(medians.argmin())
    best = low + int(val[low : low + window].argmin())
    # a deviation of normal numbers is 1.4826 median(|x|); a second difference has 6 variances
    noise = 1.4826 * np.median(np.abs(np.diff(val, 2))) / np.sqrt(6)
    rise = medians[-1] - medians[low]
    grows = rise > max(3 * noise, 0.02 * abs(medians[low]))
    still_falls = np.median(loss[-window:]) < loss[best]
    return best if grows and still_falls and best + window < len(val) else None
