"""Text for people: written to sys.stdout as it is at that moment, and never an exception.

A training run must not die because a pipe closed, a service runs without a console, or an old
encoding has no box-drawing characters.
"""

from __future__ import annotations

import os
import sys

# What a bar and a table look like where the encoding cannot show them.
_PLAIN = str.maketrans(
    {"━": "=", "─": "-", "┃": "|", "│": "|", "…": "~", **dict.fromkeys("┏┳┓┡╇┩├┼┤└┴┘", "+")}
)


def write(text: str, flush: bool = True) -> bool:
    """Write to standard output; False if there is none or it takes no more.

    Characters that the stream's encoding lacks are replaced by ASCII look-alikes or "?".
    """
    stream = sys.stdout
    if stream is None:  # pythonw, some services
        return False
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError as error:
            text = text.translate(_PLAIN)
            stream.write(text.encode(error.encoding, "replace").decode(error.encoding))
        if flush:
            stream.flush()
    except (OSError, ValueError):  # a closed pipe, a full disk; a closed file
        return False
    return True


def repaints() -> bool:
    """Whether standard output can draw over its line: a terminal or a notebook."""
    home = type(sys.stdout).__module__.partition(".")[0]
    if home == "ipykernel":
        return True
    if home == "idlelib":  # calls itself a terminal but prints escape sequences as they are
        return False
    try:
        return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # None; closed
        return False


def columns() -> int | None:
    """The width of the terminal behind standard output; None where there is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (AttributeError, OSError, ValueError):
        return None
