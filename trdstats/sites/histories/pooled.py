"""The histories of response that the counts of all sites stand for."""

from __future__ import annotations

from collections.abc import Sequence

from trdstats.errors import NotEstimableError, SpecError
from trdstats.outcomes import ResponseHistory
from trdstats.sites.histories.courses import CourseCounts, history_of
from trdstats.sites.histories.guard import words_of_change
from trdstats.sites.histories.masked import unmasked
from trdstats.sites.site_summary import SiteSummary
from trdstats.study.caveats import Caveat


def pooled_histories(
    summaries: Sequence[SiteSummary], reference: str, caveat: str
) -> ResponseHistory:
    """Return the histories of all sites, without the treatments that one of them withheld.

    Parameters
    ----------
    summaries : sequence of SiteSummary
    reference : str
        Treatment that stands first where it is there.
    caveat : str
        What every comparison must say.

    Raises
    ------
    NotEstimableError
        When no site sent courses, of every treatment one site withheld them, or no subject was
        assessed by their horizon.
    SpecError
        When the sites counted different courses.
    """
    kinds = {(c.response, c.relapse, c.horizon) for s in summaries for c in s.courses}
    if len(kinds) > 1:
        listed = "; ".join(f"{a}, then {b}, to day {day:g}" for a, b, day in sorted(kinds))
        raise SpecError(
            f"The sites counted different courses: {listed}. Summarise again with one plan."
        )
    lacking = {
        w.treatment: (s.site, w.words)
        for s in summaries for w in s.withheld
        if w.part == "histories" and w.is_missing
    }  # fmt: skip
    parts = [c for c in _plain(summaries) + _masked(summaries, lacking) if c.total]
    kept = [c for c in parts if c.treatment not in lacking]
    if not parts and not lacking:
        raise NotEstimableError(
            "No site sent courses of response: the plan needs the step `in_response`, and a site "
            "with ratings after day 0."
        )
    if not kept:
        reasons = dict.fromkeys(f"{site}: {words}" for site, words in lacking.values())
        raise NotEstimableError(
            "Courses of response were withheld, and the other sites alone would mislead. "
            + " ".join(reasons)
        )
    order = list(dict.fromkeys(c.treatment for c in kept))
    order.sort(key=lambda name: (name != reference, name))
    late = [t for t in order if not any(c.is_assessed for c in kept if c.treatment == t)]
    if late:
        raise NotEstimableError(
            f"No subject was assessed by day {kept[0].horizon:g} under {', '.join(late)}: choose a "
            "later horizon for the step in_response."
        )
    without = ", ".join(f"{t} (withheld at {site})" for t, (site, _) in lacking.items() if t)
    said_without = f"Without {without}" if without else ""
    return history_of(kept, order, Caveat.of(caveat, said_without, words_of_change(kept)))


def _plain(summaries: Sequence[SiteSummary]) -> list[CourseCounts]:
    return [c for s in summaries for c in s.histories]


def _masked(
    summaries: Sequence[SiteSummary], lacking: dict[str, tuple[str, str]]
) -> list[CourseCounts]:
    """Return the sums of masked courses, of the treatments that every site sent."""
    sent = [m for s in summaries for m in s.masked_histories]
    names = dict.fromkeys(m.treatment for m in sent)
    return [unmasked([m for m in sent if m.treatment == t]) for t in names if t not in lacking]
