"""What the report says, from its JSON alone: the tables, the texts and the pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import charts
import numpy as np
from charts import family
from document import Heading, Picture, Table, Text
from workloads import WORKLOADS

OTHER = "†"  # marks a figure of other mathematics


@dataclass(frozen=True)
class Result:
    """One contender in one job: the quartiles of its seconds a step, or a call of ``predict``."""

    job: dict
    quartiles: tuple[float, float, float]

    @property
    def name(self) -> str:
        return self.job["contender"]

    @property
    def median(self) -> float:
        return self.quartiles[1]

    @property
    def other(self) -> str:
        """Why the contender computes something else here, or ""."""
        return self.job.get("other", "")

    @property
    def flops(self) -> float:
        """Floating-point operations of a step or a call."""
        workload, rows = WORKLOADS[self.job["workload"]], self.job["rows"]
        if self.job["kind"] == "fit":
            return workload.flops(rows)
        return 2 * rows * sum(k * m for k, m in pairwise(workload.widths))

    @property
    def gflops(self) -> float:
        return self.flops / self.median / 1e9


def lines(report: dict, kind: str, threads: int) -> dict[tuple, dict[str, Result]]:
    """The results of a kind by (workload, rows), then by contender."""
    found: dict[tuple, dict[str, Result]] = {}
    for job in report["results"]:
        if job["kind"] == kind and job["threads"] == threads:
            quartiles = tuple(map(float, np.quantile(job["seconds"], (0.25, 0.5, 0.75))))
            line = found.setdefault((job["workload"], job["rows"]), {})
            line[job["contender"]] = Result(job, quartiles)
    return found


def ours(report: dict) -> str:
    """fastnn as it is by default: its last backend is the best that is installed."""
    return [name for name in report["contenders"] if family(name) == "fastnn"][-1]


# ---- the part for the README ----


def summary(report: dict, link: str) -> list:
    """Training with the most threads, the fastest variant of each family; cold starts."""
    threads = max(report["threads"])
    fits = lines(report, "fit", threads)
    me = ours(report)
    if not any(me in line for line in fits.values()):
        raise SystemExit(f"README.md shows how {me} trains, of which nothing is here.")
    families = list(dict.fromkeys(family(name) for line in fits.values() for name in line))
    header = ["workload", "network", "batch", *families, "% of peak"]
    rows = [[name, WORKLOADS[name].network, f"{WORKLOADS[name].batch}",
             *_best_of_families(line, families, me),
             percent_of_peak(report, line.get(me), threads)] for (name, _), line in fits.items()]
    blocks = [Table(header, rows, labels=3), Text(_explain(report, fits, threads)),
              *[Text(text) for text in _other_mathematics(report, rows)]]
    cold = cold_table(report, best_only=True)
    if cold:
        blocks += [Text("In a fresh process, seconds of importing, building and training one "
                        "epoch, and MB of memory at the peak, data included:"), cold]
    return [*blocks, Text(f"{about(report)} [All of it]({link}): every variant, quartiles, "
                          "percent of the peak, one thread, prediction.")]


def _best_of_families(line: dict[str, Result], families: list[str], me: str) -> list[str]:
    """Each family's fastest variant that computes the same, or else its fastest; ours is ours."""
    best = {}
    for name in families:
        relatives = [result for result in line.values() if family(result.name) == name]
        if relatives:
            best[name] = min(relatives, key=lambda result: (bool(result.other), result.median))
    if me in line:
        best[family(me)] = line[me]
    return [time_cell(best[name], line.get(me), list(best.values())) if name in best else ""
            for name in families]


def time_cell(result: Result, reference: Result | None, rivals: list[Result]) -> str:
    """``**49.3** (0.95×)``: the median in us, bold if fastest; as a multiple of the reference."""
    text = number(result.median * 1e6)
    if result.median == min(rival.median for rival in rivals):
        text = f"**{text}**"
    if reference is not None and result is not reference:
        text += f" ({number(result.median / reference.median)}×)"
    return text + OTHER * bool(result.other)


def _explain(report, fits, threads) -> str:
    return (f"Microseconds a step, {_plural(threads, 'thread')}: medians of {report['rounds']} "
            "rounds in which all took turns. In brackets: how many times as long as fastnn, whose "
            "share of the processor's peak stands last. Of each peer it is the fastest variant on "
            "that line. Before they were timed, the losses of all agreed. "
            f"{_who_wins(report, fits)}")


def _other_mathematics(report, rows) -> list[str]:
    """What the mark means, if any of the rows has one."""
    if not any(OTHER in cell for row in rows for cell in row):
        return []
    whys: dict[str, dict] = {}
    for job in report["results"]:
        if job.get("other"):
            whys.setdefault(f"{job['contender']}: {job['other']}", {})[job["workload"]] = True
    texts = [f"{why} ({', '.join(names)})" for why, names in whys.items()]
    return [f"{OTHER} Other mathematics. {'; '.join(texts)}."]


def _who_wins(report, fits) -> str:
    """Every family's best that beats fastnn, by workload."""
    me = ours(report)
    wins = []
    for (workload, _), line in fits.items():
        faster = sorted((result for result in line.values() if me in line
                         and family(result.name) != family(me)
                         and result.median < line[me].median), key=lambda result: result.median)
        best = {}
        for result in faster:
            best.setdefault(family(result.name), result)
        names = [f"{result.name} ({number(result.median / line[me].median)}×)"
                 for result in best.values()]
        wins += [f"on {workload} {', '.join(names)}"] if names else []
    if wins:
        return f"**Faster than fastnn: {'; '.join(wins)}.**"
    return f"No peer is faster than fastnn on any of these {len(fits)} workloads."


# ---- the whole report ----


def whole(report: dict, stem: str) -> list:
    blocks = [Heading("Benchmarks", 1), Text(about(report)), Text(circumstances(report))]
    for threads in sorted(report["threads"], reverse=True):
        blocks += _training(report, threads, stem)
    for threads in sorted(report["threads"], reverse=True):
        blocks += _prediction(report, threads)
    return blocks + _cold(report, stem) + _notes(report)


def about(report: dict) -> str:
    """What ran, where, when, and the command that repeats it."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    commit = report["commit"]["id"] or ""
    if commit:
        commit = f", commit {commit[:10]}{' with changes' * report['commit']['changed']}"
    return (f"{versions} on {machine(report)}; {report['date'][:10]}{commit}. "
            f"Command: `{report['command']}`.")


def machine(report: dict) -> str:
    info = report["machine"]
    return f"{info['cpu']}, {_plural(info['processors'], 'processor')}, {info['system']}"


def machine_name(report: dict) -> str:
    """The machine's kind, as a folder may be called."""
    return re.sub(r"[^a-z0-9]+", "-", machine(report).lower()).strip("-")


def circumstances(report: dict) -> str:
    """How much the processor can do, and how quiet the machine was."""
    texts = [f"The load average was {report['load'][0]:.2f} before and {report['load'][1]:.2f} "
             "after; on a quiet machine the second comes from the contenders."]
    for threads, rates in report["peaks"].items():
        texts.append(f"The peak with {_plural(int(threads), 'thread')} is {max(rates):.0f} GFLOP/s "
                     f"of fused multiply-adds in float32, the best of {len(rates)} moments between "
                     f"the jobs; the worst was {min(rates):.0f}.")
    return " ".join(texts)


def _training(report, threads, stem) -> list:
    fits = lines(report, "fit", threads)
    if not fits:
        return []
    blocks = [Heading(f"Training, {_plural(threads, 'thread')}"),
              Text("Microseconds a step of a warm `fit`, with shuffling, loss, accuracy and "
                   f"history: medians, and how many times as long as {ours(report)} takes. "
                   f"{OTHER} marks other mathematics. {_who_wins(report, fits)}"),
              overview(report, fits)]
    chart = ratio_chart(report, fits)
    if chart:
        blocks.append(Picture(f"{stem}-threads-{threads}.svg",
                              f"Training, {_plural(threads, 'thread')}", chart))
    for (name, rows), line in fits.items():
        blocks += [Heading(f"{name}, {_plural(threads, 'thread')}", 3),
                   Text(_describe(WORKLOADS[name], rows)), details(report, line, threads)]
    return blocks


def _describe(workload, rows) -> str:
    shown = f"{rows:,}" if rows == workload.rows else f"{rows:,} of {workload.rows:,}"
    return (f"{workload.network}, {workload.hidden} and {workload.output}, {workload.loss}, "
            f"{workload.optimizer}, batch {workload.batch}, {shown} rows; "
            f"{workload.flops(rows) / 1e6:.3g} MFLOP a step.")


def overview(report, found) -> Table:
    """A row for each contender, a column for each line of results."""
    names = [name for name in report["contenders"] if any(name in line for line in found.values())]
    rows = []
    for name in names:
        cells = [time_cell(line[name], line.get(ours(report)), list(line.values()))
                 if name in line else "" for line in found.values()]
        rows.append([name, *cells])
    several = len({workload for workload, _ in found}) < len(found)
    titles = [f"{WORKLOADS[workload].network}, {_plural(rows, 'row')}" if several else workload
              for workload, rows in found]
    return Table(["", *titles], rows)


def details(report, line: dict[str, Result], threads: int) -> Table:
    """The contenders by their time, with the spread, the rate and the losses."""
    rows = []
    for result in sorted(line.values(), key=lambda result: result.median):
        low, median, high = (number(seconds * 1e6) for seconds in result.quartiles)
        rows.append([result.name + OTHER * bool(result.other), median, f"{low}–{high}",
                     f"{len(result.job['seconds'])}", number(result.gflops),
                     percent_of_peak(report, result, threads),
                     f"{result.job['losses'][-1]:.6f}"])
    return Table(["", "µs a step", "quartiles", "rounds", "GFLOP/s", "% of peak", "loss"], rows)


def percent_of_peak(report, result: Result | None, threads: int) -> str:
    """Of the best rate of fused multiply-adds with these threads; "" where none was measured."""
    rates = report["peaks"].get(str(threads))
    return f"{100 * result.gflops / max(rates):.2g}" if rates and result else ""


def ratio_chart(report, found) -> str:
    """Times as multiples of ours; what lies left of the upright line is faster."""
    me = ours(report)
    ratios = {workload: {name: tuple(t / line[me].median for t in result.quartiles)
                         for name, result in line.items()}
              for (workload, _), line in found.items() if me in line}
    if not ratios:
        return ""
    return charts.dots(ratios, f"times as long as {me} (log scale)", mark=1.0)


def _prediction(report, threads) -> list:
    found = lines(report, "predict", threads)
    if not found:
        return []
    return [Heading(f"Prediction, {_plural(threads, 'thread')}"),
            Text("Microseconds a call of a warm `predict`, by network and rows: medians, and how "
                 f"many times as long as {ours(report)} takes."), overview(report, found)]


def _cold(report, stem) -> list:
    blocks = []
    for workload in dict.fromkeys(j["workload"] for j in report["results"] if j["kind"] == "cold"):
        if not blocks:
            blocks += [Heading("Cold start and memory"),
                       Text("A fresh process: seconds of the imports, of building the model and "
                            "training one epoch, medians; making the data is not counted. What a "
                            "library compiled before and keeps on disk by default is there. MB "
                            "are those of the whole process at its peak, the data included.")]
        parts = {job["contender"]: [("import", float(np.median(job["import"]))),
                                    ("first epoch", float(np.median(job["first"])))]
                 for job in _cold_jobs(report, workload)}
        blocks += [Heading(workload, 3), cold_table(report, workload),
                   Picture(f"{stem}-cold-{workload}.svg", f"Cold start, {workload}",
                           charts.bars(parts, "s"))]
    return blocks


def _cold_jobs(report, workload) -> list[dict]:
    return [job for job in report["results"]
            if job["kind"] == "cold" and job["workload"] == workload]


def cold_table(report, workload: str = "mnist_seed", best_only: bool = False) -> Table | None:
    """Cold starts by their time; ``best_only``: of each family the one that starts first."""
    jobs = sorted(_cold_jobs(report, workload), key=lambda job: np.median(_starts(job)))
    if best_only:
        first = {}
        for job in jobs:
            first.setdefault(family(job["contender"]), job)
        own = [job for job in jobs if job["contender"] == ours(report)]
        jobs = own + [job for name, job in first.items() if name != "fastnn"]
    rows = []
    for job in jobs:
        starts = _starts(job)
        spread = [] if best_only else [f"{min(starts):.2f}–{max(starts):.2f}",
                                       f"{np.median(job['import']):.2f}",
                                       f"{np.median(job['first']):.2f}"]
        rows.append([job["contender"], f"{np.median(starts):.2f}", *spread,
                     f"{np.median(job['memory']):,.0f}", f"{job['data'][0]:,.0f}"])
    spread = [] if best_only else ["least to most", "import", "first epoch"]
    return Table([workload, "seconds", *spread, "MB", "of which data"], rows) if rows else None


def _starts(job) -> list[float]:
    return [a + b for a, b in zip(job["import"], job["first"], strict=True)]


def _notes(report) -> list:
    blocks = [Heading("How each is set up"),
              Table(["", "how"], [[name, contender["note"]]
                                  for name, contender in report["contenders"].items()], labels=2)]
    others = {(job["contender"], job["workload"]): job["other"]
              for job in report["results"] if job.get("other")}
    if others:
        blocks += [Heading("Other mathematics"), Table(
            ["contender", "workload", "why"], [[*who, why] for who, why in others.items()], 3)]
    gone = [[name, "all", why] for name, why in report["left_out"].items()]
    gone += [[failure["contender"], f"{failure['kind']} {failure['workload']}", failure["why"]]
             for failure in report["failures"]]
    if gone:
        blocks += [Heading("Not measured"), Table(["who", "what", "why"], gone, labels=3)]
    return blocks


def number(x: float) -> str:
    """Three digits, or all before the point: 0.0123, 4.56, 78.9, 1,234."""
    return f"{x:,.0f}" if x >= 99.95 else f"{x:.3g}"


def _plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
