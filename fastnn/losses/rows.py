"""What the row-wise heads compute: each row's loss and its gradient, from targets and outputs.

``t`` and ``y`` (n, m) are a batch's targets and outputs; a function returns the rows' losses (n,)
and the gradient (n, m) of each in its own outputs. The NumPy backend calls these; they are the
specification of the compiled heads.
"""

from __future__ import annotations

import numpy as np

# Keras's epsilon: probabilities are clipped to [1e-7, 1 - 1e-7] before a logarithm is taken
EPSILON = 1e-7
# 0 to a power is taken of this number instead: log(0) times a power of 0 would be NaN
TINY = 1e-37


def softmax_loss(t, z) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per-row cross-entropy of logits ``z`` (n, m), its gradient in z, and softmax(z)."""
    shifted = z - z.max(axis=-1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=-1, keepdims=True)
    y = e / total
    # where t is 0 a logit of -inf must not make 0 * inf
    loss = np.where(t == 0, 0, t * (np.log(total) - shifted)).sum(axis=-1)
    return loss, y * t.sum(axis=-1, keepdims=True) - t, y


def cross_loss(t, y) -> tuple[np.ndarray, np.ndarray]:
    """Per-row cross-entropy of probabilities ``y`` (n, m), rows normalised; gradient in y."""
    total = y.sum(axis=-1, keepdims=True)
    q = y / total
    p = np.minimum(np.maximum(q, EPSILON), 1 - EPSILON)
    loss = -(t * np.log(p)).sum(axis=-1)
    dq = np.where(p == q, -t / p, 0)
    return loss, (dq - (dq * q).sum(axis=-1, keepdims=True)) / total


def cosine_loss(t, y) -> tuple[np.ndarray, np.ndarray]:
    """-cos of the angle between the rows of t and y; a norm below 1e-7 counts as 1e-7.

    A row of zeros has no direction: its gradient is 0.
    """
    limit = y.dtype.type(1 / EPSILON)
    over_t, over_y = (np.minimum(1 / np.sqrt((x * x).sum(axis=-1, keepdims=True)), limit)
                      for x in (t, y))
    u, v = t * over_t, y * over_y
    cosine = (u * v).sum(axis=-1, keepdims=True)
    # below the limit the norm is no variable, and v is just y times a number
    slope = np.where(over_y < limit, cosine * v - u, -u) * over_y
    return -cosine[..., 0], np.where((y == 0).all(axis=-1, keepdims=True), 0, slope)


def categorical_hinge_loss(t, y) -> tuple[np.ndarray, np.ndarray]:
    """max(1 + max_j (1 - t_j) y_j - sum_j t_j y_j, 0); the first of several largest j counts."""
    wrong = (1 - t) * y
    best = wrong.argmax(axis=-1)[..., None]
    margin = 1 + np.take_along_axis(wrong, best, -1) - (t * y).sum(axis=-1, keepdims=True)
    dy = -t
    np.put_along_axis(dy, best, np.take_along_axis(1 - 2 * t, best, -1), -1)
    return np.maximum(margin, 0)[..., 0], np.where(margin <= 0, 0, dy)


def focal_loss(t, y, alpha, gamma, linked=False) -> tuple[np.ndarray, np.ndarray]:
    """-sum_j alpha t_j (1 - p_j)^gamma log p_j and its gradient in y.

    p is y divided by its row's sum and clipped, or, where ``linked``, the softmax of the logits y.
    """
    if linked:
        shifted = y - y.max(axis=-1, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(axis=-1, keepdims=True)
        q = p = e / total
        log_p = shifted - np.log(total)
    else:
        total = y.sum(axis=-1, keepdims=True)
        q = y / total
        p = np.minimum(np.maximum(q, EPSILON), 1 - EPSILON)
        log_p = np.log(p)
    rest = np.maximum(1 - p, TINY)
    weight = alpha * t * np.exp(gamma * np.log(rest))  # of log p
    loss = -np.where(t == 0, 0, weight * log_p).sum(axis=-1)
    # p times the slope in p; log p is 0 where rest is 0, and stays below it
    g = np.where(t == 0, 0, weight * (gamma * p * log_p / rest - 1))
    if linked:
        return loss, g - p * g.sum(axis=-1, keepdims=True)
    dq = np.where(p == q, g / p, 0)
    return loss, (dq - (dq * q).sum(axis=-1, keepdims=True)) / total


def generalized_loss(t, y, q, linked=False) -> tuple[np.ndarray, np.ndarray]:
    """(1 - p^q) / q for the label's probability p, t being one-hot, and its gradient in y.

    p is y as it is, or, where ``linked``, the softmax of the logits y. Below 1e-7 the slope in p,
    which grows without bound, is that at 1e-7.
    """
    p = y
    if linked:
        e = np.exp(y - y.max(axis=-1, keepdims=True))
        p = e / e.sum(axis=-1, keepdims=True)
    label = (t * p).sum(axis=-1, keepdims=True)
    power = np.where(label == 0, 0, np.exp(q * np.log(label)))
    loss = ((1 - power) / q)[..., 0]
    if linked:
        return loss, power * (p - t)
    return loss, -t * np.exp((q - 1) * np.log(np.maximum(label, EPSILON)))


def overlap_loss(t, y, c, a, b, d, whole=False) -> tuple[np.ndarray, np.ndarray]:
    """1 - c I / (a I + b sum t + d sum y + epsilon) with I = sum t y, and its gradient in y.

    The sums go over each row, or, where ``whole``, over the batch: then the loss is one number.
    """
    def total(x):
        return x.sum(dtype=np.float64) if whole else x.sum(axis=-1, keepdims=True)

    inside = total(t * y)
    below = a * inside + b * total(t) + d * total(y) + EPSILON
    dy = -c * (t * below - inside * (a * t + d)) / (below * below)
    loss = 1 - c * inside / below
    return (loss, dy) if whole else (loss[..., 0], dy)


def one_hot(labels, m: int, dtype) -> np.ndarray:
    """Integer labels (...) as rows of 0 and 1, shape (..., m); a label outside 0..m-1: zeros."""
    labels = np.asarray(labels).astype(np.int64)
    return (labels[..., None] == np.arange(m)).astype(dtype)


def smooth(t, s: float) -> np.ndarray:
    """Targets (n, m) moved towards the uniform distribution by the fraction ``s``."""
    return t if s == 0 else t * (1 - s) + s / t.shape[-1]
