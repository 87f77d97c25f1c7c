"""Regularizers and constraints: their formulas, their gradients, and training against Keras's."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import plans
import pytest

import fastnn
from fastnn import (
    Input,
    Sequential,
    backends,
    constraints,
    layers,
    optimizers,
    registry,
    regularizers,
)
from fastnn.layers import ActivityRegularization, BatchNormalization, Dense, Dropout
from fastnn.plan import Kind
from fastnn.saving import load_model

GOLDEN = Path(__file__).parent / "golden"
KERAS = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_regularization.py")))
RESULTS = json.loads((GOLDEN / "regularization.json").read_text())
X = np.sin(np.arange(36.0)).reshape(12, 3).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")
W = np.array([[3.0, 0.3, 0.0], [4.0, -0.4, 0.0]])
NAMES = registry.names("constraint")


@pytest.fixture(params=backends.available())
def backend(request):
    return request.param


# against Keras


def numbers_in(tree):
    if isinstance(tree, dict):
        return [x for key in sorted(tree) for x in numbers_in(tree[key])]
    return [x for part in tree for x in numbers_in(part)] if isinstance(tree, list) else [tree]


@pytest.mark.parametrize("name", KERAS.CASES)
def test_training_equals_that_of_keras(name, backend, monkeypatch):
    monkeypatch.setenv("FASTNN_BACKEND", backend)
    ours, keras = KERAS.train(fastnn, name), RESULTS[name]
    assert list(ours["history"]) == sorted(keras["history"])
    for part, expected in keras.items():
        np.testing.assert_allclose(numbers_in(ours[part]), numbers_in(expected),
                                   rtol=2e-5, atol=2e-5, err_msg=part)  # fmt: skip


def test_results_for_arrays_equal_those_of_keras():
    ours, keras = KERAS.objects(fastnn), RESULTS["objects"]
    assert ours.keys() == keras.keys()
    for name, expected in keras.items():
        np.testing.assert_allclose(numbers_in(ours[name]), numbers_in(expected), rtol=1e-6,
                                   atol=1e-7, err_msg=name)


# gradients


def numeric_gradient(made, backend, step=1e-6):
    """Of the loss of all rows, by central differences; made.params is changed and restored."""
    slopes = np.empty(made.plan.n_trained)
    for i in range(len(slopes)):
        before = made.params[i]
        values = []
        for made.params[i] in (before + step, before - step):
            values.append(plans.gradient(backend, made)[0])
        made.params[i] = before
        slopes[i] = (values[0] - values[1]) / (2 * step)
    return slopes


@pytest.mark.parametrize("settings", [
    *plans.CASES[Kind.ACTIVITY], *plans.CASES[Kind.ORTHOGONALITY]], ids=lambda s: "")
def test_gradients_of_penalties(settings, backend):
    made = plans.case(**settings)
    slopes = numeric_gradient(made, backends.get(backend))
    _, gradient = plans.gradient(backends.get(backend), made)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7)


def test_the_gradient_of_orthogonality_is_along_no_vector():
    value, gradient = regularizers.orthogonality(KERAS.numbers(4, 6), 0.7)
    np.testing.assert_allclose((gradient * KERAS.numbers(4, 6)).sum(axis=1), 0, atol=1e-12)
    assert value == pytest.approx(regularizers.OrthogonalRegularizer(0.7)(KERAS.numbers(4, 6)))
    short = np.array([[1e-9, 1e-9], [1.0, 0.0]])  # divided by 1e-7, not by its norm
    assert regularizers.OrthogonalRegularizer(1.0)(short) == pytest.approx(0.01)


def test_short_vectors_are_divided_by_epsilon(backend):
    """A row of zeros and one below 1e-7, whose cosines turn with its length too."""
    made = plans.case(lambda net: net.dense(net.input(4), 3), finish=lambda net:
                      net.builder.orthogonality(0, (4, 3), 0.7, False))  # fmt: skip
    made.params[:3], made.params[3:6] = 0, [1e-9, 2e-9, -1e-9]
    for function in (plans.gradient, lambda *a: [plans.evaluate(*a)]):
        got, wanted = (function(backends.get(name), made) for name in (backend, "numpy"))
        for one, two in zip(got, wanted, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-10)
    assert np.abs(plans.gradient(backends.get(backend), made)[1][:6]).max() > 1e3


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((1, 3)), np.ones((2, 2, 2))])
def test_orthogonality_needs_two_vectors(wrong):
    with pytest.raises(ValueError, match="matrix of at least two rows; received shape"):
        regularizers.OrthogonalRegularizer()(wrong)
    with pytest.raises(ValueError, match="'rows' or 'columns'; received 'cols'"):
        regularizers.OrthogonalRegularizer(mode="cols")


# activity


def loss_of(model, x=X, y=Y, **arguments):
    return model.evaluate(x, y, verbose=0, **arguments)


def test_activity_penalties_are_means_over_rows():
    """Row weights do not count; nor does the size of the batches."""
    dense = Dense(2, "tanh", activity_regularizer=regularizers.L1L2(0.3, 0.7))
    model = Sequential([Input((3,)), dense, Dense(1)])
    model.compile("sgd", "mse")
    h = np.tanh(X @ dense.kernel + dense.bias)
    penalty = (0.3 * np.abs(h).sum() + 0.7 * np.square(h).sum()) / len(X)
    plain = np.square(model.predict(X) - Y).mean()
    assert loss_of(model) == pytest.approx(plain + penalty, rel=1e-6)
    assert loss_of(model, batch_size=5) == loss_of(model)
    weightless = np.zeros(len(X))
    assert loss_of(model, sample_weight=weightless) == pytest.approx(penalty, rel=1e-6)


def test_activity_penalties_leave_predictions_alone():
    fastnn.utils.set_random_seed(3)
    plain = Sequential([Input((3,)), Dense(4, "relu"), BatchNormalization(), Dense(2, "softmax")])
    model = Sequential([
        Input((3,)), ActivityRegularization(0.1), Dense(4, "relu", activity_regularizer="l2"),
        BatchNormalization(activity_regularizer="l1"), ActivityRegularization(l2=0.1),
        Dense(2, "softmax", activity_regularizer="l1")])  # fmt: skip
    model.set_weights(plain.get_weights())
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    np.testing.assert_allclose(model.predictor()(X), plain.predict(X), rtol=1e-5)
    assert Kind.ACTIVITY not in model.predictor().plan.ops["kind"]
    np.testing.assert_allclose(model(X, training=True), plain(X, training=True), rtol=1e-6)


def test_any_layer_takes_an_activity_regularizer():
    for layer in (Dense(3), Dropout(0.0), layers.Flatten(), layers.Reshape((3,)),
                  layers.Activation("relu"), BatchNormalization()):
        kwargs = layer.get_config() | {"activity_regularizer": "l2"}
        model = Sequential([Input((3,)), type(layer)(**kwargs)])
        model.compile("sgd", "mse")
        y = model.predict(X)
        assert loss_of(model, y=y) == pytest.approx(0.01 * np.square(y).sum() / len(X), rel=1e-5)


def test_activity_penalties_without_factors_cost_nothing():
    model = Sequential([Input((3,)), ActivityRegularization(), Dense(1)])
    model.compile("sgd", "mse")
    assert Kind.ACTIVITY not in model.trainer.plan.ops["kind"]
    with pytest.raises(ValueError, match="cannot be an activity_regularizer: L1, L2 and L1L2 can"):
        Sequential([Dense(2, activity_regularizer="orthogonal_regularizer")]).predict(X)


def test_a_nan_goes_through_an_activity_penalty(backend):
    for penalty in ("l1", "l2"):
        model = Sequential([Input((3,)), Dense(1, activity_regularizer=penalty), Dense(1)])
        model.compile("sgd", "mse", backend=backend)
        model.layers[0].kernel = np.full((3, 1), np.nan)
        model.train_on_batch(X, Y)
        assert np.isnan(model.layers[0].kernel).all()


# initial values


def test_initial_values_are_the_same_on_every_backend():
    params = []
    for name in backends.available():
        fastnn.utils.set_random_seed(6)
        model = Sequential([Input((3,)), Dense(4, kernel_initializer="he_normal"),
                            Dense(4, kernel_initializer="orthogonal"), Dense(2)])  # fmt: skip
        model.compile("sgd", "mse", backend=name)
        params.append(model.params.tobytes())
    assert len(set(params)) == 1


# constraints


def test_constraints_of_arrays():
    e = 1e-7
    np.testing.assert_allclose(constraints.MaxNorm(1.0)(W), [[3 / 5, 0.3, 0], [4 / 5, -0.4, 0]],
                               rtol=1e-6)
    np.testing.assert_allclose(constraints.MaxNorm(1.0)(W)[:, 1], W[:, 1] * (0.5 / (0.5 + e)))
    np.testing.assert_allclose(constraints.UnitNorm()(W), W / (np.array([5, 0.5, 0]) + e))
    np.testing.assert_allclose(constraints.UnitNorm(axis=1)(W)[0], W[0] / (9.09**0.5 + e))
    np.testing.assert_allclose(constraints.UnitNorm(axis=None)(W), W / ((W * W).sum()**0.5 + e))
    np.testing.assert_allclose(constraints.UnitNorm(axis=[0, 1])(W), constraints.UnitNorm(None)(W))
    slow = constraints.MinMaxNorm(1.0, 2.0, rate=0.5)(W)
    np.testing.assert_allclose(np.sqrt((slow * slow).sum(axis=0)), [3.5, 0.75, 0], rtol=1e-6)
    assert constraints.NonNeg()(W).min() == 0 and constraints.NonNeg()(W)[0, 0] == 3
    deep = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_allclose(constraints.UnitNorm((1, 2))(deep)[1],
                               deep[1] / np.linalg.norm(deep[1]))
    assert constraints.MaxNorm()([[3, 4]]).dtype == np.float32
    assert constraints.MaxNorm()(W.astype("float32")).dtype == np.float32
    with np.errstate(invalid="ignore"):
        infinite = constraints.MaxNorm(1.0)(np.array([[np.inf], [2.0]]))
    assert np.isnan(infinite[0, 0]) and infinite[1, 0] == 0, "as Keras: no NaN where none must be"


def test_constraints_leave_their_argument_alone():
    for name in NAMES:
        w = W.copy()
        constraints.get(name)(w)
        np.testing.assert_array_equal(w, W)


@pytest.mark.parametrize("name", NAMES)
def test_constraint_names(name):
    cls = getattr(constraints, name)
    assert type(constraints.get(registry.snake_case(name))) is type(constraints.get(name)) is cls
    assert getattr(constraints, registry.snake_case(name)) is cls
    saved = json.loads(json.dumps(constraints.serialize(cls())))
    assert constraints.deserialize(saved).get_config() == cls().get_config()
    assert constraints.get(cls()).get_config() == constraints.get(cls).get_config()
    assert constraints.get(None) is None


def test_keras_default_arguments():
    assert {name: constraints.get(name).get_config() for name in NAMES} == {
        "NonNeg": {}, "MaxNorm": {"max_value": 2, "axis": 0}, "UnitNorm": {"axis": 0},
        "MinMaxNorm": {"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0},
    }  # fmt: skip
    assert repr(constraints.MaxNorm(3)) == "MaxNorm(max_value=3, axis=0)"


@pytest.mark.parametrize(("make", "message"), [
    (lambda: constraints.get("max_nrom"), r"'max_nrom'\. Did you mean 'max_norm'"),
    (lambda: constraints.MaxNorm(-1), r"at least 0, for max_value; received -1"),
    (lambda: constraints.MinMaxNorm(2.0, 1.0), r"min_value to be at most max_value; received 2.0"),
    (lambda: constraints.MinMaxNorm(rate=float("nan")), r"for rate; received nan"),
    (lambda: constraints.MaxNorm(axis=1)(np.ones(3)), r"no such axis .* of shape \(3,\)"),
    (lambda: constraints.MaxNorm(axis=[0, 2])(np.ones((2, 2, 2))), r"must be neighbours"),
    (lambda: Dense(2, kernel_constraint="l2"), r"Unknown constraint: 'l2'"),
    (lambda: Dense(2, lora_rank=4), r"lora_rank=None only; received 4"),
    (lambda: Dense(2, quantization_config={}), r"quantization_config=None only"),
    (lambda: BatchNormalization(renorm=True), r"renorm=False only; received True"),
    (lambda: BatchNormalization(synchronized=True), r"synchronized=False only; received True"),
])  # fmt: skip
def test_wrong_values(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def constrained(kernel=None, bias=None, backend=None, optimizer="sgd"):
    fastnn.utils.set_random_seed(2)
    model = Sequential([Input((3,)), Dense(4, "tanh", kernel_constraint=kernel,
                                           bias_constraint=bias), Dense(1)])  # fmt: skip
    model.compile(optimizer, "mse", backend=backend)
    return model


def test_a_constraint_holds_after_every_update(backend):
    model = constrained(constraints.MaxNorm(0.5), "non_neg", backend, optimizers.SGD(0.5))
    for _ in range(5):
        model.train_on_batch(X, Y)
        assert np.linalg.norm(model.layers[0].kernel, axis=0).max() < 0.5 + 1e-6
        assert model.layers[0].bias.min() >= 0


def test_a_frozen_layer_is_not_constrained():
    model = constrained(constraints.UnitNorm())
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.layers[0].kernel.copy()
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].kernel, before)


def test_add_weight_takes_a_constraint():
    class Scaled(layers.Layer):
        def build(self, input_shape):
            self.add_weight("kernel", (3, 1), constraint="unit_norm")

        def compute_output_shape(self, input_shape):
            return (1,)

        def lower(self, builder, value):
            return builder.op(Kind.DENSE, value, shape=(1,), trains=True, w=self.offset("kernel"))

    model = Sequential([Input((3,)), Scaled()])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    assert type(model.weights[0].constraint) is constraints.UnitNorm
    assert np.linalg.norm(model.weights[0].value) == pytest.approx(1)


# one's own


class Clamp(constraints.Constraint):
    """Into [-limit, limit]."""

    def __init__(self, limit=0.1):
        self.limit = limit
        self.calls = 0

    def __call__(self, w):
        self.calls += 1
        return np.clip(w, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


class OwnMaxNorm(constraints.MaxNorm):
    """The same in the user's own words."""

    def __call__(self, w):
        norms = np.sqrt(np.square(w).sum(axis=0, keepdims=True))
        return w * (np.clip(norms, 0, self.max_value) / (1e-7 + norms))


def test_a_constraint_of_ones_own_is_called_after_every_step(backend):
    clamp = Clamp()
    model = constrained(clamp, None, backend, "adam")
    history = model.fit(X, Y, batch_size=5, epochs=7, verbose=0).history
    assert clamp.calls == 3 * 7 and len(history["loss"]) == 7
    assert np.abs(model.layers[0].kernel).max() == np.float32(0.1)
    assert model.optimizer.iterations == 21


def test_a_constraint_of_ones_own_trains_as_the_compiled_one(backend):
    """With a metric that only Python knows, dropped rows and a short last batch."""
    def mean_error(y, p):
        return np.abs(y - p).mean()

    results = []
    for constraint in (OwnMaxNorm(0.5), constraints.MaxNorm(0.5)):
        fastnn.utils.set_random_seed(4)
        model = Sequential([Input((3,)), Dense(6, "tanh", kernel_constraint=constraint),
                            Dropout(0.3, seed=1), Dense(1)])  # fmt: skip
        model.compile("adam", "mse", [mean_error, "mae"], backend=backend)
        history = model.fit(X, Y, batch_size=5, epochs=6, verbose=0).history
        results.append([*history.values(), *model.get_weights()])
    for own, compiled in zip(*results, strict=True):
        np.testing.assert_allclose(own, compiled, rtol=1e-5, atol=1e-6)


def test_a_constraint_of_the_wrong_shape_says_so():
    class Wrong(constraints.Constraint):
        def __call__(self, w):
            return w.T

    with pytest.raises(ValueError, match=r"kernel has shape \(3, 4\), received .*\(4, 3\)"):
        constrained(Wrong()).fit(X, Y, verbose=0)


def test_a_regularizer_without_a_gradient_says_so():
    class Own(regularizers.Regularizer):
        def __call__(self, w):
            return 0.0

        def get_config(self):
            return {}

    class OwnL2(regularizers.L2):
        def __call__(self, w):
            return 0.0

    for own in (Own(), OwnL2()):
        model = Sequential([Input((3,)), Dense(1, kernel_regularizer=own)])
        model.compile("sgd", "mse")
        with pytest.raises(TypeError, match=rf"{type(own).__name__} gives a penalty, but not its"):
            model.fit(X, Y, verbose=0)


def test_a_regularizer_may_lower_itself():
    class Ridge(regularizers.Regularizer):
        """0.2 * sum(w^2)."""

        def __call__(self, w):
            return 0.2 * float(np.square(w).sum())

        def lower(self, builder, variable):
            builder.penalty(variable.offset, variable.size, 0.0, 0.2)

        def get_config(self):
            return {}

    losses = []
    for penalty in (Ridge(), regularizers.L2(0.2)):
        fastnn.utils.set_random_seed(2)
        model = Sequential([Input((3,)), Dense(1, kernel_regularizer=penalty)])
        model.compile("sgd", "mse")
        losses.append(model.fit(X, Y, epochs=3, verbose=0).history["loss"])
    assert losses[0] == losses[1]


# files


def everything():
    fastnn.utils.set_random_seed(5)
    model = Sequential([
        Input((3,)),
        Dense(4, kernel_regularizer="orthogonal_regularizer", kernel_constraint="max_norm",
              bias_constraint=constraints.MinMaxNorm(0.1, 0.9, rate=0.5, axis=-1),
              activity_regularizer=regularizers.L1L2(0.1, 0.2), name="first"),
        BatchNormalization(gamma_constraint="non_neg", beta_constraint=Clamp(0.2), name="norm"),
        ActivityRegularization(0.1, 0.2, name="active"), Dense(1, name="last")])  # fmt: skip
    model.compile("adam", "mse")
    return model


def test_files_keep_everything(tmp_path):
    model = everything()
    model.fit(X, Y, epochs=2, batch_size=5, verbose=0)
    model.save(tmp_path / "model.fastnn")
    twin = load_model(tmp_path / "model.fastnn", custom_objects={"Clamp": Clamp})
    assert json.dumps(twin.get_config()) == json.dumps(model.get_config())
    first, norm = twin.layers[:2]
    assert repr([v.constraint for v in first.weights]) == (
        "[MaxNorm(max_value=2, axis=0), "
        "MinMaxNorm(min_value=0.1, max_value=0.9, rate=0.5, axis=-1)]")
    assert [type(v.constraint) for v in norm.weights[:2]] == [constraints.NonNeg, Clamp]
    for one in (model, twin):
        one.fit(X, Y, epochs=2, batch_size=5, verbose=0)
    assert twin.params.tobytes() == model.params.tobytes()


def test_a_file_does_not_mix_up_classes_of_one_name(tmp_path):
    other = type("MaxNorm", (constraints.Constraint,), {})
    model = constrained(other())
    with pytest.raises(ValueError, match=r"another constraint of that name\. Rename"):
        model.save(tmp_path / "model.fastnn")


# batches and threads


@pytest.mark.parametrize("batch_size", [1, 2, 16, 17, 33])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_sizes_of_activity_penalties(backend, dtype, batch_size):
    def make(net):
        value = net.builder.activity_penalty(net.batch_norm(net.dense(net.input(5), 9)), 0.1, 0.2)
        return net.dense(net.builder.activity_penalty(net.activate(value, "relu"), 0.3, 0.1), 2)

    made = plans.case(make, dtype, optimizer="sgd", n=34, weighted=True)
    wanted, got = (plans.train(backends.get(name), made, batch_size) for name in ("numpy", backend))
    tolerance = 5e-5 if dtype == "float32" else 1e-10
    for name in wanted:  # relative to the largest: a gradient in front of a norm may cancel
        np.testing.assert_allclose(got[name], wanted[name], rtol=tolerance, err_msg=name,
                                   atol=tolerance * np.abs(wanted[name]).max(initial=0))


def test_threads_do_not_change_a_bit(backend):
    def make(net):
        value = net.builder.activity_penalty(net.dense(net.input(90), 256, "tanh"), 0.1, 0.2)
        return net.dense(net.builder.activity_penalty(net.dense(value, 70), 0.1, 0.2), 1)

    def finish(net):
        net.builder.orthogonality(net.variables[0].offset, (90, 256), 0.5, False)
        net.builder.orthogonality(net.variables[2].offset, (256, 70), 0.5, True)

    after = plans.constrained(
        ((1, 90, 256), (0.0, 0.9, 1.0, 1e-7)), ((1, 256, 1), (1.0, 1.0, 1.0, 1e-7)),
        ((256, 70, 1), (0.5, 1.0, 0.3, 1e-7)), ((1, 1, 70), (0.0, 0.1, 0.5, 1e-7)),
        ((1, 1, 70), (0.0, 0.1, 0.5, 1e-7)), ((1, 1, 1), (0.0, 0.1, 0.5, 1e-7)))
    made = plans.case(make, "float32", "mse", "adam", n=300, finish=finish, after=after)
    for size in (150, 16):  # of 16 rows the threads share the columns
        runs = [plans.train(backends.get(backend), made, size, 2, threads) for threads in (1, 2, 3)]
        for name in runs[0]:
            assert len({run[name].tobytes() for run in runs}) == 1, name
    sums = {plans.evaluate(backends.get(backend), made, threads).tobytes() for threads in (1, 2, 3)}
    assert len(sums) == 1
