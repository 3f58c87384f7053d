"""Whether two cohorts can be compared at all: a conclusion before any number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from trdstats.comparison.cohorts.cohorts import Cohort

OK, CAUTION, NOT_COMPARABLE = "ok", "caution", "not comparable"
Grade = Literal["ok", "note", "overlap", "caution", "not comparable"]

# What is looked at, in the order of tables.
SAMPLE_SIZE = "effective sample size"
CHECKS = (
    "scale", "cut-off", "assessment day", "time zero", "visit grid", "follow-up", SAMPLE_SIZE,
    "overlap",
)  # fmt: skip
# Limits of a comparison that never prevent it; see `pitfalls`.
PITFALLS = (
    "source", "endpoint", "dropout", "who is followed", "other treatment", "switch", "entry score",
    "raters", "blinding", "clusters", "missing covariates", "balance", "counts", "threshold",
)  # fmt: skip

# Lost by chance alone: below this probability no subject lost is taken as a sign of selection.
CHANCE = 0.01
DENSITY_RATIO = 1.5
BASELINE_LEAD_DAYS = 14.0
UNTREATED_GAP = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found about a pair of cohorts.

    Attributes
    ----------
    check : str
        One of `CHECKS` or `PITFALLS`.
    grade : {"ok", "note", "overlap", "caution", "not comparable"}
        "note" is to be kept in mind, "overlap" restricts the comparison to the overlap
        population; "caution" and "not comparable" are the conclusion on the pair, the latter
        unless the check is accepted by name.
    finding, remedy : str
    about : str
        What the finding is about, where that is less than the pair: one cohort, or the subjects.
    """

    check: str
    grade: Grade
    finding: str
    remedy: str = ""
    about: str = ""


@dataclass(frozen=True)
class Comparability:
    """Whether a pair of cohorts can be compared, and what each check found.

    Attributes
    ----------
    treatment, reference : str
    findings : tuple of Finding
    accepted : tuple of str
        Checks whose objection is overridden by name.
    """

    treatment: str
    reference: str
    findings: tuple[Finding, ...]
    accepted: tuple[str, ...] = ()

    @property
    def conclusion(self) -> str:
        """ok, caution or not comparable."""
        grades = {f.grade for f in self.findings if f.check not in self.accepted}
        return next((c for c in (NOT_COMPARABLE, CAUTION) if c in grades), OK)

    @property
    def only_overlap(self) -> bool:
        """Whether the comparison holds for the overlap population only."""
        return any(f.grade == "overlap" for f in self.findings)

    @property
    def words(self) -> str:
        """The conclusion, with the population it is restricted to."""
        return f"{self.conclusion}{' (overlap population)' if self.only_overlap else ''}"

    @property
    def objections(self) -> tuple[Finding, ...]:
        """Findings that prevent the comparison and were not accepted."""
        return tuple(
            f for f in self.findings
            if f.grade == NOT_COMPARABLE and f.check not in self.accepted
        )  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a check."""
        return [
            {
                "treatment": self.treatment,
                "reference": self.reference,
                "conclusion": self.conclusion,
                "check": f.check,
                "grade": f.grade,
                "accepted": f.check in self.accepted,
                "finding": f.finding,
                "remedy": f.remedy,
            }
            for f in self.findings
        ]


def check_design(a: Cohort, b: Cohort, *, day: float | None, tau: float | None) -> list[Finding]:
    """Return what the designs of two cohorts say against comparing them.

    Parameters
    ----------
    a, b : Cohort
    day : float or None
        Day of the rates; None when none are compared.
    tau : float or None
        Horizon of the days; None when none are compared.
    """
    findings = [_scale(a, b), _cut_off(a, b)]
    if day is not None:
        findings.append(_assessment_day(a, b, day))
    findings += _time_zero(a, b)
    findings += _visit_grid(a, b, tau)
    if tau is not None:
        findings.append(_follow_up(a, b, tau))
    return findings


def _scale(a: Cohort, b: Cohort) -> Finding:
    if a.scale == b.scale:
        return Finding("scale", "ok", f"Both are assessed on the {a.scale}.")
    return Finding(
        "scale",
        "not comparable",
        f"{a.label} is assessed on the {a.scale}, {b.label} on the {b.scale}: a change of half on "
        "one is not a change of half on the other.",
        "Convert one of them (convert), or accept the difference by name.",
    )


def _cut_off(a: Cohort, b: Cohort) -> Finding:
    differ = [
        (a.rule(x), b.rule(y))
        for x, y in ((a.response, b.response), (a.relapse, b.relapse))
        if (x != y if a.scale == b.scale else type(x) is not type(y))
    ]
    if not differ:
        return Finding("cut-off", "ok", "One rule decides for both.")
    pairs = "; ".join(f"{a.label}: {x}, {b.label}: {y}" for x, y in differ)
    return Finding(
        "cut-off",
        "not comparable",
        f"Different rules decide: {pairs}.",
        "Give one rule for both, or accept the difference by name.",
    )


def _assessment_day(a: Cohort, b: Cohort, day: float) -> Finding:
    without = [c for c in (a, b) if not np.isclose(c.scheduled(), day).any()]
    if not without:
        return Finding("assessment day", "ok", f"Both were assessed at day {day:g}.")
    shared = sorted(set(a.scheduled()) & set(b.scheduled()))
    remedy = (
        f"Days both were assessed at: {', '.join(f'{d:g}' for d in shared[:12])}."
        if shared
        else (
            "They have no scheduled day in common: give both one grid of windows with "
            "study.with_windows(...), or compare days and leave the rate out."
        )
    )
    return Finding(
        "assessment day",
        "not comparable",
        f"Day {day:g} was not scheduled under {' and '.join(c.label for c in without)}.",
        remedy,
    )


def _time_zero(a: Cohort, b: Cohort) -> list[Finding]:
    """Look for follow-up that somebody had to survive, late zeros and missing starters."""
    findings = []
    for cohort, other in ((a, b), (b, a)):
        last, last_of_other = cohort.last_day(), other.last_day()
        reached = float(last.min()) if len(last) else 0.0
        lost = float((last_of_other < reached).mean()) if len(last_of_other) else 0.0
        # No subject of n lost, where the other cohort loses a share: not by chance.
        if reached > 0 and lost > 0 and (1 - lost) ** len(last) < CHANCE:
            findings.append(
                Finding(
                    "time zero",
                    "not comparable",
                    f"No subject under {cohort.label} was lost before day {reached:g}, while "
                    f"{100 * lost:.0f} % under {other.label} were: whoever is in {cohort.label} "
                    f"had "
                    f"to get that far. Those {reached:g} days are immortal time.",
                    f"Count every subject who started {cohort.label} from its start, or begin "
                    f"both at "
                    f"day {reached:g} with those still there (landmark).",
                )
            )
    lead = abs(a.baseline_lead() - b.baseline_lead())
    if lead > BASELINE_LEAD_DAYS:
        findings.append(
            Finding(
                "time zero",
                "note",
                f"The baseline was assessed {a.baseline_lead():g} days before day 0 under "
                f"{a.label}, "
                f"{b.baseline_lead():g} days under {b.label}.",
                "What changed before treatment counts as its effect.",
            )
        )
    untreated = [c.untreated() for c in (a, b)]
    if np.isfinite(untreated).all() and abs(untreated[0] - untreated[1]) > UNTREATED_GAP:
        findings.append(
            Finding(
                "time zero",
                "note",
                f"Never treated: {100 * untreated[0]:.0f} % of {a.label}, "
                f"{100 * untreated[1]:.0f} % of "
                f"{b.label}.",
                "Rates count all who were assigned; look at those treated beside them.",
            )
        )
    return findings or [Finding("time zero", "ok", "No subject had to survive to be counted.")]


def _visit_grid(a: Cohort, b: Cohort, tau: float | None) -> list[Finding]:
    until = min(float(c.last_day().max()) for c in (a, b))
    if tau is not None:
        until = min(until, tau)
    late = [c for c in (a, b) if c.first_look() > until]
    if late:
        looks = ", ".join(f"{c.label} (day {c.first_look():g})" for c in late)
        return [
            Finding(
                "visit grid",
                "not comparable",
                f"By day {until:g} no subject was assessed under {looks}.",
                "Choose a later horizon: nothing seen is not nothing happened.",
            )
        ]
    rate = [c.visits_a_month(until) for c in (a, b)]
    ratio = max(rate) / min(rate) if min(rate) > 0 else np.inf
    if ratio <= DENSITY_RATIO:
        text = f"About {rate[0]:.1f} and {rate[1]:.1f} visits a month."
        return [Finding("visit grid", "ok", text)]
    often, seldom = (a, b) if rate[0] > rate[1] else (b, a)
    return [
        Finding(
            "visit grid",
            "note",
            f"{often.label} was assessed {max(rate):.1f} times a month, {seldom.label} "
            f"{min(rate):.1f}: more visits find response sooner and more often.",
            "Onset is estimated from the intervals between visits; see audit_schedule for curves "
            "and tests that are not.",
        )
    ]


def _follow_up(a: Cohort, b: Cohort, tau: float) -> Finding:
    short = [c for c in (a, b) if c.last_day().max() < tau]
    if not short:
        return Finding("follow-up", "ok", f"Both are followed to day {tau:g}.")
    ends = ", ".join(f"{c.label} to day {c.last_day().max():g}" for c in short)
    return Finding(
        "follow-up",
        "not comparable",
        f"The horizon is day {tau:g}; followed is {ends}.",
        f"Choose tau of at most {min(c.last_day().max() for c in (a, b)):g}.",
    )


def pairs_of(
    cohorts: tuple[Cohort, ...], reference: str | None = None
) -> list[tuple[Cohort, Cohort]]:
    """Return the pairs to compare as (treatment, reference).

    The reference of a pair is the cohort that is named so, otherwise the earlier one.
    """
    ordered = sorted(cohorts, key=lambda c: c.label != reference)
    return [(b, a) for a, b in combinations(ordered, 2)]
