"""What the optimizers share that see all rows at every step."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from fastnn.optimizers.base import Optimizer


class WholeOptimizer(Optimizer):
    """An optimizer whose iteration takes all rows, several times if need be (abstract).

    In ``fit`` an epoch is an iteration, and ``batch_size`` is left out or at least the number of
    rows. The logs of an epoch are those of the parameters that it ends with. Training ends early
    where the method finds nothing better; ``message`` then says why. Every ``fit`` begins afresh.

    A subclass defines ``iterate(problem, start)``, which yields (vector, whether there is more to
    come) after every iteration; ``problem`` is the class of `fastnn.flat` that ``needs`` names.
    """

    hyper: tuple[str, ...] = ()
    needs = "Objective"

    def __init__(self, name=None):
        super().__init__(None, name=name)
        self.message = ""

    def iterate(self, problem, start):
        raise NotImplementedError

    @property
    def learning_rate(self) -> float:
        """None: the method finds the length of its steps itself. Setting it is a TypeError."""
        raise AttributeError(f"{type(self).__name__} has no learning rate: it finds the length of "
                             "its steps itself.")

    @learning_rate.setter
    def learning_rate(self, value):
        if value is not None:
            raise TypeError(f"{type(self).__name__} has no learning rate, received {value!r}: it "
                            "finds the length of its steps itself.")

    n_slots = n_numbers = 0

    def initial_slots(self, n, dtype):
        return np.zeros((0, n), dtype)

    def lower(self, builder, variables, n_trained):
        """Nothing: the plan ends with the gradient."""

    def apply(self, grads, trainable_variables=None):
        raise TypeError(f"{type(self).__name__} needs the loss itself, not one gradient of it: use "
                        "it in model.compile, or fastnn.flat.Objective with SciPy.")

    def get_config(self):
        return {name: getattr(self, name) for name in (*self.hyper, "name")}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def one_thread_of_blas():
    """A context in which BLAS, NumPy's and SciPy's, uses one thread, where that can be said.

    Threads of small products wait for each other, and how they share one shows in its bits.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, "blas")
