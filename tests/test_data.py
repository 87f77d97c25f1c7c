"""Data are checked before the first step: what is taken as it is, and every refusal."""

import numpy as np
import pytest

from fastnn import Input, Sequential, data, losses
from fastnn.layers import Dense, Flatten

X = np.sin(np.arange(24.0)).reshape(8, 3).astype("float32")
Y = np.cos(np.arange(8.0)).astype("float32")
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1])
ONE_HOT = np.eye(3)[LABELS]


def model(loss="mse", units=1, shape=(3,)):
    stack = [Input(shape), Flatten()] if len(shape) > 1 else [Input(shape)]
    made = Sequential([*stack, Dense(units)])
    made.compile("sgd", loss)
    return made


def at(array, index, value):
    changed = np.array(array, dtype=np.result_type(array, type(value)))
    changed[index] = value
    return changed


MSE, BINARY = model(), model("binary_crossentropy")
SPARSE, CATEGORICAL = model("sparse_categorical_crossentropy", 3), model(
    "categorical_crossentropy", 3)
IMAGES = model(shape=(2, 2))

REFUSED = [
    # x
    (MSE, (None, Y), {}, ValueError, "x is missing"),
    (MSE, (X[:0], Y[:0]), {}, ValueError, "at least one row: x has 0, y has 0"),
    (MSE, (X[:, :2], Y), {}, ValueError, r"x .* \(rows, 3\) that the model takes.*\(8, 2\)"),
    (MSE, (X[0], Y), {}, ValueError, r"\(3,\).*x\[None\]"),
    (MSE, (3.0, Y), {}, ValueError, r"received \(\)"),
    (MSE, (X.reshape(8, 3, 1), Y), {}, ValueError, r"\(8, 3, 1\).*\.reshape\(-1, 3\)"),
    (IMAGES, (X, Y), {}, ValueError, r"\(rows, 2, 2\)"),
    (IMAGES, (np.ones((8, 4)), Y), {}, ValueError, r"\.reshape\(-1, 2, 2\)"),
    (MSE, (at(X, (5, 2), np.nan), Y), {}, ValueError, r"x\[5, 2\] is nan"),
    (MSE, (at(X, (0, 1), -np.inf), Y), {}, ValueError, r"x\[0, 1\] is -inf"),
    (MSE, (np.asfortranarray(at(X, (5, 2), np.nan)), Y), {}, ValueError, r"x\[5, 2\] is nan"),
    (MSE, (at(X, (4, 0), 1e300), Y), {}, ValueError, r"x\[4, 0\] is 1e\+300, too large for f"),
    (IMAGES, (at(np.ones((8, 2, 2)), (3, 1, 0), np.nan), Y), {}, ValueError, r"x\[3, 1, 0\] is"),
    (MSE, (X + 1j, Y), {}, TypeError, "real numbers.*complex64"),
    (MSE, (X.astype(str), Y), {}, TypeError, "x must hold real numbers.*Encode text"),
    (MSE, (X.astype("datetime64[s]"), Y), {}, TypeError, "datetime64"),
    (MSE, ([[1, 2, 3], [4, 5]], Y), {}, ValueError, "x cannot be read as an array of numbers"),
    (MSE, (at(X.astype(object), (0, 0), "a"), Y), {}, ValueError, "x cannot be read"),
    (MSE, (at(X.astype(object), (1, 2), None), Y), {}, ValueError, r"x\[1, 2\] is nan"),
    (MSE, ({"a": X}, Y), {}, TypeError, "received dict"),
    (MSE, ((row for row in X), Y), {}, ValueError, "y must not be given where x gives batches"),
    # y
    (MSE, (X,), {}, ValueError, "y is missing: the loss 'mean_squared_error'"),
    (MSE, (X, Y[:6]), {}, ValueError, "same number of rows: x has 8, y has 6"),
    (MSE, (X, np.ones((8, 3))), {}, ValueError, r"\(rows, 1\).*\(8, 3\)\. Give .* 3 units"),
    (MSE, (X, at(Y, 6, np.inf)), {}, ValueError, r"y\[6\] is inf"),
    (MSE, (X, ["a"] * 8), {}, TypeError, "y must hold real numbers"),
    (BINARY, (X, LABELS), {}, ValueError, r"y\[2\] is 2, but .*'binary_crossentropy' .* 0 to 1"),
    (BINARY, (X, 2 * LABELS.clip(0, 1) - 1), {}, ValueError, r"y\[0\] is -1.*Encode two classes"),
    (CATEGORICAL, (X, LABELS), {}, ValueError, "sparse_categorical_crossentropy.*to_categorical"),
    (CATEGORICAL, (X, LABELS[:, None]), {}, ValueError, "sparse_categorical_crossentropy"),
    (CATEGORICAL, (X, 2 * ONE_HOT), {}, ValueError, r"y\[0, 0\] is 2"),
    (SPARSE, (X, at(LABELS, 3, 7)), {}, ValueError, r"y\[3\] is 7, .* 3 outputs .* 0 to 2"),
    (SPARSE, (X, at(LABELS, 3, 3)), {}, ValueError, r"y\[3\] is 3"),
    (SPARSE, (X, at(LABELS, 4, -1)), {}, ValueError, r"y\[4\] is -1"),
    (SPARSE, (X, at(LABELS, 5, 1.5)), {}, ValueError, r"y\[5\] is 1\.5"),
    (SPARSE, (X, at(LABELS, 5, np.nan)), {}, ValueError, r"y\[5\] is nan"),
    (SPARSE, (X, ONE_HOT), {}, ValueError, r"\(8, 3\)\. For one-hot .*'categorical_crossentropy'"),
    (SPARSE, (X, ["cat"] * 8), {}, TypeError, "Encode text as numbers"),
    # weights
    (MSE, (X, Y), {"sample_weight": np.ones(7)}, ValueError, r"each of the 8 rows.*\(7,\)"),
    (MSE, (X, Y), {"sample_weight": at(np.ones(8), 2, -1)}, ValueError, r"\[2\] is -1.*negative"),
    (MSE, (X, Y), {"sample_weight": at(np.ones(8), 2, np.nan)}, ValueError, r"weight\[2\] is nan"),
    # settings
    (MSE, (X, Y), {"batch_size": 0}, ValueError, "batch_size .* at least 1, received 0"),
    (MSE, (X, Y), {"batch_size": -1}, ValueError, "batch_size"),
    (MSE, (X, Y), {"batch_size": 2.5}, ValueError, r"batch_size .* 2\.5"),
    (MSE, (X, Y), {"batch_size": "many"}, TypeError, "batch_size .* 'many'"),
    (MSE, (X, Y), {"batch_size": True}, ValueError, "batch_size .* True"),
    (MSE, (X, Y), {"epochs": -1}, ValueError, "epochs .* at least 0, received -1"),
    (MSE, (X, Y), {"epochs": None}, TypeError, "epochs .* None"),
    (MSE, (X, Y), {"initial_epoch": -1}, ValueError, "initial_epoch"),
    (MSE, (X, Y), {"steps_per_epoch": 0}, ValueError, "steps_per_epoch"),
    (MSE, (X, Y), {"verbose": 3}, ValueError, "verbose"),
    (MSE, (X, Y), {"callbacks": [print]}, TypeError, "callbacks"),
    (MSE, (X, Y), {"learning_rate": 0.1}, TypeError, "learning_rate"),
    # validation
    (MSE, (X, Y), {"validation_split": 1}, ValueError, "below 1, received 1"),
    (MSE, (X, Y), {"validation_split": -0.1}, ValueError, r"received -0\.1"),
    (MSE, (X, Y), {"validation_split": "a"}, ValueError, "received 'a'"),
    (MSE, (X, Y), {"validation_split": float("nan")}, ValueError, "received nan"),
    (MSE, (X, Y), {"validation_split": 0.99}, ValueError, "8 rows into 0 to train on and 8"),
    (MSE, (X, Y), {"validation_data": X}, ValueError, "tuple.*received a ndarray"),
    (MSE, (X, Y), {"validation_data": (X,)}, ValueError, "received a tuple of length 1"),
    (MSE, (X, Y), {"validation_data": (X, Y[:3])}, ValueError, "validation x has 8, validation y"),
    (MSE, (X, Y), {"validation_data": (at(X, 0, np.nan), Y)}, ValueError, r"validation x\[0, 0\]"),
    (MSE, (X, Y), {"validation_freq": 0}, ValueError, "validation_freq"),
    (MSE, (X, Y), {"validation_freq": [0]}, ValueError, "validation_freq"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "arrays", "arguments", "error", "message"), REFUSED)
def test_refused_before_the_first_step(made, arrays, arguments, error, message):
    before = made.params.copy()
    with pytest.raises(error, match=message):
        made.fit(*arrays, **({"verbose": 0} | arguments))
    np.testing.assert_array_equal(made.params, before)
    assert made.optimizer.iterations == 0 and made.trainer.epoch == 0


def test_evaluate_and_single_batches_check_as_well():
    for call in (MSE.evaluate, MSE.train_on_batch, MSE.test_on_batch):
        with pytest.raises(ValueError, match=r"x\[0, 0\] is nan"):
            call(at(X, (0, 0), np.nan), Y)
        with pytest.raises(ValueError, match="y is missing"):
            call(X)
    with pytest.raises(ValueError, match="batch_size"):
        MSE.evaluate(X, Y, batch_size=0)


# what is taken


def test_right_arrays_are_not_copied():
    feed = MSE.trainer.feed(X, Y[:, None], np.ones(8, "float32"))
    assert feed.X is X or np.shares_memory(feed.X, X)
    assert feed.T.shape == (8, 1) and feed.labels.size == 0
    images = np.ones((5, 2, 2), "float32")
    feed = IMAGES.trainer.feed(images, np.ones(5))
    assert np.shares_memory(feed.X, images) and feed.X.shape == (5, 4)


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "bool", ">f8", "longdouble", object])
def test_numbers_of_any_type_are_cast_exactly(dtype):
    given = (np.arange(24).reshape(8, 3) % 2).astype(dtype)
    feed = MSE.trainer.feed(given, Y)
    assert feed.X.dtype == np.float32 and feed.X.flags.c_contiguous
    np.testing.assert_array_equal(feed.X, given.astype("float32"))


def test_any_layout_trains_to_the_same_bits():
    wide = np.zeros((16, 6), "float32")
    wide[::2, ::2] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"x" + X.tobytes(), np.uint8)[1:].view("float32").reshape(X.shape)
    assert not unaligned.flags.aligned and MSE.trainer.feed(unaligned, Y).X.flags.aligned
    start = MSE.get_weights()

    def trained(x, y):
        MSE.set_weights(start)
        MSE.compile("sgd", "mse")
        MSE.fit(x, y, epochs=2, batch_size=3, shuffle=False, verbose=0)
        return MSE.params.copy()

    expected = trained(X, Y)
    for x in (X.tolist(), np.asfortranarray(X), wide[::2, ::2], X[::-1][::-1], read_only,
              unaligned, X.astype("float64")):  # fmt: skip
        np.testing.assert_array_equal(trained(x, Y), expected)
    np.testing.assert_array_equal(trained(X, Y[:, None]), expected)
    np.testing.assert_array_equal(trained(X, Y.tolist()), expected)


def test_labels_of_any_type_and_shape():
    for y in (LABELS, LABELS.tolist(), LABELS[:, None], LABELS.astype("uint8"),
              LABELS.astype("float32")):  # fmt: skip
        feed = SPARSE.trainer.feed(X, y)
        assert feed.labels.dtype == np.int64 and feed.T.size == 0
        np.testing.assert_array_equal(feed.labels, LABELS)


def test_data_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "b": [1, 2, 3, 4] * 2, "c": [True, False] * 4})
    target = pandas.Series(Y)
    feed = MSE.trainer.feed(frame, target)
    np.testing.assert_array_equal(feed.X, frame.to_numpy().astype("float32"))
    MSE.fit(frame, target, verbose=0, validation_split=0.25)
    frame["b"] = frame["b"].astype("Int64")
    MSE.trainer.feed(frame, target)
    frame.loc[3, "b"] = pandas.NA
    with pytest.raises(ValueError, match=r"x cannot be read.*missing values in b: drop or"):
        MSE.trainer.feed(frame, target)
    frame = frame.drop(columns="b")
    with pytest.raises(ValueError, match=r"'red'.*hold numbers only\. .* columns do not: c, d\."):
        MSE.trainer.feed(frame.assign(c="red", d=frame["a"].astype("category")), target)


def test_sparse_targets_are_told_what_to_do():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"Pass y\.toarray\(\)"):
        MSE.trainer.feed(X, sparse.csr_matrix(Y[:, None]))


def test_large_finite_values_pass_the_finite_check():
    huge = np.full((4, 2), 3e38, "float32")  # their sum overflows
    np.testing.assert_array_equal(data.inputs(huge, (2,), np.float32), huge)
    tiny = np.full((1, 2), 1e-45, "float32")
    assert data.inputs(tiny, (2,), np.float32).all()


def test_the_weights_of_all_rows_may_be_zero():
    assert MSE.evaluate(X, Y, sample_weight=np.zeros(8), verbose=0) == 0
    assert data.weights(np.ones((8, 1)), 8, np.float32).shape == (8,)


def test_shapes_of_outputs_with_several_axes():
    T, _ = data.targets(np.ones((5, 2, 3)), (2, 3), losses.MeanSquaredError(), np.float32)
    assert T.shape == (5, 6)
    with pytest.raises(ValueError, match=r"\(rows, 2, 3\).*\(5, 6\).*\.reshape\(-1, 2, 3\)"):
        data.targets(np.ones((5, 6)), (2, 3), losses.MeanSquaredError(), np.float32)


@pytest.mark.parametrize(("share", "rows", "left"), [(0.2, 400, 320), (0.25, 10, 7), (0, 5, 5)])
def test_split_point(share, rows, left):
    assert data.split_point(share, rows) == left
