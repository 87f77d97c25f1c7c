"""Hostile inputs, rows 1 to 19 of the table in test_hostile.py: what is in the arrays.

A name has its row's number. Rows that concern kernels run on every backend.
"""

import numpy as np
import pytest

import fastnn
from fastnn import Input, Model, Sequential, backends, layers, losses, optimizers

X = np.sin(np.arange(60.0) * 1.7).reshape(20, 3).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
LABELS = np.arange(20) % 3

on_backends = pytest.mark.parametrize("backend", backends.available())


def made(loss="mse", units=1, activation=None, optimizer="sgd", backend=None, dtype=None):
    fastnn.utils.set_random_seed(4)
    model = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.Dense(units, activation)],
                       dtype=dtype)
    model.compile(optimizer, loss, backend=backend)
    return model


def several():
    """Two inputs and two outputs."""
    a, b = Input((3,), name="a"), Input((2,), name="b")
    both = layers.Concatenate()([layers.Dense(4, "relu")(a), b])
    model = Model([a, b], [layers.Dense(1, name="one")(both),
                           layers.Dense(3, "softmax", name="two")(both)])
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"])
    return model


def at(array, index, value):
    changed = np.array(array, np.result_type(array, type(value)))
    changed[index] = value
    return changed


def refused(call, *arrays, match, error=ValueError, model=None, **named):
    """A call fails with these words and leaves the model's numbers and its training alone."""
    model = model or call.__self__
    before = model.digest()
    with pytest.raises(error, match=match):
        call(*arrays, **named)
    assert model.digest() == before
    assert model.optimizer.iterations == 0 and model.trainer.step == 0


SPARSE = ("sparse_categorical_crossentropy", 3, "softmax")


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_row_01_no_rows(method):
    refused(getattr(made(), method), X[:0], Y[:0], match="at least one row: x has 0, y has 0")
    refused(getattr(several(), method), [X[:0], X[:0, :2]], [Y[:0], LABELS[:0]],
            match="at least one row: x has 0")


@on_backends
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_row_02_predictions_of_no_rows(backend, dtype):
    model = made(units=2, backend=backend, dtype=dtype)
    for found in (model.predict(X[:0]), model.predict(iter([])), model(X[:0]),
                  model(X[:0], training=True), model.predictor()(X[:0])):
        assert found.shape == (0, 2) and found.dtype == dtype
    one, two = several().predict([X[:0], X[:0, :2]])
    assert one.shape == (0, 1) and two.shape == (0, 3)


@on_backends
@pytest.mark.parametrize("layer", [layers.BatchNormalization, layers.LayerNormalization,
                                   layers.RMSNormalization, layers.UnitNormalization,
                                   lambda: layers.GroupNormalization(2)])
def test_row_03_a_batch_of_one_row(backend, layer):
    model = Sequential([Input((3,)), layers.Dense(4), layer(), layers.Dense(1)])
    model.compile("adam", "mse", backend=backend)
    model.fit(X[:1], Y[:1], epochs=5, batch_size=1, verbose=0)
    model.fit(X[:5], Y[:5], batch_size=4, verbose=0)  # the last batch has one row
    assert np.isfinite(model.params).all() and np.isfinite(model.predict(X, verbose=0)).all()


@on_backends
@pytest.mark.parametrize("value", [0.0, 1.0, -7.25, 1e-45])
def test_row_04_constant_features(backend, value):
    x = np.full((20, 3), value, "float32")
    model = Sequential([Input((3,)), layers.BatchNormalization(), layers.Dense(4),
                        layers.LayerNormalization(), layers.UnitNormalization(), layers.Dense(1)])
    model.compile("adam", "mse", backend=backend)
    model.fit(x, np.ones(20), epochs=20, verbose=0)
    assert np.isfinite(model.params).all() and np.isfinite(model.predict(x, verbose=0)).all()
    scaler = layers.Normalization()
    scaler.adapt(x)
    assert np.isfinite(scaler(x)).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_row_05_and_06_numbers_that_are_not_finite(value, method):
    words = str(value)
    refused(getattr(made(), method), at(X, (3, 2), value), Y, match=rf"x\[3, 2\] is {words}, but")
    refused(getattr(made(), method), X, at(Y, (7, 0), value), match=rf"y\[7, 0\] is {words}, but")
    model = several()
    refused(getattr(model, method), [X, at(X[:, :2], (7, 1), value)], [Y, LABELS],
            match=rf"x\['b'\]\[7, 1\] is {words}, but")


def test_row_05_predictions_show_where_nan_was():
    """`predict` refuses no NaN: a row with one has a NaN for an answer, and the others theirs."""
    x = at(X, (3, 2), np.nan)
    model = made()
    found = model.predict(x, verbose=0)
    assert np.isnan(found[3]).all() and np.isfinite(np.delete(found, 3, axis=0)).all()
    np.testing.assert_array_equal(np.delete(found, 3, 0), np.delete(model.predict(X), 3, 0))


@on_backends
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_row_06_subnormal_numbers_are_kept(backend, dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    model = Sequential([Input((3,)), layers.Dense(3, use_bias=False)], dtype=dtype)
    model.set_weights([np.eye(3)])
    model.compile(optimizers.SGD(0.0), "mse", backend=backend)
    x = np.full((20, 3), smallest, dtype)
    model.fit(x, x, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    assert 5e-324 * 1.0 != 0 and np.float32(1e-45) * np.float32(1) != 0


def loss_and_slope(loss, z, y, backend, dtype):
    """Of a network whose outputs are its weights."""
    model = Sequential([Input((1,)), layers.Dense(len(z), use_bias=False)], dtype=dtype)
    model.set_weights([np.array([z])])
    model.compile("sgd", loss, backend=backend)
    [slope] = model.gradients([[1.0]], y).values()
    return model.evaluate([[1.0]], y, verbose=0), np.ravel(slope)


@on_backends
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("z", "y", "expected", "slope"), [
    (1e4, 0, 1e4, 1), (1e4, 1, 0, 0), (-1e4, 0, 0, 0), (-1e4, 1, 1e4, -1)])  # fmt: skip
def test_row_07_huge_logits(backend, dtype, z, y, expected, slope):
    binary = losses.BinaryCrossentropy(from_logits=True)
    found = loss_and_slope(binary, [z], [[y]], backend, dtype)
    assert found == (expected, [slope])
    pair = losses.SparseCategoricalCrossentropy(from_logits=True)
    found, slopes = loss_and_slope(pair, [-z / 2, z / 2], [y], backend, dtype)
    assert found == expected and slopes.tolist() == [-slope, slope]


@on_backends
@pytest.mark.parametrize("z", [np.inf, -np.inf])
def test_row_07_infinite_logits_never_look_like_a_result(backend, z):
    """Only a network that has diverged makes them. The limit: a loss that is NaN or infinite."""
    for y in (0, 1):
        loss, slope = loss_and_slope(losses.BinaryCrossentropy(from_logits=True), [z], [[y]],
                                     backend, "float32")
        assert not np.isfinite(loss) or y == (z > 0)
        assert slope == [(z > 0) - y]
    softmax = Sequential([Input((3,)), layers.Activation("softmax")])
    softmax.compile("sgd", "mse", backend=backend)
    rows = softmax.predict(np.array([[np.inf, 0, 1], [-np.inf, 0, 1]]), verbose=0)
    assert np.isnan(rows[0]).all()
    np.testing.assert_allclose(rows[1], [0, 0.26894143, 0.7310586], rtol=1e-6)


@on_backends
@pytest.mark.parametrize(("p", "y", "expected"), [
    (0.0, 1, 16.118095), (1.0, 0, 16.118095), (0.0, 0, 1e-7), (1.0, 1, 1e-7)])  # fmt: skip
def test_row_08_probabilities_of_0_and_1_are_clipped_as_by_keras(backend, p, y, expected):
    for loss, probabilities, targets in (
            ("binary_crossentropy", [p], [[y]]),
            ("categorical_crossentropy", [p, 1 - p], [[y, 1 - y]])):
        found, slope = loss_and_slope(loss, probabilities, targets, backend, "float64")
        assert found == pytest.approx(expected, rel=1e-6) and np.isfinite(slope).all()
    found, _ = loss_and_slope("binary_crossentropy", [p], [[y]], backend, "float32")
    assert found == pytest.approx(expected, rel=0.2)  # 1 - 1e-7 is no float32: Keras has 15.94


@pytest.mark.parametrize(("labels", "match", "error"), [
    (at(LABELS, 4, 3), r"y\[4\] is 3, .* 3 outputs .* classes 0 to 2", ValueError),
    (at(LABELS, 4, -1), r"y\[4\] is -1", ValueError),
    (at(LABELS, 4, 0.5), r"y\[4\] is 0\.5", ValueError),
    (at(LABELS, 4, np.nan), r"y\[4\] is nan", ValueError),
    (at(LABELS, 4, np.inf), r"y\[4\] is inf", ValueError),
    (np.full(20, 2**63, "uint64"), r"y\[0\] is 9223372036854775808", ValueError),
    (np.array(list("abc"))[LABELS], "y must hold real numbers.*Encode text", TypeError),
    (np.array(list("abc"), object)[LABELS], "y cannot be read.*'a' is text", ValueError),
], ids=str)  # fmt: skip
def test_row_09_labels_that_are_no_classes(labels, match, error):
    for method in ("fit", "evaluate", "train_on_batch"):
        refused(getattr(made(*SPARSE), method), X, labels, match=match, error=error)
    wrong = match.replace(r"y\[", r"y\['two'\]\[").replace("y must", r"y\['two'\] must").replace(
        "y cannot", r"y\['two'\] cannot")
    refused(several().fit, [X, X[:, :2]], [Y, labels], match=wrong, error=error)


def test_row_10_shapes_of_targets():
    flat, column = made(), made()
    flat.fit(X, Y[:, 0], verbose=0)
    column.fit(X, Y, verbose=0)
    assert flat.digest() == column.digest()
    for method in ("fit", "evaluate", "train_on_batch"):
        refused(getattr(made(), method), X, np.ones((20, 3)),
                match=r"y .*\(rows, 1\).*received \(20, 3\)\. Give the last layer 3 units")
    refused(several().fit, [X, X[:, :2]], [np.ones((20, 3)), LABELS],
            match=r"y\['one'\] .*\(rows, 1\).*received \(20, 3\)")


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_row_11_lengths(method):
    call = getattr(made(), method)
    refused(call, X, Y[:10], match="x has 20, y has 10")
    refused(call, X, Y, sample_weight=np.ones(5), match=r"sample_weight .* 20 rows.*\(5,\)")
    call = getattr(several(), method)
    refused(call, [X, X[:4, :2]], [Y, LABELS], match=r"x\['a'\] has 20, x\['b'\] has 4")
    refused(call, [X, X[:, :2]], [Y, LABELS[:4]], match=r"y\['one'\] has 20, y\['two'\] has 4")
    refused(call, [X, X[:, :2]], [Y, LABELS], sample_weight=[np.ones(20), np.ones(3)],
            match=r"sample_weight\['two'\] .* 20 rows.*\(3,\)")


@pytest.mark.parametrize(("value", "match"), [
    (-1.0, r"\[2\] is -1\.0, but weights must not be negative"), (np.nan, r"\[2\] is nan"),
    (np.inf, r"\[2\] is inf")])  # fmt: skip
def test_row_12_weights_of_rows(value, match):
    wrong = at(np.ones(20), 2, value)
    for method in ("fit", "evaluate", "train_on_batch"):
        refused(getattr(made(), method), X, Y, sample_weight=wrong, match="sample_weight" + match)
    refused(several().fit, [X, X[:, :2]], [Y, LABELS], sample_weight=[np.ones(20), wrong],
            match=r"sample_weight\['two'\]" + match)


@on_backends
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_row_12_rows_that_all_weigh_nothing_teach_nothing(backend, optimizer):
    model = made(optimizer=optimizer, backend=backend)
    before = model.params.copy()
    history = model.fit(X, Y, sample_weight=np.zeros(20), epochs=3, verbose=0).history
    np.testing.assert_array_equal(model.params, before)
    assert history["loss"] == [0, 0, 0]


def test_row_13_weights_of_classes():
    """A class that is not there weighs 1, as in Keras and scikit-learn; an unknown one is named."""
    for number in (7, -1):
        refused(made(*SPARSE).fit, X, LABELS, class_weight={0: 1.0, number: 2.0},
                match=f"the class {number}, but the model's classes are 0 to 2")
    one, other = made(*SPARSE), made(*SPARSE)
    one.fit(X, LABELS, class_weight={0: 3.0}, verbose=0)
    other.fit(X, LABELS, class_weight={0: 3.0, 1: 1.0, 2: 1.0}, verbose=0)
    assert one.digest() == other.digest()


@on_backends
def test_row_14_batch_size(backend):
    for wrong in (0, -1, 2.5, True, "32"):
        for method in ("fit", "evaluate"):
            refused(getattr(made(backend=backend), method), X, Y, batch_size=wrong,
                    error=(ValueError, TypeError), match=f"batch_size .* at least 1.*{wrong!r}")
        refused(made().predict, X, batch_size=wrong, error=(ValueError, TypeError), match="at lea")
    for size, same in ((10**12, 20), (None, 32)):
        one, other = made(backend=backend), made(backend=backend)
        one.fit(X, Y, batch_size=size, verbose=0)
        other.fit(X, Y, batch_size=same, verbose=0)
        assert one.digest() == other.digest()


def test_row_15_epochs():
    model = made()
    before = model.digest()
    history = model.fit(X, Y, epochs=0, verbose=0)
    assert history.history == {} and history.epoch == [] and model.digest() == before
    for wrong in (-1, 2.5, None, "3"):
        refused(model.fit, X, Y, epochs=wrong, match="epochs .* at least 0",
                error=(ValueError, TypeError))


@on_backends
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "lion", "adagrad", "nadam"])
def test_row_16_a_learning_rate_of_0(backend, optimizer):
    model = made(optimizer=type(optimizers.get(optimizer))(learning_rate=0.0), backend=backend)
    before = model.params.tobytes()
    model.fit(X, Y, epochs=3, batch_size=6, verbose=0)
    assert model.params.tobytes() == before


@pytest.mark.parametrize("optimizer", [optimizers.SGD, optimizers.Adam, optimizers.Ftrl,
                                       optimizers.Lamb])
def test_row_16_learning_rates_that_are_none(optimizer):
    for rate in (np.nan, np.inf, -1.0):
        with pytest.raises(ValueError, match=f"learning_rate must lie in .* received {rate}"):
            optimizer(learning_rate=rate)
        model = made(optimizer=optimizer())
        model.optimizer.learning_rate = 0.01
        with pytest.raises(ValueError, match="learning_rate must lie in"):
            model.optimizer.learning_rate = rate
    for rate in ("fast", 1j, [0.1]):
        with pytest.raises(TypeError, match="learning_rate must be a number"):
            optimizer(learning_rate=rate)


@on_backends
@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "bool", ">f8", ">i4", "longdouble",
                                   "float64", object])
def test_row_17_types_are_converted_exactly(backend, dtype):
    given = (np.arange(60).reshape(20, 3) % 2).astype(dtype)
    one, other = made(backend=backend), made(backend=backend)
    one.fit(given, Y.astype(dtype), verbose=0)
    other.fit(given.astype("float32"), Y, verbose=0)
    assert one.digest() == other.digest()
    np.testing.assert_array_equal(one.predict(given), one.predict(given.astype("float32")))


@pytest.mark.parametrize(("x", "error", "match"), [
    (X + 1j, TypeError, "x must hold real numbers.*complex"),
    (X.astype(object) + 1j, ValueError, "x cannot be read.*complex"),
    (X.astype(str), TypeError, "x must hold real numbers.*Encode text"),
    (np.array([["1", "2", "3"]] * 20, object), ValueError, "x cannot be read.*'1' is text"),
    (np.array([[{}, 1, 2]] * 20, object), ValueError, "x cannot be read.*dict"),
    (np.array([[10**400, 1, 2]] * 20, object), ValueError, "x cannot be read.*too large"),
    (X.astype("datetime64[s]"), TypeError, "datetime64"),
    (np.zeros(20, [("a", "f4")]), TypeError, "x must hold real numbers"),
    (np.ma.masked_less(X, -0.9), ValueError, r"x\[\d+, \d\] is masked.*filled"),
    (X.astype("float64") * 1e300, ValueError, r"x\[0, 1\] is .*e\+299, too large for float32"),
    (None, ValueError, "x is missing"),
], ids=range(11))
def test_row_17_types_that_hold_no_real_numbers(x, error, match):
    refused(made().fit, x, Y, error=error, match=match)
    if x is not None and "large for" not in match:
        refused(made().predict, x, error=error, match=match)


def spread(rows):
    wide = np.zeros((2 * len(rows), 3 * rows.shape[1]), rows.dtype)
    wide[::-2, ::3] = rows
    return wide[::-2, ::3]


@on_backends
def test_row_18_layouts(backend, tmp_path):
    same = np.repeat(X[:1], 20, axis=0)
    memory = np.memmap(tmp_path / "rows", "float32", "w+", shape=X.shape)
    memory[:] = X
    unaligned = np.frombuffer(b"x" + X.tobytes(), np.uint8)[1:].view("float32").reshape(X.shape)
    cases = [(np.asfortranarray(X), X), (X[::-1], X[::-1].copy()), (spread(X), X), (memory, X),
             (unaligned, X), (np.broadcast_to(X[:1], X.shape), same)]  # the last has stride 0
    for given, plain in cases:
        before = given.tobytes()
        if given.flags.owndata:
            given.flags.writeable = False
        one, other = made(backend=backend), made(backend=backend)
        one.fit(given, Y, batch_size=6, epochs=2, verbose=0)
        other.fit(plain, Y, batch_size=6, epochs=2, verbose=0)
        assert one.digest() == other.digest() and given.tobytes() == before
        np.testing.assert_array_equal(one.predict(given), one.predict(plain))
