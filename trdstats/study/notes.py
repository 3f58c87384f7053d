"""What limits a study without preventing its analysis."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, argument, count_of
from trdstats.kernels.visits.runs import last_marked
from trdstats.kinds import places
from trdstats.scales import Scale
from trdstats.study.checks.values import Labels, show_day
from trdstats.study.subjects import lie_together, never_changes

# Under no treatment does so large a part of ill subjects get so much worse.
_NEARLY_ALL, _CLEARLY = 0.8, 0.1  # of the subjects; of the range of the scale
_ILL = 0.2  # of the range, from the best total
_FEWEST = 10
_FAR = 0.05  # of the range of the scale
# Entries that say of a treatment that it is not known; "none" may be one.
_NOT_KNOWN = frozenset(
    ("unknown", "not known", "missing", "not available", "not recorded", "unspecified", "n/a", "na",
     "nan", "nk", "unk", "tbd", "?", "-", ".", "-9", "-99", "-999", "99", "999", "9999",
     "unbekannt", "fehlt", "fehlend", "keine angabe", "k.a.", "inconnu", "desconocido")
)  # fmt: skip
# Entries of ADaM's DTYPE, and words of the same meaning, beside totals that are no ratings.
_DERIVED = frozenset(
    ("locf", "wocf", "bocf", "nocb", "imputed", "interpolated", "carried forward",
     "last observation carried forward", "average", "mi")
)  # fmt: skip
_PLACES = frozenset(
    ("site", "site_id", "siteid", "centre", "center", "clinic", "hospital", "zentrum", "sede")
)


def note_baselines(ids: Labels, baseline: FloatArray, scale: Scale, how: str) -> list[Problem]:
    """Note subjects whose share of improvement cannot be had: no baseline, or one at an end."""
    problems = []
    none = np.isnan(baseline)
    if none.any():
        problems.append(
            Problem(
                "no_baseline",
                count_of(int(none.sum()), "subject has", "subjects have")
                + f" no {scale.label} baseline ({how}).",
                places(none, lambda i: str(ids[i])),
                "Their response is not defined: it stays missing, and rates say how many.",
                level="warning",
            )
        )
    for end, total in (("floor", scale.floor), ("ceiling", scale.maximum)):
        at_end = baseline == total
        if not at_end.any() or (end == "ceiling" and not scale.high_is_good):
            continue
        limits = "A per cent fall from the floor is not defined: it stays missing."
        if scale.high_is_good:
            what = "baseline" if end == "floor" else "distance to the highest total"
            limits = f"A rise by a share of the {what} is not defined: it stays missing."
        problems.append(
            Problem(
                f"baseline_at_{end}",
                count_of(int(at_end.sum()), "subject starts", "subjects start")
                + f" at the {end} of {scale.label} ({total}).",
                places(at_end, lambda i: str(ids[i])),
                limits,
                level="warning",
            )
        )
    return problems


def note_treatments(treatments: Sequence[str]) -> Problem | None:
    """Note a study with one treatment only."""
    if len(treatments) != 1:
        return None
    return Problem(
        "one_arm",
        f"All subjects have the treatment {treatments[0]!r}.",
        (),
        "Rates and curves can be had; nothing can be compared.",
        level="warning",
    )


def note_unnamed_treatments(treatment: pd.Categorical) -> Problem | None:
    """Note treatments whose name says that it is not known, of each subject."""
    names = [str(c) for c in treatment.categories]
    odd = [k for k, name in enumerate(names) if name.strip().casefold() in _NOT_KNOWN]
    if not odd:
        return None
    counts = np.bincount(treatment.codes[treatment.codes >= 0], minlength=len(names))
    return Problem(
        "unnamed_treatment",
        count_of(len(odd), "treatment is", "treatments are")
        + " called as if it were not known: "
        + ("it counts as one." if len(odd) == 1 else "each counts as one."),
        tuple(f"{names[k]!r}: {count_of(int(counts[k]), 'subject', 'subjects')}" for k in odd),
        "Fill the treatment in, or leave these subjects out.",
        level="warning",
    )


def note_derived_rows(visits: pd.DataFrame, others: Sequence[Hashable]) -> Problem | None:
    """Note totals of the visits that a column calls derived.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits of a scale.
    others : sequence
        Its columns that have no role.
    """
    for name in others:
        values: pd.Series[Any] = visits[name]
        if values.dtype.kind not in "OT" and not isinstance(values.dtype, pd.CategoricalDtype):
            continue
        code, distinct = pd.factorize(values)
        levels = list(distinct)
        # The last place is that of empty entries.
        says = np.array([str(v).strip().casefold() in _DERIVED for v in levels] + [False])
        if not says.any():
            continue
        rows = says[code] & visits["score"].notna().to_numpy()
        if rows.any():
            counts = np.bincount(code[rows], minlength=len(levels))
            return Problem(
                "derived_rows",
                count_of(int(rows.sum()), "total is", "totals are")
                + f" derived and no rating, by column {str(name)!r}.",
                tuple(
                    f"{levels[k]}: " + count_of(int(counts[k]), "", "")
                    for k in np.flatnonzero(counts)
                ),
                "They count as ratings here. Leave them out, and say what becomes of missing ones "
                "in the analysis.",
                level="warning",
            )
    return None


def note_unseen(ids: Labels, not_assessed: BoolArray, scale: Scale) -> Problem | None:
    """Note subjects without any rated visit after baseline."""
    if not not_assessed.any():
        return None
    return Problem(
        "no_visits",
        count_of(int(not_assessed.sum()), "subject has", "subjects have")
        + f" no {scale.label} rating after day 0.",
        places(not_assessed, lambda i: str(ids[i])),
        "They count in the denominators of rates and carry no information on time to response.",
        level="note",
    )


def note_filled_in(
    subjects: Labels, day: FloatArray, filled_in: BoolArray, scale: Scale
) -> Problem | None:
    """Note totals that are fractions, as unanswered items filled in give them."""
    if not filled_in.any():
        return None
    return Problem(
        "filled_in_total",
        count_of(int(filled_in.sum()), f"{scale.label} total is", f"{scale.label} totals are")
        + " no whole number but one that filling in unanswered items gives.",
        places(filled_in, lambda i: f"{subjects[i]} at {show_day(day[i])}"),
        "They are used as they are, unrounded; means of two raters would look alike.",
        level="note",
    )


def last_totals(day: FloatArray, score: FloatArray, start: IntArray) -> FloatArray:
    """Return the last total of each subject after day 0, NaN without one, shape (n_subjects,).

    Parameters
    ----------
    day, score : ndarray, shape (n_visits,)
        Day and total of each visit, sorted by subject and day.
    start : ndarray of int, shape (n_subjects + 1,)
        Visits of subject ``i`` are ``start[i] : start[i + 1]``.
    """
    row = start[1:] - 1
    filled = row >= start[:-1]
    if filled.all() and (day[row] > 0).all() and not np.isnan(last := score[row]).any():
        return last
    row = last_marked((day > 0) & ~np.isnan(score), start)
    last = np.full(len(row), np.nan)
    last[row >= 0] = score[row[row >= 0]]
    return last


def note_mostly_worse(
    last: FloatArray, baseline: FloatArray, arm: IntArray, arms: Sequence[str], scale: Scale
) -> Problem | None:
    """Note treatments under which nearly all subjects end worse than they began.

    Parameters
    ----------
    last, baseline, arm : ndarray, shape (n_subjects,)
        Last total after day 0, baseline and treatment of each subject.
    """
    worse = scale.oriented(last) - scale.oriented(baseline)
    known = ~np.isnan(worse)
    whole = scale.maximum - scale.floor
    where = []
    for k, name in enumerate(arms):
        in_arm = known & (arm == k)
        # Who is well at the start can only get worse: a trial of relapse.
        ill = float(np.median(scale.oriented(baseline[in_arm]) - scale.oriented(scale.best))) if (
            in_arm.any()
        ) else 0.0  # fmt: skip
        if in_arm.sum() < _FEWEST or ill < _ILL * whole or (worse[in_arm] > 0).mean() < _NEARLY_ALL:
            continue
        if np.median(worse[in_arm]) >= _CLEARLY * whole:
            where.append(f"{name}: {int((worse[in_arm] > 0).sum()):,} of {int(in_arm.sum()):,}")
    if not where:
        return None
    side = "lower" if scale.high_is_good else "higher"
    return Problem(
        "mostly_worse",
        f"Under {len(where)} treatment{'s' if len(where) > 1 else ''} nearly all subjects end "
        f"{side} on the {scale.label}, which is worse, than they began.",
        tuple(where),
        "Look whether the totals are turned round, belong to another scale, or days count "
        "backwards.",
        level="warning",
    )


def note_low_totals(
    seen: npt.NDArray[np.integer], score: FloatArray, scale: Scale
) -> Problem | None:
    """Note that no total reaches the middle of the scale, as those of a shorter one do not.

    Parameters
    ----------
    seen : ndarray of int, shape (n_rows,)
        Subject of each visit.
    score : ndarray, shape (n_rows,)
    """
    highest = np.fmax.reduce(score, initial=-np.inf)
    if not -np.inf < highest < (scale.floor + scale.maximum) / 2:
        return None
    if len(np.unique(seen[~np.isnan(score)])) < 2 * _FEWEST:
        return None
    return Problem(
        "low_totals",
        f"No {scale.label} total lies above {highest:g}, and the scale goes up to {scale.maximum}.",
        (),
        f"If the totals are of another instrument, name that one: {argument('scale')}",
        level="note",
    )


def note_other_baseline(
    ids: Labels, code: IntArray, day: FloatArray, score: FloatArray, named: FloatArray, scale: Scale
) -> Problem | None:
    """Note subjects whose named baseline is far from their last score before treatment.

    Parameters
    ----------
    ids : sequence
        Subjects.
    code, day, score : ndarray, shape (n_visits,)
        Subject, day and total of each visit, sorted by subject and day.
    named : ndarray, shape (n_subjects,)
        Baselines of the column that is named.
    """
    before = (day <= 0) & ~np.isnan(score) & (code >= 0)
    rated = np.full(len(ids), np.nan)
    rated[code[before]] = score[before]  # the last one of each subject stays
    with np.errstate(invalid="ignore"):
        far = np.abs(rated - named) >= _FAR * (scale.maximum - scale.floor)
    both = int((~np.isnan(rated - named)).sum())
    if not far.any():
        return None
    return Problem(
        "other_baseline",
        count_of(int(far.sum()), "subject has", "subjects have")
        + f" a {scale.label} baseline far from the last score at day 0 or before: the column of "
        "baselines counts.",
        places(far, lambda i: f"{ids[i]}: {named[i]:g}, rated {rated[i]:g}"),
        "Look whether the column holds the baseline of this scale.",
        level="warning" if far.sum() > both / 2 else "note",
    )


def note_two_places(columns: pd.DataFrame, code: IntArray, ids: Labels) -> Problem | None:
    """Note subjects with visits at two sites: probably two patients with one identifier.

    Parameters
    ----------
    columns : pandas.DataFrame
        Of the visits.
    code : ndarray of int, shape (n_rows,)
        Subject of each row, -1 where it is not known.
    ids : sequence
        Subjects.
    """
    for name in columns:
        if str(name).strip().casefold() not in _PLACES:
            continue
        if lie_together(code) and never_changes(columns[name], code):
            continue
        place = pd.factorize(columns[name])[0]
        pairs = np.unique(np.column_stack([code, place])[(code >= 0) & (place >= 0)], axis=0)
        several = np.bincount(pairs[:, 0], minlength=len(ids)) > 1
        if several.any():
            return Problem(
                "two_places",
                count_of(int(several.sum()), "subject has", "subjects have")
                + f" visits with more than one entry of {str(name)!r}.",
                places(several, lambda i: str(ids[i])),
                "Where numbers start again at each site, two patients share one: make identifiers "
                "of site and number. Where patients moved, all is well.",
                level="warning",
            )
    return None
