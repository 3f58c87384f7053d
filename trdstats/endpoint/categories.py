"""An outcome in ordered categories, one a subject."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.comparison.adjusted.subject_outcomes import SubjectOutcomes, read_outcomes
from trdstats.errors import (
    DataError,
    NotEstimableError,
    Problem,
    SpecError,
    count_of,
    unknown_name,
)
from trdstats.frames import to_pandas
from trdstats.kinds import label_of
from trdstats.study import Study
from trdstats.study.plausibility.plain_tables import warn_of_codes
from trdstats.study.study import remembering

AT_A_DAY = ("severity", "score")
# With more levels than this the cuts cost more than the categories tell.
MOST = 60


@dataclass(frozen=True)
class CategoryOutcomes:
    """The category of every subject.

    Attributes
    ----------
    known : SubjectOutcomes
        With `y` the place of the category, NaN without one.
    labels : tuple of str
        Categories in their order, those that occur.
    notes : tuple of str
        Categories that do not occur.
    """

    known: SubjectOutcomes
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def check_categories(outcome: object, day: float | None) -> None:
    """Raise `SpecError` unless an outcome in categories and its day can go together."""
    if not isinstance(outcome, str):
        raise SpecError(
            "The outcome of ProportionalOdds is 'severity' or 'score' at a day, or a column of "
            f"the subjects; got {outcome!r}. For a definition such as Response() use Logistic."
        )
    if day is not None and outcome not in AT_A_DAY:
        raise SpecError(
            f"outcome={outcome!r} is a column of the subjects and has no day; take day away, or "
            "use 'severity' or 'score'."
        )


def read_categories(data: Any, outcome: str, day: float | None) -> CategoryOutcomes:
    """Return the category of every subject of a study, or of a frame with one row a subject.

    Raises
    ------
    SpecError, UnknownNameError
        When the outcome needs a study or a day, or is not there.
    DataError
        When a column holds texts whose order is not known.
    NotEstimableError
        When fewer than two categories occur, or too many.
    """
    is_study = isinstance(data, Study)
    if is_study and day is not None:
        scores = read_outcomes(data, "score", day=day, missing="observed", reference=None)
        if outcome == "severity":
            return _bands(data, scores, day)
        return _compact(scores, pd.Series(scores.y))
    if not is_study and day is not None:
        raise SpecError(f"outcome={outcome!r} at a day needs a Study; got a frame.")
    frame = remembering(data.subjects.copy(), data) if is_study else to_pandas(data, what="data")
    if outcome not in frame:
        if is_study and outcome in AT_A_DAY:
            raise SpecError(f"outcome={outcome!r} of a study needs a scheduled day: day=28.")
        raise unknown_name("column", outcome, frame.columns)
    if not is_study:
        warn_of_codes(frame, [outcome], "data")
    values = _in_order(frame[outcome], outcome)
    number = values.cat.codes.astype(float).where(values.notna())
    stand_in = frame.assign(**{outcome: number})
    caveat = data.caveat if is_study else ""
    if is_study:
        y = np.asarray(number, dtype=np.float64)
        known = SubjectOutcomes(stand_in, y, False, outcome, caveat, column=outcome)
    else:
        known = read_outcomes(stand_in, outcome, day=None, missing="observed", reference=None)
    return _compact(known, pd.Series(values.to_numpy()).astype(values.dtype))


def _in_order(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return a column as ordered categories."""
    if isinstance(values.dtype, pd.CategoricalDtype) and values.cat.ordered:
        return values
    if pd.api.types.is_complex_dtype(values.dtype):
        raise _not_ordered(name, "holds complex numbers", "Give the codes of the categories.")
    is_number = pd.api.types.is_numeric_dtype(values.dtype)
    if is_number and np.isinf(values.to_numpy(dtype=float, na_value=np.nan)).any():
        raise _not_ordered(name, "holds infinite numbers", "Give the codes of the categories.")
    if is_number:
        return values.astype(pd.CategoricalDtype(sorted(values.dropna().unique()), ordered=True))
    raise _not_ordered(
        name,
        "holds texts, whose order is not known",
        f"Say it: frame[{name!r}] = pd.Categorical(frame[{name!r}], categories=['none', 'mild', "
        "...], ordered=True).",
    )


def _not_ordered(name: str, what: str, remedy: str) -> DataError:
    return DataError([Problem("no_order", f"The outcome {name!r} {what}.", (), remedy)])


def _bands(study: Study, scores: SubjectOutcomes, day: float) -> CategoryOutcomes:
    """Return the severity bands of scores at a day."""
    scale = study.scale
    if not scale.schemes:
        raise SpecError(
            f"No severity bands of {scale.label} are known: use outcome='score' for its totals as "
            "categories, or a column of the subjects."
        )
    bands = sorted(scale.schemes[0].bands, key=lambda band: band[1], reverse=scale.high_is_good)
    names = [None if np.isnan(v) else scale.severity(float(v)) for v in scores.y]
    lost = sum(n is None for n in names) - int(np.isnan(scores.y).sum())
    if lost:
        raise SpecError(
            f"{count_of(lost, 'total lies', 'totals lie')} in no severity band of {scale.label} "
            f"({scale.schemes[0].scheme}), such as halves between two bands: make a column of "
            "ordered categories."
        )
    order = pd.CategoricalDtype(list(dict.fromkeys(name for name, _, _ in bands)), ordered=True)
    label = f"{scale.label} severity at day {day:g}"
    return _compact(replace(scores, label=label), pd.Series(names, dtype=order))


def _compact(known: SubjectOutcomes, values: pd.Series[Any]) -> CategoryOutcomes:
    """Return categories that occur, numbered from 0."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(pd.CategoricalDtype(sorted(values.dropna().unique()), ordered=True))
    codes = values.cat.codes.to_numpy().astype(np.intp)
    used = np.unique(codes[codes >= 0])
    names = [label_of(c) or "" for c in values.cat.categories]
    if len(used) < 2:
        what = f"has {names[used[0]]!r}" if len(used) else "has an outcome"
        who = "Every subject" if len(used) else "No subject"
        raise NotEstimableError(f"{who} {what}: nothing to compare in {known.label}.")
    if len(used) > MOST:
        raise NotEstimableError(
            f"{known.label} has {len(used)} different values, too many for categories: use "
            "RankComparison, or join values."
        )
    empty = [n for k, n in enumerate(names) if k not in used]
    note = f"No subject in {count_of(len(empty), 'category', 'categories')}: {', '.join(empty)}."
    place = np.full(len(names) + 1, np.nan)
    place[used] = np.arange(len(used))
    y = np.where(codes >= 0, place[codes], np.nan)
    return CategoryOutcomes(
        replace(known, y=y, binary=False), tuple(names[k] for k in used), (note,) if empty else ()
    )
