"""The command: used as a person would, in an empty folder."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import cli, jobs
from fastnn.encoding import Encoder
from fastnn.tables import Table, read_csv, split_rows

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith(("FASTNN_", "PYTHON"))},
    "PYTHONPATH": str(Path(fastnn.__file__).parents[1]),
    "PYTHONIOENCODING": "utf-8",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(*args, **options):
    command = [sys.executable, "-m", "fastnn", *map(str, args)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": ENVIRONMENT, **options}
    # a job in a shell's background inherits that Ctrl-C is ignored
    return subprocess.Popen(command, text=True, encoding="utf-8", **options,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def run(*args, **options):
    """A process of its own: (exit code, output, errors)."""
    with start(*args, **options) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture
def call(capsys):
    """The command in this process: (exit code, output, errors)."""

    def call(*args):
        code = cli.main([str(a) for a in args])
        return code, *capsys.readouterr()

    return call


def accuracy(out: str) -> float:
    return float(re.search(r"Test accuracy: ([\d.]+)%", out)[1]) / 100


def write(name: str, header: list, rows):
    with open(name, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def people(n=300, seed=0):
    """Rows of age, city and income with gaps; bought = older than 40, or from Rome."""
    u, v, w = fastnn.random.uniform(seed, (3, n))
    for i in range(n):
        age, city = round(20 + 50 * u[i]), ("Rome", "Oslo", "Bern")[int(3 * v[i])]
        bought = "yes" if age > 40 or city == "Rome" else "no"
        yield [age if w[i] > 0.05 else "NA", city, round(1000 * w[i], 2), bought]


PEOPLE = ["age", "city", "income", "bought"]


# ---- digits ----


def test_train_digits(folder):
    begin = time.perf_counter()
    code, out, err = run("train", "digits")
    assert (code, err) == (0, "")
    assert accuracy(out) >= 0.97
    assert "1,442 images of handwritten digits, 355 others for the test" in out
    assert re.search(r"^Epoch 60/60\n23/23 ━{20} 0s .*s/step - accuracy: 0\.\d+ - loss: 0\.\d+$",
                     out, re.MULTILINE)  # fmt: skip
    assert len(re.findall("^Epoch ", out, re.MULTILINE)) == 10
    took = float(re.search(r"Time: [\d.]+ s for training, ([\d.]+) s in all", out)[1])
    assert took < time.perf_counter() - begin
    assert "Saved: digits.fastnn" in out and "fastnn predict digits.fastnn" in out
    assert os.listdir(folder) == ["digits.fastnn"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_digits_are_learnt_whatever_the_seed(call, seed):
    code, out, _ = call("train", "digits", "--seed", seed, "--quiet")
    assert code == 0 and accuracy(out) >= 0.97
    assert re.fullmatch(r"Test accuracy: .*\nTime: .*\nSaved: digits.fastnn\n", out)


def test_digits_model_predicts_tables_of_pixels(call):
    call("train", "digits", "--quiet", "--output", "my digits.fastnn")
    _, (x, y) = fastnn.datasets.digits.load_data()
    names = [f"pixel_{i}_{j}" for i in range(8) for j in range(8)]
    write("new.csv", names, x[:50].reshape(50, 64).tolist())
    code, out, _ = call("predict", "my digits.fastnn", "new.csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and len(rows) == 50
    assert np.mean([int(row["digit"]) for row in rows] == y[:50]) >= 0.9
    best = [max((float(row[f"probability of {d}"]), d) for d in range(10))[1] for row in rows]
    assert best == [int(row["digit"]) for row in rows]


def test_options_reach_the_model(call):
    code, out, _ = call(
        "train", "digits", "--epochs", 2, "--batch-size", 100, "--hidden", "7, 5",
        "--backend", "numpy", "--output", "small.fastnn",
    )  # fmt: skip
    assert code == 0 and "64-7-5-10 network (555 parameters)" in out
    assert re.search(r"Epoch 2/2\n15/15 ", out)
    assert fastnn.load_model("small.fastnn").count_params() == 64 * 7 + 7 + 7 * 5 + 5 + 5 * 10 + 10


# ---- tables ----


def test_train_and_predict_a_table_of_classes(call):
    write("people.csv", PEOPLE, people())
    code, out, err = call("train", "people.csv", "--target", "bought")
    assert (code, err) == (0, "")
    assert "people.csv: 300 rows. To predict 'bought' (classification: 'no', 'yes')" in out
    assert "from 3 columns, as 6 numbers" in out  # age, is missing, three cities, income
    assert "240 rows, 60 others for the test" in out
    assert accuracy(out) >= 0.9
    write("new.csv", ["city", "extra", "age", "income"], [
        ["Oslo", "x", 65, 500], ["Oslo", "x", 22, 500], ["Paris", "x", "", "NA"],
    ])  # fmt: skip
    code, printed, err = call("predict", "people.fastnn", "new.csv")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["bought"] for row in rows[:2]] == ["yes", "no"] and len(rows) == 3
    for row in rows:
        p = [float(row["probability of no"]), float(row["probability of yes"])]
        assert sum(p) == pytest.approx(1, abs=1e-3)
        assert row["bought"] == ("yes" if p[1] > p[0] else "no")
    code, out, _ = call("predict", "people.fastnn", "new.csv", "--output", "out.csv")
    assert code == 0 and "out.csv (3 rows)" in out
    assert Path("out.csv").read_text(encoding="utf-8") == printed


def test_reported_accuracy_is_that_of_the_rows_set_aside(call):
    write("people.csv", PEOPLE, people())
    _, out, _ = call("train", "people.csv", "--target", "bought", "--seed", 5, "--epochs", 2)
    table = read_csv("people.csv")
    _, test = split_rows(table, "bought", "classification", 0.2, 5)
    model = fastnn.load_model("people.fastnn")
    encoder = Encoder.from_config(model.metadata["encoder"])
    p = model.predict(encoder.encode(table.take(test)))[:, 0]
    truth = np.array(table.column("bought"))[test] == "yes"
    right = int(((p > 0.5) == truth).sum())
    common = max(truth.mean(), 1 - truth.mean())
    assert f"Test accuracy: {right / 60:.2%} ({right} of 60)" in out
    assert f"Always {'yes' if truth.mean() > 0.5 else 'no'!r} would give {common:.2%}." in out


def test_regression_reports_r2_and_rmse_in_the_tables_units(call):
    X, y = fastnn.datasets.linear(n=400, weights=(20, -10, 5), bias=1000, noise=1)
    write("line.csv", ["a", "b", "c", "price"], np.column_stack((X, y)).tolist())
    code, out, _ = call("train", "line.csv", "--target", "price", "--seed", 1)
    assert code == 0 and "'price' (regression)" in out
    assert re.search(r"Stopped after epoch \d\d: no more progress on the rows held out\.", out)
    table = read_csv("line.csv")
    train, test = split_rows(table, "price", "regression", 0.2, 1)
    call("predict", "line.fastnn", "line.csv", "--output", "out.csv")
    predicted, truth = read_csv("out.csv").numbers("price")[test], table.numbers("price")[test]
    rmse = np.sqrt(np.mean((predicted - truth) ** 2))
    r2 = 1 - np.sum((predicted - truth) ** 2) / np.sum((truth - truth.mean()) ** 2)
    mean = table.numbers("price")[train].mean()
    dull = np.sqrt(np.mean((truth - mean) ** 2))
    found = re.search(r"R2 (\S+), RMSE (\S+) \(80 rows.* the mean, (\S+), .* RMSE (\S+)\.", out)
    assert [float(v) for v in found.groups()] == pytest.approx([r2, rmse, mean, dull], rel=1e-3)
    assert r2 > 0.95 and rmse < 2 * 1.0  # the noise alone has 1


def test_scaling_is_learnt_on_the_training_rows_alone(call):
    write("people.csv", PEOPLE, people())
    table = read_csv("people.csv")
    train, test = split_rows(table, "bought", "classification", 0.2, 0)
    rows = list(people())
    rows[test[0]][2] = 1e9
    write("people.csv", PEOPLE, rows)
    call("train", "people.csv", "--target", "bought", "--epochs", 1)
    columns = fastnn.load_model("people.fastnn").metadata["encoder"]["columns"]
    income = next(c for c in columns if c["name"] == "income")
    values = table.numbers("income")[train]
    assert income["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert income["std"] == pytest.approx(values.std(), rel=1e-12)


def test_the_seed_decides_the_model(call):
    write("people.csv", PEOPLE, people(120))
    weights = []
    for seed in (1, 1, 2):
        call("train", "people.csv", "--target", "bought", "--seed", seed, "--epochs", 3)
        weights.append(fastnn.load_model("people.fastnn").get_weights()[0])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_a_sorted_file_and_a_row_number(call):
    """Neither the test rows nor those held out are the file's tail."""
    rows = sorted(people(), key=lambda row: row[-1])
    write("sorted.csv", ["", *PEOPLE], [[i, *row] for i, row in enumerate(rows)])
    code, out, _ = call("train", "sorted.csv", "--target", "bought", "--drop", "column 1")
    assert code == 0 and accuracy(out) >= 0.9 and "numbers the rows" not in out
    code, out, _ = call("train", "sorted.csv", "--target", "bought", "--epochs", 1)
    assert "Column 'column 1' numbers the rows. If it says nothing about 'bought'" in out


def test_rows_held_out_come_from_all_over_the_file():
    table = Table("t", {"x": [str(i) for i in range(300)], "y": ["a"] * 150 + ["b"] * 150})
    job = jobs.table_job(table, "y", "classification", [], 0.2, seed=0)
    assert 0.3 < job.y[: round(jobs.HELD_OUT * len(job.y))].mean() < 0.7


def test_three_classes_without_a_test(call):
    X, y = fastnn.datasets.blobs(n=90)
    write("b.csv", ["x", "y", "kind", "same"], [[*r, c, 1] for r, c in zip(X, y, strict=True)])
    code, out, _ = call("train", "b.csv", "--target", "kind", "--test-fraction", 0)
    assert code == 0 and "No rows were set aside for a test." in out
    assert "(classification: '0', '1', '2')" in out and "same in every row: 'same'" in out
    _, out, _ = call("predict", "b.fastnn", "b.csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert np.mean([int(row["kind"]) for row in rows] == y) > 0.95


def test_task_can_be_forced(call):
    write("n.csv", ["x", "n"], [[i, i % 4] for i in range(80)])
    args = ("train", "n.csv", "--target", "n", "--epochs", 1)
    assert "classification" in call(*args)[1]
    assert "RMSE" in call(*args, "--task", "regression")[1]


def test_few_rows(call):
    write("few.csv", ["x", "y"], [[i, 2.5 * i] for i in range(5)])
    code, out, _ = call("train", "few.csv", "--target", "y")
    assert code == 0 and "4 rows, 1 others" in out and "Test: RMSE" in out  # R2 of one row: none


def test_long_tables_get_large_batches_and_small_ones_no_validation():
    def job(n):
        cells = [str(i % 7) for i in range(n)]
        return jobs.table_job(Table("t", {"x": cells, "y": cells}), "y", "regression", [], 0, 0)

    assert [job(n).batch_size for n in (40, 600, 2000, 10**5)] == [8, 8, 32, 512]
    assert job(49).patience is None and job(50).patience == 10


# ---- errors ----


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["train"], "required: DATA"),
        (["train", "people.csv"], "a table needs --target COLUMN"),
        (["train", "digits", "--target", "x"], "--target is for tables, not for the digits"),
        (["train", "digits", "--test-fraction", "0.5"], "--test-fraction is for tables"),
        (["train", "digits", "--hidden", "64,x"], "expected a whole number above 0, received 'x'"),
        (["train", "digits", "--epochs", "0"], "expected a whole number above 0, received '0'"),
        (["predict", "m.fastnn"], "required: TABLE"),
    ],
)
def test_wrong_command_lines_exit_with_2(call, args, words):
    code, out, err = call(*args)
    assert (code, out) == (2, "") and words in err and "usage: fastnn" in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["people.csv", "--target", "bougt"], "no column 'bougt'. Did you mean 'bought'?"),
        (["people.csv", "--target", "bought", "--drop", "town"], "no column 'town'. Its columns"),
        (["people.csv", "--target", "bought", "--test-fraction", "1"], "received 1.0"),
        (["people.csv", "--target", "bought", "--output", "no/where"], "there is no no"),
        (["people.csv", "--target", "bought", "--output", "people.csv"], "a file of its own"),
        (["people.csv", "--target", "bought", "--output", "."], "a file of its own"),
        (["people.csv", "--target", "bought", "--backend", "gpu"], "received 'gpu'"),
        (["people.csv", "--target", "city", "--task", "regression"], "expected a finite number"),
        (["people.csv", "--target", "age"], "rows have none"),
        (["none.csv", "--target", "x"], "none.csv: No such file or directory"),
        ([".", "--target", "x"], "Is a directory"),
        (["ids.csv", "--target", "y"], "(--drop id)"),
        (["digits", "--seed", "-1"], "received -1"),
    ],
)
def test_errors_are_one_line_and_exit_with_1(call, folder, args, words):
    write("people.csv", PEOPLE, people(100))
    write("ids.csv", ["id", "x", "y"], [[f"id{i}", i * i, i % 2] for i in range(40)])
    before = sorted(os.listdir(folder))
    code, _, err = call("train", *args)
    assert code == 1 and words in err
    assert err.startswith("fastnn: error: ") and err.count("\n") == 1
    assert sorted(os.listdir(folder)) == before


def test_prediction_errors(call):
    write("people.csv", PEOPLE, people(60))
    call("train", "people.csv", "--target", "bought", "--epochs", 1)
    write("less.csv", ["age", "City"], [[1, "Rome"]])
    code, _, err = call("predict", "people.fastnn", "less.csv")
    assert code == 1 and "no column 'city', 'income'" in err and "Did you mean 'City'?" in err
    code, _, err = call("predict", "people.csv", "people.csv")
    assert code == 1 and "people.csv" in err and err.count("\n") == 1
    code, _, err = call("predict", "people.fastnn", "people.csv", "--output", "people.csv")
    assert code == 1 and "a file of its own" in err
    model = fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1)])
    model.save("plain.fastnn")
    code, _, err = call("predict", "plain.fastnn", "people.csv")
    assert code == 1 and "plain.fastnn knows no table's columns" in err


# ---- info, help ----


def test_info():
    code, out, err = run("info")
    assert (code, err) == (0, "")
    names = ("fastnn", "backend", "instruction set", "OpenMP", "threads", "NumPy", "Python")
    assert [line[:16].strip() for line in out.splitlines()] == list(names)
    assert fastnn.__version__ in out and np.__version__ in out and "numpy" in out


def test_info_obeys_the_environment(call, monkeypatch):
    monkeypatch.setenv("FASTNN_BACKEND", "numpy")
    assert re.search("^backend +numpy ", call("info")[1], re.MULTILINE)
    monkeypatch.setenv("FASTNN_BACKEND", "gpu")
    code, _, err = call("info")
    assert code == 1 and "received 'gpu'" in err
    code, _, err = run("info", env={**ENVIRONMENT, "FASTNN_ISA": "v9"})
    assert code == 1 and "FASTNN_ISA=v9" in err and err.count("\n") == 1


def test_info_of_a_model(call):
    write("people.csv", PEOPLE, people(60))
    call("train", "people.csv", "--target", "bought", "--epochs", 1)
    code, out, _ = call("info", "people.fastnn")
    assert code == 0 and "│ dense" in out and "Total params:" in out
    assert "Predicts 'bought' ('no', 'yes')\n from 'age', 'city', 'income'" in out


def test_help_and_version(call):
    assert call("--version") == (0, f"fastnn {fastnn.__version__}\n", "")
    code, out, _ = call("train", "--help")
    assert code == 0 and "--target COLUMN" in out


# ---- interruptions ----


def test_ctrl_c_is_one_line_and_exits_with_130(folder):
    with start("train", "digits", "--epochs", 10**6) as process:
        assert process.stdout.readline().startswith("Training")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "fastnn: interrupted\n")
    assert os.listdir(folder) == []


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_error(call, unbuffered):
    write("people.csv", PEOPLE, people(60))
    call("train", "people.csv", "--target", "bought", "--epochs", 1)
    write("many.csv", PEOPLE, list(people(60)) * 500)  # more than a pipe holds
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered}
    with start("predict", "people.fastnn", "many.csv", env=environment) as process:
        assert process.stdout.readline().startswith("bought,")
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (141, "")


def test_output_that_cannot_show_a_name(call):
    write("k.csv", ["x", "k"], [[i % 2, "é" if i % 2 else "e"] for i in range(60)])
    call("train", "k.csv", "--target", "k", "--epochs", 1)
    ascii_only = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
    code, _, err = run("predict", "k.fastnn", "k.csv", env=ascii_only)
    assert code == 1 and "cannot show '\\xe9'; name a file with --output" in err


def test_the_backend_warning_is_a_plain_line(call, monkeypatch, recwarn):
    import warnings

    def warn_and_stop(args):
        warnings.warn("slow today", RuntimeWarning, stacklevel=2)

    monkeypatch.setattr(cli, "_info", warn_and_stop)
    warnings.simplefilter("default")
    assert call("info") == (0, "", "fastnn: warning: slow today\n")
