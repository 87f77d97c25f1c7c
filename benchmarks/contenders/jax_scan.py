"""JAX: an epoch is one call of a jitted function, whose steps are one ``lax.scan``.

The updates are written out in Keras's form. Their numbers for each step (Adam's correction of the
bias) are computed beforehand in float64, and scanned with the rows.
"""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
from jax import lax, nn
from jax import numpy as jnp


def names() -> dict[str, str]:
    return {"JAX scan": "an epoch is one jitted `lax.scan`; updates written out in Keras's form"}


def versions() -> dict[str, str]:
    return {"JAX": jax.__version__}


class Run:
    """Parameters, optimizer state and the compiled epoch."""

    other_mathematics = ""

    def __init__(self, name, task, shuffle=True):
        self.workload, self.shuffle = task.workload, shuffle
        self.X, self.T = jnp.asarray(task.X), jnp.asarray(task.T)
        self.rng, self.step = np.random.default_rng(1), 0
        weights = [jnp.array(weight) for weight in task.weights]  # copies: they are donated
        params = list(zip(weights[::2], weights[1::2], strict=True))
        slots = [jax.tree.map(jnp.zeros_like, params)
                 for _ in range({"sgd": 0, "rmsprop": 1, "adam": 2}[self.workload.optimizer])]
        self.state = params, slots

    def fit(self, epochs):
        n, losses = len(self.X), []
        steps = self.workload.steps(n)
        for _ in range(epochs):
            order = self.rng.permutation(n) if self.shuffle else np.arange(n)
            t = np.arange(self.step + 1, self.step + steps + 1)
            rates = 0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            self.state, loss, self.accuracy = epoch(
                self.workload, self.state, self.X, self.T, order.astype(np.int32),
                rates.astype(np.float32))
            losses.append(loss)
            self.step += steps
        return [float(loss) for loss in losses]  # waits for all epochs

    def predict(self, X):
        return np.asarray(predict(self.workload, self.state[0], X))


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def epoch(workload, state, X, T, order, rates):
    """Train on all rows in the given order; the new state, the mean loss and the accuracy."""
    n, batch = len(order), workload.batch
    full = n // batch
    sums = jnp.zeros(2)

    def step(carry, rows_and_rate):
        rows, rate = rows_and_rate
        state, sums = carry
        (loss, hits), grads = jax.value_and_grad(loss_and_hits, argnums=1, has_aux=True)(
            workload, state[0], X[rows], T[rows])
        return (update(workload.optimizer, state, grads, rate),
                sums + jnp.stack([loss * len(rows), hits])), None

    carry = state, sums
    if full:
        rows = order[:full * batch].reshape(full, batch)
        carry, _ = lax.scan(step, carry, (rows, rates[:full]))
    if n % batch:
        carry, _ = step(carry, (order[full * batch:], rates[full]))
    state, (loss, hits) = carry
    return state, loss / n, hits / n


def logits(workload, params, x):
    *hidden, (W, b) = params
    activate = {"relu": nn.relu, "sigmoid": nn.sigmoid}[workload.hidden]
    for V, a in hidden:
        x = activate(x @ V + a)
    return x @ W + b


def loss_and_hits(workload, params, x, t):
    """The mean loss of a batch, and how many of its rows are classified right."""
    z = logits(workload, params, x)
    if workload.loss == "mse":
        if workload.output == "linear":
            return jnp.mean((z - t) ** 2), 0.0
        hits = jnp.sum(z.argmax(1) == t.argmax(1))
        return jnp.mean((nn.sigmoid(z) - t) ** 2), hits.astype(jnp.float32)
    if workload.loss == "binary_crossentropy":
        hits = jnp.sum((z > 0) == (t > 0.5))
        return jnp.mean(jnp.logaddexp(0, z) - z * t), hits.astype(jnp.float32)
    hits = jnp.sum(z.argmax(1) == t)
    chosen = jnp.take_along_axis(nn.log_softmax(z), t[:, None], axis=1)
    return -jnp.mean(chosen), hits.astype(jnp.float32)


def update(optimizer, state, grads, rate):
    params, slots = state
    tree = jax.tree.map
    if optimizer == "sgd":
        return tree(lambda p, g: p - 0.01 * g, params, grads), slots
    if optimizer == "rmsprop":
        v = tree(lambda v, g: 0.9 * v + 0.1 * g * g, slots[0], grads)
        return tree(lambda p, g, v: p - 0.001 * g / jnp.sqrt(v + 1e-7), params, grads, v), [v]
    m = tree(lambda m, g: m + 0.1 * (g - m), slots[0], grads)
    v = tree(lambda v, g: v + 0.001 * (g * g - v), slots[1], grads)
    return tree(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), params, m, v), [m, v]


@partial(jax.jit, static_argnums=0)
def predict(workload, params, X):
    z = logits(workload, params, X)
    return {"sigmoid": nn.sigmoid, "softmax": nn.softmax}.get(workload.output, lambda z: z)(z)
