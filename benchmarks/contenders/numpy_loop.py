"""A training loop from scratch in NumPy: float32, in place, buffers made once.

All parameters lie in one vector, so that the optimizer makes one pass of a few calls however many
layers there are.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

EPSILON = 1e-7


def names() -> dict[str, str]:
    return {"NumPy loop": "hand-written: float32, in place, all parameters in one vector"}


def versions() -> dict[str, str]:
    return {"NumPy": np.__version__}


class Run:
    """A network of dense layers with its buffers for one batch."""

    other_mathematics = ""

    def __init__(self, name, task, shuffle=True):
        self.task, self.workload, self.shuffle = task, task.workload, shuffle
        self.rng = np.random.default_rng(1)
        self.update = {"sgd": self.sgd, "rmsprop": self.rmsprop, "adam": self.adam}[
            self.workload.optimizer]
        self.step = 0
        self.params = np.concatenate([weight.ravel() for weight in task.weights])
        self.grads, self.scratch, self.m, self.v = np.zeros((4, self.params.size), np.float32)
        shapes = [weight.shape for weight in task.weights]
        self.W, self.b = _views(self.params, shapes)
        self.dW, self.db = _views(self.grads, shapes)
        widths, batch = self.workload.widths, min(self.workload.batch, len(task.X))
        self.A = [np.empty((batch, width), np.float32) for width in widths]
        self.D = [np.empty((batch, width), np.float32) for width in widths]
        self.masks = [np.empty((batch, width), bool) for width in widths]

    def fit(self, epochs):
        X, T, batch = self.task.X, self.task.T, self.workload.batch
        order, losses = np.arange(len(X)), []
        for _ in range(epochs):
            if self.shuffle:
                self.rng.shuffle(order)
            loss = hits = 0.0
            for first in range(0, len(X), batch):
                rows = order[first:first + batch]
                np.take(X, rows, axis=0, out=self.A[0][:len(rows)], mode="clip")
                t = T[rows]
                z = self.forward(len(rows))
                loss += float(self.head(z, t)) * len(rows)
                if self.workload.has_accuracy:
                    hits += self.hits(z, t)
                self.backward(len(rows))
                self.update()
            losses.append(loss / len(X))
            self.accuracy = hits / len(X)
        return losses

    def predict(self, X):
        y = X
        last = len(self.W) - 1
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            y = y @ W
            y += b
            _activate(self.workload.output if i == last else self.workload.hidden, y)
        return y

    def forward(self, n):
        """The outputs' logits (n, m), or the outputs themselves where the loss is the mse."""
        last = len(self.W) - 1
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            z = np.matmul(self.A[i][:n], W, out=self.A[i + 1][:n])
            z += b
            if i < last:
                _activate(self.workload.hidden, z)
        if self.workload.loss == "mse":
            _activate(self.workload.output, z)
        return z

    def head(self, z, t):
        """The mean loss of a batch; the gradient of the logits goes into the last of ``D``."""
        n = len(z)
        d = self.D[-1][:n]
        if self.workload.loss == "mse":
            np.subtract(z, t, out=d)
            loss = np.vdot(d, d) / d.size
            d *= 2 / d.size
            if self.workload.output == "sigmoid":
                d *= z
                d *= 1 - z
            return loss
        if self.workload.loss == "binary_crossentropy":
            loss = (np.logaddexp(0, z) - z * t).mean()
            np.copyto(d, z)
            _activate("sigmoid", d)
            d -= t
        else:
            np.subtract(z, z.max(axis=1, keepdims=True), out=d)
            chosen = np.arange(n), t
            at_t = d[chosen]
            np.exp(d, out=d)
            sums = d.sum(axis=1, keepdims=True)
            loss = (np.log(sums[:, 0]) - at_t).mean()
            d /= sums
            d[chosen] -= 1
        d /= n
        return loss

    def hits(self, z, t):
        """How many rows are classified right: probabilities and logits have the same order."""
        if self.workload.target == "binary":
            return np.count_nonzero((z > 0) == (t > 0.5))
        labels = t.argmax(axis=1) if self.workload.target == "one-hot" else t
        return np.count_nonzero(z.argmax(axis=1) == labels)

    def backward(self, n):
        for i in reversed(range(len(self.W))):
            d, a = self.D[i + 1][:n], self.A[i][:n]
            np.matmul(a.T, d, out=self.dW[i])
            np.sum(d, axis=0, out=self.db[i])
            if i == 0:
                return
            below = np.matmul(d, self.W[i].T, out=self.D[i][:n])
            if self.workload.hidden == "relu":
                below *= np.greater(a, 0, out=self.masks[i][:n])
            else:
                below *= a
                below *= 1 - a

    def sgd(self):
        self.params -= np.multiply(self.grads, 0.01, out=self.scratch)

    def rmsprop(self):
        """v <- 0.9 v + 0.1 g^2; p <- p - lr g / sqrt(v + epsilon)."""
        g, v, s = self.grads, self.v, self.scratch
        np.multiply(g, g, out=s)
        s *= 0.1
        v *= 0.9
        v += s
        np.add(v, EPSILON, out=s)
        np.sqrt(s, out=s)
        np.divide(g, s, out=s)
        s *= 0.001
        self.params -= s

    def adam(self):
        """m <- m + 0.1 (g - m); v <- v + 0.001 (g^2 - v); p <- p - alpha m / (sqrt(v) + eps)."""
        g, m, v, s = self.grads, self.m, self.v, self.scratch
        self.step += 1
        alpha = 0.001 * (1 - 0.999**self.step) ** 0.5 / (1 - 0.9**self.step)
        np.subtract(g, m, out=s)
        s *= 0.1
        m += s
        np.multiply(g, g, out=s)
        s -= v
        s *= 0.001
        v += s
        np.sqrt(v, out=s)
        s += EPSILON
        np.divide(m, s, out=s)
        s *= alpha
        self.params -= s


def _views(vector, shapes):
    """The kernels and the biases that lie in a vector, in turn."""
    ends = np.cumsum([0, *map(np.prod, shapes)])
    views = [vector[start:end].reshape(shape)
             for (start, end), shape in zip(pairwise(ends), shapes, strict=True)]
    return views[::2], views[1::2]


def _activate(name, z):
    if name == "relu":
        np.maximum(z, 0, out=z)
    elif name == "sigmoid":
        np.negative(z, out=z)
        np.exp(z, out=z)
        z += 1
        np.reciprocal(z, out=z)
    elif name == "softmax":
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(axis=1, keepdims=True)
