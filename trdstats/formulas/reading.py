"""The text of a formula into terms, checked token by token before formulaic sees it.

formulaic reads the operators (``+ - : * / ** ^ %in% ~``). It is handed plain words in place of the
factors, so that nothing a user wrote can reach the Python in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from formulaic.errors import FormulaicError
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import ASTNode, Factor, Term, Token

from trdstats.errors import SpecError
from trdstats.formulas.evaluate import CheckedFactor, CheckedFormula
from trdstats.formulas.expressions import RefusedError, read_expression, unescaped
from trdstats.formulas.language import function_names

_LONGEST = 20_000  # characters
_MOST_TERMS = 5_000
_SHOWN = 76  # characters of a formula around the place at fault
_OPERATOR = re.compile(r"[~+\-:*/^]+|in")
_PLACE = re.compile(r"⧛(.*?)⧚", re.DOTALL)
_PARSER = DefaultFormulaParser()
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class _Piece:
    """A token as formulaic gets it, and where it stands in the user's formula."""

    text: str
    start: int
    end: int


@cache
def parse(formula: str) -> tuple[CheckedFormula | None, CheckedFormula]:
    """Return the left side of a formula, None without one, and its right side.

    Raises
    ------
    SpecError
        When it cannot be read, or holds what formulas do not have; the place is marked.
    """
    if not isinstance(formula, str):
        raise SpecError(f"A formula is a text such as 'treatment + age'; got {formula!r}.")
    if len(formula) > _LONGEST:
        raise SpecError(f"The formula has {len(formula):,} characters; {_LONGEST:,} are allowed.")
    factors: dict[str, CheckedFactor] = {}
    pieces = [_piece(formula, token, factors) for token in _tokens(formula)]
    text = " ".join(p.text for p in pieces)
    try:
        tree = _PARSER.get_ast(text)
        if _size(tree) > _MOST_TERMS:
            raise SpecError(
                f"The formula {_short(formula)} expands to more than {_MOST_TERMS:,} terms."
            )
        parts = _PARSER.get_terms_from_ast(tree, context={})._structure
    except FormulaicError as error:
        raise _unread(formula, pieces, str(error)) from None
    except (RecursionError, MemoryError):
        raise SpecError(
            f"The formula {_short(formula)} cannot be read: it is nested too deeply."
        ) from None
    if set(parts) == {"root"}:
        return None, _checked(parts["root"], factors)
    return _checked(parts["lhs"], factors), _checked(parts["rhs"], factors)


@cache
def right_text(formula: str) -> str:
    """Return the text on the right of the tilde."""
    tilde = next(t for t in _tokens(formula) if t.token == "~")
    return formula[(tilde.source_end or 0) + 1 :].strip()


def _tokens(formula: str) -> Iterable[Token]:
    try:
        return list(tokenize(formula))
    except FormulaicError as error:
        message = _COLOUR.sub("", str(error)).split("\n")[0]
        expected = re.search(r"Expected: (\S)", message)
        reason = f"{expected[1]!r} is missing" if expected else message.rstrip(".")
        raise _refused(formula, reason, len(formula) - 1) from None


def _piece(formula: str, token: Token, factors: dict[str, CheckedFactor]) -> _Piece:
    start, end = token.source_start or 0, (token.source_end or 0) + 1
    text, kind = token.token, token.kind
    if kind in (Token.Kind.NAME, Token.Kind.PYTHON):
        if formula[start] == "{":
            raise _refused(formula, "curly brackets are not allowed; write I(...)", start, end)
        return _Piece(_hold(formula, token, start, factors), start, end)
    if kind is Token.Kind.VALUE:
        if text == ".":
            raise _refused(formula, "'.' is not allowed; name the columns", start, end)
        if not re.fullmatch(r"\d+|\d*\.\d+|\d+\.\d*", text):
            hint = "text is not allowed here; write columns with blanks in `backticks`"
            raise _refused(formula, hint, start, end)
    elif kind is Token.Kind.CONTEXT:
        if text not in "()":
            raise _refused(formula, "square brackets are not allowed", start, end)
    elif not _OPERATOR.fullmatch(text):
        if text == "|":
            hint = "'|' has no meaning here; random effects are named by LMM(random=...)"
            raise _refused(formula, hint, start, end)
        shown = text if text.isprintable() else repr(text)
        raise _refused(formula, f"{shown} is not allowed in a formula", start, end)
    return _Piece("%in%" if text == "in" else text, start, end)


def _hold(formula: str, token: Token, start: int, factors: dict[str, CheckedFactor]) -> str:
    """Check a factor and return the word that stands for it."""
    if token.kind is Token.Kind.NAME:
        quoted = formula[start] == "`"
        name = unescaped(token.token) if quoted else token.token
        factor = CheckedFactor(name, eval_method="lookup")
    else:
        try:
            expression = read_expression(token.token)
        except RefusedError as refused:
            end = start + (len(token.token) if refused.end is None else refused.end)
            raise _refused(formula, refused.reason, start + refused.start, end) from None
        factor = CheckedFactor(expression.text, eval_method="python")
    for word, known in factors.items():
        if known == factor and known.eval_method is factor.eval_method:
            return word
    word = f"f{len(factors)}"
    factors[word] = factor
    return word


def _checked(part: Iterable[Term], factors: dict[str, CheckedFactor]) -> CheckedFormula:
    return CheckedFormula(
        [Term([factors.get(f.expr, _literal(f)) for f in term.factors]) for term in part]
    )


def _literal(factor: Factor) -> CheckedFactor:
    return CheckedFactor(factor.expr, eval_method="literal")


def _size(node: ASTNode | Token | None) -> int:
    """Return a bound on the number of terms that a formula expands to."""
    if not isinstance(node, ASTNode):
        return 1
    symbol = node.operator.symbol
    if symbol in ("**", "^") and len(node.args) == 2:
        power = str(node.args[1])
        return (
            min(_size(node.args[0]) ** (int(power) if power.isdigit() else 1), 10**9)
            if len(power) < 3
            else 10**9
        )
    sizes = [_size(a) for a in node.args]
    total, product = sum(sizes), 1
    for size in sizes:
        product = min(product * size, 10**9)
    return {"*": total + product, ":": product}.get(symbol, total)


def _unread(formula: str, pieces: list[_Piece], message: str) -> SpecError:
    """Return the error for operators that formulaic cannot read, marked in the user's text."""
    message = _COLOUR.sub("", message)
    reason = re.sub(r"`?\bf\d+\b`?", "a term", message.split("\n")[0]).rstrip(". ")
    if "context marker" in reason:
        reason = "a bracket is not closed or not opened"
    place = _PLACE.search(message)
    start, end = 0, len(formula)
    if place is not None:
        before = message[: place.start()].rpartition("\n")[2]
        at = 0
        for piece in pieces:
            if at >= len(before):
                start, end = piece.start, piece.end
                break
            at += len(piece.text) + 1
    return _refused(formula, reason, start, end)


def _refused(formula: str, reason: str, start: int, end: int | None = None) -> SpecError:
    """Return the error for a part of a formula, with the part marked."""
    end = start + 1 if end is None else end
    shown = "".join(c if c.isprintable() else " " for c in formula)
    left = max(0, min(start - _SHOWN // 2, len(shown) - _SHOWN))
    window = shown[left : left + _SHOWN]
    mark = " " * (start - left) + "^" * max(1, min(end, left + _SHOWN) - start)
    return SpecError(
        f"The formula {_short(formula)} cannot be read: {reason}.\n  {window}\n  {mark}\n"
        f"Allowed: columns (with blanks in `backticks`), numbers, ~ + - : * / ** ( ), and the "
        f"functions {', '.join(function_names())}."
    )


def _short(formula: str) -> str:
    return repr(formula if len(formula) <= _SHOWN else formula[: _SHOWN - 3] + "...")
