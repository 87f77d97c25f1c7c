"""Models from Keras, scikit-learn and PyTorch, and for Keras.

The files in golden/keras_models were written by Keras 3.15; to read them takes h5py. What needs
the other library itself is skipped where that is missing.
"""

import contextlib
import json
import struct
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import Input, Model, Sequential, interchange, layers, models

FOLDER = Path(__file__).parent / "golden" / "keras_models"
GOLDEN = json.loads((FOLDER / "predictions.json").read_text("utf-8"))
X = np.sin(np.arange(24.0)).reshape(6, 4).astype("float32")
Y = np.cos(np.arange(12.0)).reshape(6, 2).astype("float32")
TARGETS = {"out": Y, "side": (Y[:, :1] > 0).astype("float32")}


@pytest.fixture
def h5py():
    return pytest.importorskip("h5py")


def close(found, name, tolerance=2e-6):
    np.testing.assert_allclose(found, GOLDEN[name], rtol=tolerance, atol=tolerance)


# files of Keras's


def test_a_sequential_model(h5py):
    model = fastnn.load_model(FOLDER / "sequential.keras")
    close(model.predict(X), "sequential.keras")
    close(model.evaluate(X, Y, verbose=0), "sequential.keras evaluate", 1e-5)
    assert model.metrics_names == ["loss", "mae", "rmse"]
    assert model.layers[0].name == "first" and model.layers[3].rate == 0.2
    assert model.optimizer.clipnorm == 1.0
    assert type(model.optimizer.get_config()["learning_rate"]) is dict
    assert model.fit(X, Y, verbose=0).history["loss"]


def test_a_functional_model(h5py):
    model = interchange.from_keras(FOLDER / "functional.keras")
    found = model.predict([X, Y])
    for name, rows in found.items():
        np.testing.assert_allclose(rows, GOLDEN["functional.keras"][name], rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(model.evaluate([X, Y], TARGETS, verbose=0)[0],
                               GOLDEN["functional.keras evaluate"][0], rtol=1e-5)


def tabular():
    return Sequential([
        Input((4,)), layers.Normalization(), layers.Dense(6), layers.Activation("gelu"),
        layers.GroupNormalization(3), layers.Dense(6, "softplus"), layers.RMSNormalization(),
        layers.Dense(2, "softmax")])


def test_weights_alone(h5py):
    model = tabular()
    model.load_weights(FOLDER / "tabular.weights.h5")
    close(model.predict(X), "tabular.weights.h5")


def test_weights_of_a_whole_model_file(h5py):
    model = fastnn.load_model(FOLDER / "sequential.keras", compile=False)
    fresh = models.clone_model(model)
    fresh.load_weights(FOLDER / "sequential.keras")
    assert (fresh.predict(X) == model.predict(X)).all()
    assert model.optimizer is None


@pytest.mark.parametrize("name", ["sequential.keras", "functional.keras", "tabular.weights.h5"])
def test_the_json_of_a_model(name):
    config = GOLDEN[f"{name} json"]
    model = models.model_from_json(json.dumps(config))
    assert model.built and model.name == config["config"]["name"]
    again = models.model_from_json(model.to_json())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    assert again.to_json() == model.to_json()


def test_weights_that_do_not_fit(h5py):
    model = tabular()
    model.pop()
    model.add(layers.Dense(3))
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(ValueError, match=r"do not fit the layer 'dense_\d+'. Expected arrays of "
                                         r"shapes \[\(6, 3\), \(3,\)\]"):
        model.load_weights(FOLDER / "tabular.weights.h5")
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    other = Sequential([Input((4,)), layers.PReLU()])
    with pytest.raises(ValueError, match="expected the group /layers/p_re_lu; there is none"):
        other.load_weights(FOLDER / "tabular.weights.h5")


def test_links_and_outside_data_are_refused(h5py, tmp_path):
    model = Sequential([Input((2,)), layers.Dense(3, use_bias=False)])
    secret = tmp_path / "secret"
    secret.write_bytes(np.ones(6, "float32").tobytes())

    def write(fill):
        path = tmp_path / "m.weights.h5"
        with h5py.File(path, "w") as file:
            fill(file.create_group("layers/dense/vars"))
        return path

    def external(group):
        group.create_dataset("0", (2, 3), "f4", external=[(str(secret), 0, 24)])

    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["data"] = np.ones((2, 3), "float32")

    def soft(group):
        group.file["elsewhere"] = np.ones((2, 3), "float32")
        group["0"] = h5py.SoftLink("/elsewhere")

    def outside(group):
        group["0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/data")

    def text(group):
        group["0"] = np.full((2, 3), b"a")

    def huge(group):
        group.create_dataset("0", (1 << 20, 1 << 20), "f4", chunks=(64, 64), compression="gzip")

    for fill, message in ((external, "no plain array"), (soft, "link to another place"),
                          (outside, "link to another place"), (text, "no plain array"),
                          (huge, "do not fit")):
        with pytest.raises(ValueError, match=message):
            model.load_weights(write(fill))

    def plain(group):
        group["0"] = np.arange(6.0).reshape(2, 3)

    model.load_weights(write(plain))
    assert model.get_weights()[0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_files_that_are_damaged(h5py, tmp_path):
    data = bytearray((FOLDER / "tabular.weights.h5").read_bytes())
    path = tmp_path / "bad.weights.h5"
    path.write_bytes(bytes(data[: len(data) // 2]))
    with pytest.raises(ValueError, match=r"holds no HDF5 file that can be read"):
        tabular().load_weights(path)


def test_archives_that_would_take_much_time_or_memory(tmp_path):
    """`load_model` looks whether a zip is one of Keras's: it must not read a long list for that."""
    path = tmp_path / "bomb.keras"
    entry = struct.pack("<IHHHHHHIIIHHHHHIIc", 0x02014B50, 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0,
                        0, 0, 0, 0, b"a")  # fmt: skip
    n = 10**6
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, n * len(entry), 0, 0)
    wide = struct.pack("<IQHHIIQQQQ IIQI", 0x06064B50, 44, 45, 45, 0, 0, n, n, n * len(entry), 0,
                       0x07064B50, 0, n * len(entry), 1)
    for size in (None, b"\xff", b"\0"):  # the 64-bit part counts, whatever the other says
        tail = end if size is None else wide + end[:8] + size * 12 + b"\0\0"
        path.write_bytes(entry * n + tail)
        start = time.process_time()
        for load in (models.load_model, tabular().load_weights):
            with pytest.raises(ValueError):
                load(path)
        assert time.process_time() - start < 1
    for method, message in ((zipfile.ZIP_DEFLATED, "has more than"), (zipfile.ZIP_LZMA, "packed")):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("config.json", b" " * (64 << 20))
            archive.writestr("model.weights.h5", b"")
        with pytest.raises(ValueError, match=message):
            models.load_model(path)
    data = (FOLDER / "sequential.keras").read_bytes()
    for i in range(0, len(data), len(data) // 200):
        path.write_bytes(data[:i] + bytes([data[i] ^ 0xFF]) + data[i + 1 :])
        with contextlib.suppress(ValueError):
            models.load_model(path)


def test_without_h5py(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r'pip install "fastnn\[keras\]"'):
        tabular().load_weights(FOLDER / "tabular.weights.h5")


@pytest.mark.parametrize("change, message", [
    (("Dense", "magic", 4), "Dense in fastnn has no magic; the model has magic=4"),
    (("Dense", "lora_rank", 4), "lora_rank=None only; received 4"),
    (("Dropout", "noise_shape", [1, 2]), "noise_shape"),
    (("Dense", "class", "Conv2D"), "Unknown layer: 'Conv2D'"),
    (("Dense", "class", "os.system"), "Unknown layer: 'os.system'"),
])
def test_what_fastnn_does_not_have(change, message):
    config = json.loads(json.dumps(GOLDEN["sequential.keras json"]))
    name, key, value = change
    layer = next(one for one in config["config"]["layers"] if one["class_name"] == name)
    if key == "class":
        layer["class_name"] = value
    else:
        layer["config"][key] = value
    with pytest.raises(ValueError, match=message):
        models.model_from_json(json.dumps(config))


# Keras itself


@pytest.fixture
def keras():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("keras")
        yield module


def test_to_keras_and_back(keras):
    fastnn.utils.set_random_seed(2)
    model = Sequential([
        Input((4,)), layers.Dense(5, "relu", kernel_regularizer="l2", kernel_constraint="max_norm"),
        layers.BatchNormalization(), layers.PReLU(), layers.Dropout(0.2), layers.ELU(0.5),
        layers.LayerNormalization(), layers.Dense(6, "gelu"), layers.GroupNormalization(2),
        layers.Reshape((3, 2)), layers.Flatten(), layers.Dense(2, "softmax")])
    model.compile(fastnn.optimizers.Adam(0.01, beta_1=0.8), "categorical_crossentropy",
                  metrics=["accuracy", fastnn.metrics.AUC(name="auc")])
    model.fit(X, np.eye(2)[np.arange(6) % 2], epochs=3, verbose=0)
    theirs = model.to_keras()
    np.testing.assert_allclose(theirs.predict(X, verbose=0), model.predict(X), atol=2e-6)
    assert float(theirs.optimizer.beta_1) == 0.8
    assert theirs.loss.name == "categorical_crossentropy"
    back = interchange.from_keras(theirs)
    np.testing.assert_allclose(back.predict(X), model.predict(X), atol=1e-6)


def test_graphs_to_keras_and_back(keras):
    one, two = Input((4,), name="one"), Input((2,), name="two")
    shared = layers.Dense(3, "tanh")
    h = layers.add([shared(one), shared(one)])
    out = layers.Dense(1)(layers.concatenate([h, two]))
    model = Model([one, two], {"a": out, "b": h})
    theirs = model.to_keras()
    found, wanted = theirs.predict([X, Y], verbose=0), model.predict([X, Y])
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], atol=2e-6)
    back = interchange.from_keras(theirs).predict([X, Y])
    for name in wanted:
        np.testing.assert_allclose(back[name], wanted[name], atol=2e-6)


def test_keras_is_out_of_reach_while_fastnn_stands_in_for_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    fastnn.install_as("keras")
    try:
        model = Sequential([Input((2,)), layers.Dense(1)])
        with pytest.raises(ImportError, match=r"call fastnn.uninstall\(\) in front"):
            model.to_keras()
    finally:
        fastnn.uninstall()


def test_activations_with_arguments_are_layers_in_keras(keras):
    model = Sequential([Input((2,)), layers.Dense(1, fastnn.activations.ELU(0.5))])
    with pytest.raises(ValueError, match="an activation of a layer has no arguments"):
        model.to_keras()


# scikit-learn


def iris():
    datasets = pytest.importorskip("sklearn.datasets")
    return datasets.load_iris(return_X_y=True)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_networks_of_sklearn(activation):
    data, labels = iris()
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"activation": activation, "max_iter": 5, "random_state": 0}
        several = MLPClassifier((5, 4), **options).fit(data, labels)
        two = MLPClassifier((3,), **options).fit(data, labels > 0)
        values = MLPRegressor(hidden_layer_sizes=(3,), **options).fit(data, data[:, :2])
    model = interchange.from_sklearn(several)
    np.testing.assert_allclose(model.predict(data), several.predict_proba(data), rtol=1e-9)
    assert model.dtype == "float64" and model.metadata == {"classes": [0, 1, 2]}
    np.testing.assert_allclose(interchange.from_sklearn(two).predict(data)[:, 0],
                               two.predict_proba(data)[:, 1], rtol=1e-9)
    np.testing.assert_allclose(interchange.from_sklearn(values).predict(data),
                               values.predict(data), rtol=1e-9)


def test_linear_models_and_pipelines_of_sklearn():
    data, labels = iris()
    from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    line = make_pipeline(StandardScaler(), LogisticRegression()).fit(data, labels)
    np.testing.assert_allclose(interchange.from_sklearn(line).predict(data),
                               line.predict_proba(data), rtol=1e-7)
    two = make_pipeline(MinMaxScaler(), LogisticRegression()).fit(data, labels == 1)
    np.testing.assert_allclose(interchange.from_sklearn(two).predict(data)[:, 0],
                               two.predict_proba(data)[:, 1], rtol=1e-9)
    for estimator, target in ((LinearRegression(), data[:, 0]), (Ridge(), data[:, :2])):
        estimator.fit(data[:, 1:], target)
        found = interchange.from_sklearn(estimator).predict(data[:, 1:])
        np.testing.assert_allclose(found.reshape(target.shape), estimator.predict(data[:, 1:]),
                                   rtol=1e-9)
    rule = Perceptron().fit(data, labels)
    np.testing.assert_allclose(interchange.from_sklearn(rule).predict(data),
                               rule.decision_function(data), rtol=1e-7)


def test_what_sklearn_has_and_fastnn_not():
    data, labels = iris()
    from sklearn.linear_model import LinearRegression
    from sklearn.tree import DecisionTreeClassifier

    with pytest.raises(ValueError, match="no model like scikit-learn's DecisionTreeClassifier"):
        interchange.from_sklearn(DecisionTreeClassifier().fit(data, labels))
    with pytest.raises(ValueError, match="The LinearRegression is not fitted yet"):
        interchange.from_sklearn(LinearRegression())


# PyTorch


@pytest.fixture
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip("torch")


def test_networks_of_torch(torch):
    nn = torch.nn
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 6, bias=False),
        nn.LayerNorm(6), nn.GELU(), nn.Sequential(nn.Linear(6, 4), nn.PReLU(), nn.LeakyReLU(0.2)),
        nn.ELU(0.7), nn.RMSNorm(4, eps=1e-5), nn.SiLU(), nn.Linear(4, 3), nn.Softmax(dim=1))
    network.train()
    network(torch.from_numpy(X))  # moves the averages
    network.eval()
    model = interchange.from_torch(network)
    wanted = network(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-5, atol=1e-6)
    assert model.layers[1].momentum == 0.9  # PyTorch's 0.1 is the share of the new


def test_activations_and_embeddings_of_torch(torch):
    nn = torch.nn
    for layer in (nn.ReLU6(), nn.SELU(), nn.Tanh(), nn.Sigmoid(), nn.Softsign(), nn.Softplus(),
                  nn.Hardsigmoid(), nn.Hardswish(), nn.Mish(), nn.LogSigmoid(), nn.Tanhshrink(),
                  nn.GELU("tanh"), nn.Hardtanh(), nn.LogSoftmax(dim=-1), nn.Identity(),
                  nn.PReLU(4)):
        wanted = layer(torch.from_numpy(X)).detach().numpy()
        found = interchange.from_torch(layer, (4,)).predict(X)
        np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-6, err_msg=repr(layer))
    words = nn.Sequential(nn.Embedding(10, 3), nn.Flatten(), nn.Linear(6, 2)).double()
    numbers = np.array([[1, 9], [0, 3]])
    model = interchange.from_torch(words, (2,))
    np.testing.assert_allclose(model.predict(numbers),
                               words(torch.from_numpy(numbers)).detach().numpy(), rtol=1e-12)
    assert model.dtype == "float64"


def test_what_torch_has_and_fastnn_not(torch):
    nn = torch.nn
    with pytest.raises(ValueError, match=r"no layer like torch.nn.Conv2d"):
        interchange.from_torch(nn.Sequential(nn.Conv2d(1, 2, 3)))
    with pytest.raises(ValueError, match=r"Softplus with beta=1.0 only"):
        interchange.from_torch(nn.Softplus(beta=2.0), (4,))
    with pytest.raises(ValueError, match=r"how wide its input is: give input_shape"):
        interchange.from_torch(nn.ReLU())
