"""Whether the visits that took place can show what a definition asks for."""

from __future__ import annotations

import numpy as np

from trdstats.errors import DataWarning, Problem, warn
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.rules.schedule_tally import CLOCK, ScheduleTally, added, tally_schedule
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.study import LEFT_FOLLOW_UP, Study

# Where half of what could confirm a state comes at the wrong time, most of them stay unseen; where
# nine of ten do, nearly all.
_MOSTLY, _NEARLY_ALL = 0.5, 0.9
_FEWEST = 10  # subjects; the gaps of fewer say nothing about a schedule


def note_schedule_fit(
    study: Study, definition: Definition, tallies: tuple[ScheduleTally, ...] | None = None
) -> tuple[Problem, ...]:
    """Return what a definition asks for that the visits of a study do not give.

    Parameters
    ----------
    study : Study
    definition : Definition
    tallies : tuple of ScheduleTally, optional
        What the visits say of each of its spacings. Default: all rated visits after baseline,
        looked at where the definition asks for a time.
    """
    if tallies is None and definition.spacings:
        tallies = added(study.on_parts(_tally_part, definition))
    fits = tuple(
        problem
        for spacing, tally in zip(definition.spacings, tallies or (), strict=True)
        if (problem := _note(study, definition, tally, spacing)) is not None
    )
    return (*fits, *_no_events(study, definition))


def _tally_part(part: Study, definition: Definition) -> tuple[ScheduleTally, ...]:
    return tally_schedule(part.rated().arrays, definition.spacings)


def _no_events(study: Study, definition: Definition) -> tuple[Problem, ...]:
    """Return that an outcome is made of recorded events alone where the study has none at all."""
    if not definition.events_alone and not definition.failures:
        return ()
    problem = note_no_events(study, definition)
    return () if problem is None else (problem,)


def note_no_events(study: Study, definition: Definition) -> Problem | None:
    """Return that a definition asks for recorded events where the study has none at all."""
    asked = [k for k in (*definition.events, *definition.failures) if k != LEFT_FOLLOW_UP]
    if not asked or len(study.events):
        return None
    kinds = " or ".join(asked)
    return Problem(
        "no_events",
        f"{definition.label(study.scale)} asks for recorded events ({kinds}), and the study has "
        "none: everyone counts as free of them.",
        (),
        "Give the table of events, Study(..., events=...); if none happened, this is as it is.",
        "warning",
    )


def warn_of_schedule(
    study: Study,
    definition: Definition,
    tallies: tuple[ScheduleTally, ...] | None = None,
) -> tuple[Problem, ...]:
    """Issue what `note_schedule_fit` finds, and return it."""
    notices = note_schedule_fit(study, definition, tallies)
    for problem in notices:
        warn(problem.describe(), DataWarning)
    return notices


def _note(
    study: Study, definition: Definition, tally: ScheduleTally, spacing: Spacing
) -> Problem | None:
    if spacing.on:
        return _not_then(study, definition, tally, spacing)
    if spacing.follow_up:
        return _too_short(study, definition, tally, spacing)
    few = _too_few(study, definition, tally, spacing) if spacing.visits else None
    if few is not None or (spacing.least <= 0 and spacing.most == np.inf):
        return few
    return _too_far_apart(study, definition, tally, spacing)


def _too_far_apart(
    study: Study, definition: Definition, tally: ScheduleTally, spacing: Spacing
) -> Problem | None:
    if tally.followed < _FEWEST:
        return None
    missed = 1 - tally.n_confirmed / tally.total_gaps
    if missed < _MOSTLY:
        return None
    usual = tally.median_gap()
    wide = int(tally.n_gaps[tally.gaps > spacing.most + CLOCK].sum()) / tally.total_gaps
    gaps = (
        f"{100 * wide:.0f} % of consecutive visits are more than {spacing.most:g} days apart"
        if wide >= _MOSTLY
        else f"after {100 * missed:.0f} % of the visits no later one comes in that time"
    )
    return _problem(
        study, definition, spacing, missed, f"{gaps} (median {usual:g} days)",
        "Take a definition that fits the visits (one visit, or a wider time between them), or "
        "count what happened by events.",
    )  # fmt: skip


def _too_few(
    study: Study, definition: Definition, tally: ScheduleTally, spacing: Spacing
) -> Problem | None:
    count = tally.ratings
    if len(count) < _FEWEST:
        return None
    missed = float((count < spacing.visits).mean())
    if missed < _NEARLY_ALL:
        return None
    return _problem(
        study, definition, spacing, missed,
        f"{100 * missed:.0f} % of subjects have fewer (median {np.median(count):g})",
        "Take fewer visits, or a later cut of the data.",
    )  # fmt: skip


def _not_then(
    study: Study, definition: Definition, tally: ScheduleTally, spacing: Spacing
) -> Problem | None:
    last_day, n = tally.last, len(tally.last)
    if n < _FEWEST:
        return None
    sentences, worst, apart = [], 0.0, False
    for (first, last), on in zip(spacing.on, tally.on.tolist(), strict=True):
        reached = int((last_day >= first - CLOCK).sum())
        lost, missed = 1 - reached / n, 1 - on / max(reached, 1)
        if lost >= _NEARLY_ALL:
            sentences.append(
                f"{100 * lost:.0f} % of subjects are last rated before day {first:g} (median day "
                f"{np.median(last_day):g})"
            )
        elif missed >= _MOSTLY:
            apart = True
            later = f" of those assessed on day {first:g} or later" if first > 0 else " of subjects"
            sentences.append(f"{100 * missed:.0f} %{later} have no rating {_then(first, last)}")
        else:
            continue
        worst = max(worst, 1 - on / n)
    if not sentences:
        return None
    remedy = "Take days on which patients were assessed, or a later cut of the data."
    if apart and study.windows is None:
        remedy = "Take days on which patients were assessed, or give windows: see propose_windows."
    elif apart:
        days = sorted({d for w in study.windows.values() for d in w.days})  # type: ignore[union-attr]
        remedy = (
            f"Take scheduled days ({', '.join(f'{d:g}' for d in days)}), or widen their windows."
        )
    return _problem(study, definition, spacing, worst, "; ".join(sentences), remedy)


def _then(first: float, last: float) -> str:
    if first == last:
        return f"on day {first:g}"
    return f"by day {last:g}" if first <= 0 else f"from day {first:g} to day {last:g}"


def _problem(
    study: Study, definition: Definition, spacing: Spacing, missed: float, why: str, remedy: str
) -> Problem:
    return Problem(
        "schedule_cannot_show",
        f"{_capital(definition.label(study.scale))} asks for {spacing.words}; {why}: "
        f"it {_how_far(missed)}.",
        (),
        remedy,
        level="warning",
    )


def _too_short(
    study: Study, definition: Definition, tally: ScheduleTally, spacing: Spacing
) -> Problem | None:
    span = tally.span
    if len(span) < _FEWEST:
        return None
    missed = float((span < spacing.follow_up - CLOCK).mean())
    if missed < _NEARLY_ALL:
        return None  # some leave early in every study; the state is then not known, and says so
    return _problem(
        study, definition, spacing, missed,
        f"{100 * missed:.0f} % of subjects are assessed over less (median {np.median(span):g} "
        f"days)",
        "Take a shorter time, or a later cut of the data.",
    )  # fmt: skip


def _how_far(missed: float) -> str:
    if missed >= 1 - 1e-12:
        return "cannot be detected"
    return "can hardly be detected" if missed >= _NEARLY_ALL else "will mostly go undetected"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
