"""Pictures of training: curves and the beginning of overfitting, histograms, the loss surface."""

import numpy as np
import pytest
from pictures import dense, headless  # noqa: F401

import fastnn
from fastnn import Input, Model, Sequential, layers, optimizers, plot
from fastnn.plot import histograms, landscape
from fastnn.plot.curves import curve

pytestmark = pytest.mark.usefixtures("headless")
EPOCHS = np.arange(60)
FALLING = 1 / (1 + EPOCHS)


def noise(seed, size, n=60):
    return size * np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("seed", range(20))
def test_overfitting_starts_at_the_turn_through_noise(seed):
    val = 0.5 + (EPOCHS - 25.0) ** 2 / 2000 + noise(seed, 0.01)
    assert abs(plot.overfitting_start(FALLING, val) - 25) <= 8


@pytest.mark.parametrize("seed", range(40))
def test_a_noisy_plateau_is_no_overfitting(seed):
    assert plot.overfitting_start(FALLING, 0.5 + noise(seed, 0.02)) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_loss_that_falls_is_no_overfitting(seed):
    assert plot.overfitting_start(FALLING, FALLING + 0.2 + noise(seed, 0.01)) is None


def test_where_the_training_loss_rises_too_it_is_something_else():
    rising = 0.3 + (EPOCHS - 25.0) ** 2 / 1000
    assert plot.overfitting_start(rising, rising + 0.1) is None


def test_the_last_epochs_alone_prove_nothing():
    val = np.r_[FALLING[:-3], 0.5, 0.6, 0.7]
    assert plot.overfitting_start(FALLING, val) is None
    assert plot.overfitting_start(FALLING[:4], [1, 0.5, 2, 3]) is None
    assert plot.overfitting_start(FALLING, np.where(EPOCHS > 50, np.nan, 1.0)) is None


def test_losses_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="as many numbers"):
        plot.overfitting_start([1, 2, 3], [1, 2])


def test_a_validation_every_so_many_epochs_lies_at_its_epochs():
    epochs, values = curve({"loss": [0] * 10, "val_loss": [5, 4, 3, 2, 1]}, "val_loss")
    np.testing.assert_array_equal(epochs, [2, 4, 6, 8, 10])
    np.testing.assert_array_equal(values, [5, 4, 3, 2, 1])


def test_the_history_is_drawn_from_epoch_1_with_the_turn(headless):  # noqa: F811
    val = 0.3 + (EPOCHS - 25.0) ** 2 / 1000
    own = headless.subplots()[1]
    ax = plot.history({"loss": FALLING.tolist(), "val_loss": val.tolist()}, ax=own)
    assert ax is own and ax.get_xlabel() == "epoch" and ax.get_ylabel() == "loss"
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(lines["training"].get_xydata()[:2], [[1, 1], [2, 0.5]])
    np.testing.assert_array_equal(lines["validation"].get_ydata(), val)
    assert "overfitting from epoch 26" in [text.get_text() for text in ax.texts]


def test_history_plot_draws_what_fit_recorded(headless):  # noqa: F811
    model = dense(2, 4, 1)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    X = np.random.default_rng(0).normal(size=(40, 2))
    history = model.fit(X, X[:, 0] > 0, epochs=3, verbose=0)
    loss, accuracy = history.plot(), history.plot("accuracy")
    assert loss is not accuracy  # the second did not draw over the first
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), history.history["loss"])
    np.testing.assert_array_equal(accuracy.lines[0].get_ydata(), history.history["accuracy"])
    assert not loss.texts and loss.get_legend() is None
    with pytest.raises(ValueError, match=r"no 'auc'; it has accuracy, loss"):
        history.plot("auc")


def test_layer_outputs_are_those_of_the_layers():
    model = dense(3, 5, 4, 2)
    x = np.random.default_rng(0).normal(size=(7, 3)).astype("f4")
    found = histograms.layer_outputs(model, x)
    value = x
    for layer in model.layers:
        value = value @ layer.kernel + layer.bias
        value = np.maximum(value, 0) if layer.name != "c" else 1 / (1 + np.exp(-value))
        np.testing.assert_allclose(found[layer.name], value, rtol=1e-5)
    assert len(model.layers) == 3  # it is as it was


def test_layer_outputs_of_a_graph():
    x = Input((4,))
    h = layers.Dense(3, "tanh", name="h")(x)
    model = Model(x, [layers.Add(name="sum")([h, layers.Dense(3, name="g")(x)]), h])
    rows = np.random.default_rng(0).normal(size=(5, 4)).astype("f4")
    found = histograms.layer_outputs(model, rows)
    assert sorted(found) == ["g", "h", "sum"]
    np.testing.assert_allclose(found["sum"], found["g"] + found["h"], rtol=1e-6)
    np.testing.assert_allclose(found["h"], model.predict(rows)[1], rtol=1e-6)
    assert len(plot.activation_histograms(model, rows).patches) == 3


def test_weights_of_a_layer_are_its_matrices_without_biases_and_averages():
    model = Sequential([Input((3,)), layers.Dense(4, name="a"), layers.BatchNormalization(),
                        layers.Dense(2, name="b", use_bias=False)])
    found = histograms.layer_weights(model)
    assert {name: len(numbers) for name, numbers in found.items()} == {"a": 12, "b": 8}
    np.testing.assert_array_equal(found["b"], model.layers[2].kernel.ravel())
    doubled = histograms.layer_weights(model, [2 * w for w in model.get_weights()])
    np.testing.assert_array_equal(doubled["a"], 2 * found["a"])
    with pytest.raises(ValueError, match=r"7 arrays of weights, received 1"):
        histograms.layer_weights(model, model.get_weights()[:1])


def test_histograms_count_every_number_but_the_zeros_and_note_these():
    edges, [row, other] = histograms.ridges({"a": [0.0, 0.0, 1.0, 3.0], "b": [2.0]},
                                            {"a": [-1.0, 0.0], "b": [1.0, 1.0]}, bins=4)
    np.testing.assert_array_equal(edges, [-1, 0, 1, 2, 3])
    np.testing.assert_array_equal(row.counts, [0, 0, 1, 1])
    np.testing.assert_array_equal(row.before, [1, 0, 0, 0])
    np.testing.assert_array_equal(other.before, [0, 0, 2, 0])
    assert row.note == "σ 1.2, 50% zero" and other.note == "σ 0"


def test_histograms_say_what_is_not_finite():
    _, [row] = histograms.ridges({"a": [1.0, np.nan, 2.0, np.inf]})
    assert row.note == "50% not finite" and row.counts.sum() == 2 and row.before is None


def test_weight_histograms_show_each_layer_before_and_after(headless):  # noqa: F811
    model = dense(3, 5, 1)
    before = model.get_weights()
    model.set_weights([3 * w for w in before])
    ax = plot.weight_histograms(model, before, ax=headless.subplots()[1])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]  # a on top
    assert len(ax.patches) == 4
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"before", "after"}
    assert len(plot.weight_histograms(model, ax=headless.subplots()[1]).patches) == 2


def test_activation_histograms_leave_the_model_alone(headless):  # noqa: F811
    model = dense(3, 5, 1)
    now, X = model.get_weights(), np.ones((6, 3))
    ax = plot.activation_histograms(model, X, [w + 1 for w in now])
    assert len(ax.patches) == 4
    for one, two in zip(now, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.fixture
def line():
    """y = 2 x + 0.5 to be found by one neuron that begins at -1 x + 1."""
    x = np.linspace(-1, 1, 21)[:, None]
    model = Sequential([Input((1,)), layers.Dense(1)], dtype="float64")
    model.set_weights([np.array([[-1.0]]), np.array([1.0])])
    model.compile("sgd", "mse")
    return model, x, 2 * x + 0.5


def test_paths_are_those_of_the_optimizers(line):
    model, x, y = line
    paths = plot.optimizer_paths(model, x, y, {"plain": optimizers.SGD(0.1), "adam": "adam"}, 3)
    w = np.array([-1.0, 1.0])
    for point in paths["plain"]:
        np.testing.assert_allclose(point, w, rtol=1e-12)
        error = x[:, 0] * w[0] + w[1] - y[:, 0]
        w = w - 0.1 * 2 * np.array([np.mean(error * x[:, 0]), np.mean(error)])
    assert paths["adam"].shape == (4, 2)
    np.testing.assert_array_equal(model.get_weights()[1], [1.0])  # the model stays


def test_a_batch_size_gives_a_step_a_batch(line):
    model, x, y = line
    assert plot.optimizer_paths(model, x, y, ["sgd"], 2, batch_size=7)["sgd"].shape == (7, 2)


def test_two_parameters_are_the_axes_themselves(line):
    model, x, y = line
    paths = plot.optimizer_paths(model, x, y, {"plain": optimizers.SGD(0.1)}, 5)
    surface = plot.measure_surface(model, x, y, paths, steps=5)
    assert surface.labels == ("kernel", "bias")
    np.testing.assert_allclose(surface.paths["plain"], paths["plain"])
    for i, j in ((0, 0), (4, 1), (2, 3)):
        error = x * surface.a[j] + surface.b[i] - y
        assert surface.losses[i, j] == pytest.approx(np.mean(error**2), rel=1e-9)
    assert surface.a[0] < paths["plain"][:, 0].min() < paths["plain"][:, 0].max() < surface.a[-1]


def test_the_plane_of_many_parameters_holds_the_paths_ends():
    rng = np.random.default_rng(0)
    paths = {name: np.cumsum(rng.normal(size=(5, 9)), axis=0) for name in "ab"}
    centre, directions = landscape.plane(np.zeros(9), paths)
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-12)
    for path in paths.values():
        points = np.concatenate(list(paths.values())) - centre
        _, _, vt = np.linalg.svd(points)
        np.testing.assert_allclose(abs(np.diag(vt[:2] @ directions.T)), 1)
        assert path.shape == (5, 9)


def test_a_path_of_three_points_lies_on_its_plane():
    model = dense(2, 3, 1)
    model.compile("sgd", "binary_crossentropy")
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = X[:, 0] > 0
    paths = plot.optimizer_paths(model, X, y, {"big": optimizers.SGD(2.0)}, 2)
    surface = plot.measure_surface(model, X, y, paths, steps=3)
    there = surface.centre + surface.paths["big"] @ surface.directions
    np.testing.assert_allclose(there, paths["big"], atol=1e-6)
    np.testing.assert_allclose(paths["big"][0], model.params, atol=1e-7)
    assert surface.labels[0] == "first principal direction"


def test_without_paths_the_middle_is_the_model_itself():
    model = dense(2, 3, 1)
    model.compile("sgd", "binary_crossentropy")
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = X[:, 0] > 0
    surface = plot.measure_surface(model, X, y, steps=5)
    assert surface.losses[2, 2] == pytest.approx(model.evaluate(X, y, verbose=0), rel=1e-6)
    assert surface.a[2] == 0 and abs(surface.directions[0] @ surface.directions[1]) < 1e-6
    assert len(set(surface.losses.ravel())) > 20


def test_the_surface_is_drawn_with_its_paths(line, headless):  # noqa: F811
    model, x, y = line
    paths = plot.optimizer_paths(model, x, y, ["sgd", "adam"], 4)
    surface = plot.measure_surface(model, x, y, paths, steps=8)
    ax = plot.loss_surface(surface, ax=headless.subplots()[1])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["sgd", "adam", "start"]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), surface.paths["sgd"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("kernel", "bias")


def test_a_loss_that_overflows_is_drawn_all_the_same():
    losses = np.array([[1.0, 2.0], [np.inf, np.nan]])
    surface = plot.LossSurface(np.zeros(2), np.eye(2), np.arange(2.0), np.arange(2.0), losses)
    assert plot.loss_surface(surface).collections


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "fastnn\[plot\]"'):
        plot.history({"loss": [1.0, 0.5]})


def test_matplotlib_waits_for_the_first_picture():
    import subprocess
    import sys

    code = "import sys, fastnn.plot, fastnn.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert fastnn.plot is plot
