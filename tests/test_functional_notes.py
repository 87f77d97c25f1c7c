"""The notes' program, and whole models as arrays."""

import io
from contextlib import redirect_stdout

import numpy as np
import pytest

from fastnn import Sequential, layers
from fastnn import functional as F

# The program of the notes as they print it, with its import in front. `df` is their table.
PROGRAM = """
import numpy as np
from fastnn.functional import initialize_parameters, l_layer_forward, update_parameters

# epochs implementation

parameters = initialize_parameters([2,2,1])
epochs = 5

for i in range(epochs):

    Loss = []

    for j in range(df.shape[0]):

        X = df[['cgpa', 'profile_score']].values[j].reshape(2,1) # Shape(no of features, ...)
        y = df[['lpa']].values[j][0]

        # Parameter initialization

        y_hat,A1 = l_layer_forward(X,parameters)
        y_hat = y_hat[0][0]

        update_parameters(parameters,y,y_hat,A1,X)

        Loss.append((y-y_hat)**2)

    print('Epoch - ',i+1,'Loss - ',np.array(Loss).mean())

parameters
"""
# by the true gradients: what the notes' own update should have given
LOSSES = [26.3455776664, 19.8594289186, 10.8816025722, 3.7770377993, 1.2238044970]


class Frame:
    """As much of a pandas.DataFrame as the program asks for."""

    def __init__(self, names, rows):
        self.names, self.values = list(names), np.asarray(rows)
        self.shape = self.values.shape

    def __getitem__(self, names):
        return Frame(names, self.values[:, [self.names.index(name) for name in names]])


ROWS = [(8, 8, 4), (7, 9, 5), (6, 10, 6), (5, 12, 7)]


def test_the_notes_program_runs_with_only_its_import_changed():
    names = {"df": Frame(("cgpa", "profile_score", "lpa"), ROWS)}
    with redirect_stdout(io.StringIO()) as printed:
        exec(PROGRAM, names)
    lines = printed.getvalue().splitlines()
    assert [line.split()[:3] for line in lines] == [["Epoch", "-", str(i)] for i in range(1, 6)]
    np.testing.assert_allclose([float(line.split()[-1]) for line in lines], LOSSES, rtol=1e-9)
    parameters = names["parameters"]
    W1 = [[0.2719899516] * 2, [0.3927392633] * 2]
    np.testing.assert_allclose(parameters["W1"], W1, atol=1e-9)
    np.testing.assert_allclose(parameters["b1"], np.full((2, 1), 0.0283807364), atol=1e-9)
    np.testing.assert_allclose(parameters["W2"], np.full((2, 1), 0.469000402), atol=1e-9)
    np.testing.assert_allclose(parameters["b2"], [[0.1216814821]], atol=1e-9)


def test_parameters_may_be_edited_in_place():
    parameters = F.initialize_parameters([2, 2, 1])
    X = np.array([[8.0], [8.0]])
    assert F.l_layer_forward(X, parameters)[0] == pytest.approx(0.32)
    parameters["b2"][0, 0] = 1.0
    parameters["W1"][:] = 0
    assert F.l_layer_forward(X, parameters)[0] == pytest.approx(1.0)
    W1 = parameters["W1"]
    F.update_parameters(parameters, 4.0, *F.l_layer_forward(X, parameters), X)
    assert parameters["W1"] is W1 and W1.any()


def test_the_classification_twin_of_the_notes():
    rows = np.array([(8, 8, 1), (7, 9, 1), (6, 10, 0), (5, 5, 0)], float)
    parameters, means = F.initialize_parameters([2, 2, 1]), []
    for _ in range(50):
        lost = []
        for *x, y in rows:
            X = np.array(x).reshape(2, 1)
            y_hat, A1 = F.l_layer_forward(X, parameters, "sigmoid")
            p = y_hat[0][0]
            F.update_parameters(parameters, y, y_hat, A1, X, learning_rate=1e-4,
                                activations="sigmoid", loss="binary_crossentropy")
            lost.append(-y * np.log(p) - (1 - y) * np.log(1 - p))
        means.append(np.mean(lost))
    np.testing.assert_allclose(means[0], 0.6939124402, rtol=1e-9)
    np.testing.assert_allclose(means[1], 0.6939114525, rtol=1e-9)
    np.testing.assert_allclose(means[-1], 0.6938645530, rtol=1e-9)


@pytest.mark.parametrize("dims", [[3, 1], [3, 4, 2], [4, 5, 6, 3]])
@pytest.mark.parametrize("names", [None, "tanh", "gelu"])
def test_the_gradients_of_any_depth_are_differences(dims, names):
    rng = np.random.default_rng(0)
    parameters = F.initialize_parameters(dims, "he", seed=3)
    X, y = rng.normal(size=(dims[0], 7)), rng.normal(size=(dims[-1], 7))

    def loss():
        return ((F.l_layer_forward(X, parameters, names)[0] - y) ** 2).sum(axis=0).mean()

    y_hat, A = F.l_layer_forward(X, parameters, names)
    grads = F.l_layer_backward(parameters, y, y_hat, A, X, names)
    for name, p in parameters.items():
        g = grads[f"d{name}"]
        assert g.shape == p.shape
        for i in np.ndindex(*p.shape):
            start = p[i]
            p[i] = start + 1e-6
            up = loss()
            p[i] = start - 1e-6
            down = loss()
            p[i] = start
            assert g[i] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-7)
    before = loss()
    F.update_parameters(parameters, grads, learning_rate=1e-3)
    assert loss() < before


@pytest.mark.parametrize("call, words", [
    (lambda p: F.initialize_parameters([2]), "layer_dims"),
    (lambda p: F.initialize_parameters([2, 1], "ones"), "'constant', 'he' or 'xavier'"),
    (lambda p: F.l_layer_forward(np.ones((3, 1)), p), r"X must have the shape \(2, examples\)"),
    (lambda p: F.l_layer_forward(np.ones((2, 1)), {"b1": 1}), "parameters must hold W1"),
    (lambda p: F.l_layer_forward(np.ones((2, 1)), p, ["relu"]), "activations must name one"),
    (lambda p: F.update_parameters(p, {"dW1": 0}), "grads must hold db1|have the shape"),
])
def test_mistakes_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(F.initialize_parameters([2, 2, 1]))


# whole models


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_become_a_model_and_a_model_arrays(dtype):
    rng = np.random.default_rng(1)
    W1, b1, W2 = (rng.normal(size=s).astype(dtype) for s in ((5, 4), (4,), (4, 3)))
    X = rng.normal(size=(6, 5)).astype(dtype)
    model = Sequential.from_arrays([(W1, b1), (W2, None)], ["relu", "softmax"])
    Z = np.maximum(X @ W1 + b1, 0) @ W2
    expected = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    Y = model.predict(X)
    assert Y.dtype == dtype
    np.testing.assert_allclose(Y, expected, rtol=1e-5)
    (one, two), (three, none) = model.to_arrays()
    for ours, theirs in ((one, W1), (two, b1), (three, W2)):
        np.testing.assert_array_equal(ours, theirs)
        assert not np.shares_memory(ours, theirs)
    assert none is None
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((6, 3)), epochs=1, verbose=0)
    assert (model.to_arrays()[0][0] != W1).any()
    again = Sequential.from_arrays(model.to_arrays(), ["relu", "softmax"])
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    column = Sequential.from_arrays([(W1, b1[:, None])], dtype="float32")
    assert column.predict(X).dtype == np.float32


def test_dropout_has_no_arrays_and_normalization_is_refused():
    model = Sequential([layers.Input((3,)), layers.Dense(2), layers.Dropout(0.5)])
    assert len(model.to_arrays()) == 1
    with pytest.raises(ValueError, match="BatchNormalization"):
        Sequential([layers.Input((3,)), layers.BatchNormalization()]).to_arrays()


@pytest.mark.parametrize("arrays, names, words", [
    ([], None, "at least one layer"),
    ([np.ones((2, 2)), np.ones(3)], None, r"arrays\[1\] must be a pair|arrays\[0\]"),
    ([(np.ones((2, 2)), np.ones(3))], None, r"arrays\[0\]\[1\] must have the shape \(2,\)"),
    ([(np.ones((2, 2)), None), (np.ones((3, 1)), None)], None,
     r"arrays\[1\]\[0\] must have 2 rows"),
    ([(np.ones(2), None)], None, r"arrays\[0\]\[0\] must be a matrix"),
    ([(np.ones((2, 2)), None)], ["relu", "relu"], "activations must name one for each of 1"),
])
def test_arrays_that_are_no_model_are_refused(arrays, names, words):
    with pytest.raises(ValueError, match=words):
        Sequential.from_arrays(arrays, names)
