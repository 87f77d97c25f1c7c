"""What the pictures share: axes, colours, and the error where matplotlib is missing."""

from __future__ import annotations

# Okabe and Ito's colours, which people with any colour vision tell apart.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999", "#F0E442")
POSITIVE, NEGATIVE = COLORS[0], COLORS[3]
GREY = "#7f7f7f"


def pyplot():
    """matplotlib.pyplot; an ImportError that names the extra where it is not installed."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("Pictures need matplotlib: pip install \"fastnn[plot]\".") from None
    return plt


def axes_or_new(ax=None):
    """``ax``, or the current axes if nothing is drawn there yet, or else those of a new figure."""
    plt = pyplot()
    if ax is None:
        ax = plt.gca()
        if ax.has_data() or ax.texts or ax.images:
            _, ax = plt.subplots()
    return ax


def tidy(ax, grid: str | None = None):
    """Axes without the two spines that say nothing, and with a faint grid along an axis."""
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.grid(axis=grid, color=GREY, alpha=0.25, linewidth=0.6)
        ax.set_axisbelow(True)
    return ax


def bare(ax):
    """Axes without ticks and frame, for pictures that have no scale."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    return ax
