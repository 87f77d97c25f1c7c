"""``tensorflow.random``, as far as programs need it to repeat themselves."""

from fastnn.utils import set_random_seed as set_seed

__all__ = ["set_seed"]
