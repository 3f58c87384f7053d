"""Effects of several trials pooled, and whether they should be."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike, RowLike
from trdstats.arguments import checked
from trdstats.comparison.indirect.effect import (
    COUNT_MEASURES,
    Effect,
    differing_context,
)
from trdstats.comparison.indirect.effect_rows import read_effect, row_values
from trdstats.comparison.indirect.meta_result import PooledEffect
from trdstats.errors import (
    EstimateWarning,
    SpecError,
    check_choice,
    check_level,
    join_and,
    unknown_name,
    warn,
)
from trdstats.frames import to_pandas
from trdstats.kernels.numerics import meta_analysis as kernel
from trdstats.tables import each_row, format_p

Method = Literal["reml", "dersimonian-laird", "paule-mandel", "fixed"]
HartungKnapp = Literal["truncated"]
FEW = 10  # trials, below which the normal distribution makes intervals too narrow
_COUNTS = ("events", "n", "reference_events", "reference_n")
_SUSPECT_P, _SUSPECT_PROPORTION = 0.10, 0.50  # Cochrane Handbook 10.10.2


@checked
def meta_analysis(
    trials: Sequence[Effect | RowLike] | FrameLike,
    *,
    method: Method = "reml",
    hartung_knapp: bool | HartungKnapp | None = None,
    measure: str | None = None,
    conf_level: float = 0.95,
) -> PooledEffect:
    """Pool the effects of several trials by their inverse variances.

    Parameters
    ----------
    trials : sequence of Effect or tidy rows, or DataFrame of such rows or of counts
        Effects of one treatment against one reference on one measure; rows as `read_effect` takes
        them. A frame of counts has one row a trial: trial, events, n, reference_events,
        reference_n, and may have treatment and reference. A trial with an empty cell enters with
        1/2 added to each of its four cells.
    method : {"reml", "dersimonian-laird", "paule-mandel", "fixed"}
        How the variance between trials is estimated; "fixed" assumes that there is none.
    hartung_knapp : bool or "truncated", optional
        Intervals from the spread of the trials by t with k - 1 degrees of freedom. Trials that
        agree by chance make them too narrow; "truncated" lets the spread only widen them. Default:
        "truncated" for fewer than 10 trials, and False for more and for "fixed".
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
        both sides of no effect. When they differ less than by chance (Q below k - 1) under
        ``hartung_knapp=True``. When a trial is there more than once.

    References
    ----------
    Viechtbauer 2010, J Stat Softw 36(3), doi:10.18637/jss.v036.i03 (metafor, whose figures are
    met); methods in `trdstats.kernels.numerics.meta_analysis`.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"trial": ["T1", "T2"], "events": [24, 30], "n": [50, 61],
    ...                        "reference_events": [14, 22], "reference_n": [48, 60]})
    >>> found = meta_analysis(counts, measure="risk ratio", method="fixed")
    >>> round(float(found.effect().estimate), 2)
    1.45
    """
    check_choice("method", method, get_args(Method))
    check_level(conf_level)
    is_known = hartung_knapp is None or isinstance(hartung_knapp, bool)
    if not is_known and hartung_knapp not in get_args(HartungKnapp):
        raise SpecError(
            f"hartung_knapp must be one of True, False, 'truncated'; got {hartung_knapp!r}."
        )
    table = to_pandas(trials, what="trials") if hasattr(trials, "columns") else None
    notes: list[str] = []
    if table is None:
        effects = _read(trials, measure)
    elif "estimate" in table.columns and "reference_events" not in table.columns:
        effects = _read(table.to_dict("records"), measure)
    else:
        effects, notes = _from_counts(table, measure or "odds ratio", conf_level)
    _check_one_scale(effects)
    notes += _repeated(effects)
    few = len(effects) < FEW and method != "fixed"
    if hartung_knapp is None:
        hartung_knapp = "truncated" if few else False
    fit = kernel.pool(
        [e.value for e in effects],
        [e.error**2 for e in effects],
        method=method,
        conf_level=conf_level,
        hartung_knapp=bool(hartung_knapp),
        least_factor=float(hartung_knapp == "truncated"),
    )
    notes += differing_context(effects)
    warning = _disagreement(effects, fit)
    if warning:
        warn(warning, EstimateWarning)
    if hartung_knapp is True and fit.Q_df > fit.Q:
        narrow = (
            f"The trials differ less than by chance (Q {fit.Q:.2f} on {fit.Q_df:g} df): the "
            "interval of Hartung and Knapp may be narrower than that of the trials pooled as one. "
            "Use hartung_knapp='truncated', which lets their spread only widen it."
        )
        warn(narrow, EstimateWarning)
        notes.append(narrow)
    if few and hartung_knapp is False:
        notes.append(
            f"With {len(effects)} trials the variance between them is hardly known, and this "
            "interval takes it as known: it is too narrow. hartung_knapp='truncated' is wider."
        )
    elif len(effects) < 5 and method != "fixed":
        notes.append(f"With {len(effects)} trials the variance between them is hardly known.")
    return PooledEffect(
        tuple(effects), method, hartung_knapp, warning, tuple(notes), fit, conf_level
    )


def _read(trials: Any, measure: str | None) -> list[Effect]:
    if not isinstance(trials, Sequence):
        raise SpecError("meta_analysis() takes a sequence of effects, or a frame of counts.")
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
        cells = row_values(row)
        x1, n1, x0, n0 = (cells.number(c) for c in _COUNTS)
        if not (0 <= x1 <= n1 and 0 <= x0 <= n0 and min(n1, n0) > 0):
            raise SpecError(
                f"{row.trial}: events must lie between 0 and the number of subjects; got "
                f"{x1:g}/{n1:g} and {x0:g}/{n0:g}."
            )
        if any(v % 1 for v in (x1, n1, x0, n0)):
            raise SpecError(
                f"{row.trial}: events and subjects are whole numbers; got {x1:g}/{n1:g} and "
                f"{x0:g}/{n0:g}. Rates in per cent are not read as counts."
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


def _check_one_scale(effects: list[Effect]) -> None:
    if len(effects) < 2:
        raise SpecError(f"meta_analysis() needs at least two trials; got {len(effects)}.")
    kinds = {(e.measure, e.treatment, e.reference) for e in effects}
    if len(kinds) > 1:
        listed = "; ".join(f"{m} of {t} v {r}" for m, t, r in sorted(kinds))
        raise SpecError(
            f"The effects are not of one kind: {listed}. Turn an effect with .reversed(), and "
            "bring all to one measure."
        )


def _repeated(effects: list[Effect]) -> list[str]:
    """Return a note, said as a warning too, of trials that are there more than once."""
    names = [e.trial for e in effects if e.trial]
    twice = [t for t in dict.fromkeys(names) if names.count(t) > 1]
    if not twice:
        return []
    note = (
        f"{', '.join(twice)} {'is' if len(twice) == 1 else 'are'} there more than once: effects of "
        "the same patients count as independent, and the interval is too narrow. Take one effect "
        "a trial, or name its parts."
    )
    warn(note, EstimateWarning)
    return [note]


def _disagreement(effects: list[Effect], fit: kernel.Pooled) -> str:
    """Return what separates the trials, in words; empty when they agree."""
    for_treatment = [e for e in effects if e.value > 0]
    against = [e for e in effects if e.value < 0]
    clear = [
        [e for e in side if not e.conf_low <= e.null <= e.conf_high]
        for side in (for_treatment, against)
    ]
    if not (fit.Q_p < _SUSPECT_P or fit.I2 >= _SUSPECT_PROPORTION or all(clear)):
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
        f"{words} (Q {fit.Q:.2f} on {fit.Q_df:g} df, p {format_p(fit.Q_p)}; I2 "
        f"{100 * fit.I2:.0f} %). The pooled figure describes none of them: look for what "
        "separates their patients, outcomes and schedules first."
    )


def _named(effects: list[Effect]) -> str:
    names = [e.trial or "a trial" for e in effects]
    if len(names) > 3:
        return f"{len(names)} trials"
    return join_and(names)
