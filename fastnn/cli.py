"""The command ``fastnn``: train on the shipped digits or on a table, predict, run programs that
were written for Keras, say what runs, race.

Exit codes: 0 done, 1 an error that the message explains, 2 a wrong command line, 130 interrupted,
141 nobody reads the output any more.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter

import numpy as np

from fastnn import console
from fastnn.encoding import ClassTarget, Encoder
from fastnn.tables import listed, read_csv


def main(argv: list[str] | None = None) -> int:
    """Run one command line, by default this process's, and return its exit code."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = _run(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("fastnn: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # what is still buffered must not be tried again when Python exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, ImportError) as error:
        print(f"fastnn: error: {_explain(error)}", file=sys.stderr)
        return 1


def _run(argv) -> int:
    parser = _parser()
    try:
        args = parser.parse_args(argv)
        if args.do is _train:
            _check_train(parser, args)
    except SystemExit as stop:  # --help, --version, or a wrong command line: argparse has printed
        return stop.code or 0
    return args.do(args) or 0


def _warn(message, *_):
    print(f"fastnn: warning: {message}", file=sys.stderr)


def _explain(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return f"the output cannot show {error.object[error.start]!a}; name a file with --output"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _print(text: str):
    console.write(text + "\n")


# the command line


def _parser():
    import argparse

    from fastnn._version import __version__

    parser = argparse.ArgumentParser(prog="fastnn", description="Small neural networks, fast.")
    parser.add_argument("--version", action="version", version=f"fastnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", required=True)
    _train_parser(commands)

    predict = commands.add_parser("predict", help="predict the rows of a table")
    predict.set_defaults(do=_predict)
    predict.add_argument("model", metavar="MODEL", help="a file that `fastnn train` saved")
    predict.add_argument("table", metavar="TABLE", help="a CSV file with the columns trained on")
    predict.add_argument("--output", metavar="FILE", help="write a CSV file instead of printing")

    info = commands.add_parser("info", help="what runs here, or what a model holds")
    info.set_defaults(do=_info)
    info.add_argument("model", metavar="MODEL", nargs="?", help="a saved model")

    run = commands.add_parser("run", help="run a script or notebook written for Keras",
                              description="Run a script or notebook with fastnn in the place of "
                              "keras, tensorflow.keras and keras_tuner.")
    run.set_defaults(do=_run_program)
    run.add_argument("--plots", metavar="FOLDER", help="save the plots that are shown there")
    run.add_argument("program", metavar="FILE", help="a .py script or an .ipynb notebook")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="what it is given")

    # no prefix makes an option of its arguments, not even of --help: they are all the report's
    bench = commands.add_parser("bench", help="measure fastnn and its peers, in the source tree",
                                add_help=False, prefix_chars="\0")
    bench.set_defaults(do=_bench)
    bench.add_argument("options", nargs="*")
    return parser


def _train_parser(commands):
    train = commands.add_parser(
        "train",
        help="train on the shipped digits or on a table",
        epilog="A target column of text, of two whole numbers, or of up to 20 whole numbers with "
        "five rows each is a classification, any other a regression.",
    )
    train.set_defaults(do=_train)
    add = train.add_argument
    add("data", metavar="DATA", help='"digits", or a CSV file whose first line names the columns')
    add("--target", metavar="COLUMN", help="the column of the table to predict")
    add("--task", choices=("auto", "classification", "regression"), default="auto")
    add("--drop", metavar="COLUMN", action="append", default=[], help="leave out; may be repeated")
    add("--test-fraction", metavar="F", type=float, help="of the table's rows (default: 0.2)")
    add("--epochs", metavar="N", type=_count, help="train so many, whatever the progress")
    add("--batch-size", metavar="N", type=_count)
    add("--hidden", metavar="N,N", type=_sizes, help="units of the hidden layers, such as 64,32")
    add("--seed", metavar="N", type=int, default=0, help="decides all that is random (default: 0)")
    add("--output", metavar="FILE", help="the model (default: DATA.fastnn in this folder)")
    add("--report", metavar="FILE", help="write a page of HTML: curves, confusions, weights, times")
    add("--backend", metavar="NAME", help="cython, numba or numpy (default: the best there is)")
    add("--quiet", action="store_true", help="print the results only")


def _count(text: str) -> int:
    import argparse

    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, received {text!r}")
    return int(text)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_count(part.strip()) for part in text.split(","))


def _check_train(parser, args):
    """Refuse options that do not go with the data."""
    if args.data == "digits":
        for option in ("target", "drop", "test_fraction"):
            if getattr(args, option):
                parser.error(f"--{option.replace('_', '-')} is for tables, not for the digits")
    elif args.target is None:
        parser.error("a table needs --target COLUMN, the column to predict")


# train


def _train(args):
    from fastnn import jobs, utils

    start = perf_counter()
    output = _output_path(args)
    utils.set_random_seed(args.seed)
    say = (lambda text: None) if args.quiet else _print
    if args.data == "digits":
        job = jobs.digits_job()
    else:
        table = read_csv(args.data)
        fraction = 0.2 if args.test_fraction is None else args.test_fraction
        job = jobs.table_job(table, args.target, args.task, args.drop, fraction, args.seed)
        say(jobs.describe(table, job.encoder, args.drop))
    job.hidden = args.hidden or job.hidden
    job.batch_size = args.batch_size or job.batch_size
    if args.epochs:
        job.epochs, job.patience = args.epochs, None
    model = jobs.network(job, args.backend)
    before = model.get_weights()
    sizes = "-".join(str(n) for n in (job.X.shape[1], *job.hidden, job.encoder.target.outputs))
    say(f"Training a {sizes} network ({model.count_params():,} parameters) on {job.what}.")
    seconds = jobs.train(model, job, args.quiet)
    _print(jobs.report(model, job))
    model.save(output, metadata={"encoder": job.encoder.to_config()})
    _print(f"Time: {seconds:.2f} s for training, {perf_counter() - start:.2f} s in all")
    _print(f"Saved: {output}")
    if args.report:
        from fastnn import report

        report.write(args.report, model, job, seconds, before)
        _print(f"Report: {args.report}")
    say(_next_steps(output, args.data))


def _output_path(args) -> str:
    """Where to save the model. Whether that can work is better known before the training."""
    path = args.output or os.path.splitext(os.path.basename(args.data))[0] + ".fastnn"
    _check_output(path, args.data)
    if args.report:
        _check_output(args.report, args.data, path, option="--report")
    return path


def _check_output(path: str, *inputs: str, option: str = "--output"):
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"expected {option} in an existing folder; there is no {folder}")
    if os.path.isdir(path) or os.path.realpath(path) in map(os.path.realpath, inputs):
        raise ValueError(f"expected {option} to name a file of its own, received {path}")


def _next_steps(output: str, data: str) -> str:
    import shlex

    file = shlex.quote(output)
    steps = {
        f"fastnn predict {file} new.csv": "predict the rows of a table",
        f"fastnn info {file}": "what the model holds",
        f'model = fastnn.load_model("{output}")': "go on in Python",
    }
    if data == "digits":
        steps["fastnn train table.csv --target COLUMN"] = "train on a table of your own"
    width = max(map(len, steps))
    return "\n".join(["Next:", *(f"  {step:{width}}  {why}" for step, why in steps.items())])


# predict


def _predict(args):
    import contextlib
    import csv

    from fastnn import load_model

    if args.output:
        _check_output(args.output, args.model, args.table)
    model = load_model(args.model)
    encoder = _encoder(model)
    if encoder is None:
        raise ValueError(
            f"expected a model that `fastnn train` saved; {args.model} knows no table's columns. "
            "Use it in Python: fastnn.load_model(...).predict(X)."
        )
    outputs = model.predict(encoder.encode(read_csv(args.table)))
    rows = _predictions(encoder.target, outputs)
    with contextlib.ExitStack() as stack:
        file = sys.stdout
        if args.output:
            file = stack.enter_context(open(args.output, "w", encoding="utf-8", newline=""))
        csv.writer(file, lineterminator="\n").writerows(rows)
    if args.output:
        _print(f"Saved: {args.output} ({len(outputs):,} rows)")


def _predictions(target, outputs: np.ndarray):
    """The rows of the table of predictions, below their header."""
    if not isinstance(target, ClassTarget):
        yield [target.name]
        yield from ([f"{value:.7g}"] for value in target.values(outputs))
        return
    yield [target.name, *(f"probability of {label}" for label in target.classes)]
    for row in target.probabilities(outputs):
        yield [target.classes[row.argmax()], *(f"{p:.4g}" for p in row)]


def _encoder(model) -> Encoder | None:
    config = (model.metadata or {}).get("encoder")
    return None if config is None else Encoder.from_config(config)


# info


def _info(args):
    if args.model is None:
        from fastnn.installation import installation

        for name, value in installation().items():
            _print(f"{name:<16} {value}")
        return
    from fastnn import load_model

    model = load_model(args.model)
    model.summary()
    encoder = _encoder(model)
    if encoder is not None:
        target = encoder.target
        kind = f" ({listed(target.classes)})" if isinstance(target, ClassTarget) else ""
        _print(f" Predicts {target.name!r}{kind}")
        _print(f" from {listed([column.name for column in encoder.columns])}")


# run


def _run_program(args) -> int:
    from fastnn.runner import run

    return run(args.program, args.arguments, args.plots)


# bench


def _bench(args) -> int:
    """Run ``benchmarks/report.py``, which is in the source tree and not in the package."""
    import subprocess

    for folder in (os.path.dirname(os.path.dirname(os.path.abspath(__file__))), os.getcwd()):
        report = os.path.join(folder, "benchmarks", "report.py")
        own = os.path.join(folder, "benchmarks", "contenders", "fastnn_backends.py")
        if os.path.isfile(report) and os.path.isfile(own):
            return subprocess.call([sys.executable, report, *args.options])
    raise ValueError("expected to be in fastnn's source tree, with its benchmarks/report.py: the "
                     "benchmarks are not installed with the package")
