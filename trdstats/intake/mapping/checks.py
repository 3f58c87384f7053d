"""What can be wrong with a mapping before any export was read."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Any

from trdstats.arguments import is_number
from trdstats.errors import SpecError, check_choice
from trdstats.intake.mapping.units import PLACES, places_of, unit_of
from trdstats.scales import get_scale

_CHOICES: dict[str, tuple[Any, ...]] = {
    "unit": ("days", "weeks", "months", "hours"),
    "date_order": (None, "day first", "month first", "year first"),
    "decimal": (None, ".", ","),
}


def faults_of(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the fields of a mapping, each as a sentence."""
    return [
        *_wrong_choices(values),
        *_wrong_patterns(values),
        *_wrong_scales(values),
        *_wrong_time(values),
        *_wrong_columns(values),
        *_wrong_codes(values),
    ]


def _wrong_choices(values: Mapping[str, Any]) -> Iterator[str]:
    for name, choices in _CHOICES.items():
        value = values[name]
        if value not in choices:
            try:
                check_choice(name, value, [c for c in choices if c is not None])
            except SpecError as error:
                yield str(error)
    if values["date_system"] not in (1900, 1904):
        yield f"date_system must be 1900 or 1904; got {values['date_system']!r}."
    rule = values["missing_items"]
    counted = isinstance(rule, int) and not isinstance(rule, bool) and rule >= 0
    if rule not in ("published", "complete") and not counted:
        yield (
            "missing_items must be 'published', 'complete', or how many items may be filled in; "
            f"got {rule!r}."
        )
    zone = values["timezone"]
    if zone is not None:
        try:
            zoneinfo.ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            yield f"timezone {zone!r} is not known: name one such as 'Europe/Berlin' or 'UTC'."
    decimal, thousands = values["decimal"], values["thousands"]
    if thousands is not None and thousands not in (".", ",", "space", "apostrophe"):
        yield f"thousands must be one of '.', ',', 'space', 'apostrophe'; got {thousands!r}."
    if thousands is not None and thousands == decimal:
        yield f"decimal and thousands are both {decimal!r}: they must differ."


def _wrong_patterns(values: Mapping[str, Any]) -> Iterator[str]:
    for name, wanted in (("score", ()), ("items", ("item",))):
        for scale, pattern in dict(values[name] or {}).items():
            if isinstance(pattern, str):
                yield from _wrong_pattern(f"{name} of {scale}", pattern, wanted)
    if values["date"] is not None:
        yield from _wrong_pattern("date", values["date"], ())


def _wrong_pattern(what: str, pattern: str, wanted: tuple[str, ...]) -> Iterator[str]:
    placeholders = places_of(pattern)
    times = [p for p in placeholders if p in PLACES]
    strange = [p for p in placeholders if p not in PLACES and p not in wanted]
    if strange:
        known = ", ".join(f"{{{p}}}" for p in (*PLACES, *wanted))
        yield f"{what} {pattern!r} has {{{strange[0]}}}, which is none of {known}."
    if len(times) > 1 or len(set(placeholders)) < len(placeholders):
        yield f"{what} {pattern!r} must hold one time of the visit, and each place once."
    lacking = [p for p in wanted if p not in placeholders]
    if lacking:
        yield f"{what} {pattern!r} is one column: write a pattern with {{item}}, or a list."


def _wrong_scales(values: Mapping[str, Any]) -> Iterator[str]:
    scores, items = dict(values["score"] or {}), dict(values["items"] or {})
    shared: dict[str, list[str]] = {}
    for scale in values["scale"]:
        if scale in scores and scale in items:
            yield f"{scale} has both a score and items: name one of them."
        if scale not in scores and scale not in items:
            yield f"{scale} has neither a score nor items: name its columns."
        where = scores.get(scale)
        if isinstance(where, str):
            shared.setdefault(where, []).append(scale)
        if where is not None and not isinstance(where, str | Mapping):
            yield f"score of {scale} must be a column, a pattern or {{column: day}}; got {where!r}."
        if isinstance(where, Mapping):
            if not where:
                yield f"score of {scale} names no column."
            for column, day in where.items():
                if not is_number(day):
                    yield f"score of {scale}: column {column!r} needs its day; got {day!r}."
        if scale in items:
            yield from _wrong_items(scale, items[scale])
    if values["instrument"] is None:
        for column, several in shared.items():
            if len(several) > 1:
                yield (
                    f"{' and '.join(several)} share the column {column!r}: name one column for "
                    "each, score = {scale: column}, or the column that names the scale with "
                    "instrument."
                )
    elif items or len(shared) != 1:
        yield "instrument is for one score column that several scales share."
    elif unit_of(next(iter(shared))) is not None:
        yield "instrument is for a table with one row a visit: score is a pattern of columns."
    for scale, value in dict(values["baseline"] or {}).items():
        if not isinstance(value, str) and not is_number(value):
            yield f"baseline of {scale} must be a column or a number; got {value!r}."


def _wrong_items(scale: str, where: Any) -> Iterator[str]:
    if not get_scale(scale).item_maxima:
        yield f"{scale} lists no items: give the column of its total as score."
    elif isinstance(where, tuple):
        if len(where) != len(get_scale(scale).item_maxima):
            yield (
                f"items of {scale} are {len(get_scale(scale).item_maxima)} columns in the order "
                f"of the form; got {len(where)}."
            )
    elif not isinstance(where, str):
        yield f"items of {scale} must be a pattern or a list of columns; got {where!r}."


def _wrong_time(values: Mapping[str, Any]) -> Iterator[str]:
    entries = [*dict(values["score"] or {}).values(), *dict(values["items"] or {}).values()]
    timed = [_is_timed(e) for e in entries]
    if any(timed) and not all(timed):
        yield "Some scores have the time in their columns' names and others do not: give all alike."
    wide = any(timed)
    date_is_pattern = values["date"] is not None and unit_of(values["date"]) is not None
    if wide:
        named = [n for n in ("day", "visit") if values[n] is not None]
        if values["date"] is not None and not date_is_pattern:
            named.append("date")
        if named:
            yield (
                f"The time stands in the names of the score columns, and {named[0]} names a "
                "column as well: remove one of them."
            )
    else:
        sources = [n for n in ("day", "date", "visit") if values[n] is not None]
        if not sources:
            yield (
                "Nothing says when a visit was: name the column of the day, or of the date with "
                "start, or of the visit with visit_days; or write a pattern such as "
                "'madrs_w{week}' for score."
            )
        if len(sources) > 1:
            yield f"{' and '.join(sources)} are named: keep one of them."
        if date_is_pattern:
            yield "date is a pattern, but score is one column: write a pattern for both."
    if values["date"] is not None and values["start"] is None:
        yield "date needs start, the column of the date of first treatment (day 0)."
    if values["event_dates"] and values["start"] is None:
        yield "event_dates need start, the column of the date of first treatment (day 0)."
    if values["start"] is not None and values["date"] is None and not values["event_dates"]:
        yield "start is named, but no date: name the column of the date of the visit."
    if (values["visit"] is None) != (not values["visit_days"]):
        yield "visit and visit_days belong together: the column, and the day of each of its names."
    for name, day in values["visit_days"].items():
        if not is_number(day):
            yield f"visit_days: {name!r} needs a day; got {day!r}."
    if values["unit"] != "days" and values["day"] is None and not values["event_days"]:
        yield "unit is the unit of the column day, which is not named."


def _is_timed(entry: Any) -> bool:
    return isinstance(entry, Mapping) or (isinstance(entry, str) and unit_of(entry) is not None)


def _wrong_columns(values: Mapping[str, Any]) -> Iterator[str]:
    roles = [(n, values[n]) for n in ("subject", "treatment", "day", "date", "start", "visit",
                                      "instrument")]  # fmt: skip
    roles += [(f"score of {s}", c) for s, c in dict(values["score"] or {}).items()]
    users: dict[str, list[str]] = {}
    for role, column in roles:
        if isinstance(column, str):
            users.setdefault(column, []).append(role)
    for column, several in users.items():
        kinds = {r.split(" of ")[0] for r in several}
        if len(kinds) > 1 and kinds != {"date", "start"}:
            yield f"Column {column!r} is named for {' and '.join(several)}: one column, one role."
    sheets = (("subjects_sheet", "subjects"), ("events_sheet", "events"))
    for sheet, file in sheets:
        if values[sheet] is not None and values[sheet] == values["sheet"] and not values[file]:
            yield f"{sheet} and sheet are both {values[sheet]!r}: name different sheets."


def _wrong_codes(values: Mapping[str, Any]) -> Iterator[str]:
    for column, known in values["labels"].items():
        if not isinstance(known, Mapping) or not known:
            yield f"labels of {column!r} must be a table of code = label."
            continue
        for code, label in known.items():
            if not code:
                yield f"labels of {column!r} have an empty code: an empty cell is missing."
            if not isinstance(label, str | int | float) or (
                isinstance(label, str) and not label.strip()
            ):
                yield f"labels of {column!r}: code {code!r} needs a label; got {label!r}."
    codes = values["missing"]
    if isinstance(codes, Mapping):
        empty = [c for c, several in codes.items() if not several]
        yield from (f"missing names no code for column {c!r}." for c in empty)
    covariates = values["covariates"]
    if covariates is not None and len(set(covariates)) < len(covariates):
        yield "covariates name a column twice."
    for name in ("event_dates", "event_days"):
        for column, event in values[name].items():
            if not isinstance(event, str) or not event.strip():
                yield f"{name}: column {column!r} needs the name of the event; got {event!r}."
    windows = values["windows"]
    if windows is not None and not isinstance(windows, Mapping):
        yield f"windows must be {{day: width}}, for example {{28: 3}}; got {windows!r}."
