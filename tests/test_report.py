"""SVG charts, what notebooks show, and the page of ``fastnn train --report``, also in a browser."""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from html import escape, unescape

import numpy as np
import pytest
from pictures import browse, dense, needs_browser

from fastnn import Input, Sequential, cli, layers, plot, svg
from fastnn.callbacks import History


def shapes(picture, tag):
    space = "{http://www.w3.org/2000/svg}"
    return ElementTree.fromstring(picture).iter(space + tag)


def words(picture):
    return [text.text for text in shapes(picture, "text")]


def points(path):
    return np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", path), float)


@pytest.mark.parametrize(("low", "high", "expected"), [
    (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-3, 7, [-2, 0, 2, 4, 6]), (1, 3, [1, 1.5, 2, 2.5, 3]),
    (0.00012, 0.00018, [0.00012, 0.00014, 0.00016, 0.00018]), (5, 5, [5]),
])
def test_ticks_are_round_numbers(low, high, expected):
    np.testing.assert_allclose(svg.ticks(low, high), expected)


def test_text_is_escaped_and_markup_is_not():
    assert svg.element("p", "<b>", svg.element("i", "&"), title='"x"') == (
        "<p title=\"&quot;x&quot;\">&lt;b&gt;<i>&amp;</i></p>")
    assert svg.element("path", stroke_width=1, class_="a", gone=None) == (
        '<path stroke-width="1" class="a"/>')


def test_a_line_goes_through_its_numbers():
    chart = svg.line_chart({"a": (np.arange(1, 4), [1.0, 3.0, 2.0])}, y_label="loss")
    [line] = [p for p in shapes(chart, "path") if p.get("fill") == "none"]
    drawn = points(line.get("d"))
    x, y = drawn.T
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    assert (y[0] - y[2]) / (y[0] - y[1]) == pytest.approx(0.5, abs=0.01)  # up is less
    assert {"loss", "epoch", "1", "2", "3"} <= set(words(chart))


def test_lines_have_gaps_marks_a_legend_and_no_end_of_points():
    y = np.array([1.0, np.nan, 2.0, 3.0])
    chart = svg.line_chart({"one": (np.arange(4), y), "two": (np.arange(4), y + 1)}, mark=2,
                           mark_label="here")
    line = next(p for p in shapes(chart, "path") if p.get("fill") == "none")
    assert line.get("d").count("M") == 2 and "nan" not in chart
    assert {"one", "two", "here"} <= set(words(chart))
    many = svg.line_chart({"a": (np.arange(10**5), np.arange(10**5))})
    assert len(many) < 10_000
    assert "<circle" in svg.line_chart({"a": ([1], [2.0])})
    assert "nan" not in svg.line_chart({"a": ([1, 2], [np.nan, np.nan])})


def test_a_matrix_says_its_counts_as_dark_as_the_share():
    picture = svg.matrix([[3, 1], [0, 0]], ["a", "a name that is far too long"])
    cells = [float(r.get("opacity")) for r in shapes(picture, "rect")]
    assert cells[0] > cells[1] > cells[2] == cells[3] > 0
    assert {"3", "1", "a", "a name that i…", "true", "predicted"} <= set(words(picture))
    assert "0" not in words(picture)


def test_points_lie_on_the_diagonal_where_they_are_right():
    picture = svg.scatter([1.0, 2.0, np.nan], [1.0, 2.0, 1.0], "true", "predicted")
    one, two = [(float(c.get("cx")), float(c.get("cy"))) for c in shapes(picture, "circle")]
    diagonal = next(p for p in shapes(picture, "path") if p.get("stroke-dasharray"))
    (x0, y0), (x1, y1) = points(diagonal.get("d"))
    for x, y in (one, two):
        assert (x - x0) / (x1 - x0) == pytest.approx((y - y0) / (y1 - y0), abs=0.01)


def test_a_model_is_a_table_in_a_notebook():
    model = Sequential([Input((2,)), layers.Dense(3, name="<b>"), layers.Dense(1)])
    text = model._repr_html_()
    ElementTree.fromstring(text)
    assert "&lt;b&gt;" in text and "(None, 3)" in text and ">9<" in text
    assert "Trainable params: 13 (52.00 B)" in text and len(text) < 4000
    assert "not built" in Sequential([layers.Dense(3)])._repr_html_()


def test_a_history_is_a_chart_in_a_notebook():
    model = dense(2, 4, 1)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    X = np.random.default_rng(0).normal(size=(40, 2))
    history = model.fit(X, X[:, 0] > 0, epochs=3, verbose=0, validation_split=0.5)
    text = history._repr_html_()
    ElementTree.fromstring(text)
    assert "3 epochs" in text and f"loss {history.history['loss'][-1]:.4g}" in text
    assert ">validation<" in text and len(text) < 6000
    epochs = np.arange(60)
    history.history = {"loss": (1 / (1 + epochs)).tolist(),
                       "val_loss": (0.3 + (epochs - 25.0) ** 2 / 1000).tolist()}
    assert "overfitting from 26" in history._repr_html_()
    history.history = {}
    assert "no epochs" in history._repr_html_()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    area, town = rng.uniform(30, 200, 300), rng.choice(["Bern", "Rome <b>"], 300)
    price = 3 * area + 100 * (town == "Bern") + rng.normal(size=300)
    size = np.where(area > 140, "a very large house indeed", np.where(area > 80, "big", "<small>"))
    with open("houses.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["area", "town", "price", "size & form"],
                                    *zip(area, town, price, size, strict=True)])
    return tmp_path


def written(*args):
    """The page that a run writes."""
    assert cli.main(["train", *args, "--report", "out.html", "--epochs", "3", "--quiet"]) == 0
    with open("out.html", encoding="utf-8") as file:
        return file.read()


def headings(page):
    """The sections' titles; whether there is a diagnosis is another test's question."""
    return [title for title in re.findall(r"<h2>(.*?)</h2>", page) if title != "Diagnosis"]


def test_the_report_of_a_classification(folder, capsys):
    page = written("houses.csv", "--target", "size & form", "--drop", "price")
    out = capsys.readouterr().out
    assert "Report: out.html" in out
    assert escape(out.splitlines()[0], quote=False) in page  # what the run printed
    assert headings(page) == ["Loss", "Accuracy", "Test rows", "Classes", "Weights of each layer",
                              "Network", "Time"]
    assert "&lt;small&gt;" in page and "<small>" not in page and "size &amp; form" in page
    rows = int(re.search(r"\((\d+) of (\d+)\)", out)[2])
    matrix = next(p for p in re.findall("<svg.*?</svg>", page) if "confusion matrix" in p)
    assert sum(int(w) for w in words(matrix) if w.isdigit()) == rows


def test_the_report_of_a_regression(folder, monkeypatch):
    drawn, scatter = [], svg.scatter
    monkeypatch.setattr(svg, "scatter", lambda *args: drawn.extend(args[:2]) or scatter(*args))
    page = written("houses.csv", "--target", "price")
    with open("houses.csv", encoding="utf-8") as file:
        prices = np.array([float(row["price"]) for row in csv.DictReader(file)])
    truth, guess = drawn
    assert abs(truth[:, None] - prices).min(axis=1).max() < 1e-3 * prices.std()
    assert abs(guess[:, None] - prices).min(axis=1).max() > 1e-3 * prices.std()
    assert headings(page) == ["Loss", "Test rows", "Weights of each layer", "Network", "Time"]
    assert page.count("<circle") == 60 and "true price" in page


def test_the_report_needs_nothing_else(folder):
    page = written("digits")
    assert not re.search(r"""(src|href)=|url\(|@import|<script|<link|https?://(?!www\.w3\.org)""",
                         page)
    assert len(page) < 100_000 and page.startswith("<!doctype html>")


def test_the_report_shows_a_diagnosis_where_there_is_one(folder, monkeypatch):
    def diagnose(model, X, y):
        return f"{len(X)} rows < infinity, {len(y)} labels"

    monkeypatch.setattr(Sequential, "diagnose", diagnose, raising=False)
    page = written("houses.csv", "--target", "price")
    assert "<pre>240 rows &lt; infinity, 240 labels</pre>" in page


def test_without_test_rows_there_is_still_a_report(folder):
    page = written("houses.csv", "--target", "price", "--test-fraction", "0")
    assert "Test rows" not in headings(page) and "No rows were set aside" in page


@pytest.mark.parametrize("name", ["nowhere/out.html", "houses.csv", "houses.fastnn", "."])
def test_a_report_that_cannot_be_written_is_refused_before_the_training(name, folder, capsys):
    assert cli.main(["train", "houses.csv", "--target", "price", "--report", name]) == 1
    captured = capsys.readouterr()
    assert "--report" in captured.err and "Training" not in captured.out


MEASURE = """
<iframe id="f" style="width:%dpx;height:3000px;border:0" srcdoc="%s"></iframe>
<pre id="out"></pre><script>
const frame = document.getElementById("f");
frame.onload = () => {
  const page = frame.contentDocument, found = {overlaps: [], outside: [], widths: []};
  for (const svg of page.querySelectorAll("svg")) {
    const box = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")];
    const rects = texts.map(t => t.getBoundingClientRect());
    found.widths.push(box.width);
    rects.forEach((a, i) => {
      if (a.left < box.left - 1 || a.right > box.right + 1 || a.top < box.top - 1 ||
          a.bottom > box.bottom + 1) found.outside.push(texts[i].textContent);
      for (let j = i + 1; j < rects.length; j++) {
        const b = rects[j];
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 &&
            b.top < a.bottom - 3)
          found.overlaps.push([texts[i].textContent, texts[j].textContent]);
      }});
  }
  const style = page.defaultView.getComputedStyle(page.body);
  found.scroll = page.documentElement.scrollWidth;
  found.ink = style.color; found.back = style.backgroundColor;
  document.getElementById("out").textContent = JSON.stringify(found);
};
</script>
"""


def measured(page, width, folder, dark=False):
    """What a browser makes of a page: texts that overlap or leave their picture, colours, ..."""
    dom = browse(MEASURE % (width, escape(page)), folder, dark)
    text = re.search(r'<pre id="out">(.*?)</pre>', dom, re.DOTALL)[1]
    return json.loads(unescape(text))


def brightness(color):
    return np.mean([int(part) for part in re.findall(r"\d+", color)[:3]])


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(("args", "width", "dark"), [
    (("digits",), 1200, False), (("digits",), 360, True),
    (("houses.csv", "--target", "price"), 1200, True),
    (("houses.csv", "--target", "size & form"), 360, False)])
def test_the_report_in_a_browser_on_a_desk_and_on_a_phone(args, width, dark, folder):
    found = measured(written(*args), width, folder, dark)
    assert found["overlaps"] == [] and found["outside"] == []
    assert found["scroll"] <= width  # nothing to scroll sideways
    assert found["widths"] and all(150 < w < width for w in found["widths"])
    ink, back = brightness(found["ink"]), brightness(found["back"])
    assert (ink - back > 150) if dark else (back - ink > 150)


@pytest.mark.slow
@needs_browser
def test_a_notebooks_pictures_in_a_browser(tmp_path):
    epochs = np.arange(3000)
    history = History()
    history.history = {"loss": (1e-5 / (1 + epochs)).tolist(),
                       "val_loss": (3e-6 + (epochs - 2500.0) ** 2 / 1e12).tolist()}
    model = dense(2, 3, 1)
    drawn = [plot.plot_model(model, None, True, True, True, way, show_layer_activations=True,
                             show_trainable=True) for way in ("TB", "LR")]
    found = measured("".join([history._repr_html_(), *drawn]), 1000, tmp_path)
    assert len(found["widths"]) == 3 and found["overlaps"] == [] and found["outside"] == []
