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
    lacking = [
        (w, s.site) for s in summaries for w in s.withheld
        if w.part == "rates" and w.is_missing and w.day is not None
    ]  # fmt: skip
    withheld = {(w.outcome, w.day, w.treatment): site for w, site in lacking}
    treatments = dict.fromkeys([*(r.treatment for r in sent), *(k[2] for k in withheld)])
    keys = [(r.outcome, r.label, r.day) for r in sent]
    keys += [(w.outcome, w.label, w.day) for w, _ in lacking if w.day is not None]
    made: dict[Key, list[PooledCount]] = {}
    for key in dict.fromkeys(keys):
        outcome, _, day = key
        made[key] = []
        for t in treatments:
            of_cell = [r for r in sent if (r.outcome, r.day, r.treatment) == (outcome, day, t)]
            where = withheld.get((outcome, day, t))
            if not of_cell and where is None:
                continue
            reason = "" if where is None else f"withheld at {where}"
            events, n = sum(r.events for r in of_cell), sum(r.n for r in of_cell)
            if summaries[0].masked:
                events, n = events % MODULUS, n % MODULUS
            if summaries[0].masked and not n:
                continue  # a treatment that no site has
            if n and events > n:
                raise SpecError(
                    f"{key[1]} under {t} has more events than subjects over all sites: a site has "
                    "masked its counts with another secret, or sent wrong ones."
                )
            made[key].append(PooledCount(t, events, n, reason if n or reason else "no subject"))
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
    if len({s.secret for s in summaries if s.masked}) > 1:
        raise SpecError(
            "The sites masked their counts with different secrets: the sum cannot be read. "
            "Summarise again with one secret."
        )
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
    names: dict[str, Any], c: PooledCount, base: PooledCount, conf_level: float, method: str
) -> pd.DataFrame:
    """Return difference, ratio and odds ratio of a treatment and the reference."""
    reason = "; ".join(f"{p.treatment}: {p.reason}" for p in (c, base) if p.reason)
    keys = {**names, "treatment": c.treatment, "reference": base.treatment}
    if reason:
        empty = {"measure": MEASURES[1:], "estimate": np.nan, "reason": reason}
        return pd.DataFrame({**keys, **empty})
    table = compare_counts(
        c.events, c.n, base.events, base.n, method=method, conf_level=conf_level
    ).tidy()
    row = {**keys, "events": float(c.events), "n": float(c.n), "reason": ""}
    same = pd.DataFrame([row] * len(table))
    return pd.concat([same, table.drop(columns="reason", errors="ignore")], axis=1)
