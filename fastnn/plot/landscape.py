"""The loss around a model, cut by a plane, and the ways that optimizers take down."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np

from fastnn.callbacks import Callback
from fastnn.plot.canvas import COLORS, axes_or_new


@dataclass(frozen=True)
class LossSurface:
    """Losses on a plane through the space of the trained parameters.

    losses (h, w) : at centre + a[j] directions[0] + b[i] directions[1]. a (w,), b (h,).
    paths : {name: (steps + 1, 2)} the paths' places on the plane.
    labels : of the two axes.
    """

    centre: np.ndarray
    directions: np.ndarray
    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    paths: dict = field(default_factory=dict)
    labels: tuple[str, str] = ("direction 1", "direction 2")


class _Path(Callback):
    """Writes the trained parameters down after each batch."""

    def __init__(self):
        super().__init__()
        self.points: list[np.ndarray] = []

    def on_train_begin(self, logs=None):
        self.points.append(_trained(self.model))

    def on_train_batch_end(self, batch, logs=None):
        self.points.append(_trained(self.model))


def _trained(model) -> np.ndarray:
    return model.params[: model.n_trained].astype(float)


def optimizer_paths(model, X, y, optimizers=("sgd", "rmsprop", "adam"), epochs: int = 50,
                    batch_size: int | None = None) -> dict[str, np.ndarray]:
    """{name: (steps + 1, trained parameters)} of each optimizer, all from the model's weights.

    optimizers : names, classes or objects, or a dictionary of them by a name to show.
    batch_size : by default all rows at once. The model itself, which has to be compiled, stays as
    it is.
    """
    from fastnn import optimizers as known

    X, y = np.asarray(X), np.asarray(y)
    if not isinstance(optimizers, dict):
        optimizers = {_name(one): one for one in optimizers}
    model.build_for(X)
    paths = {}
    for name, one in optimizers.items():
        probe, path = copy.deepcopy(model), _Path()
        probe.compile(known.get(one), model.trainer.loss, backend=model.trainer.backend.NAME)
        probe.fit(X, y, batch_size or len(X), epochs, verbose=0, callbacks=path, shuffle=True)
        paths[name] = np.array(path.points)
    return paths


def _name(optimizer) -> str:
    if isinstance(optimizer, str):
        return optimizer
    return getattr(optimizer, "__name__", type(optimizer).__name__)


def plane(centre: np.ndarray, paths, seed: int = 0):
    """(centre, directions (2, n)) of the plane to look at.

    With two parameters the plane is all there is. Otherwise it goes through the last points of the
    paths, along the two directions in which all of their points vary most; without a path, through
    the centre along two random directions at right angles, of a length of the parameters' own.
    """
    n = len(centre)
    if n == 2:
        return np.zeros(2), np.eye(2)
    if not paths:
        directions = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, 2)))[0].T
        return centre, directions * (np.linalg.norm(centre) or 1.0)
    ends = np.mean([path[-1] for path in paths.values()], axis=0)
    points = np.concatenate(list(paths.values())) - ends
    directions = np.linalg.svd(points, full_matrices=False)[2][:2]
    return ends, directions


def measure_surface(model, X, y, paths=None, steps: int = 41, span: float = 1.0,
                    seed: int = 0) -> LossSurface:
    """The loss of (X, y) on a plane around the model, or around the paths of optimizers.

    paths : what `optimizer_paths` returned. steps : points along each side. span : how far to go
    beyond the paths, as a share of their extent; without paths, to each side. The model stays as
    it is.

    Source of the planes: Li et al., Visualizing the Loss Landscape of Neural Nets, 2018, 3 and 7.
    """
    model.build_for(np.asarray(X))
    probe, paths = copy.deepcopy(model), paths or {}
    centre, directions = plane(_trained(model), paths, seed)
    lengths = (directions**2).sum(axis=1)
    flat = {name: (path - centre) @ directions.T / lengths for name, path in paths.items()}
    here = np.concatenate(list(flat.values()) or [np.zeros((1, 2))])
    if len(centre) == 2 and not paths:
        here = _trained(model)[None]
    a, b = (np.linspace(low, high, steps) for low, high in _ends(here, span))
    losses = np.empty((steps, steps))
    for i, j in np.ndindex(losses.shape):
        probe.params[: probe.n_trained] = centre + a[j] * directions[0] + b[i] * directions[1]
        found = probe.evaluate(X, y, batch_size=len(X), verbose=0)
        losses[i, j] = found[0] if isinstance(found, list) else found
    return LossSurface(centre, directions, a, b, losses, flat, _labels(model, paths))


def _ends(points, span):
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    extent = np.where(extent > 0, extent, extent.max() or 1.0)
    margin = span * (extent if len(points) == 1 else 0.25 * extent)
    return np.stack([low - margin, high + margin], axis=1)


def _labels(model, paths):
    if model.n_trained == 2:
        names = [f"{v.name}[{i}]" if v.size > 1 else v.name
                 for v in model.trainable_weights for i in range(v.size)]
        return names[0], names[1]
    if paths:
        return "first principal direction", "second principal direction"
    return "random direction 1", "random direction 2"


def loss_surface(surface: LossSurface, ax=None):
    """The height lines of a loss, and on them the paths of optimizers; returns the axes.

    surface : what `measure_surface` returned. The lines stand for equal steps of the loss's
    logarithm above its smallest value, so that the valley's floor shows.
    """
    from matplotlib.colors import SymLogNorm

    ax = axes_or_new(ax)
    finite = np.isfinite(surface.losses)
    if not finite.any():
        raise ValueError("No loss of the surface is finite.")
    low, high = surface.losses[finite].min(), surface.losses[finite].max()
    losses = np.where(finite, surface.losses, high)
    floor = max((high - low) * 1e-3, 1e-12)
    levels = low + np.unique(np.r_[0, np.geomspace(floor, max(high - low, 2 * floor), 18)])
    shown = ax.contourf(surface.a, surface.b, losses, levels=levels, cmap="Greys_r",
                        norm=SymLogNorm(floor, vmin=low, vmax=levels[-1]), alpha=0.85)
    ax.contour(surface.a, surface.b, losses, levels=levels, colors="white", linewidths=0.4)
    digits = 3 + int(np.log10(max(1.0, abs(low) / max(high - low, 1e-9))))
    bar = ax.figure.colorbar(shown, ax=ax, label="loss", format=f"%.{digits}g")
    bar.set_ticks(levels[:: max(1, len(levels) // 6)])
    for color, marker, (name, path) in zip(COLORS[1:], "osD^vP*", surface.paths.items(),
                                           strict=False):
        ax.plot(path[:, 0], path[:, 1], color=color, linewidth=1.6, label=name)
        ax.plot(*path[-1], marker, color=color, markeredgecolor="black", zorder=4)
    if surface.paths:
        start = next(iter(surface.paths.values()))[0]
        ax.plot(*start, "X", color="white", markeredgecolor="black", markersize=9, zorder=5,
                label="start")
        ax.legend(framealpha=0.85)
    ax.set(xlabel=surface.labels[0], ylabel=surface.labels[1])
    return ax
