"""Whether hazard ratios change with time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, unknown_name
from trdstats.kernels.risk_sets.cox_checks import ProportionalHazards, proportional_hazards
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kernels.risk_sets.partial_likelihood import CoxFit
from trdstats.kernels.risk_sets.survival_curve import kaplan_meier
from trdstats.survival.groups import notes_of
from trdstats.survival.regression.regression_data import Regressed
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_number, format_p

if TYPE_CHECKING:
    from trdstats.survival.regression.cox_result import CoxResult


WORDS = {
    "km": "one minus the Kaplan-Meier curve",
    "rank": "rank of the event time",
    "identity": "day",
    "log": "logarithm of the day",
}


def judge_proportional(
    result: CoxResult,
    best: CoxFit,
    regressed: Regressed,
    transform: str,
    covariance: Callable[[FloatArray], FloatArray] | None,
) -> ProportionalHazardsTest:
    """Compute the tests of every term and of all together.

    `covariance` gives that of sums from each subject's part in them; None for the model's.
    """
    g = _transformed(transform, best, regressed, result.spec.cause)
    names = list(dict.fromkeys(regressed.design.factors))
    columns = [[j for j, f in enumerate(regressed.design.factors) if f == name] for name in names]
    tests = proportional_hazards(best, g, columns, covariance)
    return ProportionalHazardsTest(result, transform, tuple(names), tests)


def _transformed(transform: str, best: CoxFit, regressed: Regressed, cause: int) -> FloatArray:
    """Return the transform of the time of every place."""
    time = best.data.sets.time
    if transform == "identity":
        return time
    if transform == "log":
        if (time[best.data.step] <= 0).any():
            raise NotEstimableError("An event at day 0 has no logarithm; take another transform.")
        return np.log(np.where(time > 0, time, 1.0))
    if transform == "rank":
        events = np.sort(time[best.data.step])
        low, high = (np.searchsorted(events, time, side=s) for s in ("left", "right"))
        return (low + 1 + high) / 2
    event = (regressed.status == cause).astype(np.intp)
    curve = kaplan_meier(FollowUp(regressed.time, event, regressed.entry, regressed.weight))
    before = np.searchsorted(curve.time, time, side="left") - 1
    return 1 - np.where(before >= 0, curve.survival[np.maximum(before, 0)], 1.0)


@checked_methods
@dataclass(frozen=True, repr=False)
class ProportionalHazardsTest(SummaryMixin):
    """Score tests that hazard ratios do not change with time.

    Attributes
    ----------
    model : CoxResult
    transform : str
    terms : tuple of str
    """

    model: CoxResult
    transform: str
    terms: tuple[str, ...]
    _tests: ProportionalHazards

    def tidy(self) -> pd.DataFrame:
        """Return one row a term and one for all: term, statistic (chi-squared), df, p_value."""
        t = self._tests
        return pd.DataFrame(
            {
                "term": [*self.terms, "all together"],
                "statistic": t.statistic,
                "df": np.asarray(t.df, dtype=float),
                "p_value": t.p_value,
            }
        )

    def _without(self) -> tuple[str, ...]:
        """Return the note on tests that cannot be had."""
        if np.isfinite(self._tests.statistic).all():
            return ()
        return ("The events are too few, or on too few days, for the tests that are missing.",)

    def effects(self) -> pd.DataFrame:
        """Return what each event time says of every coefficient.

        Returns
        -------
        pandas.DataFrame
            time (days), then one column a column of the design: scaled Schoenfeld residual plus
            the coefficient. Their trend along time is that of the log hazard ratio.
        """
        frame = pd.DataFrame(self._tests.scaled, columns=list(self.model.terms))
        frame.insert(0, "time", self._tests.time)
        return frame

    def plot(self, term: str, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the effect of a column of the design along time, with a smooth line.

        Parameters
        ----------
        term : str
            Column of the design, e.g. ``"treatment[T.ECT]"``.
        ax : matplotlib Axes, optional
        **options
            Passed on to `trdstats.plots.plot_effect_over_time`.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        UnknownNameError
            When there is no such column.
        """
        if term not in self.model.terms:
            raise unknown_name("column of the design", term, self.model.terms)
        frame = self.effects().rename(columns={term: "effect"})[["time", "effect"]]
        coefficient = float(self.model.tidy().set_index("term")["estimate"][term])
        settings = {"ylabel": f"Log hazard ratio of {term}", "reference": coefficient, **options}
        return plots.plot_effect_over_time(frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the tests as a table."""
        rows = tuple(
            (r.term, format_number(r.statistic, 2), str(r.df), format_p(r.p_value))
            for r in each_row(self.tidy())
        )
        return Summary(
            "Proportional hazards",
            (
                *self.model._regressed.header(),
                ("Along", WORDS[self.transform]),
                ("Variance", "robust" if self.model.is_robust else "model"),
            ),
            (Table(("Term", "Chi-squared", "df", "p"), rows),),
            (*self._without(), *notes_of(self.model.times, self.model._regressed.sample)),
        )
