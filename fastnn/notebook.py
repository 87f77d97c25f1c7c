"""What a notebook shows for a model and a history: small HTML that needs nothing else."""

from __future__ import annotations

import numpy as np

from fastnn.overfitting import overfitting_start
from fastnn.plot.curves import curve
from fastnn.summary import _size_line, describe
from fastnn.svg import Markup, element, line_chart

_CELL = "text-align:left;padding:.2em .9em .2em 0;border-bottom:1px solid rgba(127,127,127,.3)"
_NUMBER = _CELL.replace("left", "right")


def table(header, rows, aligned: str) -> Markup:
    """A table; ``aligned`` has < or > for each column, ``header`` may be empty."""
    def line(cells, kind):
        return element("tr", *(element(kind, cell, style=_NUMBER if side == ">" else _CELL)
                               for cell, side in zip(cells, aligned, strict=True)))

    head = [element("thead", line(header, "th"))] if header else []
    return element("table", *head,
                   element("tbody", *(line(row, "td") for row in rows)),
                   style="border-collapse:collapse")


def model_html(model) -> str:
    """The table of ``model.summary()`` as HTML."""
    rows, *sizes = describe(model)
    cells = [(row.name, row.class_name, "?" if row.shape is None else str(row.shape),
              "not built" if row.params is None else f"{row.params:,}") for row in rows]
    names = ["Trainable", "Non-trainable", "Optimizer"]
    totals = [_size_line(name, size).strip() for name, size in zip(names, sizes, strict=True)
              if size is not None and (size.count or name == "Trainable")]
    return element("div", element("p", element("b", model.name), f" ({type(model).__name__})"),
                   table(("Layer", "Type", "Output shape", "Params"), cells, "<<<>"),
                   element("p", " · ".join(totals)))


def history_chart(history: dict, name: str) -> Markup:
    """A metric of a history's dictionary over the epochs as SVG, overfitting marked."""
    series = {label: curve(history, key) for label, key in
              (("training", name), ("validation", f"val_{name}")) if key in history}
    loss, val = history.get("loss", ()), history.get("val_loss", ())
    start = overfitting_start(loss, val) if len(loss) == len(val) > 0 else None
    mark = None if start is None else start + 1
    return line_chart(series, y_label=name.replace("_", " "), mark=mark,
                      mark_label="" if mark is None else f"overfitting from {mark}")


def history_html(history) -> str:
    """The loss as a small chart, and the last values of all that was recorded."""
    values = history.history
    if not values:
        return element("p", "History: no epochs yet")
    last = [f"{name} {float(np.ravel(series[-1])[0]):.4g}" for name, series in values.items()]
    chart = [history_chart(values, "loss")] if "loss" in values else []
    n = len(next(iter(values.values())))
    text = f"{n} epoch{'s' * (n != 1)}, at the end: " + ", ".join(last)
    return element("div", *chart, element("p", text))
