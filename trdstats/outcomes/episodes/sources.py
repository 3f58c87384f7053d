"""What a covariate of an episode is made of: on which days it takes which value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from trdstats.errors import SpecError, unknown_name
from trdstats.kernels.visits.before_day import visits_up_to
from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.outcomes.asked_events import check_kinds
from trdstats.outcomes.assess import evaluate
from trdstats.outcomes.episodes.at_baseline import met_at_baseline
from trdstats.outcomes.episodes.course import InCourse
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import Study
from trdstats.study.courses.changes import first_day

Source = str | Definition | InCourse
OF_SCORE = ("score", "change")
_START = -np.inf  # before everything: what holds until the first change


def changes_of(study: Study, source: Source) -> pd.DataFrame:
    """Return the days on which a covariate changes: subject, day, value.

    A value holds after its day, up to the next one of the subject. Rows with a missing value are
    left out: the value before is carried on.

    Raises
    ------
    UnknownNameError, SpecError
        When the study does not have it, or it is not known on the day.
    """
    if isinstance(source, InCourse):
        return _with_start(source.changes(study), study, 0.0)
    if isinstance(source, str):
        return _of_column(study, source)
    if source.events_alone:
        return _of_event(study, source)
    if source.events:
        raise SpecError(
            f"{source.label(study.scale)} counts recorded events ({', '.join(source.events)}) "
            "beside scores. As covariates take them apart: the rule of the scores, and "
            f"Event({source.events!r})."
        )
    return _of_definition(study, source)


def _of_column(study: Study, name: str) -> pd.DataFrame:
    visits = study.visits
    if name in OF_SCORE:
        code = visits["subject"].cat.codes.to_numpy()
        baseline = study.subjects["baseline"].to_numpy(dtype=float)
        value = visits["score"].to_numpy(dtype=float) - (baseline[code] if name == "change" else 0)
        first = np.where(
            np.isnan(baseline), np.nan, baseline - (baseline if name == "change" else 0)
        )
        # Scores before treatment are the baseline; from then on each visit has its own.
        after = visits["day"].to_numpy() > 0
        frame = pd.DataFrame(
            {"subject": visits["subject"].array[after], "day": visits["day"].to_numpy()[after],
             "value": value[after]}
        )  # fmt: skip
        return _with_start(frame.dropna(subset=["value"]), study, first)
    columns = [c for c in visits.columns if c not in ("subject", "day", "visit", "score")]
    if name not in columns:
        raise unknown_name("column of the visits", name, [*OF_SCORE, *columns])
    return visits[["subject", "day", name]].rename(columns={name: "value"}).dropna(subset=["value"])


def _of_event(study: Study, definition: Definition) -> pd.DataFrame:
    check_kinds(study, definition, definition.events, ())
    subjects = study.subjects
    day = first_day(study.events, definition.events, np.zeros(len(subjects)))
    frame = pd.DataFrame({"subject": subjects["subject"].array, "day": day, "value": 1.0})
    return _with_start(frame[np.isfinite(day)], study, 0.0)


def _of_definition(study: Study, definition: Definition) -> pd.DataFrame:
    rated, state = evaluate(study, definition)
    visits = rated.arrays
    after = visits.day > 0
    _check_known_on_the_day(study, definition, visits, state)
    value = np.where(state.known, state.met.astype(float), np.nan)
    subject = study.visits["subject"].array[rated.row]
    frame = pd.DataFrame({"subject": subject, "day": visits.day, "value": value})[after]
    return _with_start(frame.dropna(subset=["value"]), study, met_at_baseline(study, definition))


def _check_known_on_the_day(
    study: Study, definition: Definition, visits: RatedVisits, state: States
) -> None:
    """Refuse a definition whose state at a visit depends on later visits."""
    count = np.diff(visits.start)
    for k in range(int(count.max(initial=0)) - 1):
        has_more = count > k + 1
        last = visits.start[:-1][has_more] + k
        until = np.full(len(count), np.nan)
        until[has_more] = visits.day[last]
        cut, row = visits_up_to(visits, until, inclusive=True)
        then = definition.evaluate(replace(cut, since=None), study.scale)
        now = np.isin(row, last)
        if (then.met[now] != state.met[row[now]]).any():
            raise SpecError(
                f"{definition.label(study.scale)} at a visit depends on later visits: as a "
                "covariate it would look ahead. Take a state known on the day, such as "
                "Response() or EarlyImprovement(...)."
            )


def _with_start(frame: pd.DataFrame, study: Study, value: object) -> pd.DataFrame:
    """Return the changes below what holds before the first of them."""
    names = study.subjects["subject"].array
    first = pd.DataFrame({"subject": names, "day": _START, "value": value})
    return pd.concat([first, frame], ignore_index=True).dropna(subset=["value"])
