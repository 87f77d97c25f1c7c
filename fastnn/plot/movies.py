"""How a line or a region came about, as an animation: a GIF or a page of HTML."""

from __future__ import annotations

import io
import os
from base64 import b64encode
from itertools import cycle
from zlib import crc32

import numpy as np

from fastnn.callbacks import Callback
from fastnn.plot import regions
from fastnn.plot.canvas import COLORS, GREY, axes_or_new, pyplot, tidy

_MOST = 200  # frames; a longer story is told in fewer
_PLAYER = """<div id="%(id)s" style="max-width:40rem;font-family:system-ui,sans-serif">
<img alt="frame" style="width:100%%" src="data:image/png;base64,%(first)s">
<div style="display:flex;gap:.5rem"><button type="button">pause</button>
<input type="range" min="0" max="%(last)s" value="0" style="flex:1" aria-label="frame"></div></div>
<script>(() => {
  const frames = ["%(frames)s"], box = document.getElementById("%(id)s");
  const img = box.querySelector("img"), button = box.querySelector("button");
  const slider = box.querySelector("input");
  let playing = true;
  const show = () => { img.src = "data:image/png;base64," + frames[slider.value]; };
  slider.oninput = () => { playing = false; button.textContent = "play"; show(); };
  button.onclick = () => { playing = !playing; button.textContent = playing ? "pause" : "play"; };
  setInterval(() => {
    if (playing) { slider.value = (+slider.value + 1) %% frames.length; show(); }
  }, %(interval)s);
})()</script>"""


class Movie:
    """Frames that ``draw(number)`` draws on ``ax``, one after another (abstract).

    ``save("movie.gif")`` or ``save("movie.html")`` writes them; a notebook shows them.
    """

    def __len__(self) -> int:
        """How many frames there are."""
        raise NotImplementedError

    def draw(self, number: int, ax=None):
        """Draw a frame, -1 for the last, and return the axes."""
        raise NotImplementedError

    def frames(self, dpi: int = 80) -> list[bytes]:
        """Each frame as a PNG."""
        if not len(self):
            raise ValueError("The movie has no frames yet: train first.")
        plt = pyplot()
        figure, ax = plt.subplots()
        pictures = []
        try:
            for number in range(len(self)):
                ax.clear()
                self.draw(number, ax)
                file = io.BytesIO()
                figure.savefig(file, dpi=dpi, format="png")
                pictures.append(file.getvalue())
        finally:
            plt.close(figure)
        return pictures

    def html(self, interval: float = 100, dpi: int = 80) -> str:
        """The frames with a button and a slider, as HTML that loads nothing."""
        pictures = [b64encode(frame).decode() for frame in self.frames(dpi)]
        name = f"fastnn{crc32(''.join(pictures).encode()):08x}"
        return _PLAYER % {"id": name, "last": len(pictures) - 1, "interval": interval,
                          "first": pictures[0], "frames": '","'.join(pictures)}

    def save(self, path, interval: float = 100, dpi: int = 80) -> str:
        """Write the movie, by the path's ending as .gif or .html, and return the path.

        interval : milliseconds a frame; a GIF shows its last frame for at least a second.
        """
        path = os.fspath(path)
        kind = os.path.splitext(path)[1].lower()
        if kind not in (".gif", ".html"):
            raise ValueError(f"A movie is saved as .gif or .html, received {path!r}.")
        if kind == ".html":
            text = self.html(interval, dpi)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'<!doctype html><meta charset="utf-8">{text}')
            return path
        from PIL import Image  # comes with matplotlib

        first, *others = (Image.open(io.BytesIO(frame)).convert("RGB")
                          for frame in self.frames(dpi))
        times = [interval] * len(others) + [max(interval, 1000)]
        first.save(path, save_all=True, append_images=others, duration=times, loop=0)
        return path

    def _repr_html_(self) -> str:
        return self.html()


class RegionMovie(Callback, Movie):
    """A callback that keeps the decision region of each epoch; then a movie of them.

    X : (n, 2) the points that are drawn. y : (n,) their classes, or one-hot rows.
    every : epochs between two frames. size : points of the grid to each side.

    When there are more than 200 frames, every other is dropped, and so on from there: ``epochs``
    tells which are left, from 0 for before the training.

    >>> from fastnn import Input, Sequential, datasets, layers
    >>> X, y = datasets.moons(60)
    >>> model = Sequential([Input((2,)), layers.Dense(8, "tanh"), layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy")
    >>> movie = RegionMovie(X, y, every=10)
    >>> history = model.fit(X, y, epochs=30, verbose=0, callbacks=movie)
    >>> movie.epochs, movie.outputs[0].shape
    ([0, 10, 20, 30], (10000, 1))
    """

    def __init__(self, X, y, every: int = 1, size: int = 100):
        super().__init__()
        self.X, self.y = regions._rows(X), regions._labels(y)
        if self.X.shape[1] != 2:
            raise ValueError(f"X must have two features, received shape {self.X.shape}.")
        self.classes = np.unique(self.y)
        self.every = max(1, int(every))
        low, high = self.X.min(axis=0), self.X.max(axis=0)
        margin = 0.1 * (high - low) + 1e-3
        self.a, self.b = np.meshgrid(*np.linspace(low - margin, high + margin, size).T)
        self.epochs: list[int] = []
        self.outputs: list[np.ndarray] = []

    def on_train_begin(self, logs=None):
        if not self.epochs:
            self._keep(0)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self._keep(epoch + 1)

    def _keep(self, epoch):
        grid = np.column_stack([self.a.ravel(), self.b.ravel()])
        self.epochs.append(epoch)
        self.outputs.append(self.model.predict(grid))
        if len(self.epochs) > _MOST:
            self.epochs, self.outputs = self.epochs[::2], self.outputs[::2]
            self.every *= 2

    def __len__(self):
        return len(self.epochs)

    def draw(self, number, ax=None):
        ax = axes_or_new(ax)
        threshold = regions.decision_threshold(self.model, self.classes)
        scores = regions.class_scores(self.outputs[number], self.classes, threshold)
        scores = scores.reshape(len(self.classes), *self.a.shape)
        palette = [COLORS[i % len(COLORS)] for i in range(len(self.classes))]
        regions._fill(ax, self.a, self.b, scores, palette, None)
        regions._divide(ax, self.a, self.b, scores, {"linewidths": 1.0})
        regions._classes(ax, self.X, self.y, (0, 1),
                         zip(self.classes, palette, cycle("s^oxv<>"), strict=False), {"s": 20})
        ax.set(title=f"epoch {self.epochs[number]}", xlim=self.a[0, [0, -1]],
               ylim=self.b[[0, -1], 0])
        return tidy(ax)


class PerceptronMovie(Movie):
    """The moves of a perceptron's line, one frame each; of more than 200, some at equal distances.

    model : a fitted `Perceptron` of two features. X, y : what it was fitted to.

    >>> from fastnn import Perceptron, datasets
    >>> X, y = datasets.blobs(40, centers=2, spread=0.5, seed=3)
    >>> movie = PerceptronMovie(Perceptron(random_state=0).fit(X, y), X, y)
    >>> len(movie) == len(movie.model.history_)
    True
    """

    def __init__(self, model, X, y):
        self.X, self.y = regions._rows(X), regions._labels(y)
        if not hasattr(model, "history_") or model.history_.shape[1] != 3:
            raise ValueError("Expected a Perceptron that has been fitted to two features.")
        self.model = model
        moves = len(model.history_)
        self.moves = np.unique(np.linspace(0, moves - 1, min(moves, _MOST)).round().astype(int))

    def __len__(self):
        return len(self.moves)

    def draw(self, number, ax=None):
        ax = axes_or_new(ax)
        move = self.moves[number]
        limits = _window(self.X)
        _side(ax, self.model.history_[move], limits)
        for old, alpha in zip(self.model.history_[max(0, move - 3) : move], (0.2, 0.35, 0.5),
                              strict=False):
            _line(ax, old, limits, color=GREY, alpha=alpha, linewidth=1)
        _line(ax, self.model.history_[move], limits, color="black", linewidth=1.8)
        _draw_points(ax, self.X, self.y, limits)
        ax.set_title(f"move {move} of {len(self.model.history_) - 1}")
        return ax


def line_ends(line, limits) -> np.ndarray:
    """The two points (2, 2) where A x + B y + C = 0 crosses a window; none (0, 2) if it does not.

    >>> line_ends((1.0, -1.0, 0.0), ((0, 2), (0, 1)))
    array([[0., 0.],
           [1., 1.]])
    """
    A, B, C = map(float, line)
    (left, right), (low, high) = limits
    found = []
    if B:
        found += [(x, -(A * x + C) / B) for x in (left, right)]
    if A:
        found += [(-(B * y + C) / A, y) for y in (low, high)]
    inside = sorted({(x, y) for x, y in found if left <= x <= right and low <= y <= high})
    return np.array([inside[0], inside[-1]]) if len(inside) > 1 else np.empty((0, 2))


def perceptron_lines(model, X, y, ax=None):
    """All the lines that a fitted `Perceptron` of two features tried, the last one black.

    Returns the axes. The later a line, the darker.
    """
    movie = PerceptronMovie(model, X, y)
    ax = axes_or_new(ax)
    limits = _window(movie.X)
    _side(ax, model.history_[-1], limits)
    for i, move in enumerate(movie.moves[:-1]):
        _line(ax, model.history_[move], limits, color=GREY, linewidth=0.8,
              alpha=0.25 + 0.6 * i / len(movie.moves))
    _line(ax, model.history_[-1], limits, color="black", linewidth=2)
    _draw_points(ax, movie.X, movie.y, limits)
    moves = len(model.history_) - 1
    ax.set_title(f"{moves} move{'s' * (moves != 1)}, "
                 f"{'every point right' if model.converged_ else 'no line found'}")
    return ax


def _window(X):
    low, high = X.min(axis=0), X.max(axis=0)
    margin = 0.15 * (high - low) + 1e-3
    return tuple(zip(low - margin, high + margin, strict=True))


def _side(ax, line, limits):
    """The half of the window on the line's positive side, in the second class's colour."""
    (left, right), (low, high) = limits
    a, b = np.meshgrid(np.linspace(left, right, 60), np.linspace(low, high, 60))
    value = line[0] * a + line[1] * b + line[2]
    for sign, color in ((-value, COLORS[0]), (value, COLORS[1])):
        if sign.max() > 0:
            ax.contourf(a, b, sign, levels=[0, sign.max() + 1], colors=[color], alpha=0.15)


def _line(ax, line, limits, **options):
    ends = line_ends(line, limits)
    if len(ends):
        ax.plot(ends[:, 0], ends[:, 1], **options)


def _draw_points(ax, X, y, limits):
    regions._classes(ax, X, y, (0, 1), zip(np.unique(y), COLORS, "s^", strict=False), {})
    ax.set(xlim=limits[0], ylim=limits[1])
    tidy(ax)
