"""Proportion of subjects in a state at a scheduled day, with intervals and comparisons."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked
from trdstats.arrays import BoolArray
from trdstats.errors import (
    EstimateWarning,
    check_choice,
    check_level,
    pick_level,
    unknown_name,
    warn,
)
from trdstats.estimates.proportion_contrast import DIFFERENCES
from trdstats.estimates.weights import WeightsLike, caveat_under, check_observed
from trdstats.outcomes.assess import check_arguments
from trdstats.outcomes.failures import notes_of_failures
from trdstats.outcomes.rates_result import Rates, reasons_undecided
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.schedule_fit import warn_of_schedule
from trdstats.outcomes.switching import AfterSwitch
from trdstats.outcomes.verdicts.after_switch import switches_by
from trdstats.outcomes.verdicts.judged_day import at_day, day_of
from trdstats.outcomes.verdicts.missing import MISSING, Missing
from trdstats.outcomes.verdicts.unconfirmed import warn_of_unconfirmed
from trdstats.outcomes.verdicts.verdicts import verdicts
from trdstats.outcomes.weighted_rates import weigh_rates
from trdstats.study import Study, warn_of_asked_days

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
    reference = pick_level("treatment", reference, study.treatments)
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
        warn(_without_rate(outcomes, not_assessed, day), EstimateWarning)
    return result


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
