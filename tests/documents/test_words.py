"""Text for users keeps to the field's terms: words of version 0.1 do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "trdstats"

# Rooms whose text was brought to the field's terms. Add a room here once it passes.
ROOMS = ["errors.py", "kinds.py", "frames.py", "arguments.py", "kernels", "tables", "plots",
         "formulas", "items", "longitudinal", "imputation", "multiverse", "evidence",
         "second_opinion", "selfcheck"]  # fmt: skip

# Phrases without a legitimate use in these rooms, each with what to write in its place.
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


def sources() -> list[Path]:
    places = [PACKAGE / room for room in ROOMS]
    return sorted(f for p in places for f in (p.rglob("*.py") if p.is_dir() else [p]))


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


def test_every_room_is_there() -> None:
    assert all((PACKAGE / room).exists() for room in ROOMS)


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_text_is_in_the_terms_of_the_field(path: Path) -> None:
    lines = forbidden_words(path.read_text("utf-8"))
    assert not lines, "\n".join(lines)


def test_the_search_reads_docstrings_and_pieces_of_messages() -> None:
    source = (
        'def f(x: int) -> str:\n    """Return a\n    law of time."""\n'
        '    return f"In {x} nobody "\\\n        "was assessed"\n'
    )
    assert [line.split(":")[0] for line in forbidden_words(source)] == ["line 2", "line 4"]


def test_the_search_leaves_names_and_comments_alone() -> None:
    assert not forbidden_words("law = 1  # of nobody, to be had\n")
