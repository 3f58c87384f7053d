"""What is true in a simulated study: what was set, and what that implies.

What is implied follows by running the generator itself on very many subjects: once with no subject
missing, once with rescue, once as it happens. The Monte-Carlo error stands beside each value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.simulate.attrition import EVENTS
from trdstats.simulate.cohort import Group, run_course
from trdstats.simulate.parameters import Cohort, Hazards, Parameters, Retention
from trdstats.simulate.schedule import Schedule

SUBJECTS = 20_000  # simulated for each treatment: a probability of 0.5 is known to 0.0035
SEED = 20_000_003  # of that simulation; not the seed of any study
COLUMNS = ["quantity", "treatment", "reference", "population", "strategy", "day", "value",
           "std_error", "known", "definition"]  # fmt: skip
SET = "set exactly"
COMPLETE = "no subject leaves, no rescue"
POLICY = "no subject leaves, rescue as it happens"
OBSERVED = "as it happens"
MEANINGS = {
    "mean change": "mean of MADRS minus baseline at the visit scheduled for the day, points",
    "response": "probability of a fall by at least half at the visit scheduled for the day",
    "remission": "probability of a MADRS of 10 or less at the visit scheduled for the day",
    "first response by": "probability of a fall by at least half at a scheduled visit by the day",
}
HAPPENINGS = {
    "withdrawn by": (("withdrawal",), "probability of withdrawal up to the day"),
    "died by": (("death",), "probability of death up to the day"),
    "rescue or switch by": (
        ("rescue", "switch"),
        "probability of rescue or switch up to the day, while followed",
    ),
}


@dataclass(frozen=True, slots=True)
class Average:
    """A mean over simulated subjects.

    Attributes
    ----------
    value : float
    influence : ndarray, shape (n,)
        Of each simulated subject on the mean, times n.
    """

    value: float
    influence: FloatArray

    @property
    def std_error(self) -> float:
        """Monte-Carlo error."""
        return float(np.sqrt(np.mean(self.influence**2) / len(self.influence)))

    def minus(self, other: Average) -> Average:
        """Return the difference from a mean over the same subjects."""
        return Average(self.value - other.value, self.influence - other.influence)


def average(values: FloatArray, weight: FloatArray | None = None) -> Average:
    """Return the mean of values, shape (n,), with weights where there are any."""
    w = np.ones(len(values)) if weight is None else weight / weight.mean()
    mean = float(np.mean(w * values))
    return Average(mean, w * (values - mean))


@dataclass(frozen=True, slots=True)
class Arm:
    """What many subjects do under one treatment.

    Attributes
    ----------
    days : tuple of float
        Scheduled days, shape (visits,).
    scores : dict of str to ndarray, shape (n, visits)
        Ratings by strategy, nothing missing.
    baseline : ndarray, shape (n,)
    event_day : ndarray, shape (n, 5)
        Day of each of `EVENTS` as it happens; infinite where it does not.
    """

    days: tuple[float, ...]
    scores: dict[str, FloatArray]
    baseline: FloatArray
    event_day: FloatArray

    def values(self, quantity: str, strategy: str) -> FloatArray:
        """Return a quantity of every subject at every scheduled day, shape (n, visits)."""
        score, base = self.scores[strategy], self.baseline[:, None]
        response = 2 * (base - score) >= base
        values: dict[str, FloatArray | BoolArray] = {
            "mean change": score - base,
            "response": response,
            "remission": score <= 10,
            "first response by": np.maximum.accumulate(response, axis=1),
        }
        return values[quantity].astype(np.float64)

    def happened(self, events: tuple[str, ...]) -> FloatArray:
        """Return whether one of some events came up to each scheduled day, shape (n, visits)."""
        day = self.event_day[:, [EVENTS.index(e) for e in events]].min(axis=1)
        came: BoolArray = day[:, None] <= np.array(self.days)
        return came.astype(np.float64)


def run_arm(
    group: Group,
    cohort: Cohort,
    schedule: Schedule,
    retention: Retention,
    parameters: Parameters,
) -> Arm:
    """Run the generator on one large group, three times: complete, with rescue, as it happens."""
    whole = replace(parameters, hazards=_complete(parameters.hazards))
    stays = replace(retention, acute=0.0, later=0.0)
    quiet = replace(stays, rescue=0.0, switch=0.0, hospitalisation=0.0)
    scores = {}
    for strategy, kept in ((COMPLETE, quiet), (POLICY, stays)):
        score = run_course(group, cohort, schedule, kept, whole).seen.score
        # Unscheduled occasions are never used here: what is rated are the scheduled visits.
        scores[strategy] = score[~np.isnan(score)].reshape(len(score), len(schedule.days))
    real = run_course(group, cohort, schedule, retention, parameters).seen
    return Arm(schedule.days, scores, group.baseline, real.event_day)


def _complete(hazards: Hazards) -> Hazards:
    return replace(hazards, death=0.0, missed=0.0, unscheduled=0.0, unrated=0.0)


def large_group(
    path: tuple[str, str],
    baseline: FloatArray,
    effect: FloatArray,
    chance: FloatArray | None = None,
) -> Group:
    """Return many treated subjects without names."""
    n = len(baseline)
    return Group(
        path=(SEED, *path),
        names=np.full(n, ""),
        baseline=baseline,
        treated=np.ones(n, dtype=bool),
        nonresponse_effect=effect,
        nonresponse_chance=chance,
    )


def row(
    quantity: str,
    definition: str,
    stored: float | Average,
    *,
    treatment: str = "",
    reference: str = "",
    population: str = "treated",
    strategy: str = "",
    day: float = np.nan,
) -> tuple[object, ...]:
    """Return one line of the table; a plain number was set, an average was integrated."""
    keys = (quantity, treatment, reference, population, strategy, day)
    if isinstance(stored, Average):
        known = f"integrated over {len(stored.influence)} simulated subjects"
        return (*keys, stored.value, stored.std_error, known, definition)
    return (*keys, float(stored), 0.0, SET, definition)


def rows_of_arm(
    treatment: str, arm: Arm, *, population: str = "treated"
) -> Iterator[tuple[object, ...]]:
    """Yield what holds under one treatment on every scheduled day."""
    for strategy in arm.scores:
        for quantity, definition in MEANINGS.items():
            values = arm.values(quantity, strategy)
            for k, day in enumerate(arm.days):
                yield row(quantity, definition, average(values[:, k]), treatment=treatment,
                          population=population, strategy=strategy, day=day)  # fmt: skip
    for quantity, (events, definition) in HAPPENINGS.items():
        values = arm.happened(events)
        for k, day in enumerate(arm.days):
            yield row(quantity, definition, average(values[:, k]), treatment=treatment,
                      population=population, strategy=OBSERVED, day=day)  # fmt: skip


def rows_of_effect(
    arms: Mapping[str, Arm],
    treatment: str,
    reference: str,
    weights: Mapping[str, FloatArray] | None = None,
    *,
    kind: str = "effect on",
    population: str = "treated",
    definition: str = "difference between treatments of the same subjects",
) -> Iterator[tuple[object, ...]]:
    """Yield differences between two treatments on the days that both schedules have.

    Parameters
    ----------
    arms : mapping of str to Arm
        Of the same subjects.
    treatment, reference : str
    weights : mapping of str to ndarray, shape (n,), optional
        By treatment, who is meant.
    kind, population, definition : str
    """
    one, other = arms[treatment], arms[reference]
    for strategy in one.scores:
        for quantity, meaning in MEANINGS.items():
            values = one.values(quantity, strategy), other.values(quantity, strategy)
            for day in sorted(set(one.days) & set(other.days)):
                parts = [
                    average(v[:, arm.days.index(day)], None if weights is None else weights[name])
                    for v, arm, name in zip(
                        values, (one, other), (treatment, reference), strict=True
                    )
                ]
                yield row(f"{kind} {quantity}", f"{definition}: {meaning}",
                          parts[0].minus(parts[1]), treatment=treatment, reference=reference,
                          population=population, strategy=strategy, day=day)  # fmt: skip


def rows_of_setting(
    treatment: str, cohort: Cohort, classes: tuple[str, ...]
) -> Iterator[tuple[object, ...]]:
    """Yield what the generator was given for one treatment."""
    for name, proportion in zip(classes, cohort.weights, strict=True):
        yield row("class share", f"share of the latent trajectory {name!r}", proportion,
                  treatment=treatment, population=name)  # fmt: skip
    yield row("loss median", "median days from response to the start of its loss",
              cohort.loss.median, treatment=treatment, population="lasting response")  # fmt: skip


def rows_of_dropout(parameters: Parameters) -> Iterator[tuple[object, ...]]:
    """Yield how withdrawal depends on the last observed score."""
    yield row("log hazard ratio of withdrawal", "for one point of the last observed MADRS",
              parameters.hazards.withdrawal_per_point)  # fmt: skip


def table(rows: Iterable[tuple[object, ...]]) -> pd.DataFrame:
    """Return the lines as a tidy frame."""
    return pd.DataFrame(list(rows), columns=COLUMNS)
