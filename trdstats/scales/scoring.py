"""How the items of a form are read: alternatives, codes, parts, and what may be filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trdstats.errors import SpecError, check_choice
from trdstats.scales.source import SET_BY_ANALYST, Source

Weights = Literal["equal", "range"]


@dataclass(frozen=True, slots=True)
class Prorate:
    """Fill in unanswered items from those answered on the same form.

    Parameters
    ----------
    at_most : int
        Items that may be filled in; on a form scored by domains, domains.
    weights : {"equal", "range"}
        "equal": by the mean of the answered items. "range": by the share of their range that
        was reached, so that an item of 0-2 and one of 0-4 weigh as they do on the form.
    source : Source
        Where the rule comes from.

    Raises
    ------
    SpecError
        When an argument is out of range.

    Examples
    --------
    >>> Prorate(at_most=1).describe()
    'up to 1 item filled in by the mean of those answered'
    """

    at_most: int
    weights: Weights = "equal"
    source: Source = SET_BY_ANALYST

    def __post_init__(self) -> None:
        if isinstance(self.at_most, bool) or not isinstance(self.at_most, int) or self.at_most < 0:
            raise SpecError(f"at_most must be a whole number of items; got {self.at_most!r}.")
        check_choice("weights", self.weights, ("equal", "range"))

    def describe(self) -> str:
        """Return the rule in words."""
        if not self.at_most:
            return "no item filled in"
        items = "1 item" if self.at_most == 1 else f"{self.at_most} items"
        by = {"equal": "mean of those answered", "range": "share of the range of those answered"}
        return f"up to {items} filled in by the {by[self.weights]}"


@dataclass(frozen=True, slots=True)
class ItemCode:
    """A code of an item that is no score.

    Attributes
    ----------
    item, code : int
        Number of the item, and the code that stands for something else.
    scores : int or None
        What it adds to the total; None where it leaves the total unknown.
    """

    item: int
    code: int
    scores: int | None = None


@dataclass(frozen=True, slots=True)
class Scoring:
    """What the items of a form need beyond their ranges.

    Attributes
    ----------
    alternatives : tuple of (int, int)
        Items of which exactly one is answered; the other is empty by design.
    codes : tuple of ItemCode
        Codes that are no scores, such as "not assessed".
    parts : tuple of (int, str)
        Items printed in several parts and the part letters that count: ``(16, "ab")``.
    reversed : tuple of int
        Items that are answered in the other direction: lowest + highest - answer is added.
        Answers are read as they were given, not yet turned round.
    unscored : tuple of int
        Items of the form that are no part of the total.
    letter_suffixes : bool
        Whether answers carry letters (``2a``, ``2b``) that do not count.
    work_item : int or None
        Item that may not apply to the person, which leaves the total undefined.
    mood_item, suicide_item : int or None
        Items whose scores are looked at for consistency.
    close_items : tuple of (int, int, int)
        Two items and the difference from which they contradict each other.
    contains : tuple of (str, tuple of int)
        Shorter scales that are part of this one: label, and their items here.
    missing : Prorate or None
        The rule in use for unanswered items; None where no item may be filled in.
    """

    alternatives: tuple[tuple[int, int], ...] = ()
    codes: tuple[ItemCode, ...] = ()
    parts: tuple[tuple[int, str], ...] = ()
    reversed: tuple[int, ...] = ()
    unscored: tuple[int, ...] = ()
    letter_suffixes: bool = False
    work_item: int | None = None
    mood_item: int | None = None
    suicide_item: int | None = None
    close_items: tuple[tuple[int, int, int], ...] = ()
    contains: tuple[tuple[str, tuple[int, ...]], ...] = ()
    missing: Prorate | None = None

    def problems(self, n_items: int) -> Iterator[str]:
        """Yield what does not fit a form of `n_items` items."""
        named = [i for pair in self.alternatives for i in pair]
        named += [c.item for c in self.codes] + [item for item, _ in self.parts]
        named += list(self.reversed)
        named += [i for a, b, _ in self.close_items for i in (a, b)]
        named += [i for _, items in self.contains for i in items]
        named += [i for i in (self.work_item, self.mood_item, self.suicide_item) if i]
        outside = sorted({i for i in named if not 1 <= i <= n_items})
        if outside:
            yield f"scoring names items that the form does not have: {outside}"
        if self.missing is not None and self.missing.at_most >= max(n_items, 1):
            yield "scoring cannot fill in every item"


PLAIN = Scoring()


def read_scoring(data: dict[str, object]) -> Scoring:
    """Return the scoring rules written as a table of TOML.

    Raises
    ------
    SpecError
        When a field is not known.
    """
    known = set(Scoring.__dataclass_fields__)
    unknown = sorted(set(data) - known)
    if unknown:
        raise SpecError(f"unknown field of scoring: {', '.join(map(repr, unknown))}")
    fields = {k: _frozen(v) for k, v in data.items() if k not in ("codes", "missing")}
    codes = data.get("codes", [])
    rule = data.get("missing")
    return Scoring(
        **fields,  # type: ignore[arg-type]
        codes=tuple(ItemCode(**c) for c in codes),  # type: ignore[attr-defined]
        missing=_read_rule(rule) if isinstance(rule, dict) else None,
    )


def _read_rule(rule: dict[str, object]) -> Prorate:
    source = rule.get("source", {"citation": "set by the author of the scale"})
    plain = {k: v for k, v in rule.items() if k != "source"}
    return Prorate(**plain, source=Source(**source))  # type: ignore[arg-type]


def _frozen(value: object) -> object:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
