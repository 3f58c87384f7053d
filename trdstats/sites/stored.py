"""Summaries of sites as JSON, and read again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trdstats.arguments import checked
from trdstats.errors import DataError, Problem, why_unreadable
from trdstats.sites.check_summary import faults_of
from trdstats.sites.counts import RateCount, TimeCounts
from trdstats.sites.histories.courses import CourseCounts
from trdstats.sites.histories.masked import MaskedCourses
from trdstats.sites.mixed import mixed_as_values, mixed_from_values
from trdstats.sites.sealed import is_as_written
from trdstats.sites.site_summary import SiteSummary
from trdstats.sites.withheld import Withheld

FORMAT = "trdstats site summary"
VERSION = 2
_PLAIN = (
    "site", "plan", "fingerprint", "software", "scale", "reference", "caveat", "minimum",
    "subjects", "secret", "conf_level", "difference", "adjust",
)  # fmt: skip


def as_values(summary: SiteSummary) -> dict[str, Any]:
    """Return a summary as texts, numbers and lists."""
    return {
        "format": FORMAT,
        "version": VERSION,
        **{name: getattr(summary, name) for name in _PLAIN},
        "rates": [asdict(r) for r in summary.rates],
        "times": [asdict(t) for t in summary.times],
        "histories": [asdict(h) for h in summary.histories],
        "masked_histories": [asdict(h) for h in summary.masked_histories],
        "mixed": None if summary.mixed is None else mixed_as_values(summary.mixed),
        "names": list(summary.names),
        "withheld": [asdict(w) for w in summary.withheld],
    }


@checked
def read_summary(path: str | Path) -> SiteSummary:
    """Read the summary of a site.

    Parameters
    ----------
    path : str or Path
        A file that `SiteSummary.to_json` wrote.

    Raises
    ------
    DataError
        When the file is none, of another version, or was changed after it was written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import trdstats as trd
    >>> summary = trd.summarise_site(trd.sample_plan("trial"), "north")
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "north.json"
    >>> _ = summary.to_json(file)
    >>> trd.read_summary(file).site
    'north'
    """
    name = str(path)
    try:
        values = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(name, f"cannot be read: {why_unreadable(error)}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise _unreadable(name, "is no summary of a site")
    if values.get("version") != VERSION:
        raise _unreadable(
            name, f"is of version {values.get('version')!r}; this one reads version {VERSION}"
        )
    try:
        summary = SiteSummary(
            **{k: values[k] for k in _PLAIN},
            rates=tuple(RateCount(**r) for r in values["rates"]),
            times=tuple(TimeCounts(**_tuples(t)) for t in values["times"]),
            histories=tuple(CourseCounts(**_tuples(h)) for h in values["histories"]),
            masked_histories=tuple(MaskedCourses(**_tuples(h)) for h in values["masked_histories"]),
            mixed=None if values["mixed"] is None else mixed_from_values(values["mixed"]),
            withheld=tuple(Withheld(**w) for w in values["withheld"]),
            names=tuple(values["names"]),
        )
        wrong = next(faults_of(summary), "")
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, RecursionError) as error:
        raise _unreadable(name, f"lacks a part, or has a strange one: {error}") from error
    if wrong:
        raise _unreadable(name, f"holds what cannot be: {wrong}")
    if not is_as_written(values):
        raise _unreadable(name, "is not as it was written: its checksum is that of other numbers")
    return summary


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _unreadable(name: str, what: str) -> DataError:
    return DataError(
        [Problem("no_summary", f"{name!r} {what}.", (), "Make it with trdstats summarise.")]
    )
