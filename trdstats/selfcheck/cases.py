"""Packaged figures of other programs and of papers, with where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is known from elsewhere.

    Attributes
    ----------
    name : str
    value : float
    allowed : float
        Largest difference that meets it, in its unit.
    """

    name: str
    value: float
    allowed: float


@dataclass(frozen=True, slots=True)
class Case:
    """Figures of one source.

    Attributes
    ----------
    room : str
        Part of the library that they test.
    recipe : str
        How they are computed here: a name in `trdstats.selfcheck.recipes`.
    title : str
    provenance : str
        Program with version and call, or the paper.
    tolerance : str
        How far apart the numbers may be, and why.
    inputs : mapping
        What the recipe is given, where it is not the packaged trial.
    figures : tuple of Figure
    """

    room: str
    recipe: str
    title: str
    provenance: str
    tolerance: str
    inputs: Mapping[str, Any]
    figures: tuple[Figure, ...]


def read_cases(folder: Path | None = None) -> list[Case]:
    """Return the cases of a folder of JSON files, by default the packaged ones.

    Parameters
    ----------
    folder : Path, optional
    """
    files = sorted((FOLDER if folder is None else folder).glob("*.json"))
    return [_case(entry) for path in files for entry in json.loads(path.read_text("utf-8"))]


def _case(entry: dict[str, Any]) -> Case:
    figures = tuple(Figure(k, float(v), float(a)) for k, (v, a) in entry["figures"].items())
    return Case(**{**entry, "figures": figures})
