"""Contenders of one module, in a process of its own and in its own environment.

    python worker.py MODULE THREADS                answers the requests on its standard input
    python worker.py MODULE THREADS NAME JOB       makes a cold start of the job, and ends

Requests and answers are JSON, one a line:

``{"do": "hello"}``: names with notes, and versions.
``{"do": "open", "name": ..., "job": {...}}``: builds and warms; what must agree, steps of a call.
``{"do": "turn", "name": ..., "seconds": s}``: repeats the call for that long; seconds a step.
``{"do": "close"}``: forgets what was opened.

An answer with ``error`` says what went wrong.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from time import perf_counter

LONG_ENOUGH = 0.1  # seconds of a call of fit, where the workload's epochs take longer than that
EPOCHS_TO_AGREE_ON = 2
ROWS_TO_AGREE_ON = 100


def main() -> None:
    module, threads, *cold = sys.argv[1:]
    answers = _own_output()
    confine(int(threads))
    # behind what is installed: a checkout that was built in place serves where nothing is
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    if cold:
        name, job = cold
        _answer(answers, cold_start(module, name, json.loads(job)))
        return
    import contenders

    serve(contenders.load(module), answers)


def _own_output():
    """Where the answers go; what libraries print goes to the standard error instead."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _answer(answers, answer: dict) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def confine(threads: int) -> None:
    """Use as many processors as threads: not every library has another way to limit its own."""
    if hasattr(os, "sched_setaffinity"):
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, processors[-threads:])


def serve(module, answers) -> None:
    desk = Desk(module)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(desk, request.pop("do"))(**request)
        except Exception as error:  # whatever a library raises is told, and is no reason to end
            answer = {"error": f"{type(error).__name__}: {error}"}
        _answer(answers, answer)


class Desk:
    """What can be asked of a module's contenders."""

    def __init__(self, module):
        self.module = module
        self.opened: dict = {}

    def hello(self) -> dict:
        return {"names": self.module.names(), "versions": self.module.versions()}

    def open(self, name: str, job: dict) -> dict:
        opened = open_fit if job["kind"] == "fit" else open_predict
        self.opened[name], steps, answer = opened(self.module, name, job)
        return {"steps": steps} | answer

    def turn(self, name: str, seconds: float) -> dict:
        call, calls, start = self.opened[name], 0, perf_counter()
        while (elapsed := perf_counter() - start) < seconds or not calls:
            call()
            calls += 1
        return {"seconds": elapsed / calls}

    def close(self) -> dict:
        self.opened.clear()
        gc.collect()
        return {}


def open_fit(module, name, job):
    """A warm call of ``fit``, its steps, and the losses that must agree."""
    import workloads

    workload = workloads.WORKLOADS[job["workload"]]
    small = module.Run(name, workloads.small_task(workload), shuffle=False)
    losses = [float(loss) for loss in small.fit(EPOCHS_TO_AGREE_ON)]
    run = module.Run(name, workloads.task(workload, job["rows"]))
    run.fit(1)  # whatever is compiled or made at the first use is there now
    epochs = enough_epochs(run, workload.epochs)
    return (lambda: run.fit(epochs), epochs * workload.steps(job["rows"]),
            {"agree": losses, "other": small.other_mathematics})


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


def open_predict(module, name, job):
    """A warm call of ``predict``, which is one step, and some outputs, which must agree."""
    import workloads

    run = module.Run(name, workloads.task(workloads.WORKLOADS[job["workload"]], rows=64))
    X = workloads.rows_to_predict(job["rows"], workloads.WORKLOADS[job["workload"]])
    outputs = run.predict(X)[:ROWS_TO_AGREE_ON]
    return lambda: run.predict(X), 1, {"agree": outputs.tolist(), "other": ""}


def cold_start(module: str, name: str, job: dict) -> dict:
    """Seconds of the imports, of building and the first epoch; MB at the peak, MB of the data.

    Making the data is not counted.
    """
    start = perf_counter()
    import contenders

    loaded = contenders.load(module)
    imported = perf_counter()
    import workloads

    task = workloads.task(workloads.WORKLOADS[job["workload"]], job["rows"])
    made = perf_counter()
    loaded.Run(name, task).fit(1)
    return {"import": imported - start, "first": perf_counter() - made,
            "memory": peak_memory(), "data": (task.X.nbytes + task.T.nbytes) / 1e6}


def peak_memory() -> float:
    """MB that this process has had in memory at its peak."""
    try:
        # not getrusage: its figure includes what the parent had when it started this process
        text = Path("/proc/self/status").read_text("ascii")
        return int(text.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    main()
