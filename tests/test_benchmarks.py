"""The benchmarks' workloads, and the report: what it says of results that are known."""

import importlib
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
if not FOLDER.is_dir():
    pytest.skip("the tests run beside an installed package", allow_module_level=True)


@pytest.fixture(scope="module", autouse=True)
def on_path():
    """The benchmarks' modules can be imported as they import each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield


@pytest.fixture(scope="module")
def workloads():
    return importlib.import_module("workloads")


@pytest.fixture(scope="module")
def report():
    return importlib.import_module("report")


@pytest.fixture(scope="module")
def contenders():
    return importlib.import_module("contenders")


# ---- workloads ----


@pytest.mark.parametrize(
    ("name", "network", "rows", "steps", "target"),
    [
        ("seed_sgd1", "2-10-10-1", 320, 320, "binary"),
        ("seed_batch", "2-10-10-1", 320, 1, "binary"),
        ("seed_early", "2-256-1", 80, 3, "binary"),
        ("tabular_100", "8-100-1", 20_640, 104, "numbers"),
        ("mnist_3b1b", "784-16-16-10", 60_000, 1875, "one-hot"),
        ("mnist_seed", "784-128-32-10", 60_000, 1875, "labels"),
        ("mnist_512", "784-512-512-10", 60_000, 469, "labels"),
        ("deep_narrow", "64-(64)x20-10", 20_000, 313, "labels"),
        ("wide_gemm", "1024-2048-2048-1024", 4_096, 8, "numbers"),
    ],
)
def test_the_nine_workloads(name, network, rows, steps, target, workloads):
    workload = workloads.WORKLOADS[name]
    assert (workload.network, workload.rows, workload.target) == (network, rows, target)
    assert workload.steps(rows) == steps
    assert workload.quick_rows <= rows
    assert len(workloads.WORKLOADS) == 9


def test_flops_count_every_product_of_a_step(workloads):
    workload = workloads.WORKLOADS["deep_narrow"]
    # 20 layers 64 x 64 and one 64 x 10, three products of each but for the first layer's dX
    assert workload.flops(6400) == 2 * 64 * (3 * (20 * 64 * 64 + 64 * 10) - 64 * 64)
    assert workload.flops(80) == workload.flops(6400) * 40 / 64  # two steps of 64 and 16 rows


@pytest.mark.parametrize("name", ["seed_early", "tabular_100", "mnist_3b1b", "mnist_seed"])
def test_data_are_the_same_each_time_and_whatever_their_number(name, workloads):
    workload = workloads.WORKLOADS[name]
    few, many = workloads.task(workload, 10), workloads.task(workload, 70)
    np.testing.assert_array_equal(few.X, many.X[:10])
    np.testing.assert_array_equal(few.T, many.T[:10])
    for one, other in zip(few.weights, many.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_small_tasks_have_a_short_last_batch(workloads):
    task = workloads.small_task(workloads.WORKLOADS["mnist_seed"])
    assert task.X.shape == (80, 784)
    assert len(workloads.small_task(workloads.WORKLOADS["seed_early"]).X) == 80


@pytest.mark.parametrize("name", ["seed_sgd1", "tabular_100", "mnist_3b1b", "deep_narrow"])
def test_fastnn_builds_and_trains_a_workload_from_its_weights(name, workloads, contenders):
    task = workloads.small_task(workloads.WORKLOADS[name])
    run = contenders.find()["numpy"].Run("numpy", task, shuffle=False)
    widths = task.workload.widths
    assert [w.shape for w in run.model.get_weights()[::2]] == list(pairwise(widths))
    np.testing.assert_array_equal(run.model.get_weights()[0], task.weights[0])
    assert run.predict(task.X[:3]).shape == (3, widths[-1])
    assert run.model.optimizer.name == task.workload.optimizer
    losses = run.fit(2)
    assert len(losses) == 2
    assert losses[0] != losses[1]
    accuracy = "accuracy" in run.model.metrics_names
    assert accuracy == task.workload.has_accuracy == (name != "tabular_100")


def test_the_reference_is_fastnns_numpy_backend(contenders):
    assert next(iter(contenders.find())) == "numpy"


def test_only_equal_mathematics_agrees(workloads, contenders):
    task = workloads.small_task(workloads.WORKLOADS["seed_early"])

    def losses(change=lambda optimizer: None):
        run = contenders.find()["numpy"].Run("numpy", task, shuffle=False)
        change(run.model.optimizer)
        return run.fit(2)

    assert workloads.agree(losses(), losses())
    assert not workloads.agree(losses(lambda adam: setattr(adam, "epsilon", 1e-5)), losses())
    assert not workloads.agree(losses(lambda adam: setattr(adam, "beta_2", 0.99)), losses())
    assert not workloads.agree(losses()[:1], losses())


# ---- the report ----


def benchmark(contender, seconds, threads=2, **changes):
    info = {
        "table": "fit", "row": {"workload": "tiny", "network": "2-3-1", "rows": "40", "batch": "4"},
        "contender": contender, "steps": 10, "threads": threads, "flops_per_step": 1000.0,
        "versions": {"fastnn": "1.2.3 (v3)", "NumPy": "2.4"}, "losses": [0.7, 0.65432],
    }
    return {"extra_info": info | changes, "stats": {"data": seconds}, "fullname": "left out"}


def run(*benchmarks):
    """A file of pytest-benchmark, as far as it matters."""
    return {
        "machine_info": {"system": "Linux", "machine": "x86_64", "release": "6.1",
                         "cpu": {"brand_raw": "Some CPU", "count": 2, "flags": ["avx"]}},
        "commit_info": {"id": "0123456789abcdef", "dirty": False, "branch": "main"},
        "datetime": "2026-05-04T03:02:01+00:00",
        "benchmarks": list(benchmarks),
    }


ABOUT = ("fastnn 1.2.3 (v3), NumPy 2.4 on Some CPU, 2 processors, Linux; 2 threads at most; "
         "2026-05-04, commit 0123456789. Command: `pytest benchmarks --benchmark-json=out.json`.")


@pytest.fixture
def passes():
    """Two runs: numpy takes 20 us a step, cython 2 us."""
    return [run(benchmark("numpy", [1e-4, 2e-4, 3e-4]), benchmark("cython", [2e-5])),
            run(benchmark("numpy", [1.5e-4, 2.5e-4]), benchmark("cython", [1e-5, 3e-5]))]


def test_the_table(report, passes):
    merged = report.merge(passes)
    text = report.markdown(merged, report.pool(merged), "plot-{}.svg")
    assert text == f"""\
# Benchmarks

{ABOUT}

## Training, 2 threads

{report.CAPTIONS["fit"]}

| workload | network | rows | batch | numpy | cython | GFLOP/s | loss |
| --- | --- | --- | --- | --: | --: | --: | --: |
| tiny | 2-3-1 | 40 | 4 | 20 (15–25) | 2 (1.5–2.5), 10× | 0.5 | 0.65432 |

![Training](plot-2.svg)
"""


def test_other_tables(report):
    predict = {"table": "predict", "row": {"network": "2-3-1", "rows": "1,000"}, "steps": 1}
    kernels = {"table": "kernels", "row": {"kernel": "dense", "size": "4 rows"}, "steps": 2}
    update = {**kernels, "row": {"kernel": "update", "size": "8"}, "flops_per_step": None,
              "bytes_per_step": 7e6}
    jobs = [benchmark("numpy", [0.25], **predict), benchmark("cython", [0.5], **predict),
            benchmark("cython", [1e-6, 2e-6, 4e-6], **kernels),
            benchmark("numba", [1e-3], **update)]
    del jobs[-1]["extra_info"]["flops_per_step"]
    merged = report.merge([run(*jobs)])
    results = report.pool(merged)
    assert report.grid(results, "fit") == ""
    assert report.grid(results, "predict").splitlines()[2:] == [
        "| 2-3-1 | 1,000 | 250,000 (250,000–250,000) | 500,000 (500,000–500,000), 0.5× | 4e-06 |"]
    assert report.grid(results, "kernels").splitlines() == [
        "| kernel | size | cython | numba |", "| --- | --- | --: | --: |",
        "| dense | 4 rows | 1 (0.667–1.33) |  |",
        "| update | 8 |  | 14 (14–14) GB/s |"]


def test_each_number_of_threads_has_its_own_table(report):
    merged = report.merge([run(benchmark("cython", [1e-5], threads=1)),
                           run(benchmark("cython", [5e-6], threads=4))])
    text = report.markdown(merged, report.pool(merged), "plot-{}.svg")
    assert re.findall("## .*|!.*", text) == [
        "## Training, 1 thread", "![Training](plot-1.svg)",
        "## Training, 4 threads", "![Training](plot-4.svg)"]
    assert "1 and 4 threads at most" in text


def test_different_mathematics_is_not_reported(report, passes):
    report.check_losses(report.merge(passes))
    passes[1]["benchmarks"][1]["extra_info"]["losses"] = [0.7, 0.6544]
    with pytest.raises(SystemExit, match=r"On tiny, cython and numpy compute different things"):
        report.check_losses(report.merge(passes))


def test_only_one_machine_is_reported_at_a_time(report, passes):
    passes[1]["machine_info"]["cpu"]["count"] = 64
    with pytest.raises(SystemExit, match="Some CPU, 2 processors, Linux, Some CPU, 64 processors"):
        report.merge(passes)


def test_no_results_are_an_error(report):
    with pytest.raises(SystemExit, match="no results"):
        report.merge([run()])


@pytest.mark.slow
def test_the_files_and_the_readme(report, passes, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", "utf-8")
    monkeypatch.setattr(report, "README", readme)
    files = []
    for i, part in enumerate(passes):
        files.append(tmp_path / f"{i}.json")
        files[-1].write_text(json.dumps(part), "utf-8")
    out = tmp_path / "out"
    report.main([*map(str, files), "--output", str(out), "--update-readme"])
    names = [f"2026-05-04-threads-2.{ending}" for ending in ("json", "md", "svg")]
    assert sorted(path.name for path in out.iterdir()) == names
    kept = (out / names[0]).read_text("utf-8")
    assert "left out" not in kept
    assert "6.1" not in kept
    assert "<svg" in (out / names[2]).read_text("utf-8")

    text = readme.read_text("utf-8")
    assert text.startswith(f"before\n{report.BEGIN}\n\n{report.CAPTIONS['fit']}\n\n| workload |")
    assert text.endswith(f"0.65432 |\n\n{ABOUT}\n\n{report.END}\nafter\n")
    # a report can be made from the JSON that lies beside it: it is the same
    before = [(out / name).read_bytes() for name in names]
    report.main([str(out / names[0]), "--output", str(out), "--update-readme"])
    assert [(out / name).read_bytes() for name in names] == before
    assert readme.read_text("utf-8") == text


@pytest.mark.parametrize("text", ["", "{END} {BEGIN}", "{BEGIN} {BEGIN} {END}"])
def test_a_readme_without_the_place_for_the_table_is_left_alone(text, report, tmp_path):
    readme = tmp_path / "README.md"
    text = text.format(BEGIN=report.BEGIN, END=report.END)
    readme.write_text(text, "utf-8")
    with pytest.raises(SystemExit, match=r"README.md must have the lines"):
        report.update_readme(readme, "table")
    assert readme.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("x", "text"),
    [(0.01234, "0.0123"), (1.5, "1.5"), (98.76, "98.8"), (99.97, "100"), (1234.5, "1,234")],
)
def test_numbers_have_three_digits(x, text, report):
    assert report.number(x) == text
