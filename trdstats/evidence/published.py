"""Figures of published trials, and a search over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import unknown_name
from trdstats.evidence.figure import show_figure
from trdstats.scales import get_scale
from trdstats.study.load import samples_home
from trdstats.tables import FrameResult, Summary, Table, each_row

_TEXT = (
    "trial", "modality", "arm", "comparator", "outcome", "scale", "definition", "time", "measure",
    "denominator", "analysis", "mark", "source", "doi", "note",
)  # fmt: skip
_WHOLE = ("year", "events", "n", "resistant")
_REAL = ("day", "estimate", "sd", "conf_low", "conf_high", "p_value")

_SHOWN = 40  # more rows than that are read in a frame, not on a screen

_MARKS = (
    "V was read in the paper, its tables or a registry; V2 in a secondary source; D was computed "
    "from such figures."
)
_CAUTION = (
    "Figures of different trials must not be compared naively: cut-offs, days, denominators and "
    "patients differ. .tidy() has them for every row, with remarks."
)


@dataclass(frozen=True, repr=False)
class Published(FrameResult):
    """Figures of published trials, one row each.

    `tidy` is a copy of the frame.

    Attributes
    ----------
    frame : pandas.DataFrame
        trial, year (of the paper), modality (of the arm), arm, comparator (empty for a figure of
        one arm), outcome, scale, definition, day (from baseline, missing when not fixed), time
        (as the paper says), measure, events, n, estimate (proportions and their differences as
        fractions; scores in points, a fall is negative; times in days; contrasts are arm minus
        or over comparator), sd, conf_low, conf_high, p_value (the bound where the note says
        ``p below``), denominator, analysis, mark, resistant, source, doi, note.
    search : str
        The search, in words.
    """

    frame: pd.DataFrame
    search: str = ""

    def sources(self) -> pd.DataFrame:
        """Return the papers: trial, source, doi, each once, in the order of the frame."""
        return self.frame[["trial", "source", "doi"]].drop_duplicates(ignore_index=True)

    def summary(self) -> Summary:
        """Return the figures as a table, with what the marks mean."""
        header: tuple[tuple[str, str], ...] = (("Search", self.search),) if self.search else ()
        if self.frame.empty:
            hint = "published_figures() without arguments returns every figure."
            return Summary("Published figures: none match", header, (), (hint,))
        rows = tuple(
            (r.trial, f"{r.arm} v {r.comparator}" if r.comparator else r.arm, r.outcome, r.scale,
             r.time, show_figure(r), r.mark)
            for r in each_row(self.frame.head(_SHOWN))
        )  # fmt: skip
        columns = ("Trial", "Arm", "Outcome", "Scale", "Time", "Figure", "Mark")
        more = len(self.frame) - len(rows)
        notes = (f"{more} more rows are in .tidy().",) if more else ()
        trials = self.frame["trial"].nunique()
        header += (("Figures", f"{len(self.frame)}, of {trials} trial{'s' * (trials > 1)}"),)
        table = Table(columns, rows, text_columns=len(columns))
        return Summary("Published figures", header, (table,), (*notes, _MARKS, _CAUTION))


@checked
def published_figures(
    text: str = "",
    *,
    trial: str | None = None,
    modality: str | None = None,
    outcome: str | None = None,
    scale: str | None = None,
    measure: str | None = None,
    resistant: bool | None = None,
    mark: str | None = None,
) -> Published:
    """Search the results of published trials.

    Parameters
    ----------
    text : str
        Searched for in all text columns; upper and lower case are the same.
    trial, modality, outcome, measure, mark : str, optional
        Only rows with this value; upper and lower case are the same.
    scale : str, optional
        Instrument by any of its usual names.
    resistant : bool, optional
        True for samples with treatment-resistant depression, False for the others.

    Returns
    -------
    Published
        May be empty.

    Raises
    ------
    UnknownNameError
        When a value is not known; the nearest ones are offered.

    Examples
    --------
    >>> found = published_figures(trial="ELEKT-D", outcome="response", measure="count")
    >>> found.frame[["arm", "events", "n"]].values.tolist()
    [['ketamine', 108, 195], ['ECT', 70, 170]]
    """
    frame = _figures()
    arguments = {"trial": trial, "modality": modality, "outcome": outcome, "measure": measure,
             "mark": mark}  # fmt: skip
    criteria: dict[str, object] = {
        column: _known_value(column, value)
        for column, value in arguments.items()
        if value is not None
    }
    if scale is not None:
        criteria["scale"] = get_scale(scale).label
    if resistant is not None:
        criteria["resistant"] = bool(resistant)
    keep = pd.Series(True, index=frame.index)
    for column, value in criteria.items():
        keep &= frame[column] == value
    if text:
        folded = text.casefold()
        keep &= frame[list(_TEXT)].agg("\n".join, axis=1).str.casefold().map(lambda s: folded in s)
    search = [f"text {text!r}"] if text else []
    search += [f"{column} {value}" for column, value in criteria.items()]
    return Published(frame[keep].reset_index(drop=True), ", ".join(search))


@cache
def _figures() -> pd.DataFrame:
    """Return all figures; callers never hand out the frame itself."""
    dtypes: dict[str, Any] = dict.fromkeys(_TEXT, "object")
    dtypes |= dict.fromkeys(_WHOLE, "Int64") | dict.fromkeys(_REAL, "float64")
    frame = pd.read_csv(samples_home() / "published_trials.csv", dtype=dtypes)
    frame[list(_TEXT)] = frame[list(_TEXT)].fillna("")
    return frame.assign(resistant=frame["resistant"].astype(bool))


def _known_value(column: str, value: str) -> str:
    values: dict[str, str] = {v.casefold(): v for v in _figures()[column].unique()}
    match = values.get(str(value).casefold())
    if match is None:
        raise unknown_name(column, value, values.values())
    return match
