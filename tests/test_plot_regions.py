"""Decision regions: what a classifier's answers mean, and what is drawn of them."""

import inspect

import numpy as np
import pytest
from pictures import Answers, dense, headless  # noqa: F401

from fastnn import Input, Perceptron, Sequential, datasets, layers, losses, plot
from fastnn.plot.regions import decision_threshold

pytestmark = pytest.mark.usefixtures("headless")
X = np.array([[-1.0, 0.0], [-1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0, 0, 1, 1])


def decided(outputs, classes, threshold=0.5):
    """The class with a positive score; exactly one of them has it."""
    scores = plot.class_scores(outputs, np.asarray(classes), threshold)
    assert ((scores > 0).sum(axis=0) == 1).all()
    return np.asarray(classes)[scores.argmax(axis=0)].tolist()


def region(ax, point):
    """The label of the filled region that a point lies in, by the region's colour."""
    from matplotlib.colors import to_rgb

    handles, labels = ax.get_legend_handles_labels()
    colors = {tuple(h.get_facecolor()[0][:3]): label for h, label in
              zip(handles, labels, strict=True)}
    for filled in ax.collections:
        if type(filled).__name__ != "QuadContourSet" or not filled.filled:
            continue
        if any(path.contains_point(point) for path in filled.get_paths()):
            return colors[tuple(to_rgb(filled.get_facecolor()[0][:3]))]
    return None


def test_labels_are_what_they_say():
    assert decided(["b", "a", "b"], ["a", "b"]) == ["b", "a", "b"]
    assert decided([3, 7, 9], [3, 7, 9]) == [3, 7, 9]
    assert decided([0.0, 1.0, 1.0], [0, 1]) == [0, 1, 1]


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_a_sigmoids_probabilities_mean_the_second_class_above_a_half(shape):
    outputs = np.array([0.2, 0.5, 0.9]).reshape(shape)
    assert decided(outputs, [0, 1]) == [0, 0, 1]
    assert decided(outputs, ["no", "yes"]) == ["no", "no", "yes"]


def test_a_softmaxs_largest_probability_wins():
    outputs = [[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8]]
    assert decided(outputs, ["x", "y", "z"]) == ["y", "x", "z"]
    assert decided(np.array(outputs)[[0, 0]], [1, 2]) == [1, 1]  # class 0 occurs in no row


def test_logits_and_tanh_decide_at_0():
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile("adam", losses.BinaryCrossentropy(from_logits=True))
    assert decision_threshold(model, [0, 1]) == 0
    assert decision_threshold(Answers(None), [-1, 1]) == 0
    assert decision_threshold(Answers(None), [0, 1]) == 0.5
    assert decided([0.3, -0.1], [0, 1], 0.0) == [1, 0]


def test_answers_that_cannot_be_understood():
    with pytest.raises(ValueError, match=r"one number a row.*0\.25.*y has 3"):
        plot.class_scores(np.array([0.25, 1.0]), np.arange(3))
    with pytest.raises(ValueError, match="3 outputs, but y has the 2 classes"):
        plot.class_scores(np.ones((2, 3)), np.array(["a", "b"]))
    with pytest.raises(ValueError, match=r"received shape \(2, 3, 4\)"):
        plot.class_scores(np.ones((2, 3, 4)), np.arange(2))
    with pytest.raises(ValueError, match=r"between two classes, but y has 1\."):
        plot.class_scores(np.array([0.25, 0.5]), np.array([1]))


def test_the_region_of_a_sigmoid_model(headless):  # noqa: F811
    model = dense(2, 1)
    model.set_weights([[[5.0], [0.0]], [0.0]])
    own = headless.subplots()[1]
    ax = plot.plot_decision_regions(X, Y, clf=model, legend=2, ax=own)
    assert ax is own
    assert region(ax, (-1.5, 0.5)) == "0" and region(ax, (1.5, 0.5)) == "1"
    [line] = [c for c in ax.collections if type(c).__name__ == "QuadContourSet" and not c.filled]
    edge = line.get_paths()[0].vertices
    np.testing.assert_allclose(edge[:, 0], 0, atol=1e-6)  # smooth: it lies between the points
    assert edge[:, 1].min() == -1 and edge[:, 1].max() == 2
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["0", "1"]


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], ["cat", "cat", "dog", "dog"], [-1, -1, 1, 1]])
def test_the_region_of_an_estimator(labels):
    labels = np.array(labels)
    clf = Answers(lambda X: np.where(X[:, 0] > 0.5, labels[-1], labels[0]))
    ax = plot.plot_decision_regions(X, labels, clf)
    assert region(ax, (0.3, 0.5)) == str(labels[0])
    assert region(ax, (0.7, 0.5)) == str(labels[-1])


def test_no_third_class_comes_between_two_others():
    clf = Answers(lambda X: np.where(X[:, 0] > 0, 2, np.where(X[:, 1] > 1.5, 1, 0)))
    ax = plot.plot_decision_regions(X, [0, 1, 2, 2], clf)
    for y in np.linspace(-0.9, 1.4, 20):  # mlxtend draws a sliver of class 1 from 0 to 2
        for x in np.linspace(-0.05, 0.05, 21):
            assert region(ax, (x, y)) in ("0", "2", None)


def test_softmax_models_one_hot_targets_and_the_perceptron():
    points, y = datasets.blobs(90, centers=3, spread=0.4, seed=1)
    model = dense(2, 8, 3, last="softmax")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(points, y, epochs=60, verbose=0)
    for labels in (y, np.eye(3)[y]):
        ax = plot.plot_decision_regions(points, labels, model)
        means = [points[y == k].mean(axis=0) for k in range(3)]
        assert [region(ax, mean) for mean in means] == ["0", "1", "2"]
        ax.figure.clear()
    two = y < 2
    line = Perceptron(random_state=0).fit(points[two], y[two])
    ax = plot.plot_decision_regions(points[two], y[two], line)
    assert [region(ax, mean) for mean in means[:2]] == ["0", "1"]


def test_the_regions_are_where_a_tree_says():
    tree = pytest.importorskip("sklearn.tree").DecisionTreeClassifier(random_state=0)
    points, y = datasets.moons(80, noise=0.2)
    names = np.array(["below", "above"])[y]
    ax = plot.plot_decision_regions(points, names, tree.fit(points, names))
    somewhere = np.random.default_rng(0).uniform((-2, -1.5), (3, 2), (200, 2))
    found = [region(ax, point) for point in somewhere]
    agree = np.array(found) == tree.predict(somewhere)
    assert agree.mean() > 0.97  # all but points within a pixel or two of a border


def test_probabilities_are_shaded_with_a_scale():
    model = dense(2, 1)
    model.set_weights([[[1.0], [0.0]], [0.0]])
    ax = plot.plot_decision_regions(X, np.array(["no", "no", "yes", "yes"]), model,
                                    probabilities=True)
    [bar] = [other for other in ax.figure.axes if other is not ax]
    assert bar.get_ylabel() == "probability of yes"
    shaded = next(c for c in ax.collections if c.get_array() is not None)
    np.testing.assert_allclose(shaded.levels, np.linspace(0, 1, 11))
    with pytest.raises(ValueError, match="one probability a row"):
        plot.plot_decision_regions(X, Y, Answers(lambda X: (X[:, 0] > 0).astype(int)),
                                   probabilities=True)


def test_more_features_are_filled_and_points_nearby_drawn():
    many = np.array([[0.0, 1.0, 5.0], [1.0, 2.0, 5.2], [2.0, 0.0, 9.0]])
    clf = Answers(lambda X: (X[:, 0] > 1).astype(int))
    ax = plot.plot_decision_regions(many, np.array([0, 0, 1]), clf, feature_index=(2, 0),
                                    filler_feature_values={1: 1.5}, filler_feature_ranges={1: 0.6})
    [grid] = clf.asked
    assert grid.shape[1] == 3 and (grid[:, 1] == 1.5).all()
    assert grid[:, 2].min() == 4 and grid[:, 2].max() == 10
    drawn = np.concatenate([c.get_offsets() for c in ax.collections if len(c.get_offsets()) and
                            type(c).__name__ == "PathCollection"])
    np.testing.assert_array_equal(drawn, [[5.0, 0.0], [5.2, 1.0]])  # the third is far in feature 1
    with pytest.raises(ValueError, match=r"missing: \[2\]"):
        plot.plot_decision_regions(many, [0, 0, 1], clf)
    with pytest.raises(ValueError, match="must have the features"):
        plot.plot_decision_regions(many, [0, 0, 1], clf, filler_feature_values={2: 5},
                                   filler_feature_ranges={1: 5})


def test_one_feature_is_drawn_on_a_line():
    clf = Answers(lambda X: (X[:, 0] > 0.25).astype(int))
    ax = plot.plot_decision_regions(np.array([[0.0], [1.0]]), Y[[0, -1]], clf)
    assert region(ax, (0, 0)) == "0" and region(ax, (1, 0)) == "1"
    assert clf.asked[0].shape[1] == 1 and not len(ax.get_yticks())


def test_zoom_highlights_markers_colours_and_further_arguments():
    ax = plot.plot_decision_regions(
        X, Y, Answers(lambda X: (X[:, 0] > 0).astype(int)), zoom_factor=2.0, legend=0,
        X_highlight=X[:1], markers="^v", colors="red,green", hide_spines=False,
        scatter_kwargs={"s": 77}, contourf_kwargs={"alpha": 0.123}, contour_kwargs={"colors": "c"},
        scatter_highlight_kwargs={"s": 99}, n_jobs=1)
    assert ax.get_xlim() == (-1.5, 1.5) and ax.get_ylim() == (-0.5, 1.5)
    assert ax.get_legend() is None and ax.spines["top"].get_visible()
    points = [c for c in ax.collections if type(c).__name__ == "PathCollection"]
    assert [c.get_sizes()[0] for c in points] == [77, 77, 99]
    np.testing.assert_array_equal(points[-1].get_offsets(), X[:1])
    np.testing.assert_allclose(points[0].get_facecolor()[0][:3], (1, 0, 0))
    assert any(c.get_alpha() == 0.123 for c in ax.collections)


def test_the_arguments_are_mlxtends():
    mlxtend = pytest.importorskip("mlxtend.plotting")
    theirs = inspect.signature(mlxtend.plot_decision_regions).parameters
    ours = inspect.signature(plot.plot_decision_regions).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert name == "colors" or ours[name].default == parameter.default
    assert list(ours)[len(theirs):] == ["probabilities"]
    assert ours["probabilities"].kind is inspect.Parameter.KEYWORD_ONLY


def test_points_must_be_a_table_of_numbers():
    with pytest.raises(ValueError, match="points as numbers"):
        plot.plot_decision_regions(np.ones((2, 2, 2)), Y, None)
    with pytest.raises(ValueError, match="feature_index must name 2 of the 2"):
        plot.plot_decision_regions(X, Y, None, feature_index=(0, 5))
