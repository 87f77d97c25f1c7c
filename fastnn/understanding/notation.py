"""How formulas are written: as text, LaTeX or HTML.

A style turns the parts of a formula into strings. The notation is the course notes': the weight
from input i to neuron j of layer l, and the bias and the output of that neuron.

>>> Text().symbol("W", 1, (2, 1)), Text().symbol("o", None, (1, 2))
('W¹₂₁', 'o₁₂')
>>> Latex().symbol("W", 1, (2, 1))
'W^{1}_{21}'
>>> Html().slope(Html().symbol("L"), Html().symbol("b", None, (2, 1)))
'∂<i>L</i>/∂<i>b</i><sub>21</sub>'
"""

from __future__ import annotations

from html import escape

_UP = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_DOWN = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _digits(indices) -> str:
    """11 for (1, 1), but 11,1 for (11, 1): two-figure numbers need a comma between."""
    return ("," if max(indices) > 9 else "").join(map(str, indices))


class Text:
    """Plain text with superscripts and subscripts of Unicode."""

    dot, minus, dots, arrow = " · ", "−", "…", " → "

    def __init__(self, digits: int = 6):
        self.digits = digits

    def symbol(self, letter: str, sup=None, sub=()) -> str:
        up = "" if sup is None else str(sup).translate(_UP)
        return letter + up + (_digits(sub).translate(_DOWN) if sub else "")

    def slope(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def number(self, x: float) -> str:
        return f"{x + 0.0:.{self.digits}g}".replace("-", self.minus)  # + 0.0: no minus zero

    def square(self, base: str) -> str:
        return f"{base}²"

    def function(self, name: str, argument: str, prime: bool = False) -> str:
        mark = "\u2032" if prime else ""
        return f"{name}{mark}({argument})"

    def text(self, words: str) -> str:
        return words

    def title(self, words: str) -> str:
        return words

    def line(self, parts: list[str]) -> str:
        return "  " + " = ".join(parts)

    def page(self, lines: list[str]) -> str:
        return "\n".join(lines)


class Latex(Text):
    """One ``align*``, which LaTeX, MathJax and KaTeX can set."""

    dot, minus, dots, arrow = r" \cdot ", "-", r"\dots", r" \to "

    def symbol(self, letter, sup=None, sub=()):
        letter = r"\hat{y}" if letter == "ŷ" else letter
        up = "" if sup is None else f"^{{{sup}}}"
        return letter + up + (f"_{{{_digits(sub)}}}" if sub else "")

    def slope(self, of, by):
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"

    def number(self, x):
        mantissa, e, exponent = super().number(x).partition("e")
        return mantissa if not e else rf"{mantissa} \cdot 10^{{{int(exponent)}}}"

    def square(self, base):
        return f"{base}^2"

    def function(self, name, argument, prime=False):
        mark = "'" if prime else ""
        return rf"\operatorname{{{name.replace('_', ' ')}}}{mark}({argument})"

    def text(self, words):
        for sign in "\\{}":
            words = words.replace(sign, "")
        for sign in "_#$%&":
            words = words.replace(sign, f"\\{sign}")
        return rf"\text{{{words}}}"

    def title(self, words):
        return rf"&{self.text(words)} \\"

    def line(self, parts):
        first, *rest = parts
        return rf"{first} &= {' = '.join(rest)} \\" if rest else rf"&{first} \\"

    def page(self, lines):
        return "\n".join([r"\begin{align*}", *lines, r"\end{align*}"])


class Html(Text):
    """A piece of a page without scripts or styles from elsewhere."""

    def symbol(self, letter, sup=None, sub=()):
        up = "" if sup is None else f"<sup>{sup}</sup>"
        return f"<i>{letter}</i>{up}" + (f"<sub>{_digits(sub)}</sub>" if sub else "")

    def square(self, base):
        return f"{base}<sup>2</sup>"

    def function(self, name, argument, prime=False):
        return super().function(escape(name), argument, prime)

    def text(self, words):
        return escape(words)

    def title(self, words):
        return f"<h4>{escape(words)}</h4>"

    def line(self, parts):
        return f"<p>{' = '.join(parts)}</p>"

    def page(self, lines):
        return "\n".join(['<div class="fastnn-step">', *lines, "</div>"])


STYLES = {"text": Text, "latex": Latex, "html": Html}
