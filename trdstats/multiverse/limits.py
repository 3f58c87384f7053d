"""What the visits of a study cannot show, in how many universes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from trdstats.errors import DataWarning, Problem, describe_problems, warn
from trdstats.multiverse.estimates import Universe
from trdstats.outcomes.schedule_fit import note_schedule_fit
from trdstats.study import note_asked_day


def note_limits(universes: Iterable[Universe], *, at_day: bool) -> tuple[Problem, ...]:
    """Return what limits universes, each notice once and with the number of universes.

    Parameters
    ----------
    universes : iterable of Universe
    at_day : bool
        Whether subjects count by their assessment on the day: a horizon need not be one.
    """
    every = list(universes)
    days = {(id(u.study), u.day): u for u in every} if at_day else {}
    rules = {(id(u.study), u.definition): u for u in every}
    by_day = {key: _asked(u) for key, u in days.items()}
    by_rule = {key: note_schedule_fit(u.study, u.definition) for key, u in rules.items()}
    count: dict[Problem, int] = {}
    for u in every:
        asked = by_day.get((id(u.study), u.day), ())
        for problem in (*asked, *by_rule[id(u.study), u.definition]):
            count[problem] = count.get(problem, 0) + 1
    return tuple(_counted(problem, n, len(every)) for problem, n in count.items())


def warn_of_limits(notices: Sequence[Problem]) -> None:
    """Issue the notices in one warning."""
    if notices:
        warn(describe_problems(list(notices)), DataWarning)


def _asked(universe: Universe) -> tuple[Problem, ...]:
    pair = (universe.treatment, universe.reference)
    problems = note_asked_day(universe.study, universe.day, pair)
    return () if problems is None else (problems,)


def _counted(problem: Problem, n: int, of: int) -> Problem:
    where = "all universes" if n == of else f"{n:,} of {of:,} universes"
    return replace(problem, summary=f"{problem.summary} This limits {where}.")
