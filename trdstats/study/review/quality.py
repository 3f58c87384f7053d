"""What looks wrong with the ratings of a study: raters who disagree, baselines at the entry."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
import pandas as pd
import scipy

from trdstats.arguments import checked
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.scales import Scale
from trdstats.study.study import Study
from trdstats.tables import FrameResult, Summary, Table, each_row, format_count, format_p


@dataclass(frozen=True, repr=False)
class RatingQuality(FrameResult):
    """Findings on the ratings of a study.

    `tidy` has one row a finding: kind, subject, day, detail.

    Attributes
    ----------
    findings : pandas.DataFrame
    entry : pandas.DataFrame
        Baselines at the entry threshold: empty unless one was given.
    """

    _kept: ClassVar[str] = "findings"

    findings: pd.DataFrame
    entry: pd.DataFrame

    def glance(self) -> pd.DataFrame:
        """Return one row: findings, and the test of the baselines at the entry threshold."""
        row = pd.DataFrame({"n_findings": [len(self.findings)]})
        return pd.concat([row, self.entry], axis=1)

    def summary(self) -> Summary:
        """Return findings and the test of the entry threshold."""
        tables, notes = [], []
        if len(self.findings):
            rows = tuple(
                (str(r.subject), f"{r.day:g}", r.detail) for r in each_row(self.findings[:10])
            )
            tables.append(Table(("Subject", "Day", "Moves apart"), rows, 3))
            if len(self.findings) > 10:
                notes.append(f"{len(self.findings) - 10:,} more: see tidy().")
        if len(self.entry):
            r = next(each_row(self.entry))
            cells = (format_count(r.n_at_entry), format_count(r.n_above), format_p(r.p_value))
            way = -1 if r.better == "higher" else 1
            ends = [sorted(r.entry + way * (k * r.width + j) for j in (0, r.width - 1))
                    for k in (0, 1)]  # fmt: skip
            shown = tuple(f"{low:g} to {high:g}" for low, high in ends)
            tables.append(
                Table((*shown, "p"), (cells,), 0, "Baselines at the entry threshold")
            )  # fmt: skip
            notes.append(
                "Where severity is spread as usual the milder interval does not hold more; "
                "a small p points to ratings lifted over the threshold."
            )
        header = (("Visits on which two scales move apart", f"{len(self.findings):,}"),)
        return Summary("Quality of ratings", header, tuple(tables), tuple(notes))


@checked
def check_ratings(study: Study, *, entry: int | None = None, width: int = 2) -> RatingQuality:
    """Look for ratings that contradict each other, and for baselines lifted over a threshold.

    Parameters
    ----------
    study : Study
        With several scales, each pair is compared: between two visits on which both were assessed
        one must not get better by a severity band while the other gets worse by one.
    entry : int, optional
        Least severe baseline with which a subject could enter, on the primary scale: the lowest,
        or the highest where high is good.
    width : int, default 2
        Points of the two intervals beyond the threshold that are compared.

    Returns
    -------
    RatingQuality

    Raises
    ------
    SpecError
        When `width` is below 1 or `entry` lies outside the scale.

    Examples
    --------
    >>> from trdstats import check_ratings, load_sample
    >>> check_ratings(load_sample("trial"), entry=20).glance()["n_findings"].tolist()
    [0]
    """
    if width < 1:
        raise SpecError(f"width must be at least 1 point; got {width!r}.")
    inside = entry is None or study.scale.floor <= entry <= study.scale.maximum
    if not inside or entry == study.scale.worst:
        raise SpecError(
            f"entry={entry} lies outside {study.scale.label} "
            f"({study.scale.floor} to {study.scale.maximum})."
        )
    pairs = [_moves_apart(study.on(a), study.on(b)) for a, b in combinations(study.scales, 2)]
    columns = ["kind", "subject", "day", "detail"]
    empty = pd.DataFrame(columns=columns).astype({"day": float})
    pair_tables = [p for p in pairs if len(p)]
    findings = pd.concat(pair_tables, ignore_index=True)[columns] if pair_tables else empty
    return RatingQuality(findings, pd.DataFrame() if entry is None else _entry(study, entry, width))


def _moves_apart(a: Study, b: Study) -> pd.DataFrame:
    """Return visits since which, from the last common one, two scales moved apart."""
    if not (a.scale.schemes and b.scale.schemes):
        return pd.DataFrame()
    columns = ["subject", "day", "score"]
    both = a.visits[columns].merge(b.visits[columns], on=["subject", "day"]).dropna()
    both = both.sort_values(["subject", "day"], ignore_index=True)
    same = (both["subject"] == both["subject"].shift()).to_numpy()
    steps = []
    for scale, column in ((a.scale, "score_x"), (b.scale, "score_y")):
        band = _band(scale, both[column].to_numpy(dtype=float))
        steps.append(np.diff(band, prepend=0))
    apart = same & (steps[0] * steps[1] < 0)
    rows = both[apart]
    detail = [
        f"{a.scale.label} {_way(one)}, {b.scale.label} {_way(two)}"
        for one, two in zip(steps[0][apart], steps[1][apart], strict=True)
    ]
    return pd.DataFrame(
        {
            "kind": "scales move apart",
            "subject": rows["subject"].astype(object),
            "day": rows["day"],
            "detail": detail,
        }
    )


def _band(scale: Scale, score: FloatArray) -> IntArray:
    """Return the number of the severity band of each score, by the first scheme; high is worse."""
    lowest = [low for _, low, _ in scale.schemes[0].bands]
    band = np.asarray(np.searchsorted(lowest, score, side="right"))
    return -band if scale.high_is_good else band


def _way(step: int) -> str:
    bands = "band" if abs(step) == 1 else "bands"
    return f"{abs(step)} {bands} {'worse' if step > 0 else 'better'}"


def _entry(study: Study, entry: int, width: int) -> pd.DataFrame:
    base = study.scale.oriented(study.subjects["baseline"].dropna().to_numpy())
    least = study.scale.oriented(entry)
    at = int(((base >= least) & (base < least + width)).sum())
    above = int(((base >= least + width) & (base < least + 2 * width)).sum())
    chance = float(scipy.special.bdtrc(at - 1, at + above, 0.5)) if at + above else np.nan
    return pd.DataFrame(
        {
            "entry": [entry],
            "width": [width],
            "better": [study.scale.better],
            "n_at_entry": [at],
            "n_above": [above],
            "n_below": [int((base < least).sum())],
            "p_value": [chance],
        }
    )
