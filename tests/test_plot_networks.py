"""Pictures of networks: neurons and weights, patterns, confusions, the graph of layers."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from pictures import dense, headless  # noqa: F401

from fastnn import Input, Model, Sequential, layers, plot, utils
from fastnn.plot import graph, images, neurons
from fastnn.plot.canvas import NEGATIVE, POSITIVE

pytestmark = pytest.mark.usefixtures("headless")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def captions(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


def lines(ax):
    """(segments, colours, widths) of each bundle of lines between two columns."""
    return [(c.get_segments(), c.get_color(), c.get_linewidth()) for c in ax.collections
            if type(c).__name__ == "LineCollection"]


def test_a_wide_layer_shows_both_ends_and_a_gap():
    column = neurons.column(9, 4)
    np.testing.assert_array_equal(column.shown, [0, 1, 7, 8])
    np.testing.assert_array_equal(column.heights, [2, 1, -1, -2])
    assert column.cut and not neurons.column(4, 4).cut
    np.testing.assert_array_equal(neurons.column(1, 4).heights, [0])
    np.testing.assert_array_equal(neurons.column(9, 5).shown, [0, 1, 2, 7, 8])


def test_lines_have_the_weights_sign_and_size(headless):  # noqa: F811
    from matplotlib.colors import to_rgb

    model = dense(2, 2, 1)
    model.set_weights([[[1.0, -2.0], [0.5, 0.0]], [0.0, 0.0], [[3.0], [-1.0]], [0.0]])
    ax = plot.network(model, ax=headless.subplots()[1])
    (segments, colors, widths), second = lines(ax)
    [strongest] = segments[-1:]  # drawn last, on top: from input 0 to neuron 1
    np.testing.assert_array_equal(strongest, [[0, 0.5], [1, -0.5]])
    assert tuple(colors[-1][:3]) == to_rgb(NEGATIVE) and widths[-1] == max(widths)
    [positive] = [i for i, s in enumerate(segments) if s.tolist() == [[0, 0.5], [1, 0.5]]]
    assert tuple(colors[positive][:3]) == to_rgb(POSITIVE)
    assert widths[positive] - 0.3 == pytest.approx((widths[-1] - 0.3) / 2)
    assert len(second[0]) == 2 and "-2.00" in texts(ax) and "3.00" in texts(ax)
    assert captions(ax) == ["input\n2", "a\n2", "b\n1"]


def test_wide_networks_are_cut_and_small_ones_named():
    ax = plot.network(dense(50, 40, 3), max_neurons=6)
    (first, _, _), (second, _, _) = lines(ax)
    assert (len(first), len(second)) == (36, 18)
    assert texts(ax).count("⋮") == 2 and captions(ax)[0] == "input\n50"
    ax.figure.clear()
    ax = plot.network(dense(2, 3, 1), inputs=["age", "size"], outputs=["ill"])
    assert {"age", "size", "ill"} <= set(texts(ax))
    with pytest.raises(ValueError, match="3 neurons, received 1 names"):
        plot.network(dense(2, 3), outputs=["x"])


def test_layers_between_dense_ones_are_left_out_and_graphs_refused():
    model = Sequential([Input((2,)), layers.Dense(3, name="a"), layers.BatchNormalization(),
                        layers.Dropout(0.5), layers.Dense(1, name="b")])
    assert captions(plot.network(model)) == ["input\n2", "a\n3", "b\n1"]
    wider = Sequential([Input((2,)), layers.Dense(3), layers.RepeatVector(2), layers.Flatten(),
                        layers.Dense(1, name="end")])
    with pytest.raises(ValueError, match=r"'end' has 6 inputs.*plot_model"):
        plot.network(wider)
    with pytest.raises(ValueError, match="no dense layer"):
        plot.network(Sequential([Input((2,)), layers.Flatten()]))


def test_stages_end_behind_the_activation():
    model = Sequential([Input((2,)), layers.Dense(3, name="a"), layers.Activation("relu"),
                        layers.Dense(1, name="b")])
    _, (name, values), (_, out) = neurons.stages(model, [1.0, -1.0])
    z = np.array([1.0, -1.0]) @ model.layers[0].kernel
    assert name == "a"
    np.testing.assert_allclose(values, np.maximum(z, 0), rtol=1e-6)
    np.testing.assert_allclose(out, model.predict([[1.0, -1.0]])[0])


def test_the_input_counts_as_it_arrives_at_the_first_dense_layer():
    model = Sequential([Input((2,)), layers.Rescaling(0.5), layers.Dense(1, name="a")])
    (name, values), _ = neurons.stages(model, [4.0, -2.0])
    assert name == "input" and values.tolist() == [2, -1]
    found = Sequential([Input((3,)), layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)])
    assert captions(plot.activations(found, [0, 4, 1]))[0] == "input\n3"


def test_the_digit_network_in_one_picture(headless):  # noqa: F811
    utils.set_random_seed(1)
    model = Sequential([Input((8, 8)), layers.Flatten(), layers.Dense(16, "sigmoid", name="a"),
                        layers.Dense(16, "sigmoid", name="b"),
                        layers.Dense(10, "softmax", name="digit")])
    image = np.random.default_rng(0).random((8, 8))
    ax = plot.activations(model, image, ax=headless.subplots()[1])
    [picture] = ax.images
    np.testing.assert_array_equal(picture.get_array(), image)
    left, right, low, high = picture.get_extent()
    corners = ax.transData.transform([(left, low), (right, high)])
    width, height = corners[1] - corners[0]
    assert width == pytest.approx(height)  # a square stays one
    assert captions(ax) == ["input\n8 × 8", "a\n16", "b\n16", "digit\n10"]
    outputs = model.predict(image[None])[0]
    assert texts(ax) == [f"{i}: {p:.2f}" for i, p in enumerate(outputs)]
    bold = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    assert bold == [f"{outputs.argmax()}: {outputs.max():.2f}"]
    assert len(lines(ax)) == 2 and len(lines(ax)[0][0]) == 16 * 16


def test_neurons_are_as_full_as_they_are_active():
    model = dense(2, 2, 1, last="linear")
    model.set_weights([np.eye(2), np.zeros(2), [[1.0], [1.0]], [0.0]])
    ax = plot.activations(model, [4.0, 2.0])
    circles = [c for c in ax.collections if type(c).__name__ == "PathCollection"]
    shades = 1 - circles[1].get_facecolor()[:, :3].mean(axis=1)
    assert shades[1] == pytest.approx(shades[0] / 2)
    assert "6.00" in texts(ax)


def test_lines_of_an_input_are_values_times_weights():
    from matplotlib.colors import to_rgb

    model = dense(2, 1, last="linear")
    model.set_weights([[[0.5], [1.0]], [0.0]])
    [(segments, colors, widths)] = lines(plot.activations(model, [4.0, -1.0]))
    assert [s[0].tolist() for s in segments] == [[0, -0.5], [0, 0.5]]  # -1 * 1 below 4 * 0.5
    assert [tuple(c[:3]) for c in colors] == [to_rgb(NEGATIVE), to_rgb(POSITIVE)]
    assert widths[0] - 0.3 == pytest.approx((widths[1] - 0.3) / 2)


def test_patterns_are_the_columns_of_the_first_kernel(headless):  # noqa: F811
    model = Sequential([Input((2, 3)), layers.Flatten(), layers.Dense(4), layers.Dense(5)])
    found = plot.pattern_images(model)
    np.testing.assert_array_equal(found[1].ravel(), model.layers[1].kernel[:, 1])
    assert found.shape == (4, 2, 3)
    assert plot.pattern_images(dense(16, 3)).shape == (3, 4, 4)
    assert plot.pattern_images(dense(12, 3), shape=(3, 4)).shape == (3, 3, 4)
    with pytest.raises(ValueError, match=r"12 inputs.*shape=\(height, width\)"):
        plot.pattern_images(dense(12, 3))
    with pytest.raises(ValueError, match="of 12 pixels"):
        plot.pattern_images(dense(12, 3), shape=(5, 4))
    ax = plot.patterns(model, ax=headless.subplots()[1])
    drawn = ax.images[0]
    assert drawn.get_array().shape == (5, 7)
    assert drawn.get_clim() == (-np.abs(found).max(), np.abs(found).max())


def test_the_strongest_patterns_are_chosen_and_put_together():
    model = dense(4, 5)
    model.set_weights([np.ones((4, 5)) * [1, 5, 2, 4, 3], np.zeros(5)])
    drawn = np.ma.filled(plot.patterns(model, limit=2).images[0].get_array(), np.nan)
    np.testing.assert_array_equal(drawn[0], [5, 5, np.nan, 4, 4])
    together = images.mosaic(np.arange(3.0)[:, None, None] * np.ones((3, 1, 1)))
    np.testing.assert_array_equal(together, [[0, np.nan, 1], [np.nan] * 3, [2, np.nan, np.nan]])


@pytest.mark.parametrize("predicted", [
    [0, 1, 1, 2, 0],
    np.eye(3)[[0, 1, 1, 2, 0]] * 0.5 + 0.1,
])
def test_confusions_are_counted_by_true_class_and_prediction(predicted):
    classes, counts = plot.confusion_counts([0, 1, 2, 2, 2], predicted)
    np.testing.assert_array_equal(classes, [0, 1, 2])
    np.testing.assert_array_equal(counts, [[1, 0, 0], [0, 1, 0], [1, 1, 1]])


def test_confusions_of_probabilities_of_one_hot_rows_and_of_names():
    true = np.eye(2)[[0, 0, 1]]
    _, counts = plot.confusion_counts(true, np.array([[0.5], [0.6], [0.7]]))
    np.testing.assert_array_equal(counts, [[1, 1], [0, 1]])
    assert plot.confusion_counts([0, 1], np.array([0.4, 0.6]))[1].tolist() == [[1, 0], [0, 1]]
    _, counts = plot.confusion_counts(["b", "a"], np.array([[1.0], [0.0]]), classes=["a", "b"])
    assert counts.tolist() == [[1, 0], [0, 1]]  # a saturated sigmoid
    classes, counts = plot.confusion_counts(["b", "a"], ["b", "b"])
    assert classes.tolist() == ["a", "b"] and counts.tolist() == [[0, 1], [0, 1]]
    _, counts = plot.confusion_counts(["b", "a"], [[0.1, 0.9], [0.8, 0.2]], classes=["a", "b"])
    np.testing.assert_array_equal(counts, np.eye(2))
    _, counts = plot.confusion_counts([2], [2], classes=[0, 1, 2])
    assert counts.shape == (3, 3)
    with pytest.raises(ValueError, match=r"\[7\] are not among"):
        plot.confusion_counts([7, 1], [1, 1], classes=[1])
    with pytest.raises(ValueError, match=r"\[7\] are not among"):
        plot.confusion_counts([1, 1], [1, 7], classes=[1])
    with pytest.raises(ValueError, match="2 rows and y_pred 1"):
        plot.confusion_counts([1, 2], [1])


def test_the_matrix_is_as_dark_as_the_share_and_says_the_numbers(headless):  # noqa: F811
    ax = plot.confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], names=["cat", "dog"],
                               ax=headless.subplots()[1])
    np.testing.assert_allclose(ax.images[0].get_array(), [[2 / 3, 1 / 3], [0, 1]])
    assert {(t.get_position(), t.get_text()) for t in ax.texts} == {
        ((0, 0), "2"), ((1, 0), "1"), ((1, 1), "1")}
    assert ax.get_title() == "75.0% right (3 of 4)"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "dog"]
    many = np.arange(30)
    assert not plot.confusion_matrix(many, many).texts


def boxes(svg):
    """{text of the box's first line: (x, y, width, height)} of a picture."""
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    found, rect = {}, None
    for item in root:
        if item.tag == space + "rect":
            rect = tuple(float(item.get(k)) for k in ("x", "y", "width", "height"))
        elif item.tag == space + "text" and item.get("font-weight"):
            found[item.text] = rect
    return found


def test_plot_model_draws_a_stack_from_top_to_bottom(tmp_path):
    model = Sequential([Input((2,), name="in"), layers.Dense(3, "relu", name="one"),
                        layers.Dropout(0.5, name="two"), layers.Dense(1, name="three")])
    svg = utils.plot_model(model, tmp_path / "model.svg", show_shapes=True, show_layer_names=True,
                           show_layer_activations=True, show_dtype=True, show_trainable=True)
    assert (tmp_path / "model.svg").read_text("utf-8") == svg == svg._repr_html_()
    placed = boxes(svg)
    assert list(placed) == ["in (InputLayer)", "one (Dense)", "two (Dropout)", "three (Dense)"]
    tops = [y for _, y, _, _ in placed.values()]
    assert tops == sorted(tops) and svg.count("<polygon") == 3
    for text in ("relu", "(None, 2) → (None, 3)", "float32", "trainable"):
        assert f">{text}<" in svg
    sideways = boxes(plot.plot_model(model, None, rankdir="LR", show_layer_names=True))
    lefts = [x for x, _, _, _ in sideways.values()]
    assert lefts == sorted(lefts) and len({y for _, y, _, _ in sideways.values()}) == 1
    assert list(boxes(plot.plot_model(Sequential([layers.Dense(2)]), None))) == ["Dense"]


def test_plot_model_refuses_what_it_cannot_do(tmp_path):
    model = dense(2, 1)
    with pytest.raises(ValueError, match=r"must end in \.svg"):
        plot.plot_model(model, tmp_path / "model.png")
    with pytest.raises(ValueError, match="'TB' or 'LR'"):
        plot.plot_model(model, None, rankdir="BT")
    with pytest.raises(ValueError, match="no layers"):
        plot.plot_model(Sequential(), None)
    with pytest.raises(AttributeError, match="no attribute 'plot_modell'"):
        utils.plot_modell  # noqa: B018


def test_a_graph_with_branches_and_a_skip_connection():
    x, t = Input((4,), name="x"), Input((3,), name="t")
    h = layers.Dense(5, name="h")(x)
    add = layers.Add(name="add")([layers.Dense(5, name="g")(h), h])
    both = layers.Concatenate(name="both")([add, t, x])
    ends = [layers.Dense(2, name="p")(both), Sequential([layers.Dense(1)], name="q")(both)]
    model = Model([x, t], ends)
    found, edges = graph.layer_graph(model)
    names = [layer.name for layer in found]
    assert sorted((names[a], names[b]) for a, b in edges) == sorted([
        ("x", "h"), ("h", "g"), ("g", "add"), ("h", "add"), ("add", "both"), ("t", "both"),
        ("x", "both"), ("both", "p"), ("both", "q")])
    assert all(a < b for a, b in edges)
    rank = dict(zip(names, graph.ranks(len(names), edges), strict=True))
    assert rank == {"x": 0, "t": 0, "h": 1, "g": 2, "add": 3, "both": 4, "p": 5, "q": 5}
    svg = plot.plot_model(model, None, show_layer_names=True, show_shapes=True)
    placed = boxes(svg)
    assert len(placed) == 8 and "q (Sequential)" in placed
    assert "[(None, 5), (None, 3), (None, 4)] → (None, 12)" in svg
    for one, (a, b, w, _) in placed.items():
        for two, (c, d, v, _) in placed.items():
            assert one == two or b != d or a + w <= c or c + v <= a, "boxes overlap"


def test_an_inner_tensor_as_the_input_ends_the_walk_and_a_shared_layer_is_two_boxes():
    middle = layers.Dense(3, name="middle")(Input((2,)))
    shared = layers.Dense(3, name="shared")
    found, edges = graph.layer_graph(Model(middle, shared(shared(middle))))
    assert [layer.name for layer in found] == ["middle", "shared", "shared"]
    assert edges == [(0, 1), (1, 2)]


def test_a_nested_model_is_one_box_or_its_layers():
    inner = Sequential([Input((3,)), layers.Dense(4, name="first"), layers.Dense(2, name="last")],
                       name="inner")
    x = Input((3,), name="x")
    model = Model(x, layers.Concatenate(name="end")([inner(x), x]))
    for expand, names, pairs in ((False, ["x", "inner", "end"], {(0, 1), (1, 2), (0, 2)}),
                                 (True, ["x", "first", "last", "end"],
                                  {(0, 1), (1, 2), (2, 3), (0, 3)})):
        found, edges = graph.layer_graph(model, expand)
        assert [layer.name for layer in found] == names and set(edges) == pairs
    svg = plot.plot_model(model, None, expand_nested=True, show_layer_names=True)
    assert "first (Dense)" in svg and "inner" not in boxes(svg)


def test_lines_pass_beside_the_boxes():
    places, chains = graph.arrange([80, 80, 80], [(0, 1), (1, 2), (0, 2)])
    [long] = [chain for chain in chains if len(chain) > 2]
    assert places[long[1]][1] == places[1][1]  # in the middle's rank
    assert abs(places[long[1]][0] - places[1][0]) > 40
    assert re.fullmatch(r"[-\d.]+,[-\d.]+", graph._pair(1.0, 2.0, True))
