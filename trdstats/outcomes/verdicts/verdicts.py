"""One verdict a subject at a scheduled day, after missing ones, failures and switches."""

from __future__ import annotations

import pandas as pd

from trdstats.errors import SpecError
from trdstats.outcomes.failures import with_failures
from trdstats.outcomes.rules.at_days import WithoutEvent
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.switching import AfterSwitch, check_rate_strategy
from trdstats.outcomes.verdicts.after_switch import with_switch_as_failure
from trdstats.outcomes.verdicts.judged import joined, judge
from trdstats.outcomes.verdicts.judged_day import day_of
from trdstats.outcomes.verdicts.missing import after_missing, any_of_arm
from trdstats.outcomes.verdicts.rated_visits import rated_at
from trdstats.outcomes.verdicts.without_event import verdicts_without_event
from trdstats.study import Study
from trdstats.study.plausibility.scheduled import no_ratings


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
        return verdicts_without_event(study, definition, missing, reference, after_switch)
    own_day = definition.own_day
    # It speaks of ratings at its own day; those before it do not stand for them.
    if own_day is not None and missing == "locf":
        if not study.in_order(study.on_parts(rated_at, day)).any():
            raise no_ratings(study, day)
        raise SpecError(
            f"{definition.label(study.scale)} speaks of ratings at that day alone, to which "
            "nothing is carried forward: choose missing='nonresponse', 'observed' or 'worst', "
            "or a state at any day, such as Response() at day=28."
        )
    carried = missing == "locf"
    judged = joined(study, study.on_parts(judge, definition, day, carried, after_switch))
    if not judged.rated.any():
        raise no_ratings(study, day)
    outcomes = after_missing(study, judged.verdict, judged.at_day, missing, reference)
    if definition.failures:
        known = any_of_arm(study, outcomes["met"].notna().to_numpy())
        outcomes = with_failures(study, definition, outcomes, judged.rated, known, day)
    if judged.up_to_switch is not None:
        outcomes = with_switch_as_failure(study, definition, outcomes, judged)
    return outcomes.assign(switched=judged.switched)
