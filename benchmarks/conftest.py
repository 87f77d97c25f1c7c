"""How the kernels' benchmarks note down a result, and in what each of them is timed."""

from __future__ import annotations

import pytest

fastnn = pytest.importorskip("fastnn")
collect_ignore = ["contenders"]  # most of them need another environment


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info.pop("node")  # results are published: whose machine it was is nobody's affair


@pytest.fixture(params=fastnn.backends.available())
def backend(request):
    return fastnn.backends.get(request.param)


@pytest.fixture
def measure(benchmark):
    """Time ``function()``, which makes ``steps`` steps of so many operations or bytes each."""

    def run(function, steps=1, flops=0, bytes_moved=0):
        benchmark.extra_info["threads"] = fastnn.config.num_threads()
        benchmark(function)
        if benchmark.stats:  # there are none under --benchmark-disable
            seconds = benchmark.stats.stats.median / steps
            benchmark.extra_info["us_per_step"] = round(seconds * 1e6, 3)
            benchmark.extra_info["GFLOP/s" if flops else "GB/s"] = round(
                (flops or bytes_moved) / seconds / 1e9, 2)

    return run
