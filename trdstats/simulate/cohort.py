"""One group of subjects under one treatment: from subjects to the rows of the tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.simulate.attrition import EVENTS, Latent, Observed, follow
from trdstats.simulate.chance import calibrate
from trdstats.simulate.loss import rebound
from trdstats.simulate.mixture import compute_onset, compute_proportion, draw_noise
from trdstats.simulate.parameters import Cohort, Parameters, Retention
from trdstats.simulate.schedule import Schedule, draw_baseline_day
from trdstats.simulate.streams import open_stream


@dataclass(frozen=True, slots=True)
class Group:
    """Subjects treated alike.

    Attributes
    ----------
    path : (int, str, str)
        Seed, study and treatment, which open the random streams.
    names : ndarray of str, shape (n,)
        Subject names.
    baseline : ndarray, shape (n,)
        MADRS before treatment.
    treated : ndarray of bool, shape (n,)
    nonresponse_effect : ndarray, shape (n,)
        Log odds of the non-response class relative to a reference subject.
    nonresponse_chance : ndarray, shape (n,), optional
        Probabilities of that class, in place of those that average its weight over the group.
    """

    path: tuple[int, str, str]
    names: npt.NDArray[np.str_]
    baseline: FloatArray
    treated: BoolArray
    nonresponse_effect: FloatArray
    nonresponse_chance: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """What a group does.

    Attributes
    ----------
    days : ndarray, shape (n, visits)
        Scheduled visits and unscheduled occasions, increasing in each row.
    seen : Observed
    """

    days: FloatArray
    seen: Observed


def simulate_course(
    group: Group,
    cohort: Cohort,
    schedule: Schedule,
    retention: Retention,
    parameters: Parameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the visits and events of a group treated alike.

    Parameters
    ----------
    group : Group
    cohort : Cohort
        Its class weights, curves and loss of response are used.
    schedule, retention
        Those of the cohort, or of the trial.
    parameters : Parameters
        What is common to all.

    Returns
    -------
    visits, events : pandas.DataFrame
    """
    course = run_course(group, cohort, schedule, retention, parameters)
    baseline_day = draw_baseline_day(
        len(group.names),
        open_stream(*group.path, "baseline day"),
        same_day=parameters.hazards.baseline_same_day,
    )
    visits = _list_visits(group, baseline_day, course.days, course.seen)
    return visits, _list_events(group.names, course.seen)


def run_course(
    group: Group,
    cohort: Cohort,
    schedule: Schedule,
    retention: Retention,
    parameters: Parameters,
) -> Course:
    """Return what a group treated alike does, visit by visit; see `simulate_course`."""
    seed, study, treatment = group.path
    streams = {
        purpose: open_stream(seed, study, treatment, purpose)
        for purpose in ("class", "deviation", "loss", "days", "noise", "attrition")
    }
    n, course = len(group.names), parameters.course
    chance = group.nonresponse_chance
    if chance is None:
        chance = calibrate(float(cohort.weights[-1]), group.nonresponse_effect)
    latent_class = draw_class(np.array(cohort.weights), chance, streams["class"])
    deviation = streams["deviation"].lognormal(course.log_mean, course.log_sd, n)
    days, is_scheduled = schedule.draw_days(n, streams["days"])
    proportion = compute_proportion(days, latent_class, cohort.curves)
    onset = compute_onset(latent_class, deviation, cohort.curves)
    # The class that loses its effect does so by its own curve.
    onset[cohort.curves.rise[latent_class] > 0] = np.inf
    lost = cohort.loss.draw(onset, streams["loss"])
    proportion = rebound(
        proportion, days, lost, level=course.rebound_level, half_time=course.rebound_half_time
    )
    latent = Latent(
        days=days,
        is_scheduled=is_scheduled,
        expected=group.baseline[:, None] * proportion * deviation[:, None],
        noise=draw_noise(
            days,
            streams["noise"],
            sd=course.noise_sd,
            weekly_correlation=course.weekly_correlation,
        ),
        baseline=group.baseline,
        treated=group.treated,
    )
    return Course(days, follow(latent, retention, parameters.hazards, streams["attrition"]))


def draw_class(
    weights: FloatArray, nonresponse_chance: FloatArray, rng: np.random.Generator
) -> IntArray:
    """Return the latent class of each subject.

    The last class is non-response; the other classes share the rest in proportion to their
    weights.

    Parameters
    ----------
    weights : ndarray, shape (classes,)
    nonresponse_chance : ndarray, shape (n,)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n,)
    """
    n = len(nonresponse_chance)
    fails = rng.random(n) < nonresponse_chance
    edges = np.cumsum(weights[:-1]) / weights[:-1].sum()
    other = np.searchsorted(edges[:-1], rng.random(n), side="right")
    return np.where(fails, len(weights) - 1, other).astype(np.intp)


def _list_visits(
    group: Group, baseline_day: FloatArray, days: FloatArray, seen: Observed
) -> pd.DataFrame:
    names = group.names
    who, when = np.nonzero(seen.is_attended)
    return pd.DataFrame(
        {
            "subject": np.concatenate([names, names[who]]),
            "day": np.concatenate([baseline_day, days[who, when]]),
            "madrs": pd.array(
                np.concatenate([group.baseline, seen.score[who, when]]), dtype="Float64"
            ).astype("Int64"),
        }
    )


def _list_events(names: npt.NDArray[np.str_], seen: Observed) -> pd.DataFrame:
    who, which = np.nonzero(np.isfinite(seen.event_day))
    return pd.DataFrame(
        {
            "subject": names[who],
            "day": seen.event_day[who, which].astype(int),
            "event": np.array(EVENTS)[which],
        }
    )
