"""Every rule of a diagnosis fires where it must and is silent where it must be."""

import numpy as np
import pytest

import fastnn
from fastnn import layers
from fastnn.callbacks import Doctor, EarlyStopping
from fastnn.initializers import Constant, RandomNormal
from fastnn.optimizers import SGD, Adam
from fastnn.overfitting import overfitting_start
from fastnn.understanding.rules import RULES

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype("float32")
LINE = X @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.3
SIDE = (LINE > 0).astype(int)
KINDS = np.digitize(LINE, [-1.0, 1.0])  # three classes


@pytest.fixture(autouse=True)
def seed():
    fastnn.utils.set_random_seed(3)


def network(widths=(8,), activation="relu", outputs=1, last="sigmoid",
            loss="binary_crossentropy", optimizer="adam", norm=False, inputs=4, **dense):
    stack = [fastnn.Input((inputs,))]
    for width in widths:
        stack.append(layers.Dense(width, activation, **dense))
        stack += [layers.BatchNormalization()] if norm else []
    model = fastnn.Sequential([*stack, layers.Dense(outputs, last, **dense)])
    model.compile(optimizer, loss)
    return model


def trained(model, x, y, epochs=8, **fit):
    """The diagnosis by a Doctor at the end of a training."""
    doctor = Doctor(print_fn=None)
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=doctor, **fit)
    return doctor.diagnosis


SICK = {
    "unscaled_inputs": lambda: network().diagnose(X * 100, SIDE),
    "unscaled_targets": lambda: network(last=None, loss="mse").diagnose(X, LINE * 5000),
    "loss_and_output": lambda: network(last=None).diagnose(X, SIDE),
    "loss_and_labels": lambda: network(
        outputs=5, last="softmax", loss="sparse_categorical_crossentropy").diagnose(X, KINDS),
    "class_imbalance": lambda: network().diagnose(X, np.arange(300) < 5),
    "validation_differs": lambda: network().diagnose(
        X[SIDE.argsort()], np.sort(SIDE), validation_split=0.2),
    "symmetric_weights": lambda: network(
        kernel_initializer=Constant(0.5)).diagnose(X, SIDE),
    "vanishing_gradients": lambda: network([10] * 10, "sigmoid").diagnose(X, SIDE),
    "exploding_gradients": lambda: network(
        [50] * 8, kernel_initializer=RandomNormal(0, 2.0), last=None, loss="mse").diagnose(X, LINE),
    "dead_relus": lambda: network([16], bias_initializer=Constant(-20.0)).diagnose(X, SIDE),
    "saturated_units": lambda: network(
        [16, 16], "tanh", kernel_initializer=RandomNormal(0, 10.0)).diagnose(X, SIDE),
    "batch_norm_of_one": lambda: network(norm=True).diagnose(X, SIDE, batch_size=1),
    "learning_rate_too_large": lambda: trained(
        network(last=None, loss="mse", optimizer=SGD(5.0)), X, LINE,
        on_divergence="ignore"),
    "learning_rate_too_small": lambda: trained(network(optimizer=SGD(1e-5)), X, SIDE),
    "overfitting": lambda: trained(
        network([128, 128], optimizer=Adam(0.01)), X[:60], RNG.permutation(SIDE[:60]), 60,
        validation_data=(X[60:], SIDE[60:])),
    "underfitting": lambda: trained(network(), X, RNG.permutation(SIDE), 5),
}


def test_every_rule_is_tested():
    assert SICK.keys() == RULES.keys()


@pytest.mark.parametrize("name", SICK)
def test_the_rule_fires(name):
    found = SICK[name]()
    assert name in found
    finding = found[name]
    assert finding.evidence and finding.cure.endswith(".") and finding.message.endswith(".")
    assert name in str(found) and "evidence" in str(found) and "cure" in str(found)


# healthy trainings, in which no rule at all may fire


def digits():
    (x, y), _ = fastnn.datasets.digits.load_data()
    return x.reshape(len(x), -1) / np.float32(16 if x.max() > 1 else 1), y


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("norm", [False, True])
def test_healthy_digits(activation, norm):
    x, y = digits()
    model = network([32, 16], activation, 10, "softmax", "sparse_categorical_crossentropy",
                    norm=norm, inputs=64)
    assert trained(model, x, y, 12, validation_split=0.2).rules == []


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_healthy_moons(activation, optimizer):
    x, y = fastnn.datasets.moons(400, noise=0.1)
    model = network([16, 16], activation, inputs=2,
                    optimizer=Adam(0.01) if optimizer == "adam" else SGD(0.1))
    stop = EarlyStopping(patience=10)
    doctor = Doctor(print_fn=None)
    model.fit(x, y, epochs=60, verbose=0, validation_split=0.2, callbacks=[stop, doctor])
    assert doctor.diagnosis.rules == []


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_healthy_regression(activation):
    model = network([16], activation, last=None, loss="mse", optimizer=Adam(0.01))
    assert trained(model, X, LINE, 40, validation_split=0.2).rules == []


def test_nothing_fires_on_fresh_healthy_networks():
    for activation in ("relu", "tanh", "sigmoid"):
        for depth in (1, 2, 3):
            model = network([32] * depth, activation)
            assert model.diagnose(X, SIDE, validation_split=0.2).rules == [], (activation, depth)


# a rule at its edges: the same situation, healed


@pytest.mark.parametrize("loss, last, outputs, y, fires", [
    ("binary_crossentropy", "sigmoid", 1, SIDE, False),
    ("binary_crossentropy", "relu", 1, SIDE, True),
    (fastnn.losses.BinaryCrossentropy(from_logits=True), None, 1, SIDE, False),
    (fastnn.losses.BinaryCrossentropy(from_logits=True), "sigmoid", 1, SIDE, True),
    ("sparse_categorical_crossentropy", "softmax", 3, KINDS, False),
    ("sparse_categorical_crossentropy", "sigmoid", 3, KINDS, True),
    ("sparse_categorical_crossentropy", None, 3, KINDS, True),
    ("categorical_crossentropy", "softmax", 3, np.eye(3)[KINDS], False),
    ("binary_crossentropy", "softmax", 3, np.eye(3)[KINDS], True),
    ("binary_crossentropy", "sigmoid", 3, np.eye(3)[KINDS], False),
    ("binary_crossentropy", "softmax", 1, SIDE, True),
    ("mse", "sigmoid", 1, SIDE, True),
    ("mse", "sigmoid", 1, np.abs(LINE) / 10, False),
    ("mse", None, 1, LINE, False),
    ("hinge", "sigmoid", 1, SIDE, True),
    ("hinge", "tanh", 1, SIDE, False),
])
def test_loss_and_output(loss, last, outputs, y, fires):
    found = network(outputs=outputs, last=last, loss=loss).diagnose(X, y)
    assert ("loss_and_output" in found) == fires


@pytest.mark.parametrize("loss, last, outputs, y, fires", [
    ("sparse_categorical_crossentropy", "softmax", 3, KINDS, False),
    ("sparse_categorical_crossentropy", "softmax", 2, KINDS, True),  # an error in fit
    ("binary_crossentropy", "sigmoid", 1, KINDS, True),
    ("mse", None, 1, SIDE, True),
    ("mse", None, 1, LINE, False),
    ("mse", "relu", 1, LINE, True),
    ("mse", "relu", 1, np.abs(LINE), False),
    ("mse", "tanh", 1, LINE, True),
])
def test_loss_and_labels(loss, last, outputs, y, fires):
    found = network(outputs=outputs, last=last, loss=loss).diagnose(X, y)
    assert ("loss_and_labels" in found) == fires


def test_inputs_are_judged_where_the_first_dense_layer_reads_them():
    def judge(*front):
        model = fastnn.Sequential([fastnn.Input((4,)), *front, layers.Dense(1, "sigmoid")])
        model.compile("adam", "binary_crossentropy")
        return "unscaled_inputs" in model.diagnose(X * 100, SIDE)

    assert judge() and judge(layers.Flatten()) and judge(layers.Dropout(0.5))
    assert not judge(layers.Rescaling(0.01)) and not judge(layers.BatchNormalization())
    assert "unscaled_inputs" in network().diagnose(X * 0.001, SIDE)
    assert "unscaled_inputs" not in network().diagnose(X * 0, SIDE)


def test_imbalance_is_that_of_the_weights():
    y = np.arange(300) < 20
    assert "class_imbalance" in network().diagnose(X, y)
    weights = np.where(y, 14.0, 1.0)
    assert "class_imbalance" not in network().diagnose(X, y, weights)
    assert "class_imbalance" not in network(last=None, loss="mse").diagnose(X, y * LINE)


def test_a_validation_tail_of_other_targets():
    order = LINE.argsort()
    model = network(last=None, loss="mse")
    assert "validation_differs" in model.diagnose(X[order], LINE[order], validation_split=0.2)
    assert "validation_differs" not in model.diagnose(X, LINE, validation_split=0.2)
    assert "validation_differs" not in network().diagnose(X, SIDE, validation_split=0.2)
    model = network(outputs=3, last="softmax", loss="sparse_categorical_crossentropy")
    found = model.diagnose(X[KINDS < 2], KINDS[KINDS < 2], validation_data=(X, KINDS))
    assert found["validation_differs"].evidence["classes only in validation"] == 1


def test_few_dead_relus_and_few_saturated_units_are_no_matter():
    model = network([10])
    model.layers[0].bias[:3] = -50
    assert "dead_relus" not in model.diagnose(X, SIDE)
    model.layers[0].bias[:6] = -50
    assert model.diagnose(X, SIDE)["dead_relus"].evidence["dead"] == {model.layers[0].name: "6/10"}
    model = network([10], "tanh")
    model.layers[0].bias[:5] = 50
    assert "saturated_units" not in model.diagnose(X, SIDE)
    model.layers[0].bias[:8] = 50
    assert "saturated_units" in model.diagnose(X, SIDE)


def test_the_output_may_saturate_and_may_start_equal():
    model = network([8])
    model.layers[-1].kernel = np.zeros((8, 1))
    model.layers[-1].bias = [50.0]
    assert not {"saturated_units", "symmetric_weights"} & set(model.diagnose(X, SIDE).rules)


def test_batch_norm_needs_more_than_a_row():
    model = network(norm=True)
    assert "batch_norm_of_one" not in model.diagnose(X, SIDE, batch_size=32)
    assert "batch_norm_of_one" in model.diagnose(X[:65], SIDE[:65], batch_size=32)
    assert "batch_norm_of_one" not in network().diagnose(X, SIDE, batch_size=1)
    model.fit(X[:20], SIDE[:20], batch_size=1, verbose=0)
    assert "batch_norm_of_one" in model.diagnose(X[:20], SIDE[:20])  # the history tells


def test_a_training_that_diverged():
    model = network(last=None, loss="mse", optimizer=SGD(1e4))
    found = trained(model, X, LINE, on_divergence="ignore")
    assert {"learning_rate_too_large", "exploding_gradients"} <= set(found.rules)
    assert "no number" in found["learning_rate_too_large"].message
    model = network(last=None, loss="mse", optimizer=SGD(1e4))
    with pytest.warns(RuntimeWarning, match="diverged"):
        found = trained(model, X, LINE)
    assert {"learning_rate_too_large", "exploding_gradients"} <= set(found.rules)
    assert "diverged after 0 epochs" in found["learning_rate_too_large"].message


def test_good_rates_are_neither_too_large_nor_too_small():
    for optimizer in (SGD(0.05), Adam(0.01)):
        found = trained(network(last=None, loss="mse", optimizer=optimizer), X, LINE, 20)
        assert not [rule for rule in found.rules if rule.startswith("learning_rate")]


def test_where_overfitting_begins():
    falls = np.linspace(1, 0.1, 20)
    valley = 0.5 + 0.02 * np.abs(np.arange(20) - 8)
    assert overfitting_start(falls, valley) == 8
    assert overfitting_start(falls, falls + 0.2) is None
    assert overfitting_start(np.ones(20), valley) is None  # the training does not get better
    wobbles = falls + 0.1
    wobbles[-1] = 2.0
    assert overfitting_start(falls, wobbles) is None  # one bad epoch is an accident


def test_a_model_of_the_best_constant_underfits_and_a_little_better_does_not():
    model = network([], last=None, loss="mse", optimizer=SGD(0.1))
    assert "underfitting" in trained(model, X * 0, LINE, 30)
    assert "underfitting" not in trained(network([], last=None, loss="mse", optimizer=SGD(0.1)),
                                         X, LINE, 30)


def test_the_doctor_speaks_once_of_each_rule(capsys):
    model = network()
    model.fit(X * 100, SIDE, epochs=6, verbose=0, callbacks=Doctor(every=2))
    assert capsys.readouterr().out.count("unscaled_inputs:") == 1
    model = network(optimizer=Adam(0.01))
    said = []
    model.fit(X, SIDE, epochs=6, verbose=0, callbacks=Doctor(print_fn=said.append))
    assert said == [f"Diagnosis: {len(RULES)} rules, nothing found."]


def test_the_doctor_sees_the_validation_and_the_batch_size():
    order = SIDE.argsort()
    found = trained(network(norm=True), X[order], SIDE[order], 2, validation_split=0.2,
                    batch_size=1)
    assert {"validation_differs", "batch_norm_of_one"} <= set(found.rules)


def test_the_doctor_needs_arrays():
    batches = [(X[:32], SIDE[:32])]
    with pytest.raises(ValueError, match=r"model\.diagnose"):
        network().fit(iter(batches), verbose=0, callbacks=Doctor())


def test_a_diagnosis_changes_nothing():
    one, two = ([], [])
    for results, look in ((one, False), (two, True)):
        fastnn.utils.set_random_seed(1)
        model = network([8, 8], norm=True)
        for _ in range(3):
            model.fit(X, SIDE, epochs=2, verbose=0)
            if look:
                model.diagnose(X, SIDE)
        results.append(model.params.copy())
    np.testing.assert_array_equal(one, two)


def test_missing_findings_are_named():
    with pytest.raises(KeyError, match="found nothing"):
        network().diagnose(X, SIDE)["dead_relus"]


def test_wrong_inputs_are_errors_not_findings():
    with pytest.raises(ValueError, match="x must have the shape"):
        network().diagnose(X[:, :3], SIDE)
    with pytest.raises(ValueError, match="compile"):
        fastnn.Sequential([layers.Dense(1, input_dim=4)]).diagnose(X, SIDE)
