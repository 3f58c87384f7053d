"""One factor of a formula, such as ``log(dose)`` or ``C(site)``: checked before it is used.

A factor is read as a tree and every node of the tree must be on the list: columns, numbers,
arithmetic, and functions known to formulas. Names in the place of a function are functions, all
other names are columns, whatever they look like. Nothing is evaluated here, and what is
evaluated later (`evaluate`) is this tree, node by node; Python never runs the text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from keyword import iskeyword

from trdstats.errors import nearest
from trdstats.formulas.language import (
    CATEGORY,
    CONTRASTS,
    QUOTE,
    SEVERAL_COLUMNS,
    by_value,
    function_names,
    plain_spelling,
    takes_one,
)
from trdstats.kinds import quoted

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_SIGNS = (ast.UAdd, ast.USub)
_LARGEST = 100  # degrees and degrees of freedom of splines and polynomials
_DEEPEST = 40
_BACKTICKS = re.compile(r"`((?:\\.|[^`\\])*)`")
_HOLDER = re.compile(r"_column_(\d+)_")
_TOO_DEEP = "it is nested too deeply"


class RefusedError(Exception):
    """A part of a factor that formulas do not have, with its place in the text."""

    def __init__(self, reason: str, start: int = 0, end: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.start, self.end = reason, start, end


@dataclass(frozen=True)
class Expression:
    """A factor that was checked.

    Attributes
    ----------
    tree : ast.expr
    text : str
        The factor as it is shown, in one spelling.
    numbers : frozenset of str
        Columns used as numbers.
    categories : frozenset of str
        Columns used as categories, within ``C(...)``.
    names : tuple of str
        What the place holders of names in backticks stand for.
    """

    tree: ast.expr
    text: str
    numbers: frozenset[str]
    categories: frozenset[str]
    names: tuple[str, ...]


@lru_cache(maxsize=1024)
def read_expression(text: str) -> Expression:
    """Read a factor and check it.

    Raises
    ------
    RefusedError
        When any part of it is not on the list.
    """
    names: list[str] = []

    def hold(match: re.Match[str]) -> str:
        names.append(unescaped(match[1]))
        return f"_column_{len(names) - 1}_"

    if _HOLDER.search(text):
        raise RefusedError("this name is reserved")
    code = re.sub(r"[\r\n]", " ", _BACKTICKS.sub(hold, text))
    _check_depth(code)
    try:
        tree = ast.parse(code, mode="eval").body
    except SyntaxError as error:
        raise RefusedError(str(error.msg)) from None
    except ValueError:
        raise RefusedError("it holds a character that is not allowed in a formula") from None
    except (RecursionError, MemoryError):
        raise RefusedError(_TOO_DEEP) from None
    check = _Check(text, code, tuple(names))
    try:
        check.factor(tree)
        shown = ast.unparse(tree).replace("\n", " ")
    except RecursionError:
        raise RefusedError(_TOO_DEEP) from None
    if not check.numbers and not check.categories:
        raise RefusedError("it names no column")
    return Expression(
        tree,
        _HOLDER.sub(lambda m: _shown(names[int(m[1])]), shown),
        frozenset(check.numbers),
        frozenset(check.categories),
        tuple(names),
    )


def column_of(node: ast.expr, names: tuple[str, ...]) -> str | None:
    """Return the column that a node names, None when it names none."""
    name = dotted(node)
    if name is not None:
        held = _HOLDER.fullmatch(name)
        return names[int(held[1])] if held else name
    if isinstance(node, ast.Call) and dotted(node.func) == QUOTE:
        argument = node.args[0] if node.args else None
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            return ""
        return _HOLDER.sub(lambda m: f"`{names[int(m[1])]}`", argument.value)
    return None


def dotted(node: ast.expr) -> str | None:
    """Return ``a.b`` for a name with dots, None for what is no name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def unescaped(name: str) -> str:
    """Return a name in backticks as the table has it."""
    return re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL)


def _shown(name: str) -> str:
    return f"`{name}`" if iskeyword(name) else quoted(name)


class _Check:
    """Walks the tree of a factor; refuses what is not on the list, collects its columns."""

    def __init__(self, text: str, code: str, names: tuple[str, ...]) -> None:
        self.text, self.code, self.names = text, code, names
        self.numbers: set[str] = set()
        self.categories: set[str] = set()

    def factor(self, node: ast.expr) -> None:
        """Check a whole factor, which alone may be of categories or of several columns."""
        name = self._function(node)
        if name == CATEGORY:
            self._category(_call(node))
        elif name in SEVERAL_COLUMNS:
            self._arguments(_call(node), str(name))
        else:
            self._number(node)

    def _function(self, node: ast.expr) -> str | None:
        if not isinstance(node, ast.Call):
            return None
        name = dotted(node.func)
        if name is None:
            self._refuse(node, "only a function can be called")
        known = plain_spelling(str(name))
        if known not in function_names():
            close = nearest(known.rpartition(".")[2], function_names(), n=1)
            hint = (
                f"the nearest function is {close[0]!r}" if close else "it is not a known function"
            )
            self._refuse(node.func, f"{self._text(node.func)!r} is not allowed; {hint}")
        return known

    def _category(self, call: ast.Call) -> None:
        if not call.args:
            self._refuse(call, "C() needs a column")
        first, *rest = call.args
        column = column_of(first, self.names)
        if column is not None:
            self._quote(first)
            self.categories.add(column)
        else:
            self._number(first)
        if len(rest) > 1:
            self._refuse(rest[1], "C() takes a column and its contrasts")
        for given in [*rest, *(k.value for k in call.keywords if k.arg == "contrasts")]:
            self._contrasts(given)
        for keyword in call.keywords:
            if keyword.arg == "levels":
                self._constant(keyword.value)
            elif keyword.arg != "contrasts":
                self._refuse(keyword.value, f"C() has no argument {keyword.arg!r}")

    def _contrasts(self, node: ast.expr) -> None:
        if dotted(node) in CONTRASTS:
            return
        if isinstance(node, ast.Call) and dotted(node.func) in CONTRASTS:
            for given in [*node.args, *(k.value for k in node.keywords)]:
                self._constant(given)
            return
        if isinstance(node, ast.Dict | ast.List | ast.Tuple):
            self._constant(node)
            return
        self._refuse(node, f"{self._text(node)!r} is not a coding of categories")

    def _number(self, node: ast.expr) -> None:
        column = column_of(node, self.names)
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bool) or not isinstance(node.value, int | float):
                self._refuse(node, f"{self._text(node)} is not a number")
        elif column is not None:
            self._quote(node)
            self.numbers.add(column)
        elif isinstance(node, ast.BinOp):
            if not isinstance(node.op, ARITHMETIC):
                self._refuse(node, "only + - * / ** are allowed here")
            self._number(node.left)
            self._number(node.right)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, _SIGNS):
            self._number(node.operand)
        elif isinstance(node, ast.Call):
            name = self._function(node)
            if name == CATEGORY or name in SEVERAL_COLUMNS:
                self._refuse(
                    node, f"{name}() gives more than one number a row and must stand alone"
                )
            self._arguments(node, str(name))
        else:
            self._refuse(node, _not_allowed(node))

    def _arguments(self, call: ast.Call, name: str) -> None:
        """Check the arguments of a function of numbers: columns first, then constants."""
        if not call.args:
            self._refuse(call, f"{name}() needs a column")
        if takes_one(name) and (len(call.args) > 1 or call.keywords):
            self._refuse(call, f"{name}() takes one argument")
        self._number(call.args[0])
        works_by_value = by_value(name) is not None
        for given in call.args[1:]:
            if works_by_value:
                self._number(given)
            else:
                self._constant(given)
                self._check_size(given)
        for keyword in call.keywords:
            if keyword.arg is None or keyword.arg.startswith("_"):
                self._refuse(keyword.value, "this argument is not allowed")
            self._constant(keyword.value)
            if keyword.arg in ("df", "degree"):
                self._check_size(keyword.value)

    def _check_size(self, node: ast.expr) -> None:
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, int | float) and value > _LARGEST:
            self._refuse(node, f"{self._text(node)} is more than {_LARGEST}")

    def _constant(self, node: ast.expr) -> None:
        """Check a value that is written out: a number, a text, or a list of them."""
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bytes | complex) or node.value is Ellipsis:
                self._refuse(node, "only numbers and texts are allowed here")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, _SIGNS):
            self._constant(node.operand)
            if not isinstance(node.operand, ast.Constant) or isinstance(node.operand.value, str):
                self._refuse(node, "only numbers and texts are allowed here")
        elif isinstance(node, ast.List | ast.Tuple):
            for element in node.elts:
                self._constant(element)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                self._constant(key if key is not None else value)
                self._constant(value)
                if key is None:
                    self._refuse(node, "only numbers and texts are allowed here")
        else:
            self._refuse(node, "only numbers and texts are allowed here")

    def _quote(self, node: ast.expr) -> None:
        """Check that Q() holds one text."""
        if isinstance(node, ast.Call):
            one = len(node.args) == 1 and not node.keywords
            if not one or not column_of(node, self.names):
                self._refuse(node, "Q() takes the name of one column in quotes")

    def _text(self, node: ast.AST) -> str:
        segment = ast.get_source_segment(self.code, node) or ""
        return _HOLDER.sub(lambda m: _shown(self.names[int(m[1])]), segment)

    def _refuse(self, node: ast.AST, reason: str) -> None:
        places = list(self._offsets())
        line = self.code.encode()
        start = len(line[: getattr(node, "col_offset", 0)].decode(errors="ignore"))
        end = len(line[: getattr(node, "end_col_offset", None) or 0].decode(errors="ignore"))
        raise RefusedError(reason, places[start], places[max(end, start + 1) - 1] + 1)

    def _offsets(self) -> Iterator[int]:
        """Yield, for every character of the code, where it stands in the text."""
        names = [m.span() for m in _BACKTICKS.finditer(self.text)]
        at = 0
        for k, (start, end) in enumerate(names):
            yield from range(at, start)
            yield from [start] * len(f"_column_{k}_")
            at = end
        yield from range(at, len(self.text) + 1)


def _call(node: ast.expr) -> ast.Call:
    assert isinstance(node, ast.Call)
    return node


def _not_allowed(node: ast.expr) -> str:
    words = {
        ast.Compare: "comparisons are not allowed in a formula; make a column of them",
        ast.BoolOp: "'and' and 'or' are not allowed in a formula; make a column of them",
        ast.Lambda: "functions cannot be defined in a formula",
        ast.Subscript: "square brackets are not allowed in a formula",
        ast.Attribute: "only names of columns may hold dots",
    }
    return words.get(type(node), "this is not allowed in a formula")


def _check_depth(code: str) -> None:
    depth = 0
    for k, char in enumerate(code):
        depth += (char in "([{") - (char in ")]}")
        if depth > _DEEPEST:
            raise RefusedError(_TOO_DEEP, k)
