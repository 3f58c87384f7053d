"""Effects of several trials pooled, and whether they should be."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isnan, sqrt
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.comparison.effects import COUNT_MEASURES, Effect, differing_context, read_effect
from trdstats.errors import EstimateWarning, SpecError, check_choice, check_level, unknown_name
from trdstats.kernels import meta_analysis as kernel
from trdstats.tables import (
    Face,
    Introduces,
    Table,
    each_row,
    format_estimate,
    format_number,
    format_p,
)

Method = Literal["reml", "dersimonian-laird", "paule-mandel", "fixed"]
_COUNTS = ("events", "n", "reference_events", "reference_n")
_SUSPECT_P, _SUSPECT_SHARE = 0.10, 0.50  # Cochrane Handbook 10.10.2


@dataclass(frozen=True, repr=False)
class PooledEffect(Introduces):
    """The pooled effect of several trials.

    Attributes
    ----------
    effects : tuple of Effect
    method : str
    hartung_knapp : bool
    conf_level : float
    warning : str
        What separates the trials, in words; empty when they agree.
    notes : tuple of str
    """

    effects: tuple[Effect, ...]
    method: str
    hartung_knapp: bool
    conf_level: float
    warning: str
    notes: tuple[str, ...]
    _found: kernel.Pooled

    def tidy(self) -> pd.DataFrame:
        """Return the trials, the pooled effect, and the range of a new trial's effect.

        Returns
        -------
        pandas.DataFrame
            row ("trial", "pooled", "prediction"), trial, measure, treatment, reference, estimate,
            std_error (log scale for ratios), statistic, df, p_value, conf_low, conf_high,
            conf_level, weight (share of 1).
        """
        first, f = self.effects[0], self._found
        back = exp if first.is_ratio else float
        keys = {
            "measure": first.measure, "treatment": first.treatment, "reference": first.reference
        }  # fmt: skip
        rows = []
        for e, weight in zip(self.effects, f.weight, strict=True):
            z = e.value / e.error
            low, high = e.limits(self.conf_level)
            rows.append(
                {
                    "row": "trial", "trial": e.trial, **keys, "estimate": e.estimate,
                    "std_error": e.error, "statistic": z, "df": np.inf,
                    "p_value": float(2 * norm.sf(abs(z))), "conf_low": low, "conf_high": high,
                    "weight": float(weight),
                }
            )  # fmt: skip
        rows.append(
            {
                "row": "pooled", "trial": "", **keys, "estimate": back(f.estimate),
                "std_error": f.std_error, "statistic": f.statistic, "df": f.df,
                "p_value": f.p_value, "conf_low": back(f.low), "conf_high": back(f.high),
                "weight": 1.0,
            }
        )  # fmt: skip
        rows.append(
            {
                "row": "prediction", "trial": "", **keys, "estimate": np.nan,
                "std_error": np.nan, "statistic": np.nan, "df": f.df, "p_value": np.nan,
                "conf_low": back(f.prediction_low), "conf_high": back(f.prediction_high),
                "weight": np.nan,
            }
        )  # fmt: skip
        frame = pd.DataFrame(rows)
        frame.insert(list(frame.columns).index("weight"), "conf_level", self.conf_level)
        return frame

    def glance(self) -> pd.DataFrame:
        """Return one row: k, tau2, tau, I2 (share of 1), Q, Q_df, Q_p."""
        f = self._found
        return pd.DataFrame(
            [
                {
                    "k": len(self.effects), "tau2": f.tau2, "tau": sqrt(f.tau2), "I2": f.I2,
                    "Q": f.Q, "Q_df": f.Q_df, "Q_p": f.Q_p,
                }
            ]
        )  # fmt: skip

    def effect(self) -> Effect:
        """Return the pooled effect, for `e_value` or `Bucher`.

        Its limits are those of `tidy`, its standard error the one of the pooled effect.
        """
        row = self.tidy().query("row == 'pooled'").iloc[0]
        return Effect(
            row["measure"], row["treatment"], row["reference"], row["estimate"], row["conf_low"],
            row["conf_high"], row["std_error"], self.conf_level,
            f"{len(self.effects)} trials pooled",
        )  # fmt: skip

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the forest of trials, the pooled effect and the prediction; returns the Axes."""
        frame = self.tidy()
        if self.method == "fixed":
            frame = frame[frame["row"] != "prediction"]
        names = {"pooled": "Pooled", "prediction": "A new trial"}
        label = [names.get(r.row, r.trial or "trial") for r in each_row(frame)]
        first = self.effects[0]
        settings = {
            "xlabel": f"{first.measure[0].upper()}{first.measure[1:]}, "
            f"{first.treatment} v {first.reference}",
            "reference_line": first.null,
            "xscale": "log" if first.is_ratio else "linear",
            "digits": 2,
            "caveat": self.warning,
            **options,
        }
        table = frame.assign(label=_apart(label)).drop(columns="treatment")
        table["estimate"] = table["estimate"].where(
            table["row"] != "prediction", frame.loc[frame["row"] == "pooled", "estimate"].item()
        )
        return plots.plot_estimates(table, ax=ax, **settings)

    def face(self) -> Face:
        """Return trials, pooled effect and what separates the trials."""
        one, first = self._found, self.effects[0]
        rows = []
        for r in each_row(self.tidy()):
            name = {"pooled": "Pooled", "prediction": "A new trial"}.get(r.row, r.trial or "trial")
            if r.row == "prediction":
                if isnan(r.conf_low):
                    continue
                shown = f"{format_number(r.conf_low, 2)} to {format_number(r.conf_high, 2)}"
                rows.append((name, shown, "", ""))
                continue
            weight = f"{100 * r.weight:.1f} %" if r.row == "trial" else ""
            shown = format_estimate(r.estimate, r.conf_low, r.conf_high, 2)
            rows.append((name, shown, weight, format_p(r.p_value)))
        how = f"{self.method}{', Hartung-Knapp' if self.hartung_knapp else ''}"
        facts = (
            ("Comparison", f"{first.treatment} v {first.reference}, {first.measure}"),
            ("Method", how),
            (
                "Heterogeneity",
                f"Q {one.Q:.2f} on {one.Q_df:g} df (p {format_p(one.Q_p)}), "
                f"I2 {100 * one.I2:.0f} %, tau {sqrt(one.tau2):.3f}",
            ),
        )
        level = f"{100 * self.conf_level:g} % CI"
        notes = (*((self.warning,) if self.warning else ()), *self.notes)
        table = Table(("Trial", f"Estimate ({level})", "Weight", "p"), tuple(rows))
        return Face(f"Pooled effect of {len(self.effects)} trials", facts, (table,), notes)


def pool(
    trials: Any,
    *,
    method: Method = "reml",
    hartung_knapp: bool = False,
    measure: str | None = None,
    conf_level: float = 0.95,
) -> PooledEffect:
    """Pool the effects of several trials by their inverse variances.

    Parameters
    ----------
    trials : sequence of Effect or tidy rows, or DataFrame of counts
        Effects of one treatment against one reference on one measure. A frame has one row a
        trial: trial, events, n, reference_events, reference_n, and may have treatment and
        reference. A trial with an empty cell enters with 1/2 added to each of its four cells.
    method : {"reml", "dersimonian-laird", "paule-mandel", "fixed"}
        How the variance between trials is estimated; "fixed" assumes that there is none.
    hartung_knapp : bool
        Intervals from the spread of the trials by t with k - 1 degrees of freedom.
    measure : {"odds ratio", "risk ratio", "risk difference"}, optional
        Of counts; default "odds ratio".
    conf_level : float

    Returns
    -------
    PooledEffect

    Raises
    ------
    SpecError
        When there are fewer than two trials, or they differ in measure or treatments.
    UnknownNameError
        When a column is missing.

    Warns
    -----
    EstimateWarning
        When the trials disagree: Cochran's p below 0.10, I2 of at least 50 %, or intervals on
        both sides of no effect.

    References
    ----------
    Viechtbauer 2010, J Stat Softw 36(3), doi:10.18637/jss.v036.i03 (metafor, whose figures are
    met); methods in `trdstats.kernels.meta_analysis`.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"trial": ["T1", "T2"], "events": [24, 30], "n": [50, 61],
    ...                        "reference_events": [14, 22], "reference_n": [48, 60]})
    >>> found = pool(counts, measure="risk ratio", method="fixed")
    >>> round(float(found.effect().estimate), 2)
    1.45
    """
    check_choice("method", method, get_args(Method))
    check_level(conf_level)
    if hasattr(trials, "columns"):
        effects, notes = _from_counts(pd.DataFrame(trials), measure or "odds ratio", conf_level)
    else:
        effects, notes = _read(trials, measure), []
    _check_alike(effects)
    found = kernel.pool(
        [e.value for e in effects],
        [e.error**2 for e in effects],
        method=method,
        conf_level=conf_level,
        hartung_knapp=hartung_knapp,
    )
    notes += differing_context(effects)
    warning = _disagreement(effects, found)
    if warning:
        warnings.warn(warning, EstimateWarning, stacklevel=2)
    if len(effects) < 5 and method != "fixed":
        notes.append(
            f"With {len(effects)} trials the variance between them is hardly known; the interval "
            "of a random-effects model is then too narrow unless Hartung and Knapp's is used."
        )
    return PooledEffect(
        tuple(effects), method, hartung_knapp, conf_level, warning, tuple(notes), found
    )


def _read(trials: Any, measure: str | None) -> list[Effect]:
    if not isinstance(trials, Sequence):
        raise SpecError("pool() takes a sequence of effects, or a frame of counts.")
    return [read_effect(t, measure=measure) for t in trials]


def _from_counts(
    frame: pd.DataFrame, measure: str, conf_level: float
) -> tuple[list[Effect], list[str]]:
    check_choice("measure", measure, COUNT_MEASURES)
    for column in ("trial", *_COUNTS):
        if column not in frame.columns:
            raise unknown_name("column", column, frame.columns)
    effects, filled = [], []
    for row in each_row(frame):
        x1, n1, x0, n0 = (float(getattr(row, c)) for c in _COUNTS)
        if not (0 <= x1 <= n1 and 0 <= x0 <= n0 and min(n1, n0) > 0):
            raise SpecError(
                f"{row.trial}: events must lie between 0 and the number of subjects; got "
                f"{x1:g}/{n1:g} and {x0:g}/{n0:g}."
            )
        if 0 in (x1, n1 - x1, x0, n0 - x0):
            filled.append(str(row.trial))
            x1, x0, n1, n0 = x1 + 0.5, x0 + 0.5, n1 + 1, n0 + 1
        value, error = _of_table(measure, x1, n1, x0, n0)
        effects.append(
            Effect(
                measure,
                str(getattr(row, "treatment", "treatment")),
                str(getattr(row, "reference", "reference")),
                value if measure == "risk difference" else exp(value),
                std_error=error,
                conf_level=conf_level,
                trial=str(row.trial),
            )
        )
    notes = [f"1/2 was added to each cell of {', '.join(filled)}."] if filled else []
    return effects, notes


def _of_table(measure: str, x1: float, n1: float, x0: float, n0: float) -> tuple[float, float]:
    """Return the effect on the scale of analysis and its standard error."""
    p1, p0 = x1 / n1, x0 / n0
    if measure == "risk difference":
        return p1 - p0, sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    if measure == "risk ratio":
        return float(np.log(p1 / p0)), sqrt(1 / x1 - 1 / n1 + 1 / x0 - 1 / n0)
    y1, y0 = n1 - x1, n0 - x0
    return float(np.log(x1 * y0 / (y1 * x0))), sqrt(1 / x1 + 1 / y1 + 1 / x0 + 1 / y0)


def _check_alike(effects: list[Effect]) -> None:
    if len(effects) < 2:
        raise SpecError(f"pool() needs at least two trials; got {len(effects)}.")
    kinds = {(e.measure, e.treatment, e.reference) for e in effects}
    if len(kinds) > 1:
        listed = "; ".join(f"{m} of {t} v {r}" for m, t, r in sorted(kinds))
        raise SpecError(
            f"The effects are not of one kind: {listed}. Turn an effect with .reversed(), and "
            "bring all to one measure."
        )


def _disagreement(effects: list[Effect], found: kernel.Pooled) -> str:
    """Return what separates the trials, in words; empty when they agree."""
    for_treatment = [e for e in effects if e.value > 0]
    against = [e for e in effects if e.value < 0]
    clear = [
        [e for e in side if not e.conf_low <= e.null <= e.conf_high]
        for side in (for_treatment, against)
    ]
    if not (found.Q_p < _SUSPECT_P or found.I2 >= _SUSPECT_SHARE or all(clear)):
        return ""
    first = effects[0]
    if for_treatment and against:
        words = (
            f"The trials point in opposite directions: {_named(for_treatment)} "
            f"{'have' if len(for_treatment) > 1 else 'has'} more under {first.treatment}, "
            f"{_named(against)} under {first.reference}"
        )
    else:
        words = "The trials point in one direction but differ in size"
    return (
        f"{words} (Q {found.Q:.2f} on {found.Q_df:g} df, p {format_p(found.Q_p)}; I2 "
        f"{100 * found.I2:.0f} %). The pooled figure describes none of them: look for what "
        "separates their patients, outcomes and schedules first."
    )


def _named(effects: list[Effect]) -> str:
    names = [e.trial or "a trial" for e in effects]
    if len(names) > 3:
        return f"{len(names)} trials"
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"


def _apart(labels: list[str]) -> list[str]:
    """Return labels told apart by a number where they repeat."""
    seen: dict[str, int] = {}
    told = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        told.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return told
