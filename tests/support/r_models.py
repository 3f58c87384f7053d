"""Names of R models and of their coefficients."""

from __future__ import annotations

import re
from typing import Any

FORMULA = "chg ~ madrs_bl * visit + arm * visit + site"


def in_r(term: str) -> str:
    """Return the name R gives to a column of the design."""
    parts = term.replace("Intercept", "(Intercept)").split(":")
    return ":".join(re.sub(r"\[T\.(.*)\]", r"\1", p) for p in parts)


def by_term(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return R's coefficients by name, interactions in either order."""
    found = {}
    for row in rows:
        found[row["term"]] = found[":".join(reversed(row["term"].split(":")))] = row
    return found
