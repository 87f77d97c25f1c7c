"""Measures fastnn and its peers, and writes what came out: JSON, Markdown, SVG and one HTML page.

    python benchmarks/environments.py                make the peers' environments, once
    python benchmarks/report.py                      measure, write benchmarks/results/
    python benchmarks/report.py --update-readme      and put the table into README.md
    python benchmarks/report.py --from FILE.json     write all of it again, from that alone
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import tables
from document import Picture, to_html, to_markdown
from environments import FOLDER
from race import EFFORTS, Options, Race

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
RESULTS = HERE / "results"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
ROUNDS = {"quick": (3, 1), "normal": (5, 2), "thorough": (9, 5)}  # warm, cold
VARIABLES = ("FASTNN_ISA",)  # belong to the command that repeats a run


def main(argv=None) -> int:
    options = _parser().parse_args(argv)
    report = json.loads(options.from_.read_text("utf-8")) if options.from_ else measure(options)
    if not report["results"]:
        raise SystemExit("There are no results: is fastnn installed in this Python?")
    folder = options.output or RESULTS / tables.machine_name(report)
    stem = f"{report['date'][:10]}{'-quick' * (report['effort'] == 'quick')}"
    write(report, folder, stem)
    if options.update_readme:
        link = os.path.relpath(folder / f"{stem}.md", README.parent).replace(os.sep, "/")
        update_readme(README, to_markdown(tables.summary(report, link)).strip())
        print(f"updated {README.name}")
    for failure in report["failures"]:
        print(f"FAILED: {failure['contender']} on {failure['kind']} {failure['workload']}: "
              f"{failure['why']}", file=sys.stderr)
    return bool(report["failures"])


def _parser():
    parser = argparse.ArgumentParser(
        prog="python benchmarks/report.py", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__)
    add = parser.add_argument
    effort = parser.add_mutually_exclusive_group()
    for name, text in (("quick", "all threads only, fewer rounds, no PyTorch compile"),
                       ("thorough", "more rounds, and Keras's jit_compile on PyTorch, too")):
        effort.add_argument(f"--{name}", dest="effort", action="store_const", const=name, help=text)
    add("--threads", type=int, nargs="+", metavar="N", help="default: 1 and all; quick: all")
    add("--all-rows", action="store_true", help="train on all rows, where the default is fewer")
    add("-k", default="", metavar="REGEX", help='only these jobs, such as "fit mnist|cold"')
    add("--contenders", default="", metavar="REGEX", help='only these, such as "cython|JAX"')
    add("--environments", type=Path, default=FOLDER, metavar="FOLDER", help="default: %(default)s")
    add("--output", type=Path, metavar="FOLDER", help="default: benchmarks/results/MACHINE")
    add("--from", dest="from_", type=Path, metavar="JSON", help="measure nothing, read this")
    add("--update-readme", action="store_true",
        help=f"replace what README.md has between {BEGIN} and {END}")
    parser.set_defaults(effort=EFFORTS[1])
    return parser


def measure(options) -> dict:
    """Everything that the report says, as it goes into the JSON."""
    processors = _processors()
    threads = options.threads or ([processors] if options.effort == "quick" else [1, processors])
    rounds, cold_rounds = ROUNDS[options.effort]
    load = os.getloadavg()[0]
    if load > 0.3:
        print(f"The load average is {load:.2f}: something else is running here, and will be "
              "measured with the contenders.", file=sys.stderr)
    race = Race(Options(sorted(set(threads)), rounds, cold_rounds, options.effort,
                        options.all_rows, options.k, options.contenders, options.environments))
    race.run()
    return {
        "command": command(options), "date": datetime.now(UTC).isoformat("T", "seconds"),
        "commit": commit(), "machine": {"cpu": _processor_name(), "processors": processors,
                                        "system": platform.system()},
        "load": [round(load, 2), round(os.getloadavg()[0], 2)], "effort": options.effort,
        "threads": race.options.threads, "rounds": rounds,
        "peaks": {str(n): rates for n, rates in race.peaks.items()},
        "versions": race.versions, "contenders": race.contenders, "left_out": race.left_out,
        "failures": race.failures, "results": race.results,
    }


def command(options) -> str:
    """What repeats the run; where its files lie is left out."""
    words = [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    words += ["python", "benchmarks/report.py"]
    words += [f"--{options.effort}"] * (options.effort != "normal")
    words += ["--all-rows"] * options.all_rows
    if options.threads:
        words += ["--threads", *map(str, options.threads)]
    for option, value in (("-k", options.k), ("--contenders", options.contenders)):
        words += [option, value] if value else []
    return shlex.join(words)


def commit() -> dict:
    """The commit that was measured, and whether its files had changes; None outside a clone."""
    def git(*words) -> str:
        return subprocess.run(["git", *words], cwd=HERE, check=True, capture_output=True,
                              encoding="utf-8").stdout.strip()
    try:
        return {"id": git("rev-parse", "HEAD"),
                "changed": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return {"id": None, "changed": False}


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
        return text.split("model name")[1].split(":")[1].split("\n")[0].strip()
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def write(report: dict, folder: Path, stem: str) -> None:
    """The JSON and what is made from it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = json.dumps(report, indent=1, ensure_ascii=False)
    (folder / f"{stem}.json").write_text(_short_lists(lines) + "\n", "utf-8")
    blocks = tables.whole(report, stem)
    (folder / f"{stem}.md").write_text(to_markdown(blocks), "utf-8")
    (folder / f"{stem}.html").write_text(to_html("fastnn: benchmarks", blocks), "utf-8")
    for block in blocks:
        if isinstance(block, Picture):
            (folder / block.name).write_text(block.svg, "utf-8")
    print(f"wrote {stem}.json, .md, .html and .svg into {folder}")


def _short_lists(text: str) -> str:
    """The JSON with lists of numbers in one line each: it is read by people, too."""
    import re

    return re.sub(r"\[\s+([-+.eE\d,\s]+?)\s+\]",
                  lambda match: "[" + re.sub(r"\s+", " ", match[1]) + "]", text)


def update_readme(path: Path, text: str) -> None:
    """Replace what the file has between the two markers."""
    old = path.read_text("utf-8")
    if old.count(BEGIN) != 1 or old.count(END) != 1 or old.index(BEGIN) > old.index(END):
        raise SystemExit(f"{path.name} must have the lines {BEGIN} and {END}, once and in this "
                         "order: the table goes between them.")
    before, after = old[: old.index(BEGIN)], old[old.index(END):]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{after}", "utf-8")


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        print("interrupted: nothing is written", file=sys.stderr)
        raise SystemExit(130) from None
