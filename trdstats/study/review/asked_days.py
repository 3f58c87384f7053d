"""Whether the day that is asked for is one on which patients were assessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from trdstats.arrays import BoolArray, IntArray
from trdstats.errors import DataWarning, Problem, argument, describe_problems, warn
from trdstats.study.plausibility.schedule import nearby
from trdstats.study.study import Study

_REACHED = 0.5  # of those assessed nearby
FEWEST = 10  # assessed nearby; of fewer a half says nothing


def note_asked_day(
    study: Study, day: float, treatments: Sequence[str] | None = None
) -> Problem | None:
    """Note that a scheduled day is reached by fewer than half of those assessed nearby.

    Parameters
    ----------
    study : Study
    day : float
    treatments : sequence of str, optional
        Default: all. Those whose windows do not name the day are not scheduled for it.
    """
    reach = float(nearby(day))
    tallies = study.on_parts(_count_reached, day, reach)
    if sum(rows for rows, _, _ in tallies) < FEWEST:
        return None
    # Windows that reach further than what is near add to those who stand for the day.
    n_near = np.sum([near for _, near, _ in tallies], axis=0)
    n_on = np.sum([on for _, _, on in tallies], axis=0)
    thin = [
        k
        for k, name in enumerate(study.treatments)
        if (treatments is None or name in treatments)
        and (study.windows is None or day in study.windows[name].days)
        and n_on[k] < _REACHED * n_near[k]
    ]
    n, of = int(n_on[thin].sum()), int(n_near[thin].sum())
    if of < FEWEST:
        return None
    names = [study.treatments[k] for k in thin]
    remedy = (
        "Give windows, for example "
        + argument("windows", f"{{{day:g}: {reach:g}}}", option=f"{day:g}={reach:g}")
        + ", or see propose_windows(study)."
        if study.windows is None
        else f"Widen the window of day {day:g}, or see propose_windows(study)."
    )
    where = "on day" if study.windows is None else "in the window of day"
    return Problem(
        "day_few_reach",
        f"Under {', '.join(names)} {of:,} were assessed between day {day - reach:g} and "
        f"{day + reach:g}, {n:,} {where} {day:g}: the others count as not assessed.",
        tuple(f"{study.treatments[k]}: {n_on[k]:,} of {n_near[k]:,}" for k in thin),
        remedy,
        level="warning",
    )


def warn_of_asked_days(
    study: Study,
    days: Iterable[float],
    treatments: Sequence[str] | None = None,
) -> tuple[Problem, ...]:
    """Issue what `note_asked_day` says of some days, and return it."""
    problems = [note_asked_day(study, float(day), treatments) for day in dict.fromkeys(days)]
    notices = tuple(p for p in problems if p is not None)
    if notices:
        warn(describe_problems(notices), DataWarning)
    return notices


def _count_reached(study: Study, day: float, reach: float) -> tuple[int, IntArray, IntArray]:
    """Return ratings near a day, and by treatment the subjects who have one and who have the day.

    Both arrays have shape (n_treatments,).
    """
    visits = study.visits
    at = visits["day"].to_numpy()
    near = np.flatnonzero((at > 0) & (np.abs(at - day) <= reach + 1e-9))
    near = near[visits["score"].notna().to_numpy()[near]]
    code = visits["subject"].cat.codes.to_numpy()[near].astype(np.intp)
    arm = study.subjects["treatment"].cat.codes.to_numpy().astype(np.intp)
    on = np.abs(visits["visit"].to_numpy()[near] - day) <= 1e-9
    k, every = len(study.treatments), np.ones(len(code), dtype=bool)
    return len(near), _subjects_by_arm(code, every, arm, k), _subjects_by_arm(code, on, arm, k)


def _subjects_by_arm(code: IntArray, rows: BoolArray, arm: IntArray, k: int) -> IntArray:
    """Return how many subjects of each treatment have one of some rows, shape (k,)."""
    has = np.zeros(len(arm), dtype=bool)
    has[code[rows]] = True
    return np.asarray(np.bincount(arm[has], minlength=k))
