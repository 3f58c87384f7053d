"""Instruments written as data: the form of ``instruments.toml``, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trdstats.arguments import checked
from trdstats.errors import SpecError, why_unreadable
from trdstats.scales.interpretation import Difference, RemissionCutoff, SeverityScheme
from trdstats.scales.scale import Scale
from trdstats.scales.scoring import read_scoring
from trdstats.scales.source import Source


def scale_from_mapping(label: str, data: Mapping[str, object]) -> Scale:
    """Build a `Scale` from a mapping in the form of ``instruments.toml``.

    Parameters
    ----------
    label : str
        Usual label of the instrument.
    data : mapping
        Fields as described at the head of ``instruments.toml``.

    Raises
    ------
    SpecError
        When a field is missing, not known, or does not fit the others.
    """
    fields: dict[str, Any] = dict(data)
    known = {
        "name", "is_ordinal", "aliases", "rater", "recall", "direction", "total", "step",
        "item_maxima", "item_minimum", "domains", "scoring", "notes", "source", "bands",
        "remission", "differences",
    }  # fmt: skip
    unknown = sorted(set(fields) - known)
    missing = sorted({"name", "total"} - set(fields))
    if unknown or missing:
        faults = [f"unknown field {u!r}" for u in unknown] + [
            f"missing field {m!r}" for m in missing
        ]
        raise SpecError(f"The scale {label!r} cannot be read: " + "; ".join(faults))
    schemes = tuple(
        SeverityScheme(
            b["scheme"], tuple((n, lo, hi) for n, lo, hi in b["bands"]), Source(**b["source"])
        )
        for b in fields.pop("bands", ())
    )
    remission = tuple(
        RemissionCutoff(
            r.get("at_most"), Source(**r["source"]), r.get("default", False), r.get("at_least")
        )
        for r in fields.pop("remission", ())
    )
    differences = tuple(
        Difference(
            meaning=d["meaning"],
            source=Source(**d["source"]),
            points=tuple(d["points"]) if "points" in d else None,
            percent=tuple(d["percent"]) if "percent" in d else None,
            population=d.get("population", ""),
        )
        for d in fields.pop("differences", ())
    )
    source = fields.pop("source", None)
    try:
        scoring = read_scoring(fields.pop("scoring", {}))
    except (SpecError, TypeError) as error:
        raise SpecError(f"The scale {label!r} cannot be read: {why_unreadable(error)}.") from error
    low, high = fields.pop("total")
    return Scale(
        label=label,
        total=(low, high),
        item_maxima=tuple(fields.pop("item_maxima", ())),
        domains=tuple(tuple(d) for d in fields.pop("domains", ())),
        scoring=scoring,
        aliases=tuple(fields.pop("aliases", ())),
        notes=tuple(fields.pop("notes", ())),
        schemes=schemes,
        remission=remission,
        differences=differences,
        source=Source(**source) if source else None,
        **fields,
    )


@checked
def read_scales(path: str | Path) -> dict[str, Scale]:
    """Read own instruments from a TOML file in the form of ``instruments.toml``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to Scale
        By label; each can be given to `Study` as its scale.

    Raises
    ------
    SpecError
        When the file is not there, is no TOML, or a scale is not consistent.

    Examples
    --------
    >>> own = scale_from_mapping("ZUNG", {"name": "Zung self-rating scale", "total": [20, 80]})
    >>> own.floor
    20
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SpecError(
            f"The scales in {str(path)!r} cannot be read: {why_unreadable(error)}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{str(path)!r} is no valid TOML: {error}.") from error
    tables = {k: v for k, v in data.items() if isinstance(v, Mapping)}
    if not tables:
        raise SpecError(f"{str(path)!r} holds no scale: each is a table named by its label.")
    return {label: scale_from_mapping(label, fields) for label, fields in tables.items()}
