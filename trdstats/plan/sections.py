"""The parts a report is made of: text, tables, figures to be drawn, and tidy frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trdstats.tables import Summary


@dataclass(frozen=True)
class Picture:
    """A figure to be drawn.

    Attributes
    ----------
    key : str
        Name of its files.
    caption : str
        What it shows and how to read it.
    draw : callable
        Draws on a matplotlib Figure.
    size : tuple of float
        Width and height in inches.
    """

    key: str
    caption: str
    draw: Callable[[Any], None]
    size: tuple[float, float] = (9.0, 5.6)


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes
    ----------
    key, title, lead : str
        Anchor, heading, and the sentences that say which question the part answers.
    faces : tuple of Summary
    pictures : tuple of Picture
    frames : dict of str to pandas.DataFrame
        Tidy tables by the name of their file.
    cautions : tuple of str
        What could not be estimated, and why.
    """

    key: str
    title: str
    lead: str
    faces: tuple[Summary, ...] = ()
    pictures: tuple[Picture, ...] = ()
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
