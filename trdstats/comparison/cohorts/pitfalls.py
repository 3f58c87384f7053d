"""What published comparisons stumbled over, looked for in a pair of cohorts.

None of it prevents a comparison: each is said beside the numbers, where it applies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import bdtrc

from trdstats.comparison.cohorts.cohorts import Cohort
from trdstats.comparison.cohorts.comparability import Finding
from trdstats.comparison.cohorts.pair import Outcomes, Pair
from trdstats.estimates.proportion_contrast import ComparisonLimits
from trdstats.study.courses.changes import SWITCH_KINDS

# Dropout that differs by more than 5 points, or with p below 0.10.
DROPOUT_GAP, DROPOUT_P = 0.05, 0.10
# The others are followed a fifth as often as responders: responders were followed.
FOLLOWED_RATIO, FOLLOWED_PROPORTION, FEWEST_OTHERS = 0.2, 0.2, 5
OTHER_TREATMENT = 0.05
# Baselines in the two points where patients may just enter twice as often as in the next two.
PILED, PILED_P = 2.0, 0.01
EVERYWHERE = "All"  # what a finding is about that holds for every pair alike
SITES = ("site", "centre", "center", "clinic", "therapist")


def check_pitfalls(pair: Pair, *, tau: float) -> list[Finding]:
    """Return what has to be kept in mind when two cohorts are compared.

    Parameters
    ----------
    pair : Pair
    tau : float
        Horizon.

    Returns
    -------
    list of Finding
        One or more for each pitfall looked for; "ok" where it does not apply.
    """
    a, b = pair.treatment.cohort, pair.reference.cohort
    both = (pair.treatment, pair.reference)
    return [
        _source(a, b),
        _endpoint(a),
        _dropout(a, b, tau),
        *_of_each("who is followed", "Responders and the others had the same follow-up.",
                  [_followed(o, tau) for o in both]),
        *_of_each("other treatment", "Few had an event that changes the course.",
                  [_other_treatment(o, tau) for o in both]),
        *_of_each("switch", "No subject is known to have started another treatment.",
                  [_switched(o, tau) for o in both]),
        *_of_each("entry score", "Baselines do not pile up at the entry score.",
                  [_piled(c) for c in (a, b)]),
        _raters(a, b),
        _blinding(a, b),
        _clusters(a, b),
    ]  # fmt: skip


def _of_each(check: str, otherwise: str, findings: Sequence[Finding | None]) -> list[Finding]:
    return [f for f in findings if f is not None] or [Finding(check, "ok", otherwise)]


def _source(a: Cohort, b: Cohort) -> Finding:
    if a.source == b.source:
        return Finding("source", "ok", "Both come from one study.")
    return Finding(
        "source",
        "note",
        f"They come from two studies, {a.source} and {b.source}.",
        "Who was let in, who rated, and the care around the treatment differ in ways that no "
        "covariate holds. Where both studies have a treatment in common, use Bucher or MAIC.",
    )


def _endpoint(a: Cohort) -> Finding:
    if not any(s.is_analysts for s in a.response.sources(a.study.scale)):
        return Finding("endpoint", "ok", f"{a.rule(a.response)} is in use.")
    return Finding(
        "endpoint",
        "note",
        f"The rule {a.rule(a.response)} is not one of those in use: another cut-off can turn a "
        "comparison.",
        "Show Response() beside it, or all of them with multiverse.",
        EVERYWHERE,
    )


def _dropout(a: Cohort, b: Cohort, tau: float) -> Finding:
    due = [c.last_due(tau) for c in (a, b)]
    if due[0] is None or due[1] is None:
        return Finding("dropout", "ok", "No visit was scheduled by the horizon.")
    counts = [(int((~c.came_to(d)).sum()), c.n) for c, d in zip((a, b), due, strict=True)]  # type: ignore[arg-type]
    proportion = [k / n for k, n in counts]
    test = ComparisonLimits(("difference",), ((*counts[0], *counts[1]),), "miettinen-nurminen")
    text = (
        f"Not assessed at the last visit due by day {tau:g}: {100 * proportion[0]:.0f} % under "
        f"{a.label}, "
        f"{100 * proportion[1]:.0f} % under {b.label}"
    )
    if abs(proportion[0] - proportion[1]) <= DROPOUT_GAP and not test.p_values()[0] < DROPOUT_P:
        return Finding("dropout", "ok", f"{text}.")
    return Finding(
        "dropout",
        "note",
        f"{text}.",
        "Whoever stops for want of effect, or because all is well, is not missing by chance: no "
        "response in the rate, censored in the days. CensoringWeights and IPCW weigh for what was "
        "seen; TippingPoint shows what it would take.",
    )


def _followed(outcomes: Outcomes, tau: float) -> Finding | None:
    """Look for cohorts of which only responders were followed to the end."""
    cohort = outcomes.cohort
    due = cohort.last_due(tau)
    if due is None or cohort.response.is_event:
        return None
    frame = outcomes.onset.frame
    early = frame.loc[(frame["status"] == 1) & (frame["right"] < due), "subject"]
    responded = cohort.study.subjects["subject"].isin(early).to_numpy()
    came = cohort.came_to(due)
    if (~responded).sum() < FEWEST_OTHERS or not responded.any():
        return None
    of_responders, of_others = came[responded].mean(), came[~responded].mean()
    if of_responders < FOLLOWED_PROPORTION or of_others >= FOLLOWED_RATIO * of_responders:
        return None
    met = outcomes.met(due)["met"].astype(float).to_numpy()
    low, high = met.mean(), np.where(came, met, 1.0).mean()
    return Finding(
        "who is followed",
        "note",
        f"{100 * of_responders:.0f} % of early responders to {cohort.label} were assessed at day "
        f"{due:g}, "
        f"{100 * of_others:.0f} % of the others: in response then were {100 * low:.0f} to "
        f"{100 * high:.0f} % of all, depending on those not followed.",
        "Whoever enters follow-up is selected; say who did not, and show the bounds.",
        cohort.label,
    )


def _switched(outcomes: Outcomes, tau: float) -> Finding | None:
    """Say how many started another treatment, and how they are counted."""
    counts = outcomes.switched(tau)
    notices = () if counts is None else counts.notices()
    if not notices:
        return None
    first = notices[0]
    return Finding("switch", "note", first.summary, first.remedy, outcomes.cohort.label)


def _other_treatment(outcomes: Outcomes, tau: float) -> Finding | None:
    cohort = outcomes.cohort
    events = cohort.course_changes(tau)
    counted = {*cohort.response.events, *cohort.relapse.events}
    counted |= set() if outcomes.after_switch in (None, "ignore") else set(SWITCH_KINDS)
    uncounted = [k for k in sorted(events["event"].astype(str).unique()) if k not in counted]
    proportion = events.loc[events["event"].isin(uncounted), "subject"].nunique() / cohort.n
    if proportion < OTHER_TREATMENT:
        return None
    return Finding(
        "other treatment",
        "note",
        f"{100 * proportion:.0f} % had an event by day {tau:g} that no rule here counts "
        f"({', '.join(uncounted)}).",
        "What is rated after it is not the effect of the treatment alone. Make it a loss, "
        "LossOfResponse() | Event(('switch',)), or a competing event of time_to.",
        cohort.label,
    )


def _piled(cohort: Cohort) -> Finding | None:
    """Look for baselines raised to pass a threshold of entry."""
    scale = cohort.study.scale
    score = scale.oriented(cohort.study.subjects["baseline"].dropna())
    low, step = score.min(), max(scale.step, 1)
    first, second = (int(score.between(low + k * step, low + (k + 1) * step).sum()) for k in (0, 2))
    chance = float(bdtrc(first - 1, first + second, 0.5))
    if first < PILED * second or chance > PILED_P:
        return None
    at = [scale.oriented(low + k * step) for k in range(4)]
    return Finding(
        "entry score",
        "note",
        f"{first} baselines of {cohort.label} lie at {at[0]:g} or {at[1]:g}, {second} at "
        f"{at[2]:g} or {at[3]:g}.",
        "They pile up where patients were let in, and fall back from there whatever is given. "
        "Adjust for the baseline; trust a rating made by somebody else before.",
        cohort.label,
    )


def _raters(a: Cohort, b: Cohort) -> Finding:
    if all(c.study.scale.rater == "clinician" for c in (a, b)):
        return Finding("raters", "ok", "Clinicians rated both.")
    return Finding(
        "raters",
        "note",
        f"The {' and the '.join(dict.fromkeys((a.scale, b.scale)))} "
        f"{'is' if a.scale == b.scale else 'are'} filled in by patients, who know what they were "
        "given.",
        "Show a clinician's rating of the same patients beside it.",
        EVERYWHERE,
    )


def _blinding(a: Cohort, b: Cohort) -> Finding:
    blinding = [_levels(c, "blinding") for c in (a, b)]
    if not all(blinding):
        return Finding(
            "blinding",
            "note",
            "Nothing says who knew the treatment (a column blinding of the subjects).",
            "Patients mostly notice these treatments, and what they expect is part of every "
            "difference.",
            EVERYWHERE,
        )
    grade = "ok" if blinding[0] == blinding[1] and "open" not in blinding[0] else "note"
    return Finding(
        "blinding",
        grade,  # type: ignore[arg-type]
        f"Blinding: {', '.join(blinding[0])} under {a.label}, {', '.join(blinding[1])} under "
        f"{b.label}.",
    )


def _clusters(a: Cohort, b: Cohort) -> Finding:
    for name in SITES:
        levels = dict.fromkeys((*_levels(a, name), *_levels(b, name)))
        if len(levels) > 1:
            return Finding(
                "clusters",
                "note",
                f"Subjects come from {len(levels)} values of {name}; errors take them as "
                "independent.",
                "Add it to the covariates, or fit a model with its effects.",
            )
    return Finding("clusters", "ok", "No sites or therapists are named.")


def _levels(cohort: Cohort, column: str) -> list[str]:
    covariates: pd.DataFrame = cohort.study.subjects
    return (
        sorted(str(v) for v in covariates[column].dropna().unique()) if column in covariates else []
    )
