"""Crude and adjusted comparison of cohorts, the comparability of each pair first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from trdstats.arguments import Jobs, Level, checked
from trdstats.comparison.cohorts.cohorts import Cohort, list_cohorts
from trdstats.comparison.cohorts.comparability import (
    CHECKS,
    NOT_COMPARABLE,
    Comparability,
    check_design,
    pairs_of,
)
from trdstats.comparison.cohorts.comparison_result import Comparison
from trdstats.comparison.cohorts.crude_and_adjusted import CrudeAndAdjusted, rows_without_numbers
from trdstats.comparison.cohorts.onset_bootstrap import CohortOnset
from trdstats.comparison.cohorts.overlap_check import check_overlap
from trdstats.comparison.cohorts.pair import Outcomes, Pair
from trdstats.comparison.cohorts.pair_estimates import ONSET, OUTCOMES, RATE
from trdstats.comparison.cohorts.pitfalls import check_pitfalls
from trdstats.comparison.weighting.propensity import ESTIMANDS
from trdstats.errors import (
    DataWarning,
    Problem,
    SpecError,
    check_bootstrap,
    check_choice,
    check_level,
    check_tau,
    describe_problems,
    pick_level,
    unknown_name,
    warn,
)
from trdstats.outcomes import Definition, LossOfResponse, Response
from trdstats.outcomes.switching import AfterSwitch
from trdstats.study import Study, note_asked_day


@checked
def compare(
    study: Study | Mapping[str, Study],
    *,
    adjust: str,
    response: Definition | Mapping[str, Definition] | None = None,
    relapse: Definition | Mapping[str, Definition] | None = None,
    outcomes: Sequence[str] = OUTCOMES,
    day: float | None = None,
    tau: float | None = None,
    relapse_tau: float | None = None,
    reference: Level | None = None,
    estimand: str | None = None,
    missing: str = "indicator",
    accept: Sequence[str] = (),
    after_switch: AfterSwitch | None = None,
    n_boot: int = 500,
    seed: int = 0,
    n_jobs: Jobs = 1,
    conf_level: float = 0.95,
) -> Comparison:
    """Compare every pair of cohorts, crude and adjusted, where they can be compared at all.

    The conclusion on each pair comes before any number: "ok", "caution" or "not comparable". It
    rests on the scales, definitions and days of assessment, on immortal time, on visits and
    follow-up, and on the overlap of the covariates. A pair that is not comparable has no numbers,
    unless the check that prevents the comparison is accepted by name. Limits that do not prevent
    a comparison (different dropout, only responders followed up, events that no rule counts, a
    threshold that decides, ...) stand beside its numbers as notes.

    Parameters
    ----------
    study : Study or mapping of str to Study
        Cohorts as treatments of one study, or several studies by name.
    adjust : str
        Covariates known before treatment: ``"age + failed_trials + baseline"``.
    response, relapse : Definition or mapping, optional
        Default: `Response()` and `LossOfResponse()`; a mapping gives each study its own.
    outcomes : sequence of str
        Of "onset" (mean days to response up to tau, from the intervals between visits), "rate" (of
        response at a day; not assessed counts as no response), "days in response" (up to tau,
        of all subjects) and "durability" (mean days from response to relapse, of responders:
        described only).
    day : float, optional
        Of the rate. Default: the last day scheduled for both cohorts of a pair by tau.
    tau : float, optional
        Horizon of onset and days in response. Default: the last day to which both cohorts of a
        pair are followed.
    relapse_tau : float, optional
        Longest horizon of the durability, in days from the first response. It ends earlier where
        fewer than ten responders, and fewer than a tenth, of a cohort are followed; the key `day`
        of the result says where.
    reference : str, optional
        Cohort that is the reference of its pairs. Default: of every pair the earlier one.
    estimand : str, optional
        Of `PropensityWeights`. Default: all subjects ("ate") where the cohorts overlap well and
        the weights balance them (standardised differences up to 0.1), otherwise "overlap".
    missing : {"indicator", "error"}
        As in `PropensityWeights`; the result says what was filled.
    accept : sequence of str
        Checks whose objection is overridden: "scale", "cut-off", "assessment day", "time zero",
        "visit grid", "follow-up", "effective sample size" (at least 20 of either cohort).
    after_switch : {"ignore", "failure", "censor"}, optional
        What becomes of subjects who started another treatment: see `rates`, `time_to` and
        `response_history`. A rate cannot censor: leave "rate" out of the outcomes. Default: as
        "ignore", and the findings say how many they were.
    n_boot, seed, n_jobs : int
        Bootstrap of the onset, weights estimated anew in every resample.
    conf_level : float, default 0.95

    Returns
    -------
    Comparison

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable.
    DataError
        When covariates are missing, under ``missing="error"``.

    Warns
    -----
    DataWarning
        When fewer than half of the subjects of a cohort that were assessed about the day of the
        rate were assessed on it; it is among the notices of the result.

    Notes
    -----
    Standard errors of adjusted rates and days come from influences that include the estimation
    of the weights. E-values are those of the risk ratio for the rate, of the standardised
    difference for days.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("modalities").only(["TMS", "IV ketamine"])
    >>> found = trd.compare(study, adjust="age + failed_trials + baseline", day=28, tau=84,
    ...                     n_boot=20)
    >>> found.tidy()["analysis"].unique().tolist()
    ['crude', 'adjusted']
    """
    _check(outcomes, estimand, accept, conf_level)
    _check_strategy(after_switch, outcomes)
    check_bootstrap(n_boot, seed, least=2)
    relapse = LossOfResponse() if relapse is None else relapse
    cohorts = list_cohorts(study, Response() if response is None else response, relapse)
    derived = {c.label: Outcomes(c, after_switch) for c in cohorts}
    seeds = np.random.SeedSequence(seed).generate_state(len(cohorts))
    labels = [c.label for c in cohorts]
    if reference is not None:
        reference = pick_level("treatment", reference, labels)
    if relapse_tau is not None:
        check_tau(relapse_tau, "relapse_tau")
    longest = np.inf if relapse_tau is None else float(relapse_tau)
    onsets = {
        c.label: CohortOnset.of(derived[c.label].onset, c.study.subjects["subject"],
                                seed=int(start), n_boot=n_boot, n_jobs=n_jobs)
        for c, start in zip(cohorts, seeds, strict=True) if ONSET in outcomes
    }  # fmt: skip
    comparability, rows, weights = [], [], {}
    asked: dict[tuple[str, float], Problem] = {}
    pairs = pairs_of(cohorts, reference)
    for treatment, base in pairs:
        pair = Pair(derived[treatment.label], derived[base.label])
        horizon, at = _horizon(treatment, base, tau), day
        if at is None and RATE in outcomes:
            at = _last_shared_day(treatment, base, horizon)
        rate_day = at if RATE in outcomes else None
        if rate_day is not None:
            for cohort in (treatment, base):
                problem = note_asked_day(cohort.study, rate_day)
                asked |= {(cohort.label, rate_day): problem} if problem is not None else {}
        design = check_design(treatment, base, day=rate_day, tau=horizon)
        covariates = pair.covariates()
        check = check_overlap(
            covariates, adjust, estimand=estimand, missing=missing,
            randomised=pair.randomised,
        )  # fmt: skip
        judged = Comparability(
            treatment.label, base.label, (*design, *check.findings), tuple(accept)
        )
        if check.weights is not None:
            weights[(treatment.label, base.label)] = check.weights
        if judged.conclusion == NOT_COMPARABLE or check.weights is None:
            comparability.append(judged)
            rows += rows_without_numbers(judged, outcomes, at, horizon, longest)
            continue
        both = CrudeAndAdjusted.of(
            pair, covariates, check.weights, outcomes, rate_day, horizon, longest, conf_level
        )
        pitfalls = (*check_pitfalls(pair, tau=horizon), *both.checks(pair))
        comparability.append(replace(judged, findings=(*judged.findings, *pitfalls)))
        rows += both.rows(outcomes, onsets)
    if asked:
        warn(describe_problems(list(asked.values())), DataWarning)
    return Comparison(
        adjusted_for=adjust,
        outcomes=tuple(outcomes),
        comparability=tuple(comparability),
        rows=tuple(rows),
        weights=weights,
        caveat=" ".join(sorted({Pair(derived[b.label], derived[a.label]).caveat
                                for b, a in pairs} - {""})),
        _conf_level=conf_level,
        notices=tuple(asked.values()),
    )  # fmt: skip


def _check(
    outcomes: Sequence[str],
    estimand: str | None,
    accept: Sequence[str],
    conf_level: float,
) -> None:
    if not outcomes:
        raise SpecError(f"outcomes names nothing to compare. Name some of {', '.join(OUTCOMES)}.")
    for name in outcomes:
        if name not in OUTCOMES:
            raise unknown_name("outcome", name, OUTCOMES)
    allowed = tuple(c for c in CHECKS if c != "overlap")
    for name in accept:
        if name not in allowed:
            hint = " Without overlap no subjects can be compared." if name == "overlap" else ""
            raise SpecError(f"accept takes the checks {', '.join(allowed)}; got {name!r}.{hint}")
    if estimand is not None:
        check_choice("estimand", estimand, tuple(e for e in ESTIMANDS if e != "att"))
    check_level(conf_level)


def _check_strategy(after_switch: AfterSwitch | None, outcomes: Sequence[str]) -> None:
    if after_switch == "competing":
        raise SpecError(
            "compare has no competing events: use after_switch='failure', or time_to(study, "
            "definition, after_switch='competing') with AalenJohansen and Gray's test."
        )
    if after_switch == "censor" and RATE in outcomes:
        left = [o for o in outcomes if o != RATE]
        raise SpecError(
            "A rate at a day cannot censor those who switched: use after_switch='failure', or "
            f"leave it out, outcomes={left!r}."
        )


def _horizon(cohort: Cohort, base: Cohort, tau: float | None) -> float:
    if tau is not None:
        check_tau(tau)
        return float(tau)
    ends = (c.last_due(np.inf) or float(c.last_day().max()) for c in (cohort, base))
    return min(ends)


def _last_shared_day(cohort: Cohort, base: Cohort, tau: float) -> float | None:
    shared = sorted(set(cohort.scheduled()) & set(base.scheduled()))
    by_tau = [d for d in shared if d <= tau]
    # Without one the check of the assessment day says so; it needs a day to say it of.
    return by_tau[-1] if by_tau else (cohort.scheduled() or (tau,))[-1]
