"""The text of `model.summary()` against Keras's own, byte for byte, and default names."""

import io
import json
import sys
import threading
from pathlib import Path

import pytest

from fastnn import naming
from fastnn.summary import Row, Size, print_summary, summary_text

GOLDEN = Path(__file__).parent / "golden" / "summary"
CASES = json.loads((GOLDEN / "cases.json").read_text(encoding="utf-8"))
DENSE = Row("dense", "Dense", (None, 3), 36, True)
SIZES = Size(36, 144), Size(0, 0)


def arguments(case):
    rows = [Row(*row) for row in case["rows"]]
    optimizer = case["optimizer"] and Size(*case["optimizer"])
    return case["name"], rows, Size(*case["trainable"]), Size(*case["non_trainable"]), optimizer


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_that_of_keras(name, monkeypatch):
    case = CASES[name]
    monkeypatch.setenv("COLUMNS", str(case["columns"]))
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert summary_text(*arguments(case), **case["options"]) == expected


def test_a_table_wider_than_the_terminal_is_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = summary_text("m", [DENSE], *SIZES, line_length=120).splitlines()
    assert {len(line) for line in lines[1:6]} == {120}


def test_an_unbuilt_layer_has_neither_shape_nor_parameters():
    text = summary_text("m", [Row("dense", "Dense", None, None, None)], *SIZES, line_length=76)
    assert "│ dense (Dense)                   │ ?                      │   0 (unbuilt) │" in text


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [(0, "0.00 B"), (1023, "1023.00 B"), (1024, "1.00 KB"), (1536, "1.50 KB"),
     (1024**2, "1.00 MB"), (5 * 1024**3, "5.00 GB"), (1024**4, "1.00 TB"), (2**60, "1024.00 PB")],
)  # fmt: skip
def test_sizes_step_at_1024(nbytes, text):
    assert f" Trainable params: 1 ({text})\n" in summary_text("m", [], Size(1, nbytes), Size(0, 0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"line_length": 12}, "12 characters wide is too narrow .* larger line_length"),
        ({"positions": [0.1, 0.11, 1.0], "line_length": 76}, "too narrow"),
        ({"positions": [0.5, 1.0]}, r"positions needs 3 numbers.*\[0.5, 1.0\]"),
        ({"layer_range": ["dense"]}, r"layer_range needs two layer names; received \['dense'\]"),
        ({"layer_range": ["dense", 3]}, "layer_range needs two layer names"),
        ({"layer_range": ["dense", "relu"]}, r"\['dense', 'relu'\] matches none of .* dense\."),
    ],
)
def test_what_cannot_be_shown_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        summary_text("m", [DENSE], *SIZES, **options)


def test_print_fn_gets_the_whole_text_at_once(capsys):
    pieces = []
    print_summary("m", [DENSE], *SIZES, line_length=76, print_fn=pieces.append)
    assert capsys.readouterr().out == ""
    print_summary("m", [DENSE], *SIZES, line_length=76)
    text = summary_text("m", [DENSE], *SIZES, line_length=76)
    assert pieces == [capsys.readouterr().out] == [text]


def test_an_encoding_without_box_drawing_gets_ascii(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    row = Row("dépôt_" + "x" * 30, "Dense", (None, 3), 36, True)
    print_summary("m", [row], *SIZES, line_length=40)
    assert stream.buffer.getvalue().decode("latin-1").splitlines() == [
        'Model: "m"',
        "+=================+============+=======+",
        "|                 | Output     | Param |",
        "| Layer (type)    | Shape      |     # |",
        "+=================+============+=======+",
        "| dépôt_xxxxxxxx~ | (None, 3)  |    36 |",
        "| (Dense)         |            |       |",
        "+-----------------+------------+-------+",
        " Total params: 36 (144.00 B)",
        " Trainable params: 36 (144.00 B)",
        " Non-trainable params: 0 (0.00 B)",
    ]


def test_class_names_become_the_names_keras_gives():
    names = json.loads((GOLDEN / "names.json").read_text(encoding="utf-8"))
    assert {name: naming.snake_case(name) for name in names} == names


def test_names_are_counted_for_each_class_until_reset():
    naming.reset_names()
    classes = ["Dense", "Dense", "ReLU", "Dense", "ReLU"]
    expected = ["dense", "dense_1", "re_lu", "dense_2", "re_lu_1"]
    assert [naming.unique_name(name) for name in classes] == expected
    naming.reset_names()
    assert naming.unique_name("Dense") == "dense"
    naming.reset_names()


def test_threads_never_share_a_name():
    naming.reset_names()
    names = []

    def build():
        names.extend(naming.unique_name("Dense") for _ in range(500))

    work = [threading.Thread(target=build) for _ in range(8)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    naming.reset_names()
    assert len(set(names)) == len(names) == 4000
