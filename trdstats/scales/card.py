"""The card of an instrument, as it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trdstats.tables import Summary, Table

if TYPE_CHECKING:
    from trdstats.scales.scale import Scale


def card_of(scale: Scale) -> Summary:
    """Return the card of a scale."""
    items = f"{len(scale.item_maxima)}" if scale.item_maxima else "not listed"
    if scale.domains:
        items += f" in {len(scale.domains)} domains (the total sums the domain maxima)"
    header = [
        ("Label", scale.label),
        ("Items", items),
        (
            "Total",
            f"{scale.span}, {scale.direction}" + (", categories" if scale.is_ordinal else ""),
        ),
        ("Missing items", _missing_rule(scale)),
        ("Rater", scale.rater or "not stated"),
        ("Recall", scale.recall or "not stated"),
    ]
    if scale.source:
        header.append(("Source", scale.source.cite()))
    return Summary(
        title=scale.name,
        header=tuple(header),
        tables=tuple(t for t in _card_tables(scale) if t.rows),
        notes=scale.notes,
    )


def _missing_rule(scale: Scale) -> str:
    rule = scale.scoring.missing
    if rule is None:
        return "no rule in use: the total is missing"
    return f"{rule.describe()} ({rule.source.cite()})"


def _card_tables(scale: Scale) -> list[Table]:
    return [
        Table(
            ("Scheme", "Bands", "Source"),
            tuple(
                (s.scheme, ", ".join(f"{n} {a}-{b}" for n, a, b in s.bands), s.source.cite())
                for s in scale.schemes
            ),
            3,
            "Severity",
        ),
        Table(
            ("At least" if scale.high_is_good else "At most", "Default", "Source"),
            tuple(
                (str(c.total), "yes" if c.default else "", c.source.cite()) for c in scale.remission
            ),
            3,
            "Remission",
        ),
        Table(
            ("Difference", "Size", "Population", "Source"),
            tuple(
                (d.meaning, d.describe(), d.population, d.source.cite()) for d in scale.differences
            ),
            4,
            "Minimal and meaningful differences",
        ),
    ]
