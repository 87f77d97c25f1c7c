"""Losses against Keras's numbers, by themselves and in training; reductions, names, users' own."""

import json
import sys
from pathlib import Path

import numpy as np
import plans
import pytest

import fastnn
from fastnn import backends, layers, losses, registry
from fastnn.formulas import where

sys.path.insert(0, str(Path(__file__).parent / "golden"))
import make_losses as golden

GOLDEN = golden.unpack()
CURVES = json.loads(golden.CURVES.read_text("utf-8"))
BACKENDS = [backends.get(name) for name in backends.available()]
IDS = [golden.key(*case) for case in golden.CASES]


def close(got, wanted, rtol=1e-9, what=""):
    """Equal in relation to the largest number of an array."""
    got, wanted = np.asarray(got, np.float64).ravel(), np.ravel(wanted)
    largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=max(rtol * largest, 1e-15),
                               err_msg=what)


def make(name, arguments, **more):
    return getattr(losses, name)(**arguments, **more)


@pytest.mark.parametrize("case", golden.CASES, ids=IDS)
def test_values_are_keras(case):
    """Of each row, and of every reduction, with and without weights."""
    name, arguments, kind = case
    t, y = golden.data(kind)
    rows = make(name, arguments, reduction=None)(t, y)
    close(rows, GOLDEN[f"{golden.key(*case)}: rows"])
    close(make(name, arguments).rows(t, y), rows)
    tested = 0
    for reduction in golden.REDUCTIONS:
        for words, w in (("", None), (" weighted", golden.WEIGHTS[: len(t)])):
            wanted = GOLDEN.get(f"{golden.key(*case)}: {reduction}{words}")
            if wanted is not None:
                close(make(name, arguments, reduction=reduction)(t, y, w), wanted, 1e-9, reduction)
                tested += 1
    assert tested in (4, 8)


@pytest.mark.parametrize("case", golden.CASES, ids=IDS)
@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.NAME)
def test_gradients_are_those_of_keras(backend, case):
    """Of jax, in every prediction: the identity's rows, with the predictions for weights."""
    name, arguments, kind = case
    t, y = golden.data(kind)
    for what in golden.GRADIENTS:
        reduction, _, weighted = what.partition(" ")
        loss = make(name, arguments, reduction=reduction)
        try:
            builder = plans.Builder("float64")
            loss.lower(builder, builder.input(y.shape[1:]))
            loss.check_targets(t, "y")
        except ValueError as error:
            assert any(word in str(error) for word in ("axis", "Flatten", "alpha", "mixes"))
            return
        weights = golden.WEIGHTS[: len(y)] if weighted else None
        value, gradient = plan_of(backend, loss, t, y, weights)
        wanted = GOLDEN[f"{golden.key(*case)}: gradient {what}"]
        assert np.isfinite(wanted).all()
        smooth = np.ones(y.size, bool)
        if "Absolute" in name:
            smooth = (t != y).ravel()  # there jax has the slope on the left, and fastnn 0
        elif name == "KLDivergence":
            smooth = (y != 1).ravel()  # half the slope, where the clip begins
        close(gradient[smooth], wanted[smooth], 1e-8, what)
        close(value, GOLDEN[f"{golden.key(*case)}: {what}"])


def plan_of(backend, loss, t, y, weights=None, dtype="float64"):
    """The loss of one training step, and its gradient in the predictions y."""
    n, m = len(y), y[0].size

    def outputs(net):
        value = net.dense(net.input(n), m, bias=False)
        value.shape = y.shape[1:]
        return value

    made = plans.case(outputs, dtype, loss, n=n)
    feed = {"X": np.eye(n, dtype=dtype), "T": np.empty((0, m), dtype)}
    if loss.sparse:
        feed["labels"] = np.asarray(t, np.int64)
    else:
        feed |= {"T": np.asarray(t, dtype).reshape(n, m), "labels": np.empty(0, np.int64)}
    made = made.with_feed(**feed, weights=None if weights is None else weights.astype(dtype))
    object.__setattr__(made, "params", y.astype(dtype).ravel())
    return plans.gradient(backend, made)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.NAME)
@pytest.mark.parametrize("case", golden.TRAINED, ids=lambda case: golden.key(*case[:2], case[4]))
def test_training_follows_keras(case, backend, monkeypatch):
    """History with validation, weights, and what evaluate says: weighted rows, short batches."""
    monkeypatch.setenv("FASTNN_BACKEND", backend.NAME)
    wanted, got = CURVES[golden.key(*case[:2], case[4])], golden.train(fastnn, *case)
    for name, values in wanted["history"].items():
        np.testing.assert_allclose(got["history"][name], values, rtol=2e-5, err_msg=name)
    for mine, keras in zip(got["weights"], wanted["weights"], strict=True):
        np.testing.assert_allclose(mine, keras, rtol=1e-4, atol=2e-5)
    assert got["evaluate"] == pytest.approx(wanted["evaluate"], rel=2e-5)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.NAME)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", plans.LOSSES, ids=str)
def test_saturated_outputs_train(loss, dtype, backend):
    """Exact zeros and ones, tiny, and (logits) huge: the compiled heads say what NumPy's does."""
    loss = losses.get(loss)
    numbers = [0.0, 1.0, 1e-9, 1 - 1e-7, 0.5, 1e-4]
    if loss.link and loss.from_logits:
        numbers = [0.0, 90.0, -90.0, 1e4, -1e4, 3.0]
    y = np.resize(numbers, (18, 5))
    t = np.resize([0, 1, 2, 3, 4, 1, 1], 18) if loss.sparse else np.resize([0.0, 1, 1], (18, 5))
    wanted = plan_of(BACKENDS[-1], loss, t, y, dtype=dtype)
    got = plan_of(backend, loss, t, y, dtype=dtype)
    for mine, numpys in zip(got, wanted, strict=True):
        assert np.isfinite(numpys).all()
        close(mine, numpys, 1e-5 if dtype == "float32" else 1e-9)


# reductions


def test_a_weighted_mean_divides_by_the_weights():
    t, y, w = np.zeros((3, 1)), np.array([[1.0], [2.0], [3.0]]), [1.0, 0.0, 3.0]
    values = {reduction: float(losses.MeanSquaredError(reduction)(t, y, w))
              for reduction in golden.REDUCTIONS}
    assert values == {"sum_over_batch_size": 28 / 3, "mean": 28 / 3, "sum": 28,
                      "mean_with_sample_weight": 7}
    assert float(losses.MeanSquaredError("mean_with_sample_weight")(t, y, [0, 0, 0])) == 0
    assert losses.MeanSquaredError(None)(t, y, w).tolist() == [1, 0, 27]
    assert losses.MeanSquaredError("none")(t, y).tolist() == [1, 4, 9]
    with pytest.raises(ValueError, match=r"sample_weight has shape \(2,\)"):
        losses.MeanSquaredError()(t, y, [1, 2])
    with pytest.raises(ValueError, match="reduction must be one of"):
        losses.MeanSquaredError("median")


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.NAME)
def test_batches_that_weigh_nothing(backend):
    """All weights 0, all labels ignored: no loss, no step, and no NaN."""
    y = np.array([[0.2, 0.8], [0.6, 0.4]])
    loss = losses.MeanSquaredError("mean_with_sample_weight")
    value, gradient = plan_of(backend, loss, y, y + 1, np.zeros(2))
    assert value == 0 and not gradient.any()
    loss = losses.SparseCategoricalCrossentropy(ignore_class=7)
    value, gradient = plan_of(backend, loss, [7, 7], y)
    assert value == 0 and not gradient.any()
    assert float(loss([7, 7], y)) == 0
    made = plans.case(lambda net: net.input(2), loss=loss, n=2)
    made = made.with_feed(X=np.array([[np.nan, 1.0], [0.6, 0.4]]), labels=np.array([7, 0]))
    assert plans.evaluate(backend, made)[0] == pytest.approx(-np.log(0.6))


def test_rows_alone_are_not_to_be_trained():
    model = small()
    model.compile(loss=losses.MeanSquaredError(reduction="none"))
    with pytest.raises(ValueError, match="training minimises one number"):
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)


def small(units=2, activation=None):
    return fastnn.Sequential([fastnn.Input((3,)), layers.Dense(units, activation)])


# names


NAMES = {"bce": "BinaryCrossentropy", "BCE": "BinaryCrossentropy", "kld": "KLDivergence",
         "KLD": "KLDivergence", "mae": "MeanAbsoluteError", "MSE": "MeanSquaredError",
         "mape": "MeanAbsolutePercentageError", "MSLE": "MeanSquaredLogarithmicError",
         "kl_divergence": "KLDivergence", "huber": "Huber", "log_cosh": "LogCosh"}


@pytest.mark.parametrize("name, cls", NAMES.items())
def test_aliases(name, cls):
    assert type(losses.get(name)).__name__ == cls


def test_every_class_has_its_function_and_its_config():
    for cls in plans.LOSSES:
        if not isinstance(cls, type):
            continue
        name = registry.snake_case(cls.__name__).replace("kldiv", "kl_div")
        function = getattr(losses, name)
        for identifier in (name, function, cls, cls.__name__):
            assert type(losses.get(identifier)) is cls
        loss = cls()
        assert losses.serialize(loss)["class_name"] == cls.__name__
        again = losses.deserialize(json.loads(json.dumps(losses.serialize(loss))))
        assert again.get_config() == loss.get_config() and type(again) is cls
        t, y = golden.data("labels" if cls.sparse else "classes")
        more = (0.5,) if "generalized" in name else ()
        assert (function(t, y, *more) == loss.rows(t, y)).all()


def test_arguments_survive_a_file():
    for loss in (losses.Huber(2.5), losses.Tversky(0.2, 0.7, axis=(1,)),
                 losses.BinaryFocalCrossentropy(True, 0.1, 3.0, True, 0.2, reduction="sum"),
                 losses.SparseCategoricalCrossentropy(True, ignore_class=-1),
                 losses.CategoricalFocalCrossentropy([0.1, 0.9], 1.0, label_smoothing=0.3)):
        assert losses.deserialize(losses.serialize(loss)).get_config() == loss.get_config()


@pytest.mark.parametrize("make, words", [
    (lambda: losses.Huber(0), "delta must be"), (lambda: losses.Huber(np.nan), "delta must be"),
    (lambda: losses.BinaryCrossentropy(label_smoothing=2), "label_smoothing must lie"),
    (lambda: losses.BinaryCrossentropy(axis=True), "axis must be"),
    (lambda: losses.BinaryFocalCrossentropy(gamma=-1), "gamma must be"),
    (lambda: losses.BinaryFocalCrossentropy(alpha=2), "alpha must lie"),
    (lambda: losses.CategoricalGeneralizedCrossEntropy(0), "q must lie"),
    (lambda: losses.get("hingee"), "Did you mean 'hinge'"),
])
def test_wrong_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("word", ["crossentropy", "ce", "CE"])
def test_crossentropy_is_chosen_by_the_shapes(word):
    x, labels = np.ones((6, 3)), np.array([0, 1, 2, 0, 1, 2])
    for units, link, y, cls in ((1, "sigmoid", labels % 2, losses.BinaryCrossentropy),
                                (3, "softmax", labels, losses.SparseCategoricalCrossentropy),
                                (3, "softmax", labels[:, None],
                                 losses.SparseCategoricalCrossentropy),
                                (3, "softmax", np.eye(3)[labels], losses.CategoricalCrossentropy)):
        model = small(units, link)
        model.compile("sgd", loss=word, metrics=["accuracy"])
        model.fit(x, y, verbose=0)
        assert type(model.trainer.loss) is cls
    model = small()
    model.compile(loss=word)
    with pytest.raises(ValueError, match="chosen when fit or evaluate sees y"):
        model.trainer  # noqa: B018


def test_hinge_labels():
    """0 and 1 are -1 and 1; a mixture would depend on the batch."""
    model = small(1)
    model.compile("sgd", loss="hinge", metrics=["accuracy"])
    model.fit(np.ones((4, 3)), [0, 1, 1, 0], verbose=0)
    with pytest.raises(ValueError, match="y mixes 0 with numbers other than 1"):
        model.fit(np.ones((4, 3)), [0, 1, -1, 0], verbose=0)


def test_ignored_labels_may_lie_outside():
    x, y = np.ones((4, 3)), [0, 255, 1, 255]
    model = small(2, "softmax")
    model.compile("sgd", loss=losses.SparseCategoricalCrossentropy(ignore_class=255))
    model.fit(x, y, verbose=0)
    probabilities = model.predict(x)
    wanted = -np.log(probabilities[[0, 2], [0, 1]]).mean()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ValueError, match=r"y\[1\] is 254"):
        model.fit(x, [0, 254, 1, 255], verbose=0)


# users' own


class Quartic(losses.ElementwiseLoss):
    @staticmethod
    def value(t, y):
        e = y - t
        return e * e * e * e

    @staticmethod
    def gradient(t, y):
        e = y - t
        return 4.0 * e * e * e


class Steeper(Quartic):
    @staticmethod
    def gradient(t, y):
        return 5.0 * (y - t)


class Rows(losses.Loss):
    """Half the squared distance of the rows."""

    def call(self, y_true, y_pred):
        return 0.5 * ((y_pred - y_true) ** 2).sum(axis=1)

    def gradient(self, y_true, y_pred):
        return y_pred - y_true


def fourth(t, y):
    return (y - t) ** 4


OWN = [Quartic(), losses.custom(fourth, lambda t, y: 4 * (y - t) ** 3),
       losses.custom(lambda t, y: fourth(t, y).mean(axis=1),
                     lambda t, y: 4 / y.shape[1] * (y - t) ** 3)]


@pytest.mark.parametrize("loss", OWN, ids=lambda loss: loss.name)
@pytest.mark.parametrize("reduction", golden.REDUCTIONS)
def test_losses_of_ones_own(loss, reduction):
    """An elementwise class, a function of outputs and one of rows are the same loss."""
    loss.reduction = reduction
    t, y = golden.data("real/2")
    value, gradient = plan_of(backends.get("numpy"), loss, t, y, golden.WEIGHTS)
    assert value == pytest.approx(float(loss(t, y, golden.WEIGHTS)), rel=1e-12)
    below = {"sum": 1, "mean_with_sample_weight": golden.WEIGHTS.sum()}.get(reduction, len(t))
    outputs = 1 if reduction == "sum" and loss is OWN[1] else 2  # whose sum is over all of them
    close(gradient, 4 * (y - t) ** 3 * golden.WEIGHTS[:, None] / below / outputs, 1e-10)
    loss.reduction = "sum_over_batch_size"


class Pinball(losses.ElementwiseLoss):
    """With a hyperparameter, and a division by zero where t is 0."""

    hyper = ("share",)

    def __init__(self, share=0.8):
        super().__init__()
        self.share = share

    @staticmethod
    def value(t, y, share):
        e = t - y
        return where(e > 0.0, share * e, (share - 1.0) * e) + where(1.0 / t > 0.0, 0.0, 0.0)

    @staticmethod
    def gradient(t, y, share):
        return where(t > y, -share, 1.0 - share)


def cosh_of_rows(t, y):
    return np.log(np.cosh(np.sum((y - t) * (y - t), axis=1)))


def slope_of_rows(t, y):
    s = np.sum((y - t) * (y - t), axis=1)
    return 2 * (y - t) * np.tanh(s).reshape(-1, 1)


def softened(t, y):
    e = y - t
    return np.sqrt(1 + e * e) * np.ones(y.shape, y.dtype)


def slope_softened(t, y):
    e = y - t
    return e / np.sqrt(1 + e * e) * np.ones(y.shape, y.dtype)


COMPILED = [Rows(), Quartic(), OWN[1], Pinball(0.7), losses.custom(cosh_of_rows, slope_of_rows),
            losses.custom(softened, slope_softened, reduction="sum")]


@pytest.mark.parametrize("loss", COMPILED, ids=lambda loss: loss.name)
@pytest.mark.parametrize("n", [1, 7, 40])
def test_a_loss_of_ones_own_runs_inside_the_stretch(loss, n, monkeypatch):
    """As numbers, as rows or as outputs; the same values and gradients as on NumPy."""
    pytest.importorskip("numba")
    cython = pytest.importorskip("fastnn.backends.cython_backend")
    t, y = golden.numbers(n, 3), golden.numbers(n, 3) + 0.5
    weights = np.linspace(0.5, 1.5, n)
    wanted = plan_of(backends.get("numpy"), loss, t, y, weights)
    for name in ("train", "forward", "evaluate"):
        monkeypatch.setattr(cython.numpy_backend, name, None)
    value, gradient = plan_of(cython, loss, t, y, weights)
    assert value == pytest.approx(wanted[0], rel=1e-12)
    close(gradient, wanted[1], 1e-12)


def test_a_loss_of_ones_own_has_the_same_bits_by_any_number_of_threads():
    pytest.importorskip("numba")
    pytest.importorskip("fastnn.backends.cython_backend")
    x, y, found = golden.numbers(300, 40), golden.numbers(300, 2), []
    for threads in (1, 2):
        fastnn.config.set_num_threads(threads)
        fastnn.utils.set_random_seed(1)
        model = fastnn.Sequential([layers.Dense(90, "tanh", input_dim=40), layers.Dense(2)])
        model.compile("adam", loss=COMPILED[4], backend="cython")
        model.fit(x, y, epochs=3, batch_size=150, verbose=0)
        found.append(model.params.tobytes())
    fastnn.config.set_num_threads(None)
    assert found[0] == found[1]


def test_a_loss_of_ones_own_trains():
    x, y = golden.numbers(12, 3), golden.numbers(12, 2)
    for loss in (Rows(), Quartic, OWN[1]):
        model = small()
        model.compile("sgd", loss=loss)
        history = model.fit(x, y, epochs=30, verbose=0).history["loss"]
        assert model.trainer.backend is backends.get()
        assert history[-1] < history[0]
        assert model.evaluate(x, y, verbose=0) == pytest.approx(
            float(losses.get(loss)(y, model.predict(x))), rel=1e-5)


def batch_max(t, y):
    return np.square(y - t).sum(axis=1) + t.max()


@pytest.mark.parametrize("loss, why", [
    (OWN[2], "Numba cannot compile it"),
    (losses.custom(batch_max, lambda t, y: 2 * (y - t)), "the loss of a row depends on other")],
    ids=["mean", "batch"])
def test_what_cannot_be_compiled_runs_on_numpy_and_says_so_once(loss, why):
    pytest.importorskip("numba")
    pytest.importorskip("fastnn.backends.cython_backend")
    x, y = golden.numbers(12, 3), golden.numbers(12, 2)
    model = small()
    model.compile("sgd", loss=loss, backend="cython")
    with pytest.warns(RuntimeWarning, match=f"The loss {loss.name} runs on the NumPy.*{why}"):
        history = model.fit(x, y, epochs=10, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.fit(x, y, verbose=0)  # in silence
    with pytest.warns(RuntimeWarning, match="knows the package's own formulas only"):
        model.compile("sgd", loss=loss, backend="numba")
        model.fit(x, y, verbose=0)


def test_a_registered_loss_is_saved_by_its_name(tmp_path):
    model = small()
    model.compile("sgd", loss=Quartic())
    model.save(tmp_path / "model.fastnn")
    own = {"Quartic": Quartic}
    assert isinstance(losses.deserialize(losses.serialize(Quartic()), own), Quartic)
    assert isinstance(fastnn.load_model(tmp_path / "model.fastnn", own).loss, Quartic)
    model.compile("sgd", loss=OWN[1])
    with pytest.raises(TypeError, match="made of functions, which cannot be written"):
        model.save(tmp_path / "other.fastnn")


def test_wrong_losses_of_ones_own():
    with pytest.raises(ValueError, match=r"wrong gradient: at y_true=.*, y_pred=.* it is"):
        losses.custom(fourth, lambda t, y: 3 * (y - t) ** 3)
    with pytest.raises(ValueError, match=r"they have \(5, 3\) and \(5,\)"):
        losses.custom(fourth, lambda t, y: 4 * ((y - t) ** 3).sum(axis=1))
    x, y = np.ones((4, 3)), np.ones((4, 2))
    model = small()
    model.compile(loss=Steeper())
    with pytest.raises(ValueError, match="wrong gradient"):
        model.fit(x, y, verbose=0)
    example = (np.zeros((2, 1)), np.array([[-1.0], [-3.0]]))
    with pytest.raises(ValueError, match="y_pred=-1"):
        losses.custom(lambda t, y: abs(y), lambda t, y: np.ones_like(y), example=example)
