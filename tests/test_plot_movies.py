"""Movies: the perceptron's moving line, and the decision region over the epochs."""

import re
from base64 import b64decode, b64encode

import numpy as np
import pytest
from pictures import Answers, browse, dense, headless, needs_browser  # noqa: F401

from fastnn import Perceptron, plot
from fastnn.plot import movies

pytestmark = pytest.mark.usefixtures("headless")
X = np.array([[-1.0, 0.0], [-1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0, 0, 1, 1])


@pytest.fixture
def perceptron():
    """One whose line moved a few times."""
    model = Perceptron("sweep", shuffle=False, start=[-1.0, 1.0, 0.3], eta0=0.3).fit(X, Y)
    assert len(model.history_) > 3
    return model


@pytest.mark.parametrize(("line", "ends"), [
    ((1, 0, -1), [[1, 0], [1, 1]]),
    ((0, 2, -1), [[0, 0.5], [2, 0.5]]),
    ((1, 1, -1), [[0, 1], [1, 0]]),
    ((1, -1, 0), [[0, 0], [1, 1]]),
])
def test_a_line_ends_where_it_leaves_the_window(line, ends):
    np.testing.assert_allclose(plot.movies.line_ends(line, ((0, 2), (0, 1))), ends)


@pytest.mark.parametrize("line", [(0, 0, 1), (1, 0, 5), (1, 1, 0)])
def test_a_line_outside_of_the_window_is_not_drawn(line):
    # the last one touches the corner (0, 0) alone
    assert movies.line_ends(line, ((0, 2), (0, 1))).shape == (0, 2)


def test_a_frame_shows_the_line_of_its_move(perceptron, headless):  # noqa: F811
    movie = plot.PerceptronMovie(perceptron, X, Y)
    assert len(movie) == len(perceptron.history_)
    ax = movie.draw(2, headless.subplots()[1])
    assert ax.get_title() == f"move 2 of {len(perceptron.history_) - 1}"
    for x, y in ax.lines[-1].get_xydata():
        a, b, c = perceptron.history_[2]
        assert a * x + b * y + c == pytest.approx(0, abs=1e-9)
    assert len(ax.lines) == 3  # and the two before it, fainter


def test_a_long_story_has_200_frames_with_its_first_and_last():
    model = Perceptron.__new__(Perceptron)
    model.history_ = np.ones((1001, 3))
    movie = plot.PerceptronMovie(model, X, Y)
    assert len(movie) == 200 and movie.moves[0] == 0 and movie.moves[-1] == 1000


def test_all_lines_in_one_picture(perceptron, headless):  # noqa: F811
    ax = plot.perceptron_lines(perceptron, X, Y, ax=headless.subplots()[1])
    assert ax.get_title() == f"{len(perceptron.history_) - 1} moves, every point right"
    assert ax.lines[-1].get_color() == "black" and ax.lines[-1].get_linewidth() == 2
    with pytest.raises(ValueError, match="fitted to two features"):
        plot.perceptron_lines(Perceptron(), X, Y)


def test_regions_are_kept_by_the_epoch_and_drawn():
    model = dense(2, 4, 1)
    model.compile("adam", "binary_crossentropy")
    movie = plot.RegionMovie(X, Y, every=2, size=20)
    model.fit(X, Y, epochs=5, verbose=0, callbacks=movie)
    assert movie.epochs == [0, 2, 4]
    model.fit(X, Y, epochs=6, initial_epoch=5, verbose=0, callbacks=movie)
    assert movie.epochs == [0, 2, 4, 6]
    grid = np.column_stack([movie.a.ravel(), movie.b.ravel()])
    np.testing.assert_array_equal(movie.outputs[-1], model.predict(grid))
    assert (np.abs(movie.outputs[0] - movie.outputs[-1]) > 1e-4).any()
    assert movie.draw(-1).get_title() == "epoch 6"


def test_a_long_training_keeps_at_most_200_regions():
    movie = plot.RegionMovie(X, Y, size=2)
    movie.set_model(Answers(lambda X: np.zeros((len(X), 1))))
    movie.on_train_begin()
    for epoch in range(1000):
        movie.on_epoch_end(epoch)
    assert 100 < len(movie) <= 200 and movie.epochs[0] == 0
    assert set(np.diff(movie.epochs)) == {8}


def test_movies_are_written_as_gif_and_as_html(perceptron, tmp_path, headless):  # noqa: F811
    from PIL import Image

    movie = plot.PerceptronMovie(perceptron, X, Y)
    with Image.open(movie.save(tmp_path / "line.gif", interval=40, dpi=30)) as gif:
        assert gif.n_frames == len(movie) and gif.info["duration"] == 40
    movie.save(tmp_path / "line.html", interval=70, dpi=30)
    page = (tmp_path / "line.html").read_text("utf-8")
    assert not re.search(r"https?://|<link", page) and "}, 70);" in page
    [listed] = re.findall(r'frames = \["(.*?)"\]', page)
    assert [b64decode(frame) for frame in listed.split('","')] == movie.frames(dpi=30)
    assert "<script" in movie._repr_html_() and not headless.get_fignums()
    with pytest.raises(ValueError, match=r"\.gif or \.html"):
        movie.save(tmp_path / "line.avi")
    with pytest.raises(ValueError, match="no frames yet"):
        plot.RegionMovie(X, Y).save(tmp_path / "empty.gif")
    with pytest.raises(ValueError, match="two features"):
        plot.RegionMovie(np.ones((4, 3)), Y)


@pytest.mark.slow
@needs_browser
def test_a_browser_plays_the_movie(perceptron, tmp_path):
    movie = plot.PerceptronMovie(perceptron, X, Y)
    listed = [b64encode(frame).decode() for frame in movie.frames(dpi=30)]
    dom = browse(movie.html(interval=100, dpi=30), tmp_path, milliseconds=250)
    shown = re.search(r'<img[^>]*src="data:image/png;base64,(.*?)"', dom)[1]
    assert listed.index(shown) in (1, 2)  # two steps of 100 ms, and no time for a third
