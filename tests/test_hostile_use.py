"""Hostile inputs, rows 19, 22, 35 and 36 of the table in test_hostile.py: how data come.

A name has its row's number.
"""

import gc

import numpy as np
import pytest
from test_hostile_values import LABELS, SPARSE, X, Y, at, made, on_backends, refused, several

import fastnn
from fastnn import Input, Model, Sequential, callbacks, layers, load_model

# row 19


@pytest.fixture
def frame():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"a": X[:, 0], "b": np.arange(20) % 4, "c": X[:, 2]})


def test_row_19_data_frames(frame):
    import pandas

    plain = frame.to_numpy("float32")
    same = [frame, frame.astype({"b": "Int64", "c": "Float32"}),
            frame.assign(b=pandas.Categorical(frame["b"]))]  # categories that are numbers
    expected = made()
    expected.fit(plain, Y, verbose=0)
    for given in same:
        model = made()
        model.fit(given, pandas.Series(Y[:, 0]), sample_weight=pandas.Series(np.ones(20)),
                  verbose=0)
        np.testing.assert_array_equal(model.predict(given), expected.predict(plain))


@pytest.mark.parametrize(("change", "error", "match"), [
    (lambda p, f: f.assign(c=p.Categorical(list("xy") * 10)), ValueError, "columns do not: c"),
    (lambda p, f: f.assign(a=list("xy") * 10, c="z"), ValueError, "columns do not: a, c"),
    (lambda p, f: f.astype({"b": "string"}), ValueError, "columns do not: b"),
    (lambda p, f: f.assign(b=p.Timestamp("2020")), ValueError, "columns do not: b"),
    (lambda p, f: f.astype("datetime64[ns]"), TypeError, "columns do not: a, b, c"),
    (lambda p, f: f.assign(b=p.array([1, p.NA] * 10, "Int64")), ValueError,
     "missing values in b: drop or fill"),
    (lambda p, f: f.assign(c=[np.nan, 1.0] * 10), ValueError, r"x\[0, 2\] is nan.*missing values"),
])  # fmt: skip
def test_row_19_columns_that_hold_no_numbers_are_named(frame, change, error, match):
    import pandas

    refused(made().fit, change(pandas, frame), Y, error=error, match=match)


def test_row_19_series_that_hold_no_classes():
    pandas = pytest.importorskip("pandas")
    for letters in (list("abcd") * 5, pandas.Categorical(list("ab") * 10)):
        refused(made(*SPARSE).fit, X, pandas.Series(letters), match="y cannot be read.*'a' is text")
    missing = pandas.Series([1, pandas.NA] * 10, dtype="Int64")
    refused(made().fit, X, missing, match=r"y\[1\] is nan")


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_row_19_other_frames(library):
    frames = pytest.importorskip(library)
    make = frames.DataFrame if library == "polars" else frames.table
    one, other = made(), made()
    one.fit(make({name: X[:, i] for i, name in enumerate("abc")}), Y, verbose=0)
    other.fit(X, Y, verbose=0)
    assert one.digest() == other.digest()


FORMATS = ["csr_matrix", "csc_array", "coo_array", "bsr_array", "lil_matrix", "dok_array"]


@pytest.mark.parametrize("form", FORMATS)
def test_row_19_sparse_matrices(form):
    sparse = pytest.importorskip("scipy.sparse")
    one, other = made(), made()
    one.fit(getattr(sparse, form)(X), Y, verbose=0)
    other.fit(X, Y, verbose=0)
    assert one.digest() == other.digest()
    refused(made().fit, getattr(sparse, form)(at(X, (3, 2), np.nan)), Y, match=r"x\[3, 2\] is nan")


def broken(form, part, value, columns=700):
    """A sparse matrix whose own numbers lead out of it."""
    from scipy import sparse

    X = sparse.random(20, columns, 0.02, form, random_state=0, dtype="float32")
    where = X.coords[1] if part == "coords" else getattr(X, part)
    where[1] = value
    return X


@pytest.mark.parametrize(("form", "part"), [("csr", "indices"), ("csr", "indptr"),
                                            ("csc", "indices"), ("csc", "indptr"),
                                            ("bsr", "indices"), ("coo", "coords")])  # fmt: skip
@pytest.mark.parametrize("value", [10**6, -5])
def test_row_19_broken_sparse_matrices(form, part, value):
    pytest.importorskip("scipy")
    X = broken(form, part, value)
    model = Sequential([Input((700,)), layers.Dense(3), layers.Dense(1)])
    model.compile("sgd", "mse")
    for call in (model.fit, model.evaluate, model.train_on_batch):
        refused(call, X, Y, match="x is no sound sparse matrix of shape")
    refused(model.predict, X, match="x is no sound sparse matrix of shape")


# the same values in front of the estimators


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "Perceptron",
                                  "LogisticRegression"])
def test_rows_01_to_19_estimators(name):
    pytest.importorskip("sklearn")
    import fastnn.sklearn

    def estimator():
        return getattr(fastnn.sklearn, name)()

    nan = at(X, (3, 2), np.nan)
    for method in ("fit", "partial_fit"):
        if not hasattr(estimator(), method):
            continue
        classes = {"classes": [0, 1, 2]} if method != "fit" and name != "MLPRegressor" else {}
        for x, y, match in ((X[:0], LABELS[:0], "0 sample"), (nan, LABELS, "contains NaN"),
                            (X, at(LABELS, 4, np.nan), "contains NaN"),
                            (X, LABELS[:4], "inconsistent numbers of samples"),
                            (X + 1j, LABELS, "Complex data not supported")):
            made = estimator()
            with pytest.raises(ValueError, match=match), np.errstate(invalid="ignore"):
                getattr(made, method)(x, y, **classes)
            assert not hasattr(made, "coefs_") and not hasattr(made, "coef_")
    for weights in (at(np.ones(20), 2, -1.0), at(np.ones(20), 2, np.nan), np.ones(5)):
        with pytest.raises(ValueError, match=r"[Nn]egative|NaN|shape"):
            estimator().fit(X, LABELS, sample_weight=weights)
    sparse = pytest.importorskip("scipy.sparse")
    wide = sparse.random(20, 700, 0.02, "csr", random_state=0)
    fitted = estimator().set_params(max_iter=2)
    with pytest.warns(UserWarning):  # it has not converged
        fitted.fit(wide, LABELS)
    for form, part in (("csr", "indices"), ("csr", "indptr"), ("csc", "indices")):
        for call in (lambda rows: estimator().fit(rows, LABELS), fitted.predict):
            with pytest.raises(ValueError, match="X is no sound sparse matrix"):
                call(broken(form, part, 10**6))


# row 22


@pytest.mark.parametrize("units", [0, -1, 2.5, "many", None])
def test_row_22_widths_that_are_none(units):
    with pytest.raises((ValueError, TypeError), match="units must be a positive whole number"):
        layers.Dense(units)
    with pytest.raises((ValueError, TypeError), match="shape"):
        Input((units,))


def test_row_22_layers_of_width_1_and_a_million():
    model = Sequential([Input((3,)), layers.Dense(1), layers.Dense(10**6), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X[:4], Y[:4], verbose=0)
    assert np.isfinite(model.predict(X[:4], verbose=0)).all()


def test_row_22_layers_that_no_memory_holds():
    for units in (10**13, 2**62):
        with pytest.raises(MemoryError, match=rf"Unable to allocate .* shape \(3, {units}\)"):
            Sequential([Input((3,)), layers.Dense(units)])


def test_row_22_no_layers():
    for empty in (Sequential(), Sequential([Input((3,))])):
        empty.compile("sgd", "mse")
        for call in (empty.fit, empty.evaluate, empty.train_on_batch):
            with pytest.raises(ValueError, match=r"has no layers yet\. Add some"):
                call(X, X)
        with pytest.raises(ValueError, match=r"has no layers yet\. Add some"):
            empty.predict(X)
    x = Input((3,))
    identity = Model(x, x)
    identity.compile("sgd", "mse")
    assert identity.fit(X, X, verbose=0).history["loss"] == [0]
    np.testing.assert_array_equal(identity.predict(X, verbose=0), X)


@on_backends
@pytest.mark.parametrize("depth", [1, 1000])
def test_row_22_depth(backend, depth):
    model = Sequential([Input((3,)), *(layers.Dense(3) for _ in range(depth))])
    model.compile("sgd", "mse", backend=backend)
    model.fit(X, X, verbose=0)
    assert np.isfinite(model.predict(X, verbose=0)).all()


# row 35, besides test_guest.py


class Does(callbacks.Callback):
    """Does something at the end of the first epoch, or of every batch."""

    def __init__(self, what, each_batch=False):
        super().__init__()
        self.what = what
        setattr(self, "on_train_batch_end" if each_batch else "on_epoch_end", self.act)

    def act(self, number, logs=None):
        self.what(self.model)


def test_row_35_saving_and_predicting_change_nothing(tmp_path):
    plain, watched = made(optimizer="adam"), made(optimizer="adam")

    def look(model):
        model.save(tmp_path / "model.fastnn")
        assert load_model(tmp_path / "model.fastnn").digest() == model.digest()
        model.evaluate(X, Y, verbose=0)
        model.predict(X, verbose=0)

    for each_batch in (False, True):
        plain.fit(X, Y, epochs=3, batch_size=6, verbose=0)
        watched.fit(X, Y, epochs=3, batch_size=6, verbose=0, callbacks=Does(look, each_batch))
    assert plain.digest() == watched.digest()


def test_row_35_weights_that_a_callback_sets_are_trained_on():
    def clear(model):
        model.set_weights([np.zeros(w.shape) for w in model.get_weights()])

    model = made()
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=Does(clear, each_batch=True)).history
    assert not model.params.any()
    assert history["loss"][1:] == [pytest.approx(np.square(Y).mean())] * 2


def test_row_35_another_network_needs_another_fit():
    model = made()
    with pytest.raises(RuntimeError, match=r"layers.* have changed since .*call fit again"):
        model.fit(X, Y, epochs=3, verbose=0, callbacks=Does(
            lambda model: model.add(layers.Dense(1))))
    assert len(model.layers) == 3
    model.compile("sgd", "mse")
    assert len(model.fit(X, Y, epochs=2, verbose=0).epoch) == 2


def test_row_35_a_model_that_is_let_go_of_while_it_trains():
    def forget(model):
        nonlocal kept
        kept = None
        gc.collect()

    kept = made()
    history = kept.fit(X, Y, epochs=3, verbose=0, callbacks=Does(forget))
    assert len(history.epoch) == 3


# row 36


def batches(*given):
    yield from given


GOOD = (X, Y)
WRONG = {
    "shape": ((X[:, :2], Y), r"batch 1's x must have the shape \(rows, 3\).*\(20, 2\)"),
    "targets": ((X, np.ones((20, 3))), r"batch 1's y must have the shape \(rows, 1\).*\(20, 3\)"),
    "lengths": ((X, Y[:3]), "batch 1's x has 20, batch 1's y has 3"),
    "nan": ((at(X, (3, 2), np.nan), Y), r"batch 1's x\[3, 2\] is nan"),
    "empty": ((X[:0], Y[:0]), "at least one row: batch 1's x has 0"),
    "weights": ((X, Y, -np.ones(20)), r"batch 1's sample_weight\[0\] is -1"),
    "four": ((X, Y, Y, Y), "tuple of length 4 as batch 1"),
    "no targets": ((X,), "batch 1's y is missing"),
    "text": ("ab", "batch 1's x must hold real numbers"),
    "nothing": (None, "batch 1's x must hold real numbers"),
}


@pytest.mark.parametrize("case", WRONG)
def test_row_36_wrong_batches_are_named_by_their_number(case):
    batch, match = WRONG[case]
    for run in (lambda model: model.fit(batches(GOOD, batch), verbose=0),
                lambda model: model.evaluate(batches(GOOD, batch), verbose=0),
                lambda model: model.fit(X, Y, validation_data=batches(GOOD, batch), verbose=0)):
        model = made()
        with pytest.raises((ValueError, TypeError), match=match):
            run(model)
        assert np.isfinite(model.params).all()
    refused(made().fit, batches(batch, GOOD), verbose=0, match=match.replace("batch 1", "batch 0"),
            error=(ValueError, TypeError))


def test_row_36_wrong_batches_of_predictions():
    with pytest.raises(ValueError, match="batch 1's x must have the shape"):
        made().predict(batches(X, X[:, :2]))
    with pytest.raises(ValueError, match=r"batch 1's x\['b'\]\[0, 0\] is inf"):
        several().fit(batches(*[([X, X[:, :2] + value], [Y, LABELS]) for value in (0, np.inf)]))


class Items(fastnn.utils.PyDataset):
    """Batches by number, one of which fails."""

    def __init__(self, n, error=None, at=-1):
        super().__init__()
        self.n, self.error, self.at = n, error, at

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i == self.at:
            raise self.error
        return GOOD


def failing(error):
    yield GOOD
    yield GOOD
    raise error


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("source", [failing, lambda error: Items(5, error, at=2)],
                         ids=["generator", "dataset"])
def test_row_36_errors_of_the_datas_own_come_through_with_a_note(source, method):
    error = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        getattr(made(), method)(source(error), verbose=0)
    assert caught.value is error and caught.value.args == ("mine",)
    assert error.__notes__ == ["It came from batch 2 of the data, counted from 0."]


def test_row_36_data_that_end_early():
    with pytest.warns(UserWarning, match="Your input ran out of data; interrupting training"):
        history = made().fit(batches(*[GOOD] * 3), steps_per_epoch=2, epochs=3, verbose=0)
    assert len(history.epoch) == 2
    with pytest.warns(UserWarning, match="interrupting evaluation after 2 of 5 batches"):
        made().evaluate(batches(GOOD, GOOD), steps=5, verbose=0)
    with pytest.warns(UserWarning, match="interrupting prediction after 2 of 5 batches"):
        assert made().predict(batches(X, X), steps=5).shape == (40, 1)
    with pytest.warns(UserWarning, match="validation_data gave no more batches"):
        history = made().fit(X, Y, epochs=2, validation_data=batches(GOOD), verbose=0).history
    assert len(history["val_loss"]) == 1 and len(history["loss"]) == 2


def test_row_36_no_batch_at_all():
    for nothing in (batches, lambda: Items(0)):
        with pytest.warns(UserWarning, match="ran out of data"):
            assert made().fit(nothing(), verbose=0).epoch == []
        with pytest.raises(ValueError, match="x gives no batch at all"):
            made().evaluate(nothing(), verbose=0)
        assert made().predict(nothing()).shape == (0, 1)


def test_row_36_endless_batches_need_steps():
    """Without steps an epoch of an endless generator has no end; with them it is asked no more."""
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield GOOD

    made().fit(endless(), steps_per_epoch=3, epochs=2, verbose=0)
    assert asked == 6
    assert made().predict(endless(), steps=2).shape == (40, 1)
    model = made()
    stop = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: setattr(
        model, "stop_training", batch == 9))
    model.fit(endless(), verbose=0, callbacks=stop)  # or a callback ends it, or Ctrl-C
    assert model.optimizer.iterations == 10
