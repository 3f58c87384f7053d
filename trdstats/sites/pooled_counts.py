"""Counts of all sites together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import SpecError
from trdstats.outcomes import compare_counts
from trdstats.sites.masking import MODULUS
from trdstats.sites.site_summary import SiteSummary

MEASURES = ("rate", "difference", "ratio", "odds ratio")
Key = tuple[str, str, float]


@dataclass(frozen=True, slots=True)
class PooledCount:
    """Events and subjects of a treatment over all sites.

    Attributes
    ----------
    treatment : str
    events, n : int
    reason : str
        Why the sum is not known; "" where it is.
    """

    treatment: str
    events: int
    n: int
    reason: str


def pooled_counts(summaries: Sequence[SiteSummary]) -> dict[Key, list[PooledCount]]:
    """Return the counts of every outcome and day by treatment."""
    sent = [r for s in summaries for r in s.rates]
    withheld = {
        (w.outcome, w.day, w.treatment): s.site
        for s in summaries for w in s.withheld if w.part == "rates"
    }  # fmt: skip
    treatments = dict.fromkeys([*(r.treatment for r in sent), *(k[2] for k in withheld)])
    made: dict[Key, list[PooledCount]] = {}
    for key in dict.fromkeys((r.outcome, r.label, r.day) for r in sent):
        outcome, _, day = key
        made[key] = []
        for t in treatments:
            of_cell = [r for r in sent if (r.outcome, r.day, r.treatment) == (outcome, day, t)]
            lacking = withheld.get((outcome, day, t))
            if not of_cell and lacking is None:
                continue
            reason = "" if lacking is None else f"withheld at {lacking}"
            events, n = sum(r.events for r in of_cell), sum(r.n for r in of_cell)
            if summaries[0].masked:
                events, n = events % MODULUS, n % MODULUS
            if not n and not reason:
                continue  # masked: a treatment that no site has
            made[key].append(PooledCount(t, events, n, reason))
    return made


def pooled_sizes(summaries: Sequence[SiteSummary]) -> dict[str, int]:
    """Return the subjects of each treatment over all sites, 0 for those withheld."""
    names = dict.fromkeys(t for s in summaries for t in s.subjects)
    sums = {t: sum(s.subjects.get(t, 0) for s in summaries) for t in names}
    return {t: n % MODULUS for t, n in sums.items()} if summaries[0].masked else sums


def check_masks(summaries: Sequence[SiteSummary]) -> None:
    """Refuse masked summaries of which some are missing: their sums say nothing.

    Raises
    ------
    SpecError
    """
    masked = [s.site for s in summaries if s.masked]
    if not masked:
        return
    plain = [s.site for s in summaries if not s.masked]
    missing = [n for n in summaries[0].names if n not in masked]
    if plain or missing:
        raise SpecError(
            "Masked counts can be read only of all sites together; "
            + (f"not masked: {', '.join(plain)}; " if plain else "")
            + (f"missing: {', '.join(missing)}; " if missing else "")
            + "summarise again with one secret, or all without."
        )


def rate_row(names: dict[str, Any], c: PooledCount) -> pd.DataFrame:
    """Return the rate of a treatment as a table of one row."""
    known = not c.reason
    return pd.DataFrame(
        [
            {
                **names, "measure": "rate", "treatment": c.treatment, "reference": "",
                "events": float(c.events) if known else np.nan,
                "n": float(c.n) if known else np.nan,
                "estimate": c.events / c.n if known else np.nan, "reason": c.reason,
            }
        ]
    )  # fmt: skip


def comparison_rows(
    names: dict[str, Any], c: PooledCount, base: PooledCount, conf_level: float
) -> pd.DataFrame:
    """Return difference, ratio and odds ratio of a treatment and the reference."""
    reason = "; ".join(f"{p.treatment}: {p.reason}" for p in (c, base) if p.reason)
    keys = {**names, "treatment": c.treatment, "reference": base.treatment}
    if reason:
        empty = {"measure": MEASURES[1:], "estimate": np.nan, "reason": reason}
        return pd.DataFrame({**keys, **empty})
    table = compare_counts(c.events, c.n, base.events, base.n, conf_level=conf_level).tidy()
    row = {**keys, "events": float(c.events), "n": float(c.n), "reason": ""}
    same = pd.DataFrame([row] * len(table))
    return pd.concat([same, table.drop(columns="reason", errors="ignore")], axis=1)
