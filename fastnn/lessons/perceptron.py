"""The perceptron trick: ask random points, and where one is on the wrong side, move the line.

Where a line can divide the classes it is found after finitely many moves; XOR has no such line.
"""

import warnings

import fastnn
from fastnn.lessons._tools import claim, table
from fastnn.perceptron import Perceptron


def main():
    x, y = fastnn.datasets.blobs(100, centers=2, spread=0.5, seed=3)
    x = x + 4  # away from the origin, so that C has a way to go
    found = Perceptron(eta0=0.1, random_state=0).fit(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no line was found, which is the point
        lost = Perceptron(random_state=0, max_iter=50).fit(*fastnn.datasets.xor())
    lines = found.history_
    shown = [*range(0, min(4, len(lines))), len(lines) - 1]
    table(("line", "A", "B", "C"), *[(f"after move {i}", *lines[i].tolist()) for i in shown])
    table(("", "moves", "right", "found"),
          ("two blobs", len(lines) - 1, found.score(x, y), str(found.converged_)),
          ("XOR", len(lost.history_) - 1, lost.score(*fastnn.datasets.xor()), str(lost.converged_)))
    claim("The line between the blobs is found.", found.converged_ and found.score(x, y) == 1.0)
    claim("No line divides XOR.", not lost.converged_ and lost.score(*fastnn.datasets.xor()) < 1.0)
