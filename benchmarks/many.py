"""How much faster `fit_many` is with several workers, and what memory it takes.

    python benchmarks/many.py rate [models] [rounds]     rates of 1 and of 2 workers, taking turns
    python benchmarks/many.py memory                     peaks of processes of their own
"""

from __future__ import annotations

import hashlib
import resource
import statistics
import subprocess
import sys
import threading
import time

import numpy as np

import fastnn
from fastnn import config, layers


def data(rows: int, columns: int):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, columns), dtype=np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def models(count: int, columns: int, hidden: tuple):
    made = []
    for seed in range(count):
        fastnn.utils.set_random_seed(seed)
        stack = [layers.Dense(units, "relu") for units in hidden]
        made.append(fastnn.Sequential([fastnn.Input((columns,)), *stack,
                                       layers.Dense(1, "sigmoid")]))
        made[-1].compile("adam", "binary_crossentropy")
    return made


# rows, columns, hidden layers, batch size, epochs
WORKLOADS = {
    "notes (500 x 11, 11-11)": (500, 11, (11, 11), 32, 1000),
    "table (5,000 x 20, 64-32)": (5_000, 20, (64, 32), 64, 100),
    "images (6,000 x 784, 128)": (6_000, 784, (128,), 64, 10),
}


def machine() -> float:
    """How much faster two threads are than one at work that nothing but the processor limits."""
    block = bytes(1 << 20)

    def hashes(count):
        for _ in range(count):
            hashlib.sha256(block).digest()

    seconds = []
    for n in (1, 2):
        threads = [threading.Thread(target=hashes, args=(400 // n,)) for _ in range(n)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds.append(time.perf_counter() - start)
    return seconds[0] / seconds[1]


def rate(count: int = 8, rounds: int = 7) -> None:
    """Models a second, of 1 and of 2 workers one after the other, and the processor time.

    On a machine with other work two threads get less than twice the time of one: what they get at
    that moment is printed, too.
    """
    for name, (rows, columns, hidden, batch, epochs) in WORKLOADS.items():
        X, y = data(rows, columns)
        ratios, busy, limits = [], [], []
        for _ in range(rounds):
            seconds, cpu = {}, {}
            limits.append(machine())
            for workers in (1, 2):
                made = models(count, columns, hidden)
                config.set_num_threads(workers)  # one core alone, or both
                start, used = time.perf_counter(), time.process_time()
                fastnn.fit_many(made, X, y, batch_size=batch, epochs=epochs, workers=workers)
                seconds[workers] = time.perf_counter() - start
                cpu[workers] = time.process_time() - used
            ratios.append(seconds[1] / seconds[2])
            busy.append(cpu[2] / cpu[1])
        print(f"{name:28} {count / min(seconds.values()):7.1f} models/s   2 workers are "
              f"{statistics.median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f}) times as "
              f"fast as 1, with {statistics.median(busy):.2f} of its processor time (two threads "
              f"of hashing: {statistics.median(limits):.2f})")


def memory() -> None:
    """Peaks above an interpreter that has only imported fastnn and made the data."""
    base, one, many = (peak(count) for count in (0, 1, 8))
    parameters = 7 * 3 * 4 * (784 * 256 + 256 + 257) / 1e6  # with Adam's two slots
    print(f"data and imports {base:.0f} MB; one model alone {one:.0f}; eight models, two at a time "
          f"{many:.0f}: {(many - parameters) / one:.2f} times, less {parameters:.0f} MB for the "
          "other models' parameters and optimizers")


def peak(count: int) -> float:
    """The largest memory (MB) of a process that trains so many models."""
    run = [sys.executable, __file__, "one", str(count)]
    return float(subprocess.run(run, capture_output=True, text=True, check=True).stdout)


def one(count: int) -> None:
    X, y = data(40_000, 784)
    made = models(count, 784, (256,))
    if count:
        fastnn.fit_many(made, X, y, batch_size=128, epochs=1, workers=2,
                        validation_split=0.1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


if __name__ == "__main__":
    command, *numbers = sys.argv[1:]
    {"rate": rate, "memory": memory, "one": one}[command](*map(int, numbers))
