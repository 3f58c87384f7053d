"""Observed scores by scheduled day, and the change of each subject at one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import SpecError, UnknownNameError, by_level, check_level
from trdstats.kernels.numerics.boundary import variance_of_mean
from trdstats.kernels.numerics.critical import wald_limits
from trdstats.outcomes.rules.amounts import check_of, read_of
from trdstats.study import Study, warn_of_asked_days
from trdstats.study.plausibility.scheduled import no_ratings
from trdstats.study.study import check_days
from trdstats.study.study.rated import long_rows


@checked
def mean_scores(
    study: Study, *, days: Sequence[float] | None = None, conf_level: float = 0.95
) -> pd.DataFrame:
    """Return observed mean scores by treatment and scheduled day, baseline first.

    Parameters
    ----------
    study : Study
    days : sequence of float, optional
        Scheduled days; default all.
    conf_level : float

    Returns
    -------
    pandas.DataFrame
        treatment, day (scheduled), n, estimate (mean score), std_error, conf_low, conf_high (t
        interval; none of one subject, nor where all have the same score), conf_level. Means of
        those seen: whoever left is not part of a later mean.

    Raises
    ------
    UnknownNameError, SpecError
        When a day is not scheduled, or the level is no level.

    Warns
    -----
    DataWarning
        When a day is named that fewer than half of those assessed about it reach.

    Examples
    --------
    >>> from trdstats import load_sample, mean_scores
    >>> means = mean_scores(load_sample("trial"), days=[28])
    >>> means["day"].unique().tolist()
    [0.0, 28.0]
    """
    check_level(conf_level)
    if days is not None:
        warn_of_asked_days(study, days)
    if days is not None:
        check_days(study, days)
    table = _together(study.on_parts(_means, days))
    variance = variance_of_mean(table["estimate"].to_numpy(), table.pop("spread").to_numpy() ** 2)
    error = pd.Series(np.sqrt(variance)) / np.sqrt(table["n"])
    freedom = np.maximum(table["n"].to_numpy(dtype=float) - 1, 1)
    low, high = wald_limits(table["estimate"].to_numpy(), error.to_numpy(), conf_level, freedom)
    return table.assign(
        treatment=table["treatment"].astype(str),
        std_error=error,
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
    )


def _means(study: Study, days: Sequence[float] | None) -> pd.DataFrame:
    """Return treatment, day, n, estimate (mean) and spread (SD) of the subjects of a part."""
    rows = long_rows(study, days)[["treatment", "visit", "score"]].rename(columns={"visit": "day"})
    base = study.subjects[["treatment", "baseline"]].rename(columns={"baseline": "score"})
    rows = pd.concat([base.assign(day=0.0), rows], ignore_index=True).dropna(subset=["score"])
    rows["treatment"] = pd.Categorical(rows["treatment"], categories=list(study.treatments))
    grouped = rows.groupby(["treatment", "day"], observed=True)["score"]
    return grouped.agg(n="count", estimate="mean", spread="std").reset_index()


def _together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return means and deviations of all parts: sums of squares about the common mean add."""
    if len(parts) == 1:
        return parts[0]
    rows = pd.concat(parts, ignore_index=True)
    by = rows.groupby(["treatment", "day"], observed=True)
    n = by["n"].transform("sum")
    mean = (rows["n"] * rows["estimate"] / n).groupby([rows["treatment"], rows["day"]],
                                                      observed=True).transform("sum")  # fmt: skip
    inside = (rows["n"] - 1) * rows["spread"].fillna(0.0) ** 2
    squares = inside + rows["n"] * (rows["estimate"] - mean) ** 2
    table = (
        rows.assign(mean=mean, squares=squares)
        .groupby(["treatment", "day"], observed=True)
        .agg(n=("n", "sum"), estimate=("mean", "first"), squares=("squares", "sum"))
        .reset_index()
    )
    left = table["n"] - 1
    spread = np.sqrt(table.pop("squares") / left.where(left > 0))
    return table.assign(spread=spread)


@checked
def change_from_baseline(
    study: Study,
    day: float | Mapping[str, float],
    *,
    of: Literal["baseline", "distance"] | None = None,
) -> pd.DataFrame:
    """Return each subject's change from baseline at a scheduled day.

    Parameters
    ----------
    study : Study
    day : float or mapping of treatment to float
        One scheduled day, or one for each treatment (the last visit of its acute course).
    of : {"baseline", "distance"}, optional
        What the change is a share of where high is good; there is no default there. "baseline":
        of the baseline above the floor. "distance": of the distance from the baseline to the
        highest total. Where low is good both are the baseline above the floor.

    Returns
    -------
    pandas.DataFrame
        subject, treatment, visit, baseline, score, change, percent_change (negative is
        improvement, positive where high is good). Subjects not assessed at the day, without a
        baseline or with one from which no share can be taken have no row.

    Raises
    ------
    UnknownNameError
        When a day is not scheduled or a treatment is not known.
    SpecError
        When high is good and `of` was not said.

    Warns
    -----
    DataWarning
        When fewer than half of those assessed about the day reach it.

    Examples
    --------
    >>> from trdstats import change_from_baseline, load_sample
    >>> change = change_from_baseline(load_sample("trial"), 28)
    >>> bool((change["change"] == change["score"] - change["baseline"]).all())
    True
    """
    days = day_by_treatment(study, day)
    for at in dict.fromkeys(days.values()):
        warn_of_asked_days(
            study, [at], [name for name, day_of_treatment in days.items() if day_of_treatment == at]
        )
    rows = study.longitudinal(sorted(set(days.values())))
    rows = rows[rows["visit"] == rows["treatment"].map(days).astype(float)]
    check_of(of)
    scale = study.scale
    to_best = read_of(of, scale, "a per cent change") == "distance" and scale.high_is_good
    amount = scale.maximum - rows["baseline"] if to_best else rows["baseline"] - scale.floor
    kept = rows["score"].notna() & (amount > 0)
    rows = rows[kept]
    columns = ["subject", "treatment", "visit", "baseline", "score", "change"]
    percent = 100 * rows["change"] / amount[kept]
    return rows[columns].assign(percent_change=percent).reset_index(drop=True)


def day_by_treatment(study: Study, day: float | Mapping[str, float]) -> dict[str, float]:
    """Return one scheduled day for each treatment.

    Raises
    ------
    UnknownNameError, SpecError
        When a treatment is not known or has no day.
    """
    if not isinstance(day, Mapping):
        return dict.fromkeys(study.treatments, float(day))
    day = by_level("treatment", day, study.treatments)
    left = [name for name in study.treatments if name not in day]
    if left:
        raise SpecError(f"No day was given for {', '.join(map(repr, left))}.")
    return {name: float(day[name]) for name in study.treatments}


def check_scheduled(study: Study, days: Mapping[str, float], *, what: str = "") -> None:
    """Refuse days on which no subject under a treatment was assessed; the error says why.

    Parameters
    ----------
    study : Study
    days : mapping of str to float
        Day of each treatment.
    what : str
        Words before the name of the treatment.

    Raises
    ------
    UnknownNameError
    """
    for name, day in days.items():
        if day not in study.scheduled_days((name,), rated=True):
            raise UnknownNameError(f"{what}{name}: {no_ratings(study, day, name)}")
