"""Text for users keeps to the field's terms: words of version 0.1 do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "trdstats"

# Phrases without a legitimate use, each with what to write in its place.
WORDS = {
    r"\blaws?\b": "distribution",
    r"\b(nobody|everybody|anybody)\b": "no subject, every subject",
    r"\bendless\b": "separated (no finite estimate)",
    r"\bnever (seen|rated)\b": "no post-baseline assessment",
    r"\b(not|was|were|are|those) rated\b": "assessed",
    r"\bexplain(s|ed)? (each other|one another|by others)\b": "collinear (aliased)",
    r"\bexplained by others\b": "collinear (aliased)",
    r"\b(cannot|can|do not|does not) tell\b": "not identified, collinear, not known",
    r"\btells? \w+ apart\b": "collinear, identify",
    r"\bunmeasured cause\b": "unmeasured confounder",
    r"\bmade[- ]up\b": "imputed, artificial",
    r"\bmay they be compared\b": "can these cohorts be compared",
    r"\bhad it at the end\b": "cumulative incidence at last follow-up",
    r"\bown (patients|trial)\b": "individual patient data (IPD)",
    r"\bface of\b": "summary",
    r"\bof (your|its|their) own\b": "another, separate, individual",
    r"\bto be had\b": "possible, available",
    r"\bis worth\b": "effective sample size",
    r"\bdrawn anew\b": "drawn again",
    r"\bborrows? from\b": "reference",
    r"\bgoes? before\b": "predictors, precedes",
    r"\bpoints of %": "percentage points",
    r"\brivals?\b": "competing events",
    r"\bpeople\b": "subjects",
    r"\bshares? of (subjects|patients|a row|those)\b": "proportion",
}  # fmt: skip

# Names of variables, parameters and functions that do not say what they hold, or are of the dialect
# of version 0.1.
NAMES = {
    "found": "what was found: estimates, problems, outcomes",
    "own": "of what: in_arm, rows, counts",
    "mine": "in_arm",
    "told": "stated",
    "moved": "influence",
    "said": "sentences",
    "facts": "header",
    "share": "proportion",
    "shares": "proportions",
    "law": "distribution",
    "laws": "distributions",
    "endless": "separated",
    "gram": "cross_product",
    "worth": "effective size",
    "people": "subjects",
    "nobody": "no subject",
    "everybody": "all_subjects",
    "everyone": "all_subjects",
    "anybody": "any subject",
    "rivals": "competing",
    "climb": "maximise",
    "alike": "equal, balanced",
    "unlike": "unequal, imbalanced",
}
# Parts of a longer name that are of the dialect wherever they stand.
PARTS = NAMES.keys() - {"found", "own", "mine", "told", "moved", "said", "facts"}

# Names that stay, with the reason: file below the package, name.
ALLOWED: dict[tuple[str, str], str] = {}


LATER = ()


def sources() -> list[Path]:
    files = sorted(PACKAGE.rglob("*.py"))
    return [f for f in files if not f.relative_to(PACKAGE).as_posix().startswith(LATER)]


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings, messages and labels of a module with their lines, each on one line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, " ".join(node.value.split())


def forbidden_words(source: str) -> list[str]:
    return [
        f"line {line}: {match[0]!r} in {text[:100]!r}; write: {instead}"
        for line, text in sentences(source)
        for word, instead in WORDS.items()
        for match in re.finditer(word, text, re.IGNORECASE)
    ]


def names(source: str) -> Iterator[tuple[int, str]]:
    """Yield what a module names: variables, parameters, functions, classes and attributes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def vague_names(source: str, file: str = "") -> list[str]:
    lines = []
    for line, name in names(source):
        plain = name.strip("_").lower()
        parts = PARTS & set(plain.split("_"))
        bad = plain if plain in NAMES else next(iter(parts), "")
        if bad and (file, name) not in ALLOWED:
            lines.append(f"line {line}: {name}; say what it is: {NAMES[bad]}")
    return lines


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_text_is_in_the_terms_of_the_field(path: Path) -> None:
    lines = forbidden_words(path.read_text("utf-8"))
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_names_say_what_they_hold(path: Path) -> None:
    lines = vague_names(path.read_text("utf-8"), path.relative_to(PACKAGE).as_posix())
    assert not lines, "\n".join(lines)


def test_every_exception_is_needed() -> None:
    used = {
        (file, name)
        for path in sources()
        for _, name in names(path.read_text("utf-8"))
        if (file := path.relative_to(PACKAGE).as_posix(), name) in ALLOWED
    }
    assert set(ALLOWED) == used


def test_the_search_of_names_sees_locals_and_parameters() -> None:
    source = "def f(own: int, owner: int) -> int:\n    late_share = own\n    return late_share\n"
    assert [line.split(";")[0] for line in vague_names(source)] == [
        "line 1: own", "line 2: late_share"]  # fmt: skip


def test_the_search_reads_docstrings_and_pieces_of_messages() -> None:
    source = (
        'def f(x: int) -> str:\n    """Return a\n    law of time."""\n'
        '    return f"In {x} nobody "\\\n        "was assessed"\n'
    )
    assert [line.split(":")[0] for line in forbidden_words(source)] == ["line 2", "line 4"]


def test_the_search_leaves_names_and_comments_alone() -> None:
    assert not forbidden_words("law = 1  # of nobody, to be had\n")
