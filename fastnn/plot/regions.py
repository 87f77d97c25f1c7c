"""Decision regions: which class a classifier gives to every point of the plane."""

from __future__ import annotations

from itertools import cycle, islice

import numpy as np

from fastnn.plot.canvas import COLORS, axes_or_new

_COLORS = ",".join(COLORS)
_TINY = 1e-9  # a margin of 0 still belongs to the class that was decided


def class_scores(outputs, classes, threshold: float = 0.5) -> np.ndarray:
    """By how much each class wins at each row, (classes, n): above 0 for the one decided.

    outputs : what a classifier predicts: labels (n,); one number a row, (n,) or (n, 1), that means
        the second class where it is above ``threshold``; or one number for each class, (n, k), the
        largest of which wins.
    classes : the sorted labels. Outputs of more columns than there are labels need labels that are
        the columns' numbers.

    >>> class_scores(np.array([[0.2], [0.9]]), np.array(["no", "yes"]))
    array([[ 0.3, -0.4],
           [-0.3,  0.4]])
    """
    outputs, classes = np.asarray(outputs), np.asarray(classes)
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        outputs = outputs[:, 0]
    if outputs.ndim == 2:
        return _of_columns(outputs.astype(float), classes)
    if outputs.ndim != 1:
        raise ValueError("A classifier's predict must give labels (n,) or numbers (n, classes); "
                         f"received shape {outputs.shape}.")
    hits = outputs == classes[:, None]
    if outputs.dtype.kind == "f" and not hits.any(axis=0).all():  # no labels, or one of other rows
        if len(classes) == 2:
            margin = outputs.astype(float) - threshold
            return _signed(np.stack([-margin, margin]), np.stack([margin <= 0, margin > 0]))
        if (outputs % 1).any():
            raise ValueError("The classifier predicts one number a row, such as "
                             f"{outputs[outputs % 1 != 0][0]:.4g}, which decides between two "
                             f"classes, but y has {len(classes)}. Give it an output for each.")
    return np.where(hits, 1.0, -1.0)


def _signed(margins, won) -> np.ndarray:
    """Margins with the sign of the decision, also where they are 0."""
    return np.where(won, np.maximum(margins, _TINY), np.minimum(margins, -_TINY))


def _of_columns(outputs, classes):
    k = outputs.shape[1]
    columns = np.arange(k) if len(classes) == k else classes
    if len(columns) > k or columns.dtype.kind not in "iuf" or columns.max() >= k:
        raise ValueError(f"The classifier has {k} outputs, but y has the {len(classes)} classes "
                         f"{classes[:10].tolist()}. Number the classes 0 to {k - 1}.")
    columns, best = columns.astype(int), outputs.argmax(axis=1)
    margins = [outputs[:, i] - np.delete(outputs, i, axis=1).max(axis=1) for i in columns]
    return _signed(np.stack(margins), best == columns[:, None])


def decision_threshold(clf, classes) -> float:
    """Where one output decides: 0 for logits and for the labels -1 and 1, and 0.5 otherwise."""
    if getattr(getattr(clf, "loss", None), "from_logits", False) is True:
        return 0.0
    return 0.0 if np.array_equal(classes, [-1, 1]) else 0.5


def plot_decision_regions(X, y, clf, feature_index=None, filler_feature_values=None,
                          filler_feature_ranges=None, ax=None, X_highlight=None, zoom_factor=1.0,
                          legend=1, hide_spines=True, markers="s^oxv<>", colors=_COLORS,
                          scatter_kwargs=None, contourf_kwargs=None, contour_kwargs=None,
                          scatter_highlight_kwargs=None, n_jobs=None, *, probabilities=False):
    """The points and, behind them, the class that ``clf`` gives to every place; returns the axes.

    The arguments are mlxtend's; what ``clf.predict`` returns may be labels, as an estimator's, or
    the probabilities of a network with a sigmoid or a softmax.

    X : (n, features), one feature or two; with more, ``feature_index`` names the two that are
        drawn and ``filler_feature_values`` {feature: value} the values of the others, and the
        points are those within ``filler_feature_ranges`` {feature: width} of these values.
    y : (n,) labels of any kind, or one-hot rows (n, classes).
    clf : what has ``predict``: a fastnn model, one of Keras, an estimator.
    ax : axes; by default the current ones, if nothing is drawn there yet.
    X_highlight : rows of X to be ringed.
    zoom_factor : the margin around the points is 1 / zoom_factor, in the features' units.
    legend : its place, as matplotlib numbers it; 0 for none. n_jobs : accepted and not needed.
    markers, colors : one for each class, in turn; colours in one text, divided by commas.
    scatter_kwargs, contourf_kwargs, contour_kwargs, scatter_highlight_kwargs : further arguments
        for the points, the regions, the lines between them, and the rings.
    probabilities : for two classes, shade by the output of ``clf``, in steps of a tenth.
    """
    ax = axes_or_new(ax)
    X, y = _rows(X), _labels(y)
    features = _features(X, feature_index, filler_feature_values, filler_feature_ranges)
    classes = np.unique(y)
    palette = list(islice(cycle(colors.split(",")), len(classes)))
    a, b, grid = _grid(X, features, filler_feature_values, zoom_factor, ax)
    outputs = np.asarray(clf.predict(grid.astype(X.dtype)))
    threshold = decision_threshold(clf, classes)
    scores = class_scores(outputs, classes, threshold).reshape(len(classes), *a.shape)
    if probabilities:
        _shade(ax, a, b, outputs, classes, palette, contourf_kwargs)
    else:
        _fill(ax, a, b, scores, palette, contourf_kwargs)
    _divide(ax, a, b, scores, contour_kwargs)
    ax.axis([a.min(), a.max(), b.min(), b.max()])
    near = _near(X, filler_feature_values, filler_feature_ranges)
    _classes(ax, X[near], y[near], features, zip(classes, palette, cycle(markers), strict=False),
             {"alpha": 0.8, **(scatter_kwargs or {})})
    if X_highlight is not None:
        lit = _rows(X_highlight)
        _points(ax, lit[_near(lit, filler_feature_values, filler_feature_ranges)], features,
                {"c": "none", "edgecolor": "black", "linewidths": 1, "s": 80, "marker": "o",
                 "zorder": 4, **(scatter_highlight_kwargs or {})})
    _dress(ax, X.shape[1], legend, hide_spines)
    return ax


def _rows(X) -> np.ndarray:
    X = np.asarray(X)
    X = X[:, None] if X.ndim == 1 else X
    if X.ndim != 2 or X.dtype.kind not in "fiub" or not len(X):
        raise ValueError("Expected points as numbers of shape (n, features), received shape "
                         f"{X.shape} of {X.dtype}.")
    return X if X.dtype.kind == "f" else X.astype(float)


def _labels(y) -> np.ndarray:
    y = np.asarray(y)
    return y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.ravel()


def _features(X, chosen, values, ranges) -> tuple[int, ...]:
    """The features on the axes, checked."""
    k = X.shape[1]
    features = tuple(chosen) if chosen is not None else (0, 1)[:k]
    if len(features) != min(k, 2) or not all(-k <= i < k for i in features):
        raise ValueError(f"feature_index must name {min(k, 2)} of the {k} features of X, received "
                         f"{chosen!r}.")
    features = tuple(int(i) % k for i in features)
    missing = set(range(k)) - set(features) - set(values or ())
    if missing:
        raise ValueError(f"X has {k} features, of which two can be drawn: give the others' values, "
                         f"filler_feature_values={{{min(missing)}: ...}}; missing: "
                         f"{sorted(missing)}.")
    if ranges is not None and set(ranges) != set(values or ()):
        raise ValueError("filler_feature_ranges must have the features of filler_feature_values, "
                         f"{sorted(values or ())}, received {sorted(ranges)}.")
    return features


def _grid(X, features, values, zoom, ax):
    """Two arrays of coordinates (h, w), and the rows of X there, (h w, features)."""
    ends = [(X[:, i].min() - 1 / zoom, X[:, i].max() + 1 / zoom) for i in features]
    if len(ends) == 1:
        ends.append((-1.0, 1.0))
    box = ax.get_window_extent()
    sizes = [int(np.clip(pixels / 2, 50, 400)) for pixels in (box.width, box.height)]
    a, b = np.meshgrid(*(np.linspace(*end, n) for end, n in zip(ends, sizes, strict=True)))
    grid = np.zeros((a.size, X.shape[1]))
    for i, value in (values or {}).items():
        grid[:, i] = value
    for i, coordinate in zip(features, (a, b), strict=False):
        grid[:, i] = coordinate.ravel()
    return a, b, grid


def _near(X, values, ranges) -> np.ndarray:
    """The rows whose other features are within reach of the values they are drawn at."""
    if ranges is None:  # as in mlxtend: without ranges no point belongs to the picture
        return np.full(len(X), not values)
    inside = [np.abs(X[:, i] - values[i]) <= ranges[i] for i in values]
    return np.logical_and.reduce(inside)


def _fill(ax, a, b, scores, palette, given):
    options = {"alpha": 0.35, "antialiased": True, **(given or {})}
    for score, color in zip(scores, palette, strict=True):
        if score.max() > 0:
            ax.contourf(a, b, score, levels=[0, score.max() + 1], colors=[color], **options)


def _shade(ax, a, b, outputs, classes, palette, given):
    from matplotlib.colors import LinearSegmentedColormap

    if len(classes) != 2 or outputs.size != a.size or outputs.dtype.kind != "f":
        raise ValueError("probabilities=True needs two classes and a classifier whose predict "
                         "gives one probability a row; received outputs of shape "
                         f"{outputs.shape} of {outputs.dtype} for the classes "
                         f"{classes[:5].tolist()}.")
    ends = LinearSegmentedColormap.from_list("classes", [palette[0], "#f7f7f7", palette[1]])
    drawn = ax.contourf(a, b, outputs.reshape(a.shape), levels=np.linspace(0, 1, 11), cmap=ends,
                        **{"alpha": 0.45, **(given or {})})
    ax.figure.colorbar(drawn, ax=ax, label=f"probability of {classes[1]}", ticks=[0, 0.5, 1])


def _divide(ax, a, b, scores, given):
    options = {"linewidths": 0.5, "colors": "k", "antialiased": True, **(given or {})}
    for score in scores if len(scores) > 2 else scores[1:]:
        if score.min() < 0 < score.max():
            ax.contour(a, b, score, levels=[0], **options)


def _classes(ax, X, y, features, styles, options):
    """The points, each class in its style of (label, colour, marker)."""
    for label, color, marker in styles:
        edge = {} if marker in "x+|_1234" else {"edgecolor": "black"}  # these have no inside
        _points(ax, X[y == label], features, {"c": color, "marker": marker, "label": str(label),
                                              "zorder": 3, **edge, **options})


def _points(ax, X, features, options):
    ordinates = X[:, features[1]] if len(features) > 1 else np.zeros(len(X))
    if len(X):
        ax.scatter(X[:, features[0]], ordinates, **options)


def _dress(ax, k, legend, hide_spines):
    if hide_spines:
        ax.spines[:].set_visible(False)
    if k == 1:
        ax.set_yticks([])
    handles, labels = ax.get_legend_handles_labels()
    if legend and handles:
        ax.legend(handles, labels, framealpha=0.6, scatterpoints=1, loc=legend)
