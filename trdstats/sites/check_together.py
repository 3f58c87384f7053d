"""What the summaries of sites must agree on before they are combined, and what to say of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from trdstats.errors import SpecError
from trdstats.kinds import label_of
from trdstats.sites.site_summary import SiteSummary
from trdstats.study.plausibility.lookalikes import note_lookalikes


def check_together(summaries: Sequence[SiteSummary]) -> None:
    """Refuse summaries that are of one site, of different plans, or count by different rules.

    Raises
    ------
    SpecError
    """
    twice = sorted({s.site for s in summaries if sum(t.site == s.site for t in summaries) > 1})
    if twice:
        raise SpecError(
            f"Two summaries are of the site {', '.join(map(repr, twice))}: its subjects would "
            "count twice."
        )
    kinds = {(s.fingerprint, s.scale) for s in summaries}
    if len(kinds) > 1:
        listed = "; ".join(
            f"{s.site}: {s.plan} ({s.fingerprint[:12]}), {s.scale}" for s in summaries
        )
        raise SpecError(
            f"The summaries are of different plans: {listed}. Use one plan at every site; only the "
            "files and columns of [study] may differ."
        )
    _check_rules(summaries)


def notes_together(summaries: Sequence[SiteSummary]) -> list[str]:
    """Return sentences on sites that send the same numbers, or write names differently."""
    return [*_said_twice(summaries), *_differences_of_writing(summaries)]


def _check_rules(summaries: Sequence[SiteSummary]) -> None:
    """Refuse outcomes of one name that sites count by different rules."""
    rules: dict[str, dict[str, str]] = {}
    for s in summaries:
        named = {(r.outcome, r.label) for r in s.rates} | {(t.outcome, t.label) for t in s.times}
        for outcome, label in named:
            rules.setdefault(outcome, {}).setdefault(label, s.site)
    for outcome, labels in rules.items():
        if len(labels) > 1:
            listed = "; ".join(f"{site}: {label}" for label, site in sorted(labels.items()))
            raise SpecError(
                f"The sites count {outcome} by different rules: {listed}. Summarise again with one "
                "plan and one version of trdstats."
            )


def _differences_of_writing(summaries: Sequence[SiteSummary]) -> Iterator[str]:
    """Yield a sentence on versions that differ, and on names that look alike."""
    versions = {s.software: s.site for s in summaries}
    if len(versions) > 1:
        listed = ", ".join(f"{site} by {version}" for version, site in versions.items())
        yield (
            f"The summaries were made by different versions of trdstats ({listed}), whose numbers "
            "may differ: see the changelog."
        )
    arms = dict.fromkeys(
        t for s in summaries
        for t in (*s.subjects, *(c.treatment for c in (*s.rates, *s.times, *s.courses)))
    )  # fmt: skip
    for names, what in ((list(arms), "treatment"), ([s.site for s in summaries], "site")):
        problem = note_lookalikes(names, what)
        if problem is not None:
            yield f"{problem.summary} {'; '.join(problem.where)}. {problem.remedy}"


def levels_apart(summaries: Sequence[SiteSummary]) -> str:
    """Return which columns of the model have other levels at some sites, and which they are."""
    types = {s.site: s.mixed.design.totals.types for s in summaries if s.mixed is not None}
    sentences = []
    for column in dict.fromkeys(c for of_site in types.values() for c in of_site):
        sites: dict[str, list[str]] = {}
        for site, of_site in types.items():
            levels = (
                ", ".join(repr(str(label_of(v))) for v in of_site[column].categories)
                if column in of_site else "a number"
            )  # fmt: skip
            sites.setdefault(levels, []).append(site)
        if len(sites) > 1:
            listed = "; ".join(f"{levels} at {', '.join(at)}" for levels, at in sites.items())
            sentences.append(f"{column!r} is {listed}")
    return ". ".join(sentences)


def _said_twice(summaries: Sequence[SiteSummary]) -> list[str]:
    """Return a sentence on each two sites that send the same counts."""
    return [
        f"The summaries of {a.site!r} and {b.site!r} hold the same counts and event times: if both "
        "are of one file, its subjects count twice."
        for a, b in combinations(summaries, 2)
        if not a.secret and a.times and any(a.subjects.values())
        and (a.subjects, a.rates, a.times) == (b.subjects, b.rates, b.times)
    ]  # fmt: skip


def sites_without_summary(summaries: Sequence[SiteSummary]) -> list[str]:
    """Return a sentence on sites of the plan that sent nothing."""
    given = [s.site for s in summaries]
    missing = [name for name in summaries[0].names if name not in given]
    if not missing:
        return []
    return [f"The plan names sites without a summary here: {', '.join(missing)}."]
