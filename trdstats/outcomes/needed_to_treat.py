"""Number needed to treat, from differences of proportions or of mean days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats.arguments import check_instance, checked
from trdstats.errors import SpecError
from trdstats.estimates import EstimateResult, Estimates
from trdstats.estimates.table import STATISTICS
from trdstats.tables import (
    NOT_ESTIMABLE,
    FrameResult,
    Summary,
    Table,
    each_row,
    format_interval,
    format_number,
)

_DIFFERENCES = ("difference", "risk difference")
# What is no key of a comparison, and what is one only where it differs between rows.
_NO_KEYS = (*STATISTICS, "per", "method", "events")
_WHERE_SEVERAL = ("measure", "quantity", "state", "time")
# What results of times call their mean days.
RESTRICTED, MEAN_DAYS, IN_RESPONSE = "restricted mean", "mean days", "in response"
OF_DAYS = (RESTRICTED, MEAN_DAYS, "mean days lost")
BENEFIT, HARM = "benefit", "harm"


@checked
def number_needed_to_treat(
    result: EstimateResult | Estimates,
    *,
    better: Literal["higher", "lower"] = "higher",
    per: float | None = None,
    conf_level: float | None = None,
) -> NeededToTreat:
    """Return how many have to be treated for one more good outcome than under the reference.

    Parameters
    ----------
    result : EstimateResult or Estimates
        With differences of proportions: of `rates`, `compare_counts`, or of
        `compare(measures=("difference", "ratio"))`, ...; or of mean days to a horizon: of `RMST`,
        of `TimeLost` (days lost), of `Standardisation` with tau, or of `ResponseState` (days in
        response).
    better : {"higher", "lower"}
        Whether more of the outcome is good (response, days in response, days to relapse) or bad
        (relapse, days to response, days lost).
    per : float, optional
        Of mean days: how many days gained in all count as one. Default: the horizon, so that the
        number is that of patients treated for one whole follow-up gained.
    conf_level : float, optional
        Default: that of the result; 0.95 of estimates.

    Returns
    -------
    NeededToTreat
        1 / difference with the limits 1 / limit. Where the interval of the difference includes 0,
        the limits run from one number to benefit through infinity to another to harm: then there
        is no interval of the number, and both ends are said in words (Altman 1998). Of mean days
        the number is `per` / difference, and the words begin with the days gained a patient.

    Raises
    ------
    SpecError
        When the result has no difference of proportions or of mean days, the proportions are of
        single categories of an ordinal outcome, or `per` is given for proportions or is not
        positive.

    References
    ----------
    Altman 1998, BMJ 317:1309-1312, doi:10.1136/bmj.317.7168.1309.

    Examples
    --------
    Relapse in SUSTAIN-1, of those in stable remission: 24 of 90 against 39 of 86 (published: 6).

    >>> import trdstats as trd
    >>> found = trd.number_needed_to_treat(trd.compare_counts(24, 90, 39, 86), better="lower")
    >>> found.tidy()["rounded_up"].tolist()
    [6]
    """
    sign = 1.0 if better == "higher" else -1.0
    if per is not None and not per > 0:
        raise SpecError(f"per must be a positive number of days; got {per:g}.")
    if isinstance(result, Estimates):
        table = result.tidy(conf_level=0.95 if conf_level is None else conf_level)
    else:
        check_instance("result", result, EstimateResult)
        table = result.tidy(conf_level=conf_level)
    days = _differences_of_days(result, table, conf_level)
    if days is not None and not days.empty:
        return _needed(days if per is None else days.assign(per=float(per)), sign, better)
    rows = table[table["measure"].isin(_DIFFERENCES)] if "measure" in table else table.iloc[:0]
    if not rows.empty and _are_proportions(table, rows):
        if "category" in rows:
            raise SpecError(
                "These are differences of the probabilities of single categories, and who leaves "
                "one category enters another: a number needed to treat is of one outcome. Analyse "
                "that as met or not met, such as response or a category of at most 2."
            )
        if per is not None:
            raise SpecError("per= is for differences of mean days; these are of proportions.")
        return _needed(rows, sign, better)
    raise SpecError(
        "A number needed to treat comes from a difference of proportions, such as that of "
        "rates(...), or of mean days, such as that of RMST or ResponseState; "
        f"{type(result).__name__} has none."
    )


def _needed(rows: pd.DataFrame, sign: float, better: str) -> NeededToTreat:
    numbers = pd.DataFrame([_number(r, sign) for r in each_row(rows)])
    frame = pd.concat([rows[_keys(rows)].reset_index(drop=True), numbers], axis=1)
    level = float(rows["conf_level"].iloc[0])
    return NeededToTreat(frame.astype({"rounded_up": "Int64"}), better, level)


def _keys(rows: pd.DataFrame) -> list[str]:
    """Return the columns that say which comparison each row is."""
    counts = [c for c in rows if c == "n" or str(c).startswith("n_")]
    names = [str(c) for c in rows if c not in (*_NO_KEYS, *counts)]
    return [c for c in names if c not in _WHERE_SEVERAL or len(rows[c].unique()) > 1]


def _differences_of_days(
    result: EstimateResult | Estimates, table: pd.DataFrame, conf_level: float | None
) -> pd.DataFrame | None:
    """Return differences of mean days with their horizon in `per`; None where there are none."""
    if "measure" in table:
        of_mean = table["quantity" if "quantity" in table else "measure"].isin(OF_DAYS)
        if not of_mean.any():
            return None
        rows = table[table["measure"] == "difference"]
        rows = rows[rows["quantity"].isin(OF_DAYS)] if "quantity" in rows else rows
        spec = getattr(result, "spec", None)
        return rows.assign(per=rows["time"] if "time" in rows else getattr(spec, "tau", np.nan))
    if isinstance(result, Estimates) or not hasattr(
        result, "mean_days"
    ):  # a curve of states has them beside its probabilities
        return None
    estimates = result.estimates()
    in_response = (estimates.keys["quantity"] == MEAN_DAYS) & (
        estimates.keys["state"] == IN_RESPONSE
    )
    (by,) = (str(c) for c in estimates.keys if c not in ("quantity", "state", "time"))
    gaps = estimates.select(in_response.to_numpy()).compare(
        by, reference=getattr(result, "reference", None)
    )
    level = result.conf_level if conf_level is None else conf_level
    rows = gaps.tidy(conf_level=level)
    return rows.rename(columns={by: "treatment"}).assign(per=rows["time"])


def _are_proportions(table: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """Whether differences are of proportions: a ratio stands beside them, or their name says it."""
    named = rows["measure"].eq("risk difference").all()
    beside = table["measure"].isin(["ratio", "risk ratio", "odds ratio"]).any()
    ends = rows[["estimate", "conf_low", "conf_high"]].abs()
    return bool((named or beside) and not (ends > 1).any(axis=None))


def _number(row: Any, sign: float) -> dict[str, Any]:
    gap = sign * float(row.estimate)
    per = getattr(row, "per", None)
    ends = sorted((sign * float(row.conf_low), sign * float(row.conf_high)))
    with np.errstate(divide="ignore"):
        unit = 1.0 if per is None else float(per)
        number, far, near = (np.abs(unit / np.array([gap, *ends]))).tolist()
    crosses = not (ends[0] > 0 or ends[1] < 0)
    low, high = sorted((near, far))
    words = _words(number, gap, ends, near, far, crosses=crosses)
    return {
        "direction": "" if np.isnan(gap) else BENEFIT if gap >= 0 else HARM,
        "estimate": number,
        "rounded_up": int(np.ceil(number - 1e-9)) if np.isfinite(number) else pd.NA,
        "conf_low": np.nan if crosses else low,
        "conf_high": np.nan if crosses else high,
        **({} if per is None else _in_days(gap, ends, float(per))),
        "words": words
        if per is None or np.isnan(gap)
        else f"{_gained(gap, ends)}; {words} for {per:g} days",
    }


def _in_days(gap: float, ends: list[float], per: float) -> dict[str, float]:
    """Return the days gained a patient; negative where they are lost."""
    return {"per": per, "days_gained": gap, "days_low": ends[0], "days_high": ends[1]}


def _gained(gap: float, ends: list[float]) -> str:
    """Return the days gained a patient as a paper writes them."""
    limits = "" if np.isnan(ends).any() else f" ({format_interval(ends[0], ends[1])})"
    return f"{format_number(gap)} days gained a patient{limits}"


def _words(
    number: float, gap: float, ends: list[float], near: float, far: float, *, crosses: bool
) -> str:
    """Return the number with its limits as a paper writes them."""
    if np.isnan(gap):
        return NOT_ESTIMABLE
    to = BENEFIT if gap >= 0 else HARM
    sentences = f"{format_number(number)} to {to}" if np.isfinite(number) else "none: no difference"
    if np.isnan(ends).any():
        return sentences
    if not crosses:
        return f"{sentences} ({format_interval(min(near, far), max(near, far))})"
    return f"{sentences} ({format_number(near)} to {BENEFIT}, ∞, {format_number(far)} to {HARM})"


@dataclass(frozen=True, repr=False, eq=False)
class NeededToTreat(FrameResult):
    """Numbers needed to treat.

    Attributes
    ----------
    frame : pandas.DataFrame
        Keys of the comparison, direction ("benefit" or "harm"), estimate, rounded_up (as papers
        print it), conf_low and conf_high (NaN where the difference may be 0), words; of mean days
        also per, days_gained (negative where lost), days_low and days_high.
    better : {"higher", "lower"}
    conf_level : float
    """

    frame: pd.DataFrame
    better: str
    conf_level: float

    def summary(self) -> Summary:
        """Return one row a comparison."""
        keys = list(self.frame.columns[: self.frame.columns.get_loc("direction")])
        shown = self.frame[[*keys, "words"]].itertuples(index=False, name=None)
        rows = tuple(tuple(str(value) for value in row) for row in shown)
        header = (*(str(k).capitalize() for k in keys), "Number needed to treat")
        words = "higher is better" if self.better == "higher" else "lower is better"
        note = (
            "Where the difference may be 0 the limits run from a number to benefit through "
            "infinity to a number to harm."
        )
        return Summary(
            "Number needed to treat", (("Outcome", words),),
            (Table(header, rows, len(header)),), (note,),
        )  # fmt: skip
