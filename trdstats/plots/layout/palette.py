"""One colour, line style and marker for each treatment, the same in every figure of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from trdstats.errors import NotEstimableError, unknown_name

# Eight colours after Okabe and Ito, adjusted until every one has a contrast of at least
# 3 with white paper (their yellow has 1.3) and every two stay apart for readers with normal
# vision, protanopia, deuteranopia and tritanopia. The first three also differ as greys.
COLORS = (
    "#066EAE",  # blue
    "#EA7111",  # orange
    "#6D2B67",  # plum
    "#03A869",  # green
    "#212326",  # black
    "#3C94FE",  # sky blue
    "#A45925",  # brown
    "#70110B",  # maroon
)

# Lengths of dashes and gaps in units of the line width; solid has none. Patterns that look
# similar go to colours that differ as greys.
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5, 2),
    (1.2, 1.4),
    (6, 1.8, 1.2, 1.8),
    (6, 1.8, 1.2, 1.8, 1.2, 1.8),
    (3, 1.3),
    (10, 2.2),
    (10, 2, 3, 2),
)

LineStyle: TypeAlias = Literal["-"] | tuple[float, tuple[float, ...]]

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")


@dataclass(frozen=True, slots=True)
class Style:
    """How one treatment is drawn.

    Attributes
    ----------
    color : str
        Hexadecimal colour, for example ``"#066EAE"``.
    linestyle : str or tuple
        A matplotlib line style: ``"-"``, or ``(0, (dash, gap, ...))`` in line widths.
    marker : str
        A matplotlib marker.
    """

    color: str
    linestyle: LineStyle
    marker: str


def treatment_styles(treatments: Iterable[str]) -> dict[str, Style]:
    """Give each treatment a style, by its position in the sequence.

    Call it once with all treatments of a report and hand the result to every figure: a treatment
    then keeps its colour also in figures where others are absent.

    Parameters
    ----------
    treatments : iterable of str
        Names in the order of the report; repeated names count once.

    Returns
    -------
    dict of str to Style
        Colours, line styles and markers are all distinct for up to eight treatments; beyond
        eight, colours return with another line style and another marker (distinct up to 64).

    Raises
    ------
    NotEstimableError
        If there is no treatment.

    Examples
    --------
    >>> treatment_styles(["ECT", "Ketamine"])["Ketamine"].color
    '#EA7111'
    """
    names = list(dict.fromkeys(str(name) for name in treatments))
    if not names:
        raise NotEstimableError("treatment_styles() needs at least one treatment; got none.")
    return {name: _style(place) for place, name in enumerate(names)}


def choose_styles(
    treatments: Iterable[str], styles: Mapping[str, Style] | None
) -> dict[str, Style]:
    """Return the styles given by the caller, checked, or those by order of treatments.

    Raises
    ------
    UnknownNameError
        If `styles` lacks one of the treatments.
    """
    names = list(treatments)
    if styles is None:
        return treatment_styles(names)
    for name in names:
        if name not in styles:
            raise unknown_name("treatment in the styles of the figure:", name, styles)
    return {name: styles[name] for name in names}


def _style(place: int) -> Style:
    turn, color = divmod(place, len(COLORS))
    form = (color + turn) % len(DASHES)
    dashes = DASHES[form]
    return Style(COLORS[color], (0, dashes) if dashes else "-", MARKERS[form])
