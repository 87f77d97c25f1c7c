"""The whole of ``fit``, warm, on each of fastnn's backends: to look at one change of the code.

`report.py` races them against the peers, in turn and in environments of their own.
"""

from __future__ import annotations

import contenders
import pytest
from workloads import WORKLOADS, task

FASTNN = contenders.load("fastnn_backends")


@pytest.fixture(scope="module", params=WORKLOADS.values(), ids=WORKLOADS)
def work(request):
    """A workload with its data, which are made once for all backends."""
    return task(request.param, request.param.quick_rows)


@pytest.mark.parametrize("name", FASTNN.names())
def test_fit(work, name, measure):
    workload, rows = work.workload, len(work.X)
    run = FASTNN.Run(name, work)
    run.fit(1)  # warm: whatever is compiled or made at the first use is there now
    measure(lambda: run.fit(1), workload.steps(rows), flops=workload.flops(rows))
