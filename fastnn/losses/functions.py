"""The losses as functions of arrays, under Keras's names: the loss of each sample.

``y_true`` and ``y_pred`` are (n, m), the result (n,). ``model.compile`` takes these functions too.

>>> from fastnn import losses
>>> losses.mean_squared_error([[1.0, 2.0], [0.0, 0.0]], [[1.0, 4.0], [1.0, 1.0]])
array([2., 1.])
"""

from __future__ import annotations

import math

from fastnn.losses import canonical as k
from fastnn.losses import crossentropy as c
from fastnn.losses import margins as h
from fastnn.losses import overlap as o
from fastnn.losses import regression as r


def mean_squared_error(y_true, y_pred):
    """The mean over the outputs of (y - t)^2."""
    return r.MeanSquaredError().rows(y_true, y_pred)


def sum_squared_error(y_true, y_pred):
    """The sum over the outputs of (y - t)^2."""
    return r.SumSquaredError().rows(y_true, y_pred)


def mean_absolute_error(y_true, y_pred):
    """The mean over the outputs of |y - t|."""
    return r.MeanAbsoluteError().rows(y_true, y_pred)


def mean_absolute_percentage_error(y_true, y_pred):
    """The mean over the outputs of 100 |y - t| / max(|t|, 1e-7)."""
    return r.MeanAbsolutePercentageError().rows(y_true, y_pred)


def mean_squared_logarithmic_error(y_true, y_pred):
    """The mean over the outputs of (log(1 + y) - log(1 + t))^2."""
    return r.MeanSquaredLogarithmicError().rows(y_true, y_pred)


def huber(y_true, y_pred, delta=1.0):
    """The mean over the outputs of e^2 / 2, or of delta (|e| - delta / 2) beyond delta."""
    return r.Huber(delta).rows(y_true, y_pred)


def log_cosh(y_true, y_pred):
    """The mean over the outputs of log(cosh(y - t))."""
    return r.LogCosh().rows(y_true, y_pred)


def poisson(y_true, y_pred):
    """The mean over the outputs of y - t log(y + 1e-7)."""
    return r.Poisson().rows(y_true, y_pred)


def poisson_deviance(y_true, y_pred):
    """The sum over the outputs z of exp(z) - t - t (z - log t)."""
    return k.PoissonDeviance().rows(y_true, y_pred)


def log_loss(y_true, y_pred, most=math.inf):
    """The sum over the logits z of max(z, 0) - t z + log(1 + exp(-|z|)), each at most ``most``."""
    return k.LogLoss(most).rows(y_true, y_pred)


def perceptron_loss(y_true, y_pred):
    """The sum over the outputs of max(-t y, 0), t being -1 or 1 (0 means -1)."""
    return h.PerceptronLoss().rows(y_true, y_pred)


def kl_divergence(y_true, y_pred):
    """The sum over the outputs of t log(t / y), both clipped to [1e-7, 1]."""
    return r.KLDivergence().rows(y_true, y_pred)


def cosine_similarity(y_true, y_pred, axis=-1):
    """-sum_j t_j y_j / (|t| |y|)."""
    return r.CosineSimilarity(axis).rows(y_true, y_pred)


def hinge(y_true, y_pred):
    """The mean over the outputs of max(1 - t y, 0), t being -1 and 1, or 0 and 1."""
    return h.Hinge().rows(y_true, y_pred)


def squared_hinge(y_true, y_pred):
    """The mean over the outputs of max(1 - t y, 0)^2, t being -1 and 1, or 0 and 1."""
    return h.SquaredHinge().rows(y_true, y_pred)


def categorical_hinge(y_true, y_pred):
    """max(1 + max_j (1 - t_j) y_j - sum_j t_j y_j, 0)."""
    return h.CategoricalHinge().rows(y_true, y_pred)


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """The mean over the outputs of -(t log y + (1 - t) log(1 - y))."""
    return c.BinaryCrossentropy(from_logits, label_smoothing, axis).rows(y_true, y_pred)


def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0,
                              from_logits=False, label_smoothing=0.0, axis=-1):
    """Binary cross-entropy times (1 - p)^gamma, p the probability given to the target."""
    return c.BinaryFocalCrossentropy(apply_class_balancing, alpha, gamma, from_logits,
                                     label_smoothing, axis).rows(y_true, y_pred)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum_j t_j log y_j for one-hot targets."""
    return c.CategoricalCrossentropy(from_logits, label_smoothing, axis).rows(y_true, y_pred)


def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False,
                                   label_smoothing=0.0, axis=-1):
    """-sum_j alpha t_j (1 - y_j)^gamma log y_j for one-hot targets."""
    return c.CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing,
                                          axis).rows(y_true, y_pred)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log y_t for integer labels t (n,)."""
    return c.SparseCategoricalCrossentropy(from_logits, ignore_class,
                                           axis=axis).rows(y_true, y_pred)


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """(1 - y_t^q) / q for integer labels t (n,)."""
    return c.CategoricalGeneralizedCrossEntropy(q).rows(y_true, y_pred)


def dice(y_true, y_pred, axis=None):
    """1 - 2 sum t y / (sum t + sum y + 1e-7): one number, or one for what ``axis`` leaves."""
    return o.Dice(axis=axis).rows(y_true, y_pred)


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """1 - I / (I + alpha sum t (1 - y) + beta sum (1 - t) y + 1e-7) with I = sum t y."""
    return o.Tversky(alpha, beta, axis=axis).rows(y_true, y_pred)
