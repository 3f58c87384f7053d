"""A mapping in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trdstats.intake.mapping.units import describe_unit, unit_of

_SHOWN = 6


def describe_mapping(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what is where, each with its label."""
    return (
        *_files(values),
        *_measures(values),
        ("Subject", f"column {values['subject']!r}"),
        ("Treatment", f"column {values['treatment']!r}" + _labels(values, values["treatment"])),
        *_time(values),
        *_writing(values),
        *_rest(values),
        ("Allocation", "randomised" if values["randomised"] else "not randomised"),
    )


def _files(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for label, file, sheet in (
        ("File", values["file"], values["sheet"]),
        ("Subjects", values["subjects"], values["subjects_sheet"]),
        ("Events", values["events"], values["events_sheet"]),
    ):
        parts = [file] if file else []
        parts += [f"sheet {sheet!r}"] if sheet else []
        if parts:
            yield label, ", ".join(parts)
    for label, name in (("Separator", "separator"), ("Encoding", "encoding")):
        if values[name] is not None:
            yield label, repr(values[name])


def _measures(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    scores, items = dict(values["score"] or {}), dict(values["items"] or {})
    for k, scale in enumerate(values["scale"]):
        words = _where(scores[scale]) if scale in scores else f"items {_where(items[scale])}"
        if scale in items:
            rule = values["missing_items"]
            words += (
                f", up to {rule} unanswered items filled in"
                if isinstance(rule, int)
                else {"published": "", "complete": ", complete forms only"}[rule]
            )
        base = dict(values["baseline"] or {}).get(scale)
        if base is not None:
            words += f"; baseline {'column ' if isinstance(base, str) else ''}{base!r}"
        raters = dict(values["averaged_over"] or {}).get(scale)
        words += f"; means of {raters} raters" if raters else ""
        yield "Scale" if not k else "Other scale", f"{scale}: {words}"


def _where(entry: Any) -> str:
    if isinstance(entry, Mapping):
        pairs = [f"{c!r} at day {d:g}" for c, d in entry.items()]
        return "columns " + _listed(pairs)
    if isinstance(entry, tuple):
        return f"columns {entry[0]!r} to {entry[-1]!r}"
    unit = unit_of(entry)
    if unit is not None:
        return f"columns {entry!r}, {describe_unit(unit)}"
    return f"columns {entry!r}" if "{" in entry else f"column {entry!r}"


def _listed(words: list[str]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _labels(values: Mapping[str, Any], column: str) -> str:
    known = values["labels"].get(column)
    return ": " + _listed([f"{c} = {v}" for c, v in known.items()]) if known else ""


def _time(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values["day"] is not None:
        unit = values["unit"]
        how = "" if unit == "days" else f", {describe_unit(unit)}"
        yield "Day", f"column {values['day']!r}{how}"
    if values["date"] is not None:
        yield "Day", f"{values['date']!r} minus the date of first treatment {values['start']!r}"
    if values["visit"] is not None:
        days = [f"{k} = day {v:g}" for k, v in values["visit_days"].items()]
        yield "Day", f"column {values['visit']!r}: {_listed(days)}"


def _writing(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    dates = [values["date_order"]] if values["date_order"] else []
    dates += [f"serial numbers since {values['date_system']}"] * (values["date_system"] != 1900)
    dates += [f"calendar of {values['timezone']}"] if values["timezone"] else []
    if dates:
        yield "Dates", ", ".join(dates)
    numbers = [f"decimal mark {values['decimal']!r}"] if values["decimal"] else []
    numbers += [f"thousands {values['thousands']!r}"] if values["thousands"] else []
    if numbers:
        yield "Numbers", ", ".join(numbers)
    missing = values["missing"]
    if missing:
        yield (
            "Missing",
            _listed([f"{c!r}: {', '.join(map(repr, v))}" for c, v in missing.items()])
            if isinstance(missing, Mapping)
            else ", ".join(map(repr, missing)),
        )


def _rest(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for column in values["labels"]:
        if column != values["treatment"]:
            yield f"Labels of {column}", _labels(values, column)[2:]
    if values["covariates"] is not None:
        yield "Covariates", ", ".join(values["covariates"]) or "none"
    if values["instrument"] is not None:
        yield "Instrument", f"column {values['instrument']!r}"
    for name in ("event_dates", "event_days"):
        if values[name]:
            yield "Events", _listed([f"{e} on {c!r}" for c, e in values[name].items()])
    if values["windows"]:
        yield "Windows", _listed([f"{k}: {v}" for k, v in values["windows"].items()])
    if values["duplicates"]:
        yield "Duplicates", values["duplicates"]
