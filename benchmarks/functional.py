"""fastnn.functional against the NumPy lines it replaces, over sizes: a Markdown table of gains.

    python benchmarks/functional.py                        # prints it
    python benchmarks/functional.py --write docs/numpy.md  # puts it into the page

Runs are interleaved, one thread each unless --threads says otherwise; a cell is NumPy's median time
by fastnn's, and fastnn's time.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import time
from pathlib import Path

SIZES = [(1, 2), (1, 64), (1, 2048), (32, 2), (32, 64), (512, 64), (512, 512), (4096, 2),
         (4096, 64), (4096, 2048)]
PAGE = Path(__file__).parent.parent / "docs" / "numpy.md"
START = "<!-- written by python benchmarks/functional.py --write docs/numpy.md -->"
END = "<!-- end -->"


def cases(n: int, k: int, dtype):
    """(name, NumPy's lines, fastnn's) for arrays of n rows and k columns."""
    import numpy as np

    from fastnn import functional as F

    rng = np.random.default_rng(0)
    X, dY = (rng.normal(size=(n, k)).astype(dtype) for _ in range(2))
    W = (rng.normal(size=(k, k)) / np.sqrt(k)).astype(dtype)
    b, gamma, beta = (rng.normal(size=k).astype(dtype) for _ in range(3))
    Y = np.maximum(X @ W + b, 0)
    labels, rows = rng.integers(0, k, n), np.arange(n)
    m, v = np.zeros_like(X), np.zeros_like(X)
    p = X.copy()

    def dense_backward():
        dZ = dY * (Y > 0)
        return dZ @ W.T, X.T @ dZ, dZ.sum(axis=0)

    def cross_entropy():
        e = np.exp(X - X.max(axis=1, keepdims=True))
        q = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(q[rows, labels]).mean()
        q[rows, labels] -= 1
        return loss, q / n

    def mse():
        d = X - dY
        return (d * d).mean(), d * (2 / d.size)

    def adam():
        m[...] += 0.1 * (dY - m)
        v[...] += 0.001 * (dY * dY - v)
        p[...] -= 1e-4 * m / (np.sqrt(v) + 1e-7)

    def momentum():
        m[...] = 0.9 * m - 1e-4 * dY
        p[...] += m

    def batch_norm():
        mean, variance = X.mean(axis=0), X.var(axis=0)
        xhat = (X - mean) / np.sqrt(variance + 1e-3)
        return gamma * xhat + beta, xhat

    def layer_norm():
        mean, variance = X.mean(axis=1, keepdims=True), X.var(axis=1, keepdims=True)
        xhat = (X - mean) / np.sqrt(variance + 1e-3)
        return gamma * xhat + beta, xhat

    _, cache = F.batch_norm_forward(X, gamma, beta)
    generator = np.random.default_rng(1)

    def batch_norm_gradient():
        xhat, scale, _, _ = cache
        dgamma, dbeta = (dY * xhat).sum(axis=0), dY.sum(axis=0)
        return gamma * scale * (dY - dbeta / n - xhat * dgamma / n), dgamma, dbeta

    def dropout():
        mask = (generator.random(X.shape, X.dtype) >= 0.25) / X.dtype.type(0.75)
        return X * mask, mask

    def one_hot():
        ones = np.zeros((n, k), np.float32)
        ones[rows, labels] = 1
        return ones

    step = training_step(np, F, X, labels, W, b)
    return [
        ("dense_forward, relu", lambda: np.maximum(X @ W + b, 0),
         lambda: F.dense_forward(X, W, b, "relu")),
        ("dense_backward, relu", dense_backward, lambda: F.dense_backward(dY, X, W, Y, "relu")),
        ("relu", lambda: np.maximum(X, 0), lambda: F.relu(X)),
        ("sigmoid", lambda: 1 / (1 + np.exp(-X)), lambda: F.sigmoid(X)),
        ("tanh", lambda: np.tanh(X), lambda: F.tanh(X)),
        ("tanh_backward", lambda: dY * (1 - Y * Y), lambda: F.tanh_backward(dY, Y)),
        ("softmax_cross_entropy", cross_entropy, lambda: F.softmax_cross_entropy(X, labels)),
        ("mse", mse, lambda: F.mse(X, dY)),
        ("sgd_update", lambda: np.subtract(p, 1e-4 * dY, out=p), lambda: F.sgd_update(p, dY, 1e-4)),
        ("momentum_update", momentum, lambda: F.momentum_update(p, dY, m, 1e-4)),
        ("adam_update", adam, lambda: F.adam_update(p, dY, m, v, 5, 1e-4)),
        ("batch_norm_forward", batch_norm, lambda: F.batch_norm_forward(X, gamma, beta)),
        ("batch_norm_backward", batch_norm_gradient, lambda: F.batch_norm_backward(dY, cache)),
        ("layer_norm_forward", layer_norm, lambda: F.layer_norm_forward(X, gamma, beta)),
        ("dropout", dropout, lambda: F.dropout(X, 0.25, 3, 1)),
        ("one_hot", one_hot, lambda: F.one_hot(labels, k)),
        ("a whole step, Adam", *step),
    ]


def training_step(np, F, X, labels, W, b):
    """Two layers, cross-entropy and Adam, as on the page, by NumPy and by fastnn."""
    def state():
        params = [W.copy(), b.copy(), W.copy(), b.copy()]
        return params, [np.zeros_like(q) for q in params], [np.zeros_like(q) for q in params]

    n, rows = len(X), np.arange(len(X))
    theirs, ours = state(), state()

    def by_numpy():
        params, m, v = theirs
        W1, b1, W2, b2 = params
        h = np.maximum(X @ W1 + b1, 0)
        z = h @ W2 + b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        q = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(q[rows, labels] + 1e-30).mean()
        q[rows, labels] -= 1
        q /= n
        dh = (q @ W2.T) * (h > 0)
        for i, g in enumerate([X.T @ dh, dh.sum(axis=0), h.T @ q, q.sum(axis=0)]):
            m[i] += 0.1 * (g - m[i])
            v[i] += 0.001 * (g * g - v[i])
            params[i] -= 1e-6 * m[i] / (np.sqrt(v[i]) + 1e-7)
        return loss

    def by_fastnn():
        params, m, v = ours
        W1, b1, W2, b2 = params
        h = F.dense_forward(X, W1, b1, "relu")
        loss, dz = F.softmax_cross_entropy(F.dense_forward(h, W2, b2), labels)
        dh, dW2, db2 = F.dense_backward(dz, h, W2)
        _, dW1, db1 = F.dense_backward(dh, X, W1, h, "relu", input_gradient=False)
        for i, g in enumerate([dW1, db1, dW2, db2]):
            F.adam_update(params[i], g, m[i], v[i], 5, 1e-6)
        return loss

    return by_numpy, by_fastnn


def measure(one, two, seconds: float) -> tuple[float, float]:
    """Median times of two functions, called in turn for about so many seconds."""
    clock, times = time.perf_counter, ([], [])
    for function in (one, two):
        function()
    started = clock()
    while len(times[0]) < 5 or clock() - started < seconds:
        for function, taken in zip((one, two), times, strict=True):
            start = clock()
            function()
            taken.append(clock() - start)
    return tuple(map(statistics.median, times))


def table(sizes, seconds: float, dtype: str) -> str:
    """The measured table."""
    columns, names = [], []
    for n, k in sizes:
        measured = [(name, *measure(one, two, seconds)) for name, one, two in cases(n, k, dtype)]
        names = [name for name, _, _ in measured]
        columns.append([f"{theirs / ours:.1f}x, {_short(ours)}" for _, theirs, ours in measured])
        print(f"{n} x {k} done", file=sys.stderr)
    lines = ["| | " + " | ".join(f"{n} x {k}" for n, k in sizes) + " |",
             "| --- |" + " --- |" * len(sizes)]
    for i, name in enumerate(names):
        lines.append(f"| {name} | " + " | ".join(column[i] for column in columns) + " |")
    return "\n".join(lines)


def program(page: Path, seconds: float) -> str:
    """The gain of the page's program, on the images of digits, as a sentence."""
    import numpy as np

    from fastnn import datasets

    names: dict = {}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)[:2]:
        exec(compile(block, str(page), "exec"), names)
    (X, y), _ = datasets.digits.load_data()
    X, y = X.reshape(len(X), -1).astype(np.float32) / 16, y.astype(np.int64)
    one, two = (lambda f=names[name]: f(X, y, epochs=2) for name in ("train", "train_faster"))
    theirs, ours = measure(one, two, 10 * seconds)
    return (f"An epoch of the program above ({len(X)} images of digits, batches of 64, float32): "
            f"{_short(theirs / 2)} by hand, {_short(ours / 2)} with the lines exchanged, "
            f"{theirs / ours:.1f} times as fast.")


def _short(seconds: float) -> str:
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.2, help="a function and size")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64"])
    parser.add_argument("--sizes", default="", help="rows x columns: 1x2,32x64")
    parser.add_argument("--write", help="the page that the table goes into")
    given = parser.parse_args(arguments)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(given.threads))  # before NumPy comes in
    sizes = [tuple(map(int, size.split("x"))) for size in given.sizes.split(",") if size] or SIZES
    text = program(PAGE, given.seconds) + "\n\n" + table(sizes, given.seconds, given.dtype)
    print(text)
    if given.write:
        page = Path(given.write)
        before, rest = page.read_text("utf-8").split(START)
        page.write_text(f"{before}{START}\n{text}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
