"""One training step written out: forwards, the loss, the chain rule's products, the update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastnn import activations, losses
from fastnn.registry import snake_case
from fastnn.understanding import chain
from fastnn.understanding.notation import STYLES

TERMS = 6  # of a sum that are written; what is longer is cut in its middle


class Factor(NamedTuple):
    """A factor of a product of the chain rule: as a derivative, as a formula, as a number."""

    symbol: str
    formula: str
    value: float


@dataclass(frozen=True)
class WeightStep:
    """A weight in a step: dL/dw with penalties, the weight before and after."""

    name: str
    gradient: float
    old: float
    new: float


class Explanation:
    """A step on one row, with its numbers, as text (``print`` it), LaTeX or HTML.

    loss : the row's; steps : a `WeightStep` of every weight and bias, in the order of the text.
    digits : figures of a written number; limit : how many weights of an array are written.
    """

    def __init__(self, model, numbers: chain.Chain, digits: int, limit: int):
        self.model, self.numbers, self.digits, self.limit = model, numbers, digits, limit
        self.loss = numbers.loss
        self.steps = [step for steps in _steps(numbers, STYLES["text"]()) for step in steps]

    def to(self, style: str) -> str:
        """The explanation as "text", "latex" or "html"."""
        if style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}; received {style!r}.")
        return _Writer(self, STYLES[style](self.digits)).page()

    def text(self) -> str:
        return self.to("text")

    def latex(self) -> str:
        return self.to("latex")

    def html(self) -> str:
        return self.to("html")

    __str__ = __repr__ = text
    _repr_html_ = html


def explain(model, feed, digits: int, limit: int) -> Explanation:
    """The explanation of a step on the feed's only row."""
    return Explanation(model, chain.compute(model, feed), digits, limit)


def _steps(numbers: chain.Chain, style) -> list[list[WeightStep]]:
    """For each stage its weights, row by row, and its biases."""
    found = []
    for number, stage in enumerate(numbers.stages, 1):
        steps = []
        for name in ("kernel", "bias"):
            variable = stage.layer.variables.get(name)
            for i in range(variable.size if variable is not None else 0):
                at = variable.offset + i
                place = divmod(i, len(stage.z))
                trained = at < len(numbers.penalized)
                steps.append(WeightStep(
                    style.symbol("W", number, (place[0] + 1, place[1] + 1)) if name == "kernel"
                    else style.symbol("b", None, (number, i + 1)),
                    float(numbers.penalized[at]) if trained else 0.0,
                    float(numbers.old[at]), float(numbers.new[at])))
        found.append(steps)
    return found


class _Writer:
    """Writes an explanation in one style."""

    def __init__(self, explanation: Explanation, style):
        self.e, self.s, self.numbers = explanation, style, explanation.numbers
        self.stages = self.numbers.stages
        self.lines: list[str] = []
        self.loss = explanation.model.trainer.loss

    def page(self) -> str:
        self.head()
        self.lines.append(self.s.title("1. Forwards"))
        for number in range(1, len(self.stages) + 1):
            self.forward(number)
        self.lines.append(self.s.title("2. The loss"))
        self.write(self.s.symbol("L"), self.loss_formula(), self.s.number(self.e.loss))
        self.lines.append(self.s.title("3. Backwards: the chain rule"))
        for number in range(len(self.stages), 0, -1):
            self.backward(number)
        self.lines.append(self.s.title("4. The update"))
        self.update()
        return self.s.page(self.lines)

    def write(self, *parts) -> None:
        """A line of parts that are equal; one that says what the one before says is left out."""
        kept = [part for i, part in enumerate(parts) if part and part not in parts[:i]]
        self.lines.append(self.s.line(kept))

    # names

    def out(self, number: int, j: int) -> str:
        """The output of neuron j (from 0) of a layer; layer 0 is the input."""
        if number == 0:
            return self.s.symbol("x", None, (j + 1,))
        if number == len(self.stages):
            return self.s.symbol("ŷ", None, (j + 1,) if len(self.numbers.t) > 1 else ())
        return self.s.symbol("o", None, (number, j + 1))

    def pre(self, number: int, j: int) -> str:
        """What a neuron sums up: its output, if it is linear."""
        linear = self.stages[number - 1].linear
        return self.out(number, j) if linear else self.s.symbol("z", None, (number, j + 1))

    def target(self, j: int) -> str:
        return self.s.symbol("y", None, (j + 1,) if len(self.numbers.t) > 1 else ())

    def weight(self, number: int, i: int, j: int) -> str:
        return self.s.symbol("W", number, (i + 1, j + 1))

    def bias(self, number: int, j: int) -> str:
        return self.s.symbol("b", None, (number, j + 1))

    def factor(self, x: float) -> str:
        """A number in a product."""
        text = self.s.number(x)
        return f"({text})" if text.startswith(self.s.minus) else text

    def product(self, parts) -> str:
        return self.s.dot.join(parts)

    def numbers_of(self, values) -> str:
        first, *rest = values
        return self.product([self.s.number(first), *map(self.factor, rest)])

    def total(self, terms: list[str]) -> str:
        if len(terms) > TERMS:
            terms = [*terms[: TERMS // 2], self.s.dots, *terms[-TERMS // 2 + 1 :]]
        return " + ".join(terms)

    # the sections

    def head(self) -> None:
        s, first = self.s, self.stages[0]
        row = [s.number(v) for v in first.x]
        if len(row) > TERMS:
            row = [*row[:3], s.dots, *row[-2:]]
        targets = [s.number(v) for v in self.numbers.t]
        optimizer = self.e.model.optimizer
        self.lines.append(s.title(f"A step of {optimizer.name} on one row"))
        self.write(s.symbol("x"), f"({', '.join(row)})")
        self.write(s.symbol("y"), targets[0] if len(targets) == 1 else f"({', '.join(targets)})")

    def forward(self, number: int) -> None:
        s, stage = self.s, self.stages[number - 1]
        for j in range(min(len(stage.z), self.e.limit)):
            symbols = [self.product([self.weight(number, i, j), self.out(number - 1, i)])
                       for i in range(len(stage.x))]
            terms = [self.numbers_of([w, x]) for w, x in zip(stage.W[:, j], stage.x, strict=True)]
            if stage.b is not None:
                symbols.append(self.bias(number, j))
                terms.append(self.factor(stage.b[j]))
            self.write(self.pre(number, j), self.total(symbols), self.total(terms),
                       s.number(stage.z[j]))
            if not stage.linear:
                name = _name(stage.activation)
                shown = self.pre(number, j) if stage.slope is not None else s.symbol("z")
                self.write(self.out(number, j), s.function(name, shown), s.number(stage.o[j]))
        self.more(len(stage.z), "neurons")

    def more(self, count: int, what: str) -> None:
        if count > self.e.limit:
            self.lines.append(self.s.line([self.s.text(
                f"... and {count - self.e.limit} more {what}")]))

    def loss_formula(self) -> str:
        s, m = self.s, len(self.numbers.t)
        y, o = self.target(0), self.out(len(self.stages), 0)
        if isinstance(self.loss, losses.MeanSquaredError) and m == 1:
            a, b = s.number(self.numbers.t[0]), self.factor(self.stages[-1].o[0])
            return f"{s.square(f'({y} {s.minus} {o})')} = {s.square(f'({a} {s.minus} {b})')}"
        if type(self.loss) is losses.BinaryCrossentropy and m == 1:
            log = [s.function("ln", o), s.function("ln", f"1 {s.minus} {o}")]
            return (f"{s.minus}{y}{s.dot}{log[0]} {s.minus} (1 {s.minus} {y}){s.dot}{log[1]}")
        if isinstance(self.loss, losses.CategoricalCrossentropy) and self.numbers.t.max() == 1:
            right = self.out(len(self.stages), self.numbers.t.argmax())
            return f"{s.minus}{s.function('ln', right)}"
        return s.text(self.loss.name)

    def backward(self, number: int) -> None:
        stage = self.stages[number - 1]
        m = len(stage.z)
        for j in range(min(m, self.e.limit)):
            self.slopes(number, j)
        written = 0
        for i in range(len(stage.x)):
            for j in range(m):
                if written < self.e.limit:
                    self.derivative(number, j, self.weight(number, i, j), Factor(
                        self.s.slope(self.pre(number, j), self.weight(number, i, j)),
                        self.out(number - 1, i), stage.x[i]))
                written += 1
        self.more(written, "weights")
        for j in range(min(m, self.e.limit) if stage.b is not None else 0):
            self.derivative(number, j, self.bias(number, j), None)

    def derivative(self, number: int, j: int, by: str, last: Factor | None) -> None:
        """The line of dL/dw: as derivatives, as formulas, as numbers, and what they make."""
        s, factors = self.s, self.path(number, j)
        tail = s.slope(self.pre(number, j), by)
        symbols = [f.symbol for f in factors] + [tail]
        if last is not None:
            factors.append(last)
        value = float(np.prod([f.value for f in factors]))
        self.write(s.slope(s.symbol("L"), by), self.product(symbols),
                   self.product([f.formula for f in factors]),
                   self.numbers_of([f.value for f in factors]), s.number(value))

    def path(self, number: int, j: int) -> list[Factor]:
        """The factors of dL/dz of a neuron, as far back as there is one way only."""
        s, stage, L = self.s, self.stages[number - 1], self.s.symbol("L")
        z, o = self.pre(number, j), self.out(number, j)
        if number == len(self.stages):
            if stage.do is None or not np.isfinite(stage.do[j]):
                return [Factor(s.slope(L, z), f"({o} {s.minus} {self.target(j)})", stage.dz[j])]
            factors = [Factor(s.slope(L, o), self.loss_slope(j), stage.do[j])]
        elif len(self.stages[number].z) == 1:
            after = self.stages[number]
            factors = [*self.path(number + 1, 0),
                       Factor(s.slope(self.pre(number + 1, 0), o), self.weight(number + 1, j, 0),
                              after.W[j, 0])]
        else:
            factors = [Factor(s.slope(L, o), s.slope(L, o), stage.do[j])]
        if not stage.linear:
            factors.append(Factor(s.slope(o, z), self.activation_slope(number, j), stage.slope[j]))
        return factors

    def slopes(self, number: int, j: int) -> None:
        """The lines of dL/do, where it is a sum or the loss's own, and of the activation."""
        s, stage, L = self.s, self.stages[number - 1], self.s.symbol("L")
        z, o = self.pre(number, j), self.out(number, j)
        if number == len(self.stages):
            first = self.path(number, j)[0]
            self.write(first.symbol, first.formula, self.loss_numbers(j), s.number(first.value))
        elif len(self.stages[number].z) > 1:
            after = self.stages[number]
            n = len(after.z)
            symbols = [self.product([s.slope(L, self.pre(number + 1, k)),
                                     self.weight(number + 1, j, k)]) for k in range(n)]
            terms = [self.numbers_of([after.dz[k], after.W[j, k]]) for k in range(n)]
            self.write(s.slope(L, o), self.total(symbols), self.total(terms),
                       s.number(stage.do[j]))
        if not stage.linear and stage.slope is not None:
            self.write(s.slope(o, z), self.activation_slope(number, j), s.number(stage.slope[j]))

    def loss_slope(self, j: int) -> str:
        """dL/dŷ as a formula, or as itself for losses without a short one."""
        s, m = self.s, len(self.numbers.t)
        y, o = self.target(j), self.out(len(self.stages), j)
        if isinstance(self.loss, losses.MeanSquaredError):
            two = "2" if m == 1 or not self.loss.mean else f"2/{m}{s.dot}"
            return f"{s.minus}{two}({y} {s.minus} {o})"
        if type(self.loss) is losses.BinaryCrossentropy and m == 1 and self.stages[-1].do[j]:
            return f"({o} {s.minus} {y})/({o}(1 {s.minus} {o}))"
        return s.slope(s.symbol("L"), o)

    def loss_numbers(self, j: int) -> str:
        """The formula of the output's slope with its numbers, where it has one."""
        s, last, t = self.s, self.stages[-1], self.numbers.t
        m, y, o = len(t), s.number(t[j]), self.factor(last.o[j])
        if last.do is None:
            return f"{s.number(last.o[j])} {s.minus} {self.factor(t[j])}"
        if isinstance(self.loss, losses.MeanSquaredError):
            two = "2" if m == 1 or not self.loss.mean else f"2/{m}"
            return f"{s.minus}{two}{s.dot}({y} {s.minus} {o})"
        return ""

    def activation_slope(self, number: int, j: int) -> str:
        s, stage = self.s, self.stages[number - 1]
        o, z = self.out(number, j), self.pre(number, j)
        if type(stage.activation) is activations.Sigmoid:
            return f"{o}(1 {s.minus} {o})"
        if type(stage.activation) is activations.Tanh:
            return f"(1 {s.minus} {s.square(o)})"
        return s.function(_name(stage.activation), z, prime=True)

    def update(self) -> None:
        s, numbers = self.s, self.numbers
        rate = self.e.model.optimizer.learning_rate
        for number, steps in enumerate(_steps(numbers, s), 1):
            stage = self.stages[number - 1]
            plain = np.concatenate([stage.dW.ravel(), stage.dz if stage.b is not None else []])
            for step, own in list(zip(steps, plain, strict=True))[: self.e.limit]:
                formula = f"{s.number(step.old)} {s.minus} {self.numbers_of([rate, step.gradient])}"
                if not np.isclose(step.new, step.old - rate * step.gradient, rtol=1e-9, atol=1e-12):
                    # no plain descent: the optimizer's own result
                    moved = f"{s.number(step.old)}{s.arrow}{s.number(step.new)}"
                    self.lines.append(s.line([f"{step.name}: {moved}"]))
                    continue
                self.write(step.name, formula, s.number(step.new))
                if not np.isclose(step.gradient, own, rtol=1e-9, atol=1e-12):
                    self.lines.append(s.line([s.text("  of which the penalty's part is ")
                                              + s.number(step.gradient - own)]))
            self.more(len(steps), "numbers")


def _name(activation) -> str:
    return snake_case(type(activation).__name__)
