"""``predict`` of one row, of a batch and of many rows."""

from __future__ import annotations

from functools import lru_cache

import contenders
import numpy as np
import pytest
from workloads import WORKLOADS, task

CONTENDERS = contenders.find()
# workloads, whose networks predict, and rows
JOBS = [(name, n) for name in ("seed_sgd1", "mnist_seed") for n in (1, 32, 100_000)]


@lru_cache(maxsize=1)  # the contenders take turns on the same rows
def rows(n: int, k: int):
    return np.random.default_rng(4).standard_normal((n, k), np.float32)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job[0]}-{job[1]}", scope="module")
def test_predict(job, contender, measure):
    name, n = job
    model = task(WORKLOADS[name], rows=1)
    X = rows(n, model.workload.widths[0])
    run, reference = (
        CONTENDERS[who].Run(who, model) for who in (contender, next(iter(CONTENDERS))))
    some = X[:1000]
    np.testing.assert_allclose(run.predict(some), reference.predict(some), rtol=1e-4, atol=1e-6)
    products = sum(kernel.size for kernel in model.weights[::2])
    measure(lambda: run.predict(X), "predict",
            {"network": model.workload.network, "rows": f"{n:,}"}, flops_per_step=2 * n * products)
