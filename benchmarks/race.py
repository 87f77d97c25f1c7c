"""Runs the contenders against each other, each module in processes of its own environment.

On each job the contenders are built, must agree, and then take turns for some rounds: whatever
else the machine does meets all of them. Only one works at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

import contenders
import environments
from peak import Peak
from workloads import WORKLOADS, agree, agree_on_outputs

WORKER = Path(__file__).with_name("worker.py")
TURN = 0.1  # seconds at least
SETTLE = 0.05  # seconds between turns: threads of the one before may still be looking for work
PATIENCE = 4.0  # seconds of turns on one job, after which a contender makes no more than ...
LEAST_ROUNDS = 3
LONGEST = 600  # seconds until a process that does not answer is given up
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
EFFORTS = ("quick", "normal", "thorough")
# Who compiles for long on each workload, a quarter of a minute and up to two minutes, and the least
# effort that includes it.
FROM = {"PyTorch compile": "normal", "Keras/PyTorch tuned": "thorough"}
COLD = ("mnist_seed", "seed_early")  # the first one alone in a quick run


@dataclass
class Options:
    """What is to be run; ``jobs`` and ``names`` are regular expressions, searched in the names."""

    threads: list[int]
    rounds: int
    cold_rounds: int
    effort: str = "normal"
    all_rows: bool = False
    jobs: str = ""
    names: str = ""
    environments: Path = environments.FOLDER


class Worker:
    """A process that answers for the contenders of one module."""

    def __init__(self, module: str, python: str, threads: int):
        self.errors = tempfile.TemporaryFile(  # noqa: SIM115, closed by end()
            "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            [python, str(WORKER), module, str(threads)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, encoding="utf-8",
            env=environment(threads, python))

    def ask(self, do: str, **request) -> dict:
        """The answer; one with ``error`` if there is none in time, or if the process ended."""
        timer = Timer(LONGEST, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        return json.loads(line) if line else {"error": f"the process ended: {self.last_words()}"}

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def last_words(self) -> str:
        self.process.wait()
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or ["without a word"])[-1]

    def end(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def environment(threads: int, python: str) -> dict[str, str]:
    """The variables of a process with that many threads."""
    variables = os.environ | dict.fromkeys(LIMITS, str(threads))
    if python != sys.executable:  # what is found there should be what was pinned
        variables.pop("PYTHONPATH", None)
    return variables


def python_of(module: str, folder: Path) -> str | None:
    """The interpreter for a module of contenders; None if its environment was not made."""
    if module not in environments.NAMES:
        return sys.executable
    python = environments.python(module, folder)
    return str(python) if python.exists() else None


@dataclass
class Race:
    """Everything that is measured, as it goes into the JSON."""

    options: Options
    peak: Peak = field(default_factory=Peak)
    contenders: dict[str, dict] = field(default_factory=dict)  # by name: module and note
    versions: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    peaks: dict[int, list[float]] = field(default_factory=dict)  # GFLOP/s by threads
    results: list[dict] = field(default_factory=list)
    failures: list[dict] = field(default_factory=list)

    def run(self) -> None:
        for threads in self.options.threads:
            workers = self.start(threads)
            try:
                most = threads == self.options.threads[-1]
                for job in self.jobs("fit", *["predict"] * most):
                    self.contest(workers, job, threads)
            finally:
                for worker in workers.values():
                    worker.end()
        for job in self.jobs("cold"):
            self.cold(job, self.options.threads[-1])

    def jobs(self, *kinds: str) -> list[dict]:
        """The jobs of these kinds that are wanted, each with its name and its rows."""
        rows = {name: workload.rows if self.options.all_rows else workload.quick_rows
                for name, workload in WORKLOADS.items()}
        jobs = [{"kind": "fit", "workload": name, "rows": rows[name]} for name in WORKLOADS]
        jobs += [{"kind": "predict", "workload": name, "rows": n}
                 for name in ("seed_sgd1", "mnist_seed") for n in (1, 32, 100_000)]
        cold = COLD[:1] if self.options.effort == EFFORTS[0] else COLD
        jobs += [{"kind": "cold", "workload": name, "rows": rows[name]} for name in cold]
        return [job for job in jobs
                if job["kind"] in kinds and re.search(self.options.jobs, title(job))]

    def start(self, threads: int) -> dict[str, Worker]:
        """A process for each module whose environment is there, by module."""
        workers = {}
        for module in contenders.modules():
            if python_of(module, self.options.environments) is None:
                self.left_out[module] = ("no environment: "
                                         f"python benchmarks/environments.py {module}")
                continue
            worker = self.worker(module, threads)
            answer = worker.ask("hello")
            if "error" in answer:
                self.left_out[module] = answer["error"]
                worker.end()
                continue
            workers[module] = worker
            self.versions |= answer["versions"]
            self.contenders |= {name: {"module": module, "note": note}
                                for name, note in answer["names"].items()}
        return workers

    def worker(self, module: str, threads: int) -> Worker:
        return Worker(module, python_of(module, self.options.environments), threads)

    def wanted(self, name: str) -> bool:
        least = FROM.get(name, EFFORTS[0])
        if EFFORTS.index(least) > EFFORTS.index(self.options.effort):
            self.left_out[name] = f"it compiles for long: in a {least} run only"
            return False
        return bool(re.search(self.options.names, name))

    def contest(self, workers: dict[str, Worker], job: dict, threads: int) -> None:
        """One job: all contenders are opened, compared with the first, and take turns."""
        say(f"{title(job)}, {threads} thread{'s' * (threads > 1)}:", end="")
        for module, worker in workers.items():
            if worker.ended:  # on another job: that may not be this one's fault
                worker.end()
                workers[module] = self.worker(module, threads)
        self.take_peak(threads)
        opened, reference = {}, None
        for name, contender in self.contenders.items():
            worker = workers[contender["module"]]
            if reference is not None and not self.wanted(name):
                continue
            answer = worker.ask("open", name=name, job=job)
            why = answer.get("error") or disagreement(job, answer, reference)
            if why:
                self.fail(job, threads, name, why)
                continue
            reference = reference or answer
            if self.wanted(name):
                opened[name] = {"worker": worker, "seconds": [], "answer": answer}
        most = threads == self.options.threads[-1]
        take_turns(opened, self.options.rounds if most else LEAST_ROUNDS,
                   lambda name, why: self.fail(job, threads, name, why))
        for name, entry in opened.items():
            self.note(job, threads, name, entry)
        for worker in workers.values():
            worker.ask("close")
        say()

    def note(self, job, threads, name, entry):
        if not entry["seconds"]:
            return
        per_step = [float(f"{seconds / entry['answer']['steps']:.4g}")
                    for seconds in entry["seconds"]]
        say(f" {name} {sorted(per_step)[len(per_step) // 2] * 1e6:,.5g}", end=";")
        result = job | {"threads": threads, "contender": name, "seconds": per_step}
        if job["kind"] == "fit":
            result |= {"losses": entry["answer"]["agree"], "other": entry["answer"]["other"]}
        self.results.append(result)

    def cold(self, job: dict, threads: int) -> None:
        """Fresh processes that import, build and train one epoch, the contenders in turn."""
        say(f"{title(job)}:", end="")
        found: dict[str, list[dict]] = {}
        for _ in range(self.options.cold_rounds):
            for name, contender in self.contenders.items():
                if not self.wanted(name) or found.get(name) == []:
                    continue
                answer = self.cold_start(name, contender["module"], job, threads)
                if "error" in answer:
                    self.fail(job, threads, name, answer["error"])
                    found[name] = []
                else:
                    found.setdefault(name, []).append(answer)
        for name, answers in found.items():
            if answers:
                columns = {key: [round(answer[key], 4) for answer in answers]
                           for key in answers[0]}
                self.results.append(job | {"threads": threads, "contender": name} | columns)
                say(f" {name} {min(columns['import']) + min(columns['first']):.2f}", end=";")
        say()

    def cold_start(self, name, module, job, threads) -> dict:
        python = python_of(module, self.options.environments)
        try:
            done = subprocess.run(
                [python, str(WORKER), module, str(threads), name, json.dumps(job)],
                capture_output=True, encoding="utf-8", env=environment(threads, python),
                timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return {"error": f"no answer in {LONGEST} s"}
        if done.returncode:
            return {"error": (done.stderr.strip().splitlines() or ["without a word"])[-1]}
        return json.loads(done.stdout)

    def take_peak(self, threads: int) -> None:
        rate = self.peak.gflops(threads)
        if rate is not None:
            self.peaks.setdefault(threads, []).append(round(rate, 1))

    def fail(self, job, threads, name, why) -> None:
        say(f" {name} FAILED: {why}", end=";")
        self.failures.append(job | {"threads": threads, "contender": name, "why": why})


def title(job: dict) -> str:
    """The job's name: ``fit mnist_seed``, ``predict mnist_seed 32``, ``cold mnist_seed``."""
    name = f"{job['kind']} {job['workload']}"
    return f"{name} {job['rows']}" if job["kind"] == "predict" else name


def disagreement(job: dict, answer: dict, reference: dict | None) -> str:
    """Why the two may not be compared, or "" if they may."""
    if reference is None or answer["other"]:
        return ""
    if job["kind"] == "predict":
        same = agree_on_outputs(answer["agree"], reference["agree"])
        return "" if same else "it predicts something else than the reference"
    if agree(answer["agree"], reference["agree"]):
        return ""
    return (f"it computes something else: the losses of its first epochs are {answer['agree']}, "
            f"those of the reference {reference['agree']}")


def take_turns(opened: dict, rounds: int, fail) -> None:
    """Fill the ``seconds`` of each; every round begins with another contender."""
    names = list(opened)
    for i in range(rounds):
        first = i * len(names) // rounds
        for name in names[first:] + names[:first]:
            entry = opened[name]
            enough = len(entry["seconds"]) >= LEAST_ROUNDS and entry.get("spent", 0) > PATIENCE
            if enough or "failed" in entry:
                continue
            time.sleep(SETTLE)
            start = time.perf_counter()
            answer = entry["worker"].ask("turn", name=name, seconds=TURN)
            if "error" in answer:
                entry["failed"] = True
                fail(name, answer["error"])
                continue
            entry["seconds"].append(answer["seconds"])
            entry["spent"] = entry.get("spent", 0) + time.perf_counter() - start


def say(text: str = "", end: str = "\n") -> None:
    """Progress, for whoever waits."""
    print(text, end=end, file=sys.stderr, flush=True)
