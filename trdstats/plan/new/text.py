"""The text of a new plan: every line with what it rests on, every open one marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trdstats.errors import PlanError
from trdstats.intake.mapping.toml_text import toml_key, toml_value
from trdstats.intake.propose import Proposal
from trdstats.scales import Scale
from trdstats.study import Study

_USUAL_DAY = 28.0
_DURABILITY = (28.0, 84.0, 168.0)
_STEPS = ("participants", "change", "rates", "onset", "durability")


@dataclass(frozen=True)
class PlanText:
    """A plan as text.

    Attributes
    ----------
    text : str
    undecided : tuple of (int, str)
        Line to be edited, from 1 on, and the words.
    """

    text: str
    undecided: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class _Line:
    """One line of a table, with what it rests on and what is open about it."""

    key: str
    value: Any
    why: str = ""
    open: tuple[str, ...] = ()


def written_plan(
    name: str, fields: Mapping[str, Any], proposal: Proposal, study: Study
) -> PlanText:
    """Return the plan for an export.

    Parameters
    ----------
    name : str
        The file, for the title.
    fields : mapping
        The ``[study.export]`` table.
    proposal : Proposal
    study : Study
        As the export is read, with windows.

    Raises
    ------
    PlanError
        When no day is scheduled for all treatments, or the scale gives no responses.
    """
    tables = {
        "study.export": _export(fields, proposal),
        "definitions": _definitions(study.scale),
        "analysis": _analysis(study),
    }
    lines = [
        f"# A plan for {_plain(name)}, written by `trdstats new` from what the file says.",
        '# Run it with `trdstats run`. Lines under "To decide" are what the file does not say.',
        "",
        f"title = {toml_value(f'Response in {name}')}",
        f"steps = {toml_value(list(_STEPS))}",
        '# More steps: in_response, acute; comparison, with adjust = "age" in [analysis].',
    ]
    undecided = []
    for table, entries in tables.items():
        lines += ["", f"[{table}]"]
        for entry in entries:
            lines += [f"# To decide: {_plain(words)}." for words in entry.open]
            why = f"  # {_plain(entry.why)}" if entry.why else ""
            lines.append(f"{toml_key(entry.key)} = {toml_value(entry.value)}{why}")
            undecided += [(len(lines), words) for words in entry.open]
    return PlanText("\n".join(lines) + "\n", tuple(undecided))


def _plain(text: str) -> str:
    """Return a text that stays on the line of its comment."""
    return "".join(c if c.isprintable() else " " for c in text)


def _export(fields: Mapping[str, Any], proposal: Proposal) -> list[_Line]:
    open_of: dict[str, list[str]] = {}
    for question in proposal.questions:
        key = question.key if question.key in fields else "file"
        open_of.setdefault(key, []).append(question.words)
    return [
        _Line(key, value, proposal.assumed.get(key, ""), tuple(open_of.get(key, ())))
        for key, value in fields.items()
    ]


def _definitions(scale: Scale) -> list[_Line]:
    if scale.is_ordinal:
        raise PlanError(
            f"No plan can be written: {scale.label} is a category of which no share can be taken, "
            "so there is no usual response. Name another scale, or write the plan yourself."
        )
    rises = scale.direction == "higher is better"
    response = (
        _Line("response", {"of": "distance"}, "half of the way from baseline to the best total")
        if rises
        else _Line("response", {"reduction": 0.5}, "a fall of at least half of the baseline")
    )
    bands = scale.schemes[0].bands if scale.schemes else ()
    default = any(c.default for c in scale.remission)
    low, high = scale.total
    if default:
        remission = _Line("remission", {}, f"the default cut-off of {scale.label}")
    else:
        cut = bands[-1][1] if rises and bands else bands[0][2] if bands else low + (high - low) // 4
        remission = _Line(
            "remission",
            {"at_least" if rises else "at_most": cut},
            open=(
                f"{scale.label} has no agreed cut-off for remission; a band of severity was taken",
            ),
        )
    moderate = next((b[1] for b in bands if b[0] == "moderate"), low + (high - low + 1) // 2)
    threshold = bands[0][2] if rises and bands else moderate
    relapse = _Line(
        "relapse",
        {"at_most" if rises else "at_least": threshold, "consecutive": 2},
        open=("relapse has no default, since trials differ: write that of your protocol",),
    )
    return [response, remission, relapse]


def _analysis(study: Study) -> list[_Line]:
    days = _shared_days(study)
    day = min(days, key=lambda d: (abs(d - _USUAL_DAY), d))
    last = max(days)
    durability = [short(d) for d in _DURABILITY if d <= last] or [short(last)]
    return [
        _Line("acute_end", short(day), open=(
            "when the acute course ends: where courses differ in length, a day for each treatment, "
            f"{{ {toml_key(study.treatments[0])} = {day:g}, ... }}",)),
        _Line("rate_days", [short(day)], "scheduled for all treatments"),
        _Line("reference", study.treatments[0], open=(
            "the treatment that the others are compared with; the first was taken",)),
        _Line("missing", "nonresponse", "not assessed is no response; or observed, locf, worst"),
        _Line("horizon", short(last), "the last day scheduled for all treatments"),
        _Line("durability_days", durability, "days since response"),
    ]  # fmt: skip


def _shared_days(study: Study) -> list[float]:
    schedules = [set(w.days) for w in (study.windows or {}).values()]
    days = sorted(d for d in set.intersection(*schedules) if d > 0) if schedules else []
    if not days:
        raise PlanError(
            "No plan can be written: treatments share no day on which they are assessed, so no "
            "rate "
            "compares them. Analyse them apart, or write the plan with separate windows."
        )
    return days


def short(day: float) -> float | int:
    """Return a whole number without its decimal point."""
    return int(day) if day == int(day) else day
