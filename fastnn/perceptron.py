"""One neuron: the perceptron with its trick, and logistic regression.

>>> from fastnn import datasets
>>> from fastnn.perceptron import Perceptron
>>> x, y = datasets.blobs(60, centers=2, spread=0.5, seed=3)
>>> model = Perceptron(random_state=0).fit(x, y)
>>> model.converged_, model.score(x, y)
(True, 1.0)
>>> model.history_.shape[1]  # a line A x1 + B x2 + C = 0 after every move
3
"""

from __future__ import annotations

import warnings

import numpy as np

from fastnn import data, layers, models


class Perceptron:
    """A line (a plane, with more inputs) that is moved until every point is on its right side.

    w <- w + eta0 (t - y) x, where y = 1 if w . x + c > 0 else 0, and x has a 1 for the bias.

    mode : "trick" asks a random point at a time, "sweep" every point in turn, in an order that
        ``shuffle`` makes new for each pass.
    max_iter : passes, of as many points as there are. eta0 : how far a wrong point moves the line.
    fit_intercept : without it the line goes through the origin. start : the first line, its
        weights and then the bias, else random (trick) or 0 (sweep).

    After ``fit``: ``coef_`` (1, k), ``intercept_`` (1,), ``classes_``, ``n_iter_`` (passes begun),
    ``t_`` (points asked, plus 1), ``converged_``, and ``history_`` (1 + moves, k + 1): the line
    after each move. A warning says where no line was found: no line may exist.

    Source: Rosenblatt, The perceptron, 1958; names as in scikit-learn.
    """

    def __init__(self, mode: str = "trick", *, max_iter: int = 1000, eta0: float = 1.0,
                 fit_intercept: bool = True, shuffle: bool = True, random_state: int | None = None,
                 start=None):
        if mode not in ("trick", "sweep"):
            raise ValueError(f"mode must be 'trick' or 'sweep', received {mode!r}.")
        if not eta0 > 0:
            raise ValueError(f"eta0 must be larger than 0, received {eta0!r}.")
        self.mode = mode
        self.max_iter = data.whole_number("max_iter", max_iter, least=1)
        self.eta0 = eta0
        self.fit_intercept = fit_intercept
        self.shuffle = shuffle
        self.random_state = random_state
        self.start = start

    def fit(self, X, y) -> Perceptron:
        """Find the line: points X (n, k) and their classes y (n,), two different ones."""
        X, y = np.asarray(X, np.float64), np.ravel(y)
        if X.ndim != 2 or len(X) != len(y) or not np.isfinite(X).all():
            raise ValueError("X must be finite numbers of shape (n, k) and y have n classes, "
                             f"received shapes {X.shape} and {y.shape}.")
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            raise ValueError(f"y must have two classes, received {len(self.classes_)}: "
                             f"{self.classes_[:5].tolist()}.")
        rng = np.random.default_rng(self.random_state)
        points = np.column_stack([X, np.full(len(X), float(self.fit_intercept))])
        self._search(points, y == self.classes_[1], self._first_line(points, rng), rng)
        self.coef_, self.intercept_ = self.history_[-1:, :-1], self.history_[-1:, -1]
        if not self.converged_:
            warnings.warn(f"Perceptron: after {self.n_iter_} passes {self.wrong_} of {len(X)} "
                          "points are still on the wrong side; perhaps no line divides the "
                          "classes. Raise max_iter, or use a network with a hidden layer.",
                          RuntimeWarning, stacklevel=2)
        return self

    def _first_line(self, points, rng) -> np.ndarray:
        k = points.shape[1]
        if self.start is None:
            w = rng.normal(size=k) if self.mode == "trick" else np.zeros(k)
        else:
            w = np.array(self.start, np.float64)
            if w.shape != (k,):
                raise ValueError(f"start must have {k} numbers, received shape {w.shape}.")
        return w * np.append(np.ones(k - 1), float(self.fit_intercept))

    def _search(self, points, positive, w, rng) -> None:
        n, lines, self.n_iter_, self.t_ = len(points), [w.copy()], 0, 1
        while self._wrong(points, positive, w) and self.n_iter_ < self.max_iter:
            for i in self._order(n, rng):
                error = float(positive[i]) - float(points[i] @ w > 0)
                if error:
                    w = w + self.eta0 * error * points[i]
                    lines.append(w)
            self.n_iter_ += 1
            self.t_ += n
        self.wrong_ = self._wrong(points, positive, w)
        self.converged_ = self.wrong_ == 0
        self.history_ = np.array(lines)

    def _order(self, n: int, rng):
        if self.mode == "trick":
            return rng.integers(0, n, n)
        return rng.permutation(n) if self.shuffle else range(n)

    @staticmethod
    def _wrong(points, positive, w) -> int:
        return int(np.sum((points @ w > 0) != positive))

    def decision_function(self, X) -> np.ndarray:
        """A x1 + B x2 + ... + C of each point, (n,)."""
        return np.asarray(X, np.float64) @ self.coef_[0] + self.intercept_[0]

    def predict(self, X) -> np.ndarray:
        """The class of each point, (n,)."""
        return self.classes_[(self.decision_function(X) > 0).astype(int)]

    def score(self, X, y) -> float:
        """The share of points whose class is right."""
        return float(np.mean(self.predict(X) == np.ravel(y)))

    def __repr__(self) -> str:
        return (f"Perceptron(mode={self.mode!r}, max_iter={self.max_iter}, eta0={self.eta0}, "
                f"random_state={self.random_state})")


def logistic_regression(inputs: int, optimizer="adam", l2: float = 0.0) -> models.Sequential:
    """Logistic regression: one neuron with a sigmoid, compiled with binary cross-entropy.

    l2 : the penalty's factor, added as it is: scikit-learn's C is 1 / (2 n l2) for n rows.

    >>> logistic_regression(4).count_params()
    5
    """
    from fastnn import regularizers

    penalty = regularizers.L2(l2) if l2 else None
    model = models.Sequential([layers.Dense(1, "sigmoid", input_dim=inputs,
                                            kernel_regularizer=penalty)])
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model
