"""Tables: what is read from a CSV, which task it is, which rows test, what the encoder learns."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from fastnn.encoding import ClassTarget, Encoder, NumberColumn, NumberTarget, TextColumn
from fastnn.tables import Table, find_task, read_csv, split_rows


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "t.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_csv(path)

    return read


def table(**columns):
    return Table("t.csv", columns)


def numbered(n):
    return [str(i) for i in range(n)]


# ---- reading ----


def test_cells_stay_text_until_asked(read):
    t = read('id,name\n007," a, b "\n008,"two\nlines"\n')
    assert t.names == ["id", "name"] and len(t) == 2 and t.lines == [2, 3]
    assert t.columns == {"id": ["007", "008"], "name": ["a, b", "two\nlines"]}
    assert t.numbers("id").tolist() == [7, 8]


def test_missing_cells(read):
    t = read("a,b\n,x\nNA,x\nn/a,x\nNaN,x\n ? ,x\nNULL,x\n1.5,none\n")
    assert t.column("a") == [None] * 6 + ["1.5"] and t.column("b")[-1] == "none"
    np.testing.assert_array_equal(t.numbers("a"), [math.nan] * 6 + [1.5])


@pytest.mark.parametrize("d", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_line_ends_and_byte_order_mark(read, d, end):
    rows = [["a", "b, c", "d"], ["1", "x", "2"], ["3", "y", "4"]]
    lines = [d.join(f'"{c}"' if d == "," and "," in c else c for c in row) for row in rows]
    t = read(b"\xef\xbb\xbf" + end.join(lines).encode())
    assert t.columns == {"a": ["1", "3"], "b, c": ["x", "y"], "d": ["2", "4"]}


def test_empty_lines_are_skipped_and_lines_counted(read):
    t = read('\na,b\n\n1,"x\ny"\n\n2,z\n')
    assert t.lines == [4, 7] and t.column("a") == ["1", "2"]


def test_columns_without_a_name_get_one(read):
    assert read(",a,\n0,1,\n").names == ["column 1", "a", "column 3"]


def test_what_is_a_number(read):
    t = read("a,b,c,d\n1e3,1_000,inf,0x1\n-2.5,2,1,2\n")
    assert [t.holds_numbers(name) for name in "abcd"] == [True, False, True, False]
    assert t.numbers("a").tolist() == [1000, -2.5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "t.csv is empty"),
        ("\n\n", "t.csv is empty"),
        ("a,b\n", "column names but no rows"),
        ("a,b\n1,2\n3\n", "line 3: expected 2 values, as many as column names, received 1"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4: expected 2 values, as many as column names, received 3"),
        ("a,b,a\n1,2,3\n", "received 'a' more than once"),
        ("1,2\n3,4\n", "received only numbers"),
        (b"a,b\n1,x\n2,caf\xe9\n", "line 3: expected UTF-8 text, received the byte 0xe9"),
        ("a,b\n".encode("utf-16"), "line 1: expected UTF-8 text"),
        ('a,b\n1,2\n3,"open\n4,5\n', "line 3: the row cannot be read"),
    ],
)
def test_unreadable_files(read, content, words):
    with pytest.raises(ValueError, match=words):
        read(content)


def test_column_and_cell_errors_point_at_the_place(read):
    t = read("Price,Size\n1,2\n\nx,3\ninf,4\n")
    with pytest.raises(ValueError, match=r"no column 'price'. Did you mean 'Price'\?"):
        t.column("price")
    with pytest.raises(ValueError, match="Its columns are 'Price', 'Size'"):
        t.column("zzz")
    with pytest.raises(ValueError, match="line 4: expected a finite number in column 'Price', rec"):
        t.numbers("Price")
    with pytest.raises(ValueError, match="received 'inf'"):
        t.take([0, 2]).numbers("Price")


# ---- the task ----


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["yes", "no"] * 2, "classification"),
        (["1", "x"], "classification"),
        (["0", "1", "1.0", "0"], "classification"),
        (["-1", "1"], "classification"),
        (["0.5", "1"], "regression"),
        (["4", "5", "6", "7"], "regression"),  # four amounts, one row each
        (numbered(20) * 5, "classification"),
        (numbered(20) * 4 + ["0"], "regression"),
        (numbered(21) * 9, "regression"),
        (["1.5", "2.5", "3.5"] * 50, "regression"),
    ],
)
def test_task_follows_from_the_target(cells, task):
    assert find_task(table(y=cells), "y") == task


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["a", None, "b", None], r"2 of 4 rows have none \(line 3, 5\)"),
        ([None] * 9, r"line 2, 3, 4, 5, 6, ... \(9 in all\)"),
        (["a", "a"], "every row has 'a'"),
    ],
)
def test_targets_that_cannot_be_learnt(cells, words):
    for use in (find_task, lambda t, y: Encoder.fit(t, y, "classification")):
        with pytest.raises(ValueError, match=words):
            use(table(y=cells, x=numbered(len(cells))), "y")


# ---- rows set aside ----


def test_split_is_a_partition_that_the_seed_decides():
    t = table(y=numbered(101))
    train, test = split_rows(t, "y", "regression", 0.2, seed=1)
    assert sorted(train + test) == list(range(101)) and len(test) == 20
    assert train == sorted(train) and test == sorted(test)
    assert (train, test) == split_rows(t, "y", "regression", 0.2, seed=1)
    assert test != split_rows(t, "y", "regression", 0.2, seed=2)[1]
    # drawn, not counted off: neighbours and the sort order of the file play no part
    assert len(set(np.diff(test))) > 3


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.9])
def test_split_gives_every_class_its_share(fraction):
    sizes = {"a": 100, "b": 31, "c": 10, "d": 1}
    cells = [label for label, n in sizes.items() for _ in range(n)]
    train, test = split_rows(table(y=cells), "y", "classification", fraction, seed=0)
    assert len(test) == round(fraction * 142)
    for label, n in sizes.items():
        assert abs(sum(cells[i] == label for i in test) - fraction * n) <= 2
        assert any(cells[i] == label for i in train)


def test_split_of_few_rows():
    t = table(y=["a", "b"])
    assert split_rows(t, "y", "classification", 0, seed=0) == ([0, 1], [])
    with pytest.raises(ValueError, match=r"expected enough rows .* received 2"):
        split_rows(t, "y", "classification", 0.2, seed=0)
    with pytest.raises(ValueError, match="from 0 to below 1; received 1"):
        split_rows(t, "y", "regression", 1, seed=0)


# ---- encoding ----


def test_numbers_are_scaled_by_what_training_showed():
    t = table(x=["1", "2", "3", None, "6"], y=["0", "1", "0", "1", "0"])
    encoder = Encoder.fit(t, "y", "classification")
    assert encoder.features == ["x", "x is missing"]
    std = math.sqrt((4 + 1 + 0 + 9) / 4)
    np.testing.assert_allclose(
        encoder.encode(t), [[-2 / std, 0], [-1 / std, 0], [0, 0], [0, 1], [3 / std, 0]]
    )
    new = table(x=["103", None])  # other moments: they must play no part
    np.testing.assert_allclose(encoder.encode(new), [[100 / std, 0], [0, 1]])


def test_missing_only_at_prediction_is_the_mean():
    encoder = Encoder.fit(table(x=["1", "3"], y=["0", "1"]), "y", "classification")
    assert encoder.features == ["x"]
    assert encoder.encode(table(x=[None])).tolist() == [[0]]


def test_text_is_one_hot_and_the_unknown_is_nowhere():
    t = table(c=["red", "blue", None, "red"], d=["u", "v", "u", "v"], y=numbered(4))
    encoder = Encoder.fit(t, "y", "regression")
    assert encoder.features == ["c = blue", "c = red", "c is missing", "d = u", "d = v"]
    assert encoder.encode(t)[:, :3].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    new = table(d=["v", None, "new"], c=["green", None, "blue"], other=["1", "2", "3"])
    assert encoder.encode(new).tolist() == [[0, 0, 0, 0, 1], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]


def test_columns_that_say_nothing_are_left_out():
    t = table(same=["0.1"] * 3, word=["a"] * 3, none=[None] * 3, x=["1", "2", "3"], y=numbered(3))
    assert Encoder.fit(t, "y", "regression").features == ["x"]
    t = table(x=["5", None, "5"], w=["a", None, "a"], y=numbered(3))
    assert Encoder.fit(t, "y", "regression").features == ["x is missing", "w = a", "w is missing"]
    assert Encoder.fit(t, "y", "regression").encode(t).tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    with pytest.raises(ValueError, match="no column is left to predict 'y' from"):
        Encoder.fit(table(x=["1", "1"], y=["1", "2"]), "y", "regression")


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_moments_do_not_overflow(size):
    cells = [repr(size), repr(-size), repr(size / 2)]
    encoder = Encoder.fit(table(x=cells, y=numbered(3)), "y", "regression")
    X = encoder.encode(table(x=[*cells, "1e308"]))
    np.testing.assert_allclose(X[:3].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X[:3].std(axis=0), 1, rtol=1e-12)
    assert np.isfinite(X.astype(np.float32)).all()


def test_texts_that_name_the_rows_are_refused_together():
    n = 30
    names = [f"name {i}" for i in range(n)]
    ids = [f"id{i}" for i in range(n)]
    t = table(**{"full name": names, "id": ids}, x=numbered(n), y=["a", "b"] * 15)
    with pytest.raises(ValueError, match=r"'id' \(30 in 30 rows, such as 'id0'\)") as caught:
        Encoder.fit(t, "y", "classification")
    assert "(--drop 'full name' --drop id)" in str(caught.value)
    assert Encoder.fit(t, "y", "classification", drop=["full name", "id"]).features == ["x"]


def test_a_column_of_numbers_with_a_slip_is_refused_with_its_line():
    t = table(size=[*numbered(40), "4o", None], y=["a", "b"] * 21)
    with pytest.raises(ValueError, match=r"\(41 in 41 rows, numbers but for '4o' in line 42\)"):
        Encoder.fit(t, "y", "classification")
    short = table(size=["1", "2", "x", "2"], y=numbered(4))  # few values may be categories
    assert Encoder.fit(short, "y", "regression").features == ["size = 1", "size = 2", "size = x"]


@pytest.mark.parametrize(("distinct", "n", "fine"), [
    (10, 10, True), (11, 22, True), (11, 21, False), (100, 200, True), (101, 1000, False),
])  # fmt: skip
def test_how_many_categories_are_too_many(distinct, n, fine):
    t = table(c=[f"c{i % distinct}" for i in range(n)], y=numbered(n))
    if fine:
        assert len(Encoder.fit(t, "y", "regression").features) == distinct
    else:
        with pytest.raises(ValueError, match=f"{distinct} in {n} rows"):
            Encoder.fit(t, "y", "regression")


def test_drop_must_name_columns():
    t = table(size=["1", "2"], y=["1", "2"])
    with pytest.raises(ValueError, match=r"no column 'sise'. Did you mean 'size'\?"):
        Encoder.fit(t, "y", "regression", drop=["sise"])
    with pytest.raises(ValueError, match="'y' is dropped"):
        Encoder.fit(t, "y", "regression", drop=["y"])
    with pytest.raises(ValueError, match="received 'auto'"):
        Encoder.fit(t, "y", "auto")


def test_new_rows_that_do_not_fit():
    encoder = Encoder.fit(table(size=["1", "2"], c=["a", "b"], y=["1", "2"]), "y", "regression")
    with pytest.raises(ValueError, match=r"has no column 'size', .* Did you mean 'Size'\?"):
        encoder.encode(table(Size=["1"], c=["a"]))
    with pytest.raises(ValueError, match="line 3: expected a finite number in column 'size', rec"):
        encoder.encode(table(size=["1", "big"], c=["a", "a"]))
    assert encoder.encode(table(size=["1"], c=["3"])).shape == (1, 3)


# ---- targets ----


def test_class_target():
    target = ClassTarget.fit(table(y=["10", "9", "9.0", "-1"]), "y")
    assert target.classes == ["-1", "9", "10"] and target.outputs == 3
    assert target.encode(table(y=["9", "1e1", "-1"])).tolist() == [1, 2, 0]
    with pytest.raises(ValueError, match="received '8'"):
        target.encode(table(y=["8", "9"]))
    words = ClassTarget.fit(table(y=["no", "yes", "no"]), "y")
    assert words.outputs == 1 and words.encode(table(y=["yes", "no"])).tolist() == [1, 0]
    assert words.probabilities(np.array([[0.25]])).tolist() == [[0.75, 0.25]]
    assert target.probabilities(np.eye(3)).tolist() == np.eye(3).tolist()


def test_too_many_classes():
    cells = [f"{i}.5" for i in range(101)]
    with pytest.raises(ValueError, match=r"'y' has 101 different values.*--task regression"):
        ClassTarget.fit(table(y=cells), "y")


def test_number_target_is_scaled_and_scaled_back():
    t = table(y=["10", "20", "60"])
    target = NumberTarget.fit(t, "y")
    z = target.encode(t)
    assert z.mean() == pytest.approx(0, abs=1e-12) and z.std() == pytest.approx(1)
    back = target.values(z.astype(np.float32)[:, None])
    assert back.dtype == np.float64 and back.tolist() == pytest.approx([10, 20, 60], rel=1e-6)


# ---- kept with the model ----


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_config_survives_json(task):
    t = table(x=["1", "2.5", None, "1e300"], c=["a", "é", None, "a"], same=["1"] * 4)
    t.columns["y"] = ["0", "1", "2", "1"]
    encoder = Encoder.fit(t, "y", task)
    text = json.dumps(encoder.to_config(), allow_nan=False)
    again = Encoder.from_config(json.loads(text))
    assert again.to_config() == encoder.to_config() and again.features == encoder.features
    np.testing.assert_array_equal(again.encode(t), encoder.encode(t))
    np.testing.assert_array_equal(again.target.encode(t), encoder.target.encode(t))


NUMBER = {"kind": "number", "name": "x", "mean": 0, "std": 1, "missing": False}
TEXT = {"kind": "text", "name": "c", "categories": ["a", "b"], "missing": False}
VALUE = {"kind": "value", "name": "y", "mean": 0, "std": 1}
CLASSES = {"kind": "classes", "name": "y", "classes": ["a", "b"], "numbers": False}


@pytest.mark.parametrize(
    "config",
    [
        {},
        None,
        [],
        {"columns": [NUMBER]},
        {"columns": [], "target": VALUE},
        {"columns": [VALUE], "target": VALUE},
        {"columns": [NUMBER], "target": NUMBER},
        {"columns": [{**NUMBER, "std": 0}], "target": VALUE},
        {"columns": [{**NUMBER, "mean": math.inf}], "target": VALUE},
        {"columns": [{**NUMBER, "mean": "0"}], "target": VALUE},
        {"columns": [{**NUMBER, "kind": "os.system"}], "target": VALUE},
        {"columns": [{**NUMBER, "more": 1}], "target": VALUE},
        {"columns": [NUMBER], "target": {**VALUE, "std": 0}},
        {"columns": [{**TEXT, "categories": 3}], "target": VALUE},
        {"columns": [{**TEXT, "categories": ["a"]}], "target": VALUE},
        {"columns": [NUMBER], "target": {**CLASSES, "classes": ["a"]}},
    ],
)
def test_damaged_configs_are_refused(config):
    for right in ({"columns": [NUMBER, TEXT], "target": t} for t in (VALUE, CLASSES)):
        Encoder.from_config(right)
    with pytest.raises(ValueError, match="received one that is damaged"):
        Encoder.from_config(config)


def test_columns_by_hand():
    columns = [NumberColumn("pixel", 0, 16, False), TextColumn("c", ["a", "b"], False)]
    encoder = Encoder(columns, ClassTarget("y", ["0", "1"], True))
    assert encoder.encode(table(pixel=["8"], c=["b"])).tolist() == [[0.5, 0, 1]]
