"""What the benchmarks share: the option --full, the contenders, and how a result is noted down."""

from __future__ import annotations

import contenders
import pytest


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true",
                     help="train on all rows of the workloads, where the default is fewer of some")


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info.pop("node")  # results are published: whose machine it was is nobody's affair


@pytest.fixture(params=contenders.find())
def contender(request) -> str:
    return request.param


@pytest.fixture
def measure(benchmark, contender):
    """Time ``function()``, which makes ``steps`` steps, and note what the report needs.

    table, row : where the report shows it; row is a dictionary from the columns to the texts.
    flops, bytes : the work of one step, whichever of the two limits it; or neither.
    """
    module = contenders.find()[contender]

    def run(function, table, row, steps=1, **extra):
        benchmark.group = " ".join([table, *row.values()])
        benchmark.extra_info.update(
            table=table, row=row, contender=contender, steps=steps, threads=module.threads(),
            versions=module.versions(), **extra)
        benchmark(function)
        if benchmark.stats:  # there are none under --benchmark-disable
            seconds = benchmark.stats.stats.median
            benchmark.extra_info["us_per_step"] = seconds / steps * 1e6

    return run
