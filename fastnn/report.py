"""The page that ``fastnn train --report`` writes: one HTML file that needs nothing else.

It holds what the run printed and what a picture says better: curves, confusions, weights, times.
"""

from __future__ import annotations

import numpy as np

from fastnn import svg
from fastnn.encoding import ClassTarget
from fastnn.jobs import Job, report
from fastnn.notebook import history_chart, model_html, table
from fastnn.plot.histograms import layer_weights, ridges
from fastnn.plot.matrix import confusion_counts
from fastnn.svg import Markup, element

_MOST_CLASSES = 30  # whose confusions fit on a page
_MOST_POINTS = 2000
_STYLE = """
:root{color-scheme:light dark;--ink:#1d2329;--back:#fff;--card:#f6f7f9;--soft:#5b6570}
@media(prefers-color-scheme:dark){
:root{--ink:#e4e7ea;--back:#14171a;--card:#1e2327;--soft:#9aa5af}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.2rem;max-width:66rem;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:0 0 .6rem}
.result{font-size:1.15rem;margin:.4rem 0 1.2rem}.soft{color:var(--soft);font-size:.9rem}
main{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
section{background:var(--card);border-radius:.6rem;padding:1rem;overflow-x:auto;min-width:0}
table{font-size:.9rem;font-variant-numeric:tabular-nums}th{font-weight:600}
svg{display:block;width:100%;max-width:34rem}p{margin:.5rem 0}
pre{white-space:pre-wrap;font-size:.85rem}
"""


def write(path: str, model, job: Job, seconds: float, before: list) -> None:
    """Write the page to a file. seconds : that the training took; before : the first weights."""
    text = page(model, job, seconds, before)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def page(model, job: Job, seconds: float, before: list) -> str:
    """The whole page as text."""
    sections = [*_curves(model.history.history), *_test(model, job), *_weights(model, before),
                _section("Network", Markup(model_html(model))),
                _section("Time", _times(model, job, seconds)), *_diagnosis(model, job)]
    target = job.encoder.target
    title = f"{target.name}, learnt by fastnn"
    head = element("head", element("meta", charset="utf-8"), element("title", title),
                   element("meta", name="viewport", content="width=device-width,initial-scale=1"),
                   element("style", Markup(_STYLE)))
    body = element("body", element("h1", title), element("p", job.what, class_="soft"),
                   element("p", report(model, job), class_="result"), element("main", *sections))
    return "<!doctype html>" + element("html", head, body, lang="en")


def _section(title: str, *content) -> Markup:
    return element("section", element("h2", title), *content)


def _curves(history: dict):
    for name in sorted(history, key=lambda name: name != "loss"):
        if not name.startswith("val_") and name != "learning_rate":
            title = "Loss" if name == "loss" else name.replace("_", " ").capitalize()
            yield _section(title, history_chart(history, name))


def _test(model, job: Job):
    """What became of the test rows: confusions of classes, or predictions against the truth."""
    if not len(job.X_test):
        return
    target, outputs = job.encoder.target, model.predict(job.X_test)
    if not isinstance(target, ClassTarget):
        truth, guess = np.ravel(target.values(job.y_test)), np.ravel(target.values(outputs))
        some = np.linspace(0, len(truth) - 1, min(len(truth), _MOST_POINTS)).astype(int)
        yield _section("Test rows", svg.scatter(truth[some], guess[some], f"true {target.name}",
                                                "predicted"))
        return
    guess = target.probabilities(outputs).argmax(axis=1)
    counts = confusion_counts(job.y_test, guess, np.arange(len(target.classes)))[1]
    if len(target.classes) <= _MOST_CLASSES:
        yield _section("Test rows", svg.matrix(counts, target.classes))
    yield _section("Classes", _classes(target.classes, counts), _mistakes(target.classes, counts))


def _classes(names, counts) -> Markup:
    def share(part, whole):
        return f"{part / whole:.1%}" if whole else "–"

    rows = [(name, f"{counts[i].sum():,}", share(counts[i, i], counts[i].sum()),
             share(counts[i, i], counts[:, i].sum())) for i, name in enumerate(names)]
    return table(("Class", "Rows", "Found (recall)", "Rightly named (precision)"), rows, "<>>>")


def _mistakes(names, counts) -> Markup:
    wrong = counts - np.diag(np.diag(counts))
    worst = [divmod(int(i), len(counts)) for i in np.argsort(-wrong, axis=None, kind="stable")[:3]]
    texts = [f"{names[i]} for {names[j]} ({wrong[i, j]})" for i, j in worst if wrong[i, j]]
    text = f"Most often taken: {', '.join(texts)}." if texts else "Every test row is right."
    return element("p", text, class_="soft")


def _weights(model, before):
    edges, rows = ridges(layer_weights(model), layer_weights(model, before), bins=48)
    drawn = svg.ridges(edges, [(r.name, r.counts, r.before, r.note) for r in rows], "weight")
    legend = element("p", "Filled: after the training; line: before. σ is their spread.",
                     class_="soft")
    yield _section("Weights of each layer", drawn, legend)


def _times(model, job: Job, seconds: float) -> Markup:
    from fastnn import config

    epochs, trained = len(model.history.epoch), len(job.X) - job.held_out
    backend = model.trainer.backend.NAME
    rows = [("Training", f"{seconds:.2f} s"), ("Epochs", f"{epochs:,}"),
            ("An epoch", f"{1e3 * seconds / max(1, epochs):.1f} ms"),
            ("Rows a second", f"{epochs * trained / max(seconds, 1e-9):,.0f}"),
            ("Rows trained on", f"{trained:,}"), ("Batch size", f"{job.batch_size:,}"),
            ("Backend", backend), ("Threads, at most", str(config.num_threads()))]
    return table((), rows, "<>")


def _diagnosis(model, job: Job):
    """What ``model.diagnose`` finds on the training rows."""
    yield _section("Diagnosis", element("pre", str(model.diagnose(job.X, job.y))))
