"""Levenberg and Marquardt's method for sums of squares."""

from __future__ import annotations

import math

import numpy as np

from fastnn.optimizers import checks
from fastnn.optimizers.whole import WholeOptimizer, one_thread_of_blas
from fastnn.registry import register

MOST_DAMPING, LEAST_DAMPING = 1e16, 1e-16  # beyond, steps are nothing or all of Gauss and Newton's


@register("optimizer", "lm")
class LevenbergMarquardt(WholeOptimizer):
    """Steps d with (A + damping D) d = -g for squared errors; an epoch is a step.

    A = J^T J and g come from the Jacobian J of the residuals (Marquardt 1963, eq. 13-19); D holds
    the largest diag(A) so far (Moré 1978, eq. 6.3), so that a unit which saturates is not thrown
    away. A step that makes the loss smaller is taken and the damping divided by ``factor``; else it
    is multiplied until one does.

    damping : what the first step of a fit begins with.
    ftol : ends where a step makes the loss smaller by less than this share of it.
    gtol : ends where no number of the gradient is larger.

    For small networks (4,000 parameters at most) with the loss 'mse' or 'sse', L2 penalties and
    weights of rows included: often hundreds of times fewer passes over the data than by gradients.
    Other losses and regularizers, dropout, noise, batch normalization that trains, and constraints
    are a ValueError before the first step. Products of float64 matrices are NumPy's.

    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn import layers
    >>> fastnn.utils.set_random_seed(1)
    >>> model = fastnn.Sequential([fastnn.Input((1,)), layers.Dense(5, "tanh"), layers.Dense(1)],
    ...                           dtype="float64")
    >>> model.compile("lm", "mse")
    >>> x = np.linspace(-2, 2, 40)
    >>> history = model.fit(x, np.sin(x), epochs=60, verbose=0)
    >>> bool(history.history["loss"][-1] < 1e-4)
    True
    """

    hyper = ("damping", "factor", "ftol", "gtol")
    needs = "Squares"

    def __init__(self, damping=1e-3, factor=10.0, ftol=1e-12, gtol=1e-10, name=None):
        super().__init__(name)
        self.damping = checks.positive("damping", damping)
        self.factor = checks.number("factor", factor)
        if self.factor <= 1:
            raise ValueError(f"factor must be larger than 1, received {factor!r}.")
        self.ftol = checks.number("ftol", ftol)
        self.gtol = checks.number("gtol", gtol)

    def iterate(self, problem, start):
        with one_thread_of_blas():
            yield from self._iterate(problem, start)

    def _iterate(self, problem, start):
        x, damping = start, self.damping
        loss, gradient, curvature = problem.equations(x)
        largest = np.zeros(len(x))
        while True:
            largest = np.maximum(largest, curvature.diagonal())
            new, damping, below = self._step(
                problem, x, loss, gradient, curvature, largest, damping)
            if new is None:
                self.message = "no step makes the loss smaller"
                yield x, False
                return
            change, x, loss = loss - below, new, below
            _, gradient, curvature = problem.equations(x)
            if change <= self.ftol * loss:
                self.message = "the loss falls by no more than ftol"
            elif np.abs(gradient).max() <= self.gtol:
                self.message = "the gradient is no larger than gtol"
            else:
                yield x, True
                continue
            yield x, False
            return

    def _step(self, problem, x, loss, gradient, curvature, largest, damping):
        """The vector of a smaller loss, the next damping and the loss; the vector None if none."""
        diagonal = curvature.diagonal()
        # a parameter that moves no output, as behind a dead relu, must not make it singular
        scale = np.where(largest > 0, largest, 1.0)
        while damping <= MOST_DAMPING:
            damped = curvature.copy()
            np.fill_diagonal(damped, diagonal + damping * scale)
            try:
                new = x - np.linalg.solve(damped, gradient)
            except np.linalg.LinAlgError:
                new = None
            below = math.inf if new is None else problem.loss(new)
            if below < loss:
                return new, max(damping / self.factor, LEAST_DAMPING), below
            damping *= self.factor
        return None, damping, loss
