"""Proportion of subjects in a state at a scheduled day, with intervals and comparisons."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import (
    EstimateWarning,
    SpecError,
    check_choice,
    check_level,
    pick_level,
    unknown_name,
)
from trdstats.estimates.proportion_contrast import DIFFERENCES
from trdstats.estimates.weights import WeightsLike, caveat_under, check_observed
from trdstats.kernels.visits.endpoints import (
    REASONS,
    UNCONFIRMED,
    UNDEFINED_CODES,
    States,
    states_at,
)
from trdstats.outcomes.assess import check_arguments, check_definition, evaluate
from trdstats.outcomes.failures import notes_of_failures, with_failures
from trdstats.outcomes.free_of_event import (
    FreeOfEvent,
    joined_free,
    joined_states,
    judge_free_of_event,
)
from trdstats.outcomes.rates_result import Rates, reasons_undecided
from trdstats.outcomes.rules.at_days import WithoutEvent
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.schedule_fit import warn_of_schedule
from trdstats.outcomes.switching import (
    AfterSwitch,
    SwitchCounts,
    check_rate_strategy,
    count_switches,
    seen_until,
    switch_days,
)
from trdstats.outcomes.time_to import check_kinds
from trdstats.outcomes.unconfirmed import warn_of_unconfirmed
from trdstats.outcomes.weighted_rates import weigh_rates
from trdstats.study import Rated, Study, warn_of_asked_days
from trdstats.study.plausibility.scheduled import no_ratings

Missing = Literal["nonresponse", "observed", "locf", "worst"]
MISSING = get_args(Missing)
METHODS = ("wilson", "agresti-coull", "clopper-pearson")


@checked
def rates(
    study: Study,
    definition: Definition,
    *,
    day: float | None = None,
    missing: Missing = "nonresponse",
    conf_level: float = 0.95,
    method: str = "wilson",
    difference: str = "miettinen-nurminen",
    reference: Level | None = None,
    weights: WeightsLike | None = None,
    after_switch: AfterSwitch | None = None,
) -> Rates:
    """Estimate the proportion of subjects that meet a definition at a scheduled day.

    Parameters
    ----------
    study : Study
    definition : Definition
        A state, e.g. ``Response()``; for an event such as a relapse see `time_to`.
    day : float, optional
        Scheduled day. Default: the day that the definition itself names, as ``response_at(28)``
        and ``remission_at(56).without(relapse, until=224)`` do; for others there is none.
    missing : {"nonresponse", "observed", "locf", "worst"}
        What becomes of subjects without a verdict at that day: not assessed, or assessed where the
        rule cannot be applied (no baseline, a baseline at an end of the scale, not confirmed),
        which the table tells apart. "nonresponse": not met, of all subjects. "observed": left out.
        "locf": the verdict of the last rated visit up to that day; those without one are left out;
        not of outcomes that name their day.
        "worst": not met, but met under the reference.
    conf_level : float
    method : {"wilson", "agresti-coull", "clopper-pearson"}
        Interval of a rate.
    difference : {"miettinen-nurminen", "gart", "newcombe", "wald"}
        Interval and test of the comparisons; "gart" is Miettinen-Nurminen with the bias term
        that R's ratesci adds to odds ratios.
    reference : str, optional
        Treatment the others are compared with. Default: the first one.
    weights : str, Series, DataFrame or result, optional
        Weights of subjects: a column of `study.subjects`, a series indexed by subject, a frame
        with the columns subject and weight, or a result that estimated them, such as that of
        `PropensityWeights`. Errors then come from the subjects' influences, intervals from
        the logit scale for rates and the log scale for ratios; `method` and `difference` do not
        apply. Errors know how the weights were estimated when given the result. Those of
        `CensoringWeights` need the same day and ``missing="observed"``.
    after_switch : {"ignore", "failure"}, optional
        What becomes of subjects who started another treatment (a course of it, or an event
        "switch" or "rescue") by the day of their assessment, itself included. "ignore": the
        verdict counts as it is (treatment policy). "failure": a good outcome is not met, a bad
        one met, rated or not (composite); of an outcome "at any visit up to" a day, what was met
        before the switch stands, and no rating after it confirms anything. Default: as "ignore",
        and the result says so.

    Returns
    -------
    Rates

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable or no subject was scheduled at that day.
        A rate cannot censor a switch: the message says what can.

    Warns
    -----
    EstimateWarning
        When a treatment has no subject assessed at that day, or none of those assessed can be
        judged; its rate is NaN.
    DataWarning
        When fewer than half of those assessed about the day were assessed in its window (without
        windows: on the very day), when the visits cannot show what the definition asks for (too
        far apart, too few, not on its days), or when most of those who may meet it are not known
        to until later visits confirm it. All are among the notices of the result.

    References
    ----------
    Wilson 1927; Agresti and Coull 1998; Clopper and Pearson 1934; Miettinen and Nurminen 1985,
    doi:10.1002/sim.4780040211; Newcombe 1998.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> table = trd.rates(study, trd.Response(), day=28).tidy()
    >>> table["measure"].unique().tolist()
    ['rate', 'difference', 'ratio', 'odds ratio']
    """
    check_arguments(study, definition)
    check_choice("missing", missing, MISSING)
    check_choice("method", method, METHODS)
    check_choice("difference", difference, DIFFERENCES)
    check_level(conf_level)
    reference = _check_reference(study, reference)
    day = day_of(definition, day)
    outcomes = verdicts(
        study, definition, day=day, missing=missing, reference=reference, after_switch=after_switch
    )
    switching = switches_by(study, outcomes, day, after_switch, "rate")
    asked = warn_of_asked_days(study, [day])
    fits = warn_of_schedule(study, definition)
    if not fits:  # what the visits never show is unconfirmed on every day
        label = definition.label(study.scale)
        fits = warn_of_unconfirmed(outcomes, label, float(day), missing)
    notices = (
        *asked,
        *fits,
        *notes_of_failures(study, definition, float(day)),
        *(() if switching is None else switching.notices()),
    )
    weighted = None
    if weights is not None:
        known = outcomes
        if isinstance(weights, str):
            if weights not in study.subjects:
                raise unknown_name("column", weights, study.subjects.columns)
            known = outcomes.copy()
            known[weights] = study.subjects[weights].to_numpy()
        check_observed(weights, known["subject"], known["met"].notna().to_numpy(), day=float(day))
        weighted = weigh_rates(known, weights)
    counts = _counts(study, outcomes)
    result = Rates(
        label=definition.label(study.scale),
        definition=definition.describe(study.scale),
        day=day,
        says_day=at_day(definition, day) == "",
        missing=missing,
        outcomes=outcomes,
        counts=counts,
        reference=reference,
        methods=(method, difference),
        caveat=caveat_under(study.caveat, weights),
        weighted=weighted,
        _conf_level=conf_level,
        switching=switching,
        notices=notices,
    )
    rates_of = result._rates
    not_assessed = rates_of.keys["treatment"][np.isnan(rates_of.value)]
    if len(not_assessed):
        warnings.warn(_without_rate(outcomes, not_assessed, day), EstimateWarning, stacklevel=2)
    return result


def day_of(definition: Definition, day: float | None) -> float:
    """Return the scheduled day that a definition is judged at.

    Raises
    ------
    SpecError
        When none is given and the definition names none, or another than the one it speaks of.
    """
    check_definition(definition)
    fixed, own_day = definition.fixed_day, definition.own_day
    if day is None and own_day is None:
        raise SpecError(f"{definition.label()} needs a day, for example day=28.")
    if day is not None and fixed is not None and day != fixed:
        raise SpecError(
            f"{definition.label()} speaks of day {fixed:g} alone: leave day={day:g} out."
        )
    judged_at = own_day if day is None else day
    assert judged_at is not None
    return float(judged_at)


def at_day(definition: Definition, day: float) -> str:
    """Return the words " at day 28" for a heading; empty where the label says so already."""
    return "" if definition.own_day == day else f" at day {day:g}"


def _without_rate(outcomes: pd.DataFrame, names: Iterable[str], day: float) -> str:
    """Return why some treatments have no rate: no subject was assessed, or none can be judged."""
    unrated, parts = [], []
    for name in names:
        why = reasons_undecided(outcomes[outcomes["treatment"] == name])
        if why:
            parts.append(f"No subject assessed at day {day:g} under {name} can be judged ({why})")
        else:
            unrated.append(name)
    if unrated:
        parts.insert(0, f"No subject was assessed at day {day:g} under {', '.join(unrated)}")
    return ". ".join(parts) + ": no rate there."


def verdicts(
    study: Study,
    definition: Definition,
    *,
    day: float,
    missing: str,
    reference: str,
    after_switch: AfterSwitch | None = None,
) -> pd.DataFrame:
    """Return one verdict a subject at a scheduled day, after the handling of missing ones.

    Parameters
    ----------
    study : Study
    definition : Definition
    day : float
    missing : {"nonresponse", "observed", "locf", "worst"}
        See `rates`.
    reference : str
        Treatment whose missing verdicts "worst" counts as met.
    after_switch : {"ignore", "failure"}, optional
        See `rates`.

    Returns
    -------
    pandas.DataFrame
        subject, treatment, met (True / False / missing), reason, rated (at the day), analysed
        (rated at the day with a verdict), switched (another treatment was started by the day of
        the assessment, itself included).

    Raises
    ------
    SpecError, UnknownNameError
        When the definition is an event or does not fit, the strategy is not one of these, or
        no subject was scheduled at that day.
    """
    if definition.is_event:
        raise SpecError(
            f"{definition.label(study.scale)} is an event, not a state at a visit: "
            "use time_to(study, definition, since=...) and AalenJohansen."
        )
    day = day_of(definition, day)
    check_rate_strategy(study, after_switch, definition)
    if isinstance(definition, WithoutEvent):
        return _without_event(study, definition, missing, reference, after_switch)
    own_day = definition.own_day
    # It speaks of ratings at its own day; those before it do not stand for them.
    if own_day is not None and missing == "locf":
        if not study.in_order(study.on_parts(_rated_at, day)).any():
            raise no_ratings(study, day)
        raise SpecError(
            f"{definition.label(study.scale)} speaks of ratings at that day alone, to which "
            "nothing is carried forward: choose missing='nonresponse', 'observed' or 'worst', "
            "or a state at any day, such as Response() at day=28."
        )
    carried = missing == "locf"
    judged = _joined(study, study.on_parts(_judge, definition, day, carried, after_switch))
    if not judged.rated.any():
        raise no_ratings(study, day)
    outcomes = _after_missing(study, judged.verdict, judged.at_day, missing, reference)
    if definition.failures:
        known = _any_of_arm(study, outcomes["met"].notna().to_numpy())
        outcomes = with_failures(study, definition, outcomes, judged.rated, known, day)
    if judged.up_to_switch is not None:
        outcomes = _failed(study, definition, outcomes, judged)
    return outcomes.assign(switched=judged.switched)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One verdict a subject, of those of a part or of all.

    Attributes
    ----------
    verdict : States
    rated, at_day : ndarray of bool, shape (n,)
        Rated at the day that was asked for; at the day that the definition speaks of.
    switch : ndarray, shape (n,)
        Day of the first switch, NaN without one.
    switched : ndarray of bool, shape (n,)
        Switched by the day of the assessment.
    up_to_switch : States or None
        Verdicts on the visits before the switch alone, where it is a failure.
    """

    verdict: States
    rated: BoolArray
    at_day: BoolArray
    switch: FloatArray
    switched: BoolArray
    up_to_switch: States | None


def _joined(study: Study, parts: Sequence[_Judged]) -> _Judged:
    """Return the verdicts of all subjects, in their order."""
    before = [p.up_to_switch for p in parts if p.up_to_switch is not None]
    return _Judged(
        joined_states(study, [p.verdict for p in parts]),
        study.in_order([p.rated for p in parts]),
        study.in_order([p.at_day for p in parts]),
        study.in_order([p.switch for p in parts]),
        study.in_order([p.switched for p in parts]),
        joined_states(study, before) if before else None,
    )


def _rated_at(study: Study, day: float) -> BoolArray:
    return np.asarray(_row_at_day(study, study.rated(), day) >= 0)


def _judge(
    study: Study,
    definition: Definition,
    day: float,
    carried: bool,
    after_switch: AfterSwitch | None,
) -> _Judged:
    """Judge the subjects of a part; `carried` takes the last rating by the day where none is."""
    switch = switch_days(study, (*definition.events, *definition.failures))
    rated, state = evaluate(study, definition)
    row_at_day = _row_at_day(study, rated, day)
    row = _last_row_by(study, rated, day) if definition.is_cumulative else row_at_day
    assessed = np.full(len(row_at_day), float(day))
    assessed[row_at_day >= 0] = rated.arrays.day[row_at_day[row_at_day >= 0]]
    with np.errstate(invalid="ignore"):
        switched = switch <= assessed
    at_day = row >= 0
    if definition.own_day is not None:
        at_day = _row_at_day(study, rated, min(day, definition.own_day)) >= 0
    elif carried:
        row = np.where(at_day, row, _last_row_by(study, rated, day))
    before = None
    if after_switch == "failure":
        rated, state_before = evaluate(study, definition, seen=seen_until(switch, "failure"))
        speaks = _last_row_by if definition.is_cumulative else _row_at_day
        before = states_at(state_before, speaks(study, rated, day))
    return _Judged(
        states_at(state, row), row_at_day >= 0, at_day, switch, np.asarray(switched), before
    )


def _without_event(
    study: Study,
    definition: WithoutEvent,
    missing: str,
    reference: str,
    after_switch: AfterSwitch | None,
) -> pd.DataFrame:
    """Return one verdict a subject on a state at one day and no event by another."""
    if missing == "locf":
        raise SpecError(
            f"{definition.label(study.scale)} rests on two days, of which one may be carried "
            "forward and the other not: choose missing='nonresponse', 'observed' or 'worst'."
        )
    since = (definition.state,) if definition.since else ()
    for event in (definition.event, *since):
        check_kinds(study, event, (), (), leaving=True)
    parts = study.on_parts(_judge_free, definition)
    at_state = study.in_order([at for at, _ in parts])
    judged = joined_free(study, [free for _, free in parts])
    for at, there in ((definition.at, at_state), (definition.until, judged.followed)):
        if not there.any():
            raise no_ratings(study, at)
    # A treatment without anybody at one of the two days was not scheduled for it: failures alone
    # could be known there.
    can_be = _any_of_arm(study, at_state) & _any_of_arm(study, judged.followed)
    seen = (judged.followed | judged.verdict.known) & can_be
    outcomes = _after_missing(study, judged.verdict, seen, missing, reference)
    with np.errstate(invalid="ignore"):
        switched = switch_days(study, definition.events) <= judged.end
    if after_switch == "failure":
        failed = switched & _any_of_arm(study, outcomes["met"].notna().to_numpy())
        outcomes = outcomes.assign(
            met=outcomes["met"].mask(failed, False),
            reason=outcomes["reason"].mask(failed, REASONS[0]),
        )
    return outcomes.assign(switched=switched)


def _judge_free(study: Study, definition: WithoutEvent) -> tuple[BoolArray, FreeOfEvent]:
    """Return of the subjects of a part who was assessed on the day of the state, and verdicts."""
    rated = study.rated()
    row, last = _row_at_day(study, rated, definition.at), _last_row_by(study, rated, definition.at)
    return row >= 0, judge_free_of_event(study, definition, row, last)


def _failed(
    study: Study, definition: Definition, table: pd.DataFrame, judged: _Judged
) -> pd.DataFrame:
    """Return the verdicts with a switch as failure; a treatment without a rate keeps none."""
    assert judged.up_to_switch is not None
    bad = bool(definition.is_worsening)
    at_day, switch, switched = judged.up_to_switch, judged.switch, judged.switched
    unconfirmed = at_day.reason == UNCONFIRMED
    # What is met before the switch stands; what only ratings after it confirm does not.
    failed = switched & ~(at_day.known & (at_day.met != bad))
    failed |= ~np.isnan(switch) & unconfirmed & table["reason"].eq(REASONS[0]).to_numpy()
    failed &= _any_of_arm(study, table["met"].notna().to_numpy())
    verdict = table["met"].copy()
    verdict[failed] = bad
    return table.assign(
        met=verdict,
        reason=table["reason"].mask(failed, REASONS[0]),
        analysed=table["analysed"] | (failed & table["rated"]),
    )


def switches_by(
    study: Study,
    outcomes: pd.DataFrame,
    day: float,
    after_switch: AfterSwitch | None = None,
    of: str = "other",
) -> SwitchCounts | None:
    """Return who had started another treatment by a day, None where a study would not know."""
    switched = outcomes["switched"].to_numpy(dtype=bool)
    return count_switches(study, switched, strategy=after_switch, when=f"by day {day:g}", of=of)


def _check_reference(study: Study, reference: Level | None) -> str:
    return pick_level("treatment", reference, study.treatments)


def _row_at_day(study: Study, rated: Rated, day: float) -> IntArray:
    """Return the row of each subject's rated visit at a scheduled day, -1 without one."""
    visit = study.visits["visit"].to_numpy()[rated.row]
    start = rated.arrays.start
    scheduled = np.isclose(visit, day, rtol=0, atol=1e-9)
    row = np.full(len(start) - 1, -1, dtype=np.intp)
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    row[owner[scheduled]] = np.flatnonzero(scheduled)
    return row


def _last_row_by(study: Study, rated: Rated, day: float) -> IntArray:
    """Return each subject's last rated visit up to the end of the window of a day."""
    start = rated.arrays.start
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    end = np.full(len(study.treatments), float(day))
    if study.windows is not None:
        for k, name in enumerate(study.treatments):
            window = study.windows[name]
            end[k] = dict(zip(window.days, window.closes, strict=True)).get(day, float(day))
    arm = study.subjects["treatment"].cat.codes.to_numpy()
    early = np.flatnonzero(rated.arrays.day <= end[arm[owner]] + 1e-9)
    row = np.full(len(start) - 1, -1, dtype=np.intp)
    row[owner[early]] = early  # rows are sorted by day: the last one stays
    return row


def _after_missing(
    study: Study,
    verdict: States,
    at_day: BoolArray,
    missing: str,
    reference: str,
) -> pd.DataFrame:
    """Return one verdict a subject as a table, those that are not known as the rule says."""
    arm = study.subjects["treatment"]
    known, met, reason = verdict.known, verdict.met, verdict.reason
    analysed = known & at_day
    # A treatment with nobody rated at that day was not scheduled for it: it has no rate there.
    # Nor has one in which the rule has no meaning for any of those rated.
    judged = at_day & ~np.isin(reason, UNDEFINED_CODES)
    seen = _any_of_arm(study, judged)
    if missing in ("nonresponse", "worst"):
        met = np.where(known, met, (missing == "worst") & (arm == reference).to_numpy())
        known = seen
    return pd.DataFrame(
        {
            "subject": study.subjects["subject"].array,
            "treatment": arm.array,
            "met": pd.arrays.BooleanArray(met & known & seen, ~(known & seen)),
            "reason": pd.Categorical.from_codes(reason, categories=pd.Index(REASONS)),
            "rated": at_day,
            "analysed": analysed,
        }
    )


def _any_of_arm(study: Study, mask: BoolArray) -> BoolArray:
    """Return for each subject whether some subject of its treatment is in a set."""
    arm = study.subjects["treatment"].cat.codes.to_numpy()
    return np.bincount(arm[mask], minlength=len(study.treatments))[arm] > 0


def _counts(study: Study, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of every treatment: see `Rates.counts`."""
    arm = study.subjects["treatment"].cat.codes.to_numpy()
    met = outcomes["met"].array
    known = ~met.isna()

    def number(rows: BoolArray, missing: BoolArray | None = None) -> pd.arrays.IntegerArray:
        count = np.bincount(arm[rows], minlength=len(study.treatments)).astype(np.int64)
        none = np.zeros(len(count), dtype=bool) if missing is None else missing
        return pd.arrays.IntegerArray(count, none)

    n = number(known)
    all_subjects = np.ones(len(arm), dtype=bool)
    if "treated" in study.subjects:
        treated = number(study.subjects["treated"].isin([1]).to_numpy())
    else:
        treated = number(all_subjects, np.ones(len(study.treatments), dtype=bool))
    without = np.bincount(arm[known], minlength=len(study.treatments)) == 0
    columns = {
        "treatment": list(study.treatments),
        "events": number(met.to_numpy(bool, na_value=False), without),
        "n": n,
        "n_randomised": number(all_subjects),
        "n_treated": treated,
        "n_rated": number(outcomes["rated"].to_numpy()),
        "n_analysed": number(outcomes["analysed"].to_numpy()),
    }
    if study.records_switches:
        columns["n_switched"] = number(outcomes["switched"].to_numpy())
    return pd.DataFrame(columns)
