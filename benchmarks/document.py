"""A report as a list of blocks, and what becomes of it in Markdown and in HTML.

Texts are the little Markdown that both need: ``**bold**`` and `` `code` ``.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Table:
    """``labels`` of the columns are words, all others are numbers, and stand on the right."""

    header: list[str]
    rows: list[list[str]]
    labels: int = 1


@dataclass(frozen=True)
class Picture:
    """An SVG, which in Markdown is a file of that name."""

    name: str
    alt: str
    svg: str


def to_markdown(blocks: list) -> str:
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Text():
            return block.text
        case Picture():
            return f"![{block.alt}]({block.name})"
        case Table():
            numbers = len(block.header) - block.labels
            rule = ["---"] * block.labels + ["--:"] * numbers
            return "\n".join(f"| {' | '.join(row)} |" for row in [block.header, rule, *block.rows])


STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --faint: #6b7480; --line: #d9dde2; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --faint: #97a1ad; --line: #3a4048; --page: #15181c; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
       max-width: 1400px; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; } h3 { margin-top: 1.8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
         white-space: nowrap; }
th { color: var(--faint); font-weight: 600; }
.word { text-align: left; }
code { font-size: .92em; } svg { max-width: 100%; height: auto; }
"""


def to_html(title: str, blocks: list) -> str:
    """One page that needs nothing else."""
    body = "\n".join(_html(block) for block in blocks)
    return (f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width">\n<title>{html.escape(title)}'
            f"</title>\n<style>{STYLE}</style>\n{body}\n</html>\n")


def _html(block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{_inline(block.text)}</h{block.level}>"
        case Text():
            return f"<p>{_inline(block.text)}</p>"
        case Picture():
            return f"<figure>{block.svg}</figure>"
        case Table():
            rows = [_row(block.header, block.labels, "th")]
            rows += [_row(row, block.labels, "td") for row in block.rows]
            return f'<div class="wide"><table>\n{chr(10).join(rows)}\n</table></div>'


def _row(cells, labels: int, tag: str) -> str:
    words = [f'<{tag} class="word">{_inline(cell)}</{tag}>' for cell in cells[:labels]]
    numbers = [f"<{tag}>{_inline(cell)}</{tag}>" for cell in cells[labels:]]
    return f"<tr>{''.join(words + numbers)}</tr>"


def _inline(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)
