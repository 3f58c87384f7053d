"""Totals of one instrument read as totals of another: published links, never chained."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import as_numbers, checked
from trdstats.arrays import FloatArray
from trdstats.errors import (
    DataError,
    EstimateWarning,
    NotEstimableError,
    Problem,
    SpecError,
    count_of,
    warn,
)
from trdstats.frames import to_pandas
from trdstats.scales.registry import get_scale
from trdstats.scales.scale import Scale
from trdstats.scales.source import Source

GROUPS_ONLY = (
    "Linked totals are good for averages of groups and poor for a person (Hawley 2013): do not "
    "classify single patients by them, and say which rating they come from."
)


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of a link.

    Attributes
    ----------
    name : str
        Where the table comes from.
    source_span, target_span : ndarray, shape (n_rows, 2)
        Lowest and highest totals of each row.
    sd_link : ndarray, shape (n_rows,)
        Standard deviation of the difference between linked and actual totals; NaN where unknown.
    """

    name: str
    source_span: FloatArray
    target_span: FloatArray
    sd_link: FloatArray


@checked
def convert(
    scores: Sequence[float] | npt.ArrayLike,
    source: str | Scale,
    target: str | Scale,
    *,
    table: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Read totals of one instrument as totals of another.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Totals of `source`; NaN stays NaN.
    source, target : str or Scale
    table : DataFrame, optional
        Your copy of a published table: columns ``source`` and ``target`` (totals), or
        ``source_low, source_high, target_low, target_high``, and ``sd_link`` where known. It
        takes the place of the packaged link.

    Returns
    -------
    pandas.DataFrame
        score, estimate (middle of the totals that go with it), low, high (their range), sd_link
        (linking error, NaN where the source gives none), source_scale, target_scale, link.

    Raises
    ------
    NotEstimableError
        When no link is known (links are not chained: errors add up and samples differ), or its
        table must be taken from a paper, which is named.
    DataError
        When totals lie outside the scale or the table leaves them out.
    SpecError
        When the table is not usable: not numbers, ranges that run backwards, totals that the
        scales do not have (source and target may be exchanged), negative errors.

    Warns
    -----
    EstimateWarning
        Always: linked totals are for groups.

    Notes
    -----
    Each direction is read from the table by itself: it is not the inverse of the other, since
    several totals of one scale go with one of the other. A total that stands in two rows is given
    the middle of both.

    References
    ----------
    Rush 2003, Biol Psychiatry 54:573-583, doi:10.1016/S0006-3223(02)01866-8; Hawley 2013, Hum
    Psychopharmacol 28:544-551.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("ignore")
    >>> convert([7, 18], "HAM-D17", "QIDS-SR")["estimate"].tolist()
    [5.0, 14.5]
    """
    a, b = get_scale(source), get_scale(target)
    values = np.atleast_1d(as_numbers("scores", scores)).ravel()
    link = _packaged(a, b) if table is None else _given_link(to_pandas(table, what="table"), a, b)
    estimate, low, high, sd = _look_up(values, link)
    lost = np.isnan(estimate) & ~np.isnan(values)
    if table is None:  # a packaged range is one of whole totals
        lost |= np.isfinite(values) & (values != np.rint(values))
    if lost.any():
        shown = tuple(f"{v:g} at position {i}" for i, v in enumerate(values) if lost[i])
        raise DataError(
            [
                Problem(
                    "no_linked_total",
                    count_of(int(lost.sum()), "total has", "totals have")
                    + f" no place in the link {a.label} to {b.label}.",
                    shown,
                    f"{a.label} runs from {a.floor} to {a.maximum} in whole points.",
                )
            ]
        )
    warn(GROUPS_ONLY, EstimateWarning)
    return pd.DataFrame(
        {
            "score": values,
            "estimate": estimate,
            "low": low,
            "high": high,
            "sd_link": sd,
            "source_scale": a.label,
            "target_scale": b.label,
            "link": link.name,
        }
    )


@checked
def transfer_percent_change(
    percent: npt.ArrayLike, source: str | Scale, target: str | Scale
) -> FloatArray:
    """Return per cent falls on one scale as those on another, where they were found to be equal.

    Parameters
    ----------
    percent : array_like
        Per cent fall from baseline.
    source, target : str or Scale

    Returns
    -------
    ndarray
        The same values: between HAM-D17 and MADRS falls in per cent map one to one, although
        totals do not (Leucht 2018).

    Raises
    ------
    NotEstimableError
        When no study of the pair is known.

    Examples
    --------
    >>> transfer_percent_change([50.0], "HAM-D17", "MADRS").tolist()
    [50.0]
    """
    a, b = get_scale(source), get_scale(target)
    if not any({a.label, b.label} == set(p["scales"]) for p in _links()["percent"]):
        raise NotEstimableError(
            f"No study is known that compares per cent falls on {a.label} and {b.label}; use the "
            "endpoint on its own scale."
        )
    return as_numbers("percent", percent)


def linked_scales() -> pd.DataFrame:
    """Return every pair of scales with a link: source, target, link, packaged."""
    rows = []
    for link in _links()["links"]:
        cells = [(label, j) for j, column in enumerate(link["columns"]) for label in column]
        cite = Source(**link["source"]).cite()
        rows += [(a, b, cite, True) for a, i in cells for b, j in cells if i != j]
    for p in _links()["papers"]:
        one, two = p["scales"]
        rows += [(one, two, p["paper"], False), (two, one, p["paper"], False)]
    return pd.DataFrame(rows, columns=["source", "target", "link", "packaged"])


@cache
def _links() -> dict[str, Any]:
    text = resources.files("trdstats.scales").joinpath("links.toml").read_text("utf-8")
    return tomllib.loads(text)


def _packaged(a: Scale, b: Scale) -> Link:
    for link in _links()["links"]:
        place = {label: j for j, column in enumerate(link["columns"]) for label in column}
        if a.label in place and b.label in place and place[a.label] != place[b.label]:
            rows = np.array(link["rows"], dtype=float)
            unknown = np.full(len(rows), np.nan)
            return Link(link["name"], rows[:, place[a.label]], rows[:, place[b.label]], unknown)
    for p in _links()["papers"]:
        if {a.label, b.label} == set(p["scales"]):
            raise NotEstimableError(
                f"The link between {a.label} and {b.label} is not packaged: take its table from "
                f"{p['paper']}, and give it as table=DataFrame(source, target)."
            )
    raise NotEstimableError(
        f"No published link between {a.label} and {b.label} is known. Links are not chained; give "
        "your own as table=DataFrame(source, target)."
    )


def _given_link(table: pd.DataFrame, a: Scale, b: Scale) -> Link:
    spans = ["source_low", "source_high", "target_low", "target_high"]
    if {"source", "target"} <= set(table.columns):
        columns = [table["source"], table["source"], table["target"], table["target"]]
    elif set(spans) <= set(table.columns):
        columns = [table[c] for c in spans]
    else:
        raise SpecError(
            "A table of a link has the columns source and target, or "
            f"{', '.join(spans)}; got {', '.join(map(repr, table.columns))}."
        )
    values = np.column_stack([_cells(c) for c in columns])
    if not len(values):
        raise SpecError("The table of a link has no row.")
    if np.isnan(values).any() or (np.diff(values)[:, [0, 2]] < 0).any():
        raise SpecError(
            "The table of a link has empty cells, entries that are no numbers, or ranges that run "
            "backwards."
        )
    for scale, ends in ((a, values[:, :2]), (b, values[:, 2:])):
        if (ends < scale.floor).any() or (ends > scale.maximum).any():
            raise SpecError(
                f"The table of a link has totals of {ends.min():g} to {ends.max():g} for "
                f"{scale.label}, which runs from {scale.floor} to {scale.maximum}. Are source and "
                "target exchanged?"
            )
    sd = _cells(table["sd_link"]) if "sd_link" in table else np.full(len(table), np.nan)
    if (sd < 0).any():
        raise SpecError("sd_link holds negative numbers: it is a standard deviation.")
    return Link("own table", values[:, :2], values[:, 2:], sd)


def _cells(column: pd.Series[Any]) -> FloatArray:
    """Return a column as numbers, NaN where an entry is none."""
    return np.asarray(pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan))


def _look_up(
    values: FloatArray, link: Link
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return middle, range and error of the target totals of each value, NaN without a row."""
    inside = (values[:, None] >= link.source_span[:, 0]) & (
        values[:, None] <= link.source_span[:, 1]
    )
    is_inside = inside.any(axis=1)
    n = np.where(is_inside, inside.sum(axis=1), 1)
    middle = link.target_span.mean(axis=1)
    estimate = np.where(is_inside, (inside * middle).sum(axis=1) / n, np.nan)
    low = np.where(is_inside, np.where(inside, link.target_span[:, 0], np.inf).min(axis=1), np.nan)
    high = np.where(
        is_inside, np.where(inside, link.target_span[:, 1], -np.inf).max(axis=1), np.nan
    )
    sd = np.where(is_inside, (inside * np.nan_to_num(link.sd_link)).sum(axis=1) / n, np.nan)
    unknown = (inside & np.isnan(link.sd_link)).any(axis=1)
    return estimate, low, high, np.where(unknown, np.nan, sd)
