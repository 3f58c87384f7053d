"""Which column holds which item: recognised by its name, or named by the user."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trdstats.errors import DataError, Problem, SpecError, count_of
from trdstats.scales import Scale, get_scale, scale_names

_NUMBERED = re.compile(r"^(?P<stem>.*?)0*(?P<number>[1-9]\d*)(?P<part>[a-z]?)$")


@dataclass(frozen=True, slots=True)
class ItemName:
    """The parts of a name such as ``hamd_16a``: stem, number, letter of the part."""

    stem: str
    number: int
    part: str


def read_name(name: object) -> ItemName | None:
    """Return the item a name stands for, None where it has no number."""
    match = _NUMBERED.match(str(name).strip().casefold())
    if match is None:
        return None
    return ItemName(match["stem"], int(match["number"]), match["part"])


def counts_for(scale: Scale, name: ItemName) -> int | None:
    """Return the item of the scale in which a named part counts: 0 for none, None if unknown."""
    scoring = scale.scoring
    parts = dict(scoring.parts)
    if name.number in scoring.unscored:
        return 0
    if not 1 <= name.number <= len(scale.item_maxima):
        return None
    if not name.part:
        return name.number
    if name.number not in parts:
        return None
    return name.number if name.part in parts[name.number] else 0


def choose_columns(
    columns: Sequence[str], scale: Scale, items: Sequence[str] | Mapping[int, str] | None
) -> dict[int, list[str]]:
    """Return the columns of every item of a form in wide shape.

    Parameters
    ----------
    columns : sequence of str
        Columns of the table.
    scale : Scale
    items : sequence of str, mapping of int to str, or None
        Columns in the order of the form, columns by item number, or None to recognise them by name.

    Returns
    -------
    dict of int to list of str
        By item number; several columns where the form prints an item in parts. Key 0: columns
        of the form that do not count.

    Raises
    ------
    SpecError
        When `items` does not fit the scale.
    DataError
        When columns are missing or not known.
    """
    if not scale.item_maxima:
        raise SpecError(f"{scale.label} lists no items, so forms of it cannot be scored.")
    if items is None:
        return _find(columns, scale)
    numbers = range(1, len(scale.item_maxima) + 1)
    chosen = dict(items) if isinstance(items, Mapping) else dict(enumerate(items, start=1))
    extra = sorted(set(chosen) - set(numbers))
    missing = sorted(set(numbers) - set(chosen))
    if extra or missing:
        reasons = [f"item {i} is unknown" for i in extra] + [
            f"item {i} has no column" for i in missing
        ]
        raise SpecError(f"items does not fit {scale.label}: {'; '.join(reasons[:6])}.")
    unknown = [c for c in chosen.values() if c not in columns]
    if unknown:
        raise DataError([_unknown_columns(unknown, columns)])
    named = list(chosen.values())
    twice = [c for c in dict.fromkeys(named) if named.count(c) > 1]
    if twice:
        places = "; ".join(
            f"{c!r} for items {', '.join(str(i) for i in numbers if chosen[i] == c)}" for c in twice
        )
        raise SpecError(
            f"items does not fit {scale.label}: a column is named for several items ({places}). "
            "Each item has its own column."
        )
    return {number: [chosen[number]] for number in numbers}


def _find(columns: Sequence[str], scale: Scale) -> dict[int, list[str]]:
    """Return the columns with the stem that covers all items of the scale."""
    groups: dict[str, dict[str, ItemName]] = defaultdict(dict)
    for column in columns:
        name = read_name(column)
        if name is not None:
            groups[name.stem][column] = name
    item_numbers = set(range(1, len(scale.item_maxima) + 1))

    def covered(stem: str) -> int:
        return len({counts_for(scale, n) for n in groups[stem].values()} & item_numbers)

    complete_stems = [s for s in groups if covered(s) == len(item_numbers)]
    stems = [s for s in complete_stems if _is_named_after(s, scale)] or complete_stems
    if len(stems) != 1:
        raise DataError([_not_found(scale, [list(groups[s]) for s in stems], groups, covered)])
    members = groups[stems[0]]
    counted = {column: counts_for(scale, name) for column, name in members.items()}
    unknown = [column for column, item in counted.items() if item is None]
    if unknown:
        raise DataError([_unknown_items(unknown, members, scale)])
    columns_by_item: dict[int, list[str]] = defaultdict(list)
    for column, item in counted.items():
        columns_by_item[item or 0].append(column)
    return dict(columns_by_item)


def _is_named_after(stem: str, scale: Scale) -> bool:
    def fold(text: str) -> str:
        return "".join(c for c in text.casefold() if c.isalnum())

    names = {fold(n) for n in (scale.label, *scale.aliases)}
    return any(fold(stem).startswith(n) or n.startswith(fold(stem)) for n in names if fold(stem))


def _not_found(
    scale: Scale,
    candidates: list[list[str]],
    groups: Mapping[str, Mapping[str, ItemName]],
    covered: Callable[[str], int],
) -> Problem:
    n = len(scale.item_maxima)
    remedy = (
        "Name them in the order of the form: items=[...]; for one row an item, give item=... and "
        "value=... instead."
    )
    if candidates:
        places = tuple(f"{c[0]!r} to {c[-1]!r}" for c in candidates)
        return Problem(
            "ambiguous_items", f"Several sets of columns could be the {n} items of {scale.label}.",
            places, remedy,
        )  # fmt: skip
    best = max(groups, key=covered) if groups else ""
    covered_items = {counts_for(scale, m) for m in groups.get(best, {}).values()}
    missing = [i for i in range(1, n + 1) if i not in covered_items]
    places = tuple(f"item {i}" for i in missing) if len(missing) < n else ()
    return Problem(
        "missing_items",
        f"The table has no columns for {count_of(len(missing), 'item', 'items')} of {scale.label}.",
        places,
        remedy,
    )


def _unknown_items(unknown: list[str], members: Mapping[str, ItemName], scale: Scale) -> Problem:
    top = max(m.number for m in members.values())
    candidates = [s for s in scale_names() if len(get_scale(s).item_maxima) == top]
    hint = (
        f"{top} items are those of {', '.join(candidates)}: is the scale right? "
        if candidates
        else ""
    )
    return Problem(
        "unknown_item",
        count_of(len(unknown), "column is", "columns are")
        + f" numbered like an item but {scale.label} has only {len(scale.item_maxima)} items.",
        tuple(repr(c) for c in unknown),
        f"{hint}Name the columns that count: items=[...].",
    )


def _unknown_columns(unknown: Iterable[str], columns: Sequence[str]) -> Problem:
    shown = ", ".join(repr(str(c)) for c in columns[:12])
    return Problem(
        "unknown_column",
        "The table does not have every column that items names.",
        tuple(repr(c) for c in unknown),
        f"Columns: {shown}.",
    )
