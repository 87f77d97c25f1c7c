"""Names that layers and models get when nobody names them: dense, dense_1, dense_2, ...

>>> reset_names()
>>> [unique_name("Dense"), unique_name("BatchNormalization"), unique_name("Dense")]
['dense', 'batch_normalization', 'dense_1']
"""

from __future__ import annotations

import re
from itertools import count

# The one count a process keeps, as Keras does. next() on an itertools.count is atomic, so two
# threads that build models never get the same name.
_counters: dict[str, count] = {}


def snake_case(class_name: str) -> str:
    """The layer name for a class, as Keras forms it: every capitalised word stands alone.

    `fastnn.registry.snake_case` differs: it keeps acronyms whole (leaky_relu), for lookup.

    >>> [snake_case(name) for name in ("BatchNormalization", "LeakyReLU", "Conv2D", "GRUCell")]
    ['batch_normalization', 'leaky_re_lu', 'conv2d', 'gru_cell']
    """
    word = re.sub(r"\W", "", class_name)
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", word).lower()


def unique_name(class_name: str) -> str:
    """The next free name for a class: the bare name first, then with _1, _2, ..."""
    name = snake_case(class_name)
    number = next(_counters.setdefault(name, count()))
    return f"{name}_{number}" if number else name


def reset_names() -> None:
    """Start counting anew, as in a fresh process."""
    _counters.clear()
