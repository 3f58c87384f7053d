"""Negative-control outcomes: the adjusted comparison where treatment can have no effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, RowLike
from trdstats.arguments import checked
from trdstats.comparison.indirect.effect import Effect
from trdstats.comparison.indirect.effect_rows import read_effect
from trdstats.errors import SpecError
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    caveat_notes,
    format_estimate,
    format_level,
)

BIASED, CLEAR, VAGUE = "bias found", "no bias found", "too vague to tell"


@dataclass(frozen=True, repr=False)
class NegativeControl(SummaryMixin):
    """What adjusted comparisons find where there is nothing to find.

    Attributes
    ----------
    controls : dict of str to Effect
        By outcome.
    tolerance : float
        Bias that would not matter: a difference, or a ratio above 1; NaN when not given.
    caveat : str
    """

    controls: dict[str, Effect]
    tolerance: float
    caveat: str = ""

    def tidy(self) -> pd.DataFrame:
        """Return one row a control.

        Returns
        -------
        pandas.DataFrame
            outcome, measure, treatment, reference, estimate, conf_low, conf_high, conf_level,
            verdict ("bias found", "no bias found", "too vague to tell"), words.
        """
        rows = []
        for outcome, e in self.controls.items():
            verdict = self._verdict(e)
            rows.append(
                {
                    "outcome": outcome,
                    "measure": e.measure,
                    "treatment": e.treatment,
                    "reference": e.reference,
                    "estimate": e.estimate,
                    "conf_low": e.conf_low,
                    "conf_high": e.conf_high,
                    "conf_level": e.conf_level,
                    "verdict": verdict,
                    "words": _words(outcome, e, verdict, self.tolerance),
                }
            )
        return pd.DataFrame(rows)

    def _verdict(self, e: Effect) -> str:
        if not e.conf_low <= e.null <= e.conf_high:
            return BIASED
        if isnan(self.tolerance):
            return CLEAR
        low, high = _tolerated(e, self.tolerance)
        return CLEAR if low <= e.conf_low and e.conf_high <= high else VAGUE

    def glance(self) -> pd.DataFrame:
        """Return one row: how many controls there are, and how many of each verdict."""
        verdicts = list(self.tidy()["verdict"])
        return pd.DataFrame(
            {
                "controls": [len(verdicts)],
                "biased": [verdicts.count(BIASED)],
                "clear": [verdicts.count(CLEAR)],
                "vague": [verdicts.count(VAGUE)],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the controls with their intervals; returns the Axes."""
        frame = self.tidy()
        first = next(iter(self.controls.values()))
        if len(set(frame["measure"])) > 1:
            raise SpecError("The controls have different measures: draw each measure alone.")
        settings = {
            "xlabel": f"{first.measure[0].upper()}{first.measure[1:]} where there is no effect",
            "reference_line": first.null,
            "xscale": "log" if first.is_ratio else "linear",
            "digits": 2,
            "caveat": self.caveat,
            **options,
        }
        return plots.plot_estimates(
            frame.drop(columns="treatment").rename(columns={"outcome": "label"}), ax=ax, **settings
        )

    def summary(self) -> Summary:
        """Return the controls with their verdicts."""
        frame = self.tidy()
        same = len(set(frame["conf_level"])) == 1
        rows = tuple(
            (
                outcome,
                f"{e.treatment} v {e.reference}",
                e.measure,
                format_estimate(e.estimate, e.conf_low, e.conf_high, 2)
                + ("" if same else f", {format_level(e.conf_level)} CI"),
                verdict,
            )
            for (outcome, e), verdict in zip(self.controls.items(), frame["verdict"], strict=True)
        )
        level = f"{format_level(frame['conf_level'].iloc[0])} CI" if same else "CI"
        header = ("Outcome", "Comparison", "Measure", f"Estimate ({level})", "Verdict")
        notes = [*frame["words"], *caveat_notes(self.caveat)]
        return Summary("Negative control", (), (Table(header, rows, len(header)),), tuple(notes))


@checked
def negative_control(
    controls: Mapping[str, Effect | RowLike], *, tolerance: float | None = None,
    measure: str | None = None,
    caveat: str = "",
) -> NegativeControl:  # fmt: skip
    """Judge an adjusted comparison by outcomes that treatment cannot affect.

    Run the very comparison of the main outcome (same weights, same covariates, same subjects) on
    an outcome that shares its causes but not the treatment's effect: the baseline score, a rating
    before the first treatment, an accident. What it finds there is bias.

    Parameters
    ----------
    controls : mapping of str to Effect or tidy row
        By the name of the outcome.
    tolerance : float, optional
        Bias that would not matter: a difference, or a ratio (1.25 and 0.8 mean the same). A
        control whose interval reaches beyond it is too vague to clear the comparison.
    measure : str, optional
        Measure of rows that do not name it.
    caveat : str
        Printed with the result.

    Returns
    -------
    NegativeControl

    Raises
    ------
    SpecError
        When there is no control, a row cannot be read, the tolerance is not positive, stands for
        controls of several measures, or is 1 or more of a risk difference.

    References
    ----------
    Lipsitch, Tchetgen Tchetgen and Cohen 2010, Epidemiology 21:383-388,
    doi:10.1097/EDE.0b013e3181d61eeb.

    Examples
    --------
    >>> seen = Effect("mean difference", "ECT", "TMS", 2.1, 0.9, 3.3)
    >>> negative_control({"score before treatment": seen}).tidy()["verdict"].item()
    'bias found'
    """
    if not isinstance(controls, Mapping) or not controls:
        raise SpecError(
            "negative_control() takes a mapping such as {'baseline score': row}, at least one."
        )
    if tolerance is not None and not tolerance > 0:
        raise SpecError(f"tolerance must be positive; got {tolerance!r}.")
    effects = {str(k): read_effect(v, measure=measure) for k, v in controls.items()}
    if tolerance == 1 and any(e.is_ratio for e in effects.values()):
        raise SpecError("A tolerance of 1 leaves a ratio no room; say for example 1.25.")
    if tolerance is not None:
        _check_tolerance(tolerance, effects)
    bound = float("nan") if tolerance is None else float(tolerance)
    return NegativeControl(effects, bound, caveat)


def _check_tolerance(tolerance: float, effects: Mapping[str, Effect]) -> None:
    """Refuse a tolerance that means two things, or that no risk difference can reach."""
    kinds = {e.is_ratio or e.measure for e in effects.values()}
    if len(kinds) > 1:
        measures = ", ".join(dict.fromkeys(e.measure for e in effects.values()))
        raise SpecError(
            f"One tolerance cannot stand for {measures}: judge controls of each measure in a "
            "separate call, or leave tolerance out."
        )
    if "risk difference" in kinds and tolerance >= 1:
        raise SpecError(
            f"Risk differences are proportions: no bias reaches {tolerance:g}. Say for example "
            "0.05."
        )


def _tolerated(e: Effect, tolerance: float) -> tuple[float, float]:
    if not e.is_ratio:
        return -tolerance, tolerance
    wide = max(tolerance, 1 / tolerance)
    return 1 / wide, wide


def _words(outcome: str, e: Effect, verdict: str, tolerance: float) -> str:
    limits = f"{e.conf_low:.3g} to {e.conf_high:.3g}"
    if verdict == BIASED:
        return (
            f"{outcome}: the comparison finds a {e.measure} of {e.estimate:.3g} ({limits}) where "
            "treatment can have none. Something that was not adjusted for separates "
            f"{e.treatment} from {e.reference}; expect bias of this order in the main outcome too."
        )
    if verdict == VAGUE:
        low, high = _tolerated(e, tolerance)
        return (
            f"{outcome}: no effect is compatible with the interval ({limits}), but so is bias "
            f"beyond the tolerated {low:.3g} to {high:.3g}. This control cannot clear the "
            "comparison."
        )
    return (
        f"{outcome}: no effect where there can be none; bias beyond {limits} is not compatible "
        "with it. It speaks for causes shared with this outcome only."
    )
