"""Prints the formulas as loops for the compiled backends: ``python -m fastnn._render``.

Reads the activations', losses' and optimizers' formulas (see ``fastnn.formulas``) as syntax trees
and writes ``src_cy/formulas.pxi`` and ``fastnn/backends/numba_formulas.py``. Both are checked in; a
test compares them with a fresh print.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

from fastnn import activations, formulas, losses, optimizers

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
             ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!="}


class Printer:
    """One formula's lines as scalar code; languages differ in ``number`` and ``choice``."""

    def __init__(self, number: str, choice: str):
        self.number, self.choice = number, choice
        self.known: set[str] = set()  # the names that the formula has given values so far

    def body(self, function) -> tuple[list[str], list[str], list[str]]:
        """Assignments, the returned expressions and the names assigned, of a formula's function."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        lines, results, names = [], [], []
        self.known = set(formulas.arguments(function))
        for node in tree.body:
            match node:
                case ast.Expr(value=ast.Constant()):
                    continue  # a docstring
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    lines.append(f"{name} = {self.expression(value)}")
                    names.append(name)
                    self.known.add(name)
                case ast.Return(value=ast.expr() as value):
                    parts = value.elts if isinstance(value, ast.Tuple) else [value]
                    results = [self.expression(part) for part in parts]
                case _:
                    self.refuse(node)
        return lines, results, names

    def expression(self, node) -> str:
        match node:
            case ast.Name(id=name) if name in self.known:
                return name
            case ast.Constant(value=int() | float()):
                return self.number.format(float(node.value))
            case ast.UnaryOp(op=ast.USub()):
                return f"(-{self.expression(node.operand)})"
            case ast.BinOp() if type(node.op) in OPERATORS:
                left, right = self.expression(node.left), self.expression(node.right)
                return f"({left} {OPERATORS[type(node.op)]} {right})"
            case ast.Compare(ops=[op]) if type(op) in OPERATORS:
                left, right = self.expression(node.left), self.expression(node.comparators[0])
                return f"({left} {OPERATORS[type(op)]} {right})"
            case ast.Call(func=ast.Name(id=name), keywords=[]) if name in formulas.NAMES:
                arguments = [self.expression(argument) for argument in node.args]
                if name == "where":
                    return self.choice.format(*arguments)
                return f"{name}_({', '.join(arguments)})"
        return self.refuse(node)

    def refuse(self, node):
        raise SyntaxError(
            f"a formula is assignments and a return of + - * /, comparisons, numbers and "
            f"{', '.join(formulas.NAMES)}; cannot print: {ast.unparse(node)}")


def tables() -> list[tuple[str, list, list[str], list[str]]]:
    """Everything there is to print: (table, [(name, function)], arrays read, arrays written)."""
    activation = activations.elementwise()
    rows = losses.elementwise()
    return [
        ("activate", [(c.__name__, c.forward) for c in activation], ["y"], ["y"]),
        ("derive", [(c.__name__, c.backward) for c in activation], ["dy", "y", "z"], ["dy"]),
        ("loss", [(name, value) for name, value, _, _ in rows], ["t", "y"], ["out"]),
        ("slope", [(name, gradient) for name, _, gradient, _ in rows], ["t", "y"], ["out"]),
        ("update", [(name, rule) for name, rule, _ in optimizers.rules()], ["p", "g"], ["p"]),
    ]


DOCS = {
    "activate": "y{} <- formula(y), in place",
    "derive": "dy{} <- formula(dy, y[, z]), in place; z is read only where it was kept",
    "loss": "out{} <- formula(t, y)",
    "slope": "out{} <- d formula / dy of (t, y)",
    "update": "p{} and its slots <- formula(p, g, slots); a slot is a row of slots",
}


def fixed_arguments(table: str, function, reads: list[str]) -> int:
    """How many of a formula's arguments come from arrays; the others are numbers."""
    names = formulas.arguments(function)
    if table == "update":
        return next((i for i, name in enumerate(names) if len(name) > 1), len(names))
    return 3 if table == "derive" and "z" in names else min(2, len(reads))


class Language:
    """Prints the tables' functions and names in one language."""

    def __init__(self, printer: Printer, head: str):
        self.printer, self.head = printer, head

    def module(self) -> str:
        parts = [self.head]
        for table, rows, reads, writes in tables():
            arrays = list(dict.fromkeys([*writes, *reads]))
            parts += self.functions(table, rows, reads, writes, arrays)
            parts.append(f"{table.upper()}_FORMULAS = {tuple(name for name, _ in rows)!r}\n")
        return "\n\n".join(parts)

    def loop(self, table, function, reads, writes) -> tuple[list[str], list[str], list[str]]:
        """The lines of a formula's loop, its variables and its slots."""
        lines, results, names = self.printer.body(function)
        arguments = formulas.arguments(function)
        count = fixed_arguments(table, function, reads)
        fixed, numbers = arguments[:count], arguments[count:]
        slots = fixed[2:] if table == "update" else ()
        # a rule's last result, if it has one more than slots, takes the gradient's place
        direction = ("g",) if len(results) > len(writes) + len(slots) else ()
        sources = dict(zip(fixed, (*reads, *slots), strict=False))
        out = [f"{number} = {self.local.format(f'numbers[{i}]')}"
               for i, number in enumerate(numbers)]
        out.append(f"for i in range({self.span}):")
        out += [f"    {name} = {array}_[i]" for name, array in sources.items()]
        out += [f"    {line}" for line in lines]
        out += [f"    {target}_[i] = {result}"
                for target, result in zip((*writes, *slots, *direction), results, strict=True)]
        return out, list(dict.fromkeys((*arguments, *names))), slots


class Cython(Language):
    """Pointers and typed locals; a function for each formula and one that chooses among them."""

    local, span = "<real>{}", "lo, hi"

    def functions(self, table, rows, reads, writes, arrays) -> list[str]:
        out = [self.function(table, *row, reads, writes, arrays) for row in rows]
        return [*out, self.dispatcher(table, rows, arrays)]

    def function(self, table, name, function, reads, writes, arrays) -> str:
        lines, variables, slots = self.loop(table, function, reads, writes)
        out = [self.signature(f"{table}_{name}", table, arrays), "cdef Py_ssize_t i",
               f"cdef real {', '.join(variables)}"]
        out += [f"cdef real* {slot}_ = slots + {row} * stride" for row, slot in enumerate(slots)]
        return "\n    ".join([*out, *lines])

    def dispatcher(self, table, rows, arrays) -> str:
        doc = DOCS[table].format("[lo:hi]")
        out = [self.signature(table, table, ["code", *arrays]), f'    """{doc}."""']
        slots = "slots, stride, " if table == "update" else ""
        extra = "".join(f"{a}_, " for a in arrays) + slots
        for code, (name, _) in enumerate(rows):
            out.append(f"    {'el' if code else ''}if code == {code}:")
            out.append(f"        {table}_{name}[real]({extra}numbers, lo, hi)")
        return "\n".join(out)

    def signature(self, name, table, arrays):
        types = ["int64_t code" if a == "code" else f"real* {a}_" for a in arrays]
        types += ["real* slots", "Py_ssize_t stride"] if table == "update" else []
        parameters = ", ".join([*types, "const double* numbers", "Py_ssize_t lo", "Py_ssize_t hi"])
        return f"cdef void {name}(\n    {parameters},\n) noexcept nogil:"


class Numba(Language):
    """One function a table, for Numba's time to compile is by the function.

    Every array is followed by its first index, and the loops count from 0 over slices: of other
    indices Numba cannot tell that they are not negative, and the code for those that are keeps
    LLVM from vectorising. Numbers are cast to the arrays' type.
    """

    local, span = "real({})", "size"

    def functions(self, table, rows, reads, writes, arrays) -> list[str]:
        places = "".join(f"{a}_, {a}0, " for a in arrays)
        places += "slots, s0, " if table == "update" else ""
        out = ["@njit", f"def {table}(code, {places}numbers, size):",
               f'    """{DOCS[table].format("")}."""', f"    real = {arrays[0]}_.dtype.type"]
        out += [f"    {a}_ = {a}_[{a}0 : {a}0 + size]" for a in arrays]
        for code, (name, function) in enumerate(rows):
            lines, _, slots = self.loop(table, function, reads, writes)
            out.append(f"    {'el' if code else ''}if code == {code}:  # {name}")
            out += [f"        {slot}_ = slots[{row}, s0 : s0 + size]"
                    for row, slot in enumerate(slots)]
            out += [f"        {line}" for line in lines]
        return ["\n".join(out)]


CYTHON = Cython(
    Printer("<real>{!r}", "({1} if {0} else {2})"),
    "# Printed by `python -m fastnn._render`: edit the formulas in fastnn/, not this file.")
NUMBA = Numba(
    Printer("real({!r})", "({1} if {0} else {2})"),
    '"""Printed by `python -m fastnn._render`: edit the formulas in fastnn/, not this file."""\n'
    "# ruff: noqa: E501, UP034\n\n"
    "from fastnn.backends.numba_math import (\n"
    + "".join(f"    {name},\n" for name in sorted(
        ["njit", *(f"{name}_" for name in formulas.NAMES if name != "where")]))
    + ")\n")

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {
    ROOT / "src_cy" / "formulas.pxi": CYTHON,
    ROOT / "fastnn" / "backends" / "numba_formulas.py": NUMBA,
}


def main() -> None:
    """Write both files."""
    for path, language in TARGETS.items():
        path.write_text(language.module(), encoding="utf-8")


if __name__ == "__main__":
    main()
