"""Data sets: the shipped ones are what their source says, the made-up ones what they promise."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import threading
from pathlib import Path

import numpy as np
import pytest

from fastnn import config, datasets
from fastnn.datasets import _files, digits, mnist, notes, synthetic

GENERATORS = {
    "xor": lambda **kw: datasets.xor(**{"n": 40, "noise": 0.1, **kw}),
    "moons": datasets.moons,
    "circles": datasets.circles,
    "spirals": datasets.spirals,
    "blobs": datasets.blobs,
    "linear": datasets.linear,
}


# ---- digits ----


def test_digits_are_the_uci_test_set():
    x, y = digits.load_digits()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((1797, 8, 8), np.uint8, (1797,), np.uint8)
    assert (x.min(), x.max()) == (0, digits.PIXEL_MAX)
    # images per digit, as the description at UCI prints them
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    first = x[0].tolist()
    assert first[0] == [0, 0, 5, 13, 9, 1, 0, 0] and first[7] == [0, 0, 6, 13, 10, 0, 0, 0]


def test_digits_equal_scikit_learns_copy():
    load = pytest.importorskip("sklearn.datasets").load_digits()
    x, y = digits.load_digits()
    np.testing.assert_array_equal(x, load.images)
    np.testing.assert_array_equal(y, load.target)


def test_digits_split_is_fixed_stratified_and_complete():
    (x_train, _), (x_test, y_test) = digits.load_data()
    x, y = digits.load_digits()
    assert (len(x_train), len(x_test)) == (1442, 355)
    np.testing.assert_array_equal(np.bincount(y_test), np.bincount(y) // digits.TEST_EVERY)
    # the first test image of digit 7 is the fifth 7 of the file
    np.testing.assert_array_equal(x_test[y_test == 7][0], x[y == 7][4])
    both = np.concatenate((x_train, x_test)).reshape(len(x), -1)
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(x.reshape(len(x), -1), axis=0))
    again = digits.load_data()
    assert again[0][0].tobytes() == x_train.tobytes() and again[1][1].tobytes() == y_test.tobytes()


def test_digits_ship_with_source_and_licence():
    text = (Path(digits.__file__).parent / "digits.LICENCE.txt").read_text(encoding="utf-8")
    for words in ("Alpaydin", "Kaynak", "UCI Machine Learning Repository", "CC BY 4.0"):
        assert words in text


# ---- the notes ----


def test_notes_tables():
    X, y = notes.package()
    assert X.tolist() == [[8, 8], [7, 9], [6, 10], [5, 12]] and y.tolist() == [4, 5, 6, 7]
    X, y = notes.placed()
    assert X.tolist() == [[8, 8], [7, 9], [6, 10], [5, 5]] and y.tolist() == [1, 1, 0, 0]
    X, y = notes.placement()
    assert X.tolist() == [[7.1, 72, 69, 81], [8.1, 42, 75, 76]] and y.tolist() == [1, 0]


def test_cost_of_three_follows_from_its_outputs_to_their_rounding():
    *outputs, target = notes.cost_of_three()
    for row, terms in zip(outputs, notes.cost_of_three_terms(), strict=True):
        # an output rounded by 0.005 moves its term by 2 |difference| 0.005; terms are rounded too
        slack = 0.01 * np.abs(row - target) + 0.005**2 + 0.00005
        assert (np.abs((row - target) ** 2 - terms) <= slack).all()


# ---- made-up points ----


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_generator_is_a_function_of_the_seed(make):
    X, y = make(seed=3)
    again, other = make(seed=3), make(seed=4)
    assert X.tobytes() == again[0].tobytes() and y.tobytes() == again[1].tobytes()
    assert not np.array_equal(X, other[0])
    short = make(n=7, seed=3)
    np.testing.assert_array_equal(short[0], X[:7])
    np.testing.assert_array_equal(short[1], y[:7])


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_generator_types(make):
    single, double = make(dtype="float32")[0], make(dtype="float64")[0]
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single, double.astype(np.float32))
    assert make()[0].dtype == config.floatx()


@pytest.mark.parametrize("name", [name for name in GENERATORS if name != "linear"])
def test_classes_are_balanced_in_every_stretch(name):
    _, y = GENERATORS[name]()
    shares = np.bincount(y[-len(y) // 5 :]) / (len(y) // 5)
    assert y.dtype == np.int64 and np.ptp(shares) <= 0.05


def test_xor_is_the_truth_table():
    X, y = datasets.xor()
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] and y.tolist() == [0, 1, 1, 0]


def test_shapes_without_noise_lie_on_their_curves():
    X, y = datasets.circles(noise=0, factor=0.3, dtype="float64")
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 1, 0.3, 1.0), rtol=1e-12)
    X, y = datasets.moons(noise=0, dtype="float64")
    upper, lower = X[y == 0], X[y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-12)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, rtol=1e-12)
    assert upper[:, 1].min() >= 0 and lower[:, 1].max() <= 0.5
    X, y = datasets.spirals(noise=0, arms=3, turns=1.5, dtype="float64")
    radius = np.hypot(*X.T)
    angle = 2 * np.pi * (1.5 * radius + y / 3)
    np.testing.assert_allclose(X, radius[:, None] * np.column_stack((np.cos(angle), np.sin(angle))))
    assert radius.min() >= 0.1 and radius.max() <= 1


@pytest.mark.parametrize("name", ["moons", "circles", "spirals", "blobs"])
def test_noise_is_independent_of_the_place(name):
    make, noise = GENERATORS[name], "spread" if name == "blobs" else "noise"
    exact = make(n=20_000, dtype="float64", **{noise: 0})[0]
    moved = make(n=20_000, dtype="float64", **{noise: 0.2})[0]
    shift = (moved - exact) / 0.2
    assert np.abs(shift.mean(axis=0)).max() < 0.03 and np.abs(shift.std(axis=0) - 1).max() < 0.02
    correlation = np.corrcoef(shift.T, exact.T)
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation[:2]).max() < 0.03


def test_noise_and_place_are_not_made_of_the_same_bits():
    X, y = datasets.linear(n=2000, weights=(0,), bias=0, noise=1)  # y is the noise alone
    assert abs(np.corrcoef(X[:, 0], y)[0, 1]) < 0.1


def test_blobs_take_centers():
    X, y = datasets.blobs(n=6, centers=[[0, 0, 9], [5, 5, 5]], spread=0)
    assert X.tolist() == [[0, 0, 9], [5, 5, 5]] * 3 and y.tolist() == [0, 1] * 3


def test_linear_recovers_its_weights():
    X, y = datasets.linear(n=5000, weights=(2.0, -1.0, 0.5), bias=-3.0, noise=0.1, dtype="float64")
    solution, rest, *_ = np.linalg.lstsq(np.column_stack((X, np.ones(5000))), y, rcond=None)
    np.testing.assert_allclose(solution, [2.0, -1.0, 0.5, -3.0], atol=0.01)
    assert np.sqrt(rest / 5000) == pytest.approx(0.1, rel=0.05)
    assert X.min() >= -1 and X.max() < 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: datasets.moons(0), "n of at least 1; received 0"),
        (lambda: datasets.moons(noise=-1), "standard deviation of at least 0; received -1"),
        (lambda: datasets.xor(noise=float("nan")), "received nan"),
        (lambda: datasets.circles(factor=1), "factor from 0 to below 1; received 1"),
        (lambda: datasets.spirals(arms=0), "arms of at least 1; received 0"),
        (lambda: datasets.blobs(centers=[1, 2]), r"an array \(classes, k\); received \(2,\)"),
        (lambda: datasets.linear(weights=[[1]]), "one number an input"),
        (lambda: datasets.moons(dtype="int8"), "'float32' or 'float64'; received 'int8'"),
    ],
)
def test_generator_refuses(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_generators_are_all_tested():
    made_up = {name for name in datasets.__all__ if callable(getattr(datasets, name))}
    assert made_up == set(GENERATORS) <= set(vars(synthetic))


# ---- MNIST: a small file in its layout stands in, a local server for the network ----


def small_mnist(n_train=6, n_test=3, **changed) -> bytes:
    arrays = {
        "x_train": np.arange(n_train * 784, dtype=np.uint8).reshape(n_train, 28, 28),
        "y_train": (np.arange(n_train) % 10).astype(np.uint8),
        "x_test": np.full((n_test, 28, 28), 255, np.uint8),
        "y_test": np.full(n_test, 9, np.uint8),
        **changed,
    }
    file = io.BytesIO()
    np.savez_compressed(file, **{k: v for k, v in arrays.items() if v is not None})
    return file.getvalue()


@contextlib.contextmanager
def serve(payload: bytes, status=200, declared=None):
    """A web server that answers every request with the payload; yields (url, list of requests)."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(declared or len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mnist.npz", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTNN_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def test_mnist_reads_a_file_of_yours(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(_files, "fetch", lambda *args: pytest.fail("went to the network"))
    path = tmp_path / "own.npz"
    path.write_bytes(small_mnist())
    (x_train, y_train), (x_test, y_test) = mnist.load_data(path)
    assert x_train.shape == (6, 28, 28) and x_train.dtype == np.uint8
    assert y_train.tolist() == [0, 1, 2, 3, 4, 5]
    assert x_test.min() == 255 and y_test.tolist() == [9, 9, 9]
    assert not cache.exists()


def test_mnist_downloads_once_and_checks(cache, monkeypatch, capsys):
    payload = small_mnist()
    monkeypatch.setattr(mnist, "SHA256", hashlib.sha256(payload).hexdigest())
    with serve(payload) as (url, seen):
        monkeypatch.setattr(mnist, "URL", url)
        first = mnist.load_data()
        assert f"Downloading {url}" in capsys.readouterr().err
        mnist.load_data()
        assert len(seen) == 1 and capsys.readouterr().err == ""
        (cache / "mnist.npz").write_bytes(payload[:-1])  # damaged: fetched anew
        assert mnist.load_data()[0][0].tobytes() == first[0][0].tobytes()
        assert len(seen) == 2
    assert [path.name for path in cache.iterdir()] == ["mnist.npz"]


def test_mnist_keeps_nothing_with_a_wrong_checksum(cache, monkeypatch):
    with serve(small_mnist()) as (url, _):
        monkeypatch.setattr(mnist, "URL", url)
        with pytest.raises(ValueError, match=f"expected a file with SHA-256 {mnist.SHA256}"):
            mnist.load_data()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("trouble", ["offline", "missing", "cut off"])
def test_mnist_says_what_to_do_without_a_network(cache, monkeypatch, trouble):
    options = {"missing": {"status": 404}, "cut off": {"declared": 10**6}}.get(trouble, {})
    with serve(small_mnist(), **options) as (url, _):
        monkeypatch.setattr(mnist, "URL", "http://127.0.0.1:9/" if trouble == "offline" else url)
        with pytest.raises(ConnectionError, match=r"copy the file .* to .*mnist\.npz") as caught:
            mnist.load_data()
    assert mnist.URL in str(caught.value) and list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (small_mnist(x_test=None), "expected the arrays .* x_test missing"),
        (small_mnist(x_train=np.zeros((6, 784), np.uint8)), r"received uint8 \(6, 784\)"),
        (small_mnist(y_test=np.zeros(2, np.uint8)), r"y_test as uint8 \(n,\)"),
        (small_mnist(y_test=np.full(3, 10, np.uint8)), "labels 0..9"),
        (small_mnist(x_train=np.zeros((6, 28, 28))), "received float64"),
        (small_mnist(y_train=np.array([None] * 6)), "expected an .npz file of plain arrays"),
        (small_mnist()[:-30], "expected an .npz file of plain arrays"),
        (b"", "expected an .npz file of plain arrays"),
        (b"no zip at all", "expected an .npz file of plain arrays"),
    ],
)
def test_mnist_refuses_other_files(tmp_path, payload, words):
    path = tmp_path / "odd.npz"
    path.write_bytes(payload)
    with pytest.raises(ValueError, match=words):
        mnist.load_data(path)


def test_mnist_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"found none at .*none\.npz.*to download it"):
        mnist.load_data(tmp_path / "none.npz")


def test_home_is_the_cache_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.delenv("FASTNN_HOME", raising=False)
    assert Path(_files.home()).as_posix().endswith("/.cache/fastnn")
    monkeypatch.setenv("FASTNN_HOME", "/elsewhere")
    assert _files.home() == "/elsewhere"
