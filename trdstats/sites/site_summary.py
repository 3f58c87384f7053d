"""What one site sends: counts and cross-products of a plan, no rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trdstats.longitudinal import MMRMSummary
from trdstats.sites.counts import RateCount, TimeCounts
from trdstats.sites.histories.courses import CourseCounts
from trdstats.sites.histories.masked import MaskedCourses
from trdstats.sites.sealed import sealed
from trdstats.sites.withheld import Withheld
from trdstats.tables import Summary, SummaryMixin, Table, format_count

MINIMUM = 5


@dataclass(frozen=True, repr=False)
class SiteSummary(SummaryMixin):
    """Counts and cross-products of one site, which leave it in place of rows.

    Attributes
    ----------
    site : str
    plan : str
        Title of the plan.
    fingerprint : str
        Of the plan without its files: only summaries of one fingerprint are combined.
    software : str
        Version that made it.
    scale, reference : str
        Instrument, and the treatment that others are compared with ("" for the first).
    caveat : str
        What every comparison must say.
    minimum : int
        Cells of fewer subjects were withheld or joined to others.
    subjects : dict of str to int
        Subjects of each treatment; 0 where there are fewer than `minimum`.
    rates : tuple of RateCount
    times : tuple of TimeCounts
    histories : tuple of CourseCounts
        Courses of response and relapse, for days in response; empty where they are masked.
    masked_histories : tuple of MaskedCourses
    mixed : MMRMSummary or None
    withheld : tuple of Withheld
        What was withheld or joined.
    names : tuple of str
        Sites of the plan.
    secret : str
        Of masked counts a mark of the secret, the same at all sites; "" where counts are plain.
    conf_level : float
    difference, adjust : str
        How differences of rates have their limits, and those of the model their p values.
    """

    site: str
    plan: str
    fingerprint: str
    software: str
    scale: str
    reference: str
    caveat: str
    minimum: int
    subjects: dict[str, int]
    rates: tuple[RateCount, ...]
    times: tuple[TimeCounts, ...]
    mixed: MMRMSummary | None
    withheld: tuple[Withheld, ...]
    histories: tuple[CourseCounts, ...] = ()
    masked_histories: tuple[MaskedCourses, ...] = ()
    names: tuple[str, ...] = ()
    secret: str = ""
    conf_level: float = 0.95
    difference: str = "miettinen-nurminen"
    adjust: str = "none"

    @property
    def masked(self) -> bool:
        """Whether only the sums of counts over all sites of the plan can be read."""
        return bool(self.secret)

    @property
    def courses(self) -> tuple[CourseCounts | MaskedCourses, ...]:
        """Courses of response, plain or masked."""
        return (*self.histories, *self.masked_histories)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the summary as text, and write it to a file where one is named.

        Parameters
        ----------
        path : str or Path, optional
        """
        from trdstats.sites.stored import as_values

        text = json.dumps(sealed(as_values(self)), indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", "utf-8")
        return text

    def summary(self) -> Summary:
        """Return what is in the file, in words for a board that decides whether it may leave."""
        n = format_count(sum(self.subjects.values()))
        rows = [
            ("subjects by treatment", format_count(len(self.subjects))),
            ("subjects with an outcome at a day", _cells(self.rates, 2)),
            ("subjects with an event on a day, or censored",
             format_count(sum(len(t.n) for t in self.times))),
            ("subjects with a day of response, and a day and kind of its end",
             format_count(sum(len(c.n) for c in self.courses))),
        ]  # fmt: skip
        if self.mixed is not None:
            s = self.mixed.products
            what = "sums of products of scores and covariates, over patterns of visits of "
            rows.append((f"{what}{int(s.n.min()):,} subjects or more",
                         format_count(s.cross_products.size)))  # fmt: skip
        notes = [
            "No row of a subject, no identifier and no date is in the file; names of treatments "
            "are, and levels of categories that the plan names.",
            "Counts of subjects, of rates and of courses are masked: only the sum of all sites can "
            "be read."
            if self.masked
            else "",
            f"No other number counts 1 to {self.minimum - 1} subjects."
            if self.minimum > 1
            else "Cells of single subjects are in the file: it is for work within one hospital.",
            *(w.words for w in self.withheld),
        ]
        return Summary(
            f"Summary of site {self.site}",
            (
                ("Plan", f"{self.plan} ({self.fingerprint[:12]})"),
                ("Scale", self.scale),
                ("Subjects", "masked" if self.masked else n),
                ("Least in a cell", str(self.minimum)),
            ),
            (Table(("What leaves the site", "Numbers"), tuple(rows)),),
            tuple(n for n in notes if n),
        )


def _cells(parts: tuple[Any, ...], each: int) -> str:
    return format_count(each * len(parts))
