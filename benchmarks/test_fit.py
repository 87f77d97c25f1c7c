"""The whole of ``fit``, warm: shuffling, training, loss, accuracy and history."""

from __future__ import annotations

from functools import cache
from time import perf_counter

import contenders
import pytest
from workloads import WORKLOADS, agree, small_task, task

CONTENDERS = contenders.find()
EPOCHS_TO_AGREE_ON = 2
LONG_ENOUGH = 0.1  # seconds of a call of fit, where the workload's epochs take longer than that


@pytest.fixture(scope="module", params=WORKLOADS.values(), ids=WORKLOADS)
def work(request):
    """A workload with its data, which are made once for all contenders."""
    workload = request.param
    full = request.config.getoption("--full")
    return task(workload, None if full else workload.quick_rows)


@cache
def first_losses(workload, name) -> list[float]:
    run = CONTENDERS[name].Run(name, small_task(workload), shuffle=False)
    return run.fit(EPOCHS_TO_AGREE_ON)


def enough_epochs(run, most: int) -> int:
    """Epochs of a call that is timed: ``most``, or as many as last ``LONG_ENOUGH``."""
    epochs = 1
    while epochs < most:
        start = perf_counter()
        run.fit(epochs)
        if perf_counter() - start >= LONG_ENOUGH:
            break
        epochs = min(4 * epochs, most)
    return epochs


def test_fit(work, contender, measure):
    workload, rows = work.workload, len(work.X)
    losses = first_losses(workload, contender)
    reference = first_losses(workload, next(iter(CONTENDERS)))
    assert agree(losses, reference), f"{contender} computes something else: {losses}, {reference}"

    run = CONTENDERS[contender].Run(contender, work)
    run.fit(1)  # warm: whatever is compiled or made at the first use is there now
    epochs = enough_epochs(run, workload.epochs)
    shown = f"{rows:,}" if rows == workload.rows else f"{rows:,} of {workload.rows:,}"
    measure(
        lambda: run.fit(epochs), "fit",
        {"workload": workload.name, "network": workload.network, "rows": shown,
         "batch": str(workload.batch)},
        steps=epochs * workload.steps(rows), flops_per_step=workload.flops(rows), losses=losses)
