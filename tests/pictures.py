"""What tests of pictures share: matplotlib without a screen, small networks, a browser."""

import shutil
import subprocess

import numpy as np
import pytest

from fastnn import Input, Sequential, layers, utils

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium found")


@pytest.fixture
def headless(monkeypatch):
    """matplotlib.pyplot without windows; all figures are closed afterwards."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    yield plt
    plt.close("all")


def dense(*widths, hidden="relu", last="sigmoid", seed=1):
    """Dense layers named a, b, c, ... of these widths; the first width is the input's."""
    utils.set_random_seed(seed)
    names = "abcdefgh"
    stack = [layers.Dense(n, hidden, name=names[i]) for i, n in enumerate(widths[1:-1])]
    stack.append(layers.Dense(widths[-1], last, name=names[len(widths) - 2]))
    return Sequential([Input((widths[0],)), *stack])


class Answers:
    """A classifier of one's own: ``predict`` is the function it is made of."""

    def __init__(self, predict):
        self.asked = []
        self._predict = predict

    def predict(self, X):
        self.asked.append(X)
        return self._predict(np.asarray(X))


def browse(page, folder, dark=False, milliseconds=5000) -> str:
    """A page as a browser has it after some time; it must work without the network."""
    (folder / "page.html").write_text(page, "utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
               f"--blink-settings=preferredColorScheme={0 if dark else 1}",
               f"--user-data-dir={folder}/profile", f"--virtual-time-budget={milliseconds}",
               "--window-size=1400,3000", "--dump-dom", f"file://{folder}/page.html"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode()
