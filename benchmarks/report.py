"""Runs the benchmarks, or reads what pytest-benchmark wrote, and writes a table and a plot.

    python benchmarks/report.py                      run the suite, write benchmarks/results/
    python benchmarks/report.py a.json b.json        the same from files, whose rounds are pooled
    python benchmarks/report.py --update-readme      and put the table into README.md

What is written comes from the JSON alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
from workloads import agree

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
# Several short passes instead of a long one: then a minute in which the machine was busy falls on
# all contenders. A round lasts at least 5 ms, which keeps the JSON small.
PASSES = 3
ENVIRONMENT = ("FASTNN_ISA", "OMP_NUM_THREADS")  # belongs to the command that repeats a run
OPTIONS = ["--benchmark-only", "--benchmark-quiet", "--benchmark-min-rounds=2",
           "--benchmark-max-time=0.3", "--benchmark-min-time=0.005", "-p", "no:cacheprovider", "-q"]


def main(argv=None) -> None:
    options = _parser().parse_args(argv)
    if options.json:
        reports = [json.loads(path.read_text("utf-8")) for path in options.json]
    else:
        reports = run(options.passes, options.full, options.k)
    report = merge(reports)
    check_losses(report)
    results = pool(report)
    folder = options.output or HERE / "results" / machine_name(report)
    write(report, results, folder)
    if options.update_readme:
        update_readme(README, summary(report, results))
        print(f"updated {README.name}")


def _parser():
    parser = argparse.ArgumentParser(description="Benchmarks as a Markdown table and a plot.")
    parser.add_argument("json", nargs="*", type=Path,
                        help="what pytest-benchmark wrote; without any, the suite is run")
    parser.add_argument("--passes", type=int, default=PASSES,
                        help="how often the suite is run (%(default)s times)")
    parser.add_argument("--full", action="store_true", help="train on all rows of the workloads")
    parser.add_argument("-k", metavar="EXPRESSION", help="only these benchmarks, as pytest selects")
    parser.add_argument("--output", type=Path, metavar="FOLDER",
                        help="where to write (benchmarks/results/ and the machine's kind)")
    parser.add_argument("--update-readme", action="store_true",
                        help=f"replace what README.md has between {BEGIN} and {END}")
    return parser


def run(passes: int, full: bool, select: str | None) -> list[dict]:
    """What pytest-benchmark writes in each of the passes, with the command that repeats them."""
    chosen = ["--full"] * full + (["-k", select] if select else [])
    command = shlex.join(
        [f"{name}={os.environ[name]}" for name in ENVIRONMENT if name in os.environ]
        + ["python", "benchmarks/report.py", *chosen]
        + (["--passes", str(passes)] if passes != PASSES else []))
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(passes):
            print(f"pass {i + 1} of {passes}", flush=True)
            path = Path(folder, f"{i}.json")
            # not in the folder above, whose fastnn might hide the installed one
            code = subprocess.call(
                [sys.executable, "-m", "pytest", ".", *OPTIONS, *chosen,
                 f"--benchmark-json={path}", f"--benchmark-storage=file://{folder}"], cwd=HERE)
            if code:
                raise SystemExit("Some benchmarks failed, see above: there is nothing to report.")
            reports.append(json.loads(path.read_text("utf-8")) | {"command": command})
    return reports


def merge(reports: list[dict]) -> dict:
    """One report in pytest-benchmark's form, of what is needed here; it may be merged again."""
    first = reports[0]
    if not any(report["benchmarks"] for report in reports):
        raise SystemExit("There are no results: is fastnn installed in this environment?")
    machines = {_machine(report["machine_info"]) for report in reports}
    if len(machines) > 1:
        raise SystemExit(f"These runs are of different machines: {', '.join(sorted(machines))}.")
    machine = {name: first["machine_info"][name] for name in ("system", "machine")}
    machine["cpu"] = {
        name: first["machine_info"]["cpu"].get(name) for name in ("brand_raw", "count")}
    return {
        "command": first.get("command", "pytest benchmarks --benchmark-json=out.json"),
        "datetime": max(report["datetime"] for report in reports),
        "commit_info": {name: first["commit_info"].get(name) for name in ("id", "dirty")},
        "machine_info": machine,
        "benchmarks": [
            {"extra_info": benchmark["extra_info"],
             "stats": {"data": [float(f"{s:.5g}") for s in benchmark["stats"]["data"]]}}
            for report in reports for benchmark in report["benchmarks"]
        ],
    }


@dataclass
class Result:
    """What one contender did in one line of a table; ``seconds`` a step, one a round."""

    table: str
    row: dict[str, str]
    contender: str
    threads: int
    info: dict
    seconds: list[float] = field(default_factory=list)

    @property
    def quartiles(self) -> np.ndarray:
        """The first quartile, the median and the third."""
        return np.quantile(self.seconds, (0.25, 0.5, 0.75))

    @property
    def rate(self) -> tuple[float, str]:
        """The work done in a second, by the median, and its unit."""
        key, unit = (("flops_per_step", "GFLOP/s") if "flops_per_step" in self.info else
                     ("bytes_per_step", "GB/s"))
        return self.info[key] / self.quartiles[1] / 1e9, unit


def pool(report: dict) -> list[Result]:
    """The report's results, the rounds of all its passes together, in the order of the first."""
    found: dict[tuple, Result] = {}
    for benchmark in report["benchmarks"]:
        info = benchmark["extra_info"]
        what = info["table"], info["row"], info["contender"], info["threads"]
        result = found.setdefault(tuple(map(str, what)), Result(*what, info))
        result.seconds += [seconds / info["steps"] for seconds in benchmark["stats"]["data"]]
    return list(found.values())


def check_losses(report: dict) -> None:
    """Stop if contenders, which may have run in different environments, computed other things."""
    reference: dict[str, dict] = {}
    for benchmark in report["benchmarks"]:
        info = benchmark["extra_info"]
        if info["table"] != "fit":
            continue
        workload = info["row"]["workload"]
        other = reference.setdefault(workload, info)
        if not agree(info["losses"], other["losses"]):
            raise SystemExit(
                f"On {workload}, {info['contender']} and {other['contender']} compute different "
                f"things, and so cannot be compared: the losses of the first epochs are "
                f"{info['losses']} and {other['losses']}.")


# ---- the text ----


def markdown(report: dict, results: list[Result], picture: str) -> str:
    """The whole report."""
    parts = [f"# Benchmarks\n\n{about(report, results)}"]
    for threads in sorted({result.threads for result in results}):
        some = [result for result in results if result.threads == threads]
        for table, title in TITLES.items():
            lines = grid(some, table)
            if lines:
                parts += [f"## {title}, {_plural(threads, 'thread')}", CAPTIONS[table], lines]
        if any(result.table == "fit" for result in some):
            parts.append(f"![{TITLES['fit']}]({picture.format(threads)})")
    return "\n\n".join(parts) + "\n"


def summary(report: dict, results: list[Result]) -> str:
    """The part for the README: training, with the most threads there are results for."""
    fits = [result for result in results if result.table == "fit"]
    if not fits:
        raise SystemExit("README.md shows what test_fit.py measures, of which nothing is here.")
    most = max(result.threads for result in fits)
    some = [result for result in fits if result.threads == most]
    return f"{CAPTIONS['fit']}\n\n{grid(some, 'fit')}\n\n{about(report, some)}"


TITLES = {"fit": "Training", "predict": "Prediction", "kernels": "Kernels"}
CAPTIONS = {
    "fit": "Microseconds a step of a warm `fit`, shuffling, loss, accuracy and history included: "
           "the median, the quartiles in brackets, and how many times as fast as the first "
           "contender. GFLOP/s are those of the fastest; the loss is the one on which all agreed "
           "before they were timed.",
    "predict": "Microseconds a call of a warm `predict`: the median, the quartiles in brackets, "
               "and how many times as fast as the first contender. GFLOP/s are those of the "
               "fastest.",
    "kernels": "GFLOP/s, or GB/s of the update, through a plan without `fit` around it: the "
               "median, the quartiles in brackets.",
}


def about(report: dict, results: list[Result]) -> str:
    """What ran, where, when, and the command that repeats it."""
    versions = {name: version for result in results
                for name, version in result.info["versions"].items()}
    threads = sorted({result.threads for result in results})
    commit = report["commit_info"]["id"]
    if commit in (None, "unversioned"):  # it did not run in a clone
        commit = ""
    else:
        changes = " with changes" if report["commit_info"]["dirty"] else ""
        commit = f", commit {commit[:10]}{changes}"
    return (f"{', '.join(f'{name} {version}' for name, version in versions.items())} on "
            f"{_machine(report['machine_info'])}; {' and '.join(map(str, threads))} "
            f"{'thread' if threads == [1] else 'threads'} at most; "
            f"{report['datetime'][:10]}{commit}. Command: `{report['command']}`.")


def grid(results: list[Result], table: str) -> str:
    """One Markdown table, a column for each contender; "" where nothing was measured."""
    lines: dict[tuple, dict[str, Result]] = {}
    for result in results:
        if result.table == table:
            lines.setdefault(tuple(result.row.items()), {})[result.contender] = result
    if not lines:
        return ""
    contenders = list(dict.fromkeys(name for line in lines.values() for name in line))
    labels = [name for name, _ in next(iter(lines))]
    last = {"fit": ["GFLOP/s", "loss"], "predict": ["GFLOP/s"], "kernels": []}[table]
    text = [_line(labels + contenders + last),
            _line(["---"] * len(labels) + ["--:"] * len(contenders + last))]
    for row, line in lines.items():
        reference = line.get(contenders[0])
        cells = [cell(line[name], reference) if name in line else "" for name in contenders]
        text.append(_line([label for _, label in row] + cells + _last_cells(table, line)))
    return "\n".join(text)


def cell(result: Result, reference: Result | None) -> str:
    """``12.3 (11.9–13), 5.2×``: median, quartiles and, in a table of times, the gain."""
    low, median, high = result.quartiles
    if result.table == "kernels":
        rate, unit = result.rate
        text = f"{number(rate)} ({number(rate * median / high)}–{number(rate * median / low)})"
        return text if unit == "GFLOP/s" else f"{text} {unit}"
    text = f"{number(median * 1e6)} ({number(low * 1e6)}–{number(high * 1e6)})"
    if reference is None or reference is result:
        return text
    return f"{text}, {number(reference.quartiles[1] / median)}×"


def _last_cells(table: str, line: dict[str, Result]) -> list[str]:
    if table == "kernels":
        return []
    fastest = min(line.values(), key=lambda result: result.quartiles[1])
    cells = [number(fastest.rate[0])]
    return [*cells, f"{fastest.info['losses'][-1]:.5f}"] if table == "fit" else cells


def number(x: float) -> str:
    """Three digits, or all before the point: 0.0123, 4.56, 78.9, 1,234."""
    return f"{x:,.0f}" if x >= 99.95 else f"{x:.3g}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _machine(info: dict) -> str:
    cpu = info["cpu"]
    brand = cpu.get("brand_raw") or info["machine"]
    return f"{brand}, {_plural(cpu['count'], 'processor')}, {info['system']}"


def machine_name(report: dict) -> str:
    """The machine's kind, as a folder may be called."""
    return re.sub(r"[^a-z0-9]+", "-", _machine(report["machine_info"]).lower()).strip("-")


# ---- the files ----


def write(report: dict, results: list[Result], folder: Path) -> None:
    """The JSON, the Markdown and a plot for each number of threads, named by their date."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = sorted({result.threads for result in results})
    stem = f"{report['datetime'][:10]}-threads-{'-'.join(map(str, counts))}"
    picture = f"{report['datetime'][:10]}-threads-{{}}.svg"
    (folder / f"{stem}.json").write_text(json.dumps(report, separators=(",", ":")) + "\n", "utf-8")
    (folder / f"{stem}.md").write_text(markdown(report, results, picture), "utf-8")
    for threads in counts:
        fits = [r for r in results if r.table == "fit" and r.threads == threads]
        if fits:
            plot(fits, folder / picture.format(threads))
    print(f"wrote {stem}.json and .md into {folder}")


def plot(results: list[Result], path: Path) -> None:
    """Microseconds a step of each workload, a mark for each contender, a line from quartile to
    quartile."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit(
            f'The plot needs matplotlib: pip install "fastnn[bench]" ({error}).') from None
    workloads = list(dict.fromkeys(result.row["workload"] for result in results))
    figure = Figure(figsize=(8, 1 + 0.45 * len(workloads)), layout="constrained")
    axes = figure.subplots()
    contenders = dict.fromkeys(result.contender for result in results)
    for name, marker in zip(contenders, cycle("osD^vP*X<>"), strict=False):
        mine = [result for result in results if result.contender == name]
        low, median, high = 1e6 * np.array([result.quartiles for result in mine]).T
        y = [workloads.index(result.row["workload"]) for result in mine]
        axes.errorbar(median, y, xerr=(median - low, high - median), fmt=marker, label=name)
    axes.set(xscale="log", xlabel="µs a step of fit (log scale; left is faster)",
             yticks=range(len(workloads)), yticklabels=workloads)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    # the same results make the same file
    with mpl.rc_context({"svg.hashsalt": "fastnn"}):
        figure.savefig(path, metadata={"Date": None})


def update_readme(path: Path, text: str) -> None:
    """Replace what the file has between the two markers."""
    old = path.read_text("utf-8")
    if old.count(BEGIN) != 1 or old.count(END) != 1 or old.index(BEGIN) > old.index(END):
        raise SystemExit(f"{path.name} must have the lines {BEGIN} and {END}, once and in this "
                         "order: the table goes between them.")
    before, after = old[: old.index(BEGIN)], old[old.index(END):]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{after}", "utf-8")


if __name__ == "__main__":
    main()
