"""The benchmarks: their workloads, the contenders, how they are raced, and what the report says."""

import importlib
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fastnn import cli

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
if not FOLDER.is_dir():
    pytest.skip("the tests run beside an installed package", allow_module_level=True)


@pytest.fixture(scope="module", autouse=True)
def on_path():
    """The benchmarks' modules can be imported as they import each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield


def module(name):
    """A fixture of that name: one of the benchmarks' modules."""
    return pytest.fixture(scope="module", name=name)(lambda: importlib.import_module(name))


workloads, contenders, race, report = map(module, ("workloads", "contenders", "race", "report"))
tables, document, charts, peak = map(module, ("tables", "document", "charts", "peak"))
environments = module("environments")


@pytest.fixture(scope="module")
def ours(contenders):
    return contenders.load("fastnn_backends")


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


# ---- contenders ----


@pytest.mark.parametrize("name", ["seed_sgd1", "tabular_100", "mnist_3b1b", "deep_narrow"])
def test_fastnn_builds_and_trains_a_workload_from_its_weights(name, workloads, ours):
    task = workloads.small_task(workloads.WORKLOADS[name])
    run = ours.Run("fastnn numpy", task, shuffle=False)
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


# the two large ones, which differ from others in their sizes only, would take seconds
NAMES = ["seed_sgd1", "seed_batch", "seed_early", "tabular_100", "mnist_3b1b", "mnist_seed",
         "deep_narrow"]
OTHER = {("scikit_learn", name) for name in ("seed_sgd1", "seed_batch", "mnist_3b1b")}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("peer", ["numpy_loop", "scikit_learn"])
def test_peers_compute_the_same(peer, name, workloads, contenders, ours):
    """The other peers are not installed where the tests run; each report checks all of them."""
    task = workloads.small_task(workloads.WORKLOADS[name])
    reference = ours.Run("fastnn numpy", task, shuffle=False)
    run = contenders.load(peer).Run(peer, task, shuffle=False)
    assert bool(run.other_mathematics) == ((peer, name) in OTHER)
    if not run.other_mathematics:
        assert workloads.agree_on_outputs(run.predict(task.X), reference.predict(task.X))
        assert workloads.agree(run.fit(2), reference.fit(2))


def test_the_loop_shuffles_and_counts_the_accuracy(workloads, contenders):
    loop = contenders.load("numpy_loop")
    task = workloads.small_task(workloads.WORKLOADS["seed_sgd1"])
    still, shuffled = (loop.Run("", task, shuffle=shuffle) for shuffle in (False, True))
    assert still.fit(1) != shuffled.fit(1)
    task = workloads.small_task(workloads.WORKLOADS["seed_batch"])
    run = loop.Run("", task)
    right = (run.predict(task.X) > 0.5) == task.T
    run.fit(1)  # a single step: all rows are counted before it
    assert run.accuracy == right.mean()


def test_only_equal_mathematics_agrees(workloads, contenders):
    task = workloads.small_task(workloads.WORKLOADS["seed_early"])
    loop = contenders.load("numpy_loop")

    class PyTorchsEpsilon(loop.Run):
        def adam(self):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(loop, "EPSILON", 1e-8 * (1 - 0.999 ** (self.step + 1)) ** 0.5)
                super().adam()

    class LastBatchTooHeavy(loop.Run):
        def head(self, z, t):
            loss = super().head(z, t)
            self.D[-1][:len(z)] *= len(z) / self.workload.batch
            return loss

    right = loop.Run("", task, shuffle=False).fit(2)
    assert workloads.agree(loop.Run("", task, shuffle=False).fit(2), right)
    assert not workloads.agree(right[:1], right)
    assert not workloads.agree([float("nan")] * 2, right)
    for wrong in (PyTorchsEpsilon, LastBatchTooHeavy):
        assert not workloads.agree(wrong("", task, shuffle=False).fit(2), right)


def test_each_peer_has_an_environment_of_pinned_versions(contenders, environments):
    modules = contenders.modules()
    assert modules[:2] == list(contenders.FIRST)
    assert sorted(modules[2:]) == sorted(environments.NAMES)
    for path in environments.REQUIREMENTS.iterdir():
        lines = path.read_text("utf-8").splitlines()
        assert all("==" in line for line in lines)
        assert lines == sorted(lines)


def test_environments_are_made_with_pip(environments, tmp_path, monkeypatch, capsys):
    commands = []
    monkeypatch.setattr(environments.subprocess, "call",
                        lambda command: commands.append(command) or len(commands) > 2)
    assert environments.main(["jax_scan", "pytorch", "--folder", str(tmp_path)]) == 1
    venv, install, _ = commands
    assert venv[1:] == ["-m", "venv", str(tmp_path / "jax_scan")]
    assert install[0] == str(environments.python("jax_scan", tmp_path))
    assert install[-1].endswith("jax_scan.txt")
    assert "Not made, see above: pytorch" in capsys.readouterr().out


# ---- the race ----


@pytest.fixture
def worker(race):
    worker = race.Worker("numpy_loop", sys.executable, 1)
    yield worker
    worker.end()


FIT = {"kind": "fit", "workload": "seed_early", "rows": 80}


def test_a_worker_answers(worker, workloads, contenders):
    hello = worker.ask("hello")
    assert list(hello["names"]) == ["NumPy loop"]
    assert hello["versions"] == {"NumPy": np.__version__}
    opened = worker.ask("open", name="NumPy loop", job=FIT)
    task = workloads.small_task(workloads.WORKLOADS["seed_early"])
    right = contenders.load("numpy_loop").Run("", task, shuffle=False).fit(2)
    assert workloads.agree(opened["agree"], right)
    assert opened["steps"] % 3 == 0
    assert 1e-6 < worker.ask("turn", name="NumPy loop", seconds=0)["seconds"] < 100
    predict = worker.ask("open", name="NumPy loop", job=FIT | {"kind": "predict", "rows": 7})
    assert predict["steps"] == 1
    assert np.shape(predict["agree"]) == (7, 1)
    assert worker.ask("close") == {}


def test_a_worker_tells_what_went_wrong(worker, race, monkeypatch):
    assert worker.ask("open", name="NumPy loop", job=FIT | {"workload": "none"}) == {
        "error": "KeyError: 'none'"}
    assert "versions" in worker.ask("hello")  # it goes on
    gone = race.Worker("no_such_module", sys.executable, 1)
    assert gone.ask("hello")["error"].startswith("the process ended: ModuleNotFoundError")
    gone.end()
    monkeypatch.setattr(race, "LONGEST", 0.01)
    slow = race.Worker("numpy_loop", sys.executable, 1)
    assert slow.ask("hello") == {"error": "the process ended: without a word"}
    slow.end()


def test_a_worker_that_ended_is_replaced_for_the_next_job(race, capsys):
    racing = race.Race(race.Options([1], 1, 1, names="loop"))
    racing.contenders = {"NumPy loop": {"module": "numpy_loop", "note": ""}}
    workers = {"numpy_loop": racing.worker("numpy_loop", 1)}
    workers["numpy_loop"].process.kill()
    workers["numpy_loop"].process.wait()
    assert "the process ended" in workers["numpy_loop"].ask("hello")["error"]
    racing.contest(workers, FIT, 1)
    workers["numpy_loop"].end()
    assert len(racing.results) == 1


def test_a_cold_start_is_measured_in_a_process_of_its_own(race):
    racing = race.Race(race.Options([1], 1, 1), peak=None)
    answer = racing.cold_start("NumPy loop", "numpy_loop", FIT | {"kind": "cold"}, 1)
    assert 0 < answer["import"] < 60
    assert 0 < answer["first"] < 60
    assert 10 < answer["memory"] < 500
    assert answer["data"] == pytest.approx(80 * (2 + 1) * 4 / 1e6)
    assert "error" in racing.cold_start("NumPy loop", "no_such_module", FIT, 1)


class Answers:
    """A worker that needs no process: it takes ``seconds`` for each turn."""

    def __init__(self, log, seconds):
        self.log, self.seconds = log, seconds

    def ask(self, do, name, seconds):
        self.log.append(name)
        return {"seconds": self.seconds} if self.seconds else {"error": "broken"}


def test_contenders_take_turns_and_none_is_always_first(race, monkeypatch):
    monkeypatch.setattr(race, "SETTLE", 0)
    log, failed = [], []
    opened = {name: {"worker": Answers(log, seconds), "seconds": []}
              for name, seconds in (("a", 1.0), ("b", 2.0), ("c", None))}
    race.take_turns(opened, 3, lambda name, why: failed.append((name, why)))
    assert log == [*"abc", *"ba", *"ab"]
    assert failed == [("c", "broken")]
    assert opened["b"]["seconds"] == [2.0] * 3


def test_who_is_slow_makes_fewer_rounds(race, monkeypatch):
    monkeypatch.setattr(race, "SETTLE", 0)
    monkeypatch.setattr(race, "PATIENCE", 0)
    log = []
    opened = {"a": {"worker": Answers(log, 1.0), "seconds": []}}
    race.take_turns(opened, 9, None)
    assert len(log) == race.LEAST_ROUNDS


def test_who_computes_something_else_is_not_timed(race):
    right = {"agree": [0.7, 0.6], "other": ""}
    wrong = {"agree": [0.7, 0.6001], "other": ""}
    assert race.disagreement(FIT, right, None) == ""
    assert race.disagreement(FIT, right, right) == ""
    assert "[0.7, 0.6001]" in race.disagreement(FIT, wrong, right)
    assert race.disagreement(FIT, wrong | {"other": "it has no Adam"}, right) == ""
    predict = FIT | {"kind": "predict"}
    assert "predicts something else" in race.disagreement(predict, wrong, right)


def test_a_race_of_fastnn_and_the_loop(race, tmp_path, capsys):
    """Nobody else has an environment in the empty folder; jobs and names are chosen."""
    options = race.Options([1], 1, 1, jobs="seed_early|seed_sgd1 32", names="cython|loop",
                           environments=tmp_path)
    racing = race.Race(options)
    racing.run()
    assert racing.failures == []
    assert set(racing.left_out) == set(race.environments.NAMES)
    done = [(job["kind"], job["workload"], job["rows"]) for job in racing.results]
    assert done == [("fit", "seed_early", 80)] * 2 + [("predict", "seed_sgd1", 32)] * 2 + [
        ("cold", "seed_early", 80)] * 2
    assert {job["contender"] for job in racing.results} == {"fastnn cython", "NumPy loop"}
    first = racing.results[0]
    assert 0 < first["seconds"][0] < 1
    assert len(first["losses"]) == 2
    assert "fit seed_early, 1 thread:" in capsys.readouterr().err


def test_who_compiles_for_long_takes_part_if_there_is_time(race):
    def left_out(effort):
        racing = race.Race(race.Options([1], 1, 1, effort=effort), peak=None)
        return [name for name in race.FROM if not racing.wanted(name)]

    assert left_out("quick") == ["PyTorch compile", "Keras/PyTorch tuned"]
    assert left_out("normal") == ["Keras/PyTorch tuned"]
    assert left_out("thorough") == []


def test_the_peak(peak, monkeypatch):
    monkeypatch.setattr(peak, "SECONDS", 0.001)
    rate = peak.Peak().gflops(1)
    if rate is None:
        pytest.skip("no C compiler")
    assert 1 < rate < 1000  # from SSE at 100 MHz to AVX-512 at 15 GHz
    monkeypatch.setenv("CC", "no-such-compiler")
    assert peak.Peak().gflops(1) is None


# ---- the report ----


@pytest.fixture
def measured():
    """20 us a step of the loop, 2 of fastnn, 1 of JAX, 40 of scikit-learn, which does other sums;
    tabular_100 makes 7.54e5 operations a step: 377 GFLOP/s in 2 us."""
    fit = {"kind": "fit", "workload": "tabular_100", "rows": 20_000, "threads": 2, "other": "",
           "losses": [1.25, 1.125]}
    seconds = {"fastnn numpy": [3e-4], "fastnn cython": [2e-6, 1e-6, 3e-6, 2e-6, 2e-6],
               "NumPy loop": [2e-5, 1e-5, 3e-5], "JAX scan": [1e-6], "scikit-learn": [4e-5]}
    results = [fit | {"contender": name, "seconds": some} for name, some in seconds.items()]
    results[-1]["other"] = "because"
    cold = {"kind": "cold", "workload": "mnist_seed", "rows": 10, "threads": 2, "data": [3.0]}
    results += [
        cold | {"contender": "fastnn cython", "import": [0.1], "first": [0.1], "memory": [50.0]},
        cold | {"contender": "JAX scan", "import": [1, 2, 3], "first": [4, 4, 4],
                "memory": [300.0] * 3}]
    return {
        "command": "python benchmarks/report.py", "date": "2026-05-04T03:02:01+00:00",
        "commit": {"id": "0123456789abcdef", "changed": False}, "load": [0.01, 1.5],
        "machine": {"cpu": "Some CPU", "processors": 2, "system": "Linux"}, "effort": "normal",
        "threads": [2], "rounds": 5, "peaks": {"2": [500.0, 400.0]},
        "versions": {"fastnn": "1.2.3 (v3)", "NumPy": "2.4"},
        "contenders": {name: {"module": "", "note": f"{name}!"} for name in seconds},
        "left_out": {"keras_jax": "no environment"}, "failures": [], "results": results,
    }


ABOUT = ("fastnn 1.2.3 (v3), NumPy 2.4 on Some CPU, 2 processors, Linux; 2026-05-04, commit "
         "0123456789. Command: `python benchmarks/report.py`.")


def test_the_readmes_table(tables, document, measured):
    text = document.to_markdown(tables.summary(measured, "results/x.md"))
    assert text.splitlines()[:3] == [
        "| workload | network | batch | fastnn | NumPy | JAX | scikit-learn | % of peak |",
        "| --- | --- | --- | --: | --: | --: | --: | --: |",
        "| tabular_100 | 8-100-1 | 200 | 2 | 20 (10×) | **1** (0.5×) | 40 (20×)† | 76 |"]
    assert "**Faster than fastnn: on tabular_100 JAX scan (0.5×).**" in text
    assert "† Other mathematics. scikit-learn: because (tabular_100)." in text
    assert "| fastnn cython | 0.20 | 50 | 3 |" in text
    assert "| JAX scan | 6.00 | 300 | 3 |" in text
    assert text.endswith(f"{ABOUT} [All of it](results/x.md): every variant, quartiles, percent "
                         "of the peak, one thread, prediction.\n")


def test_it_says_so_when_no_peer_is_faster(tables, document, measured):
    measured["results"] = [job for job in measured["results"] if job["contender"] != "JAX scan"]
    text = document.to_markdown(tables.summary(measured, ""))
    assert "No peer is faster than fastnn on any of these 1 workloads." in text
    measured["results"] = []
    with pytest.raises(SystemExit, match="fastnn cython trains, of which nothing is here"):
        tables.summary(measured, "")


def test_a_variant_that_computes_the_same_comes_before_a_faster_one_that_does_not(
        tables, measured):
    fit = measured["results"][0]
    measured["results"] += [fit | {"contender": "JAX other", "seconds": [1e-7], "other": "why"}]
    measured["contenders"]["JAX other"] = {"module": "", "note": ""}
    assert tables.summary(measured, "")[0].rows[0][-3] == "**1** (0.5×)"


def test_the_whole_report(tables, document, measured):
    text = document.to_markdown(tables.whole(measured, "stem"))
    assert text.startswith(f"# Benchmarks\n\n{ABOUT}\n\nThe load average was 0.01 before")
    assert "The peak with 2 threads is 500 GFLOP/s" in text
    assert "the best of 2 moments between the jobs; the worst was 400." in text
    # 2 B (3 P - P1): B = 200 rows, P = 8 * 100 + 100, P1 = 800
    rate = 2 * 200 * (3 * 900 - 800) / 2e-6 / 1e9
    assert f"| fastnn cython | 2 | 2–2 | 5 | {rate:.0f} | {rate / 5:.2g} | 1.125000 |" in text
    assert "| NumPy loop | 20 | 15–25 | 3 |" in text
    assert "| scikit-learn† | 40 | 40–40 | 1 |" in text
    assert "![Training, 2 threads](stem-threads-2.svg)" in text
    assert "| JAX scan | 6.00 | 5.00–7.00 | 2.00 | 4.00 | 300 | 3 |" in text
    assert "| scikit-learn | tabular_100 | because |" in text
    assert "| keras_jax | all | no environment |" in text


def test_pages_and_pictures_are_well_formed(tables, document, measured):
    measured["contenders"]["JAX scan"]["note"] = "`a < b` & **c**"
    page = document.to_html("a & b", tables.whole(measured, "stem"))
    assert "<code>a &lt; b</code> &amp; <b>c</b>" in page
    assert "src=" not in page  # it needs nothing else
    body = page.partition("</style>")[2].removesuffix("</html>\n")
    ET.fromstring(f"<body>{body}</body>")
    assert page.count("<svg") == 2


def test_faster_is_further_left(charts):
    lines = {"w": {"fastnn": (1, 1, 1), "JAX": (0.5, 0.5, 0.5), "NumPy": (10, 20, 30)}}
    root = ET.fromstring(charts.dots(lines, "times", mark=1.0))
    space = "{http://www.w3.org/2000/svg}"
    marks = {group.find(f"{space}title").text.split(":")[0]:
             float(group.find(f"{space}circle").get("cx")) for group in root.iter(f"{space}g")}
    assert marks["JAX"] < marks["fastnn"] < marks["NumPy"]
    assert f"M{marks['fastnn']:.1f} " in "".join(p.get("d") for p in root.iter(f"{space}path"))


def test_the_files_and_the_readme(report, measured, tmp_path, monkeypatch, capsys):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", "utf-8")
    monkeypatch.setattr(report, "README", readme)
    source = tmp_path / "source.json"
    source.write_text(json.dumps(measured), "utf-8")
    out = tmp_path / "out"
    report.main(["--from", str(source), "--output", str(out), "--update-readme"])
    stem = "2026-05-04"
    names = [f"{stem}-cold-mnist_seed.svg", f"{stem}-threads-2.svg",
             *(f"{stem}.{ending}" for ending in ("html", "json", "md"))]
    assert sorted(path.name for path in out.iterdir()) == names
    text = readme.read_text("utf-8")
    assert text.startswith(f"before\n{report.BEGIN}\n\n| workload |")
    assert text.endswith(f"prediction.\n\n{report.END}\nafter\n")
    assert "(out/2026-05-04.md)" in text
    # what is made from the JSON that lies there is the same
    before = [(out / name).read_bytes() for name in names]
    report.main(["--from", str(out / f"{stem}.json"), "--output", str(out), "--update-readme"])
    assert [(out / name).read_bytes() for name in names] == before
    assert readme.read_text("utf-8") == text


def test_the_command_that_repeats_a_run_names_no_folder(report):
    parse = report._parser().parse_args
    assert report.command(parse(["--environments", "/x", "--output", "y"])) == (
        "python benchmarks/report.py")
    assert report.command(parse(["--quick", "-k", "fit mnist", "--threads", "1", "4"])) == (
        "python benchmarks/report.py --quick --threads 1 4 -k 'fit mnist'")


def test_failures_are_shown_and_end_in_an_exit_code(report, measured, tmp_path, capsys):
    measured["failures"] = [FIT | {"threads": 2, "contender": "JAX scan", "why": "wrong sums"}]
    source = tmp_path / "source.json"
    source.write_text(json.dumps(measured), "utf-8")
    assert report.main(["--from", str(source), "--output", str(tmp_path)]) == 1
    assert "FAILED: JAX scan on fit seed_early: wrong sums" in capsys.readouterr().err
    assert "| JAX scan | fit seed_early | wrong sums |" in (tmp_path / "2026-05-04.md").read_text(
        "utf-8")
    source.write_text(json.dumps(measured | {"results": []}), "utf-8")
    with pytest.raises(SystemExit, match="no results"):
        report.main(["--from", str(source), "--output", str(tmp_path)])


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
def test_numbers_have_three_digits(x, text, tables):
    assert tables.number(x) == text


# ---- the command ----


def test_fastnn_bench_runs_the_report(tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(subprocess, "call", lambda command: calls.append(command) or 3)
    monkeypatch.chdir(FOLDER.parent)
    assert cli.main(["bench", "--quick", "-k", "fit mnist", "--help"]) == 3
    assert calls == [[sys.executable, str(FOLDER / "report.py"), "--quick", "-k", "fit mnist",
                      "--help"]]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "site-packages" / "fastnn" / "cli.py"))
    assert cli.main(["bench"]) == 1
    assert "expected to be in fastnn's source tree" in capsys.readouterr().err
