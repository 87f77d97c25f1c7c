"""Weights of classes, and which rows are held out."""

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, backends, rows
from fastnn.layers import Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
LABELS = (X[:, 0] > 0.3).astype(int) + (X[:, 1] > 0.5)
WEIGHTS = {0: 0.5, 2: 4.0}


def made(loss="sparse_categorical_crossentropy", units=3, activation="softmax", **arguments):
    fastnn.utils.set_random_seed(2)
    model = Sequential([Input((3,)), Dense(units, activation)])
    model.compile("sgd", loss, **arguments)
    return model


def by_row(labels, class_weight):
    return np.array([class_weight.get(int(label), 1.0) for label in labels])


BINARY = (LABELS > 0).astype(int)
KINDS = {
    "sparse": ({}, LABELS, LABELS),
    "sparse column": ({}, LABELS[:, None], LABELS),
    "one-hot": ({"loss": "categorical_crossentropy"}, np.eye(3)[LABELS], LABELS),
    "binary": ({"loss": "binary_crossentropy", "units": 1, "activation": "sigmoid"}, BINARY,
               BINARY),
    "binary column": ({"loss": "binary_crossentropy", "units": 1, "activation": "sigmoid"},
                      BINARY[:, None], BINARY),
}


@pytest.mark.parametrize("backend", backends.available())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sample_weight", [None, RNG.uniform(size=40)])
@pytest.mark.parametrize("class_weight", [WEIGHTS, "balanced", {}])
def test_class_weights_are_row_weights(kind, sample_weight, class_weight, backend):
    arguments, y, labels = KINDS[kind]
    if class_weight == WEIGHTS:
        class_weight = {label: WEIGHTS[label] for label in WEIGHTS if label <= labels.max()}
    weights = class_weight
    if class_weight == "balanced":
        counts = np.bincount(labels)
        weights = dict(enumerate(len(labels) / (len(counts) * counts)))
    weights = by_row(labels, weights) * (1 if sample_weight is None else sample_weight)
    a, b = made(backend=backend, **arguments), made(backend=backend, **arguments)
    first = a.fit(X, y, epochs=2, verbose=0, class_weight=class_weight, sample_weight=sample_weight)
    second = b.fit(X, y, epochs=2, verbose=0, sample_weight=weights)
    np.testing.assert_allclose(a.params, b.params, rtol=1e-6)
    assert first.history["loss"] == pytest.approx(second.history["loss"], rel=1e-6)


def test_validation_is_not_weighted_and_balance_is_that_of_the_rows_trained_on():
    y = np.r_[np.zeros(30, int), np.ones(10, int)]
    model = made()
    history = model.fit(X, y, epochs=1, verbose=0, class_weight="balanced", validation_split=0.2)
    assert history.history["val_loss"] == [pytest.approx(model.evaluate(X[32:], y[32:], verbose=0))]
    other = made()
    other.fit(X[:32], y[:32], verbose=0, class_weight={0: 32 / 60, 1: 8.0})
    np.testing.assert_allclose(model.params, other.params, rtol=1e-6)


@pytest.mark.parametrize(("wrong", "error", "message"), [
    ("balance", ValueError, "or 'balanced', received 'balance'"),
    ([1, 2], TypeError, r"dictionary .* received \[1, 2\]"),
    ({"a": 1.0}, TypeError, "received 'a': 1.0"),
    ({0: "b"}, TypeError, "received 0: 'b'"),
    ({0: -1.0}, ValueError, "not negative, received 0: -1.0"),
    ({0: float("nan")}, ValueError, "received 0: nan"),
    ({0: 1.0, -1: 2.0}, ValueError, r"for the class -1, but the model's classes are 0 to \d"),
    ({99: 2.0}, ValueError, r"for the class 99, but the model's classes are 0 to \d"),
])  # fmt: skip
def test_wrong_class_weights_are_named(wrong, error, message):
    with pytest.raises(error, match=message):
        made().fit(X, LABELS, verbose=0, class_weight=wrong)


# validation_mode


def parts_of(y, mode, share=0.25, seed=7):
    model = made()
    feed = model.trainer.feed(X[: len(y)], y)
    train, rest = rows.split(feed, share, mode, seed)
    numbers = {row.tobytes(): i for i, row in enumerate(feed.X)}
    found = [[numbers[row.tobytes()] for row in part.X] for part in (train, rest)]
    for part, index in zip((train, rest), found, strict=True):
        np.testing.assert_array_equal(part.labels, np.asarray(y)[index])
    return found


def test_the_tail_is_what_keras_holds_out():
    assert parts_of(LABELS, "tail") == [list(range(30)), list(range(30, 40))]


@pytest.mark.parametrize("mode", ["shuffle", "stratify"])
def test_random_rows_are_held_out_as_the_seed_says(mode):
    train, rest = parts_of(LABELS, mode)
    assert sorted(train + rest) == list(range(40)) and len(rest) == 10
    assert rest == sorted(rest) != list(range(30, 40))
    assert (train, rest) == tuple(parts_of(LABELS, mode))
    assert rest != parts_of(LABELS, mode, seed=8)[1]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.33])
def test_classes_keep_their_shares(share):
    y = np.array([0] * 25 + [1] * 10 + [2] * 5)
    _, rest = parts_of(y, "stratify", share)
    counts = np.bincount(y[rest], minlength=3)
    assert counts.sum() == 40 - int(40 * (1 - share))
    assert np.all(np.abs(counts - np.array([25, 10, 5]) * len(rest) / 40) < 1)


def test_the_held_out_rows_are_the_same_in_each_fit():
    model, seen = made(), []
    for _ in range(2):
        history = model.fit(X, LABELS, validation_split=0.25, validation_mode="stratify", verbose=0)
        feed = rows.split(model.trainer.feed(X, LABELS), 0.25, "stratify", model.trainer.seed)[1]
        seen.append(feed.X)
        assert history.history["val_loss"] == [pytest.approx(model.trainer.evaluate(feed)["loss"])]
    np.testing.assert_array_equal(*seen)


@pytest.mark.parametrize(("arguments", "y", "message"), [
    ({}, LABELS, "one of tail, shuffle, stratify; received 'random'"),
    ({"loss": "mse", "units": 1, "activation": None}, X[:, 0], "needs classes in y"),
    ({"loss": "mse"}, X, "needs classes in y"),
])  # fmt: skip
def test_what_cannot_be_stratified(arguments, y, message):
    mode = "random" if not arguments else "stratify"
    with pytest.raises(ValueError, match=message):
        made(**arguments).fit(X, y, validation_split=0.2, validation_mode=mode, verbose=0)


def test_weights_of_rows_are_divided_too():
    weights = np.arange(40.0)
    model = made()
    feed = model.trainer.feed(X, LABELS, weights)
    train, rest = rows.split(feed, 0.25, "shuffle", 1)
    numbers = {row.tobytes(): i for i, row in enumerate(X)}
    for part in train, rest:
        assert [numbers[row.tobytes()] for row in part.X] == part.weights.tolist()


# validation_steps


def test_validation_may_be_a_part_of_its_data():
    model = made()
    history = model.fit(X, LABELS, verbose=0, validation_data=(X, LABELS), validation_steps=2,
                        validation_batch_size=8)
    assert history.history["val_loss"] == [model.evaluate(X[:16], LABELS[:16], verbose=0)]
    assert model.evaluate(X, LABELS, batch_size=8, steps=2, verbose=0) == model.evaluate(
        X[:16], LABELS[:16], verbose=0)
    np.testing.assert_array_equal(model.predict(X, batch_size=8, steps=2), model.predict(X[:16]))
