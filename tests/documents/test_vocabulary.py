"""The vocabulary has its terms; it and the table of other programs name what exists."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import trdstats as trd

PAGES = Path(__file__).resolve().parents[2] / "docs" / "understand"
VOCABULARY = (PAGES / "vocabulary.md").read_text("utf-8")
TERMS = [
    "Response", "Partial response", "Remission", "Recovery", "Relapse", "Recurrence", "Onset",
    "Sustained response", "Durability", "Being in response", "Effective sample size", "Estimand",
    "Intercurrent event", "MMRM", "Least-squares mean", "Restricted mean survival time",
    "Cumulative incidence", "Number needed to treat", "Non-inferiority", "Multiverse", "E-value",
]  # fmt: skip


def sections() -> dict[str, str]:
    parts = re.split(r"^### (.+?)\s*\{#[\w-]+\}$", VOCABULARY, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_there(term: str) -> None:
    assert any(title.startswith(term) for title in sections())


def test_every_term_names_what_computes_it() -> None:
    methods = {
        name
        for public in trd.__all__
        for name, _ in inspect.getmembers(getattr(trd, public))
        if not name.startswith("_")
    }
    for title, text in sections().items():
        codes = re.findall(r"`([^`]+)`", text)
        assert codes, title
        called = {n for code in codes for n in re.findall(r"([A-Za-z_]\w+)\(", code)}
        alone = {code for code in codes if re.fullmatch(r"[A-Z]\w+|[a-z]+(_\w+)+", code)}
        known = set(trd.__all__) | methods | {"mean_days", "effect_sizes", "margins", "contrasts"}
        assert called | alone <= known | {"glance"}, f"{title}: {called | alone}"


def test_certainty_is_marked() -> None:
    assert {"[V]", "[V2]", "[M]"} <= set(re.findall(r"\[\w+\]", VOCABULARY))


def test_the_table_of_other_programs_names_what_exists() -> None:
    page = (PAGES / "coming_from.md").read_text("utf-8")
    for row in re.findall(r"^\| `.*?\| (.*?) \|$", page, re.MULTILINE):
        for code in re.findall(r"`([^`]+)`", row):
            for name in re.findall(r"(?<![\w.])([A-Za-z_]\w+)\(", code):
                assert name in trd.__all__ or name in ("draw", "impute"), row
            for name in re.findall(r"\b([A-Z][a-z]\w+|[A-Z]{3,})\b(?=[(`]|$)", code):
                assert name in (*trd.__all__, "UN"), row
