"""Whether the numbers of a summary can be: files are edited, and programs differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from trdstats.sites.histories.courses import CourseCounts
from trdstats.sites.histories.masked import MaskedCourses, n_cells
from trdstats.sites.site_summary import SiteSummary


def faults_of(summary: SiteSummary) -> Iterator[str]:
    """Yield in words what cannot be."""
    for name in ("site", "plan", "fingerprint", "scale", "reference", "caveat", "secret"):
        if not isinstance(getattr(summary, name), str):
            yield f"{name} is no text"
    if not summary.site or not summary.fingerprint:
        yield "it names no site or no plan"
    if not isinstance(summary.subjects, dict) or not all(map(_is_count, summary.subjects.values())):
        yield "subjects are no whole numbers by treatment"
    for r in summary.rates:
        if not (_is_count(r.n) and _is_count(r.events)):
            yield f"events and n of {r.outcome} are no whole numbers of 0 or more"
        elif not summary.masked and r.events > r.n:
            yield f"{r.outcome} has more events than subjects"
    for t in summary.times:
        whole = all(_is_count(v) for v in (*t.n, *t.status))
        if not (len(t.time) == len(t.status) == len(t.n)) or not whole:
            yield f"times to {t.outcome} have days, statuses and numbers that do not fit"
        elif not all(np.isfinite(t.time)) or max(t.status, default=0) > len(t.causes):
            yield f"times to {t.outcome} have a day that is none, or a status without a name"
    yield from _faults_of_histories(summary)
    yield from _faults_of_model(summary)


def _faults_of_model(summary: SiteSummary) -> Iterator[str]:
    if summary.mixed is None:
        return
    s, design = summary.mixed.products, summary.mixed.design
    P, T = s.rated.shape
    if s.group.shape != (P,) or s.n.shape != (P,) or len(s.cross_products) != P:
        yield "the patterns of the model do not fit"
        return
    if not np.isfinite(s.cross_products).all() or not np.isfinite(s.log_weight):
        yield "a sum of the model is no number"
    if not (s.n > 0).all() or not (s.group >= 0).all() or not (s.group < len(design.groups)).all():
        yield "a pattern of the model has no subjects, or a group that is none"
    if len(design.visits) != T or not design.totals.n > 0 or not len(design.totals.counts):
        yield "the model has no rows"


def _faults_of_histories(summary: SiteSummary) -> Iterator[str]:
    for h in summary.courses:
        if not all(isinstance(getattr(h, n), str) for n in ("response", "relapse", "treatment")):
            yield "a course of response has no words, or no treatment"
        elif not _is_day(h.horizon) or not h.horizon > 0:
            yield "courses of response have no horizon"
        elif not all(map(_is_count, h.n)) or not _is_day(h.furthest):
            yield f"courses under {h.treatment} have numbers that are none"
        elif isinstance(h, MaskedCourses):
            if len(h.n) != n_cells(h.horizon) or not _is_count(h.assessed):
                yield f"masked courses under {h.treatment} are not those of day {h.horizon:g}"
        else:
            yield from _faults_of_courses(h)


def _faults_of_courses(h: CourseCounts) -> Iterator[str]:
    days = (*h.responded, *h.ended)
    if len({len(v) for v in (h.responded, h.ended, h.relapsed, h.n)}) > 1:
        yield f"courses under {h.treatment} have days and numbers that do not fit"
    elif not all(map(_is_day, days)) or not set(h.relapsed) <= {0, 1}:
        yield f"courses under {h.treatment} have a day that is none, or an end without a name"
    elif any(
        a > e or e > h.horizon or (r and not a)
        for a, e, r in zip(h.responded, h.ended, h.relapsed, strict=True)
    ):
        yield f"courses under {h.treatment} end before they begin, or after their horizon"
    if not isinstance(getattr(h, "is_assessed", None), bool):
        yield f"courses under {h.treatment} do not say whether a subject was assessed"
    if not all(isinstance(v, float) and np.isfinite(v) for v in (h.change, h.uncertain, h.error)):
        yield f"courses under {h.treatment} changed by what is no number"


def _is_day(value: Any) -> bool:
    return isinstance(value, float) and np.isfinite(value) and value >= 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
