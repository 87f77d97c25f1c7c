"""What tests of pictures share: matplotlib without a screen, and a small trained network."""

import numpy as np
import pytest

from fastnn import Input, Sequential, layers, utils


@pytest.fixture
def headless(monkeypatch):
    """matplotlib.pyplot without windows; all figures are closed afterwards."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    yield plt
    plt.close("all")


def dense(*widths, hidden="relu", last="sigmoid", seed=1):
    """Dense layers named a, b, c, ... of these widths; the first width is the input's."""
    utils.set_random_seed(seed)
    names = "abcdefgh"
    stack = [layers.Dense(n, hidden, name=names[i]) for i, n in enumerate(widths[1:-1])]
    stack.append(layers.Dense(widths[-1], last, name=names[len(widths) - 2]))
    return Sequential([Input((widths[0],)), *stack])


class Answers:
    """A classifier of one's own: ``predict`` is the function it is made of."""

    def __init__(self, predict):
        self.asked = []
        self._predict = predict

    def predict(self, X):
        self.asked.append(X)
        return self._predict(np.asarray(X))
