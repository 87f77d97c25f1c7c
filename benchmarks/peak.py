"""What the processor can do at most: the rate of fused multiply-adds in float32, measured.

A loop of C (``peak.c``), compiled for this processor, keeps chains of them in registers. Threads
run it at the same time; the best of a few moments counts, as the peak should be one.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from threading import Thread
from time import perf_counter

SOURCE = Path(__file__).with_name("peak.c")
SECONDS = 0.03  # a moment, in which it does not matter that the threads start in turn
MOMENTS = 3


class Peak:
    """Measures the peak: ``gflops(threads)``; None where there is no C compiler."""

    def __init__(self):
        self.function = _compiled()
        if self.function:
            start = perf_counter()
            self.function(1_000_000, ctypes.byref(ctypes.c_float()))
            self.rounds = int(1_000_000 * SECONDS / (perf_counter() - start))

    def gflops(self, threads: int) -> float | None:
        """The best rate of that many threads together; every processor's own share is in it."""
        if self.function is None:
            return None
        return max(self._moment(threads) for _ in range(MOMENTS))

    def _moment(self, threads: int) -> float:
        spans, work = [], []
        processors = _processors()

        def run(number):
            if processors:  # of its own: within a moment, the system may not find it a free one
                os.sched_setaffinity(0, {processors[number % len(processors)]})
            total = ctypes.c_float()
            start = perf_counter()
            work.append(self.function(self.rounds, ctypes.byref(total)))  # without the GIL
            spans.append((start, perf_counter()))

        others = [Thread(target=run, args=(number,)) for number in range(threads)]
        for thread in others:
            thread.start()
        for thread in others:
            thread.join()
        return sum(work) / (max(end for _, end in spans) - min(start for start, _ in spans)) / 1e9


def _processors() -> list[int]:
    """Those that this process may use, the last, which the contenders get, first.

    None where they cannot be told apart.
    """
    return sorted(os.sched_getaffinity(0), reverse=True) if hasattr(os, "sched_getaffinity") else []


def _compiled():
    """The function of the C file, or None."""
    compiler = os.environ.get("CC") or next(filter(shutil.which, ("gcc", "clang", "cc")), None)
    if compiler is None:
        return None
    # loaded code lives on when its file is gone
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        library = Path(folder, "peak.so")
        command = [*compiler.split(), "-O2", "-march=native", "-ffp-contract=fast", "-shared",
                   "-fPIC", str(SOURCE), "-o", str(library)]
        try:
            subprocess.run(command, check=True, capture_output=True)
            function = ctypes.CDLL(str(library)).fma_chains
        except (OSError, subprocess.CalledProcessError):
            return None
    function.restype, function.argtypes = ctypes.c_double, (ctypes.c_long, ctypes.c_void_p)
    return function

